"""Tables with columns of their own whose rows stand under headings, as text and as HTML: contrasts, comparisons."""

from dataclasses import dataclass
from html import escape

from .labels import display_width, right, shorten
from .text import wrap_all

_STUB = 12
_WIDEST = 60


@dataclass(frozen=True)
class Title:
    """What stands over one column or, of an interval, over two: `widths` are those of the cells below, `width` is its
    own in text, and `above` a line above it."""

    text: str
    width: int
    widths: tuple[int, ...]
    above: str = ""


@dataclass(frozen=True)
class Section:
    """Rows, a label and the texts of the cells each, under a heading or ("") without one."""

    heading: str
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class Sheet:
    """One table, with notes below it."""

    titles: tuple[Title, ...]
    sections: tuple[Section, ...]
    notes: tuple[str, ...] = ()


def render_sheet(sheet: Sheet) -> str:
    """The table as text, rules in ASCII; labels stand one column left of their heading."""
    width = min(max(_STUB, *(_need(section) for section in sheet.sections)), _WIDEST)
    total = sum(title.width for title in sheet.titles)
    end, rule = "-" * (width + 2 + total), "-" * (width + 1) + "+" + "-" * total
    lines = [end, *(" " * (width + 1) + "|" + text for text in _heads(sheet.titles)), rule]
    cells = [size for title in sheet.titles for size in title.widths]
    for place, section in enumerate(sheet.sections):
        if place:
            lines.append(" " * (width + 1) + "|")
        if section.heading:
            lines.append(f"{right(shorten(section.heading, width), width)} |")
        indent = 1 if section.heading else 0
        for label, texts in section.rows:
            stub = right(shorten(label, width - indent), width - indent) + " " * (indent + 1)
            lines.append(f"{stub}|{''.join(right(text, size) for text, size in zip(texts, cells, strict=True))}")
    return "\n".join(line.rstrip() for line in [*lines, end, *wrap_all(sheet.notes)])


def sheet_html(sheet: Sheet) -> str:
    """The table as HTML, in the style that `render_html` brings along."""
    top = "".join(_head(title, title.above) for title in sheet.titles)
    heads = "".join(_head(title, title.text) for title in sheet.titles)
    columns = 1 + sum(len(title.widths) for title in sheet.titles)
    bodies = [_body(section, columns) for section in sheet.sections]
    above = f"<tr><td></td>{top}</tr>" if any(title.above for title in sheet.titles) else ""
    notes = "".join(f"<p>{escape(note)}</p>" for note in sheet.notes)
    return (
        f'<div class="mejax"><table class="mejax-est"><thead>{above}<tr><td></td>{heads}</tr></thead>'
        f"{''.join(bodies)}</table>{notes}</div>"
    )


def _need(section: Section) -> int:
    if not section.heading:
        return max(display_width(label) for label, _ in section.rows)
    return max(display_width(section.heading), *(display_width(label) + 1 for label, _ in section.rows))


def _heads(titles: tuple[Title, ...]) -> list[str]:
    """The titles and, where there is one, the line above them, each text of which is centred over its title."""
    above, edge = "", 0
    for title in titles:
        edge += title.width
        start = int(edge - display_width(title.text) / 2 - display_width(title.above) / 2)
        above += " " * (start - display_width(above)) + title.above if title.above else ""
    heads = "".join(right(title.text, title.width) for title in titles)
    return [above, heads] if above else [heads]


def _head(title: Title, text: str) -> str:
    span = f' colspan="{len(title.widths)}"' if len(title.widths) > 1 else ""
    return f'<th scope="col"{span}>{escape(text)}</th>'


def _body(section: Section, columns: int) -> str:
    lines, css = [], "mejax-left"
    if section.heading:
        lines.append(f'<th class="mejax-block" scope="rowgroup" colspan="{columns}">{escape(section.heading)}</th>')
        css = "mejax-row"
    for label, texts in section.rows:
        cells = "".join(f"<td>{escape(text)}</td>" for text in texts)
        lines.append(f'<th scope="row" class="{css}">{escape(label)}</th>{cells}')
    return f"<tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody>"
