"""Distinct values as codes: factor levels and group keys, without slow loops."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .column import CONTENTS, Column, level_text
from .sample import Sample, first_row


def compress(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes 0, 1, ... in the order of the sorted distinct values, and those values.

    Integers in a narrow range are counted instead of hashed: about five times as fast.
    """
    if values.dtype.kind in "iu" and len(values):
        low, high = int(values.min()), int(values.max())
        if high - low < 4 * len(values) + 1000 and high < 2**62:
            shifted = values.astype(np.int64, copy=False)
            shifted = shifted - low if low else shifted
            present = np.flatnonzero(np.bincount(shifted))
            lookup = np.zeros(high - low + 1, dtype=np.int32)
            lookup[present] = np.arange(len(present), dtype=np.int32)
            return lookup[shifted], (present + low).astype(values.dtype)
    codes, distinct = pd.factorize(values, sort=True)
    return codes.astype(np.int32), np.asarray(distinct)


@dataclass(frozen=True)
class Factor:
    """The levels of a factor variable in the sample: `codes` (n,), `levels` their texts, `shown` with value labels."""

    name: str
    codes: np.ndarray
    levels: tuple[str, ...]
    shown: tuple[str, ...]


def factor(column: Column, sample: Sample) -> Factor:
    """The levels of `column` in the sample: sorted values, or categories in their order."""
    if column.kind in ("date", "duration", "object"):
        raise ValueError(f"`{column.name}` holds {CONTENTS[column.kind]}: "
                         "a factor variable needs whole numbers, text or categories")  # fmt: skip
    values = sample.take(column.values)
    if column.kind == "number":
        _require_whole(column, values, sample)
    codes, distinct = compress(values)
    if column.kind != "number":
        assert column.levels is not None
        distinct = column.levels[distinct]
    levels = tuple(level_text(v) for v in distinct)
    labels = column.labels or {}
    shown = tuple(labels.get(float(v), t) for v, t in zip(distinct, levels, strict=True)) if labels else levels
    return Factor(column.name, codes, levels, shown)


def _require_whole(column: Column, values: np.ndarray, sample: Sample) -> None:
    if values.dtype.kind != "f":
        return
    fractional = values != np.floor(values)
    if fractional.any():
        row = first_row(fractional, sample)
        raise ValueError(f"`{column.name}` is used as a factor variable but has the value "
                         f"{values[fractional][0]:g} in row {row}: levels are whole numbers, text or categories; "
                         f"write c.{column.name} for a continuous covariate")  # fmt: skip


def match_levels(column: Column, levels: tuple[str, ...]) -> np.ndarray:
    """Codes of a new column into known level texts: -1 where missing, -2 where the level is not known."""
    known = {text: code for code, text in enumerate(levels)}
    if column.kind == "number":
        usable = np.ones(len(column.values), bool) if column.missing is None else ~column.missing
        codes = np.full(len(column.values), -1, dtype=np.int64)
        inner, distinct = compress(column.values[usable])
        codes[usable] = np.array([known.get(level_text(v), -2) for v in distinct], dtype=np.int64)[inner]
        return codes
    assert column.levels is not None
    table = np.array([*(known.get(level_text(v), -2) for v in column.levels), -1], dtype=np.int64)
    return table[column.values]
