"""Generalized models by quadrature: defining properties of the methods, pieces, derivatives, weights, extremes."""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from brute import Dense
from brute_glmm import Grid, log_density, log_integral, nested_levels
from families import FAMILIES
from helpers import (
    INTEGRATORS,
    built,
    generalized_design,
    generalized_model,
    loglik,
    some_params,
)

from mejax import me
from mejax._typing import Params
from mejax.build import Integration
from mejax.design import Names
from mejax.glmm import METHODS, cluster_scores, empirical_bayes, evaluate, evaluate_single, start_state
from mejax.glmm.curvature import at_fixed_nodes

QUADRATURE = [method for method, integrator in INTEGRATORS.items() if not integrator.laplace]
LOGIT = "bernoulli logit"


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def test_every_method_is_registered():
    assert set(INTEGRATORS) == set(METHODS)


@eqx.filter_jit
def clusters(model, params) -> jax.Array:
    return model.contributions(params)


def covariances(model, params) -> list[np.ndarray]:
    values = model.structure.read(model.vector(params)[len(model.root) :])
    return [np.asarray(factor @ factor.T) for factor in values.factors]


def fixed_part(model, design, params) -> np.ndarray:
    """(n,), or (n, predictors)."""
    predictors = model.family.equations
    value = np.asarray(design.x) @ np.asarray(params.fixed).reshape(predictors, -1).T
    value = value if predictors > 1 else value[:, 0]
    return value if design.offset is None else value + design.offset


def brute_force(model, design, kind: str, params, grids) -> np.ndarray:
    """Log integrals of the top-level clusters by the trapezoid rule."""
    aux = np.asarray(model.family.printed(params.ancillary))
    weights = np.ones(len(design.x)) if design.weights is None else design.weights

    def density(rows, eta):
        y = tuple(leaf[rows] for leaf in design.y) if isinstance(design.y, tuple) else design.y[rows]
        found = log_density(kind, model.family.link.name, y, eta, aux)
        return weights[rows].reshape((-1,) + (1,) * (found.ndim - 1)) * found

    levels = nested_levels(design, covariances(model, params), model.family.equations)
    return log_integral(levels, grids, density, fixed_part(model, design, params))


# --- the methods

FINE = {
    "two_levels": [Grid(0.02)],
    "three_levels": [Grid(0.15, 7.0), Grid(0.15, 7.0)],
    "three_levels_slopes": [Grid(0.3, 6.5), Grid(0.2, 7.0)],
}
ENOUGH = {"two_levels": 24, "three_levels": 16, "three_levels_slopes": 12}
USUAL = ("bernoulli logit", "bernoulli cloglog", "poisson", "ordinal probit")
SOME = ("bernoulli logit", "nbinomial", "ordinal probit", "survival gamma", "interval", "multinomial", "gaussian log")


@cache
def exact(name: str, kind: str) -> np.ndarray:
    model, design = generalized_model(name, kind, "ghermite")
    grids = FINE[name] if kind != "multinomial" else [Grid(0.1, 7.5)]  # of two effects each
    return brute_force(model, design, kind, some_params(model, kind), grids)


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        pytest.param(method, kind, marks=[] if method == "mvaghermite" and kind in USUAL else pytest.mark.slow)
        for kind in FAMILIES
        for method in QUADRATURE
        if method == "mvaghermite" or (method != "ghermite" and kind in SOME)  # see `test_every_family`
    ],
)
def test_adaptive_methods_converge_for_every_family(method, kind):
    points = 96 if kind == "gaussian log" else ENOUGH["two_levels"]  # whose posteriors may have two modes
    model, _ = generalized_model("two_levels", kind, method, points)
    found = loglik(model, some_params(model, kind))
    assert float(found) == pytest.approx(exact("two_levels", kind).sum(), rel=1e-8)


@pytest.mark.parametrize("name", FINE)
@pytest.mark.parametrize("method", QUADRATURE)
def test_every_method_converges_to_the_integral(method, name):
    """Many points leave no error; of plain quadrature, the slowest, a small one."""
    model, _ = generalized_model(name, LOGIT, method, ENOUGH[name])
    found = float(loglik(model, some_params(model, LOGIT)))
    assert found == pytest.approx(exact(name, LOGIT).sum(), abs=1e-4 if method == "ghermite" else 1e-6)


def test_errors_fall_as_points_grow():
    truth = exact("two_levels", LOGIT).sum()
    for method in ("mvaghermite", "ghermite"):
        errors = []
        for points in (3, 7):
            model, _ = generalized_model("two_levels", LOGIT, method, points)
            errors.append(abs(float(loglik(model, some_params(model, LOGIT))) - truth))
        assert 1e-9 < errors[1] < 0.2 * errors[0]


def gaussian_likelihood(design, sigmas, fixed, variance: float) -> float:
    """The log density of y by the n x n covariance matrix of the linear model."""
    parts = []
    for effect, sigma in zip(design.effects, sigmas, strict=True):
        parts.append((effect.codes[:, None] == effect.codes) * (effect.z @ sigma @ effect.z.T))
    dense = Dense(design.y, design.x, (*parts, np.eye(len(design.y))))
    return float(dense.loglik([1.0] * len(parts) + [variance], np.asarray(fixed)))


@pytest.mark.parametrize("name", ["correlated", "three_levels_slopes"])
@pytest.mark.parametrize("method", INTEGRATORS)
def test_gaussian_integrands_are_integrated_exactly(method, name):
    """From as few points as the method needs to know a normal posterior; and plain quadrature is wrong there."""
    least = INTEGRATORS[method].exact_from
    model, design = generalized_model(name, "gaussian", method, least or 2)
    params = some_params(model, "gaussian")
    variance = float(FAMILIES["gaussian"].aux[0])
    truth = gaussian_likelihood(design, covariances(model, params), params.fixed, variance)
    found = float(loglik(model, params))
    if least is None:
        assert abs(found - truth) > 1e-2
    else:
        assert found == pytest.approx(truth, rel=1e-10)


def test_shifts_and_scales_carry_no_information():
    """y and everything that moves it times 1000, plus a million: the likelihood changes by the Jacobian alone."""
    model, design = generalized_model("correlated", "gaussian", "mvaghermite", 3)
    moved = eqx.tree_at(lambda d: d.y, design, 1e6 + 1e3 * design.y)
    names = generalized_design("correlated", "gaussian")[1]
    far = built(moved, names, "gaussian", Integration("mvaghermite", 3))
    params = some_params(model, "gaussian")
    there = Params(
        1e3 * params.fixed + jnp.array([0.0, 1e6]), tuple(1e3 * r for r in params.random), params.residual,
        params.ancillary + 2 * np.log(1e3),
    )  # fmt: skip
    usual = float(loglik(model, params)) - len(design.y) * np.log(1e3)
    assert float(loglik(far, there)) == pytest.approx(usual, rel=1e-9)


def test_one_point_at_the_mode_is_laplace():
    """Three levels and correlated effects; the modes given the levels above are those of the joint mode."""
    values = {}
    for method in ("laplace", "pclaplace", "pcaghermite", "mcaghermite"):
        model, _ = generalized_model("three_levels_slopes", LOGIT, method, 1)
        values[method] = np.asarray(clusters(model, some_params(model, LOGIT)))
    assert values["laplace"].shape == (3,)
    for method in ("pclaplace", "pcaghermite", "mcaghermite"):
        np.testing.assert_allclose(values[method], values["laplace"], rtol=1e-10)


def test_one_mean_variance_node_stands_at_the_mode():
    model, _ = generalized_model("two_levels", LOGIT, "mvaghermite", 1)
    other, _ = generalized_model("two_levels", LOGIT, "mcaghermite", 1)
    params = some_params(model, LOGIT)
    assert model.method == "mcaghermite" and float(loglik(model, params)) == float(loglik(other, params))


def test_points_by_level():
    """A number for every level, the top one first."""
    model, design = generalized_model("three_levels", "gaussian", "mvaghermite", (2, 5))
    assert [len(mean.shape) for mean in start_state(model, model.beginning).means] == [3, 2]
    assert start_state(model, model.beginning).means[0].shape == (6, 2, 1)
    with pytest.raises(ValueError, match="names 3 numbers of points, but the model has 2 levels"):
        generalized_model("three_levels", "gaussian", "mvaghermite", (2, 5, 3))


def test_grids_beyond_memory_are_refused():
    with pytest.raises(ValueError, match=r"intmethod\(ghermite\) needs 195\^2 x 195\^1 = 7,414,875 nodes .*laplace"):
        design, names = generalized_design("three_levels_slopes", LOGIT, rows=4000)
        built(design, names, LOGIT, Integration("ghermite", 195))


# --- pieces


def weighted_options(name: str = "three_levels") -> dict:
    rng = np.random.default_rng(6)
    sizes = (3, 6) if name == "three_levels" else (6,)
    levels = tuple(rng.uniform(0.5, 2.0, size) for size in sizes)
    return {"weights": rng.uniform(0.5, 2.0, 26), "level_weights": levels}


@pytest.mark.parametrize(
    ("method", "name", "kind"),
    [("mvaghermite", "three_levels", "binomial logit"), ("laplace", "two_levels", "poisson")],
)
def test_pieces_change_nothing(method, name, kind):
    """Data cut at top-level clusters of unequal size, with weights at every level."""
    options = weighted_options(name)
    whole, design = generalized_model(name, kind, method, 4, **options)
    cut, _ = generalized_model(name, kind, method, 4, bytes=1.0, **options)
    assert whole.pieces == 1 and cut.pieces == design.effects[0].size
    v = whole.vector(some_params(whole, kind))
    found = [evaluate(model, v, start_state(model, v)) for model in (whole, cut)]
    (here, state), (there, states) = found
    scale = 1 + np.abs(np.asarray(here.hessian)).max()
    assert float(there.value) == pytest.approx(float(here.value), rel=1e-12)
    np.testing.assert_allclose(there.gradient, here.gradient, atol=1e-10 * scale)
    np.testing.assert_allclose(there.hessian, here.hessian, atol=1e-9 * scale)
    np.testing.assert_allclose(cut.clusters_at(v, states), whole.clusters_at(v, state), rtol=1e-11)
    scores = cluster_scores(cut, v, states)
    np.testing.assert_allclose(scores, cluster_scores(whole, v, state), atol=1e-10 * scale)
    np.testing.assert_allclose(jnp.sum(scores, 0), here.gradient, atol=1e-9 * scale)
    for predicted in ("ebmodes", "ebmeans") if method == "mvaghermite" else ("ebmodes",):
        one, several = (empirical_bayes(model, v, predicted) for model in (whole, cut))
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(several), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-8, atol=1e-10)


# --- derivatives


def against_differences(function, v, abs_hessian: float = 1e-7):
    """`function(v)` gives (value, gradient, Hessian); the last two against central differences of the one before."""
    value, gradient, hessian = function(v)
    scale = 1 + np.abs(np.asarray(hessian)).max()
    step = 1e-5
    for k, direction in enumerate(step * np.eye(len(v))):
        above, below = function(v + direction), function(v - direction)
        slope = float(above[0] - below[0]) / (2 * step)
        assert float(gradient[k]) == pytest.approx(slope, rel=1e-5, abs=1e-7 * scale)
        np.testing.assert_allclose(hessian[k], (above[1] - below[1]) / (2 * step), atol=abs_hessian * scale)
    assert np.all(np.isfinite(hessian)) and np.isfinite(value)


def plain(model):
    """Nodes of plain quadrature never move, so that `evaluate` is differentiated by what moves it."""

    def function(v):
        found, _ = evaluate(model, v, None)
        return found.value, found.gradient, found.hessian

    return function


@pytest.mark.parametrize("kind", FAMILIES)
def test_every_family(kind):
    """Plain quadrature with the most points there are: the value is the integral, derivatives those of differences."""
    model, _ = generalized_model("two_levels", kind, "ghermite", 195 if kind != "multinomial" else 60)
    v = model.vector(some_params(model, kind))
    assert float(plain(model)(v)[0]) == pytest.approx(exact("two_levels", kind).sum(), rel=1e-9)
    against_differences(plain(model), v)


@pytest.mark.parametrize("name", ["exchangeable", "pattern", "fixed", "blocked", "three_levels_slopes", "four_levels"])
def test_derivatives_of_every_structure(name):
    model, _ = generalized_model(name, LOGIT, "ghermite", 3)
    against_differences(plain(model), model.vector(some_params(model, LOGIT)))


CONSTRAINTS = {
    "coefficient": ("correlated", "poisson", ["_b[x] = 0.3"]),
    "variances": ("three_levels", "gaussian", ["var(_cons[s]) = var(_cons[g])"]),
    "covariance": ("correlated", "nbinomial", ["var(x[g]) = 0.5", "[/]lnalpha = -0.7"]),
    "cut points": ("two_levels", "ordinal logit", ["[/]cut2 = 0.3"]),
}


@pytest.mark.parametrize("case", CONSTRAINTS)
def test_derivatives_under_constraints(case):
    name, kind, texts = CONSTRAINTS[case]
    model, _ = generalized_model(name, kind, "ghermite", 3, constraints=texts)
    rng = np.random.default_rng(2)
    v = jnp.asarray(np.asarray(model.beginning) + 0.1 * rng.normal(size=len(model.beginning)))
    against_differences(plain(model), v)


def test_constraints_hold():
    """A model with a value held is the free model at that value."""
    free, _ = generalized_model("correlated", "poisson", "ghermite", 3)
    held, _ = generalized_model("correlated", "poisson", "ghermite", 3, constraints=["_b[x] = 0.4", "var(x[g]) = 0.64"])
    params = some_params(free, "poisson")._replace(random=(jnp.array([0.8, 0.3, 1.1]),))
    sigma = covariances(free, params)[0]
    # log variance of the constant, covariance: what is left
    rest = jnp.array([np.log(sigma[1, 1]), sigma[0, 1]])
    there = Params(params.fixed[1:], (rest,), jnp.zeros(0), jnp.zeros(0))
    assert float(held.loglik(there)) == pytest.approx(float(free.loglik(params)), rel=1e-11)
    np.testing.assert_allclose(held.natural(there), free.natural(params), rtol=1e-11)


@pytest.mark.parametrize(("name", "kind"), [("correlated", "ordinal logit"), ("three_levels", "nbinomial")])
def test_hessian_at_adapted_nodes_is_that_of_autodiff(name, kind):
    """Louis' formulas against forward over reverse through the same nodes, and `cluster_scores` against jacobians."""
    model, _ = generalized_model(name, kind, "mvaghermite", 3)
    v = model.vector(some_params(model, kind))
    found, state = evaluate(model, v, start_state(model, v))

    @jax.jit
    def automatic(v, state):
        clusters = lambda v: model.clusters_at(v, state)
        return clusters(v), jax.jacrev(clusters)(v), jax.hessian(lambda v: jnp.sum(clusters(v)))(v)

    values, scores, hessian = automatic(v, state)
    scale = 1 + np.abs(np.asarray(hessian)).max()
    assert float(found.value) == pytest.approx(float(values.sum()), rel=1e-12)
    np.testing.assert_allclose(found.gradient, scores.sum(0), atol=1e-11 * scale)
    np.testing.assert_allclose(found.hessian, hessian, atol=1e-11 * scale)
    np.testing.assert_allclose(cluster_scores(model, v, state), scores, atol=1e-11 * scale)


def test_derivatives_with_weights_at_every_level():
    model, _ = generalized_model("three_levels", "poisson", "mvaghermite", 3, **weighted_options())
    v = model.vector(some_params(model, "poisson"))
    state = evaluate(model, v, start_state(model, v))[1]
    held = eqx.filter_jit(lambda v: at_fixed_nodes(model, model.batches, v, state))
    against_differences(held, v)


@pytest.mark.parametrize("method", ["mcaghermite", "pcaghermite"])
def test_derivatives_at_modes_include_their_motion(method):
    model, _ = generalized_model("two_levels", LOGIT, method, 3)
    v = model.vector(some_params(model, LOGIT))
    state = start_state(model, v)

    def function(v):
        found, _ = evaluate(model, v, state)
        return found.value, found.gradient, found.hessian

    against_differences(function, v)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["mcaghermite", "pcaghermite"])
def test_derivatives_at_modes_of_three_levels(method):
    model, _ = generalized_model("three_levels", LOGIT, method, 3)
    v = model.vector(some_params(model, LOGIT))
    state = start_state(model, v)

    def function(v):
        found, _ = evaluate(model, v, state)
        return found.value, found.gradient, found.hessian

    against_differences(function, v)


def test_likelihood_works_under_the_transformations():
    """What other people's pipelines do with `model.loglik`."""
    model, _ = generalized_model("correlated", LOGIT, "mvaghermite", 3)
    params = some_params(model, LOGIT)
    gradient = jax.jit(jax.grad(lambda p: model.loglik(p)))(params)
    several = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf * 1.1]), params)
    values = jax.jit(jax.vmap(model.loglik))(several)
    v = model.vector(params)
    found = evaluate(model, v, start_state(model, v))[0]
    assert values.shape == (2,) and float(values[0]) == pytest.approx(float(found.value), rel=1e-9)
    np.testing.assert_allclose(gradient.fixed, model.root.T @ found.gradient[:2], rtol=1e-6)
    np.testing.assert_allclose(gradient.random[0], found.gradient[2:], rtol=1e-6)


def test_loglik_refuses_what_it_cannot_use():
    model, _ = generalized_model("two_levels", LOGIT, "mvaghermite", 3)
    params = model.init()
    with jax.enable_x64(False), pytest.raises(TypeError, match="enable_x64"):
        model.loglik(params)
    with pytest.raises(ValueError, match="do not belong to this model"):
        model.loglik(params._replace(fixed=jnp.zeros(3)))


# --- weights, order, extremes


def repeated(design, rows: np.ndarray, codes: list[np.ndarray]):
    """The rows of a design in another number, with new groups."""
    effects = tuple(
        eqx.tree_at(lambda e: (e.codes, e.z), type(e)(e.codes, e.z, int(c.max()) + 1), (c.astype(np.int32), e.z[rows]))
        for e, c in zip(design.effects, codes, strict=True)
    )
    return eqx.tree_at(lambda d: (d.y, d.x, d.effects), design, (design.y[rows], design.x[rows], effects))


@pytest.mark.parametrize("method", ["mvaghermite", "laplace"])
def test_weights_stand_for_repeated_rows_and_groups(method):
    """Frequency weights of rows, of groups and of the groups above, at once."""
    design, names = generalized_design("three_levels", "poisson")
    weights = 1.0 + np.arange(26) % 2
    lower, upper = np.array([1.0, 2.0, 1.0, 3.0, 2.0, 1.0]), np.array([2.0, 1.0, 2.0])
    rows, s, g = [], [], []
    for school in range(3):
        for i in range(int(upper[school])):
            for group in (2 * school, 2 * school + 1):
                for j in range(int(lower[group])):
                    mine = np.flatnonzero(design.effects[1].codes == group)
                    mine = np.repeat(mine, weights[mine].astype(int))
                    rows.append(mine)
                    s.append(np.full(len(mine), 10 * school + i))
                    g.append(np.full(len(mine), 1000 * school + 100 * i + 10 * group + j))
    codes = [np.unique(np.concatenate(part), return_inverse=True)[1] for part in (s, g)]
    long = repeated(design, np.concatenate(rows), codes)
    heavy, _ = generalized_model("three_levels", "poisson", method, 5, weights=weights, level_weights=(upper, lower))
    spelled = built(long, names, "poisson", Integration(method, 5))
    params = some_params(heavy, "poisson")
    assert float(loglik(heavy, params)) == pytest.approx(float(loglik(spelled, params)), rel=1e-9)


def test_weights_of_two_levels():
    design, names = generalized_design("two_levels", LOGIT)
    times = np.array([1, 2, 1, 3, 1, 2])
    rows, codes = [], []
    for group in range(6):
        mine = np.flatnonzero(design.effects[0].codes == group)
        for j in range(times[group]):
            rows.append(mine)
            codes.append(np.full(len(mine), 10 * group + j))
    long = repeated(design, np.concatenate(rows), [np.unique(np.concatenate(codes), return_inverse=True)[1]])
    heavy, _ = generalized_model("two_levels", LOGIT, "mvaghermite", 3, level_weights=(times.astype(float),))
    spelled = built(long, names, LOGIT, Integration("mvaghermite", 3))
    params = some_params(heavy, LOGIT)
    assert float(loglik(heavy, params)) == pytest.approx(float(loglik(spelled, params)), rel=1e-9)


def test_weighted_integrals_equal_brute_force():
    """Weights that are no whole numbers: those of groups multiply log integrals, those of rows log densities."""
    model, design = generalized_model(
        "three_levels", LOGIT, "mvaghermite", ENOUGH["three_levels"], **weighted_options()
    )
    params = some_params(model, LOGIT)
    parts = brute_force(model, design, LOGIT, params, FINE["three_levels"])
    np.testing.assert_allclose(clusters(model, params), parts, atol=1e-6)


def test_rows_and_groups_may_be_permuted():
    """Order of the rows and numbering of the groups carry no information."""
    design, names = generalized_design("three_levels_slopes", LOGIT)
    rng = np.random.default_rng(0)
    rows = rng.permutation(len(design.x))
    shuffled = repeated(design, rows, [rng.permutation(e.size)[e.codes[rows]] for e in design.effects])
    usual, other = (built(d, names, LOGIT, Integration("mvaghermite", 3)) for d in (design, shuffled))
    params = some_params(usual, LOGIT)
    assert float(loglik(other, params)) == pytest.approx(float(loglik(usual, params)), rel=1e-9)


@pytest.mark.parametrize("kind", USUAL)
@pytest.mark.parametrize("method", ["mvaghermite", "laplace"])
def test_extreme_parameters_have_a_likelihood(method, kind):
    """A variance of 400, coefficients of 30 and -30."""
    model, _ = generalized_model("two_levels", kind, method, ENOUGH["two_levels"])
    params = some_params(model, kind)
    for fixed, scale in ((0.4, 20.0), (30.0, 0.9), (-30.0, 0.9)):
        there = params._replace(fixed=jnp.full_like(params.fixed, fixed), random=(jnp.array([scale]),))
        value = float(loglik(model, there))
        assert np.isfinite(value) and value < 0.0


@pytest.mark.parametrize("method", ["mvaghermite", "laplace"])
def test_groups_of_one_outcome(method):
    """All zeros in a group: its posterior has no maximum in the likelihood alone, but the prior gives it one."""
    design, names = generalized_design("two_levels", LOGIT)
    design = eqx.tree_at(lambda d: d.y, design, np.where(design.effects[0].codes < 3, 0.0, design.y))
    model = built(design, names, LOGIT, Integration(method, ENOUGH["two_levels"]))
    params = some_params(model, LOGIT)
    truth = brute_force(model, design, LOGIT, params, FINE["two_levels"])
    assert float(loglik(model, params)) == pytest.approx(truth.sum(), abs=0.3 if method == "laplace" else 1e-6)


@pytest.mark.parametrize("method", INTEGRATORS)
def test_a_variance_of_zero_is_the_single_level_model(method):
    model, _ = generalized_model("two_levels", "poisson", method, 3)
    params = some_params(model, "poisson")
    flat = params._replace(random=(jnp.zeros(1),))
    v = model.vector(flat)
    single = evaluate_single(model, v[:2])
    assert float(loglik(model, flat)) == pytest.approx(float(single.value), rel=1e-12)


def test_the_single_level_model_has_exact_derivatives():
    model, _ = generalized_model("two_levels", "ordinal probit", "ghermite", 3)
    params = some_params(model, "ordinal probit")
    v = jnp.concatenate([model.vector(params)[:1], params.ancillary])

    def function(v):
        found = evaluate_single(model, v)
        return found.value, found.gradient, found.hessian

    against_differences(function, v)


# --- the model's protocol


def test_contributions_natural_and_modes():
    model, _ = generalized_model("correlated", "nbinomial", "mvaghermite", 3)
    params = some_params(model, "nbinomial")
    parts, modes = eqx.filter_jit(lambda m, p: (m.contributions(p, m.adapt(p)), m.modes(p)))(model, params)
    assert parts.shape == (6,)
    assert float(parts.sum()) == pytest.approx(float(loglik(model, params)), rel=1e-9)
    (sigma,) = covariances(model, params)
    printed = [*params.fixed, *FAMILIES["nbinomial"].aux, sigma[0, 0], sigma[1, 1], sigma[0, 1]]
    np.testing.assert_allclose(model.natural(params), printed, rtol=1e-12)
    assert [mode.shape for mode in modes] == [(6, 2)]
    again = model.params(np.asarray(model.vector(params)))
    np.testing.assert_allclose(model.natural(jax.tree.map(jnp.asarray, again)), printed, rtol=1e-12)


def test_posterior_moments_equal_brute_force():
    """Means and variances of the random effects given the data, by many nodes."""
    model, design = generalized_model("two_levels", LOGIT, "mvaghermite", ENOUGH["two_levels"])
    params = some_params(model, LOGIT)
    found = empirical_bayes(model, model.vector(params))
    sd = float(np.sqrt(covariances(model, params)[0][0, 0]))
    points, log_weights = Grid(0.02).points(1)
    for group in range(6):
        rows = design.effects[0].codes == group
        eta = fixed_part(model, design, params)[rows, None] + sd * points.T
        density = log_density(LOGIT, "logit", design.y[rows], eta, np.zeros(0)).sum(0) + log_weights
        weight = np.exp(density - density.max())
        weight /= weight.sum()
        mean = weight @ (sd * points[:, 0])
        assert float(found.effects[0][group, 0]) == pytest.approx(mean, abs=1e-7)
        variance = weight @ (sd * points[:, 0] - mean) ** 2
        assert float(found.variances[0][group, 0, 0]) == pytest.approx(variance, rel=1e-6)


def test_refitting_does_not_retrace():
    """New data of the same shape run the compiled program: the model is an argument, and only structure is static."""
    traces = 0

    @eqx.filter_jit
    def counted(model, params):
        nonlocal traces
        traces += 1
        return model.loglik(params)

    values = []
    for seed in (0, 1):
        design, names = generalized_design("two_levels", LOGIT)
        y = np.random.default_rng(seed).integers(0, 2, len(design.x)).astype(float)
        model = built(eqx.tree_at(lambda d: d.y, design, y), names, LOGIT, Integration("mvaghermite", 3))
        values.append(float(counted(model, some_params(model, LOGIT, seed))))
    assert traces == 1 and values[0] != values[1]


@pytest.mark.parametrize("points", [2, 7])
def test_the_state_begun_from_does_not_matter(points):
    """Nodes adapted from those of other parameters are those adapted afresh: the likelihood is a function of v."""
    model, _ = generalized_model("two_levels", LOGIT, "mvaghermite", points)
    params = some_params(model, LOGIT)
    v = model.vector(params)
    fresh = float(evaluate(model, v, start_state(model, v))[0].value)
    for scale in (0.2, 3.0):
        other = model.vector(params._replace(random=(jnp.array([scale]),)))
        there = evaluate(model, other, start_state(model, other))[1]
        assert float(evaluate(model, v, there)[0].value) == pytest.approx(fresh, rel=1e-9)


def table() -> dict:
    design, _ = generalized_design("correlated", "gaussian", rows=60)
    return {"y": design.y, "x": design.x[:, 0], "g": design.effects[0].codes}


def test_a_normal_response_is_the_linear_model():
    """Found by Newton's method on the integrals; three points make the Hessian exact too."""
    linear = me.mixed("y x || g: x, covariance(unstructured)", table(), nolog=True)
    found = me.meglm("y x || g: x, covariance(unstructured) intpoints(3)", table(), nolog=True)
    assert found.llf == pytest.approx(linear.llf, abs=1e-7)
    np.testing.assert_allclose(found.fixed["estimate"], linear.fixed["estimate"], rtol=1e-5)
    np.testing.assert_allclose(found.random["estimate"], linear.random["estimate"], rtol=1e-4)


def test_names_are_needed_for_nothing_but_words():
    """The numerical core sees no table: arrays and labels make a model."""
    design, names = generalized_design("none", "poisson")
    assert isinstance(names, Names)
    model = built(design, names, "poisson", Integration())
    v = np.array([0.2, -0.1])
    expected = log_density("poisson", "log", design.y, design.x @ np.linalg.solve(model.root, v), np.zeros(0)).sum()
    assert float(evaluate_single(model, v).value) == pytest.approx(expected, rel=1e-12)
