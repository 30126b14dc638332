"""Distinct variances, no covariances."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._base import AbstractCovariance, Traits, diagonal


class Independent(AbstractCovariance):
    """Sigma = diag(theta^2)."""

    size: int = eqx.field(static=True)
    relative: bool = eqx.field(static=True, default=True)

    @property
    def entries(self):
        return diagonal(self.size)

    @property
    def traits(self):
        return Traits((True,) * self.size, self.size, 0, own=True)

    def init(self):
        return np.ones(self.size)

    def cholesky(self, theta):
        return jnp.diag(theta)

    def nearest(self, sigma):
        return np.sqrt(np.maximum(np.diag(sigma), 0.0))
