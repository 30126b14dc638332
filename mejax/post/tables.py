"""Estimates as arrays of estimate, standard error, z, p and interval."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..fitting import Estimates
from .normal import critical, two_sided

COLUMNS = ("estimate", "se", "z", "p", "lower", "upper")


class Lines(NamedTuple):
    """Rows of a table: labels and an array with the columns of `COLUMNS`; with degrees of freedom `df` z is t."""

    labels: tuple[str, ...]
    values: np.ndarray
    df: np.ndarray | None = None


def coefficient_lines(estimates: Estimates, level: float) -> Lines:
    """Coefficients with symmetric intervals; nothing but the estimate where a constraint fixes it."""
    labels = tuple(c.label for c in estimates.names.estimated)
    se = np.sqrt(np.maximum(np.diag(estimates.coefficient_vce), 0.0))
    se = np.where(se > 0, se, np.nan)
    df = None if estimates.degrees is None else estimates.degrees.single(len(labels))
    return Lines(labels, wald_rows(estimates.coefficients, se, level, df), df)


def ancillary_lines(estimates: Estimates, level: float) -> Lines:
    """Cut points, logs of dispersions and scales, with symmetric intervals."""
    se = np.sqrt(np.maximum(np.diag(estimates.ancillary_vce), 0.0))
    se = np.where(se > 0, se, np.nan)
    return Lines(estimates.ancillary_labels, wald_rows(estimates.ancillary, se, level))


def all_lines(estimates: Estimates, level: float) -> Lines:
    """Everything printed, in printed order."""
    parts = [f(estimates, level) for f in (coefficient_lines, ancillary_lines, component_lines)]
    labels, values = tuple(label for part in parts for label in part.labels), np.vstack([part.values for part in parts])
    df = parts[0].df
    return Lines(labels, values, None if df is None else np.append(df, np.full(len(labels) - len(df), np.nan)))


def exponentiated(lines: Lines) -> Lines:
    """exp(b) of every row: se exp(b) x se, z and p those of b, the limits' exponentials."""
    values = lines.values.copy()
    with np.errstate(over="ignore"):
        values[:, [0, 4, 5]] = np.exp(lines.values[:, [0, 4, 5]])
    values[:, 1] = values[:, 0] * lines.values[:, 1]
    return Lines(lines.labels, values, lines.df)


def component_lines(estimates: Estimates, level: float) -> Lines:
    """Each component with the interval of its kind; a test where that interval is symmetric."""
    se = np.sqrt(np.maximum(np.diag(estimates.component_vce), 0.0))
    se = np.where(se > 0, se, np.nan)
    kinds = [c.kind for c in estimates.component_info]
    rows = wald_rows(estimates.components, se, level)
    rows[:, 4:] = intervals(kinds, estimates.components, se, level)
    rows[[kind != "cov" for kind in kinds], 2:4] = np.nan
    return Lines(tuple(c.label for c in estimates.component_info), rows)


def wald_rows(estimate: np.ndarray, se: np.ndarray, level: float, df: np.ndarray | None = None) -> np.ndarray:
    """Estimate, standard error, z (t with `df` degrees of freedom), p and the symmetric interval."""
    z = estimate / se
    half = critical(level, df) * se
    return np.column_stack([estimate, se, z, two_sided(z, df), estimate - half, estimate + half])


def intervals(kinds: Sequence[str], estimate: np.ndarray, se: np.ndarray, level: float) -> np.ndarray:
    """Limits (m, 2) of variance components: "var" on the log scale, "corr" by Fisher's z, "share" through the logit,
    "cov" as they are."""
    found = wald_rows(estimate, se, level)[:, 4:]
    for kind, interval in (("var", log_interval), ("corr", tanh_interval), ("share", logit_interval)):
        chosen = np.array([k == kind for k in kinds], bool)
        found[chosen] = interval(estimate[chosen], se[chosen], level)
    return found


def log_interval(estimate: np.ndarray, se: np.ndarray, level: float) -> np.ndarray:
    """estimate x exp(+- critical value x se / estimate): the interval of a positive quantity."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        half = critical(level) * se / estimate
        return np.column_stack([estimate * np.exp(-half), estimate * np.exp(half)])


def tanh_interval(estimate: np.ndarray, se: np.ndarray, level: float) -> np.ndarray:
    """The interval of a correlation, symmetric on the scale of Fisher's z."""
    with np.errstate(divide="ignore", invalid="ignore"):
        half = critical(level) * se / (1.0 - estimate**2)
        return np.column_stack([np.tanh(np.arctanh(estimate) - half), np.tanh(np.arctanh(estimate) + half)])


def logit_interval(estimate: np.ndarray, se: np.ndarray, level: float) -> np.ndarray:
    """The interval of a proportion, symmetric on the logit scale."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        logit = np.log(estimate / (1.0 - estimate))
        half = critical(level) * se / (estimate * (1.0 - estimate))
        return np.column_stack([1 / (1 + np.exp(-(logit - half))), 1 / (1 + np.exp(-(logit + half)))])
