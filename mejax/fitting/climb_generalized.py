"""From the model without random effects to the maximum of a generalized model's likelihood."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np

from .._tree import to_host
from .._typing import Params
from ..design import Design
from ..elimination import UNSOLVED, outlook
from ..glmm import (
    MEAN_VARIANCE,
    Evaluation,
    GeneralizedModel,
    differentiates_nodes,
    evaluate,
    evaluate_single,
    hessian_at,
    slope_at,
    start_state,
)
from ..optimise import Maximum, Settings, maximise
from ..quadrature import Nodes
from .progress import Search
from .score_start import score_variances

FALLBACKS = (0.1, 0.01, 0.001)  # variances tried where 1 gives no finite likelihood
EXTREME = 100.0  # root mean squares of random effects' covariates beyond this factor call for other variances
LOSS = 1e-7  # relative to the log likelihood: what an evaluation near the best may lack
CONCENTRATED = 1e-4
LARGE = 256  # columns of the dense remainder of a crossed model
NEAR_ZERO = 0.1  # standard deviations below this many standard errors are tried at exactly zero


@dataclass(frozen=True)
class GeneralizedSettings:
    """What the user may choose about the climb and the standard errors.

    `start` is a `Params` of the same model; otherwise `start_values` ("fixedonly", "constantonly", "zero") say where
    the coefficients begin, and `grid` which variances are tried (None: 1, or in large crossed models those that the
    scores suggest).  `kind` is that of the weights; `clusters` holds the
    observations' cluster numbers for a cluster-robust VCE with the variable's name.
    """

    optimiser: Settings = field(default_factory=Settings)
    start: Any = None
    start_values: str = "fixedonly"
    grid: tuple[float, ...] | None = None
    vce: str = "oim"
    kind: str | None = None
    clusters: tuple[str, np.ndarray] | None = None
    say: Callable[[str], None] = lambda line: None

    @property
    def label(self) -> str:
        return "Log likelihood" if self.vce == "oim" else "Log pseudolikelihood"


@dataclass
class Climb:
    """Where the search ended, the state of the integration there, and the model without random effects.

    `model` is the one that was climbed last: it differentiates the adaptation where nodes could not be held.
    """

    model: GeneralizedModel
    found: Maximum
    state: Any
    null: Maximum


def is_large(model: GeneralizedModel) -> bool:
    """Does a Hessian cost so much more than a gradient that most steps should do without?"""
    return model.plan.columns > LARGE


class LateHessian:
    """An evaluation whose Hessian is computed when somebody asks for it."""

    def __init__(self, model: GeneralizedModel, v: np.ndarray, value: np.ndarray, gradient: np.ndarray, state: Any):
        self.model, self.v, self.value, self.gradient, self.state = model, v, value, gradient, state

    @cached_property
    def hessian(self) -> np.ndarray:
        return np.asarray(to_host(hessian_at(self.model, self.v, self.state)))


def known_hessian(at: Any) -> np.ndarray:
    """The Hessian where it has been computed already, elsewhere NaN."""
    if isinstance(at, LateHessian) and "hessian" not in vars(at):
        return np.full((len(at.v), len(at.v)), np.nan)
    return np.asarray(at.hessian)


class Objective:
    """The log likelihood with its derivatives.

    An evaluation begins from the nodes or modes of the best point so far.  Where that gives less than the best, it is
    done again from the joint mode: nodes that were right elsewhere may have lost their way.
    """

    def __init__(self, model: GeneralizedModel):
        self.model = model
        self.forget()

    def forget(self) -> None:
        self.state: Any = None
        self.last: Evaluation | LateHessian | None = None

    def __call__(self, v: np.ndarray) -> Evaluation | LateHessian:
        best = self.last
        if best is not None and np.array_equal(best.v, v):
            return best
        if best is None:
            found, state = self._from(v, start_state(self.model, v))
        else:
            found, state = self._from(v, self.state)
            worse = not found.value >= best.value - LOSS * (1.0 + abs(float(best.value)))
            if worse and (self.model.method == MEAN_VARIANCE or not np.isfinite(found.value)):
                again, fresh = self._from(v, start_state(self.model, v))
                if not found.value >= again.value:
                    found, state = again, fresh
        if np.isfinite(found.value) and (best is None or found.value >= best.value - LOSS * (1.0 + abs(best.value))):
            self.state, self.last = state, found
        return found

    def _from(self, v: np.ndarray, state: Any) -> tuple[Evaluation | LateHessian, Any]:
        if is_large(self.model):
            value, gradient, state = slope_at(self.model, v, state)
            return LateHessian(self.model, v, *to_host((value, gradient)), state), state
        found, state = evaluate(self.model, v, state)
        return to_host(found), state


def climb(model: GeneralizedModel, design: Design, settings: GeneralizedSettings, search: Search) -> Climb:
    """The log that appears is that of the field's standard software: fixed-effects model, grid, full model."""
    null = search.ended = fit_null(model, design, settings, search)
    if not model.plan.terms:
        return Climb(model, null, None, null)
    objective = Objective(model)
    start = starting_point(model, design, settings, search, objective)
    settings.say("\nFitting full model:\n")
    # an iterative likelihood and its derivatives are estimates that agree within their Monte Carlo errors only
    held = not differentiates_nodes(model) or model.plan.sparse is not None
    options = replace(settings.optimiser, held=held, secant=is_large(model))
    scales = np.concatenate([np.zeros(len(model.root), bool), model.structure.scales])
    found = maximise(objective, start, options, search.full.step, logs=scales)
    if not np.isfinite(found.at.value):
        raise ValueError(
            UNSOLVED
            if model.plan.sparse is not None
            else "the log likelihood is not finite at the starting values: a fixed or constrained covariance matrix "
            "may not be positive definite there. Check the matrix or the constraints, give start= (`fit.theta` of "
            "another fit) or other variances by startgrid()"
        )
    if options.held and is_concentrated(objective.state):
        exact = Objective(replace(model, exact=True))
        again = maximise(exact, np.asarray(found.at.v), replace(options, held=False), lambda step, at: None, scales)
        if np.isfinite(again.at.value):
            objective, found = exact, replace(again, history=found.history)
    return Climb(objective.model, _snapped(objective, found, scales), objective.state, null)


def is_concentrated(state: Any) -> bool:
    """Do the data say so much about the random effects of a level that most posterior variances are below
    `CONCENTRATED` of the prior's?

    With the nodes held, the information about what all groups share is then a difference of numbers larger than itself
    by that factor, and quadrature errors with it; differentiating the adaptation has no such loss.
    """
    if not isinstance(state, Nodes):
        return False
    spreads = (np.median(np.square(np.diagonal(to_host(f), axis1=-2, axis2=-1))) for f in state.factors)
    return bool(min(spreads) < CONCENTRATED)


def fit_null(model: GeneralizedModel, design: Design, settings: GeneralizedSettings, search: Search) -> Maximum:
    """The model without random effects, in (coefficients of the whitened columns, free ancillary parameters)."""
    settings.say("Fitting fixed-effects model:\n")
    start = null_start(model, design, settings)
    one = lambda v: to_host(evaluate_single(model, v))
    options = replace(settings.optimiser, difficult=False)
    if model.plan.terms:  # how far the climb itself goes is another matter: this is where it begins
        options = replace(options, iterations=max(options.iterations, Settings().iterations))
    return maximise(one, start, options, search.null.step)


def null_start(model: GeneralizedModel, design: Design, settings: GeneralizedSettings) -> np.ndarray:
    """Where the model without random effects begins."""
    start = np.asarray(model.beginning)
    if model.plan.terms:
        return np.concatenate([start[: len(model.root)], _ancillary(model, design)])
    return start if settings.start is None else _checked(model, settings.start)


def starting_point(
    model: GeneralizedModel, design: Design, settings: GeneralizedSettings, search: Search, objective: Objective
) -> np.ndarray:
    """The user's starting values, checked, or the coefficients of the model without random effects with the best of the
    grid's variances."""
    if settings.start is not None:
        return _checked(model, settings.start)
    p, null = len(model.root), search.null.at
    fixed, free = np.asarray(null.v)[:p], np.asarray(null.v)[p:]
    aux = np.asarray(jax.device_get(model.family.printed(free)))
    if settings.start_values != "fixedonly":
        aux = np.asarray(jax.device_get(model.family.printed(_ancillary(model, design))))
        fixed = np.zeros(p) if settings.start_values == "zero" else np.asarray(model.beginning)[:p]
    units = [np.ones(b.size) for b in model.blocks]
    if settings.grid is None:
        large = is_large(model)
        units = score_variances(model, design, np.asarray(null.v)) if large else _units(model, design, aux)
    if (ahead := outlook(model.plan)) is not None:
        settings.say(f"\n{ahead}")
    settings.say("\nRefining starting values:\n")
    best, value, states = None, -np.inf, {}
    grid = settings.grid or (1.0,)
    for node, variance in enumerate((*grid, *FALLBACKS)):
        if node >= len(grid) and np.isfinite(value):
            break
        start = np.concatenate([fixed, model.structure.unit(aux, [variance * unit for unit in units])])
        objective.forget()
        at = objective(start)
        search.full.line(f"Grid node {node}", float(at.value), first=node == 0)
        if best is None or float(at.value) > value:
            best, value = start, float(at.value)
            search.full.keep(at if np.isfinite(value) else None)
            states = {"state": objective.state, "last": objective.last}
    assert best is not None
    objective.state, objective.last = states["state"], states["last"]
    return best


def _ancillary(model: GeneralizedModel, design: Design) -> np.ndarray:
    """Free ancillary parameters to begin with; cut points move with the offset."""
    free = np.array(model.family.init(design.y, design.weights))
    if model.family.cuts and design.offset is not None:
        free[0] += np.mean(design.offset)  # the first cut point; the others are gaps
    return free


def _units(model: GeneralizedModel, design: Design, aux: np.ndarray) -> list[np.ndarray]:
    """Variances to begin with, per equation: 1, except where covariates or a continuous response have such units that
    a random effect of variance 1 would be far too large or too small to begin with."""
    held = model.family.variances
    response = np.sqrt(aux[held[0]]) if held and model.family.link.name == "identity" else 1.0
    found = []
    for block, effect in zip(model.blocks, design.effects, strict=True):
        size = np.tile(np.sqrt(np.mean(np.square(effect.z), axis=0)) / response, effect.copies)
        size = size if block.traits.own else np.full(block.size, np.max(size))
        usual = (size < EXTREME) & (size > 1.0 / EXTREME)
        found.append(np.where(usual, 1.0, 1.0 / np.maximum(size, 1e-100) ** 2))
    return found


def _checked(model: GeneralizedModel, start: Any) -> np.ndarray:
    """The user's starting values."""
    if not isinstance(start, Params):
        raise ValueError(
            f"`start` must be `fit.theta` of a fit of the same model (a `Params`); got {type(start).__name__}"
        )
    try:
        v = np.asarray(model.vector(jax.tree.map(np.asarray, start)))
    except ValueError as problem:
        raise ValueError(f"`start` belongs to another model: {problem}") from None
    if not np.all(np.isfinite(v)):
        raise ValueError("`start` holds values that are not finite")
    # a standard deviation of exactly zero is a saddle that no step leaves
    scales = np.concatenate([np.zeros(len(model.root), bool), model.structure.scales])
    return np.where(scales & (v == 0.0), 0.05, v)


def _snapped(objective: Objective, found: Maximum, scales: np.ndarray) -> Maximum:
    """Set to exactly zero the standard deviations that are zero for all the likelihood can tell."""
    at = found.at
    for i in np.flatnonzero(scales):
        curvature = np.sqrt(np.abs(at.hessian[i, i]))
        if at.v[i] != 0.0 and abs(at.v[i]) * curvature < NEAR_ZERO:
            moved = np.array(at.v)
            moved[i] = 0.0
            trial = objective(moved)
            if trial.value >= at.value - 1e-9 * (1.0 + abs(at.value)):
                at = trial
    return replace(found, at=objective(np.asarray(at.v)))
