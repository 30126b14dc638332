"""Random effects given the data: conditional modes and variances, as derivatives of the elimination.

Nothing is solved here.  With M = L (L'Z'ZL + I)^-1 L', r'V^-1 r falls by (Z'r)'M(Z'r), so that its derivative in the
cross-product Z'r is -2 M Z'r: the modes (best linear unbiased predictions).  The derivative of log|L'Z'ZL + I| in the
blocks of Z'Z is M itself: the conditional variances over sigma_e^2.  Adding log|X'V^-1 X| gives the variances of the
prediction error, which include the uncertainty of the coefficients (Henderson 1975).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp

from ..elimination import Plan, crossed_blocks, eliminate, reduce_dense
from .criterion import dense_part, term_factors
from .within import at_errors


class Posterior(NamedTuple):
    """Per random-effects equation: `modes` (J, q) and `variances` (J, q, q)."""

    modes: tuple
    variances: tuple


def posterior_modes(model, fixed, factors):
    """Conditional modes of the random effects at coefficients `fixed`, one (J, q) array per equation."""
    direction = jnp.append(-(model.root @ (fixed - model.shift)) / model.unit, 1.0)
    products = model.products

    def explained(shift):
        chain, crossed = shift
        dense = tuple(d.at[..., -1].add(s) for d, s in zip(products.dense, chain, strict=True))
        moved = (dense, jnp.asarray(products.crossed_dense).at[..., -1].add(crossed))
        moved = eqx.tree_at(lambda p: (p.dense, p.crossed_dense), products, moved)
        total = reduce_dense(eliminate(model.plan, moved, term_factors(model.plan, factors)))[1]
        return -0.5 * model.unit * direction @ total @ direction

    zero = tuple(jnp.zeros(d.shape[:-1]) for d in products.dense), jnp.zeros(model.plan.columns)
    chain, crossed = jax.grad(explained)(zero)
    chain = _each_once(products, chain)
    return _by_equation(model.plan, chain, crossed, model.variances)


def posterior_variances(model, factors, log_sigma, full: bool):
    """Conditional variances, or (`full`) those of the prediction error, one (J, q, q) array per equation."""

    def logdet(within, crossed):
        products = eqx.tree_at(lambda p: (p.within, p.crossed_values), model.products, (within, crossed))
        logdet, total = reduce_dense(eliminate(model.plan, products, term_factors(model.plan, factors)))
        return logdet + (dense_part(total)[1] if full else 0.0)

    within, crossed = jax.grad(logdet, argnums=(0, 1))(model.products.within, model.products.crossed_values)
    within = _each_once(model.products, within)
    scale = jnp.exp(2 * log_sigma)
    terms = {level.term: 0.5 * (w + jnp.swapaxes(w, 1, 2)) for level, w in zip(model.plan.chain, within, strict=True)}
    terms |= crossed_blocks(model.plan, crossed)
    return tuple(scale * block for block in _cut(model.plan, terms, model.variances, square=True))


def _each_once(products, values):
    """Derivatives that count a group as often as it weighs, for one such group."""
    if products.whole is None:
        return values
    weights = (w.reshape((-1,) + (1,) * (v.ndim - 1)) for w, v in zip(products.whole, values, strict=True))
    return tuple(v / w for v, w in zip(values, weights, strict=True))


@eqx.filter_jit
def modes_at(model, fixed, v):
    """Conditional modes at the optimiser's v."""
    model = at_errors(model, model.variances.residual(v))[0]
    return posterior_modes(model, fixed, model.variances.working_factors(v))


@eqx.filter_jit
def variances_at(model, v, full: bool):
    """Conditional variances at the optimiser's v, or (`full`) those of the prediction error."""
    model = at_errors(model, model.variances.residual(v))[0]
    return posterior_variances(model, model.variances.working_factors(v), model.variances.log_sigma(v), full)


def posterior(model, fixed, v, full: bool) -> Posterior:
    return Posterior(modes_at(model, fixed, v), variances_at(model, v, full))


def _by_equation(plan: Plan, chain, crossed, variances):
    """Arrays by chain level and crossed column as one (J, q) array per random-effects equation."""
    terms = {level.term: value for level, value in zip(plan.chain, chain, strict=True)}
    for t, offset in plan.offsets.items():
        size, width = plan.terms[t].size, plan.terms[t].width
        terms[t] = crossed[offset : offset + size * width].reshape(size, width)
    return _cut(plan, terms, variances, square=False)


def _cut(plan: Plan, terms: dict, variances, square: bool):
    """One array per random-effects equation, its groups in the equation's own order."""
    found = {}
    for term, values in _whole(plan, terms):
        start = 0
        for b, order in zip(term.blocks, term.orders, strict=True):
            stop = start + variances.blocks[b].size
            piece = values[:, start:stop, start:stop] if square else values[:, start:stop]
            frame = variances.frames[b]
            if frame is not None:
                piece = frame @ piece @ frame.T if square else piece @ frame.T
            found[b] = piece if order is None else piece[order]
            start = stop
    return tuple(found[b] for b in range(len(found)))


def _whole(plan: Plan, terms: dict):
    """Every term with its values, one that is in several parts put together."""
    parts = {}
    for t, term in enumerate(plan.terms):
        parts.setdefault(term.blocks, []).append(t)
    for own in parts.values():
        values = [terms[t] for t in own]
        if len(own) == 1:
            yield plan.terms[own[0]], values[0]
            continue
        where = jnp.concatenate([jnp.asarray(plan.terms[t].members) for t in own])
        together = jnp.concatenate(values)
        yield plan.terms[own[0]], jnp.zeros_like(together).at[where].set(together)
