"""How a generalized model's climb ended, and why it cannot be estimated, in words."""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from .._status import Status
from ..design import Design, EffectNames, Names
from ..glmm import LAPLACES, MODE_CURVATURE, FreeStructure, GeneralizedModel
from ..inference import Information
from .climb_generalized import Climb
from .diagnosis import boundary_note
from .estimates import Component
from .identification import Confounded, same_groups, single_observations
from .separation import constant_within, separation

FAR = 12.0  # linear predictors beyond this belong to probabilities that are 0 or 1
FAINT = 1e-4  # share of the largest information: directions with less deserve a look for separation
VANISHED = 100.0  # standard errors of a log dispersion beyond this: the dispersion is zero for all the data can tell


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
    lost = flat or status is not Status.CONVERGED
    found = _collapsed(model, design, ended) or _separated(model, design, names, ended, lost)
    if found is not None:
        return found
    twice = _confounded(model, design, names)
    if twice:
        equations = frozenset().union(*(t.equations for t in twice))
        return Verdict(Status.NOT_IDENTIFIED, tuple(t.text for t in twice), equations)
    if status is not Status.CONVERGED:
        return Verdict(status, (_stuck(model),))
    if flat:
        return Verdict(Status.NOT_IDENTIFIED, (_flat_problem(model, names, information.flat, described),))
    return _bounds(model, names, ended, described)


def _confounded(model: GeneralizedModel, design: Design, names: Names) -> list[Confounded]:
    """Variances that the design alone cannot tell apart."""
    if not isinstance(model.structure, FreeStructure):
        return []
    twice = same_groups(model.plan.terms, model.blocks, design, names)
    if model.family.variances and model.family.link.name == "identity":
        return single_observations(model.blocks, design, names) + twice
    return twice


def _collapsed(model: GeneralizedModel, design: Design, ended: Climb) -> Verdict | None:
    """Does the model fit the response without error?"""
    at = ended.found.at
    aux = np.asarray(model.structure.read(jnp.asarray(at.v)[len(model.root) :]).aux)
    if not model.family.collapsed(design.y, aux, float(at.value)):
        return None
    text = (
        "the covariates and random effects reproduce the response without error, so that its spread has no estimate "
        "above zero. Look for a covariate that is made from the response, or leave some out"
    )
    return Verdict(Status.SEPARATED, (text,), frozenset(range(-1, len(design.effects))))


def _separated(model: GeneralizedModel, design: Design, names: Names, ended: Climb, lost: bool) -> Verdict | None:
    """Are there coefficients or variances without a finite estimate?  Looked for where something hints at it."""
    if lost or _far(model, ended) or _faint(model, ended):
        found = separation(design, names, model.family)
        if found is not None:
            columns = frozenset(int(k) for k in np.flatnonzero(found.columns))
            return Verdict(Status.SEPARATED, (found.text,), frozenset(), columns)
    text = constant_within(design, names, model.family)
    if text is not None and (lost or _wide(model, design, ended)):
        return Verdict(Status.SEPARATED, (text,), frozenset(range(len(names.effects))))
    return None


def _far(model: GeneralizedModel, ended: Climb) -> bool:
    """Is a whitened coefficient so large (columns have mean square 1) that there may be no finite estimate?"""
    p = len(model.root)
    ends = (np.asarray(ended.found.at.v)[:p], np.asarray(ended.null.at.v)[:p])
    return any(bool(np.any(np.abs(v) > FAR)) for v in ends)


def _faint(model: GeneralizedModel, ended: Climb) -> bool:
    """Do the data say far less about one direction of the whitened coefficients than about another?"""
    p = len(model.root)
    if p < 2:
        return False
    values = np.linalg.eigvalsh(-np.asarray(ended.found.at.hessian)[:p, :p])
    return bool(values[0] < FAINT * values[-1])


def _wide(model: GeneralizedModel, design: Design, ended: Climb) -> bool:
    """Do random effects alone move linear predictors so far that probabilities are 0 or 1?"""
    values = model.structure.read(jnp.asarray(ended.found.at.v)[len(model.root) :])
    spread = [
        np.sum(np.square(effect.columns(model.family.equations) @ np.asarray(factor))) / len(effect.z)
        for effect, factor in zip(design.effects, values.factors, strict=True)
    ]
    return bool(np.max(spread, initial=0.0) > FAR**2)


def _bounds(model: GeneralizedModel, names: Names, ended: Climb, described: tuple[Component, ...]) -> Verdict:
    """Variances and dispersions at zero."""
    bounds = [
        k for k in range(len(names.effects)) if any(c.boundary and not c.note for c in described if c.equation == k)
    ]
    notes = [boundary_note(_effects_label(names.effects[k]), model.blocks[k].size) for k in bounds]
    places: frozenset[int] = frozenset()
    if _no_dispersion(model, ended):
        notes.append(
            "the dispersion is estimated as zero: given the random effects the response varies no more than Poisson "
            f"counts do; no standard error for {model.family.ancillary[0]}. `{model.family.limit_command}` gives the "
            "same fit."
        )
        places = frozenset({len(model.offset)})
    return Verdict(Status.BOUNDARY if notes else Status.CONVERGED, tuple(notes), frozenset(), places)


def _no_dispersion(model: GeneralizedModel, ended: Climb) -> bool:
    """Is the log of a negative binomial's dispersion on its way to minus infinity?"""
    if model.family.limit_command is None or not isinstance(model.structure, FreeStructure):
        return False
    curvature = -float(np.asarray(ended.found.at.hessian)[-1, -1])
    return bool(np.asarray(ended.found.at.v)[-1] < 0.0 and curvature < VANISHED**-2)


def _stuck(model: GeneralizedModel) -> str:
    """What to try where no maximum was reached."""
    advice = ["raise iterate()", "try difficult"]
    if model.plan.terms and model.method not in LAPLACES:
        advice += ["take more intpoints() (few of them cannot follow large variances)"]
        advice += ["intmethod(mcaghermite)"] if model.method != MODE_CURVATURE else []
        advice += ["intmethod(laplace)"]
    advice += ["simplify the random effects"] if model.plan.terms else []
    return f"no maximum was reached; {', '.join(advice)}, or rescale covariates"


def _effects_label(name: EffectNames) -> str:
    return name.path if name.factor is None else f"R.{name.factor} of {name.path}"


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
