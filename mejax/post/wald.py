"""Joint tests that functions of the estimates are zero."""

from dataclasses import dataclass

import numpy as np

from ..fitting import upper_tail
from .functions import Functions

_RANK = 1e-9


@dataclass(frozen=True)
class JointTest:
    """A chi-squared test with `df` degrees of freedom or, with `ddf`, an F test; NaN for 0 df."""

    statistic: float
    df: int
    ddf: float | None
    p: float


def joint_test(functions: Functions) -> JointTest:
    """The Wald test v' V^-1 v that all `functions` are zero, over as many combinations of them as vary.

    With V of rank q the statistic is referred to chi-squared with q degrees of freedom, or (its `scale` / q multiple)
    to F where `functions` have denominator degrees of freedom.
    """
    scale = np.sqrt(np.where(np.diag(functions.covariance) > 0, np.diag(functions.covariance), np.inf))
    size, vectors = np.linalg.eigh(functions.covariance / np.outer(scale, scale))
    keep = size > _RANK * max(size[-1], 1e-300) if len(size) else np.zeros(0, bool)
    rank = int(keep.sum())
    if rank == 0:
        return JointTest(np.nan, 0, None if functions.joint is None else np.nan, np.nan)
    rows = vectors[:, keep].T / scale
    chi2 = float(np.sum((rows @ functions.values) ** 2 / size[keep]))
    if functions.joint is None:
        return JointTest(chi2, rank, None, upper_tail(chi2, rank))
    # in the basis of the functions themselves, on which Satterthwaite's method depends
    factor, ddf = functions.joint(np.eye(len(size))[_independent(functions.covariance / np.outer(scale, scale), rank)])
    statistic = factor * chi2 / rank
    if np.isinf(ddf):
        return JointTest(statistic, rank, float(ddf), upper_tail(statistic * rank, rank))
    from scipy.special import fdtrc

    return JointTest(statistic, rank, float(ddf), float(fdtrc(rank, ddf, statistic)))


def _independent(correlation: np.ndarray, rank: int) -> list[int]:
    """The first functions of which none is a combination of those before it."""
    chosen: list[int] = []
    for place in range(len(correlation)):
        trial = [*chosen, place]
        size = np.linalg.eigvalsh(correlation[np.ix_(trial, trial)])
        if size[0] > _RANK * max(size[-1], 1e-300):
            chosen = trial
        if len(chosen) == rank:
            break
    return chosen
