"""The estimation sample as marginaleffects wants it: a polars table, and what kind of variable each column is."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import polars as pl

from ..fitting import Estimates
from ..frame import Encoding
from ..frame.column import Column, level_text
from ..frame.evaluate import names_in

RESERVED = {
    "rowid", "type", "group", "estimate", "std_error", "p_value", "s_value", "conf_low", "conf_high", "term",
    "contrast", "statistic",
}  # fmt: skip
_OPTIONS = ("binomial", "time", "ll", "ul")  # that predictions of new rows may read


def covariates_of(encoding: Encoding, marginal: bool) -> tuple[str, ...]:
    """The columns that change predictions; those of random effects do where these are integrated out."""
    mean = encoding.mean
    codings: list[Any] = [encoding.fixed] if mean is None else [*mean.combinations]
    if marginal:
        codings += [effect.coding for effect in encoding.effects if effect.coding is not None]
    names = [name for coding in codings for name in coding.variables]
    return tuple(dict.fromkeys((*(() if mean is None else mean.columns), *names)))


def others_of(encoding: Encoding) -> tuple[str, ...]:
    """Further columns that new rows may need: offset or exposure, numbers of trials, times, limits."""
    read = [e for option, e in encoding.expressions.items() if option in _OPTIONS]
    read += [] if encoding.offset is None else [encoding.offset]
    return tuple(dict.fromkeys(name.name for e in read for name in names_in(e)))


def sample_table(estimates: Estimates, encoding: Encoding) -> pl.DataFrame:
    """The columns that the model uses, over the estimation sample, and the response where it is no column itself.

    Columns whose names marginaleffects keeps for its results, such as a grouping variable `group`, are left out.
    """
    held = {name: _series(column, encoding.sample) for name, column in encoding.columns.items()}
    if estimates.names.response not in held:
        y = estimates.design.y
        held[estimates.names.response] = pl.Series(np.asarray(y[1] if isinstance(y, tuple) else y))
    return pl.DataFrame({name: series for name, series in held.items() if name not in RESERVED})


def _series(column: Column, sample: np.ndarray) -> pl.Series:
    """Whole numbers as integers, words as an enumeration in the order of their levels."""
    values = column.values[sample]
    if column.kind == "number":
        known = np.isfinite(values)
        if known.all() and np.all(values == np.floor(values)) and np.all(np.abs(values) < 2**53):
            return pl.Series(values.astype(np.int64))
        return pl.Series(values.astype(np.float64), nan_to_null=True)
    assert column.levels is not None
    levels = column.levels.tolist()
    if all(isinstance(level, int | float) for level in levels):  # categories that are numbers
        return pl.Series([None if code < 0 else levels[code] for code in values])
    words = [level_text(level) for level in levels]
    return pl.Series([None if code < 0 else words[code] for code in values], dtype=pl.Enum(words))


def variable_types(table: pl.DataFrame, factors: Collection[str], response: str) -> Mapping[str, str]:
    """What each column is to marginaleffects: "character" for factors, also those of numbers, which are compared level
    by level; "binary", "integer" and "numeric" are numbers."""
    found = {}
    for name in table.columns:
        column = table[name]
        if name in factors or isinstance(column.dtype, pl.Enum):
            found[name] = "character"
        elif column.dtype == pl.Boolean:
            found[name] = "boolean"
        elif name != response and ((column == 0) | (column == 1)).all():
            found[name] = "binary"
        else:
            found[name] = "integer" if column.dtype.is_integer() else "numeric"
    return found
