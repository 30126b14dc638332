"""Tails of the normal distribution, with nothing but the standard library, and of Student's t."""

import math
from statistics import NormalDist
from typing import Any

import numpy as np


def critical(level: float, df: np.ndarray | None = None) -> Any:
    """The two-sided critical value of a `level` per cent interval: 1.959964 for 95; with `df` those of Student's t."""
    if isinstance(level, bool) or not isinstance(level, int | float | np.number) or not 0.0 < level < 100.0:
        raise ValueError(f"`level` is a percentage between 0 and 100, such as 95; got {level!r}")
    if df is None:
        return NormalDist().inv_cdf(0.5 + level / 200.0)
    from scipy.special import stdtrit

    return stdtrit(df, 0.5 + level / 200.0)


def two_sided(z: np.ndarray, df: np.ndarray | None = None) -> np.ndarray:
    """P(|Z| > |z|), elementwise, Z standard normal or, with `df`, Student's t; NaN stays NaN."""
    if df is not None:
        from scipy.special import stdtr

        return 2.0 * stdtr(df, -np.abs(z))
    return np.array([math.erfc(abs(float(value)) / math.sqrt(2.0)) for value in np.ravel(z)]).reshape(np.shape(z))
