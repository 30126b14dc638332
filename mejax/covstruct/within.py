"""Within-group errors of all rows: a scale and a correlation, laid out over groups and strata.

With R = D C D (D the scales of the rows, C the correlations) everything a likelihood needs is the columns R^-1/2 W and
log|R|: each row is divided by its scale and then replaced by what the rows before it do not explain.
"""

import abc

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from .._typing import ArrayLike
from ..elimination import inverse_root
from ._errors import AbstractCorrelation, AbstractErrorScale, AbstractMarkovCorrelation


class Errors(eqx.Module):
    """The structure of e ~ N(0, sigma_e^2 R): how a vector theta becomes scales and correlations.

    theta holds the logs of the strata's standard deviations over that of the first, then the parameters of the scale
    for each stratum, then those of the correlation for each `by` group.  `joint`: strata and by groups are the same,
    and the printed parameters are those of one covariance matrix for each.
    """

    scale: AbstractErrorScale
    correlation: AbstractCorrelation | None
    strata: int = eqx.field(static=True, default=1)
    by: int = eqx.field(static=True, default=1)
    joint: bool = eqx.field(static=True, default=False)

    @property
    def count(self) -> int:
        """The length of theta."""
        return len(self.init())

    def init(self) -> np.ndarray:
        own = [self.scale.init()] * self.strata
        among = [] if self.correlation is None else [self.correlation.init()] * self.by
        return np.concatenate([np.zeros(self.strata - 1), *own, *among])

    def read(self, theta: Float[ArrayLike, " m"]):
        """(logs of the strata's ratios (S,), parameters of the scales (S, k), of the correlations (G, k))."""
        theta = jnp.asarray(theta)
        ratios = jnp.concatenate([jnp.zeros(1), theta[: self.strata - 1]])
        width = len(self.scale.init())
        start = self.strata - 1
        stop = start + self.strata * width
        return ratios, theta[start:stop].reshape(self.strata, width), theta[stop:].reshape(self.by, -1)

    @property
    def open(self) -> np.ndarray:
        """Which elements of theta lie on a line at whose ends something printed has a bound (m,)."""
        among = 0 if self.correlation is None else self.by * len(self.correlation.init())
        return np.array([*(True,) * (self.strata - 1), *self.scale.logs * self.strata, *(True,) * among], bool)

    def natural(self, theta: Float[ArrayLike, " m"], log_sigma: Float[ArrayLike, ""]) -> Float[Array, " e"]:
        """Everything printed: stratum by stratum where `joint`, otherwise the variances, then the correlations."""
        ratios, scales, correlations = self.read(theta)
        variances = jnp.exp(2.0 * (log_sigma + ratios))
        if self.joint and self.correlation is not None:
            pairs = zip(correlations, variances, strict=True)
            return jnp.concatenate([self.correlation.natural(c, v) for c, v in pairs])
        parts = [self.scale.natural(s, v) for s, v in zip(scales, variances, strict=True)]
        if self.correlation is not None:
            parts += [self.correlation.correlations(c) for c in correlations]
        return jnp.concatenate(parts)

    def entries(self):
        """(stratum or by group, `ErrorEntry`) of everything printed, in the order of `natural`; whether the group is
        one of `by`, not of the strata."""
        if self.joint and self.correlation is not None:
            return [(g, entry, True) for g in range(self.by) for entry in self.correlation.entries(joint=True)]
        found = [(s, entry, False) for s in range(self.strata) for entry in self.scale.entries]
        if self.correlation is not None:
            found += [(g, entry, True) for g in range(self.by) for entry in self.correlation.entries(joint=False)]
        return found


class AbstractLayout(eqx.Module):
    """Which rows are correlated with which."""

    @abc.abstractmethod
    def whiten(
        self, correlation: AbstractCorrelation, theta: Float[Array, "G k"], columns: Float[Array, "n w"]
    ) -> tuple[Float[Array, " n"], Float[Array, "n w"]]:
        """(logs of the conditional standard deviations of the rows, C^-1/2 times the columns)."""

    @abc.abstractmethod
    def diagonal(self, correlation: AbstractCorrelation, theta: Float[Array, "G k"]) -> Float[Array, " n"]:
        """The diagonal of C: 1, but for structures that hold variances."""


class SequenceLayout(AbstractLayout):
    """Errors that depend on the one before: `previous` row (n: none) and the time since then, the by group of rows."""

    previous: Int[ArrayLike, " n"]
    gap: Float[ArrayLike, " n"]
    by: Int[ArrayLike, " n"]

    def whiten(self, correlation, theta, columns):
        assert isinstance(correlation, AbstractMarkovCorrelation)
        first = jnp.asarray(self.previous) == columns.shape[0]
        gap = jnp.where(first, 1.0, jnp.asarray(self.gap))
        decay = jax.vmap(correlation.decay)(theta[self.by], gap)
        decay = jnp.where(first, 0.0, decay)
        before = jnp.pad(columns, ((0, 1), (0, 0)))[self.previous]
        rest = 0.5 * jnp.log1p(-(decay**2))
        return rest, (columns - decay[:, None] * before) * jnp.exp(-rest)[:, None]

    def diagonal(self, correlation, theta):
        return jnp.ones(len(self.previous))


class GridLayout(AbstractLayout):
    """Groups of up to m rows: `grid` (J, m) holds the row at each place (n: none), `place` (n,) where each row stands
    in the flattened grid.  Groups whose rows have the same times and by group share a `pattern`, of which `times`,
    `held` (which places hold a row) and `by` are known."""

    grid: Int[ArrayLike, "J m"]
    place: Int[ArrayLike, " n"]
    pattern: Int[ArrayLike, " J"]
    times: Float[ArrayLike, "P m"]
    held: Bool[ArrayLike, "P m"]
    by: Int[ArrayLike, " P"]

    def diagonal(self, correlation, theta):
        matrices = self.matrices(correlation, theta)
        return jnp.diagonal(matrices, axis1=-2, axis2=-1)[self.pattern].reshape(-1)[self.place]

    def matrices(self, correlation: AbstractCorrelation, theta: Float[Array, "G k"]) -> Float[Array, "P m m"]:
        """The matrix of each pattern; places without a row have variance 1."""

        def one(by, times, held):
            matrix = correlation.matrix(theta[by], times)
            return jnp.where(held[:, None] & held[None, :], matrix, jnp.eye(len(times)))

        return jax.vmap(one)(jnp.asarray(self.by), jnp.asarray(self.times), jnp.asarray(self.held))

    def whiten(self, correlation, theta, columns):
        roots = inverse_root(self.matrices(correlation, theta))
        table = jnp.pad(columns, ((0, 1), (0, 0)))[self.grid]
        if len(roots) == 1:
            white = jnp.einsum("ab,jbw->jaw", roots[0], table)
        else:
            white = jnp.einsum("jab,jbw->jaw", roots[self.pattern], table)
        logs = -jnp.log(jnp.diagonal(roots, axis1=-2, axis2=-1))[self.pattern]
        return logs.reshape(-1)[self.place], white.reshape(-1, columns.shape[1])[self.place]


class ErrorRows(eqx.Module):
    """The data of the errors: the stratum of each row, the covariate of the scales (None: the predicted mean, or none),
    and how the rows are laid out (None: uncorrelated)."""

    strata: Int[ArrayLike, " n"]
    variable: Float[ArrayLike, " n"] | None
    layout: AbstractLayout | None


def whiten(errors: Errors, rows: ErrorRows, theta, columns: Float[Array, "n w"], mean=None):
    """(logs of the rows' conditional standard deviations over sigma_e (n,), R^-1/2 times the columns).

    `mean` (n,) is the predicted mean, where the scales are a function of it.
    """
    logs = scales(errors, rows, theta, mean)
    scaled = columns * jnp.exp(-logs)[:, None]
    if errors.correlation is None:
        return logs, scaled
    assert rows.layout is not None
    _, _, correlations = errors.read(theta)
    rest, white = rows.layout.whiten(errors.correlation, correlations, scaled)
    return logs + rest, white


def scales(errors: Errors, rows: ErrorRows, theta, mean=None) -> Float[Array, " n"]:
    """Logs of the rows' standard deviations over sigma_e; those of `Banded` are part of its matrix."""
    ratios, parameters, _ = errors.read(theta)
    variable = rows.variable if rows.variable is not None else mean
    if variable is None:
        variable = jnp.zeros(rows.strata.shape[0])
    if errors.strata == 1:
        return errors.scale.log_scale(parameters[0], variable)
    stratum = jnp.asarray(rows.strata)
    return ratios[stratum] + jax.vmap(errors.scale.log_scale)(parameters[stratum], jnp.asarray(variable))


def error_diagonal(errors: Errors, rows: ErrorRows, theta, mean=None) -> Float[Array, " n"]:
    """The diagonal of R: the variances of the errors over sigma_e^2."""
    found = jnp.exp(2.0 * scales(errors, rows, theta, mean))
    if errors.correlation is None:
        return found
    assert rows.layout is not None
    return found * rows.layout.diagonal(errors.correlation, errors.read(theta)[2])
