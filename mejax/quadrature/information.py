"""First and second derivatives of the integrals at fixed nodes, exploiting that the integrand sees a linear predictor.

With t the terms of a sum, log sum_k exp t_k has the gradient E[s] and the Hessian E[t''] + E[s s'] - E[s]E[s]', s = t'
and E over the posterior weights of the nodes (Louis 1982).  Applied level by level, everything but two matrix products
per level happens in log densities of one number, the linear predictor (or of a few), whose derivatives are elementwise.
"""

import functools
import itertools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ..elimination import expand
from .nested import Placed, Tilted, Tree, conditional, joint, spread, weighted


class Integrand(NamedTuple):
    """The rows' (weighted) log density, elementwise in the E linear predictors of a row at every combination of nodes,
    (E, n, K_top, ..., K_0), and a function of the ancillary parameters; both at their present values."""

    density: Callable[[Float[Array, "E n ..."], Float[Array, " a"]], Float[Array, "n ..."]]
    eta: Float[Array, "E n ..."]
    ancillary: Float[Array, " a"]

    def slope(self, eta: Float[Array, "E n ..."], ancillary: Float[Array, " a"]) -> Float[Array, "E n ..."]:
        """The derivatives of the density in eta."""
        along = lambda direction: jax.jvp(lambda e: self.density(e, ancillary), (eta,), (direction,))[1]
        return _each_direction(along, eta)


def _each_direction(function: Callable, eta: Float[Array, "E n ..."]):
    """`function` of ones in one linear predictor and zeros in the others; results along a leading axis.

    One program for all of them: unrolled, second derivatives of seven predictors took minutes to compile.
    """
    if len(eta) == 1:
        return jax.tree.map(lambda leaf: leaf[None], function(jnp.ones_like(eta)))
    units = jnp.eye(len(eta)).reshape(len(eta), len(eta), *(1,) * (eta.ndim - 1))
    return jax.vmap(lambda unit: function(jnp.broadcast_to(unit, eta.shape)))(units)


class Columns(NamedTuple):
    """How the parameters (fixed, rest) reach the linear predictor: eta = x fixed + sum over levels z_l Lambda_l b_l.

    `x` (E, n, p); `z` (E, n, Q), all levels side by side, the lowest first; `slopes` (r, Q, Q), derivatives of the
    block-diagonal Lambda in the rest; `ancillary` (a, r), those of the ancillary parameters.
    """

    x: Float[ArrayLike, "E n p"]
    z: Float[ArrayLike, "E n Q"]
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
        scores = scores.at[columns.x.shape[2] :].add(by_rest)
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


def slope_and_curvature(integrand: Integrand) -> tuple[Float[Array, "E n ..."], Float[Array, "E E n ..."]]:
    """First and second derivatives of the rows' log densities in the linear predictors."""
    slope = lambda e: integrand.slope(e, integrand.ancillary)
    found, bent = _each_direction(lambda direction: jax.jvp(slope, (integrand.eta,), (direction,)), integrand.eta)
    return found[0], bent


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
    both = jnp.moveaxis(jnp.concatenate([columns.x, columns.z], axis=2), 2, 0)

    def along(column):
        pulls = (one * expand(own, one.ndim) for one, own in zip(slope, column, strict=True))
        return segment_sum(functools.reduce(jnp.add, pulls), codes, size)

    sums = jax.lax.map(along, both)
    p = columns.x.shape[2]
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
    low = jnp.tril_indices(width)
    x, bend = columns.x, _bend(columns)
    total = jnp.zeros((x.shape[2] + bend.shape[2],) * 2)
    for e, f in itertools.combinations_with_replacement(range(len(x)), 2):
        found = _row_moments(tree, posterior, curvature[e, f], features)
        zero, one = found[0], found[1 : 1 + width].T
        two = jnp.zeros((len(zero), width, width)).at[:, low[0], low[1]].set(found[1 + width :].T)
        two = two + jnp.swapaxes(jnp.tril(two, -1), 1, 2)
        xx = x[e].T @ (zero[:, None] * x[f])
        xr = x[e].T @ jnp.einsum("nmr,nr->nm", bend[f], one)
        rx = jnp.einsum("nmr,nr->nm", bend[e], one).T @ x[f]
        rr = jnp.einsum("nmr,nrs,nos->mo", bend[e], two, bend[f])
        part = jnp.block([[xx, xr], [rx, rr]])
        total = total + (part if e == f else part + part.T)
    return total


def _bend(columns: Columns) -> Float[Array, "E n r Q"]:
    """d eta / d rest = bend . b"""
    return jnp.einsum("enq,mqr->enmr", columns.z, columns.slopes)


class _Ancillary(NamedTuple):
    """By ancillary parameter: `scores` (a, J_0, K_top, ..., K_0) of the lowest level's terms, `moments`
    (a, E, 1 + Q, n) of the mixed derivatives with eta, and E[second derivatives] among themselves (a, a)."""

    scores: Float[Array, "a ..."]
    moments: Float[Array, "a E f n"]
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
            jnp.stack([_row_moments(tree, posterior, one, features) for one in mixed]),
            jax.jvp(pull, (at,), (direction,))[1],
        )

    return jax.lax.map(along, jnp.eye(len(at)))


def _with_ancillary(found: _Ancillary, columns: Columns) -> Float[Array, "d d"]:
    """What the ancillary parameters add to E[t'']."""
    slopes = columns.ancillary
    xr = jnp.einsum("enp,aen,am->pm", columns.x, found.moments[:, :, 0], slopes)
    mixed = jnp.einsum("enmq,aeqn,ao->mo", _bend(columns), found.moments[:, :, 1:], slopes)
    rr = mixed + mixed.T + slopes.T @ found.second @ slopes
    p = columns.x.shape[2]
    return jnp.block([[jnp.zeros((p, p)), xr], [xr.T, rr]])
