"""Integrals and modes of small generalized models by dense NumPy: what quadrature and Laplace are held against.

Nothing of the package's numerics is used here; densities are SciPy's (`tests/families.py`), ordinal ones differences of
its distribution functions.  A response with several linear predictors has an axis for them behind that of its rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import families
import numpy as np
from scipy import special, stats

INVERSE_LINKS: dict[str, Callable] = {
    "identity": lambda eta: eta,
    "log": np.exp,
    "logit": special.expit,
    "probit": special.ndtr,
    "cloglog": lambda eta: -np.expm1(-np.exp(eta)),
}


def log_density(kind: str, link: str, y: Any, eta: np.ndarray, aux: np.ndarray) -> np.ndarray:
    """log p(y | eta); `y` has a leading axis of rows, eta more axes behind it."""
    if kind == "multinomial":
        scores = np.insert(eta, families.BASE, 0.0, axis=1)
        return scores[np.arange(len(eta)), y.astype(int)] - special.logsumexp(scores, axis=1)
    y = tuple(_meet(leaf, eta) for leaf in y) if isinstance(y, tuple) else _meet(y, eta)
    inverse = INVERSE_LINKS[link]
    if kind.startswith("ordinal"):
        ends = np.concatenate([[-np.inf], aux, [np.inf]])
        upper, lower = ends[y.astype(int) + 1] - eta, ends[y.astype(int)] - eta
        with np.errstate(over="ignore", divide="ignore"):  # far from the data nothing is left of a category
            return np.log(inverse(upper) - inverse(lower))
    if kind.startswith("binomial"):
        return stats.binom.logpmf(y[0], y[1], inverse(eta))
    with np.errstate(invalid="ignore"):  # tails of 0, whose quotient is unknown: nothing is left so far from the data
        found = families.log_density(kind, y, inverse(eta), aux)
    return np.where(np.isfinite(found), found, -np.inf)


def _meet(leaf: np.ndarray, eta: np.ndarray) -> np.ndarray:
    return np.asarray(leaf).reshape(leaf.shape + (1,) * (eta.ndim - 1))


@dataclass(frozen=True)
class Level:
    """One level of nested groups, with all its random effects: u ~ N(0, sigma); z (n, q), or (n, predictors, q)."""

    codes: np.ndarray
    z: np.ndarray
    sigma: np.ndarray
    weights: np.ndarray | None = None


@dataclass(frozen=True)
class Grid:
    """Equally spaced points over the standard normal density: the trapezoid rule, whose error on analytic integrands
    falls faster than any power of the step."""

    step: float = 0.1
    reach: float = 8.0

    def points(self, q: int) -> tuple[np.ndarray, np.ndarray]:
        """(points (K, q), logs of weights (K,))."""
        line = np.arange(-self.reach, self.reach + self.step / 2, self.step)
        grid = np.stack([axis.ravel() for axis in np.meshgrid(*[line] * q, indexing="ij")], 1)
        return grid, q * np.log(self.step / np.sqrt(2 * np.pi)) - 0.5 * np.sum(grid**2, 1)


def log_integral(
    levels: list[Level], grids: list[Grid], density: Callable[[np.ndarray, np.ndarray], np.ndarray], eta: np.ndarray
) -> np.ndarray:
    """One (weighted) log integral per group of the first of `levels`, which are ordered from the top down.

    `density(rows, eta)` is the (weighted) log density of some rows; `eta` (n,) or (n, predictors) the fixed part.
    """
    clusters = [np.flatnonzero(levels[0].codes == code) for code in range(levels[0].codes.max() + 1)]
    return np.array([float(_below(levels, grids, density, (rows, eta[rows]))) for rows in clusters])


def _below(levels: list[Level], grids: list[Grid], density, where: tuple[np.ndarray, np.ndarray]):
    """The sum over the groups that `rows` lie in; eta has an axis for the grid of every level above."""
    rows, eta = where
    if not levels:
        return np.sum(density(rows, eta), axis=0)
    level, total = levels[0], 0.0
    points, log_weights = grids[0].points(level.z.shape[-1])
    effects = points @ np.linalg.cholesky(level.sigma).T
    for code in np.unique(level.codes[rows]):
        mine = level.codes[rows] == code
        shift = level.z[rows[mine]] @ effects.T
        lead = shift.shape[:-1]
        moved = eta[mine][..., None] + shift.reshape(*lead, *(1,) * (eta.ndim - len(lead)), -1)
        inside = _below(levels[1:], grids[1:], density, (rows[mine], moved))
        value = np.asarray(special.logsumexp(inside + log_weights, axis=-1))
        total = total + (value if level.weights is None else level.weights[code] * value)
    return total


def nested_levels(design: Any, sigmas: list[np.ndarray], predictors: int = 1) -> list[Level]:
    """The design's equations from the top down, those with the same groups side by side."""
    levels: list[Level] = []
    weights = design.level_weights or (None,) * len(sigmas)
    for effect, sigma, weight in zip(design.effects, sigmas, weights, strict=True):
        columns = effect.z if predictors == 1 else np.moveaxis(effect.columns(predictors), 0, 1)
        if levels and np.array_equal(levels[-1].codes, effect.codes):
            above = levels.pop()
            sigma = _block_diagonal([above.sigma, sigma])
            levels.append(Level(effect.codes, np.concatenate([above.z, columns], -1), sigma, weight))
        else:
            levels.append(Level(effect.codes, columns, sigma, weight))
    return levels


def _block_diagonal(blocks: list[np.ndarray]) -> np.ndarray:
    size = sum(len(block) for block in blocks)
    out, start = np.zeros((size, size)), 0
    for block in blocks:
        out[start : start + len(block), start : start + len(block)] = block
        start += len(block)
    return out


def curvature(kind: str, y: np.ndarray, eta: np.ndarray, aux: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and minus second derivatives of the log density in eta, for families where they are one line."""
    if kind == "gaussian":
        return (y - eta) / aux[0], np.full_like(eta, 1 / aux[0])
    if kind == "poisson":
        return y - np.exp(eta), np.exp(eta)
    if kind == "gamma":
        shape = np.exp(-2 * aux[0])
        return shape * (y * np.exp(-eta) - 1), shape * y * np.exp(-eta)
    if kind == "bernoulli logit":
        mean = special.expit(eta)
        return y - mean, mean * (1 - mean)
    raise ValueError(f"the derivatives of {kind} are not written here")


@dataclass(frozen=True)
class DenseLaplace:
    """The joint mode u (all random effects, equation by equation), the negative Hessian `h` there in u, the value."""

    mode: np.ndarray
    h: np.ndarray
    value: float


def dense_laplace(design: Any, kind: str, link: str, eta: np.ndarray, parameters: tuple) -> DenseLaplace:
    """log of the integral by Laplace's approximation, with dense matrices; `parameters` are (sigmas, aux).

    log p(y, u) at the mode + q/2 log 2 pi - 1/2 log|H|; Newton's method with halved steps.
    """
    sigmas, aux = parameters
    wide = []
    for effect in design.effects:
        columns = np.zeros((len(eta), effect.size, effect.z.shape[1]))
        columns[np.arange(len(eta)), effect.codes] = effect.z
        wide.append(columns.reshape(len(eta), -1))
    z = np.hstack(wide)
    sigma = _block_diagonal([np.kron(np.eye(e.size), s) for e, s in zip(design.effects, sigmas, strict=True)])
    precision = np.linalg.inv(sigma)
    weights = np.ones(len(eta)) if design.weights is None else design.weights

    def joint(u):
        return np.sum(weights * log_density(kind, link, design.y, eta + z @ u, aux)) - 0.5 * u @ precision @ u

    u = np.zeros(z.shape[1])
    for _ in range(60):
        slope, weight = curvature(kind, design.y, eta + z @ u, aux)
        h = precision + z.T @ ((weights * weight)[:, None] * z)
        move, step = np.linalg.solve(h, z.T @ (weights * slope) - precision @ u), 1.0
        while joint(u + step * move) < joint(u) - 1e-12 * (1 + abs(joint(u))):
            step /= 2
        u = u + step * move
    weight = curvature(kind, design.y, eta + z @ u, aux)[1]
    h = precision + z.T @ ((weights * weight)[:, None] * z)
    value = joint(u) - 0.5 * (np.linalg.slogdet(h)[1] + np.linalg.slogdet(sigma)[1])
    return DenseLaplace(u, h, float(value))
