"""Why a model cannot be estimated, in words."""

import numpy as np

from ..covstruct import AbstractVariances, FreeVariances
from ..design import Design, Names
from .estimates import Component


def design_problems(design: Design, names: Names) -> list[str]:
    """Levels whose variance is confounded with the residual variance by the design alone."""
    problems = []
    n = len(design.x)
    for effect, name in zip(design.effects, names.effects, strict=True):
        constant = np.ptp(effect.z[:, -1]) == 0
        if effect.size == n and constant and effect.z.shape[1] == 1:
            problems.append(
                f"each group of {name.path} holds a single observation, so its random intercept cannot be told apart "
                f"from the residual error; drop the level {name.path}"
            )
        elif effect.size == n:
            problems.append(
                f"each group of {name.path} holds a single observation, too few for its random effects beside the "
                f"residual error; drop them or use a coarser level"
            )
    return problems


def flat_problem(variances: AbstractVariances, flat: np.ndarray, info: tuple[Component, ...]) -> str:
    """Name the components along a direction in which the likelihood is flat."""
    rows = np.max(np.abs(flat), axis=1)
    labels = involved(variances, rows > 0.1 * rows.max(), info)
    return (
        f"the model is not identified: the likelihood does not change along a combination of {', '.join(labels)}. "
        "Simplify the random part (fewer random effects, or covariance independent), or fix a component by constraints="
    )


def involved(variances: AbstractVariances, which: np.ndarray, info: tuple[Component, ...]) -> list[str]:
    """Labels of the components that the marked elements of v belong to."""
    if not isinstance(variances, FreeVariances):
        return [c.label for c in info if not c.note]
    equations = {
        k for k, (a, b) in enumerate(zip(variances.cuts, variances.cuts[1:], strict=False)) if which[a:b].any()
    }
    if which[variances.cuts[-1] :].any():
        equations.add(-1)
    return [c.label for c in info if c.equation in equations]
