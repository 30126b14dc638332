"""Value and first derivatives with one matrix of the remainder's size, for crossed random intercepts with many levels.

S is formed, inverted in its own place (see `mejax.elimination.blocked`), and read: d log|S| = sum of S^-1 * dS needs
the elements of the inverse where S has entries, and these are the pairs of pairs of which S was made.  Nothing else of
that size exists; second derivatives come from products with S alone (see `mejax.lmm.curvature`).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float, Int

from ..elimination import ChainLevel, LevelValues, Meeting, each_meeting, eliminate_levels, inverse_in_place
from .criterion import Sufficient, dense_part, term_factors
from .model import LinearModel

ROWS = 1024  # of the remainder, at a time


class Parts(NamedTuple):
    """What S is made of beside the products among the crossed columns: the `levels` of the chain, and the relative
    standard deviation of every column; with log determinant, C and W'V^-1W of the chain."""

    levels: tuple[LevelValues, ...]
    sd: Float[Array, " Q"]
    logdet: Float[Array, ""]
    c: Float[Array, "Q w"]
    total: Float[Array, "w w"]


def parts_at(model: LinearModel, v) -> Parts:
    """The chain eliminated at v."""
    plan = model.plan
    factors = term_factors(plan, model.variances.working_factors(v))
    found = eliminate_levels(plan, model.products, factors)
    sd = jnp.concatenate([jnp.full(plan.terms[t].size, factors[t][0, 0]) for t in plan.crossed])
    return Parts(found.levels, sd, found.logdet, sd[:, None] * found.c, found.total)


def remainder(model: LinearModel, parts: Parts) -> Float[Array, "Q Q"]:
    """The lower triangle of S."""
    plan, products, q = model.plan, model.products, model.plan.columns
    lower = jnp.zeros(q * q).at[products.crossed_entries].add(products.crossed_values)
    for level, values in zip(plan.chain, parts.levels, strict=True):

        def add(meeting, lower, level=level, own=values):
            return lower.at[_entries(level, meeting, q)].add(-_met(meeting, own))

        lower = each_meeting(level.buckets, add, lower)
    s = lower.reshape(q, q)
    for level, values in zip(plan.chain, parts.levels, strict=True):
        if level.heavy:
            for wide, tall in zip(_wide(level, values.pairs, q), _wide(level, values.scaled, q), strict=True):
                for a in range(0, q, ROWS):
                    b = min(a + ROWS, q)
                    s = s.at[a:b, :b].add(-wide[:, a:b].T @ tall[:, :b])
    for a in range(0, q, ROWS):
        b = min(a + ROWS, q)
        s = s.at[a:b].multiply(parts.sd[a:b, None] * parts.sd[None])
    return s.at[jnp.arange(q), jnp.arange(q)].add(1.0)


def _entries(level: ChainLevel, meeting: Meeting, q: int) -> Int[Array, "rows width"]:
    """Where in the flattened remainder the products of a rectangle of pairs go."""
    column = jnp.asarray(level.pair_column, int)
    return column[meeting.left][:, None] * q + column[meeting.right]


def _met(meeting: Meeting, own: LevelValues) -> Float[Array, "rows width"]:
    """What the groups take from these entries."""
    pairs = zip(own.pairs.T, own.scaled.T, strict=True)
    return meeting.counts * sum(one[meeting.left][:, None] * other[meeting.right] for one, other in pairs)


def _wide(level: ChainLevel, values: Float[Array, "P q"], columns: int) -> list[Float[Array, "heavy Q"]]:
    """The pairs of the heavy groups as rows, one matrix for each column of the level."""
    nothing = jnp.zeros(level.heavy * columns)
    return [nothing.at[level.heavy_cells].set(one[level.heavy_pairs]).reshape(-1, columns) for one in values.T]


def contracted(model: LinearModel, parts: Parts, p: Float[Array, "Q Q"]) -> Float[Array, ""]:
    """Sum of P * S over all elements but the identity's, P symmetric."""
    plan, products, q = model.plan, model.products, model.plan.columns
    flat, sd = p.reshape(-1), parts.sd

    def doubled(entry):
        row, column = jnp.divmod(entry, q)
        return flat[entry] * sd[row] * sd[column] * jnp.where(row == column, 1.0, 2.0)

    total = jnp.sum(doubled(products.crossed_entries) * products.crossed_values)
    for level, values in zip(plan.chain, parts.levels, strict=True):

        def take(meeting, total, level=level, own=values):
            return total - jnp.sum(doubled(_entries(level, meeting, q)) * _met(meeting, own))

        total = each_meeting(level.buckets, take, total)
        if level.heavy:
            for wide, tall in zip(_wide(level, values.pairs, q), _wide(level, values.scaled, q), strict=True):
                total = total - jnp.sum(((wide * sd[None]) @ p) * (tall * sd[None]))
    return total


def times(model: LinearModel, parts: Parts, x: Float[Array, "Q w"]) -> Float[Array, "Q w"]:
    """S x but for the identity."""
    plan, products, q = model.plan, model.products, model.plan.columns
    u = parts.sd[:, None] * x
    row, column = jnp.divmod(products.crossed_entries, q)
    values = jnp.asarray(products.crossed_values)[:, None]
    y = segment_sum(values * u[column], row, q)
    y = y + segment_sum(jnp.where(row == column, 0.0, 1.0)[:, None] * values * u[row], column, q)
    for level, own in zip(plan.chain, parts.levels, strict=True):
        size = plan.terms[level.term].size
        for one, other in zip(own.pairs.T, own.scaled.T, strict=True):
            met = segment_sum(one[:, None] * u[level.pair_column], level.pair_group, size, indices_are_sorted=True)
            y = y - segment_sum(other[:, None] * met[level.pair_group], level.pair_column, q)
    return parts.sd[:, None] * y


def lean_numbers(model: LinearModel, v, depth: int):
    """W'V^-1W and `Sufficient`, with first derivatives of its numbers, (3, m), and of W'V^-1W, (w, w, m)."""
    here = parts_at(model, v)
    logdet, p = inverse_in_place(remainder(model, here))
    x = p @ here.c
    total = here.total - here.c.T @ x

    def moved(step):
        parts = parts_at(model, v.at[:depth].add(step))
        cross = parts.c.T @ x
        total = parts.total - cross - cross.T + x.T @ times(model, parts, x)
        return parts.logdet + contracted(model, parts, p), total

    slopes = lambda row: jax.jvp(moved, (jnp.zeros(depth),), (row,))[1]
    logdets, totals = jax.lax.map(slopes, jnp.eye(depth))
    (rss, logdet_x), of_total = jax.linearize(dense_part, total)
    of_numbers = jax.vmap(of_total)(totals)
    first = jnp.stack([logdets, *of_numbers])
    return total, Sufficient(here.logdet + logdet, rss, logdet_x), first, jnp.moveaxis(totals, 0, -1)
