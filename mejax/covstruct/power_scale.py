"""Standard deviations that are a power of a covariate, or of the mean."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._errors import AbstractErrorScale, ErrorEntry


class PowerScale(AbstractErrorScale):
    """Var(e) = sigma_e^2 (c + |v|^delta)^2; without `constant` c = 0.  theta = (delta, log c).

    An error at v = 0 has the variance sigma_e^2 c^2 (delta > 0): without `constant` none, and no likelihood.
    """

    constant: bool = eqx.field(static=True)

    def init(self):
        return np.array([0.5, 0.0]) if self.constant else np.zeros(1)

    def log_scale(self, theta, variable):
        """log(exp(theta_1) + exp(delta log|v|)), with the limit of the power at v = 0."""
        delta, variable = theta[0], jnp.asarray(variable)
        zero = variable == 0
        limit = jnp.where(delta > 0, -jnp.inf, jnp.where(delta < 0, jnp.inf, 0.0))
        power = jnp.where(zero, limit, delta * jnp.log(jnp.abs(jnp.where(zero, 1.0, variable))))
        return jnp.logaddexp(theta[1], power) if self.constant else power

    def natural(self, theta, scale):
        return jnp.concatenate([jnp.stack([jnp.asarray(scale), theta[0]]), jnp.exp(theta[1:])])

    @property
    def entries(self):
        own = (ErrorEntry("sigma2", "var"), ErrorEntry("delta", "cov"))
        return (*own, ErrorEntry("_cons", "var")) if self.constant else own

    @property
    def parameters(self):
        return ("/delta", "/ln_cons") if self.constant else ("/delta",)

    @property
    def logs(self):
        return (False, True) if self.constant else (False,)
