"""Unordered categories."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from . import _logistic
from ._base import AbstractFamily, Ratio, Statistic, density_of
from ._refusal import require, require_variation
from .links import Logit

RISK_RATIO = Ratio("RRR", "relative-risk ratios", "relative risk")
_RAREST = 1e-6  # the smallest share of an outcome in starting values


class Multinomial(AbstractFamily):
    """Pr(y = j) = exp(eta_j) / sum_k exp(eta_k), with eta = 0 for the base outcome; y holds category numbers from 0.

    The linear predictors of the other outcomes, in their order, are the first axis of eta.  `categories` are the
    outcomes as printed, `base` the number of the base outcome.
    """

    name: ClassVar[str] = "multinomial"
    links: ClassVar[tuple[str, ...]] = ("logit",)
    link: Logit = Logit()
    categories: tuple[str, ...] = eqx.field(static=True, default=("0", "1"))
    base: int = eqx.field(static=True, default=0)

    @property
    def equations(self):
        return len(self.categories) - 1

    @property
    def stacked(self):
        return True

    @property
    def _others(self) -> tuple[int, ...]:
        """Category numbers of the linear predictors."""
        return tuple(j for j in range(len(self.categories)) if j != self.base)

    @property
    def ancillary(self):
        return ()

    def logpdf(self, y, eta, aux):
        # minus log of 1 plus the sum of exp(other eta - own eta): no digit is lost where the outcome is almost certain;
        # in its own place the observed outcome is replaced by the base
        others = np.array(self._others, float).reshape(-1, *(1,) * (eta.ndim - 1))
        mine = jnp.asarray(y)[None] == others
        own = jnp.sum(jnp.where(mine, eta, 0.0), axis=0)
        rest = jnp.where(mine, 0.0, eta) - own[None]
        top = jax.lax.stop_gradient(jnp.max(rest, axis=0))
        return -_logistic.softplus(top + jnp.log(jnp.sum(jnp.exp(rest - top[None]), axis=0)))

    def probabilities(self, eta, aux):
        """Pr(y = j) along a new last axis."""
        zero = jnp.zeros_like(eta[:1])
        return jnp.moveaxis(jax.nn.softmax(jnp.concatenate([eta[: self.base], zero, eta[self.base :]]), axis=0), 0, -1)

    def mean(self, y, eta, aux):
        """The mean category number."""
        p = self.probabilities(eta, aux)
        return sum((j * p[..., j] for j in range(1, len(self.categories))), jnp.zeros_like(p[..., 0]))

    def sample(self, key, y, eta, aux):
        below = jnp.cumsum(self.probabilities(eta, aux)[..., :-1], axis=-1)
        uniform = jax.random.uniform(key, eta.shape[1:], eta.dtype)
        return jnp.sum(uniform[..., None] > below, axis=-1).astype(eta.dtype)

    def printed(self, free):
        return jnp.asarray(free)

    def free(self, aux):
        return np.asarray(aux)

    def init(self, y, weights):
        return np.zeros(0)

    def start(self, y, weights):
        """The log odds of every outcome against the base."""
        counts = np.bincount(y.astype(int), weights=weights, minlength=len(self.categories))
        counts = np.maximum(counts, _RAREST * np.sum(counts))
        return np.log(counts[list(self._others)] / counts[self.base])

    def check(self, y, where):
        size = len(self.categories)
        good = (y >= 0) & (y < size) & (y == np.floor(y))
        require(good, y, where, f"category numbers from 0 to {size - 1} were expected")
        advice = "a multinomial model needs at least two outcomes"
        require_variation(y, advice, self.categories[int(y[0])] if len(y) else None)
        counts = np.bincount(y.astype(int), minlength=size)
        if not counts.all():
            never = self.categories[int(np.argmin(counts))]
            raise ValueError(f"outcome {never} never occurs: its coefficients have no finite estimate, so leave it out")

    @property
    def null_name(self):
        return "mlogit model"

    @property
    def description(self):
        return f"multinomial with base outcome {self.categories[self.base]}"

    @property
    def statistics(self):
        """pr has the categories along a new last axis."""
        return {"pr": Statistic(lambda y, eta, aux: self.probabilities(eta, aux)), "density": density_of(self)}

    @property
    def ratio(self):
        return RISK_RATIO

    def outcome(self, y):
        return np.asarray(y)

    def recession(self, y, x):
        """x'(d_k - d_j) <= 0 of every row with outcome j, for every other outcome k."""
        size = len(self.categories)
        place = {j: e for e, j in enumerate(self._others)}
        unequal = np.zeros((len(x), size - 1, size - 1, x.shape[1]))  # row, k, predictor, column
        for j in range(size):
            mine = np.flatnonzero(y == j)
            for number, k in enumerate(k for k in range(size) if k != j):
                if k in place:
                    unequal[mine, number, place[k]] += x[mine]
                if j in place:
                    unequal[mine, number, place[j]] -= x[mine]
        width = (size - 1) * x.shape[1]
        return unequal.reshape(-1, width), np.zeros((0, width))
