"""Overdispersed counts whose dispersion grows with the mean."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from . import _gamma_function, _logistic
from ._counts import SMALLEST
from ._moments import mean_variance
from ._negative_binomial import AbstractNegativeBinomial
from .links import Log

_LIMIT = 50.0  # of |log alpha|: with less dispersion the distribution is Poisson in every digit


class NegativeBinomialMean(AbstractNegativeBinomial):
    """Gamma(y + r) / (Gamma(r) y!) (r / (r + mu))^r (mu / (r + mu))^y, r = 1 / alpha, mu = exp(eta).

    The variance is mu (1 + alpha mu); the ancillary parameter is log alpha.
    """

    name: ClassVar[str] = "nbinomial"
    dispersion: ClassVar[str] = "mean"
    links: ClassVar[tuple[str, ...]] = ("log",)
    link: Log = Log()

    @property
    def ancillary(self):
        return ("/lnalpha",)

    def logpdf(self, y, eta, aux):
        log_alpha = jnp.clip(aux[0], -_LIMIT, _LIMIT)
        r = jnp.exp(-log_alpha)
        constant = _gamma_function.log_rising(y, r) - _gamma_function.log_factorial(y)
        return constant + y * eta - (y + r) * _logistic.softplus(eta + log_alpha)

    def sample(self, key, y, eta, aux):
        one, other = jax.random.split(key)
        r = jnp.exp(-jnp.clip(aux[0], -_LIMIT, _LIMIT))
        rate = jax.random.gamma(one, r, eta.shape, eta.dtype) * self.link.mean(eta) / r
        return jax.random.poisson(other, rate).astype(eta.dtype)

    def init(self, y, weights):
        mean, variance = mean_variance(y, weights)
        return np.log([max((variance - mean) / mean**2, 0.01)])

    def variance(self, y, mu, aux):
        return mu * (1.0 + np.exp(aux[0]) * mu)

    def deviance(self, y, mu, aux):
        """2 {y log(y / mu) - (y + 1 / alpha) log((1 + alpha y) / (1 + alpha mu))}."""
        from scipy.special import xlogy

        mu, alpha = np.maximum(mu, SMALLEST), np.exp(np.clip(aux[0], -_LIMIT, _LIMIT))
        shift = np.log1p(alpha * y) - np.log1p(alpha * mu)
        return 2.0 * np.maximum(xlogy(y, y / mu) - (y + 1.0 / alpha) * shift, 0.0)

    def anscombe(self, y, mu, aux):
        """1.5 {y^(2/3) H(-alpha y) - mu^(2/3) H(-alpha mu)} / V^(1/6) with H(t) = 2F1(2/3, 1/3; 5/3; t)."""
        from scipy.special import hyp2f1

        mu, alpha = np.maximum(mu, SMALLEST), np.exp(np.clip(aux[0], -_LIMIT, _LIMIT))

        def integral(value):
            return value ** (2 / 3) * hyp2f1(2 / 3, 1 / 3, 5 / 3, -alpha * value)

        return 1.5 * (integral(y) - integral(mu)) / self.variance(y, mu, aux) ** (1 / 6)
