"""Which kind of model estimates are of: the mean is linear, nonlinear, or a function of linear predictors."""

from typing import Literal

import numpy as np

from ..fitting import Estimates
from ..lmm import LinearModel


def kind_of(estimates: Estimates) -> Literal["linear", "nonlinear", "generalized"]:
    """Linear and nonlinear models have normal errors around their mean, generalized ones a family of distributions."""
    if isinstance(estimates.model, LinearModel):
        return "linear"
    return "generalized" if estimates.mean is None else "nonlinear"


def is_generalized(estimates: Estimates) -> bool:
    return kind_of(estimates) == "generalized"


def is_nonlinear(estimates: Estimates) -> bool:
    return kind_of(estimates) == "nonlinear"


def is_integrated(estimates: Estimates) -> bool:
    """Are random effects integrated out numerically, of a generalized model or on a nonlinear one's true likelihood?"""
    return is_generalized(estimates) or (is_nonlinear(estimates) and estimates.linearised is None)


def response_of(estimates: Estimates) -> np.ndarray:
    """The response of a linear or nonlinear model (n,)."""
    y = estimates.design.y
    return np.asarray(y[0] if isinstance(y, tuple) else y)
