"""Crossed models whose remainder is met iteratively: against the dense path, and what the Monte Carlo errors say."""

import dataclasses
import itertools
from functools import cache, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from families import FAMILIES
from helpers import MODELS, generalized_design, linear_design, some_params, some_point

from mejax import me
from mejax._tree import to_device, to_host
from mejax._typing import Params
from mejax.build import Integration, build_generalized, build_linear
from mejax.elimination import Solver, eliminate
from mejax.elimination.krylov import conjugate_gradients, logarithms, reduce_sparse
from mejax.lmm import LinearModel, evaluate
from mejax.lmm.criterion import term_factors

ITERATIVE = Solver("iterative", probes=8)
# patterns of `MODELS`: slopes on both sides, two nested levels crossed by a third, REML with weights
PATTERNS = ["crossed_slopes", "crossed_and_nested", "weighted_crossed_reml"]


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def spanned(model):
    """The model with a layout whose vectors span everything, so that its traces are exact."""
    layout = model.plan.sparse
    columns = model.plan.columns
    layout = dataclasses.replace(layout, vectors=jnp.eye(columns, dtype=jnp.int8), units=columns - 1, extremes=0)
    where = (lambda m: m.plan.sparse) if isinstance(model, LinearModel) else (lambda m: m.batches.plan.sparse)
    return eqx.tree_at(where, model, layout)


@cache
def linear_pair(name: str):
    """A model with its dense remainder and with an iterative one."""
    design, names = linear_design(name)
    with jax.enable_x64(True):
        pair = [to_device(build_linear(design, names, reml=MODELS[name].reml, solver=s)) for s in (Solver(), ITERATIVE)]
    return pair[0], spanned(pair[1])


@eqx.filter_jit
def value_and_gradient(model, params):
    return jax.value_and_grad(model.loglik)(params)


def some_point_of(model: LinearModel):
    """The parameters at `some_point`, the coefficients off their estimates."""
    v = np.asarray(some_point(model))
    random, residual = model.variances.params(v)
    return jax.tree.map(jnp.asarray, Params(model.shift + 0.1, random, residual, jnp.zeros(0)))


@pytest.mark.parametrize("name", PATTERNS)
def test_with_vectors_that_span_everything_a_linear_likelihood_is_the_dense_one(name):
    dense, sparse = linear_pair(name)
    params = some_point_of(dense)
    wanted, found = (jax.tree.leaves(value_and_gradient(model, params)) for model in (dense, sparse))
    for part, expected in zip(found, wanted, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-8, atol=1e-8)


def test_first_and_second_derivatives_are_the_dense_ones():
    """Three crossed factors, an unstructured covariance, REML."""
    dense, sparse = linear_pair("crossed_three_reml")
    v = some_point(dense)
    wanted, found = (to_host(evaluate(model, v)._replace(noise=None)) for model in (dense, sparse))
    for part, expected in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-8, atol=1e-8)


@eqx.filter_jit
def remainder_at(model, v):
    return eliminate(model.plan, model.products, term_factors(model.plan, model.variances.working_factors(v)))


@cache
def operator():
    """(S, M as an operator, M as a matrix, the edges of its diagonal blocks) of two crossed factors with slopes."""
    dense, sparse = linear_pair("crossed_slopes")
    with jax.enable_x64(True):
        v = some_point(dense)
        s, balanced = np.asarray(remainder_at(dense, v).s), remainder_at(sparse, v).s
        m = np.asarray(eqx.filter_jit(lambda b: b.times(jnp.eye(len(s))))(balanced))
    edges = [0]
    for block in balanced.frame:
        edges += [edges[-1] + (k + 1) * block.shape[1] for k in range(block.shape[0])]
    return s, balanced, m, edges


def test_the_balanced_remainder_is_the_dense_one_with_the_identity_in_its_diagonal_blocks():
    s, balanced, m, edges = operator()
    root = np.zeros_like(s)
    for a, b in itertools.pairwise(edges):
        root[a:b, a:b] = np.linalg.cholesky(s[a:b, a:b])
        np.testing.assert_allclose(m[a:b, a:b], np.eye(b - a), atol=1e-12)
    half = np.linalg.solve(root, s)
    np.testing.assert_allclose(m, np.linalg.solve(root, half.T), atol=1e-12)
    assert float(balanced.logdet) == pytest.approx(2 * np.sum(np.log(np.diag(root))), rel=1e-12)


def test_conjugate_gradients_solve_and_leave_the_logarithm():
    """The quadratic forms b' log(M) b / b'b against the eigenvectors of M."""
    _, balanced, m, _ = operator()
    b = np.random.default_rng(1).normal(size=(len(m), 3))
    run = jax.jit(lambda b: conjugate_gradients(balanced.times, b))(jnp.asarray(b))
    np.testing.assert_allclose(run.x, np.linalg.solve(m, b), atol=1e-9)
    values, vectors = np.linalg.eigh(m)
    wanted = np.log(values) @ (vectors.T @ b) ** 2 / np.sum(b**2, 0)
    np.testing.assert_allclose(jax.jit(logarithms)(run), wanted, atol=1e-10)


def test_a_matrix_that_is_not_positive_definite_gives_nan():
    signs = jnp.array([[1.0], [2.0], [3.0], [-4.0]])
    run = jax.jit(lambda b: conjugate_gradients(lambda x: signs * x, b))(jnp.ones((4, 1)))
    assert np.all(np.isnan(run.x)) and np.isnan(jax.jit(logarithms)(run)).all()


def test_monte_carlo_errors_are_those_over_other_random_vectors():
    """250 sets of probes: standardised errors of log|S| and of its derivative have variance 1, and the errors fall with
    the root of the number of probes.  A factor of 2 anywhere would be far outside."""
    dense, sparse = linear_pair("sparse")
    v, sets, most = some_point(dense), 250, 16
    columns = sparse.plan.columns
    signs = np.random.default_rng(2).integers(0, 2, (sets, columns, most), np.int8) * 2 - 1

    def logdets(model, vectors, step):
        layout = dataclasses.replace(model.plan.sparse, vectors=vectors, units=0, extremes=0)
        plan = dataclasses.replace(model.plan, sparse=layout)
        factors = term_factors(plan, model.variances.working_factors(v.at[0].add(step)))
        found = eliminate(plan, model.products, factors)
        return reduce_sparse(found.s, found.c).logdets

    @eqx.filter_jit
    def both(model, vectors):
        return jax.vmap(lambda one: jax.jvp(partial(logdets, model, one), (0.0,), (1.0,)))(vectors)

    def exact(step):
        factors = term_factors(dense.plan, dense.variances.working_factors(v.at[0].add(step)))
        return jnp.linalg.slogdet(eliminate(dense.plan, dense.products, factors).s)[1]

    truth = jax.jit(lambda: jax.jvp(exact, (0.0,), (1.0,)))()
    for found, wanted in zip(map(np.asarray, both(sparse, jnp.asarray(signs))), truth, strict=True):
        rms = {}
        for probes in (4, most):
            error = found[:, :probes].mean(1) - float(wanted)
            z = error / (found[:, :probes].std(1, ddof=1) / np.sqrt(probes))
            rms[probes] = np.sqrt(np.mean(error**2))
        assert abs(np.mean(z)) < 0.25 and 0.8 < np.std(z) < 1.35
        assert 1.6 < rms[4] / rms[most] < 2.5


def generalized_pair(name: str, kind: str):
    design, names = generalized_design(name, kind)
    family, laplace = FAMILIES[kind].make(), Integration("laplace", None)
    with jax.enable_x64(True):
        dense, sparse = (
            to_device(build_generalized(design, names, family, laplace, (), solver=s)) for s in (Solver(), ITERATIVE)
        )
    return dense, spanned(sparse)


def test_with_vectors_that_span_everything_laplaces_approximation_is_the_dense_one():
    dense, sparse = generalized_pair("crossed_slopes", "bernoulli logit")
    params = some_params(dense, "bernoulli logit")
    wanted, found = (jax.tree.leaves(value_and_gradient(model, params)) for model in (dense, sparse))
    for part, expected in zip(found, wanted, strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-8, atol=1e-8)


@pytest.fixture(scope="module")
def fits():
    """The same model with an exact and an iterative solver: two crossed factors of 100 and 90 levels."""
    rng = np.random.default_rng(3)
    a, b, x = rng.integers(0, 100, 700), rng.integers(0, 90, 700), rng.normal(size=700)
    y = 1 + 0.5 * x + rng.normal(size=100)[a] + 0.7 * rng.normal(size=90)[b] + rng.normal(size=700)
    data = pd.DataFrame({"y": y, "x": x, "a": a, "b": b})
    command = "y x || _all: R.a || b:"
    exact = me.mixed(command, data, solver="exact", nolog=True)
    return exact, me.mixed(command, data, solver="iterative", probes=16, nolog=True), data


def test_a_fit_is_the_exact_one_within_its_errors(fits):
    exact, found, _ = fits
    assert found.status == exact.status == "converged" and exact.monte_carlo is None
    errors = found.monte_carlo
    assert errors.probes == 16 and 0 < errors.llf < 0.1
    assert abs(found.llf - exact.llf) < 4 * errors.llf
    table = errors.table
    wanted = np.concatenate([exact.fixed["estimate"], exact.random["estimate"]])
    assert np.all(np.abs(table["estimate"] - wanted) < 4 * table["error"] + 1e-6 * np.abs(wanted))
    assert np.all(table["error"] < 0.05 * table["se"])
    assert "16 probes" in str(errors) and "16 probes" in str(found).replace("\n      ", " ")


def test_predictions_of_an_iterative_fit(fits):
    exact, found, _ = fits
    np.testing.assert_allclose(found.predict("reffects"), exact.predict("reffects"), atol=1e-3)
    ratios = np.asarray(found.predict("reses")) / np.asarray(exact.predict("reses"))
    assert np.all(np.abs(ratios - 1) < 0.1) and abs(np.mean(ratios) - 1) < 0.005


def test_an_iterative_fit_is_saved_with_its_errors(fits, tmp_path):
    found = fits[1]
    found.save(tmp_path / "fit.mejax")
    kept, errors = me.load(tmp_path / "fit.mejax").monte_carlo, found.monte_carlo
    assert kept is not None and errors is not None
    pd.testing.assert_frame_equal(kept.table, errors.table)


def test_degrees_of_freedom_from_the_curvature_need_an_exact_solver(fits):
    with pytest.raises(ValueError, match="solver\\(exact\\)"):
        me.mixed("y x || _all: R.a || b:", fits[2], solver="iterative", reml=True, dfmethod="kroger", nolog=True)


def test_nested_models_are_not_for_the_iterative_solver(fits):
    with pytest.raises(ValueError, match="nested"):
        me.mixed("y x || a:", fits[2], solver="iterative", nolog=True)


@pytest.mark.parametrize("options", [{"probes": 1}, {"rseed": -1}])
def test_what_the_probes_may_be(fits, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        me.mixed("y x || _all: R.a || b:", fits[2], solver="iterative", nolog=True, **options)


@pytest.mark.parametrize("model", ["y x || a:", "y x || _all: R.a || b:", "y x"])
@pytest.mark.parametrize("options", [{"probes": 64}, {"rseed": 0}, {"solver": "exact", "probes": 64}])
def test_probes_where_nothing_is_drawn_are_refused(fits, model, options):
    with pytest.raises(ValueError, match="nothing is drawn; leave them out"):
        me.mixed(model, fits[2], nolog=True, **options)
