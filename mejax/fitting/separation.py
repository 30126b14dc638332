"""Separation: a direction of the coefficients in which the likelihood rises for ever (Albert and Anderson 1984)."""

from typing import NamedTuple

import numpy as np

from ..design import Design, Names
from ..likelihoods import AbstractFamily

PORTION = 3000  # rows that a linear program begins with, and that are added to it
TINY = 1e-6  # changes of linear predictors, of columns whose largest value is 1, that count as none


class Separated(NamedTuple):
    """What separates, in words, and which coefficients, of the columns of x and then cut points, are not finite."""

    text: str
    columns: np.ndarray


def separation(design: Design, names: Names, family: AbstractFamily) -> Separated | None:
    """Look for a direction d with x'd >= 0 where only larger eta helps, <= 0 where only smaller, and 0 elsewhere.

    Random effects change nothing in this: the density of a row rises in eta, or falls, at every value of theirs.
    """
    x = np.asarray(design.x, float)
    scaled = x / np.maximum(np.max(np.abs(x), axis=0, initial=0.0), 1e-300)
    found = family.recession(design.y, scaled)
    direction = None if found is None else _recession(*found)
    if direction is None:
        return None
    columns = np.abs(direction) > 1e-6
    labels = [c.label for c in names.estimated if columns[c.index]]
    labels += [family.ancillary[k] for k in np.flatnonzero(columns[x.shape[1] * family.equations :])]
    if len(labels) == 1:
        text = f"there is no finite coefficient of {labels[0]}: it predicts some outcomes perfectly. Leave it out"
    else:
        text = (
            f"the covariates separate the outcomes: there are no finite coefficients of {', '.join(labels)}, because a "
            "combination of them predicts some outcomes perfectly. Leave out one of them"
        )
    text += ", or merge the categories of a factor with few observations"
    return Separated(text, columns)


def _recession(unequal: np.ndarray, equal: np.ndarray) -> np.ndarray | None:
    """The direction that gains most over all rows; None where none gains anything."""
    if not len(equal):
        return _cheapest(unequal, None)
    _, values, vectors = np.linalg.svd(np.linalg.qr(equal, mode="r"))
    basis = vectors[: np.count_nonzero(values > 1e-10 * max(values[0], 1e-300))] if len(values) else None
    if basis is not None and len(basis) == equal.shape[1]:
        return None
    return _cheapest(unequal, basis)


def _cheapest(unequal: np.ndarray, equal: np.ndarray | None) -> np.ndarray | None:
    """d in [-1, 1] that minimises the sum of `unequal` @ d, which is nowhere positive, where `equal` @ d = 0; None if
    that is zero.

    A linear program over some of the rows, to which those are added that its solution violates.
    """
    from scipy.optimize import linprog

    if unequal.size == 0:
        return None
    total = np.sum(unequal, axis=0)
    total = total / max(float(np.max(np.abs(total))), 1e-300)
    extremes = np.concatenate([np.argmax(unequal, axis=0), np.argmin(unequal, axis=0)])
    spread = np.linspace(0, len(unequal) - 1, min(len(unequal), PORTION)).astype(int)
    chosen = np.union1d(extremes, spread)
    while True:
        found = linprog(
            total, A_ub=unequal[chosen], b_ub=np.zeros(len(chosen)),
            A_eq=equal, b_eq=None if equal is None else np.zeros(len(equal)), bounds=(-1.0, 1.0),
        )  # fmt: skip
        if found.status != 0 or np.max(np.abs(found.x)) < 0.5:  # a direction that gains is scaled to the bounds
            return None
        gains = -(unequal @ found.x)
        broken = np.setdiff1d(np.flatnonzero(gains < -TINY), chosen)
        if len(broken) == 0:
            return found.x if np.max(gains) > TINY else None
        chosen = np.union1d(chosen, broken[np.argsort(gains[broken])[:PORTION]])


def constant_within(design: Design, names: Names, family: AbstractFamily) -> str | None:
    """A level none of whose groups has two outcomes: its variance has no finite estimate."""
    outcome = family.outcome(design.y)
    if outcome is None:
        return None
    for effect, name in zip(design.effects, names.effects, strict=True):
        first = np.full(effect.size, np.nan)
        first[effect.codes] = outcome
        if np.all(first[effect.codes] == outcome) and effect.size < len(outcome):
            return (
                f"within every group of {name.path} the outcome is the same, so that the variance of its random "
                "effects has no finite estimate. Use a coarser level, or leave the random effects out"
            )
    return None
