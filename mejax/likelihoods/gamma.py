"""Positive responses with a constant coefficient of variation."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from . import _extreme, _gamma_function
from ._base import AbstractUnboundedFamily
from ._counts import SMALLEST
from ._moments import mean_variance
from ._refusal import require, require_variation
from .links import Log

_LIMIT = 50.0  # of |log s|: the shape and its powers stay finite


class Gamma(AbstractUnboundedFamily):
    """(a y / mu)^a exp(-a y / mu) / (y Gamma(a)) with mu = exp(eta), a = s^-2: the variance is (s mu)^2.

    The ancillary parameter is log s.
    """

    name: ClassVar[str] = "gamma"
    links: ClassVar[tuple[str, ...]] = ("log",)
    link: Log = Log()

    @property
    def ancillary(self):
        return ("/logs",)

    def logpdf(self, y, eta, aux):
        shape = _shape(aux)
        constant = _gamma_function.log_stirling_ratio(shape) - jnp.log(y)
        # w - exp(w) + 1 with w = log(y / mu), which is 0 at the mean
        excess = jnp.log(y) + 1.0 - eta - y * _extreme.exponential(-eta)
        return shape * excess + constant

    def mean(self, y, eta, aux):
        return self.link.mean(eta)

    def sample(self, key, y, eta, aux):
        shape = _shape(aux)
        return jax.random.gamma(key, shape, eta.shape, eta.dtype) * self.link.mean(eta) / shape

    def init(self, y, weights):
        mean, variance = mean_variance(y, weights)
        return np.array([0.5 * np.log(max(variance / mean**2, 1e-6))])

    def start(self, y, weights):
        return self.link.linear(mean_variance(y, weights)[0])

    def check(self, y, where):
        require(np.isfinite(y) & (y > 0), y, where, "a gamma response is positive; zeros need another family")
        require_variation(y, "the scale of a gamma distribution cannot be estimated")

    @property
    def null_name(self):
        return "gamma model"

    def variance(self, y, mu, aux):
        return np.asarray(mu) ** 2

    def deviance(self, y, mu, aux):
        ratio = y / np.maximum(mu, SMALLEST)
        return 2.0 * np.maximum(ratio - 1.0 - np.log(ratio), 0.0)

    def anscombe(self, y, mu, aux):
        return 3.0 * ((y / np.maximum(mu, SMALLEST)) ** (1 / 3) - 1.0)


def _shape(aux):
    return jnp.exp(-2.0 * jnp.clip(aux[0], -_LIMIT, _LIMIT))
