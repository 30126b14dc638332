"""A yes-or-no response."""

from typing import ClassVar

import jax
import numpy as np

from . import _binary
from ._base import Statistic, mean_statistics
from ._moments import mean_variance
from ._refusal import require, require_variation
from .links import AbstractProbabilityLink, Logit


class Bernoulli(_binary.AbstractBinaryFamily):
    """Pr(y = 1) = F(eta); y is an array of 0 and 1."""

    name: ClassVar[str] = "bernoulli"
    links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog")
    link: AbstractProbabilityLink = Logit()

    def logpdf(self, y, eta, aux):
        return self.link.log_outcome(y, eta)

    def probabilities(self, eta, aux):
        """Pr(y = 1)."""
        return self.link.mean(eta)

    def mean(self, y, eta, aux):
        return self.link.mean(eta)

    def sample(self, key, y, eta, aux):
        return jax.random.bernoulli(key, self.link.mean(eta)).astype(eta.dtype)

    def start(self, y, weights):
        return self.link.linear(mean_variance(y, weights)[0])

    def check(self, y, where):
        require((y == 0) | (y == 1), y, where, "a Bernoulli response is 0 or 1; make it so, e.g. with a comparison")
        require_variation(y, "there is nothing to model, so use a sample with both 0 and 1")

    @property
    def statistics(self):
        return mean_statistics(self) | {"pr": Statistic(lambda y, eta, aux: self.probabilities(eta, aux))}

    def rising(self, y):
        return y == 1, y == 0

    def outcome(self, y):
        return np.asarray(y)

    def variance(self, y, mu, aux):
        return _binary.variance(1.0, mu)

    def deviance(self, y, mu, aux):
        return _binary.deviance(y, 1.0, mu)

    def anscombe(self, y, mu, aux):
        return _binary.anscombe(y, 1.0, mu)
