"""Survival times: delayed entry, right censoring, and what the distributions have in common."""

import abc
from collections.abc import Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._typing import ArrayLike, Response
from ._base import AbstractFamily, Ratio, Statistic
from ._refusal import require
from .links import Log

HAZARD_RATIO = Ratio("Haz. ratio", "hazard ratios", "hazard")
TIME_RATIO = Ratio("Time ratio", "time ratios")
_LIMIT = 10.0  # of |/ln_p| and |/logs|: powers of the shape, times exp(650), stay finite
_UNBOUNDED = 1e30  # hazards at the smallest positive time
PERFECT = 9.0  # of minus the log of the spread of log times: they are fitted without error
_EARLIEST, _LATEST = 1e-100, 1e100  # times whose logs leave room for eta


class AbstractSurvivalFamily(AbstractFamily):
    """The time of a failure; y is (entry, exit, failure).

    A record is at risk in (entry, exit], from the start where entry is 0, and ends in a failure (1) or is censored (0):

        log p = failure log h(exit) + log S(exit) - log S(entry)

    with the hazard h and the probability S of surviving, both on the scale of time.  `aft` says what eta does: as an
    accelerated failure-time model it stretches time, T = exp(eta) T0; as one of proportional hazards it multiplies the
    hazard by exp(eta).  `delayed` says whether records may begin late: survival to the entry is half of the work.
    """

    link: eqx.AbstractVar[Log]
    aft: eqx.AbstractVar[bool]
    delayed: eqx.AbstractVar[bool]

    @property
    def spread(self) -> float:
        """1 where the ancillary parameter is the log of the spread of log times, -1 where it is minus that."""
        return 1.0

    @abc.abstractmethod
    def log_hazard(
        self, time: Float[ArrayLike, "..."], eta: Float[ArrayLike, "..."], aux: Float[ArrayLike, " a"]
    ) -> Float[Array, "..."]:
        """log h at times > 0."""

    @abc.abstractmethod
    def log_survival(
        self, time: Float[ArrayLike, "..."], eta: Float[ArrayLike, "..."], aux: Float[ArrayLike, " a"]
    ) -> Float[Array, "..."]:
        """log S at times >= 0; exactly 0 at time 0."""

    @abc.abstractmethod
    def time(
        self, cumulative: Float[ArrayLike, "..."], eta: Float[ArrayLike, "..."], aux: Float[ArrayLike, " a"]
    ) -> Float[Array, "..."]:
        """The time at which the cumulative hazard -log S is `cumulative` > 0."""

    @abc.abstractmethod
    def expectation(self, eta: Float[ArrayLike, "..."], aux: Float[ArrayLike, " a"]) -> Float[Array, "..."]:
        """The mean time from the start; infinite where there is none."""

    def log_conditional_survival(
        self, y: Response, eta: Float[ArrayLike, "..."], aux: Float[ArrayLike, " a"]
    ) -> Float[Array, "..."]:
        """log S(exit) - log S(entry)."""
        entry, exit, _ = y
        end = self.log_survival(exit, eta, aux)
        return end - self.log_survival(entry, eta, aux) if self.delayed else end

    def quantile(
        self, probability: ArrayLike | float, eta: Float[ArrayLike, "..."], aux: Float[ArrayLike, " a"]
    ) -> Float[Array, "..."]:
        """The time at which S = 1 - probability, which is above 0 and below 1."""
        cumulative = -jnp.log1p(-jnp.asarray(probability, jnp.result_type(eta)))
        return self.time(jnp.broadcast_to(cumulative, jnp.shape(eta)), eta, aux)

    def logpdf(self, y, eta, aux):
        _, exit, failure = y
        return failure * self.log_hazard(exit, eta, aux) + self.log_conditional_survival(y, eta, aux)

    def mean(self, y, eta, aux):
        return self.expectation(jnp.asarray(eta), aux)

    def sample(self, key, y, eta, aux):
        """Times of failure given survival to the entry of y (None: from the start); nothing censors them."""
        eta = jnp.asarray(eta)
        uniform = jax.random.uniform(key, eta.shape, eta.dtype, minval=jnp.finfo(eta.dtype).tiny)
        if y is None:
            return self.time(-jnp.log(uniform), eta, aux)
        entry = jnp.asarray(y[0])
        return jnp.maximum(self.time(-jnp.log(uniform) - self.log_survival(entry, eta, aux), eta, aux), entry)

    def printed(self, free):
        return jnp.asarray(free)

    def free(self, aux):
        return np.asarray(aux)

    @property
    def statistics(self) -> Mapping[str, Statistic]:
        """survival, distribution, hazard and density are those of someone at risk from the start, at the exit of y."""

        def survival(y, eta, aux):
            return jnp.exp(self.log_survival(y[1], eta, aux))

        def distribution(y, eta, aux):
            return -jnp.expm1(self.log_survival(y[1], eta, aux))

        def hazard(y, eta, aux):
            return _at_the_start(y[1], jnp.exp(self.log_hazard(y[1], eta, aux)))

        def density(y, eta, aux):
            log_density = self.log_hazard(y[1], eta, aux) + self.log_survival(y[1], eta, aux)
            return _at_the_start(y[1], jnp.exp(log_density))

        return {
            "mean": Statistic(self.mean),
            "median": Statistic(lambda y, eta, aux: self.quantile(0.5, eta, aux), averaged=False),
            "survival": Statistic(survival, reads="time"),
            "hazard": Statistic(hazard, reads="time", averaged=False),
            "distribution": Statistic(distribution, reads="time"),
            "density": Statistic(density, reads="time"),
        }

    @property
    def description(self):
        return f"{self.null_name} of {'time' if self.aft else 'proportional hazards'}"

    def collapsed(self, y, aux, loglik):
        return len(aux) > 0 and bool(-self.spread * aux[0] > PERFECT)

    @property
    def ratio(self):
        return TIME_RATIO if self.aft else HAZARD_RATIO

    def rising(self, y):
        censored, never = np.asarray(y[2]) == 0, np.zeros(len(y[2]), bool)
        return (censored, never) if self.aft else (never, censored)

    def check(self, y, where):
        entry, exit, failure = (np.asarray(leaf) for leaf in y)
        require(np.isfinite(exit) & (exit > 0), exit, where, "a survival time is a finite number above 0")
        usual = (exit > _EARLIEST) & (exit < _LATEST)
        require(usual, exit, where, "survival times are measured in a unit in which they are no such number; change it")
        _require_entries(entry, exit, where)
        if not self.delayed:
            require(entry == 0, entry, where, "an entry after 0 needs a family made with delayed=True")
        known = (failure == 0) | (failure == 1)
        if not known.all():
            row = int(np.argmin(known))
            raise ValueError(f"the failure indicator is {failure[row]:.10g} in {where(row)}: 1 (the record ends in a "
                             "failure) or 0 (it is censored) was expected")  # fmt: skip
        if not failure.any():
            raise ValueError("the outcome does not vary; all records are censored: no finite hazard fits a response "
                             "without any failure")  # fmt: skip


class AbstractAcceleratedFamily(AbstractSurvivalFamily):
    """Accelerated failure times with a scale s of log times, whose log is the ancillary parameter."""

    @property
    def aft(self):
        return True

    @property
    def ancillary(self):
        return ("/logs",)


def _require_entries(entry: np.ndarray, exit: np.ndarray, where) -> None:
    good = (entry >= 0) & (entry < exit)
    if not good.all():
        row = int(np.argmin(good))
        count = int(np.count_nonzero(~good))
        more = "" if count == 1 else f" ({count:,} such rows in all)"
        raise ValueError(
            f"the record runs from {entry[row]:.10g} to {exit[row]:.10g} in {where(row)}{more}: a record begins at "
            "time 0 or later and ends after that; correct the times or leave it out"
        )


def scale(aux):
    """exp of the ancillary parameter."""
    return jnp.exp(jnp.clip(aux[0], -_LIMIT, _LIMIT))


def log_time(time):
    """log of times; 0 stands for a moment after the start."""
    time = jnp.asarray(time)
    return jnp.log(jnp.maximum(time, jnp.finfo(time.dtype).tiny))


def _at_the_start(time, values):
    """The values, infinite at time 0 where they grow without bound on the way there."""
    return jnp.where((time > 0) | (values < _UNBOUNDED), values, jnp.inf)


def from_the_start(time, values):
    """The values, and 0 where time is 0: nothing has happened yet."""
    return jnp.where(time > 0, values, 0.0)
