"""The linear model's likelihood: against the n x n matrix, its derivatives, its invariances."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from helpers import MODELS, dense_twin, linear_design, linear_model, some_point

from mejax._typing import Params
from mejax.elimination.planning import check_memory
from mejax.lmm import evaluate, posterior
from mejax.lmm.criterion import criterion, sufficient

NAMES = sorted(MODELS)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def params_at(model, v, fixed) -> Params:
    random, residual = model.variances.params(np.asarray(v))
    return Params(jnp.asarray(fixed), tuple(map(jnp.asarray, random)), jnp.asarray(residual), jnp.zeros(0))


@pytest.mark.parametrize("name", NAMES)
def test_loglik_equals_the_dense_twin(name):
    model, design = linear_model(name)
    v = some_point(model)
    fixed = np.array([0.7, 1.9])[: design.x.shape[1]]
    ours = float(jax.jit(lambda m, p: m.loglik(p))(model, params_at(model, v, fixed)))
    assert ours == pytest.approx(dense_twin(model, design, v, fixed), rel=1e-10)


def plain_likelihood(model):
    """The likelihood as people's own pipelines would write it, for autodiff."""
    return lambda v: criterion(
        model,
        sufficient(model, model.variances.working_factors(v), model.variances.residual(v))[1],
        model.variances.log_sigma(v),
    )


@pytest.mark.parametrize("name", NAMES)
def test_gradient_and_hessian_agree_with_finite_differences(name):
    """`evaluate` is written out by hand; differences of the plain likelihood and of its gradient must agree."""
    model, _ = linear_model(name)
    at = evaluate(model, some_point(model))
    function = jax.jit(jax.value_and_grad(plain_likelihood(model)))
    value, gradient = function(at.v)
    scale = 1 + np.abs(np.asarray(at.hessian)).max()
    assert float(at.value) == pytest.approx(float(value), rel=1e-12)
    np.testing.assert_allclose(at.gradient, gradient, atol=1e-10 * scale)
    step = 1e-5
    for k, direction in enumerate(step * np.eye(len(at.v))):
        (above, slope_above), (below, slope_below) = function(at.v + direction), function(at.v - direction)
        assert float(at.gradient[k]) == pytest.approx(float(above - below) / (2 * step), rel=1e-5, abs=1e-5)
        np.testing.assert_allclose(at.hessian[k], (slope_above - slope_below) / (2 * step), atol=1e-7 * scale)
    if model.variances.profiled:
        assert abs(float(at.gradient[-1])) < 1e-10 * scale


@pytest.mark.parametrize("name", ["slope_unstructured_reml", "crossed_slopes", "crossed_three"])
def test_hessian_agrees_with_autodiff(name):
    model, _ = linear_model(name)
    at = evaluate(model, some_point(model))
    hessian = jax.jit(jax.hessian(plain_likelihood(model)))(at.v)
    np.testing.assert_allclose(at.hessian, hessian, atol=1e-11 * (1 + np.abs(np.asarray(hessian)).max()))


@pytest.mark.parametrize("name", ["slope_unstructured", "nested", "crossed_slopes", "crossed_three_reml"])
def test_modes_and_variances_equal_the_dense_formulas(name):
    """Modes are Sigma Z'V^-1 r; variances Sigma - Sigma Z'(V^-1 - ...)Z Sigma, with X taken out under REML."""
    model, design = linear_model(name)
    v = evaluate(model, some_point(model)).v
    fixed = np.asarray(evaluate(model, v).fixed)
    found = posterior(model, fixed, v, model.reml)
    sigma2 = float(np.exp(2 * model.variances.log_sigma(v)))
    z, prior, place = [], [], []
    for effect, factor in zip(design.effects, model.variances.factors(v), strict=True):
        q = effect.z.shape[1]
        wide = np.zeros((len(design.x), effect.size, q))
        wide[np.arange(len(design.x)), effect.codes] = effect.z
        z.append(wide.reshape(len(design.x), -1))
        prior.append(np.kron(np.eye(effect.size), sigma2 * np.asarray(factor) @ np.asarray(factor).T))
        place.append((effect.size, q))
    z, sigma = np.hstack(z), jax.scipy.linalg.block_diag(*prior)
    inverse = np.linalg.inv(sigma2 * np.eye(len(z)) + z @ sigma @ z.T)
    if model.reml:
        xi = inverse @ design.x
        projection = inverse - xi @ np.linalg.solve(design.x.T @ xi, xi.T)
    else:
        projection = inverse
    modes = sigma @ z.T @ inverse @ (design.y - design.x @ fixed)
    variances = sigma - sigma @ z.T @ projection @ z @ sigma
    start = 0
    for (size, q), mode, variance in zip(place, found.modes, found.variances, strict=True):
        stop = start + size * q
        np.testing.assert_allclose(np.asarray(mode).ravel(), modes[start:stop], atol=1e-9)
        blocks = np.asarray(variances[start:stop, start:stop]).reshape(size, q, size, q)
        expected = blocks[np.arange(size), :, np.arange(size), :]
        np.testing.assert_allclose(variance, expected, atol=1e-9)
        start = stop


@pytest.mark.parametrize("name", NAMES)
def test_theta_is_the_factor_of_the_printed_matrices(name):
    """`Params` reads in the model's own coordinates, whatever the optimiser works in, and back."""
    model, _ = linear_model(name)
    v = np.asarray(some_point(model))
    params = params_at(model, v, np.zeros(model.shift.shape))
    printed = np.asarray(model.variances.natural(v))
    np.testing.assert_allclose(model.natural(params)[model.offset.shape[0] :], printed, rtol=1e-9, atol=1e-12)
    again = model.variances.vector(params.random, params.residual)
    np.testing.assert_allclose(model.variances.natural(again), printed, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("share", [0.0, 1e9])
@pytest.mark.parametrize("name", ["sparse_slopes_reml", "crossed_slopes", "crossed_and_nested"])
def test_both_ways_of_the_schur_update_agree(name, share, monkeypatch):
    """All groups through the dense product, and all through the list of pairs."""
    usual, _ = linear_model(name)
    monkeypatch.setattr("mejax.elimination.planning.HEAVY", share)
    other, _ = linear_model(name)
    assert [level.heavy > 0 for level in other.plan.chain] == [share == 0.0] * len(other.plan.chain)
    v = some_point(usual)
    a, b = evaluate(usual, v), evaluate(other, v)
    assert float(a.value) == pytest.approx(float(b.value), rel=1e-13)
    np.testing.assert_allclose(a.hessian, b.hessian, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["blocked", "nested", "nested_four_levels"])
def test_contributions_sum_to_the_loglik_and_stand_for_their_clusters(name):
    model, design = linear_model(name)
    params = params_at(model, some_point(model), [0.5, 2.0])
    parts = model.contributions(params)
    top = model.plan.terms[model.plan.chain[-1].term]
    assert parts.shape == (top.size,)
    assert float(parts.sum()) == pytest.approx(float(model.loglik(params)), rel=1e-12)


def test_rows_and_groups_may_be_permuted():
    """Order of the rows and numbering of the groups carry no information."""
    design, names = linear_design("crossed_and_nested")
    from mejax._tree import to_device
    from mejax.build import build_linear

    rng = np.random.default_rng(0)
    rows = rng.permutation(len(design.x))
    effects = []
    for effect in design.effects:
        renamed = rng.permutation(effect.size).astype(np.int32)
        effects.append(eqx.tree_at(lambda e: (e.codes, e.z), effect, (renamed[effect.codes][rows], effect.z[rows])))
    shuffled = eqx.tree_at(lambda d: (d.y, d.x, d.effects), design, (design.y[rows], design.x[rows], tuple(effects)))
    values = []
    for each in (design, shuffled):
        model = to_device(build_linear(each, names, reml=False))
        values.append(evaluate(model, some_point(model)))
    assert float(values[0].value) == pytest.approx(float(values[1].value), rel=1e-12)
    np.testing.assert_allclose(values[0].hessian, values[1].hessian, rtol=1e-8, atol=1e-8)


def test_badly_scaled_covariates_cost_no_digits():
    """A year of 2000 to 2020 beside the constant, and a response far from zero."""
    design, names = linear_design("slope_unstructured")
    from mejax._tree import to_device
    from mejax.build import build_linear

    far = eqx.tree_at(
        lambda d: (d.y, d.x), design, (1e6 + 1e3 * design.y, design.x @ np.array([[1.0, 0.0], [1e5, 1.0]]))
    )
    near_model, far_model = (to_device(build_linear(d, names, reml=False)) for d in (design, far))
    v = some_point(near_model)
    near, away = evaluate(near_model, v), evaluate(far_model, v)
    assert float(near.value) - len(design.y) * np.log(1e3) == pytest.approx(float(away.value), rel=1e-10)
    np.testing.assert_allclose(near.hessian, away.hessian, rtol=1e-7, atol=1e-6)


def test_loglik_in_single_precision_is_refused_with_the_remedy():
    model, _ = linear_model("intercept")
    params = model.init()
    with jax.enable_x64(False), pytest.raises(TypeError, match="enable_x64"):
        model.loglik(params)


def test_likelihood_works_under_the_transformations():
    model, _ = linear_model("crossed")
    params = params_at(model, some_point(model), [0.5, 2.0])
    gradient = jax.jit(jax.grad(lambda p: model.loglik(p)))(params)
    several = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf * 1.1]), params)
    values = jax.jit(jax.vmap(model.loglik))(several)
    curvature = jax.jit(jax.hessian(lambda b: model.loglik(params._replace(fixed=b))))(params.fixed)
    assert np.all(np.isfinite(gradient.fixed)) and values.shape == (2,)
    assert float(values[0]) == pytest.approx(float(model.loglik(params)), rel=1e-12)
    assert np.all(np.linalg.eigvalsh(curvature) < 0)


def test_a_remainder_beyond_memory_is_refused_before_it_is_made():
    with pytest.raises(ValueError, match=r"dense matrix of 10,000,000 columns; an exact fit needs about .* GB"):
        check_memory(10_000_000, 8e14)
    check_memory(1_000, 1e6)
