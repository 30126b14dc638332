"""Tables of any kind, read one column at a time."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ..syntax.spec import Span
from .column import Column, from_series
from .errors import no_column

KINDS = "a pandas, polars or pyarrow table or a dictionary of columns"


@dataclass(frozen=True)
class Source:
    """A table whose columns are converted when first asked for.  `text` is the model's, for error messages."""

    names: tuple[Any, ...]
    n: int
    fetch: Callable[[str], pd.Series]
    text: str = ""
    index: pd.Index | None = None
    value_labels: Mapping[str, Mapping[Any, Any]] = field(default_factory=dict)
    cache: dict[str, Column] = field(default_factory=dict)

    def column(self, name: str, span: Span | None = None) -> Column:
        if name not in self.cache:
            if name not in self.names:
                raise no_column(name, self.names, self.text, span)
            self.cache[name] = from_series(name, self.fetch(name), self.value_labels.get(name))
        return self.cache[name]


def open_table(table: Any, text: str = "") -> Source:
    """A `Source` over a pandas, polars or pyarrow table, a mapping of columns or a structured array.

    A `Source` itself is taken as it is: so tables are read again whose columns have been converted before.
    """
    if isinstance(table, Source):
        return replace(table, text=text)
    if isinstance(table, (str, os.PathLike)):
        raise ValueError(f"a table was expected, but `{table}` is text: read the file first (pandas.read_csv, "
                         "pandas.read_parquet), or pass me.Parquet(path) to read parquet files in batches")  # fmt: skip
    if isinstance(table, pd.DataFrame):
        labels = table.attrs.get("value_labels", {})
        return Source(tuple(table.columns), len(table), partial(_pandas, table), text, table.index, labels)
    if isinstance(table, np.ndarray) and table.dtype.names:
        table = {name: table[name] for name in table.dtype.names}
    if isinstance(table, Mapping):
        return _from_mapping(table, text)
    return _from_narwhals(table, text)


def _pandas(table: pd.DataFrame, name: str) -> pd.Series:
    column = table[name]
    if isinstance(column, pd.DataFrame):
        raise ValueError(f"the table has {column.shape[1]} columns called `{name}`: rename all but one")
    return column


def _from_mapping(table: Mapping[Any, Any], text: str) -> Source:
    lengths = {name: len(values) for name, values in table.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name}: {n}" for name, n in lengths.items())
        raise ValueError(f"the columns of the table differ in length ({shown})")
    return Source(tuple(table), next(iter(lengths.values()), 0), partial(_mapped, table), text)


def _mapped(table: Mapping[Any, Any], name: str) -> pd.Series:
    values = table[name]
    if isinstance(values, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray, list, tuple)):
        return pd.Series(values)
    array = np.asarray(values)
    if array.ndim != 1:
        raise ValueError(f"column `{name}` has shape {array.shape}: a column has one dimension")
    return pd.Series(array)


def _from_narwhals(table: Any, text: str) -> Source:
    import narwhals as nw

    try:
        frame = nw.from_native(table)
    except TypeError:
        raise ValueError(f"cannot read a table of type {type(table).__name__}: give {KINDS}") from None
    if isinstance(frame, nw.LazyFrame):
        raise ValueError(f"the table is lazy ({type(table).__name__}): collect it first, e.g. with `.collect()`")
    if not isinstance(frame, nw.DataFrame):
        raise ValueError(f"cannot read a table of type {type(table).__name__}: give {KINDS}")
    return Source(tuple(frame.columns), len(frame), lambda name: _series(frame[name]), text)


def _series(column: Any) -> pd.Series:
    """A narwhals column as a pandas one, numbers without a detour through Python objects."""
    import narwhals as nw

    dtype: Any = column.dtype
    nulls = column.is_null()
    if dtype == nw.Decimal:
        column, dtype = column.cast(nw.Float64), nw.Float64()
    if dtype == nw.Boolean:
        column, dtype = column.cast(nw.Int8), nw.Int8()
    if dtype.is_integer() and nulls.any():
        return pd.Series(pd.arrays.IntegerArray(column.fill_null(0).to_numpy().astype(np.int64), nulls.to_numpy()))
    if dtype.is_numeric():
        return pd.Series(column.to_numpy())
    if dtype == nw.Enum:
        return pd.Series(
            pd.Categorical(column.cast(nw.String).to_list(), categories=list(dtype.categories), ordered=True)
        )
    if dtype == nw.Categorical:
        return pd.Series(pd.Categorical(column.cast(nw.String).to_list()))
    return pd.Series(column.to_list(), dtype=object)
