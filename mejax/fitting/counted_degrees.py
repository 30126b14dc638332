"""Degrees of freedom that are counted: residual, within and between groups, by the levels of random effects."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..design import Design, Names
from .degrees import AbstractDegrees, NoDegrees

MOST_COLUMNS = 4_000  # of [X Z], whose rank is that of its cross-products
_RANK = 1e-10
_ROUNDING = 1e-10  # of the largest weight: what cancels in a contrast leaves no more


@dataclass(frozen=True)
class Counted(AbstractDegrees):
    """Each coefficient has a number of its own; a combination of several has the smallest of theirs."""

    numbers: np.ndarray

    def of(self, row: np.ndarray) -> float:
        used = np.abs(row) > _ROUNDING * np.max(np.abs(row), initial=0.0)
        return float(np.min(self.numbers[used], initial=np.inf))

    def joint(self, rows: np.ndarray) -> tuple[float, float]:
        return 1.0, min(self.of(row) for row in rows)


def counted(design: Design, names: Names, method: str) -> Counted:
    """Those of the method "residual", "repeated" or "anova".

    residual: n - p.  repeated, of two levels: coefficients of columns that are constant within the groups have J less
    their number, the others what is left of n - p.  anova: the coefficient of a column that is in the random part too
    has the number of groups less one (the smallest, where there are several), the others n - rank [X Z].
    """
    n, p = design.x.shape
    if method == "residual":
        return _checked(Counted(method, np.full(p, float(n - p))))
    if method == "repeated":
        return _checked(Counted(method, _repeated(design)))
    return _checked(Counted(method, _anova(design, names)))


def _checked(found: Counted) -> Counted:
    if np.any(found.numbers <= 0):
        raise NoDegrees(
            f"dfmethod({found.method}) leaves {np.min(found.numbers):g} degrees of freedom for a coefficient: there "
            "are too few observations or groups; use dfmethod(satterthwaite) or (kroger) with reml"
        )
    return found


def _repeated(design: Design) -> np.ndarray:
    codes = [np.asarray(e.codes) for e in design.effects]
    if not codes or any(not np.array_equal(other, codes[0]) for other in codes):
        raise NoDegrees(
            "dfmethod(repeated) is for two levels, observations in groups, and this model has "
            f"{'several' if codes else 'none'}; use another method"
        )
    effect, x, of_rows = design.effects[0], np.asarray(design.x), codes[0]
    first = np.zeros(effect.size, int)
    first[of_rows[::-1]] = np.arange(len(of_rows))[::-1]
    same = np.all(x == x[first[of_rows]], axis=0)
    between = float(effect.size - same.sum())
    return np.where(same, between, float(len(x) - x.shape[1]) - between)


def _anova(design: Design, names: Names) -> np.ndarray:
    columns = design.x.shape[1] + sum(e.size * e.z.shape[1] for e in design.effects)
    if columns > MOST_COLUMNS:
        raise NoDegrees(
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
    from scipy.sparse import csr_matrix, hstack

    parts, n = [csr_matrix(np.asarray(design.x, float))], len(design.x)
    for effect in design.effects:
        z, q = np.asarray(effect.z, float), effect.z.shape[1]
        columns = np.asarray(effect.codes)[:, None] * q + np.arange(q)
        rows = np.repeat(np.arange(n), q)
        parts.append(csr_matrix((z.ravel(), (rows, columns.ravel())), shape=(n, effect.size * q)))
    joined = hstack(parts, format="csr")
    gram = np.asarray((joined.T @ joined).todense())
    length = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    return gram / np.outer(length, length)
