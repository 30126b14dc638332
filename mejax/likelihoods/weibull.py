"""Survival times with a hazard that is a power of time."""

from typing import ClassVar

import equinox as eqx
import numpy as np

from ._nelson_aalen import location_scale
from ._survival import scale
from ._weibull import AbstractWeibullFamily, log_rate
from .links import Log


class Weibull(AbstractWeibullFamily):
    """h(t) = p t^(p-1) exp(eta), or p t^(p-1) exp(-p eta) as an accelerated failure-time model.

    The ancillary parameter is log p.
    """

    name: ClassVar[str] = "weibull"
    links: ClassVar[tuple[str, ...]] = ("log",)
    link: Log = Log()
    aft: bool = eqx.field(static=True, default=False)
    delayed: bool = eqx.field(static=True, default=True)

    @property
    def ancillary(self):
        return ("/ln_p",)

    @property
    def spread(self):
        return -1.0

    def shape(self, aux):
        return scale(aux)

    def init(self, y, weights):
        """From log H(t) = p (log t - location)."""
        return -np.log([location_scale(y, weights, np.log)[1]])

    def start(self, y, weights):
        p = float(np.exp(self.init(y, weights)[0]))
        rate = log_rate(y, weights, p)
        return -rate / p if self.aft else rate

    @property
    def null_name(self):
        return "Weibull model"
