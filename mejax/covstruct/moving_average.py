"""Moving-average errors."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._errors import AbstractCorrelation, ErrorEntry
from ._lags import at_lags, from_partial


class MovingAverage(AbstractCorrelation):
    """e_t = a_t + theta_1 a_(t-1) + ... + theta_q a_(t-q), at times that are whole numbers.

    Each R belongs to several sets of coefficients, of which one is invertible: that is where -theta is a stationary
    autoregression, given by its partial autocorrelations.
    """

    order: int = eqx.field(static=True)

    def init(self):
        return np.zeros(self.order)

    def coefficients(self, theta):
        """theta_1, ..., theta_q."""
        phi, _ = from_partial(-jnp.tanh(theta))
        return -phi

    def matrix(self, theta, times):
        weights = jnp.append(jnp.ones(1), self.coefficients(theta))
        covariances = jnp.stack([jnp.sum(weights[k:] * weights[: len(weights) - k]) for k in range(len(weights))])
        return at_lags(covariances / covariances[0], times)

    def natural(self, theta, scale):
        return jnp.append(self.coefficients(theta), scale)

    def entries(self, joint):
        coefficients = tuple(ErrorEntry(f"theta{k}", "cov") for k in range(1, self.order + 1))
        return (*coefficients, ErrorEntry("var(e)", "var")) if joint else coefficients
