"""Fit a nonlinear mixed model: starting values, alternation, standard errors."""

from dataclasses import replace
from typing import NamedTuple

import equinox as eqx
import numpy as np

from .._status import Status
from .._tree import to_host
from .._typing import Params
from ..design import Design, Names
from ..inference import invert_information, natural_jacobian
from ..lmm import evaluate
from ..menl import NonlinearModel
from .alternation import Alternated, NonlinearSettings, Tries, Turn
from .boundary import beyond, held, reached, singular, snap_to_zero
from .components import at_bounds, component_info
from .diagnosis import verdict
from .estimates import Estimates, block_diagonal
from .linear import component_vce, residual_variance, sigmas_of
from .nonlinear_starts import from_starts, identified
from .progress import resumable

EXACT = 1e-16  # mean squared residual as a share of the response's variance
REPRODUCED = (
    "the mean reproduces the response exactly, so that the likelihood has no maximum: the residual variance tends to "
    "zero; leave out random effects or coefficients, or check the response"
)


def fit_nonlinear(model: NonlinearModel, design: Design, names: Names, settings: NonlinearSettings) -> Estimates:
    """Estimates of a nonlinear mixed model; call inside double precision, with the model's arrays on the device.

    An interruption (Ctrl-C) leaves the best turn of the alternation.

    Raises:
        ValueError: no starting values were found at which the mean is finite.
        KeyboardInterrupt: an interruption before the end of the first turn, or a second one.
    """
    settings.say("Alternating PNLS/LME algorithm:\n")
    labels, tries = [c.label for c in names.estimated], Tries()
    try:
        return _finished(model, design, names, settings, from_starts(model, labels, settings, tries))
    except KeyboardInterrupt:
        ended = tries.best()
        if ended is None:
            raise
    return _finished(model, design, names, settings, (identified(ended, labels), ended, ()))


def _finished(
    model: NonlinearModel, design: Design, names: Names, settings: NonlinearSettings,
    found: tuple[Turn, Alternated, tuple[str, ...]],
) -> Estimates:  # fmt: skip
    """What follows the alternation: a look at the boundary, standard errors."""
    turn, ended, notes = found
    model = eqx.tree_at(lambda m: m.start, model, ended.begun)
    working = _working_design(model, design, turn)
    at = turn.found.at
    if ended.status.ok:
        at = snap_to_zero(model.variances, at, working, lambda v: to_host(evaluate(turn.linear, v)))
    settings.say("\nComputing standard errors ...\n")
    return _estimates(
        _Parts(model, design, names, working), turn._replace(found=replace(turn.found, at=at)), ended, notes
    )


def _working_design(model: NonlinearModel, design: Design, turn: Turn) -> Design:
    """The design of the linear model at the end."""
    point = turn.point
    f, x, z = turn.expansion
    of_rows = np.asarray(model.of_rows(point.effects))
    y = np.asarray(model.y) - f + x @ np.asarray(point.fixed) + np.sum(z * of_rows, axis=1)
    effects, start = [], 0
    for effect in design.effects:
        stop = start + effect.z.shape[1]
        effects.append(replace(effect, z=z[:, start:stop]))
        start = stop
    return replace(design, y=y, x=x, effects=tuple(effects))


def _reproduced(y: np.ndarray, mean: np.ndarray) -> bool:
    """Are the residuals nothing but rounding?"""
    left = float(np.mean((y - mean) ** 2))
    return left <= EXACT * float(np.var(y)) or left <= 1e-30 * float(np.mean(y**2))


class _Parts(NamedTuple):
    """The model, its design and names, and the design of the linear model at the end."""

    model: NonlinearModel
    design: Design
    names: Names
    working: Design


def _estimates(parts: _Parts, turn: Turn, ended: Alternated, notes: tuple[str, ...]) -> Estimates:
    (model, design, names, working), v, linear = parts, turn.v, turn.linear
    fixed = np.asarray(turn.found.at.fixed)
    hessian = np.asarray(turn.found.at.held)
    ends = beyond(model.variances, hessian)
    information = invert_information(hessian, held(model.variances, v) | ends)
    components, jacobian, factors = to_host(natural_jacobian(model.variances, v))
    flags = singular(model.variances, factors, working)
    spread = residual_variance(model.variances, v, components)
    described = component_info(model.variances, names, components, flags, spread)
    described = at_bounds(described, reached(model.variances, ends))
    judged = verdict(linear, working, names, ended.status, information, (described, flags, spread))
    if _reproduced(np.asarray(model.y), turn.expansion[0]):
        judged = judged._replace(status=Status.NOT_CONVERGED, notes=(REPRODUCED,))
    vce = component_vce(jacobian, information.covariance, described, judged, information)
    n, p = len(working.y), len(fixed)
    random, residual = model.variances.params(v)
    said = judged.notes if not (notes and ended.status is Status.NOT_CONVERGED) else ()
    return Estimates(
        model=model, design=design, names=names, theta=Params(fixed, random, residual, np.zeros(0)), v=v,
        status=judged.status, history=ended.history, llf=turn.value, nobs=float(n), coefficients=fixed,
        components=components, component_info=described,
        covariance=block_diagonal(np.asarray(turn.found.at.covariance) * (n / max(n - p, 1)), vce),
        sigmas=sigmas_of(model.variances, factors, spread),
        parameters=p + len(v), linearised=linear, working=working, mean=model.mean, 
        notes=(*notes, *said, *resumable(judged.status)),
    )  # fmt: skip
