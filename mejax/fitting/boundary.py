"""Variances at zero and correlations at one, judged without units."""

from collections.abc import Callable

import numpy as np

from ..covstruct import AbstractVariances, FreeVariances
from ..design import Design
from ..inference import natural_jacobian
from ..lmm import Evaluation

FAINT = 1e-6  # information about a logarithm or the like: a standard error of a thousand
NEGLIGIBLE = 1e-6  # share of an average group's information that a random effect adds


def group_information(variances: AbstractVariances, design: Design) -> list[np.ndarray]:
    """Per equation the square roots of the average groups' sums of squares of each working column."""
    out = []
    for k, (effect, frame) in enumerate(zip(design.effects, variances.frames, strict=True)):
        squares = np.diag(design.squares(k, k)) if frame is None else np.full(len(frame), design.count)
        out.append(np.sqrt(squares / effect.size))
    return out


def snap_to_zero(
    variances, at: Evaluation, design: Design, objective: Callable[[np.ndarray], Evaluation]
) -> Evaluation:
    """Set to exactly zero the standard deviations that are zero for all the likelihood can tell."""
    if not isinstance(variances, FreeVariances):
        return at
    for k, (block, size) in enumerate(zip(variances.blocks, group_information(variances, design), strict=True)):
        if not all(block.traits.scales):
            continue
        for i in range(variances.cuts[k], variances.cuts[k + 1]):
            column = size[i - variances.cuts[k]] if block.traits.own else np.max(size)
            if (at.v[i] * column) ** 2 < 1e-2 and at.v[i] != 0.0:
                moved = np.array(at.v)
                moved[i] = 0.0
                trial = objective(moved)
                if trial.value >= at.value - 1e-9 * (1.0 + abs(at.value)):
                    at = trial
    return at


def singular(variances: AbstractVariances, factors: tuple[np.ndarray, ...], design: Design) -> list[bool]:
    """Per equation: is its covariance matrix singular, its working factor being given?"""
    out = []
    for factor, size in zip(factors, group_information(variances, design), strict=True):
        scaled = size[:, None] * factor
        values = np.linalg.svd(scaled, compute_uv=False)
        out.append(bool(values[-1] ** 2 < NEGLIGIBLE or values[-1] < 1e-5 * values[0]))
    return out


def beyond(variances: AbstractVariances, hessian: np.ndarray) -> np.ndarray:
    """Elements of v that lie at an end of their line, because a correlation or a ratio is at its bound: the likelihood
    says next to nothing about how far out they are."""
    out = np.zeros(len(hessian), bool)
    if variances.errors is not None:
        first = len(hessian) - 1 - variances.errors.count
        out[first:-1] = variances.errors.open & (np.abs(np.diag(hessian))[first:-1] < FAINT)
    return out


def reached(variances: AbstractVariances, mask: np.ndarray) -> np.ndarray:
    """Which printed components depend on the elements of v marked, wherever these are."""
    if not mask.any():
        return np.zeros(0, int)
    jacobian = np.asarray(natural_jacobian(variances, variances.init())[1])
    return np.flatnonzero(np.any(jacobian[:, mask] != 0.0, axis=1))


def held(variances, v: np.ndarray) -> np.ndarray:
    """Elements of v that stand at exactly zero: they are no parameters of the model any more."""
    return standalone(variances) & (v == 0.0)


def standalone(variances) -> np.ndarray:
    """Elements of v that are a relative standard deviation by themselves."""
    if not isinstance(variances, FreeVariances):
        return np.zeros(len(variances.init()), bool)
    others = len(variances.init()) - variances.cuts[-1]  # those of the errors
    return np.concatenate([*(np.array(b.traits.scales, bool) for b in variances.blocks), np.zeros(others, bool)])
