"""Small tables of their own: groups, matrices, tests, and a general one with its own columns."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import SupportsFloat

from .formats import count, fixed, number
from .header import group_cells
from .labels import abbreviate, display_width, fit_label, right
from .report import Group, ModelTest, Report
from .text import PAGE, constraint_lines, group_table, wrap_all

_STUB = 12
_CELL = 11
_NARROW = 8


@dataclass(frozen=True)
class Column:
    """A column of `render_simple`: its title and how its values are printed.

    `format` is "number" (seven digits), "count" (thousands separators) or a number of decimals.
    `gap` is the number of blanks before a full cell of nine characters.
    """

    title: str
    format: str | int = "number"
    gap: int = 2


def render_groups(groups: Sequence[Group]) -> str:
    """The table of groups, sizes included, one line per level."""
    return "\n".join(group_table(group_cells(Report(groups=tuple(groups)))))


def render_matrix(
    title: str,
    row_labels: Sequence[str],
    col_labels: Sequence[str],
    values,
    *,
    symmetric: bool | None = None,
    decimals: int | None = None,
    corner: str = "",
) -> str:
    """A matrix with row and column names; only the lower triangle of a symmetric one.

    Args:
        title: a line above it, "" for none.
        row_labels, col_labels: names; columns that do not fit into 78 characters follow in further parts.
        values: rows of numbers (nested sequences or a two-dimensional array); NaN prints `.`.
        symmetric: whether the upper triangle is left out; by default where names and values say so.
        decimals: how many decimals the numbers have, in narrower columns; by default they have seven digits.
        corner: what stands above the row names.

    Raises:
        ValueError: if the labels do not match the values.
    """
    rows = [[float(value) for value in row] for row in values]
    if len(rows) != len(row_labels) or any(len(row) != len(col_labels) for row in rows):
        shape = f"{len(rows)} x {len(rows[0]) if rows else 0}"
        raise ValueError(
            f"`values` is {shape}, but there are {len(row_labels)} `row_labels` and {len(col_labels)} `col_labels`. "
            "Give one label per row and column."
        )
    lower = _is_symmetric(row_labels, col_labels, rows) if symmetric is None else symmetric
    stub = max([_STUB, *(min(display_width(label), 28) for label in row_labels)])
    texts = [[_cell(value, decimals) for value in row] for row in rows]
    needed = [display_width(text) + 2 for row in texts for text in row] if decimals is not None else [_CELL]
    cell = max([_NARROW, *needed, *(min(display_width(label), _STUB) + 1 for label in col_labels)])
    step = max((PAGE - stub - 2) // cell, 1)
    lines = [title, ""] if title else []
    for first in range(0, len(col_labels), step):
        part = range(first, min(first + step, len(col_labels)))
        lines += [""] if first else []
        lines.append(right(corner, stub) + " |" + "".join(right(abbreviate(col_labels[j]), cell) for j in part))
        lines.append("-" * (stub + 1) + "+" + "-" * (cell * len(part)))
        for i in range(first if lower else 0, len(rows)):
            text = "".join(right("" if lower and j > i else texts[i][j], cell) for j in part)
            lines.append(f"{right(fit_label(row_labels[i], stub), stub)} |{text}")
    return "\n".join(line.rstrip() for line in lines)


def render_simple(
    columns: Sequence[Column],
    rows: Sequence[tuple[str, Sequence[SupportsFloat | str | None]]],
    *,
    title: str = "",
    stub: str = "",
    notes: tuple[str, ...] = (),
) -> str:
    """A table with its own columns: information criteria, degrees of freedom, predictions.

    Args:
        columns: titles and formats.
        rows: a label and one value per column; strings are printed as they are, None is blank, NaN `.`.
        title: a line above it.
        stub: the title of the label column.
        notes: lines below it.
    """
    width = max([_STUB, *(min(display_width(label), 28) for label, _ in rows), display_width(stub)])
    texts = [[_formatted(value, column) for value, column in zip(values, columns, strict=True)] for _, values in rows]
    sizes = [
        max([column.gap + 9, display_width(column.title) + 2, *(display_width(row[j]) + 2 for row in texts)])
        for j, column in enumerate(columns)
    ]
    end, rule = "-" * (width + 2 + sum(sizes)), "-" * (width + 1) + "+" + "-" * sum(sizes)
    heads = "".join(right(column.title, size) for column, size in zip(columns, sizes, strict=True))
    lines = [title, ""] if title else []
    lines += [end, f"{right(stub, width)} |{heads}", rule]
    for (label, _), row in zip(rows, texts, strict=True):
        body = "".join(right(text, size) for text, size in zip(row, sizes, strict=True))
        lines.append(f"{right(fit_label(label, width), width)} |{body}")
    return "\n".join(line.rstrip() for line in [*lines, end, *wrap_all(notes)])


def render_test(constraints: Sequence[str], test: ModelTest) -> str:
    """Numbered hypotheses and their joint test: `chi2(1) = 25337.49`, `Prob > chi2 = 0.0000`."""
    stat, p = fixed(test.stat, 2, 10), fixed(test.p, 4)
    size = max(len(stat), len(p))
    tail = f"Prob > {test.kind}"
    return "\n".join(
        [*constraint_lines(tuple(constraints)), "", f"{test.label:>20} = {stat:>{size}}", f"{tail:>20} = {p:>{size}}"]
    )


def _formatted(value: SupportsFloat | str | None, column: Column) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if column.format == "count":
        return count(value)
    return fixed(value, column.format) if isinstance(column.format, int) else number(value)


def _cell(value: float, decimals: int | None) -> str:
    return number(value) if decimals is None else fixed(value, decimals)


def _is_symmetric(row_labels: Sequence[str], col_labels: Sequence[str], rows: list[list[float]]) -> bool:
    if list(row_labels) != list(col_labels):
        return False
    pairs = ((rows[i][j], rows[j][i]) for i in range(len(rows)) for j in range(i))
    return all(_close(a, b) for a, b in pairs)


def _close(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-300)
