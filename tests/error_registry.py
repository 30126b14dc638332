"""Registry of within-group errors, and rows to lay them out over: what the generic tests of errors run over."""

import numpy as np

from mejax.covstruct import (
    AbstractLayout,
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

SPAN = 6  # times are 0 to 5, categories 0 to 5
LABELS = ("8", "10", "12", "14", "16", "18")

CORRELATIONS = {
    "exchangeable": lambda: ExchangeableErrors(),
    "ar1": lambda: FirstOrder(),
    "ar2": lambda: Autoregressive(2, SPAN),
    "ma2": lambda: MovingAverage(2),
    "toeplitz2": lambda: ToeplitzErrors(2),
    "banded2": lambda: Banded(SPAN, 2, LABELS),
    "unstructured": lambda: Banded(SPAN, SPAN - 1, LABELS),
    "banded correlation": lambda: BandedCorrelation(SPAN, 2, LABELS),
    "exponential": lambda: Exponential(1.5),
}

SCALES = {
    "equal": lambda: EqualScale(),
    "linear": lambda: LinearScale(),
    "power": lambda: PowerScale(constant=True),
    "pure power": lambda: PowerScale(constant=False),
    "exponential": lambda: ExponentialScale(),
    "distinct": lambda: DistinctScale(SPAN, LABELS),
}

ALONE = ("exchangeable", "ar2", "ma2", "toeplitz2", "banded2", "exponential")  # the others are parts of those below

ERRORS = {
    **{name: lambda name=name: Errors(EqualScale(), CORRELATIONS[name](), joint=True) for name in ALONE},
    **{f"variance {name}": lambda make=make: Errors(make(), None) for name, make in SCALES.items()},
    "independent by": lambda: Errors(EqualScale(), None, strata=2, by=2, joint=True),
    "ar1 by": lambda: Errors(EqualScale(), FirstOrder(), strata=2, by=2, joint=True),
    "power strata, ar1 by": lambda: Errors(PowerScale(constant=True), FirstOrder(), strata=3, by=2),
    "distinct, unstructured": lambda: Errors(DistinctScale(SPAN, LABELS), BandedCorrelation(SPAN, SPAN - 1, LABELS)),
}


def unequal_groups(rng: np.random.Generator, count: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """(groups, times) of shuffled rows: from one row to all times, most of them with gaps; two groups alike."""
    sizes = np.concatenate([[1, 2, SPAN], rng.integers(2, SPAN, size=count - 3)])
    times = [np.sort(rng.permutation(SPAN)[:size]).astype(float) for size in sizes]
    times[-1] = times[3]
    groups = np.repeat(np.arange(count), [len(t) for t in times])
    order = rng.permutation(len(groups))
    return groups[order], np.concatenate(times)[order]


def sequence(groups: np.ndarray, times: np.ndarray, by: np.ndarray) -> SequenceLayout:
    n = len(groups)
    previous, gap = np.full(n, n), np.zeros(n)
    for i in range(n):
        before = [j for j in range(n) if groups[j] == groups[i] and times[j] < times[i]]
        if before:
            previous[i] = max(before, key=lambda j: times[j])
            gap[i] = times[i] - times[previous[i]]
    return SequenceLayout(previous, gap, by)


def grid(groups: np.ndarray, times: np.ndarray, by: np.ndarray) -> GridLayout:
    n, members = len(groups), [np.flatnonzero(groups == g) for g in np.unique(groups)]
    members = [rows[np.argsort(times[rows])] for rows in members]
    width = max(map(len, members))
    cells, place = np.full((len(members), width), n), np.zeros(n, int)
    for g, rows in enumerate(members):
        cells[g, : len(rows)] = rows
        place[rows] = g * width + np.arange(len(rows))
    keys = [(*times[rows], int(by[rows[0]])) for rows in members]
    patterns = sorted(set(keys), key=keys.index)
    at, held = np.zeros((len(patterns), width)), np.zeros((len(patterns), width), bool)
    for p, key in enumerate(patterns):
        at[p, : len(key) - 1], held[p, : len(key) - 1] = key[:-1], True
    pattern = np.array([patterns.index(key) for key in keys])
    return GridLayout(cells, place, pattern, at, held, np.array([key[-1] for key in patterns]))


def rows_of(errors: Errors, groups: np.ndarray, layout: AbstractLayout | None) -> ErrorRows:
    """Rows whose strata alternate between the groups, with a positive covariate (categories for `DistinctScale`)."""
    varying = np.linspace(0.3, 2.5, len(groups))
    categories = np.arange(len(groups)) % SPAN
    variable = categories.astype(float) if isinstance(errors.scale, DistinctScale) else varying
    return ErrorRows(groups % errors.strata, variable, layout)
