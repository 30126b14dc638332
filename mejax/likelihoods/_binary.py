"""What Bernoulli and binomial responses share: names, and pieces of residuals with V(mu) = mu (1 - mu / trials).

A fitted probability may be 1 or 0 to the last digit: it is moved inside by one rounding error, so that no residual is
infinite.
"""

import equinox as eqx
import numpy as np

from ._base import ODDS_RATIO, PLAIN_RATIO, AbstractPlainFamily
from ._counts import SMALLEST
from .links import AbstractProbabilityLink

_ROUNDING = np.finfo(float).eps / 2


class AbstractBinaryFamily(AbstractPlainFamily):
    """Successes with probability F(eta)."""

    link: eqx.AbstractVar[AbstractProbabilityLink]

    @property
    def null_name(self):
        return f"{'logistic' if self.link.name == 'logit' else self.link.name} model"

    @property
    def ratio(self):
        return ODDS_RATIO if self.link.name == "logit" else PLAIN_RATIO

    @property
    def latent_variance(self):
        return self.link.variance


def _inside(mu, trials):
    return np.clip(mu, trials * SMALLEST, trials * (1.0 - _ROUNDING))


def variance(trials, mu):
    mu = _inside(mu, trials)
    return mu * (1.0 - mu / trials)


def deviance(count, trials, mu):
    """2 {y log(y / mu) + (trials - y) log((trials - y) / (trials - mu))}."""
    from scipy.special import xlogy

    mu = _inside(mu, trials)
    failures = trials - count
    return 2.0 * (xlogy(count, count / mu) + xlogy(failures, failures / (trials - mu)))


def anscombe(count, trials, mu):
    """3 {y^(2/3) H(y / r) - mu^(2/3) H(mu / r)} / {2 V^(1/6)} with r trials and H(t) = 2F1(2/3, 1/3; 5/3; t)."""
    from scipy.special import hyp2f1

    mu = _inside(mu, trials)

    def integral(value):
        return value ** (2 / 3) * hyp2f1(2 / 3, 1 / 3, 5 / 3, value / trials)

    return 1.5 * (integral(count) - integral(mu)) / variance(trials, mu) ** (1 / 6)
