"""Starting values of a nonlinear model: `initial(phi1:_cons 190 /b2 700)`, or numbers in printed order."""

import math
import re
from collections.abc import Iterable
from typing import Any

from .problem import SyntaxProblem
from .spec import Span
from .tokens import Cursor, cursor_over

_WORD = re.compile(r"[^\s=,]+")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_ADVICE = "Write `initial(b1 190 phi1:_cons 700)`, or one number for each coefficient in printed order."

Starts = tuple[tuple[str, float], ...] | tuple[float, ...]


def read_starts(cursor: Cursor) -> Starts:
    """Labels with numbers, or numbers alone."""
    found = list(_WORD.finditer(cursor.text, cursor.token.start, cursor.tokens[-1].start))
    at, cursor.index = cursor.token, len(cursor.tokens) - 1
    numbers = found[:-1] if found and found[-1].group() == "copy" else found  # the suite's word for numbers alone
    if not numbers:
        cursor.fail("starting values are missing", _ADVICE, at=at)
    if all(_NUMBER.fullmatch(word.group()) for word in numbers):
        return tuple(float(word.group()) for word in numbers)
    pairs = [(label, found[i + 1] if i + 1 < len(found) else None) for i, label in enumerate(found) if i % 2 == 0]
    for label, value in pairs:
        if _NUMBER.fullmatch(label.group()):
            _fail(cursor, f"a label was expected, got the number `{label.group()}`", label)
        if value is None or not _NUMBER.fullmatch(value.group()):
            _fail(cursor, f"a number is missing after `{label.group()}`", label)
    return _distinct((label.group(), float(value.group())) for label, value in pairs if value is not None)


def _fail(cursor: Cursor, message: str, word: re.Match[str]) -> None:
    raise SyntaxProblem(message, cursor.text, Span(word.start(), word.end()), _ADVICE)


def starts_of(value: Any) -> Starts:
    """The same of a Python value: a text, a mapping from labels to numbers, or numbers."""
    if isinstance(value, str):
        return read_starts(cursor_over(value, offset=None))
    items = getattr(value, "items", None)
    if callable(items):
        pairs: Any = items()
        return _distinct((_text(label), _finite(number)) for label, number in pairs)
    try:
        found = tuple(_finite(number) for number in value)
    except TypeError:
        raise SyntaxProblem(f"expected labels or numbers, got {value!r}", advice=_ADVICE) from None
    if not found:
        raise SyntaxProblem("starting values are missing", advice=_ADVICE)
    return found


def _text(label: Any) -> str:
    if not isinstance(label, str):
        raise SyntaxProblem(f"a coefficient's label is a text, got {label!r}", advice=_ADVICE)
    return label.strip()


def _finite(number: Any) -> float:
    try:
        value = float(number)
    except (TypeError, ValueError):
        value = math.nan
    if isinstance(number, str) or not math.isfinite(value):
        raise SyntaxProblem(f"a starting value is a number, got {number!r}", advice=_ADVICE)
    return value


def _distinct(pairs: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Labels as they are printed: `/b2` for a scalar, `phi1:_cons` for a coefficient of a linear combination."""
    found: dict[str, float] = {}
    for typed, number in pairs:
        label = typed.removeprefix("_b[").removesuffix("]") if typed.startswith("_b[") else typed
        label = label if ":" in label or label.startswith("/") else f"/{label}"
        if found.setdefault(label, number) != number:
            raise SyntaxProblem(f"`{label}` has two starting values", advice="Keep one of them.")
    return tuple(found.items())
