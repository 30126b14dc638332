"""Errors whose correlation falls exponentially with the time between them."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._typing import ArrayLike
from ._errors import AbstractMarkovCorrelation, ErrorEntry


class Exponential(AbstractMarkovCorrelation):
    """Errors d apart in time, any number, have the correlation rho^d, 0 < rho < 1.

    `unit` is a typical gap between neighbours, at which the correlation is the logistic function of theta: 0.3 at the
    start, whatever time is measured in.
    """

    unit: Float[ArrayLike, ""] = eqx.field(converter=partial(np.asarray, dtype=float))

    def init(self):
        return np.log(np.full(1, 0.3 / 0.7))

    def decay(self, theta, gap):
        return jnp.exp(jnp.asarray(gap) / self.unit * jax.nn.log_sigmoid(theta[0]))

    def natural(self, theta, scale):
        return jnp.stack([self.decay(theta, jnp.ones(())), jnp.asarray(scale)])

    def entries(self, joint):
        rho = (ErrorEntry("rho", "share"),)
        return (*rho, ErrorEntry("var(e)", "var")) if joint else rho
