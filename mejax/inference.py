"""Covariance matrices of estimates: observed information, delta method, robust and cluster-robust sandwiches."""

from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np

from .lmm import LinearModel


class Information(NamedTuple):
    """Inverse of an observed information matrix, computed where it can be.

    `covariance` (m, m) has zeros for parameters held at a boundary; `flat` lists directions (columns) along which the
    likelihood does not change.
    """

    covariance: np.ndarray
    flat: np.ndarray

    def touches(self, row: np.ndarray) -> bool:
        """Does a function with the gradient `row` change along a flat direction?"""
        if self.flat.shape[1] == 0:
            return False
        return bool(np.max(np.abs(row @ self.flat)) > 1e-6 * np.max(np.abs(self.flat)))


def invert_information(hessian: np.ndarray, held: np.ndarray) -> Information:
    """(-H)^-1 over the parameters that are not `held`; scale-free test for flat directions.

    A Hessian that is not finite says nothing: all directions are flat.
    """
    hessian = hessian if np.all(np.isfinite(hessian)) else np.zeros_like(hessian)
    free = np.flatnonzero(~held)
    covariance = np.zeros_like(hessian)
    if len(free) == 0:
        return Information(covariance, np.zeros((len(hessian), 0)))
    block = -hessian[np.ix_(free, free)]
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(block)), 1e-300))
    values, vectors = np.linalg.eigh((block * scale).T * scale)
    flat = values < 1e-7 * max(values[-1], 1e-300)
    keep = ~flat
    half = (vectors[:, keep] / np.sqrt(values[keep])).T * scale
    covariance[np.ix_(free, free)] = half.T @ half
    directions = np.zeros((len(hessian), int(flat.sum())))
    directions[free] = vectors[:, flat] * scale[:, None]
    return Information(covariance, directions)


@eqx.filter_jit
def natural_jacobian(variances, v):
    """The printed variance components at v, their derivatives, and the working factor of every block."""
    return variances.natural(v), jax.jacfwd(variances.natural)(v), variances.working_factors(v)


class Scores(NamedTuple):
    """Derivatives of each top-level cluster's log likelihood: in the coefficients (J, p) and the variances (J, m)."""

    fixed: np.ndarray
    variances: np.ndarray


@eqx.filter_jit
def cluster_scores(model: LinearModel, fixed, v) -> Scores:
    def contributions(fixed, v):
        return model.cluster_logliks(fixed, model.variances.working_factors(v), model.variances.residual(v))

    return Scores(*jax.jacfwd(contributions, argnums=(0, 1))(fixed, v))


def sandwich(
    bread: np.ndarray, scores: np.ndarray, clusters: np.ndarray | None, repeats: np.ndarray | None = None
) -> np.ndarray:
    """bread (sum_j s_j s_j') bread M / (M - 1), the scores summed within `clusters` first.

    Without clusters each score may stand for `repeats` equal ones, of which it is the sum.
    """
    if clusters is None and repeats is not None:
        m = float(np.sum(repeats))
        return bread @ (scores.T @ (scores / repeats[:, None])) @ bread * (m / (m - 1.0))
    if clusters is not None:
        scores = np.stack([np.bincount(clusters, weights=column) for column in scores.T], axis=1)
    m = len(scores)
    return bread @ (scores.T @ scores) @ bread * (m / (m - 1.0))
