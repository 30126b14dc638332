"""The table of a fit: its columns as they were read, and its index."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ..frame import Encoding
from ..frame.column import Column
from ..frame.evaluate import names_in
from ..frame.sample import select
from ..frame.table import Source
from ..syntax import Spec
from .problem import Unreadable, Unsavable

_TEXTS = ("object", "str", "string")  # data types of an index of Python objects


def table_parts(spec: Spec, encoding: Encoding) -> dict[str, Any]:
    """All columns that were looked at, in the order of the table, and the index.

    Cells in rows that `if` and `in` leave out are blanked, except in the columns of the condition itself: the sample is
    found again without them, and a small part of a large table makes a small file.
    """
    source = Source(tuple(encoding.looked_at), len(encoding.sample), _never, cache=dict(encoding.looked_at))
    columns = list(encoding.looked_at.values())
    if spec.command != "mestreg":  # survival records are set over the whole table
        selected = select(spec, source).mask
        kept = set() if spec.where is None else {name.name for name in names_in(spec.where)}
        columns = [column if column.name in kept else _blanked(column, selected) for column in columns]
    return {"rows": source.n, "columns": tuple(columns), "index": index_parts(encoding.index)}


def table_source(parts: Any) -> Source:
    """The table again, its columns converted already."""
    rows, columns = int(parts["rows"]), {column.name: column for column in parts["columns"]}
    for column in columns.values():
        _check(column, rows)
    index = made_index(parts["index"])
    if index is not None and len(index) != rows:
        raise Unreadable(f"its index has {len(index):,} entries, its table {rows:,} rows")
    return Source(tuple(columns), rows, _never, index=index, cache=columns)


def _never(name: str) -> pd.Series:
    raise KeyError(name)


def _blanked(column: Column, selected: np.ndarray) -> Column:
    if selected.all():
        return column
    if column.kind != "number":
        values = np.where(selected, column.values, column.values.dtype.type(-1))
        return replace(column, values=values, missing=values < 0)
    missing = None if column.missing is None else column.missing & selected
    return replace(column, values=np.where(selected, column.values, column.values.dtype.type(0)), missing=missing)


def _check(column: Column, rows: int) -> None:
    """What every later step takes for granted of a column."""
    values, name = column.values, column.name
    if values.shape != (rows,) or (column.missing is not None and column.missing.shape != (rows,)):
        raise Unreadable(f"its column `{name}` has the shape {values.shape}, its table {rows:,} rows")
    if column.missing is not None and column.missing.dtype != bool:
        raise Unreadable(f"the missing values of its column `{name}` are marked by {column.missing.dtype}")
    if column.kind == "number":
        if values.dtype.kind not in "iuf" or column.levels is not None:
            raise Unreadable(f"its column `{name}` should hold numbers, and holds {values.dtype}")
        unmarked = np.isnan(values) if values.dtype.kind == "f" else np.zeros(rows, bool)
    else:
        if values.dtype.kind != "i" or column.levels is None or column.levels.ndim != 1:
            raise Unreadable(f"its column `{name}` should hold codes of levels, and holds {values.dtype}")
        if rows and not -1 <= values.min() <= values.max() < len(column.levels):
            raise Unreadable(f"its column `{name}` has codes beyond its {len(column.levels):,} levels")
        unmarked = values < 0
    if np.any(unmarked if column.missing is None else unmarked & ~column.missing):
        raise Unreadable(f"its column `{name}` has missing values that are not marked")


def index_parts(index: pd.Index | None) -> dict[str, Any] | None:
    """The index as arrays, numbers and texts; other kinds are refused."""
    if index is None:
        return None
    name = {"name": index.name, "freq": getattr(index, "freqstr", None)}
    if isinstance(index, pd.RangeIndex):
        return name | {"kind": "range", "ends": (index.start, index.stop, index.step)}
    if isinstance(index, pd.MultiIndex):
        return {
            "kind": "multiple",
            "levels": tuple(index_parts(index.get_level_values(k)) for k in range(index.nlevels)),
        }
    if isinstance(index, pd.CategoricalIndex):
        categories = index_parts(index.categories)
        return name | {"kind": "categories", "codes": index.codes, "categories": categories, "ordered": index.ordered}
    if isinstance(index, pd.DatetimeIndex) and index.tz is not None:
        return name | {
            "kind": "times",
            "values": index.tz_convert("UTC").tz_localize(None).values,
            "zone": str(index.tz),
        }
    if isinstance(index.dtype, np.dtype) and index.dtype.kind in "biufmM":
        return name | {"kind": "values", "values": index.to_numpy()}
    if str(index.dtype) in _TEXTS or isinstance(index, (pd.PeriodIndex, pd.IntervalIndex)):
        kept = str(index.dtype) if str(index.dtype) in _TEXTS else None  # None: found again from the values
        return name | {"kind": "objects", "values": index.to_numpy(object), "type": kept}
    raise Unsavable(f"the fit cannot be saved: the index of its table is a {type(index).__name__} of {index.dtype}; "
                    "call `reset_index()` on the table before the fit")  # fmt: skip


def made_index(parts: Mapping[str, Any] | None) -> pd.Index | None:
    """The index again."""
    if parts is None:
        return None
    kind = parts["kind"]
    if kind == "multiple":
        levels = [made_index(level) for level in parts["levels"]]
        return pd.MultiIndex.from_arrays(levels, names=[level["name"] for level in parts["levels"]])  # pyright: ignore[reportArgumentType]
    name = parts["name"]
    if kind == "range":
        start, stop, step = map(int, parts["ends"])
        return pd.RangeIndex(start, stop, step, name=name)
    if kind == "categories":
        categories = made_index(parts["categories"])
        codes = pd.Categorical.from_codes(parts["codes"], categories=categories, ordered=bool(parts["ordered"]))
        return pd.CategoricalIndex(codes, name=name)
    if kind == "times":
        times = pd.DatetimeIndex(parts["values"], name=name).tz_localize("UTC").tz_convert(str(parts["zone"]))
        return _every(times, parts["freq"])
    if kind == "objects" and parts["type"] in (*_TEXTS, None):
        return pd.Index(parts["values"], dtype=parts["type"], name=name)
    if kind == "values":
        return _every(pd.Index(parts["values"], name=name), parts["freq"])
    raise Unreadable(f"its index is of the unknown kind `{kind}`")


def _every(index: pd.Index, freq: str | None) -> pd.Index:
    """Dates with the distance between them, where the table's index had one."""
    if freq is not None and isinstance(index, (pd.DatetimeIndex, pd.TimedeltaIndex)):
        index.freq = freq
    return index
