"""What can be asked of censored, survival and multinomial fits.

Statistics are held against scipy's distributions, and averages over random effects against sums over fine grids.
"""

import dataclasses
import functools
import sys
from types import SimpleNamespace
from typing import Any, NamedTuple

import equinox as eqx
import matplotlib
import numpy as np
import pandas as pd
import pytest
import scipy.special
import scipy.stats

from mejax import me
from mejax._double import computing
from mejax.likelihoods import family
from mejax.post.prediction.average import average
from mejax.post.prediction.curves import outcome_curves, survival_curves
from mejax.post.prediction.random_effects import predictor_root
from mejax.post.prediction.rows import Rows, contribution
from mejax.post.prediction.survival import marginal_hazard, marginal_median
from mejax.post.prediction.typical_rows import typical_row

matplotlib.use("Agg")

GROUPS, SIZE = 20, 9
TOBIT = "metobit y x || g:, ll(0) ul(2.5) intpoints(5)"
COLUMN = "metobit y x || g:, ll(0) ul(top) intpoints(5)"
UNLIMITED = "metobit latent x || g:, intpoints(5)"
WEIBULL = "mestreg x i.s || g:, distribution(weibull) time(t) failure(d) enter(t0) intpoints(5)"
CHOICE = "memlogit k x || g:, covariance(independent) baseoutcome(car) intpoints(5)"
GRID = np.linspace(-12, 12, 4801)
WEIGHTS = np.exp(-0.5 * GRID**2) / np.exp(-0.5 * GRID**2).sum()


@functools.cache
def table() -> pd.DataFrame:
    """20 groups of 9: a latent response, its limits, times with delayed entry, a choice."""
    rng = np.random.default_rng(4)
    g = np.repeat(np.arange(GROUPS), SIZE)
    n, u, x = len(g), rng.normal(size=(GROUPS, 2)), rng.normal(size=len(g))
    latent = 1 + 0.8 * x + u[g, 0] + rng.normal(size=n)
    out = pd.DataFrame({"g": g, "x": x, "s": rng.integers(1, 4, n), "latent": latent})
    out["y"] = latent.clip(0, 2.5)
    out["top"] = np.where(np.arange(n) % 3 == 0, np.nan, 2.5)
    t = rng.weibull(1.4, n) * np.exp(1.0 - 0.5 * x + 0.5 * u[g, 0])
    out["t0"] = np.where(np.arange(n) % 4 == 0, 0.3 * t, 0.0)
    out["t"], out["d"] = np.minimum(t, 5.0), (t < 5.0).astype(int)
    utility = np.column_stack([0.3 + 0.5 * x + u[g, 0], np.zeros(n), -0.2 - 0.6 * x + u[g, 1]])
    out["k"] = np.array(["bus", "car", "walk"])[np.argmax(utility + rng.gumbel(size=utility.shape), axis=1)]
    out.index = pd.Index([f"r{k}" for k in range(n)])
    return out


@functools.cache
def fit(command: str) -> Any:
    return me.run(command, table(), nolog=True)


def population(function, mean, sd) -> np.ndarray:
    """Averages of function(eta) over eta ~ N(mean, sd^2), by a fine sum; a row for each mean."""
    return np.array([WEIGHTS @ function(m + s * GRID) for m, s in zip(*np.broadcast_arrays(mean, sd), strict=True)])


def between_groups(found) -> float:
    """The standard deviation of the random intercept."""
    return float(np.sqrt(found.random["estimate"].iloc[0]))


# ----------------------------------------------------------------------------------------------- averages, without fits

ETA, SD, TIME = np.array([-1.0, 0.5, 2.0]), np.array([0.3, 1.0, 2.0]), np.array([0.5, 1.5, 4.0])


class Loglogistic(NamedTuple):
    """scipy's own warns far in the tails."""

    shape: float
    scale: np.ndarray

    def sf(self, t):
        return 1 / (1 + (t / self.scale) ** self.shape)

    def cdf(self, t):
        return 1 / (1 + (t / self.scale) ** -self.shape)

    def pdf(self, t):
        return self.shape / t * self.sf(t) * self.cdf(t)

    def mean(self):
        return self.scale * (np.pi / self.shape) / np.sin(np.pi / self.shape)


SURVIVAL = {  # ancillary parameters, and the distribution at eta
    "weibull": ([1.2], lambda eta: scipy.stats.weibull_min(np.exp(1.2), scale=np.exp(-eta / np.exp(1.2)))),
    "loglogistic": ([-0.9], lambda eta: Loglogistic(np.exp(0.9), np.exp(eta))),
    "lognormal": ([-2.5], lambda eta: scipy.stats.lognorm(np.exp(-2.5), scale=np.exp(eta))),
    "survival gamma": ([-0.4], lambda eta: scipy.stats.gamma(np.exp(0.8), scale=np.exp(eta - 0.8))),
}


@pytest.mark.parametrize("name", SURVIVAL)
def test_statistics_of_times_in_the_population(name):
    aux, frozen = SURVIVAL[name]
    root, y = SD[:, None], (0 * TIME, TIME, 0 * TIME)
    with computing():
        chosen, aux = family(name), np.array(aux)
        found = {s: average(chosen, s, y, ETA, root, aux) for s in ("survival", "density", "mean")}
        hazard = marginal_hazard(chosen, y, ETA, root, aux)
        median = marginal_median(chosen, y, ETA, root, aux)
    expected = {
        "survival": [WEIGHTS @ frozen(e + s * GRID).sf(t) for e, s, t in zip(ETA, SD, TIME, strict=True)],
        "density": [WEIGHTS @ frozen(e + s * GRID).pdf(t) for e, s, t in zip(ETA, SD, TIME, strict=True)],
        "mean": population(lambda eta: frozen(eta).mean(), ETA, SD),
    }
    for statistic, values in expected.items():
        np.testing.assert_allclose(found[statistic], values, rtol=1e-8)
    np.testing.assert_allclose(hazard, np.divide(expected["density"], expected["survival"]), rtol=1e-8)
    surviving = [WEIGHTS @ frozen(e + s * GRID).sf(t) for e, s, t in zip(ETA, SD, median, strict=True)]
    np.testing.assert_allclose(surviving, 0.5, rtol=1e-9)


def test_a_mean_that_does_not_exist_is_infinite():
    with computing():
        found = average(family("loglogistic"), "mean", None, ETA, SD[:, None], np.array([0.2]))
    assert np.array_equal(found, np.full(3, np.inf))


def test_no_hazard_where_nobody_is_left():
    with computing(), pytest.raises(ValueError, match="at time 1e\\+06 the marginal probability of survival is 0"):
        late = np.array([1e6])
        marginal_hazard(family("weibull"), (0 * late, late, late), np.ones(1), np.full((1, 1), 0.1), np.zeros(1))


def softmax_average(eta: np.ndarray, root: np.ndarray, points: int) -> np.ndarray:
    """Probabilities with the base first, by the trapezoid rule on a cube."""
    axis = np.linspace(-8.5, 8.5, points)
    nodes = np.stack(np.meshgrid(*[axis] * root.shape[-1], indexing="ij"), -1).reshape(-1, root.shape[-1])
    weights = np.exp(-0.5 * np.sum(nodes**2, axis=1))
    each = [np.insert(eta[:, i] + nodes @ root[:, i].T, 0, 0.0, axis=1) for i in range(eta.shape[1])]
    return np.array([weights @ scipy.special.softmax(values, axis=1) for values in each]) / weights.sum()


@pytest.mark.parametrize(
    ("equations", "dimensions", "sd", "points"), [(2, 2, 4.0, 401), (3, 3, 1.0, 61), (3, 1, 2, 501)]
)
def test_probabilities_of_categories_in_the_population(equations, dimensions, sd, points):
    rng = np.random.default_rng(equations)
    eta, root = rng.normal(size=(equations, 3)), sd * rng.normal(size=(equations, 3, dimensions)) / np.sqrt(dimensions)
    with computing():
        chosen = family("multinomial", categories="abcd"[: equations + 1])
        found = average(chosen, "pr", None, eta, root, np.zeros(0))
    np.testing.assert_allclose(found, softmax_average(eta, root, points), atol=1e-8)


def test_many_predictors_with_large_variances_are_averaged_too():
    """Where a grid would be too large: with equal predictors all outcomes are equally likely."""
    with computing():
        chosen = family("multinomial", categories="abcdefg")
        root = np.broadcast_to(3.0 * (np.eye(6) + 1.0 / (1.0 + np.sqrt(7.0))), (2, 6, 6)).swapaxes(0, 1)
        found = average(chosen, "pr", None, np.zeros((6, 2)), root, np.zeros(0))
    np.testing.assert_allclose(found, 1 / 7, atol=2e-3)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, rtol=1e-12)


def test_random_parts_of_several_predictors():
    """Effects of each predictor's own stand one predictor after the other; shared ones move all predictors alike."""
    rng = np.random.default_rng(2)
    z, u = rng.normal(size=(5, 2)), rng.normal(size=(3, 4))
    effect = SimpleNamespace(z=z, codes=np.array([0, 2, -1, 1, 0]), copies=2)
    found = contribution(effect, u)
    padded = np.vstack([u, np.zeros(4)])[effect.codes]
    np.testing.assert_allclose(found[0], np.sum(z * padded[:, :2], axis=1))
    np.testing.assert_allclose(found[1], np.sum(z * padded[:, 2:], axis=1))
    rows = Rows(np.ones((5, 1)), None, (effect,), pd.RangeIndex(5), None, equations=2)
    sigma = np.cov(rng.normal(size=(4, 9)))
    names = SimpleNamespace(effects=(SimpleNamespace(factor=None),))
    estimates: Any = SimpleNamespace(names=names, sigmas=(sigma,), design=SimpleNamespace(effects=(effect,)))
    root = predictor_root(estimates, rows)
    apart = np.array([np.kron(np.eye(2), row) @ sigma @ np.kron(np.eye(2), row).T for row in z])
    np.testing.assert_allclose(np.einsum("eid,fid->ief", root, root), apart, atol=1e-12)
    estimates.sigmas, effect.copies = (sigma[:2, :2],), 1
    root = predictor_root(estimates, rows)
    alike = np.einsum("ij,jk,ik->i", z, sigma[:2, :2], z)
    assert root.shape == (2, 5, 1)
    np.testing.assert_allclose(root[:, :, 0] ** 2, np.stack([alike, alike]))


# ------------------------------------------------------------------------------------------------------ survival times


def shape_of(found) -> float:
    return float(np.exp(found.ancillary.loc["/ln_p", "estimate"]))


def test_statistics_of_survival_times():
    found = fit(WEIBULL)
    p, t = shape_of(found), table()["t"].to_numpy()
    for conditional in (None, "ebmodes", "fixedonly"):
        eta = found.predict("eta", conditional=conditional).to_numpy()
        frozen = scipy.stats.weibull_min(p, scale=np.exp(-eta / p))
        density = scipy.stats.weibull_min.pdf(t, p, scale=np.exp(-eta / p))
        expected = {
            "mean": frozen.mean(), "median": frozen.median(), "survival": frozen.sf(t), "distribution": frozen.cdf(t),
            "density": density, "hazard": density / frozen.sf(t),
        }  # fmt: skip
        for statistic, values in expected.items():
            np.testing.assert_allclose(found.predict(statistic, conditional=conditional), values, rtol=1e-9)
        np.testing.assert_allclose(found.predict("survival", conditional=conditional, at=2), frozen.sf(2), rtol=1e-9)
    pd.testing.assert_series_equal(found.predict(), found.predict("mean"))
    times = np.linspace(0, 6, len(t))
    np.testing.assert_allclose(found.predict("distribution", at=times), 1 - found.predict("survival", at=times))
    assert found.predict("survival", at=times).iloc[0] == 1


def test_survival_times_in_the_population():
    found = fit(WEIBULL)
    p, sd, xb = shape_of(found), between_groups(found), found.predict("xb").to_numpy()

    def survival(t):
        return population(lambda eta: np.exp(-np.exp(eta) * t**p), xb, sd)

    def density(t):
        return population(lambda eta: p * t ** (p - 1) * np.exp(eta - np.exp(eta) * t**p), xb, sd)

    np.testing.assert_allclose(found.predict("survival", marginal=True, at=1.5), survival(1.5), rtol=1e-9)
    np.testing.assert_allclose(found.predict("density", marginal=True, at=1.5), density(1.5), rtol=1e-9)
    hazard = found.predict("hazard", marginal=True, at=1.5)
    np.testing.assert_allclose(hazard, density(1.5) / survival(1.5), rtol=1e-9)
    mean = scipy.special.gamma(1 + 1 / p) * np.exp(-xb / p + 0.5 * (sd / p) ** 2)
    np.testing.assert_allclose(found.predict("mean", marginal=True), mean, rtol=1e-9)
    median = found.predict("median", marginal=True)
    np.testing.assert_allclose(found.predict("survival", marginal=True, at=median), 0.5, rtol=1e-9)


def test_survival_times_of_new_data():
    found = fit(WEIBULL)
    new = table().iloc[[3, 8, 40]]
    for statistic in ("mean", "survival", "hazard"):
        pd.testing.assert_series_equal(
            found.predict(statistic, new), found.predict(statistic).loc[new.index], rtol=1e-9
        )
    without = new.drop(columns=["t", "d", "t0"])
    at = found.predict("survival", without, at=[1, 2, 3])
    np.testing.assert_allclose(
        at, [found.predict("survival", at=t).loc[r] for t, r in zip((1, 2, 3), new.index, strict=True)]
    )
    with pytest.raises(ValueError, match="the new data do not give `t`; add the column, or say which time by `at`"):
        found.predict("survival", without)
    gap = found.predict("survival", new.assign(t=[1.0, np.nan, 2.0]))
    assert gap.isna().tolist() == [False, True, False]


def test_simulated_times_come_after_entry():
    found, entry = fit(WEIBULL), table()["t0"]
    drawn = found.simulate(400, seed=5)
    assert drawn.gt(entry, axis=0).all(axis=None)
    late = (drawn.gt(2.0).mean(axis=1))[entry == 0]
    expected = found.predict("survival", marginal=True, at=2.0)[entry == 0]
    z = (late - expected) / np.sqrt(expected * (1 - expected) / 400)
    assert np.max(np.abs(z)) < 5 and 0.7 < np.sqrt(np.mean(z**2)) < 1.3


# ------------------------------------------------------------------------------------------------------------- censored


def normal_pieces(eta, sd, lower, upper):
    """Probability of the interval, mean within it, mean of what is moved to the nearer limit."""
    z = [(limit - eta) / sd for limit in (lower, upper)]
    inside = scipy.stats.norm.cdf(z[1]) - scipy.stats.norm.cdf(z[0])
    expected = scipy.stats.truncnorm(*z, loc=eta, scale=sd).mean()
    low, high = (limit if np.isfinite(limit) else 0.0 for limit in (lower, upper))
    return inside, expected, inside * expected + low * scipy.stats.norm.cdf(z[0]) + high * scipy.stats.norm.sf(z[1])


@pytest.mark.parametrize("limits", [{}, {"lower": 0.5}, {"lower": -1, "upper": np.inf}])
def test_statistics_between_limits(limits):
    found = fit(TOBIT)
    lower, upper = limits.get("lower", 0.0), limits.get("upper", 2.5)
    sd_e = np.sqrt(found.random.loc["var(e.y)", "estimate"])
    total = np.hypot(sd_e, between_groups(found))
    for options, eta, sd in (({}, found.predict("eta"), sd_e), ({"marginal": True}, found.predict("xb"), total)):
        expected = normal_pieces(eta.to_numpy(), sd, lower, upper)
        for statistic, values in zip(("pr", "expected", "ystar"), expected, strict=True):
            np.testing.assert_allclose(found.predict(statistic, **limits, **options), values, rtol=1e-8, atol=1e-10)
    pd.testing.assert_series_equal(found.predict(), found.predict("eta"))
    np.testing.assert_allclose(found.predict("mu", marginal=True), found.predict("xb"))


def test_an_average_over_the_random_effects_is_the_normal_one():
    """The closed form of `marginal` against the average of ystar itself."""
    found = fit(TOBIT)
    sd_e = np.sqrt(found.random.loc["var(e.y)", "estimate"])
    rows = found.predict("xb").iloc[:3]
    expected = population(lambda eta: normal_pieces(eta, sd_e, 0.0, 2.5)[2], rows.to_numpy(), between_groups(found))
    np.testing.assert_allclose(found.predict("ystar", marginal=True).iloc[:3], expected, rtol=1e-6)


def test_limits_that_are_columns():
    found = fit(COLUMN)
    open_ended = table()["top"].isna()
    pr, plain = found.predict("pr"), found.predict("pr", lower=0, upper=np.inf)
    np.testing.assert_allclose(pr[open_ended], plain[open_ended], rtol=1e-12)
    assert (pr[~open_ended] < plain[~open_ended]).all()
    new = table().iloc[:4]
    pd.testing.assert_series_equal(found.predict("pr", new), pr.iloc[:4], rtol=1e-9)
    with pytest.raises(ValueError, match="the limit `ul` of the model is `top`, which the new data do not give"):
        found.predict("pr", new.drop(columns="top"))
    drawn = found.simulate(20, seed=2)
    assert drawn.min(axis=None) == 0 and drawn[~open_ended].max(axis=None) == 2.5
    assert drawn[open_ended].max(axis=None) > 2.5


def test_simulated_responses_are_seen_between_the_limits():
    found = fit(TOBIT)
    drawn = found.simulate(600, seed=1)
    assert drawn.min(axis=None) == 0 and drawn.max(axis=None) == 2.5
    share = ((drawn > 0) & (drawn < 2.5)).mean(axis=1)
    pr = found.predict("pr", marginal=True)
    z = (share - pr) / np.sqrt(pr * (1 - pr) / 600)
    assert np.max(np.abs(z)) < 5 and 0.7 < np.sqrt(np.mean(z**2)) < 1.3
    latent = fit(UNLIMITED).simulate(20, seed=1)
    assert latent.min(axis=None) < -2 and len(np.unique(latent)) == latent.size


def test_intraclass_correlation_of_a_censored_response():
    between, within = fit(TOBIT).random["estimate"]
    assert fit(TOBIT).estat.icc().table["estimate"].iloc[0] == pytest.approx(between / (between + within), rel=1e-10)
    for command, words in ((WEIBULL, "is weibull with link log"), (CHOICE, "is multinomial with link")):
        with pytest.raises(ValueError, match=words):
            fit(command).estat.icc()


# ---------------------------------------------------------------------------------------------------------- multinomial


def coefficients(found) -> np.ndarray:
    """A row for bus, a row for walk."""
    return found.fixed["estimate"].to_numpy().reshape(2, 2)


def test_predictors_of_outcomes():
    found = fit(CHOICE)
    x = np.column_stack([table()["x"], np.ones(len(table()))])
    xb = found.predict("xb")
    assert list(xb.columns) == ["bus", "walk"] and xb.index.equals(table().index)
    np.testing.assert_allclose(xb, x @ coefficients(found).T, rtol=1e-10)
    vce = found.cov_params().to_numpy()
    for e, outcome in enumerate(xb):
        block = vce[2 * e : 2 * e + 2, 2 * e : 2 * e + 2]
        stdp = np.sqrt(np.einsum("ij,jk,ik->i", x, block, x))
        np.testing.assert_allclose(found.predict("stdp")[outcome], stdp, rtol=1e-9)
    effects = found.predict("reffects")
    assert list(effects.columns) == ["g:bus:_cons", "g:walk:_cons"] == list(found.predict("reses").columns)
    np.testing.assert_allclose(found.predict("eta"), xb.to_numpy() + effects.to_numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.predict("eta", conditional="fixedonly"), xb, rtol=1e-12)


def test_probabilities_of_outcomes():
    found = fit(CHOICE)
    pr, eta = pd.DataFrame(found.predict()), found.predict("eta").to_numpy()
    assert list(pr.columns) == ["bus", "car", "walk"]
    np.testing.assert_allclose(pr, scipy.special.softmax(np.insert(eta, 1, 0.0, axis=1), axis=1), rtol=1e-10)
    assert found.predict("pr", outcome="walk").equals(pr["walk"])
    new = table().iloc[[5, 60]]
    pd.testing.assert_frame_equal(found.predict("pr", new), pr.loc[new.index], rtol=1e-9)
    chosen = np.searchsorted(["bus", "car", "walk"], table()["k"].to_numpy(str))
    np.testing.assert_allclose(found.predict("density"), pr.to_numpy()[np.arange(len(pr)), chosen], rtol=1e-10)
    sd = np.sqrt(found.random["estimate"].to_numpy())
    root = np.broadcast_to(np.diag(sd)[:, None, :], (2, 4, 2))
    marginal = found.predict(marginal=True)
    expected = softmax_average(found.predict("xb").iloc[:4].to_numpy().T, root, 201)
    np.testing.assert_allclose(marginal.iloc[:4][["car", "bus", "walk"]], expected, atol=1e-8)
    drawn = found.simulate(300, seed=3)
    for outcome in pr:
        np.testing.assert_allclose((drawn == outcome).mean(axis=1).mean(), marginal[outcome].mean(), atol=0.02)


# --------------------------------------------------------------------------------------------------------------- curves


def test_survival_curves_are_those_of_typical_rows():
    found = fit(WEIBULL)
    row = typical_row(found.estimates, found.encoding, None)
    assert row["x"] == pytest.approx(table()["x"].mean()) and row["s"] == table()["s"].mode()[0]
    with computing():
        curves = survival_curves(found.estimates, found.encoding, over="s", times=[0, 1, 3], at={"x": 0.5})
        fixed = survival_curves(found.estimates, found.encoding, times=[2.0], conditional="fixedonly")
        last = survival_curves(found.estimates, found.encoding, "hazard")["time"].max()
    assert curves["curve"].unique().tolist() == ["s = 1", "s = 2", "s = 3"] and last == max(table()["t"])
    new = pd.DataFrame({"x": 0.5, "s": [1, 1, 1, 2, 2, 2, 3, 3, 3]})
    expected = found.predict("survival", new, marginal=True, at=[0, 1, 3] * 3)
    np.testing.assert_allclose(curves["survival"], expected, rtol=1e-12)
    alone = found.predict("survival", pd.DataFrame([row]), conditional="fixedonly", at=2)
    np.testing.assert_allclose(fixed["survival"], alone, rtol=1e-12)


def test_curves_of_outcomes():
    found = fit(CHOICE)
    with computing():
        curves = outcome_curves(found.estimates, found.encoding, {"x": [-1.0, 2.0]}, marginal=False)
        assert len(outcome_curves(found.estimates, found.encoding, "x")) == 3 * 101
    eta = np.insert(np.array([[-1.0, 1.0], [2.0, 1.0]]) @ coefficients(found).T, 1, 0.0, axis=1)
    np.testing.assert_allclose(curves["pr"], scipy.special.softmax(eta, axis=1).T.ravel(), rtol=1e-10)
    assert curves["outcome"].tolist() == ["bus", "bus", "car", "car", "walk", "walk"]


def test_pictures():
    import matplotlib.pyplot as plt

    axes = fit(WEIBULL).plot.survival(over="s")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["s = 1", "s = 2", "s = 3"]
    assert axes.get_ylim() == (0, 1) and axes.get_xlabel() == "t" and axes.get_ylabel() == "Survival probability"
    again = fit(WEIBULL).plot.hazard({"s": 2}, conditional="fixedonly", ax=axes)
    assert again is axes and len(axes.lines) == 4 and "random effects zero" in axes.get_ylabel()
    axes = fit(CHOICE).plot.outcomes("x")
    assert axes.get_legend().get_title().get_text() == "k" and len(axes.lines) == 3
    plt.close("all")


def test_pictures_need_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install mejax\[plot\]"):
        fit(WEIBULL).plot.survival(times=[1.0])


# -------------------------------------------------------------------------------------------------------------- refused

REFUSED = {
    "negative time": (WEIBULL, lambda f: f.predict("survival", at=-1), "a time is -1 in row 1; times are counted"),
    "not a time": (WEIBULL, lambda f: f.predict("survival", at="soon"), "`at` is a time, or one for each row; got"),
    "missing time": (WEIBULL, lambda f: f.predict("survival", at=np.nan), "holds nan; every time is a finite number"),
    "times of other rows": (WEIBULL, lambda f: f.predict("hazard", at=[1, 2]), "one for each of the 180 rows; got 2"),
    "time of a mean": (WEIBULL, lambda f: f.predict("mean", at=3), "`at=3` says nothing about mean"),
    "limits of a time": (WEIBULL, lambda f: f.predict("survival", upper=3), "`upper=3` says nothing about survival"),
    "residuals of times": (WEIBULL, lambda f: f.predict("pearson"), "may be known only in part; predict mean, median"),
    "mu of times": (WEIBULL, lambda f: f.predict("mu"), "a weibull response has mean, median, survival"),
    "limits the wrong way": (TOBIT, lambda f: f.predict("pr", lower=3), "the lower limit is 3 and the upper one 2.5"),
    "no number": (TOBIT, lambda f: f.predict("pr", lower=[1, 2]), "`lower` is one number"),
    "outcome of a tobit": (TOBIT, lambda f: f.predict("pr", outcome=1), "`outcome=1` says nothing about pr"),
    "limits of eta": (TOBIT, lambda f: f.predict(upper=1), "`upper=1` says nothing about eta"),
    "residuals of a tobit": (TOBIT, lambda f: f.predict("residuals"), "predict mu, pr, expected, ystar, density, eta"),
    "marginal eta": (TOBIT, lambda f: f.predict(marginal=True), "`marginal` averages mu, pr, expected, ystar over"),
    "no limits": (UNLIMITED, lambda f: f.predict("expected"), "the model has no limits of its own; say `lower`"),
    "mean of a choice": (CHOICE, lambda f: f.predict("mu"), "categories of a multinomial response have no mean"),
    "unknown outcome": (CHOICE, lambda f: f.predict("pr", outcome="bike"), "the outcomes are bus, car, walk"),
    "survival of a choice": (CHOICE, lambda f: f.predict("survival"), "unknown statistic `survival`"),
    "curves of a choice": (CHOICE, lambda f: f.plot.survival(), "a curve over time needs survival times"),
    "outcomes of a time": (WEIBULL, lambda f: f.plot.outcomes("x"), "need a response in categories"),
    "no covariate": (WEIBULL, lambda f: f.plot.survival({"xx": 1}), "`at` names `xx`, which is no covariate"),
    "both": (WEIBULL, lambda f: f.plot.survival({"s": 1}, over="s"), "`s` stands in `over` and in `at`"),
    "too many curves": (WEIBULL, lambda f: f.plot.survival(over="x"), "`over=x` has 180 values"),
    "curve of a group": (WEIBULL, lambda f: f.plot.survival(conditional="ebmeans"), "belongs to no group of the"),
    "several values": (WEIBULL, lambda f: f.plot.survival({"x": [1, 2]}), "`at` holds one value for each covariate"),
    "negative times": (WEIBULL, lambda f: f.plot.survival(times=[-1, 2]), "`times` are finite numbers from 0 on"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    command, call, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        call(fit(command))


def test_metrics_are_not_nested():
    """Proportional hazards and accelerated failure times are one Weibull distribution with other coefficients."""
    one = fit(WEIBULL)
    with computing():
        model = eqx.tree_at(lambda m: m.family, one.model, family("weibull", aft=True))
    other: Any = SimpleNamespace(estimates=dataclasses.replace(one.estimates, model=model), sample=one.sample)
    with pytest.raises(ValueError, match="Weibull model of proportional hazards and Weibull model of time"):
        me.lrtest(one, other)
