"""Inverses and log determinants with rules of their own, at sizes on every path: written out, Cholesky, by halves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mejax.elimination.spd import LEAF, logdet_inverse, logdet_quadratic


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def spd(q: int, seed: int = 0) -> np.ndarray:
    a = np.random.default_rng(seed).normal(size=(q, q + 5))
    return a @ a.T / q + 0.1 * np.eye(q)


@pytest.mark.parametrize("q", [1, 2, 3, 4, 7, LEAF, LEAF + 1, 2 * LEAF + 3])
def test_logdet_and_inverse(q):
    d = spd(q)
    logdet, inverse = jax.jit(logdet_inverse)(d)
    assert float(logdet) == pytest.approx(np.linalg.slogdet(d)[1], rel=1e-11, abs=1e-11)
    np.testing.assert_allclose(inverse @ d, np.eye(q), atol=1e-9)
    np.testing.assert_allclose(inverse, inverse.T, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("q", [1, 3, 5])
def test_batches_and_matrices_that_are_not_positive_definite(q):
    batch = np.stack([spd(q, 1), spd(q, 2), -spd(q, 3)])
    logdet, inverse = logdet_inverse(jnp.asarray(batch))
    np.testing.assert_allclose(inverse[:2], np.linalg.inv(batch[:2]), rtol=1e-9)
    assert np.isfinite(logdet[:2]).all() and np.isnan(logdet[2])


@pytest.mark.parametrize("q", [2, 5, 40])
def test_derivatives_against_finite_differences(q):
    d, c = jnp.asarray(spd(q)), jnp.asarray(np.random.default_rng(4).normal(size=(q, 3)))
    direction = jnp.asarray(spd(q, 9))

    def value(step):
        logdet, inverse = logdet_inverse(d + step * direction)
        other, quadratic = logdet_quadratic(d + step * direction, c)
        return logdet + jnp.sum(jnp.sin(inverse)) + 2 * other + jnp.sum(jnp.cos(quadratic))

    h = 3e-6
    slope = (value(h) - value(-h)) / (2 * h)
    assert float(jax.grad(value)(0.0)) == pytest.approx(float(slope), rel=1e-5)
    bend = (jax.grad(value)(h) - jax.grad(value)(-h)) / (2 * h)
    assert float(jax.hessian(value)(0.0)) == pytest.approx(float(bend), rel=1e-5)
