"""Names that must fit into a column: display width, abbreviation, padding."""

import re
import unicodedata

NAME_WIDTH = 12  # a variable's name or a level's text in the label column
_PLAIN = re.compile(r"[\w./]+")
_CALL = re.compile(r"(\w+)\((.*)\)")
_NUMERIC = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)


def display_width(text: str) -> int:
    """Columns that `text` takes on a terminal: wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def right(text: str, width: int) -> str:
    """`text` padded on the left to `width` columns."""
    return " " * (width - display_width(text)) + text


def left(text: str, width: int) -> str:
    """`text` padded on the right to `width` columns."""
    return text + " " * (width - display_width(text))


def shorten(text: str, width: int = NAME_WIDTH) -> str:
    """A level's text in at most `width` columns, cut at the end: `Ammonium s..`."""
    return text if display_width(text) <= width else _cut(text, width - 2) + ".."


def abbreviate(name: str, width: int = NAME_WIDTH) -> str:
    """A name in at most `width` columns, its last character kept: `very_long_~e`."""
    if display_width(name) <= width:
        return name
    last = name[-1:]
    return _cut(name, width - 1 - display_width(last)) + "~" + last


def fit_label(label: str, width: int) -> str:
    """`label` in at most `width` columns; of `cov(a,b)` the arguments are abbreviated, not the frame.

    Of an argument `outcome:name` both parts are, so that it stays clear which coefficient of which outcome is meant.
    """
    call = _CALL.fullmatch(label)
    if display_width(label) <= width or call is None:
        return abbreviate(label, width)
    names = call[2].split(",")
    room = (width - display_width(call[1]) - 2 - (len(names) - 1)) // len(names)
    if room < 3:
        return abbreviate(label, width)
    return f"{call[1]}({','.join(_fit_argument(name, room) for name in names)})"


def _fit_argument(text: str, width: int) -> str:
    outcome, colon, name = text.rpartition(":")
    if not colon or width < 7 or display_width(text) <= width:
        return abbreviate(text, width)
    name = abbreviate(name, max(width // 2, width - 1 - display_width(outcome)))
    return f"{abbreviate(outcome, width - 1 - display_width(name))}:{name}"


def is_plain(label: str) -> bool:
    """Whether `label` is a name that may be abbreviated (`1.foreign`), not an expression (`log(x)`)."""
    return _PLAIN.fullmatch(label) is not None


def is_numeric(text: str) -> bool:
    """Whether a level's text is a number, so that no value label stands for it."""
    return _NUMERIC.fullmatch(text) is not None


def _cut(text: str, width: int) -> str:
    kept, used = [], 0
    for char in text:
        used += _char_width(char)
        if used > width:
            break
        kept.append(char)
    return "".join(kept)
