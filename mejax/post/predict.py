"""Predictions after a linear mixed model, on the estimation sample and on new data."""

import difflib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .._tree import to_host
from ..elimination import nesting
from ..fitting import Estimates
from ..frame import Encoding
from ..lmm import modes_at, variances_at

STATISTICS = ("xb", "stdp", "fitted", "residuals", "rstandard", "reffects", "reses")


@dataclass(frozen=True)
class Rows:
    """The rows predicted: fixed columns, offset, and for each random-effects equation codes (-1: unseen) and z."""

    x: np.ndarray
    offset: np.ndarray | None
    effects: tuple
    index: pd.Index
    keep: np.ndarray | None  # the sample's place in the table; None for new data
    missing: np.ndarray | None = None  # rows of new data without a value that the model needs


def predict(
    estimates: Estimates, encoding: Encoding, statistic: str = "xb", data: Any = None, relevel: str | None = None
) -> pd.Series | pd.DataFrame:
    """One of `STATISTICS`, with a row per row of the data (NaN outside the sample, or where a covariate is missing).

    xb: X beta (plus the offset).  stdp: its standard error.  fitted: xb plus the random effects.  residuals:
    y - fitted.  rstandard: residuals over sigma_e.  reffects: best linear unbiased predictions of the random effects, a
    column for each.  reses: their standard errors, conditional on beta under ML, of the full prediction error under
    REML.
    `relevel` leaves out the levels below the one named (and in reffects and reses all others).
    On new data, groups that the fit has not seen have random effects 0 (and their prior standard deviations).
    """
    if statistic not in STATISTICS:
        near = difflib.get_close_matches(str(statistic), STATISTICS, n=1)
        hint = f"did you mean `{near[0]}`? " if near else ""
        raise ValueError(f"predict: unknown statistic `{statistic}`; {hint}known are {', '.join(STATISTICS)}")
    if statistic in ("residuals", "rstandard") and data is not None:
        raise ValueError(
            f"predict: `{statistic}` compares with the response of the estimation sample; predict `fitted` on the new "
            "data and subtract it from the response"
        )
    rows = _rows(estimates, encoding, data, groups=statistic not in ("xb", "stdp"))
    levels = _levels(estimates, relevel)
    if statistic in ("reffects", "reses"):
        if relevel is not None:
            levels = [k for k in levels if _names(estimates)[k] in _aliases(estimates, relevel)]
        return _spread(rows, _effect_frame(estimates, rows, statistic, levels))
    values = _values(estimates, rows, statistic, levels)
    return _spread(rows, pd.DataFrame({statistic: values}))[statistic]


def _values(estimates: Estimates, rows: Rows, statistic: str, levels: list[int]) -> np.ndarray:
    if statistic == "stdp":
        return np.sqrt(np.maximum(np.einsum("ij,jk,ik->i", rows.x, estimates.coefficient_vce, rows.x), 0.0))
    value = rows.x @ estimates.coefficients + (0.0 if rows.offset is None else rows.offset)
    if statistic == "xb":
        return value
    modes = conditional_modes(estimates)
    for k in levels:
        value = value + contribution(rows.effects[k], modes[k])
    if statistic == "fitted":
        return value
    residual = np.asarray(estimates.design.y) - value
    return residual if statistic == "residuals" else residual / np.sqrt(estimates.components[-1])


def contribution(effect, modes: np.ndarray) -> np.ndarray:
    """z_i'u of each row's group, 0 for groups never seen."""
    padded = np.vstack([modes, np.zeros(modes.shape[1])])
    return np.einsum("ij,ij->i", effect.z, padded[effect.codes])


def conditional_modes(estimates: Estimates) -> tuple[np.ndarray, ...]:
    """The random effects' modes (J, q), one array per equation; call inside double precision."""
    return to_host(modes_at(estimates.model, estimates.theta.fixed, estimates.v))


def conditional_variances(estimates: Estimates) -> tuple[np.ndarray, ...]:
    """The random effects' variances (J, q, q), one array per equation; call inside double precision."""
    model = estimates.model
    return to_host(variances_at(model, estimates.v, model.reml))


def _effect_frame(estimates: Estimates, rows: Rows, statistic: str, which: list[int]) -> pd.DataFrame:
    found = conditional_modes(estimates) if statistic == "reffects" else conditional_variances(estimates)
    columns = {}
    for k in which:
        labels = effect_labels(estimates, k)
        if statistic == "reffects":
            values = np.vstack([found[k], np.zeros(found[k].shape[1])])
        else:
            sd = np.sqrt(np.maximum(np.einsum("jaa->ja", found[k]), 0.0))
            values = np.vstack([sd, np.sqrt(np.diag(estimates.sigmas[k]))])
        effect = rows.effects[k]
        pooled = estimates.names.effects[k].factor is not None and values.shape[1] > 1
        if pooled:
            codes = np.where(effect.z.any(axis=1), effect.codes, -1)  # a level never seen in its group
            columns[labels[0]] = values[codes, np.argmax(effect.z, axis=1)]
        else:
            columns |= {label: values[effect.codes, c] for c, label in enumerate(labels)}
    return pd.DataFrame(columns)


def effect_labels(estimates: Estimates, k: int) -> list[str]:
    """`id:week`, `id:_cons`, `_all:R.week`."""
    name = estimates.names.effects[k]
    return [f"{name.name}:{column}" for column in name.columns]


def _names(estimates: Estimates) -> list[str]:
    return [e.path for e in estimates.names.effects]


def _aliases(estimates: Estimates, relevel: str) -> set[str]:
    return {e.path for e in estimates.names.effects if relevel in (e.path, e.name)}


def _levels(estimates: Estimates, relevel: str | None) -> list[int]:
    """The equations of the level named and of those in which its groups are nested."""
    paths = _names(estimates)
    if relevel is None:
        return list(range(len(paths)))
    found = [k for k, path in enumerate(paths) if path in _aliases(estimates, relevel)]
    if not found:
        known = ", ".join(dict.fromkeys(paths))
        raise ValueError(f"predict: `relevel={relevel}` is no level of this model; levels are {known}")
    low = estimates.design.effects[found[0]]
    outer = [nesting(low.codes, low.size, other.codes) is not None for other in estimates.design.effects]
    return [k for k, path in enumerate(paths) if outer[k] or k in found or path == "_all"]


def _rows(estimates: Estimates, encoding: Encoding, data: Any, groups: bool) -> Rows:
    design = estimates.design
    if data is None:
        index = encoding.index if encoding.index is not None else pd.RangeIndex(len(encoding.sample))
        return Rows(design.x, design.offset, design.effects, index, encoding.sample)
    new = encoding.replay(data, groups=groups)
    index = data.index if isinstance(data, pd.DataFrame) else pd.RangeIndex(len(new.x))
    return Rows(new.x, new.offset, new.effects, index, None, new.missing)


def _spread(rows: Rows, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the sample back at their places in the table."""
    if rows.keep is None:
        frame.index = rows.index
        if rows.missing is not None:
            frame.loc[rows.missing, :] = np.nan
        return frame
    full = pd.DataFrame(np.nan, index=rows.index, columns=frame.columns)
    full.iloc[np.flatnonzero(rows.keep)] = frame.to_numpy()
    return full
