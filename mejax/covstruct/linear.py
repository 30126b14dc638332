"""Covariance matrices whose entries are linear in the parameters: fixed entries and patterns of equal ones."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from .._typing import ArrayLike
from ._base import AbstractCovariance, triangle


class _Entries(eqx.Module):
    """vech(Sigma) = constant + selection @ transform(theta); variances enter through their logs."""

    rows: tuple[int, ...] = eqx.field(static=True)  # of the lower triangle, one per entry
    columns: tuple[int, ...] = eqx.field(static=True)
    which: tuple[int, ...] = eqx.field(static=True)  # parameter of each entry, -1 for a fixed one
    is_log: tuple[bool, ...] = eqx.field(static=True)  # per parameter
    constant: Float[ArrayLike, " e"]

    def matrix(self, theta, size: int):
        free = jnp.where(jnp.array(self.is_log, bool), jnp.exp(theta), theta)
        which = np.array(self.which)
        values = jnp.asarray(self.constant)
        if len(self.is_log):
            values = jnp.where(jnp.array(which >= 0), free[np.maximum(which, 0)], values)
        lower = jnp.zeros((size, size)).at[np.array(self.rows), np.array(self.columns)].set(values)
        return lower + jnp.tril(lower, -1).T


def _collect(matrix: np.ndarray, groups: dict, fixed: np.ndarray) -> _Entries:
    rows, columns = np.tril_indices(matrix.shape[0])
    which = [groups.get((i, j), -1) for i, j in zip(rows.tolist(), columns.tolist(), strict=True)]
    count = max(which, default=-1) + 1
    is_log = [False] * count
    for i, j, k in zip(rows, columns, which, strict=True):
        if k >= 0 and i == j:
            is_log[k] = True
    constant = np.where(np.array(which) < 0, fixed[rows, columns], 0.0)
    return _Entries(tuple(rows.tolist()), tuple(columns.tolist()), tuple(which), tuple(is_log), constant)


class Fixed(AbstractCovariance):
    """Entries of `matrix` are held at their values, those that are NaN are free (lower triangle).

    Free variances are estimated as logs, free covariances as they are; a Sigma that is not positive definite makes the
    log likelihood NaN, which the optimiser backs away from.  The values are absolute: sigma_e is not profiled out.
    """

    size: int = eqx.field(static=True)
    form: _Entries
    fixed_values: tuple[float, ...] = eqx.field(static=True)
    relative: bool = eqx.field(static=True, default=False)

    def __init__(self, matrix: np.ndarray):
        matrix = np.asarray(matrix, float)
        free = [(i, j) for i in range(len(matrix)) for j in range(i + 1) if np.isnan(matrix[i, j])]
        self.size = len(matrix)
        self.relative = False
        self.form = _collect(matrix, {cell: k for k, cell in enumerate(free)}, matrix)
        self.fixed_values = tuple(self.form.constant.tolist())

    @property
    def entries(self):
        zero = {
            (j, i)
            for i, j, k, value in zip(
                self.form.rows, self.form.columns, self.form.which, self.fixed_values, strict=True
            )
            if k < 0 and value == 0.0 and i != j
        }
        return tuple(cell for cell in triangle(self.size) if cell not in zero)

    @property
    def held(self) -> tuple[bool, ...]:
        """For each printed entry: is it fixed?"""
        which = dict(zip(zip(self.form.columns, self.form.rows, strict=True), self.form.which, strict=True))
        return tuple(which[c] < 0 for c in self.entries)

    def init(self):
        return np.zeros(len(self.form.is_log))

    def cholesky(self, theta):
        return _factor(self.form.matrix(theta, self.size))

    def nearest(self, sigma):
        return _nearest(self.form, sigma)


class Pattern(AbstractCovariance):
    """Entries of Sigma where `matrix` has equal numbers are equal; a NaN is a parameter of its own (lower triangle)."""

    size: int = eqx.field(static=True)
    form: _Entries
    relative: bool = eqx.field(static=True, default=True)

    def __init__(self, matrix: np.ndarray):
        matrix = np.asarray(matrix, float)
        seen: dict = {}
        groups = {}
        for i in range(len(matrix)):
            for j in range(i + 1):
                key = (i, j) if np.isnan(matrix[i, j]) else matrix[i, j]
                groups[i, j] = seen.setdefault(key, len(seen))
        self.size = len(matrix)
        self.relative = True
        self.form = _collect(matrix, groups, np.zeros_like(matrix))

    @property
    def entries(self):
        return triangle(self.size)

    def init(self):
        return np.zeros(len(self.form.is_log))

    def cholesky(self, theta):
        return _factor(self.form.matrix(theta, self.size))

    def nearest(self, sigma):
        return _nearest(self.form, sigma)


def _factor(sigma):
    return sigma**0.5 if sigma.shape[0] == 1 else jnp.linalg.cholesky(sigma)


def _nearest(form: _Entries, sigma: np.ndarray) -> np.ndarray:
    """Averages over the entries that share a parameter, shrunk towards a diagonal until positive definite."""
    which = np.array(form.which)
    values = sigma[np.array(form.rows), np.array(form.columns)]
    floor = 1e-3 * max(float(np.max(np.diag(sigma), initial=0.0)), 1e-300)
    mean = np.array([np.mean(values[which == k]) for k in range(len(form.is_log))])
    log = np.array(form.is_log, bool)
    for shrink in (1.0, 0.5, 0.0):
        theta = np.where(log, np.log(np.maximum(mean, floor)), shrink * mean)
        with jax.ensure_compile_time_eval():
            full = np.asarray(form.matrix(theta, sigma.shape[0]))
        if np.linalg.eigvalsh(full)[0] > 0:
            return theta
    return theta
