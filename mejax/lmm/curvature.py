"""Exact first and second derivatives of the profile likelihood of a linear model, in one compiled program."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..elimination import Remainder, eliminate, logdet_inverse
from .criterion import Sufficient, best_log_sigma, criterion, dense_part, gls, term_factors
from .model import LinearModel


class Evaluation(NamedTuple):
    """The criterion at v (log sigma_e profiled out where that is possible) with its exact derivatives in v, and the
    generalised-least-squares coefficients there with their covariance."""

    v: Float[Array, " m"]
    value: Float[Array, ""]
    gradient: Float[Array, " m"]
    hessian: Float[Array, "m m"]
    fixed: Float[Array, " p"]
    covariance: Float[Array, "p p"]


@eqx.filter_jit
def evaluate(model: LinearModel, v: Float[Array, " m"]) -> Evaluation:
    """Value, gradient and Hessian of the profile (or restricted) likelihood in one program.

    The Hessian is exact and costs one product of the size of the dense remainder per variance parameter: with
    S_i = dS/dv_i and G_i = S^-1 S_i, d2 log|S| = tr(S^-1 S_ij) - tr(G_i G_j), where the first term is a derivative of
    the elimination with S^-1 held fixed.  Differentiating S^-1 itself would cost twice as many products.
    """
    depth = len(v) - 1 if model.variances.profiled else len(v)

    def stage(theta):
        return eliminate(model.plan, model.products, term_factors(model, jnp.append(theta, v[depth:])))

    here, linear = jax.linearize(stage, v[:depth])
    slopes = jax.vmap(linear)(jnp.eye(depth))
    logdet, inverse = logdet_inverse(here.s) if here.s.shape[0] else (0.0, here.s)
    x = inverse @ here.c
    total = here.total - here.c.T @ x
    t = Sufficient(here.logdet + logdet, *dense_part(total))
    v = v.at[-1].set(best_log_sigma(model, t, v)) if model.variances.profiled else v
    log_sigma = model.variances.log_sigma(v)
    weights = jax.grad(lambda s: criterion(model, s, log_sigma))(t)
    first, totals = _first_order(inverse, x, slopes, total)
    second = _second_order(stage, v[:depth], inverse, x, slopes, total, totals, weights)

    def quadratic_model(step):
        moved = [a + b @ step[:depth] for a, b in zip(t, first, strict=True)]
        return criterion(model, Sufficient(*moved), model.variances.log_sigma(v + step))

    gradient = jax.grad(quadratic_model)(jnp.zeros_like(v))
    hessian = jax.hessian(quadratic_model)(jnp.zeros_like(v)).at[:depth, :depth].add(second)
    fixed, covariance = gls(model, total, log_sigma)
    return Evaluation(v, criterion(model, t, log_sigma), gradient, hessian, fixed, covariance)


def _first_order(inverse, x, slopes: Remainder, total):
    """First derivatives of (log|V|, rss, log|X'V^-1X|) and of W'V^-1 W, one row per parameter."""
    logdets = slopes.logdet + jnp.einsum("ab,iab->i", inverse, slopes.s)
    cross = jnp.einsum("iqa,qb->iab", slopes.c, x)
    totals = slopes.total - cross - jnp.swapaxes(cross, 1, 2) + jnp.einsum("qa,iqr,rb->iab", x, slopes.s, x)
    rss, logdet_x = jax.vmap(lambda d: jax.jvp(dense_part, (total,), (d,))[1])(totals)
    return (logdets, rss, logdet_x), totals


def _second_order(stage, theta, inverse, x, slopes: Remainder, total, totals, weights: Sufficient):
    """Second derivatives of weights . (log|V|, rss, log|X'V^-1X|), the weights held fixed."""

    def outer(matrix):
        return sum(w * part for w, part in zip(weights[1:], dense_part(matrix), strict=True))

    e = jax.grad(outer)(total)
    e = 0.5 * (e + e.T)
    s_bar = weights.logdet * inverse + x @ e @ x.T

    def contracted(theta):
        r = stage(theta)
        value = weights.logdet * r.logdet + jnp.sum(e * r.total)
        return value + jnp.sum(s_bar * r.s) - 2 * jnp.sum((x @ e) * r.c)

    second = jax.hessian(contracted)(theta)
    second = second + jax.hessian(lambda step: outer(total + jnp.einsum("i,iab->ab", step, totals)))(0.0 * theta)
    if inverse.shape[0]:
        g = jnp.einsum("ab,ibc->iac", inverse, slopes.s)
        second = second - weights.logdet * jnp.einsum("iab,jba->ij", g, g)
        u = slopes.c - jnp.einsum("iqr,rw->iqw", slopes.s, x)
        second = second - 2 * jnp.einsum("iqa,qr,jrb,ab->ij", u, inverse, u, e)
    return second
