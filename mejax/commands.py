"""A parsed command and a table become a fit."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ._double import computing
from ._tree import to_device
from .build import Integration, build_generalized, build_linear, build_nonlinear, build_true
from .fitting import (
    FitSettings,
    GeneralizedSettings,
    NonlinearSettings,
    fit_generalized,
    fit_linear,
    fit_nonlinear,
    fit_true,
)
from .frame import Encoding, read
from .likelihoods import family
from .menl import columns_read
from .optimise import Settings
from .results import Fit
from .syntax import Spec, nonlinear_of_function, refuse_unbuilt
from .syntax.constraints import canonical, collect_constraints


def fit_command(spec: Spec, data: Any) -> Fit:
    """Read the table, build the model, fit it."""
    refuse_unbuilt(spec)
    return _FITTERS.get(spec.command, _fit_generalized)(spec, data, _printer(spec))


def fit_function(mean: Callable, y: str, named: tuple[Mapping, Mapping], data: Any, options: Mapping) -> Fit:
    """Fit a nonlinear model whose mean is a function; `named` are its parameters and its random effects."""
    for key, value in zip(("params", "random"), named, strict=True):
        if not isinstance(value, Mapping):
            expected = '{"b1": 190}' if key == "params" else '{"U1": "tree"}'
            raise ValueError(f"menl: `{key}` is a mapping such as {expected}; got {value!r}")
    columns = columns_read(mean, list(named[0]), list(named[1]))
    return fit_command(nonlinear_of_function(mean, y, *named, columns=columns, **options), data)


def _fit_mixed(spec: Spec, data: Any, say: Callable[[str], None]) -> Fit:
    reml = bool(spec.option("reml"))
    design, encoding = read(spec, data, matrices=spec.option("matrices"))
    constraints = _constraints(spec, encoding)
    with computing():
        model = to_device(build_linear(design, encoding.names, reml=reml, constraints=constraints))
        texts = tuple(c.text for c in constraints)
        estimates = fit_linear(model, design, encoding.names, _linear_settings(spec, encoding, say), texts)
    return Fit(spec, estimates, encoding)


def _fit_generalized(spec: Spec, data: Any, say: Callable[[str], None]) -> Fit:
    design, encoding = read(spec, data, matrices=spec.option("matrices"))
    constraints = _constraints(spec, encoding)
    names, coding = encoding.names, encoding.response
    assert coding is not None
    distribution = family(coding.family, coding.link, **coding.details)
    distribution.check(design.y, encoding.row_name)
    exact = bool(spec.option("exactderivatives"))
    integration = Integration(spec.option("intmethod"), spec.option("intpoints"), exact)
    with computing():
        model = to_device(build_generalized(design, names, distribution, integration, constraints))
        texts = tuple(canonical(c, names.response, names.equations) for c in constraints)
        settings = _generalized_settings(spec, encoding, say)
        estimates = fit_generalized(model, design, names, settings, texts)
    return Fit(spec, estimates, encoding)


def _fit_nonlinear(spec: Spec, data: Any, say: Callable[[str], None]) -> Fit:
    assert spec.nonlinear is not None
    true = _is_true(spec)
    design, encoding = read(spec, data)
    names, settings = encoding.names, _nonlinear_settings(spec, encoding, say)
    with computing():
        model = to_device(build_nonlinear(design, names, spec.nonlinear, reml=bool(spec.option("reml"))))
        estimates = fit_nonlinear(model, design, names, replace(settings, start=None) if true else settings)
        if true:
            integration = Integration(spec.option("intmethod"), spec.option("intpoints"))
            whole, design = build_true(design, names, spec.nonlinear, integration)
            options = GeneralizedSettings(optimiser=_optimiser(spec), start=settings.start, say=say)
            estimates = fit_true(to_device(whole), design, names, options, estimates)
    return Fit(spec, estimates, encoding)


def _is_true(spec: Spec) -> bool:
    """Is the true likelihood asked for?"""
    asked = spec.option("intmethod") is not None or spec.option("intpoints") is not None
    if asked and spec.option("reml"):
        raise ValueError(
            "reml is a restricted likelihood of the linearised model; intmethod() and intpoints() are for the true "
            "one. Leave out one of them"
        )
    return asked


_FITTERS: dict[str, Callable[[Spec, Any, Callable[[str], None]], Fit]] = {
    "mixed": _fit_mixed,
    "menl": _fit_nonlinear,
}


def _nonlinear_settings(spec: Spec, encoding: Encoding, say: Callable[[str], None]) -> NonlinearSettings:
    columns = encoding.names.estimated
    if spec.option("iterate") == 0:
        raise ValueError("iterate() of menl counts turns of the alternation, of which there is one at least; got 0")
    searched = np.array([c.constant or not c.equation for c in columns], bool)
    defaults = NonlinearSettings(np.zeros(0), searched)
    return NonlinearSettings(
        given=_starts(spec, [c.label for c in columns]),
        searched=searched,
        turns=spec.option("iterate", defaults.turns),
        em=spec.option("emiterate", 0),
        close=_tolerance(spec, defaults.close),
        start=spec.option("start"),
        say=say,
    )


def _starts(spec: Spec, labels: list[str]) -> np.ndarray:
    """The starting values of the coefficients, NaN where none is given."""
    assert spec.nonlinear is not None
    listed = spec.option("initial")
    if listed is not None and len(listed) != len(labels):
        raise ValueError(
            f"initial() holds {len(listed)} numbers, but the model has {len(labels)} coefficients: {', '.join(labels)}"
        )
    if listed is not None:
        return np.asarray(listed, float)
    starts = spec.nonlinear.starts
    unknown = [label for label in starts if label not in labels]
    if unknown:
        raise ValueError(f"initial() names `{unknown[0]}`, which is no coefficient of the model: {', '.join(labels)}")
    return np.array([starts.get(label, np.nan) for label in labels])


def _constraints(spec: Spec, encoding: Encoding):
    given = spec.option("constraint_definitions"), spec.option("constraints")
    return collect_constraints(*given, response=encoding.names.response, equations=encoding.names.equations)


def _linear_settings(spec: Spec, encoding: Encoding, say: Callable[[str], None]) -> FitSettings:
    vce = spec.option("vce", ("oim",))
    if vce[0] != "oim" and spec.option("reml"):
        raise ValueError(
            f"vce({' '.join(vce)}) cannot follow reml: the restricted likelihood is no sum over clusters. "
            "Drop `reml`, or use vce(oim)"
        )
    return FitSettings(
        optimiser=_optimiser(spec),
        em=spec.option("emiterate", 0),
        em_only=bool(spec.option("emonly")),
        em_tolerance=spec.option("emtolerance", 1e-10),
        em_log=bool(spec.option("emlog")),
        start=spec.option("start"),
        vce=vce[0],
        clusters=_clusters(vce, encoding),
        say=say,
    )


def _generalized_settings(spec: Spec, encoding: Encoding, say: Callable[[str], None]) -> GeneralizedSettings:
    vce = spec.option("vce")
    if vce is None:
        vce = ("robust",) if encoding.weight_kind == "pweight" else ("oim",)
    elif vce[0] == "oim" and encoding.weight_kind == "pweight":
        raise ValueError(
            "vce(oim) does not go with sampling weights, whose objective is no likelihood; use vce(robust)"
        )
    grid = spec.option("startgrid")
    return GeneralizedSettings(
        optimiser=_optimiser(spec),
        start=spec.option("start"),
        start_values=spec.option("startvalues", "fixedonly"),
        grid=grid if isinstance(grid, tuple) else (0.1, 1.0, 10.0) if grid else None,
        vce=vce[0],
        kind=encoding.weight_kind,
        clusters=_clusters(vce, encoding),
        say=say,
    )


def _clusters(vce: tuple[str, ...], encoding: Encoding):
    return (vce[1], encoding.extras["cluster"]) if vce[0] == "cluster" else None


def _optimiser(spec: Spec) -> Settings:
    defaults = Settings()
    return Settings(
        iterations=spec.option("iterate", defaults.iterations),
        tolerance=_tolerance(spec, defaults.tolerance),
        difficult=bool(spec.option("difficult")),
    )


def _tolerance(spec: Spec, default: float) -> float:
    """The tightest of the tolerances given; all bound the gain that is still expected."""
    given = [spec.option(name) for name in ("tolerance", "ltolerance", "nrtolerance") if spec.option(name) is not None]
    return min(given, default=default)


def _printer(spec: Spec) -> Callable[[str], None]:
    if spec.option("nolog"):
        return lambda line: None
    return lambda line: print(line, flush=True, file=sys.stdout)
