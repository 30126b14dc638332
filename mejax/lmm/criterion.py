"""The criterion of a linear model as a function of the few numbers that elimination leaves."""

from typing import TYPE_CHECKING, Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ..elimination import Plan, eliminate, logdet_inverse, reduce_dense
from .within import at_errors

if TYPE_CHECKING:
    from .model import LinearModel


class Sufficient(NamedTuple):
    """What the likelihood depends on: log|V|, r'V^-1 r at the GLS estimate, log|X'V^-1 X| (V relative to sigma_e^2)."""

    logdet: Any
    rss: Any
    logdet_x: Any


def term_factors(plan: Plan, factors):
    """The factor of every term: blocked-diagonal where several equations share their groups."""
    return tuple(_block_diagonal(tuple(factors[b] for b in term.blocks)) for term in plan.terms)


def _block_diagonal(blocks):
    # jax.scipy.linalg has one, but its import takes longer than all of this package's
    if len(blocks) == 1:
        return blocks[0]
    size, start = sum(len(b) for b in blocks), 0
    joined = jnp.zeros((size, size))
    for block in blocks:
        joined = joined.at[start : start + len(block), start : start + len(block)].set(block)
        start += len(block)
    return joined


def sufficient(model: "LinearModel", factors, residual) -> tuple[Float[Array, "w w"], Sufficient]:
    """W'V^-1 W and what the likelihood needs of it, from the working factors of the blocks and the errors'
    parameters."""
    model, logs = at_errors(model, residual)
    logdet, total = reduce_dense(eliminate(model.plan, model.products, term_factors(model.plan, factors)))
    return total, Sufficient(logdet + 2.0 * jnp.sum(logs), *dense_part(total))


def dense_part(total):
    """r'V^-1 r at the GLS estimate and log|X'V^-1 X|, both in whitened columns."""
    logdet, _, contrast = dense_parts(total)
    return contrast @ total @ contrast, logdet


def dense_parts(total):
    """log|X'V^-1 X|; (X'V^-1 X)^-1 bordered with zeros; (-beta, 1), which takes the fit out of the response."""
    p = total.shape[0] - 1
    if p == 0:
        return jnp.zeros(()), jnp.zeros((1, 1)), jnp.ones(1)
    logdet, inverse = logdet_inverse(total[:p, :p])
    return logdet, jnp.pad(inverse, (0, 1)), jnp.append(-inverse @ total[:p, p], 1.0)


def quadratic_form(model: "LinearModel", total, fixed):
    """(y - X beta)'V^-1 (y - X beta) / unit^2."""
    direction = jnp.append(-(model.root @ (fixed - model.shift)) / model.unit, 1.0)
    return direction @ total @ direction


def degrees(model: "LinearModel"):
    """Observations, less the coefficients under REML."""
    return model.count - (model.shift.shape[0] if model.reml else 0)


def criterion(model: "LinearModel", t: Sufficient, log_sigma):
    """The log likelihood (restricted under REML)."""
    value = degrees(model) * (jnp.log(2 * jnp.pi) + 2 * log_sigma) + t.logdet
    value = value + t.rss * model.unit**2 * jnp.exp(-2 * log_sigma)
    if model.reml:
        value = value + t.logdet_x + 2 * jnp.sum(jnp.log(jnp.abs(jnp.diagonal(model.root))))
    return -0.5 * value


def best_log_sigma(model: "LinearModel", t: Sufficient, log_sigma):
    """Log sigma_e at its closed-form maximum, or as it is where there is none."""
    if model.variances.profiled:
        return 0.5 * jnp.log(t.rss * model.unit**2 / degrees(model))
    return log_sigma


def gls(model: "LinearModel", total, log_sigma):
    """Generalised least squares: the coefficients and their covariance (X'V^-1 X)^-1."""
    p = total.shape[0] - 1
    if p == 0:
        return jnp.zeros(0), jnp.zeros((0, 0))
    inverse = logdet_inverse(total[:p, :p])[1]
    fixed = model.shift + model.unit * (model.unroot @ (inverse @ total[:p, p]))
    return fixed, jnp.exp(2 * log_sigma) * (model.unroot @ inverse @ model.unroot.T)


def least_squares(model: "LinearModel", factors):
    """(the coefficients by generalised least squares, r'V^-1 r there): the errors' R is that of the cross-products."""
    total = reduce_dense(eliminate(model.plan, model.products, term_factors(model.plan, factors)))[1]
    return gls(model, total, jnp.zeros(()))[0], dense_part(total)[0] * model.unit**2


def sum_of_squares(model: "LinearModel", fixed, factors):
    """(w - X beta)'V^-1 (w - X beta): the errors' R is that of the cross-products."""
    total = reduce_dense(eliminate(model.plan, model.products, term_factors(model.plan, factors)))[1]
    return quadratic_form(model, total, fixed) * model.unit**2
