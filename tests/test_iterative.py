"""Crossed models whose remainder is met iteratively: against the dense path, and what the Monte Carlo errors say."""

import dataclasses
from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from families import FAMILIES
from helpers import MODELS, generalized_design, linear_design, some_params, some_point

from mejax._tree import to_device, to_host
from mejax._typing import Params
from mejax.build import Integration, build_generalized, build_linear
from mejax.elimination import Solver, eliminate
from mejax.elimination.krylov import conjugate_gradients, logarithms
from mejax.lmm import LinearModel, evaluate
from mejax.lmm.criterion import term_factors
from mejax.lmm.posterior import posterior

ITERATIVE = Solver("iterative", probes=8)
# patterns of `MODELS`: slopes on both sides, three factors, two nested levels crossed by a third, REML, weights
PATTERNS = ["crossed_three_reml", "crossed_slopes", "crossed_and_nested", "crossed_blocked", "weighted_crossed_reml"]


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


@pytest.mark.parametrize("name", ["crossed_three_reml", "crossed_slopes"])
def test_its_derivatives_of_the_profile_are_the_dense_ones(name):
    dense, sparse = linear_pair(name)
    v = some_point(dense)
    wanted, found = (to_host(evaluate(model, v)._replace(noise=None)) for model in (dense, sparse))
    for part, expected in zip(jax.tree.leaves(found), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(part, expected, rtol=1e-8, atol=1e-8)
