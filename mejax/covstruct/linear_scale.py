"""Variances proportional to a covariate."""

import jax.numpy as jnp
import numpy as np

from ._errors import AbstractErrorScale, ErrorEntry


class LinearScale(AbstractErrorScale):
    """Var(e) = sigma_e^2 v, v > 0."""

    def init(self):
        return np.zeros(0)

    def log_scale(self, theta, variable):
        return 0.5 * jnp.log(jnp.asarray(variable))

    def natural(self, theta, scale):
        return jnp.reshape(scale, 1)

    @property
    def entries(self):
        return (ErrorEntry("sigma2", "var"),)
