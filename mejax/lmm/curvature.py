"""Exact first and second derivatives of the profile likelihood of a linear model, in one compiled program."""

from functools import partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ..covstruct import FreeVariances
from ..elimination import eliminate, reduce_sparse, thinned
from .criterion import (
    Sufficient,
    best_log_sigma,
    criterion,
    degrees,
    dense_part,
    dense_parts,
    gls,
    sufficient,
    term_factors,
)
from .expansion import Expansion, GeneralExpansion
from .lean import lean_numbers
from .model import LinearModel
from .scalar import ScalarExpansion
from .within import at_errors


class Noise(NamedTuple):
    """Of an iterative remainder: log|V| as every probe estimates it, (t,), its derivatives in v, (t, m), and those of
    the coefficients, (p, m), which all probes share."""

    logdets: Float[ArrayLike, " t"]
    slopes: Float[ArrayLike, "t m"]
    fixed: Float[ArrayLike, "p m"]


class Evaluation(NamedTuple):
    """The criterion at v (log sigma_e profiled out where that is possible) with its exact derivatives in v, and the
    generalised-least-squares coefficients there with their covariance.

    `held` is the Hessian with the coefficients held where they are (and log|X'V^-1 X| added under REML)."""

    v: Float[ArrayLike, " m"]
    value: Float[ArrayLike, ""]
    gradient: Float[ArrayLike, " m"]
    hessian: Float[ArrayLike, "m m"]
    held: Float[ArrayLike, "m m"]
    fixed: Float[ArrayLike, " p"]
    covariance: Float[ArrayLike, "p p"]
    noise: Noise | None = None


@eqx.filter_jit
def evaluate(model: LinearModel, v: Float[ArrayLike, " m"]) -> Evaluation:
    """Value, gradient and Hessian of the profile (or restricted) likelihood.

    log|V| and W'V^-1 W are expanded to second order in v by an `Expansion`; what follows from them is small.  With
    structured errors the cross-products themselves depend on v, and the whole is differentiated.  Where the remainder
    is met iteratively, derivatives are estimated from the same random vectors as the value (see
    `mejax.elimination.krylov`), the second ones from a few of them.
    """
    v = jnp.asarray(v)
    if model.errors is not None or model.plan.sparse is not None or model.plan.rough is not None:
        return _evaluate_whole(model, v)
    depth = len(v) - 1 if model.variances.profiled else len(v)
    expansion = choose_expansion(model)(model, v, depth)
    logdet_x, inverse, contrast = dense_parts(expansion.total)
    t = Sufficient(expansion.logdet, contrast @ expansion.total @ contrast, logdet_x)
    v = v.at[-1].set(best_log_sigma(model, t, v[-1])) if model.variances.profiled else v
    log_sigma = model.variances.log_sigma(v)
    pull = model.unit**2 * jnp.exp(-2 * log_sigma)
    weights = Sufficient(-0.5, -0.5 * pull, -0.5 if model.reml else 0.0)

    logdets, totals = expansion.first()
    moved = totals @ contrast
    rss, logdets_x = moved @ contrast, jnp.einsum("ab,iab->i", inverse, totals)
    gradient = weights.logdet * logdets + weights.rss * rss + weights.logdet_x * logdets_x
    e = weights.rss * jnp.outer(contrast, contrast) + weights.logdet_x * inverse
    bent = 2 * weights.rss * moved @ inverse @ moved.T  # what the coefficients' own movement takes away
    hessian = expansion.second(weights.logdet, e) - bent
    hessian = hessian - weights.logdet_x * jnp.einsum("ab,ibc,cd,jda->ij", inverse, totals, inverse, totals)
    gradient, hessian = _with_log_sigma(model, v, (gradient, hessian), t.rss * pull, rss * pull)
    fixed, covariance = gls(model, expansion.total, log_sigma)
    return Evaluation(v, criterion(model, t, log_sigma), gradient, hessian, _held(hessian, bent), fixed, covariance)


def _held(hessian, bent):
    """The Hessian without what the coefficients' own movement takes away."""
    depth = len(bent)
    return hessian.at[:depth, :depth].add(bent)


def _evaluate_whole(model: LinearModel, v) -> Evaluation:
    """With structured errors, or where the remainder is met iteratively: the three numbers of `Sufficient`
    differentiated twice."""
    depth = len(v) - 1 if model.variances.profiled else len(v)

    def numbers(model: LinearModel, step):
        there = v.at[:depth].add(step)
        total, t = sufficient(model, model.variances.working_factors(there), model.variances.residual(there))
        return jnp.stack(t), (total, t)

    plan = model.plan
    layout = plan.rough if plan.sparse is None else plan.sparse
    if layout is None:
        return finished(model, v, reverse_forward(partial(numbers, model), depth))
    products = eqx.tree_at(lambda m: m.plan.sparse, model, thinned(layout), is_leaf=lambda leaf: leaf is None)
    second = second_forward(partial(numbers, products), depth)
    if plan.sparse is None:
        return finished(model, v, Differentiated(*lean_numbers(model, v, depth), second))
    return _estimated(model, v, depth, second)


def _estimated(model: LinearModel, v, depth: int, second: Float[Array, "3 m m"]) -> Evaluation:
    """The iterative evaluation: one direction at a time, so that no product with the remainder is transposed."""

    def numbers(step):
        there = v.at[:depth].add(step)
        moved, logs = at_errors(model, model.variances.residual(there))
        factors = term_factors(model.plan, model.variances.working_factors(there))
        remainder = eliminate(model.plan, moved.products, factors)
        found = reduce_sparse(remainder.s, remainder.c)
        total = remainder.total - found.quadratic
        logdets = remainder.logdet + 2.0 * jnp.sum(logs) + found.logdets
        return logdets, total, jnp.stack(Sufficient(jnp.mean(logdets), *dense_part(total)))

    (logdets, total, values), tangent = jax.linearize(numbers, jnp.zeros(depth))
    slopes, totals, first = jax.lax.map(tangent, jnp.eye(depth))
    at = finished(model, v, Differentiated(total, Sufficient(*values), first.T, jnp.moveaxis(totals, 0, -1), second))
    _, inverse, contrast = dense_parts(total)
    moved = (inverse @ (totals @ contrast).T)[:-1]  # of the whitened coefficients
    pad = lambda rows: jnp.pad(rows, ((0, 0), (0, len(v) - depth)))
    return at._replace(noise=Noise(logdets, pad(slopes.T), pad(model.unit * (model.unroot @ moved))))


class Differentiated(NamedTuple):
    """W'V^-1W and `Sufficient` with their derivatives in m parameters: `first` (3, m) and `second` (3, m, m) those of
    the three numbers, `totals` (w, w, m)."""

    total: Float[ArrayLike, "w w"]
    t: Sufficient
    first: Float[ArrayLike, "3 m"]
    totals: Float[ArrayLike, "w w m"]
    second: Float[ArrayLike, "3 m m"]


def reverse_forward(numbers, depth: int) -> Differentiated:
    """Forward over reverse, in one pass."""

    def slopes(step):
        first, (total, t) = jax.jacrev(numbers, has_aux=True)(step)
        return (first, total), (first, total, t)

    (second, totals), (first, total, t) = jax.jacfwd(slopes, has_aux=True)(jnp.zeros(depth))
    return Differentiated(total, t, first, totals, second)


def second_forward(numbers, depth: int) -> Float[Array, "3 m m"]:
    """Second derivatives by products with the remainder; each direction takes a run of conjugate gradients."""
    eye = jnp.eye(depth)
    slopes = lambda step: jax.lax.map(jax.linearize(numbers, step)[1], eye)[0]
    second = jnp.moveaxis(jax.lax.map(jax.linearize(slopes, jnp.zeros(depth))[1], eye), -1, 0)
    return 0.5 * (second + jnp.swapaxes(second, 1, 2))  # what is estimated is not quite symmetric


def finished(model: LinearModel, v, d: Differentiated) -> Evaluation:
    """From the derivatives of the three numbers to those of the likelihood."""
    t = d.t
    v = v.at[-1].set(best_log_sigma(model, t, v[-1])) if model.variances.profiled else v
    log_sigma = model.variances.log_sigma(v)
    pull = model.unit**2 * jnp.exp(-2 * log_sigma)
    weights = jnp.stack([-0.5, -0.5 * pull, -0.5 if model.reml else 0.0])
    derivatives = weights @ d.first, jnp.einsum("k,kij->ij", weights, d.second)
    gradient, hessian = _with_log_sigma(model, v, derivatives, t.rss * pull, d.first[1] * pull)
    _, inverse, contrast = dense_parts(d.total)
    moved = jnp.einsum("abi,b->ia", d.totals, contrast)
    held = _held(hessian, -pull * moved @ inverse @ moved.T)
    fixed, covariance = gls(model, d.total, log_sigma)
    return Evaluation(v, criterion(model, t, log_sigma), gradient, hessian, held, fixed, covariance)


def choose_expansion(model: LinearModel) -> type[Expansion]:
    """`ScalarExpansion` for crossed random intercepts with variances of their own, otherwise `GeneralExpansion`: also
    where a part of a crossed term lies in the chain, since its parameters move both."""
    variances, plan = model.variances, model.plan
    terms = [plan.terms[t] for t in plan.crossed]
    scalar = all(
        t.width == 1 and t.members is None and variances.blocks[t.blocks[0]].traits.scales == (True,) for t in terms
    )
    free = isinstance(variances, FreeVariances) and variances.profiled
    return ScalarExpansion if terms and scalar and free else GeneralExpansion


def _with_log_sigma(model: LinearModel, v, derivatives, rss, slopes):
    """Add the dependence on s = log sigma_e: d/ds = -n + rss, d2/ds2 = -2 rss, d2/ds dv_i = d rss/dv_i (all scaled)."""
    gradient, hessian = derivatives
    missing = len(v) - len(gradient)
    gradient, slopes = jnp.pad(gradient, (0, missing)), jnp.pad(slopes, (0, missing))
    hessian = jnp.pad(hessian, (0, missing))
    first, second = model.variances.log_sigma_derivatives(v)
    pull = rss - degrees(model)
    cross = jnp.outer(slopes, first)
    return gradient + pull * first, hessian + cross + cross.T - 2 * rss * jnp.outer(first, first) + pull * second
