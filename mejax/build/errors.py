"""Within-group errors from their names and data: structures, and the layout of the rows."""

import numpy as np

from ..covstruct import (
    AbstractCorrelation,
    AbstractErrorScale,
    AbstractLayout,
    AbstractMarkovCorrelation,
    Autoregressive,
    Banded,
    BandedCorrelation,
    DistinctScale,
    EqualScale,
    ErrorRows,
    Errors,
    ExchangeableErrors,
    Exponential,
    ExponentialScale,
    FirstOrder,
    GridLayout,
    LinearScale,
    MovingAverage,
    PowerScale,
    SequenceLayout,
    ToeplitzErrors,
)
from ..design import Design, ErrorNames, Names, WithinGroups
from ..elimination import machine_memory


def build_errors(design: Design, names: Names) -> tuple[Errors | None, ErrorRows | None]:
    """The structure and the rows; (None, None) for independent errors with one variance."""
    within, words = design.within, names.errors
    if within is None or words is None:
        return None, None
    if design.weights is not None:
        raise ValueError("frequency weights repeat observations, which structured errors would correlate; expand the "
                         "data instead, or leave out residuals()")  # fmt: skip
    correlation = _correlation(words, within)
    strata = max(len(words.strata), 1)
    errors = Errors(_scale(words), correlation, strata, max(len(words.by), 1), words.joint)
    n = len(within.groups)
    none = np.zeros(n, np.int32)
    layout = None if correlation is None else _layout(correlation, within)
    of_rows = none if within.strata is None else np.asarray(within.strata, np.int32)
    variable = None if within.variable is None else np.asarray(within.variable, float)
    return errors, ErrorRows(of_rows, variable, layout)


def _scale(words: ErrorNames) -> AbstractErrorScale:
    if words.variance == "distinct":
        return DistinctScale(len(words.indices), words.indices)
    if words.variance == "power":
        return PowerScale(words.constant)
    return {"identity": EqualScale, "linear": LinearScale, "exponential": ExponentialScale}[words.variance]()


def _correlation(words: ErrorNames, within: WithinGroups) -> AbstractCorrelation | None:
    kind, order = words.correlation, words.order or 1
    if kind == "identity":
        return None
    if kind == "exchangeable":
        return ExchangeableErrors()
    if kind in ("exponential", "ctar1"):
        return Exponential(_typical_gap(within))
    if kind in ("banded", "unstructured"):
        size = len(words.categories)
        width = size - 1 if kind == "unstructured" or words.order is None else words.order
        return (Banded if words.joint else BandedCorrelation)(size, width, words.categories)
    if kind == "ar" and order == 1:
        return FirstOrder(int(np.min(_gaps(within), initial=1e9)))
    if kind == "ar":
        return Autoregressive(order, int(np.max(_ranges(within))) + 1)
    return {"ma": MovingAverage, "toeplitz": ToeplitzErrors}[kind](words.order or 0)


def _ranges(within: WithinGroups) -> np.ndarray:
    """The time between the first and the last row of each group."""
    times = np.asarray(within.times)
    low, high = np.full(within.size, np.inf), np.full(within.size, -np.inf)
    np.minimum.at(low, within.groups, times)
    np.maximum.at(high, within.groups, times)
    return high - low


def _typical_gap(within: WithinGroups) -> float:
    gaps = _gaps(within)
    return float(np.median(gaps)) if len(gaps) else 1.0


def _gaps(within: WithinGroups) -> np.ndarray:
    """Times between neighbouring rows of a group."""
    layout = _sequence(within)
    return np.asarray(layout.gap)[np.asarray(layout.previous) < len(layout.gap)]


def _layout(correlation: AbstractCorrelation, within: WithinGroups) -> AbstractLayout:
    if isinstance(correlation, AbstractMarkovCorrelation):
        return _sequence(within)
    return _grid(within, categories=isinstance(correlation, Banded | BandedCorrelation))


def _by(within: WithinGroups) -> np.ndarray:
    return np.zeros(len(within.groups), np.int32) if within.by is None else np.asarray(within.by, np.int32)


def _sorted(within: WithinGroups) -> tuple[np.ndarray, np.ndarray]:
    """(rows by group and time, where a group begins among them)."""
    times = np.zeros(len(within.groups)) if within.times is None else np.asarray(within.times)
    order = np.lexsort((times, within.groups))
    groups = np.asarray(within.groups)[order]
    return order, np.concatenate([[True], groups[1:] != groups[:-1]])


def _sequence(within: WithinGroups) -> SequenceLayout:
    order, first = _sorted(within)
    n, times = len(order), np.asarray(within.times, float)
    previous, gap = np.full(n, n, np.int32), np.ones(n)
    later = np.flatnonzero(~first)
    previous[order[later]] = order[later - 1]
    gap[order[later]] = times[order[later]] - times[order[later - 1]]
    return SequenceLayout(previous, gap, _by(within))


def _grid(within: WithinGroups, categories: bool) -> GridLayout:
    """`categories`: the times are numbers of categories; otherwise nothing but their differences counts."""
    order, first = _sorted(within)
    n, number = len(order), np.cumsum(first) - 1
    start = np.flatnonzero(first)
    place = np.arange(n) - start[number]
    m, size = int(place.max()) + 1, len(start)
    _check_grid(m, size)
    grid, times = np.full((size, m), n, np.int32), np.zeros((size, m))
    grid[number, place] = order
    if within.times is not None:
        times[number, place] = np.asarray(within.times)[order]
    held = grid < n
    if not categories:
        times = np.where(held, times - times[:, :1], 0.0)
    by = _by(within)[order[start]]
    _, chosen, pattern = np.unique(np.column_stack([by, held, times]), axis=0, return_index=True, return_inverse=True)
    flat = np.empty(n, np.int64)
    flat[order] = number * m + place
    return GridLayout(
        grid, flat.astype(np.int32), pattern.reshape(-1).astype(np.int32), times[chosen], held[chosen], by[chosen]
    )


def _check_grid(m: int, size: int) -> None:
    """Refuse groups whose correlation matrices cannot fit into this machine's memory."""
    needed, memory = 8.0 * 6 * m * m * size, machine_memory()
    if needed > memory:
        raise ValueError(
            f"this correlation needs a matrix of {m:,} x {m:,} numbers for each of {size:,} groups, about "
            f"{needed / 1e9:,.1f} GB; this machine has {memory / 1e9:,.1f} GB. residuals(ar 1) and "
            "residuals(exponential) need no matrices"
        )
