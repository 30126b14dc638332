"""Equal variances, no covariances."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._base import AbstractCovariance, Traits, diagonal


class Identity(AbstractCovariance):
    """Sigma = theta^2 I, the structure of a single random effect and of the levels of a factor (`R.x`)."""

    size: int = eqx.field(static=True)
    relative: bool = eqx.field(static=True, default=True)

    @property
    def entries(self):
        return diagonal(self.size)

    @property
    def traits(self):
        return Traits((True,), 1, 0, own=self.size == 1)

    def init(self):
        return np.ones(1)

    def cholesky(self, theta):
        return theta[0] * jnp.eye(self.size)

    def nearest(self, sigma):
        return np.sqrt(np.maximum(np.mean(np.diag(sigma)), 0.0)).reshape(1)
