"""Overdispersed counts, however their variance depends on the mean."""

import equinox as eqx
import numpy as np

from ._base import RATE_RATIO, AbstractUnboundedFamily
from ._moments import mean_variance
from ._refusal import require_counts
from .links import Log


class AbstractNegativeBinomial(AbstractUnboundedFamily):
    """Counts with mean exp(eta), a gamma mixture of Poisson ones."""

    link: eqx.AbstractVar[Log]

    def mean(self, y, eta, aux):
        return self.link.mean(eta)

    def start(self, y, weights):
        return self.link.linear(mean_variance(y, weights)[0])

    def check(self, y, where):
        require_counts(y, where, "negative binomial")

    @property
    def null_name(self):
        return "nbinomial model"

    @property
    def ratio(self):
        return RATE_RATIO

    @property
    def limit_command(self):
        return "mepoisson"

    def rising(self, y):
        return np.zeros(len(y), bool), y == 0
