"""What a formula may hold.  Formulaic evaluates any Python it is given, and a saved fit replays its formula, so
names with dots, brackets, braces, backslashes, `lambda` and calls of unknown functions are refused.

A formula checked here is names, numbers, `+ - * / : ^ ** %in%`, parentheses, and calls of `CALLS`, whose arguments
are names, numbers, strings, arithmetic, comparisons, calls of `CALLS` and `name=value`.
"""

import keyword

from .problem import did_you_mean
from .tokens import Cursor, Token

CALLS = (
    "log", "log2", "log10", "log1p", "exp", "exp2", "exp10", "expm1", "sqrt", "abs", "I", "C", "Q", "poly", "bs", "cs",
    "cr", "cc", "scale", "center", "standardize", "factor", "Treatment", "Sum", "Helmert", "Diff", "Poly",
)  # fmt: skip
_OUTSIDE = frozenset("+-*/:^()") | {"**", "%"}
_INSIDE = frozenset("+-*/^(),=<>%&") | {"**", "==", "!=", "<=", ">=", "|"}
_CONSTANTS = ("True", "False", "None")


def checked_text(cursor: Cursor) -> str:
    """The text of the cursor's tokens, for formulaic.  `^` inside a call becomes `**`, as R users mean it."""
    calls: list[bool] = []  # one per open parenthesis: whether it belongs to a call
    pieces: list[str] = []
    before: Token | None = None
    while not cursor.done:
        token, inside = cursor.token, any(calls)
        _check_token(cursor, before, inside)
        if token.text == "(":
            calls.append(before is not None and before.kind == "name")
        elif token.text == ")":
            _check_closing(cursor, before)
            calls.pop()
        if before is not None and token.start > before.end:
            pieces.append(" ")
        pieces.append("**" if inside and token.text == "^" else token.text)
        before = cursor.take()
    if before is not None and before.kind == "op" and before.text not in (")",):
        cursor.fail(f"something is missing after `{before.text}`", at=before)
    return "".join(pieces)


def _check_token(cursor: Cursor, before: Token | None, inside: bool) -> None:
    token = cursor.token
    operand_before = before is not None and (before.kind != "op" or before.text == ")")
    if token.kind == "op":
        called = token.text == "(" and before is not None and before.kind == "name"
        if token.text == "(" and operand_before and not called:
            cursor.fail("an operator is missing before `(`", "Write `+`, `*` or `:`.")
        _check_operator(cursor, inside, operand_before)
        return
    in_percent = before is not None and cursor.tokens[cursor.index - 1].text == "%"
    if operand_before and not in_percent:
        advice = "Write `+` to add a column."
        if token.text.startswith("."):
            advice = "A column whose name has a dot needs `backticks`."
        cursor.fail(f"an operator is missing before `{token.text}`", advice)
    if token.kind == "number":
        _check_number(cursor, before, inside)
    elif token.kind == "name":
        _check_name(cursor, inside)
    elif token.kind == "string" and not inside:
        cursor.fail("a text cannot be a column", "A column whose name has blanks needs `backticks`.")
    elif token.kind == "string":
        _check_string(cursor, before)


def _check_string(cursor: Cursor, before: Token | None) -> None:
    if any(mark in cursor.token.value for mark in "\\`{}"):
        cursor.fail("this text holds a backslash, a backtick or a brace, which formulas may not contain")
    alone = before is not None and before.text in ("(", ",", "=", "==", "!=") and cursor.ahead().text in (",", ")")
    if not alone:
        cursor.fail("a text can only be an argument or be compared", "Write for example `Q('a b')` or `I(x == 'a')`.")


def _check_number(cursor: Cursor, before: Token | None, inside: bool) -> None:
    """Outside calls a number is a power; no power is so large that evaluating it would not end."""
    token, power = cursor.token, before is not None and before.text in ("^", "**")
    if not inside and not power:
        advice = "The intercept (`0` or `1`) is a term of its own; arithmetic is written `I(x + 1)`."
        cursor.fail(f"`{token.text}` is not a column", advice)
    if not inside and (not token.value.isdecimal() or not 1 <= int(token.value[:4]) <= 9):
        cursor.fail(f"the power `{token.text}` is not a whole number from 1 to 9")
    if power and (float(token.value) > 100 or cursor.ahead().text in ("^", "**")):
        cursor.fail("this power is too large", "Make such a column in the data first.")


def _check_operator(cursor: Cursor, inside: bool, operand_before: bool) -> None:
    token = cursor.token
    if token.text == ".":
        advice = "Name every column; a column whose name has a dot needs `backticks`; methods cannot be called."
        cursor.fail("`.` is not allowed in a formula", advice)
    if token.text in ("|", "||") and not inside:
        cursor.fail(f"`{token.text}` outside a random term", "Write random terms in parentheses: `(1 | id)`.")
    if token.text not in (_INSIDE if inside else _OUTSIDE):
        where = "inside a function" if inside else "in a formula"
        cursor.fail(f"`{token.text}` is not allowed {where}", "Make such a column in the data first.")
    if not inside and token.text in ("^", "**") and cursor.ahead().kind != "number":
        cursor.fail(f"a number is missing after `{token.text}`", "Arithmetic is written `I(x**y)`.")
    if not operand_before and token.text in (",", "*", "/", ":", "^", "**", "%"):
        cursor.fail(f"a column is missing before `{token.text}`")


def _check_closing(cursor: Cursor, before: Token | None) -> None:
    if before is None or (before.kind == "op" and before.text != ")"):
        cursor.fail("a column is missing before `)`")


def _check_name(cursor: Cursor, inside: bool) -> None:
    token = cursor.token
    quoted = token.text.startswith("`")
    if quoted and any(mark in token.value for mark in "\\\"'{}"):
        cursor.fail("a column's name in a formula may not hold quotes, backslashes or braces", "Rename the column.")
    if "__" in token.value:
        cursor.fail("names with two underscores in a row are not allowed in a formula", "Rename the column.")
    if quoted:
        return
    if keyword.iskeyword(token.text) and not (inside and token.text in _CONSTANTS):
        in_operator = token.text == "in" and cursor.tokens[max(cursor.index - 1, 0)].text == "%"
        if not in_operator:
            cursor.fail(f"`{token.text}` cannot be used in a formula", "A column of that name needs `backticks`.")
    if cursor.ahead().text == "(" and token.text not in CALLS:
        advice = did_you_mean(token.text, CALLS) or f"Known: {', '.join(CALLS)}."
        if token.text == "offset":
            advice = "Add the offset as a term of its own: `y ~ x + offset(z)`."
        cursor.fail(f"`{token.text}()` is not a known function of a formula", advice)
