"""A report as HTML for notebooks: the same facts as the text, in tables that follow the page's colours."""

from html import escape

from . import header
from .cells import blank_or_number, estimate_cell, interval_title, test_cells
from .formats import count, fixed
from .layout import Line, coefficient_lines, level_text, random_lines
from .report import CONSERVATIVE, Report

_STYLE = """
.mejax { width: max-content; max-width: 100%; overflow-x: auto; color: inherit; font-size: .9em; line-height: 1.35; }
.mejax table { border-collapse: collapse; font-size: inherit; margin: .6em 0; background: none;
  border: 0; width: 100%; }
.mejax table th, .mejax table td { padding: .1em .6em; border: 0; background: none; font-weight: normal;
  text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.mejax table caption { caption-side: top; text-align: left; font-weight: 600; padding: 0 .6em .2em; color: inherit; }
.mejax table thead th { font-weight: 600; border-bottom: 1px solid; vertical-align: bottom; }
.mejax table tbody tr { background: none; }
.mejax .mejax-est { border-top: 2px solid; border-bottom: 2px solid; }
.mejax .mejax-est tbody + tbody, .mejax .mejax-groups tbody { border-top: 1px solid rgba(128, 128, 128, .55); }
.mejax .mejax-est thead th[colspan] { text-align: center; }
.mejax table .mejax-left { text-align: left; }
.mejax table .mejax-title { text-align: left; font-weight: 600; padding-right: 3em; }
.mejax table .mejax-fact { text-align: left; width: 1%; }
.mejax table .mejax-inner { text-align: right; width: 1%; }
.mejax .mejax-facts td:last-child { width: 1%; }
.mejax table .mejax-block { text-align: left; font-weight: 600; }
.mejax table .mejax-term { text-align: left; font-style: italic; padding-top: .4em; padding-left: 1.6em; }
.mejax table .mejax-row { text-align: left; padding-left: 1.6em; padding-right: 2em; }
.mejax table .mejax-level { text-align: left; padding-left: 2.8em; padding-right: 2em; }
.mejax table .mejax-remark { text-align: left; opacity: .75; }
.mejax p { margin: .15em .6em; max-width: 60em; }
.mejax ol { margin: .3em .6em; padding-left: 2em; }
"""


def render_html(report: Report) -> str:
    """The whole report as one `<div>`: text escaped, no script, one `<style>` that reaches nothing outside.

    Colours are the page's own, so that it reads the same on light and on dark ground.
    """
    parts = [f"<style>{_STYLE}</style>", _paragraphs(report.notes), _header(report), _constraints(report)]
    parts.append(_paragraphs(report.definitions))
    if report.cluster is not None:
        number, name = report.cluster
        parts.append(_paragraphs((f"Std. err. adjusted for {count(number)} clusters in {name}",)))
    parts += [_coefficient_table(report), _random_table(report), _paragraphs(report.table_notes)]
    parts += [_lr_test(report), _paragraphs(report.footnotes)]
    return '<div class="mejax">\n' + "\n".join(part for part in parts if part) + "\n</div>"


def _cell(text: str, css: str = "", span: int = 1) -> str:
    kind = f' class="{css}"' if css else ""
    width = f' colspan="{span}"' if span > 1 else ""
    return f"<td{kind}{width}>{escape(text)}</td>"


def _head(text: str, css: str = "", span: int = 1, scope: str = "row") -> str:
    kind = f' class="{css}"' if css else ""
    width = f' colspan="{span}"' if span > 1 else ""
    return f'<th scope="{scope}"{kind}{width}>{escape(text)}</th>'


def _tr(*cells: str) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _paragraphs(texts: tuple[str, ...]) -> str:
    return "\n".join(f"<p>{escape(text)}</p>" for text in texts if text)


def _header(report: Report) -> str:
    before, after = header.opening(report), header.closing(report)
    if len(report.groups) < 2:
        return _facts([*before, *after], report.title)
    return "\n".join([_facts(before, report.title), _group_table(report), _facts(after, "")])


def _facts(sections: list[header.Section], title: str) -> str:
    rows = [_fact_row(line, title) for section in sections for line in section]
    if not rows:
        return ""
    return f'<table class="mejax-facts"><tbody>{"".join(rows)}</tbody></table>'


def _fact_row(line: header.Line, title: str) -> str:
    css = "mejax-title" if title and line.left == title else "mejax-left"
    if line.right is None:
        return _tr(_cell(line.left, css, span=3))
    label = _head(f"{line.right.lead} {line.right.label}".strip(), "mejax-inner" if line.right.inner else "mejax-fact")
    return _tr(_cell(line.left, css), label, _cell(line.right.value))


def _group_table(report: Report) -> str:
    titles = ("Group variable", "No. of groups", "Minimum", "Average", "Maximum")
    top = _tr(_cell("", span=2), _head("Observations per group", span=3, scope="colgroup"))
    head = _tr(*(_head(text, "" if place else "mejax-left", scope="col") for place, text in enumerate(titles)))
    rows = [_tr(_head(row[0], "mejax-left"), *(_cell(text) for text in row[1:])) for row in header.group_cells(report)]
    return (
        '<table class="mejax-groups"><caption>Grouping information</caption>'
        f"<thead>{top}{head}</thead><tbody>{''.join(rows)}</tbody></table>"
    )


def _constraints(report: Report) -> str:
    items = "".join(f"<li>{escape(text)}</li>" for text in report.constraints)
    return f'<ol class="mejax-constraints">{items}</ol>' if items else ""


def _coefficient_table(report: Report) -> str:
    lines = coefficient_lines(report)
    letter = report.statistic
    titles = (report.estimate_title, report.se_title, letter, f"P>|{letter}|")
    return _estimates(lines, (report.response, *titles), interval_title(report))


def _random_table(report: Report) -> str:
    lines = random_lines(report)
    return _estimates(lines, ("Random-effects parameters", "Estimate", report.se_title), interval_title(report))


def _estimates(lines: list[Line], titles: tuple[str, ...], interval: str) -> str:
    if not lines:
        return ""
    corner, *columns = titles
    head = _tr(
        _head(corner, "mejax-left", scope="col"),
        *(_head(text, scope="col") for text in columns),
        _head(interval, span=2, scope="colgroup"),
    )
    bodies, columns_in_all = [""], len(columns) + 3
    for line in lines:
        if line.kind == "rule":
            bodies.append("")
        elif line.kind != "blank":
            bodies[-1] += _line(line, columns_in_all)
    body = "".join(f"<tbody>{rows}</tbody>" for rows in bodies)
    return f'<table class="mejax-est"><thead>{head}</thead>{body}</table>'


def _line(line: Line, columns: int) -> str:
    row = line.row
    if row is None:
        css = "mejax-block" if line.kind == "heading" else "mejax-term"
        if line.remark:
            return _tr(_head(line.label, css), _cell(line.remark, "mejax-remark", span=columns - 1))
        return _tr(_head(line.label, css, span=columns, scope="rowgroup"))
    level = line.kind == "level"
    label = _head(level_text(line.label) if level else line.label, "mejax-level" if level else "mejax-row")
    if row.note:
        return _tr(label, _cell(estimate_cell(row)), _cell(row.remark, "mejax-remark", span=columns - 2))
    tests = test_cells(row) if columns == 7 else ()
    texts = (estimate_cell(row), blank_or_number(row.se), *tests)
    return _tr(label, *(_cell(text) for text in (*texts, blank_or_number(row.lower), blank_or_number(row.upper))))


def _lr_test(report: Report) -> str:
    test = report.lr_test
    if test is None:
        return ""
    text = f"LR test vs. {test.against}: {test.kind} = {fixed(test.stat, 2)}, {test.tail} = {fixed(test.p, 4)}"
    return _paragraphs((text, CONSERVATIVE) if test.conservative else (text,))
