"""What small-sample methods need of a linear model: X'V^-1X and log|V| to second order in the variance parameters."""

from typing import Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import ArrayLike
from ..elimination import logdet_inverse
from .criterion import sufficient
from .curvature import choose_expansion
from .model import LinearModel


class Derivatives(NamedTuple):
    """At the optimiser's v: Phi = A^-1 (p, p), A = X'V^-1X in whitened columns, the derivatives of A (m, p, p), the
    first (m,) and second (m, m) derivatives of

        f = -1/2 {log|V| + tr(Phi A)},  Phi held,

    those of what is printed, J (k, m) and (k, m, m), and, where they were asked for, the second derivatives of the
    lower triangle of A (p (p + 1) / 2, m, m)."""

    phi: Float[ArrayLike, "p p"]
    slopes: Float[ArrayLike, "m p p"]
    first: Float[ArrayLike, " m"]
    second: Float[ArrayLike, "m m"]
    jacobian: Float[ArrayLike, "k m"]
    bends: Float[ArrayLike, "k m m"]
    lower: Float[ArrayLike, "l m m"]


@eqx.filter_jit
def derivatives(
    model: LinearModel, v: Float[ArrayLike, " m"], order: Literal["slopes", "trace", "full"]
) -> Derivatives:
    """Everything at v: up to the slopes of A, to the second derivatives of f, or to those of A; zeros beyond."""
    v = jnp.asarray(v)
    variances = model.variances
    total, first, second = _of_rows(model, v) if model.errors is not None else _of_products(model, v)
    p = model.shift.shape[0]
    a = total[:p, :p]
    phi = logdet_inverse(a)[1] if p else a
    weight = jnp.zeros(total.shape).at[:p, :p].set(-0.5 * phi)
    logdets, slopes = first
    nothing = jnp.zeros((len(v), len(v)))
    triangle = [(i, j) for i in range(p) for j in range(i + 1)] if order == "full" else []
    units = [jnp.zeros(total.shape).at[i, j].add(0.5).at[j, i].add(0.5) for i, j in triangle]
    lower = jax.lax.map(lambda e: second(0.0, e), jnp.stack(units)) if units else nothing[None][:0]
    traced = nothing if order == "slopes" else second(-0.5, weight)
    return Derivatives(
        phi, slopes[:, :p, :p], -0.5 * logdets + jnp.einsum("ab,iab->i", weight, slopes), traced,
        jax.jacfwd(variances.natural)(v), jax.hessian(variances.natural)(v), lower,
    )  # fmt: skip


def _of_products(model: LinearModel, v):
    """(W'V^-1W; first derivatives of log|V| and W'V^-1W; a function for second derivatives of weight log|V| +
    sum(e * W'V^-1W)), from the expansion of the elimination, V on the absolute scale."""
    variances = model.variances
    depth = len(v) - 1 if variances.profiled else len(v)
    expansion = choose_expansion(model)(model, v, depth)
    logs, tops = expansion.first()
    missing = len(v) - depth
    logs, tops = jnp.pad(logs, (0, missing)), jnp.pad(tops, ((0, missing), (0, 0), (0, 0)))
    s, (s_v, s_vv) = variances.log_sigma(v), variances.log_sigma_derivatives(v)
    scale = jnp.exp(-2.0 * s)
    total = scale * expansion.total
    slopes = scale * tops - 2.0 * s_v[:, None, None] * total[None]
    count = model.count

    def second(weight, e):
        relative = jnp.pad(expansion.second(weight, scale * e), (0, missing))
        level, change = jnp.sum(e * total), scale * jnp.einsum("ab,iab->i", e, tops)
        cross = jnp.outer(s_v, change)
        bend = (4.0 * jnp.outer(s_v, s_v) - 2.0 * s_vv) * level
        return relative + 2.0 * count * weight * s_vv - 2.0 * (cross + cross.T) + bend

    return total, (logs + 2.0 * count * s_v, slopes), second


def _of_rows(model: LinearModel, v):
    """The same where the errors are structured: the whole is differentiated, entry by entry."""
    variances = model.variances

    def numbers(v):
        residual = variances.residual(v)
        total, t = sufficient(model, variances.working_factors(v), residual)
        return t.logdet + 2.0 * model.count * residual[-1], jnp.exp(-2.0 * residual[-1]) * total

    (_, total), first = numbers(v), jax.jacfwd(numbers)(v)
    second = jax.jacfwd(jax.jacrev(numbers))(v)
    bends = second[0], jnp.moveaxis(second[1], (2, 3), (0, 1))

    def contracted(weight, e):
        return weight * bends[0] + jnp.einsum("ab,ijab->ij", e, bends[1])

    return total, (first[0], jnp.moveaxis(first[1], 2, 0)), contracted
