"""The protocols of within-group errors: how they vary with a covariate, and how they are correlated within a group.

The errors of a model are e ~ N(0, sigma_e^2 R).  A *scale* says what the standard deviation of each row's error is over
sigma_e, a *correlation* how the scaled errors of one group go together, given their times.  Neither knows rows, groups
or strata: `mejax.covstruct.within` lays them out.
"""

import abc
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._typing import ArrayLike


class ErrorEntry(NamedTuple):
    """One printed parameter of the errors: its label, and the scale on which its interval is symmetric.

    `kind` is "var" (log), "cov" (as it is), "corr" (Fisher's z) or "share" (logit, between 0 and 1).
    """

    label: str
    kind: str


class AbstractCorrelation(eqx.Module):
    """R(theta) of the errors of one group, relative to the variance of the first error: R of one row alone is 1.

    A structure holds no parameters.
    """

    @abc.abstractmethod
    def init(self) -> np.ndarray:
        """Parameters of uncorrelated errors with one variance, or close to that; never where a derivative vanishes."""

    @abc.abstractmethod
    def matrix(self, theta: Float[ArrayLike, " k"], times: Float[ArrayLike, " m"]) -> Float[Array, "m m"]:
        """R of errors at these times (whole numbers for all but `Exponential`; numbers of categories, from 0, for
        `Banded`).  A matrix that is not positive definite is returned as it is: its factor is NaN then."""

    @abc.abstractmethod
    def natural(self, theta: Float[ArrayLike, " k"], scale: Float[ArrayLike, ""]) -> Float[Array, " e"]:
        """What a table prints, in the order of `entries`; `scale` is the variance of the first error."""

    @abc.abstractmethod
    def entries(self, joint: bool) -> tuple[ErrorEntry, ...]:
        """The printed parameters; without `joint` those of the correlations alone."""

    def correlations(self, theta: Float[ArrayLike, " k"]) -> Float[Array, " e"]:
        """What a table prints where the variances are printed apart: the order of `entries(joint=False)`."""
        keep = np.array([e.kind != "var" for e in self.entries(joint=True)], bool)
        return self.natural(theta, jnp.ones(()))[keep]


class AbstractMarkovCorrelation(AbstractCorrelation):
    """A correlation that, given the error before, depends on nothing earlier, so that no matrix is ever formed.

    Two errors d apart in time have the correlation `decay`(theta, d), and decay(s + t) = decay(s) decay(t).
    """

    @abc.abstractmethod
    def decay(self, theta: Float[ArrayLike, " k"], gap: Float[ArrayLike, "*n"]) -> Float[Array, "*n"]:
        """The correlation of errors that are `gap` (not negative) apart; 1 for 0."""

    def matrix(self, theta, times):
        times = jnp.asarray(times)
        return self.decay(theta, jnp.abs(times[:, None] - times[None, :]))


class AbstractErrorScale(eqx.Module):
    """Standard deviations of the errors over sigma_e, as a function of a covariate (or of the predicted mean)."""

    @abc.abstractmethod
    def init(self) -> np.ndarray:
        """Parameters to start from."""

    @abc.abstractmethod
    def log_scale(self, theta: Float[ArrayLike, " k"], variable: Float[ArrayLike, " n"]) -> Float[Array, " n"]:
        """Logs of the standard deviations over sigma_e (n,)."""

    @abc.abstractmethod
    def natural(self, theta: Float[ArrayLike, " k"], scale: Float[ArrayLike, ""]) -> Float[Array, " e"]:
        """What a table prints, in the order of `entries`; `scale` is sigma_e^2."""

    @property
    @abc.abstractmethod
    def entries(self) -> tuple[ErrorEntry, ...]:
        """The printed parameters, sigma_e^2 among them."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The labels of theta itself, as the ancillary parameters of a likelihood."""
        return ()

    @property
    def logs(self) -> tuple[bool, ...]:
        """Which elements of theta are logarithms, whose estimates may lie at an end of the line."""
        return (False,) * len(self.init())
