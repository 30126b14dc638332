"""Residuals of generalized models: how far a response lies from its mean, on four scales."""

import numpy as np

from ..._typing import Response
from ...likelihoods import AbstractMeanFamily

RESIDUALS = ("residuals", "pearson", "deviance", "anscombe")


def residual(family: AbstractMeanFamily, kind: str, y: Response, mu: np.ndarray, aux: np.ndarray) -> np.ndarray:
    """One of `RESIDUALS` (n,).

    residuals: y - mu.  pearson: (y - mu) / sqrt(V(mu)).  deviance: sign(y - mu) sqrt(d), d the contribution to the
    deviance.  anscombe: the difference of A(y) and A(mu) over its standard deviation, A' = V^(-1/3).
    """
    raw = family.observed(y) - mu
    if kind == "residuals":
        return raw
    if kind == "pearson":
        return raw / np.sqrt(np.asarray(family.variance(y, mu, aux)))
    if kind == "deviance":
        return np.sign(raw) * np.sqrt(np.maximum(np.asarray(family.deviance(y, mu, aux)), 0.0))
    return np.asarray(family.anscombe(y, mu, aux))
