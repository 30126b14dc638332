"""A report as plain text, 78 columns wide; one column more or some where the labels need them."""

import textwrap
from collections.abc import Callable

from . import header
from .cells import blank_or_number, estimate_cell, interval_title, se_titles, test_cells
from .formats import count, fixed
from .labels import display_width, right
from .layout import Line, coefficient_lines, random_lines
from .report import CONSERVATIVE, Report
from .stub import stub_width, stubs

PAGE = 78
_RANDOM_TITLE = "Random-effects parameters"
_RANDOM_WIDTH = 28


def render(report: Report) -> str:
    """The whole report as lines of text without a final line break.

    Rules are drawn in ASCII.  A combined table grows beyond 78 columns where labels such as
    `cov(1.children,2.children)` need more room.
    """
    lines = wrap_all(report.notes)
    if lines:
        lines.append("")
    lines += _header(report)
    lines += _constraints(report, bool(lines))
    lines += _definitions(report)
    first = _coefficient_table(report)
    width = display_width(first[0]) if first else PAGE
    if report.cluster is not None:
        number, name = report.cluster
        lines += ["", right(f"(Std. err. adjusted for {count(number)} clusters in {name})", width)]
    elif lines and lines[-1] and not report.constraints:
        lines.append("")
    lines += first
    second = _random_table(report)
    if first and second:
        lines.append("")
    lines += second
    lines += wrap_all(report.table_notes)
    lines += _lr_test(report, PAGE if second else width)
    lines += wrap_all(report.footnotes)
    return "\n".join(line.rstrip() for line in lines).rstrip("\n")


def wrap_all(paragraphs: tuple[str, ...]) -> list[str]:
    """Notes as lines; the second line of one stands under its text."""
    lines = []
    for text in paragraphs:
        indent = " " * 6 if text[:6].lower() == "note: " else ""
        lines += _wrapped(text, "", indent)
    return lines


def two_sided(start: str, end: str, width: int = PAGE) -> list[str]:
    """One line with text at both margins; two lines where they would touch."""
    gap = width - display_width(start) - display_width(end)
    if start and end and gap < 2:
        return [start, right(end, width)]
    return [start + " " * max(gap, 0) + end if end else start]


def constraint_lines(constraints: tuple[str, ...]) -> list[str]:
    """` ( 1)  [/]var(std[trial]) = 1`, long ones broken between terms."""
    lines = []
    for place, text in enumerate(constraints, start=1):
        lines += _wrapped(text, f" ({place:2d})  ", " " * 7)
    return lines


def group_table(cells: list[tuple[str, ...]]) -> list[str]:
    """The table of groups, one line per grouping variable."""
    stub = max([14, *(display_width(row[0]) for row in cells)])
    bar, body = stub + 2, 44
    lines = [
        "-" * (bar + 1 + body),
        " " * bar + "|     No. of       Observations per group",
        f"{right('Group variable', stub + 1)} |     groups    Minimum    Average    Maximum",
        "-" * bar + "+" + "-" * body,
    ]
    for label, *numbers in cells:
        lines.append(f"{right(label, stub + 1)} |" + "".join(f"{text:>11}" for text in numbers))
    return [" " * 8 + line for line in ["Grouping information", *lines, "-" * (bar + 1 + body)]]


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    wrapper = textwrap.TextWrapper(
        PAGE, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )
    return wrapper.wrap(text) or [""]


def _header(report: Report) -> list[str]:
    before, after = header.opening(report), header.closing(report)
    facts = [line.right for section in [*before, *after] for line in section if line.right]
    name = max([16, *(len(fact.label) for fact in facts)])
    value = max([6, *(len(fact.value) for fact in facts)])

    def draw(section: header.Section) -> list[str]:
        return [text for line in section for text in two_sided(line.left, _fact(line.right, name, value))]

    spaced = report.combined or len(report.groups) > 1
    lines = _joined([draw(section) for section in before], spaced)
    if len(report.groups) > 1:
        lines += ["", *group_table(header.group_cells(report)), ""]
    elif lines and after and (spaced or (report.wald is None and report.df is None)):
        lines.append("")
    return lines + _joined([draw(section) for section in after], spaced)


def _joined(sections: list[list[str]], spaced: bool) -> list[str]:
    lines = []
    for section in sections:
        lines += ["", *section] if spaced and lines else section
    return lines


def _fact(fact: header.Fact | None, name: int, value: int) -> str:
    if fact is None:
        return ""
    if not fact.value:
        return f"{fact.label:<{name + 3 + value}}"
    label = f"{fact.lead}{fact.label:>{name - len(fact.lead)}}" if fact.inner else f"{fact.label:<{name}}"
    return f"{label} = {fact.value:>{value}}"


def _constraints(report: Report, below_header: bool) -> list[str]:
    lines = constraint_lines(report.constraints)
    return lines if below_header or not lines else [*lines, ""]


def _definitions(report: Report) -> list[str]:
    return ["", *wrap_all(report.definitions)] if report.definitions else []


def _coefficient_table(report: Report) -> list[str]:
    lines = coefficient_lines(report)
    if not lines:
        return []
    width = stub_width(lines, report.response)
    above, title = se_titles(report)
    letter = report.statistic
    heads = f" {report.estimate_title:>10}"
    heads += right(title, 23 - len(heads)) + f"      {letter}    P>|{letter}|" + f"{interval_title(report):>25}"
    return _ruled_table(lines, (width, report.response, above, heads), _coefficient_cells)


def _coefficient_cells(line: Line) -> str:
    row = line.row
    if row is None:
        return f"  {line.remark}"
    if row.note:
        return f"{estimate_cell(row):>11}  {row.remark}"
    z, p = test_cells(row)
    se, low, high = (blank_or_number(value) for value in (row.se, row.lower, row.upper))
    return f"{estimate_cell(row):>11}{se:>11}{z:>9}{p:>8}{low:>13}{high:>12}"


def _random_table(report: Report) -> list[str]:
    lines = random_lines(report)
    if not lines:
        return []
    above, title = se_titles(report)
    heads = f"{'Estimate':>11}{title:>12}{interval_title(report):>25}"
    return _ruled_table(lines, (_RANDOM_WIDTH, _RANDOM_TITLE + " ", above, heads), _random_cells)


def _random_cells(line: Line) -> str:
    row = line.row
    if row is None:
        return ""
    if row.note:
        return f"{estimate_cell(row):>11}  {row.remark}"
    se, low, high = (blank_or_number(value) for value in (row.se, row.lower, row.upper))
    return f"{estimate_cell(row):>11}{se:>11}{low:>14}{high:>12}"


def _ruled_table(lines: list[Line], frame: tuple[int, str, str, str], cells: Callable[[Line], str]) -> list[str]:
    width, corner, above, heads = frame
    end = "-" * (width + 2 + len(heads))
    rule = "-" * (width + 1) + "+" + "-" * len(heads)
    table = [end]
    if above:
        table.append(" " * (width + 1) + "|" + " " * (18 - len(above) // 2) + above)
    table += [right(stubs(Line("plain", corner), width)[0], width + 1) + "|" + heads, rule]
    for line in lines:
        if line.kind == "rule":
            table.append(rule)
            continue
        *upper, last = stubs(line, width)
        table += [f"{stub}|" for stub in upper]
        table.append(f"{last}|{cells(line)}")
    return [*table, end]


def _lr_test(report: Report, width: int) -> list[str]:
    test = report.lr_test
    if test is None:
        return []
    start = f"LR test vs. {test.against}: {test.kind} = {fixed(test.stat, 2)}"
    lines = two_sided(start, f"{test.tail} = {fixed(test.p, 4)}", width)
    return [*lines, "", CONSERVATIVE] if test.conservative else lines
