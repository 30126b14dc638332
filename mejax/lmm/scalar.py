"""The expansion for crossed random intercepts: one dense product per parameter of the chain, none for the others.

Every crossed term c has one random effect per level, with relative standard deviation t_c.  Write A = S - 1 (t S0 t),
P = S^-1 and M = 1 - P = A P = P A; E_c picks the columns of term c.  Then dS/dt_c = (E_c A + A E_c) / t_c, and every
trace with it is a sum over blocks of elementwise products:

    tr(G_c)     = 2 tr(E_c M) / t_c
    tr(G_c G_d) = 2 {sum of M * M + sum of (A - M) * P over block (c, d)} / (t_c t_d)
    tr(G_i G_c) = 2 {tr(E_c Y_i) - tr(E_c Y_i P)} / t_c      with Y_i = P dS/dv_i of a parameter of the chain.
"""

import jax.numpy as jnp
import numpy as np

from ..covstruct import FreeVariances
from ..elimination import Remainder, logdet_inverse
from .expansion import Chain, Expansion
from .model import LinearModel

TINY = 1e-7  # smaller relative standard deviations are moved here: formulas divide by them


class ScalarExpansion(Expansion):
    """See the head of this file."""

    def __init__(self, model: LinearModel, v, depth: int):
        plan, variances = model.plan, model.variances
        assert isinstance(variances, FreeVariances)
        self.depth = depth
        self.outer = np.array([variances.cuts[plan.terms[t].blocks[0]] for t in plan.crossed])
        sizes = [plan.terms[t].size for t in plan.crossed]
        self.member = np.repeat(np.eye(len(sizes)), sizes, axis=1)  # (terms, columns)
        theta = v[self.outer]
        self.theta = jnp.where(jnp.abs(theta) < TINY, jnp.where(theta < 0, -TINY, TINY), theta)
        v = v.at[self.outer].set(self.theta)
        self.chain = Chain(model, v, depth)
        self.scale = self.theta @ self.member
        base = self.chain.base
        outer = jnp.outer(self.scale, self.scale)
        self.a = outer * base.s
        logdet, self.p = logdet_inverse(self.a + jnp.eye(plan.columns))
        self.c = self.scale[:, None] * base.c
        self.x = self.p @ self.c
        self.logdet = base.logdet + logdet
        self.total = base.total - self.c.T @ self.x
        slopes = self.chain.slopes
        self.ds = outer[None] * slopes.s
        self.dc = self.scale[None, :, None] * slopes.c

    def _blocks(self, matrix):
        """Sums over the blocks of crossed terms."""
        return self.member @ matrix @ self.member.T

    def _join(self, chain, crossed):
        """Rows of the chain's parameters and of the crossed ones, in the order of v."""
        out = jnp.zeros((self.depth, *chain.shape[1:]))
        return out.at[self.chain.inner].set(chain).at[self.outer].set(crossed)

    def first(self):
        slopes = self.chain.slopes
        inner = slopes.logdet + jnp.einsum("ab,iab->i", self.p, self.ds)
        outer = 2 * (self.member @ (1 - jnp.diagonal(self.p))) / self.theta
        cross = jnp.einsum("iqa,qb->iab", self.dc, self.x)
        bent = jnp.einsum("qa,iqr,rb->iab", self.x, self.ds, self.x)
        totals = slopes.total - cross - jnp.swapaxes(cross, 1, 2) + bent
        squares = -2 * jnp.einsum("cq,qa,qb->cab", self.member, self.x, self.x) / self.theta[:, None, None]
        return self._join(inner, outer), self._join(totals, squares)

    def second(self, weight, e):
        xe = self.x @ e
        s_bar = weight * self.p + xe @ self.x.T
        adjoint = Remainder(weight, jnp.outer(self.scale, self.scale) * s_bar, -2 * self.scale[:, None] * xe, e)
        y = jnp.einsum("ab,ibc->iac", self.p, self.ds)
        within = self.chain.bend(adjoint) - weight * jnp.einsum("iab,jba->ij", y, y)
        between = self._between(weight, s_bar, xe, y)
        among = self._among(weight, s_bar)
        second = jnp.zeros((self.depth, self.depth))
        second = second.at[np.ix_(self.chain.inner, self.chain.inner)].set(within)
        second = second.at[np.ix_(self.chain.inner, self.outer)].set(between)
        second = second.at[np.ix_(self.outer, self.chain.inner)].set(between.T)
        second = second.at[np.ix_(self.outer, self.outer)].set(among)
        return second - self._products(e)

    def _between(self, weight, s_bar, xe, y):
        """A parameter of the chain with one of a crossed term."""
        explicit = jnp.einsum("ab,iab->ia", s_bar, self.ds) - jnp.einsum("qw,iqw->iq", xe, self.dc)
        curved = jnp.diagonal(y, axis1=1, axis2=2) - jnp.einsum("iab,ab->ia", y, self.p)
        return 2 * (explicit - weight * curved) @ self.member.T / self.theta[None]

    def _among(self, weight, s_bar):
        """Two crossed terms."""
        m = jnp.eye(len(self.p)) - self.p
        blocks = self._blocks(s_bar * self.a - weight * (m * m + (self.a - m) * self.p))
        return 2 * blocks / jnp.outer(self.theta, self.theta)

    def _products(self, e):
        """2 tr(e U_i' P U_j)."""
        chain = self.dc - jnp.einsum("iqr,rw->iqw", self.ds, self.x)
        picked = self.member[:, :, None] * self.x[None] / self.theta[:, None, None]
        crossed = picked - jnp.einsum("qr,irw->iqw", self.a, picked)
        solved = jnp.einsum("qr,irw->iqw", self.p, picked)
        u = self._join(chain, crossed)
        pu = self._join(jnp.einsum("qr,irw->iqw", self.p, chain), 2 * solved - picked)
        return 2 * jnp.einsum("iqa,jqb,ab->ij", u, pu, e)
