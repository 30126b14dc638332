"""By how much the probes of an iterative remainder differ."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..elimination import eliminate, noise
from .criterion import least_squares, term_factors
from .model import LinearModel


class Noise(NamedTuple):
    """Every probe's estimate of log|V|, (t,), and of its derivatives in v, (t, m), but for what all have in common; the
    derivatives of the coefficients in v, (p, m)."""

    logdets: Float[Array, " t"]
    slopes: Float[Array, "t m"]
    fixed: Float[Array, "p m"]


@eqx.filter_jit
def probe_noise(model: LinearModel, v: Float[Array, " m"]) -> Noise:
    v = jnp.asarray(v)
    depth = len(v) - 1 if model.variances.profiled else len(v)
    factors = lambda step: model.variances.working_factors(v.at[:depth].add(step))

    def balanced(step):
        return eliminate(model.plan, model.products, term_factors(model.plan, factors(step))).s

    found = noise(balanced, jnp.zeros(depth))
    along = jax.linearize(lambda step: least_squares(model, factors(step))[0], jnp.zeros(depth))[1]
    fixed = jax.lax.map(along, jnp.eye(depth)).T
    missing = len(v) - depth
    pad = lambda rows: jnp.pad(rows, ((0, 0), (0, missing)))
    return Noise(found.forms, pad(found.slopes), pad(fixed))
