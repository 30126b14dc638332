"""Log likelihood, gradient and exact Hessian of a generalized model in one compiled program."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ..elimination import thinned
from ..quadrature import Columns, derivatives, linear_predictor, place, tilt, weighted
from .batch import Batch, log_density
from .integrals import State, adapted, contributions, nodes_at, problem_of, rules_of, started, term_factors
from .methods import MEAN_VARIANCE, PLAIN
from .model import GeneralizedModel
from .single import Evaluation, integrand_of


@eqx.filter_jit
def start_state(model: GeneralizedModel, v: Float[ArrayLike, " d"]) -> State:
    """The state from which `evaluate` begins."""
    v = jnp.asarray(v)
    return model.each_piece(started, model.point(v))


@eqx.filter_jit
def evaluate(model: GeneralizedModel, v: Float[ArrayLike, " d"], state: State) -> tuple[Evaluation, State]:
    """log L(v), its gradient (d,) and Hessian (d, d) after adaptation from `state`, and the new state.

    v = (coefficients of the whitened columns, everything else); see `GeneralizedModel` for log L and for what is held
    while it is differentiated.  Fixed nodes: Louis (1982), level by level; otherwise forward over reverse.
    """
    v = jnp.asarray(v)

    def piece(model, batch: Batch, v, state: State):
        state = adapted(model, batch, model.point(v), state)
        one = by_differentiation if differentiates_nodes(model) else at_fixed_nodes
        return one(model, batch, v, state), state

    (value, gradient, hessian), state = model.sum_pieces(piece, v, state)
    return Evaluation(v, value, gradient, hessian), state


def differentiates_nodes(model: GeneralizedModel) -> bool:
    """Do the nodes move with the parameters when derivatives are taken?"""
    return model.exact or model.method not in (MEAN_VARIANCE, PLAIN)


@eqx.filter_jit
def slope_at(model: GeneralizedModel, v: Float[ArrayLike, " d"], state: State):
    """(log likelihood, gradient, new state): `evaluate` without the Hessian, for large crossed models."""
    v = jnp.asarray(v)

    def piece(model, batch: Batch, v, state: State):
        state = adapted(model, batch, model.point(v), state)
        total = lambda v: jnp.sum(contributions(model, batch, model.point(v), state))
        return jax.value_and_grad(total)(v), state

    (value, gradient), state = model.sum_pieces(piece, v, state)
    return value, gradient, state


@eqx.filter_jit
def hessian_at(model: GeneralizedModel, v: Float[ArrayLike, " d"], state: State) -> Float[Array, "d d"]:
    """The Hessian that goes with `slope_at`, at the state that it returned; from a few probes of an iterative
    remainder."""
    v = jnp.asarray(v)
    if model.plan.sparse is not None:
        model = eqx.tree_at(lambda m: m.batches.plan.sparse, model, thinned(model.plan.sparse))
    return model.sum_pieces(lambda *read: (by_differentiation(*read)[2], ()), v, state)[0]


def by_differentiation(model: GeneralizedModel, batch: Batch, v, state: State):
    """Whatever the method: forward over reverse, one direction after the other."""

    def value(v):
        return jnp.sum(contributions(model, batch, model.point(v), state))

    gradient = jax.grad(value)
    along, tangents = jax.linearize(gradient, v)
    return value(v), along, jax.lax.map(tangents, jnp.eye(len(v)))


def at_fixed_nodes(model: GeneralizedModel, batch: Batch, v, state: State):
    """Value, gradient and Hessian with the nodes held."""
    values, found = fixed_node_derivatives(model, batch, v, state)
    return jnp.sum(values), jnp.sum(found.scores, axis=1), found.hessian


def fixed_node_derivatives(model: GeneralizedModel, batch: Batch, v, state: State):
    """(contributions (J,), `Derivatives`) of a batch, the Hessian complete."""
    assert batch.tree is not None
    p = model.root.shape[0]
    problem = problem_of(model, batch, model.point(v))
    placed = place(rules_of(model, batch), nodes_at(model, batch, problem, state))
    eta = linear_predictor(batch.tree, placed, problem.base, problem.z)
    tilted = tilt(batch.tree, placed, log_density(model.family, batch.y, batch.weights, eta, problem.aux))

    def stacked(rest):
        values = model.structure.read(rest)
        return jax.scipy.linalg.block_diag(*term_factors(batch, values.factors)), values.aux

    slopes, ancillary = jax.jacfwd(stacked)(v[p:])
    z = jnp.concatenate([jnp.asarray(z) for z in batch.z], axis=2)
    columns = Columns(batch.x, z, jnp.moveaxis(slopes, -1, 0), ancillary)
    found = derivatives(batch.tree, placed, tilted, integrand_of(model, batch, eta, problem.aux), columns)

    def bent(rest):
        factor, aux = stacked(rest)
        return jnp.sum(found.in_factor * factor) + jnp.sum(found.in_ancillary * aux)

    hessian = found.hessian.at[p:, p:].add(jax.hessian(bent)(v[p:]))
    top = batch.tree.depth - 1
    return weighted(batch.tree, top, tilted.values[top]), found._replace(hessian=hessian)
