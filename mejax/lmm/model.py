"""Linear mixed models: y = X beta + Z u + e, with everything but the variance parameters in closed form."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import ArrayLike, Params
from ..covstruct import AbstractVariances
from ..elimination import Plan, Products, eliminate_by_cluster
from ..model import AbstractModel, check_params, require_double
from .criterion import best_log_sigma, criterion, gls, quadratic_form, sufficient, term_factors
from .posterior import posterior_modes


class LinearModel(AbstractModel):
    """log L = -1/2 {n log 2 pi + log|V| + (y - X beta)'V^-1 (y - X beta)}, V = sigma_e^2 (I + Z Sigma Z').

    Under REML n is n - p and log|X'V^-1 X| is added inside the braces (Harville 1974).

    The cross-products are those of whitened columns, X = Q `root` (inverse `unroot`) and y = X `shift` + `unit` times
    the response kept, so that badly scaled covariates cost no digits.  `basis` and `offset` express linear constraints
    on the coefficients, beta = offset + basis @ Params.fixed.  `cluster_totals` are the numbers of observations and W'W
    of the top-level clusters (None for crossed models).
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

    def init(self) -> Params:
        random, residual = self.variances.split(jnp.asarray(self.variances.init()))
        return Params(jnp.asarray(self.shift), random, residual, jnp.zeros(0))

    def _variance_parameters(self, params: Params):
        require_double()
        random, residual = self.variances.split(self.variances.init())
        check_params(params, Params(self.shift.shape, tuple(r.shape for r in random), residual.shape, (0,)))
        return self.variances.join(params.random, params.residual)

    def loglik(self, params, nodes=None):
        v = self._variance_parameters(params)
        total, t = sufficient(self, v)
        if not self.reml:
            t = t._replace(rss=quadratic_form(self, total, params.fixed))
        return criterion(self, t, self.variances.log_sigma(v))

    def profile(self, params):
        v = self._variance_parameters(params)
        _, t = sufficient(self, v)
        return criterion(self, t, best_log_sigma(self, t, v))

    def contributions(self, params, nodes=None):
        if self.reml:
            raise ValueError("`contributions` is for maximum likelihood: the restricted one is no sum over clusters.")
        if self.cluster_totals is None:
            return self.loglik(params).reshape(1)
        v = self._variance_parameters(params)
        counts, totals = self.cluster_totals
        logdet, total = eliminate_by_cluster(self.plan, self.products, totals, term_factors(self, v))
        log_sigma = self.variances.log_sigma(v)
        rss = self.unit**2 * jax.vmap(lambda t: quadratic_form(self, t, params.fixed))(total)
        return -0.5 * (counts * (jnp.log(2 * jnp.pi) + 2 * log_sigma) + logdet + rss * jnp.exp(-2 * log_sigma))

    def coefficients(self, params):
        """beta and its covariance (X'V^-1 X)^-1 at the variance parameters given, for the unconstrained columns."""
        v = self._variance_parameters(params)
        total, _ = sufficient(self, v)
        return gls(self, total, self.variances.log_sigma(v))

    def modes(self, params):
        v = self._variance_parameters(params)
        return posterior_modes(self, params.fixed, v)

    def natural(self, params):
        v = self._variance_parameters(params)
        return jnp.concatenate([self.offset + self.basis @ params.fixed, self.variances.natural(v)])
