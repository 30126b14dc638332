"""What a fit keeps of the table it was made from: names, sample, and how to code new data alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from ..design import MeanRows, Names
from ..syntax.expression import Expression
from .column import Column
from .effects import EffectCoding, NewEffects
from .evaluate import evaluate, evaluate_option, names_in
from .formula import FormulaCoding
from .nonlinear import MeanCoding
from .response_coding import ResponseCoding
from .sample import table_row
from .table import open_table
from .varlist import VarlistCoding


class RowsNotKept(ValueError):
    """Something needs the rows of an estimation sample that was read in batches."""

    def __init__(self) -> None:
        super().__init__(
            "the table was read in batches, so that the fit does not hold the rows of its sample: pass a table where "
            "this takes one (`data=` of predictions), or fit the table itself, as pandas.read_parquet() makes it"
        )


@dataclass(frozen=True)
class NewDesign:
    """New data coded as the estimation sample was.

    `x` is (n, p) and `offset` (n,), with NaN where a covariate is missing; `missing` marks those rows.  `effects` has
    one entry per random-effects equation, `extras` the options that use the table (trials of a binomial, ...; of
    survival times the `time` too) as far as it has their columns, `mean` what the mean of a nonlinear model reads.
    """

    x: np.ndarray
    offset: np.ndarray | None
    effects: tuple[NewEffects, ...]
    missing: np.ndarray
    extras: Mapping[str, np.ndarray]
    mean: MeanRows | None = None


@dataclass(frozen=True)
class Encoding:
    """Names, estimation sample, and the codings that replay it on new data.

    `mask` is the sample, over the rows of the table (None: read in batches, of which nothing is kept by the row),
    `index` the table's index (pandas only).  `extras` holds, over the
    sample, the options that use the table: `binomial`, `time`, `failure`, `cluster` (codes), ...
    `level_weights` has one array of weights per group for each equation whose level has them, `weight_kind` is the
    kind of all weights ("fweight", "iweight", "pweight"; None without any).  `response` is the family of a generalized
    linear model and the meaning of its response.  Of a nonlinear model `mean` makes the columns, and `fixed` is empty.
    `columns` are those that the model uses, `looked_at` all that were looked at, conditions and clusters included: with
    them the table can be read again.
    """

    names: Names
    mask: np.ndarray | None
    index: pd.Index | None
    text: str
    fixed: VarlistCoding | FormulaCoding
    effects: tuple[EffectCoding, ...]
    offset: Expression | None = None
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)
    level_weights: tuple[np.ndarray | None, ...] = ()
    columns: Mapping[str, Column] = field(default_factory=dict)
    expressions: Mapping[str, Expression] = field(default_factory=dict)
    response: ResponseCoding | None = None
    weight_kind: str | None = None
    mean: MeanCoding | None = None
    looked_at: Mapping[str, Column] = field(default_factory=dict)

    @property
    def sample(self) -> np.ndarray:
        """The sample as a mask over the rows of the table.

        Raises:
            RowsNotKept: the table was read in batches.
        """
        if self.mask is None:
            raise RowsNotKept
        return self.mask

    def row_name(self, place: int) -> str:
        """What messages call an observation of the sample (counted from 0): "row 17", its row in the table from 1."""
        return f"row {table_row(self.sample, place)}"

    def replay(self, table: Any, *, random: Literal["groups", "columns", "none"] = "groups") -> NewDesign:
        """Code another table as the estimation sample was coded.

        Levels, bases, dropped columns and transformations are those of the estimation sample.  Groups never seen get
        the code -1; a category never seen is an error.  The response is not needed.  `random` says how much of the
        random part to code: its columns by group; its columns alone, which needs no grouping variables (then all rows
        have the code -1); or nothing (then `effects` is empty).
        """
        source = open_table(table, self.text)
        x, mean = (self.fixed.matrix(source), None) if self.mean is None else self.mean.replay(source)
        offset = None if self.offset is None else evaluate(self.offset, source)
        coded = self.effects if random != "none" else ()
        effects = tuple(effect.replay(source, groups=random == "groups") for effect in coded)
        missing = np.array(np.isnan(x).any(axis=1))
        read = () if mean is None else (*mean.columns, *mean.slopes)
        for part in (offset, *(effect.z for effect in effects), *read):
            if part is not None:
                missing |= np.isnan(part).any(axis=tuple(range(1, np.ndim(part))))
        for key in (key for effect in effects for key in effect.keys):
            missing |= np.asarray(pd.isna(key), bool)
        x[missing] = np.nan
        given = {name: e for name, e in self.expressions.items() if _available(e, source.names)}
        extras = {name: evaluate_option(e, source) for name, e in given.items()}
        return NewDesign(x, offset, effects, missing, extras, mean)

    def table(self) -> pd.DataFrame:
        """The columns that the model uses, over the estimation sample: change some and `replay` the result."""
        index = None if self.index is None else self.index[self.sample]
        held = {name: _series(column, self.sample) for name, column in self.columns.items()}
        return pd.DataFrame(held, index=index if index is not None else pd.RangeIndex(int(self.sample.sum())))


def _series(column: Column, sample: np.ndarray) -> Any:
    values = column.values[sample]
    if column.kind == "number":
        return values
    if column.kind in ("text", "category"):
        return pd.Categorical.from_codes(values, categories=pd.Index(column.levels), ordered=column.ordered)
    assert column.levels is not None
    return list(column.levels[values])


def _available(expression: Expression, names: tuple) -> bool:
    return all(name.name in names for name in names_in(expression))
