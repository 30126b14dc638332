"""The rows that are predicted: those of the estimation sample, or of new data coded alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from ...design import MeanRows
from ...elimination import nesting
from ...fitting import Estimates
from ...frame import Encoding
from ..kinds import is_generalized


@dataclass(frozen=True)
class Rows:
    """The rows predicted: fixed columns, offset, and for each random-effects equation codes (-1: unseen) and z.

    `extras` holds the options that use the table (trials of a binomial response, times, limits), as far as the table
    has their columns.  `equations` is the number of linear predictors: where there are several, everything about a
    linear predictor has one more axis, in front.  `mean` is what a nonlinear mean reads.
    """

    x: np.ndarray
    offset: np.ndarray | None
    effects: tuple
    index: pd.Index
    keep: np.ndarray | None  # the sample's place in the table; None for new data
    missing: np.ndarray | None = None  # rows of new data without a value that the model needs
    extras: Mapping[str, np.ndarray] = field(default_factory=dict)
    equations: int = 1
    mean: MeanRows | None = None

    def linear(self, coefficients: np.ndarray, offset: bool = True) -> np.ndarray:
        """X beta (n,), the offset included; (E, n) with several equations."""
        blocks = coefficients.reshape(self.equations, self.x.shape[1])
        value = blocks @ self.x.T if self.equations > 1 else self.x @ blocks[0]
        return value if self.offset is None or not offset else value + self.offset


def read_rows(
    estimates: Estimates, encoding: Encoding, data: Any, random: Literal["groups", "columns", "none"]
) -> Rows:
    """The estimation sample, or `data`, of whose random part `random` says how much is needed."""
    design, equations = estimates.design, equations_of(estimates)
    if data is None:
        index = encoding.index if encoding.index is not None else pd.RangeIndex(len(encoding.sample))
        return Rows(
            design.x, design.offset, design.effects, index, encoding.sample, None, encoding.extras, equations,
            design.mean,
        )  # fmt: skip
    new = encoding.replay(data, random=random)
    index = data.index if isinstance(data, pd.DataFrame) else pd.RangeIndex(len(new.x))
    return Rows(new.x, new.offset, new.effects, index, None, new.missing, new.extras, equations, new.mean)


def equations_of(estimates: Estimates) -> int:
    """Number of linear predictors of a response."""
    return estimates.model.family.equations if is_generalized(estimates) else 1


def spread(rows: Rows, frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the sample back at their places in the table."""
    if rows.keep is None:
        frame.index = rows.index
        if rows.missing is not None:
            frame.loc[rows.missing, :] = np.nan
        return frame
    full = pd.DataFrame(np.nan, index=rows.index, columns=frame.columns)
    full.iloc[np.flatnonzero(rows.keep)] = frame.to_numpy()
    return full


def standard_error(estimates: Estimates, rows: Rows) -> np.ndarray:
    """The standard error of X beta (n,); (E, n) with several equations."""
    p = rows.x.shape[1]
    blocks = [slice(e * p, (e + 1) * p) for e in range(rows.equations)]
    squares = [np.einsum("ij,jk,ik->i", rows.x, estimates.coefficient_vce[b, b], rows.x) for b in blocks]
    errors = np.sqrt(np.maximum(np.stack(squares), 0.0))
    return errors if rows.equations > 1 else errors[0]


def contribution(effect, values: np.ndarray) -> np.ndarray:
    """z_i'u of each row's group (n,), 0 for groups never seen; (E, n) where each predictor has effects of its own."""
    padded = np.vstack([values, np.zeros(values.shape[1])])
    q = effect.z.shape[1]
    if values.shape[1] == q:
        return np.einsum("ij,ij->i", effect.z, padded[effect.codes])
    return np.einsum("ij,iej->ei", effect.z, padded[effect.codes].reshape(len(effect.z), -1, q))


def effects_frame(estimates: Estimates, rows: Rows, which: list[int], values: tuple, unseen: tuple) -> pd.DataFrame:
    """Every row's own random effects (or what belongs to them), a column for each: `id:week`, `id:_cons`, `_all:R.id`.

    `values` has one (J, q) array per equation, `unseen` the (q,) that stands where a group was never seen.
    """
    columns = {}
    for k in which:
        labels = effect_labels(estimates, k)
        padded, effect = np.vstack([values[k], unseen[k]]), rows.effects[k]
        pooled = estimates.names.effects[k].factor is not None and padded.shape[1] > 1
        if pooled:
            codes = np.where(effect.z.any(axis=1), effect.codes, -1)  # a level never seen in its group
            columns[labels[0]] = padded[codes, np.argmax(effect.z, axis=1)]
        else:
            columns |= {label: padded[effect.codes, c] for c, label in enumerate(labels)}
    return pd.DataFrame(columns)


def effect_labels(estimates: Estimates, k: int) -> list[str]:
    """`id:week`, `id:_cons`, `_all:R.week`; `id:2:_cons` where each linear predictor has effects of its own."""
    name = estimates.names.effects[k]
    return [f"{name.name}:{column}" for column in name.columns]


def equations_above(estimates: Estimates, relevel: str | None) -> list[int]:
    """The equations of the level named and of those in which its groups are nested."""
    paths = [e.path for e in estimates.names.effects]
    if relevel is None:
        return list(range(len(paths)))
    found = equations_at(estimates, relevel)
    if not found:
        known = ", ".join(dict.fromkeys(paths))
        raise ValueError(f"predict: `relevel={relevel}` is no level of this model; levels are {known}")
    low = estimates.design.effects[found[0]]
    outer = [nesting(low.codes, low.size, other.codes) is not None for other in estimates.design.effects]
    return [k for k, path in enumerate(paths) if outer[k] or k in found or path == "_all"]


def equations_at(estimates: Estimates, relevel: str | None) -> list[int]:
    """The equations of the level named, all of them for None."""
    names = estimates.names.effects
    aliases = {e.path for e in names if relevel in (None, e.path, e.name)}
    return [k for k, e in enumerate(names) if e.path in aliases]
