"""`covariance(U1 U2, unstructured)`: which random effects of a nonlinear model share a covariance matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .option_values import COVARIANCES, read_covariance
from .problem import did_you_mean
from .spec import Covariance, EffectBlock, Equation, Level, RandomEffect, Span
from .substitutes import Place
from .tokens import Cursor, Token
from .words import expand


def effect_blocks(effects: Sequence[RandomEffect], cursors: Sequence[Cursor]) -> tuple[EffectBlock, ...]:
    """All effects in blocks: those that `covariance()` names, and for each level what is left.

    `effects` are in the order in which they appear; the blocks are too, higher levels first.
    """
    levels = {effect.name: without_place(effect.level) for effect in effects}
    named: list[EffectBlock] = []
    rest: list[tuple[Covariance, Token, Cursor]] = []
    for cursor in cursors:
        names = cursor.upto(cursor.find(","))
        if cursor.done and _is_type(names, levels):
            rest.append((_type(names), names.tokens[0], names))
            continue
        tokens = _members(names, levels, {name for block in named for name in block.effects})
        if cursor.done:
            cursor.fail("a covariance type is missing", "Write `covariance(U1 U2, unstructured)`.", at=tokens[-1])
        cursor.take()
        named.append(EffectBlock(tuple(token.text for token in tokens), _type(cursor)))
    if len(rest) > 1:
        _, token, cursor = rest[1]
        cursor.fail("two covariance types for the same random effects", "Keep one of them.", at=token)
    taken = {name for block in named for name in block.effects}
    for level in dict.fromkeys(levels.values()):
        left = tuple(name for name in levels if levels[name] == level and name not in taken)
        if left:
            named.append(EffectBlock(left, rest[0][0] if rest else None))
    order = list(levels)

    def rank(block: EffectBlock) -> tuple[int, int]:
        return len(levels[block.effects[0]].variables), min(map(order.index, block.effects))

    return tuple(sorted(named, key=rank))


def without_place(level: Level) -> Level:
    return replace(level, span=Span(0, 0))


def equations_of(effects: Sequence[RandomEffect], blocks: Sequence[EffectBlock]) -> tuple[Equation, ...]:
    """One equation without columns for each block."""
    by_name = {effect.name: effect for effect in effects}
    firsts = [by_name[block.effects[0]] for block in blocks]
    pairs = zip(firsts, blocks, strict=True)
    return tuple(Equation(e.level, None, covariance=block.covariance, span=e.span) for e, block in pairs)


def check_nested(effects: Sequence[RandomEffect], places: Mapping[tuple[str, str], Place]) -> None:
    """Of any two levels one holds the other."""
    for number, effect in enumerate(effects):
        for other in effects[:number]:
            one, two = effect.level.variables, other.level.variables
            if one[: len(two)] != two and two[: len(one)] != one:
                message = f"levels of menl are nested: `{effect.level.label}` and `{other.level.label}` are not"
                inner = ">".join((*two, *(name for name in one if name not in two)))
                advice = f"Write `{effect.name}[{inner}]` for {one[-1]} within {two[-1]}."
                places["effect", effect.name].fail(message, advice)


def _is_type(names: Cursor, levels: Mapping[str, Level]) -> bool:
    """Whether a covariance type stands alone: then it is that of all effects that are not named."""
    token = names.token
    return token.text not in levels and (
        expand(token.text.lower(), COVARIANCES) is not None or names.ahead().text == "("
    )


def _type(cursor: Cursor) -> Covariance:
    token = cursor.token
    found = read_covariance(cursor)
    if found.matrix is not None:
        advice = "Known here: identity, independent, exchangeable, unstructured."
        cursor.fail(f"`{found.type}` is not built yet for `menl`", advice, at=token)
    if not cursor.done:
        cursor.fail(f"`{cursor.token.text}` is one word too many")
    return found


def _members(names: Cursor, levels: Mapping[str, Level], taken: set[str]) -> list[Token]:
    """The effects of one `covariance()`: known, of one level, and in no other."""
    found: list[Token] = []
    if names.done:
        names.fail("no random effect is named", "Write `covariance(U1 U2, unstructured)`.")
    while not names.done:
        token = names.take()
        if token.text not in levels:
            advice = did_you_mean(token.text, levels) or f"Known: {', '.join(levels) or 'none'}."
            names.fail(f"`{token.text}` is not a random effect of this model", advice, at=token)
        if token.text in taken or token.text in [other.text for other in found]:
            names.fail(f"`{token.text}` has its covariance twice", "Name each effect once.", at=token)
        if levels[token.text] != levels[(found or [token])[0].text]:
            one, two = levels[found[0].text].label, levels[token.text].label
            message = f"`{found[0].text}` is at level `{one}`, `{token.text}` at `{two}`"
            names.fail(message, "Effects of different levels are independent: one covariance() for each.", at=token)
        found.append(token)
    return found
