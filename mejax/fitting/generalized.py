"""Fit a generalized linear mixed model: climb, look at the boundary, invert the information."""

from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np

from .._status import Status
from .._tree import to_host
from .._typing import ArrayLike
from ..covstruct import AbstractCovariance, Fixed
from ..design import Design, Names
from ..glmm import ConstrainedStructure, GeneralizedModel, probe_noise
from ..inference import Information, invert_information
from .boundary import NEGLIGIBLE
from .climb_generalized import Climb, GeneralizedSettings, climb, known_hessian
from .comparison import Comparison, boundary_test
from .components import block_components, free_counts, mark_constants
from .estimates import Component, Estimates
from .interrupted import so_far
from .monte_carlo import MonteCarlo, iterative_note, monte_carlo
from .progress import Search, resumable
from .robust_generalized import cluster_label, robust_covariance, top_groups
from .verdict_generalized import Verdict, generalized_verdict


class Printed(NamedTuple):
    """Everything printed, its derivatives in v, and the covariance matrix of every equation's random effects."""

    values: ArrayLike
    jacobian: ArrayLike
    sigmas: tuple[ArrayLike, ...]
    aux: ArrayLike


@eqx.filter_jit
def printed_at(model: GeneralizedModel, v) -> Printed:
    values = model.structure.read(v[model.root.shape[0] :])
    sigmas = tuple(factor @ factor.T for factor in values.factors)
    return Printed(model.printed(v), jax.jacfwd(model.printed)(v), sigmas, values.aux)


def fit_generalized(
    model: GeneralizedModel, design: Design, names: Names, settings: GeneralizedSettings,
    constraints: tuple[str, ...] = (), *, before: Status | None = None,
) -> Estimates:  # fmt: skip
    """Estimates of a generalized model; call inside double precision, with the model's arrays on the device.

    An interruption (Ctrl-C) leaves the last point of the climb, with the standard errors that are at hand.  `before` is
    how the fit ended that gave the starting values, where that is part of this one.

    Raises:
        ValueError: starting values that do not fit the model, or a robust VCE without independent clusters.
        KeyboardInterrupt: an interruption before the first evaluation, or a second one.
    """
    groups = top_groups(model, design, settings) if settings.vce != "oim" else None
    parts = _Parts(design, names, settings, constraints, groups)
    search = Search.of(settings.say, settings.label)
    try:
        if before is not Status.INTERRUPTED:
            return _estimates(parts, climb(model, design, settings, search))
    except KeyboardInterrupt:
        if search.null.at is None and before is None:
            raise
    return _estimates(parts, so_far(model, design, settings, search))


class _Parts(NamedTuple):
    """The design and its names, what the user chose, and the cluster of each top-level group."""

    design: Design
    names: Names
    settings: GeneralizedSettings
    constraints: tuple[str, ...]
    groups: np.ndarray | None


def _estimates(parts: _Parts, ended: Climb) -> Estimates:
    """What follows the climb."""
    design, names, settings, constraints, _ = parts
    model = ended.model
    v, p = np.asarray(ended.found.at.v), len(model.root)
    printed = to_host(printed_at(model, v))
    scales = np.concatenate([np.zeros(p, bool), model.structure.scales])
    stopped = ended.found.status is Status.INTERRUPTED
    hessian = known_hessian(ended.found.at) if stopped else np.asarray(ended.found.at.hessian)
    information = invert_information(hessian, scales[: len(v)] & (v == 0.0))
    covariance = _robust(parts, ended, information) if settings.vce != "oim" else information.covariance
    sizes = _sizes(model, names)
    described = _components(model, names, printed, _singular(model, design, printed, ended), sizes)
    judged = generalized_verdict(model, design, names, ended, information, described)
    k = len(model.offset)
    a = len(printed.values) - k - sizes.components
    covariance = _covariance(printed.jacobian, covariance, (k + a, described), judged, information)
    noise = _monte_carlo(ended, information, printed)
    errors = np.sqrt(np.diag(covariance))
    said = iterative_note(noise, errors, ended.found.status, model.plan.sparse is not None)
    return Estimates(
        model=model, design=design, names=names, theta=model.params(v), v=v,
        status=judged.status, history=ended.found.history, llf=float(ended.found.at.value),
        nobs=_observations(model, design, settings),
        coefficients=printed.values[:k], ancillary=printed.values[k : k + a], components=printed.values[k + a :],
        ancillary_labels=tuple(
            label for i, label in enumerate(model.family.ancillary) if i not in model.family.variances
        ),
        aux=printed.aux, component_info=described, printed_jacobian=printed.jacobian,
        covariance=covariance, monte_carlo=noise,
        sigmas=printed.sigmas, parameters=len(v), vce=settings.vce,
        clusters=cluster_label(model, names, settings), constraints=constraints,
        null_test=_null_test(model, ended, constraints), null_llf=float(ended.null.at.value),
        null_history=ended.null.history, notes=(*judged.notes, *said, *resumable(ended.found.status)),
    )  # fmt: skip


def _monte_carlo(ended: Climb, information: Information, printed: Printed) -> MonteCarlo | None:
    """Monte Carlo errors where the remainder was met iteratively; without a maximum there are none."""
    if ended.model.plan.sparse is None or ended.found.status is not Status.CONVERGED:
        return None
    noise = to_host(probe_noise(ended.model, np.asarray(ended.found.at.v), ended.state))
    logdets, slopes = np.asarray(noise.logdets), np.asarray(noise.slopes)
    return monte_carlo(logdets, slopes, information.covariance, np.asarray(printed.jacobian))


def _robust(parts: _Parts, ended: Climb, information: Information) -> np.ndarray:
    """The sandwich; unknown where the fit was interrupted."""
    if ended.found.status is Status.INTERRUPTED:
        return np.full_like(information.covariance, np.nan)
    settings = parts.settings
    settings.say("\nComputing standard errors ...")
    return robust_covariance(ended.model, ended, information.covariance, parts.groups, settings.kind)


class _Sizes(NamedTuple):
    """Number of printed components, and the label of the response's own variance, if it has one."""

    components: int
    residual: str | None


def _sizes(model: GeneralizedModel, names: Names) -> _Sizes:
    own = len(model.family.variances)
    count = sum(len(block.entries) for block in model.blocks) + own
    return _Sizes(count, model.family.residual_label(names.response) if own else None)


def _observations(model: GeneralizedModel, design: Design, settings: GeneralizedSettings) -> float:
    """Rows; with frequency weights what they stand for, those of groups included."""
    if settings.kind != "fweight":
        return float(len(design.x))
    weights = model.batches.joint_weights
    return float(np.sum(weights)) if weights is not None else float(len(design.x))


def _singular(model: GeneralizedModel, design: Design, printed: Printed, ended: Climb) -> list[np.ndarray]:
    """Per equation, which of its random effects have a variance that is zero for all the data can tell; all of them
    where the covariance matrix is singular in another way.

    The unit is the information that an average group has about the effect, by the mean curvature of the rows' log
    densities in the model without random effects.
    """
    curvature = model.family.precision(np.asarray(printed.aux))
    if curvature is None:
        p = len(model.root)
        hessian = np.asarray(ended.null.at.hessian)
        curvature = -np.trace(hessian[:p, :p]) / (p * len(design.x)) if p else 1.0
    found = []
    for effect, sigma, block in zip(design.effects, printed.sigmas, model.blocks, strict=True):
        squares = np.tile(np.einsum("ij,ij->j", effect.z, effect.z) / effect.size, effect.copies)
        size = np.sqrt(curvature * (squares if block.traits.own else np.full(len(squares), np.max(squares))))
        scaled = size[:, None] * sigma * size
        values = np.linalg.eigvalsh(scaled)
        alone = np.diag(scaled) < NEGLIGIBLE
        whole = values[0] < max(NEGLIGIBLE, 1e-10 * values[-1]) and not np.any(alone)
        found.append(np.full(len(alone), True) if whole else alone)
    return found


def _components(
    model: GeneralizedModel, names: Names, printed: Printed, singular: list[np.ndarray], sizes: _Sizes
) -> tuple[Component, ...]:
    def at_bound(k: int, block: AbstractCovariance, i: int, j: int) -> bool:
        if isinstance(block, Fixed) and all(block.held):
            return False
        return bool(singular[k][i] or singular[k][j] if all(block.traits.scales) else np.any(singular[k]))

    out = block_components(names, model.blocks, at_bound)
    if sizes.residual is not None:
        out.append(Component(sizes.residual, "var", -1))
    if isinstance(model.structure, ConstrainedStructure):
        first = len(model.structure.offset) - len(model.family.ancillary)
        places = np.array([first + k for k in model.family.variances], int)
        out = mark_constants(model.structure, out, places)
    return tuple(out)


def _covariance(
    jacobian: np.ndarray, vce: np.ndarray, described: tuple[int, tuple[Component, ...]], judged: Verdict,
    information: Information,
) -> np.ndarray:  # fmt: skip
    """Delta method; NaN in the rows of what has no standard error."""
    first, components = described
    out = jacobian @ vce @ jacobian.T
    lost = not judged.status.ok
    for row in range(len(out)):
        component = components[row - first] if row >= first else None
        gone = lost and information.touches(jacobian[row])
        if component is not None:
            gone |= component.boundary or bool(component.note) or component.equation in judged.without_errors
        elif row in judged.without_errors_of_coefficients:
            gone = True
        if gone:
            out[row, :] = out[:, row] = np.nan
    return out


def _null_test(model: GeneralizedModel, ended: Climb, constraints: tuple[str, ...]) -> Comparison | None:
    """Against the model without random effects; None under constraints, or where that model's maximum was not found."""
    if constraints or not model.plan.terms or any(isinstance(b, Fixed) for b in model.blocks):
        return None
    if not ended.null.status.ok or ended.found.status is Status.INTERRUPTED:
        return None
    variances, others = free_counts(model.blocks)
    # covariances vanish with their variances, so that beside them none is an ordinary parameter
    stat = 2 * (float(ended.found.at.value) - float(ended.null.at.value))
    return boundary_test(stat, variances + others if variances else 0, 0)
