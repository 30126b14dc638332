"""The commands: `me.mixed(model, data, **options)` and its kin."""

import sys
from collections.abc import Callable
from typing import Any

from ._double import computing
from ._tree import to_device
from .build import build_linear
from .fitting import FitSettings, fit_linear
from .frame import read
from .optimise import Settings
from .post.lrtest import lrtest as lrtest
from .results import Fit
from .syntax import Spec, parse, refuse_unbuilt
from .syntax.constraints import collect_constraints
from .syntax.options import COMMANDS


def mixed(model: str, data: Any, **options: Any) -> Fit:
    """Linear mixed-effects model, y = X beta + Z u + e with u ~ N(0, Sigma) and e ~ N(0, sigma_e^2 I).

        me.mixed("weight week || id: week, covariance(unstructured)", pig)
        me.mixed("weight ~ week + (week | id)", pig, reml=True)

    The log likelihood is maximised exactly by Newton-Raphson, beta and sigma_e^2 profiled out (Bates et al. 2015);
    nested levels, crossed factors and mixtures of both are eliminated blockwise.  Standard errors of coefficients come
    from (X'V^-1 X)^-1, those of variance components from the observed information by the delta method.

    Args:
        model: the model, in the suite's spelling or as a formula.
        data: a pandas, polars or pyarrow table, or a dict of arrays, with one row per observation.
        **options: options of the command as keywords: `reml`, `covariance`, `where`, `rows`, `fweight`, `vce`
            ("oim", "robust", "cluster id"), `constraints`, `matrices`, `level`, `variance`, `stddeviations`,
            `emiterate`, `emonly`, `iterate`, `difficult`, `tolerance`, `start`, `nolog`, `collinear`, `baselevels` and
            the other display options.

    Returns:
        A `Fit`; `print(fit)` is the whole output.

    Raises:
        SyntaxProblem: the model's text or an option cannot be understood (a `ValueError` that points at the place).
        ValueError: the data cannot be used; the message says what was found and what to do.
        NotImplementedError: an option of the suite that is not built yet.
    """
    return _fit(parse(model, command="mixed", **options), data)


def run(command: str, data: Any, **options: Any) -> Fit:
    """Run a full command, `me.run("mixed weight week || id:, reml", data)`; options as keywords too, as for `mixed`."""
    return _fit(parse(command, **options), data)


def _fit(spec: Spec, data: Any) -> Fit:
    refuse_unbuilt(spec)
    if spec.command != "mixed":
        built = "`mixed`"
        raise NotImplementedError(f"`{spec.command}` is not built yet; {built} is (of {', '.join(COMMANDS)})")
    return _fit_mixed(spec, data, _printer(spec))


def _fit_mixed(spec: Spec, data: Any, say: Callable[[str], None]) -> Fit:
    reml = bool(spec.option("reml"))
    design, encoding = read(spec, data, matrices=spec.option("matrices"))
    constraints = collect_constraints(spec.option("constraint_definitions"), spec.option("constraints"))
    with computing():
        model = to_device(build_linear(design, encoding.names, reml=reml, constraints=constraints))
        texts = tuple(c.text for c in constraints)
        estimates = fit_linear(model, design, encoding.names, _settings(spec, encoding, say), texts)
    return Fit(spec, estimates, encoding)


def _settings(spec: Spec, encoding, say: Callable[[str], None]) -> FitSettings:
    vce = spec.option("vce", ("oim",))
    if vce[0] != "oim" and spec.option("reml"):
        raise ValueError(
            f"vce({' '.join(vce)}) cannot follow reml: the restricted likelihood is no sum over clusters. "
            "Drop `reml`, or use vce(oim)"
        )
    defaults = Settings()
    return FitSettings(
        optimiser=Settings(
            iterations=spec.option("iterate", defaults.iterations),
            tolerance=_tolerance(spec, defaults.tolerance),
            difficult=bool(spec.option("difficult")),
        ),
        em=spec.option("emiterate", 0),
        em_only=bool(spec.option("emonly")),
        em_tolerance=spec.option("emtolerance", 1e-10),
        em_log=bool(spec.option("emlog")),
        start=spec.option("start"),
        vce=vce[0],
        clusters=(vce[1], encoding.extras["cluster"]) if vce[0] == "cluster" else None,
        say=say,
    )


def _tolerance(spec: Spec, default: float) -> float:
    """The tightest of the tolerances given; all bound the gain that is still expected."""
    given = [spec.option(name) for name in ("tolerance", "ltolerance", "nrtolerance") if spec.option(name) is not None]
    return min(given, default=default)


def _printer(spec: Spec) -> Callable[[str], None]:
    if spec.option("nolog"):
        return lambda line: None
    return lambda line: print(line, flush=True, file=sys.stdout)
