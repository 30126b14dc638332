"""Survival times whose log is logistic."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from . import _extreme, _logistic
from ._nelson_aalen import location_scale
from ._survival import AbstractAcceleratedFamily, from_the_start, log_time, scale
from .links import Log


class Loglogistic(AbstractAcceleratedFamily):
    """S(t) = 1 / {1 + (t exp(-eta))^(1/s)}; the hazard rises and falls where s < 1.

    The ancillary parameter is log s.
    """

    name: ClassVar[str] = "loglogistic"
    links: ClassVar[tuple[str, ...]] = ("log",)
    link: Log = Log()
    delayed: bool = eqx.field(static=True, default=True)

    def log_hazard(self, time, eta, aux):
        s, log = scale(aux), log_time(time)
        return -_logistic.softplus((eta - log) / s) - (log + jnp.log(s))

    def log_survival(self, time, eta, aux):
        return from_the_start(time, -_logistic.softplus((log_time(time) - eta) / scale(aux)))

    def time(self, cumulative, eta, aux):
        return _extreme.exponential(eta + scale(aux) * (cumulative + jnp.log(-jnp.expm1(-cumulative))))

    def expectation(self, eta, aux):
        """exp(eta) pi s / sin(pi s) for s < 1."""
        s = scale(aux)
        angle = jnp.pi * jnp.where(s < 1, s, 0.5)
        return jnp.where(s < 1, self.link.mean(eta) * angle / jnp.sin(angle), jnp.inf)

    def init(self, y, weights):
        return np.log([location_scale(y, weights, _standard)[1]])

    def start(self, y, weights):
        return location_scale(y, weights, _standard)[0]

    @property
    def null_name(self):
        return "loglogistic model"


def _standard(cumulative: np.ndarray) -> np.ndarray:
    """log{(1 - S) / S}."""
    return cumulative + np.log(-np.expm1(-cumulative))
