"""All variance parameters of a linear model together, with and without constraints among them."""

import abc
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ._base import AbstractCovariance


class AbstractVariances(eqx.Module):
    """Maps the vector v of all variance parameters to the relative factors L of every block and to log sigma_e.

    Relative means Sigma = sigma_e^2 L L'.  `profiled` says that the last element of v is log sigma_e, that no factor
    depends on it, and that it can therefore be maximised in closed form.

    `frames[b]` is None or a matrix T: the cross-products are those of working covariates z T, of random effects T^-1 u,
    so that uncentred covariates (a year beside a constant) cost no digits.
    """

    blocks: eqx.AbstractVar[tuple[AbstractCovariance, ...]]
    frames: eqx.AbstractVar[tuple[Any, ...]]
    profiled: eqx.AbstractVar[bool]

    @abc.abstractmethod
    def split(self, v: Float[ArrayLike, " m"]) -> tuple[tuple[Float[Array, " k"], ...], Float[Array, " r"]]:
        """`Params.random` and `Params.residual` out of v."""

    @abc.abstractmethod
    def join(self, random, residual) -> Float[Array, " m"]:
        """v out of `Params.random` and `Params.residual`."""

    @abc.abstractmethod
    def working_factors(self, v: Float[ArrayLike, " m"]) -> tuple[Float[Array, "_ _"], ...]:
        """The relative factor of every block in the coordinates of the working covariates (see `frames`)."""

    @abc.abstractmethod
    def log_sigma(self, v: Float[ArrayLike, " m"]) -> Float[Array, ""]:
        """Log of the residual standard deviation."""

    @abc.abstractmethod
    def log_sigma_derivatives(self, v: Float[ArrayLike, " m"]) -> tuple[Float[Array, " m"], Float[Array, "m m"]]:
        """Gradient and Hessian of `log_sigma`."""

    @abc.abstractmethod
    def nearest(self, sigmas: Sequence[np.ndarray], residual: float) -> np.ndarray:
        """v whose absolute covariance matrices and residual variance are close to those given."""

    @abc.abstractmethod
    def init(self) -> np.ndarray:
        """v of unit variances."""

    def factors(self, v: Float[ArrayLike, " m"]) -> tuple[Float[Array, "_ _"], ...]:
        """The relative factor of every block."""
        pairs = zip(self.frames, self.working_factors(v), strict=True)
        return tuple(factor if frame is None else frame @ factor for frame, factor in pairs)

    def natural(self, v: Float[ArrayLike, " m"]) -> Float[Array, " k"]:
        """Every printed variance and covariance, block by block, then the residual variance."""
        scale = jnp.exp(2.0 * self.log_sigma(v))
        parts = []
        for block, factor in zip(self.blocks, self.factors(v), strict=True):
            sigma = scale * (factor @ factor.T)
            parts += [sigma[i, j] for i, j in block.entries]
        return jnp.stack([*parts, scale])


class FreeVariances(AbstractVariances):
    """Every block has its own parameters: v = (theta of block 1, theta of block 2, ..., log sigma_e)."""

    blocks: tuple[AbstractCovariance, ...]
    frames: tuple[Float[ArrayLike, "_ _"] | None, ...]
    profiled: bool = eqx.field(static=True)
    cuts: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, blocks: Sequence[AbstractCovariance], frames: Sequence[np.ndarray | None] | None = None):
        self.blocks = tuple(blocks)
        self.frames = (None,) * len(self.blocks) if frames is None else tuple(frames)
        self.profiled = all(b.relative for b in blocks)
        self.cuts = tuple(np.cumsum([0, *(len(b.init()) for b in blocks)]).tolist())

    def split(self, v):
        pieces = tuple(v[a:b] for a, b in zip(self.cuts, self.cuts[1:], strict=False))
        return pieces, v[self.cuts[-1] :]

    def join(self, random, residual):
        return jnp.concatenate([*random, residual])

    def working_factors(self, v):
        thetas, _ = self.split(v)
        scale = jnp.exp(-self.log_sigma(v))
        pairs = zip(self.blocks, thetas, strict=True)
        return tuple(b.cholesky(t) if b.relative else b.cholesky(t) * scale for b, t in pairs)

    def log_sigma(self, v):
        return v[-1]

    def log_sigma_derivatives(self, v):
        return jnp.zeros(len(v)).at[-1].set(1.0), jnp.zeros((len(v), len(v)))

    def init(self):
        return np.concatenate([*(b.init() for b in self.blocks), np.zeros(1)])

    def nearest(self, sigmas, residual):
        parts = []
        for block, frame, sigma in zip(self.blocks, self.frames, sigmas, strict=True):
            if frame is not None:
                inverse = np.linalg.inv(frame)
                sigma = inverse @ sigma @ inverse.T
            parts.append(block.nearest(sigma / residual if block.relative else sigma))
        return np.concatenate([*parts, [0.5 * np.log(residual)]])


class ConstrainedVariances(AbstractVariances):
    """Linear constraints among variances and covariances: natural = offset + basis @ g(v), on the absolute scale.

    `natural` lists the distinct free entries of every block (see `distinct`) and the residual variance.  Each element
    of v is one of them: the log of a variance (`is_log`), or a covariance as it is.  `index[b]` says which
    natural entry stands in each cell of block b's matrix (-1: zero).
    """

    blocks: tuple[AbstractCovariance, ...]
    basis: Float[ArrayLike, "k m"]
    offset: Float[ArrayLike, " k"]
    index: tuple[tuple[tuple[int, ...], ...], ...] = eqx.field(static=True)
    is_log: tuple[bool, ...] = eqx.field(static=True)
    free: tuple[int, ...] = eqx.field(static=True)
    frames: tuple[None, ...] = eqx.field(static=True)
    profiled: bool = eqx.field(static=True, default=False)

    def _natural(self, v):
        free = jnp.where(jnp.array(self.is_log, bool), jnp.exp(v), v)
        return jnp.asarray(self.offset) + jnp.asarray(self.basis) @ free

    def split(self, v):
        return (v,), v[:0]

    def join(self, random, residual):
        return jnp.concatenate([*random, residual])

    def working_factors(self, v):
        values = self._natural(v)
        padded = jnp.concatenate([values, jnp.zeros(1)]) / values[-1]
        return tuple(_cholesky(padded[np.array(cells)]) for cells in self.index)

    def log_sigma(self, v):
        return 0.5 * jnp.log(self._natural(v)[-1])

    def log_sigma_derivatives(self, v):
        return jax.grad(self.log_sigma)(v), jax.hessian(self.log_sigma)(v)

    def init(self):
        return np.where(self.is_log, 0.0, 0.0)

    def nearest(self, sigmas, residual):
        values = np.zeros(len(self.offset))
        counts = np.zeros(len(self.offset))
        for sigma, cells in zip(sigmas, self.index, strict=True):
            cells = np.array(cells)
            np.add.at(values, cells[cells >= 0], sigma[cells >= 0])
            np.add.at(counts, cells[cells >= 0], 1.0)
        values = values / np.maximum(counts, 1.0)
        values[-1] = residual
        free = values[list(self.free)]
        floor = 1e-3 * max(residual, 1e-300)
        return np.where(self.is_log, np.log(np.maximum(free, floor)), 0.0 * free)


def _cholesky(sigma):
    return jnp.sqrt(sigma) if sigma.shape[0] == 1 else jnp.linalg.cholesky(sigma)
