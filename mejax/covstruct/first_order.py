"""First-order autoregressive errors."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._errors import AbstractMarkovCorrelation, ErrorEntry


class FirstOrder(AbstractMarkovCorrelation):
    """Errors d apart in time, a whole number, have the correlation rho^d, rho = tanh(theta).

    `gap` is the smallest that occurs: it only sets the start, where errors `gap` apart have the correlation 0.1, since
    the derivative of rho^d vanishes at rho = 0 for all d > 1.
    """

    gap: int = eqx.field(static=True, default=1)

    def init(self):
        return np.arctanh(np.full(1, 0.1 ** (1 / self.gap)))

    def decay(self, theta, gap):
        """Short gaps as products: the derivatives of a general power are NaN at rho = 0 once no exponent is left."""
        rho, gap = jnp.tanh(theta[0]), jnp.round(jnp.asarray(gap))
        product = jnp.where(gap >= 1, rho, 1.0) * jnp.where(gap >= 2, rho, 1.0) * jnp.where(gap >= 3, rho, 1.0)
        return jnp.where(gap <= 3, product, rho ** jnp.maximum(gap, 4.0))

    def natural(self, theta, scale):
        return jnp.stack([jnp.tanh(theta[0]), jnp.asarray(scale)])

    def entries(self, joint):
        rho = (ErrorEntry("rho", "corr"),)
        return (*rho, ErrorEntry("var(e)", "var")) if joint else rho
