"""What the options of a command say about the fit."""

from collections.abc import Callable

import numpy as np
from jax.sharding import Mesh

from ..elimination import Solver
from ..fitting import FitSettings, GeneralizedSettings, NonlinearSettings
from ..frame import Encoding
from ..optimise import Settings
from ..sharding import mesh_of
from ..syntax import Spec

Say = Callable[[str], None]
FEWEST_PROBES = 8


def nonlinear_settings(spec: Spec, encoding: Encoding, say: Say) -> NonlinearSettings:
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


def linear_settings(spec: Spec, encoding: Encoding, say: Say) -> FitSettings:
    vce = _vce(spec, encoding)
    _check_weights(spec)
    if vce[0] != "oim" and spec.option("reml"):
        raise ValueError(
            f"vce({' '.join(vce)}) cannot follow reml: the restricted likelihood is no sum over clusters. "
            "Drop `reml`, or use vce(oim)"
        )
    return FitSettings(
        optimiser=optimiser(spec),
        em=spec.option("emiterate", 0),
        em_only=bool(spec.option("emonly")),
        em_tolerance=spec.option("emtolerance", 1e-10),
        em_log=bool(spec.option("emlog")),
        start=spec.option("start"),
        vce=vce[0],
        clusters=_clusters(vce, encoding),
        df=_df_method(spec, vce),
        kind=encoding.weight_kind,
        mesh=mesh(spec),
        say=say,
    )


def mesh(spec: Spec) -> Mesh | None:
    """The devices that the fit is to run on; None is JAX's default one."""
    devices = spec.option("devices")
    return None if devices is None else mesh_of(devices)


def _vce(spec: Spec, encoding: Encoding) -> tuple[str, ...]:
    """The kind of standard errors; those of sampling weights are robust."""
    vce = spec.option("vce")
    sampled = encoding.weight_kind == "pweight"
    if vce is None:
        return ("robust",) if sampled else ("oim",)
    if vce[0] == "oim" and sampled:
        raise ValueError(
            "vce(oim) does not go with sampling weights, whose objective is no likelihood; use vce(robust)"
        )
    return vce


def _check_weights(spec: Spec) -> None:
    """What does not go with weights in a linear model."""
    of_groups = any(equation.weights for equation in spec.equations)
    sampled = any(weight.kind == "pweight" for weight in spec.weights) or of_groups
    if sampled and spec.option("reml"):
        raise ValueError(
            "weights of groups and sampling weights go with maximum likelihood only: the restricted likelihood is no "
            "sum over groups. Leave out `reml`"
        )
    if of_groups and (spec.option("emiterate") or spec.option("emonly")):
        raise ValueError("EM steps (emiterate, emonly) are not those of groups with weights; leave them out")
    if sampled and spec.residuals is not None:
        raise ValueError("residuals() does not go with weights of groups or sampling weights; leave out one of them")


def _df_method(spec: Spec, vce: tuple[str, ...]) -> tuple[str, bool] | None:
    """The method for degrees of freedom, and whether it uses the observed information."""
    given = spec.option("dfmethod")
    if given is None:
        return None
    method, information = given[0], given[1].strip()
    if information not in ("", "eim", "oim") or (information and method not in ("satterthwaite", "kroger")):
        raise ValueError(
            f"dfmethod({method}, {information}): what may stand after the comma is `eim` or `oim`, the expected or the "
            "observed information, of the methods satterthwaite and kroger"
        )
    if method in ("satterthwaite", "kroger") and not spec.option("reml"):
        raise ValueError(
            f"dfmethod({method}) is derived for restricted maximum likelihood; add `reml`, or use dfmethod(residual), "
            "(repeated) or (anova)"
        )
    if vce[0] != "oim" or spec.weights or any(equation.weights for equation in spec.equations):
        what = f"vce({' '.join(vce)})" if vce[0] != "oim" else "weights"
        raise ValueError(f"dfmethod({method}) does not go with {what}; leave out one of them")
    return method, information == "oim"


def generalized_settings(spec: Spec, encoding: Encoding, say: Say) -> GeneralizedSettings:
    vce = _vce(spec, encoding)
    grid = spec.option("startgrid")
    return GeneralizedSettings(
        optimiser=optimiser(spec),
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


def solver(spec: Spec) -> Solver:
    """How the remainder of crossed random effects is to be met."""
    probes = spec.option("probes")
    if probes is not None and probes < FEWEST_PROBES:
        raise ValueError(
            f"probes({probes}): the Monte Carlo error is estimated from the differences between the probes, of which "
            f"{FEWEST_PROBES} are needed at least"
        )
    return Solver(spec.option("solver", "auto"), probes, spec.option("rseed"))


def optimiser(spec: Spec) -> Settings:
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
