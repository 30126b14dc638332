"""Autoregressive errors of any order."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ._errors import AbstractCorrelation, ErrorEntry
from ._lags import at_lags, from_partial


class Autoregressive(AbstractCorrelation):
    """e_t = phi_1 e_(t-1) + ... + phi_p e_(t-p) + a_t, stationary; times are whole numbers, `span` values at most apart
    (the largest lag + 1).

    The partial autocorrelations are tanh(theta), so that every theta is a stationary process.  `FirstOrder` is quicker
    for p = 1.
    """

    order: int = eqx.field(static=True)
    span: int = eqx.field(static=True)

    def init(self):
        return np.zeros(self.order)

    def matrix(self, theta, times):
        phi, correlations = from_partial(jnp.tanh(theta))

        def following(recent, _):
            value = jnp.sum(phi * recent)
            return jnp.append(value, recent[:-1]), value

        more = max(self.span - 1 - self.order, 0)
        _, rest = jax.lax.scan(following, correlations[:0:-1], None, length=more)
        return at_lags(jnp.concatenate([correlations, rest]), times)

    def natural(self, theta, scale):
        phi, _ = from_partial(jnp.tanh(theta))
        return jnp.append(phi, scale)

    def entries(self, joint):
        phi = tuple(ErrorEntry(f"phi{k}", "cov") for k in range(1, self.order + 1))
        return (*phi, ErrorEntry("var(e)", "var")) if joint else phi
