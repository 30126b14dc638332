"""Link functions: from the linear predictor to the mean, and the logarithms of probabilities."""

import abc
import math
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._typing import ArrayLike
from . import _extreme, _logistic, _normal


class AbstractLink(eqx.Module):
    """The mean of the response as a function of the linear predictor eta."""

    name: ClassVar[str]

    @abc.abstractmethod
    def mean(self, eta: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        """mu = F(eta)."""

    @abc.abstractmethod
    def linear(self, mean: float) -> float:
        """eta = F^-1(mu), for starting values; means at the edge of what is possible are moved inside."""


class AbstractProbabilityLink(AbstractLink):
    """A distribution function F: logarithms of probabilities, finite with three derivatives wherever eta is.

    `variance` is that of the distribution.
    """

    variance: ClassVar[float]

    @abc.abstractmethod
    def log_probability(self, eta: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        """log F(eta)."""

    @abc.abstractmethod
    def log_complement(self, eta: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        """log(1 - F(eta))."""

    @abc.abstractmethod
    def log_outcome(self, y: Float[ArrayLike, "..."], eta: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
        """log F(eta) where y is 1, log(1 - F(eta)) where it is 0."""

    @abc.abstractmethod
    def log_counts(
        self, successes: Float[ArrayLike, "..."], failures: Float[ArrayLike, "..."], eta: Float[ArrayLike, "..."]
    ) -> Float[Array, "..."]:
        """successes log F(eta) + failures log(1 - F(eta))."""

    @abc.abstractmethod
    def log_difference(
        self,
        lower: Float[ArrayLike, "..."],
        upper: Float[ArrayLike, "..."],
        log_gap: Float[ArrayLike, "..."] | None = None,
    ) -> Float[Array, "..."]:
        """log(F(upper) - F(lower)) for lower < upper; ends at +-`FAR` are open.

        `log_gap(upper - lower)` may be handed over by those who know it on a smaller shape than that of `lower`.
        """

    @abc.abstractmethod
    def quantile(self, probability: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """F^-1, on the host."""

    def linear(self, mean):
        return float(self.quantile(np.clip(np.asarray(mean, float), 1e-6, 1.0 - 1e-6)))


FAR = 1e8  # stands for infinity in `log_difference`: no density is left there, and no derivative becomes NaN


def log_gap(width: Float[ArrayLike, "..."]) -> Float[Array, "..."]:
    """log(1 - exp(-width)) for width > 0."""
    return jnp.log(-jnp.expm1(-width))


class Identity(AbstractLink):
    """mu = eta."""

    name: ClassVar[str] = "identity"

    def mean(self, eta):
        return jnp.asarray(eta)

    def linear(self, mean):
        return float(mean)


class Log(AbstractLink):
    """mu = exp(eta)."""

    name: ClassVar[str] = "log"

    def mean(self, eta):
        return _extreme.exponential(eta)

    def linear(self, mean):
        return float(np.log(max(mean, 1e-6)))


class Logit(AbstractProbabilityLink):
    """F(x) = 1 / (1 + exp(-x))."""

    name: ClassVar[str] = "logit"
    variance: ClassVar[float] = math.pi**2 / 3

    def mean(self, eta):
        return _logistic.probabilities(eta)[0]

    def log_probability(self, eta):
        return -_logistic.softplus(-eta)

    def log_complement(self, eta):
        return -_logistic.softplus(eta)

    def log_outcome(self, y, eta):
        return -_logistic.softplus((1.0 - 2.0 * y) * eta)

    def log_counts(self, successes, failures, eta):
        return successes * eta - (successes + failures) * _logistic.softplus(eta)

    def log_difference(self, lower, upper, log_gap=None):
        # F(u) - F(l) = F(u) (1 - F(l)) (1 - exp(l - u))
        gap = _log_gap(lower, upper, log_gap)
        return gap - _logistic.softplus(-upper) - _logistic.softplus(lower)

    def quantile(self, probability):
        return np.log(probability) - np.log1p(-probability)


class Probit(AbstractProbabilityLink):
    """F = Phi, the standard normal distribution function."""

    name: ClassVar[str] = "probit"
    variance: ClassVar[float] = 1.0

    def mean(self, eta):
        return jnp.exp(_normal.log_cdf(eta))

    def log_probability(self, eta):
        return _normal.log_cdf(eta)

    def log_complement(self, eta):
        return _normal.log_cdf(-eta)

    def log_outcome(self, y, eta):
        return _normal.log_cdf((2.0 * y - 1.0) * eta)

    def log_counts(self, successes, failures, eta):
        return successes * _normal.log_cdf(eta) + failures * _normal.log_cdf(-eta)

    def log_difference(self, lower, upper, log_gap=None):
        return _normal.log_interval(lower, upper)  # the width is not needed by itself

    def quantile(self, probability):
        from scipy.special import ndtri

        return ndtri(probability)


class Cloglog(AbstractProbabilityLink):
    """F(x) = 1 - exp(-exp(x))."""

    name: ClassVar[str] = "cloglog"
    variance: ClassVar[float] = math.pi**2 / 6

    def mean(self, eta):
        return -jnp.expm1(-_extreme.exponential(eta))

    def log_probability(self, eta):
        return _extreme.log_cdf(eta)

    def log_complement(self, eta):
        return -_extreme.exponential(eta)

    def log_outcome(self, y, eta):
        return jnp.where(y > 0.5, self.log_probability(eta), self.log_complement(eta))

    def log_counts(self, successes, failures, eta):
        return successes * self.log_probability(eta) + failures * self.log_complement(eta)

    def log_difference(self, lower, upper, log_gap=None):
        # exp(-e^l) - exp(-e^u) = exp(-e^l) F(log(e^u - e^l))
        return self.log_complement(lower) + self.log_probability(upper + _log_gap(lower, upper, log_gap))

    def quantile(self, probability):
        return np.log(-np.log1p(-probability))


def _log_gap(lower, upper, given):
    return log_gap(upper - lower) if given is None else given


LINKS: dict[str, type[AbstractLink]] = {link.name: link for link in (Identity, Log, Logit, Probit, Cloglog)}
