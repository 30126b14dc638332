"""Standard deviations that grow or fall exponentially with a covariate, or with the mean."""

import jax.numpy as jnp
import numpy as np

from ._errors import AbstractErrorScale, ErrorEntry


class ExponentialScale(AbstractErrorScale):
    """Var(e) = sigma_e^2 exp(2 gamma v)."""

    def init(self):
        return np.zeros(1)

    def log_scale(self, theta, variable):
        return theta[0] * jnp.asarray(variable)

    def natural(self, theta, scale):
        return jnp.stack([jnp.asarray(scale), theta[0]])

    @property
    def entries(self):
        return (ErrorEntry("sigma2", "var"), ErrorEntry("gamma", "cov"))

    @property
    def parameters(self):
        return ("/gamma",)
