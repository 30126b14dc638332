"""How unconstrained reals become covariance factors and ancillary parameters, with and without constraints."""

import abc
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ..covstruct import AbstractCovariance, entry_root
from ..likelihoods import AbstractFamily

Factors = tuple[Float[Array, "_ _"], ...]


class Values(NamedTuple):
    """`factors`: per equation a triangular L with Sigma = L L'.  `aux`: the printed ancillary parameters."""

    factors: Factors
    aux: Float[Array, " a"]


class AbstractStructure(eqx.Module):
    """Everything of a generalized model's parameters that is not a coefficient, as one flat vector `rest`."""

    blocks: eqx.AbstractVar[tuple[AbstractCovariance, ...]]
    family: eqx.AbstractVar[AbstractFamily]

    @abc.abstractmethod
    def read(self, rest: Float[ArrayLike, " r"]) -> Values: ...

    @abc.abstractmethod
    def params(self, rest: np.ndarray) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
        """`Params.random` and `Params.ancillary` of `rest`, signs rectified; on the host."""

    @abc.abstractmethod
    def vector(self, random, ancillary) -> Float[Array, " r"]:
        """`rest` of `Params.random` and `Params.ancillary`."""

    @abc.abstractmethod
    def unit(self, aux: np.ndarray, variances: Sequence[np.ndarray] | None = None) -> np.ndarray:
        """`rest` with the free variances of every block at these values (1), covariances at 0, and these ancillary
        parameters."""

    @property
    @abc.abstractmethod
    def shapes(self) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...]]:
        """Of `Params.random` and `Params.ancillary`."""

    @property
    @abc.abstractmethod
    def scales(self) -> np.ndarray:
        """Which elements of `rest` are standard deviations by themselves."""

    def components(self, rest: Float[ArrayLike, " r"]) -> Float[Array, " k"]:
        """The printed variances and covariances, equation by equation, then variances among the ancillaries."""
        values = self.read(rest)
        parts = []
        for block, factor in zip(self.blocks, values.factors, strict=True):
            sigma = factor @ factor.T
            parts += [sigma[i, j] for i, j in block.entries]
        parts += [values.aux[k] for k in self.family.variances]
        return jnp.stack(parts) if parts else jnp.zeros(0)

    def ancillary(self, rest: Float[ArrayLike, " r"]) -> Float[Array, " a"]:
        """The printed ancillary parameters that are no variances."""
        held = self.family.variances
        return self.read(rest).aux[np.array([k for k in range(len(self.family.ancillary)) if k not in held], int)]


class FreeStructure(AbstractStructure):
    """Every block and the family have parameters of their own: rest = (theta of block 1, ..., free ancillaries)."""

    blocks: tuple[AbstractCovariance, ...]
    family: AbstractFamily
    cuts: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, blocks, family: AbstractFamily):
        self.blocks = tuple(blocks)
        self.family = family
        sizes = [*(len(b.init()) for b in self.blocks), len(family.ancillary)]
        self.cuts = tuple(np.cumsum([0, *sizes]).tolist())

    def _thetas(self, rest):
        return tuple(rest[a:b] for a, b in zip(self.cuts[:-1], self.cuts[1:-1], strict=False))

    def read(self, rest):
        factors = tuple(b.triangular(t) for b, t in zip(self.blocks, self._thetas(rest), strict=True))
        return Values(factors, self.family.printed(rest[self.cuts[-2] :]))

    def params(self, rest):
        pairs = zip(self.blocks, self._thetas(rest), strict=True)
        return tuple(_rectified(block, theta) for block, theta in pairs), np.asarray(rest[self.cuts[-2] :])

    def vector(self, random, ancillary):
        return jnp.concatenate([*(jnp.asarray(r, float) for r in random), jnp.asarray(ancillary, float)])

    @property
    def shapes(self):
        return tuple((len(b.init()),) for b in self.blocks), (len(self.family.ancillary),)

    def unit(self, aux, variances=None):
        variances = [np.ones(b.size) for b in self.blocks] if variances is None else variances
        thetas = [b.nearest(np.diag(v)) for b, v in zip(self.blocks, variances, strict=True)]
        return np.concatenate([*thetas, self.family.free(np.asarray(aux))])

    @property
    def scales(self):
        marks = [*(np.array(b.traits.scales, bool) for b in self.blocks), np.zeros(len(self.family.ancillary), bool)]
        return np.concatenate(marks)


def _rectified(block: AbstractCovariance, theta: np.ndarray) -> np.ndarray:
    """Signs that no covariance depends on, made positive."""
    if block.traits.any_basis and block.size > 1:
        lower = np.zeros((block.size, block.size))
        lower[np.tril_indices(block.size)] = theta
        return (lower * np.where(np.diag(lower) < 0, -1.0, 1.0))[np.tril_indices(block.size)]
    return np.where(block.traits.scales, np.abs(theta), theta)


class ConstrainedStructure(AbstractStructure):
    """Linear constraints among variances, covariances and ancillary parameters: entries = offset + basis @ g(rest).

    The entries are the distinct ones of every block and then the ancillary parameters as printed.  Each element of
    `rest` is one of them: the log of a variance (`is_log`), or itself.  `index[b]` says which entry stands in each cell
    of block b's matrix (-1: zero), `free` which entry each element of `rest` is.  `Params.random` is (rest,).
    """

    blocks: tuple[AbstractCovariance, ...]
    family: AbstractFamily
    basis: Float[ArrayLike, "k r"]
    offset: Float[ArrayLike, " k"]
    index: tuple[tuple[tuple[int, ...], ...], ...] = eqx.field(static=True)
    is_log: tuple[bool, ...] = eqx.field(static=True)
    free: tuple[int, ...] = eqx.field(static=True)

    def entries(self, rest: Float[ArrayLike, " r"]) -> Float[Array, " k"]:
        moved = jnp.where(jnp.array(self.is_log, bool), jnp.exp(rest), rest)
        return jnp.asarray(self.offset) + jnp.asarray(self.basis) @ moved

    def read(self, rest):
        values = self.entries(rest)
        padded = jnp.concatenate([values, jnp.zeros(1)])
        factors = tuple(entry_root(padded[np.array(cells)]) for cells in self.index)
        return Values(factors, values[len(values) - len(self.family.ancillary) :])

    def params(self, rest):
        return (np.asarray(rest),), np.zeros(0)

    def vector(self, random, ancillary):
        return jnp.asarray(random[0], float)

    @property
    def shapes(self):
        return ((len(self.is_log),),), (0,)

    def unit(self, aux, variances=None):
        values = np.zeros(len(self.offset))
        values[len(values) - len(aux) :] = aux
        for b, cells in enumerate(self.index):
            for i, row in enumerate(cells):
                values[row[i]] = 1.0 if variances is None else variances[b][i]
        free = values[list(self.free)]
        return np.where(self.is_log, np.log(np.where(self.is_log, np.maximum(free, 1e-8), 1.0)), free)

    @property
    def scales(self):
        return np.zeros(len(self.is_log), bool)
