"""Derivatives of the rows' log densities, and what an evaluation returns."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ..likelihoods import AbstractFamily
from ..quadrature import Pointwise
from .batch import Batch, log_density


class Evaluation(NamedTuple):
    """The log likelihood at v = (coefficients of the whitened columns, rest) and its derivatives in v."""

    v: Float[ArrayLike, " d"]
    value: Float[ArrayLike, ""]
    gradient: Float[ArrayLike, " d"]
    hessian: Float[ArrayLike, "d d"]


def pointwise_derivatives(
    family: AbstractFamily, batch: Batch, eta: Float[Array, "n ..."], aux: Float[Array, " a"]
) -> Pointwise:
    """First and second derivatives of the rows' weighted log densities in (eta, aux)."""
    ones, zeros = jnp.ones_like(eta), jnp.zeros_like(eta)
    directions = [(ones, jnp.zeros_like(aux)), *((zeros, unit) for unit in jnp.eye(len(aux)))]

    def density(eta, aux):
        return log_density(family, batch.y, batch.weights, eta, aux)

    def slope(direction):
        return lambda eta, aux: jax.jvp(density, (eta, aux), direction)[1]

    first = tuple(slope(d)(eta, aux) for d in directions)
    second = tuple(
        tuple(jax.jvp(slope(a), (eta, aux), b)[1] for b in directions[: k + 1]) for k, a in enumerate(directions)
    )
    return Pointwise(first, second)
