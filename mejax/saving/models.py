"""The model of a fit: built again from its design, with the few things that the fit itself put into it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import numpy as np

from .._double import computing
from .._tree import to_device
from ..build import Integration, build_true
from ..design import Design
from ..estimation import built
from ..fitting import Estimates
from ..frame import Encoding
from ..glmm import GeneralizedModel
from ..menl import NonlinearModel, Point
from ..syntax import Spec
from .problem import Unreadable


def model_parts(estimates: Estimates) -> dict[str, Any]:
    """What a fit put into its model, and the linear model around the estimates of a nonlinear one."""
    model, working = estimates.model, estimates.working
    parts: dict[str, Any] = {}
    if isinstance(model, GeneralizedModel):
        parts["exact"] = model.exact
    if working is None:
        return parts
    parts |= {"x": working.x, "z": tuple(effect.z for effect in working.effects)}
    if isinstance(model, NonlinearModel):
        linear = tuple(jax.tree.leaves(estimates.linearised))
        return parts | {"start": model.start, "y": working.y, "linear": linear}
    return parts | {"beginning": model.beginning}


def rebuilt(spec: Spec, design: Design, encoding: Encoding, parts: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `Estimates` that hold the model, its design, and what is linear around a nonlinear mean."""
    with computing():
        model = to_device(built(spec, design, encoding))
        if spec.nonlinear is None:
            exact = {"exact": bool(parts["exact"])} if isinstance(model, GeneralizedModel) else {}
            return {"model": replace(model, **exact), "design": design}
        if "beginning" in parts:
            return _integrated(spec, design, encoding, parts) | {"mean": model.mean}
        model = eqx.tree_at(lambda m: m.start, model, _shaped(parts["start"], model.start))
        working = _working(design, parts, y=_shaped(parts["y"], design.y))
        linear = _filled(_outline(model, design), parts["linear"])
        return {"model": model, "design": design, "working": working, "linearised": linear, "mean": model.mean}


def _integrated(spec: Spec, design: Design, encoding: Encoding, parts: Mapping[str, Any]) -> dict[str, Any]:
    """A nonlinear model on its true likelihood."""
    assert spec.nonlinear is not None
    integration = Integration(spec.option("intmethod"), spec.option("intpoints"))
    model, design = build_true(design, encoding.names, spec.nonlinear, integration)
    model = eqx.tree_at(lambda m: m.beginning, model, _shaped(parts["beginning"], model.beginning))
    model = replace(to_device(model), exact=bool(parts["exact"]))
    return {"model": model, "design": design, "working": _working(design, parts)}


def _working(design: Design, parts: Mapping[str, Any], **response: np.ndarray) -> Design:
    """The design of the linear model around the estimates."""
    pairs = zip(design.effects, parts["z"], strict=True)
    effects = tuple(replace(effect, z=_shaped(z, effect.z)) for effect, z in pairs)
    return replace(design, x=_shaped(parts["x"], design.x), effects=effects, **response)


def _outline(model: NonlinearModel, design: Design) -> Any:
    """The linear model around a point, with shapes in place of arrays: nothing is compiled or computed."""
    effects = tuple(np.zeros((effect.size, effect.z.shape[1])) for effect in design.effects)
    point = Point(np.zeros(design.x.shape[1]), effects)
    return eqx.filter_eval_shape(lambda m, p: m.linearise(p), model, point)


def _filled(outline: Any, leaves: tuple[np.ndarray, ...]) -> Any:
    shapes, structure = jax.tree.flatten(outline)
    if len(shapes) != len(leaves):
        raise Unreadable(f"its linear model has {len(leaves)} arrays, where {len(shapes)} are needed")
    return to_device(jax.tree.unflatten(structure, list(map(_shaped, leaves, shapes))))


def _shaped(array: Any, like: Any) -> Any:
    """The array, which must have the shape and the type of another one."""
    if np.shape(array) != np.shape(like) or array.dtype != like.dtype:
        raise Unreadable(f"an array of its model has the shape {np.shape(array)}, where {np.shape(like)} is needed")
    return array


def check_numbers(estimates: Estimates) -> None:
    """Sizes on which everything after a fit relies."""
    k, a, m = (len(part) for part in (estimates.coefficients, estimates.ancillary, estimates.components))
    parameters = jax.tree.map(np.shape, _parameters(estimates))
    held = {
        "coefficients": (k, len(estimates.names.estimated)),
        "labels of ancillary parameters": (len(estimates.ancillary_labels), a),
        "descriptions of components": (len(estimates.component_info), m),
        "covariance": (estimates.covariance.shape, (k + a + m, k + a + m)),
        "parameters": (jax.tree.map(np.shape, estimates.theta), parameters),
        "covariance matrices": (len(estimates.sigmas), len(estimates.design.effects)),
    }
    if estimates.degrees is not None:
        widths = {part.shape[-1] for name, part in vars(estimates.degrees).items() if name not in ("method", "w")}
        held["degrees of freedom"] = (widths, {k})
    if estimates.monte_carlo is not None:
        held["Monte Carlo errors"] = (estimates.monte_carlo.errors.shape, (k + a + m,))
    for what, (found, needed) in held.items():
        if found != needed:
            raise Unreadable(f"the size of its {what} is {found}, where {needed} is needed")


def _parameters(estimates: Estimates) -> Any:
    """`theta` as the model makes it of the optimiser's vector."""
    model, v = estimates.model, estimates.v
    if isinstance(model, GeneralizedModel):
        return model.params(v)
    fixed = estimates.theta.fixed
    width = model.start.shape if isinstance(model, NonlinearModel) else (model.root.shape[0],)
    random, residual = model.variances.params(v)
    return estimates.theta._replace(fixed=np.zeros(width), random=random, residual=residual, ancillary=fixed[:0])
