"""Variance components on other scales: standard deviations and correlations, intraclass correlations."""

import jax
import numpy as np

from ..covstruct import AbstractCovariance
from ..fitting import Estimates
from ..lmm import LinearModel
from .tables import COLUMNS, Lines, log_interval, tanh_interval


def standard_deviations(estimates: Estimates, level: float) -> Lines:
    """sd() for every variance (intervals on the log scale), corr() for every covariance (by Fisher's z)."""
    info = estimates.component_info
    values, jacobian = _to_sd(estimates)
    with np.errstate(invalid="ignore"):
        vce = np.einsum("ij,jk,ik->i", jacobian, np.nan_to_num(estimates.component_vce), jacobian)
    se = np.sqrt(np.maximum(vce, 0.0))
    unknown = np.isnan(np.diag(estimates.component_vce)) | (se == 0)
    se[unknown] = np.nan
    is_sd = np.array([c.kind == "var" for c in info], bool)
    rows = np.full((len(info), len(COLUMNS)), np.nan)
    rows[:, 0], rows[:, 1] = values, se
    rows[is_sd, 4:] = log_interval(values, se, level)[is_sd]
    rows[~is_sd, 4:] = tanh_interval(values, se, level)[~is_sd]
    labels = tuple(c.label.replace("var(", "sd(").replace("cov(", "corr(") for c in info)
    return Lines(labels, rows)


def _to_sd(estimates: Estimates) -> tuple[np.ndarray, np.ndarray]:
    """Values and Jacobian: d sqrt(v) = dv / (2 sqrt v); d corr = (dc - c (dv/2v + dw/2w)) / sqrt(v w)."""
    info, natural = estimates.component_info, estimates.components
    values = np.zeros(len(info))
    jacobian = np.zeros((len(info), len(info)))
    for k, component in enumerate(info):
        if component.kind == "var":
            values[k] = np.sqrt(natural[k])
            jacobian[k, k] = 0.5 / values[k] if values[k] > 0 else np.nan
            continue
        a, b = variance_positions(estimates, k)
        size = np.sqrt(natural[a] * natural[b])
        if size == 0:
            values[k] = np.nan
            continue
        values[k] = natural[k] / size
        jacobian[k, k] = 1.0 / size
        for position in (a, b):
            jacobian[k, position] -= 0.5 * values[k] / natural[position]
    return values, jacobian


def variance_positions(estimates: Estimates, k: int) -> tuple[int, int]:
    """Where the two variances of covariance k stand among the components."""
    component = estimates.component_info[k]
    block = structures(estimates)[component.equation]
    mine = [i for i, c in enumerate(estimates.component_info) if c.equation == component.equation]
    row, column = block.entries[mine.index(k)]
    diagonal = {i: mine[e] for e, (i, j) in enumerate(block.entries) if i == j}
    return diagonal[row], diagonal.get(column, diagonal[row])


def structures(estimates: Estimates) -> tuple[AbstractCovariance, ...]:
    """The covariance structure of every random-effects equation."""
    model = estimates.model
    return model.variances.blocks if isinstance(model, LinearModel) else model.blocks


def delta(function, estimates: Estimates) -> tuple[np.ndarray, np.ndarray]:
    """`function` of the components and its standard errors; call inside double precision."""
    values = np.asarray(function(estimates.components))
    jacobian = np.asarray(jax.jacfwd(function)(estimates.components))
    known = np.array([component.note != "" for component in estimates.component_info])
    components = np.where(known[:, None] | known[None, :], 0.0, estimates.component_vce)  # a constant has no error
    vce = jacobian @ components @ jacobian.T
    return values, np.sqrt(np.diag(vce))
