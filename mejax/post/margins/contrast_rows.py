"""The weights that contrasts give to margins: Kronecker products over factors, averages, levels of other factors."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from ..functions import Functions
from .contrast_operators import OPERATORS, POLYNOMIALS, Coding, Levels, reference
from .contrast_terms import ContrastTerm, Part
from .found import MarginsFound
from .grid import MarginGrid, margin_grid, margin_settings


@dataclass(frozen=True)
class TermContrasts:
    """The contrasts of one term, `rows` (contrasts, margins) and what they come to.

    `strata` name the levels that each is within, `averaged` the factors that are averaged over, in the margins of
    `source`; `omnibus`: nothing but joint tests was asked for.
    """

    heading: str
    omnibus: bool
    rows: np.ndarray
    functions: Functions
    strata: tuple[str, ...]
    source: tuple[str, ...]
    averaged: tuple[str, ...]


def term_contrasts(found: MarginsFound, term: ContrastTerm, weights: Mapping[str, Any]) -> TermContrasts:
    """Those of one term.

    Raises:
        ValueError: if it needs margins that are not there.
    """
    crossed = [name for part in term.parts for name in part.factors]
    grid = margin_grid(found, [*crossed, *(name for name, _ in term.within)])
    within = dict(term.within) | {n: "" for n in margin_settings(found) if n not in (*crossed, *dict(term.within))}
    averaged = tuple(name for name in grid.names if name not in crossed and name not in within)
    grid = grid.ordered((*crossed, *averaged, *within))
    effects = [_coding(grid, part, weights) for part in term.parts]
    effects += [_average(grid, name) for name in averaged]
    matrix, first, second = _crossed(effects, [_strata(grid, name, chosen) for name, chosen in within.items()])
    labels = [f"{a} {b}".strip() for a, b in zip(first, second, strict=True)]
    kept = np.flatnonzero(_estimable(grid, matrix, labels))
    place = grid.index.ravel()
    rows = np.zeros((len(kept), len(found.functions.values)))
    rows[:, place[place >= 0]] = matrix[kept][:, place >= 0]
    extra = [n for n in within if n not in dict(term.within) and len(_levels(grid, n).texts) > 1]
    heading = term.heading if not extra else f"{term.heading}{'#' if term.within else '@'}{'#'.join(extra)}"
    return TermContrasts(
        heading, term.omnibus, rows, found.functions.combined(tuple(labels[k] for k in kept), rows),
        tuple(second[k] for k in kept), grid.term, averaged,
    )  # fmt: skip


def _coding(grid: MarginGrid, part: Part, weights: Mapping[str, Any]) -> Coding:
    """What a part does to the margins of its factors."""
    if part.coefficients:
        sizes = [len(_levels(grid, name).texts) for name in part.factors]
        for row in part.coefficients:
            if len(row) != np.prod(sizes):
                cells = " x ".join(map(str, sizes))
                raise ValueError(
                    f"contrast: {{{'#'.join(part.factors)} ...}} has {len(row)} numbers, but there are {cells} margins"
                )
        count = len(part.coefficients)
        return Coding(tuple(f"({k})" for k in range(1, count + 1)), tuple(range(count)), np.array(part.coefficients))
    levels = _levels(grid, part.factors[0], weights if part.weighted else None)
    if len(levels.texts) < 2:
        raise ValueError(f"contrast: `{levels.factor}` has one level only: nothing to contrast it with")
    if not part.operator:
        coding = reference(levels)
        return Coding(tuple(f"({levels.words[k]} vs base)" for k in coding.keys), coding.keys, coding.matrix)
    coding = reference(levels, levels.place(part.base)) if part.base else OPERATORS[part.operator](levels)
    if not part.chosen:
        return coding
    degrees = part.operator in POLYNOMIALS
    keys = [int(text) if degrees else levels.place(text) for text in part.chosen]
    if missing := [text for text, key in zip(part.chosen, keys, strict=True) if key not in coding.keys]:
        raise ValueError(f"contrast: `{part.operator}.{levels.factor}` has no contrast for {', '.join(missing)}")
    places = [coding.keys.index(key) for key in keys]
    return Coding(tuple(coding.labels[k] for k in places), tuple(keys), coding.matrix[places])


def _levels(grid: MarginGrid, name: str, weights: Mapping[str, Any] | None = None) -> Levels:
    axis = grid.names.index(name)
    texts, words, values = grid.levels[axis], grid.words[axis], grid.values[axis]
    if weights is None:
        base = grid.bases.get(name)
        place = texts.index(base) if base in texts else 0
        return Levels(name, texts, words, values, np.ones(len(texts)), place)
    if name not in weights:
        raise ValueError(f"contrast: a weighted operator needs `weights` of {name}, such as {{{name!r}: counts}}")
    given = weights[name]
    if isinstance(given, Mapping | pd.Series):
        by_text = {str(key): value for key, value in given.items()}
        given = [by_text.get(text, np.nan) for text in texts]
    counts = np.asarray(given, float)
    if counts.shape != (len(texts),) or not np.all(np.isfinite(counts) & (counts >= 0)):
        raise ValueError(f"contrast: the `weights` of {name} should be {len(texts)} counts, of {', '.join(texts)}")
    return Levels(name, texts, words, values, counts)


def _average(grid: MarginGrid, name: str) -> Coding:
    """The mean over a factor's levels, with equal weights."""
    count = len(_levels(grid, name).texts)
    return Coding(("",), (0,), np.full((1, count), 1.0 / count))


def _strata(grid: MarginGrid, name: str, chosen: str) -> Coding:
    """Each level of a factor by itself."""
    levels = _levels(grid, name)
    keys = [levels.place(chosen)] if chosen else list(range(len(levels.texts)))
    labels = tuple(levels.words[k] if len(levels.texts) > 1 or name in grid.term else "" for k in keys)
    return Coding(labels, tuple(keys), np.eye(len(levels.texts))[keys])


def _crossed(effects: list[Coding], strata: list[Coding]) -> tuple[np.ndarray, list[str], list[str]]:
    """Kronecker product of the weights, and for each of its rows what it compares and within what."""
    matrix = reduce(np.kron, [coding.matrix for coding in (*effects, *strata)])
    first, second = _joined(effects), _joined(strata)
    return matrix, [text for text in first for _ in second], [text for _ in first for text in second]


def _joined(codings: list[Coding]) -> list[str]:
    return [" ".join(filter(None, texts)) for texts in product(*(coding.labels for coding in codings))]


def _estimable(grid: MarginGrid, matrix: np.ndarray, labels: list[str]) -> np.ndarray:
    """Which rows there are: strata without any margins drop out, but a contrast with some of its margins is refused."""
    missing = grid.index.ravel() < 0
    used = np.abs(matrix) > 0
    there = np.any(used & ~missing, axis=1)
    broken = there & np.any(used & missing, axis=1)
    if np.any(broken) or not np.any(there):
        row = int(np.argmax(broken))
        cells = "; ".join(grid.cell(int(k)) for k in np.flatnonzero(used[row] & missing)[:3])
        raise ValueError(
            f"contrast: {labels[row]} of {'#'.join(grid.names)} cannot be estimated: there is no margin for {cells} "
            "(an empty cell?). Contrast what has margins: other levels, or within levels by @"
        )
    return there
