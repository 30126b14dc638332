"""Linear combinations, `x1 i.g U0[id] c.x1#U1[id], xb noconstant`: a variable list that holds random effects."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from .spec import Combination, Level, Operand, Slope, Term, Varlist
from .tokens import Cursor, Token
from .varlist import read_varlist
from .words import expand, full

_OPTIONS = ("xb", "nocons:tant")


class Marked(NamedTuple):
    """A random effect in a list of variables: its name and the token that stands for it there."""

    name: str
    token: Token


def is_combination(cursor: Cursor) -> bool:
    """Whether the text is a list of variables and random effects, not an expression: it has `, xb`, an interaction, a
    factor operator, or two names without an operator between them."""
    held = cursor.tokens[cursor.index : -1]
    if cursor.find(",") < len(cursor.tokens) - 1:
        return True
    if any(token.text == "{" for token in held if token.kind == "op"):
        return False
    return any(_joins_terms(a, b) for a, b in zip(held, held[1:], strict=False))


def _joins_terms(first: Token, second: Token) -> bool:
    if second.kind == "op" or first.kind == "op":
        dotted = second.text == "." and first.kind in ("name", "number") and first.end == second.start
        after = first.text in (")", "]") and second.kind == "name"
        return dotted or after or first.text in ("#", "##", "?") or second.text in ("#", "##", "?")
    return True


def one_effect(cursor: Cursor) -> bool:
    """Whether the text is `U1[tree]` and nothing else."""
    held = cursor.tokens[cursor.index : -1]
    closing = [index for index, token in enumerate(held) if token.text == "]"]
    return len(held) > 1 and held[0].kind == "name" and held[1].text == "[" and closing == [len(held) - 1]


def read_combination(cursor: Cursor, read_level: Callable[[Cursor], tuple[Token, Level]], known) -> Combination:
    """Read the whole text.

    `read_level` reads `U1[tree]` where it stands (it moves behind it); `known` are the names that are random effects
    without a level too.
    """
    first = cursor.token
    marked: dict[str, Marked] = {}
    comma = cursor.find(",")
    columns = _folded(cursor.upto(comma), read_level, known, marked)
    constant = "noconstant" not in _suboptions(cursor)
    terms, slopes = [], []
    for term in read_varlist(columns, lambda _: False):
        found = [marked[operand.name] for operand in term.operands if operand.name in marked]
        _check_ranges(cursor, term, marked)
        if found:
            slopes.append(_slope(cursor, term, found, marked))
        else:
            terms.append(term)
            if any(operand.name == "_cons" for operand in term.operands):
                cursor.fail("the constant is in a linear combination anyway", "`, noconstant` leaves it out.", at=first)
    if not terms and not slopes:
        cursor.fail("this linear combination has no term", "A constant alone is a parameter, `{b}`.", at=first)
    return Combination(Varlist(tuple(terms), constant), tuple(slopes))


def _folded(cursor: Cursor, read_level, known, marked: dict[str, Marked]) -> Cursor:
    """The same tokens, each random effect as one name."""
    tokens: list[Token] = []
    while not cursor.done:
        token = cursor.token
        effect = token.kind == "name" and cursor.ahead().text == "["
        if effect or (token.kind == "name" and token.text in known):
            if tokens and tokens[-1].text == "." and tokens[-1].end == token.start:
                cursor.fail(f"the random effect `{token.text}` takes no operator", f"Write `{token.text}` alone.")
            text = token.text
            if effect:
                name, level = read_level(cursor)
                text = f"{name.text}[{level.label}]"
            else:
                cursor.take()
            token = Token("name", text, text, token.start, cursor.tokens[cursor.index - 1].end)
            marked[text] = Marked(text.partition("[")[0], token)
            tokens.append(token)
        else:
            tokens.append(cursor.take())
    return Cursor(cursor.text, [*tokens, cursor.tokens[-1]], cursor.offset)


def _suboptions(cursor: Cursor) -> set[str]:
    """`xb` and `noconstant` behind the comma."""
    found: set[str] = set()
    if not cursor.done:
        cursor.take()
    while not cursor.done:
        token = cursor.take()
        word = expand(token.text, _OPTIONS)
        if word is None:
            known = ", ".join(full(spelling) for spelling in _OPTIONS)
            cursor.fail(f"`{token.text}` is not an option of a linear combination", f"Known: {known}.", at=token)
        found.add(word)
    return found


def _check_ranges(cursor: Cursor, term: Term, marked: Mapping[str, Marked]) -> None:
    for operand in term.operands:
        ends = [marked[name] for name in (operand.name, operand.range_end or "") if name in marked]
        if operand.range_end and ends:
            advice = "An expression has its random effects in braces: `age-{U1[id]}`."
            cursor.fail(f"`{ends[0].name}` cannot be an end of a range of columns", advice, at=ends[0].token)


def _slope(cursor: Cursor, term: Term, found: list[Marked], marked: Mapping[str, Marked]) -> Slope:
    """`U0[id]`, or the product of one random effect and covariates."""
    effect, token = found[0]
    if len(found) > 1:
        cursor.fail(
            "a product of two random effects is not linear", "Write an expression: `{U[id]}*{V[id]}`.", at=token
        )
    covariates = tuple(operand for operand in term.operands if operand.name not in marked)
    for operand in covariates:
        if not _is_one_column(operand):
            advice = f"Write `c.{operand.name}#{token.text}`, or `2.g#{token.text}` for one level of a factor."
            cursor.fail(f"`{operand.name}`: a random effect is multiplied by one column", advice, at=token)
    return Slope(effect, Term(covariates, term.span) if covariates else None)


def _is_one_column(operand: Operand) -> bool:
    single = operand.range_end is None and not operand.omitted and not set("*?") & set(operand.name)
    return single and (operand.kind == "continuous" or len(operand.levels) == 1)
