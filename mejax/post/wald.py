"""Joint tests that functions of the estimates are zero."""

from dataclasses import dataclass, replace

import numpy as np

from ..fitting import upper_tail
from .functions import Functions

_NOISE = 1e-13  # of a variance, beside those of what is subtracted
_RANK = 1e-9


@dataclass(frozen=True)
class JointTest:
    """A chi-squared test with `df` degrees of freedom or, with `ddf`, an F test; NaN for 0 df."""

    statistic: float
    df: int
    ddf: float | None
    p: float


def combinations(functions: Functions, labels: tuple[str, ...], rows: np.ndarray) -> Functions:
    """Linear combinations rows @ values, of which those that vary by rounding only are constants; what has no weight
    may be NaN."""
    used = np.any(rows != 0, axis=0)
    known = replace(
        functions, values=np.where(used, functions.values, 0.0),
        covariance=np.where(np.outer(used, used), functions.covariance, 0.0),
    )  # fmt: skip
    found = replace(known, df=None, joint=None).combined(labels, rows)
    varies = np.diag(found.covariance) > _NOISE * (rows**2 @ np.diag(known.covariance))
    found = replace(found, covariance=np.where(np.outer(varies, varies), found.covariance, 0.0))
    joint = functions.joint
    if joint is None:
        return found
    df = np.array([joint(row[None])[1] if free else np.nan for row, free in zip(rows, varies, strict=True)])
    return replace(found, df=df, joint=lambda more: joint(more @ rows))


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
    from scipy.special import fdtrc

    factor, ddf = functions.joint(rows)
    statistic = factor * chi2 / rank
    return JointTest(statistic, rank, float(ddf), float(fdtrc(rank, ddf, statistic)))
