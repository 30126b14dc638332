"""Degrees of freedom that are counted: residual, within and between groups, by the levels of random effects."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..design import Design, Names
from .degrees import AbstractDegrees

MOST_COLUMNS = 4_000  # of [X Z], whose rank is that of its cross-products
_RANK = 1e-10


@dataclass(frozen=True)
class Counted(AbstractDegrees):
    """Each coefficient has a number of its own; a combination of several has the smallest of theirs."""

    numbers: np.ndarray

    def of(self, row: np.ndarray) -> float:
        return float(np.min(self.numbers[row != 0], initial=np.inf))

    def joint(self, rows: np.ndarray) -> tuple[float, float]:
        return 1.0, min(self.of(row) for row in rows)


def counted(design: Design, names: Names, method: str) -> Counted:
    """ "residual", "repeated" or "anova".

    residual: n - p.  repeated, of two levels: coefficients of columns that are constant within the groups have J less
    their number, the others what is left of n - p.  anova: the coefficient of a column that is in the random part too
    has the number of groups less one (the smallest, where there are several), the others n - rank [X Z].
    """
    n, p = design.x.shape
    if method == "residual":
        return _checked(Counted(method, np.full(p, float(n - p))))
    if method == "repeated":
        return _checked(Counted(method, _repeated(design, names)))
    return _checked(Counted(method, _anova(design, names)))


def _checked(found: Counted) -> Counted:
    if np.any(found.numbers <= 0):
        raise ValueError(
            f"dfmethod({found.method}) leaves {np.min(found.numbers):g} degrees of freedom for a coefficient: there "
            "are too few observations or groups; use dfmethod(satterthwaite) or (kroger) with reml"
        )
    return found


def _repeated(design: Design, names: Names) -> np.ndarray:
    groups = {tuple(np.asarray(e.codes).tolist()) for e in design.effects}
    if len(groups) != 1:
        raise ValueError(
            "dfmethod(repeated) is for two levels, observations in groups, and this model has "
            f"{'none' if not groups else 'several'}; use another method"
        )
    effect, x = design.effects[0], np.asarray(design.x)
    codes = np.asarray(effect.codes)
    first = np.zeros(effect.size, int)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    same = np.all(x == x[first[codes]], axis=0)
    between = float(effect.size - same.sum())
    return np.where(same, between, float(len(x) - x.shape[1]) - between)


def _anova(design: Design, names: Names) -> np.ndarray:
    columns = design.x.shape[1] + sum(e.size * e.z.shape[1] for e in design.effects)
    if columns > MOST_COLUMNS:
        raise ValueError(
            f"dfmethod(anova) needs the rank of {columns:,} columns, more than {MOST_COLUMNS:,}; use "
            "dfmethod(satterthwaite) or (kroger) with reml"
        )
    rest = float(len(design.x) - np.linalg.matrix_rank(_gram(design), tol=_RANK, hermitian=True))
    smallest = {label: size - 1.0 for label, size in sorted(_levels(design, names), key=lambda pair: -pair[1])}
    return np.array([smallest.get("_cons" if c.constant else c.label, rest) for c in names.estimated])


def _levels(design: Design, names: Names) -> Iterator[tuple[str, int]]:
    """Columns of the random part with the numbers of their groups."""
    for name, effect in zip(names.effects, design.effects, strict=True):
        if name.factor is None:
            yield from ((column, effect.size) for column in name.columns)


def _gram(design: Design) -> np.ndarray:
    """The cross-products of [X Z], columns scaled to length 1."""
    parts = [np.asarray(design.x)]
    for effect in design.effects:
        codes, z = np.asarray(effect.codes), np.asarray(effect.z)
        block = np.zeros((len(z), effect.size, z.shape[1]))
        block[np.arange(len(z)), codes] = z
        parts.append(block.reshape(len(z), -1))
    joined = np.column_stack(parts)
    joined = joined / np.maximum(np.linalg.norm(joined, axis=0), 1e-300)
    return joined.T @ joined
