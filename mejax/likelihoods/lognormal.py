"""Survival times whose log is normal."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri

from . import _extreme, _normal
from ._nelson_aalen import location_scale
from ._survival import AbstractAcceleratedFamily, from_the_start, log_time, scale
from .links import Log

_STEPS = 5  # of Newton's method: 4 are enough


class Lognormal(AbstractAcceleratedFamily):
    """S(t) = 1 - Phi{(log t - eta) / s}; the ancillary parameter is log s."""

    name: ClassVar[str] = "lognormal"
    links: ClassVar[tuple[str, ...]] = ("log",)
    link: Log = Log()
    delayed: bool = eqx.field(static=True, default=True)

    def log_hazard(self, time, eta, aux):
        s, log = scale(aux), log_time(time)
        return _log_hazard((log - eta) / s) - (log + jnp.log(s))

    def log_survival(self, time, eta, aux):
        return from_the_start(time, _normal.log_cdf((eta - log_time(time)) / scale(aux)))

    def time(self, cumulative, eta, aux):
        return _extreme.exponential(eta - scale(aux) * _normal_quantile(cumulative))

    def expectation(self, eta, aux):
        return _extreme.exponential(eta + 0.5 * scale(aux) ** 2)

    def init(self, y, weights):
        return np.log([location_scale(y, weights, _standard)[1]])

    def start(self, y, weights):
        return location_scale(y, weights, _standard)[0]

    @property
    def null_name(self):
        return "lognormal model"


def _log_hazard(z):
    """log phi(z) - log Phi(-z): the hazard's own logarithm above 0, phi's exponent apart below, where it is tiny."""
    above = z > 0
    high, low = jnp.where(above, z, 0.0), jnp.where(above, 0.0, z)
    early = -0.5 * low**2 - 0.5 * jnp.log(2.0 * jnp.pi) - _normal.log_cdf(-low)
    return jnp.where(above, jnp.log(_normal.hazard(-high)), early)


def _normal_quantile(cumulative):
    """z with -log Phi(z) = `cumulative`.

    Where Phi(z) < 1/2 by Newton's method for log Phi, which is concave, from Phi(z) < exp(-z^2 / 2) / 2.
    """
    far = jnp.maximum(cumulative, 0.7)

    def step(_, z):
        return z - (_normal.log_cdf(z) + far) / _normal.hazard(z)

    z = jax.lax.fori_loop(0, _STEPS, step, -jnp.sqrt(2.0 * far - 2.0 * jnp.log(2.0)))
    return jnp.where(cumulative > 0.7, z, -ndtri(-jnp.expm1(-jnp.minimum(cumulative, 0.7))))


def _standard(cumulative: np.ndarray) -> np.ndarray:
    """Phi^-1(1 - S)."""
    from scipy.special import ndtri_exp

    return -ndtri_exp(-cumulative)
