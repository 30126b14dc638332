"""Models and fits for one device, several devices, several processes: the same numbers are wanted of each.

Run by `test_devices` with the arguments: names of cases, number of processes, number of this one, port.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from helpers import MODELS as LINEAR
from helpers import generalized_model, linear_design, some_params, some_point
from jax.flatten_util import ravel_pytree

from mejax import me
from mejax._tree import to_device, to_host
from mejax._typing import Params
from mejax.build import build_linear
from mejax.lmm import LinearModel
from mejax.sharding import Devices, spread

Case = tuple[Any, Params]


def linear(name: str, **options) -> Case:
    """`options` replace fields of the design."""
    design, names = linear_design(name)
    for key, value in options.items():
        design = eqx.tree_at(lambda d, key=key: getattr(d, key), design, value, is_leaf=lambda leaf: leaf is None)
    model = to_device(build_linear(design, names, reml=LINEAR[name].reml))
    random, residual = model.variances.params(np.asarray(some_point(model)))
    return model, Params(np.asarray(model.shift) + 0.1, random, residual, np.zeros(0))


def generalized(name: str, kind: str, *how, **options) -> Case:
    model = generalized_model(name, kind, *how, **options)[0]
    return model, to_host(some_params(model, kind))


def weights_of(rows: int, *groups: int) -> dict[str, Any]:
    rng = np.random.default_rng(6)
    return {"weights": rng.uniform(0.5, 2.0, rows), "level_weights": tuple(rng.uniform(0.5, 2.0, g) for g in groups)}


MODELS: dict[str, Callable[[], Case]] = {
    "linear": lambda: linear("nested", **weights_of(240, 6, 24)),
    "linear_reml": lambda: linear("slope_unstructured_reml"),
    "linear_blocked": lambda: linear("blocked"),
    "quadrature": lambda: generalized("three_levels", "binomial logit", "mvaghermite", 4, **weights_of(26, 3, 6)),
    "fixed_nodes": lambda: generalized("two_levels", "bernoulli logit", "ghermite", 3),
    # six pieces on more devices: some are empty
    "laplace": lambda: generalized("two_levels", "poisson", "laplace", bytes=1.0, **weights_of(26, 6)),
}


@eqx.filter_jit
def likelihood(model, params: Params) -> dict[str, Any]:
    """What the protocol of a model offers, derivatives in one vector of all parameters."""
    vector, unravel = ravel_pytree(params)
    value = lambda v: model.loglik(unravel(v))
    found = {"loglik": value(vector), "gradient": jax.grad(value)(vector), "hessian": jax.hessian(value)(vector)}
    if isinstance(model, LinearModel):
        found["profile"] = model.profile(params)
    if not (isinstance(model, LinearModel) and model.reml):
        found["contributions"] = model.contributions(params)
    return found | {"modes": model.modes(params)}


def fitted(command: str, text: str, devices: Devices | None, **options) -> dict[str, Any]:
    fit = getattr(me, command)(text, schools(), devices=devices, nolog=True, **options)
    covariance = fit.cov_params().to_numpy()
    return {
        "llf": fit.llf, "theta": fit.theta, "covariance": np.where(np.isnan(covariance), 0.0, covariance),
        "effects": fit.predict("reffects").to_numpy(), "reached": len(fit.history),
    }  # fmt: skip


def schools() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    room = np.sort(rng.integers(0, 60, 400))
    school = room // 5
    x = rng.normal(size=400)
    y = 0.3 + 0.6 * x + 0.8 * rng.normal(size=12)[school] + 0.6 * rng.normal(size=60)[room] + rng.logistic(size=400)
    return {"y": y, "b": (y > 0.5).astype(float), "x": x, "school": school, "room": room}


FITS: dict[str, Callable[[Devices | None], dict[str, Any]]] = {
    "mixed": lambda devices: fitted("mixed", "y x || school: || room: x", devices, vce="robust"),
    "melogit": lambda devices: fitted("melogit", "b x || school:", devices, intpoints=4, vce="robust"),
}


def numbers(name: str, devices: Devices | None) -> dict[str, np.ndarray]:
    """Every quantity of a case as one vector."""
    with jax.enable_x64(True):
        if name in FITS:
            found = FITS[name](devices)
        else:
            model, params = MODELS[name]()
            found = likelihood(model if devices is None else spread(model, devices), params)
        flat = {key: jax.tree.leaves(to_host(value)) for key, value in found.items()}
    return {key: np.concatenate([np.zeros(0), *(np.ravel(leaf) for leaf in leaves)]) for key, leaves in flat.items()}


def main() -> None:
    names, processes, mine, port = sys.argv[1:]
    if processes != "1":
        jax.distributed.initialize(f"localhost:{port}", int(processes), int(mine))
    found = {name: numbers(name, "all") for name in names.split(",")}
    print(json.dumps({name: {key: value.tolist() for key, value in case.items()} for name, case in found.items()}))


if __name__ == "__main__":
    main()
