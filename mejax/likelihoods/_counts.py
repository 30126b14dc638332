"""Residual pieces of counts whose variance is proportional to the mean: V(mu) = mu."""

import numpy as np

SMALLEST = 1e-200  # of fitted means, which may underflow: what is divided by them must stay finite


def poisson_deviance(y, mu):
    """2 {y log(y / mu) - (y - mu)}."""
    from scipy.special import xlogy

    mu = np.maximum(mu, SMALLEST)
    return 2.0 * np.maximum(xlogy(y, y / mu) - (y - mu), 0.0)


def poisson_anscombe(y, mu):
    """3 (y^(2/3) - mu^(2/3)) / (2 mu^(1/6))."""
    mu = np.maximum(mu, SMALLEST)
    return 1.5 * (np.asarray(y) ** (2 / 3) - mu ** (2 / 3)) / mu ** (1 / 6)
