"""Laplace's approximation of generalized models on nested, crossed and mixed structures, against dense matrices."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from brute_glmm import dense_laplace
from helpers import built, generalized_design, generalized_model, loglik, some_params

from mejax.build import Integration
from mejax.elimination import inverse_blocks
from mejax.glmm import cluster_scores, empirical_bayes, evaluate, start_state
from mejax.glmm.integrals import problem_of
from mejax.glmm.modes import factor_at, find_modes, predictor, products, slopes, zeros
from mejax.glmm.posterior import _path_covariances

# structure and family; curvatures that depend on the response are those of gamma
CASES = [
    ("two_levels", "bernoulli logit"),
    ("three_levels_slopes", "gamma"),
    ("crossed_slopes", "poisson"),
    ("crossed_and_nested", "gamma"),
]


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def at(name: str, kind: str, **options):
    """The model by Laplace, its design, parameters and the optimiser's vector."""
    model, design = generalized_model(name, kind, "laplace", **options)
    params = some_params(model, kind)
    return model, design, params, model.vector(params)


def twin(model, design, kind, params):
    """The dense approximation at the same parameters."""
    values = model.structure.read(model.vector(params)[len(model.root) :])
    sigmas = [np.asarray(factor @ factor.T) for factor in values.factors]
    eta = design.x @ np.asarray(params.fixed) + (0.0 if design.offset is None else design.offset)
    return dense_laplace(design, kind, model.family.link.name, eta, (sigmas, np.asarray(values.aux)))


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_value_modes_and_variances_equal_the_dense_twin(name, kind):
    model, design, params, v = at(name, kind)
    dense = twin(model, design, kind, params)
    assert float(loglik(model, params)) == pytest.approx(dense.value, rel=1e-10)
    found = empirical_bayes(model, v, "ebmodes")
    inverse, start = np.linalg.inv(dense.h), 0
    for effect, mode, variance in zip(design.effects, found.effects, found.variances, strict=True):
        q = effect.z.shape[1]
        stop = start + effect.size * q
        np.testing.assert_allclose(np.ravel(mode), dense.mode[start:stop], atol=1e-8)
        blocks = inverse[start:stop, start:stop].reshape(effect.size, q, effect.size, q)
        np.testing.assert_allclose(variance, blocks[np.arange(effect.size), :, np.arange(effect.size), :], atol=1e-8)
        start = stop


def test_weights_and_offset_equal_the_dense_twin():
    rng = np.random.default_rng(0)
    weights, offset = rng.integers(1, 4, 26).astype(float), rng.normal(size=26)
    model, design, params, _ = at("crossed", "bernoulli logit", weights=weights, offset=offset)
    assert float(loglik(model, params)) == pytest.approx(
        twin(model, design, "bernoulli logit", params).value, rel=1e-10
    )


@pytest.mark.parametrize(("name", "kind"), [("two_levels", "bernoulli logit"), ("crossed_slopes", "poisson")])
def test_derivatives_include_the_motion_of_the_modes(name, kind):
    """Value, gradient and Hessian of the whole function, modes found anew at every step."""
    model, _, _, v = at(name, kind)
    state = start_state(model, v)
    here, state = evaluate(model, v, state)
    step, scale = 1e-4, 1 + np.abs(np.asarray(here.hessian)).max()
    for k, direction in enumerate(step * np.eye(len(v))):
        (above, _), (below, _) = (evaluate(model, v + d, state) for d in (direction, -direction))
        assert float(here.gradient[k]) == pytest.approx(
            float(above.value - below.value) / (2 * step), rel=1e-5, abs=1e-6
        )
        np.testing.assert_allclose(here.hessian[k], (above.gradient - below.gradient) / (2 * step), atol=1e-6 * scale)
    np.testing.assert_allclose(here.hessian, here.hessian.T, atol=1e-9 * scale)


def test_scores_of_clusters_sum_to_the_gradient():
    model, _, _, v = at("two_levels", "bernoulli logit")
    here, state = evaluate(model, v, start_state(model, v))
    scores = cluster_scores(model, v, state)
    assert scores.shape == (6, len(v))
    np.testing.assert_allclose(jnp.sum(scores, 0), here.gradient, rtol=1e-8, atol=1e-9)


def test_order_carries_no_information():
    """That of the rows, of groups' numbers, and of the equations: what is eliminated first is the library's choice."""
    design, names = generalized_design("crossed_and_nested", "gamma")
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(design.x))
    effects = []
    for effect in design.effects[::-1]:
        renamed = rng.permutation(effect.size).astype(np.int32)
        effects.append(eqx.tree_at(lambda e: (e.codes, e.z), effect, (renamed[effect.codes][rows], effect.z[rows])))
    shuffled = eqx.tree_at(lambda d: (d.y, d.x, d.effects), design, (design.y[rows], design.x[rows], tuple(effects)))
    usual = built(design, names, "gamma", Integration("laplace"))
    other = built(shuffled, replace(names, effects=names.effects[::-1]), "gamma", Integration("laplace"))
    params = some_params(usual, "gamma")
    turned = params._replace(random=params.random[::-1])
    assert float(loglik(other, turned)) == pytest.approx(float(loglik(usual, params)), rel=1e-12)


def test_quadrature_is_refused_where_factors_cross():
    with pytest.raises(
        ValueError, match=r"intmethod\(mvaghermite\) integrates nested levels .* use intmethod\(laplace\)"
    ):
        generalized_model("crossed", "poisson", "mvaghermite")
    model, _ = generalized_model("crossed", "poisson", None)
    assert model.method == "laplace"


def test_weights_of_groups_are_refused_where_factors_cross():
    with pytest.raises(ValueError, match="weights of groups belong to nested levels"):
        generalized_model("crossed", "poisson", "laplace", level_weights=(np.full(6, 2.0), None))


def test_posterior_means_are_refused():
    model, _, _, v = at("crossed", "bernoulli logit")
    with pytest.raises(ValueError, match=r"ebmeans\) need quadrature.*intmethod\(laplace\)"):
        empirical_bayes(model, v, "ebmeans")
    with pytest.raises(ValueError, match="`blups` are no predictions"):
        empirical_bayes(model, v, "blups")


def test_covariances_by_level_are_blocks_of_the_inverse():
    """The recursion from the top down, which group weights need, against the derivatives of the log determinant."""
    model, _, _, v = at("three_levels_slopes", "gamma")
    problem = problem_of(model, model.batches, model.point(v))
    modes = find_modes(problem, zeros(problem))
    weight = slopes(problem, predictor(problem, modes))[1]
    blocks = inverse_blocks(problem.plan, products(problem, weight), problem.prior)
    for one, other in zip(_path_covariances(problem, factor_at(problem, modes)), blocks, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
