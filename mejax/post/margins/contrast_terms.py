"""The notation of contrasts, `r.thatch#q.nitrogen`, `rb5.thatch@nitrogen`, `{thatch 1 -1 0}`, taken apart."""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

from .contrast_operators import OPERATORS, POLYNOMIALS, WEIGHTED

_PIECE = re.compile(r"\{[^{}]*\}|(?:[^\s{}#@()]|\((?:[^()]|\([^()]*\))*\))+|##|[#@]|\s+|.")
_PREFIX = re.compile(r"(?P<kind>ar|[raghjpq])(?P<w>w?)(?P<chosen>\d+|\([^()]*\))?(?:b(?P<base>\d+|\(.*\)))?")
_RANGE = re.compile(r"(\d+)/(\d+)")


@dataclass(frozen=True)
class Part:
    """What is done to one factor: an operator ("" none), of which levels or degrees, against which base; or the
    coefficients of one's own over the cells of `factors`."""

    factors: tuple[str, ...]
    operator: str = ""
    weighted: bool = False
    chosen: tuple[str, ...] = ()
    base: str = ""
    coefficients: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class ContrastTerm:
    """Contrasts of an interaction of `parts` within every combination of the levels of factors `within` (a level of
    "" is all of them)."""

    text: str
    parts: tuple[Part, ...]
    within: tuple[tuple[str, str], ...] = ()

    @property
    def heading(self) -> str:
        """The factors alone: `thatch@nitrogen`."""
        inner = "#".join(factor for part in self.parts for factor in part.factors)
        return "@".join(filter(None, (inner, "#".join(factor for factor, _ in self.within))))

    @property
    def omnibus(self) -> bool:
        """Whether there is nothing but a joint test."""
        return not any(part.operator or part.coefficients for part in self.parts)


def contrast_terms(operators: Sequence[str] | str, known: Sequence[str]) -> tuple[ContrastTerm, ...]:
    """The terms of texts in the notation of the suite's `contrast`; `known` are the factors.

    Raises:
        ValueError: if a text is no contrast, or names a factor that is not known.
    """
    texts = (operators,) if isinstance(operators, str) else tuple(operators)
    if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(f'contrast: name contrasts such as "r.group" or "r.group@sex"; got {operators!r}')
    return tuple(term for text in texts for words in _words(text) for term in _terms(words, known))


def no_factor(name: str) -> str:
    """That contrasts are of factors, and where those of slopes are."""
    return (
        f"contrast: `{name}` is continuous, and contrasts are between the levels of factors; contrast its slopes by "
        f'margins("a", dydx="{name}").contrast("r.a"), with a factor a of the model'
    )


def _words(text: str) -> list[list[str]]:
    """The pieces of each term; terms are separated by blanks outside braces and parentheses."""
    words: list[list[str]] = [[]]
    for piece in _PIECE.findall(text):
        if piece.isspace():
            words.append([])
        else:
            words[-1].append(piece)
    return [word for word in words if word]


def _terms(pieces: list[str], known: Sequence[str]) -> list[ContrastTerm]:
    text = "".join(pieces)
    items, signs = pieces[::2], pieces[1::2]
    if len(pieces) % 2 == 0 or any(sign not in ("#", "##", "@") for sign in signs) or signs.count("@") > 1:
        raise ValueError(f"contrast: `{text}` is no contrast; write `r.a`, `r.a#q.b`, `r.a@b` or `{{a 1 -1 0}}`")
    split = signs.index("@") + 1 if "@" in signs else len(items)
    parts = [_part(item, text, known) for item in items[:split]]
    within = tuple(_stratum(item, text, known) for item in items[split:])
    if "##" in signs[split:]:
        raise ValueError(f"contrast: `{text}`: after @ join factors by #, not ##")
    named = [*(factor for part in parts for factor in part.factors), *(factor for factor, _ in within)]
    if len(set(named)) < len(named):
        raise ValueError(f"contrast: `{text}` names a factor twice")
    joined = _expanded(parts, signs[: split - 1])
    return [ContrastTerm(text if len(joined) == 1 else "", group, within) for group in joined]


def _expanded(parts: list[Part], signs: list[str]) -> list[tuple[Part, ...]]:
    """`a##b` is a, b and a#b."""
    groups: list[tuple[Part, ...]] = [(parts[0],)]
    for sign, part in zip(signs, parts[1:], strict=True):
        both = [(*group, part) for group in groups]
        groups = both if sign == "#" else [*groups, (part,), *both]
    return sorted(groups, key=len)


def _part(text: str, term: str, known: Sequence[str]) -> Part:
    if text.startswith("{"):
        return _custom(text, known)
    if text.startswith("c."):
        raise ValueError(no_factor(text[2:]))
    prefix, factor = _named(text, known)
    if prefix in ("", "i"):
        return Part((factor,))
    found = _PREFIX.fullmatch(prefix)
    if found is None:
        raise ValueError(f"contrast: `{prefix}.` in `{term}` is no contrast operator; known are {', '.join(OPERATORS)}")
    kind, weighted = found["kind"], bool(found["w"])
    if weighted and kind not in WEIGHTED:
        raise ValueError(f"contrast: `{kind}` has no weighted form; g, h, j, p and q have one")
    if found["base"] and kind != "r":
        raise ValueError(f"contrast: only r takes a base level; got `{prefix}.` in `{term}`")
    base = (found["base"] or "").removeprefix("(").removesuffix(")")
    return Part((factor,), kind, weighted, _chosen(found["chosen"] or "", kind), base)


def _chosen(text: str, kind: str) -> tuple[str, ...]:
    """`3`, `(1 3)`, `(2/4)`."""
    words = text.strip("()").replace(",", " ").split()
    ranges = [(word, _RANGE.fullmatch(word)) for word in words]
    chosen = [
        str(n) if span else word
        for word, span in ranges
        for n in (range(int(span[1]), int(span[2]) + 1) if span else (0,))
    ]
    if kind in POLYNOMIALS and not all(word.isdecimal() and int(word) > 0 for word in chosen):
        raise ValueError(f"contrast: `{kind}` takes degrees such as {kind}2 or {kind}(1 2); got `{text}`")
    return tuple(chosen)


def _custom(text: str, known: Sequence[str]) -> Part:
    r"""`{thatch 1 -1 0}`, `{thatch 1 -1 0 \ 1 1 -2}`, `{thatch#nitrogen ...}`."""
    name, _, numbers = text[1:-1].strip().partition(" ")
    factors = tuple(_named(factor, known)[1] for factor in name.split("#"))
    try:
        rows = tuple(tuple(float(word) for word in row.split()) for row in numbers.split("\\"))
    except ValueError:
        raise ValueError(f"contrast: `{text}` should be a factor and numbers, such as {{a 1 -1 0}}") from None
    if not all(isfinite(number) for row in rows for number in row):
        raise ValueError(f"contrast: the numbers of `{text}` should be finite")
    if any(not any(row) or abs(sum(row)) > 1e-6 * max(map(abs, row)) for row in rows):
        raise ValueError(f"contrast: the numbers of `{text}` should sum to zero, and not all be zero")
    return Part(factors, coefficients=rows)


def _stratum(text: str, term: str, known: Sequence[str]) -> tuple[str, str]:
    if text.startswith("c."):
        raise ValueError(no_factor(text[2:]))
    if text.startswith("{"):
        raise ValueError(f"contrast: `{term}`: after @ stand factors, or levels such as 2.nitrogen")
    prefix, factor = _named(text, known)
    if _PREFIX.fullmatch(prefix):
        raise ValueError(f"contrast: `{term}`: operators stand before @, factors (or 2.nitrogen) after it")
    return factor, "" if prefix == "i" else prefix.removeprefix("(").removesuffix(")")


def _named(text: str, known: Sequence[str]) -> tuple[str, str]:
    """What stands before the point, and the factor."""
    fitting = [name for name in known if text == name or text.endswith(f".{name}")]
    if not fitting:
        name = text.rpartition(".")[2]
        near = difflib.get_close_matches(name, known, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known) or 'none'}"
        raise ValueError(f"contrast: there are no margins by `{name}`; {hint}")
    factor = max(fitting, key=len)
    return text[: -len(factor)].removesuffix("."), factor
