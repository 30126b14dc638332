"""Linear mixed models: y = X beta + Z u + e, with everything but the variance parameters in closed form."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import ArrayLike, Params
from ..covstruct import AbstractVariances
from ..elimination import Plan, Products, eliminate_by_cluster
from ..model import AbstractModel, check_params, require_double
from .criterion import best_log_sigma, criterion, quadratic_form, sufficient, term_factors
from .posterior import posterior_modes
from .within import GroupErrors, at_errors, sums_by_cluster


class LinearModel(AbstractModel):
    """log L = -1/2 {n log 2 pi + log|V| + (y - X beta)'V^-1 (y - X beta)}, V = sigma_e^2 (I + Z Sigma Z').

    Under REML n is n - p and log|X'V^-1 X| is added inside the braces (Harville 1974).

    The cross-products are those of whitened columns, X = Q `root` (inverse `unroot`) and y = X `shift` + `unit` times
    the response kept, so that badly scaled covariates cost no digits.  `basis` and `offset` express linear constraints
    on the coefficients, beta = offset + basis @ Params.fixed.  `cluster_totals` are the numbers of observations and W'W
    of the top-level clusters (None for crossed models).

    With structured errors V = sigma_e^2 (R + Z Sigma Z'), `errors` holds the rows from which the cross-products are
    formed again at every R; those kept are then of R = I.
    """

    plan: Plan
    products: Products
    variances: AbstractVariances
    root: Float[ArrayLike, "p p"]
    unroot: Float[ArrayLike, "p p"]
    shift: Float[ArrayLike, " p"]
    unit: Float[ArrayLike, ""]
    count: Float[ArrayLike, ""]
    basis: Float[ArrayLike, "k p"]
    offset: Float[ArrayLike, " k"]
    cluster_totals: tuple[Float[ArrayLike, " J"], Float[ArrayLike, "J w w"]] | None
    reml: bool = eqx.field(static=True)
    errors: GroupErrors | None = None

    def init(self) -> Params:
        random, residual = self.variances.unit()
        return Params(jnp.asarray(self.shift), tuple(map(jnp.asarray, random)), jnp.asarray(residual), jnp.zeros(0))

    def _read(self, params: Params, nodes=None):
        """Working factors and the errors' parameters, after a look at what was passed."""
        require_double()
        if nodes is not None:
            raise ValueError("a linear model integrates in closed form: `nodes` must be None")
        random, residual = self.variances.unit()
        check_params(params, Params(self.shift.shape, tuple(r.shape for r in random), residual.shape, (0,)))
        return self.variances.read(params.random, params.residual)

    def loglik(self, params, nodes=None):
        return self.loglik_at(params.fixed, *self._read(params, nodes))

    def loglik_at(self, fixed, factors, residual):
        """`loglik` in working coordinates."""
        total, t = sufficient(self, factors, residual)
        if not self.reml:
            t = t._replace(rss=quadratic_form(self, total, fixed))
        return criterion(self, t, residual[-1])

    def profile(self, params):
        return self.profile_at(*self._read(params))

    def profile_at(self, factors, residual):
        """`profile` in working coordinates."""
        _, t = sufficient(self, factors, residual)
        return criterion(self, t, best_log_sigma(self, t, residual[-1]))

    def contributions(self, params, nodes=None):
        factors, residual = self._read(params, nodes)
        if self.reml:
            raise ValueError("`contributions` is for maximum likelihood: the restricted one is no sum over clusters.")
        if self.cluster_totals is None:
            if self.plan.columns or len(self.plan.chain) == 0 or self.plan.terms[self.plan.chain[-1].term].size == 1:
                return self.loglik(params).reshape(1)
            raise ValueError("`contributions`: too many clusters times columns; sums by cluster were not kept.")
        return self.cluster_logliks(params.fixed, factors, residual)

    def cluster_logliks(self, fixed, factors, residual):
        """`contributions` in working coordinates; needs `cluster_totals`."""
        assert self.cluster_totals is not None
        model, logs = at_errors(self, residual)
        assert model.cluster_totals is not None
        counts, totals = model.cluster_totals
        logdet, total = eliminate_by_cluster(model.plan, model.products, totals, term_factors(model.plan, factors))
        rss = self.unit**2 * jax.vmap(lambda t: quadratic_form(self, t, fixed))(total)
        logdet = logdet + 2.0 * sums_by_cluster(self, logs)
        log_sigma = residual[-1]
        return -0.5 * (counts * (jnp.log(2 * jnp.pi) + 2 * log_sigma) + logdet + rss * jnp.exp(-2 * log_sigma))

    def modes(self, params):
        factors, residual = self._read(params)
        return posterior_modes(at_errors(self, residual)[0], params.fixed, factors)

    def natural(self, params):
        factors, residual = self._read(params)
        return jnp.concatenate([self.offset + self.basis @ params.fixed, self.variances.printed(factors, residual)])
