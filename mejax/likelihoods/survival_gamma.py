"""Survival times with a gamma distribution."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from . import _extreme, _incomplete_gamma
from ._nelson_aalen import cumulative_hazard
from ._survival import AbstractAcceleratedFamily, from_the_start, log_time, scale
from .links import Log

_LARGEST = 600.0  # of log(t / mean), but for log t: cumulative hazards, which are differences, differ up to there
_SCALES = np.linspace(-3.0, 2.0, 51)  # values of log s to start from
_MOST = 200  # times of failure that these are held against


class SurvivalGamma(AbstractAcceleratedFamily):
    """(a t / mu)^a exp(-a t / mu) / (t Gamma(a)) with mean mu = exp(eta) and a = s^-2; 1 - S(t) = P(a, a t / mu).

    The ancillary parameter is log s.
    """

    name: ClassVar[str] = "survival gamma"
    links: ClassVar[tuple[str, ...]] = ("log",)
    link: Log = Log()
    delayed: bool = eqx.field(static=True, default=True)

    def logpdf(self, y, eta, aux):
        # the density of failures needs no integral
        entry, exit, failure = y
        a = _shape(aux)
        density = _incomplete_gamma.log_density(log_time(exit) - eta, a) - log_time(exit)
        if not self.delayed:
            return failure * density + (1.0 - failure) * self.log_survival(exit, eta, aux)
        # both ends at once: compiling the integral takes longer than anything else here
        start, end = self.log_survival(jnp.stack([entry, exit]), eta[None], aux)
        return failure * density + (1.0 - failure) * end - start

    def log_hazard(self, time, eta, aux):
        return _incomplete_gamma.log_tail(_log_ratio(time, eta), _shape(aux))[1] - log_time(time)

    def log_survival(self, time, eta, aux):
        return from_the_start(time, _incomplete_gamma.log_tail(_log_ratio(time, eta), _shape(aux))[0])

    def time(self, cumulative, eta, aux):
        return _extreme.exponential(eta + _incomplete_gamma.quantile(cumulative, _shape(aux)))

    def expectation(self, eta, aux):
        return self.link.mean(eta)

    def init(self, y, weights):
        return np.array([_closest(y, weights)[1]])

    def start(self, y, weights):
        return _closest(y, weights)[0]

    @property
    def null_name(self):
        return "gamma model"


def _shape(aux):
    return scale(aux) ** -2


def _log_ratio(time, eta):
    """log(t / mean)."""
    return log_time(time) + jnp.minimum(-eta, _LARGEST)


def _spread(size: int) -> np.ndarray:
    """Places of all failures, or of some as far apart as possible."""
    return np.unique(np.linspace(0, size - 1, min(size, _MOST)).round().astype(int))


def _closest(y, weights: np.ndarray | None) -> tuple[float, float]:
    """(log mean, log s) of the gamma distribution whose quantiles are closest to those of the times of failure."""
    from scipy.special import gammainccinv

    times, cumulative, counts = (part[_spread(len(part))] for part in cumulative_hazard(y, weights))
    a = np.exp(-2.0 * _SCALES)[:, None]
    distance = np.log(times) - np.log(np.maximum(gammainccinv(a, np.exp(-cumulative)) / a, 1e-300))
    location = np.average(distance, axis=1, weights=counts)
    spread = np.average((distance - location[:, None]) ** 2, axis=1, weights=counts)
    best = int(np.argmin(spread)) if len(times) > 1 else int(np.argmin(np.abs(_SCALES)))
    return float(location[best]), float(_SCALES[best])
