"""Why a model cannot be estimated, in words."""

import numpy as np

from .._status import Status
from ..covstruct import AbstractVariances, FreeVariances
from ..design import Design, EffectNames, Names
from ..inference import Information
from .estimates import Component

STUCK = (
    "no maximum was reached; raise iterate(), try difficult, simplify the random effects, or rescale covariates whose "
    "random slopes differ by orders of magnitude"
)


def verdict(
    variances: AbstractVariances,
    design: Design,
    names: Names,
    status: Status,
    information: Information,
    described: tuple[tuple[Component, ...], list[bool]],
) -> tuple[Status, tuple[str, ...]]:
    """The final status and what to say about it; `described` are the components and which equations are singular."""
    info, flags = described
    problems = design_problems(design, names)
    if status is Status.NOT_CONVERGED:
        return status, tuple(problems or [STUCK])
    if not status.ok:
        return status, ()
    if problems:
        return Status.NOT_IDENTIFIED, tuple(problems)
    if any(flags):
        notes = tuple(_boundary_note(name) for name, flag in zip(names.effects, flags, strict=True) if flag)
        return Status.BOUNDARY, notes
    if information.flat.shape[1]:
        return Status.NOT_IDENTIFIED, (flat_problem(variances, information.flat, info),)
    return status, ()


def _boundary_note(name: EffectNames) -> str:
    what = "variance is estimated as zero"
    if len(name.columns) > 1:
        what = "covariance matrix is singular (a variance is zero or a correlation is 1 in size)"
    return (
        f"{name.path}: the random effects' {what}; no standard errors for these components. A simpler random part "
        "gives the same fit."
    )


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
