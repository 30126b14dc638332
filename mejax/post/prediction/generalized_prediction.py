"""Predictions after a generalized linear mixed model, on the estimation sample and on new data.

With eta = X beta + Z u, u the posterior means (`conditional="ebmeans"`, the default), the posterior modes ("ebmodes",
the default after Laplace's approximation, which has no means) or zero ("fixedonly"):

| statistic | formula |
|---|---|
| eta, xb, stdp | eta; X beta; the standard error of X beta; after memlogit a column per outcome but the base |
| mu | E(y given u); trials x probability for a binomial response; that of the latent y after metobit and meintreg |
| pr | Pr(y = outcome given u); without `outcome` after models of categories a column per category |
| pr, metobit and meintreg | Pr(lower < y < upper given u), y the latent response |
| expected, ystar | E(y given u, lower < y < upper); E(y given u, moved to the nearer limit where it lies outside) |
| mean, median | E(t given u), the mean time, infinite where it does not exist; the time at which S(t given u) = 1/2 |
| survival, distribution | S(t given u) = Pr(T > t given u), counted from time 0; 1 - S |
| density, hazard | of survival times f(t given u) = -dS/dt and f/S; else density is that of the observed response |
| residuals, pearson | y - mu; the same over the standard deviation of y given u |
| deviance, anscombe | signed root of the deviance's contribution; the residual that is nearly normal |
| reffects, reses | posterior means or modes of the random effects; posterior standard deviations |
| scores | derivatives of each top-level cluster's log likelihood, a row per cluster |

With `marginal=True` these are of the population: integrals over the random effects' distribution.  For responses with
normal errors that is the normal distribution around X beta with the variance of random effects and errors together.
The hazard is that of the population too, marginal density over marginal survival, which falls with time as those at
high risk fail; the average of the members' hazards is something else.  The median solves marginal S(t) = 1/2.
"""

from dataclasses import replace
from typing import Any, Literal

import jax
import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from .arguments import argument_of
from .average import average, evaluated
from .offer import EFFECTS, PREDICTORS, SCORES, check_options, require_offered
from .random_effects import posterior, predictor_root, resolve_conditional, total_variance
from .request import Request
from .residuals import RESIDUALS, residual
from .response import has_normal_errors, outcome_columns, predictor_columns, probability_of
from .rows import Rows, contribution, effects_frame, equations_above, equations_at, read_rows, spread, standard_error
from .scores import scores
from .survival import MARGINAL


def predict_generalized(
    estimates: Estimates, encoding: Encoding, asked: Request, data: Any
) -> pd.Series | pd.DataFrame:
    """One statistic; raises a ValueError where an option says nothing about it or the response has none."""
    family = estimates.model.family
    asked = replace(asked, statistic=asked.statistic or family.default_statistic)
    require_offered(family, encoding, asked)
    check_options(family, encoding, asked, data)
    statistic = asked.statistic
    if statistic == SCORES:
        return scores(estimates)
    rows = read_rows(estimates, encoding, data, _random_needed(asked))
    if statistic in EFFECTS:
        return spread(rows, posterior_effects(estimates, rows, asked))
    if statistic in PREDICTORS:
        values = np.moveaxis(linear_predictor(estimates, rows, asked), 0, -1)
        columns = predictor_columns(estimates, encoding) if rows.equations > 1 else None
    else:
        values = statistic_values(estimates, encoding, rows, asked)
        columns = outcome_columns(encoding) if values.ndim > 1 else None
    if columns is None:
        return spread(rows, pd.DataFrame({statistic: values}))[statistic]
    return spread(rows, pd.DataFrame(values, columns=columns))


def _random_needed(asked: Request) -> Literal["groups", "columns", "none"]:
    """An average over the random effects' distribution needs their columns, but nobody's group."""
    if asked.statistic in ("xb", "stdp") or asked.conditional == "fixedonly":
        return "none"
    return "columns" if asked.marginal else "groups"


def linear_predictor(estimates: Estimates, rows: Rows, asked: Request) -> np.ndarray:
    """One of `PREDICTORS`, or eta of another statistic: (n,), or (E, n) with several linear predictors."""
    if asked.statistic == "stdp":
        return standard_error(estimates, rows)
    fixed = rows.linear(estimates.coefficients, asked.offset)
    if asked.marginal or asked.statistic == "xb":
        return fixed
    return fixed + _random_part(estimates, rows, asked)


def statistic_values(estimates: Estimates, encoding: Encoding, rows: Rows, asked: Request) -> np.ndarray:
    """A statistic of the response (n,), or (n, k) for all categories."""
    family, aux, statistic = estimates.model.family, estimates.aux, asked.statistic
    eta = linear_predictor(estimates, rows, asked)
    if statistic in RESIDUALS:
        y = estimates.design.y
        return residual(family, statistic, y, np.asarray(evaluated(family, "mu", y, eta, aux)), aux)
    y = argument_of(family.statistics[statistic].reads, estimates, encoding, rows, asked)
    if asked.marginal:
        found = _marginal(estimates, rows, statistic, y, eta)
    else:
        found = np.asarray(evaluated(family, statistic, y, eta, aux))
    gaps = [np.isnan(leaf) for leaf in jax.tree.leaves(y)]  # of new data: trials, times that are missing
    if any(gap.any() for gap in gaps):
        found = np.where(np.any(gaps, axis=0), np.nan, found)
    return probability_of(encoding, asked.outcome, found)


def _marginal(estimates: Estimates, rows: Rows, statistic: str, y: Any, eta: np.ndarray) -> np.ndarray:
    """The statistic in the population, eta being X beta."""
    family, aux = estimates.model.family, estimates.aux
    if has_normal_errors(estimates):
        function = family.statistics[statistic].function
        place = family.variances[0]

        def one(y, eta, extra):
            return function(y, eta, jax.numpy.asarray(aux).at[place].add(extra))

        return np.asarray(jax.vmap(one)(y, eta, total_variance(estimates, rows)))
    root = predictor_root(estimates, rows)
    if statistic in MARGINAL:
        return MARGINAL[statistic](family, y, eta, root, aux)
    return average(family, statistic, y, eta, root, aux)


def _random_part(estimates: Estimates, rows: Rows, asked: Request) -> np.ndarray:
    """Z u of the levels asked for (n,); (E, n) with effects of each linear predictor's own."""
    kind = resolve_conditional(estimates, asked.conditional)
    if kind == "fixedonly" or not estimates.names.effects:
        asked.require_plain_of("a prediction without random effects", ("relevel",))
        return np.zeros(len(rows.x))
    effects, _ = posterior(estimates, kind)
    value = np.zeros(len(rows.x))
    for k in equations_above(estimates, asked.relevel):
        value = value + contribution(rows.effects[k], effects[k])
    return value


def posterior_effects(estimates: Estimates, rows: Rows, asked: Request) -> pd.DataFrame:
    """`reffects` or `reses`, a column for each random effect."""
    levels, named = equations_above(estimates, asked.relevel), equations_at(estimates, asked.relevel)
    which = [k for k in levels if k in named]
    effects, variances = posterior(estimates, resolve_conditional(estimates, asked.conditional))
    if asked.statistic == "reffects":
        return effects_frame(estimates, rows, which, effects, tuple(np.zeros(e.shape[1]) for e in effects))
    errors = tuple(np.sqrt(np.maximum(np.einsum("jaa->ja", v), 0.0)) for v in variances)
    return effects_frame(estimates, rows, which, errors, tuple(np.sqrt(np.diag(s)) for s in estimates.sigmas))
