"""By how much the probes of an iterative remainder differ."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ..elimination import Balanced, reduce_sparse, remainder
from .integrals import State, problem_of
from .model import GeneralizedModel
from .modes import predictor, products, refine, slopes


class Noise(NamedTuple):
    """log|S| of the remainder S as every probe estimates it, (t,), and its derivatives in v, (t, d)."""

    logdets: Float[Array, " t"]
    slopes: Float[Array, "t d"]


@eqx.filter_jit
def probe_noise(model: GeneralizedModel, v: Float[ArrayLike, " d"], state: State) -> Noise:
    """At v, where `state` holds the modes; what all probes have in common is in every estimate."""
    v = jnp.asarray(v)

    def logdets(step: Float[Array, " d"]) -> Float[Array, " t"]:
        problem = problem_of(model, model.batches, model.point(v + step))
        weight = slopes(problem, predictor(problem, refine(problem, state)))[1]
        left = remainder(problem.plan, products(problem, weight), problem.prior)
        assert isinstance(left, Balanced)
        return reduce_sparse(left, jnp.zeros((problem.plan.columns, 0))).logdets

    found, along = jax.linearize(logdets, jnp.zeros(len(v)))
    return Noise(found, jax.lax.map(along, jnp.eye(len(v))).T)
