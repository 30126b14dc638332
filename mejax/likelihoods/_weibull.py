"""Hazards that are powers of time."""

import abc

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaln
from jaxtyping import Array, Float

from .._typing import ArrayLike
from . import _extreme
from ._survival import AbstractSurvivalFamily, from_the_start, log_time


class AbstractWeibullFamily(AbstractSurvivalFamily):
    """-log S(t) = t^p exp(eta), or (t exp(-eta))^p as an accelerated failure-time model."""

    @abc.abstractmethod
    def shape(self, aux: Float[ArrayLike, " a"]) -> Float[Array, ""]:
        """p."""

    def log_hazard(self, time, eta, aux):
        p = self.shape(aux)
        return (jnp.log(p) + (p - 1.0) * log_time(time)) + self._log_rate(eta, p)

    def log_survival(self, time, eta, aux):
        zero = jnp.zeros_like(jnp.asarray(time))
        return self.log_conditional_survival((zero, time, zero), eta, aux)

    def log_conditional_survival(self, y, eta, aux):
        # one exponential: two large ones, each with its own limit, would have no difference
        entry, exit, _ = y
        p = self.shape(aux)
        growth = p * log_time(exit)
        if self.delayed:
            late = entry > 0
            before = p * jnp.log(jnp.where(late, entry, 0.5) / jnp.where(late, exit, 1.0))
            growth = growth + jnp.where(late, jnp.log(-jnp.expm1(before)), 0.0)
        return from_the_start(exit, -_extreme.exponential(growth + self._log_rate(eta, p)))

    def time(self, cumulative, eta, aux):
        return _extreme.exponential(self._location(eta, aux) + jnp.log(cumulative) / self.shape(aux))

    def expectation(self, eta, aux):
        return _extreme.exponential(self._location(eta, aux) + gammaln(1.0 + 1.0 / self.shape(aux)))

    def _log_rate(self, eta, p):
        """log of -log S(1)."""
        return -p * eta if self.aft else eta

    def _location(self, eta, aux):
        """log of the time at which -log S is 1."""
        return eta if self.aft else -eta / self.shape(aux)


def log_rate(y, weights: np.ndarray | None, p: float) -> float:
    """log{failures / sum(exit^p - entry^p)}: what fits where p is known."""
    entry, exit, failure = (np.asarray(leaf) for leaf in y)
    weights = np.ones_like(exit) if weights is None else weights
    longest = np.max(exit)
    risk = weights @ ((exit / longest) ** p - (entry / longest) ** p)
    return float(np.log(weights @ failure) - np.log(risk) - p * np.log(longest))
