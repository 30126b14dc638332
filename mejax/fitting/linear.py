"""Fit a linear mixed model: climb, look at the boundary, invert the information."""

from typing import NamedTuple

import numpy as np

from .._status import Status
from .._tree import to_host
from .._typing import Params
from ..covstruct import AbstractVariances, Fixed
from ..design import Design, Names
from ..inference import Information, invert_information, natural_jacobian
from ..lmm import LinearModel, evaluate
from ..optimise import Maximum
from .boundary import beyond, held, reached, singular
from .climb import FitSettings, climb, likelihood_label
from .comparison import Comparison, boundary_test, linear_llf
from .components import at_bounds, component_info, free_counts
from .counted_degrees import counted
from .degrees import AbstractDegrees, NoDegrees
from .diagnosis import Verdict, verdict
from .estimates import Component, Estimates, block_diagonal
from .monte_carlo import MonteCarlo, iterative_note, monte_carlo
from .progress import Progress, resumable
from .robust import cluster_name, robust_vce, top_clusters
from .small_sample import KenwardRoger, require_linear, small_sample


def fit_linear(
    model: LinearModel, design: Design, names: Names, settings: FitSettings, constraints: tuple[str, ...] = ()
) -> Estimates:
    """Estimates of a linear mixed model; call inside double precision, with the model's arrays on the device.

    An interruption (Ctrl-C) leaves the last point of the climb, with the standard errors that are at hand.

    Raises:
        ValueError: starting values that do not fit the model, or a robust VCE without independent clusters.
        KeyboardInterrupt: an interruption before the first evaluation, or a second one.
    """
    _require_method(model, design, names, settings.df)
    sampled = settings.kind == "pweight"
    groups = None if settings.vce == "oim" else top_clusters(model, design, settings.clusters, sampled=sampled)
    parts = _Parts(model, design, names, settings, constraints, groups)
    progress = Progress(settings.say, likelihood_label(model))
    try:
        return _estimates(parts, climb(model, design, settings, progress))
    except KeyboardInterrupt:
        if progress.at is None:
            raise
    return _estimates(parts, progress.reached())


class _Parts(NamedTuple):
    """The model, its design and names, what the user chose, and the cluster of each top-level group."""

    model: LinearModel
    design: Design
    names: Names
    settings: FitSettings
    constraints: tuple[str, ...]
    groups: np.ndarray | None


def _estimates(parts: _Parts, found: Maximum) -> Estimates:
    """What follows the climb."""
    model, design, names, settings, constraints, _ = parts
    v = np.asarray(found.at.v)
    ends = beyond(model.variances, np.asarray(found.at.hessian))
    information = invert_information(np.asarray(found.at.hessian), held(model.variances, v) | ends)
    components, jacobian, factors = to_host(natural_jacobian(model.variances, v))
    flags = singular(model.variances, factors, design)
    spread = residual_variance(model.variances, v, components)
    described = component_info(model.variances, names, components, flags, spread)
    described = at_bounds(described, reached(model.variances, ends))
    fixed, vces = np.asarray(found.at.fixed), (np.asarray(found.at.covariance), information.covariance)
    if settings.vce != "oim":
        vces = _robust(parts, found, vces)
    judged = verdict(model, design, names, found.status, information, (described, flags, spread))
    degrees, problems = _degrees(model, design, names, found, settings)
    basis = np.asarray(model.basis)
    random, residual = model.variances.params(v)
    vce = basis @ vces[0] @ basis.T if not isinstance(degrees, KenwardRoger) else degrees.adjusted
    of_components = component_vce(jacobian, vces[1], described, judged, information)
    noise = _monte_carlo(parts, found, information, jacobian)
    covariance = block_diagonal(vce, of_components)
    said = iterative_note(noise, np.sqrt(np.diag(covariance)), found.status, model.plan.sparse is not None)
    return Estimates(
        model=model, design=design, names=names, theta=Params(fixed, random, residual, np.zeros(0)), v=v,
        status=judged.status, history=found.history, llf=float(found.at.value),
        nobs=float(design.count if settings.kind == "pweight" else model.count),
        coefficients=np.asarray(model.offset) + basis @ fixed, components=components, component_info=described,
        covariance=covariance,
        sigmas=sigmas_of(model.variances, factors, spread),
        parameters=len(fixed) + len(v), vce=settings.vce,
        clusters=cluster_name(model, names, settings.vce, settings.clusters), constraints=constraints,
        null_test=_null_test(model, found, constraints), degrees=degrees,
        notes=(*judged.notes, *problems, *said, *resumable(found.status)), monte_carlo=noise,
    )  # fmt: skip


def _monte_carlo(parts: _Parts, found: Maximum, information: Information, jacobian: np.ndarray) -> MonteCarlo | None:
    """Monte Carlo errors where the remainder was met iteratively; without a maximum there are none."""
    noise = found.at.noise
    if noise is None or found.status is not Status.CONVERGED:
        return None
    printed = np.concatenate([np.asarray(parts.model.basis) @ noise.fixed, jacobian])
    return monte_carlo(noise.logdets, noise.slopes, information.covariance, printed)


def _robust(parts: _Parts, found: Maximum, vces: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Sandwiches of the coefficients and of the variances; unknown where the fit was interrupted."""
    model, settings = parts.model, parts.settings
    if found.status is Status.INTERRUPTED:
        unknown = tuple(np.full(np.shape(vce), np.nan) for vce in vces)
        return unknown[0], unknown[1]
    settings.say("Computing standard errors ...")
    fixed, v = np.asarray(found.at.fixed), np.asarray(found.at.v)
    return robust_vce(model, fixed, v, vces, parts.groups, repeated=settings.kind == "fweight")


def _require_method(model: LinearModel, design: Design, names: Names, df: tuple[str, bool] | None) -> None:
    """Raise an error where the method for degrees of freedom is not for such a model."""
    if df is None:
        return
    method, observed = df
    if method in ("satterthwaite", "kroger"):
        require_linear(model, method, method == "kroger" or not observed)
    else:
        counted(design, names, method)


def _degrees(
    model: LinearModel, design: Design, names: Names, found: Maximum, settings: FitSettings
) -> tuple[AbstractDegrees | None, tuple[str, ...]]:
    """Degrees of freedom by the method asked for; where the fit has none, a note says why and tests are normal."""
    if settings.df is None:
        return None, ()
    if found.status is Status.INTERRUPTED:
        return None, ("no degrees of freedom, so that tests are those of z",)
    settings.say("Computing degrees of freedom ...")
    v = np.asarray(found.at.v)
    try:
        degrees = degrees_by(model, design, names, v, settings.df)
    except NoDegrees as problem:
        return None, (f"no degrees of freedom, so that tests are those of z: {problem}",)
    if settings.df[0] in ("satterthwaite", "kroger") and np.any(held(model.variances, v)):
        return degrees, ("the degrees of freedom take the variances that are estimated at zero as known",)
    return degrees, ()


def degrees_by(
    model: LinearModel, design: Design, names: Names, v: np.ndarray, method: tuple[str, bool]
) -> AbstractDegrees:
    """Degrees of freedom by a method and, where there is a choice, the observed information.

    Raises:
        NoDegrees: the method is not for such a model.
    """
    name, observed = method
    if name not in ("satterthwaite", "kroger"):
        return counted(design, names, name)
    hessian = np.asarray(to_host(evaluate(model, v)).hessian)
    return small_sample(model, v, hessian, name, observed=observed)


def residual_variance(variances: AbstractVariances, v: np.ndarray, components: np.ndarray) -> float:
    """sigma_e^2, which structured errors may print in another form."""
    return float(components[-1] if variances.errors is None else np.exp(2 * v[-1]))


def sigmas_of(variances: AbstractVariances, working: tuple[np.ndarray, ...], residual: float) -> tuple[np.ndarray, ...]:
    """Sigma of every equation on the scale of the response; `residual` is sigma_e^2."""
    frames = (None if f is None else np.asarray(f) for f in variances.frames)
    factors = (f if frame is None else frame @ f for frame, f in zip(frames, working, strict=True))
    return tuple(residual * f @ f.T for f in factors)


def component_vce(
    jacobian: np.ndarray, vce: np.ndarray, described: tuple[Component, ...], judged: Verdict, information: Information
) -> np.ndarray:
    """Delta method; NaN in the rows of components that have no standard error."""
    out = jacobian @ vce @ jacobian.T
    for k, component in enumerate(described):
        lost = component.equation in judged.without_errors
        unsure = judged.status in (Status.NOT_IDENTIFIED, Status.INTERRUPTED)
        lost |= unsure and information.touches(jacobian[k])
        if component.boundary or component.note or lost:
            out[k, :] = out[:, k] = np.nan
    return out


def _null_test(model: LinearModel, found: Maximum, constraints: tuple[str, ...]) -> Comparison | None:
    """Against the linear model without random effects; there is none to compare with under constraints."""
    if constraints or found.status is Status.INTERRUPTED or any(isinstance(b, Fixed) for b in model.variances.blocks):
        return None
    root = np.asarray(model.root)
    logdet = 2 * float(np.sum(np.log(np.abs(np.diag(root)))))
    count = float(model.count)
    null = linear_llf(count * float(model.unit) ** 2, count, len(root), logdet, model.reml)
    variances, others = free_counts(model.variances.blocks)
    of_errors = 0 if model.variances.errors is None else model.variances.errors.count
    stat = 2 * (float(found.at.value) - null)
    # covariances vanish with their variances, so that beside them none is an ordinary parameter
    return boundary_test(stat, variances + others + of_errors, 0) if variances else boundary_test(stat, 0, of_errors)
