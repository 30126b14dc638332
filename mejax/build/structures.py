"""Names of covariance structures into structures."""

import numpy as np

from ..covstruct import AbstractCovariance, Exchangeable, Fixed, Identity, Independent, Pattern, Unstructured
from ..design import EffectNames


def structure(effect: EffectNames, size: int) -> AbstractCovariance:
    """The covariance structure of one random-effects equation with `size` random effects per group."""
    if effect.matrix is not None:
        matrix = np.asarray(effect.matrix, float)
        lower = np.tril(matrix) + np.tril(matrix, -1).T
        if effect.covariance == "fixed" and np.all(np.isfinite(lower)) and np.linalg.eigvalsh(lower)[0] <= 0:
            raise ValueError(
                f"covariance(fixed) of {effect.path}: the matrix is not positive definite (smallest eigenvalue "
                f"{np.linalg.eigvalsh(lower)[0]:.4g}), so it is no covariance matrix; variances stand on its diagonal"
            )
        return Fixed(matrix) if effect.covariance == "fixed" else Pattern(matrix)
    if size == 1 or effect.covariance == "identity":
        return Identity(size)
    if effect.covariance == "exchangeable":
        return Exchangeable(size, pooled=effect.factor is not None)
    return {"independent": Independent, "unstructured": Unstructured}[effect.covariance](size)


def entry_labels(effect: EffectNames, block: AbstractCovariance) -> list[str]:
    """`var(week)`, `cov(week,_cons)`, one per printed entry."""
    names = effect.columns
    if effect.factor is not None:
        return [f"var({names[0]})" if i == j else f"cov({names[0]})" for i, j in block.entries]
    return [f"var({names[i]})" if i == j else f"cov({names[i]},{names[j]})" for i, j in block.entries]
