"""Where the entries of a sparse remainder stand: index arrays for products with many columns at once.

The entries of a sparse matrix are sorted by row and cut into chunks of a fixed width, padded with zeros, so that a
product is a sum of `width` gathers, which compile to one loop without scattered writes on a CPU and to one kernel on a
GPU; a sum over the few chunks of a row follows.
"""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.ops import segment_sum
from jaxtyping import Array, Float, Int

from .._typing import ArrayLike
from .plan import Plan

WIDTHS = (4, 8, 16)  # entries of a chunk: the largest that the average row fills
SMALL = 64  # columns of small crossed terms whose unit vectors are taken out before traces are estimated
EXTREMES = 24  # eigenvectors that are taken out as well
MORE = 48  # of them in remainders with fewer than `CHEAP` columns, which often are of clustered data
CHEAP = 20_000
FEW = 8  # probes at least
ENOUGH = 500_000  # columns times probes with which the trace of a square is known to a few thousandths


class Chunks(eqx.Module):
    """`place` (chunks, width): which of the `count` entries stands there (`count`: none); `column` its column; `row` of
    every chunk, ascending."""

    place: Int[ArrayLike, "chunks width"]
    column: Int[ArrayLike, "chunks width"]
    row: Int[ArrayLike, " chunks"]
    rows: int = eqx.field(static=True)

    def spread(self, entries: Float[Array, " count"]) -> Float[Array, "chunks width"]:
        """The values of the entries in their places."""
        return jnp.append(entries, 0.0)[self.place]

    def times(self, values: Float[Array, "chunks width"], x: Float[Array, "columns t"]) -> Float[Array, "rows t"]:
        """The product of the matrix with the values `spread` and a dense one."""
        return segment_sum(_gathered(values, self.column, x), self.row, self.rows, indices_are_sorted=True)


@jax.checkpoint  # a derivative gathers again: what was gathered would take `width` times the memory
def _gathered(values, column, x):
    total = values[:, 0, None] * x[column[:, 0]]
    for k in range(1, values.shape[1]):
        total = total + values[:, k, None] * x[column[:, k]]
    return total


def make_chunks(row: np.ndarray, column: np.ndarray, rows: int) -> Chunks:
    """The layout of entries at (row, column), in any order."""
    order = np.argsort(row, kind="stable") if np.any(row[1:] < row[:-1]) else np.arange(len(row))
    counts = np.bincount(row, minlength=rows)
    average = len(row) / max(np.count_nonzero(counts), 1)
    width = max([w for w in WIDTHS if w <= average], default=WIDTHS[0])
    chunks = -(-counts // width)
    first = np.concatenate([[0], np.cumsum(chunks)])
    within = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    target = np.repeat(first[:-1], counts) * width + within
    place = np.full(first[-1] * width, len(row), np.int32)
    place[target] = order
    columns = np.zeros(first[-1] * width, np.int32)
    columns[target] = column[order]
    number = np.repeat(np.arange(rows, dtype=np.int32), chunks)
    return Chunks(place.reshape(-1, width), columns.reshape(-1, width), number, rows)


class LevelLayout(eqx.Module):
    """The pairs of a chain level: `by_group` has a row for each group, `by_column` for each column of the remainder.

    `cells[i]` are the pairs (cells, width) in which a group meets a level of the i-th crossed term, whose number is
    `levels[i]`.
    """

    by_group: Chunks
    by_column: Chunks
    cells: tuple[Int[ArrayLike, "_ _"], ...]
    levels: tuple[Int[ArrayLike, " _"], ...]


class SparseLayout(eqx.Module):
    """Everything about a sparse remainder that no parameter changes.

    `chain` holds the layouts of the chain's levels.  Of the products among the crossed columns `diagonal` are those in
    the diagonal, and `across` lays out the others (those at `off`, in both triangles; None where there are none);
    `blocks[i]` (width, width, size) says where the diagonal blocks of the i-th crossed term stand.

    Traces are exact over the first columns of `vectors`: `units` unit vectors of small terms, and the eigenvectors that
    are sought from the next `extremes` columns.  The others are probes of random signs.
    """

    chain: tuple[LevelLayout, ...]
    diagonal: Int[ArrayLike, " Q"]
    off: Int[ArrayLike, " _"]
    across: Chunks | None
    blocks: tuple[Int[ArrayLike, "_ _ _"], ...]
    vectors: Int[ArrayLike, "Q t"]
    units: int = eqx.field(static=True)
    extremes: int = eqx.field(static=True)

    @property
    def exact(self) -> int:
        """How many vectors are no probes."""
        return self.units + self.extremes


def thinned(layout: SparseLayout) -> SparseLayout:
    """The layout for second derivatives: without the extreme eigenvectors, and with as many probes as traces of squares
    need."""
    columns, count = layout.vectors.shape
    probes = min(count - layout.exact, max(FEW, -(-ENOUGH // columns)))
    vectors = jnp.concatenate(
        [layout.vectors[:, : layout.units], layout.vectors[:, layout.exact : layout.exact + probes]], 1
    )
    return dataclasses.replace(layout, vectors=vectors, extremes=0)


def make_layout(plan: Plan, entries: np.ndarray, probes: int, seed: int) -> SparseLayout:
    """The layout of the remainder of a plan that was made without a dense one, with its random signs; `entries` are
    `Products.crossed_entries`."""
    row, column = np.divmod(entries.astype(np.int64), plan.columns)
    off = np.flatnonzero(row != column)
    diagonal = np.empty(plan.columns, np.int64)
    diagonal[row[row == column]] = np.flatnonzero(row == column)
    across = None
    if len(off):
        both = np.concatenate([row[off], column[off]]), np.concatenate([column[off], row[off]])
        across = make_chunks(*both, plan.columns)
    units = _units(plan)
    extremes = MORE if plan.columns < CHEAP else EXTREMES
    if units.shape[1] + extremes + probes >= plan.columns:  # all traces are exact, and the probes have nothing left
        units, extremes = np.eye(plan.columns, dtype=np.int8), 0
    signs = np.random.default_rng(seed).integers(0, 2, (plan.columns, extremes + probes), np.int8) * 2 - 1
    vectors = np.concatenate([units, signs], 1, dtype=np.int8)
    chain = tuple(_level(plan, level.term, level.pair_group, level.pair_column) for level in plan.chain)
    return SparseLayout(chain, diagonal, off, across, _blocks(plan), vectors, units.shape[1], extremes)


def _units(plan: Plan) -> np.ndarray:
    """The unit vectors of the smallest crossed terms, together `SMALL` at most."""
    chosen, room = [], SMALL
    for t, offset in sorted(
        plan.offsets.items(), key=lambda item: plan.terms[item[0]].size * plan.terms[item[0]].width
    ):
        columns = plan.terms[t].size * plan.terms[t].width
        if columns <= room:
            chosen += range(offset, offset + columns)
            room -= columns
    return np.arange(plan.columns)[:, None] == np.array(chosen, int)


def _level(plan: Plan, term: int, group, column) -> LevelLayout:
    cells, levels = [], []
    for t, offset in plan.offsets.items():
        size, width = plan.terms[t].size, plan.terms[t].width
        inside = (column >= offset) & (column < offset + size * width)
        first = np.flatnonzero(inside & ((column - offset) % width == 0))
        cells.append((first[:, None] + np.arange(width)).astype(np.int32))
        levels.append(((column[first] - offset) // width).astype(np.int32))
    by_group = make_chunks(group, column, plan.terms[term].size)
    return LevelLayout(by_group, make_chunks(column, group, plan.columns), tuple(cells), tuple(levels))


def _blocks(plan: Plan) -> tuple[np.ndarray, ...]:
    """`Products.crossed_values` begins with the lower triangles of the diagonal blocks, entry by entry."""
    found, start = [], 0
    for t in plan.crossed:
        size, width = plan.terms[t].size, plan.terms[t].width
        places = np.empty((width, width, size), np.int64)
        for i in range(width):
            for j in range(i + 1):
                places[i, j] = places[j, i] = start + np.arange(size)
                start += size
        found.append(places)
    return tuple(found)
