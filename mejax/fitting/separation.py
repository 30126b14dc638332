"""Separation: a direction of the coefficients in which the likelihood rises for ever (Albert and Anderson 1984)."""

from typing import NamedTuple

import numpy as np

from ..design import Design, Names
from ..likelihoods import AbstractFamily


class Separated(NamedTuple):
    """What separates, in words, and which columns of x have no finite coefficient."""

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
    what = "is no finite coefficient" if len(labels) == 1 else "are no finite coefficients"
    text = (
        f"the covariates separate the outcomes: there {what} of {', '.join(labels)}, because a combination of them "
        "predicts some outcomes perfectly. Leave out one of them or merge its categories"
    )
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
    """The direction, scaled to at most 1, that gains most over all rows; None where none gains anything."""
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
    return found.x[:width] / scale * np.max(scale)


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
    """A level none of whose groups has both outcomes: its variance has no finite estimate."""
    upper, lower = _sides(design, family)
    if family.name not in ("bernoulli", "binomial") or upper is None or lower is None:
        return None
    for effect, name in zip(design.effects, names.effects, strict=True):
        rows = np.bincount(effect.codes, minlength=effect.size)
        high = np.bincount(effect.codes, weights=upper, minlength=effect.size)
        low = np.bincount(effect.codes, weights=lower, minlength=effect.size)
        if np.all((high == rows) | (low == rows)) and np.max(rows) > 1:
            return (
                f"within every group of {name.path} the outcome is the same, so that the variance of its random "
                "effects has no finite estimate. Use a coarser level, or leave the random effects out"
            )
    return None
