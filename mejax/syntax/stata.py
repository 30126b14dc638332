"""The suite's spelling of a command, after the command's name.

depvar [fe] [if] [in] [weight] [, options] [|| level: [columns] | R.variable [, options]] ...
"""

from dataclasses import dataclass, field, replace
from typing import Any

from .conditions import read_expression, whole_expression
from .expression import Expression, Name
from .problem import did_you_mean
from .reading import Given, check_twice, is_equation_option, read_options
from .spec import Equation, Level, Span, Term, Varlist, Weight
from .tokens import Cursor, Token
from .varlist import read_varlist

_WEIGHTS = ("fweight", "pweight", "iweight", "aweight")


@dataclass
class Command:
    """The parts of a command as they are found."""

    response: Expression | None = None
    second_response: Expression | None = None
    terms: tuple[Term, ...] = ()
    where: Expression | None = None
    rows: tuple[int, int] | None = None
    weights: tuple[Weight, ...] = ()
    options: list[Given] = field(default_factory=list)  # of the whole command and of the fixed part
    equations: list[Equation] = field(default_factory=list)
    collinear_equations: tuple[int, ...] = ()


def read_command(cursor: Cursor, command: str) -> Command:
    """Read everything behind the command's name."""
    found = Command()
    if command != "mestreg":
        found.response = _response(cursor)
    if command == "meintreg":
        found.second_response = _response(cursor)
    found.terms = read_varlist(cursor, _ends_columns)
    read_qualifiers(cursor, found)
    if cursor.at(","):
        cursor.take()
        found.options += _fixed_options(cursor, read_options(cursor, command, _ends_equation))
    drafts: list[_EquationDraft] = []
    while cursor.at("||"):
        drafts.append(_equation(cursor, command, drafts, found))
    if not cursor.done:
        cursor.fail(f"`{cursor.token.text}` was not expected here", "Options follow a comma, levels follow `||`.")
    found.equations = _with_constants(cursor, drafts)
    found.collinear_equations = tuple(number for number, draft in enumerate(drafts) if draft.collinear)
    return found


def _ends_equation(cursor: Cursor) -> bool:
    return cursor.at("||")


def _ends_columns(cursor: Cursor) -> bool:
    return cursor.at("||", ",", "if", "in", "[")


def _response(cursor: Cursor) -> Expression:
    token = cursor.token
    if cursor.done or _ends_columns(cursor) or token.kind != "name":
        advice = "A command begins with the response: `y x || id:`; a formula with `y ~`."
        cursor.fail(f"the response is missing: {cursor.found()}", advice)
    cursor.take()
    if cursor.joined() and cursor.at("(", ".", "#", "*"):
        advice = "Make the column first, or use a formula: `log(y) ~ x + (1 | id)`."
        if cursor.at("."):
            advice = "A column whose name has a dot needs `backticks`."
        cursor.fail("the response must be the name of one column", advice, at=token)
    place = cursor.span(token.start, token.end)
    return Name(token.value, place.start, place.end)


def read_qualifiers(cursor: Cursor, found: Command) -> None:
    """`if`, `in` and `[weight]`, each at most once, in any order."""
    seen: set[str] = set()
    while cursor.at("if", "in", "["):
        token = cursor.take()
        if token.text in seen:
            advice = "Join two conditions by `&`." if token.text == "if" else ""
            cursor.fail(f"a second `{token.text}`", advice, at=token)
        seen.add(token.text)
        if token.text == "if":
            found.where = _condition(cursor, token)
        elif token.text == "in":
            found.rows = read_rows(cursor, token)
        else:
            cursor.index -= 1
            found.weights = (_weight(cursor.inside()),)
    if not cursor.done and not cursor.at("||", ","):
        advice = "The order is: response, columns, `if`, `in`, `[weight]`, then a comma and options."
        cursor.fail(f"`{cursor.token.text}` was not expected here", advice)


def _condition(cursor: Cursor, token: Token) -> Expression:
    if cursor.done or _ends_columns(cursor):
        cursor.fail("`if` has no condition", "Write for example `if age > 5`.", at=token)
    condition = read_expression(cursor)
    if cursor.at("="):
        cursor.fail("`=` does not compare", "Write `==`.")
    return condition


def read_rows(cursor: Cursor, at: Token) -> tuple[int, int]:
    """`5`, `1/100`, `-10/l`: first and last row, counted from 1; negative numbers count from the end."""
    first = last = _row(cursor, at)
    if cursor.at("/"):
        cursor.take()
        last = _row(cursor, at)
    if (first > 0) == (last > 0) and first > last:
        cursor.fail(f"rows {first} to {last}: the first comes after the last", "Write `in 1/100`.", at=at)
    return first, last


def _row(cursor: Cursor, at: Token) -> int:
    if cursor.at("f", "F", "l", "L"):
        return 1 if cursor.take().text in "fF" else -1
    sign = -1 if cursor.at("-") else 1
    if sign < 0:
        cursor.take()
    token = cursor.take()
    if not token.value.isdecimal() or not 0 < len(token.value) <= 15 or int(token.value) == 0:
        advice = "Write for example `in 1/100` or `in -10/l`; membership is written `if inlist(x, 1, 2)`."
        cursor.fail("a row number was expected (from 1)", advice, at=at)
    return sign * int(token.value)


def _weight(cursor: Cursor) -> Weight:
    token = cursor.take()
    kind: Any = next((k for k in _WEIGHTS if len(token.text) > 1 and k.startswith(token.text)), None)
    if kind is None:
        what = f"`{token.text}` is not a kind of weight" if token.text else "the brackets are empty"
        advice = did_you_mean(token.text, _WEIGHTS) or f"Known: {', '.join(_WEIGHTS)}."
        cursor.fail(what, advice, at=token)
    if not cursor.at("="):
        cursor.fail(f"`=` is missing after `{token.text}`", f"Write `[{kind}=w]`.", at=token)
    cursor.take()
    return Weight(kind, whole_expression(cursor), cursor.span(token.start, cursor.tokens[-1].start))


def _fixed_options(cursor: Cursor, given: list[Given]) -> list[Given]:
    for item in given:
        if is_equation_option(item) and item.option.name not in ("noconstant", "collinear"):
            level_one = "; weights of observations go in brackets, `[fweight=w]`"
            advice = "Put it after the equation it belongs to, `|| id: x, ...`"
            advice += "." if item.option.name in ("covariance", "shared") else f"{level_one}."
            cursor.fail(f"`{item.option.word}` belongs to a random-effects equation", advice, at=item.token)
    return given


@dataclass
class _EquationDraft:
    """An equation before it is known which equation of its level has the constant."""

    equation: Equation
    terms: tuple[Term, ...]
    noconstant: bool
    collinear: bool
    level_token: Token


def _equation(cursor: Cursor, command: str, before: list[_EquationDraft], found: Command) -> _EquationDraft:
    bars = cursor.take()
    if cursor.done or cursor.at("||", ","):
        cursor.fail("a level is missing after `||`", "Write `|| id:` or `|| id: x`.", at=bars)
    token = cursor.take()
    if token.kind != "name":
        cursor.fail(f"a level was expected after `||`, got `{token.text}`", "Write `|| id:`.", at=token)
    if not cursor.at(":"):
        cursor.fail(f"`:` is missing after the level `{token.value}`", f"Write `|| {token.text}: ...`.", at=token)
    colon = cursor.take()
    level = _level(cursor, token, [draft.equation.level for draft in before])
    factor = _random_factor(cursor)
    terms = () if factor else read_varlist(cursor, _ends_columns)
    if cursor.at("if", "in", "["):
        cursor.fail(f"`{cursor.token.text}` belongs before the first `||`", "It holds for the whole model.")
    end = cursor.tokens[cursor.index - 1].end
    given: list[Given] = []
    if cursor.at(","):
        cursor.take()
        given = read_options(cursor, command, _ends_equation)
    own = [item for item in given if is_equation_option(item)]
    check_twice(own, cursor.text)
    found.options += [item for item in given if not is_equation_option(item)]
    values = {item.option.name: item for item in own}
    span = cursor.span(token.start, max(end, colon.end))
    covariance = values["covariance"].value if "covariance" in values else None
    weights, shared = _equation_weights(cursor, own), "shared" in values
    equation = Equation(level, None, factor, covariance, weights, span, shared)
    return _EquationDraft(equation, terms, "noconstant" in values, "collinear" in values, token)


def _equation_weights(cursor: Cursor, own: list[Given]) -> tuple[Weight, ...]:
    found: list[Weight] = []
    for item in own:
        kind: Any = item.option.name
        if kind in _WEIGHTS and item.token is not None:
            found.append(Weight(kind, item.value, cursor.span(item.token.start, item.token.end)))
    return tuple(found)


def _level(cursor: Cursor, token: Token, before: list[Level]) -> Level:
    place = cursor.span(token.start, token.end)
    if token.text == "_all":
        return Level("all", (), place)
    nested = [level for level in before if level.kind == "nested"]
    path = nested[-1].variables if nested else ()
    if path and path[-1] == token.value and before[-1].kind == "nested":
        return Level("nested", path, place)
    if token.value in path:
        advice = "Equations of one level stand side by side; levels go from the largest groups to the smallest."
        cursor.fail(f"the level `{token.value}` comes back after another one", advice, at=token)
    return Level("nested", (*path, token.value), place)


def _random_factor(cursor: Cursor) -> str | None:
    """`R.variable`, alone in its equation."""
    if not cursor.at("R") or cursor.ahead().text != "." or cursor.ahead().start != cursor.token.end:
        return None
    token = cursor.take()
    cursor.take()
    if cursor.token.kind != "name" or not cursor.joined():
        cursor.fail("`R.` needs the name of a variable", "Write `|| _all: R.id`.", at=token)
    name = cursor.take().value
    if not cursor.done and not _ends_columns(cursor):
        advice = f"Give each its own equation: `|| _all: R.{name} || ...`."
        cursor.fail(f"`R.{name}` stands alone in its equation", advice)
    return name


def _with_constants(cursor: Cursor, drafts: list[_EquationDraft]) -> list[Equation]:
    """Give each level its constant: to the equation that has nothing else, or else to the last one."""
    return [_finished(cursor, draft, drafts) for draft in drafts]


def _finished(cursor: Cursor, draft: _EquationDraft, drafts: list[_EquationDraft]) -> Equation:
    if draft.equation.factor:
        return draft.equation
    if draft.noconstant and not draft.terms:
        return replace(draft.equation, columns=Varlist((), False))  # it may name the groups of correlated errors
    level = replace(draft.equation.level, span=Span(0, 0))
    same = [other for other in drafts if replace(other.equation.level, span=Span(0, 0)) == level]
    eligible = [other for other in same if not other.noconstant and not other.equation.factor]
    alone = [other for other in eligible if not other.terms]
    chosen = (alone or eligible[-1:] or [None])[0]
    if not draft.terms and draft is not chosen:
        name = draft.level_token.value
        what = f"the equation of level `{name}` has its constant twice"
        cursor.fail(what, "Add a covariate or drop it.", at=draft.level_token)
    return replace(draft.equation, columns=Varlist(draft.terms, draft is chosen))
