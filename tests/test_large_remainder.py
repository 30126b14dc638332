"""Exact remainders too large for several copies: the inverse in place, pairs of pairs without a list, whole fits."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from mejax import me
from mejax.elimination import blocked, buckets, planning
from mejax.elimination.blocked import inverse_in_place
from mejax.elimination.buckets import each_meeting, make_buckets


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("q", [7, 8, 16, 21])
def test_the_inverse_in_place(monkeypatch, q):
    """One block, whole blocks, and a smaller last one; what stands above the diagonal is not read."""
    monkeypatch.setattr(blocked, "BLOCK", 8)
    rng = np.random.default_rng(q)
    root = rng.normal(size=(q, q + 3))
    s = root @ root.T
    logdet, inverse = jax.jit(inverse_in_place)(jnp.asarray(np.tril(s) + np.triu(np.full_like(s, 5.0), 1)))
    assert float(logdet) == pytest.approx(np.linalg.slogdet(s)[1], abs=1e-10)
    np.testing.assert_allclose(inverse, np.linalg.inv(s), rtol=1e-8, atol=1e-10)


def test_a_remainder_that_is_not_positive_definite_gives_nan(monkeypatch):
    monkeypatch.setattr(blocked, "BLOCK", 2)
    logdet, _ = jax.jit(inverse_in_place)(jnp.diag(jnp.array([1.0, 2.0, -1.0, 3.0, 1.0])))
    assert np.isnan(logdet)


def test_every_pair_meets_itself_and_those_before_it_in_its_group(monkeypatch):
    monkeypatch.setattr(buckets, "CHUNK", 16)
    rng = np.random.default_rng(4)
    cells = np.unique(rng.integers(0, 9, 60) * 30 + rng.integers(0, 30, 60))
    group, column = np.divmod(cells, 30)
    light = np.arange(9) != 3
    made = make_buckets(group, column, light)
    count = len(cells)

    def add(meeting, total):
        left = jnp.broadcast_to(meeting.left[:, None], meeting.right.shape)
        return total.at[left, meeting.right].add(meeting.counts)

    found = np.asarray(jax.jit(lambda: each_meeting(made, add, jnp.zeros((count, count))))())
    same = (group[:, None] == group[None]) & light[group][:, None]
    np.testing.assert_array_equal(found, np.tril(same).astype(float))


@pytest.fixture(scope="module")
def ratings() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    n = 3000
    a, b = rng.integers(0, 150, n), rng.integers(0, 100, n)
    x = rng.normal(size=n)
    y = 1 + 0.5 * x + rng.normal(size=150)[a] + 0.5 * rng.normal(size=100)[b] + rng.normal(size=n)
    return pd.DataFrame({"y": y, "x": x, "a": a, "b": b})


def test_a_fit_with_one_matrix_of_the_remainders_size(monkeypatch, ratings):
    """Estimates, standard errors (by differences of the gradient) and predictions; what it takes is said before."""
    model = "y ~ x + (1 | a) + (1 | b)"
    usual = me.mixed(model, ratings, nolog=True)
    monkeypatch.setattr(planning, "LEAN", 50)
    monkeypatch.setattr(planning, "WORTH_SAYING", 0.0)
    monkeypatch.setattr(blocked, "BLOCK", 32)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        lean = me.mixed(model, ratings, nolog=True, solver="exact")
    assert lean.model.plan.rough is not None and usual.model.plan.rough is None
    assert lean.llf == pytest.approx(usual.llf, abs=1e-8) and lean.monte_carlo is None
    np.testing.assert_allclose(lean.params, usual.params, rtol=1e-6)
    np.testing.assert_allclose(lean.bse, usual.bse, rtol=1e-5)
    assert "100 columns" in str(planning.outlook(lean.model.plan))


def test_structured_errors_with_an_iterative_remainder(ratings):
    """The vectors span the whole remainder of this model, so that the likelihood is the exact one."""
    half = ratings.assign(s=ratings["a"] % 2, b=ratings["b"] % 20)
    command = "mixed y x || _all: R.a || _all: R.b, residuals(independent, by(s)) nolog"
    exact, iterative = me.run(command, half), me.run(f"{command} solver(iterative)", half)
    assert iterative.llf == pytest.approx(exact.llf, abs=1e-6)
    np.testing.assert_allclose(iterative.params, exact.params, rtol=1e-4)
    assert "no Monte Carlo error" in str(iterative)
    assert me.lrtest(iterative, me.run("mixed y x || _all: R.a || _all: R.b, nolog", half)).noise < 1e-8
