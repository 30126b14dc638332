"""Exact first and second derivatives of the profile likelihood of a linear model, in one compiled program."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import ArrayLike
from .criterion import Sufficient, best_log_sigma, criterion, dense_part, gls
from .expansion import Expansion, choose_expansion
from .model import LinearModel


class Evaluation(NamedTuple):
    """The criterion at v (log sigma_e profiled out where that is possible) with its exact derivatives in v, and the
    generalised-least-squares coefficients there with their covariance."""

    v: Float[ArrayLike, " m"]
    value: Float[ArrayLike, ""]
    gradient: Float[ArrayLike, " m"]
    hessian: Float[ArrayLike, "m m"]
    fixed: Float[ArrayLike, " p"]
    covariance: Float[ArrayLike, "p p"]


@eqx.filter_jit
def evaluate(model: LinearModel, v: Float[ArrayLike, " m"]) -> Evaluation:
    """Value, gradient and Hessian of the profile (or restricted) likelihood.

    log|V| and W'V^-1 W are expanded to second order in v by an `Expansion`; what follows from them is small.
    """
    v = jnp.asarray(v)
    depth = len(v) - 1 if model.variances.profiled else len(v)
    expansion = choose_expansion(model)(model, v, depth)
    t = Sufficient(expansion.logdet, *dense_part(expansion.total))
    v = v.at[-1].set(best_log_sigma(model, t, v)) if model.variances.profiled else v
    log_sigma = model.variances.log_sigma(v)
    weights = jax.grad(lambda s: criterion(model, s, log_sigma))(t)
    logdets, totals = expansion.first()
    rss, logdet_x = jax.vmap(lambda d: jax.jvp(dense_part, (expansion.total,), (d,))[1])(totals)
    second = _second_order(expansion, totals, weights)

    def linearised(step):
        moved = [a + b @ step[:depth] for a, b in zip(t, (logdets, rss, logdet_x), strict=True)]
        return criterion(model, Sufficient(*moved), model.variances.log_sigma(v + step))

    gradient = jax.grad(linearised)(jnp.zeros_like(v))
    hessian = jax.hessian(linearised)(jnp.zeros_like(v)).at[:depth, :depth].add(second)
    fixed, covariance = gls(model, expansion.total, log_sigma)
    return Evaluation(v, criterion(model, t, log_sigma), gradient, hessian, fixed, covariance)


def _second_order(expansion: Expansion, totals, weights: Sufficient):
    """Second derivatives of weights . (log|V|, rss, log|X'V^-1X|), the weights held fixed."""

    def outer(matrix):
        return sum(w * part for w, part in zip(weights[1:], dense_part(matrix), strict=True))

    e = jax.grad(outer)(expansion.total)
    second = expansion.second(weights.logdet, 0.5 * (e + e.T))
    steps = jnp.zeros(len(totals))
    return second + jax.hessian(lambda step: outer(expansion.total + jnp.tensordot(step, totals, 1)))(steps)
