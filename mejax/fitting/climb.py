"""From a starting point to the maximum of a linear model's likelihood."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jax.sharding import Mesh

from .._status import Status
from .._tree import to_host
from .._typing import Params
from ..covstruct import AbstractVariances
from ..design import Design
from ..elimination import UNSOLVED, outlook
from ..lmm import Evaluation, LinearModel, evaluate, posterior
from ..optimise import Maximum, Settings, Step, maximise
from ..sharding import spread
from .boundary import snap_to_zero, standalone
from .progress import Progress
from .start import em_step, moment_start

DIFFERENCE = 0.02  # standard errors, of steps for differences of gradients
MOST_EM = 10_000  # EM steps of `emonly` without `emiterate()`


@dataclass(frozen=True)
class FitSettings:
    """What the user may choose about the climb and the standard errors.

    `em` is a number of EM steps before Newton-Raphson (`em_only`: instead of it); `start` a `Params`, a vector of the
    variance parameters, or None; `clusters` the observations' cluster numbers for a cluster-robust VCE with the
    variable's name.  `df` is the method for degrees of freedom, and whether it uses the observed information;
    `kind` that of the weights.  `mesh` holds the devices that the climb runs on, where they are several.
    """

    optimiser: Settings = field(default_factory=Settings)
    em: int = 0
    em_only: bool = False
    em_tolerance: float = 1e-10
    em_log: bool = False
    start: Any = None
    vce: str = "oim"
    clusters: tuple[str, np.ndarray] | None = None
    df: tuple[str, bool] | None = None
    kind: str | None = None
    mesh: Mesh | None = None
    say: Callable[[str], None] = lambda line: None


def objective(model: LinearModel) -> Callable[[np.ndarray], Evaluation]:
    return lambda v: to_host(evaluate(model, v))


def climb(model: LinearModel, design: Design, settings: FitSettings, progress: Progress) -> Maximum:
    """EM steps if asked for, then Newton-Raphson, then a look at the boundary; `progress` hears of every step."""
    start = starting_point(model, design, settings.start)
    if settings.em_only and model.variances.errors is not None:
        raise ValueError(
            "emonly moves the random effects' covariances only, not the structure of the errors; leave it out"
        )
    if settings.em or settings.em_only:
        settings.say("Performing EM optimization ...\n")
        start, done = em_iterations(model, start, settings, progress)
        if settings.em_only:
            at = objective(model)(start)
            return Maximum(at, Status.CONVERGED if done else Status.NOT_CONVERGED, (Step(0, float(at.value)),))
    if (ahead := outlook(model.plan)) is not None:
        settings.say(f"{ahead}\n")
    settings.say("Performing gradient-based optimization:")
    # estimates of the likelihood and of its derivatives agree within their Monte Carlo errors only
    options = replace(settings.optimiser, held=model.plan.sparse is not None)
    evaluated = objective(model if settings.mesh is None else spread(model, settings.mesh))
    found = maximise(evaluated, start, options, progress.step, logs=standalone(model.variances))
    if not np.isfinite(found.at.value):
        raise ValueError(
            UNSOLVED
            if model.plan.sparse is not None
            else "the log likelihood is not finite at the starting values: a fixed or constrained covariance matrix is "
            "not positive definite there. Check the matrix or the constraints, or give start= (`fit.theta` of another "
            "fit)"
        )
    if found.status is Status.NOT_CONVERGED and within_noise(found.at):
        found = replace(found, status=Status.CONVERGED)
    if found.status is not Status.CONVERGED:
        return found
    at = snap_to_zero(model.variances, found.at, design, evaluated)
    if model.plan.rough is not None:
        settings.say("Computing second derivatives ...")
        at = with_exact_hessian(model, at)
    return Maximum(at, found.status, found.history)


def within_noise(at: Evaluation) -> bool:
    """Is the gain that an iterative fit still expects less than its Monte Carlo error makes up?

    Where the levels hang together loosely, second derivatives fit the estimated gradient too badly for smaller steps.
    """
    if at.noise is None:
        return False
    inverse = np.linalg.pinv(-np.asarray(at.hessian), hermitian=True)
    gradient, scores = np.asarray(at.gradient), 0.5 * np.asarray(at.noise.slopes)
    scores = scores - scores.mean(0)
    count = len(scores)
    error = np.einsum("ti,ij,tj->", scores, inverse, scores) / (count * (count - 1.0))
    return bool(gradient @ inverse @ gradient < error)


def with_exact_hessian(model: LinearModel, at: Evaluation) -> Evaluation:
    """The evaluation with a Hessian by central differences of the exact gradient, where its own is only good for steps.

    Gradients are those of the profile likelihood where sigma_e is profiled out; its part in the Hessian is exact.
    """
    v, own = np.asarray(at.v), np.asarray(at.hessian)
    depth = len(v) - 1 if model.variances.profiled else len(v)
    found = np.zeros((depth, depth))
    for i in range(depth):
        move = np.zeros(len(v))
        move[i] = DIFFERENCE / np.sqrt(np.maximum(-own[i, i], 1e-12))
        ends = [np.asarray(objective(model)(v + sign * move).gradient)[:depth] for sign in (1.0, -1.0)]
        found[i] = (ends[0] - ends[1]) / (2.0 * move[i])
    hessian = own.copy()
    cross = own[:depth, depth:]
    hessian[:depth, :depth] = 0.5 * (found + found.T)
    if depth < len(v):
        hessian[:depth, :depth] += cross @ cross.T / own[-1, -1]
    return at._replace(hessian=hessian, held=np.asarray(at.held) + hessian - own)


def em_iterations(
    model: LinearModel, start: np.ndarray, settings: FitSettings, progress: Progress
) -> tuple[np.ndarray, bool]:
    """EM steps from `start`: slow, but every one of them gains, from anywhere.  Was the tolerance met?

    The random-effects covariances take an EM step (mean posterior second moments, projected onto their structure), the
    residual variance its closed-form maximum (ECME: Liu and Rubin 1994).
    """
    if not model.variances.profiled:
        raise ValueError(
            "EM steps (emiterate, emonly) are for covariance matrices without fixed entries or constraints; leave "
            "them out"
        )
    here = to_host(evaluate(model, start))
    for iteration in range(settings.em or MOST_EM):
        value = float(here.value)
        progress.keep(here)
        if settings.em_log:
            progress.line(f"Iteration {iteration}", value, first=iteration == 0)
        random = to_host(posterior(model, here.fixed, here.v, model.reml))
        there = to_host(evaluate(model, em_step(model.variances, random, np.asarray(here.v))))
        gain = float(there.value) - value
        if gain < settings.em_tolerance * (1.0 + abs(value)):
            return (there.v if gain >= 0 else here.v), gain > -1e-9 * (1.0 + abs(value))
        here = there
    return here.v, False


def likelihood_label(model: LinearModel) -> str:
    return "Log restricted-likelihood" if model.reml else "Log likelihood"


def starting_point(model: LinearModel, design: Design, start: Any) -> np.ndarray:
    """The user's starting values, checked, or those by moments."""
    if start is None:
        return moment_start(model, design, to_host(model.products), to_host(model.plan))
    return given_variances(model.variances, start)


def given_variances(variances: AbstractVariances, start: Any) -> np.ndarray:
    """The variance parameters that somebody gave, as a `Params` of the same model or as a vector."""
    if isinstance(start, Params):
        wanted, given = [np.shape(r) for r in variances.unit()[0]], [np.shape(r) for r in start.random]
        wanted, given = [*wanted, np.shape(variances.unit()[1])], [*given, np.shape(start.residual)]
        if given != wanted:
            raise ValueError(
                f"`start` belongs to another model: its random part and errors have shapes {given}, here {wanted}"
            )
        start = variances.vector(start.random, start.residual)
    try:
        start = np.asarray(start, float)
    except (TypeError, ValueError):
        start = np.full(0, np.nan)
    wanted = len(variances.init())
    if start.shape != (wanted,) or not np.all(np.isfinite(start)):
        raise ValueError(
            f"`start` must be `fit.theta` of a fit of the same model, or {wanted} finite variance parameters "
            f"(`model.variances.vector(...)`); got an array of shape {start.shape}"
        )
    # a standard deviation of exactly zero is a saddle that no step leaves
    return np.where(standalone(variances) & (start == 0.0), 0.05, start)
