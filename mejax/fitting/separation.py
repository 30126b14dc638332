"""Separation: a direction of the coefficients in which the likelihood rises for ever (Albert and Anderson 1984)."""

from typing import NamedTuple

import numpy as np

from ..design import Design, Names
from ..likelihoods import AbstractFamily


class Separated(NamedTuple):
    """What separates, in words, and which coefficients, of the columns of x and then cut points, are not finite."""

    text: str
    columns: np.ndarray


def separation(design: Design, names: Names, family: AbstractFamily) -> Separated | None:
    """Look for a direction d with x'd >= 0 where only larger eta helps, <= 0 where only smaller, and 0 elsewhere.

    Random effects change nothing in this: the density of a row rises in eta, or falls, at every value of theirs.
    """
    upper, lower = _sides(design, family)
    if upper is None or lower is None:
        return None
    x = np.asarray(design.x, float)
    cuts = len(family.ancillary) if family.name == "ordinal" else 0
    direction = _recession(x, upper, lower, np.asarray(design.y, float) if cuts else None, cuts)
    if direction is None:
        return None
    columns = np.abs(direction) > 1e-6
    labels = [c.label for c in names.estimated if columns[c.index]]
    labels += [family.ancillary[k] for k in np.flatnonzero(columns[x.shape[1] :])]
    if len(labels) == 1:
        text = f"there is no finite coefficient of {labels[0]}: it predicts some outcomes perfectly. Leave it out"
    else:
        text = (
            f"the covariates separate the outcomes: there are no finite coefficients of {', '.join(labels)}, because a "
            "combination of them predicts some outcomes perfectly. Leave out one of them"
        )
    text += ", or merge the categories of a factor with few observations"
    return Separated(text, columns)


def _sides(design: Design, family: AbstractFamily) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Rows whose density keeps rising with eta, and with -eta; None for families in which no row does."""
    if family.name == "bernoulli":
        return design.y == 1, design.y == 0
    if family.name == "binomial":
        count, trials = design.y
        return count == trials, count == 0
    if family.name in ("poisson", "nbinomial"):
        return np.zeros(len(design.y), bool), design.y == 0
    if family.name == "ordinal":
        return design.y == np.max(design.y), design.y == 0
    return None, None


def _recession(x: np.ndarray, upper: np.ndarray, lower: np.ndarray, category: np.ndarray | None, cuts: int):
    """The direction of the columns, each scaled to at most 1, and cut points that gains most over all rows; None where
    none gains anything."""
    from scipy.optimize import linprog

    scale = np.maximum(np.max(np.abs(x), axis=0, initial=0.0), 1e-300)
    rows = x / scale
    if category is None:
        keys = np.column_stack([rows, upper, lower])
    else:
        keys = np.column_stack([rows, category, category])
    keys = np.unique(keys, axis=0)
    rows, width = keys[:, :-2], x.shape[1]
    if category is None:
        up, down = keys[:, -2] == 1, keys[:, -1] == 1
        inner = ~up & ~down
        if width == 0 or np.linalg.matrix_rank(rows[inner]) == width:
            return None
        unequal = np.concatenate([-rows[up], rows[down]])
        equal = rows[inner]
    else:
        unequal, equal = _between_cuts(rows, keys[:, -1].astype(int), cuts), np.zeros((0, width + cuts))
    found = linprog(
        np.sum(unequal, axis=0), A_ub=unequal, b_ub=np.zeros(len(unequal)),
        A_eq=equal if len(equal) else None, b_eq=np.zeros(len(equal)) if len(equal) else None, bounds=(-1.0, 1.0),
    )  # fmt: skip
    if found.status != 0 or found.fun > -1e-7:
        return None
    return found.x


def _between_cuts(rows: np.ndarray, category: np.ndarray, cuts: int) -> np.ndarray:
    """cut_(k-1) <= x'd <= cut_k of every row, as rows @ (d, cuts) <= 0."""
    out = []
    for k in range(cuts + 1):
        mine = rows[category == k]
        if k < cuts:
            out.append(np.column_stack([mine, -np.eye(cuts)[np.full(len(mine), k)]]))
        if k > 0:
            out.append(np.column_stack([-mine, np.eye(cuts)[np.full(len(mine), k - 1)]]))
    return np.concatenate(out)


def constant_within(design: Design, names: Names, family: AbstractFamily) -> str | None:
    """A level none of whose groups has two outcomes: its variance has no finite estimate."""
    if family.name not in ("bernoulli", "binomial", "ordinal"):
        return None
    outcome = design.y if family.name == "ordinal" else _certain(*_sides(design, family))
    for effect, name in zip(design.effects, names.effects, strict=True):
        first = np.full(effect.size, np.nan)
        first[effect.codes] = outcome
        if np.all(first[effect.codes] == outcome) and effect.size < len(outcome):
            return (
                f"within every group of {name.path} the outcome is the same, so that the variance of its random "
                "effects has no finite estimate. Use a coarser level, or leave the random effects out"
            )
    return None


def _certain(upper: np.ndarray | None, lower: np.ndarray | None) -> np.ndarray:
    """1 where all trials are successes, 0 where none is, NaN in between."""
    assert upper is not None and lower is not None
    return np.where(upper, 1.0, np.where(lower, 0.0, np.nan))
