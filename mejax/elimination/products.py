"""Cross-products of the random and the other columns, formed once; an evaluation costs nothing that grows with n."""

import itertools

import equinox as eqx
import numpy as np
from jaxtyping import Float

from .._typing import ArrayLike, SegmentSum
from .plan import HostTerm, Index, Plan, index_type, unique_cells

SEVERAL = 4  # rows in the average group, beyond which rows sorted by group are summed faster one group after the other


class Products(eqx.Module):
    """Z'Z, Z'W and W'W in the blocks that a `Plan` names; W holds the dense columns (fixed effects, then response).

    Per chain level l: `within[l]` (J, q, q), `between[l][k]` (J, q, q_above) with the k-th level above, `pairs[l]`
    (P, q) with the crossed columns, `dense[l]` (J, q, w) with W.  Among the crossed columns: `crossed_values` at
    `crossed_entries` of the flattened lower triangle; `crossed_dense` (Q, w).  `total` is W'W (w, w).
    Products of a nested model may have axes for quadrature nodes after the groups.

    Where groups have weights (none of them crossed), products of a level have the weights of the observations and of
    the groups below it.  `own` (J,) are those of each level's groups, `whole` their products with those of the groups
    above; None: all 1.
    """

    within: tuple[Float[ArrayLike, "_ ..."], ...]
    between: tuple[tuple[Float[ArrayLike, "_ ..."], ...], ...]
    pairs: tuple[Float[ArrayLike, "_ _"], ...]
    dense: tuple[Float[ArrayLike, "_ ..."], ...]
    crossed_values: Float[ArrayLike, " E"]
    crossed_entries: Index
    crossed_dense: Float[ArrayLike, "Q w"]
    total: Float[ArrayLike, "w w"]
    own: tuple[Float[ArrayLike, " _"], ...] | None = None
    whole: tuple[Float[ArrayLike, " _"], ...] | None = None


def host_segment_sum(values: np.ndarray, codes: np.ndarray, size: int) -> np.ndarray:
    """Sums of `values` (n, ...) over equal `codes`, by NumPy (no compilation)."""
    flat = values.reshape(len(values), -1)
    if len(codes) > SEVERAL * size and flat.shape[1] and np.all(codes[1:] >= codes[:-1]):
        first = np.flatnonzero(np.concatenate([[True], codes[1:] > codes[:-1]]))
        sums = np.zeros((size, flat.shape[1]))
        sums[codes[first]] = np.add.reduceat(flat, first, axis=0)
        return sums.reshape(size, *values.shape[1:])
    out = np.empty((flat.shape[1], size))
    for k in range(flat.shape[1]):
        out[k] = np.bincount(codes, weights=flat[:, k], minlength=size)
    return out.T.reshape(size, *values.shape[1:])


def cross_products(
    plan: Plan,
    hosts: list[HostTerm],
    numbers: list,
    w: np.ndarray,
    weights: np.ndarray | None,
    segment_sum: SegmentSum = host_segment_sum,
    *,
    groups: tuple[np.ndarray, ...] | None = None,
) -> Products:
    """Form every block.  `numbers` comes from `make_plan`; `weights` (n,) multiply each observation's products,
    `groups` (J,) per chain level what its groups leave to the levels above."""
    chain = [hosts[level.term] for level in plan.chain]
    of_levels = row_weights(plan, hosts, weights, groups)
    weighted = [w if r is None else w * r[:, None] for r in of_levels]
    scaled = [h.z if r is None else h.z * r[:, None] for h, r in zip(chain, of_levels[:-1], strict=True)]
    within, between, pairs, dense = [], [], [], []
    for position, (host, z) in enumerate(zip(chain, scaled, strict=True)):
        size = host.term.size
        within.append(_gram(segment_sum, z, host.z, host.codes, size))
        between.append(tuple(_gram(segment_sum, z, above.z, host.codes, size) for above in chain[position + 1 :]))
        dense.append(_gram(segment_sum, host.z, weighted[position], host.codes, size))
        pairs.append(_pair_products(plan, hosts, position, z, numbers[position], segment_sum))
    values, entries = _crossed(plan, hosts, weights, segment_sum)
    crossed_dense = [
        _gram(segment_sum, hosts[t].z, weighted[-1], hosts[t].codes, hosts[t].term.size).reshape(-1, w.shape[1])
        for t in plan.crossed
    ]
    return Products(
        tuple(within), tuple(between), tuple(pairs), tuple(dense), values, entries,
        np.concatenate(crossed_dense) if crossed_dense else np.zeros((0, w.shape[1])),
        w.T @ weighted[-1], groups, None if groups is None else whole_weights(plan, groups),
    )  # fmt: skip


def row_weights(
    plan: Plan, hosts: list[HostTerm], weights: np.ndarray | None, groups: tuple[np.ndarray, ...] | None
) -> list[np.ndarray | None]:
    """The weights of the rows at every chain level, those of the groups below it included; last of all levels."""
    found = [weights]
    for position, level in enumerate(plan.chain):
        below = found[-1]
        own = None if groups is None else groups[position][hosts[level.term].codes]
        found.append(below if own is None else own if below is None else below * own)
    return found


def whole_weights(plan: Plan, groups: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """The weight of each group of every level times those of the groups that it lies in."""
    found = []
    for position, level in enumerate(plan.chain):
        weight = np.array(groups[position], float)
        for up, ancestor in enumerate(level.ancestors):
            weight = weight * groups[position + 1 + up][np.asarray(ancestor)]
        found.append(weight)
    return tuple(found)


def _gram(segment_sum, a, b, codes, size):
    """Sum over each group of a_i b_i': (size, columns of a, columns of b)."""
    columns = [segment_sum(a[:, i, None] * b, codes, size) for i in range(a.shape[1])]
    return np.stack(columns, axis=1)


def _pair_products(plan, hosts, position, z, numbers, segment_sum):
    level = plan.chain[position]
    count = len(level.pair_group)
    total = np.zeros((count, z.shape[1]))
    for number, t in zip(numbers, plan.crossed, strict=True):
        for column in range(hosts[t].term.width):
            total = total + segment_sum(z * hosts[t].z[:, column : column + 1], number[:, column], count)
    return total


def _crossed(plan, hosts, weights, segment_sum):
    """Products among crossed columns, one per cell of `crossed_cells`."""
    values, entries = [np.zeros(0)], [np.zeros(0, np.int64)]
    for cells in crossed_cells(plan, hosts):
        a, b = hosts[cells.a], hosts[cells.b]
        z = a.z if weights is None else a.z * weights[:, None]
        sums = _gram(segment_sum, z, b.z, cells.number, cells.count)
        values += [sums[:, i, j] for i, j in cells.columns]
        entries += list(cells.entries)
    index = index_type(plan.columns)
    return np.concatenate(values), np.concatenate(entries).astype(index)


class CrossedCells(eqx.Module):
    """Where two crossed terms (or a term and itself) meet: `number` (n,) is the cell of each row, out of `count`.

    For each pair of their columns, `entries` says where in the flattened lower triangle the cells' products go.
    """

    number: Index
    entries: tuple[Index, ...]
    columns: tuple[tuple[int, int], ...] = eqx.field(static=True)
    count: int = eqx.field(static=True)
    a: int = eqx.field(static=True)
    b: int = eqx.field(static=True)


def crossed_cells(plan: Plan, hosts: list[HostTerm]) -> list[CrossedCells]:
    """First the diagonal blocks of each crossed term, then the cells where two terms meet."""
    found, offsets = [], plan.offsets
    for t, other in [(t, t) for t in plan.crossed] + list(itertools.combinations(plan.crossed, 2)):
        # the term further down comes first: only the lower triangle is stored
        a, b = hosts[other], hosts[t]
        cell = a.codes if t == other else a.codes.astype(np.int64) * b.term.size + b.codes
        unique, inverse = (np.arange(a.term.size), cell) if t == other else unique_cells(cell)
        row, column = (unique, unique) if t == other else np.divmod(unique, b.term.size)
        widths = range(a.term.width), range(b.term.width)
        columns = tuple((i, j) for i in widths[0] for j in (range(i + 1) if t == other else widths[1]))
        entries = tuple(
            (offsets[other] + row * a.term.width + i) * plan.columns + offsets[t] + column * b.term.width + j
            for i, j in columns
        )
        found.append(CrossedCells(inverse, entries, columns, len(unique), other, t))
    return found
