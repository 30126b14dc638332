"""First and second derivatives of the integrals at fixed nodes, exploiting that the integrand sees a linear predictor.

With t the terms of a sum, log sum_k exp t_k has the gradient E[s] and the Hessian E[t''] + E[s s'] - E[s]E[s]', s = t'
and E over the posterior weights of the nodes (Louis 1982).  Applied level by level, everything but two matrix products
per level happens in log densities of one number, the linear predictor, whose derivatives are elementwise.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float

from .._typing import ArrayLike
from .nested import Placed, Tilted, Tree, conditional, joint, spread, weighted


class Integrand(NamedTuple):
    """The rows' (weighted) log density, elementwise in the linear predictor at every combination of nodes, (n, K_top,
    ..., K_0), and a function of the ancillary parameters; both at their present values."""

    density: Callable[[Float[Array, "n ..."], Float[Array, " a"]], Float[Array, "n ..."]]
    eta: Float[Array, "n ..."]
    ancillary: Float[Array, " a"]

    def slope(self, eta: Float[Array, "n ..."], ancillary: Float[Array, " a"]) -> Float[Array, "n ..."]:
        """The derivative of the density in eta."""
        return jax.jvp(lambda e: self.density(e, ancillary), (eta,), (jnp.ones_like(eta),))[1]


class Columns(NamedTuple):
    """How the parameters (fixed, rest) reach the linear predictor: eta = x fixed + sum over levels z_l Lambda_l b_l.

    `x` (n, p); `z` (n, Q), all levels side by side, the lowest first; `slopes` (r, Q, Q), derivatives of the
    block-diagonal Lambda in the rest; `ancillary` (a, r), those of the ancillary parameters.
    """

    x: Float[ArrayLike, "n p"]
    z: Float[ArrayLike, "n Q"]
    slopes: Float[Array, "r Q Q"]
    ancillary: Float[Array, "a r"]


class Derivatives(NamedTuple):
    """Of the sum over clusters: `scores` (d, J) by top-level cluster, the Hessian (d, d) without what bends Lambda and
    the ancillary parameters themselves, and the gradients in Lambda (Q, Q) and in them (a,) that this needs."""

    scores: Float[Array, "d J"]
    hessian: Float[Array, "d d"]
    in_factor: Float[Array, "Q Q"]
    in_ancillary: Float[Array, " a"]


def derivatives(tree: Tree, placed: Placed, tilted: Tilted, integrand: Integrand, columns: Columns) -> Derivatives:
    """See the head of this file."""
    effects = stack_effects(tree, placed)
    weights = conditional(tilted)
    posterior = joint(tree, weights, scaled=True)
    slope, curvature = slope_and_curvature(integrand)
    scores, by_effect = _lowest_scores(tree, effects, slope, columns)
    hessian = _rows_part(tree, effects, posterior[0], curvature, columns)
    in_factor = jnp.einsum("q...,...,...r->qr", by_effect, posterior[0], effects)
    in_ancillary = jnp.zeros(0)
    if len(integrand.ancillary):
        found = _ancillary_part(tree, effects, posterior[0], integrand)
        by_rest = jnp.einsum("a...,am->m...", found.scores, columns.ancillary)
        scores = scores.at[columns.x.shape[1] :].add(by_rest)
        hessian = hessian + _with_ancillary(found, columns)
        in_ancillary = jnp.einsum("a...,...->a", found.scores, posterior[0])
    flowing = scores
    for level in range(tree.depth):
        mean = jnp.sum(weights[level][None] * flowing, axis=-1)
        hessian = hessian + _gram(flowing, posterior[level]) - _gram(mean, jnp.sum(posterior[level], axis=-1))
        flowing = jax.vmap(lambda m, level=level: weighted(tree, level, m))(mean)
        if level + 1 < tree.depth:
            flowing = _sum_groups(flowing, tree.parents[level], tree.sizes[level + 1])
    return Derivatives(flowing, hessian, in_factor, in_ancillary)


def slope_and_curvature(integrand: Integrand) -> tuple[Float[Array, "n ..."], Float[Array, "n ..."]]:
    """First and second derivatives of the rows' log densities in the linear predictor."""
    eta, ones = integrand.eta, jnp.ones_like(integrand.eta)
    return jax.jvp(lambda e: integrand.slope(e, integrand.ancillary), (eta,), (ones,))


def stack_effects(tree: Tree, placed: Placed) -> Float[Array, "J ..."]:
    """The nodes of all levels for each group of the lowest: (J_0, K_top, ..., K_0, Q)."""
    full = placed.log_weights[0].shape
    parts, index = [], None
    for level, b in enumerate(placed.positions):
        if level:
            parent = tree.parents[level - 1]
            index = parent if index is None else parent[index]
        value = b if index is None else b[index]
        parts.append(jnp.broadcast_to(spread(value, level, tree.depth), (*full, b.shape[-1])))
    return jnp.concatenate(parts, -1)


def _sum_groups(values: Float[Array, "d J ..."], codes, size: int) -> Float[Array, "d L ..."]:
    """Segment sums along the second axis, one slice after the other: batched scatters are slow on a CPU."""
    return jax.lax.map(lambda v: segment_sum(v, codes, size), values)


def _gram(values: Float[Array, "d ..."], weights: Float[Array, "..."]) -> Float[Array, "d d"]:
    flat = values.reshape(values.shape[0], weights.size)
    return (flat * weights.reshape(1, -1)) @ flat.T


def _lowest_scores(tree: Tree, effects, slope, columns: Columns):
    """Derivatives of each term of the lowest level, (d, J_0, K_top, ..., K_0), and those in Lambda b (Q, ...)."""
    codes, size = tree.codes[0], tree.sizes[0]
    axes = (1,) * (slope.ndim - 1)
    both = jnp.concatenate([columns.x, columns.z], axis=1).T
    sums = jax.lax.map(lambda c: segment_sum(slope * c.reshape(c.shape + axes), codes, size), both)
    p = columns.x.shape[1]
    rest = jnp.einsum("q...,mqr,...r->m...", sums[p:], columns.slopes, effects)
    return jnp.concatenate([sums[:p], rest]), sums[p:]


def _row_moments(tree: Tree, posterior, values, features) -> Float[Array, "f n"]:
    """Sums over the nodes of each row's `values` times features (f, J_0, K_top, ..., K_0) of its group."""
    codes = tree.codes[0]
    heavy = posterior[codes] * values
    axes = tuple(range(1, heavy.ndim))
    return jax.lax.map(lambda feature: jnp.sum(heavy * feature[codes], axis=axes), features)


def _plain_features(effects) -> Float[Array, "f J ..."]:
    """1 and every effect."""
    return jnp.stack([jnp.ones(effects.shape[:-1]), *(effects[..., q] for q in range(effects.shape[-1]))])


def _rows_part(tree: Tree, effects, posterior, curvature, columns: Columns):
    """E[t''] of the rows: second derivatives of the log density times outer products of d eta / d parameter."""
    width = effects.shape[-1]
    squares = jnp.stack([effects[..., q] * effects[..., r] for q in range(width) for r in range(q + 1)])
    features = jnp.concatenate([_plain_features(effects), squares])
    found = _row_moments(tree, posterior, curvature, features)
    zero, one = found[0], found[1 : 1 + width].T
    low = jnp.tril_indices(width)
    two = jnp.zeros((len(zero), width, width)).at[:, low[0], low[1]].set(found[1 + width :].T)
    two = two + jnp.swapaxes(jnp.tril(two, -1), 1, 2)
    bend = _bend(columns)
    xx = columns.x.T @ (zero[:, None] * columns.x)
    xr = columns.x.T @ jnp.einsum("nmr,nr->nm", bend, one)
    rr = jnp.einsum("nmr,nrs,nos->mo", bend, two, bend)
    return jnp.block([[xx, xr], [xr.T, rr]])


def _bend(columns: Columns) -> Float[Array, "n r Q"]:
    """d eta / d rest = bend . b"""
    return jnp.einsum("nq,mqr->nmr", columns.z, columns.slopes)


class _Ancillary(NamedTuple):
    """By ancillary parameter: `scores` (a, J_0, K_top, ..., K_0) of the lowest level's terms, `moments` (a, 1 + Q, n)
    of the mixed derivatives with eta, and E[second derivatives] among themselves (a, a)."""

    scores: Float[Array, "a ..."]
    moments: Float[Array, "a f n"]
    second: Float[Array, "a a"]


def _ancillary_part(tree: Tree, effects, posterior, integrand: Integrand) -> _Ancillary:
    """One ancillary parameter after the other, so that the program does not grow with their number."""
    eta, at = integrand.eta, integrand.ancillary
    weight, features = posterior[tree.codes[0]], _plain_features(effects)

    def along(direction):
        score = jax.jvp(lambda t: integrand.density(eta, t), (at,), (direction,))[1]
        mixed = jax.jvp(lambda t: integrand.slope(eta, t), (at,), (direction,))[1]
        pull = jax.grad(lambda t: jnp.sum(weight * integrand.density(eta, t)))
        return _Ancillary(
            segment_sum(score, tree.codes[0], tree.sizes[0]),
            _row_moments(tree, posterior, mixed, features),
            jax.jvp(pull, (at,), (direction,))[1],
        )

    return jax.lax.map(along, jnp.eye(len(at)))


def _with_ancillary(found: _Ancillary, columns: Columns) -> Float[Array, "d d"]:
    """What the ancillary parameters add to E[t'']."""
    slopes = columns.ancillary
    xr = jnp.einsum("np,an,am->pm", columns.x, found.moments[:, 0], slopes)
    mixed = jnp.einsum("nmq,aqn,ao->mo", _bend(columns), found.moments[:, 1:], slopes)
    rr = mixed + mixed.T + slopes.T @ found.second @ slopes
    p = columns.x.shape[1]
    return jnp.block([[jnp.zeros((p, p)), xr], [xr.T, rr]])
