"""Text -> `Expression`.

Loosest first: `|` `or`; `&` `and`; `not`; comparisons; `+ -`; `* /`; unary `-`; `^`; `!`.
As in the suite `!` binds tightest (`!x == 1` is `(!x) == 1`) and `-x^2` is `-(x^2)`; Python's `not` binds loosely.
In the mean of a nonlinear model (where the cursor has a reader of braces) `{...}` stands for a number too, `_pi` is pi,
and texts and missing values are not allowed.
"""

import math

from .expression import FUNCTIONS, MEAN_FUNCTIONS, Binary, Call, Expression, Missing, Name, Number, Text, Unary
from .problem import did_you_mean
from .tokens import Cursor, Token, cursor_over

_COMPARISONS = ("==", "!=", "~=", "<", "<=", ">", ">=")
_LONGEST_CHAIN = 500  # operators of one kind in a row: keeps the tree shallow enough to be walked


def parse_expression(text: str, offset: int | None = 0) -> Expression:
    """Read a whole text as an expression.

    `offset` is added to the places of the names; None means that the text is not part of the model's text, so that
    the names get the place (0, 0).  Raises `SyntaxProblem`, which points into `text`.
    """
    return whole_expression(cursor_over(text, offset))


def whole_expression(cursor: Cursor) -> Expression:
    """Read everything that is left."""
    expression = read_expression(cursor)
    if not cursor.done:
        advice = "Write `==` to compare." if cursor.at("=") else "An operator such as `&` or `+` is missing before it."
        cursor.fail(f"`{cursor.token.text}` does not continue the expression", advice)
    return expression


def read_expression(cursor: Cursor) -> Expression:
    """Read as far as the expression goes."""
    return _chain(cursor, _conjunction, {"|": "|", "or": "|"})


def _conjunction(cursor: Cursor) -> Expression:
    return _chain(cursor, _negation, {"&": "&", "and": "&"})


def _negation(cursor: Cursor) -> Expression:
    count = 0
    while cursor.at("not"):
        cursor.take()
        count += 1
    return _wrapped(_comparison(cursor), "!", count, cursor)


def _comparison(cursor: Cursor) -> Expression:
    left = _sum(cursor)
    if not cursor.at(*_COMPARISONS):
        return left
    operator = cursor.take().text
    comparison = Binary("!=" if operator == "~=" else operator, left, _sum(cursor))
    if cursor.at(*_COMPARISONS):
        cursor.fail("comparisons cannot be chained", "Write `a < x & x < b` for `a < x < b`.")
    return comparison


def _sum(cursor: Cursor) -> Expression:
    return _chain(cursor, _product, {"+": "+", "-": "-"})


def _product(cursor: Cursor) -> Expression:
    return _chain(cursor, _signed, {"*": "*", "/": "/"})


def _signed(cursor: Cursor) -> Expression:
    signs: list[Token] = []
    while cursor.at("-", "+"):
        signs.append(cursor.take())
    expression = _power(cursor)
    if len(signs) > _LONGEST_CHAIN:
        cursor.fail(f"more than {_LONGEST_CHAIN} signs in a row", at=signs[0])
    for sign in reversed(signs):
        expression = Unary(sign.text, expression)
    return expression


def _power(cursor: Cursor) -> Expression:
    base, typed, count = _atom(cursor), "", 0
    while cursor.at("^", "**"):
        operator = cursor.take()
        if "**" in (typed, operator.text) and typed:
            cursor.fail("powers of powers need parentheses here", "Write `(a**b)**c` or `a**(b**c)`.", at=operator)
        sign = cursor.take().text if cursor.at("-", "+") else ""
        exponent = _atom(cursor)
        base = Binary("^", base, Unary(sign, exponent) if sign else exponent)
        typed, count = operator.text, count + 1
        if count > _LONGEST_CHAIN:
            cursor.fail(f"more than {_LONGEST_CHAIN} powers in a row", at=operator)
    return base


def _chain(cursor: Cursor, operand, operators: dict[str, str]) -> Expression:
    expression, count = operand(cursor), 0
    while cursor.at(*operators):
        operator = cursor.take()
        expression, count = Binary(operators[operator.text], expression, operand(cursor)), count + 1
        if count > _LONGEST_CHAIN:
            cursor.fail(f"more than {_LONGEST_CHAIN} operators `{operator.text}` in a row", at=operator)
    return expression


def _wrapped(expression: Expression, operator: str, count: int, cursor: Cursor) -> Expression:
    if count > _LONGEST_CHAIN:
        cursor.fail(f"more than {_LONGEST_CHAIN} negations in a row")
    for _ in range(count):
        expression = Unary(operator, expression)
    return expression


def _atom(cursor: Cursor) -> Expression:
    count = 0
    while cursor.at("!", "~"):
        cursor.take()
        count += 1
    return _wrapped(_value(cursor), "!", count, cursor)


def _value(cursor: Cursor) -> Expression:
    token = cursor.token
    if cursor.at("("):
        return whole_expression(cursor.inside())
    if cursor.braces is not None:
        if cursor.at("{"):
            return cursor.braces(cursor)
        if cursor.at(".") or token.kind == "string":
            cursor.fail(f"`{token.text}` is not a number, as the mean needs", "Make a numeric column first.")
    if cursor.at("."):
        cursor.take()
        if cursor.token.kind == "name" and cursor.joined():
            cursor.fail("`.a` to `.z` are not known", "Write `.` or `missing(x)`.", at=token)
        return Missing()
    if token.kind == "number":
        cursor.take()
        return Number(float(token.value))
    if token.kind == "string":
        cursor.take()
        return Text(token.value)
    if token.kind == "name" and token.text not in ("if", "in", "and", "or", "not"):
        cursor.take()
        return _call(cursor, token) if cursor.at("(") else _name(cursor, token)
    return cursor.fail(f"a column, a number or `(` was expected, but {cursor.found()}")


def _name(cursor: Cursor, token: Token) -> Name | Number:
    if cursor.braces is not None and token.text == "_pi":
        return Number(math.pi)
    if cursor.braces is not None and cursor.at("["):
        group = cursor.inside().rest() or "id"
        advice = f"Write `{{{token.text}[{group}]}}`."
        cursor.fail(f"in an expression the random effect `{token.text}` stands in braces", advice, at=token)
    place = cursor.span(token.start, token.end)
    return Name(token.value, place.start, place.end)


def _call(cursor: Cursor, function: Token) -> Call:
    functions = FUNCTIONS if cursor.braces is None else MEAN_FUNCTIONS
    if function.text not in functions:
        near, known = did_you_mean(function.text, functions), f"Known: {', '.join(functions)}."
        if cursor.braces is not None:
            cursor.fail(f"a mean has no function `{function.text}`", f"{near} {known}".strip(), at=function)
        cursor.fail(f"`{function.text}` is not a known function", near or known, at=function)
    inner = cursor.inside()
    arguments: list[Expression] = []
    while not inner.done or arguments:
        arguments.append(read_expression(inner))
        if not inner.at(","):
            break
        inner.take()
    if not inner.done:
        inner.fail(f"`{inner.token.text}` does not continue the expression", "Arguments are separated by commas.")
    fewest, most = functions[function.text]
    if not fewest <= len(arguments) <= most:
        wanted = f"{fewest}" if fewest == most else f"{fewest} to {most}"
        cursor.fail(f"`{function.text}()` takes {wanted} arguments, {len(arguments)} given", at=function)
    return Call(function.text, tuple(arguments))
