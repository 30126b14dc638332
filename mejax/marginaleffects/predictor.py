"""Predictions of new rows at any values of the parameters."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._double import computing
from ..fitting import Estimates
from ..frame import Encoding
from ..post.kinds import kind_of
from ..post.prediction.generalized_prediction import linear_predictor, statistic_values
from ..post.prediction.nonlinear_mean import defined, mean_over, no_effects, value
from ..post.prediction.nonlinear_prediction import YHAT
from ..post.prediction.offer import EFFECTS, PREDICTORS, SCORES
from ..post.prediction.predict import predict
from ..post.prediction.request import Request
from ..post.prediction.residuals import RESIDUALS
from ..post.prediction.rows import Rows, read_rows
from ..syntax.spec import Nonlinear
from .parameters import free_places, moved

_OF_THE_SAMPLE = ("stdp", "rstandard", SCORES, *EFFECTS, *RESIDUALS)


@dataclass(frozen=True)
class Predictor:
    """The statistic asked for as a function of rows and of the parameters at `places` among those printed."""

    estimates: Estimates
    encoding: Encoding
    nonlinear: Nonlinear | None
    asked: Request
    places: np.ndarray

    def rows(self, table: Any) -> Rows:
        """Rows of a table coded as the estimation sample was; their groups do not matter."""
        with computing():
            return read_rows(self.estimates, self.encoding, table, "columns" if self.asked.marginal else "none")

    def at(self, parameters: np.ndarray, rows: Rows) -> np.ndarray:
        """The statistic of every row (n,), or (n, K) for all outcomes; NaN where a value is missing."""
        estimates = moved(self.estimates, self.places, parameters)
        with computing():
            found = np.array(self._at(estimates, rows), float)
        if rows.missing is not None:
            found[rows.missing] = np.nan
        return found

    def _at(self, estimates: Estimates, rows: Rows) -> np.ndarray:
        kind, asked = kind_of(estimates), self.asked
        if kind == "linear":
            return rows.linear(estimates.coefficients, asked.offset)
        if kind == "nonlinear":
            assert self.nonlinear is not None
            mean = mean_over(estimates, rows.mean)
            if asked.statistic not in YHAT:
                mean = defined(estimates, self.nonlinear, asked.statistic, mean)
            return value(mean, estimates.coefficients, no_effects(estimates, len(rows.x)))
        if asked.statistic in PREDICTORS:
            return np.moveaxis(linear_predictor(estimates, rows, asked), 0, -1)
        return statistic_values(estimates, self.encoding, rows, asked)

    def outcomes(self) -> tuple[str, ...]:
        """The names of the outcomes that have a column each, none where there is one column."""
        coding = self.encoding.response
        if coding is None or self.asked.outcome is not None:
            return ()
        if self.asked.statistic in PREDICTORS:
            return coding.equations
        return coding.labels if "categories" in coding.details else ()


def predictor(estimates: Estimates, encoding: Encoding, nonlinear: Nonlinear | None, asked: Request) -> Predictor:
    """Raises a ValueError where new rows have no such statistic, or an option says nothing about it.

    `asked.conditional` is None, for integrals over the random effects wherever there are some, or "fixedonly".
    """
    kind = kind_of(estimates)
    default = "xb" if kind == "linear" else "yhat" if kind == "nonlinear" else estimates.model.family.default_statistic
    statistic = asked.statistic or default
    if statistic in _OF_THE_SAMPLE or (kind == "linear" and statistic == "fitted"):
        raise ValueError(
            f"adapt: `statistic={statistic}` is no function of covariates and parameters alone; leave it out, which "
            f"gives `{default}`"
        )
    if asked.conditional not in (None, "fixedonly"):
        raise ValueError(
            f"adapt: `conditional={asked.conditional}` predicts the groups of the sample; leave it out for the "
            "population, or say `fixedonly` for random effects of zero"
        )
    asked = _complete(kind, replace(asked, statistic=statistic))
    with computing():  # `predict` says what is wrong with a statistic or an option
        predict(estimates, encoding, asked, encoding.table().iloc[:1], nonlinear)
    if kind == "nonlinear":
        asked = replace(asked, statistic=statistic.strip("{:} "))
    return Predictor(estimates, encoding, nonlinear, asked, free_places(estimates, asked.marginal))


def _complete(kind: str, asked: Request) -> Request:
    """With the random effects as they have to be: integrated out, zero, or of no account in X beta."""
    if kind == "linear" or asked.statistic == "xb":
        return replace(asked, conditional=None)
    fixed = kind == "nonlinear" or asked.statistic in PREDICTORS or asked.conditional is not None
    return replace(asked, conditional="fixedonly" if fixed else None, marginal=not fixed)
