"""From the terms of a varlist to cells: what each column is the product of, how it is labelled, which are bases."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from ..syntax.problem import SyntaxProblem
from ..syntax.spec import Operand, Term
from .column import CONTENTS, as_numbers
from .errors import no_column
from .levels import Factor, factor
from .sample import Sample
from .table import Source


@dataclass(frozen=True)
class Part:
    """One factor of a product: a continuous variable (`level` None), or the indicator of a level."""

    name: str
    level: int | None = None  # its code in the factor's levels


@dataclass(frozen=True)
class Cell:
    """A candidate column.  `status` is "" (to be estimated), "base", "empty" or "omitted" (asked for by `o.`)."""

    parts: tuple[Part, ...]
    label: str
    term: str
    level: str
    raw_level: str
    status: str = ""


def expand_terms(terms: Sequence[Term], source: Source) -> tuple[Term, ...]:
    """Wildcards and ranges replaced by the columns they stand for, in the order of the table."""
    return tuple(
        Term(operands, term.span)
        for term in terms
        for operands in product(*(_expand_operand(operand, source) for operand in term.operands))
    )


def _expand_operand(operand: Operand, source: Source) -> list[Operand]:
    if operand.range_end is not None:
        names = _range(operand, source)
    elif operand.name not in source.names and ("*" in operand.name or "?" in operand.name):
        pattern = re.escape(operand.name).replace(r"\*", ".*").replace(r"\?", ".")
        names = [n for n in source.names if isinstance(n, str) and re.fullmatch(pattern, n)]
        if not names:
            raise SyntaxProblem(f"no column matches `{operand.name}`", source.text, operand.span,
                                f"The columns are {', '.join(map(str, source.names[:12]))}.")  # fmt: skip
    else:
        names = [operand.name]
    return [replace(operand, name=name, range_end=None) for name in names]


def _range(operand: Operand, source: Source) -> list[str]:
    first, last = operand.name, str(operand.range_end)
    for name in (first, last):
        if name not in source.names:
            raise no_column(name, source.names, source.text, operand.span)
    start, stop = source.names.index(first), source.names.index(last)
    if start > stop:
        raise SyntaxProblem(f"`{first}-{last}` is empty: `{first}` stands after `{last}` in the table",
                            source.text, operand.span, f"Write `{last}-{first}`.")  # fmt: skip
    return list(source.names[start : stop + 1])


def factors_of(terms: Sequence[Term], source: Source, sample: Sample) -> dict[str, Factor]:
    """The factor variables of the terms with their levels in the sample; checks that the others are numbers."""
    found: dict[str, Factor] = {}
    for operand in (operand for term in terms for operand in term.operands):
        column = source.column(operand.name, operand.span)
        if operand.kind == "factor":
            if operand.name not in found:
                found[operand.name] = factor(column, sample)
        elif column.kind != "number":
            advice = f"Write `i.{operand.name}` for a column per category." if column.kind in ("text", "category") \
                else as_numbers(column)  # fmt: skip
            raise SyntaxProblem(f"`{operand.name}` holds {CONTENTS[column.kind]}, not numbers",
                                source.text, operand.span, advice)  # fmt: skip
    return found


def cells_of(terms: Sequence[Term], factors: Mapping[str, Factor], text: str = "") -> list[Cell]:
    """The candidate columns of all terms, from left to right, with their bases and empty cells marked."""
    present = {_identity(term.operands) for term in terms}
    return [cell for term in terms for cell in _cells(term, factors, present, text)]


def _identity(operands: Sequence[Operand]) -> frozenset:
    return frozenset(Counter((operand.name, operand.kind) for operand in operands).items())


def _cells(term: Term, factors: Mapping[str, Factor], present: set, text: str) -> list[Cell]:
    choices = [_levels(operand, factors, text) for operand in term.operands]
    bases = [_base(operand, factors, text) for operand in term.operands]
    counts = _counts(term.operands, factors)
    cells = []
    for levels in product(*choices):
        pairs = list(zip(term.operands, levels, strict=True))
        left_out = any(_left_out(operand, level, factors) for operand, level in pairs)
        status = "omitted" if left_out else _status(term.operands, levels, bases, present, counts)
        parts = tuple(Part(operand.name, level) for operand, level in pairs)
        cells.append(replace(_labelled(parts, factors), status=status))
    return cells


def _levels(operand: Operand, factors: Mapping[str, Factor], text: str) -> list[int | None]:
    """The levels that an operand runs over: all, or those selected."""
    if operand.kind != "factor":
        return [None]
    levels = factors[operand.name].levels
    if not operand.levels or operand.omitted:
        return list(range(len(levels)))
    return [_code(operand, level, levels, text) for level in operand.levels]


def _code(operand: Operand, level: str, levels: tuple[str, ...], text: str) -> int:
    if level not in levels:
        listed = ", ".join(levels[:12]) + (", ..." if len(levels) > 12 else "")
        message = f"`{operand.name}` has no level {level} in the sample"
        raise SyntaxProblem(message, text, operand.span, f"Its levels are {listed}.")
    return levels.index(level)


def _base(operand: Operand, factors: Mapping[str, Factor], text: str) -> int | None:
    """The base level of an operand; selected levels have none unless one is named."""
    if operand.kind != "factor" or operand.base == "none":
        return None
    factor_ = factors[operand.name]
    if operand.levels and not operand.omitted and operand.base == "first":
        return None
    if operand.base in ("first", "last"):
        return 0 if operand.base == "first" else len(factor_.levels) - 1
    if operand.base == "freq":
        return int(np.argmax(np.bincount(factor_.codes, minlength=len(factor_.levels))))
    return _code(operand, operand.base, factor_.levels, text)


def _left_out(operand: Operand, level: int | None, factors: Mapping[str, Factor]) -> bool:
    if not operand.omitted:
        return False
    return level is None or not operand.levels or factors[operand.name].levels[level] in operand.levels


def _counts(operands: Sequence[Operand], factors: Mapping[str, Factor]) -> np.ndarray | None:
    """Observations in each combination of levels, where there are two factors or more."""
    used = [factors[operand.name] for operand in operands if operand.kind == "factor"]
    if len(used) < 2:
        return None
    shape = tuple(len(f.levels) for f in used)
    joint = np.ravel_multi_index(tuple(f.codes for f in used), shape)
    return np.bincount(joint, minlength=int(np.prod(shape))).reshape(shape)


def _status(operands, levels, bases: list, present: set, counts: np.ndarray | None) -> str:
    """A cell is a base where all its factors are, or where the term without some base factors is in the model too."""
    at_base = [i for i, base in enumerate(bases) if base is not None and levels[i] == base]
    if at_base:
        if len(at_base) == len(operands):
            return "base"
        for chosen in product((False, True), repeat=len(at_base)):
            removed = {i for i, c in zip(at_base, chosen, strict=True) if c}
            rest = [operand for i, operand in enumerate(operands) if i not in removed]
            if removed and _identity(rest) in present:
                return "base"
    if counts is not None and counts[tuple(level for level in levels if level is not None)] == 0:
        return "empty"
    return ""


def _labelled(parts: tuple[Part, ...], factors: Mapping[str, Factor]) -> Cell:
    if len(parts) == 1 and parts[0].level is None:
        return Cell(parts, parts[0].name, "", parts[0].name, parts[0].name)
    label = "#".join(f"c.{p.name}" if p.level is None else f"{factors[p.name].levels[p.level]}.{p.name}" for p in parts)
    term = "#".join(f"c.{p.name}" if p.level is None else p.name for p in parts)
    indicators = [(factors[p.name], p.level) for p in parts if p.level is not None]
    raw = "#".join(f.levels[level] for f, level in indicators)
    return Cell(parts, label, term, "#".join(f.shown[level] for f, level in indicators), raw)
