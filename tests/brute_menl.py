"""Nonlinear models and structured errors by n x n matrices, in NumPy alone, from what is printed of a fit.

The covariance matrix of the errors is put together from the printed parameters by their labels, so that nothing of the
fast code's coordinates is taken for granted.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from mejax.fitting.components import component_info


def printed(model: Any, names: Any, values: np.ndarray) -> dict[str, float]:
    """The components by their labels."""
    bounds = (False,) * len(names.effects)
    labels = [c.label for c in component_info(model.variances, names, values, bounds, 1.0)]
    return dict(zip(labels, values.tolist(), strict=True))


def of_group(values: Mapping[str, float], group: Any) -> dict[str, float]:
    """The parameters of one group among those of several, without the group's name."""
    own = {label.split(": ")[1]: value for label, value in values.items() if label.startswith(f"{group}: ")}
    return own or dict(values)


def correlations(kind: str, values: Mapping[str, float], times: np.ndarray) -> np.ndarray:
    """The covariance matrix of the errors of one group over var(e)."""
    lags = np.abs(np.subtract.outer(times, times))
    if kind in ("ar 1", "exponential", "ctar1"):
        return values["rho"] ** lags
    if kind == "exchangeable":
        return np.where(lags == 0, 1.0, values["cov(e)"] / values["var(e)"])
    return np.array(_by_lag(kind, values))[lags.astype(int)]


def _by_lag(kind: str, values: Mapping[str, float], most: int = 12) -> list[float]:
    """Correlations of lag 0, 1, ..., those of an autoregression by the Yule-Walker equations."""
    if kind == "toeplitz 2":
        return [1.0, values["rho1"], values["rho2"], *[0.0] * most]
    if kind == "ma 2":
        a, b = values["theta1"], values["theta2"]
        total = 1.0 + a**2 + b**2
        return [1.0, a * (1.0 + b) / total, b / total, *[0.0] * most]
    assert kind == "ar 2"
    found = [1.0, values["phi1"] / (1.0 - values["phi2"])]
    while len(found) < most:
        found.append(values["phi1"] * found[-1] + values["phi2"] * found[-2])
    return found


def matrix_of(values: Mapping[str, float], places: np.ndarray) -> np.ndarray:
    """The covariances of the errors at some times, numbered from 1, from `var(e1)` and `cov(e1,e2)` (none: 0)."""
    whole = np.zeros((20, 20))
    for label, value in values.items():
        at = [int(k) for k in re.findall(r"e(\d+)", label)]
        whole[at[0], at[-1]] = whole[at[-1], at[0]] = value
    return whole[np.ix_(places, places)]


def errors_matrix(kind: str, values: Mapping[str, float], table: pd.DataFrame, by: str | None = None) -> np.ndarray:
    """The covariance matrix of the errors of all rows: groups `id`, times `t`."""
    groups, times, out = table["id"].to_numpy(), table["t"].to_numpy(), np.zeros((len(table), len(table)))
    for group in np.unique(groups):
        at = np.flatnonzero(groups == group)
        own = values if by is None else of_group(values, table[by].to_numpy()[at[0]])
        if kind in ("banded 2", "unstructured"):
            block = matrix_of(own, times[at])
        elif kind == "independent":
            block = own["var(e)"] * np.eye(len(at))
        else:
            block = own["var(e)"] * correlations(kind, own, times[at])
        out[np.ix_(at, at)] = block
    return out


def same(groups: np.ndarray) -> np.ndarray:
    return groups[:, None] == groups[None, :]


def loglik(residual: np.ndarray, v: np.ndarray, x: np.ndarray | None = None, held: bool = False) -> float:
    """log N(residual; 0, v); the restricted one of the linear model where its covariates x are given, which are fitted
    to the residual unless the coefficients are `held`."""
    value = len(residual) * np.log(2 * np.pi) + np.linalg.slogdet(v)[1]
    if x is not None:
        information = x.T @ np.linalg.solve(v, x)
        value += np.linalg.slogdet(information)[1] - x.shape[1] * np.log(2 * np.pi)
        if not held:
            residual = residual - x @ np.linalg.solve(information, x.T @ np.linalg.solve(v, residual))
    return float(-0.5 * (value + residual @ np.linalg.solve(v, residual)))


def gradient(function: Any, at: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """By central differences of fourth order."""
    steps = step * np.eye(len(at))
    return np.array(
        [(8 * (function(at + h) - function(at - h)) - function(at + 2 * h) + function(at - 2 * h)) for h in steps]
    ) / (12 * step)


def hessian(function: Any, at: np.ndarray, step: float = 1e-3) -> np.ndarray:
    """By central differences of those."""
    return gradient(lambda point: gradient(function, point, step), at, step)
