"""Joint tests of whole terms: `i.thatch`, `nitrogen#thatch`, `week*`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...design import FixedColumn
from ...fitting import Estimates
from ...syntax.constraints import Constraint, canonical
from ...syntax.problem import SyntaxProblem, did_you_mean
from ...syntax.spec import Operand, Term
from ...syntax.tokens import cursor_over
from ...syntax.varlist import read_varlist
from .hypotheses import Wald, place_of, wald_test

_CODED = re.compile(r"(.*?)\[(?:T\.|S\.)?([^\[\]]*)\]")  # of a formula: `C(thatch)[T.2]`, `poly(x, 2)[1]`
_CATEGORICAL = re.compile(r"(?:C|factor)\((\w+)[,)].*")


class _Part(NamedTuple):
    """One variable of a column, with its level where it is a factor."""

    name: str
    level: str | None


def testparm(estimates: Estimates, terms: tuple[str, ...], *, equal: bool = False, small: bool = False) -> Wald:
    """Joint test that all coefficients of the terms are zero, or with `equal` that they are the same.

    `week*` are the coefficients whose whole labels it matches, `*` all of them, constants aside; `i.*` all factors.
    """
    if not terms or not all(isinstance(t, str) and t.strip() for t in terms):
        raise ValueError(f'testparm: name terms such as "i.thatch", "nitrogen#thatch" or "week*"; got {terms!r}')
    columns = estimates.names.estimated
    named = {place for text in terms for place in _places(estimates, text)}
    free = np.diag(estimates.coefficient_vce) > 0
    chosen = [columns[place] for place in sorted(named) if free[place]]
    if not chosen:
        listed = ", ".join(f"`{term.strip()}`" for term in terms)
        raise ValueError(f"testparm: every coefficient of {listed} is held by a constraint: there is nothing to test")
    if equal and len(chosen) == 1:
        raise ValueError(f"testparm: equal=True compares coefficients, and `{chosen[0].label}` is the only one named")
    hypotheses = tuple(_hypotheses(chosen, equal))
    texts = tuple(canonical(h, estimates.names.response, estimates.names.equations) for h in hypotheses)
    found = wald_test(estimates, hypotheses, texts, small=small, name="testparm")
    held = [f"`{columns[place].label}`" for place in sorted(named) if not free[place]]
    note = f"\nNote: held by a constraint and not tested: {', '.join(held)}." if held else ""
    return replace(found, text=found.text + note)


def _hypotheses(columns: Sequence[FixedColumn], equal: bool) -> Iterator[Constraint]:
    labels = [column.label for column in columns]
    if not equal:
        yield from (Constraint(label, ((1.0, label),), 0.0) for label in labels)
        return
    for label in labels[1:]:
        yield Constraint(label, ((-1.0, labels[0]), (1.0, label)), 0.0)


def _places(estimates: Estimates, text: str) -> list[int]:
    """The coefficients that a text names: a label or a formula's term as it is, otherwise a list of terms."""
    whole = _exact(estimates, text)
    if whole:
        return whole
    pieces = [piece for piece in _split(re.sub(r"\s*(##?)\s*", r"\1", text.strip()), " ") if piece]
    return [place for piece in pieces for place in _exact(estimates, piece) or _of_terms(estimates, piece)]


def _exact(estimates: Estimates, text: str) -> list[int]:
    label = re.sub(r"^_b\[(.*)\]$", r"\1", text.strip())
    place = place_of(estimates, label)
    if place is not None and place < len(estimates.coefficients):
        return [place]
    columns, rest = _of_equation(estimates, label)
    return [c.index for c in columns if _ordered(rest) in _spellings(c)]


def _of_terms(estimates: Estimates, text: str) -> list[int]:
    """The columns of a term in the suite's spelling, or those whose labels a wildcard matches.

    Where there are none, bare names may be of factors or of continuous variables: `x#a` is `c.x#i.a`.
    """
    columns, rest = _of_equation(estimates, text)
    wanted = "" if not re.search(r"[*?]", rest) else rest.replace(" ", "").replace('"', "'").lstrip("/")
    labelled = [c.index for c in columns if not c.constant and _like(wanted, _plain_label(c).lstrip("/"))]
    terms = () if wanted and not re.search(r"[#.]", rest) else _terms(rest)
    found = [place for term in terms for place in _of_term(columns, term, rest)] or labelled
    if not found:
        raise ValueError(_nothing(estimates, text))
    return found


def _of_term(columns: Sequence[FixedColumn], term: Term, text: str) -> list[int]:
    either = ([c.index for c in columns if _matches(term, _parts(c), text, strict=strict)] for strict in (True, False))
    return next(filter(None, either), [])


def _of_equation(estimates: Estimates, text: str) -> tuple[list[FixedColumn], str]:
    """The columns of the equation that a text names, `2:age` or `[2]age`, and the rest of it."""
    names = estimates.names
    equation, rest = _split_equation(text, names.equations, names.response)
    return [c for c in names.estimated if equation in ("", c.equation)], rest


def _split_equation(text: str, equations: Sequence[str], response: str) -> tuple[str, str]:
    """`2:age` and `[2]age` as ("2", "age") where 2 is an equation; ("", text) where none is named."""
    found = re.fullmatch(r"\s*(?:_b)?\[([^\]]+)\]\s*(.+)|\s*([^:#\s]+):\s*(.+)", text)
    if found is None:
        return "", text
    name, rest = (found[1], found[2]) if found[1] else (found[3], found[4])
    if name in equations:
        return name, rest
    return "", rest if name == response else text


def _terms(text: str) -> tuple[Term, ...]:
    """The terms of a varlist; none where the text is no varlist, such as a formula's term that is not in the model."""
    try:
        terms = read_varlist(cursor_over(text), lambda cursor: False)
    except SyntaxProblem:
        return ()
    for operand in (operand for term in terms for operand in term.operands):
        if operand.range_end is not None:
            raise ValueError(
                f"testparm: `{operand.name}-{operand.range_end}` is a range of the table's columns; name the terms, or "
                'use a wildcard such as "x*"'
            )
    return terms


def _matches(term: Term, parts: Sequence[_Part], text: str, *, strict: bool) -> bool:
    """Is the column one of the term's: the same variables in any order, at one of the levels named?  Unless `strict`,
    those without an operator in `text` may be of either kind."""
    if len(term.operands) != len(parts):
        return False
    left = list(parts)
    for operand in term.operands:
        part = next((p for p in left if _is_of(operand, p, strict or _prefixed(operand, text))), None)
        if part is None:
            return False
        left.remove(part)
    return True


def _prefixed(operand: Operand, text: str) -> bool:
    """Has the variable an operator, `i.` or `c.`, or may a group have one for it?"""
    return ".(" in text or re.search(rf"(?<![^#(\s]){re.escape(operand.name)}(?![^#)\s])", text) is None


def _is_of(operand: Operand, part: _Part, strict: bool) -> bool:
    if strict and (operand.kind == "factor") != (part.level is not None):
        return False
    if operand.levels and not operand.omitted and part.level not in operand.levels:
        return False
    return _like(operand.name, part.name)


def _like(pattern: str, name: str) -> bool:
    """Does a name have the form of a pattern with `*` and `?`?"""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), name) is not None


def _parts(column: FixedColumn) -> list[_Part]:
    """The variables of a column."""
    if not column.term:
        return [_formula_part(text) for text in _split(_own_label(column), ":")]
    levels = iter(_split(column.raw_level, "#"))
    names = _split(column.term, "#")
    return [_Part(n[2:], None) if n.startswith("c.") else _Part(n, next(levels)) for n in names]


def _formula_part(text: str) -> _Part:
    """`C(thatch)[T.2]` is level 2 of thatch."""
    found = _CODED.fullmatch(text)
    if found is None:
        return _Part(text, None)
    categorical = _CATEGORICAL.fullmatch(found[1])
    return _Part(categorical[1] if categorical else found[1], found[2])


def _spellings(column: FixedColumn) -> set[str]:
    """What names the column as it is: its label, the heading of its term, a formula's term."""
    label = _own_label(column)
    texts = (label, column.label, column.term, label if column.term else _formula_term(label))
    return {_ordered(text) for text in texts if text}


def _formula_term(label: str) -> str:
    """`x:C(thatch)` of `x:C(thatch)[T.2]`."""
    return ":".join(found[1] if (found := _CODED.fullmatch(part)) else part for part in _split(label, ":"))


def _ordered(text: str) -> str:
    """Without blanks, with one kind of quotation marks, and with the variables of a formula's interaction in order."""
    return ":".join(sorted(_split(text.replace(" ", "").replace('"', "'"), ":")))


def _split(text: str, separator: str) -> list[str]:
    """At separators that no parentheses hold."""
    pieces, depth = [""], 0
    for character in text:
        depth += (character in "[(") - (character in "])")
        if character == separator and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += character
    return pieces


def _own_label(column: FixedColumn) -> str:
    """The label within its equation."""
    return column.label.removeprefix(f"{column.equation}:") if column.equation else column.label


def _plain_label(column: FixedColumn) -> str:
    return _own_label(column).replace(" ", "").replace('"', "'")


def _nothing(estimates: Estimates, text: str) -> str:
    columns = estimates.names.fixed
    if any(_ordered(text) in _spellings(c) for c in columns if c.index < 0):
        return f"testparm: `{text.strip()}` is a base, empty or omitted: nothing was estimated for it"
    known = list(dict.fromkeys(_typed(c) for c in columns if c.index >= 0))
    hint = did_you_mean(text.strip(), known) or f"Known are {', '.join(known)}."
    return f"testparm: no coefficient belongs to `{text.strip()}`. {hint}"


def _typed(column: FixedColumn) -> str:
    """How the term of a column is written: `i.thatch`, `nitrogen#thatch`, `week`."""
    if not column.term:
        return _formula_term(_own_label(column))
    return column.term if "#" in column.term else f"i.{column.term}"
