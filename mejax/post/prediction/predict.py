"""Predictions on the estimation sample and on new data, whatever the model."""

from typing import Any

import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ...syntax.spec import Nonlinear
from ..kinds import kind_of
from .generalized_prediction import predict_generalized
from .linear_prediction import predict_linear
from .nonlinear_prediction import predict_nonlinear
from .request import Request


def predict(
    estimates: Estimates, encoding: Encoding, asked: Request, data: Any = None, nonlinear: Nonlinear | None = None
) -> pd.Series | pd.DataFrame:
    """The statistic asked for, with a row per row of the data (NaN outside the sample, or where a value is missing).

    After every model:
    xb: X beta (plus the offset; without it where `offset` is False).  stdp: its standard error.
    reffects: predictions of the random effects, a column for each.  reses: their standard errors.
    `relevel` leaves out the levels below the one named (and in reffects and reses all others).
    On new data, groups that the fit has not seen have random effects 0 (and their prior standard deviations).

    Linear models (default xb) also have fitted: xb plus the random effects; residuals: y - fitted; rstandard: residuals
    over the standard deviation of the row's error.  Their random effects are best linear unbiased predictions; `reses`
    are conditional on beta under ML, of the full prediction error under REML.

    Nonlinear models (default yhat) have no linear predictor; `nonlinear` says what they define: see
    `mejax.post.prediction.nonlinear_prediction`.

    Generalized models (default mu, pr of categories, eta of censored responses, mean of survival times): see
    `mejax.post.prediction.generalized_prediction`.
    """
    kind = kind_of(estimates)
    if kind == "linear":
        return predict_linear(estimates, encoding, asked, data)
    if kind == "generalized":
        return predict_generalized(estimates, encoding, asked, data)
    assert nonlinear is not None
    return predict_nonlinear(estimates, encoding, nonlinear, asked, data)
