"""Ordered categories."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ._base import ODDS_RATIO, PLAIN_RATIO, AbstractFamily, Statistic, density_of
from ._refusal import require, require_variation
from .links import FAR, AbstractProbabilityLink, Logit, log_gap


class Ordinal(AbstractFamily):
    """Pr(y <= j) = F(cut_j - eta); y holds category numbers from 0, eta has no constant.

    `categories` are the categories as printed, in their order.  The free parameters are the first cut point and the
    logs of the distances between neighbours.
    """

    name: ClassVar[str] = "ordinal"
    links: ClassVar[tuple[str, ...]] = ("logit", "probit", "cloglog")
    link: AbstractProbabilityLink = Logit()
    categories: tuple[str, ...] = eqx.field(static=True, default=("0", "1"))

    @property
    def ancillary(self):
        return tuple(f"/cut{j}" for j in range(1, len(self.categories)))

    def logpdf(self, y, eta, aux):
        # the lowest and the highest category are intervals with an end at +-FAR: no branches, and no NaN derivatives
        ends = jnp.pad(jnp.asarray(aux), 1, constant_values=(-FAR, FAR))
        gaps = log_gap(jnp.diff(ends))
        category = y.astype(jnp.int32)
        lower, upper, gap = (_pick(table, category) for table in (ends[:-1], ends[1:], gaps))
        return self.link.log_difference(lower - eta, upper - eta, gap)

    def probabilities(self, eta, aux):
        """Pr(y = j) along a new last axis."""
        each = [self.logpdf(jnp.full_like(eta, float(j)), eta, aux) for j in range(len(self.categories))]
        return jnp.exp(jnp.stack(each, axis=-1))

    def mean(self, y, eta, aux):
        """The mean category number."""
        return sum((self._above(eta, cut) for cut in aux), jnp.zeros_like(eta))

    def sample(self, key, y, eta, aux):
        uniform = jax.random.uniform(key, eta.shape, eta.dtype)
        return sum(((uniform < self._above(eta, cut)).astype(eta.dtype) for cut in aux), jnp.zeros_like(eta))

    def _above(self, eta, cut):
        """Pr(y > j) = 1 - F(cut_j - eta)."""
        return jnp.exp(self.link.log_complement(cut - eta))

    def printed(self, free):
        return jnp.cumsum(jnp.concatenate([free[:1], jnp.exp(free[1:])]))

    def free(self, aux):
        return np.concatenate([aux[:1], np.log(np.diff(aux))])

    def init(self, y, weights):
        counts = np.bincount(y.astype(int), weights=weights, minlength=len(self.categories))
        below = np.cumsum(counts)[:-1] / np.sum(counts)
        return self.free(self.link.quantile(np.clip(below, 1e-6, 1.0 - 1e-6)))

    def start(self, y, weights):
        return 0.0

    @property
    def null_name(self):
        return f"o{self.link.name} model"

    @property
    def statistics(self):
        """pr has the categories along a new last axis."""
        return {"pr": Statistic(lambda y, eta, aux: self.probabilities(eta, aux)), "density": density_of(self)}

    @property
    def ratio(self):
        return ODDS_RATIO if self.link.name == "logit" else PLAIN_RATIO

    @property
    def cuts(self):
        return len(self.categories) - 1

    @property
    def latent_variance(self):
        return self.link.variance

    def rising(self, y):
        return y == np.max(y), y == 0

    def recession(self, y, x):
        """cut_(k-1) <= x'd <= cut_k of every row in category k."""
        category, unequal = y.astype(int), []
        for k in range(self.cuts + 1):
            mine = x[category == k]
            if k < self.cuts:
                unequal.append(np.column_stack([mine, -np.eye(self.cuts)[np.full(len(mine), k)]]))
            if k > 0:
                unequal.append(np.column_stack([-mine, np.eye(self.cuts)[np.full(len(mine), k - 1)]]))
        return np.concatenate(unequal), np.zeros((0, x.shape[1] + self.cuts))

    def outcome(self, y):
        return np.asarray(y)

    def check(self, y, where):
        size = len(self.categories)
        good = (y >= 0) & (y < size) & (y == np.floor(y))
        require(good, y, where, f"category numbers from 0 to {size - 1} were expected")
        advice = "an ordinal model needs at least two categories"
        require_variation(y, advice, self.categories[int(y[0])] if len(y) else None)


def _pick(table, category):
    return table.at[category].get(mode="promise_in_bounds")
