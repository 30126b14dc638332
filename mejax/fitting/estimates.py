"""What a fit found: everything later steps need, nothing that prints."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._status import Status
from .._typing import Params
from ..design import Design, Names
from ..optimise import Step


@dataclass(frozen=True)
class Component:
    """One printed variance or covariance: its place in `Estimates.components`, its label, and how it is to be shown.

    `kind` is "var" or "cov"; `equation` the number of its random-effects equation (-1: the residual variance).
    `note` is "(constrained)" where nothing was estimated, `boundary` where the estimate lies at a bound.
    """

    label: str
    kind: str
    equation: int
    note: str = ""
    boundary: bool = False


@dataclass(frozen=True)
class Comparison:
    """Likelihood-ratio test: statistic, degrees of freedom, p, and the reference distribution's name.

    `conservative` says that the chi-squared distribution only bounds the tail probability.
    """

    stat: float
    df: int
    p: float
    kind: str
    conservative: bool


@dataclass(frozen=True)
class Estimates:
    """A finished fit.

    `coefficients` (k,) and `coefficient_vce` (k, k) belong to the columns of `design.x`; `components` and
    `component_vce` to the printed variance components, on their natural scale, NaN in the rows of `component_vce` that
    cannot be had; `sigmas` holds the covariance matrix of every equation's random effects.  `theta` is the parameter
    pytree at the optimum, `v` the vector of variance parameters that the optimiser used.
    """

    model: Any
    design: Design
    names: Names
    theta: Params
    v: np.ndarray
    status: Status
    history: tuple[Step, ...]
    llf: float
    nobs: float
    coefficients: np.ndarray
    coefficient_vce: np.ndarray
    components: np.ndarray
    component_vce: np.ndarray
    component_info: tuple[Component, ...]
    sigmas: tuple[np.ndarray, ...]
    parameters: int
    vce: str = "oim"
    clusters: tuple[str, int] | None = None
    constraints: tuple[str, ...] = ()
    null_test: Comparison | None = None
    notes: tuple[str, ...] = ()
