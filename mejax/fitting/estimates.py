"""What a fit found: everything later steps need, nothing that prints."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .._status import Status
from .._typing import Params
from ..design import Design, Names
from ..optimise import Step
from .degrees import AbstractDegrees
from .monte_carlo import MonteCarlo


@dataclass(frozen=True)
class Component:
    """One printed variance or covariance: its place in `Estimates.components`, its label, and how it is to be shown.

    `kind` is "var" or "cov" ("corr" and "share" among the errors' parameters); `equation` the number of its
    random-effects equation (-1: the residual variance and all that belongs to it, -2: the errors' correlation where it
    is printed by itself).
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


def _none() -> np.ndarray:
    return np.zeros(0)


@dataclass(frozen=True)
class Estimates:
    """A finished fit.

    `coefficients` (k,) belong to the columns of `design.x`, `ancillary` (a,) are cut points, dispersions and the like,
    `components` (m,) the printed variance components, all on the scale on which they are printed.  `covariance` is
    their joint covariance matrix in that order: NaN in the rows of what has no standard error, zero where a constraint
    leaves nothing to estimate.  Linear models have no ancillary parameters, and their blocks are uncorrelated.

    `sigmas` holds the covariance matrix of every equation's random effects, `aux` the parameters that the family of a
    generalized model takes (the ancillary ones; for the Gaussian family the variance, which is printed as a component).
    `theta` is the parameter pytree at the optimum, `v` the vector that the optimiser used; `printed_jacobian`
    (k + a + m, len(v)) holds the derivatives of everything printed in v (generalized models).
    Of a nonlinear model `mean` is the mean, `working` the design of the linear model around the estimates, `linearised`
    that model itself (None on the true likelihood).
    `degrees` are the denominator degrees of freedom that the fit was asked for (None: tests are normal); by the method
    of Kenward and Roger the coefficients' covariance matrix is the adjusted one.
    `monte_carlo` holds the Monte Carlo errors of an iterative fit.
    `null_llf` and `null_history` are those of the model without random effects, `null_test` the test against it.
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
    components: np.ndarray
    component_info: tuple[Component, ...]
    covariance: np.ndarray
    sigmas: tuple[np.ndarray, ...]
    parameters: int
    ancillary: np.ndarray = field(default_factory=_none)
    ancillary_labels: tuple[str, ...] = ()
    aux: np.ndarray = field(default_factory=_none)
    printed_jacobian: np.ndarray | None = None
    vce: str = "oim"
    clusters: tuple[str, int] | None = None
    constraints: tuple[str, ...] = ()
    null_test: Comparison | None = None
    null_llf: float | None = None
    null_history: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()
    linearised: Any = None
    working: Design | None = None
    mean: Any = None
    degrees: AbstractDegrees | None = None
    monte_carlo: MonteCarlo | None = None

    @property
    def linear(self) -> Any:
        """The linear model: that around the estimates, where the mean is nonlinear."""
        return self.model if self.linearised is None else self.linearised

    @property
    def printed(self) -> np.ndarray:
        """Coefficients, ancillary parameters and components: the order of `covariance`."""
        return np.concatenate([self.coefficients, self.ancillary, self.components])

    @property
    def coefficient_vce(self) -> np.ndarray:
        return self._block(0)

    @property
    def ancillary_vce(self) -> np.ndarray:
        return self._block(1)

    @property
    def component_vce(self) -> np.ndarray:
        return self._block(2)

    def _block(self, which: int) -> np.ndarray:
        sizes = [len(part) for part in (self.coefficients, self.ancillary, self.components)]
        start = sum(sizes[:which])
        return self.covariance[start : start + sizes[which], start : start + sizes[which]]


def block_diagonal(*blocks: np.ndarray) -> np.ndarray:
    """The covariance matrix of vectors that are uncorrelated with one another."""
    size, start = sum(len(block) for block in blocks), 0
    joint = np.zeros((size, size))
    for block in blocks:
        joint[start : start + len(block), start : start + len(block)] = block
        start += len(block)
    return joint
