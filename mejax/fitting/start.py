"""Starting values of variance components by moments: one pass over the data, no iteration."""

import numpy as np

from ..covstruct import AbstractVariances
from ..design import Design
from ..elimination import host_segment_sum, nesting
from ..lmm import LinearModel

JOINT_WIDTH = 4  # up to this many columns the covariance matrix of an equation is estimated as a whole


def moment_start(model: LinearModel, design: Design) -> np.ndarray:
    """Variance parameters from products of least-squares residuals within groups.

    Two observations i != k of one group have E(r_i r_k) = z_i' Sigma z_k, so Sigma solves a linear system in
    sum_j (A_j x A_j) - sum_i (z_i z_i' x z_i z_i') with A_j = Z_j'Z_j; levels above are subtracted from those
    below.  Estimates are made positive definite and kept away from zero.
    """
    residual = residuals(model, design)
    weights = np.ones(len(residual)) if design.weights is None else design.weights
    squares = float(np.average(residual**2, weights=weights))
    raw = [_moments(e.codes, e.size, e.z, residual, weights) for e in design.effects]
    sigmas = []
    spread = 0.0
    for k, effect in enumerate(design.effects):
        sigma = raw[k] - _ancestors(design, raw, k)
        size = np.sqrt(np.maximum(np.average(effect.z**2, axis=0, weights=weights), 1e-300))
        sigma = _floor(sigma * np.outer(size, size), squares) / np.outer(size, size)
        sigmas.append(sigma)
        spread += float(np.sum(np.diag(sigma) * size**2))
    left = max(squares - spread, 0.1 * squares)
    return model.variances.nearest(sigmas, left)


def residuals(model: LinearModel, design: Design) -> np.ndarray:
    """Least-squares residuals of the fixed part."""
    y = design.y - (0.0 if design.offset is None else design.offset)
    return y - design.x @ (np.asarray(model.offset) + np.asarray(model.basis) @ np.asarray(model.shift))


def _moments(codes, size, z, residual, weights) -> np.ndarray:
    q = z.shape[1]
    if q > JOINT_WIDTH:
        each = [_moments(codes, size, z[:, [c]], residual, weights)[0, 0] for c in range(q)]
        return np.diag(each)
    outer = (z[:, :, None] * z[:, None, :]).reshape(-1, q * q)
    grams = host_segment_sum(outer * weights[:, None], codes, size)
    sums = host_segment_sum(z * (residual * weights)[:, None], codes, size)
    left = grams.T @ grams - (outer * weights[:, None] ** 2).T @ outer
    # rows and columns of `left` are indexed (a, b) x (c, d); the system needs A_ac A_bd
    left = left.reshape(q, q, q, q).transpose(0, 2, 1, 3).reshape(q * q, q * q)
    right = sums.T @ sums - (outer * (residual * weights)[:, None] ** 2).sum(0).reshape(q, q)
    try:
        solved = np.linalg.lstsq(left, right.ravel(), rcond=1e-8)[0].reshape(q, q)
    except np.linalg.LinAlgError:
        return np.zeros((q, q))
    return 0.5 * (solved + solved.T)


def _ancestors(design: Design, raw: list[np.ndarray], k: int) -> np.ndarray:
    """Variance at coarser levels in which this level is nested, as far as its columns can carry it."""
    effect = design.effects[k]
    total = np.zeros_like(raw[k])
    for other, coarser in zip(raw, design.effects, strict=True):
        if coarser.size < effect.size and nesting(effect.codes, effect.size, coarser.codes) is not None:
            if np.array_equal(coarser.z[:, -1], effect.z[:, -1]):
                total[-1, -1] += max(float(other[-1, -1]), 0.0)
    return total


def _floor(sigma: np.ndarray, squares: float) -> np.ndarray:
    """The nearest matrix whose eigenvalues are between 2 % of the residual mean square and all of it."""
    values, vectors = np.linalg.eigh(np.where(np.isfinite(sigma), sigma, 0.0))
    return (vectors * np.clip(values, 0.02 * squares, squares)) @ vectors.T


def em_step(variances: AbstractVariances, posterior, scale: float) -> np.ndarray:
    """One EM step: the mean over the groups of the posterior second moments, projected onto each structure."""
    moments = [
        (np.einsum("ja,jb->ab", m, m) + s.sum(0)) / len(m)
        for m, s in zip(posterior.modes, posterior.variances, strict=True)
    ]
    return variances.nearest(moments, scale)
