"""Normal responses."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from ._base import AbstractMeanFamily
from ._moments import PERFECT, mean_variance
from ._refusal import require, require_variation
from .links import AbstractLink, Identity


class Gaussian(AbstractMeanFamily):
    """Normal with mean F(eta); the ancillary parameter is the variance, whose log is free."""

    name: ClassVar[str] = "gaussian"
    links: ClassVar[tuple[str, ...]] = ("identity", "log")
    link: AbstractLink = Identity()

    @property
    def ancillary(self):
        return ("var(e)",)

    def logpdf(self, y, eta, aux):
        # means beyond exp(300) are cut off: their squares must stay finite
        mean = jnp.clip(self.link.mean(eta), -1e130, 1e130)
        return -0.5 * (y - mean) ** 2 / aux[0] - 0.5 * jnp.log(2.0 * jnp.pi * aux[0])

    def mean(self, y, eta, aux):
        return self.link.mean(eta)

    def sample(self, key, y, eta, aux):
        return self.link.mean(eta) + jnp.sqrt(aux[0]) * jax.random.normal(key, eta.shape, eta.dtype)

    def printed(self, free):
        return jnp.exp(free)

    def free(self, aux):
        return np.log(aux)

    def init(self, y, weights):
        return np.log([max(mean_variance(y, weights)[1], 1e-300)])

    def start(self, y, weights):
        return self.link.linear(mean_variance(y, weights)[0])

    def check(self, y, where):
        require(np.isfinite(y), y, where, "a finite number was expected")
        require_variation(y, "the variance of a normal response cannot be estimated")

    @property
    def null_name(self):
        return "linear model" if self.link.name == "identity" else "Gaussian model"

    @property
    def variances(self):
        return (0,)

    def collapsed(self, y, aux, loglik):
        return bool(aux[0] < PERFECT * mean_variance(y, None)[1])

    def variance(self, y, mu, aux):
        return np.ones_like(mu)

    def deviance(self, y, mu, aux):
        return (y - np.asarray(mu)) ** 2

    def anscombe(self, y, mu, aux):
        return y - np.asarray(mu)
