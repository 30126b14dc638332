"""The first look at a table that is read in batches: which rows are used, and what values their keys and factors take.

A batch is brought to the rows of the sample, so that everything after it sees complete rows only.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..syntax.spec import Spec
from .column import Column
from .evaluate import evaluate, words
from .groups import Key
from .levels import compress, factor
from .needs import collect, sample_of
from .parquet import Parquet
from .sample import Sample, select
from .table import Source
from .varlist import finite
from .weights import require_weights


@dataclass(frozen=True)
class Batch:
    """The used rows of a batch: `source` holds nothing else; y has the offset taken out; `weights` None: all 1."""

    source: Source
    y: np.ndarray
    weights: np.ndarray | None


@contextmanager
def located(place: str) -> Iterator[None]:
    """Errors about a row of a batch say where the batch stands."""
    try:
        yield
    except ValueError as problem:
        if " in row " not in str(problem):
            raise
        raise ValueError(f"{problem} [rows counted from 1 within {place}]") from None


def used_rows(spec: Spec, source: Source) -> tuple[Sample, Batch]:
    """The sample in a batch, whose `mask` is over the batch."""
    needs = collect(spec, source)
    sample = select(spec, source).without(needs.missing)
    if needs.weights is not None:
        weight = spec.weights[0]
        chosen = sample.take(needs.weights)
        require_weights(chosen, weight.kind, words(weight.expression), sample)
        sample = sample.leave(chosen == 0)
    weights = None if needs.weights is None else sample.take(needs.weights)
    y = sample_of(needs.response, words(spec.response), sample)
    if spec.offset is not None:
        y = y - sample_of(evaluate(spec.offset, source), "offset", sample)
    return sample, Batch(_restricted(source, sample), y, weights)


def _restricted(source: Source, sample: Sample) -> Source:
    """The rows of the sample alone."""
    if sample.n == source.n:
        return source
    columns = {name: _taken(column, sample) for name, column in source.cache.items()}
    return replace(source, n=sample.n, cache=columns, index=None)


def _taken(column: Column, sample: Sample) -> Column:
    missing = None if column.missing is None else sample.take(column.missing)
    return replace(column, values=sample.take(column.values), missing=missing)


@dataclass
class Tally:
    """The sample of all batches, counted."""

    history: tuple[str, ...] = ()
    rows: int = 0
    selected: int = 0
    n: int = 0
    losses: dict[str, int] = field(default_factory=dict)

    def add(self, sample: Sample) -> None:
        self.rows += len(sample.mask)
        self.selected += sample.selected
        self.n += sample.n
        for label, count in sample.losses:
            self.losses[label] = self.losses.get(label, 0) + count

    def sample(self) -> Sample:
        """A sample of no rows with these numbers, for its note."""
        nothing = np.zeros(0, bool)
        return Sample(nothing, self.n, self.selected, self.history, tuple(self.losses.items()))

    def require(self, spec: Spec) -> None:
        """Raise where no row is left, and say what removed them."""
        if self.n:
            return
        removed = self.rows - self.selected
        steps = [] if spec.where is None else [f"`if {words(spec.where)}` and weights of zero removed {removed:,}"]
        if self.losses:
            lost = ", ".join(f"{label}: {count:,}" for label, count in self.losses.items())
            steps.append(f"missing values removed {self.selected:,} ({lost})")
        raise ValueError(f"no observations: of {self.rows:,} rows " + "; ".join(steps or ["none can be used"]))


@dataclass
class Distinct:
    """The distinct values of a column in the sample, gathered batch by batch."""

    name: str
    column: Column | None = None
    ordered: np.ndarray | None = None  # of numbers, dates and durations
    levels: dict[Any, bool] = field(default_factory=dict)  # in the order of appearance: does it occur in the sample?

    def add(self, column: Column) -> tuple[np.ndarray, np.ndarray]:
        """Take in the rows of a batch; returns their codes, and the values that these stand for."""
        codes, present = compress(column.values)
        if not len(codes):
            return codes, present
        if self.column is not None and self.column.kind != column.kind:
            raise ValueError(
                f"`{self.name}` holds values of the kind {column.kind} in some batches and {self.column.kind} in "
                "others; store the column with one type"
            )
        self.column = column
        found = present if column.levels is None else column.levels[present]
        if found.dtype != object and column.kind != "category":
            self.ordered = found if self.ordered is None else np.union1d(self.ordered, found)
            return codes, found
        assert column.levels is not None
        for level in column.levels:
            self.levels.setdefault(level, False)
        self.levels.update(dict.fromkeys(found, True))
        return codes, found

    def values(self) -> np.ndarray:
        """In the order in which a table read as a whole has them."""
        if self.ordered is not None or self.column is None or self.column.levels is None:
            return np.zeros(0) if self.ordered is None else self.ordered
        found: list[Any] = [level for level, occurs in self.levels.items() if occurs]
        if self.column.kind != "category":
            try:
                found = sorted(found)
            except TypeError:  # what cannot be compared keeps the order of appearance
                pass
        out = np.empty(len(found), dtype=self.column.levels.dtype)
        out[:] = found
        return out

    def key(self) -> Key:
        return Key(self.name, self.values())

    def condensed(self, codes: np.ndarray) -> Column:
        """A column that takes these values, which `codes` number."""
        assert self.column is not None
        if self.column.levels is None:
            return replace(self.column, values=self.values()[codes], missing=None)
        return replace(self.column, values=codes.astype(np.int64), missing=None, levels=self.values())


@dataclass
class Gathered:
    """What the first look found: `keys` are the grouping variables, `factors` the factor variables of which `joint`
    are interacted; `combinations` are those of the values of the latter that occur."""

    tally: Tally
    keys: dict[str, Distinct]
    factors: dict[str, Distinct]
    joint: tuple[str, ...]
    combinations: set[tuple]

    def factor_source(self, probe: Source) -> Source:
        """A small table in which the factors have all their levels, and all combinations that occur."""
        places = {name: {v: k for k, v in enumerate(d.values().tolist())} for name, d in self.factors.items()}
        rows = max([len(self.combinations), *(len(p) for p in places.values()), 1])
        cache = dict(probe.cache)
        chosen = sorted(tuple(places[name][v] for name, v in zip(self.joint, c, strict=True))
                        for c in self.combinations)  # fmt: skip
        for name in self.factors:
            codes = np.minimum(np.arange(rows), len(places[name]) - 1)
            if name in self.joint:
                listed = [c[self.joint.index(name)] for c in chosen]
                codes = np.array(listed + listed[-1:] * (rows - len(listed)))
            cache[name] = self.factors[name].condensed(codes)
        return replace(probe, n=rows, cache=cache, index=None)


@dataclass(frozen=True)
class Wanted:
    """What a model uses: names of all columns, of grouping variables, of factors, of those factors that must be whole
    numbers (or categories), of those that are interacted, and of continuous covariates."""

    columns: tuple[str, ...]
    keys: tuple[str, ...]
    factors: tuple[str, ...]
    whole: tuple[str, ...]
    joint: tuple[str, ...]
    numbers: tuple[str, ...]


def first_look(spec: Spec, table: Parquet, wanted: Wanted) -> Gathered:
    """One pass over the table."""
    found = Gathered(Tally(), {k: Distinct(k) for k in wanted.keys}, {f: Distinct(f) for f in wanted.factors},
                     wanted.joint, set())  # fmt: skip
    for place, source in table.batches(wanted.columns, spec.text):
        with located(place):
            sample, batch = used_rows(spec, source)
            found.tally.add(sample)
            for name in wanted.numbers:
                finite(source.column(name), sample)
            for name in wanted.whole:
                factor(source.column(name), sample)
        for name, distinct in found.keys.items():
            distinct.add(batch.source.column(name))
        coded = {name: distinct.add(batch.source.column(name)) for name, distinct in found.factors.items()}
        if wanted.joint and sample.n:
            found.combinations |= _combinations([coded[name] for name in wanted.joint])
    found.tally.require(spec)
    return found


def _combinations(coded: Sequence[tuple[np.ndarray, np.ndarray]]) -> set[tuple]:
    """The combinations of values that occur in a batch."""
    shape = tuple(len(values) for _, values in coded)
    cells = np.unique(np.ravel_multi_index(tuple(codes for codes, _ in coded), shape))
    places = np.unravel_index(cells, shape)
    listed = [values[place].tolist() for (_, values), place in zip(coded, places, strict=True)]
    return set(zip(*listed, strict=True))
