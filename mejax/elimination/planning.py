"""How the remainder of a crossed model is to be met: as a matrix, factorised exactly, or iteratively in products.

Which way it goes follows from the incidence of the factors: how many columns are left after the chain, and how many
pairs of them meet in a group of it.
"""

import dataclasses
import os
from dataclasses import dataclass

import jax
import numpy as np

from .buckets import make_buckets
from .layout import make_layout
from .plan import ChainLevel, HostTerm, Plan, index_type, plan_chain
from .products import crossed_cells

# A group that meets more than this share of the columns is cheaper in a dense product: one pair of pairs takes as long
# as 60 multiply-adds there (2.4 ns against 0.04 ns), so m^2/2 x 60 > columns^2.
HEAVY = 0.18
COPIES = 8  # matrices of the remainder's size that an evaluation holds at once
PAIR_BYTES = 40  # per pair of pairs: three indices and the products
PROBES = 32
LEAN = 4096  # columns from which on few copies matter more than a few seconds
LEAN_COPIES = 6  # the same where the remainder is inverted in its own place
PROBE_COPIES = 8  # arrays of columns times probes
LEAN_BYTES = 0.5e9  # and what its parts take at a time
WORTH_SAYING = 2e9  # bytes
SHARE = 0.7  # of the machine's memory that a dense remainder may take before it is met iteratively


UNSOLVED = (
    "solver(iterative) found no solution: conjugate gradients did not converge, because the levels of the crossed "
    "factors are nearly the same or variances are huge beside the errors'. Use solver(exact) if the model fits into "
    "memory, other starting values (start=), or leave out one of the factors"
)


@dataclass(frozen=True)
class Solver:
    """`method` is "exact", "iterative", or "auto": exact where that fits into memory.  `probes` random vectors, drawn
    with `seed`, estimate traces in the iterative method (None: `PROBES` of them, with the seed 0).  `lean` says that
    the model can do with one matrix of the size of a large remainder (random intercepts only), whose second derivatives
    then come from products."""

    method: str = "auto"
    probes: int | None = None
    seed: int | None = None
    lean: bool = False


AUTO = Solver()


def make_plan(hosts: list[HostTerm], solver: Solver = AUTO) -> tuple[Plan, list[list[np.ndarray]]]:
    """The plan and, per chain level and crossed term, the pair numbers (n, width) of the rows.

    Raises:
        ValueError: see `complete_plan`.
    """
    plan, numbers = plan_chain(hosts)
    entries = [e for cells in crossed_cells(plan, hosts) for e in cells.entries]
    return complete_plan(plan, np.concatenate([np.zeros(0, np.int64), *entries]), solver), numbers


def complete_plan(plan: Plan, entries: np.ndarray, solver: Solver = AUTO) -> Plan:
    """A plan of `plan_chain` with what its remainder takes: the Schur update, or the layout of a sparse one.

    `entries` are `Products.crossed_entries`, where the products among the crossed columns go.

    Raises:
        ValueError: an exact remainder that cannot fit into this machine's memory, an iterative method where there is no
            remainder, or probes where nothing is drawn.
    """
    if solver.method == "iterative" and not plan.columns:
        raise ValueError(
            "solver(iterative) is for crossed random effects; this model has none (its levels are nested), and is "
            "solved exactly in linear time; leave it out"
        )
    lean = solver.lean and may_be_lean(plan, plan.columns)
    needed = predicted_memory(plan, lean)
    iterative = solver.method == "iterative" or (solver.method == "auto" and needed > SHARE * machine_memory())
    probes, seed = solver.probes or PROBES, solver.seed or 0
    if iterative:
        _check_probes(plan.columns, probes)
        return dataclasses.replace(plan, sparse=make_layout(plan, entries, probes, seed))
    if solver.probes is not None or solver.seed is not None:
        raise ValueError(
            "probes() and rseed() are for solver(iterative), and this model is solved exactly, so that nothing is "
            "drawn; leave them out, or ask for solver(iterative) where effects are crossed"
        )
    check_memory(plan.columns, needed)
    chain = tuple(with_update(level, plan.terms[level.term].size, plan.columns, lean) for level in plan.chain)
    rough = make_layout(plan, entries, probes, seed) if lean else None
    return dataclasses.replace(plan, chain=chain, rough=rough)


def may_be_lean(plan: Plan, columns: int) -> bool:
    """May a remainder of so many columns be met with one matrix of its size?"""
    return columns > LEAN and all(plan.terms[t].width == 1 for t in plan.crossed)


def _check_probes(columns: int, probes: int) -> None:
    """Refuse probes that cannot fit into memory."""
    needed, total = 8.0 * PROBE_COPIES * columns * probes, machine_memory()
    if needed > total:
        raise ValueError(
            f"probes({probes}) with {columns:,} crossed columns need about {needed / 1e9:.1f} GB of memory and there "
            f"are {total / 1e9:.1f} GB; take fewer"
        )


def machine_memory() -> float:
    """Bytes of the memory in which arrays lie, the device's where it says; infinity where nobody does."""
    stats = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return float(stats["bytes_limit"])
    return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")) if hasattr(os, "sysconf") else np.inf


def predicted_memory(plan: Plan, lean: bool = False) -> float:
    """Bytes that a fit with a dense remainder needs beside its data."""
    if lean:
        pairs = sum(len(level.pair_group) for level in plan.chain)
        return LEAN_BYTES + 8.0 * LEAN_COPIES * plan.columns**2 + PAIR_BYTES * pairs
    listed = sum(_pairs_of_pairs(_meetings(level, plan), plan.columns) for level in plan.chain)
    return 8.0 * COPIES * plan.columns**2 + PAIR_BYTES * listed


def outlook(plan: Plan) -> str | None:
    """What a fit with many crossed columns will take, in words; None of small ones."""
    if plan.sparse is not None:
        probes = plan.sparse.vectors.shape[1] - plan.sparse.exact
        return f"The crossed factors leave {plan.columns:,} columns, which are solved iteratively with {probes} probes."
    needed = predicted_memory(plan, plan.rough is not None)
    if needed < WORTH_SAYING:
        return None
    return (
        f"The crossed factors leave a dense matrix of {plan.columns:,} columns; the fit takes about "
        f"{needed / 1e9:.1f} GB of memory."
    )


def check_memory(columns: int, needed: float) -> None:
    """Refuse a model whose dense remainder cannot fit into this machine's memory."""
    total = machine_memory()
    if needed > total:
        raise ValueError(
            f"the crossed factors leave a dense matrix of {columns:,} columns; an exact fit needs about "
            f"{needed / 1e9:.1f} GB of memory and this machine has {total / 1e9:.1f} GB. Leave out solver(exact): "
            "the iterative solver has a Monte Carlo error, which it reports, and needs little memory"
        )


def _meetings(level: ChainLevel, plan: Plan) -> np.ndarray:
    """How many columns each group meets."""
    return np.bincount(level.pair_group, minlength=plan.terms[level.term].size).astype(np.int64)


def _pairs_of_pairs(counts: np.ndarray, columns: int) -> int:
    """What is listed: the pairs of pairs of the groups that are not heavy."""
    light = counts[counts <= HEAVY * columns]
    return int(np.sum(light * (light + 1) // 2))


def with_update(level: ChainLevel, size: int, columns: int, lean: bool = False) -> ChainLevel:
    """The level with its Schur update, `lean` without a list of it; pairs are sorted by (group, column)."""
    group, column = np.asarray(level.pair_group), np.asarray(level.pair_column)
    if len(group) == 0:
        return level
    index = index_type(columns)
    counts = np.bincount(group, minlength=size)
    is_heavy = counts > HEAVY * columns
    heavy_pairs = np.flatnonzero(is_heavy[group])
    row = np.cumsum(is_heavy) - 1
    heavy_cells = row[group[heavy_pairs]].astype(index) * index(columns) + column[heavy_pairs]
    level = dataclasses.replace(
        level,
        heavy_pairs=heavy_pairs.astype(np.int32),
        heavy_cells=heavy_cells.astype(index),
        heavy=int(is_heavy.sum()),
    )
    if lean:
        return dataclasses.replace(level, buckets=make_buckets(group, column, ~is_heavy))
    start = np.concatenate([[0], np.cumsum(counts)[:-1]])
    # ordered by column, so that consecutive writes stay close together
    by_column = np.argsort(column, kind="stable")
    by_column = by_column[~is_heavy[group[by_column]]]
    repeats = (by_column - start[group[by_column]] + 1).astype(np.int32)
    left = np.repeat(by_column.astype(np.int32), repeats)
    base = start[group[by_column]] - (np.cumsum(repeats, dtype=np.int64) - repeats)
    right = (np.repeat(base, repeats) + np.arange(len(left))).astype(np.int32)
    entry = column.astype(index)[left] * index(columns) + column[right]
    return dataclasses.replace(level, left=left, right=right, entry=entry)
