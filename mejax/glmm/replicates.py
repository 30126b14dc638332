"""One generalized model with many responses, or many counts of its clusters: what a bootstrap evaluates at once."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import ArrayLike, Response
from .curvature import differentiates_nodes, evaluate, start_state
from .integrals import State, adapted, contributions
from .model import GeneralizedModel
from .single import Evaluation


@eqx.filter_jit
def start_responses(model: GeneralizedModel, y: Response, v: Float[ArrayLike, "B d"]) -> State:
    """`start_state` for every response (its leaves (B, n)) at its own v."""
    return jax.vmap(lambda one, at: start_state(_with_response(model, one), at))(y, jnp.asarray(v))


@eqx.filter_jit
def evaluate_responses(
    model: GeneralizedModel, y: Response, v: Float[ArrayLike, "B d"], state: State
) -> tuple[Evaluation, State]:
    """`evaluate` for every response at its own v, from its own state."""
    return jax.vmap(lambda one, at, s: evaluate(_with_response(model, one), at, s))(y, jnp.asarray(v), state)


@eqx.filter_jit
def evaluate_counts(
    model: GeneralizedModel, counts: Float[ArrayLike, "B J"], v: Float[ArrayLike, "B d"], state: State
) -> tuple[Evaluation, State]:
    """The same with each top-level cluster standing as often as `counts` says."""

    def one(count, at, state):
        if not differentiates_nodes(model):
            return evaluate(_with_counts(model, count), at, state)
        state = adapted(model, model.batches, model.point(at), state)
        total = lambda v: count @ contributions(model, model.batches, model.point(v), state)
        gradient, bend = jax.linearize(jax.grad(total), at)
        return Evaluation(at, total(at), gradient, jax.lax.map(bend, jnp.eye(len(at)))), state

    return jax.vmap(one)(jnp.asarray(counts), jnp.asarray(v), state)


def _with_response(model: GeneralizedModel, y: Response) -> GeneralizedModel:
    return replace(model, batches=replace(model.batches, y=y))


def _with_counts(model: GeneralizedModel, counts) -> GeneralizedModel:
    tree = model.batches.tree
    assert tree is not None
    return replace(model, batches=replace(model.batches, tree=replace(tree, weights=(*tree.weights[:-1], counts))))
