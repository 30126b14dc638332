"""Averages of a nonlinear mean, where all random effects are zero, with their derivatives in its coefficients."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ...frame.encoding import NewDesign
from ...menl import Mean
from ..prediction.nonlinear_mean import mean_over, no_effects
from .averages import Average
from .row_statistics import Slope
from .slopes import column_slopes, extent_of
from .tables import Sampled


class NonlinearAverager:
    """Averages of f(beta, 0), or of its slopes: no distribution of the random effects is averaged over."""

    def __init__(self, estimates: Estimates, encoding: Encoding, slope: Slope = "dydx"):
        self.estimates, self.encoding = estimates, encoding
        self.slope: Slope = slope

    def average(self, sampled: Sampled, variable: str | None = None) -> Average:
        """The weighted average over the rows, of the mean or of its slope in a covariate."""
        table, weights = sampled.table, sampled.weights / np.sum(sampled.weights)
        new = self.encoding.replay(table, random="none")
        along = None if variable is None else self._slopes(table, variable)
        if sampled.pooled:
            new, along = _pooled(new, weights), None if along is None else _pooled(along, weights)
            table, weights = table.iloc[:1], np.ones(1)
        mean = mean_over(self.estimates, new.mean)
        x = None if variable is None else jnp.asarray(table[variable].to_numpy(float))
        fixed, effects = jnp.asarray(self.estimates.theta.fixed), jnp.asarray(no_effects(self.estimates, len(weights)))
        rows = None if along is None else along.mean
        values, jacobian = _average(mean, fixed, effects, jnp.asarray(weights), (rows, x, self.slope))
        if not np.isfinite(np.asarray(values)):
            raise ValueError("margins: the mean is not finite at these settings; choose others by `at`")
        rest = len(self.estimates.printed) - len(jacobian)
        return Average(np.atleast_1d(values), np.append(np.asarray(jacobian), np.zeros(rest))[None])

    def _slopes(self, table: pd.DataFrame, variable: str) -> NewDesign:
        extent = extent_of(self.encoding.table()[variable])
        return column_slopes(self.encoding, table, variable, extent, random=False)

    def mean_columns(self, sampled: Sampled) -> np.ndarray:
        """Nothing is left out of a nonlinear mean that an average could need."""
        return np.zeros(0)


@eqx.filter_jit
def _average(mean: Mean, fixed, effects, weights, how: tuple[Any, Any, str | None]):
    rows, x, slope = how

    def total(fixed):
        level = mean(fixed, effects)
        if rows is None:
            return weights @ level
        at = lambda r: eqx.tree_at(lambda m: m.rows, mean, r, is_leaf=lambda leaf: leaf is mean.rows)(fixed, effects)
        change = jax.jvp(at, (mean.rows,), (rows,))[1]
        change = change * (x if slope in ("eyex", "dyex") else 1.0)
        return weights @ (change / level if slope in ("eyex", "eydx") else change)

    return total(fixed), jax.jacfwd(total)(fixed)


def _pooled(new: NewDesign, weights: np.ndarray) -> NewDesign:
    """The average row."""
    mean = jax.tree.map(lambda leaf: (weights @ leaf)[None], new.mean)
    return NewDesign((weights @ new.x)[None], None, (), np.zeros(1, bool), {}, mean)
