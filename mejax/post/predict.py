"""Predictions on the estimation sample and on new data, whatever the model."""

from typing import Any

import pandas as pd

from ..fitting import Estimates
from ..frame import Encoding
from ..lmm import LinearModel
from .generalized_prediction import predict_generalized
from .linear_prediction import predict_linear
from .request import Request


def predict(estimates: Estimates, encoding: Encoding, asked: Request, data: Any = None) -> pd.Series | pd.DataFrame:
    """The statistic asked for, with a row per row of the data (NaN outside the sample, or where a value is missing).

    After every model:
    xb: X beta (plus the offset; without it where `offset` is False).  stdp: its standard error.
    reffects: predictions of the random effects, a column for each.  reses: their standard errors.
    `relevel` leaves out the levels below the one named (and in reffects and reses all others).
    On new data, groups that the fit has not seen have random effects 0 (and their prior standard deviations).

    Linear models (default xb) also have fitted: xb plus the random effects; residuals: y - fitted; rstandard: residuals
    over sigma_e.  Their random effects are best linear unbiased predictions; `reses` are conditional on beta under ML,
    of the full prediction error under REML.

    Generalized models (default mu, pr of categories, eta of censored responses, mean of survival times): see
    `mejax.post.generalized_prediction`.
    """
    if isinstance(estimates.model, LinearModel):
        return predict_linear(estimates, encoding, asked, data)
    return predict_generalized(estimates, encoding, asked, data)
