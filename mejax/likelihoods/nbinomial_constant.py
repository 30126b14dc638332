"""Overdispersed counts whose variance is proportional to the mean."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from . import _counts, _extreme, _gamma_function
from ._moments import mean_variance
from ._negative_binomial import AbstractNegativeBinomial
from .links import Log

_LIMIT = 50.0  # of |log r|: where r is larger the distribution is Poisson in every digit


class NegativeBinomialConstant(AbstractNegativeBinomial):
    """Gamma(y + r) / (Gamma(r) y!) (1 + delta)^-r (delta / (1 + delta))^y, r = mu / delta, mu = exp(eta).

    The variance is mu (1 + delta); the ancillary parameter is log delta.
    """

    name: ClassVar[str] = "nbinomial"
    dispersion: ClassVar[str] = "constant"
    links: ClassVar[tuple[str, ...]] = ("log",)
    link: Log = Log()

    @property
    def ancillary(self):
        return ("/lndelta",)

    def logpdf(self, y, eta, aux):
        log_delta = jnp.clip(aux[0], -_LIMIT, _LIMIT)
        growth = jnp.log1p(jnp.exp(log_delta))
        log_r = eta - log_delta
        rising = _gamma_function.log_rising(y, jnp.exp(jnp.clip(log_r, -_LIMIT, _LIMIT)))
        # as r goes to 0, Gamma(y + r) / (Gamma(r) r^y) goes as r^(1 - y)
        beyond = jnp.where(y > 0, 1.0 - y, 0.0) * jnp.minimum(log_r + _LIMIT, 0.0)
        constant = -_gamma_function.log_factorial(y) - y * growth
        return constant + y * eta + rising + beyond - _extreme.exponential(log_r) * growth

    def sample(self, key, y, eta, aux):
        one, other = jax.random.split(key)
        delta = jnp.exp(jnp.clip(aux[0], -_LIMIT, _LIMIT))
        rate = jax.random.gamma(one, self.link.mean(eta) / delta, eta.shape, eta.dtype) * delta
        return jax.random.poisson(other, rate).astype(eta.dtype)

    def init(self, y, weights):
        mean, variance = mean_variance(y, weights)
        return np.log([max(variance / mean - 1.0, 0.01)])

    def variance(self, y, mu, aux):
        return np.asarray(mu) * (1.0 + np.exp(aux[0]))

    def deviance(self, y, mu, aux):
        return _counts.poisson_deviance(y, mu) / (1.0 + np.exp(aux[0]))

    def anscombe(self, y, mu, aux):
        return _counts.poisson_anscombe(y, mu) / np.sqrt(1.0 + np.exp(aux[0]))
