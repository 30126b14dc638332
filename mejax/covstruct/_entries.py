"""Covariance matrices whose entries are parameters themselves: what `Fixed` and `Pattern` share."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._typing import ArrayLike
from ._base import Traits


class Entries(eqx.Module):
    """vech(Sigma) = constant + transform(theta)[which]; variances enter through their logs.

    A Sigma that is not positive definite has a NaN factor, so that the log likelihood is NaN and the optimiser backs
    away.
    """

    size: int = eqx.field(static=True)
    rows: tuple[int, ...] = eqx.field(static=True)  # of the lower triangle, one per entry
    columns: tuple[int, ...] = eqx.field(static=True)
    which: tuple[int, ...] = eqx.field(static=True)  # parameter of each entry, -1 for a fixed one
    is_log: tuple[bool, ...] = eqx.field(static=True)  # per parameter
    constant: Float[ArrayLike, " e"]

    @property
    def traits(self) -> Traits:
        logs = sum(self.is_log)
        return Traits((False,) * len(self.is_log), logs, len(self.is_log) - logs, own=False)

    def init(self) -> np.ndarray:
        return np.zeros(len(self.is_log))

    def factor(self, theta):
        """The lower Cholesky factor of Sigma."""
        free = jnp.where(jnp.array(self.is_log, bool), jnp.exp(theta), theta)
        which = np.array(self.which)
        values = jnp.asarray(self.constant)
        if len(self.is_log):
            values = jnp.where(jnp.array(which >= 0), free[np.maximum(which, 0)], values)
        lower = jnp.zeros((self.size, self.size)).at[np.array(self.rows), np.array(self.columns)].set(values)
        sigma = lower + jnp.tril(lower, -1).T
        return jnp.sqrt(sigma) if self.size == 1 else jnp.linalg.cholesky(sigma)

    def nearest(self, sigma: np.ndarray) -> np.ndarray:
        """Averages over the entries that share a parameter, shrunk towards a diagonal until positive definite."""
        which = np.array(self.which)
        values = sigma[np.array(self.rows), np.array(self.columns)]
        floor = 1e-3 * max(float(np.max(np.diag(sigma), initial=0.0)), 1e-300)
        log = np.array(self.is_log, bool)
        mean = np.array([np.mean(values[which == k]) for k in range(len(log))])
        mean = np.where(log, np.maximum(mean, floor), mean)
        for shrink in (1.0, 0.5, 0.0):
            natural = np.where(log, mean, shrink * mean)
            if np.linalg.eigvalsh(self._host_sigma(natural))[0] > 0:
                break
        return np.where(log, np.log(np.where(log, natural, 1.0)), natural)

    def _host_sigma(self, natural: np.ndarray) -> np.ndarray:
        which = np.array(self.which)
        sigma = np.zeros((self.size, self.size))
        values = np.where(which >= 0, np.append(natural, 0.0)[which], np.asarray(self.constant))
        sigma[np.array(self.rows), np.array(self.columns)] = values
        return sigma + np.tril(sigma, -1).T


def entries(size: int, groups: Mapping[tuple[int, int], int], fixed: np.ndarray) -> Entries:
    """`groups` gives the parameter of each free (row, column) of the lower triangle; the others are held at `fixed`."""
    rows, columns = np.tril_indices(size)
    which = [groups.get(cell, -1) for cell in zip(rows.tolist(), columns.tolist(), strict=True)]
    is_log = [False] * (max(which, default=-1) + 1)
    for i, j, k in zip(rows, columns, which, strict=True):
        if k >= 0 and i == j:
            is_log[k] = True
    constant = np.where(np.array(which) < 0, fixed[rows, columns], 0.0)
    return Entries(size, tuple(rows.tolist()), tuple(columns.tolist()), tuple(which), tuple(is_log), constant)
