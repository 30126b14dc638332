"""Why a model cannot be estimated, in words."""

from typing import NamedTuple

import numpy as np

from .._status import Status
from ..covstruct import AbstractVariances, FreeVariances
from ..design import Design, Names
from ..inference import Information
from ..lmm import LinearModel
from .estimates import Component
from .identification import confounded

STUCK = (
    "no maximum was reached; raise iterate(), try difficult, simplify the random effects, or rescale covariates whose "
    "random slopes differ by orders of magnitude"
)


STUCK_ERRORS = (
    "no maximum was reached: the structure of the errors may have more parameters than the data can tell apart; take a "
    "simpler one (fewer orders, no by()), or simplify the random effects"
)


EXACT = (
    "the residual variance tends to zero: the random effects reproduce the response exactly, so the likelihood has no "
    "maximum; leave out the random effects that do so, or check the response"
)


class Verdict(NamedTuple):
    """The final status, what to say about it, and the equations (-1: residual) that have no standard errors."""

    status: Status
    notes: tuple[str, ...] = ()
    without_errors: frozenset[int] = frozenset()


def verdict(
    model: LinearModel,
    design: Design,
    names: Names,
    status: Status,
    information: Information,
    described: tuple[tuple[Component, ...], list[bool], float],
) -> Verdict:
    """Judge the end of a climb; `described` are the components, which equations are singular, and sigma_e^2."""
    info, flags, residual = described
    problems = confounded(model, design, names)
    if problems and (status.ok or status is Status.NOT_CONVERGED):  # on a ridge, where a climb ends is rounding
        equations = frozenset().union(*(p.equations for p in problems))
        return Verdict(Status.NOT_IDENTIFIED, tuple(p.text for p in problems), equations)
    if status is Status.NOT_CONVERGED and model.errors is not None and residual >= 1e-9 * float(model.unit) ** 2:
        return Verdict(status, (STUCK_ERRORS,))
    if status is Status.NOT_CONVERGED:
        vanishing = residual < 1e-9 * float(model.unit) ** 2
        return Verdict(status, (EXACT if vanishing else STUCK,))
    if not status.ok:
        return Verdict(status)
    ends = tuple(c.label for c in info if c.boundary and c.equation < 0)
    if any(flags) or ends:
        triples = zip(names.effects, model.variances.blocks, flags, strict=True)
        notes = tuple(boundary_note(name.path, block.size) for name, block, flag in triples if flag)
        return Verdict(Status.BOUNDARY, (*notes, *(bound_note(ends) for _ in ends[:1])))
    if information.flat.shape[1]:
        said = flat_problem(model.variances, information.flat, info)
        more = "" if names.columns else ", or fix a component by constraints="  # nonlinear models have none
        return Verdict(Status.NOT_IDENTIFIED, (said + more,))
    return Verdict(status)


def boundary_note(label: str, size: int) -> str:
    """What a singular covariance matrix of `size` random effects means; `label` names them."""
    what = "variance is estimated as zero"
    if size > 1:
        what = "covariance matrix is singular (a variance is zero, or a correlation at its bound)"
    return (
        f"{label}: the random effects' {what}; no standard errors for these components. A simpler random part "
        "gives the same fit."
    )


def bound_note(labels: tuple[str, ...]) -> str:
    """What parameters of the errors at a bound mean."""
    lie, it = ("lies", "it") if len(labels) == 1 else ("lie", "them")
    return (
        f"the errors' {', '.join(labels)} {lie} at a bound of what is possible, where the "
        f"likelihood is highest; no standard errors for {it}."
    )


def flat_problem(variances: AbstractVariances, flat: np.ndarray, info: tuple[Component, ...]) -> str:
    """Name the components along a direction in which the likelihood is flat."""
    rows = np.max(np.abs(flat), axis=1)
    labels = involved(variances, rows > 0.1 * rows.max(), info)
    return (
        f"the model is not identified: the likelihood does not change along a combination of {', '.join(labels)}. "
        "Simplify the random part (fewer random effects, or covariance independent)"
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
