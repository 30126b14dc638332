"""The model of a command on a design, and its fit."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .._double import computing
from .._tree import to_device
from ..build import Integration, build_generalized, build_linear, build_nonlinear, build_streamed, build_true
from ..design import Design
from ..fitting import Estimates, GeneralizedSettings, fit_generalized, fit_linear, fit_nonlinear, fit_true
from ..frame import Encoding, Parquet, read, read_batches
from ..likelihoods import family
from ..sharding import placed
from ..syntax import Spec, refuse_unbuilt
from ..syntax.constraints import Constraint, canonical, collect_constraints
from .settings import Say, generalized_settings, linear_settings, mesh, nonlinear_settings, optimiser, solver
from .weights import rescaled


def silent(line: str) -> None:
    """No iteration log."""


def estimate(spec: Spec, data: Any, say: Say = silent) -> tuple[Estimates, Encoding]:
    """Read the table, build the model, fit it."""
    if isinstance(data, Parquet):
        return _estimate_streamed(spec, data, say)
    design, encoding = read_design(spec, data)
    return fit_design(spec, design, encoding, say), encoding


def _estimate_streamed(spec: Spec, table: Parquet, say: Say) -> tuple[Estimates, Encoding]:
    """The same of a table that is read in batches."""
    refuse_unbuilt(spec)
    streamed = read_batches(spec, table, matrices=spec.option("matrices"))
    settings = linear_settings(spec, streamed.encoding, say)
    model, design = build_streamed(streamed, reml=bool(spec.option("reml")), solver=solver(spec))
    with computing():
        return fit_linear(to_device(model), design, streamed.names, settings), streamed.encoding


def read_design(spec: Spec, data: Any) -> tuple[Design, Encoding]:
    """The arrays of the estimation sample, checked against what the model's response allows."""
    refuse_unbuilt(spec)
    design, encoding = read(spec, data, matrices=spec.option("matrices"))
    if encoding.response is not None:
        _family(encoding).check(design.y, encoding.row_name)
    return rescaled(spec, design), encoding


def fit_design(spec: Spec, design: Design, encoding: Encoding, say: Say = silent) -> Estimates:
    """The fit of a command to a design, which need not be the one that was read: responses may have been drawn anew.

    Nothing is checked that `read_design` checks.
    """
    with computing():
        return _FITTERS.get(spec.command, _fit_generalized)(spec, design, encoding, say)


def built(spec: Spec, design: Design, encoding: Encoding) -> Any:
    """The model that `fit_design` fits, its arrays on the host; of `menl` the linearised one."""
    constraints = _constraints(spec, encoding)
    if spec.command == "mixed":
        reml = bool(spec.option("reml"))
        return build_linear(design, encoding.names, reml=reml, constraints=constraints, solver=solver(spec))
    if spec.nonlinear is not None:
        return build_nonlinear(design, encoding.names, spec.nonlinear, reml=bool(spec.option("reml")))
    exact = bool(spec.option("exactderivatives"))
    devices = mesh(spec)
    count = 1 if devices is None else devices.size
    integration = Integration(spec.option("intmethod"), spec.option("intpoints"), exact, devices=count)
    family = _family(encoding)
    return build_generalized(design, encoding.names, family, integration, constraints, solver=solver(spec))


def _family(encoding: Encoding):
    coding = encoding.response
    assert coding is not None
    return family(coding.family, coding.link, **coding.details)


def _constraints(spec: Spec, encoding: Encoding) -> tuple[Constraint, ...]:
    if spec.nonlinear is not None:
        return ()
    given = spec.option("constraint_definitions"), spec.option("constraints")
    names = encoding.names
    return tuple(collect_constraints(*given, response=names.response, equations=names.equations))


def _fit_mixed(spec: Spec, design: Design, encoding: Encoding, say: Say) -> Estimates:
    settings = linear_settings(spec, encoding, say)
    texts = tuple(c.text for c in _constraints(spec, encoding))
    return fit_linear(to_device(built(spec, design, encoding)), design, encoding.names, settings, texts)


def _fit_generalized(spec: Spec, design: Design, encoding: Encoding, say: Say) -> Estimates:
    names = encoding.names
    settings = generalized_settings(spec, encoding, say)
    texts = tuple(canonical(c, names.response, names.equations) for c in _constraints(spec, encoding))
    return fit_generalized(placed(built(spec, design, encoding), mesh(spec)), design, names, settings, texts)


def _fit_nonlinear(spec: Spec, design: Design, encoding: Encoding, say: Say) -> Estimates:
    assert spec.nonlinear is not None
    true = _is_true(spec)
    names, settings = encoding.names, nonlinear_settings(spec, encoding, say)
    model = to_device(built(spec, design, encoding))
    estimates = fit_nonlinear(model, design, names, replace(settings, start=None) if true else settings)
    if not true:
        return estimates
    integration = Integration(spec.option("intmethod"), spec.option("intpoints"))
    whole, design = build_true(design, names, spec.nonlinear, integration)
    options = GeneralizedSettings(optimiser=optimiser(spec), start=settings.start, say=say)
    return fit_true(to_device(whole), design, names, options, estimates)


def _is_true(spec: Spec) -> bool:
    """Is the true likelihood asked for?"""
    asked = spec.option("intmethod") is not None or spec.option("intpoints") is not None
    if asked and spec.option("reml"):
        raise ValueError(
            "reml is a restricted likelihood of the linearised model; intmethod() and intpoints() are for the true "
            "one. Leave out one of them"
        )
    return asked


_FITTERS: dict[str, Callable[[Spec, Design, Encoding, Say], Estimates]] = {
    "mixed": _fit_mixed,
    "menl": _fit_nonlinear,
}
