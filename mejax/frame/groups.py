"""The groups of a random-effects level: one code per distinct combination of grouping variables."""

from dataclasses import dataclass

import numpy as np

from .column import Column, level_text
from .levels import compress
from .sample import Sample
from .table import Source


@dataclass(frozen=True)
class Key:
    """The distinct values of one grouping variable in the sample, sorted."""

    name: str
    values: np.ndarray

    def find(self, column: Column) -> np.ndarray:
        """Codes of a column of new data; -1 where missing or never seen."""
        if column.kind == "number" and self.values.dtype.kind in "iuf":
            codes = sorted_lookup(self.values, column.values)
            return codes if column.missing is None else np.where(column.missing, -1, codes)
        known = {_comparable(value): code for code, value in enumerate(self.values)}
        if column.kind == "number":
            inner, distinct = compress(np.where(np.isnan(column.numbers()), np.inf, column.numbers()))
        else:
            assert column.levels is not None
            inner, distinct = column.values, [*column.levels, None]
        return np.array([known.get(_comparable(value), -1) for value in distinct], dtype=np.int64)[inner]


def _comparable(value: object) -> object:
    """Equal for 1, 1.0 and "1": a table may give identifiers as numbers or as text."""
    return level_text(value) if isinstance(value, (int, float, np.number, str)) else value


def sorted_lookup(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The place of every value among those known, which are sorted; -1 where it is not there."""
    if not len(known):
        return np.full(len(values), -1)
    if known.dtype.kind == "i" and values.dtype.kind == "i" and int(known[-1]) - int(known[0]) < 4 * len(values):
        # a table of the whole range, several times as fast as searching
        low, high = int(known[0]), int(known[-1])
        known, values = known.astype(np.int64), values.astype(np.int64, copy=False)
        table = np.full(high - low + 1, -1, dtype=np.int64)
        table[known - low] = np.arange(len(known))
        return np.where((values >= low) & (values <= high), table[np.clip(values, low, high) - low], -1)
    place = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[place] == values, place, -1)


@dataclass(frozen=True)
class Grouping:
    """Codes of the sample's rows and what is needed to find those of other rows.

    `pairs[i]` are the sorted combinations of the groups of the first i+1 variables with the values of the next one.
    """

    codes: np.ndarray
    values: tuple[np.ndarray, ...]
    size: int
    keys: tuple[Key, ...] = ()
    pairs: tuple[np.ndarray, ...] = ()

    def find(self, source: Source) -> np.ndarray:
        """Codes of the rows of new data; -1 for groups never seen."""
        if not self.keys:
            return np.zeros(source.n, dtype=np.int32)
        codes = self.keys[0].find(source.column(self.keys[0].name))
        for key, pairs in zip(self.keys[1:], self.pairs, strict=True):
            inner = key.find(source.column(key.name))
            joint = np.where((codes < 0) | (inner < 0), -1, codes * np.int64(len(key.values)) + inner)
            codes = sorted_lookup(pairs, joint)
        return codes.astype(np.int32)


def everything(n: int) -> Grouping:
    """`_all`: one group."""
    return Grouping(np.zeros(n, dtype=np.int32), (), 1)


def group(variables: tuple[str, ...], source: Source, sample: Sample, cache: dict) -> Grouping:
    """The groups that the distinct combinations of `variables` form in the sample, in sorted order."""
    if not variables:
        return everything(sample.n)
    if variables in cache:
        return cache[variables]
    *outer, last = variables
    found = _single(source.column(last), sample) if (last,) not in cache else cache[(last,)]
    cache[(last,)] = found
    if outer:
        found = _combine(group(tuple(outer), source, sample, cache), found)
    cache[variables] = found
    return found


def _single(column: Column, sample: Sample) -> Grouping:
    codes, distinct = compress(sample.take(column.values))
    values = distinct if column.levels is None else column.levels[distinct]
    return Grouping(codes, (values,), len(values), (Key(column.name, values),))


def _combine(outer: Grouping, inner: Grouping) -> Grouping:
    codes, pairs = compress(outer.codes.astype(np.int64) * inner.size + inner.codes)
    values = (*(v[pairs // inner.size] for v in outer.values), *(v[pairs % inner.size] for v in inner.values))
    return Grouping(codes, values, len(pairs), outer.keys + inner.keys, (*outer.pairs, pairs))


def keys_of_rows(variables: tuple[str, ...], source: Source) -> tuple[np.ndarray, ...]:
    """The values of the grouping variables in every row of new data (None where missing, NaN in float columns)."""
    return tuple(_row_values(source.column(name)) for name in variables)


def _row_values(column: Column) -> np.ndarray:
    if column.kind == "number":
        return column.numbers() if column.missing is not None else column.values
    assert column.levels is not None
    table = np.empty(len(column.levels) + 1, dtype=object)
    table[:-1] = list(column.levels)
    return table[column.values]
