"""Linear models with structured errors: likelihood and derivatives against n x n matrices; nested structures."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from brute_menl import errors_matrix, gradient, hessian, loglik, printed, same

from mejax import me
from mejax._tree import to_device
from mejax._typing import Params
from mejax.build import build_linear
from mejax.frame import read
from mejax.lmm import evaluate
from mejax.syntax import parse

ROWS = 52
# structure, restricted, groups with parameters of their own
KINDS = {
    "exchangeable": (True, None),
    "ar 1": (False, "sex"),
    "ar 2": (True, None),
    "ma 2": (False, None),
    "toeplitz 2": (True, "sex"),
    "banded 2": (False, None),
    "unstructured": (True, None),
    "exponential": (False, None),
    "independent": (True, "sex"),
}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@functools.cache
def table() -> pd.DataFrame:
    """Twelve groups, each of up to five rows in random order, at times of which some are missing."""
    rng = np.random.default_rng(3)
    rows = [(group, t) for group in range(1, 13) for t in range(1, 6)]
    found = pd.DataFrame(rows, columns=["id", "t"]).sample(ROWS, random_state=2).reset_index(drop=True)
    own = rng.normal(size=13)[found["id"]]
    found = found.assign(sex=np.where(found["id"] % 2, "boy", "girl"), x=rng.normal(size=ROWS))
    return found.assign(y=1 + found["x"] + own + rng.normal(size=ROWS))


@functools.cache
def built(kind: str) -> tuple[Any, Any, Any]:
    """(model, design, names) of a random intercept and slope beside these errors."""
    reml, by = KINDS[kind]
    times = "" if kind in ("exchangeable", "independent") else "t(t)"
    asked = f"{times} by({by})" if by else times
    text = f"mixed y x || id: x, covariance(unstructured) residuals({kind}, {asked})".replace(", )", ")")
    design, encoding = read(parse(text), table())
    with jax.enable_x64(True):
        return to_device(build_linear(design, encoding.names, reml=reml)), design, encoding.names


def some_v(model: Any) -> np.ndarray:
    start = np.asarray(model.variances.init())
    return start + 0.15 * np.random.default_rng(4).normal(size=len(start))


@eqx.filter_jit
def natural(model: Any, v: Any):
    return model.variances.natural(jnp.asarray(v))


def dense(kind: str, v: np.ndarray, fixed: np.ndarray | None = None) -> float:
    """The (restricted) log likelihood from the printed components alone, the coefficients at their best or held."""
    model, design, names = built(kind)
    values = printed(model, names, np.asarray(natural(model, v)))
    slope, constant, both = (values[f"id:{name}"] for name in ("var(x)", "var(_cons)", "cov(x,_cons)"))
    sigma = np.array([[slope, both], [both, constant]])
    z = np.column_stack([table()["x"], np.ones(ROWS)])
    parts = {label: value for label, value in values.items() if not label.startswith("id:")}
    v_of_y = same(table()["id"].to_numpy()) * (z @ sigma @ z.T)
    v_of_y = v_of_y + errors_matrix(kind, parts, table(), KINDS[kind][1])
    y, x = np.asarray(design.y), np.asarray(design.x)
    if fixed is None:
        vx = np.linalg.solve(v_of_y, x)
        fixed = np.linalg.solve(x.T @ vx, vx.T @ y)
    return loglik(y - x @ fixed, v_of_y, x if model.reml else None, held=True)


@eqx.filter_jit
def compiled(model: Any, params: Params):
    return model.loglik(params), model.contributions(params) if not model.reml else jnp.zeros(0)


@pytest.mark.parametrize("kind", KINDS)
def test_loglik_equals_the_dense_twin(kind):
    """And the contributions of the groups are parts of it."""
    model, _, _ = built(kind)
    v, fixed = some_v(model), np.array([0.7, 1.2])
    random, residual = model.variances.params(v)
    value, parts = compiled(model, Params(fixed, random, residual, np.zeros(0)))
    assert float(value) == pytest.approx(dense(kind, v, None if model.reml else fixed), rel=1e-10)
    if not model.reml:
        assert parts.shape == (12,) and float(jnp.sum(parts)) == pytest.approx(float(value), rel=1e-12)


@pytest.mark.parametrize("kind", ["ar 1", "ar 2"])
def test_derivatives_against_finite_differences(kind):
    """Of the profile (or restricted) likelihood, and with the coefficients held."""
    model, _, _ = built(kind)
    at = evaluate(model, some_v(model))
    v, fixed = np.asarray(at.v), np.asarray(at.fixed)
    scale = np.abs(np.asarray(at.hessian)).max()
    assert float(at.value) == pytest.approx(dense(kind, v), rel=1e-10)
    np.testing.assert_allclose(at.gradient, gradient(lambda v: dense(kind, v), v), rtol=1e-5, atol=1e-7 * scale)
    if model.reml:  # the same lines as under maximum likelihood
        bent = hessian(lambda v: dense(kind, v), v, 2e-3)
        np.testing.assert_allclose(at.hessian, bent, rtol=1e-5, atol=1e-6 * scale)
    held = hessian(lambda v: dense(kind, v, fixed), v, 2e-3)
    np.testing.assert_allclose(at.held, held, rtol=1e-5, atol=1e-6 * scale)
    assert not np.allclose(at.held, at.hessian, rtol=1e-3)


def test_exchangeable_errors_are_a_random_intercept():
    """Without random effects of their own: the same likelihood, coefficients and covariance."""
    errors: Any = me.mixed("y x || id:, noconstant residuals(exchangeable)", table(), nolog=True)
    effects: Any = me.mixed("y x || id:", table(), nolog=True)
    assert errors.llf == pytest.approx(effects.llf, abs=1e-9)
    np.testing.assert_allclose(errors.fixed[["estimate", "se"]], effects.fixed[["estimate", "se"]], rtol=1e-6)
    assert errors.random.loc["cov(e)", "estimate"] == pytest.approx(effects.random["estimate"]["id:var(_cons)"])
    assert errors.random.loc["cov(e)", "se"] == pytest.approx(effects.random["se"]["id:var(_cons)"])
    assert errors.random["estimate"]["var(e)"] == pytest.approx(effects.random["estimate"].sum())
