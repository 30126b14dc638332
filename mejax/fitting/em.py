"""EM steps for variance components: slow, but every one of them gains, from anywhere.

The random-effects covariances take an EM step (mean posterior second moments, projected onto their structure), the
residual variance its closed-form maximum (ECME: Liu and Rubin 1994).
"""

import numpy as np

from .._tree import to_host
from ..inference import natural_jacobian
from ..lmm import LinearModel, evaluate, posterior
from .start import em_step


def em_iterations(
    model: LinearModel, start: np.ndarray, count: int, tolerance: float, until_converged: bool
) -> tuple[np.ndarray, bool]:
    """At most `count` steps from `start` (0: 10,000 when run to convergence); was the tolerance met?"""
    v, last = start, -np.inf
    for _ in range(count or (10_000 if until_converged else 0)):
        here = to_host(evaluate(model, v))
        value = float(here.value)
        if value - last < tolerance * (1.0 + abs(value)):
            return here.v, True
        last = value
        random = to_host(posterior(model, here.fixed, here.v, model.reml))
        scale = float(to_host(natural_jacobian(model.variances, here.v))[0][-1])
        v = em_step(model.variances, random, scale)
    return v, False
