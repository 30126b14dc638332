"""A thousand small random-intercept logits: every fit ends in a status that is true.

The data sets run from no variance to one so large that most groups have one outcome only; reference/README.md says
where they come from.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
from helpers import loglik
from references import small_logit, small_logit_fits

from mejax import me
from mejax._typing import Params

SETS = range(1000)
WIDE = range(74, 1000, 100)  # standard deviations of five times the others': up to 10
SLACK = 1e-7  # of a log likelihood where a variance is put to zero for all the data can tell


def fit(number: int, **options: Any) -> Any:
    return me.melogit("y x || group:", small_logit(number), nolog=True, **options)


@functools.cache
def fits(method: str, step: int) -> dict[int, tuple[str, float, float, np.ndarray]]:
    """Status, log likelihood, that of the model without random effects, and estimates; whole fits are large."""
    found = {}
    for number in SETS[::step]:
        one = fit(number, intmethod=method)
        found[number] = (one.status, one.llf, one.estimates.null_llf, one.params.to_numpy())
    return found


METHODS = [("mvaghermite", 1), ("laplace", 9)]


@pytest.mark.parametrize(("method", "step"), METHODS)
def test_every_fit_is_finite_and_no_worse_than_the_plain_logit(method, step):
    for number, (_, llf, null, estimates) in fits(method, step).items():
        assert np.all(np.isfinite(estimates)) and estimates[-1] >= 0, number
        assert llf >= null - SLACK, number


def test_statuses_by_quadrature():
    """Where seven nodes cannot follow a variance beyond a hundred there is no maximum, and a note says what to do."""
    found = {number: one[0] for number, one in fits("mvaghermite", 1).items()}
    lost = [number for number, status in found.items() if status not in ("converged", "boundary")]
    assert set(lost) <= set(WIDE) and len(lost) <= 6
    for number in lost:
        poor, better = fit(number), fit(number, intmethod="mcaghermite", intpoints=25)
        assert poor.status == "not_converged" and poor.random["estimate"].iloc[0] > 100
        assert any("take more intpoints()" in note and "mcaghermite" in note for note in poor.notes)
        assert better.status == "converged"


def test_statuses_by_laplace():
    assert {one[0] for one in fits("laplace", 9).values()} == {"converged", "boundary"}


@pytest.mark.parametrize(("method", "step"), METHODS)
def test_a_variance_is_zero_exactly_where_the_status_says_so(method, step):
    found = fits(method, step)
    assert sum(status == "boundary" for status, *_ in found.values()) > 2
    for number, (status, _, _, estimates) in found.items():
        assert (estimates[-1] == 0.0) == (status == "boundary"), number


@pytest.mark.parametrize(("method", "step"), METHODS)
def test_the_profile_likelihood_falls_from_zero(method, step):
    """At the boundary no small or large variance, held, gives a likelihood that is higher."""
    zero = [number for number, one in fits(method, step).items() if one[0] == "boundary"]
    for number in zero[:: max(1, len(zero) // 4)]:
        found = fit(number, intmethod=method)
        values = [profile(found, variance) for variance in (1e-3, 0.1, 2.0)]
        assert max(values) <= found.llf + SLACK, number
        assert values[-1] < found.llf - 1e-3, number


def profile(found: Any, variance: float) -> float:
    """The highest log likelihood with the variance held, found without derivatives."""
    theta = found.theta

    def loss(fixed: np.ndarray) -> float:
        params = jax.tree.map(jnp.asarray, theta._replace(fixed=fixed, random=(np.array([np.sqrt(variance)]),)))
        return -float(loglik(found.model, params))

    with jax.enable_x64(True):
        options = {"xatol": 1e-6, "fatol": 1e-9}
        return -float(scipy.optimize.minimize(loss, theta.fixed, method="Nelder-Mead", options=options).fun)


@pytest.mark.parametrize("number", [40, 361, 701, 949])
def test_the_profile_likelihood_falls_from_the_estimate(number):
    for method in ("mcaghermite", "laplace"):
        found = fit(number, intmethod=method)
        estimate = found.random["estimate"].iloc[0]
        assert found.status == "converged" and estimate > 0
        for factor in (0.9, 1.1):
            assert profile(found, factor * estimate) < found.llf


def test_laplace_is_never_below_lme4():
    """Its stored log likelihoods, and the same function at its estimates, where its inner iterations stop early."""
    stored = small_logit_fits()
    assert len(stored) == 60
    for one in stored:
        found = fit(one["set"], intmethod="laplace")
        intercept, slope = one["beta"]
        with jax.enable_x64(True):
            params = Params(np.array([slope, intercept]), (np.array([one["theta"]]),), np.zeros(0), np.zeros(0))
            theirs = float(loglik(found.model, jax.tree.map(jnp.asarray, params)))
        assert abs(theirs - one["logLik_tight"]) < 3e-6, one["set"]
        assert found.llf >= max(one["logLik_tight"], theirs) - SLACK, one["set"]
        assert found.llf <= one["logLik_tight"] + 1e-3, one["set"]
