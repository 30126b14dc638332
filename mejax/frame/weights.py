"""Checks of the weights of observations and groups."""

import numpy as np

from ..syntax.spec import Spec
from .evaluate import words
from .sample import Sample, first_row

_NAMES = {"fweight": "frequency weights", "pweight": "sampling weights", "iweight": "importance weights",
          "aweight": "analytic weights"}  # fmt: skip


def require_weights(values: np.ndarray, kind: str, label: str, sample: Sample) -> None:
    """Raise where a weight of the sample is infinite, negative or, for frequencies, no integer."""
    rules = [(~np.isfinite(values), "must be finite")]
    if kind != "iweight":
        rules.append((values < 0, "must not be negative"))
    if kind == "fweight":
        rules.append((values != np.floor(values), "must be integers"))
    for broken, rule in rules:
        if broken.any():
            row = first_row(broken, sample)
            raise ValueError(f"{_NAMES[kind]} {rule}: `{label}` is {values[broken][0]:g} in row {row}")


def drop_zero(spec: Spec, weights: np.ndarray | None, sample: Sample) -> tuple[Sample, np.ndarray | None]:
    """Check the weights of the observations; rows of weight zero leave the sample."""
    if weights is None:
        return sample, None
    weight = spec.weights[0]
    require_weights(sample.take(weights), weight.kind, words(weight.expression), sample)
    zero = sample.mask & (weights == 0)
    if not zero.any():
        return sample, weights
    mask = sample.mask & ~zero
    count = int(np.count_nonzero(zero))
    if not mask.any():
        raise ValueError(f"no observations: all {sample.n:,} rows of the sample have weight zero "
                         f"(`{words(weight.expression)}`)")  # fmt: skip
    return Sample(mask, sample.n - count, sample.selected - count, sample.history, sample.losses), weights
