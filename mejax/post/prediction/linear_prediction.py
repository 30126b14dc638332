"""Predictions after a linear mixed model."""

from typing import Any

import numpy as np
import pandas as pd

from ..._tree import to_host
from ...fitting import Estimates
from ...frame import Encoding
from ...lmm import modes_at, variances_at
from ..kinds import response_of
from .errors import error_spread
from .random_effects import solved
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
    asked.require_sample(statistic, ("residuals", "rstandard"), "fitted", data)
    rows = read_rows(estimates, encoding, data, "none" if statistic in ("xb", "stdp") else "groups")
    if statistic in ("reffects", "reses"):
        return spread(rows, random_effects(estimates, rows, statistic, asked.relevel))
    values = _values(estimates, rows, statistic, asked.offset, equations_above(estimates, asked.relevel))
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
    return value if statistic == "fitted" else residual(estimates, statistic, value)


def residual(estimates: Estimates, statistic: str, fitted: np.ndarray) -> np.ndarray:
    """`residuals` y - fitted, or `rstandard`, the same over the standard deviation of each row's error."""
    raw = response_of(estimates) - fitted
    return raw if statistic == "residuals" else raw / error_spread(estimates, fitted)


def random_effects(estimates: Estimates, rows: Rows, statistic: str, relevel: str | None) -> pd.DataFrame:
    """`reffects` or `reses` of the level named, or of all levels."""
    named = equations_at(estimates, relevel)
    which = [k for k in equations_above(estimates, relevel) if k in named]
    if statistic == "reffects":
        modes = conditional_modes(estimates)
        return effects_frame(estimates, rows, which, modes, tuple(np.zeros(m.shape[1]) for m in modes))
    linear = estimates.linear
    variances = solved(to_host(variances_at(linear, estimates.v, linear.reml)))
    errors = tuple(np.sqrt(np.maximum(np.einsum("jaa->ja", v), 0.0)) for v in variances)
    return effects_frame(estimates, rows, which, errors, tuple(np.sqrt(np.diag(s)) for s in estimates.sigmas))


def conditional_modes(estimates: Estimates) -> tuple[np.ndarray, ...]:
    """The random effects' modes (J, q), one array per equation; call inside double precision."""
    return solved(to_host(modes_at(estimates.linear, estimates.theta.fixed, estimates.v)))
