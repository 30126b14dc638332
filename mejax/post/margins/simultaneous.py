"""Comparisons in families, with their statistics, p-values and intervals, adjusted or not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..functions import Functions
from ..wald import joint_test
from .found import MarginsFound
from .multiplicity import HOLM_NOTE, TUKEY_NOTE, Adjustment


@dataclass(frozen=True)
class Comparisons:
    """What contrasts and pairwise comparisons of the margins `source` have in common.

    `table` has each comparison, by term and label; `counts` are the numbers of comparisons that p-values and intervals
    are adjusted for.
    """

    table: pd.DataFrame
    counts: Mapping[str, int]
    mcompare: str
    level: float
    title: str
    source: MarginsFound
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Family:
    """The comparisons of one term; `levels` is the number of margins that are compared in pairs."""

    heading: str
    functions: Functions
    levels: int = 0


@dataclass(frozen=True)
class Compared:
    """Rows of estimate, standard error, z (or t), p and interval; `count` comparisons were adjusted for."""

    heading: str
    labels: tuple[str, ...]
    rows: np.ndarray
    df: np.ndarray | None
    count: int


def compare(
    families: Sequence[Family], method: str, *, adjustall: bool = False, level: float = 95.0
) -> tuple[Compared, ...]:
    """Statistics of every comparison, adjusted within each family or over all of them."""
    if adjustall and method in ("scheffe", "tukey"):
        raise ValueError(f"`adjustall` goes with bonferroni, sidak and holm; got `mcompare={method!r}`")
    if not (adjustall and families):
        return tuple(_compared(family, method, level) for family in families)
    values, se = (np.concatenate([getattr(f.functions, name) for f in families]) for name in ("values", "se"))
    parts = [f.functions.df for f in families]
    df = None if any(part is None for part in parts) else np.concatenate([p for p in parts if p is not None])
    count = int(np.isfinite(se).sum())
    rows = Adjustment(method, count).rows(values, se, level, df)
    ends = np.cumsum([len(f.functions.values) for f in families])[:-1]
    return tuple(
        Compared(family.heading, family.functions.labels, part, family.functions.df, count)
        for family, part in zip(families, np.split(rows, ends), strict=True)
    )


def _compared(family: Family, method: str, level: float) -> Compared:
    functions = family.functions
    rank = joint_test(functions).df if method == "scheffe" else 0
    count = int(np.isfinite(functions.se).sum())
    adjustment = Adjustment(method, count, rank, family.levels)
    rows = adjustment.rows(functions.values, functions.se, level, functions.df)
    return Compared(family.heading, functions.labels, rows, functions.df, count)


def frame_of(compared: Sequence[Compared], kind: str, *, sort: bool = False) -> pd.DataFrame:
    """A row for each comparison, indexed by term and `kind`; with `sort` in ascending order within each term."""
    with_df = bool(compared) and all(part.df is not None for part in compared)
    columns = ("estimate", "se", *(("df", "t") if with_df else ("z",)), "p", "lower", "upper")
    index, rows = [], []
    for part in compared:
        values = part.rows if part.df is None else np.insert(part.rows, 2, part.df, axis=1)
        for k in np.argsort(values[:, 0], kind="stable") if sort else range(len(values)):
            index.append((part.heading, part.labels[k]))
            rows.append(values[k])
    keys = pd.MultiIndex.from_tuples(index, names=["term", kind])
    return pd.DataFrame(np.reshape(rows, (len(index), len(columns))), index=keys, columns=pd.Index(columns))


def method_notes(method: str) -> tuple[str, ...]:
    """What is to be said of a method below a table."""
    return {"holm": (HOLM_NOTE,), "tukey": (TUKEY_NOTE,)}.get(method, ())
