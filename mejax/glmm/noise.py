"""By how much the probes of an iterative remainder differ."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ..elimination import Noise, noise, remainder
from .integrals import State, problem_of
from .model import GeneralizedModel
from .modes import predictor, products, refine, slopes


@eqx.filter_jit
def probe_noise(model: GeneralizedModel, v: Float[ArrayLike, " d"], state: State) -> Noise:
    """Every probe's estimate of log|H| and of its derivatives in v, but for what all have in common; `state` holds the
    modes at v."""
    v = jnp.asarray(v)

    def balanced(step: Float[Array, " d"]):
        problem = problem_of(model, model.batches, model.point(v + step))
        weight = slopes(problem, predictor(problem, refine(problem, state)))[1]
        return remainder(problem.plan, products(problem, weight), problem.prior)

    return noise(balanced, jnp.zeros(len(v)))
