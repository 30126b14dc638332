"""Weighted moments of a response, on the host."""

import numpy as np

PERFECT = 1e-12  # share of a response's variance that is nothing but rounding
CERTAIN = 1e-6  # minus a log likelihood that is zero for all one can tell


def mean_variance(values: np.ndarray, weights: np.ndarray | None) -> tuple[float, float]:
    """Mean and variance (divided by the sum of weights)."""
    mean = float(np.average(values, weights=weights))
    return mean, float(np.average((values - mean) ** 2, weights=weights))
