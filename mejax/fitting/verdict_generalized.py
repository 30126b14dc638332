"""How a generalized model's climb ended, and why it cannot be estimated, in words."""

from typing import NamedTuple

import numpy as np

from .._status import Status
from ..design import Design, EffectNames, Names
from ..glmm import FreeStructure, GeneralizedModel
from ..inference import Information
from .climb_generalized import Climb
from .estimates import Component
from .separation import constant_within, separation

FAR = 12.0  # linear predictors beyond this belong to probabilities that are 0 or 1
STUCK = (
    "no maximum was reached; raise iterate(), try difficult, intmethod(laplace), simplify the random effects, or "
    "rescale covariates"
)


class Verdict(NamedTuple):
    """The final status, what to say about it, the equations (-1: the response's variance) that have no standard errors
    and the positions of such coefficients."""

    status: Status
    notes: tuple[str, ...] = ()
    without_errors: frozenset[int] = frozenset()
    without_errors_of_coefficients: frozenset[int] = frozenset()


def generalized_verdict(
    model: GeneralizedModel, design: Design, names: Names, ended: Climb, information: Information,
    described: tuple[Component, ...],
) -> Verdict:  # fmt: skip
    """Judge the end of a climb."""
    status = ended.found.status
    if status is Status.INTERRUPTED:
        return Verdict(status)
    flat = information.flat.shape[1] > 0
    if flat or status is not Status.CONVERGED or _far(model, ended):
        found = separation(design, names, model.family)
        if found is not None:
            return Verdict(Status.SEPARATED, (found.text,), frozenset(), frozenset(np.flatnonzero(found.columns)))
        text = constant_within(design, names, model.family)
        if text is not None:
            return Verdict(Status.SEPARATED, (text,), frozenset(range(len(names.effects))))
    if status is not Status.CONVERGED:
        return Verdict(status, (STUCK,))
    if flat:
        return Verdict(Status.NOT_IDENTIFIED, (_flat_problem(model, names, information.flat, described),))
    bounds = [k for k in range(len(names.effects)) if any(c.boundary for c in described if c.equation == k)]
    if bounds:
        return Verdict(Status.BOUNDARY, tuple(_boundary_note(names.effects[k], model.blocks[k].size) for k in bounds))
    return Verdict(status)


def _far(model: GeneralizedModel, ended: Climb) -> bool:
    """Are there linear predictors so large that the coefficients may have none finite?"""
    p = len(model.root)
    coefficients = np.abs(np.asarray(ended.found.at.v)[:p])
    return bool(np.any(coefficients > FAR)) or bool(np.any(np.abs(np.asarray(ended.null.at.v)[:p]) > FAR))


def _boundary_note(name: EffectNames, size: int) -> str:
    what = "variance is estimated as zero"
    if size > 1:
        what = "covariance matrix is singular (a variance is zero, or a correlation at its bound)"
    return (
        f"{name.path}: the random effects' {what}; no standard errors for these components. A simpler random part "
        "gives the same fit."
    )


def _flat_problem(model: GeneralizedModel, names: Names, flat: np.ndarray, described: tuple[Component, ...]) -> str:
    """Name what stands along a direction in which the likelihood is flat."""
    p = len(model.root)
    rows = np.max(np.abs(flat), axis=1)
    marked = rows > 0.1 * rows.max()
    labels = [c.label for c in names.estimated] if marked[:p].any() else []
    structure = model.structure
    if isinstance(structure, FreeStructure):
        pairs = zip(structure.cuts, structure.cuts[1:], strict=False)
        equations = {k for k, (a, b) in enumerate(pairs) if marked[p + a : p + b].any()}
        labels += [c.label for c in described if c.equation in equations]
        if len(model.blocks) in equations:
            labels += list(model.family.ancillary)
    else:
        labels += [c.label for c in described if not c.note]
    return (
        f"the model is not identified: the likelihood does not change along a combination of {', '.join(labels)}. "
        "Simplify the random part (fewer random effects, or covariance independent), or fix a component by constraints="
    )
