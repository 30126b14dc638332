"""The parts that the reports of all models share."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from .._status import Status
from ..design import FixedColumn
from ..fitting import Estimates
from ..frame.evaluate import words
from ..glmm import LAPLACES
from ..post.tables import Lines
from ..syntax import Spec
from ..tables import Group, Row, visible_rows

CONVERGENCE = {
    Status.NOT_CONVERGED: "Warning: convergence not achieved.",
    Status.NOT_IDENTIFIED: "Warning: the model is not identified.",
    Status.SEPARATED: "Warning: the outcome is predicted perfectly, so that no finite estimates exist.",
    Status.INTERRUPTED: "Warning: interrupted; these are the values of the last iteration.",
}


def note_lines(notes: tuple[str, ...]) -> tuple[str, ...]:
    """Notes above the tables, each beginning with `note`."""
    return tuple(f"note: {n}" if not n.startswith("note") else n for n in notes)


def ending(estimates: Estimates) -> Iterator[str]:
    """Warnings below the tables: the status and its diagnosis."""
    if estimates.status in CONVERGENCE:
        yield CONVERGENCE[estimates.status]
    yield from (f"Note: {text}" for text in estimates.notes)


def group_rows(estimates: Estimates) -> tuple[Group, ...]:
    return tuple(Group(g.label, g.count, g.minimum, g.average, g.maximum) for g in estimates.names.groups)


def fixed_rows(
    spec: Spec, estimates: Estimates, lines: Lines, absent: tuple[float, str] = (0.0, ""), equation: str = ""
) -> tuple[Row, ...]:
    """The coefficient table from its `lines`, rows without an estimate included as the display options ask.

    `absent` is what stands for a coefficient that is not there: its value (1 where coefficients are exponentiated), and
    the remark at a factor's base ("": base).  Where a response has several linear predictors, `equation` names one.
    """
    value, at_base = absent
    rows, remarks = [], {"base": at_base or "base"}
    held = np.diag(estimates.coefficient_vce) == 0
    for column in estimates.names.fixed:
        if column.equation != equation:
            continue
        label, term = _label(column, plain=bool(spec.option("nofvlabel")))
        if column.index < 0:
            rows.append(Row(label, value, note=column.status, term=term))
        elif held[column.index]:
            rows.append(Row(label, lines.values[column.index, 0], note="constrained", term=term))
        else:
            rows.append(Row(label, *lines.values[column.index], term=term))
    base = "all" if spec.option("allbaselevels") else bool(spec.option("baselevels"))
    kept = visible_rows(rows, base=base, omitted=not spec.option("noomitted"), empty=not spec.option("noemptycells"))
    shown = tuple(replace(row, note=remarks.get(row.note, row.note)) if row.note else row for row in kept)
    return shown + _offset_row(spec)


def row_label(column: FixedColumn) -> str:
    """The label within its equation: the outcome in front stands above the rows already."""
    return column.label.removeprefix(f"{column.equation}:") if column.equation else column.label


def _label(column: FixedColumn, plain: bool) -> tuple[str, str]:
    """A row's label and the heading under which it stands; `plain` without value labels."""
    level = column.raw_level if plain else column.level
    return (level, column.term) if column.term and level else (row_label(column), "")


def _offset_row(spec: Spec) -> tuple[Row, ...]:
    """The term whose coefficient is 1 by definition."""
    exposure = spec.option("exposure")
    if exposure is not None:
        return (Row(f"ln({words(exposure)})", 1.0, note="exposure"),)
    return () if spec.offset is None else (Row(words(spec.offset), 1.0, note="offset"),)


def integration_of(estimates: Estimates) -> tuple[str, int | None] | None:
    """Method and number of points; None without random effects."""
    if not estimates.names.effects:
        return None
    model = estimates.model
    return model.method, None if model.method in LAPLACES else model.points
