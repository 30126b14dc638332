"""The label column: how wide it is, and what stands left of the bar on each line."""

from .labels import NAME_WIDTH, abbreviate, display_width, fit_label, is_plain, left, right, shorten
from .layout import Line, level_text

_WIDEST = 28


def stub_width(lines: list[Line], corner: str) -> int:
    """Width of the column (without the blank before the bar): 12, more where some label needs it, at most 28."""
    needs = [NAME_WIDTH, display_width(_name(corner)), *(_need(line) for line in lines)]
    names = {line.label for line in lines if line.kind == "plain"}
    if len({_name(name) for name in names}) < len(names):  # abbreviated alike: show them in full
        needs += [display_width(name) for name in names]
    return min(max(needs), _WIDEST)


def stubs(line: Line, width: int) -> list[str]:
    """What stands left of the bar: `width + 1` columns, more than one line where an interaction is broken.

    Names end one column before the bar, levels two, labels of variance components at the bar, as does the
    `#` of a broken interaction; headings of blocks begin at the margin.
    """
    if line.kind == "blank":
        return [" " * (width + 1)]
    if line.kind == "heading":
        return [left(shorten(line.label, width + 1), width + 1)]
    if line.kind == "flush":
        return [right(fit_label(line.label, width + 1), width + 1)]
    if line.kind == "level":
        return _level_stubs(line.label, width)
    return _name_stubs(line.label, width)


def _need(line: Line) -> int:
    if line.kind in ("heading", "flush"):
        return display_width(line.label) - 1
    if line.kind == "level":
        return max(display_width(shorten(part)) for part in line.label.split("#")) + 1
    return max(display_width(_name(part)) for part in _parts(line.label)) if line.label else 0


def _name(label: str, width: int = NAME_WIDTH) -> str:
    """A variable's name is abbreviated, by default to 12 columns; an expression may widen the column."""
    return abbreviate(label, width) if is_plain(label) else label


def _parts(label: str) -> list[str]:
    return [label] if "(" in label else label.split("#")


def _name_stubs(label: str, width: int) -> list[str]:
    parts = [_name(part, max(width, NAME_WIDTH)) for part in _parts(label)]
    whole = "#".join(parts)
    if len(parts) == 1 or display_width(whole) <= width:
        return [right(fit_label(whole, width), width) + " "]
    return [*(right(part, width) + "#" for part in parts[:-1]), right(parts[-1], width) + " "]


def _level_stubs(label: str, width: int) -> list[str]:
    parts = [shorten(part) for part in label.split("#")]
    whole = level_text("#".join(parts))
    if len(parts) == 1 or display_width(whole) <= width - 1:
        return [right(whole, width - 1) + "  "]
    return [*(right(part, width - 1) + " #" for part in parts[:-1]), right(parts[-1], width - 1) + "  "]
