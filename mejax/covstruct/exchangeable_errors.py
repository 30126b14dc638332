"""Equally correlated errors."""

import jax.numpy as jnp
import numpy as np

from ._errors import AbstractCorrelation, ErrorEntry


class ExchangeableErrors(AbstractCorrelation):
    """R = (1 - rho) I + rho 1 1', rho = tanh(theta).

    In groups of m errors R is positive definite for rho > -1 / (m - 1) only.
    """

    def init(self):
        return np.zeros(1)

    def matrix(self, theta, times):
        return jnp.where(np.eye(len(times), dtype=bool), 1.0, jnp.tanh(theta[0]))

    def natural(self, theta, scale):
        return scale * jnp.stack([jnp.ones(()), jnp.tanh(theta[0])])

    def entries(self, joint):
        return (ErrorEntry("var(e)", "var"), ErrorEntry("cov(e)", "cov")) if joint else (ErrorEntry("corr", "corr"),)
