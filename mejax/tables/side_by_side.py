"""Several models side by side, as text, HTML and LaTeX: a description goes in, a string comes out."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal, NamedTuple

from .formats import amount, fixed, number
from .labels import display_width, fit_label, left, right
from .text import wrap_all

_STUB = 40  # the widest label
_MOST_DECIMALS = 7
_LONGEST = 14  # of a number, before it is shortened
_NUMERIC = re.compile(r"[(\[]?-?[\d,]*\.?\d*(?:e[-+]\d+)?(?:, -?[\d,]*\.?\d*(?:e[-+]\d+)?)?[)\]]?\**|[(\[]?\.[)\]]?")
_STYLE = """
.mejax-side { width: max-content; max-width: 100%; overflow-x: auto; color: inherit; font-size: .9em; }
.mejax-side table { border-collapse: collapse; border: 0; border-top: 2px solid; border-bottom: 2px solid;
  background: none; font-size: inherit; margin: .6em 0; }
.mejax-side table caption { caption-side: top; text-align: left; font-weight: 600; color: inherit; }
.mejax-side table th, .mejax-side table td { border: 0; background: none; padding: .1em 0; font-weight: normal;
  white-space: nowrap; font-variant-numeric: tabular-nums; }
.mejax-side table thead th { text-align: center; padding: .1em .8em; font-weight: 600; }
.mejax-side table tbody { border-top: 1px solid; }
.mejax-side table tbody tr { background: none; }
.mejax-side table tbody th { text-align: left; padding-right: 1.6em; }
.mejax-side table tbody th[colspan] { font-weight: 600; }
.mejax-side table .mejax-inner { padding-left: 1.2em; }
.mejax-side table .mejax-whole { text-align: right; padding-left: 1.2em; }
.mejax-side table .mejax-part { text-align: left; padding-right: .4em; }
.mejax-side p { margin: .15em 0; max-width: 60em; }
"""


@dataclass(frozen=True)
class Entry:
    """One model's numbers in a row.

    `below` stands on a line of its own: one number in parentheses, two in brackets, none where there is no line.
    `se` sets how many digits are shown, whether it is shown itself or not; `note` stands in place of `below`.
    """

    estimate: float
    se: float = math.nan
    below: tuple[float, ...] = ()
    stars: str = ""
    note: str = ""


@dataclass(frozen=True)
class Line:
    """A row: one entry per model, None where the model has none.

    `decimals` of None shows three digits of the smallest standard error; `below` are the decimals of the second line
    (None: the same).
    """

    label: str
    entries: tuple[Entry | None, ...]
    decimals: int | None = None
    below: int | None = None


@dataclass(frozen=True)
class Statistic:
    """A row at the end: one number per model, None where it has none, as counts or with decimals."""

    label: str
    values: tuple[float | None, ...]
    format: Literal["count"] | int = 2


@dataclass(frozen=True)
class Section:
    """Rows under a heading ("": none)."""

    heading: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class SideBySide:
    """A table of several models: `heads` are the lines above the columns, a rule stands between `blocks`."""

    heads: tuple[tuple[str, ...], ...]
    blocks: tuple[tuple[Section, ...], ...]
    statistics: tuple[Statistic, ...] = ()
    notes: tuple[str, ...] = ()
    title: str = ""

    @property
    def models(self) -> int:
        return len(self.heads[0])


class _Printed(NamedTuple):
    """A line as texts; a heading has no cells."""

    label: str
    cells: tuple[str, ...] = ()
    inner: bool = False


def render_side_by_side(table: SideBySide) -> str:
    """Plain text: labels on the left, numbers aligned on their decimal points."""
    blocks = _printed(table)
    lines = [line for block in blocks for line in block]
    stub = min(max([12, *(display_width(line.label) + 2 * line.inner for line in lines)]), _STUB)
    columns = [_Aligned([line.cells[k] for line in lines if line.cells], [h[k] for h in table.heads])
               for k in range(table.models)]  # fmt: skip
    rule = "-" * (stub + sum(column.width + 2 for column in columns))
    out = [table.title, ""] if table.title else []
    out.append(rule)
    for head in table.heads:
        out.append(" " * stub + "".join("  " + c.centred(text) for c, text in zip(columns, head, strict=True)))
    for block in blocks:
        out.append(rule)
        for line in block:
            label = fit_label(line.label, stub - 2 * line.inner)
            cells = "".join("  " + c.cell(text) for c, text in zip(columns, line.cells, strict=False))
            out.append(left("  " * line.inner + label, stub) + cells)
    return "\n".join(line.rstrip() for line in [*out, rule, *wrap_all(table.notes)])


def render_side_by_side_html(table: SideBySide) -> str:
    """One `<div>` with its own style; every number has two cells that meet at the decimal point."""
    head = "".join(f"<tr><td></td>{''.join(map(_html_head, line))}</tr>" for line in table.heads)
    rows = ["".join(_html_row(line, table.models) for line in block) for block in _printed(table)]
    bodies = "".join(f"<tbody>{block}</tbody>" for block in rows)
    caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    notes = "".join(f"\n<p>{escape(note)}</p>" for note in table.notes)
    body = f"<table>{caption}<thead>{head}</thead>{bodies}</table>"
    return f'<div class="mejax-side">\n<style>{_STYLE}</style>\n{body}{notes}\n</div>'


def render_side_by_side_latex(table: SideBySide) -> str:
    """A `tabular` for the package booktabs, inside a `table` with a caption where there is a title."""
    width = 1 + 2 * table.models
    out = ["\\begin{table}", "\\centering", f"\\caption{{{_tex(table.title)}}}"] if table.title else []
    out += [f"\\begin{{tabular}}{{l{'r@{}l' * table.models}}}", "\\toprule"]
    out += [" & ".join(["", *(f"\\multicolumn{{2}}{{c}}{{{_tex(h)}}}" for h in head)]) + r" \\" for head in table.heads]
    for block in _printed(table):
        out.append("\\midrule")
        out += [_tex_row(line) for line in block]
    out.append("\\bottomrule")
    out += [f"\\multicolumn{{{width}}}{{l}}{{\\footnotesize {_tex(note)}}} \\\\" for note in table.notes]
    out.append("\\end{tabular}")
    return "\n".join([*out, "\\end{table}"] if table.title else out)


def _printed(table: SideBySide) -> list[list[_Printed]]:
    """The blocks as lines of text, the statistics last."""
    blocks = [[line for section in block for line in _section(section)] for block in table.blocks]
    blocks.append([_Printed(s.label, tuple(_statistic(v, s.format) for v in s.values)) for s in table.statistics])
    return [block for block in blocks if block]


def _section(section: Section) -> Iterator[_Printed]:
    inner = bool(section.heading)
    if inner:
        yield _Printed(section.heading)
    for line in section.lines:
        decimals = _decimals(line) if line.decimals is None else line.decimals
        yield _Printed(line.label, tuple(_estimate(entry, decimals) for entry in line.entries), inner)
        below = tuple(_below(e, decimals if line.below is None else line.below) for e in line.entries)
        if any(below):
            yield _Printed("", below, inner)


def _decimals(line: Line) -> int:
    """Three digits of the smallest standard error; four of the largest estimate where there is none."""
    found = [entry for entry in line.entries if entry is not None]
    errors = [e.se for e in found if math.isfinite(e.se) and e.se > 0]
    sizes = [abs(e.estimate) for e in found if math.isfinite(e.estimate) and e.estimate != 0]
    if errors:
        return max(2 - math.floor(math.log10(min(errors))), 0)
    return max(3 - math.floor(math.log10(max(sizes))), 0) if sizes else 2


def _estimate(entry: Entry | None, decimals: int) -> str:
    return "" if entry is None else _number(entry.estimate, decimals) + entry.stars


def _below(entry: Entry | None, decimals: int) -> str:
    if entry is None or not (entry.below or entry.note):
        return ""
    if entry.note:
        return f"({entry.note})"
    texts = ", ".join(_number(value, decimals) for value in entry.below)
    return f"[{texts}]" if len(entry.below) > 1 else f"({texts})"


def _number(value: float, decimals: int) -> str:
    """With set decimals, as far as they leave it readable; never a negative zero."""
    text = fixed(value, decimals)
    if math.isinf(value) or decimals > _MOST_DECIMALS or len(text) > _LONGEST:
        return number(value)
    return re.sub(r"^-(0\.?0*)$", r"\1", text)


def _statistic(value: float | None, form: Literal["count"] | int) -> str:
    if value is None:
        return ""
    return amount(value) if form == "count" else _number(value, form)


def _halves(text: str) -> tuple[str, str] | None:
    """A number before and from its decimal point on; None for words."""
    if not _NUMERIC.fullmatch(text):
        return None
    place = text.find(".")
    if place >= 0:
        return text[:place], text[place:]
    whole = len(text.rstrip(")]*"))
    return text[:whole], text[whole:]


class _Aligned:
    """A column of text whose numbers share the place of their decimal point."""

    def __init__(self, cells: Sequence[str], heads: Sequence[str]):
        halves = [pair for text in cells if text and (pair := _halves(text))]
        self.before, self.after = (max((display_width(pair[i]) for pair in halves), default=0) for i in (0, 1))
        words = [text for text in cells if text and not _halves(text)]
        self.width = max([8, self.before + self.after, *(display_width(text) for text in (*words, *heads))])

    def cell(self, text: str) -> str:
        pair = _halves(text) if text else ("", "")
        if pair is None:
            return right(text, self.width)
        return " " * (self.width - self.before - self.after) + right(pair[0], self.before) + left(pair[1], self.after)

    def centred(self, text: str) -> str:
        """Over the numbers, as far as there is room."""
        middle = self.width - (self.before + self.after) / 2
        start = min(max(round(middle - display_width(text) / 2), 0), self.width - display_width(text))
        return left(" " * start + text, self.width)


def _html_head(text: str) -> str:
    return f'<th scope="col" colspan="2">{escape(text)}</th>'


def _html_row(line: _Printed, models: int) -> str:
    if not line.cells:
        return f'<tr><th scope="rowgroup" colspan="{1 + 2 * models}">{escape(line.label)}</th></tr>'
    css = ' class="mejax-inner"' if line.inner else ""
    return f'<tr><th scope="row"{css}>{escape(line.label)}</th>{"".join(map(_html_cell, line.cells))}</tr>'


def _html_cell(text: str) -> str:
    pair = _halves(text) if text else ("", "")
    if pair is None:
        return f'<td class="mejax-whole" colspan="2">{escape(text)}</td>'
    return f'<td class="mejax-whole">{escape(pair[0])}</td><td class="mejax-part">{escape(pair[1])}</td>'


def _tex_row(line: _Printed) -> str:
    label = ("\\quad " if line.inner and line.label else "") + _tex(line.label)
    cells = [cell for text in line.cells for cell in _tex_cells(text)]
    return " & ".join([label, *cells]) + r" \\"


def _tex_cells(text: str) -> tuple[str, ...]:
    pair = _halves(text) if text else ("", "")
    if pair is None:
        return (f"\\multicolumn{{2}}{{r}}{{{_tex(text)}}}",)
    numbers, stars = pair[1].rstrip("*"), len(pair[1]) - len(pair[1].rstrip("*"))
    raised = f"$^{{{'*' * stars}}}$" if stars else ""
    return pair[0].replace("-", "$-$").replace("[", "{[}"), numbers.replace("-", "$-$").replace("]", "{]}") + raised


def _tex(text: str) -> str:
    """Escaped; a bracket at the beginning of a row would be read as an option of the one before."""
    special = {
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}",
        ">": r"\textgreater{}", "|": r"\textbar{}", "[": "{[}", "]": "{]}",
    }  # fmt: skip
    return "".join(special.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in text)
