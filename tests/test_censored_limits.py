"""Censored, survival and multinomial fits against the models that they contain, and against likelihoods written out.

Single levels are fitted here by SciPy from densities that are written out.
"""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from families import log_density
from references import data
from scipy import optimize, special

from mejax import me

KIDNEY = "age female || id:, time(time) failure(status) nolog"


def log_sum(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    return np.asarray(special.logsumexp(values, axis=axis))


@cache
def kidney() -> pd.DataFrame:
    table = data("kidney")
    return table.assign(female=(table.sex == 2).astype(float))


@cache
def weibull(metric: str = ""):
    return me.mestreg(f"{KIDNEY} distribution(weibull) intpoints(15) {metric}", kidney())


# ------------------------------------------------------------------------------------- models that contain one another


def test_an_exponential_is_a_weibull_with_shape_one():
    held = me.mestreg(f"{KIDNEY} distribution(weibull) intpoints(15)", kidney(), constraints=["[/]ln_p = 0"])
    exponential = me.mestreg(f"{KIDNEY} distribution(exponential) intpoints(15)", kidney())
    assert exponential.llf == pytest.approx(held.llf, abs=1e-8)
    np.testing.assert_allclose(exponential.fixed["estimate"], held.fixed["estimate"], rtol=1e-5)
    assert weibull().llf > exponential.llf
    test = me.lrtest(exponential, weibull())
    assert (test.df, test.kind) == (1, "chi2(1)")
    assert test.stat == pytest.approx(2 * (weibull().llf - exponential.llf), abs=1e-9)
    with pytest.raises(ValueError, match="Weibull model of time"):
        me.lrtest(exponential, weibull(metric="time"))


def test_the_two_metrics_of_a_weibull_are_one_model():
    """b_aft = -b_ph / p, and the random effect's standard deviation is divided by p."""
    hazards, times = weibull(), weibull(metric="time")
    assert times.llf == pytest.approx(hazards.llf, abs=1e-6)
    p = np.exp(hazards.ancillary["estimate"].iloc[0])
    np.testing.assert_allclose(times.fixed["estimate"], -hazards.fixed["estimate"] / p, rtol=1e-4)
    assert times.random["estimate"].iloc[0] == pytest.approx(hazards.random["estimate"].iloc[0] / p**2, rel=1e-4)


@pytest.mark.parametrize("distribution", ["exponential", "weibull", "loglogistic", "lognormal", "gamma"])
def test_single_levels_are_those_of_scipy(distribution):
    """Without random effects: BFGS on densities of SciPy; half of the records begin late."""
    table = kidney().assign(entry=np.where(np.arange(76) % 2, 0.3 * kidney().time, 0.0))
    fit = me.mestreg(f"age female, distribution({distribution}) time(time) failure(status) enter(entry) nolog", table)
    x = np.column_stack([table.age, table.female, np.ones(76)])
    kind = "survival gamma" if distribution == "gamma" else distribution
    y = tuple(table[name].to_numpy() for name in ("entry", "time", "status"))

    def loss(v):
        with np.errstate(all="ignore"):
            total = -np.sum(log_density(kind, y, np.exp(x @ v[:3]), v[3:]))
        return total if np.isfinite(total) else 1e10

    start = np.concatenate([fit.fixed["estimate"], fit.ancillary["estimate"]])
    found = optimize.minimize(
        loss, 0.9 * start, method="Nelder-Mead", options={"maxfev": 6000, "fatol": 1e-11, "xatol": 1e-9}
    )
    assert fit.llf == pytest.approx(-loss(start), abs=1e-8)
    assert fit.llf == pytest.approx(-found.fun, abs=1e-5) and fit.llf > -found.fun - 1e-8


def test_a_frailty_of_no_variance_is_the_single_level():
    """Records of one failure each in groups that mean nothing."""
    table = kidney().assign(id=np.random.default_rng(4).permutation(kidney().id))
    fit = me.mestreg(f"{KIDNEY} distribution(lognormal)", table)
    alone = me.mestreg("age female, distribution(lognormal) time(time) failure(status) nolog", table)
    assert fit.estimates.null_llf == pytest.approx(alone.llf, abs=1e-8)
    assert fit.llf == pytest.approx(alone.llf, abs=1e-8)
    assert fit.random["estimate"].iloc[0] == 0.0 and fit.status == "boundary"


@cache
def heights() -> pd.DataFrame:
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(30), 6)
    x = rng.normal(size=180)
    return pd.DataFrame({"g": g, "x": x, "y": 1.0 + 0.5 * x + 0.8 * rng.normal(size=30)[g] + rng.normal(size=180)})


@cache
def linear():
    return me.mixed("y x || g:", heights(), nolog=True)


def same_as_linear(fit, rtol: float) -> None:
    assert fit.llf == pytest.approx(linear().llf, abs=1e-6)
    np.testing.assert_allclose(fit.fixed["estimate"], linear().fixed["estimate"], rtol=rtol)
    np.testing.assert_allclose(fit.random["estimate"], linear().random["estimate"], rtol=rtol)
    np.testing.assert_allclose(fit.random["se"], linear().random["se"], rtol=10 * rtol)


def test_limits_far_away_leave_the_linear_model():
    same_as_linear(me.metobit("y x || g:, ll(-1e6) ul(1e6) nolog", heights()), 1e-6)


def test_intervals_that_shrink_to_points_become_the_linear_model():
    """log P / width is the density; the latent density's midpoint rule leaves an error of width squared."""
    width = 1e-4
    table = heights().assign(low=heights().y - width / 2, high=heights().y + width / 2)
    fit = me.meintreg("low high x || g:, nolog", table)
    assert fit.llf - 180 * np.log(width) == pytest.approx(linear().llf, abs=1e-6)
    np.testing.assert_allclose(fit.fixed["estimate"], linear().fixed["estimate"], rtol=1e-6)
    np.testing.assert_allclose(fit.random["estimate"], linear().random["estimate"], rtol=1e-5)
    points = me.meintreg("low high x || g:, nolog", table.assign(low=table.y, high=table.y))
    same_as_linear(points, 1e-6)


def test_intervals_without_groups_are_those_of_scipy():
    y = heights().y
    low, high = np.floor(y).where(y > -1, -np.inf), np.ceil(y).where(y < 3, np.inf)
    ends = low.to_numpy(), high.to_numpy()
    fit = me.meintreg("low high x, nolog", heights().assign(low=low, high=high))

    def loss(v):
        return -np.sum(log_density("interval", ends, v[0] * heights().x.to_numpy() + v[1], np.exp(v[2:])))

    start = np.array([*fit.fixed["estimate"], np.log(fit.random["estimate"].iloc[0])])
    assert fit.llf == pytest.approx(-loss(start), abs=1e-9)
    assert fit.llf == pytest.approx(-optimize.minimize(loss, 0.9 * start).fun, abs=1e-6)


@cache
def choices() -> pd.DataFrame:
    """Three outcomes, 40 groups of 8."""
    rng = np.random.default_rng(6)
    g = np.repeat(np.arange(40), 8)
    x, u = rng.normal(size=320), rng.normal(size=(40, 2)) @ np.array([[1.0, 0.5], [0.0, 0.8]])
    eta = np.column_stack([np.zeros(320), 0.4 + 0.7 * x + u[g, 0], -0.3 - 0.5 * x + u[g, 1]])
    p = special.softmax(eta, axis=1)
    y = (rng.random(320)[:, None] > np.cumsum(p, axis=1)).sum(axis=1)
    return pd.DataFrame({"g": g, "x": x, "y": y, "b": (y > 0).astype(int)})


@cache
def multinomial(options: str = "covariance(unstructured)"):
    return me.memlogit(f"y x || g:, {options} baseoutcome(0) nolog", choices())


def test_two_outcomes_are_a_logit():
    fit = me.memlogit("b x || g:, baseoutcome(0) nolog", choices())
    logit = me.melogit("b x || g:, nolog", choices())
    assert fit.llf == pytest.approx(logit.llf, abs=1e-8)
    np.testing.assert_allclose(fit.params, logit.params, rtol=1e-6)
    np.testing.assert_allclose(fit.bse, logit.bse, rtol=1e-6)
    assert list(fit.fixed.index) == ["1:x", "1:_cons"]
    assert fit.test("[1]x").chi2 == pytest.approx(logit.test("x").chi2, rel=1e-6)
    np.testing.assert_allclose(fit.predict("pr", outcome=1), logit.predict("pr"), rtol=1e-6)
    marginal = fit.predict("pr", outcome=1, marginal=True), logit.predict("pr", marginal=True)
    np.testing.assert_allclose(*marginal, rtol=1e-6)
    assert set(np.unique(fit.simulate(1, seed=3))) == {0, 1}


def test_the_base_outcome_is_a_matter_of_words():
    """Against base 2: coefficients are differences, and so are random effects."""
    first = multinomial("covariance(unstructured) intpoints(15)")
    other_base = me.memlogit("y x || g:, covariance(unstructured) intpoints(15) baseoutcome(2) nolog", choices())
    assert other_base.llf == pytest.approx(first.llf, abs=1e-4)
    b = first.fixed["estimate"]
    assert other_base.fixed.loc["0:x", "estimate"] == pytest.approx(-b["2:x"], abs=1e-3)
    assert other_base.fixed.loc["1:x", "estimate"] == pytest.approx(b["1:x"] - b["2:x"], abs=1e-3)
    assert other_base.random["estimate"].iloc[0] == pytest.approx(
        first.random.loc["g:var(2:_cons)", "estimate"], rel=2e-3
    )


def test_multinomial_likelihood_by_brute_force():
    """At the optimum by 15 points, an integral over a fine grid in both random intercepts."""
    fit = multinomial("covariance(unstructured) intpoints(15)")
    b, r = fit.fixed["estimate"], fit.random["estimate"]
    sigma = np.array(
        [[r["g:var(1:_cons)"], r["g:cov(1:_cons,2:_cons)"]], [r["g:cov(1:_cons,2:_cons)"], r["g:var(2:_cons)"]]]
    )
    line = np.arange(-7.0, 7.05, 0.1)
    nodes = np.stack(np.meshgrid(line, line), -1).reshape(-1, 2)
    log_weights = -0.5 * np.sum(nodes**2, 1) + 2 * np.log(0.1 / np.sqrt(2 * np.pi))
    u = nodes @ np.linalg.cholesky(sigma).T
    x, y, g = (choices()[name].to_numpy() for name in "xyg")
    xb = np.column_stack([b["1:x"] * x + b["1:_cons"], b["2:x"] * x + b["2:_cons"]])
    total = 0.0
    for group in range(40):
        mine = g == group
        eta = np.concatenate([np.zeros((mine.sum(), 1, len(u))), xb[mine][:, :, None] + u.T[None]], axis=1)
        rows = eta[np.arange(mine.sum()), y[mine]] - log_sum(eta, axis=1)
        total += log_sum(rows.sum(0) + log_weights)
    assert fit.llf == pytest.approx(total, abs=1e-5)


def test_multinomial_single_level_is_that_of_scipy():
    fit = me.memlogit("y x, baseoutcome(0) nolog", choices())
    x, y = choices().x.to_numpy(), choices().y.to_numpy()

    def loss(v):
        eta = np.column_stack([np.zeros(len(x)), v[0] * x + v[1], v[2] * x + v[3]])
        return -np.sum(eta[np.arange(len(x)), y] - log_sum(eta, axis=1))

    found = optimize.minimize(loss, np.zeros(4))
    assert fit.llf == pytest.approx(-found.fun, abs=1e-6)
    np.testing.assert_allclose(fit.fixed["estimate"], found.x, atol=1e-4)
    assert multinomial().estimates.null_llf == pytest.approx(fit.llf, abs=1e-9)


def test_one_random_intercept_may_be_shared():
    """The same effect in both predictors: a unit correlation of equal variances."""
    shared = multinomial("shared")
    assert list(shared.random.index) == ["g:var(_cons)"]
    assert shared.llf < multinomial().llf
    assert shared.estimates.parameters == 5


def test_the_outcomes_laplace_approximation_is_near_quadrature():
    laplace = multinomial("covariance(unstructured) intmethod(laplace)")
    assert laplace.converged and 1e-4 < abs(laplace.llf - multinomial().llf) < 0.5


# ----------------------------------------------------------------------------------------------- weights, robust errors


def test_frequency_weights_stand_for_repeated_records():
    table = kidney().assign(w=1 + kidney().index % 2)
    heavy = me.mestreg("age female [fweight=w] || id:, time(time) failure(status) distribution(weibull) nolog", table)
    spelled = me.mestreg(f"{KIDNEY} distribution(weibull)", table.loc[table.index.repeat(table.w)])
    assert heavy.llf == pytest.approx(spelled.llf, abs=1e-8) and heavy.nobs == spelled.nobs
    np.testing.assert_allclose(heavy.bse, spelled.bse, rtol=1e-6)


def test_robust_errors_of_equal_halves():
    """Twice the same clusters under other names: the sandwich halves as variances do, but for M / (M - 1)."""
    table = choices()
    twice = pd.concat([table, table.assign(g=table.g + 40)])
    one, two = (me.memlogit("y x || g:, vce(robust) baseoutcome(0) nolog", each) for each in (table, twice))
    ratio = np.sqrt(2 * (40 / 39) / (80 / 79))
    np.testing.assert_allclose(one.bse / two.bse, ratio, rtol=1e-4)
