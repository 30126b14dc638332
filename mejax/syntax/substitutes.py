"""What stands in braces in the mean of a nonlinear model.

{b1}  {b1=1.5}                        a parameter, with its starting value
{U1[tree]}  {W[school>class]}  {U1}   a random effect; its level need be said once only
{phi1:}                               what is defined elsewhere under this name
{phi1: x1 U0[id]}  {phi1: x1, xb}     a linear combination, defined in place
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import NamedTuple, NoReturn

from .combinations import is_combination, one_effect, read_combination
from .conditions import whole_expression
from .expression import Expression, Parameter, RandomValue, Reference
from .spec import Combination, Definition, Level, RandomEffect, Span
from .tokens import Cursor, Token

_ADVICE = "Known in braces: {b}, {b=1.5}, {U[id]}, {phi:} and {phi: x1 U[id]}."


class Place(NamedTuple):
    """Where something stands, for errors that are found later."""

    cursor: Cursor
    token: Token

    def fail(self, message: str, advice: str = "") -> NoReturn:
        self.cursor.fail(message, advice, at=self.token)


def effect_names(cursors: Iterable[Cursor]) -> frozenset[str]:
    """The names that stand directly before a bracket: random effects, wherever they are named again."""
    found: set[str] = set()
    for cursor in cursors:
        for token, after in zip(cursor.tokens, cursor.tokens[1:], strict=False):
            if token.kind == "name" and after.text == "[":
                found.add(token.text)
    return frozenset(found)


@dataclass
class Substitutes:
    """Everything that the texts of a mean name, as it is read.

    `known` are the names of random effects.  `references` are the places of `{phi:}`, by the definition that holds it
    ("" for the mean itself) and the name.
    """

    known: frozenset[str]
    effects: dict[str, RandomEffect] = field(default_factory=dict)
    definitions: dict[str, Definition] = field(default_factory=dict)
    starts: dict[str, float] = field(default_factory=dict)
    places: dict[tuple[str, str], Place] = field(default_factory=dict)  # of (kind, name)
    references: dict[tuple[str, str], Place] = field(default_factory=dict)
    _inside: str = ""

    def expression(self, cursor: Cursor) -> Expression:
        """Read everything that is left as (a part of) the mean."""
        cursor.braces = self._brace
        return whole_expression(cursor)

    def define(self, cursor: Cursor) -> None:
        """Read `name: expression` or `name: linear combination`, the argument of `define()`."""
        token = cursor.take()
        if token.kind != "name" or not cursor.at(":"):
            cursor.fail("`define()` begins with a name and a colon", "Write `define(phi1: {b1}+{U1[id]})`.", at=token)
        cursor.take()
        if cursor.done:
            advice = f"Write for example `define({token.text}: {{b1}}+{{U1[id]}})`."
            cursor.fail(f"`{token.text}` is defined as nothing", advice, at=token)
        if one_effect(cursor):
            held = cursor.rest()
            advice = f"Add it, `{token.text}: {held}, xb`, or write `{{{held}}}` for the effect without a constant."
            cursor.fail("a linear combination of one term needs `, xb`", advice)
        self._definition(cursor, token, printed=True)

    def _definition(self, cursor: Cursor, name: Token, printed: bool) -> None:
        self._check_name(cursor, name)
        if name.text in self.definitions:
            advice = f"Refer to it by `{{{name.text}:}}`, or give this one another name."
            cursor.fail(f"`{name.text}` is defined twice", advice, at=name)
        text, span = cursor.rest(), cursor.span(name.start, cursor.tokens[-1].start)
        outer, self._inside = self._inside, name.text
        meaning: Expression | Combination
        if is_combination(cursor):
            meaning = read_combination(cursor, self.effect, self.known)
        else:
            meaning = self.expression(cursor)
        self._inside = outer
        self.definitions[name.text] = Definition(name.text, meaning, text, printed, span)
        self.places["definition", name.text] = Place(cursor, name)

    def _brace(self, cursor: Cursor) -> Expression:
        opening = cursor.token
        inner = cursor.inside()
        token, end = inner.token, cursor.tokens[cursor.index - 1].end
        place = cursor.span(opening.start, end)
        if token.kind != "name":
            what = "these braces are empty" if inner.done else f"a name was expected in braces, got `{token.text}`"
            cursor.fail(what, _ADVICE, at=opening if inner.done else token)
        if inner.ahead().text == "[":
            name, _ = self.effect(inner)
            found = RandomValue(name.text, place.start, place.end)
        else:
            self._check_name(inner, inner.take())
            found = self._named(inner, token, place)
        if not inner.done:
            advice = _ADVICE + "  An expression gets its name by define()."
            inner.fail(f"`{inner.token.text}` does not belong in these braces", advice)
        return found

    def _named(self, inner: Cursor, token: Token, place: Span) -> Expression:
        """A name without brackets in braces: a parameter, a random effect known elsewhere, or a reference."""
        where = Place(inner, token)
        if inner.at(":"):
            inner.take()
            if not inner.done:
                self._in_place(inner, token)
            self.references.setdefault((self._inside, token.text), where)
            return Reference(token.text, place.start, place.end)
        if token.text in self.known:
            if inner.at("="):
                where.fail(f"`{token.text}` is a random effect, and these start at zero", "Leave the value out.")
            return RandomValue(token.text, place.start, place.end)
        self.places.setdefault(("parameter", token.text), where)
        if inner.at("="):
            inner.take()
            self._start(token.text, inner)
        return Parameter(token.text, place.start, place.end)

    def _in_place(self, inner: Cursor, name: Token) -> None:
        if any(token.text == "{" for token in inner.tokens):
            advice = f"Name the expression by `define({name.text}: ...)` and write `{{{name.text}:}}` here."
            inner.fail("braces inside braces", advice, at=name)
        if not is_combination(inner):
            advice = f"A linear combination of one term needs `, xb`: `{{{name.text}: {inner.rest()}, xb}}`.  "
            advice += "An expression gets its name by define(); single coefficients cannot be referred to."
            inner.fail(f"`{inner.rest()}` is not a list of variables and random effects", advice)
        self._definition(inner, name, printed=False)

    def _start(self, name: str, cursor: Cursor) -> None:
        at = cursor.token
        sign = -1.0 if cursor.at("-") else 1.0
        if cursor.at("-", "+"):
            cursor.take()
        token = cursor.take()
        if token.kind != "number" or not math.isfinite(float(token.value)):
            cursor.fail(f"the starting value of `{name}` is not a number", "Write for example `{b1=1.5}`.", at=at)
        value = sign * float(token.value)
        if self.starts.setdefault(name, value) != value:
            advice = "Give it at one place only; the parameter is the same everywhere."
            cursor.fail(f"`{name}` has two starting values, {self.starts[name]:g} and {value:g}", advice, at=at)

    def effect(self, cursor: Cursor) -> tuple[Token, Level]:
        """`U1[school>class]`."""
        name = cursor.take()
        self._check_name(cursor, name)
        level = read_level(cursor, name)
        effect = RandomEffect(name.text, level, cursor.span(name.start, cursor.tokens[cursor.index - 1].end))
        before = self.effects.setdefault(name.text, effect)
        self.places.setdefault(("effect", name.text), Place(cursor, name))
        if replace(before.level, span=level.span) != level:
            message = f"the random effect `{name.text}` is at level `{before.level.label}` and at `{level.label}`"
            cursor.fail(message, "Give the effects of each level names of their own.", at=name)
        return name, level

    def _check_name(self, cursor: Cursor, token: Token) -> None:
        if token.kind != "name" or token.text.startswith("`"):
            cursor.fail(
                f"`{token.text.strip('`')}` cannot be a name here", "Names have letters, digits and `_`.", at=token
            )


def read_level(cursor: Cursor, name: Token) -> Level:
    """`[tree]`, `[school>class]` from the outermost groups to the innermost, `[_all]`."""
    advice = f"Write `{name.text}[id]`, or `{name.text}[school>class]` for classes within schools."
    inner = cursor.inside()
    first, end = inner.token, inner.tokens[-1].start
    if inner.done:
        cursor.fail(f"the random effect `{name.text}` has no group", advice, at=name)
    variables: list[str] = []
    while not inner.done or variables:
        token = inner.take()
        if token.kind != "name":
            message = f"a grouping variable was expected, got `{token.text}`" if token.text else "a group is missing"
            inner.fail(message, advice, at=token)
        if token.value in variables:
            inner.fail(f"`{token.value}` groups twice", advice, at=token)
        variables.append(token.value)
        if inner.done:
            break
        if not inner.at(">"):
            inner.fail(f"`{inner.token.text}` was not expected among groups", advice)
        inner.take()
    if "_all" in variables:
        if len(variables) > 1:
            inner.fail("`_all` holds every observation and is nested in nothing", advice, at=first)
        return Level("all", (), cursor.span(first.start, end))
    return Level("nested", tuple(variables), cursor.span(first.start, end))
