"""The protocol of a family: the distribution of one response given its linear predictor."""

import abc
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._typing import ArrayLike, Response
from .links import AbstractLink


class AbstractFamily(eqx.Module):
    """The distribution of a response y given its linear predictor eta and ancillary parameters.

    Everything is elementwise and knows no groups, nodes or levels: the leaves of y broadcast against eta.  `aux` holds
    the ancillary parameters as they are printed (cut points, log dispersions, the variance of a normal response), one
    scalar each.  `links` are the links a family allows, the default first; `name` is the suite's word for it.
    """

    name: ClassVar[str]
    links: ClassVar[tuple[str, ...]]
    link: eqx.AbstractVar[AbstractLink]

    @property
    @abc.abstractmethod
    def ancillary(self) -> tuple[str, ...]:
        """Printed labels of `aux`."""

    @abc.abstractmethod
    def logpdf(self, y: Response, eta: Float[ArrayLike, "..."], aux: Float[ArrayLike, " a"]) -> Float[Array, "..."]:
        """log p(y | eta), with all constants.

        Finite wherever the density is above exp(-1e300), with three derivatives in eta and aux that are never NaN.
        Terms without eta are formed on the shape of y.
        """

    @abc.abstractmethod
    def mean(self, y: Response, eta: Float[ArrayLike, "..."], aux: Float[ArrayLike, " a"]) -> Float[Array, "..."]:
        """E(y | eta); only the number of binomial trials is taken from `y`, so that others may give None."""

    @abc.abstractmethod
    def sample(self, key: Array, y: Response, eta: Float[ArrayLike, "..."], aux: Float[ArrayLike, " a"]):
        """A new response on the shape of eta; only the number of binomial trials is taken from `y`."""

    @abc.abstractmethod
    def printed(self, free: Float[ArrayLike, " a"]) -> Float[Array, " a"]:
        """Unconstrained reals, as the optimiser moves them, to `aux`."""

    @abc.abstractmethod
    def free(self, aux: np.ndarray) -> np.ndarray:
        """The inverse of `printed`, on the host."""

    @abc.abstractmethod
    def init(self, y: Response, weights: np.ndarray | None) -> np.ndarray:
        """Unconstrained ancillary parameters to start from: what fits the marginal distribution of y."""

    @abc.abstractmethod
    def start(self, y: Response, weights: np.ndarray | None) -> float:
        """The constant eta that fits the mean of y, to start the fixed effects from."""

    @abc.abstractmethod
    def check(self, y: Response, where: Callable[[int], str]) -> None:
        """Raise a `ValueError` for a response that the family does not allow; `where(17)` names the row of y[17]."""


class AbstractMeanFamily(AbstractFamily):
    """A family with a mean and a variance function V(mu), for residuals; on the host.

    V leaves out a scale that multiplies it everywhere (of the normal and gamma distributions).  For binomial counts mu
    is the expected count.
    """

    @abc.abstractmethod
    def variance(self, y: Response, mu: np.ndarray, aux: np.ndarray) -> np.ndarray:
        """V(mu), the denominator of Pearson residuals."""

    @abc.abstractmethod
    def deviance(self, y: Response, mu: np.ndarray, aux: np.ndarray) -> np.ndarray:
        """The unit deviance 2 times the integral of (y - t) / V(t) for t from mu to y, at least 0."""

    @abc.abstractmethod
    def anscombe(self, y: Response, mu: np.ndarray, aux: np.ndarray) -> np.ndarray:
        """Anscombe residuals: the integral of V^(-1/3) from mu to y, divided by V(mu)^(1/6)."""


class AbstractUnboundedFamily(AbstractMeanFamily):
    """A family whose ancillary parameters are unbounded as they are printed."""

    def printed(self, free):
        return jnp.asarray(free)

    def free(self, aux):
        return np.asarray(aux)


class AbstractPlainFamily(AbstractUnboundedFamily):
    """A family without ancillary parameters."""

    @property
    def ancillary(self):
        return ()

    def init(self, y, weights):
        return np.zeros(0)
