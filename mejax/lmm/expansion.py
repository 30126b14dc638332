"""log|V| and W'V^-1 W to second order in the variance parameters.

With the dense remainder S and C (see `mejax.elimination`), log|V| = log|chain| + log|S| and W'V^-1W = R - C'S^-1C.
With G_i = S^-1 dS/dv_i and U_i = dC/dv_i - dS/dv_i S^-1 C the second derivatives are

    log|S|:     tr(S^-1 S_ij) - tr(G_i G_j)
    C'S^-1C:    terms with S_ij and C_ij, and U_i' S^-1 U_j + U_j' S^-1 U_i,

where those with second derivatives of S and C are derivatives of the elimination with S^-1 held fixed.  So the Hessian
costs at most one product of the remainder's size per parameter; differentiating S^-1 itself would cost twice as many.
"""

import abc

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..covstruct import FreeVariances
from ..elimination import Remainder, eliminate_chain, logdet_inverse, scale_crossed
from .criterion import term_factors
from .model import LinearModel


class Expansion(abc.ABC):
    """The expansion at v in its first `depth` elements, with `logdet` = log|V| and `total` = W'V^-1W there."""

    logdet: Float[Array, ""]
    total: Float[Array, "w w"]

    @abc.abstractmethod
    def __init__(self, model: LinearModel, v, depth: int): ...

    @abc.abstractmethod
    def first(self) -> tuple[Float[Array, " m"], Float[Array, "m w w"]]:
        """First derivatives of log|V| and of W'V^-1W."""

    @abc.abstractmethod
    def second(self, weight, e) -> Float[Array, "m m"]:
        """Second derivatives of weight x log|V| + sum(e * W'V^-1W), e symmetric."""


def chain_parameters(model: LinearModel, depth: int) -> np.ndarray:
    """The elements of v that the factors of the chain's terms depend on."""
    variances = model.variances
    if not (isinstance(variances, FreeVariances) and variances.profiled):
        return np.arange(depth)
    blocks = [b for level in model.plan.chain for b in model.plan.terms[level.term].blocks]
    parts = [np.arange(variances.cuts[b], variances.cuts[b + 1]) for b in sorted(blocks)]
    return np.concatenate([np.zeros(0, int), *parts])


def factors_at(model: LinearModel, v):
    """The factors of every term at v."""
    return term_factors(model.plan, model.variances.working_factors(v))


class Chain:
    """The chain eliminated at v + step, `step` in the elements `inner` of v, with its derivatives."""

    def __init__(self, model: LinearModel, v, depth: int):
        self.model, self.v = model, v
        self.inner = chain_parameters(model, depth)
        # batched scatters are many times slower than one after the other; small problems compile faster batched
        self.each = jax.lax.map if model.plan.columns else lambda f, rows: jax.vmap(f)(rows)
        self.base, linear = jax.linearize(self.at, jnp.zeros(len(self.inner)))
        self.slopes = self.each(linear, jnp.eye(len(self.inner)))

    def at(self, step) -> Remainder:
        v = self.v.at[self.inner].add(step)
        return eliminate_chain(self.model.plan, self.model.products, factors_at(self.model, v))

    def bend(self, adjoint: Remainder) -> Float[Array, "k k"]:
        """Second derivatives of the linear function `adjoint` of the remainder."""

        def contracted(step):
            return sum(jnp.sum(a * b) for a, b in zip(adjoint, self.at(step), strict=True))

        linear = jax.linearize(jax.grad(contracted), jnp.zeros(len(self.inner)))[1]
        return self.each(linear, jnp.eye(len(self.inner)))


class GeneralExpansion(Expansion):
    """Any covariance structures; crossed terms are scaled, and the scaling differentiated, as dense matrices."""

    def __init__(self, model: LinearModel, v, depth: int):
        self.model, self.v, self.depth = model, v, depth
        self.chain = Chain(model, v, depth)
        self.here, self.slopes = self._expand()
        logdet, self.inverse = logdet_inverse(self.here.s) if model.plan.columns else (0.0, self.here.s)
        self.x = self.inverse @ self.here.c
        self.logdet = self.here.logdet + logdet
        self.total = self.here.total - self.here.c.T @ self.x

    def _expand(self) -> tuple[Remainder, Remainder]:
        if not self.model.plan.columns:
            inner = self.chain.inner
            spread = jax.tree.map(lambda s: jnp.zeros((self.depth, *s.shape[1:])).at[inner].set(s), self.chain.slopes)
            return self.chain.base, spread
        here, linear = jax.linearize(self._moved, jnp.zeros(self.depth))
        return here, self.chain.each(linear, jnp.eye(self.depth))

    def _scale(self, step, remainder: Remainder) -> Remainder:
        v = self.v.at[: self.depth].add(step)
        return scale_crossed(self.model.plan, factors_at(self.model, v), remainder)

    def _moved(self, step) -> Remainder:
        """The remainder at v + step: exact in the scaling, linear in the chain."""
        inner = step[self.chain.inner]
        base = jax.tree.map(lambda a, b: a + jnp.tensordot(inner, b, 1), self.chain.base, self.chain.slopes)
        return self._scale(step, base)

    def first(self):
        slopes, x = self.slopes, self.x
        logdets = slopes.logdet + jnp.einsum("ab,iab->i", self.inverse, slopes.s)
        cross = jnp.einsum("iqa,qb->iab", slopes.c, x)
        bent = jnp.einsum("qa,iqr,rb->iab", x, slopes.s, x)
        return logdets, slopes.total - cross - jnp.swapaxes(cross, 1, 2) + bent

    def second(self, weight, e):
        s_bar = weight * self.inverse + self.x @ e @ self.x.T

        def contract(r: Remainder):
            value = weight * r.logdet + jnp.sum(e * r.total)
            return value + jnp.sum(s_bar * r.s) - 2 * jnp.sum((self.x @ e) * r.c)

        second = self._contracted(contract)
        if self.model.plan.columns:
            g = jnp.einsum("ab,ibc->iac", self.inverse, self.slopes.s)
            second = second - weight * jnp.einsum("iab,jba->ij", g, g)
            u = self.slopes.c - jnp.einsum("iqr,rw->iqw", self.slopes.s, self.x)
            second = second - 2 * jnp.einsum("iqa,qr,jrb,ab->ij", u, self.inverse, u, e)
        return second

    def _contracted(self, contract):
        """Second derivatives of `contract`(remainder), a linear function."""
        adjoint = jax.grad(lambda base: contract(self._scale(jnp.zeros(self.depth), base)))(self.chain.base)
        inner = np.ix_(self.chain.inner, self.chain.inner)
        second = jnp.zeros((self.depth, self.depth)).at[inner].add(self.chain.bend(adjoint))
        if self.model.plan.columns:
            linear = jax.linearize(jax.grad(lambda step: contract(self._moved(step))), jnp.zeros(self.depth))[1]
            second = second + self.chain.each(linear, jnp.eye(self.depth))
        return second
