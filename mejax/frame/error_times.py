"""The times of within-group errors: what each structure takes, and which of its parameters the data can tell."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..syntax.problem import SyntaxProblem
from ..syntax.spec import Residuals
from .column import CONTENTS, as_numbers, level_text
from .groups import Grouping
from .response_coding import categories
from .sample import Sample, first_row, table_row
from .table import Source
from .varlist import finite

_MOST_CATEGORIES = 200
_MOST_COVARIANCES = 300  # of unstructured and banded errors: more take hours
_CATEGORICAL = ("banded", "unstructured")
_WORDS = {"ar": "AR", "ma": "MA", "toeplitz": "Toeplitz", "banded": "Banded"}


@dataclass(frozen=True)
class Categories:
    """The values of a column that occur in the sample, in order: a code for every row, a label for every value."""

    name: str
    codes: np.ndarray
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Times:
    """The times of the errors as their structure takes them (None: it needs none), its order, the labels of those
    times that have parameters of their own."""

    values: np.ndarray | None = None
    order: int | None = None
    labels: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Rows:
    """The rows of the sample by group, with their times and the `by` group of their correlation."""

    sample: Sample
    groups: Grouping
    times: np.ndarray
    by: np.ndarray
    name: str | None  # of the column of times; None: the order of the rows
    by_words: tuple[str, ...]  # " where girl is 1", one for each by group

    def pairs(self, distance: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows of a group that are 1, 2, ..., `distance` places apart in the order of time; the earlier ones first."""
        order = np.lexsort((self.times, self.groups.codes))
        for d in range(1, distance + 1):
            first, second = order[:-d], order[d:]
            same = self.groups.codes[first] == self.groups.codes[second]
            if not same.any():
                return
            yield first[same], second[same]

    @property
    def place(self) -> str:
        """Where the times are from, in words."""
        return "the order of the rows" if self.name is None else f"`{self.name}`"


def categories_of(name: str | None, source: Source, sample: Sample) -> Categories | None:
    """The values of a column each of which has parameters of its own."""
    if name is None:
        return None
    found = _categories(name, source, sample)
    if len(found.labels) > _MOST_CATEGORIES:
        raise ValueError(f"`{name}` has {len(found.labels):,} values in the sample, and each would have parameters of "
                         f"its own: at most {_MOST_CATEGORIES} can")  # fmt: skip
    return found


def _categories(name: str, source: Source, sample: Sample) -> Categories:
    column = source.column(name)
    values = finite(column, sample) if column.kind == "number" else sample.take(column.values)
    codes, _, labels = categories(values, column)
    return Categories(name, codes, labels)


def group_text(groups: Grouping, code: int) -> str:
    """What messages call a group: `the group id = 5`; the sample where there is but one."""
    if not groups.keys:
        return "the sample, which is one group"
    pairs = zip(groups.keys, groups.values, strict=True)
    return "the group " + ", ".join(f"{key.name} = {level_text(values[code])}" for key, values in pairs)


def read_times(residuals: Residuals, source: Source, sample: Sample, groups: Grouping, by: Categories | None) -> Times:
    """The times over the sample, checked, and the order of the structure: the largest possible where none is named."""
    if residuals.correlation == "identity":
        return Times()
    codes = np.zeros(sample.n, np.int32) if by is None else by.codes
    by_words = ("",) if by is None else tuple(f" where `{by.name}` is {label}" for label in by.labels)
    values, labels = _times(residuals, source, sample, groups)
    rows = _Rows(sample, groups, values, codes, residuals.time, by_words)
    if residuals.correlation == "exchangeable":
        _require_pairs(rows)
        return Times()
    _require_distinct(rows, labels)
    if residuals.correlation in ("exponential", "ctar1"):
        _require_pairs(rows)
        return Times(values)
    if residuals.correlation in _CATEGORICAL:
        return Times(values, _band(residuals, rows, labels, source), labels)
    return Times(values, _order(residuals, rows, source))


def _times(
    residuals: Residuals, source: Source, sample: Sample, groups: Grouping
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The times as numbers; of structures with a parameter for each time the numbers of the categories, and labels."""
    kind, name = residuals.correlation, residuals.time
    if kind == "exchangeable":
        return np.zeros(sample.n), ()
    if name is None and kind in ("exponential", "ctar1"):
        raise SyntaxProblem(f"{kind} errors need the times of the observations", source.text, residuals.span,
                            "Name the column that holds them: `t(time)`.")  # fmt: skip
    if name is None:
        places = _places_within(groups)
        labels = tuple(str(place + 1) for place in range(int(places.max()) + 1))
        return (places, labels) if kind in _CATEGORICAL else (places + 1.0, ())
    if kind in _CATEGORICAL:
        found = _categories(name, source, sample)
        return found.codes.astype(np.float64), found.labels
    column = source.column(name, residuals.span)
    if column.kind != "number":
        message = f"the times `{name}` of the errors are {CONTENTS[column.kind]}, not numbers"
        raise SyntaxProblem(message, source.text, residuals.span, as_numbers(column))
    values = finite(column, sample)
    fractional = values != np.floor(values)
    if kind not in ("exponential", "ctar1") and fractional.any():
        raise ValueError(f"`{name}` is {values[fractional][0]:g} in row {first_row(fractional, sample)}: "
                         f"{_WORDS[kind]} errors need times that are whole numbers; number them, or use `exponential` "
                         "(in menl `ctar1`) errors, which take any times")  # fmt: skip
    return values, ()


def _places_within(groups: Grouping) -> np.ndarray:
    """The place of every row among the rows of its group, from 0."""
    order = np.argsort(groups.codes, kind="stable")
    counts = np.bincount(groups.codes, minlength=groups.size)
    places = np.empty(len(order))
    places[order] = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    return places


def _require_distinct(rows: _Rows, labels: tuple[str, ...]) -> None:
    """Two errors of a group at the same time would be one."""
    for first, second in rows.pairs(1):
        same = rows.times[first] == rows.times[second]
        if same.any():
            one, two = int(first[same][0]), int(second[same][0])
            time = labels[int(rows.times[one])] if labels else f"{rows.times[one]:g}"
            places = sorted(table_row(rows.sample.mask, place) for place in (one, two))
            advice = "correct them" if rows.groups.keys else "name the groups, as in `mixed ... || id:, noconstant`"
            group = group_text(rows.groups, rows.groups.codes[one])
            raise ValueError(f"{rows.place} is {time} twice in {group} (rows {places[0]} and {places[1]}): the times "
                             f"of a group's errors must differ; {advice}")  # fmt: skip


def _require_pairs(rows: _Rows) -> None:
    """Only groups of two observations or more say something of a correlation."""
    several = np.bincount(rows.groups.codes, minlength=rows.groups.size)[rows.groups.codes] > 1
    alone = np.bincount(rows.by[several], minlength=len(rows.by_words)) == 0
    if alone.any():
        raise ValueError(f"no group has two observations{rows.by_words[int(np.argmax(alone))]}: the correlation of "
                         "errors within groups cannot be estimated")  # fmt: skip


def _order(residuals: Residuals, rows: _Rows, source: Source) -> int:
    """The order of AR, MA or Toeplitz errors."""
    _require_pairs(rows)
    kind, order = residuals.correlation, residuals.order
    order = 1 if order is None and kind != "toeplitz" else order
    longest = _longest_lags(rows)
    if kind == "ar":
        distinct = len(np.unique(rows.times))
        possible = int(min(longest.min(), distinct - 1))
        reason = f"the times are {distinct} different values, up to {longest.min():g} apart within a group"
    else:
        most = _MOST_CATEGORIES + 1 if order is None else order
        possible, reason = _consecutive_lags(rows, int(min(longest.max(), most)))
    if order is None and possible > _MOST_CATEGORIES:
        raise SyntaxProblem(f"Toeplitz errors without an order have {int(longest.max()):,} correlations here",
                            source.text, residuals.span, "Name an order, as in `toeplitz 3`.")  # fmt: skip
    if possible < 1 and order != 0 or order is not None and order > possible:
        raise _too_high(residuals, order, possible, reason, source)
    return possible if order is None else order


def _longest_lags(rows: _Rows) -> np.ndarray:
    """The longest time between two rows of a group, for each by group."""
    low, high = np.full(rows.groups.size, np.inf), np.full(rows.groups.size, -np.inf)
    np.minimum.at(low, rows.groups.codes, rows.times)
    np.maximum.at(high, rows.groups.codes, rows.times)
    longest = np.zeros(len(rows.by_words))
    np.maximum.at(longest, rows.by, (high - low)[rows.groups.codes])
    return longest


def _consecutive_lags(rows: _Rows, most: int) -> tuple[int, str]:
    """The largest k (up to `most`) such that rows of a group 1, 2, ..., k apart occur in each by group, and why no
    larger one would do."""
    seen = np.zeros((len(rows.by_words), most + 2), bool)
    seen[:, 0] = True
    for first, second in rows.pairs(most):
        gap = rows.times[second] - rows.times[first]
        near = gap <= most
        seen[rows.by[first[near]], gap[near].astype(np.int64)] = True
    ends = np.argmin(seen, axis=1)
    worst = int(np.argmin(ends))
    return int(
        ends[worst]
    ) - 1, f"no two observations of a group are {ends[worst]} apart in {rows.place}{rows.by_words[worst]}"


def _too_high(residuals: Residuals, order: int | None, possible: int, reason: str, source: Source) -> SyntaxProblem:
    kind = _WORDS[residuals.correlation]
    name = kind if order is None else f"{kind}({order})"
    if possible < 1 and residuals.correlation != "banded":
        return SyntaxProblem(f"{name} errors cannot be estimated: {reason}", source.text, residuals.span,
                             "Number the times so that neighbours are 1 apart, or use another structure.")  # fmt: skip
    return SyntaxProblem(f"{name} errors are of too high an order: {reason}", source.text, residuals.span,
                         f"The largest order possible here is {possible}.")  # fmt: skip


def _band(residuals: Residuals, rows: _Rows, labels: tuple[str, ...], source: Source) -> int | None:
    """The order of banded errors (None: unstructured); every covariance within it must occur."""
    count, order = len(labels), residuals.order
    width = count - 1 if order is None or residuals.correlation == "unstructured" else order
    if width >= count:
        reason = f"{rows.place} has {count} different {'value' if count == 1 else 'values'}"
        raise _too_high(residuals, order, count - 1, reason, source)
    parameters = (width + 1) * (2 * count - width) // 2
    if parameters > _MOST_COVARIANCES:
        raise SyntaxProblem(f"{rows.place} has {count:,} different values, so that {residuals.correlation} errors have "
                            f"{parameters:,} parameters", source.text, residuals.span,
                            f"At most {_MOST_COVARIANCES} can be fitted: use a structure such as `ar 1`, a smaller "
                            "order, or round the times.")  # fmt: skip
    _require_seen(rows, labels, width)
    return None if residuals.correlation == "unstructured" else width


def _require_seen(rows: _Rows, labels: tuple[str, ...], width: int) -> None:
    """Raise where a time does not occur in a by group, or two times within the band never in the same group."""
    count = len(labels)
    codes = rows.times.astype(np.int64)
    seen = np.zeros((len(rows.by_words), count, count), bool)
    seen[rows.by, codes, codes] = True
    for first, second in rows.pairs(count):
        seen[rows.by[first], codes[first], codes[second]] = True
    here, there = np.indices((count, count))
    unseen = np.argwhere(~seen & (there >= here) & (there - here <= width))
    if not len(unseen):
        return
    by, one, two = min(unseen.tolist(), key=lambda place: (place[1] != place[2], *place))
    where, time = rows.by_words[by], "place" if rows.name is None else f"`{rows.name}`"
    if one == two:
        raise ValueError(f"{time} {labels[one]} does not occur{where}: its variance cannot be estimated; leave `by` "
                         "out, or use a structure with fewer parameters")  # fmt: skip
    raise ValueError(f"no group has observations at both {time} {labels[one]} and {time} {labels[two]}{where}: their "
                     "covariance cannot be estimated; use a structure with fewer parameters")  # fmt: skip
