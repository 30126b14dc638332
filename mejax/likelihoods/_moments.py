"""Weighted moments of a response, on the host."""

import numpy as np


def mean_variance(values: np.ndarray, weights: np.ndarray | None) -> tuple[float, float]:
    """Mean and variance (divided by the sum of weights)."""
    mean = float(np.average(values, weights=weights))
    return mean, float(np.average((values - mean) ** 2, weights=weights))
