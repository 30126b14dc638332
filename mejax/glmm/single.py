"""The model without random effects: where fits begin, and what they are tested against."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ..quadrature import Integrand, slope_and_curvature
from .batch import Batch, log_density
from .model import GeneralizedModel


class Evaluation(NamedTuple):
    """The log likelihood at v = (coefficients of the whitened columns, rest) and its derivatives in v."""

    v: Float[ArrayLike, " d"]
    value: Float[ArrayLike, ""]
    gradient: Float[ArrayLike, " d"]
    hessian: Float[ArrayLike, "d d"]


def integrand_of(
    model: GeneralizedModel, batch: Batch, eta: Float[Array, "E n ..."], aux: Float[Array, " a"]
) -> Integrand:
    """The rows' weighted log densities at eta."""
    return Integrand(lambda e, a: log_density(model.family, batch.y, batch.weights, e, a), eta, aux)


def read_ancillary(model: GeneralizedModel, rest: Float[Array, " r"]) -> Float[Array, " a"]:
    """The printed ancillary parameters of a model without random effects.

    Where the model has random effects `rest` are the family's own free parameters; where it has none they are the
    model's, constraints included.
    """
    return model.family.printed(rest) if model.plan.terms else model.structure.read(rest).aux


@eqx.filter_jit
def evaluate_single(model: GeneralizedModel, v: Float[ArrayLike, " d"]) -> Evaluation:
    """Log likelihood, gradient and Hessian in (coefficients of the whitened columns, see `read_ancillary`)."""
    v = jnp.asarray(v)
    return Evaluation(v, *model.sum_pieces(lambda model, batch, v, _: (_piece(model, batch, v), ()), v)[0])


@eqx.filter_jit
def row_slopes(model: GeneralizedModel, v: Float[ArrayLike, " d"]):
    """First (E, n) and minus second derivatives (E, E, n) of each row's log density in eta, without random effects; one
    piece only."""
    v, batch = jnp.asarray(v), model.batches
    p = model.root.shape[0]
    aux = read_ancillary(model, v[p:])
    slope, curvature = slope_and_curvature(integrand_of(model, batch, batch.base + batch.x @ v[:p], aux))
    return slope, -curvature


def _piece(model: GeneralizedModel, batch: Batch, v):
    p = model.root.shape[0]
    eta = batch.base + batch.x @ v[:p]
    # the weights of all groups that a row lies in count, as they do in the model with random effects
    density = lambda e, a: log_density(model.family, batch.y, batch.joint_weights, e, a)
    integrand = Integrand(density, eta, read_ancillary(model, v[p:]))
    slope, curvature = slope_and_curvature(integrand)
    value = jnp.sum(integrand.density(eta, integrand.ancillary))
    gradient = _pulled(batch, slope)
    hessian = jnp.einsum("enp,efn,fnq->pq", batch.x, curvature, batch.x)
    if len(v) == p:
        return value, gradient, hessian

    def of_free(free):
        return jnp.sum(integrand.density(eta, read_ancillary(model, free)))

    def mixed(direction):
        moved = jax.jvp(lambda free: integrand.slope(eta, read_ancillary(model, free)), (v[p:],), (direction,))[1]
        return _pulled(batch, moved)

    pull, bend = jax.linearize(jax.grad(of_free), v[p:])
    directions = jnp.eye(len(v) - p)
    cross = jax.lax.map(mixed, directions)
    hessian = jnp.block([[hessian, cross.T], [cross, jax.lax.map(bend, directions)]])
    return value, jnp.concatenate([gradient, pull]), hessian


def _pulled(batch: Batch, slope: Float[Array, "E n"]) -> Float[Array, " p"]:
    """X'slope."""
    return jnp.einsum("enp,en->p", batch.x, slope)
