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

    def triangular(self, theta):
        """In closed form, with s_j = v + (j - 1) c: L_jj^2 = (v - c) s_(j+1) / s_j below the first row, and
        L_ij = c sqrt((v - c) / (s_j s_(j+1))).

        The last two factors keep the signs of theta, so that only Sigma = 0 is no smooth point.
        """
        q = self.size
        square = theta**2
        c = (square[0] - square[1]) / q
        v = square[1] + c
        sums = [v + (j - 1) * c for j in range(q)]  # s_0 = v - c, s_1 = v, ...; s_q = theta_0^2
        lower = jnp.zeros((q, q)).at[0, 0].set(jnp.sqrt(v)).at[1:, 0].set(c / jnp.sqrt(v))
        for j in range(1, q):
            above = theta[0] if j == q - 1 else jnp.sqrt(sums[j + 1])
            lower = lower.at[j, j].set(theta[1] * above / jnp.sqrt(sums[j]))
            if j < q - 1:
                lower = lower.at[j + 1 :, j].set(c * theta[1] / (above * jnp.sqrt(sums[j])))
        return lower

    def nearest(self, sigma):
        q = self.size
        variance = np.mean(np.diag(sigma))
        covariance = (np.sum(sigma) - q * variance) / (q * (q - 1))
        return np.sqrt(np.maximum([variance + (q - 1) * covariance, variance - covariance], 0.0))
