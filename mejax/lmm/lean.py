"""Value and first derivatives with one matrix of the remainder's size, for crossed random intercepts with many levels.

S is formed, inverted in its own place (see `mejax.elimination.blocked`), and read: d log|S| = sum of S^-1 * dS needs
the elements of the inverse where S has entries, and these are the pairs of pairs of which S was made.  Nothing else of
that size exists; second derivatives come from products with S alone (see `mejax.lmm.curvature`).
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float

from ..elimination import ChainLevel, group_inverse, inverse_in_place, start, update_above
from .criterion import Sufficient, dense_part, term_factors
from .model import LinearModel

CHUNK = 1 << 22  # pairs of pairs at a time
ROWS = 1024  # of the remainder, at a time


class Walked(NamedTuple):
    """The chain eliminated: per level the pairs (P, q) with K times them; log determinant, C and W'V^-1W so far, and
    the relative standard deviation of every column of the remainder."""

    pairs: tuple[Float[Array, "P q"], ...]
    scaled: tuple[Float[Array, "P q"], ...]
    logdet: Float[Array, ""]
    c: Float[Array, "Q w"]
    total: Float[Array, "w w"]
    sd: Float[Array, " Q"]


def walk(model: LinearModel, v) -> Walked:
    plan, products = model.plan, model.products
    factors = term_factors(plan, model.variances.working_factors(v))
    state = start(products)
    logdet, total, c = jnp.zeros(()), products.total, jnp.asarray(products.crossed_dense)
    pairs, scaled = [], []
    for position, level in enumerate(plan.chain):
        logdets, k = group_inverse(state.within[position], factors[level.term])
        logdet = logdet + jnp.sum(logdets)
        dense = state.dense[position]
        kw = k @ dense
        pairs.append(state.pairs[position])
        scaled.append(jnp.einsum("pqr,pr->pq", k[level.pair_group], pairs[-1]))
        total = total - jnp.einsum("jqa,jqb->ab", dense, kw)
        moved = jnp.einsum("pq,pqw->pw", scaled[-1], dense[level.pair_group])
        c = c - segment_sum(moved, level.pair_column, plan.columns)
        state = update_above(plan, state, position, k, kw)
    sd = jnp.concatenate([jnp.full(plan.terms[t].size, factors[t][0, 0]) for t in plan.crossed])
    return Walked(tuple(pairs), tuple(scaled), logdet, sd[:, None] * c, total, sd)


def remainder(model: LinearModel, walked: Walked) -> Float[Array, "Q Q"]:
    """The lower triangle of S."""
    plan, products, q = model.plan, model.products, model.plan.columns
    lower = jnp.zeros(q * q).at[products.crossed_entries].add(products.crossed_values)
    for level, pairs, scaled in zip(plan.chain, walked.pairs, walked.scaled, strict=True):
        lower = _each_chunk(level, lambda chunk, total, a=pairs, b=scaled: _added(chunk, total, a, b), lower)
    s = lower.reshape(q, q)
    for level, pairs, scaled in zip(plan.chain, walked.pairs, walked.scaled, strict=True):
        if level.heavy:
            for wide, tall in zip(_wide(level, pairs, q), _wide(level, scaled, q), strict=True):
                for a in range(0, q, ROWS):
                    b = min(a + ROWS, q)
                    s = s.at[a:b, :b].add(-wide[:, a:b].T @ tall[:, :b])
    for a in range(0, q, ROWS):
        b = min(a + ROWS, q)
        s = s.at[a:b].multiply(walked.sd[a:b, None] * walked.sd[None])
    return s.at[jnp.arange(q), jnp.arange(q)].add(1.0)


class _Chunk(NamedTuple):
    left: Array
    right: Array
    entry: Array
    weight: Array


def _each_chunk(level: ChainLevel, step, begin):
    """`step(chunk, total)` for every part of the list of pairs of pairs; the last part is filled up with weight 0."""
    count = len(level.left)
    if count == 0:
        return begin
    size = min(CHUNK, count)

    def body(k, total):
        first = jnp.minimum(k * size, count - size)  # the last chunk overlaps the one before it
        cut = partial(jax.lax.dynamic_slice_in_dim, start_index=first, slice_size=size)
        fresh = first + jnp.arange(size) >= k * size
        return step(_Chunk(cut(level.left), cut(level.right), cut(level.entry), jnp.where(fresh, 1.0, 0.0)), total)

    return jax.lax.fori_loop(0, -(-count // size), body, begin)


def _added(chunk: _Chunk, lower, pairs, scaled):
    values = jnp.sum(pairs[chunk.left] * scaled[chunk.right], 1)
    return lower.at[chunk.entry].add(-chunk.weight * values)


def _wide(level: ChainLevel, values: Float[Array, "P q"], columns: int) -> list[Float[Array, "heavy Q"]]:
    """The pairs of the heavy groups as rows, one matrix for each column of the level."""
    nothing = jnp.zeros(level.heavy * columns)
    return [nothing.at[level.heavy_cells].set(one[level.heavy_pairs]).reshape(-1, columns) for one in values.T]


def contracted(model: LinearModel, walked: Walked, p: Float[Array, "Q Q"]) -> Float[Array, ""]:
    """Sum of P * S over all elements but the identity's, P symmetric."""
    plan, products, q = model.plan, model.products, model.plan.columns
    flat, sd = p.reshape(-1), walked.sd

    def doubled(entry):
        row, column = jnp.divmod(entry, q)
        return flat[entry] * sd[row] * sd[column] * jnp.where(row == column, 1.0, 2.0)

    total = jnp.sum(doubled(products.crossed_entries) * products.crossed_values)
    for level, pairs, scaled in zip(plan.chain, walked.pairs, walked.scaled, strict=True):

        def step(chunk, total, pairs=pairs, scaled=scaled):
            values = jnp.sum(pairs[chunk.left] * scaled[chunk.right], 1)
            return total - jnp.sum(chunk.weight * doubled(chunk.entry) * values)

        total = _each_chunk(level, step, total)
        if level.heavy:
            for wide, tall in zip(_wide(level, pairs, q), _wide(level, scaled, q), strict=True):
                total = total - jnp.sum(((wide * sd) @ p) * (tall * sd))
    return total


def times(model: LinearModel, walked: Walked, x: Float[Array, "Q w"]) -> Float[Array, "Q w"]:
    """S x but for the identity."""
    plan, products, q = model.plan, model.products, model.plan.columns
    u = walked.sd[:, None] * x
    row, column = jnp.divmod(products.crossed_entries, q)
    values = jnp.asarray(products.crossed_values)[:, None]
    y = segment_sum(values * u[column], row, q)
    y = y + segment_sum(jnp.where(row == column, 0.0, 1.0)[:, None] * values * u[row], column, q)
    for level, pairs, scaled in zip(plan.chain, walked.pairs, walked.scaled, strict=True):
        size = plan.terms[level.term].size
        for one, other in zip(pairs.T, scaled.T, strict=True):
            met = segment_sum(one[:, None] * u[level.pair_column], level.pair_group, size, indices_are_sorted=True)
            y = y - segment_sum(other[:, None] * met[level.pair_group], level.pair_column, q)
    return walked.sd[:, None] * y


def lean_numbers(model: LinearModel, v, depth: int):
    """W'V^-1W and `Sufficient`, with first derivatives of its numbers, (3, m), and of W'V^-1W, (w, w, m)."""
    here = walk(model, v)
    logdet, p = inverse_in_place(remainder(model, here))
    x = p @ here.c
    total = here.total - here.c.T @ x

    def parts(step):
        walked = walk(model, v.at[:depth].add(step))
        moved = times(model, walked, x)
        cross = walked.c.T @ x
        return walked.logdet + contracted(model, walked, p), walked.total - cross - cross.T + x.T @ moved

    slopes = lambda row: jax.jvp(parts, (jnp.zeros(depth),), (row,))[1]
    logdets, totals = jax.lax.map(slopes, jnp.eye(depth))
    (rss, logdet_x), of_total = jax.linearize(dense_part, total)
    of_numbers = jax.vmap(of_total)(totals)
    first = jnp.stack([logdets, *of_numbers])
    return total, Sufficient(here.logdet + logdet, rss, logdet_x), first, jnp.moveaxis(totals, 0, -1)
