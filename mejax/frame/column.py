"""One column of a user's table in a form that does not depend on where it came from.

Numbers stay numbers (integers stay integers: identifiers may be large); everything else becomes integer codes into
an array of levels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

Kind = Literal["number", "text", "category", "date", "duration", "object"]


@dataclass(frozen=True)
class Column:
    """`values` are numbers, or codes into `levels` (-1: missing) where `kind` is not "number".

    `missing` is None where nothing is missing.  `labels` maps numbers to the words shown for them.
    `ordered`: the order of the categories has a meaning.
    """

    name: str
    kind: Kind
    values: np.ndarray
    missing: np.ndarray | None
    levels: np.ndarray | None = None
    labels: Mapping[float, str] | None = None
    ordered: bool = False

    def numbers(self) -> np.ndarray:
        """float64, NaN where missing."""
        if self.kind != "number":
            raise ValueError(f"`{self.name}` holds {CONTENTS[self.kind]}, not numbers")
        values = self.values.astype(np.float64)
        if self.missing is not None:
            values[self.missing] = np.nan
        return values

    def words(self) -> np.ndarray:
        """The text of every row, "" where missing (coded columns only)."""
        assert self.levels is not None
        return np.array([*map(level_text, self.levels), ""], dtype=object)[self.values]


CONTENTS = {"number": "numbers", "text": "text", "category": "categories", "date": "dates", "duration": "durations",
            "object": "Python objects"}  # fmt: skip


def as_numbers(column: Column) -> str:
    """What to do where numbers are needed and a column holds something else."""
    name = column.name
    if column.kind == "date":
        return "Make a number of it first, e.g. days since a date."
    if column.kind == "duration":
        return f"Make a number of it first, e.g. days: table['{name}'] / pd.Timedelta(days=1)."
    if column.kind == "text" and column.levels is not None and all(map(_numeral, column.levels)):
        return f"Its texts are numbers: pd.to_numeric(table['{name}']) makes numbers of them."
    return f"Make numbers of it first, e.g. 1 where `{name}` has a certain value and 0 elsewhere."


def _numeral(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def level_text(value: Any) -> str:
    """How a level is written in a label: integers without a decimal point."""
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        return str(int(value))
    return str(value)


def from_series(name: str, series: pd.Series, labels: Mapping[Any, Any] | None = None) -> Column:
    """Sort a pandas column into one of the kinds of `Column`."""
    dtype = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _category(name, pd.Categorical(series.array))
    if pd.api.types.is_complex_dtype(dtype):
        raise ValueError(f"`{name}` holds complex numbers: a model takes real ones, e.g. the real part or the modulus")
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        return _number(name, series, labels)
    if isinstance(dtype, pd.StringDtype):
        return _text(name, series)
    if dtype.kind == "O":
        return _inferred(name, series, labels)
    if pd.api.types.is_datetime64_any_dtype(dtype) or getattr(dtype, "kind", "") in "mM" or "date" in str(dtype):
        return _coded(name, series, "duration" if getattr(dtype, "kind", "") == "m" else "date")
    return _inferred(name, series.astype(object), labels)


def _inferred(name: str, series: pd.Series, labels: Mapping[Any, Any] | None) -> Column:
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    if inferred == "string":
        return _text(name, series)
    if inferred in ("integer", "floating", "mixed-integer-float", "decimal", "boolean", "empty"):
        known = series if inferred == "integer" else series.mask(series.isna(), np.nan)  # pd.NA is no float
        numbers = pd.Series(pd.to_numeric(known.astype("Int64" if inferred == "integer" else "float64")))
        return _number(name, numbers, labels)
    if inferred == "complex":
        return from_series(name, series.astype(complex))
    if inferred in ("date", "datetime", "datetime64", "period", "time"):
        return _coded(name, series, "date")
    if inferred in ("timedelta", "timedelta64"):
        return _coded(name, series, "duration")
    return _coded(name, series, "object")


def _number(name: str, series: pd.Series, labels: Mapping[Any, Any] | None) -> Column:
    words = {float(k): str(v) for k, v in labels.items()} if labels else None
    missing = None
    if isinstance(series.dtype, np.dtype):
        values = series.to_numpy()
    else:
        absent = series.isna().to_numpy(dtype=bool)
        exact = pd.api.types.is_integer_dtype(series.dtype) or pd.api.types.is_bool_dtype(series.dtype)
        zero = False if pd.api.types.is_bool_dtype(series.dtype) else 0
        values = series.fillna(zero).to_numpy(dtype=np.int64) if exact else series.to_numpy(np.float64, na_value=np.nan)
        missing = absent if absent.any() else None
    if values.dtype == bool:
        values = values.view(np.int8)
    if values.dtype.kind == "f":
        missing = None if np.isfinite(values).all() else _some(np.isnan(values))
    return Column(name, "number", values, missing, labels=words)


def _some(mask: np.ndarray) -> np.ndarray | None:
    return mask if mask.any() else None


def _category(name: str, values: pd.Categorical) -> Column:
    codes = np.asarray(values.codes, dtype=np.int64)
    return Column(name, "category", codes, _some(codes < 0), np.asarray(values.categories), None, bool(values.ordered))


def _text(name: str, series: pd.Series) -> Column:
    """Text; as in the suite, an empty string is a missing one."""
    codes, levels = pd.factorize(series, sort=True, use_na_sentinel=True)
    levels = np.asarray(levels, dtype=object)
    if len(levels) and levels[0] == "":
        codes, levels = codes - 1, levels[1:]
        codes[codes < -1] = -1
    return Column(name, "text", codes, _some(codes < 0), levels)


def _coded(name: str, series: pd.Series, kind: Kind) -> Column:
    """Anything hashable, in sorted order where its values can be compared."""
    try:
        codes, levels = pd.factorize(series, use_na_sentinel=True)
    except TypeError as error:
        raise ValueError(f"`{name}` holds values that cannot be told apart by a group key ({error})") from None
    array = levels.to_numpy() if isinstance(levels, pd.Index) else np.asarray(levels)
    try:
        order = np.array(sorted(range(len(array)), key=array.__getitem__), dtype=np.int64)
    except TypeError:
        order = np.arange(len(array))
    rank = np.empty(len(array) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(array)), -1
    codes = rank[codes]
    return Column(name, kind, codes, _some(codes < 0), array[order])
