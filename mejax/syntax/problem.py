"""Errors that point into a text."""

import difflib
from collections.abc import Iterable

from .spec import Span

_WIDTH = 100  # longest part of a line that an error shows


class SyntaxProblem(ValueError):
    """A model's text or one of its keywords cannot be understood.

    `str(problem)` is the message, the line with a caret under the place, and what to do.
    `message`, `text`, `span` and `advice` are kept as attributes; `span` is None where there is no place to point at.
    """

    def __init__(self, message: str, text: str = "", span: Span | None = None, advice: str = ""):
        super().__init__(message, text, span, advice)
        self.message, self.text, self.span, self.advice = message, text, span, advice

    def __str__(self) -> str:
        shown = self.message if self.span is None else point_at(self.text, self.span, self.message)
        return f"{shown}\n{self.advice}" if self.advice else shown


def point_at(text: str, span: Span, message: str) -> str:
    """`message` followed by the line of `text` that holds `span`, with carets under it.

    An empty text, or the span (0, 0) of a name that did not come from the text, gives the message alone.
    """
    if not text or span == Span(0, 0):
        return message
    start = min(max(span.start, 0), len(text))
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", start)
    last = len(text) if last < 0 else last
    left = max(first, start - _WIDTH // 2)
    right = min(last, left + _WIDTH)
    carets = "^" * max(1, min(span.end, right) - start)
    before, after = ("..." if left > first else ""), ("..." if right < last else "")
    shown = "".join(c if c.isprintable() else " " for c in text[left:right])
    return f"{message}\n  {before}{shown}{after}\n  {' ' * (len(before) + start - left)}{carets}"


def near_matches(word: str, known: Iterable[str]) -> list[str]:
    """At most three of `known` that `word` may have been meant for, the likeliest first."""
    known = list(dict.fromkeys(known))
    by_case = {name.lower(): name for name in reversed(known)}
    found = difflib.get_close_matches(word.lower(), list(by_case), n=3, cutoff=0.66)
    likeness = {name: difflib.SequenceMatcher(None, name, word.lower()).ratio() for name in found}
    return [by_case[name] for name in found if likeness[name] > max(likeness.values()) - 0.2]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean `a` or `b`?`, or an empty text where nothing is near."""
    found = [f"`{name}`" for name in near_matches(word, known)]
    return f"Did you mean {' or '.join(found)}?" if found else ""
