"""The mean of a nonlinear model: the columns it reads, its linear combinations, its random slopes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..design import FixedColumn, MeanRows
from ..syntax.expression import Expression
from ..syntax.problem import SyntaxProblem
from ..syntax.spec import Combination, Nonlinear, Slope, Span, Spec, Term
from .column import CONTENTS, Column, as_numbers
from .evaluate import names_in
from .sample import Sample
from .table import Source
from .varlist import Columns, VarlistCoding, finite, read_varlist


@dataclass(frozen=True)
class MeanCoding:
    """How to make what the mean reads again: the table's `columns`, the codings of the linear combinations and of the
    slopes' covariates (None: 1), the number of scalar parameters."""

    columns: tuple[str, ...]
    combinations: tuple[VarlistCoding, ...]
    slopes: tuple[VarlistCoding | None, ...]
    scalars: int

    def replay(self, source: Source) -> tuple[np.ndarray, MeanRows]:
        """(n, p) columns of the coefficients and what the mean reads, NaN where a covariate is missing."""
        rows = MeanRows(
            tuple(source.column(name).numbers() for name in self.columns),
            tuple(coding.matrix(source) for coding in self.combinations),
            tuple(None if coding is None else coding.matrix(source)[:, 0] for coding in self.slopes),
        )
        return _coefficient_columns(rows, self.scalars, source.n), rows


@dataclass(frozen=True)
class MeanColumns:
    """The outcome of reading a mean: a column for every coefficient, the arrays of the mean, how to replay them.

    The coding of `columns` is empty: `coding` takes its place.
    """

    columns: Columns
    rows: MeanRows
    coding: MeanCoding


def mean_terms(spec: Spec) -> Iterator[Term]:
    """The terms of the linear combinations and of the slopes in them."""
    for combination in _combinations(spec.nonlinear):
        yield from combination.columns.terms
        yield from (slope.covariate for slope in combination.slopes if slope.covariate is not None)


def mean_variables(spec: Spec) -> Iterator[tuple[str, Span | None]]:
    """The columns of the table that the mean reads outside linear combinations, with their places in the text."""
    if spec.nonlinear is not None:
        places = _places(spec.nonlinear)
        yield from ((name, places.get(name)) for name in spec.nonlinear.columns)


def read_mean(nonlinear: Nonlinear, source: Source, sample: Sample, *, collinear: bool) -> MeanColumns:
    """The mean over the sample; linear combinations drop their collinear columns, unless `collinear` keeps them."""
    places = _places(nonlinear)
    arrays = tuple(_numbers(source.column(name), places.get(name), source, sample) for name in nonlinear.columns)
    combinations = _combinations(nonlinear)
    read = [
        read_varlist(c.columns.terms, c.columns.constant, source, sample, collinear=collinear, where=f" in {name}")
        for name, c in zip(nonlinear.combinations, combinations, strict=True)
    ]
    slopes = [_slope(slope, source, sample) for combination in combinations for slope in combination.slopes]
    rows = MeanRows(
        arrays,
        tuple(columns.matrix for columns in read),
        tuple(None if slope is None else slope.matrix[:, 0] for slope in slopes),
    )
    matrix = _coefficient_columns(rows, len(nonlinear.scalars), sample.n)
    _require_rows(matrix)
    notes = tuple(dict.fromkeys(note for columns in (*read, *filter(None, slopes)) for note in columns.notes))
    columns = Columns(matrix, _table_rows(nonlinear, read), VarlistCoding((), False, {}), notes)
    coding = MeanCoding(
        nonlinear.columns, tuple(columns.coding for columns in read),
        tuple(None if slope is None else slope.coding for slope in slopes), len(nonlinear.scalars),
    )  # fmt: skip
    return MeanColumns(columns, rows, coding)


def _combinations(nonlinear: Nonlinear | None) -> tuple[Combination, ...]:
    """The linear combinations in the order of their coefficients."""
    if nonlinear is None:
        return ()
    meanings = {definition.name: definition.meaning for definition in nonlinear.definitions}
    found = [meanings[name] for name in nonlinear.combinations]
    return tuple(meaning for meaning in found if isinstance(meaning, Combination))


def _places(nonlinear: Nonlinear) -> Mapping[str, Span]:
    """Where each column is first named; a mean that is a Python function has no text."""
    meanings = [definition.meaning for definition in nonlinear.definitions]
    expressions: list[Expression] = [m for m in meanings if not isinstance(m, Combination)]
    expressions += [] if nonlinear.mean is None else [nonlinear.mean]
    names = sorted((n for e in expressions for n in names_in(e)), key=lambda n: n.start, reverse=True)
    return {name.name: Span(name.start, name.end) for name in names}


def _numbers(column: Column, span: Span | None, source: Source, sample: Sample) -> np.ndarray:
    if column.kind != "number":
        message = f"the mean uses `{column.name}`, which holds {CONTENTS[column.kind]}, not numbers"
        raise SyntaxProblem(message, source.text, span, as_numbers(column))
    return finite(column, sample)


def require_response(nonlinear: Nonlinear, name: str, y: np.ndarray, source: Source) -> None:
    """Raise where the response leaves nothing to estimate: it does not vary, or the mean reads it."""
    if name in nonlinear.columns:
        raise SyntaxProblem(f"the mean uses the response `{name}` itself", source.text, _places(nonlinear).get(name),
                            "Name a column that explains it.")  # fmt: skip
    if np.ptp(y) == 0:
        raise ValueError(f"the response `{name}` is {y[0]:g} in all observations, so that there are no variances to "
                         "estimate: check the response, or the rows that are selected")  # fmt: skip


def _slope(slope: Slope, source: Source, sample: Sample) -> Columns | None:
    """The covariate of a random slope: one column."""
    if slope.covariate is None:
        return None
    columns = read_varlist((slope.covariate,), False, source, sample)
    labels = [row.label for row in columns.rows]
    if len(labels) != 1:
        listed = ", ".join(labels[:6]) + (", ..." if len(labels) > 6 else "")
        message = f"the random effect `{slope.effect}` has {len(labels)} covariates here ({listed})"
        raise SyntaxProblem(message, source.text, slope.covariate.span,
                            "A random effect multiplies one column, `c.x` or an indicator such as `1.g`: write an "
                            "effect for each.")  # fmt: skip
    if not columns.matrix.shape[1]:
        message = f"the covariate {labels[0]} of the random effect `{slope.effect}` is 0 in all observations"
        raise SyntaxProblem(message, source.text, slope.covariate.span, "Leave the random effect out.")
    return columns


def _coefficient_columns(rows: MeanRows, scalars: int, n: int) -> np.ndarray:
    return np.column_stack([np.empty((n, 0)), *map(np.asarray, rows.combinations), np.ones((n, scalars))])


def _require_rows(matrix: np.ndarray) -> None:
    n, count = matrix.shape
    if count >= n:
        raise ValueError(f"the mean has {count} coefficients, but there are only {n} observations: "
                         "use more data, or a mean with fewer parameters")  # fmt: skip


def _table_rows(nonlinear: Nonlinear, read: Sequence[Columns]) -> tuple[FixedColumn, ...]:
    """`phi1:x1`, ..., `phi1:_cons` of each combination, then `/b1` of each scalar."""
    rows, start = [], 0
    for name, columns in zip(nonlinear.combinations, read, strict=True):
        rows += [
            replace(row, label=f"{name}:{row.label}", equation=name, index=row.index + start if row.index >= 0 else -1)
            for row in columns.rows
        ]
        start += columns.matrix.shape[1]
    scalars = [f"/{name}" for name in nonlinear.scalars]
    rows += [FixedColumn(label, "", label, label, start + number) for number, label in enumerate(scalars)]
    return tuple(rows)
