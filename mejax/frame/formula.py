"""Columns in the formula spelling.

Sums of numeric columns are read here; anything else is formulaic's, which is imported only then.  Formulaic evaluates
Python, so every expression is checked first: calls of known functions on columns and constants, nothing else.
"""

import ast
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..design import FixedColumn
from ..syntax.problem import SyntaxProblem
from ..syntax.spec import FormulaSide
from ..syntax.whitelist import CALLS
from .collinear import independent
from .column import CONTENTS, Column, as_numbers
from .formula_expressions import names_in_expression, parsed_expression
from .levels import compress
from .sample import Sample
from .table import Source
from .varlist import finite, require_rows, stack

_PLAIN_TERM = re.compile(r"[A-Za-z_]\w*|`[^`]+`|[01]")
_ALLOWED = (
    ast.Expression, ast.Call, ast.Name, ast.Load, ast.Constant, ast.keyword, ast.BinOp, ast.UnaryOp, ast.operator,
    ast.unaryop, ast.Compare, ast.cmpop, ast.Tuple, ast.List,
)  # fmt: skip


@dataclass(frozen=True)
class FormulaCoding:
    """How to make the columns again.  `model_spec` is formulaic's (None: plain columns, in the order of `variables`).

    `keep` are the kept columns among all but the intercept, which stands first, or last where `constant_last`.
    `intercept` says whether it has a column (ordinal models do without, but choose their columns beside it).
    """

    variables: tuple[str, ...]
    constant: bool
    constant_last: bool
    keep: tuple[int, ...]
    model_spec: Any = None
    intercept: bool = True

    def without_constant(self) -> "FormulaCoding":
        return replace(self, intercept=False)

    @property
    def used(self) -> tuple[str, ...]:
        """The columns of the table that kept columns are made of."""
        if self.model_spec is None:
            return tuple(self.variables[j] for j in self.keep)
        kept = {j + self.constant for j in self.keep}
        terms = [term for term, places in self.model_spec.term_indices.items() if kept & set(places)]
        return tuple(name for name in self.variables if name in _variables(terms))

    def only(self, places: Sequence[int]) -> "FormulaCoding":
        """With some of the columns, counted without the intercept."""
        return replace(self, keep=tuple(self.keep[place] for place in places))

    def matrix(self, source: Source) -> np.ndarray:
        """(rows of the table, columns), NaN where a covariate is missing; an unknown level is an error."""
        columns = [source.column(name) for name in self.variables]
        if self.model_spec is None:
            arrays = [column.numbers() for column in columns]
        else:
            arrays = self._transformed(source, columns)
        constant = self.constant and self.intercept
        return _assemble([arrays[j] for j in self.keep], constant, self.constant_last, source.n)

    def _transformed(self, source: Source, columns: Sequence[Column]) -> list[np.ndarray]:
        """Formulaic sees complete rows only."""
        complete = np.ones(source.n, dtype=bool)
        for column in columns:
            complete &= True if column.missing is None else ~column.missing
        arrays = np.full((len(self.model_spec.column_names) - self.constant, source.n), np.nan)
        if complete.any():
            frame = _frame(self.variables, source, Sample(complete, int(complete.sum()), source.n, ()))
            with _undefined():
                arrays[:, complete] = _materialise(self.model_spec, frame)[0][self.constant :]
        arrays[~np.isfinite(arrays)] = np.nan
        return list(arrays)


@dataclass(frozen=True)
class Evaluated:
    """All columns of a formula's side over the sample but the intercept."""

    arrays: Sequence[np.ndarray]
    labels: tuple[str, ...]
    variables: tuple[str, ...]
    model_spec: Any = None

    def keep(self, rows: np.ndarray) -> "Evaluated":
        """Over the rows where the mask over the sample is True."""
        return replace(self, arrays=[array[rows] for array in self.arrays])

    def missing(self) -> tuple[np.ndarray, str] | None:
        """Rows where a transformation has no value, such as the log of 0, and the first such column."""
        for array, label in zip(self.arrays, self.labels, strict=True):
            bad = ~np.isfinite(array)
            if bad.any():
                return bad, label
        return None


@dataclass(frozen=True)
class FormulaColumns:
    """The outcome of reading one side: the matrix of the sample, its rows in tables, how to replay it."""

    matrix: np.ndarray
    rows: tuple[FixedColumn, ...]
    coding: FormulaCoding
    notes: tuple[str, ...]


def side_variables(side: FormulaSide, source: Source) -> tuple[str, ...]:
    """The columns of the table that a side uses."""
    plain = plain_terms(side)
    return _variables(parsed_formula(side, source)) if plain is None else plain


def evaluate_side(side: FormulaSide, source: Source, sample: Sample) -> Evaluated:
    """Evaluate a side over the sample, without dropping anything."""
    plain = plain_terms(side)
    if plain is not None and all(source.column(name, side.span).kind == "number" for name in plain):
        return Evaluated([finite(source.column(name), sample) for name in plain], plain, plain)
    formula = parsed_formula(side, source)
    variables = _variables(formula)
    frame = _frame(variables, source, sample)
    with _explained(side, source):
        arrays, model_spec = _materialise(formula, frame, na_action="ignore", output="numpy")
    labels = tuple(map(str, model_spec.column_names))
    start = int("Intercept" in labels[:1])
    return Evaluated(list(arrays[start:]), labels[start:], variables, model_spec)


def read_formula(
    side: FormulaSide, evaluated: Evaluated, sample: Sample, *, constant_last: bool = False, collinear: bool = False,
    where: str = "",
) -> FormulaColumns:  # fmt: skip
    """Drop what is collinear and name the rest.  In a random part the intercept comes last, as `_cons`."""
    arrays = evaluated.arrays
    kept = np.ones(len(arrays), bool) if collinear else independent(arrays, side.constant)
    keep = tuple(int(j) for j in np.flatnonzero(kept))
    matrix = _assemble([arrays[j] for j in keep], side.constant, constant_last, sample.n)
    require_rows(matrix.shape[1], len(arrays) + side.constant, sample.n)
    notes = collinear_notes(evaluated.labels, kept, where)
    coding = FormulaCoding(evaluated.variables, side.constant, constant_last, keep, evaluated.model_spec)
    return FormulaColumns(matrix, formula_rows(evaluated.labels, kept, side.constant, constant_last), coding, notes)


def collinear_notes(labels: tuple[str, ...], kept: np.ndarray, where: str) -> tuple[str, ...]:
    pairs = zip(labels, kept, strict=True)
    return tuple(f"note: {label} omitted because of collinearity{where}" for label, keep in pairs if not keep)


def formula_rows(
    labels: tuple[str, ...], kept: np.ndarray, constant: bool, constant_last: bool
) -> tuple[FixedColumn, ...]:
    places = np.where(kept, np.cumsum(kept) - 1 + (constant and not constant_last), -1)
    rows = [FixedColumn(label, "", label, label, int(place), "estimated" if place >= 0 else "omitted")
            for label, place in zip(labels, places, strict=True)]  # fmt: skip
    if not constant:
        return tuple(rows)
    if constant_last:
        return (*rows, FixedColumn("_cons", "", "_cons", "_cons", int(kept.sum()), constant=True))
    return (FixedColumn("Intercept", "", "Intercept", "Intercept", 0, constant=True), *rows)


def _assemble(columns: Sequence[np.ndarray], constant: bool, constant_last: bool, n: int) -> np.ndarray:
    if constant and not constant_last:
        return stack([np.ones(n), *columns], False, n)
    return stack(columns, constant, n)


def plain_terms(side: FormulaSide) -> tuple[str, ...] | None:
    """The names of a sum of plain columns in their order; None where formulaic is needed."""
    terms = [term.strip() for term in side.text.split("+")] if side.text.strip() else []
    if not all(_PLAIN_TERM.fullmatch(term) for term in terms):
        return None
    return tuple(dict.fromkeys(term.strip("`") for term in terms if term not in ("0", "1")))


def parsed_formula(side: FormulaSide, source: Source) -> Any:
    import formulaic
    from formulaic.errors import FormulaicError

    try:
        text = side.text if re.match(r"\s*[01]\b", side.text) else f"{int(side.constant)} + {side.text}"
        formula: Any = formulaic.Formula(text)  # pyright: ignore[reportAbstractUsage]  (its metaclass picks the class)
    except FormulaicError as error:
        text = re.sub(r"\x1b\[[\d;]*m", "", str(error)).splitlines()[0]
        raise SyntaxProblem(f"the formula cannot be read: {text}", source.text, side.span) from None
    for factor in (factor for term in formula for factor in term.factors):
        if factor.eval_method.value == "python":
            _check(factor.expr, side, source)
    return formula


def _variables(formula: Any) -> tuple[str, ...]:
    needed: dict[str, None] = {}
    for factor in (factor for term in formula for factor in term.factors):
        if factor.eval_method.value == "lookup":
            needed[factor.expr] = None
        elif factor.eval_method.value == "python":
            needed |= dict.fromkeys(names_in_expression(factor.expr))
    return tuple(needed)


def _check(expression: str, side: FormulaSide, source: Source) -> None:
    """Refuse all Python but known functions of columns and constants."""
    for node in ast.walk(parsed_expression(expression)):
        if isinstance(node, ast.Call) and not (isinstance(node.func, ast.Name) and node.func.id in CALLS):
            raise SyntaxProblem(f"`{ast.unparse(node.func)}()` is not a function of formulas", source.text, side.span,
                                f"Known: {', '.join(CALLS)}.")  # fmt: skip
        if not isinstance(node, _ALLOWED):
            raise SyntaxProblem(f"`{expression}` holds more than functions of columns", source.text, side.span,
                                "Make the column in the table first.")  # fmt: skip


def _context() -> dict[str, Any]:
    from formulaic.transforms import TRANSFORMS

    numpy = {"abs": np.abs, "sqrt": np.sqrt, "log1p": np.log1p, "expm1": np.expm1}
    return {**numpy, "factor": TRANSFORMS["C"]}


def _frame(variables: tuple[str, ...], source: Source, sample: Sample) -> pd.DataFrame:
    """What formulaic sees: numbers, and categories without those that do not occur."""
    return pd.DataFrame({name: _for_formulaic(name, source, sample) for name in variables},
                        index=pd.RangeIndex(sample.n))  # fmt: skip


def _for_formulaic(name: str, source: Source, sample: Sample) -> Any:
    column = source.column(name)
    if column.kind == "number":
        return finite(column, sample) if column.values.dtype.kind == "f" else sample.take(column.values)
    if column.kind not in ("text", "category"):
        raise ValueError(f"`{name}` holds {CONTENTS[column.kind]}, not numbers. {as_numbers(column)}")
    assert column.levels is not None
    codes, present = compress(sample.take(column.values))
    return pd.Categorical.from_codes(codes, categories=column.levels[present])


def _materialise(formula: Any, frame: pd.DataFrame, **options: str) -> tuple[np.ndarray, Any]:
    """Evaluate a formula, or replay a fitted `ModelSpec`; the columns as rows of an array, each contiguous.

    A category that the fit did not have is an error.
    """
    from formulaic.errors import DataMismatchWarning

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", DataMismatchWarning)
        try:
            matrix = formula.get_model_matrix(frame, context=_context(), **options)
        except DataMismatchWarning as warning:
            raise ValueError("the new data hold a category that the estimation sample does not have, so nothing was "
                             f"estimated for it: {str(warning).split(': ')[-1][:80]}") from None  # fmt: skip
    return np.ascontiguousarray(np.asarray(matrix, dtype=np.float64).T), matrix.model_spec


class _explained:
    """Turn formulaic's own errors into ones that point at the formula."""

    def __init__(self, side: FormulaSide, source: Source):
        self.side, self.source = side, source

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        from formulaic.errors import FormulaicError

        if isinstance(error, FormulaicError):
            raise SyntaxProblem(f"the formula cannot be evaluated: {error}", self.source.text, self.side.span) from None


class _undefined:
    """Turn formulaic's own errors on new rows into one that says what it is about."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        from formulaic.errors import FormulaicError

        if isinstance(error, FormulaicError):
            text = str(error).splitlines()[0]
            raise ValueError(
                f"a term of the formula has no value on the new rows ({text}); splines are defined between the least "
                "and the largest value of the estimation sample only"
            ) from None
