"""Laplace's approximation, for nested, crossed and mixed structures alike.

log L = h(b) - 1/2 log|H| at the joint mode b, H = D + Z'WZ with the observed curvature W of the log densities (Tierney
and Kadane 1986; Kristensen et al. 2016 have it too).  In a pseudolikelihood a group of weight d_g has
d_g (log|H_g| - q log d_g) in place of log|H_g|.
"""

import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float

from ..elimination import expand, log_determinants
from .modes import Effects, Problem, objective, predictor, products, slopes


def laplace(problem: Problem, modes: Effects) -> Float[Array, " C"]:
    """The approximation for every component; `modes` come from `refine`."""
    weight = slopes(problem, predictor(problem, modes))[1]
    logdets, dense = log_determinants(problem.plan, products(problem, weight), problem.prior)
    value = objective(problem, modes)
    for level, logdet in zip(problem.plan.chain, logdets, strict=True):
        prior, width = problem.prior[level.term], problem.plan.terms[level.term].width
        if prior is not None:
            share = expand(prior, logdet.ndim)
            logdet = share * (logdet - width * jnp.log(share))
        value = value - 0.5 * segment_sum(logdet, problem.component[1][level.term], problem.count)
    return value - 0.5 * dense if problem.plan.columns else value
