"""The formula spelling: `response ~ columns + offset(z) + (columns | groups) + ...`.

Random terms, offsets and the intercept are read here; what is left of each side is text for formulaic.  Its
`FormulaSide.text` is complete: "0 + x" without an intercept (factors get a column for every level), "1 + x" with one.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from .conditions import whole_expression
from .expression import Binary, Expression
from .problem import SyntaxProblem
from .responses import read_response
from .spec import Covariance, Equation, FormulaSide, Level, Span
from .tokens import Cursor, Token
from .whitelist import checked_text


@dataclass
class Formula:
    """The parts of a formula.  `overridable[i]`: equation i does not say its covariance (`(x | g)`, one bar)."""

    response: Expression
    trials: tuple[Expression, Span] | None = None  # of `cbind(successes, failures)`, and its place
    fixed: FormulaSide = field(default_factory=lambda: FormulaSide("1", True))
    equations: list[Equation] = field(default_factory=list)
    overridable: list[bool] = field(default_factory=list)
    offset: Expression | None = None


class _Addend(NamedTuple):
    """One term of a sum, with its sign and the place of its tokens."""

    sign: str
    cursor: Cursor
    start: int
    end: int


def is_formula(cursor: Cursor) -> bool:
    """Whether `~` follows a response at the start: no two names side by side before it."""
    depth, before = 0, None
    for token in cursor.tokens[cursor.index :]:
        if token.text == "~" and depth == 0:
            return True
        if token.kind == "end" or (depth == 0 and token.text in ("||", ",", "if", "in", "[")):
            return False
        operand = token.kind != "op"
        if depth == 0 and operand and before is not None and (before.kind != "op" or before.text == ")"):
            return False
        depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
        before = token
    return False


def read_formula(cursor: Cursor) -> Formula:
    """Read a formula up to a comma outside parentheses, or the end."""
    formula = Formula(*_response(cursor))
    tilde = cursor.take()
    right = _slice(cursor, _length(cursor, (",",)))
    _refuse_qualifiers(right)
    if right.done:
        cursor.fail("nothing follows `~`", "Write for example `y ~ x + (1 | id)`, or `y ~ 1` for a constant.", at=tilde)
    kept: list[_Addend] = []
    for addend in _addends(right):
        if not _special(addend, formula):
            kept.append(addend)
    span = cursor.span(right.tokens[0].start, right.tokens[-1].start)
    formula.fixed = _side(kept, span)
    return formula


def _refuse_qualifiers(right: Cursor) -> None:
    before = None
    for token in right.tokens:
        if token.text in ("if", "in") and before != "%":
            keyword = "where" if token.text == "if" else "rows"
            advice = f"Give it as the keyword `{keyword}=`."
            right.fail(f"`{token.text}` cannot follow a formula", advice, at=token)
        before = token.text


def _response(cursor: Cursor) -> tuple[Expression, tuple[Expression, Span] | None]:
    if cursor.at("~"):
        cursor.fail("the response is missing before `~`", "Write `y ~ x + (1 | id)`.")
    return read_response(_slice(cursor, _length(cursor, ("~",))))


def _length(cursor: Cursor, stops: tuple[str, ...]) -> int:
    """The number of tokens before one of `stops` outside parentheses."""
    depth = 0
    for count, token in enumerate(cursor.tokens[cursor.index :]):
        if token.kind == "end" or (depth == 0 and token.kind == "op" and token.text in stops):
            return count
        if token.kind == "op":
            depth += (token.text in ("(", "[", "{")) - (token.text in (")", "]", "}"))
    return len(cursor.tokens) - 1 - cursor.index


def _slice(cursor: Cursor, count: int) -> Cursor:
    """A cursor over the next `count` tokens; `cursor` moves behind them."""
    held = cursor.tokens[cursor.index : cursor.index + count]
    cursor.index += count
    end = held[-1].end if held else cursor.token.start
    return Cursor(cursor.text, [*held, Token("end", "", "", end, end)], cursor.offset)


def _addends(cursor: Cursor) -> list[_Addend]:
    found: list[_Addend] = []
    while not cursor.done:
        sign, start = "+", cursor.token
        while cursor.at("+", "-"):
            sign = "-" if (cursor.take().text == "-") == (sign == "+") else "+"
        count = _term_length(cursor)
        if count == 0:
            cursor.fail(f"a term is missing after `{start.text}`", at=start)
        held = _slice(cursor, count)
        found.append(_Addend(sign, held, held.tokens[0].start, held.tokens[-1].start))
    return found


def _term_length(cursor: Cursor) -> int:
    return _length(cursor, ("+", "-"))


def _special(addend: _Addend, formula: Formula) -> bool:
    """Take a random term or an offset out of the sum; whether it was one."""
    cursor = addend.cursor
    if cursor.at("offset") and cursor.ahead().text == "(":
        _offset(addend, formula)
        return True
    inner = _whole_parentheses(cursor)
    bar = _bar(inner) if inner else None
    if inner is None or bar is None:
        _refuse_nested_random(cursor)
        return False
    if addend.sign == "-":
        cursor.fail("a random term cannot be subtracted")
    _random_term(inner, bar, formula, Span(addend.start, addend.end))
    return True


def _whole_parentheses(cursor: Cursor) -> Cursor | None:
    """What the parentheses around all of the term hold; doubled parentheses count as one pair."""
    if not cursor.at("("):
        return None
    copy = Cursor(cursor.text, cursor.tokens, cursor.offset)
    copy.index = cursor.index
    inner = copy.inside()
    if not copy.done:
        return None
    return _whole_parentheses(inner) or inner


def _bar(inner: Cursor) -> int | None:
    count = _length(inner, ("|", "||"))
    return count if inner.tokens[count].text in ("|", "||") else None


def _refuse_nested_random(cursor: Cursor) -> None:
    calls: list[bool] = []
    for before, token in zip([None, *cursor.tokens], cursor.tokens, strict=False):
        if token.kind != "op":
            continue
        if token.text in ("(", "[", "{"):
            calls.append(before is not None and before.kind == "name")
        elif token.text in (")", "]", "}"):
            calls.pop()
        elif token.text in ("|", "||") and not any(calls):
            advice = "Write random terms in parentheses of their own, joined by `+`: `y ~ x + (x | id)`."
            cursor.fail(f"`{token.text}` is not in a random term of its own", advice, at=token)


def _offset(addend: _Addend, formula: Formula) -> None:
    cursor = addend.cursor
    name = cursor.take()
    inner = cursor.inside()
    if addend.sign == "-" or not cursor.done:
        cursor.fail("`offset()` is a term of its own and is added", "Write `+ offset(-z)` or `+ offset(2*z)`.", at=name)
    formula.offset = added(formula.offset, whole_expression(inner))


def added(first: Expression | None, second: Expression | None) -> Expression | None:
    """The sum of two offsets, either of which may be absent."""
    if first is None or second is None:
        return second if first is None else first
    return Binary("+", first, second)


def _random_term(inner: Cursor, bar: int, formula: Formula, place: Span) -> None:
    left = _slice(inner, bar)
    mark = inner.take()
    if left.done:
        left.fail(f"nothing stands before `{mark.text}`", "Write `(1 | g)` or `(x | g)`.", at=mark)
    if inner.done:
        inner.fail(f"the groups are missing after `{mark.text}`", "Write `(1 | g)`.", at=mark)
    levels = _levels(inner)
    span = inner.span(left.tokens[0].start, left.tokens[-1].start)
    side = _side(_checked_addends(left), span)
    if side.text == "0":
        left.fail("this random term has no column", "Write `(1 | g)` or `(0 + x | g)`.", at=left.tokens[0])
    place = inner.span(place.start, place.end)
    covariance, silent = _covariance(side, mark)
    for level in levels:
        formula.equations.append(Equation(level, side, None, covariance, (), place))
        formula.overridable.append(silent)


def _checked_addends(cursor: Cursor) -> list[_Addend]:
    addends = _addends(cursor)
    for addend in addends:
        _refuse_nested_random(addend.cursor)
    return addends


def _covariance(side: FormulaSide, mark: Token) -> tuple[Covariance | None, bool]:
    """The covariance of a random term, and whether `covariance=` may say another."""
    if mark.text == "||":
        return Covariance("independent"), side.text == "1"
    return (None if side.text == "1" else Covariance("unstructured"), True)


def _levels(cursor: Cursor) -> list[Level]:
    """`g`, `a:b`, `a/b/c` (which is a, a>b, a>b>c)."""
    inner = _whole_parentheses(cursor)
    cursor = inner or cursor
    parts = [_interaction(cursor)]
    while cursor.at("/"):
        cursor.take()
        parts.append(_interaction(cursor))
    if not cursor.done:
        advice = "Groups are `g`, `a:b` or `a/b`; two factors with effects of their own are two terms."
        cursor.fail(f"`{cursor.token.text}` cannot stand here", advice)
    span = cursor.span(cursor.tokens[0].start, cursor.tokens[-1].start)
    if len(parts) == 1:
        return [Level("crossed" if len(parts[0]) == 1 else "interaction", parts[0], span)]
    levels: list[Level] = []
    path: tuple[str, ...] = ()
    for part in parts:
        path += part
        if len(set(path)) < len(path):
            cursor.fail("a factor is named twice among these groups", at=cursor.tokens[0])
        kind = "interaction" if not levels and len(part) > 1 else "nested"
        levels.append(Level(kind, path, span))
    return levels


def _interaction(cursor: Cursor) -> tuple[str, ...]:
    names = [_group_name(cursor)]
    while cursor.at(":"):
        cursor.take()
        names.append(_group_name(cursor))
    if len(set(names)) < len(names):
        cursor.fail("a factor is named twice among these groups", at=cursor.tokens[0])
    return tuple(names)


def _group_name(cursor: Cursor) -> str:
    token = cursor.token
    if token.kind != "name":
        cursor.fail(f"a grouping column was expected, but {cursor.found()}", "Write `(1 | g)`.")
    cursor.take()
    if cursor.at("("):
        advice = "Make that column in the data first."
        cursor.fail("groups must be columns, not functions of columns", advice, at=token)
    return token.value


def _side(addends: list[_Addend], span: Span) -> FormulaSide:
    """Take `1`, `0`, `-1` out of a sum and write it with the intercept in front."""
    constant, pieces = True, []
    for addend in addends:
        tokens = addend.cursor.tokens
        if len(tokens) == 2 and tokens[0].kind == "number":
            if tokens[0].text not in ("0", "1"):
                advice = "Only `0` and `1` (the intercept) are numbers that a formula may hold alone."
                addend.cursor.fail(f"`{tokens[0].text}` is not a column", advice)
            constant = (tokens[0].text == "1") == (addend.sign == "+")
            continue
        text = checked_text(addend.cursor)
        if addend.sign == "-" and not pieces:
            place = Span(addend.start, addend.end)
            message, advice = "nothing stands before it to be removed from", "Only `- 1` may come first."
            raise SyntaxProblem(message, addend.cursor.text, place, advice)
        pieces.append(f"{' - ' if addend.sign == '-' else ' + '}{text}")
    return FormulaSide(("1" if constant else "0") + "".join(pieces), constant, span)
