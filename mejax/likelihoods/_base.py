"""The protocol of a family: the distribution of one response given its linear predictor."""

import abc
from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._typing import ArrayLike, Response
from .links import AbstractLink


class Statistic(NamedTuple):
    """Something that `predict` gives of one response: `function(y, eta, aux)`, to be used under `jit` and derivatives.

    `reads` says which part of y it looks at ("": none, so that new data need no response), `averaged` whether its
    average over the random effects is what the marginal statistic means.
    """

    function: Callable[[Response, Float[ArrayLike, "..."], Float[ArrayLike, " a"]], Float[Array, "..."]]
    reads: str = ""
    averaged: bool = True


class Ratio(NamedTuple):
    """What an exponentiated coefficient is called: in the column's title, in the note, and what exp(_cons) is."""

    title: str
    plural: str
    baseline: str = ""


PLAIN_RATIO = Ratio("exp(b)", "exp(b)")
ODDS_RATIO = Ratio("Odds ratio", "odds ratios", "odds")
RATE_RATIO = Ratio("IRR", "incidence-rate ratios", "incidence rate")


class AbstractFamily(eqx.Module):
    """The distribution of a response y given its linear predictor eta and ancillary parameters.

    Everything is elementwise and knows no groups, nodes or levels: the leaves of y broadcast against eta, which has one
    more axis in front, of length `equations`, where a family is `stacked`.  `aux` holds the ancillary parameters as
    they are printed (cut points, log dispersions, the variance of a normal response), one scalar each.  `links` are the
    links a family allows, the default first; `name` is the suite's word for it.
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
    def start(self, y: Response, weights: np.ndarray | None) -> float | np.ndarray:
        """The constant eta that fits the mean of y, to start the fixed effects from; one per equation."""

    @abc.abstractmethod
    def check(self, y: Response, where: Callable[[int], str]) -> None:
        """Raise a `ValueError` for a response that the family does not allow; `where(17)` names the row of y[17]."""

    @property
    @abc.abstractmethod
    def null_name(self) -> str:
        """What the model without random effects is called, as in `LR test vs. logistic model`."""

    @property
    @abc.abstractmethod
    def statistics(self) -> Mapping[str, Statistic]:
        """What `predict` gives of a response besides eta and xb, by name; the first is the default."""

    @property
    def default_statistic(self) -> str:
        """What `predict` gives when nothing is named."""
        return next(iter(self.statistics))

    @property
    def description(self) -> str:
        """The distribution in words, by which likelihood-ratio tests tell whether two fits can be compared."""
        return " ".join([self.name, "with link", self.link.name, *sorted(self.ancillary)])

    @property
    def contained_in(self) -> tuple[str, ...]:
        """The descriptions of distributions that become this one at a value of their ancillary parameter."""
        return ()

    @property
    def ratio(self) -> Ratio:
        """What exp(b) is."""
        return PLAIN_RATIO

    @property
    def equations(self) -> int:
        """Number of linear predictors of a response."""
        return 1

    @property
    def stacked(self) -> bool:
        """Is the first axis of eta that of the linear predictors?"""
        return False

    @property
    def cuts(self) -> int:
        """How many of the first ancillary parameters are cut points, which stand in place of the constant."""
        return 0

    @property
    def variances(self) -> tuple[int, ...]:
        """Places in `aux` of variances of the response around eta: they are printed with the variance components."""
        return ()

    @property
    def latent_variance(self) -> float | None:
        """The variance around eta of a continuous variable behind the response, where that is a known number."""
        return None

    @property
    def limit_command(self) -> str | None:
        """The command whose model this one becomes as its last ancillary parameter goes to minus infinity."""
        return None

    def collapsed(self, y: Response, aux: np.ndarray, loglik: float) -> bool:
        """Has the distribution shrunk to a point, so that the model fits every response without error?"""
        return False

    def rising(self, y: Response) -> tuple[np.ndarray, np.ndarray] | None:
        """Masks (n,) of the rows whose density rises for ever with eta, and with -eta; None where no row's does."""
        return None

    def recession(self, y: Response, x: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        """Directions d of the coefficients of all predictors, then of the cut points, along which no row's density
        ever falls: those with `unequal` @ d <= 0 and `equal` @ d = 0; None where there can be none.  x (n, p)."""
        sides = self.rising(y)
        if sides is None:
            return None
        upper, lower = sides
        return np.concatenate([-x[upper], x[lower]]), x[~upper & ~lower]

    def information(
        self, y: Response, eta: Float[ArrayLike, "..."], aux: Float[ArrayLike, " a"]
    ) -> Float[Array, "E E ..."] | None:
        """The expected information about the linear predictors, which the search for modes takes in place of minus the
        second derivatives where these may have the wrong sign; None where they cannot, or are cut off at zero."""
        return None

    def precision(self, aux: np.ndarray) -> float | None:
        """The curvature of the log density at covariates of size 1, where the ancillary parameters alone give it."""
        return None

    def residual_label(self, response: str) -> str:
        """What the variance of the response around eta is called in tables."""
        return f"var(e.{response})"

    def outcome(self, y: Response) -> np.ndarray | None:
        """What happened, as numbers (n,), where probabilities can be 0 or 1; NaN in rows that can never be certain."""
        return None


def density_of(family: AbstractFamily) -> Statistic:
    """The density (or probability) of the observed response."""
    return Statistic(lambda y, eta, aux: jnp.exp(family.logpdf(y, eta, aux)), reads="response")


def mean_statistics(family: AbstractFamily, reads: str = "") -> dict[str, Statistic]:
    """mu and density."""
    return {"mu": Statistic(family.mean, reads), "density": density_of(family)}


class AbstractMeanFamily(AbstractFamily):
    """A family with a mean and a variance function V(mu), for residuals; on the host.

    V leaves out a scale that multiplies it everywhere (of the normal and gamma distributions).  For binomial counts mu
    is the expected count.
    """

    @property
    def statistics(self):
        return mean_statistics(self)

    def observed(self, y: Response) -> np.ndarray:
        """What residuals compare with the mean."""
        return np.asarray(y)

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
