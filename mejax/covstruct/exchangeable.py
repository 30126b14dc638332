"""One variance, one covariance."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._base import AbstractCovariance, Traits, triangle


class Exchangeable(AbstractCovariance):
    """Sigma = (v - c) I + c 1 1', with eigenvalues theta[0]^2 = v + (q-1) c (once) and theta[1]^2 = v - c.

    L = theta[1] (I - 1 1'/q) + theta[0] 1 1'/q is the symmetric root: unlike the triangular one it is smooth where an
    eigenvalue is zero.  `pooled` prints one variance and one covariance (the levels of a factor, `R.x`).
    """

    size: int = eqx.field(static=True)
    relative: bool = eqx.field(static=True, default=True)
    pooled: bool = eqx.field(static=True, default=False)

    @property
    def entries(self):
        return ((0, 0), (0, 1)) if self.pooled else triangle(self.size)

    @property
    def traits(self):
        return Traits((False, False), 1, 1, own=False)

    def init(self):
        return np.ones(2)

    def cholesky(self, theta):
        mean = jnp.full((self.size, self.size), 1.0 / self.size)
        return theta[1] * (jnp.eye(self.size) - mean) + theta[0] * mean

    def nearest(self, sigma):
        q = self.size
        variance = np.mean(np.diag(sigma))
        covariance = (np.sum(sigma) - q * variance) / (q * (q - 1))
        return np.sqrt(np.maximum([variance + (q - 1) * covariance, variance - covariance], 0.0))
