"""Columns in the formula spelling for a table that is read in batches."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..syntax.problem import SyntaxProblem
from ..syntax.spec import FormulaSide
from .formula import (
    Evaluated,
    FormulaCoding,
    FormulaColumns,
    collinear_notes,
    evaluate_side,
    formula_rows,
    parsed_formula,
    plain_terms,
    side_variables,
)
from .formula_expressions import coded_variable
from .sample import Sample
from .table import Source

_STATEFUL = re.compile(r"\b(poly|bs|cs|cr|cc|scale|center|standardize)\s*\(")


@dataclass(frozen=True)
class FormulaCandidates:
    """The columns that a side asks for, before those that are collinear are left out."""

    side: FormulaSide
    evaluated: Evaluated
    constant_last: bool

    @property
    def constant(self) -> bool:
        return self.side.constant

    @property
    def estimable(self) -> tuple[str, ...]:
        """The labels of all columns but the intercept."""
        return self.evaluated.labels

    @property
    def place(self) -> int | None:
        """Of the intercept among all columns."""
        return None if not self.constant else len(self.estimable) if self.constant_last else 0

    @property
    def coding(self) -> FormulaCoding:
        """Makes all columns."""
        everything = tuple(range(len(self.estimable)))
        return FormulaCoding(
            self.evaluated.variables, self.constant, self.constant_last, everything, self.evaluated.model_spec
        )

    def columns(self, matrix: np.ndarray, keep: np.ndarray, where: str = "") -> FormulaColumns:
        """The outcome where `keep` marks the columns that `matrix` holds."""
        rows = formula_rows(self.estimable, keep, self.constant, self.constant_last)
        notes = collinear_notes(self.estimable, keep, where)
        return FormulaColumns(matrix, rows, self.coding.only(np.flatnonzero(keep).tolist()), notes)


def formula_factors(side: FormulaSide, source: Source) -> tuple[list[str], list[str]]:
    """The columns that a side takes as categories, and the others."""
    found = _STATEFUL.search(side.text)
    if found is not None:
        raise SyntaxProblem(
            f"`{found[1]}()` is computed from a whole column, of which a table read in batches shows a part at a time",
            source.text, side.span, "Make the column in the table first, or pass the table itself.",
        )  # fmt: skip
    variables = side_variables(side, source)
    factors = [name for name in variables if source.column(name, side.span).kind in ("text", "category")]
    if plain_terms(side) is None:
        expressions = [factor.expr for term in parsed_formula(side, source) for factor in term.factors]
        coded = [coded_variable(e) for e in expressions if coded_variable(e) != e]
        factors += [name for name in coded if name in variables]
    return list(dict.fromkeys(factors)), [name for name in variables if name not in factors]


def formula_candidates(side: FormulaSide, source: Source, *, constant_last: bool) -> FormulaCandidates:
    """The columns of a side; `source` holds all levels of its factors, and any numbers that occur in the others."""
    sample = Sample(np.ones(source.n, bool), source.n, source.n, ())
    return FormulaCandidates(side, evaluate_side(side, source, sample), constant_last)


def with_numbers(source: Source, used: Source, names: Sequence[str]) -> Source:
    """The table with numbers of the sample in some columns."""
    columns = {}
    for name in names:
        column = used.column(name)
        values = column.values if len(column.values) else np.ones(1)
        columns[name] = replace(column, values=np.resize(values, source.n), missing=None)
    return replace(source, cache={**source.cache, **columns})
