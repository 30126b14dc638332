"""The normal distribution with nothing but the standard library."""

import math
from statistics import NormalDist

import numpy as np


def critical(level: float) -> float:
    """The two-sided critical value of a `level` per cent interval: 1.959964 for 95."""
    if not 0.0 < level < 100.0:
        raise ValueError(f"`level` is a percentage between 0 and 100, such as 95; got {level}")
    return NormalDist().inv_cdf(0.5 + level / 200.0)


def two_sided(z: np.ndarray) -> np.ndarray:
    """P(|Z| > |z|), elementwise; NaN stays NaN."""
    return np.array([math.erfc(abs(float(value)) / math.sqrt(2.0)) for value in np.ravel(z)]).reshape(np.shape(z))
