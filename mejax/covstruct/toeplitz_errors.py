"""Errors with a free correlation at each of the first lags."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._errors import AbstractCorrelation, ErrorEntry
from ._lags import at_lags


class ToeplitzErrors(AbstractCorrelation):
    """Correlations rho_k = tanh(theta_k) at lags 1 to q, zero beyond; not all of them are positive definite."""

    order: int = eqx.field(static=True)

    def init(self):
        return np.zeros(self.order)

    def matrix(self, theta, times):
        return at_lags(jnp.append(jnp.ones(1), jnp.tanh(theta)), times)

    def natural(self, theta, scale):
        return jnp.append(jnp.tanh(theta), scale)

    def entries(self, joint):
        correlations = tuple(ErrorEntry(f"rho{k}", "corr") for k in range(1, self.order + 1))
        return (*correlations, ErrorEntry("var(e)", "var")) if joint else correlations
