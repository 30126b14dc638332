"""The lines of a table of estimates, before anybody decides how wide they are or in which markup they appear."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from .labels import is_numeric
from .report import Block, Report, Row

Kind = Literal["rule", "blank", "heading", "term", "level", "plain", "flush"]


class Line(NamedTuple):
    """One line: a rule, an empty line, a heading (of a block, of a factor term) or a row of numbers.

    `flush` rows are variance components inside a coefficient table: their labels touch the bar.  `remark` is what
    stands beside a heading, parentheses included.
    """

    kind: Kind
    label: str = ""
    row: Row | None = None
    remark: str = ""


def visible_rows(
    rows: Iterable[Row], *, base: bool | Literal["all"] = False, omitted: bool = True, empty: bool = True
) -> tuple[Row, ...]:
    """The rows that are to be printed, of all the rows that a model has.

    Args:
        rows: every row, those with a `note` included.
        base: whether to show base levels of factors ("all": those of interactions too).
        omitted: whether to show what was omitted because of collinearity.
        empty: whether to show empty cells of interactions.

    A factor with two levels of which the base is hidden loses its heading: it becomes the row `1.cc`.
    """
    shown = {"base": base, "omitted": omitted, "empty": empty}
    kept = []
    for _, members in groupby(rows, key=lambda row: row.term):
        term = list(members)
        keep = [row for row in term if _is_shown(row, shown)]
        kept += _without_heading(term, keep)
    return tuple(kept)


def _is_shown(row: Row, shown: dict) -> bool:
    name = row.remark.strip("()")
    if name == "base" and "#" in row.term:
        return shown["base"] == "all"
    return bool(shown.get(name, True))


def _without_heading(term: Sequence[Row], keep: Sequence[Row]) -> Sequence[Row]:
    single = len(term) == 2 and len(keep) == 1 and any(row.remark == "(base)" for row in term)
    if not single or "#" in keep[0].term or not keep[0].term or not is_numeric(keep[0].label):
        return keep
    row = keep[0]
    label = f"{row.label}.{row.term}"
    return [Row(label, row.estimate, row.se, row.z, row.p, row.lower, row.upper, row.note)]


def coefficient_lines(report: Report) -> list[Line]:
    """Lines of the first table, variance components included where `report.combined` says so."""
    blocks = [_block_lines(block, "plain") for block in report.fixed]
    if report.combined:
        blocks += [_block_lines(block, "flush") for block in report.random]
    return _ruled(blocks)


def random_lines(report: Report) -> list[Line]:
    """Lines of the second table; none where there is no second table."""
    return [] if report.combined else _ruled([_block_lines(block, "plain") for block in report.random])


def level_text(label: str) -> str:
    """The text of a level: `Urea#2`, but `1 1` where every part is a number."""
    parts = label.split("#")
    return " ".join(parts) if all(is_numeric(part) for part in parts) else label


def _ruled(blocks: Iterable[list[Line]]) -> list[Line]:
    lines: list[Line] = []
    for block in filter(None, blocks):
        lines += [Line("rule"), *block] if lines else block
    return lines


def _block_lines(block: Block, kind: Kind) -> list[Line]:
    lines = [Line("heading", text) for text in block.heading.split("\n") if text]
    if block.remark and lines:
        lines[-1] = lines[-1]._replace(remark=f"({block.remark})")
    previous = None
    for (term, spaced), members in groupby(block.rows, key=lambda row: (row.term, _stands_apart(row))):
        if previous is not None and (spaced or previous):
            lines.append(Line("blank"))
        if term:
            lines.append(Line("term", term))
        lines += [Line("level" if term else kind, row.label, row) for row in members]
        previous = spaced
    return lines


def _stands_apart(row: Row) -> bool:
    """Factor terms and interactions are set off by empty lines."""
    return bool(row.term) or ("#" in row.label and "(" not in row.label)
