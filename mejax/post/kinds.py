"""Which kind of model estimates are of: the mean is linear, nonlinear, or a function of linear predictors."""

from typing import Literal

from ..fitting import Estimates
from ..lmm import LinearModel
from ..menl import NonlinearModel


def kind_of(estimates: Estimates) -> Literal["linear", "nonlinear", "generalized"]:
    """Linear and nonlinear models have normal errors around their mean, generalized ones a family of distributions."""
    if isinstance(estimates.model, LinearModel):
        return "linear"
    return "nonlinear" if isinstance(estimates.model, NonlinearModel) else "generalized"


def is_generalized(estimates: Estimates) -> bool:
    return kind_of(estimates) == "generalized"


def is_nonlinear(estimates: Estimates) -> bool:
    return kind_of(estimates) == "nonlinear"
