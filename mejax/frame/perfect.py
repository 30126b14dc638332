"""Observations whose outcome a covariate predicts perfectly.

Let t be a value such that y = 1 wherever x > t and y = 0 wherever x < t, or the other way round.  Every observation
with x != t is then fitted without error by an infinite coefficient of x (Albert and Anderson 1984, quasi-complete
separation).  As in the suite's `logit`, those observations leave the sample and x, which does not vary over the rest,
leaves the model.  Where no observation has x = t the separation is complete and there is nothing to estimate.
Without a constant the only such t is 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..design import FixedColumn


@dataclass(frozen=True)
class Predicted:
    """What is left: `rows`, a mask over the sample; `gone`, places of columns that leave; a note for each."""

    rows: np.ndarray
    gone: tuple[int, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Split:
    """x over the rows left: `t`, whether successes lie above it, and whether any row has x = t."""

    t: float
    rises: bool
    complete: bool


def perfectly_predicted(
    x: np.ndarray, columns: Sequence[FixedColumn], y: np.ndarray, response: str, weights: np.ndarray | None = None
) -> Predicted:
    """Search the columns of `x` (n, p), again and again until no more is found.

    Args:
        x: the fixed part; `columns` names what stands in it.
        y: 0 or 1, (n,).
        response: its name, for messages.
        weights: frequency weights, which count observations in the notes.

    Raises:
        ValueError: one covariate tells all successes from all failures, or nothing that varies is left.
    """
    rows = np.ones(len(y), dtype=bool)
    gone: list[int] = []
    notes: list[str] = []
    constant = any(column.constant for column in columns)
    named = {column.index: column.label for column in columns if column.index >= 0 and not column.constant}
    while True:
        before = len(gone)
        whole = rows.all()
        for j in _suspects(x if whole else x[rows], y if whole else y[rows], constant):
            if j not in named or j in gone:
                continue
            values, outcomes = x[rows, j], y[rows]
            split = _split(values, outcomes, constant)
            if split is None:
                continue
            if split.complete:
                raise ValueError(_complete(named[j], response, values, outcomes, split))
            leaving = values != split.t
            notes.append(_note(named[j], values, split, _count(leaving, None if weights is None else weights[rows])))
            rows[np.flatnonzero(rows)[leaving]] = False
            gone.append(j)
            _require_variation(y[rows], response, notes)
        if len(gone) == before:
            return Predicted(rows, tuple(gone), tuple(notes))


def _suspects(x: np.ndarray, y: np.ndarray, constant: bool) -> list[int]:
    """Columns over which a value separates the outcomes; constant columns are none."""
    success = y == 1
    above, below = _range(x[success]), _range(x[~success])
    rises, falls = _separates(below[1], above[0], constant), _separates(above[1], below[0], constant)
    varies = np.minimum(above[0], below[0]) < np.maximum(above[1], below[1])
    return [int(j) for j in np.flatnonzero((rises | falls) & varies)]


def _range(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return x.min(axis=0), x.max(axis=0)


def _separates(lower_maximum, upper_minimum, constant: bool):
    """Whether a value lies between the two (0, without a constant)."""
    return lower_maximum <= upper_minimum if constant else (lower_maximum <= 0) & (upper_minimum >= 0)


def _split(values: np.ndarray, y: np.ndarray, constant: bool) -> _Split | None:
    if values.min() == values.max():
        return None
    success, failure = values[y == 1], values[y == 0]
    for rises, lower, upper in ((True, failure, success), (False, success, failure)):
        low, high = lower.max(), upper.min()
        if _separates(low, high, constant):
            t = float(low) + 0.0 if constant else 0.0  # no -0 in notes
            return _Split(t, rises, complete=low < high if constant else not np.any(values == 0))
    return None


def _count(leaving: np.ndarray, weights: np.ndarray | None) -> str:
    count = int(np.count_nonzero(leaving) if weights is None else weights[leaving].sum())
    return f"{count:,} {'observation' if count == 1 else 'observations'} not used"


def _note(label: str, values: np.ndarray, split: _Split, count: str) -> str:
    t, above, below = f"{split.t:g}", bool(np.any(values > split.t)), bool(np.any(values < split.t))
    if above and below:
        words = ("success", "failure") if split.rises else ("failure", "success")
        found = f"{label} > {t} predicts {words[0]} and {label} < {t} {words[1]} perfectly"
    else:
        found = f"{label} != {t} predicts {'success' if above == split.rises else 'failure'} perfectly"
    return f"note: {found}; {label} omitted and {count}"


def _complete(label: str, response: str, values: np.ndarray, y: np.ndarray, split: _Split) -> str:
    success, failure = values[y == 1], values[y == 0]
    sign, edge = (">", failure.max()) if split.rises else ("<", failure.min())
    if success.min() == success.max():
        sign, edge = "==", success[0]
    advice = f"leave `{label}` out (`asis` would keep it)"
    return (f"`{label} {sign} {edge:g}` predicts the outcome perfectly: `{response}` is 1 wherever it holds and "
            f"0 elsewhere, so that the likelihood has no maximum; {advice}")  # fmt: skip


def _require_variation(y: np.ndarray, response: str, notes: Sequence[str]) -> None:
    if 0 < np.count_nonzero(y) < len(y):
        return
    found = "; ".join(note.removeprefix("note: ") for note in notes)
    raise ValueError(f"the outcome `{response}` does not vary over the {len(y):,} observations left after perfect "
                     f"prediction ({found}); leave these covariates out (`asis` would keep them)")  # fmt: skip
