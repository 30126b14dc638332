"""Random effects of generalized models given the responses, and their part in the linear predictor's variance."""

import numpy as np

from ...elimination import UNSOLVED
from ...fitting import Estimates
from ...glmm import LAPLACES, empirical_bayes
from .rows import Rows

CONDITIONAL = ("ebmeans", "ebmodes", "fixedonly")


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
    effects = solved(tuple(np.asarray(e) for e in found.effects))
    return effects, solved(tuple(np.asarray(v) for v in found.variances))


def solved(found: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """What was found of every equation, which an iterative solver that did not converge leaves without numbers."""
    if any(np.any(np.isnan(part)) for part in found):
        raise ValueError(UNSOLVED)
    return found


def total_variance(estimates: Estimates, rows: Rows) -> np.ndarray:
    """sum_k z_k' Sigma_k z_k: the variance of the linear predictor around X beta (n,).

    (n, E, E) with several linear predictors: their covariance matrix; effects that all share give it equal entries.
    """
    several = rows.equations > 1
    total = np.zeros((len(rows.x), rows.equations, rows.equations) if several else len(rows.x))
    for name, effect, sigma in zip(estimates.names.effects, rows.effects, estimates.sigmas, strict=True):
        if name.factor is not None:  # one indicator per row; a level never seen has none, but the same variance
            total += sigma[0, 0]
            continue
        q = effect.z.shape[1]
        found = np.einsum("ij,cjdk,ik->icd", effect.z, sigma.reshape(len(sigma) // q, q, -1, q), effect.z)
        total += found if several else found[:, 0, 0]
    return total


def predictor_root(estimates: Estimates, rows: Rows) -> np.ndarray:
    """R with R R' the covariance matrix of the linear predictors, for each row: (n, 1), or (E, n, D) with several.

    D is 1 where all predictors share their random effects.
    """
    total = total_variance(estimates, rows)
    if rows.equations == 1:
        return np.sqrt(total)[:, None]
    if all(effect.copies == 1 for effect in estimates.design.effects):
        shared = np.sqrt(total[:, 0, 0])
        return np.broadcast_to(shared[None, :, None], (rows.equations, len(shared), 1))
    values, vectors = np.linalg.eigh(np.nan_to_num(total))  # a missing covariate shows in X beta
    return np.moveaxis(vectors * np.sqrt(np.maximum(values, 0.0))[:, None, :], 0, 1)
