"""Data from which a censored, survival or multinomial model cannot be estimated: a diagnosis in words, never a NaN."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from mejax import me
from mejax.build.pieces import measure
from mejax.elimination import merge_terms
from mejax.likelihoods import family


def table(**columns) -> pd.DataFrame:
    """60 rows in 10 groups."""
    rng = np.random.default_rng(3)
    g = np.repeat(np.arange(10), 6)
    x, u = rng.normal(size=60), rng.normal(size=10)[g]
    return pd.DataFrame({"g": g, "row": np.arange(60), "x": x, "exact": 2 * x + 1 + u}).assign(**columns)


def test_a_response_without_error():
    """The likelihood of points rises for ever as the variance of the errors falls."""
    fit = me.metobit("exact x || g:, ll(-2) nolog", table())
    assert fit.status == "separated" and np.isfinite(fit.llf)
    assert "reproduce the response without error" in fit.notes[-1]
    assert bool(np.all(np.isnan(fit.random["se"].to_numpy()))) and "nan" not in str(fit)


def test_one_observation_in_every_group():
    noisy = table(y=lambda t: t.exact + np.random.default_rng(1).normal(size=60))
    fit = me.metobit("y x || row:, ll(0) nolog", noisy)
    assert fit.status == "not_identified"
    assert "single observation" in fit.notes[-1] and bool(np.all(np.isnan(fit.random["se"].to_numpy())))


@pytest.mark.parametrize(
    ("name", "y", "aux", "loglik", "expected"),
    [
        ("interval", (np.arange(3.0), np.arange(3.0)), [1e-13], 40.0, True),
        ("interval", (np.arange(3.0), np.arange(3.0)), [1e-3], 4.0, False),
        ("interval", (np.arange(3.0), np.arange(3.0) + 1), [0.004], -1e-9, True),
        ("interval", (np.arange(3.0), np.arange(3.0) + 1), [0.004], -0.1, False),
        ("weibull", (np.zeros(3), np.ones(3), np.ones(3)), [9.5], 100.0, True),
        ("weibull", (np.zeros(3), np.ones(3), np.ones(3)), [-9.5], -100.0, False),
        ("lognormal", (np.zeros(3), np.ones(3), np.ones(3)), [-9.5], 100.0, True),
        ("exponential", (np.zeros(3), np.ones(3), np.ones(3)), [], 0.0, False),
        ("gaussian", np.arange(3.0), [1e-13], 40.0, True),
    ],
)
def test_distributions_that_have_shrunk_to_a_point(name, y, aux, loglik, expected):
    assert family(name).collapsed(y, np.array(aux), loglik) is expected


def test_what_a_family_was_not_made_for_is_refused():
    where = lambda row: f"row {row + 1}"
    late = np.array([0.0, 0.5]), np.array([1.0, 2.0]), np.array([1.0, 0.0])
    with pytest.raises(ValueError, match="is 0.5 in row 2: an entry after 0 needs a family made with delayed=True"):
        family("weibull", delayed=False).check(late, where)
    closed = np.array([0.0, 0.5]), np.array([1.0, 0.5])
    with pytest.raises(ValueError, match=r"is \[0, 1\] in row 1: an interval with two finite ends needs .*closed"):
        family("interval", closed=False).check(closed, where)
    with pytest.raises(ValueError, match="is 1e-200 in row 2: survival times are measured in a unit"):
        times = np.array([1.0, 1e-200])
        family("survival gamma").check((np.zeros(2), times, np.ones(2)), where)


@pytest.mark.parametrize("name", ["weibull", "loglogistic", "lognormal", "survival gamma"])
def test_what_data_do_not_need_changes_nothing(name):
    with jax.enable_x64(True):
        y = (jnp.zeros(3), jnp.array([0.3, 1.0, 4.0]), jnp.array([1.0, 0.0, 1.0]))
        eta, aux = jnp.array([0.1, -0.5, 1.0]), jnp.array([-0.4])
        values = [family(name, delayed=delayed).logpdf(y, eta, aux) for delayed in (True, False)]
        np.testing.assert_allclose(*values, rtol=1e-13)


def test_open_intervals_need_no_closed_ones():
    with jax.enable_x64(True):
        y = jnp.array([-jnp.inf, 0.5, 1.0]), jnp.array([0.2, jnp.inf, 1.0])
        eta, aux = jnp.array([0.1, -0.5, 1.0]), jnp.array([0.7])
        values = [family("interval", closed=closed).logpdf(y, eta, aux) for closed in (True, False)]
        np.testing.assert_allclose(*values, rtol=1e-13)


@pytest.mark.parametrize(("log_p", "expected"), [(-0.7, np.inf), (0.0, np.exp(0.3)), (0.7, 0.0)])
def test_hazards_at_the_start(log_p, expected):
    with jax.enable_x64(True):
        y = (jnp.zeros(1), jnp.zeros(1), jnp.zeros(1))
        hazard = family("weibull").statistics["hazard"].function(y, jnp.array([0.3]), jnp.array([log_p]))
    assert float(hazard[0]) == pytest.approx(expected, abs=1e-30)


def test_linear_predictors_count_in_memory():
    codes = np.repeat(np.arange(4), 5)
    one, three = (measure(merge_terms([codes], [np.ones((e, 20, 1))], [4]), (7,)) for e in (1, 3))
    assert three.total == pytest.approx(13 / 3 * one.total)


def test_two_labels_without_a_sign():
    fit = me.mixed("exact x || g:", table(exact=lambda t: t.exact + np.sin(t.row)), nolog=True)
    with pytest.raises(ValueError, match="no sign before `_cons`"):
        fit.test("x _cons")
    assert fit.test("x", "_cons").df == 2
