"""One variance for all errors."""

import jax.numpy as jnp
import numpy as np

from ._errors import AbstractErrorScale, ErrorEntry


class EqualScale(AbstractErrorScale):
    """Var(e) = sigma_e^2."""

    def init(self):
        return np.zeros(0)

    def log_scale(self, theta, variable):
        return jnp.zeros(variable.shape)

    def natural(self, theta, scale):
        return jnp.reshape(scale, 1)

    @property
    def entries(self):
        return (ErrorEntry("var(e)", "var"),)
