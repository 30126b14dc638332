"""The pairs of pairs of a Schur update without a list of them.

A pair (group, column) meets itself and the pairs of its group with smaller columns.  Pairs that meet about equally many
are treated together, as the rows of a rectangle in which every row begins at the first pair of its group; what lies
beyond a row's own pair counts nothing.  So the memory is that of the pairs, not of their squares.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .._typing import ArrayLike

CHUNK = 1 << 22  # elements of a rectangle at a time
Total = TypeVar("Total")


class Bucket(eqx.Module):
    """Pairs that meet `width` pairs of their group at most: their numbers, the first pair of their group, and how many
    they meet.  Fillers meet none."""

    left: Int[ArrayLike, "blocks rows"]
    first: Int[ArrayLike, "blocks rows"]
    count: Int[ArrayLike, "blocks rows"]
    width: int = eqx.field(static=True)


class Meeting(NamedTuple):
    """A rectangle: the pairs of its rows (rows,), those that they meet (rows, width), and 1 where they do."""

    left: Int[Array, " rows"]
    right: Int[Array, "rows width"]
    counts: Float[Array, "rows width"]


def make_buckets(group: np.ndarray, column: np.ndarray, light: np.ndarray) -> tuple[Bucket, ...]:
    """Of the pairs, sorted by (group, column), of the groups that are `light` (J,)."""
    counts = np.bincount(group, minlength=len(light))
    start = np.cumsum(counts) - counts
    # ordered by column, so that consecutive writes stay close together
    chosen = np.argsort(column, kind="stable")
    chosen = chosen[light[group[chosen]]]
    first = start[group[chosen]]
    meets = chosen - first + 1
    power = np.ceil(np.log2(meets)).astype(int)
    buckets = []
    for exponent in np.unique(power):
        inside = power == exponent
        width = 1 << int(exponent)
        rows = min(max(CHUNK // width, 1), int(inside.sum()))
        left, begin, count = (_blocks(a[inside], rows) for a in (chosen, first, meets))
        buckets.append(Bucket(left, begin, count, width))
    return tuple(buckets)


def _blocks(values: np.ndarray, rows: int) -> np.ndarray:
    """Cut into blocks of `rows`, filled up with zeros."""
    blocks = -(-len(values) // rows)
    out = np.zeros(blocks * rows, np.int32)
    out[: len(values)] = values
    return out.reshape(blocks, rows)


def each_meeting(buckets: tuple[Bucket, ...], step: Callable[[Meeting, Total], Total], total: Total) -> Total:
    """`step(meeting, total)` for every rectangle, one after the other."""
    for bucket in buckets:
        across = jnp.arange(bucket.width, dtype=jnp.int32)

        def body(k, total, bucket=bucket, across=across):
            left, first, count = (jnp.asarray(a)[k] for a in (bucket.left, bucket.first, bucket.count))
            inside = across[None] < count[:, None]
            right = jnp.where(inside, first[:, None] + across[None], first[:, None])
            return step(Meeting(left, right, jnp.where(inside, 1.0, 0.0)), total)

        total = jax.lax.fori_loop(0, len(bucket.left), body, total)
    return total
