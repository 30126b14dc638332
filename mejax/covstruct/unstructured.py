"""All variances and covariances free."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._base import AbstractCovariance, Traits, triangle


class Unstructured(AbstractCovariance):
    """Sigma = L L', L lower triangular with entries `theta` by rows; the signs of its columns are free."""

    size: int = eqx.field(static=True)
    relative: bool = eqx.field(static=True, default=True)

    @property
    def entries(self):
        return triangle(self.size)

    @property
    def traits(self):
        count = self.size * (self.size + 1) // 2
        return Traits((False,) * count, self.size, count - self.size, own=True, any_basis=True)

    def init(self):
        return np.eye(self.size)[np.tril_indices(self.size)]

    def cholesky(self, theta):
        return jnp.zeros((self.size, self.size)).at[np.tril_indices(self.size)].set(theta)

    def nearest(self, sigma):
        values, vectors = np.linalg.eigh(sigma)
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        factor = np.asarray(np.linalg.qr(root.T, mode="r")).T
        signs = np.where(np.diag(factor) < 0, -1.0, 1.0)
        return (factor * signs)[np.tril_indices(self.size)]
