"""Predictions after a linear mixed model."""

from typing import Any

import numpy as np
import pandas as pd

from .._tree import to_host
from ..fitting import Estimates
from ..frame import Encoding
from ..lmm import modes_at, variances_at
from .request import Request
from .rows import Rows, contribution, effects_frame, equations_above, equations_at, read_rows, spread, standard_error

STATISTICS = ("xb", "stdp", "fitted", "residuals", "rstandard", "reffects", "reses")


def predict_linear(estimates: Estimates, encoding: Encoding, asked: Request, data: Any) -> pd.Series | pd.DataFrame:
    """One of `STATISTICS`; the options of generalized models are refused."""
    statistic = "xb" if asked.statistic == "" else asked.statistic
    asked.require_known(statistic, STATISTICS)
    asked.require_plain_of("a linear model", ("conditional", "marginal", "outcome", "lower", "upper", "at"))
    if statistic in ("stdp", "reffects", "reses"):
        asked.require_offset(statistic)
    if statistic in ("residuals", "rstandard") and data is not None:
        raise ValueError(
            f"predict: `{statistic}` compares with the response of the estimation sample; predict `fitted` on the new "
            "data and subtract it from the response"
        )
    rows = read_rows(estimates, encoding, data, "none" if statistic in ("xb", "stdp") else "groups")
    levels = equations_above(estimates, asked.relevel)
    if statistic in ("reffects", "reses"):
        which = [k for k in levels if k in equations_at(estimates, asked.relevel)]
        return spread(rows, _effects(estimates, rows, statistic, which))
    values = _values(estimates, rows, statistic, asked.offset, levels)
    return spread(rows, pd.DataFrame({statistic: values}))[statistic]


def _values(estimates: Estimates, rows: Rows, statistic: str, offset: bool, levels: list[int]) -> np.ndarray:
    if statistic == "stdp":
        return standard_error(estimates, rows)
    value = rows.linear(estimates.coefficients, offset)
    if statistic == "xb":
        return value
    modes = conditional_modes(estimates)
    for k in levels:
        value = value + contribution(rows.effects[k], modes[k])
    if statistic == "fitted":
        return value
    residual = np.asarray(estimates.design.y) - value
    return residual if statistic == "residuals" else residual / np.sqrt(estimates.components[-1])


def _effects(estimates: Estimates, rows: Rows, statistic: str, which: list[int]) -> pd.DataFrame:
    if statistic == "reffects":
        modes = conditional_modes(estimates)
        return effects_frame(estimates, rows, which, modes, tuple(np.zeros(m.shape[1]) for m in modes))
    model = estimates.model
    variances = to_host(variances_at(model, estimates.v, model.reml))
    errors = tuple(np.sqrt(np.maximum(np.einsum("jaa->ja", v), 0.0)) for v in variances)
    return effects_frame(estimates, rows, which, errors, tuple(np.sqrt(np.diag(s)) for s in estimates.sigmas))


def conditional_modes(estimates: Estimates) -> tuple[np.ndarray, ...]:
    """The random effects' modes (J, q), one array per equation; call inside double precision."""
    return to_host(modes_at(estimates.model, estimates.theta.fixed, estimates.v))
