"""First and second derivatives of the integrals at fixed nodes, exploiting that the integrand sees a linear predictor.

With t the terms of a sum, log sum_k exp t_k has the gradient E[s] and the Hessian E[t''] + E[s s'] - E[s]E[s]', s = t'
and E over the posterior weights of the nodes (Louis 1982).  Applied level by level, everything but two matrix products
per level happens in log densities of one number, the linear predictor, whose derivatives are elementwise.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float

from .._typing import ArrayLike
from .nested import Placed, Tilted, Tree, conditional, joint, spread, weighted


class Pointwise(NamedTuple):
    """Derivatives of the rows' (weighted) log densities at every combination of nodes, in t = (eta, ancillary).

    `first[a]` and `second[a][b]` (b <= a) are (n, K_top, ..., K_0).
    """

    first: tuple[Float[Array, "n ..."], ...]
    second: tuple[tuple[Float[Array, "n ..."], ...], ...]


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


def derivatives(tree: Tree, placed: Placed, tilted: Tilted, pointwise: Pointwise, columns: Columns) -> Derivatives:
    """See the head of this file."""
    effects = stack_effects(tree, placed)
    weights = conditional(tilted)
    posterior = joint(tree, weights, scaled=True)
    scores, by_effect = _lowest_scores(tree, effects, pointwise, columns)
    hessian = _rows_part(tree, effects, posterior[0], pointwise, columns)
    in_factor = jnp.einsum("q...,...,...r->qr", by_effect, posterior[0], effects)
    in_ancillary = jnp.stack(
        [jnp.sum(f * posterior[0][tree.codes[0]]) for f in pointwise.first[1:]] or [jnp.zeros(0)], axis=-1
    ).reshape(-1)
    flowing = scores
    for level in range(tree.depth):
        mean = jnp.sum(weights[level][None] * flowing, axis=-1)
        hessian = hessian + _gram(flowing, posterior[level]) - _gram(mean, jnp.sum(posterior[level], axis=-1))
        flowing = jax.vmap(lambda m, level=level: weighted(tree, level, m))(mean)
        if level + 1 < tree.depth:
            flowing = _sum_groups(flowing, tree.parents[level], tree.sizes[level + 1])
    return Derivatives(flowing, hessian, in_factor, in_ancillary)


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
    flat = values.reshape(values.shape[0], -1)
    return (flat * weights.reshape(1, -1)) @ flat.T


def _lowest_scores(tree: Tree, effects, pointwise: Pointwise, columns: Columns):
    """Derivatives of each term of the lowest level, (d, J_0, K_top, ..., K_0), and those in Lambda b (Q, ...)."""
    codes, size = tree.codes[0], tree.sizes[0]
    slope = pointwise.first[0]
    axes = (1,) * (slope.ndim - 1)
    both = jnp.concatenate([columns.x, columns.z], axis=1).T
    sums = jax.lax.map(lambda c: segment_sum(slope * c.reshape(c.shape + axes), codes, size), both)
    p = columns.x.shape[1]
    by_effect = sums[p:]
    rest = jnp.einsum("q...,mqr,...r->m...", by_effect, columns.slopes, effects)
    if len(pointwise.first) > 1:
        own = jnp.stack([segment_sum(f, codes, size) for f in pointwise.first[1:]])
        rest = rest + jnp.einsum("a...,am->m...", own, columns.ancillary)
    return jnp.concatenate([sums[:p], rest]), by_effect


def _rows_part(tree: Tree, effects, posterior, pointwise: Pointwise, columns: Columns):
    """E[t''] of the rows: second derivatives of the log density times outer products of d eta / d parameter."""
    codes = tree.codes[0]
    weight = posterior[codes]
    width = effects.shape[-1]
    axes = tuple(range(1, weight.ndim))
    plain = [jnp.ones(effects.shape[:-1]), *(effects[..., q] for q in range(width))]
    squares = [effects[..., q] * effects[..., r] for q in range(width) for r in range(q + 1)]

    def row_moments(second, features):
        heavy = weight * second
        return jax.lax.map(lambda feature: jnp.sum(heavy * feature[codes], axis=axes), jnp.stack(features))

    found = row_moments(pointwise.second[0][0], plain + squares)
    zero, one = found[0], found[1 : 1 + width].T
    low = jnp.tril_indices(width)
    two = jnp.zeros((len(zero), width, width)).at[:, low[0], low[1]].set(found[1 + width :].T)
    two = two + jnp.swapaxes(jnp.tril(two, -1), 1, 2)
    bend = jnp.einsum("nq,mqr->nmr", columns.z, columns.slopes)  # d eta / d rest = bend . b
    xx = columns.x.T @ (zero[:, None] * columns.x)
    xr = columns.x.T @ jnp.einsum("nmr,nr->nm", bend, one)
    rr = jnp.einsum("nmr,nrs,nos->mo", bend, two, bend)
    for a in range(1, len(pointwise.first)):
        moments = row_moments(pointwise.second[a][0], plain)
        slope = columns.ancillary[a - 1]
        xr = xr + jnp.outer(columns.x.T @ moments[0], slope)
        cross = jnp.outer(jnp.einsum("nmr,rn->m", bend, moments[1:]), slope)
        rr = rr + cross + cross.T
        for b in range(1, a + 1):
            own = jnp.sum(weight * pointwise.second[a][b]) * jnp.outer(slope, columns.ancillary[b - 1])
            rr = rr + (own if a == b else own + own.T)
    return jnp.block([[xx, xr], [xr.T, rr]])
