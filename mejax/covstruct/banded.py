"""Errors of categories, such as occasions: a covariance of their own for every two that are not too far apart."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ._errors import AbstractCorrelation, ErrorEntry


class Banded(AbstractCorrelation):
    """R = L L' with `order` bands below the diagonal of the lower triangular L, L[0, 0] = 1; zero covariances beyond.

    theta holds the logs of the other diagonal elements, then the bands by rows.  Order size - 1 is the unstructured
    matrix, order 0 one of variances alone.  `labels` are those of the categories.
    """

    size: int = eqx.field(static=True)
    order: int = eqx.field(static=True)
    labels: tuple[str, ...] = eqx.field(static=True)

    def init(self):
        return np.zeros(self.size - 1 + len(bands(self.size, self.order)[0]))

    def covariance(self, theta):
        """R of one error of each category."""
        diagonal = jnp.exp(jnp.append(jnp.zeros(1), theta[: self.size - 1]))
        factor = jnp.diag(diagonal).at[bands(self.size, self.order)].set(theta[self.size - 1 :])
        return factor @ factor.T

    def matrix(self, theta, times):
        return at_categories(self.covariance(theta), times)

    def natural(self, theta, scale):
        sigma = scale * self.covariance(theta)
        return jnp.append(jnp.diagonal(sigma), sigma[pairs(self.size, self.order)])

    def correlations(self, theta):
        sigma = self.covariance(theta)
        i, j = pairs(self.size, self.order)
        return sigma[i, j] / jnp.sqrt(sigma[i, i] * sigma[j, j])

    def entries(self, joint):
        if not joint:
            return between("corr", self.labels, self.order)
        variances = tuple(ErrorEntry(f"var(e{label})", "var") for label in self.labels)
        return variances + between("cov", self.labels, self.order)


class BandedCorrelation(AbstractCorrelation):
    """R = L L' with the rows of L of length 1 and zero beyond `order` bands: the variances are elsewhere.

    theta holds the bands, by rows, of a lower triangular matrix with ones on its diagonal; its rows are L's before they
    are brought to length 1.
    """

    size: int = eqx.field(static=True)
    order: int = eqx.field(static=True)
    labels: tuple[str, ...] = eqx.field(static=True)

    def init(self):
        return np.zeros(len(bands(self.size, self.order)[0]))

    def between(self, theta):
        """The correlations of one error of each category."""
        factor = jnp.eye(self.size).at[bands(self.size, self.order)].set(theta)
        factor = factor / jnp.sqrt(jnp.sum(factor**2, axis=1, keepdims=True))
        return factor @ factor.T

    def matrix(self, theta, times):
        return at_categories(self.between(theta), times)

    def natural(self, theta, scale):
        return jnp.append(jnp.asarray(scale), self.between(theta)[pairs(self.size, self.order)])

    def entries(self, joint):
        correlations = between("corr", self.labels, self.order)
        return (ErrorEntry("var(e)", "var"), *correlations) if joint else correlations


def pairs(size: int, order: int):
    """(rows, columns) above the diagonal, by rows, at most `order` apart."""
    rows, columns = np.triu_indices(size, 1)
    near = columns - rows <= order
    return rows[near], columns[near]


def bands(size: int, order: int):
    """(rows, columns) below the diagonal, by rows, at most `order` apart."""
    rows, columns = np.tril_indices(size, -1)
    near = rows - columns <= order
    return rows[near], columns[near]


def between(name: str, labels: tuple[str, ...], order: int) -> tuple[ErrorEntry, ...]:
    cells = zip(*pairs(len(labels), order), strict=True)
    return tuple(ErrorEntry(f"{name}(e{labels[i]},e{labels[j]})", name) for i, j in cells)


def at_categories(matrix: Float[Array, "c c"], times: Float[ArrayLike, " m"]) -> Float[Array, "m m"]:
    """The rows and columns of these categories, which are numbered from 0."""
    codes = jnp.round(jnp.asarray(times)).astype(int)
    return matrix.at[codes[:, None], codes[None, :]].get(mode="clip")
