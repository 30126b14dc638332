"""Counts without overdispersion."""

from typing import ClassVar

import jax
import numpy as np

from . import _counts
from ._base import RATE_RATIO, AbstractPlainFamily
from ._gamma_function import log_factorial
from ._moments import mean_variance
from ._refusal import require_counts
from .links import Log


class Poisson(AbstractPlainFamily):
    """mu^y exp(-mu) / y! with mu = exp(eta)."""

    name: ClassVar[str] = "poisson"
    links: ClassVar[tuple[str, ...]] = ("log",)
    link: Log = Log()

    def logpdf(self, y, eta, aux):
        return y * eta - self.link.mean(eta) - log_factorial(y)

    def mean(self, y, eta, aux):
        return self.link.mean(eta)

    def sample(self, key, y, eta, aux):
        return jax.random.poisson(key, self.link.mean(eta)).astype(eta.dtype)

    def start(self, y, weights):
        return self.link.linear(mean_variance(y, weights)[0])

    def check(self, y, where):
        require_counts(y, where, "Poisson")

    @property
    def null_name(self):
        return "Poisson model"

    @property
    def ratio(self):
        return RATE_RATIO

    def rising(self, y):
        return np.zeros(len(y), bool), y == 0

    def variance(self, y, mu, aux):
        return np.asarray(mu)

    def deviance(self, y, mu, aux):
        return _counts.poisson_deviance(y, mu)

    def anscombe(self, y, mu, aux):
        return _counts.poisson_anscombe(y, mu)
