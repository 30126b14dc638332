"""Random effects of generalized models given the responses, and averages over their distribution."""

from collections.abc import Callable

import numpy as np

from ..fitting import Estimates
from ..glmm import LAPLACES, empirical_bayes
from .rows import Rows

CONDITIONAL = ("ebmeans", "ebmodes", "fixedonly")
_REACH, _POINTS = 12.0, 241  # of the average over a standard normal


def resolve_conditional(estimates: Estimates, conditional: str | None) -> str:
    """`conditional` written out: posterior means by default, modes where the model was fitted with nothing else."""
    modes_only = estimates.model.method in LAPLACES
    if conditional is None:
        return "ebmodes" if modes_only else "ebmeans"
    if conditional not in CONDITIONAL:
        raise ValueError(f"predict: unknown `conditional={conditional}`; known are {', '.join(CONDITIONAL)}")
    if conditional == "ebmeans" and modes_only:
        raise ValueError(
            f"predict: `conditional=ebmeans` needs quadrature, and the model was fitted by {estimates.model.method}; "
            "take `ebmodes`, or fit with another `intmethod`"
        )
    return conditional


def posterior(estimates: Estimates, kind: str) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Posterior means or modes (J, q) of every equation and their covariance matrices (J, q, q).

    Means and covariances are by quadrature; the covariance matrix of modes is the inverse of the negative Hessian.
    Call inside double precision.
    """
    found = empirical_bayes(estimates.model, estimates.v, kind)
    return tuple(np.asarray(e) for e in found.effects), tuple(np.asarray(v) for v in found.variances)


def total_variance(estimates: Estimates, rows: Rows) -> np.ndarray:
    """sum_k z_k' Sigma_k z_k (n,): the variance of the linear predictor around X beta."""
    total = np.zeros(len(rows.x))
    for name, effect, sigma in zip(estimates.names.effects, rows.effects, estimates.sigmas, strict=True):
        if name.factor is not None:  # one indicator per row; a level never seen has none, but the same variance
            total += sigma[0, 0]
        else:
            total += np.einsum("ij,jk,ik->i", effect.z, sigma, effect.z)
    return total


def average(function: Callable[[np.ndarray], np.ndarray], mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """E function(eta) for eta ~ N(mean, variance), by the trapezoid rule over +-12 standard deviations.

    For functions that are analytic near the real line its error falls exponentially in the number of points, also
    where they are steep (Trefethen and Weideman 2014), which that of Gauss-Hermite rules does not.
    """
    nodes = np.linspace(-_REACH, _REACH, _POINTS)
    weights = np.exp(-0.5 * nodes**2)
    sd = np.sqrt(variance)
    terms = (w * np.asarray(function(mean + sd * node)) for w, node in zip(weights, nodes, strict=True))
    return sum(terms, start=np.zeros(())) / weights.sum()
