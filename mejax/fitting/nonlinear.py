"""Fit a nonlinear mixed model: starting values, alternation, standard errors."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .._status import Status
from .._tree import to_host
from .._typing import Params
from ..design import Design, Names
from ..inference import invert_information, natural_jacobian
from ..lmm import evaluate
from ..menl import NonlinearModel, search
from .alternation import Alternated, NonlinearSettings, Turn, alternate
from .boundary import beyond, held, reached, singular, snap_to_zero
from .components import at_bounds, component_info
from .diagnosis import verdict
from .estimates import Estimates, block_diagonal
from .linear import component_vce, residual_variance, sigmas_of

NO_START = (
    "no finite mean was found from which to start{tried}; give starting values that are near the data, "
    "`{{b1=...}}` in the expression or `initial(...)`"
)
ELSEWHERE = "the starting values given led to no maximum; others were found by a search"
STUCK = (
    "the alternation did not settle; give starting values nearer to the data (`initial()`), raise iterate(), or "
    "simplify the random effects"
)


def fit_nonlinear(model: NonlinearModel, design: Design, names: Names, settings: NonlinearSettings) -> Estimates:
    """Estimates of a nonlinear mixed model; call inside double precision, with the model's arrays on the device.

    Raises:
        ValueError: no starting values were found at which the mean is finite.
    """
    settings.say("Alternating PNLS/LME algorithm:\n")
    ended, notes = _climb(model, settings)
    turn = ended.last
    assert turn is not None
    working = _working_design(model, design, turn)
    at = turn.found.at
    if ended.status.ok:
        at = snap_to_zero(model.variances, at, working, lambda v: to_host(evaluate(turn.linear, v)))
    settings.say("\nComputing standard errors ...\n")
    return _estimates(
        _Parts(model, design, names, working), turn._replace(found=replace(turn.found, at=at)), ended, notes
    )


def _climb(model: NonlinearModel, settings: NonlinearSettings) -> tuple[Alternated, tuple[str, ...]]:
    """From the starting values given where they say everything, otherwise (or where they fail) from a search."""
    tried = None
    if settings.start is not None:
        v = model.variances.vector(settings.start.random, settings.start.residual)
        tried = alternate(model, np.asarray(settings.start.fixed, float), v, settings)
    elif not np.any(np.isnan(settings.given)):
        tried = alternate(model, settings.given, None, settings)
    if tried is not None and (tried.status.ok or tried.status is Status.INTERRUPTED):
        return tried, ()
    given = settings.given if tried is None else np.full_like(settings.given, np.nan)
    found = [alternate(model, start, None, settings) for start in search(model, given, settings.searched)]
    found = [f for f in found if f.last is not None]
    good = [f for f in found if f.status.ok]
    if good:
        best = max(good, key=lambda f: f.last.value if f.last else -np.inf)
        return best, () if tried is None else (ELSEWHERE,)
    left = [f for f in ([tried] if tried is not None else []) + found if f.last is not None]
    if not left:
        raise ValueError(NO_START.format(tried="" if tried is None else ", at the values given or elsewhere"))
    return max(left, key=lambda f: f.last.value if f.last else -np.inf), (STUCK,)


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
        parameters=p + len(v), linearised=linear, working=working, mean=model.mean, notes=(*notes, *said),
    )  # fmt: skip
