"""Successes out of a number of trials."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from . import _binary
from ._base import Statistic, mean_statistics
from ._gamma_function import log_factorial
from ._refusal import require
from .links import AbstractProbabilityLink, Logit


class Binomial(_binary.AbstractBinaryFamily):
    """C(r, y) F(eta)^y (1 - F(eta))^(r - y); y is the pair (count, trials)."""

    name: ClassVar[str] = "binomial"
    links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog")
    link: AbstractProbabilityLink = Logit()

    def logpdf(self, y, eta, aux):
        count, trials = y
        failures = trials - count
        choose = log_factorial(trials) - log_factorial(count) - log_factorial(failures)
        return choose + self.link.log_counts(count, failures, eta)

    def probabilities(self, eta, aux):
        """The probability of success in one trial."""
        return self.link.mean(eta)

    def mean(self, y, eta, aux):
        return y[1] * self.link.mean(eta)

    def sample(self, key, y, eta, aux):
        p = self.link.mean(eta)
        return jax.random.binomial(key, jnp.broadcast_to(y[1], p.shape), p, dtype=p.dtype)

    def start(self, y, weights):
        count, trials = y
        weights = np.ones_like(count) if weights is None else weights
        return self.link.linear(float(weights @ count) / float(weights @ trials))

    def check(self, y, where):
        count, trials = y
        whole = np.isfinite(trials) & (trials >= 1) & (trials == np.floor(trials))
        if not whole.all():
            row = int(np.argmin(whole))
            raise ValueError(f"the number of trials is {trials[row]:.10g} in {where(row)}: "
                             "a binomial response needs a whole number of trials, 1 or more, in every row")  # fmt: skip
        good = np.isfinite(count) & (count >= 0) & (count == np.floor(count))
        require(good, count, where, "a binomial response counts successes, so whole numbers from 0 were expected")
        if (count > trials).any():
            row = int(np.argmax(count > trials))
            raise ValueError(f"the response is {count[row]:.10g} in {where(row)}, more than its {trials[row]:.10g} "
                             "trials: check the response and the number of trials")  # fmt: skip
        for all_same, words in ((not count.any(), "failures"), ((count == trials).all(), "successes")):
            if all_same:
                raise ValueError(f"the outcome does not vary; all trials are {words}: there is nothing to model, "
                                 "so use a sample with both successes and failures")  # fmt: skip

    @property
    def statistics(self):
        return mean_statistics(self, "trials") | {"pr": Statistic(lambda y, eta, aux: self.probabilities(eta, aux))}

    def rising(self, y):
        count, trials = y
        return count == trials, count == 0

    def outcome(self, y):
        count, trials = y
        return np.where(count == trials, 1.0, np.where(count == 0, 0.0, np.nan))

    def observed(self, y):
        return np.asarray(y[0])

    def variance(self, y, mu, aux):
        return _binary.variance(y[1], mu)

    def deviance(self, y, mu, aux):
        count, trials = y
        return _binary.deviance(count, trials, mu)

    def anscombe(self, y, mu, aux):
        count, trials = y
        return _binary.anscombe(count, trials, mu)
