"""The protocol of a covariance structure."""

import abc
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class Traits(NamedTuple):
    """What the fitting needs to know of a structure beyond its matrix.

    `scales`: which elements of theta are standard deviations by themselves.  `variances`, `covariances`: how many free
    ones there are.  `own`: does every random effect have a variance of its own?  `any_basis`: is T Sigma T' of the same
    structure for every T?
    """

    scales: tuple[bool, ...]
    variances: int
    covariances: int
    own: bool
    any_basis: bool = False


class AbstractCovariance(eqx.Module):
    """How a vector of unconstrained reals becomes the covariance matrix Sigma = L L' of one block of random effects.

    A structure holds no parameters.  It says how many random effects there are (`size`), whether its parameters are
    on the scale of the residual standard deviation of a linear model (`relative`: Sigma is sigma_e^2 L L'; models
    without a residual ignore it), and which entries of Sigma a table prints (`entries`).
    """

    size: eqx.AbstractVar[int]
    relative: eqx.AbstractVar[bool]

    @property
    @abc.abstractmethod
    def entries(self) -> tuple[tuple[int, int], ...]:
        """(row, column) of the printed entries of Sigma: variances first, then covariances."""

    @property
    @abc.abstractmethod
    def traits(self) -> Traits:
        """See `Traits`."""

    @abc.abstractmethod
    def init(self) -> np.ndarray:
        """Parameters of Sigma = I, or the nearest thing to it that the structure allows; never at zero variance."""

    @abc.abstractmethod
    def cholesky(self, theta: Float[Array, " m"]) -> Float[Array, "q q"]:
        """A factor L with L L' = Sigma, smooth in `theta`; its signs are free, so zero variances are interior points.

        L is lower triangular except for `Exchangeable`.  A Sigma that is not positive semidefinite gives NaN.
        """

    def triangular(self, theta: Float[Array, " m"]) -> Float[Array, "q q"]:
        """A lower triangular factor: its columns are the axes along which quadrature lays its grid."""
        return self.cholesky(theta)

    @abc.abstractmethod
    def nearest(self, sigma: np.ndarray) -> np.ndarray:
        """Parameters whose Sigma is close to the matrix given (a projection: starting values and EM steps)."""

    def covariance(self, theta: Float[Array, " m"]) -> Float[Array, "q q"]:
        """Sigma = L L'."""
        factor = self.cholesky(theta)
        return factor @ factor.T

    def natural(self, theta: Float[Array, " m"], scale: Float[Array, ""]) -> Float[Array, " k"]:
        """The printed entries of Sigma, multiplied by `scale`."""
        sigma = scale * self.covariance(theta)
        rows, columns = zip(*self.entries, strict=True)
        return sigma[jnp.array(rows), jnp.array(columns)]


def diagonal(size: int) -> tuple[tuple[int, int], ...]:
    return tuple((i, i) for i in range(size))


def triangle(size: int) -> tuple[tuple[int, int], ...]:
    """Variances, then covariances by rows of the upper triangle."""
    return diagonal(size) + tuple((i, j) for i in range(size) for j in range(i + 1, size))
