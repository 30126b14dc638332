"""The normal likelihood of a linear mixed model by n x n matrices, in NumPy alone: what the fast code is held against.

The covariance matrix is linear in the printed components, V = sum_k theta_k A_k, so that score and observed information
are short formulas (Harville 1977) and nothing has to be differentiated by steps.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Dense:
    """y ~ N(X beta, sum_k theta_k A_k).  beta is profiled out: it is the GLS estimate at every theta."""

    y: np.ndarray
    x: np.ndarray
    parts: tuple[np.ndarray, ...]
    reml: bool = False

    def covariance(self, theta: Any) -> np.ndarray:
        return np.tensordot(np.asarray(theta, float), np.stack(self.parts), 1)

    def gls(self, theta: Any) -> tuple[np.ndarray, np.ndarray]:
        """The coefficients and (X'V^-1 X)^-1."""
        vx = np.linalg.solve(self.covariance(theta), self.x)
        vce = np.linalg.inv(self.x.T @ vx)
        return vce @ (vx.T @ self.y), vce

    def loglik(self, theta: Any, fixed: np.ndarray | None = None) -> float:
        """The log likelihood; the restricted one under REML."""
        v = self.covariance(theta)
        best, vce = self.gls(theta)
        r = self.y - self.x @ (best if fixed is None else fixed)
        value = np.linalg.slogdet(v)[1] + r @ np.linalg.solve(v, r)
        degrees = len(self.y)
        if self.reml:
            degrees -= self.x.shape[1]
            value -= np.linalg.slogdet(vce)[1]
        return -0.5 * (degrees * np.log(2 * np.pi) + value)

    def _pieces(self, theta: Any):
        inverse = np.linalg.inv(self.covariance(theta))
        vx = inverse @ self.x
        projection = inverse - vx @ np.linalg.solve(self.x.T @ vx, vx.T)
        return (projection if self.reml else inverse), projection

    def score(self, theta: Any) -> np.ndarray:
        """Derivatives of the profile (or restricted) log likelihood in theta."""
        middle, projection = self._pieces(theta)
        py = projection @ self.y
        return np.array([0.5 * (py @ a @ py - np.sum(middle * a)) for a in self.parts])

    def information(self, theta: Any) -> np.ndarray:
        """Minus its second derivatives."""
        middle, projection = self._pieces(theta)
        py = projection @ self.y
        pushed = [a @ py for a in self.parts]
        products = [middle @ a for a in self.parts]
        traces = np.array([[np.sum(m * o.T) for o in products] for m in products])
        return np.array([[a @ projection @ b for b in pushed] for a in pushed]) - 0.5 * traces

    def errors(self, theta: Any) -> tuple[np.ndarray, np.ndarray]:
        """Standard errors of the coefficients and of theta."""
        return np.sqrt(np.diag(self.gls(theta)[1])), np.sqrt(np.diag(np.linalg.inv(self.information(theta))))

    def sandwich(self, theta: Any, clusters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Cluster-robust matrices of the coefficients and of theta, blockwise, with the factor M / (M - 1).

        The middle is the sum over clusters of products of scores, those of the full likelihood at the GLS estimate.
        """
        fixed, bread = self.gls(theta)
        inner = np.linalg.inv(self.information(theta))
        v, r = self.covariance(theta), self.y - self.x @ fixed
        outer, middle = np.zeros_like(bread), np.zeros_like(inner)
        numbers = np.unique(clusters)
        for number in numbers:
            rows = clusters == number
            inverse = np.linalg.inv(v[np.ix_(rows, rows)])
            solved = inverse @ r[rows]
            own = [a[np.ix_(rows, rows)] for a in self.parts]
            s = self.x[rows].T @ solved
            t = np.array([0.5 * (solved @ a @ solved - np.sum(inverse * a)) for a in own])
            outer += np.outer(s, s)
            middle += np.outer(t, t)
        factor = len(numbers) / (len(numbers) - 1.0)
        return factor * bread @ outer @ bread, factor * inner @ middle @ inner


def dense_of(fit: Any) -> Dense:
    """The twin of a fit without weights whose printed components are all free, from its arrays and labels."""
    design = fit.estimates.design
    parts = []
    for component in fit.estimates.component_info[:-1]:
        effect = design.effects[component.equation]
        block = fit.model.variances.blocks[component.equation]
        mine = [c.label for c in fit.estimates.component_info if c.equation == component.equation]
        i, j = block.entries[mine.index(component.label)]
        same = effect.codes[:, None] == effect.codes[None, :]
        cross = np.outer(effect.z[:, i], effect.z[:, j])
        parts.append(same * (cross if i == j else cross + cross.T))
    y = design.y - (0.0 if design.offset is None else design.offset)
    return Dense(y, design.x, (*parts, np.eye(len(y))), fit.reml)
