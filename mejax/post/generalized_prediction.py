"""Predictions after a generalized linear mixed model, on the estimation sample and on new data.

With eta = X beta + Z u, u the posterior means (`conditional="ebmeans"`, the default), the posterior modes ("ebmodes",
the default after Laplace's approximation, which has no means) or zero ("fixedonly"):

| statistic | formula |
|---|---|
| mu | E(y given u); trials x probability for a binomial response |
| pr | Pr(y = outcome given u); without `outcome` after an ordinal model a column per category |
| eta, xb, stdp | eta; X beta; the standard error of X beta |
| density | the density (probability) of the response given u |
| residuals, pearson | y - mu; the same over the standard deviation of y given u |
| deviance, anscombe | signed root of the deviance's contribution; the residual that is nearly normal |
| reffects, reses | posterior means or modes of the random effects; posterior standard deviations |
| scores | derivatives of each top-level cluster's log likelihood, a row per cluster |

With `marginal=True` mu and pr are integrals over the random effects' distribution in the population.
"""

from typing import Any, Literal

import numpy as np
import pandas as pd

from ..fitting import Estimates
from ..frame import Encoding
from .random_effects import average, posterior, resolve_conditional, total_variance
from .request import Request
from .residuals import RESIDUALS, residual
from .response import mean_of, outcome_columns, probabilities_of, response_of
from .rows import Rows, contribution, effects_frame, equations_above, equations_at, read_rows, spread, standard_error
from .scores import scores

STATISTICS = ("mu", "pr", "eta", "xb", "stdp", "density", *RESIDUALS, "reffects", "reses", "scores")
_FIXED = ("xb", "stdp", "scores")  # nothing about them depends on the random effects' values
_EFFECTS = ("reffects", "reses")
_AVERAGED = ("mu", "pr")
_OBSERVED = ("density", *RESIDUALS, "scores")


def predict_generalized(
    estimates: Estimates, encoding: Encoding, asked: Request, data: Any
) -> pd.Series | pd.DataFrame:
    """One of `STATISTICS`; raises a ValueError where an option says nothing about it or the response has none."""
    ordinal = estimates.model.family.name == "ordinal"
    statistic = asked.statistic if asked.statistic != "" else "pr" if ordinal else "mu"
    asked.require_known(statistic, STATISTICS)
    _check(statistic, asked, data)
    if statistic == "scores":
        return scores(estimates)
    rows = read_rows(estimates, encoding, data, _random_needed(statistic, asked))
    if statistic in _EFFECTS:
        return spread(rows, _effects(estimates, rows, statistic, asked))
    if statistic == "stdp":
        return spread(rows, pd.DataFrame({statistic: standard_error(estimates, rows)}))[statistic]
    values = _values(estimates, encoding, rows, statistic, asked)
    if values.ndim == 1:
        return spread(rows, pd.DataFrame({statistic: values}))[statistic]
    return spread(rows, pd.DataFrame(values, columns=outcome_columns(encoding)))


def _check(statistic: str, asked: Request, data: Any) -> None:
    asked.require_plain_of(statistic, () if statistic == "pr" else ("outcome",))
    if asked.marginal and statistic not in _AVERAGED:
        raise ValueError(f"predict: `marginal` averages {', '.join(_AVERAGED)} over random effects, not {statistic}")
    if asked.marginal:
        asked.require_plain_of("a marginal prediction, which has no random effects", ("conditional", "relevel"))
    if statistic in _FIXED:
        asked.require_plain_of(statistic, ("conditional", "relevel"))
    if statistic in ("stdp", "scores", *_EFFECTS):
        asked.require_offset(statistic)
    if statistic in _EFFECTS and asked.conditional == "fixedonly":
        raise ValueError(f"predict: `{statistic}` cannot be had with `conditional=fixedonly`, which sets them to zero")
    if statistic in _OBSERVED and data is not None:
        raise ValueError(
            f"predict: `{statistic}` compares with the response of the estimation sample; predict `mu` on the new "
            "data and compare it with the response"
        )


def _random_needed(statistic: str, asked: Request) -> Literal["groups", "columns", "none"]:
    """An average over the random effects' distribution needs their columns, but nobody's group."""
    if statistic in ("xb", "stdp") or asked.conditional == "fixedonly":
        return "none"
    return "columns" if asked.marginal else "groups"


def _values(estimates: Estimates, encoding: Encoding, rows: Rows, statistic: str, asked: Request) -> np.ndarray:
    eta = rows.linear(estimates.coefficients, asked.offset)
    if statistic == "xb":
        return eta
    if not asked.marginal:
        eta = eta + _random_part(estimates, rows, asked)
    if statistic == "eta":
        return eta
    family, aux = estimates.model.family, estimates.aux
    y = response_of(estimates, encoding, rows) if statistic != "pr" else None
    if statistic in RESIDUALS:
        return residual(family, statistic, y, mean_of(family, y, eta, aux), aux)
    function = {
        "mu": lambda eta: mean_of(family, y, eta, aux),
        "pr": lambda eta: probabilities_of(family, encoding, asked.outcome, eta, aux),
        "density": lambda eta: np.exp(np.asarray(family.logpdf(y, eta, aux))),
    }[statistic]
    return average(function, eta, total_variance(estimates, rows)) if asked.marginal else function(eta)


def _random_part(estimates: Estimates, rows: Rows, asked: Request) -> np.ndarray:
    """Z u of the levels asked for (n,)."""
    value = np.zeros(len(rows.x))
    kind = resolve_conditional(estimates, asked.conditional)
    if kind == "fixedonly" or not estimates.names.effects:
        asked.require_plain_of("a prediction without random effects", ("relevel",))
        return value
    effects, _ = posterior(estimates, kind)
    for k in equations_above(estimates, asked.relevel):
        value = value + contribution(rows.effects[k], effects[k])
    return value


def _effects(estimates: Estimates, rows: Rows, statistic: str, asked: Request) -> pd.DataFrame:
    levels, named = equations_above(estimates, asked.relevel), equations_at(estimates, asked.relevel)
    which = [k for k in levels if k in named]
    effects, variances = posterior(estimates, resolve_conditional(estimates, asked.conditional))
    if statistic == "reffects":
        return effects_frame(estimates, rows, which, effects, tuple(np.zeros(e.shape[1]) for e in effects))
    errors = tuple(np.sqrt(np.maximum(np.einsum("jaa->ja", v), 0.0)) for v in variances)
    return effects_frame(estimates, rows, which, errors, tuple(np.sqrt(np.diag(s)) for s in estimates.sigmas))
