"""Exact first and second derivatives of the profile likelihood of a linear model, in one compiled program."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..covstruct import FreeVariances
from ..elimination import Remainder, eliminate_chain, logdet_inverse, scale_crossed
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


class _Expansion(NamedTuple):
    """The remainder S, C, ... at theta, its first derivatives (leading axis), and what was computed from it on the way."""

    here: Remainder
    slopes: Remainder
    inverse: Float[Array, "Q Q"]
    x: Float[Array, "Q w"]  # S^-1 C
    total: Float[Array, "w w"]


@eqx.filter_jit
def evaluate(model: LinearModel, v: Float[Array, " m"]) -> Evaluation:
    """Value, gradient and Hessian of the profile (or restricted) likelihood.

    The Hessian is exact and costs one product of the size of the dense remainder per variance parameter: with
    S_i = dS/dv_i and G_i = S^-1 S_i, d2 log|S| = tr(S^-1 S_ij) - tr(G_i G_j), where the first term is a derivative of
    the elimination with S^-1 held fixed.  Differentiating S^-1 itself would cost twice as many products.
    """
    depth = len(v) - 1 if model.variances.profiled else len(v)
    elimination = _Elimination(model, v, depth)
    here, slopes = elimination.expand()
    logdet, inverse = logdet_inverse(here.s) if here.s.shape[0] else (0.0, here.s)
    x = inverse @ here.c
    total = here.total - here.c.T @ x
    at = _Expansion(here, slopes, inverse, x, total)
    t = Sufficient(here.logdet + logdet, *dense_part(total))
    v = v.at[-1].set(best_log_sigma(model, t, v)) if model.variances.profiled else v
    log_sigma = model.variances.log_sigma(v)
    weights = jax.grad(lambda s: criterion(model, s, log_sigma))(t)
    first, totals = _first_order(at)
    second = _second_order(elimination, at, totals, weights)

    def linearised(step):
        moved = [a + b @ step[:depth] for a, b in zip(t, first, strict=True)]
        return criterion(model, Sufficient(*moved), model.variances.log_sigma(v + step))

    gradient = jax.grad(linearised)(jnp.zeros_like(v))
    hessian = jax.hessian(linearised)(jnp.zeros_like(v)).at[:depth, :depth].add(second)
    fixed, covariance = gls(model, total, log_sigma)
    return Evaluation(v, criterion(model, t, log_sigma), gradient, hessian, fixed, covariance)


class _Elimination:
    """Elimination as a function of the first `depth` elements of v, in its two parts: the chain, which is expensive and
    depends on some elements only (`inner`), and the scaling of the crossed columns, which is cheap."""

    def __init__(self, model: LinearModel, v, depth: int):
        self.model, self.v, self.depth = model, v, depth
        self.inner = _chain_parameters(model, depth)
        # batched scatters are many times slower than one after the other; small problems compile faster batched
        self.each = jax.lax.map if model.plan.columns else lambda f, rows: jax.vmap(f)(rows)

    def chain(self, step) -> Remainder:
        """The chain eliminated at v + step, `step` in the elements of `inner`."""
        v = self.v.at[self.inner].add(step)
        return eliminate_chain(self.model.plan, self.model.products, term_factors(self.model, v))

    def scale(self, step, remainder: Remainder) -> Remainder:
        v = self.v.at[: self.depth].add(step)
        return scale_crossed(self.model.plan, term_factors(self.model, v), remainder)

    def expand(self) -> tuple[Remainder, Remainder]:
        """The remainder and its first derivatives."""
        self.base, linear = jax.linearize(self.chain, jnp.zeros(len(self.inner)))
        self.base_slopes = self.each(linear, jnp.eye(len(self.inner)))
        if not self.model.plan.columns:
            return self.base, jax.tree.map(self._spread, self.base_slopes)
        here, linear = jax.linearize(self._moved, jnp.zeros(self.depth))
        return here, self.each(linear, jnp.eye(self.depth))

    def _spread(self, slopes):
        return jnp.zeros((self.depth, *slopes.shape[1:])).at[self.inner].set(slopes)

    def _moved(self, step) -> Remainder:
        """Exact in the scaling, linear in the chain."""
        base = jax.tree.map(lambda a, b: a + jnp.tensordot(step[self.inner], b, 1), self.base, self.base_slopes)
        return self.scale(step, base)

    def second(self, contract) -> Float[Array, "m m"]:
        """Second derivatives of `contract`(remainder), a linear function."""
        adjoint = jax.grad(lambda base: contract(self.scale(jnp.zeros(self.depth), base)))(self.base)

        def contracted(step):
            moved = self.chain(step)
            return sum(jnp.sum(a * b) for a, b in zip(adjoint, moved, strict=True))

        bend = jax.linearize(jax.grad(contracted), jnp.zeros(len(self.inner)))[1]
        second = jnp.zeros((self.depth, self.depth))
        if len(self.inner):
            second = second.at[np.ix_(self.inner, self.inner)].add(self.each(bend, jnp.eye(len(self.inner))))
        if self.model.plan.columns:
            bend = jax.linearize(jax.grad(lambda step: contract(self._moved(step))), jnp.zeros(self.depth))[1]
            second = second + self.each(bend, jnp.eye(self.depth))
        return second


def _chain_parameters(model: LinearModel, depth: int) -> np.ndarray:
    """The elements of v that the factors of the chain's terms depend on."""
    variances = model.variances
    if not (isinstance(variances, FreeVariances) and variances.profiled):
        return np.arange(depth)
    blocks = [b for level in model.plan.chain for b in model.plan.terms[level.term].blocks]
    return np.concatenate([np.arange(variances.cuts[b], variances.cuts[b + 1]) for b in sorted(blocks)])


def _first_order(at: _Expansion):
    """First derivatives of (log|V|, rss, log|X'V^-1X|) and of W'V^-1 W, one row per parameter."""
    logdets = at.slopes.logdet + jnp.einsum("ab,iab->i", at.inverse, at.slopes.s)
    cross = jnp.einsum("iqa,qb->iab", at.slopes.c, at.x)
    bent = jnp.einsum("qa,iqr,rb->iab", at.x, at.slopes.s, at.x)
    totals = at.slopes.total - cross - jnp.swapaxes(cross, 1, 2) + bent
    rss, logdet_x = jax.vmap(lambda d: jax.jvp(dense_part, (at.total,), (d,))[1])(totals)
    return (logdets, rss, logdet_x), totals


def _second_order(elimination: _Elimination, at: _Expansion, totals, weights: Sufficient):
    """Second derivatives of weights . (log|V|, rss, log|X'V^-1X|), the weights held fixed."""

    def outer(matrix):
        return sum(w * part for w, part in zip(weights[1:], dense_part(matrix), strict=True))

    e = jax.grad(outer)(at.total)
    e = 0.5 * (e + e.T)
    s_bar = weights.logdet * at.inverse + at.x @ e @ at.x.T

    def contract(r: Remainder):
        value = weights.logdet * r.logdet + jnp.sum(e * r.total)
        return value + jnp.sum(s_bar * r.s) - 2 * jnp.sum((at.x @ e) * r.c)

    second = elimination.second(contract)
    steps = jnp.zeros(len(totals))
    second = second + jax.hessian(lambda step: outer(at.total + jnp.tensordot(step, totals, 1)))(steps)
    if at.inverse.shape[0]:
        g = jnp.einsum("ab,ibc->iac", at.inverse, at.slopes.s)
        second = second - weights.logdet * jnp.einsum("iab,jba->ij", g, g)
        u = at.slopes.c - jnp.einsum("iqr,rw->iqw", at.slopes.s, at.x)
        second = second - 2 * jnp.einsum("iqa,qr,jrb,ab->ij", u, at.inverse, u, e)
    return second
