"""Which random effects are eliminated cluster by cluster, and which are left for the dense remainder.

Random effects whose grouping factors are nested in one another form a *chain*: given the levels above, the groups of
a level are independent, so each is eliminated by a small matrix of its own.  Factors that cross the chain are carried
along as sparse columns and meet in one dense Schur complement.  The plan is made on the host from the integer codes
alone and holds every index array that the elimination needs.
"""

import itertools
from typing import TYPE_CHECKING

import equinox as eqx
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Int

from .._typing import ArrayLike

if TYPE_CHECKING:
    from .buckets import Bucket
    from .layout import SparseLayout

Index = Int[ArrayLike, "..."]


def index_type(columns: int) -> type[np.signedinteger]:
    """Of places in a flattened matrix with so many rows and columns."""
    return np.int32 if columns**2 < 2**31 else np.int64


class Term(eqx.Module):
    """The random effects of one grouping factor: equations with the same groups are stacked (blocked-diagonal Sigma).

    `blocks` are the equations' positions in `Design.effects`, in the order of their columns; `orders` says where the
    groups of each equation stand among the term's (None: in the same order).  Where a term is in two parts, with the
    same `blocks`, `members` are the groups that this part holds (None: all), and `orders` speak of the whole.
    """

    orders: tuple[Index | None, ...]
    blocks: tuple[int, ...] = eqx.field(static=True)
    size: int = eqx.field(static=True)
    width: int = eqx.field(static=True)
    members: Index | None = None


class ChainLevel(eqx.Module):
    """Index arrays of one level of the chain, lowest level first.

    `ancestors[k]` maps its groups to those of the k-th level above.  A *pair* is a group together with a column of a
    crossed factor that occurs in it: `pair_group` and `pair_column` say which, `pair_ancestors[k]` is the pair with
    the same column at the k-th level above.

    The Schur update sums products of all pairs of pairs of a group.  `left`, `right` (column of `left` not below that
    of `right`) list them, and `entry` says where in the flattened remainder each product goes.  The `heavy` groups,
    which meet so many columns that a dense product is cheaper, are left out there: `heavy_pairs` are their pairs, at
    `heavy_cells` of a (heavy, columns) matrix.  Where the remainder is large, `buckets` stand in place of the lists.
    """

    term: int = eqx.field(static=True)
    ancestors: tuple[Index, ...]
    pair_group: Index
    pair_column: Index
    pair_ancestors: tuple[Index, ...]
    left: Index
    right: Index
    entry: Index
    heavy_pairs: Index
    heavy_cells: Index
    heavy: int = eqx.field(static=True)
    buckets: "tuple[Bucket, ...]" = ()


class Plan(eqx.Module):
    """The terms in the order of their first equation, the `chain` lowest level first, the `crossed` terms."""

    terms: tuple[Term, ...]
    chain: tuple[ChainLevel, ...]
    crossed: tuple[int, ...] = eqx.field(static=True)
    columns: int = eqx.field(static=True)  # of the remainder
    sparse: "SparseLayout | None" = None  # where the remainder is not formed as a matrix
    rough: "SparseLayout | None" = None  # where it is, but second derivatives come from products with it
    mesh: Mesh | None = eqx.field(static=True, default=None)  # the devices that the groups of a nested chain lie on

    @property
    def offsets(self) -> dict[int, int]:
        """First column of each crossed term in the remainder."""
        widths = [self.terms[t].size * self.terms[t].width for t in self.crossed]
        return dict(zip(self.crossed, np.cumsum([0, *widths]).tolist(), strict=False))


class HostTerm(eqx.Module):
    """A term with its codes and covariates (n, q): what the cross-products are formed from, on the host.

    Covariates of generalized models have an axis more in front, for the linear predictors of a row.
    """

    term: Term
    codes: Index
    z: np.ndarray


def nesting(inner: np.ndarray, inner_size: int, outer: np.ndarray) -> np.ndarray | None:
    """The outer group of each inner group, or None where an inner group meets more than one."""
    parent = np.zeros(inner_size, np.int32)
    parent[inner] = outer
    return parent if np.array_equal(parent[inner], outer) else None


def merge_terms(codes: list[np.ndarray], z: list[np.ndarray], sizes: list[int]) -> list[HostTerm]:
    """Stack the equations whose groups are the same partition of the observations."""
    terms: list[HostTerm] = []
    for k, (code, covariates, size) in enumerate(zip(codes, z, sizes, strict=True)):
        for i, known in enumerate(terms):
            order = nesting(code, size, known.codes) if known.term.size == size else None
            if order is not None:
                stacked = np.concatenate([known.z, covariates], axis=-1)
                orders = (*known.term.orders, order)
                term = Term(orders, (*known.term.blocks, k), size, stacked.shape[-1])
                terms[i] = HostTerm(term, known.codes, stacked)
                break
        else:
            terms.append(HostTerm(Term((None,), (k,), size, covariates.shape[-1]), code, covariates))
    return terms


def choose_chain(terms: list[HostTerm]) -> tuple[list[int], dict[tuple[int, int], np.ndarray]]:
    """The nested chain (lowest level first) that leaves the fewest columns for the dense remainder."""
    parents: dict[tuple[int, int], np.ndarray] = {}
    for a, b in itertools.permutations(range(len(terms)), 2):
        if terms[a].term.size >= terms[b].term.size:
            parent = nesting(terms[a].codes, terms[a].term.size, terms[b].codes)
            if parent is not None:
                parents[a, b] = parent
    best: tuple[int, ...] = ()
    weight = [h.term.size * h.term.width for h in terms]
    order = sorted(range(len(terms)), key=lambda t: -terms[t].term.size)
    for r in range(1, len(terms) + 1):
        for chain in itertools.combinations(order, r):
            if all(pair in parents for pair in itertools.pairwise(chain)):
                if sum(weight[t] for t in chain) > sum(weight[t] for t in best):
                    best = chain
    return list(best), parents


def plan_chain(hosts: list[HostTerm]) -> tuple[Plan, list[list[np.ndarray]]]:
    """The plan without the Schur update, and, per chain level and crossed term, the pair numbers (n, width) of the
    rows."""
    chain, parents = choose_chain(hosts)
    crossed = tuple(t for t in range(len(hosts)) if t not in chain)
    offsets = np.cumsum([0, *(hosts[t].term.size * hosts[t].term.width for t in crossed)]).tolist()
    pairs = [_pairs(hosts[t], [hosts[c] for c in crossed], offsets) for t in chain]
    empty = np.zeros(0, np.int32)
    levels = []
    for position, t in enumerate(chain):
        above = chain[position + 1 :]
        ancestors = tuple(parents[t, m] for m in above)
        group, column, _ = pairs[position]
        keys = [
            pair_key(pairs[position + 1 + k][0], pairs[position + 1 + k][1], offsets[-1]) for k in range(len(above))
        ]
        up = tuple(
            np.searchsorted(key, pair_key(anc[group], column, offsets[-1])).astype(np.int32)
            for key, anc in zip(keys, ancestors, strict=True)
        )
        levels.append(ChainLevel(t, ancestors, group, column, up, empty, empty, empty, empty, empty, 0))
    plan = Plan(tuple(h.term for h in hosts), tuple(levels), crossed, offsets[-1])
    return plan, [p[2] for p in pairs]


def pair_key(group: np.ndarray, column: np.ndarray, columns: int) -> np.ndarray:
    """One number for a group and a column, in the order of the pairs."""
    return group.astype(np.int64) * max(columns, 1) + column


def _pairs(level: HostTerm, crossed: list[HostTerm], offsets: list[int]):
    """Pairs of a level sorted by (group, column); for each crossed term the (n, width) pair numbers of the rows."""
    keys, rows = [], []
    for factor, offset in zip(crossed, offsets, strict=False):
        cell = level.codes.astype(np.int64) * factor.term.size + factor.codes
        unique, inverse = unique_cells(cell)
        width = factor.term.width
        column = offset + (unique % factor.term.size)[:, None] * width + np.arange(width)
        keys.append(pair_key((unique // factor.term.size)[:, None], column, offsets[-1]).ravel())
        rows.append(inverse)
    if not keys:
        empty = np.zeros(0, np.int32)
        return empty, empty, []
    joined = np.concatenate(keys)
    order = np.argsort(joined, kind="stable")
    place = np.empty(len(joined), np.int64)
    place[order] = np.arange(len(joined))
    joined = joined[order]
    starts = np.cumsum([0, *(len(k) for k in keys)])
    numbers = [
        place[start : start + len(key)].reshape(-1, factor.term.width)[inverse]
        for start, key, factor, inverse in zip(starts, keys, crossed, rows, strict=False)
    ]
    return (joined // offsets[-1]).astype(np.int32), (joined % offsets[-1]).astype(np.int32), numbers


def unique_cells(cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sorted distinct values and the position of each element among them."""
    order = np.argsort(cell, kind="stable")
    ordered = cell[order]
    first = np.concatenate([[True], ordered[1:] != ordered[:-1]])
    inverse = np.empty(len(cell), np.int64)
    inverse[order] = np.cumsum(first) - 1
    return ordered[first], inverse
