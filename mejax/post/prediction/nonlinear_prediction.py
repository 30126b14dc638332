"""Predictions after a nonlinear mixed model, on the estimation sample and on new data.

| statistic | formula |
|---|---|
| yhat (also mu, fitted) | f(beta, u), u the predicted random effects, or 0 with `conditional="fixedonly"` |
| residuals, rstandard | y - yhat; the same over the standard deviation of the row's error |
| reffects, reses | the predicted random effects; their standard errors |
| {phi1:}, phi1 | what the model defines under this name, an expression or a linear combination, at u or 0 |

Random effects are predicted by their modes, with the standard errors of the model's linearization; where the fit is
that of the true likelihood, by their posterior means (or modes, `conditional="ebmodes"`), as after generalized models.
"""

import re
from typing import Any

import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ...menl import Mean
from ...syntax.spec import Nonlinear
from ..kinds import is_integrated
from .generalized_prediction import posterior_effects
from .linear_prediction import random_effects, residual
from .nonlinear_mean import defined, effects_of_rows, mean_over, no_effects, value
from .random_effects import resolve_conditional
from .request import Request
from .rows import Rows, read_rows, spread

YHAT, EFFECTS, RESIDUALS = ("yhat", "mu", "fitted"), ("reffects", "reses"), ("residuals", "rstandard")
_NAMED = re.compile(r"\{?\s*([^\W\d]\w*)\s*:?\s*\}?")
_OF_PREDICTORS = ("xb", "eta", "stdp")


def predict_nonlinear(
    estimates: Estimates, encoding: Encoding, nonlinear: Nonlinear, asked: Request, data: Any
) -> pd.Series | pd.DataFrame:
    """One statistic; raises a ValueError where an option says nothing about it or the model has no such thing."""
    statistic = asked.statistic or "yhat"
    name = _definition(nonlinear, asked, statistic)
    asked.require_plain_of("a nonlinear model", ("marginal", "outcome", "lower", "upper", "at"))
    if not asked.offset:
        raise ValueError(
            "predict: `offset=False` says nothing about a nonlinear model, which has no offset; leave it out"
        )
    fixed_only = _fixed_only(estimates, asked, statistic)
    asked.require_sample(statistic, RESIDUALS, "yhat", data)
    rows = read_rows(estimates, encoding, data, "none" if fixed_only else "groups")
    if statistic in EFFECTS:
        if is_integrated(estimates):
            return spread(rows, posterior_effects(estimates, rows, asked))
        return spread(rows, random_effects(estimates, rows, statistic, asked.relevel))
    mean = mean_over(estimates, rows.mean)
    if name is not None:
        mean = defined(estimates, nonlinear, name, mean)
    found = _at(estimates, mean, rows, asked, fixed_only)
    if statistic in RESIDUALS:
        found = residual(estimates, statistic, found)
    column = statistic if name is None else name
    return spread(rows, pd.DataFrame({column: found}))[column]


def _at(estimates: Estimates, mean: Mean, rows: Rows, asked: Request, fixed_only: bool) -> np.ndarray:
    n = len(rows.x)
    effects = no_effects(estimates, n) if fixed_only else effects_of_rows(estimates, rows, asked)
    return value(mean, estimates.theta.fixed, effects)


def _definition(nonlinear: Nonlinear, asked: Request, statistic: str) -> str | None:
    """The definition asked for, as `{phi1:}` or `phi1`; None where the statistic is one of all models."""
    if statistic in (*YHAT, *RESIDUALS, *EFFECTS):
        return None
    found = _NAMED.fullmatch(statistic)
    names = tuple(d.name for d in nonlinear.definitions)
    if found and found[1] in names:
        return found[1]
    if statistic in _OF_PREDICTORS:
        raise ValueError(
            f"predict: `{statistic}` belongs to a linear predictor, which the mean of a nonlinear model is not; "
            f"predict `yhat`{_or_names(names)}"
        )
    if found and found[1] in nonlinear.scalars:
        raise ValueError(
            f"predict: `{found[1]}` is one parameter, the same in all rows; `fit.fixed` has it under `/{found[1]}`"
        )
    if found and found[1] in (effect.name for effect in nonlinear.effects):
        raise ValueError(f"predict: `{found[1]}` is a random effect; predict `reffects`, which has a column for it")
    asked.require_known(statistic, ("yhat", *RESIDUALS, *EFFECTS, *(f"{{{name}:}}" for name in names)))
    return None


def _or_names(names: tuple[str, ...]) -> str:
    return f", or what the model defines: {', '.join(f'`{{{name}:}}`' for name in names)}" if names else ""


def _fixed_only(estimates: Estimates, asked: Request, statistic: str) -> bool:
    """Are the random effects to be zero?"""
    if is_integrated(estimates):
        resolve_conditional(estimates, asked.conditional)
    elif asked.conditional == "ebmeans":
        raise ValueError(
            "predict: `conditional=ebmeans` needs an integral over the random effects, and this model was fitted by "
            "linearization, which has their modes; leave it out, or say `ebmodes`"
        )
    elif asked.conditional not in (None, "ebmodes", "fixedonly"):
        raise ValueError(f"predict: unknown `conditional={asked.conditional}`; known are ebmodes, fixedonly")
    fixed_only = asked.conditional == "fixedonly"
    if fixed_only and statistic in EFFECTS:
        raise ValueError(f"predict: `{statistic}` cannot be had with `conditional=fixedonly`, which sets them to zero")
    if fixed_only:
        asked.require_plain_of("a prediction without random effects", ("relevel",))
    return fixed_only
