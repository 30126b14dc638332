"""Which statistic margins average, and what it is called."""

from dataclasses import replace

import numpy as np

from ...fitting import Estimates
from ...frame import Encoding
from ...likelihoods import Statistic as FamilyStatistic
from ..kinds import kind_of
from ..prediction.offer import EFFECTS, PREDICTORS, SCORES, check_options, require_offered
from ..prediction.request import Request
from ..prediction.residuals import RESIDUALS
from ..prediction.response import has_normal_errors, outcome_columns, place_of_outcome, predictor_columns
from .averages import Averager
from .nonlinear_averages import NonlinearAverager
from .row_statistics import Slope, Statistic

_OF_ROWS = ("fitted", "residuals", "rstandard", "stdp", SCORES, *EFFECTS, *RESIDUALS)


def averager_of(
    estimates: Estimates, encoding: Encoding, asked: Request, slope: Slope
) -> Averager | NonlinearAverager:  # fmt: skip
    """What averages the statistic asked for.

    Raises:
        ValueError: a statistic or an option that the model does not have, or that is one of single groups or rows.
    """
    kind = kind_of(estimates)
    if asked.at is not None and kind != "generalized":
        raise ValueError(f"margins: `time={asked.at!r}` says nothing about a {kind} model; leave it out")
    if asked.statistic in _OF_ROWS and not (kind == "nonlinear" and asked.statistic == "fitted"):
        raise ValueError(
            f"margins: `predict={asked.statistic}` belongs to single rows or groups, and depends on their responses; "
            f"margins are of {_offered(estimates)}"
        )
    if asked.conditional not in (None, "fixedonly"):
        raise ValueError(
            f"margins: `conditional={asked.conditional}` are predictions of the groups that were observed; leave it "
            'out for those of the population, or say "fixedonly" for random effects of zero'
        )
    if kind == "nonlinear":
        if asked.statistic not in ("", "yhat", "mu", "fitted"):
            asked.require_known(asked.statistic, ("yhat",))
        asked.require_plain_of("a nonlinear model", ("outcome", "lower", "upper", "at"))
        asked.require_offset("a nonlinear model, which has no offset")
        return NonlinearAverager(estimates, encoding, slope)
    if kind == "linear":
        asked.require_known(asked.statistic or "xb", ("xb",))
        asked.require_plain_of("a linear model", ("conditional", "outcome", "lower", "upper", "at"))
        return Averager(estimates, encoding, Statistic(None, "xb", "zero"), asked, slope)
    return _generalized(estimates, encoding, asked, slope)


def _offered(estimates: Estimates) -> str:
    kind = kind_of(estimates)
    if kind != "generalized":
        return "xb" if kind == "linear" else "yhat"
    return ", ".join((*(n for n, s in estimates.model.family.statistics.items() if s.reads != "response"), "xb"))


_PLAIN = FamilyStatistic(lambda y, eta, aux: eta)


def _generalized(estimates: Estimates, encoding: Encoding, asked: Request, slope: Slope) -> Averager:
    family = estimates.model.family
    asked = resolved(estimates, asked)
    require_offered(family, encoding, asked)
    if asked.at is not None and family.statistics.get(asked.statistic, _PLAIN).reads != "time":
        raise ValueError(
            f"margins: `time` says nothing about {asked.statistic}; it is that of survival, distribution, density and "
            "hazard after survival times"
        )
    if asked.at is not None and not (np.ndim(asked.at) == 0 and np.isreal(asked.at) and np.isfinite(asked.at)):
        raise ValueError(f"margins: `time` is one number; got {asked.at!r}")
    check_options(family, encoding, asked, None)
    if asked.statistic in PREDICTORS:
        return Averager(estimates, encoding, Statistic(None, asked.statistic, "zero"), asked, slope)
    if family.statistics[asked.statistic].reads == "response":
        raise ValueError(
            f"margins: `predict={asked.statistic}` depends on each row's own response; margins are of "
            f"{_offered(estimates)}"
        )
    how = "zero" if not asked.marginal else "errors" if has_normal_errors(estimates) else "nodes"
    outcome = None if asked.outcome is None else place_of_outcome(encoding, asked.outcome)
    return Averager(estimates, encoding, Statistic(family, asked.statistic, how, outcome), asked, slope)


def resolved(estimates: Estimates, asked: Request) -> Request:
    """The statistic by name; integrated over the random effects unless said otherwise."""
    name = asked.statistic or estimates.model.family.default_statistic
    whole = asked.conditional is None and name not in PREDICTORS and bool(estimates.names.effects)
    return replace(asked, statistic=name, marginal=whole)


def outcomes_of(estimates: Estimates, encoding: Encoding, asked: Request, count: int) -> tuple[str, ...]:
    """What the values of one margin belong to: ("",) where there is one."""
    if count == 1:
        return ("",)
    statistic = resolved(estimates, asked).statistic
    of_predictors = statistic in PREDICTORS
    found = predictor_columns(estimates, encoding) if of_predictors else outcome_columns(encoding)
    return tuple(str(value) for value in found)


def expression_of(estimates: Estimates, asked: Request) -> str:
    """What stands above a table of margins."""
    kind = kind_of(estimates)
    if kind == "linear":
        return "Linear prediction, fixed portion, predict()"
    if kind == "nonlinear":
        return "Mean where random effects are zero, predict(yhat fixedonly)"
    found = resolved(estimates, asked)
    words = [found.statistic]
    words += [] if found.outcome is None else [f"outcome({found.outcome})"]
    words += [] if found.at is None else [f"at({found.at})"]
    words += ["marginal"] if found.marginal else ["fixedonly"] if found.statistic not in PREDICTORS else []
    how = ", random effects integrated out" if found.marginal else ""
    return f"{_NAMES.get(found.statistic, found.statistic)}{how}, predict({' '.join(words)})"


_NAMES = {
    "mu": "Mean", "pr": "Probability", "xb": "Linear prediction, fixed portion", "eta": "Linear prediction",
    "mean": "Mean survival time", "median": "Median survival time", "survival": "Survival probability",
    "hazard": "Hazard", "expected": "Mean between the limits", "ystar": "Mean of the censored response",
    "distribution": "Probability of failure", "density": "Density",
}  # fmt: skip
