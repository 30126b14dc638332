"""The response of a formula: an expression, or `cbind(successes, failures)`."""

from .conditions import read_expression, whole_expression
from .expression import Binary, Expression
from .spec import Span
from .tokens import Cursor, Token


def read_response(left: Cursor) -> tuple[Expression, tuple[Expression, Span] | None]:
    """What stands before `~`; for `cbind()` the successes, and the trials with their place in the text."""
    if not left.at("cbind") or left.ahead().text != "(":
        return whole_expression(left), None
    name = left.take()
    successes, failures = _two_columns(left.inside(), name)
    if not left.done:
        left.fail("`cbind()` is the whole response", "Write `cbind(successes, failures) ~ ...`.")
    return successes, (Binary("+", successes, failures), left.span(name.start, left.tokens[-1].start))


def _two_columns(inner: Cursor, name: Token) -> list[Expression]:
    found: list[Expression] = []
    while not inner.done:
        found.append(read_expression(inner))
        if not inner.done and not inner.at(","):
            inner.fail(f"`{inner.token.text}` does not continue the expression", "A comma separates the two columns.")
        inner.take()
    if len(found) != 2:
        advice = "Write `cbind(successes, failures) ~ ...`, for example `cbind(cases, size - cases)`."
        inner.fail(f"`cbind()` takes successes and failures, {len(found)} given", advice, at=name)
    return found
