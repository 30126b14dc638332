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
from .within import Errors

Factors = tuple[Float[Array, "_ _"], ...]


class AbstractVariances(eqx.Module):
    """Maps variance parameters to the relative factors L of every block and to log sigma_e (Sigma = sigma_e^2 L L').

    There are two sets of coordinates.  `Params.random` and `Params.residual` are the public ones: one vector per block,
    read by its structure.  The optimiser uses a flat vector v in *working* coordinates: `frames[b]` is None or a matrix
    T, the cross-products are those of the covariates z T, of random effects T^-1 u, and v holds the factor of their
    covariance, so that uncentred covariates (a year beside a constant) cost no digits.

    `profiled` says that the last element of v is log sigma_e, that no factor depends on it, and that it can therefore
    be maximised in closed form.  `errors` is the structure of the within-group errors (None: independent, with one
    variance); `Params.residual` holds its parameters, then log sigma_e.
    """

    blocks: eqx.AbstractVar[tuple[AbstractCovariance, ...]]
    errors: eqx.AbstractVar[Errors | None]
    frames: eqx.AbstractVar[tuple[Any, ...]]
    profiled: eqx.AbstractVar[bool]

    @abc.abstractmethod
    def init(self) -> np.ndarray:
        """v of unit variances."""

    @abc.abstractmethod
    def unit(self) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """`Params.random` and `Params.residual` of unit variances."""

    @abc.abstractmethod
    def params(self, v: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """`Params.random` and `Params.residual` of v, signs rectified; on the host."""

    @abc.abstractmethod
    def vector(self, random, residual) -> np.ndarray:
        """v of `Params.random` and `Params.residual`; on the host."""

    @abc.abstractmethod
    def read(self, random, residual) -> tuple[Factors, Float[Array, " r"]]:
        """Working factors of `Params.random`, and the parameters of the errors, the last of them log sigma_e."""

    @abc.abstractmethod
    def working_factors(self, v: Float[ArrayLike, " m"]) -> Factors:
        """The relative factor of every block in working coordinates."""

    @abc.abstractmethod
    def residual(self, v: Float[ArrayLike, " m"]) -> Float[ArrayLike, " r"]:
        """The parameters of the errors, the last of them log sigma_e."""

    @abc.abstractmethod
    def log_sigma_derivatives(self, v: Float[ArrayLike, " m"]) -> tuple[Float[Array, " m"], Float[Array, "m m"]]:
        """Gradient and Hessian of `log_sigma`."""

    @abc.abstractmethod
    def nearest(self, sigmas: Sequence[np.ndarray], residual: float) -> np.ndarray:
        """v whose absolute covariance matrices and residual variance are close to those given."""

    def log_sigma(self, v: Float[ArrayLike, " m"]) -> Any:
        """Log of the residual standard deviation."""
        return self.residual(v)[-1]

    def factors(self, v: Float[ArrayLike, " m"]) -> Factors:
        """The relative factor of every block in the model's own coordinates."""
        return self.unframed(self.working_factors(v))

    def unframed(self, working: Factors) -> Factors:
        pairs = zip(self.frames, working, strict=True)
        return tuple(factor if frame is None else frame @ factor for frame, factor in pairs)

    def natural(self, v: Float[ArrayLike, " m"]) -> Float[Array, " k"]:
        """Every printed variance and covariance, block by block, then what is printed of the errors."""
        return self.printed(self.working_factors(v), self.residual(v))

    def printed(self, working: Factors, residual) -> Float[Array, " k"]:
        scale = jnp.exp(2.0 * residual[-1])
        parts = []
        for block, factor in zip(self.blocks, self.unframed(working), strict=True):
            sigma = scale * (factor @ factor.T)
            parts += [sigma[i, j] for i, j in block.entries]
        if self.errors is None:
            return jnp.stack([*parts, scale])
        return jnp.concatenate([jnp.array(parts), self.errors.natural(residual[:-1], residual[-1])])


class FreeVariances(AbstractVariances):
    """Every block has its own parameters: v = (theta of block 1, ..., parameters of the errors, log sigma_e)."""

    blocks: tuple[AbstractCovariance, ...]
    frames: tuple[Float[ArrayLike, "_ _"] | None, ...]
    profiled: bool = eqx.field(static=True)
    cuts: tuple[int, ...] = eqx.field(static=True)
    errors: Errors | None

    def __init__(
        self,
        blocks: Sequence[AbstractCovariance],
        frames: Sequence[Any] | None = None,
        errors: Errors | None = None,
        *,
        profiled: bool = True,
    ):
        self.blocks = tuple(blocks)
        self.errors = errors
        self.frames = (None,) * len(self.blocks) if frames is None else tuple(frames)
        self.profiled = profiled and all(b.relative for b in blocks)
        self.cuts = tuple(np.cumsum([0, *(len(b.init()) for b in blocks)]).tolist())

    def unprofiled(self) -> "FreeVariances":
        """The same parameters, log sigma_e free like the others."""
        return FreeVariances(self.blocks, self.frames, self.errors, profiled=False)

    def _thetas(self, v):
        return tuple(v[a:b] for a, b in zip(self.cuts, self.cuts[1:], strict=False))

    def _unit_residual(self):
        return np.zeros(1) if self.errors is None else np.append(self.errors.init(), 0.0)

    def init(self):
        return np.concatenate([*(b.init() for b in self.blocks), self._unit_residual()])

    def unit(self):
        return tuple(b.init() for b in self.blocks), self._unit_residual()

    def params(self, v):
        random = []
        for block, frame, theta in zip(self.blocks, self.frames, self._thetas(v), strict=True):
            if frame is not None:
                theta = _retriangulate(block.size, np.asarray(frame), theta)
            random.append(np.where(block.traits.scales, np.abs(theta), theta))
        return tuple(random), np.asarray(v[self.cuts[-1] :])

    def vector(self, random, residual):
        parts = []
        for block, frame, theta in zip(self.blocks, self.frames, random, strict=True):
            theta = np.asarray(theta, float)
            parts.append(theta if frame is None else _retriangulate(block.size, np.linalg.inv(frame), theta))
        return np.concatenate([*parts, np.asarray(residual, float)])

    def read(self, random, residual):
        scale = jnp.exp(-residual[-1])
        factors = []
        for block, frame, theta in zip(self.blocks, self.frames, random, strict=True):
            factor = block.cholesky(theta) if block.relative else block.cholesky(theta) * scale
            factors.append(factor if frame is None else jnp.linalg.solve(jnp.asarray(frame), factor))
        return tuple(factors), residual

    def working_factors(self, v):
        scale = jnp.exp(-self.log_sigma(v))
        pairs = zip(self.blocks, self._thetas(v), strict=True)
        return tuple(b.cholesky(t) if b.relative else b.cholesky(t) * scale for b, t in pairs)

    def residual(self, v):
        return v[self.cuts[-1] :]

    def log_sigma_derivatives(self, v):
        return jnp.zeros(len(v)).at[-1].set(1.0), jnp.zeros((len(v), len(v)))

    def nearest(self, sigmas, residual):
        parts = []
        for block, frame, sigma in zip(self.blocks, self.frames, sigmas, strict=True):
            if frame is not None:
                inverse = np.linalg.inv(frame)
                sigma = inverse @ sigma @ inverse.T
            parts.append(block.nearest(sigma / residual if block.relative else sigma))
        among = np.zeros(0) if self.errors is None else self.errors.init()
        return np.concatenate([*parts, among, [0.5 * np.log(residual)]])


def _retriangulate(size: int, transform: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The lower triangular factor, positive diagonal, of (T L)(T L)' as a vector; L is given as one."""
    lower = np.zeros((size, size))
    lower[np.tril_indices(size)] = theta
    factor = np.asarray(np.linalg.qr((transform @ lower).T, mode="r")).T
    return (factor * np.where(np.diag(factor) < 0, -1.0, 1.0))[np.tril_indices(size)]


class ConstrainedVariances(AbstractVariances):
    """Linear constraints among variances and covariances: entries = offset + basis @ g(v), on the absolute scale.

    The entries are the distinct ones of every block and, last, the residual variance.  Each element of v is one of
    them: the log of a variance (`is_log`), or a covariance as it is.  `index[b]` says which entry stands in each cell
    of block b's matrix (-1: zero), `free` which entry each element of v is.  `Params.random` is (v,).
    """

    blocks: tuple[AbstractCovariance, ...]
    basis: Float[ArrayLike, "k m"]
    offset: Float[ArrayLike, " k"]
    index: tuple[tuple[tuple[int, ...], ...], ...] = eqx.field(static=True)
    is_log: tuple[bool, ...] = eqx.field(static=True)
    free: tuple[int, ...] = eqx.field(static=True)
    frames: tuple[None, ...] = eqx.field(static=True)
    profiled: bool = eqx.field(static=True, default=False)
    errors: None = None

    def _entries(self, v):
        free = jnp.where(jnp.array(self.is_log, bool), jnp.exp(v), v)
        return jnp.asarray(self.offset) + jnp.asarray(self.basis) @ free

    def init(self):
        return np.zeros(len(self.is_log))

    def unit(self):
        return (self.init(),), np.zeros(0)

    def params(self, v):
        return (np.asarray(v),), np.zeros(0)

    def vector(self, random, residual):
        return np.asarray(random[0], float)

    def read(self, random, residual):
        return self.working_factors(random[0]), self.residual(random[0])

    def working_factors(self, v):
        values = self._entries(v)
        padded = jnp.concatenate([values, jnp.zeros(1)]) / values[-1]
        return tuple(entry_root(padded[np.array(cells)]) for cells in self.index)

    def residual(self, v):
        return 0.5 * jnp.log(self._entries(v)[-1:])

    def log_sigma_derivatives(self, v):
        return jax.grad(self.log_sigma)(v), jax.hessian(self.log_sigma)(v)

    def nearest(self, sigmas, residual):
        values = np.zeros(len(self.offset))
        counts = np.zeros(len(self.offset))
        for sigma, cells in zip(sigmas, self.index, strict=True):
            cells = np.array(cells)
            np.add.at(values, cells[cells >= 0], sigma[cells >= 0])
            np.add.at(counts, cells[cells >= 0], 1.0)
        values = values / np.maximum(counts, 1.0)
        values[-1] = residual
        free = np.maximum(values[list(self.free)], 1e-3 * max(residual, 1e-300))
        # covariances start at zero, and variances small enough that those they determine are positive
        free = np.where(self.is_log, free, 0.0)
        diagonal = [cells[i][i] for cells in self.index for i in range(len(cells))] + [len(self.offset) - 1]
        for _ in range(60):
            if np.all((np.asarray(self.offset) + np.asarray(self.basis) @ free)[diagonal] >= 0):
                break
            free = 0.5 * free
        return np.where(self.is_log, np.log(np.where(self.is_log, free, 1.0)), free)


def entry_root(sigma: Float[Array, "q q"]) -> Float[Array, "q q"]:
    """The Cholesky factor of a matrix of constrained entries; a single variance may be held at zero."""
    if sigma.shape[0] > 1:
        return jnp.linalg.cholesky(sigma)
    zero = sigma == 0.0  # a variance held at zero: the root has no derivative there, and needs none
    return jnp.where(zero, 0.0, jnp.sqrt(jnp.where(zero, 1.0, sigma)))
