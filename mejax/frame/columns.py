"""Fixed columns with something left out: rows of the sample, columns of the matrix, the constant."""

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from ..design import FixedColumn
from .collinear import independent
from .formula import FormulaColumns
from .varlist import Columns, require_rows

FixedPart = Columns | FormulaColumns


def without_constant(columns: FixedPart) -> FixedPart:
    """The columns as they are beside cut points, which stand in place of the constant.

    They were chosen with the constant in the matrix, so that none of them is collinear with it.
    """
    constant = next(row.index for row in columns.rows if row.constant)
    left = [j for j in range(columns.matrix.shape[1]) if j != constant]
    rows = tuple(row for row in columns.rows if not row.constant)
    matrix = np.take(columns.matrix, left, axis=1)
    return replace(columns, matrix=matrix, rows=_renumbered(rows, left), coding=columns.coding.without_constant())


def restrict(columns: FixedPart, mask: np.ndarray, gone: Collection[int], *, collinear: bool) -> FixedPart:
    """The columns over the rows where `mask` is True, without those at the places `gone`.

    What is collinear over these rows leaves as well, with a note (`collinear` keeps it).
    """
    constants = [row.index for row in columns.rows if row.constant]
    candidates = [j for j in range(columns.matrix.shape[1]) if j not in gone and j not in constants]
    matrix = columns.matrix[mask]
    kept = np.ones(len(candidates), bool)
    if not collinear:
        kept = independent([matrix[:, j] for j in candidates], bool(constants))
    chosen = [j for j, keep in zip(candidates, kept, strict=True) if keep]
    left = sorted([*chosen, *constants])
    matrix = np.take(matrix, left, axis=1)
    require_rows(matrix.shape[1], len(candidates) + len(constants), len(matrix))
    lost = {j for j, keep in zip(candidates, kept, strict=True) if not keep}
    notes = tuple(f"note: {row.label} omitted because of collinearity" for row in columns.rows if row.index in lost)
    place = {j: number for number, j in enumerate(j for j in range(columns.matrix.shape[1]) if j not in constants)}
    coding = columns.coding.only([place[j] for j in chosen])
    return replace(
        columns, matrix=matrix, rows=_renumbered(columns.rows, left), coding=coding, notes=(*columns.notes, *notes)
    )


def of_equations(rows: tuple[FixedColumn, ...], equations: tuple[str, ...], width: int) -> tuple[FixedColumn, ...]:
    """The rows of every linear predictor in turn, each of which has `width` coefficients; without `equations` there is
    one predictor, which has no name."""
    if not equations:
        return rows
    return tuple(
        replace(row, label=f"{name}:{row.label}", equation=name, index=row.index + (row.index >= 0) * number * width)
        for number, name in enumerate(equations) for row in rows
    )  # fmt: skip


def _renumbered(rows: tuple[FixedColumn, ...], left: list[int]) -> tuple[FixedColumn, ...]:
    """Places in the smaller matrix; a column that has none any more is omitted."""
    places = {j: number for number, j in enumerate(left)}
    return tuple(
        replace(row, index=places[row.index]) if row.index in places
        else replace(row, index=-1, status=row.status if row.index < 0 else "omitted")
        for row in rows
    )  # fmt: skip
