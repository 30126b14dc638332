"""Fit a linear mixed model: start, climb, look at the boundary, invert the information."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax.numpy as jnp
import numpy as np

from .._status import Status
from .._tree import to_host
from .._typing import Params
from ..covstruct import Fixed, Identity, Independent
from ..design import Design, Names
from ..inference import cluster_scores, invert_information, natural_jacobian, sandwich
from ..lmm import Evaluation, LinearModel, evaluate
from ..optimise import Maximum, Settings, Step, maximise
from .boundary import held, singular, snap_to_zero, standalone
from .comparison import boundary_test, linear_llf
from .components import component_info, free_counts
from .diagnosis import design_problems, flat_problem
from .em import em_iterations
from .estimates import Component, Estimates
from .start import moment_start


@dataclass(frozen=True)
class FitSettings:
    """What the user may choose about the climb and the standard errors.

    `em` is a number of EM steps before Newton-Raphson (`em_only`: instead of it); `start` a `Params`, a vector of the
    variance parameters, or None; `clusters` the observations' cluster numbers for a cluster-robust VCE with the
    variable's name.
    """

    optimiser: Settings = field(default_factory=Settings)
    em: int = 0
    em_only: bool = False
    em_tolerance: float = 1e-10
    start: Any = None
    vce: str = "oim"
    clusters: tuple[str, np.ndarray] | None = None
    say: Callable[[str], None] = lambda line: None


def fit_linear(
    model: LinearModel, design: Design, names: Names, settings: FitSettings, constraints: tuple[str, ...] = ()
) -> Estimates:
    """Estimates of a linear mixed model; call inside `jax.enable_x64(True)`, with the model's arrays on the device."""
    found = _climb(model, design, settings)
    return _finish(model, design, names, found, settings, constraints)


def objective(model: LinearModel) -> Callable[[np.ndarray], Evaluation]:
    return lambda v: to_host(evaluate(model, v))


def _climb(model: LinearModel, design: Design, settings: FitSettings) -> Maximum:
    start = _start(model, design, settings.start)
    if settings.em or settings.em_only:
        settings.say("Performing EM optimization ...\n")
        start, done = em_iterations(model, start, settings.em, settings.em_tolerance, settings.em_only)
        if settings.em_only:
            at = objective(model)(start)
            return Maximum(at, Status.CONVERGED if done else Status.NOT_CONVERGED, (Step(0, float(at.value)),))
    label = "Log restricted-likelihood" if model.reml else "Log likelihood"
    settings.say("Performing gradient-based optimization:")

    def report(step: Step) -> None:
        settings.say(f"Iteration {step.iteration}:  {label} = {step.value:.8g}  {step.remark}".rstrip())

    found = maximise(objective(model), start, settings.optimiser, report, logs=standalone(model.variances))
    if found.status is not Status.CONVERGED:
        return found
    snapped = snap_to_zero(model.variances, found.at.v, design, lambda v: float(objective(model)(v).value))
    if snapped is found.at.v:
        return found
    return Maximum(objective(model)(snapped), found.status, found.history)


def _start(model: LinearModel, design: Design, start: Any) -> np.ndarray:
    if start is None:
        return moment_start(model, design, to_host(model.products), to_host(model.plan))
    if isinstance(start, Params):
        start = model.variances.join(start.random, start.residual)
    start = np.asarray(start, float)
    wanted = len(model.variances.init())
    if start.shape != (wanted,) or not np.all(np.isfinite(start)):
        raise ValueError(
            f"`start` must be `fit.theta` of a fit of the same model, or {wanted} finite variance parameters "
            f"(`model.variances.join(...)`); got an array of shape {start.shape}"
        )
    return start


def _finish(model, design, names, found: Maximum, settings: FitSettings, constraints) -> Estimates:
    at: Evaluation = found.at
    v = np.asarray(at.v)
    zero = held(model.variances, v)
    info = invert_information(at.hessian, zero)
    components, jacobian, factors = to_host(natural_jacobian(model.variances, v))
    flags = singular(factors, design)
    described = component_info(model.variances, names, components, flags)
    fixed, fixed_vce, bread = np.asarray(at.fixed), np.asarray(at.covariance), info.covariance
    if settings.vce != "oim":
        settings.say("Computing standard errors ...")
        scores = to_host(cluster_scores(model, fixed, v))
        groups = _top_clusters(model, design, settings)
        fixed_vce = sandwich(fixed_vce, scores.fixed, groups)
        bread = sandwich(info.covariance, scores.variances, groups)
    status, notes = _verdict(model, design, names, found, info, described, flags)
    component_vce = jacobian @ bread @ jacobian.T
    for k, component in enumerate(described):
        if component.boundary or component.note or (status is Status.NOT_IDENTIFIED and _touched(jacobian[k], info)):
            component_vce[k, :] = component_vce[:, k] = np.nan
    basis = np.asarray(model.basis)
    random, residual = model.variances.split(v)
    return Estimates(
        model=model, design=design, names=names, theta=Params(fixed, random, residual, np.zeros(0)), v=v,
        status=status, history=found.history, llf=float(at.value), nobs=float(model.count),
        coefficients=np.asarray(model.offset) + basis @ fixed, coefficient_vce=basis @ fixed_vce @ basis.T,
        components=components, component_vce=component_vce, component_info=described,
        parameters=len(fixed) + len(v), vce=settings.vce, clusters=_cluster_note(model, design, names, settings),
        constraints=constraints, null_test=_null_test(model, float(at.value), constraints), notes=notes,
    )  # fmt: skip


def _touched(row: np.ndarray, info) -> bool:
    """Does a printed component change along a flat direction?"""
    return bool(len(info.flat.T)) and bool(np.max(np.abs(row @ info.flat)) > 1e-6 * np.max(np.abs(info.flat)))


def _verdict(model, design, names, found: Maximum, info, described: tuple[Component, ...], flags):
    """The final status and what to say about it."""
    status, notes = found.status, []
    problems = design_problems(design, names)
    if status.ok and (problems or info.flat.shape[1]) and not any(flags):
        status = Status.NOT_IDENTIFIED
        notes += problems or [flat_problem(model.variances, info.flat, described)]
    elif status is Status.NOT_CONVERGED:
        notes += problems or [
            "no maximum was reached; raise iterate(), try difficult, simplify the random effects, or rescale covariates "
            "whose random slopes differ by orders of magnitude"
        ]
    elif status.ok and any(flags):
        status = Status.BOUNDARY
        for name, component in zip(names.effects, flags, strict=True):
            if component:
                notes.append(_boundary_note(name))
    return status, tuple(notes)


def _boundary_note(name) -> str:
    what = "variance is estimated as zero" if len(name.columns) == 1 else "covariance matrix is singular (a variance is zero or a correlation is 1 in size)"
    return f"{name.path}: the random effects' {what}; no standard errors for these components. A simpler random part gives the same fit."


def _top_clusters(model: LinearModel, design: Design, settings: FitSettings) -> np.ndarray | None:
    """Cluster of each top-level group, or None where the groups are the clusters."""
    if model.cluster_totals is None:
        raise ValueError(
            "robust standard errors need at least two independent top-level clusters; this model has one (crossed "
            "effects or _all) or too many columns for per-cluster sums. Use vce=\"oim\"."
        )
    if settings.clusters is None:
        return None
    variable, numbers = settings.clusters
    top = model.plan.terms[model.plan.chain[-1].term]
    codes = np.asarray(design.effects[top.blocks[0]].codes)
    groups = np.zeros(top.size, np.int64)
    groups[codes] = numbers
    if not np.array_equal(groups[codes], numbers):
        raise ValueError(
            f"vce(cluster {variable}): a top-level group of the model meets several values of {variable}; clusters "
            "must contain whole groups"
        )
    return np.unique(groups, return_inverse=True)[1]


def _cluster_note(model, design, names: Names, settings: FitSettings):
    if settings.vce == "oim":
        return None
    if settings.clusters is not None:
        return settings.clusters[0], len(np.unique(settings.clusters[1]))
    top = model.plan.terms[model.plan.chain[-1].term]
    return names.effects[top.blocks[0]].name, top.size


def _null_test(model: LinearModel, llf: float, constraints):
    if constraints or any(isinstance(b, Fixed) for b in model.variances.blocks):
        return None
    root = np.asarray(model.root)
    logdet = 2 * float(np.sum(np.log(np.abs(np.diag(root)))))
    count = float(model.count)
    null = linear_llf(count * float(model.unit) ** 2, count, len(root), logdet, model.reml)
    variances, others = free_counts(model.variances.blocks)
    return boundary_test(2 * (llf - null), variances, others)
