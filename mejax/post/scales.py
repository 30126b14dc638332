"""Variance components on other scales: standard deviations and correlations, intraclass correlations."""

import re
from collections.abc import Iterator

import jax
import numpy as np

from ..covstruct import AbstractCovariance
from ..fitting import Component, Estimates
from .kinds import is_integrated
from .tables import COLUMNS, Lines, intervals

_OF_ERRORS = re.compile(r"(?:^|: )(var\(|cov\(e|sigma2$)")  # `boy: var(e)`


def standard_deviations(estimates: Estimates, level: float) -> Lines:
    """sd() for every variance (intervals on the log scale), corr() for every covariance (by Fisher's z).

    Other parameters of the within-group errors, such as autoregressive coefficients, stay as they are.
    """
    info = estimates.component_info
    values, jacobian = _to_sd(estimates)
    with np.errstate(invalid="ignore"):
        vce = np.einsum("ij,jk,ik->i", jacobian, np.nan_to_num(estimates.component_vce), jacobian)
    se = np.sqrt(np.maximum(vce, 0.0))
    unknown = np.isnan(np.diag(estimates.component_vce)) | (se == 0)
    se[unknown] = np.nan
    rows = np.full((len(info), len(COLUMNS)), np.nan)
    rows[:, 0], rows[:, 1] = values, se
    kinds = ["corr" if _role(c) == "cov" else c.kind for c in info]
    rows[:, 4:] = intervals(kinds, values, se, level)
    return Lines(tuple(_renamed(c) for c in info), rows)


def _role(component: Component) -> str:
    """ "var" and "cov" of what has a standard deviation or a correlation, "" of what stays as it is."""
    if component.equation >= 0:
        return component.kind
    found = _OF_ERRORS.search(component.label)
    return "" if found is None else "cov" if found[1].startswith("cov") else "var"


def _renamed(component: Component) -> str:
    if _role(component) == "":
        return component.label
    text = component.label.replace("var(", "sd(").replace("cov(", "corr(")
    return text.removesuffix("2") if text.endswith("sigma2") else text


def _to_sd(estimates: Estimates) -> tuple[np.ndarray, np.ndarray]:
    """Values and Jacobian: d sqrt(v) = dv / (2 sqrt v); d corr = (dc - c (dv/2v + dw/2w)) / sqrt(v w)."""
    info, natural = estimates.component_info, estimates.components
    values = np.array(natural, float)
    jacobian = np.eye(len(info))
    for k, component in enumerate(info):
        role = _role(component)
        if role == "var":
            values[k] = np.sqrt(natural[k])
            jacobian[k, k] = 0.5 / values[k] if values[k] > 0 else np.nan
        if role != "cov":
            continue
        a, b = variance_positions(estimates, k)
        size = np.sqrt(natural[a] * natural[b])
        values[k] = natural[k] / size if size > 0 else np.nan
        jacobian[k, k] = 1.0 / size if size > 0 else 0.0
        for position in (a, b):
            jacobian[k, position] -= 0.5 * values[k] / natural[position] if size > 0 else 0.0
    return values, jacobian


def variance_positions(estimates: Estimates, k: int) -> tuple[int, int]:
    """Where the two variances of covariance k stand among the components."""
    component = estimates.component_info[k]
    if component.equation < 0:
        return _error_positions(estimates, component.label)
    block = structures(estimates)[component.equation]
    mine = [i for i, c in enumerate(estimates.component_info) if c.equation == component.equation]
    row, column = block.entries[mine.index(k)]
    diagonal = {i: mine[e] for e, (i, j) in enumerate(block.entries) if i == j}
    return diagonal[row], diagonal.get(column, diagonal[row])


def _error_positions(estimates: Estimates, label: str) -> tuple[int, int]:
    """Of `cov(e)` the variance of every error, of `cov(e1,e2)` those of two categories, in the same by group."""
    places = {c.label: i for i, c in enumerate(estimates.component_info) if c.equation < 0}
    prefix, _, inside = label.removesuffix(")").partition("cov(e")
    for one, other in _halves(inside):
        pair = [f"{prefix}var(e{name})" for name in (one, other)]
        if all(name in places for name in pair):
            return places[pair[0]], places[pair[1]]
    raise AssertionError(f"{label} is no covariance of errors")


def _halves(inside: str) -> Iterator[tuple[str, str]]:
    """The two categories in `1,e2`; a category's name may have commas in it."""
    if not inside:
        yield "", ""
    yield from ((inside[: m.start()], inside[m.end() :]) for m in re.finditer(",e", inside))


def structures(estimates: Estimates) -> tuple[AbstractCovariance, ...]:
    """The covariance structure of every random-effects equation."""
    model = estimates.model
    return model.blocks if is_integrated(estimates) else model.variances.blocks


def delta(function, estimates: Estimates) -> tuple[np.ndarray, np.ndarray]:
    """`function` of the components and its standard errors; call inside double precision."""
    values = np.asarray(function(estimates.components))
    jacobian = np.asarray(jax.jacfwd(function)(estimates.components))
    known = np.array([component.note != "" for component in estimates.component_info])
    components = np.where(known[:, None] | known[None, :], 0.0, estimates.component_vce)  # a constant has no error
    vce = jacobian @ components @ jacobian.T
    return values, np.sqrt(np.diag(vce))
