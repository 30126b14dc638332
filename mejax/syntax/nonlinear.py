"""`depvar = <expression> [if] [in] [, options]`: a nonlinear model -> `Nonlinear`.

Definitions may stand anywhere and refer to each other in any order.  Coefficients and random effects are in the order
in which they appear in the definitions as they were given, each with those it needs in their places, then in the mean.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from .blocks import check_nested, effect_blocks, equations_of
from .expression import Binary, Call, Expression, Name, Parameter, RandomValue, Reference, Unary
from .problem import SyntaxProblem, did_you_mean
from .reading import in_keyword, read_options
from .spec import Combination, Definition, EffectBlock, Nonlinear, RandomEffect, Varlist
from .stata import Command, read_qualifiers
from .substitutes import Substitutes, effect_names
from .tokens import Cursor

_MOST_DEFINITIONS = 100
_DEEPEST = 250  # operators and functions inside each other, every definition in its place: the tree can be walked
_LARGEST = 5000  # parameters, columns and numbers of a mean, likewise
_NO_WEIGHTS = "a nonlinear model has no weights"
_WEIGHT_ADVICE = "Repeat the observations instead, or fit without them."


def read_nonlinear(cursor: Cursor) -> dict[str, Any]:
    """Everything behind the command's name; the mean stays unread until the options are known."""
    response = _response(cursor)
    token = cursor.token
    end = cursor.find(",", "if", "in", "||")
    mean = cursor.upto(end)
    _check_weights(mean)
    if mean.done:
        cursor.fail("the mean is missing after `=`", "Write for example `y = {b1}*exp({b2}*x)`.", at=token)
    if cursor.at("||"):
        advice = "Random effects stand in the equation: `{b1}+{U1[id]}`."
        cursor.fail("a nonlinear model has no `||`", advice)
    found = Command()
    read_qualifiers(cursor, found)
    for weight in found.weights:
        raise SyntaxProblem(_NO_WEIGHTS, cursor.text, weight.span, _WEIGHT_ADVICE)
    if cursor.at(","):
        cursor.take()
        found.options = read_options(cursor, "menl", lambda _: False)
    return {
        "command": "menl", "text": cursor.text, "spelling": "stata", "response": response,
        "fixed": Varlist((), False), "equations": (), "where": found.where, "rows": found.rows, "weights": (),
        "offset": None, "given": found.options, "options": {}, "mean": partial(_written, mean),
    }  # fmt: skip


def _response(cursor: Cursor) -> Name:
    token = cursor.take()
    if token.kind != "name":
        found = f"`{token.text}` is here" if token.text else "the text ends"
        cursor.fail(f"the response is missing: {found}", "Write `y = {b1}*exp({b2}*x)`.", at=token)
    if cursor.joined() and cursor.at("(", "."):
        advice = "A column whose name has a dot needs `backticks`." if cursor.at(".") else "Make the column first."
        cursor.fail("the response must be the name of one column", advice, at=token)
    if not cursor.at("="):
        advice = "`y = {b1}*exp({b2}*x)`: the mean follows one `=`."
        cursor.fail(f"`=` is missing after the response: {cursor.found()}", advice)
    cursor.take()
    place = cursor.span(token.start, token.end)
    return Name(token.value, place.start, place.end)


def _check_weights(mean: Cursor) -> None:
    index = mean.find("[")
    kind, equal = (mean.tokens[min(index + step, len(mean.tokens) - 1)] for step in (1, 2))
    if equal.text == "=" and kind.kind == "name":
        mean.fail(_NO_WEIGHTS, _WEIGHT_ADVICE, at=kind)


def _written(mean: Cursor, options: dict[str, Any]) -> dict[str, Any]:
    """Read the mean with its definitions."""
    definitions = options.pop("define", ())
    found = Substitutes(effect_names([mean, *definitions]))
    first, text = mean.token, mean.rest()
    tree = found.expression(mean)
    for cursor in definitions:
        if cursor.offset is None:
            in_keyword("define", lambda cursor=cursor: found.define(cursor))
        else:
            found.define(cursor)
    _check_names(found)
    order = _Order(found)
    order.expression(tree, "")
    for name, definition in found.definitions.items():
        if name not in order.definitions:
            advice = f"Write `{{{name}:}}` where it belongs, or drop it."
            found.places["definition", name].fail(f"`{definition.name}` is defined but used nowhere", advice)
    if not order.scalars and not any(_has_coefficients(d) for d in order.definitions.values()):
        mean.fail("the mean has no parameter to estimate", "Parameters stand in braces: `{b1}`.", at=first)
    starts = {f"/{name}": value for name, value in found.starts.items()}
    printed = _Order(found)  # what define() holds comes first, as it is given
    for name, definition in found.definitions.items():
        if definition.printed:
            printed.definition(name, "")
    printed.expression(tree, "")
    return with_options(printed.nonlinear(tree, text, starts), found, options)


def with_options(mean: Nonlinear, found: Substitutes, options: dict[str, Any]) -> dict[str, Any]:
    """A mean with the blocks and starting values that options give, which are taken out of them; its equations."""
    check_nested(mean.effects, found.places)
    blocks = _blocks(mean, options.pop("covariance", ()))
    starts = {**mean.starts, **_labelled(mean, options)}
    return {
        "nonlinear": replace(mean, blocks=blocks, starts=starts), "equations": equations_of(mean.effects, blocks),
    }  # fmt: skip


def _blocks(mean: Nonlinear, cursors: Sequence[Cursor]) -> tuple[EffectBlock, ...]:
    if all(cursor.offset is not None for cursor in cursors):
        return effect_blocks(mean.effects, cursors)
    return in_keyword("covariance", lambda: effect_blocks(mean.effects, cursors))


def _check_names(found: Substitutes) -> None:
    """One name, one thing; everything referred to is defined."""
    for name in found.definitions:
        if ("parameter", name) in found.places:
            advice = f"Write `{{{name}:}}` for what is defined; a parameter needs another name."
            found.places["parameter", name].fail(f"`{name}` is a definition, not a parameter", advice)
        if name in found.known:
            found.places["definition", name].fail(f"`{name}` is a random effect too", "Give one of them another name.")
    for (_, name), place in found.references.items():
        if name not in found.definitions:
            advice = did_you_mean(name, found.definitions) or f"Add `define({name}: ...)`."
            if ("parameter", name) in found.places or name in found.known:
                advice = f"Write `{{{name}}}`, without the colon."
            place.fail(f"`{name}` is not defined", advice)


def _has_coefficients(definition: Definition) -> bool:
    meaning = definition.meaning
    return isinstance(meaning, Combination) and bool(meaning.columns.terms or meaning.columns.constant)


def _labelled(mean: Nonlinear, options: dict[str, Any]) -> dict[str, float]:
    """Take the starting values that have labels out of the options; numbers alone stay there."""
    given = options.get("initial", ())
    if not given or not isinstance(given[0], tuple):
        return {}
    known = [*(f"/{name}" for name in mean.scalars), *(f"{name}:_cons" for name in mean.combinations)]
    for label, _ in options.pop("initial"):
        if label not in known and label.partition(":")[0] not in mean.combinations:
            advice = did_you_mean(label, known) or f"Known: {', '.join(known)}."
            raise SyntaxProblem(f"`initial`: `{label}` is not a coefficient of this model", advice=advice)
    return dict(given)


@dataclass
class _Order:
    """What the mean holds, in the order in which it is walked, every definition in its place."""

    found: Substitutes
    definitions: dict[str, Definition] = field(default_factory=dict)
    effects: dict[str, RandomEffect] = field(default_factory=dict)
    combinations: list[str] = field(default_factory=list)
    scalars: dict[str, None] = field(default_factory=dict)
    columns: dict[str, None] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)  # definitions being read
    extents: dict[str, tuple[int, int]] = field(default_factory=dict)

    def expression(self, tree: Expression, inside: str) -> tuple[int, int]:
        """Walk it; its size and depth with every definition in its place."""
        size = deepest = 0
        for leaf, depth in self._leaves(tree):
            own = (1, 1)
            if isinstance(leaf, Parameter):
                self.scalars.setdefault(leaf.name)
            elif isinstance(leaf, RandomValue):
                self.effects.setdefault(leaf.name, self.found.effects[leaf.name])
            elif isinstance(leaf, Name):
                self.columns.setdefault(leaf.name)
            elif isinstance(leaf, Reference):
                self.definition(leaf.name, inside)
                own = self.extents[leaf.name]
            size, deepest = size + own[0], max(deepest, depth + own[1])
        if size > _LARGEST or deepest > _DEEPEST:
            what = "is nested too deeply" if deepest > _DEEPEST else f"has more than {_LARGEST} parts"
            raise SyntaxProblem(f"the mean {what}", advice="Make columns of what depends on data alone.")
        return size, deepest

    def definition(self, name: str, inside: str) -> None:
        """Walk what stands for a name, once."""
        if name in self.open:
            chain = " -> ".join([*self.open[self.open.index(name) :], name])
            place = self.found.references[inside, name]
            place.fail(f"the definition of `{name}` refers to itself: {chain}", "Break the circle.")
        if name in self.definitions:
            return
        definition = self.found.definitions[name]
        self.open.append(name)
        self.extents[name] = (1, 1)
        if len(self.open) > _MOST_DEFINITIONS:
            self.found.places["definition", name].fail(f"more than {_MOST_DEFINITIONS} definitions inside each other")
        if isinstance(definition.meaning, Combination):
            self.combinations.append(name)
            for slope in definition.meaning.slopes:
                self.effects.setdefault(slope.effect, self.found.effects[slope.effect])
        else:
            self.extents[name] = self.expression(definition.meaning, name)
        self.open.pop()
        self.definitions[name] = definition

    def _leaves(self, tree: Expression) -> Iterator[tuple[Expression, int]]:
        """From left to right, with the number of operators and functions around each."""
        stack = [(tree, 0)]
        while stack:
            node, depth = stack.pop()
            parts: tuple[Expression, ...] = ()
            if isinstance(node, Unary):
                parts = (node.operand,)
            elif isinstance(node, Binary):
                parts = (node.left, node.right)
            elif isinstance(node, Call):
                parts = node.arguments
            else:
                yield node, depth
            stack += [(part, depth + 1) for part in reversed(parts)]

    def nonlinear(self, tree: Expression, text: str, starts: dict[str, float]) -> Nonlinear:
        return Nonlinear(
            tree, text, tuple(self.definitions.values()), tuple(self.effects.values()),
            combinations=tuple(self.combinations), scalars=tuple(self.scalars), starts=starts,
            columns=tuple(self.columns),
        )  # fmt: skip
