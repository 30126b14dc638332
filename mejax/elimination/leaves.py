"""Levels of a crossed factor that lie within one group of the chain, eliminated before it.

A level of a crossed term all of whose rows lie in one group of the chain's lowest level, such as one that was observed
once, is nested in it.  These *leaves* of a term become the lowest level of the chain.  Whatever a leaf meets meets in
that group anyway, so that eliminating it makes no fill, and the remainder loses its columns.  Leaves of one term only:
those of two terms may meet in a row, and then are not independent of one another.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .plan import ChainLevel, Plan, Term, index_type, pair_key
from .planning import may_be_lean
from .products import Products

MANY = 500  # columns, below which the remainder costs next to nothing
WHOLE = 64  # columns that are left at least: replicates of smaller models are fitted in one program, over whole terms
# of the columns: a term in two parts costs the Hessian another dense product of what is left, so about 5 Q^3 for 3 Q^3
SHARE = 0.15
# the same where a large remainder is inverted in its own place, and second derivatives cost no products of its size
LEAN_SHARE = 0.02


def without_leaves(plan: Plan, products: Products) -> tuple[Plan, Products]:
    """The plan (of `plan_chain`) and its products with the leaves of one crossed term as the chain's lowest level, or
    as they are where that would not pay."""
    term = richest(plan)
    if term is None:
        return plan, products
    gone = int(leaves_of(plan, term).sum()) * plan.terms[term].width
    left = plan.columns - gone
    share = LEAN_SHARE if may_be_lean(plan, left) else SHARE
    pays = plan.columns > MANY and left > WHOLE and gone >= share * plan.columns
    return split(plan, products, term) if pays else (plan, products)


def richest(plan: Plan) -> int | None:
    """The crossed term whose leaves have most columns; None where there are no crossed terms."""
    return max(plan.crossed, key=lambda t: leaves_of(plan, t).sum() * plan.terms[t].width, default=None)


def leaves_of(plan: Plan, term: int) -> np.ndarray:
    """Which levels of a crossed term (size,) lie within one group of the chain's lowest level."""
    met = np.bincount(plan.chain[0].pair_column, minlength=plan.columns)
    first, size, width = plan.offsets[term], plan.terms[term].size, plan.terms[term].width
    return met[first : first + size * width : width] == 1


class _Columns(NamedTuple):
    """Of each column of the remainder: does it go, its number among those that stay, or the leaf that it belongs to and
    its place there."""

    gone: np.ndarray
    number: np.ndarray
    leaf: np.ndarray
    place: np.ndarray
    left: int


def split(plan: Plan, products: Products, term: int) -> tuple[Plan, Products]:
    """The plan and the products with the leaves of one crossed term as the chain's lowest level."""
    leaves = leaves_of(plan, term)
    columns = _columns(plan, term, leaves)
    whole, count = plan.terms[term], int(leaves.sum())
    rest = replace(whole, size=whole.size - count, members=np.flatnonzero(~leaves).astype(np.int32))
    own = replace(whole, size=count, members=np.flatnonzero(leaves).astype(np.int32))
    terms = [*plan.terms, own]
    terms[term] = rest
    chain, kept = _chain_that_stays(plan, products, columns)
    ancestors, between = zip(
        *(_up(level, values, columns, own) for level, values in zip(plan.chain, products.pairs, strict=True)),
        strict=True,
    )
    within, group, column, pairs = _below(plan, products, columns, own)
    keys = [pair_key(level.pair_group, level.pair_column, columns.left) for level in chain]
    up = tuple(
        np.searchsorted(key, pair_key(ancestor[group], column, columns.left)).astype(np.int32)
        for key, ancestor in zip(keys, ancestors, strict=True)
    )
    empty = np.zeros(0, np.int32)
    lowest = ChainLevel(len(plan.terms), ancestors, group, column, up, empty, empty, empty, empty, empty, 0)
    dense = np.asarray(products.crossed_dense)
    moved = replace(
        products, within=(within, *products.within), between=(between, *products.between), pairs=(pairs, *kept),
        dense=(dense[columns.gone].reshape(count, own.width, -1), *products.dense), **_crossed(plan, products, columns),
    )  # fmt: skip
    return replace(plan, terms=tuple(terms), chain=(lowest, *chain), columns=columns.left), moved


def _columns(plan: Plan, term: int, leaves: np.ndarray) -> _Columns:
    gone = np.zeros(plan.columns, bool)
    first, width = plan.offsets[term], plan.terms[term].width
    gone[first : first + len(leaves) * width] = np.repeat(leaves, width)
    leaf, place = np.divmod(np.cumsum(gone) - 1, width)
    left = plan.columns - int(gone.sum())
    return _Columns(gone, (np.cumsum(~gone) - 1).astype(np.int32), leaf.astype(np.int32), place, left)


def _chain_that_stays(plan: Plan, products: Products, columns: _Columns):
    """The levels of the chain, and their pair products, with the pairs of the columns that stay."""
    keep = [~columns.gone[level.pair_column] for level in plan.chain]
    place = [np.cumsum(k) - 1 for k in keep]
    levels = []
    for position, (level, mine) in enumerate(zip(plan.chain, keep, strict=True)):
        above = zip(level.pair_ancestors, place[position + 1 :], strict=True)
        levels.append(
            replace(
                level,
                pair_group=level.pair_group[mine],
                pair_column=columns.number[level.pair_column[mine]],
                pair_ancestors=tuple(there[ancestor[mine]].astype(np.int32) for ancestor, there in above),
            )
        )
    return levels, tuple(values[mine] for values, mine in zip(products.pairs, keep, strict=True))


def _up(level: ChainLevel, values, columns: _Columns, own: Term) -> tuple[np.ndarray, np.ndarray]:
    """Each leaf's group in a level of the chain, and its products (J, q of the leaf, q of the level) with it."""
    mine = np.flatnonzero(columns.gone[level.pair_column])
    column = level.pair_column[mine]
    ancestor = np.zeros(own.size, np.int32)
    ancestor[columns.leaf[column]] = level.pair_group[mine]
    between = np.zeros((own.size, own.width, values.shape[1]))
    between[columns.leaf[column], columns.place[column]] = values[mine]
    return ancestor, between


def _below(plan: Plan, products: Products, columns: _Columns, own: Term):
    """The leaves' own blocks (J, q, q), and their pairs with the columns of the other crossed terms: group, column and
    products (P, q)."""
    row, column = np.divmod(np.asarray(products.crossed_entries).astype(np.int64), plan.columns)
    values, gone = np.asarray(products.crossed_values), columns.gone
    own_block = gone[row] & gone[column]
    within = np.zeros((own.size, own.width, own.width))
    leaf, i, j = columns.leaf[row[own_block]], columns.place[row[own_block]], columns.place[column[own_block]]
    within[leaf, i, j] = within[leaf, j, i] = values[own_block]
    mixed = gone[row] != gone[column]
    row, column = row[mixed], column[mixed]
    mine, other = np.where(gone[row], row, column), np.where(gone[row], column, row)
    key = pair_key(columns.leaf[mine], columns.number[other], columns.left)
    unique, pair = np.unique(key, return_inverse=True)
    pairs = np.zeros((len(unique), own.width))
    pairs[pair, columns.place[mine]] = values[mixed]
    group, column = np.divmod(unique, columns.left)
    return within, group.astype(np.int32), column.astype(np.int32), pairs


def _crossed(plan: Plan, products: Products, columns: _Columns) -> dict[str, np.ndarray]:
    """The products among the columns that stay, in the same order."""
    entries = np.asarray(products.crossed_entries).astype(np.int64)
    row, column = np.divmod(entries, plan.columns)
    keep = ~(columns.gone[row] | columns.gone[column])
    index = index_type(columns.left)
    moved = columns.number[row[keep]].astype(np.int64) * columns.left + columns.number[column[keep]]
    return {
        "crossed_values": np.asarray(products.crossed_values)[keep],
        "crossed_entries": moved.astype(index),
        "crossed_dense": np.asarray(products.crossed_dense)[~columns.gone],
    }
