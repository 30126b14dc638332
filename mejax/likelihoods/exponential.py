"""Survival times with a constant hazard."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from ._weibull import AbstractWeibullFamily, log_rate
from .links import Log


class Exponential(AbstractWeibullFamily):
    """h(t) = exp(eta), or exp(-eta) as an accelerated failure-time model."""

    name: ClassVar[str] = "exponential"
    links: ClassVar[tuple[str, ...]] = ("log",)
    link: Log = Log()
    aft: bool = eqx.field(static=True, default=False)
    delayed: bool = eqx.field(static=True, default=True)

    @property
    def ancillary(self):
        return ()

    def shape(self, aux):
        return jnp.ones((), jnp.result_type(aux))

    def init(self, y, weights):
        return np.zeros(0)

    def start(self, y, weights):
        rate = log_rate(y, weights, 1.0)
        return -rate if self.aft else rate

    @property
    def null_name(self):
        return "exponential model"

    @property
    def contained_in(self):
        if self.aft:
            return "Weibull model of time", "gamma model of time"
        return ("Weibull model of proportional hazards",)
