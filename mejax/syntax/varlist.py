"""The suite's variable lists with factor variables -> `Term`s.

    varlist  := interaction ...
    interaction := group ((# | ##) group) ...        left to right; a##b is a, b, a#b; groups distribute
    group    := [operator .] ( "(" varlist ")" | variable )
    operator := c | o | [i][levels][b(base)][o]       i  ib3  ib(last)  ibn  b3  2  i2  i(1 3)  o3  1b  2o
    variable := name | name with * and ? | name-name

A bare variable is continuous, but a factor inside an interaction.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Literal, NamedTuple

from .problem import SyntaxProblem
from .spec import Operand, Span, Term
from .tokens import Cursor, Token

_MOST_TERMS = 2000  # of one varlist after ## and groups have been expanded
_MOST_FACTORS = 8  # in one interaction, as in the suite
_MOST_LEVELS = 1000  # in one `i(1/1000).x`

_LEVELS = r"\d+|\([\d\s/]*\)"
_FACTOR = re.compile(
    rf"i?(?P<levels>{_LEVELS})?(?P<base>bn|b\d+|b\([a-z]+\)|b)?(?P<omitted>o)?|i?o(?P<omitted_levels>{_LEVELS})"
)


class _Prefix(NamedTuple):
    """What the operator before a dot says; `kind` None leaves it to the context."""

    kind: Literal["continuous", "factor"] | None = None
    base: str = "first"
    levels: tuple[str, ...] = ()
    omitted: bool = False


class _Draft(NamedTuple):
    """A term whose bare variables have no kind yet: (prefix, operand) pairs."""

    parts: tuple[tuple[_Prefix, Operand], ...]
    span: Span


def read_varlist(cursor: Cursor, at_end: Callable[[Cursor], bool]) -> tuple[Term, ...]:
    """Read terms until `at_end(cursor)` or the end of the tokens."""
    terms: list[Term] = []
    while not cursor.done and not at_end(cursor):
        terms += [_settled(draft) for draft in _interaction(cursor)]
    return tuple(_without_repeated_factors(terms))


def _without_repeated_factors(terms: list[Term]) -> list[Term]:
    """`i.a a##b` holds `i.a` once.  A repeated plain variable stays: the frame reports it as collinear."""
    kept: dict[object, Term] = {}
    for number, term in enumerate(terms):
        plain = all(operand.kind == "continuous" for operand in term.operands)
        kept.setdefault(number if plain else _identity(term.operands), term)
    return list(kept.values())


def _identity(operands: tuple[Operand, ...]) -> tuple[Operand, ...]:
    return tuple(replace(operand, span=Span(0, 0)) for operand in operands)


def _settled(draft: _Draft) -> Term:
    return Term(tuple(_with_prefix(operand, prefix) for prefix, operand in draft.parts), draft.span)


def _with_prefix(operand: Operand, prefix: _Prefix) -> Operand:
    kind = prefix.kind or "continuous"
    return replace(operand, kind=kind, base=prefix.base, levels=prefix.levels, omitted=prefix.omitted)


def _interaction(cursor: Cursor) -> list[_Draft]:
    drafts = _group(cursor)
    while cursor.at("#", "##"):
        operator = cursor.take()
        if cursor.done or cursor.at("#", "##", "|", "||", ","):
            cursor.fail(f"a variable is missing after `{operator.text}`", at=operator)
        drafts, right = _as_factors(drafts), _as_factors(_group(cursor))
        if len(drafts) * len(right) > _MOST_TERMS:
            cursor.fail(f"this interaction has more than {_MOST_TERMS} terms", at=operator)
        if max(len(a.parts) for a in drafts) + max(len(b.parts) for b in right) > _MOST_FACTORS:
            cursor.fail(f"an interaction of more than {_MOST_FACTORS} variables", at=operator)
        product = [_Draft(a.parts + b.parts, Span(a.span.start, b.span.end)) for a in drafts for b in right]
        drafts = _distinct([*drafts, *right, *product]) if operator.text == "##" else product
    return drafts


def _as_factors(drafts: list[_Draft]) -> list[_Draft]:
    """Variables without an operator are factors in an interaction, also in the main effects of `a##b`."""
    factor = _Prefix("factor")
    return [
        draft._replace(parts=tuple((factor if own == _Prefix() else own, operand) for own, operand in draft.parts))
        for draft in drafts
    ]


def _distinct(drafts: list[_Draft]) -> list[_Draft]:
    seen: dict[object, _Draft] = {}
    for draft in drafts:
        seen.setdefault(tuple((prefix, replace(op, span=Span(0, 0))) for prefix, op in draft.parts), draft)
    return list(seen.values())


def _group(cursor: Cursor) -> list[_Draft]:
    first = cursor.token
    prefix = _operator(cursor)
    if not cursor.at("("):
        operand = _variable(cursor)
        place = cursor.span(first.start, first.start + (operand.span.end - cursor.span(first.start, 0).start))
        _check_range(cursor, first, prefix, operand)
        return [_Draft(((prefix, operand),), place)]
    inner = cursor.inside()
    if inner.done:
        inner.fail("these parentheses hold no variable", at=first)
    drafts: list[_Draft] = []
    while not inner.done:
        drafts += _interaction(inner)
    return [_applied(prefix, draft, cursor, first) for draft in drafts]


def _check_range(cursor: Cursor, first: Token, prefix: _Prefix, operand: Operand) -> None:
    if prefix.levels and (operand.range_end or "*" in operand.name or "?" in operand.name):
        cursor.fail("levels can be chosen of one variable only", "Write `2.x`, not `2.x*`.", at=first)


def _applied(prefix: _Prefix, draft: _Draft, cursor: Cursor, at: Token) -> _Draft:
    """The operator before a group goes to every variable that has none of its own."""
    if prefix == _Prefix():
        return draft
    if len(draft.parts) > 1:
        cursor.fail("an operator cannot stand before a group that holds an interaction", at=at)
    parts = tuple((prefix if own == _Prefix() else own, operand) for own, operand in draft.parts)
    return _Draft(parts, draft.span)


def _operator(cursor: Cursor) -> _Prefix:
    """The operator in front of a dot, with the dot; nothing is read where there is none."""
    stop = _dot_after_operator(cursor)
    if stop is None:
        return _Prefix()
    first, dot = cursor.token, cursor.tokens[stop]
    typed = cursor.text[first.start : dot.start]
    span = Span(first.start, dot.start)
    cursor.index = stop + 1
    if cursor.done or not cursor.joined() or not (cursor.token.kind == "name" or cursor.at("(", "*", "?")):
        raise SyntaxProblem(f"a variable is missing after `{typed}.`", cursor.text, span)
    return _read_prefix(typed, cursor, span)


def _dot_after_operator(cursor: Cursor) -> int | None:
    index = cursor.index
    if cursor.tokens[index].kind not in ("name", "number") or cursor.tokens[index].text.startswith("`"):
        return None
    index += 1
    if cursor.tokens[index].text == "(" and cursor.tokens[index - 1].end == cursor.tokens[index].start:
        while cursor.tokens[index].text != ")":
            index += 1
        index += 1
        if cursor.tokens[index].text == "o" and cursor.tokens[index - 1].end == cursor.tokens[index].start:
            index += 1
    elif cursor.tokens[index - 1].kind == "number" and cursor.tokens[index].kind == "name":
        index += cursor.tokens[index - 1].end == cursor.tokens[index].start
    dot = cursor.tokens[index]
    return index if dot.text == "." and cursor.tokens[index - 1].end == dot.start else None


def _read_prefix(typed: str, cursor: Cursor, span: Span) -> _Prefix:
    if typed in ("c", "co"):
        return _Prefix("continuous", omitted=typed == "co")
    if typed == "o":
        return _Prefix("continuous", omitted=True)
    found = _FACTOR.fullmatch(typed)
    if found is None:
        raise SyntaxProblem(f"`{typed}.` is not a known operator", cursor.text, span, _prefix_advice(typed))
    omitted_levels = found["omitted_levels"]
    levels = _levels(omitted_levels or found["levels"] or "", cursor, span)
    base = _base(found["base"], levels, cursor, span)
    if found["base"] and levels:
        levels = ()
    return _Prefix("factor", base, levels, bool(found["omitted"] or omitted_levels))


def _prefix_advice(typed: str) -> str:
    if re.fullmatch(r"[LFDSlfds]\d*", typed):
        return "Time-series operators are not available: make the lagged or differenced column first."
    if typed in ("R", "r"):
        return "`R.x` stands alone in an equation of its own: `|| _all: R.x`."
    return "Known: i. c. o. ib3. ib(first) ib(last) ib(freq) ibn. 2. i(1 3).  A column with a dot needs `backticks`."


def _base(typed: str | None, levels: tuple[str, ...], cursor: Cursor, span: Span) -> str:
    if typed is None:
        return "first"
    if typed == "b":
        if len(levels) == 1:
            return levels[0]
        raise SyntaxProblem("`b` needs a base level", cursor.text, span, "Write `ib3.x` or `ib(last).x`.")
    if typed == "bn":
        return "none"
    base = typed[1:].strip("()")
    if base.isdigit() or base in ("first", "last", "freq", "none"):
        return base
    advice = "Known: a number, first, last, freq, none."
    raise SyntaxProblem(f"`{base}` is not a base level", cursor.text, span, advice)


def _levels(typed: str, cursor: Cursor, span: Span) -> tuple[str, ...]:
    found: list[str] = []
    for word in re.sub(r"\s*/\s*", "/", typed.strip("()")).split():
        ends = word.split("/")
        if len(ends) > 2 or not all(ends) or any(len(end) > 9 for end in ends):
            advice = "Write `i(1 3).x` or `i(1/5).x`."
            raise SyntaxProblem(f"`{word}` is not a level or a range of levels", cursor.text, span, advice)
        numbers = range(int(ends[0]), int(ends[-1]) + 1)
        if len(found) + len(numbers) > _MOST_LEVELS:
            raise SyntaxProblem(f"more than {_MOST_LEVELS} levels", cursor.text, span)
        found += [str(number) for number in numbers]
    if typed and not found:
        raise SyntaxProblem("no level is named", cursor.text, span, "Write `i(1 3).x`.")
    return tuple(found)


def _variable(cursor: Cursor) -> Operand:
    """`name`, `child*`, `x?`, `x1-x3` (name x1, range_end x3); its kind is settled later."""
    first = cursor.token
    name = _pattern(cursor)
    last, range_end = cursor.tokens[cursor.index - 1], None
    if cursor.at("-"):
        cursor.take()
        if cursor.token.kind != "name":
            cursor.fail("a range `first-last` needs a second variable", at=first)
        last = cursor.take()
        range_end = last.value
        if "*" in name or "?" in name:
            cursor.fail("a range cannot begin with a wildcard", "Write `x1-x3` or `x*`.", at=first)
    if cursor.at("(") and cursor.joined():
        cursor.fail(f"`{name}(` does not belong in a list of variables", "Options follow a comma.", at=first)
    return Operand(name, "continuous", range_end=range_end, span=cursor.span(first.start, last.end))


def _pattern(cursor: Cursor) -> str:
    token = cursor.token
    if token.kind == "name" and token.text.startswith("`"):
        return cursor.take().value
    if token.kind != "name" and not cursor.at("*", "?", "**"):
        cursor.fail(f"a variable was expected, but {cursor.found()}", _variable_advice(token))
    text = cursor.take().text
    while cursor.joined() and (cursor.at("*", "?", "**") or cursor.token.kind in ("name", "number")):
        if cursor.token.text.startswith("`"):
            break
        text += cursor.take().text
    return text


def _variable_advice(token: Token) -> str:
    if token.kind == "number":
        return "Random terms in parentheses belong to a formula: `y ~ x + (1 | id)`."
    if token.text == "~":
        return "A formula has `~` directly after the response: `y ~ x + (x | id)`."
    if token.text == "=":
        return "Compare with `==` after `if`; an option's value goes in parentheses."
    if token.text == "|":
        return "Random-effects equations begin with `||`."
    return ""
