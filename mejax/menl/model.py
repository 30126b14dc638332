"""Nonlinear mixed models y = f(beta, u) + e, linearised where they are looked at."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float

from .._typing import ArrayLike, Params
from ..covstruct import ErrorRows, FreeVariances
from ..elimination import Plan, Rows, weigh_dense
from ..lmm import GroupErrors, LinearModel, at_errors, posterior_modes
from ..model import AbstractModel, check_params, require_double
from .mean import Mean
from .pnls import Point, minimise

REFINEMENTS = 40  # steps that carry the modes' derivatives, and the variances at their means, which settle slowly


class NonlinearModel(AbstractModel):
    """y = f(beta, u) + e, u ~ N(0, Sigma), e ~ N(0, sigma_e^2 R).

    Around (b, v) the model is linear in w = y - f + X beta + Z u with X = df/dbeta and Z = df/du there:
    `linearise` gives that `LinearModel`.  `loglik` is its log likelihood at the modes of the random effects given the
    parameters (the conditional linearisation of Lindstrom and Bates 1990), which the fit maximises by turns.

    `codes` holds the group of every row in each random-effects equation.
    """

    mean: Mean
    y: Float[ArrayLike, " n"]
    codes: tuple
    plan: Plan
    places: Rows
    variances: FreeVariances
    rows: ErrorRows | None
    start: Float[ArrayLike, " p"]
    reml: bool = eqx.field(static=True)

    def of_rows(self, effects: tuple) -> Float[Array, "n Q"]:
        """The random effects of the rows, equation by equation."""
        found = [jnp.asarray(u)[code] for u, code in zip(effects, self.codes, strict=True)]
        return jnp.concatenate([*found, jnp.zeros((len(self.y), 0))], axis=1)

    def nothing(self) -> tuple:
        """Random effects of zero."""
        sizes = {b: term.size for term in self.plan.terms for b in term.blocks}
        return tuple(jnp.zeros((sizes[b], block.size)) for b, block in enumerate(self.variances.blocks))

    def fitted(self, point: Point) -> Float[Array, " n"]:
        return self.mean(point.fixed, self.of_rows(point.effects))

    def linearise(
        self, point: Point, mean: Float[ArrayLike, " n"] | None = None, clusters: bool = False
    ) -> LinearModel:
        """The linear model around `point`; the errors' variances are those at `mean` (by default the mean there).
        `clusters`: with the sums of every top-level cluster."""
        effects = self.of_rows(point.effects)
        f, x, z = self.mean.expand(point.fixed, effects)
        w = self.y - f + x @ point.fixed + jnp.sum(z * effects, axis=1)
        norms = jnp.linalg.norm(x, axis=0)
        norms = jnp.where(norms > 0, norms, 1.0)
        q, r = jnp.linalg.qr(x / norms[None])
        inverse = jax.lax.linalg.triangular_solve(r, jnp.eye(x.shape[1]), left_side=True)
        shift = inverse @ (q.T @ w) / norms
        rest = w - x @ shift
        unit = jnp.sqrt(jnp.mean(rest**2))
        dense = jnp.column_stack([q, rest / unit])
        stacked = self._stacked(z)
        errors = None
        if self.rows is not None:
            errors = GroupErrors(self.rows, self.places, stacked, dense, f if mean is None else mean)
        p = x.shape[1]
        return LinearModel(
            plan=self.plan, products=weigh_dense(self.plan, self.places, stacked, dense), variances=self.variances,
            root=r * norms[None], unroot=inverse / norms[:, None], shift=shift, unit=unit,
            count=jnp.asarray(float(len(self.y))), basis=jnp.eye(p), offset=jnp.zeros(p),
            cluster_totals=self._totals(dense) if clusters else None, reml=self.reml, errors=errors,
        )  # fmt: skip

    def _totals(self, dense: Float[Array, "n w"]):
        if not self.plan.chain or self.plan.terms[self.plan.chain[-1].term].size == 1:
            return None
        top = self.plan.chain[-1].term
        codes, size = self.places.codes[top], self.plan.terms[top].size
        sums = segment_sum(dense[:, :, None] * dense[:, None, :], codes, size)
        return segment_sum(jnp.ones(len(self.y)), codes, size), sums

    def _stacked(self, z: Float[Array, "n Q"]) -> tuple:
        """df/du of the equations, side by side where they share their groups."""
        widths = [block.size for block in self.variances.blocks]
        starts = [sum(widths[:k]) for k in range(len(widths))]
        columns = lambda b: z[:, starts[b] : starts[b] + widths[b]]
        return tuple(jnp.concatenate([columns(b) for b in term.blocks], axis=1) for term in self.plan.terms)

    def init(self) -> Params:
        random, residual = self.variances.unit()
        return Params(jnp.asarray(self.start), tuple(map(jnp.asarray, random)), jnp.asarray(residual), jnp.zeros(0))

    def _read(self, params: Params, nodes=None):
        require_double()
        if nodes is not None:
            raise ValueError("the linearised likelihood has no nodes: `nodes` must be None")
        random, residual = self.variances.unit()
        check_params(params, Params(self.start.shape, tuple(r.shape for r in random), residual.shape, (0,)))
        return self.variances.read(params.random, params.residual)

    def modes_at(self, fixed, factors, residual) -> tuple[Float[Array, "_ _"], ...]:
        """The random effects given the coefficients, in working coordinates, as a differentiable function of them.

        The search itself is held; the steps after it are Gauss-Newton steps, each of which multiplies the error of the
        derivatives (and of the mean at which variances are taken) by the same small factor as that of the modes.
        """
        held = jax.lax.stop_gradient((fixed, factors, residual))
        found = minimise(self, held[1], held[2], Point(held[0], self.nothing()), hold=True).effects

        def step(effects, _):
            linear = at_errors(self.linearise(Point(fixed, effects)), residual)[0]
            return posterior_modes(linear, fixed, factors), None

        return jax.lax.scan(step, jax.lax.stop_gradient(found), None, length=REFINEMENTS)[0]

    def loglik(self, params, nodes=None):
        factors, residual = self._read(params, nodes)
        return self._at_modes(params.fixed, factors, residual).loglik_at(params.fixed, factors, residual)

    def _at_modes(self, fixed, factors, residual, clusters: bool = False) -> LinearModel:
        modes = self.modes_at(jnp.asarray(fixed), factors, residual)
        return self.linearise(Point(fixed, modes), clusters=clusters)

    def profile(self, params):
        factors, residual = self._read(params)
        return self._at_modes(params.fixed, factors, residual).profile_at(factors, residual)

    def contributions(self, params, nodes=None):
        factors, residual = self._read(params, nodes)
        if self.reml:
            raise ValueError("`contributions` is for maximum likelihood: the restricted one is no sum over clusters.")
        linear = self._at_modes(params.fixed, factors, residual, clusters=True)
        if linear.cluster_totals is None:
            return linear.loglik_at(params.fixed, factors, residual).reshape(1)
        return linear.cluster_logliks(params.fixed, factors, residual)

    def modes(self, params):
        factors, residual = self._read(params)
        return self.modes_at(jnp.asarray(params.fixed), factors, residual)

    def natural(self, params):
        factors, residual = self._read(params)
        return jnp.concatenate([params.fixed, self.variances.printed(factors, residual)])
