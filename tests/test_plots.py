"""Pictures after a fit: the numbers behind them, and that they show what they should."""

import functools
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import scipy.stats

from mejax import datasets, me
from mejax._double import computing
from mejax.frame import read
from mejax.post.diagnostics.caterpillar import caterpillar
from mejax.post.diagnostics.normal_quantiles import normal_quantiles
from mejax.post.diagnostics.residual_points import residual_points
from mejax.post.diagnostics.simulated_residuals import scaled, simulated_residuals
from mejax.post.diagnostics.simulated_tests import Tally, quantile_curves, ranked, verdicts
from mejax.post.diagnostics.smoother import local_lines
from mejax.post.prediction.fitted_curves import fitted_curves
from mejax.post.prediction.typical_rows import values_over
from mejax.syntax import parse

matplotlib.use("Agg")

NESTED = "mixed y x || s: || g: x"
CROSSED = "mixed y x || _all: R.s || _all: R.h"
POOLED = "mixed y x || s: R.h, covariance(exchangeable)"
ADMISSIONS = "melogit nadmitted female || department:, binomial(napplied)"
SURVIVAL = "mestreg x || s:, distribution(exponential) time(t) failure(d) intpoints(3)"


@functools.cache
def table() -> pd.DataFrame:
    """96 rows: six `s` of four `g` of four, g numbered anew in each s; `h` crosses them; times that are censored."""
    rng = np.random.default_rng(8)
    s, g, h = np.repeat(np.arange(6), 16), np.tile(np.repeat(np.arange(4), 4), 6), np.tile(np.arange(8), 12)
    out = pd.DataFrame({"s": np.array(list("dbface"))[s], "g": 10 * (g + 1), "h": h, "x": rng.normal(size=96)})
    u, v, w = rng.normal(size=6), rng.normal(size=(6, 4)), rng.normal(size=8)
    out["y"] = (
        2 + out["x"] * (1 + 0.7 * rng.normal(size=(6, 4))[s, g]) + 1.5 * u[s] + v[s, g] + w[h] + rng.normal(size=96)
    )
    t = rng.exponential(np.exp(0.5 * u[s] + 0.3 * out["x"]))
    out["t"], out["d"] = np.minimum(t, 1.5), (t < 1.5).astype(int)
    out["z"] = rng.normal(size=96)
    out.index = pd.Index([f"r{k}" for k in range(96)])
    return out


@functools.cache
def fit(command: str = NESTED) -> Any:
    if command == ADMISSIONS:
        return me.run(command, datasets.load("admissions"), nolog=True)
    return me.run(command, table(), nolog=True)


@functools.cache
def orange() -> Any:
    return me.menl(
        "circumf = ({b1=190}+{U1[tree]})/(1+exp(-(age-{b2=700})/{b3=350}))", datasets.load("orange"), nolog=True
    )


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def parts(found: Any) -> tuple[Any, Any, Any]:
    return found.spec, found.estimates, found.encoding


def numbers(function, found: Any, *args: Any, **options: Any) -> Any:
    with computing():
        return function(*parts(found), *args, **options)


# --------------------------------------------------------------------------------------------------------- the numbers


def test_effects_are_those_of_predict():
    found, z = fit(), scipy.stats.norm.ppf(0.95)
    frame = numbers(caterpillar, found, intervals=90.0).set_index(["effect", "group"])
    groups = table()["s"] + ">" + table()["g"].astype(str)
    assert set(frame["level"]) == {"s>g"} and len(frame) == 2 * 24
    for effect in ("x", "_cons"):
        u, se = (found.predict(what)[f"g:{effect}"].groupby(groups).first() for what in ("reffects", "reses"))
        part = frame.loc[effect].sort_index()
        np.testing.assert_allclose(part["estimate"], u, rtol=1e-12)
        np.testing.assert_allclose(part["lower"], u - z * se, rtol=1e-10)
        np.testing.assert_allclose(part["upper"], u + z * se, rtol=1e-10)
        assert (part["away"] == (np.abs(u) > z * se)).all()
        variance = found.random["estimate"][f"g:var({effect})"]
        np.testing.assert_allclose(part["standardised"], u / np.sqrt(variance - se**2), rtol=1e-8)
    above = numbers(caterpillar, found, "s")
    assert above["group"].tolist() == list("abcdef") and above["effect"].unique().tolist() == ["_cons"]


@pytest.mark.parametrize(("command", "level", "name"), [(CROSSED, "R.h", "_all:R.h"), (POOLED, None, "s:R.h")])
def test_effects_of_crossed_and_pooled_factors(command, level, name):
    frame = numbers(caterpillar, fit(command), level)
    groups = table()["h"].astype(str) if command == CROSSED else table()["s"] + ">" + table()["h"].astype(str)
    expected = fit(command).predict("reffects")[name].groupby(groups).first()
    found = frame.set_index("group")["estimate"].sort_index()
    assert found.index.tolist() == expected.index.tolist()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_effects_of_all_crossed_factors():
    frame = numbers(caterpillar, fit(CROSSED), "_all")
    assert frame.groupby("effect").size().to_dict() == {"R.h": 8, "R.s": 6}


def test_effects_after_generalized_and_nonlinear_models():
    for found, name in ((fit(ADMISSIONS), "department:_cons"), (orange(), "tree:U1")):
        frame = numbers(caterpillar, found)
        assert set(frame["estimate"]) <= set(found.predict("reffects")[name])
        assert set(frame["se"]) <= set(found.predict("reses")[name])
    modes = numbers(caterpillar, fit(ADMISSIONS), conditional="ebmodes")
    assert set(modes["estimate"]) <= set(fit(ADMISSIONS).predict("reffects", conditional="ebmodes")["department:_cons"])


def test_local_lines_keep_straight_lines_and_follow_others():
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(-3, 5, 5000))
    line = local_lines(x, 2.0 - 3.0 * x)
    np.testing.assert_allclose(line["smooth"], 2.0 - 3.0 * line["x"], atol=1e-9)
    assert line["x"].iloc[0] < x[5] and line["x"].iloc[-1] > x[-6]
    curve = local_lines(x, np.sin(x) + rng.normal(size=5000), span=0.1)
    assert np.abs(curve["smooth"] - np.sin(curve["x"])).mean() < 0.08
    few = local_lines(np.array([1.0, 1.0, 2.0, 2.0, 4.0]), np.array([0.0, 2.0, 3.0, 5.0, 10.0]))
    np.testing.assert_allclose(few["x"], [1, 2, 4])
    assert local_lines(np.ones(4), np.array([1.0, 2.0, 3.0, 6.0]))["smooth"].tolist() == [3.0]


def test_local_lines_are_weighted_least_squares():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=60), rng.normal(size=60)
    curve = local_lines(x, y, span=0.5)
    for at, value in zip(curve["x"], curve["smooth"], strict=True):
        distance = np.abs(x - at)
        reach = 1.0001 * np.sort(distance)[29]
        weights = np.clip(1 - (distance / reach) ** 3, 0, None) ** 1.5
        slope, intercept = np.polyfit(x, y, 1, w=weights)
        assert value == pytest.approx(intercept + slope * at, rel=1e-7, abs=1e-9)


def test_residuals_are_those_of_predict():
    found = fit()
    points = numbers(residual_points, found)
    np.testing.assert_array_equal(points["residual"], found.predict("rstandard"))
    np.testing.assert_array_equal(points["against"], found.predict("fitted"))
    assert points["row"].tolist() == table().index.tolist()
    points = numbers(residual_points, found, "residuals", against=table()["z"], by="g", names="s")
    np.testing.assert_array_equal(points["against"], table()["z"])
    assert list(points["by"].cat.categories) == ["10", "20", "30", "40"] and set(points["row"]) == set("abcdef")
    some = me.run("mixed y x if z > 0 || s:", table(), nolog=True)
    points = numbers(residual_points, some, against=table()["z"])
    assert len(points) == (table()["z"] > 0).sum() and (points["against"] > 0).all()
    counts = numbers(residual_points, fit(ADMISSIONS))
    np.testing.assert_array_equal(counts["residual"], fit(ADMISSIONS).predict("pearson"))
    np.testing.assert_array_equal(counts["against"], fit(ADMISSIONS).predict("mu"))


def test_normal_quantiles():
    values = np.append(np.random.default_rng(2).standard_t(3, size=199), np.nan)
    found = normal_quantiles(values, np.arange(200).astype(str), level=90)
    i = np.arange(1, 200)
    np.testing.assert_array_equal(found["value"], np.sort(values[:-1]))
    assert found["name"].iloc[0] == str(np.nanargmin(values))
    np.testing.assert_allclose(found["expected"], scipy.stats.norm.ppf((i - 0.375) / 199.25), rtol=1e-9, atol=1e-9)
    slope = np.diff(np.quantile(values[:-1], [0.25, 0.75]))[0] / (2 * scipy.stats.norm.ppf(0.75))
    np.testing.assert_allclose(np.diff(found["line"]) / np.diff(found["expected"]), slope, rtol=1e-9)
    upper = scipy.stats.norm.ppf(scipy.stats.beta.ppf(0.95, i, 200 - i))
    np.testing.assert_allclose(found["upper"] - found["line"], slope * (upper - found["expected"]), atol=1e-8)
    many = normal_quantiles(np.random.default_rng(3).normal(size=20_000), most=500)
    whole = normal_quantiles(np.random.default_rng(3).normal(size=20_000), most=None)
    assert len(whole) == 20_000 and len(many) <= 500
    np.testing.assert_array_equal(many.iloc[:100], whole.iloc[:100])
    np.testing.assert_array_equal(many.iloc[-100:], whole.iloc[-100:])


def test_curves_of_an_upper_level_leave_out_the_levels_below():
    found = fit()
    curves = numbers(fitted_curves, found, "x", "s").curves
    part = curves.loc[curves["group"] == "a"]
    expected = found.predict("fitted", pd.DataFrame({"s": "a", "g": -1, "x": part["x"]}))
    np.testing.assert_allclose(part["fitted"], expected, rtol=1e-10)


# -------------------------------------------------------------------------------------------------- simulated residuals


def poisson_table(rows: int = 400, n: int = 50, extra: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Counts with the variance mu + extra mu^2, and draws of them without the extra."""
    rng = np.random.default_rng(4)
    mu = np.exp(rng.normal(size=rows) * 0.5 + 1)
    observed = rng.poisson(mu if extra == 0 else mu * rng.gamma(1 / extra, extra, size=rows))
    return observed.astype(float), rng.poisson(mu[:, None], size=(rows, n)).astype(float)


def test_scaled_residuals_lie_among_the_draws():
    observed, draws = poisson_table()
    residual = scaled(observed, observed, draws, np.random.default_rng(0))
    for value, y, row in zip(residual, observed, draws, strict=True):
        assert sum(row < y) / 51 <= value <= (sum(row <= y) + 1) / 51
    assert scipy.stats.kstest(residual, "uniform").pvalue > 0.01
    np.testing.assert_array_equal(residual, scaled(observed, observed, draws, np.random.default_rng(0)))


def test_scaled_residuals_of_censored_times_are_uniform():
    rng = np.random.default_rng(5)
    times, limits = rng.exponential(size=4000), rng.exponential(size=4000)
    upper = np.where(times < limits, times, np.inf)
    residual = scaled(np.minimum(times, limits), upper, rng.exponential(size=(4000, 100)), rng)
    assert scipy.stats.kstest(residual, "uniform").pvalue > 0.01
    assert scipy.stats.kstest(residual[times > limits], "uniform").pvalue < 1e-9


def test_tally_counts_what_a_loop_counts():
    rng = np.random.default_rng(6)
    draws, observed = rng.normal(size=(30, 7)), 1.5 * rng.normal(size=30)
    residual, tally = scaled(observed, observed, draws, rng), Tally.empty(7)
    for rows in (slice(0, 11), slice(11, 30)):
        tally = tally.add((observed[rows], observed[rows]), residual[rows], draws[rows], rng)
    everything = np.column_stack([draws, observed])
    ranks = scipy.stats.rankdata(everything, axis=1).astype(int) - 1
    for sample in range(8):
        np.testing.assert_array_equal(tally.ranks[:, sample], np.bincount(ranks[:, sample], minlength=8))
        assert tally.outside[sample] == np.isin(ranks[:, sample], [0, 7]).sum()
    scores = (everything - everything.mean(axis=1, keepdims=True)) / everything.std(axis=1, ddof=1, keepdims=True)
    np.testing.assert_allclose(tally.squares, np.sum(scores**2, axis=0))
    np.testing.assert_allclose(tally.uniform()["share"], np.mean(residual[:, None] <= tally.grid, axis=0))
    same = np.zeros(800)
    ties = Tally.empty(3).add((same, same), rng.uniform(size=800), np.zeros((800, 3)), rng)
    assert (np.abs(ties.ranks - 200) < 60).all() and not ties.outside.any() and (ties.zeros == 800).all()


def test_observed_samples_are_like_simulated_ones_with_few_of_these():
    """No statistic is further out because fewer others stand beside it."""
    rng = np.random.default_rng(9)
    draws = rng.normal(size=(40_000, 21)) + rng.normal(size=(40_000, 1))
    observed, draws = draws[:, 0], draws[:, 1:]
    tally = Tally.empty(20).add((observed, observed), scaled(observed, observed, draws, rng), draws, rng)
    for values in (tally.squares, tally.outside):
        assert values[-1] == pytest.approx(values[:-1].mean(), abs=4 * values[:-1].std())
    assert tally.outside.mean() == pytest.approx(40_000 * 2 / 21)


def test_too_much_variance_is_found_and_none_where_there_is_none():
    names = ("uniformity", "dispersion", "outliers", "zeros")
    for extra, wrong in ((0.0, False), (0.6, True)):
        observed, draws = poisson_table(extra=extra)
        rng = np.random.default_rng(7)
        residual = scaled(observed, observed, draws, rng)
        tally = Tally.empty(50).add((observed, observed), residual, draws, rng)
        tests = verdicts(tally, names)
        assert [p < 0.05 for p in tests["p"]] == [wrong] * 4, tests
        found = "more spread than the model" if wrong else "spread as in the model"
        assert tests.loc["dispersion", "finding"] == found
        inside = tally.uniform().query("lower <= share <= upper")
        assert (len(inside) > 45) != wrong
        mu = draws.mean(axis=1)
        ratio = np.mean((observed - mu) ** 2 / mu)
        assert tests.loc["dispersion", "statistic"] == pytest.approx(ratio, rel=0.15)
        assert tests.loc["zeros", "statistic"] == (observed == 0).sum()


def test_curves_of_quartiles():
    rng = np.random.default_rng(8)
    x, residual = ranked(rng.normal(size=4000)), rng.uniform(size=4000)
    curves = quantile_curves(x, residual)
    np.testing.assert_allclose(curves[["q25", "q50", "q75"]], np.tile([0.25, 0.5, 0.75], (len(curves), 1)), atol=0.1)
    assert curves["x"].is_monotonic_increasing and quantile_curves(x[:50], residual[:50]).empty
    np.testing.assert_allclose(ranked(np.array([3.0, 1.0, 1.0, 7.0])), [0.625, 0.25, 0.25, 0.875])


def test_simulated_residuals_of_fits():
    for command, label, tests in (
        (NESTED, "Fitted values", ["uniformity", "outliers"]),
        (ADMISSIONS, "Fitted values", ["uniformity", "dispersion", "outliers", "zeros"]),
        (SURVIVAL, "Linear predictor", ["uniformity", "outliers"]),
    ):
        found, again = (numbers(simulated_residuals, fit(command), 60, 3) for _ in range(2))
        pd.testing.assert_frame_equal(found.residuals, again.residuals)
        assert found.residuals["residual"].between(0, 1, inclusive="neither").all()
        assert found.fitted_label == label and found.tests.index.tolist() == tests
        assert (found.tests["p"] > 0.01).all() and found.tests["note"].str.startswith("conservative").all()
    censored = (table()["d"] == 0).to_numpy()
    assert found.residuals["residual"][censored].mean() > found.residuals["residual"][~censored].mean() + 0.2
    linear = numbers(simulated_residuals, fit(), 60, 3).residuals
    np.testing.assert_array_equal(linear["fitted"], fit().predict("xb"))
    assert np.corrcoef(linear["residual"], table()["y"] - linear["fitted"])[0, 1] > 0.9


# --------------------------------------------------------------------------------------------------------- the pictures


def test_picture_of_effects():
    axes = fit().plot.effects()
    assert [one.get_title() for one in axes] == ["x", "_cons"] and axes[0].get_ylabel() == "s>g"
    names = [text.get_text() for text in axes[1].get_yticklabels()]
    order = numbers(caterpillar, fit(), effect="_cons").sort_values("estimate")["group"]
    assert names == order.tolist()
    plain = fit().plot.effects("s", sort=False)
    assert [text.get_text() for text in plain.get_yticklabels()] == list("fedcba")
    away, inside = plain.collections[1], plain.collections[0]
    assert len(away.get_segments()) == numbers(caterpillar, fit(), "s")["away"].sum()
    assert len(inside.get_segments()) + len(away.get_segments()) == 6
    ordered = fit().plot.effects(sort="x")
    assert ordered[0].get_yticklabels() and not ordered[1].get_yticklabels()
    line = fit().plot.effects("s", most=3)
    assert not line.get_yticklabels() and "6 groups" in line.get_ylabel()
    given = plt.subplots()[1]
    assert fit().plot.effects("s", intervals=80.0, ax=given) is given and "80 %" in given.get_xlabel()


def test_picture_of_anscombe_residuals():
    """The suite's: the women's admissions of department 2 lie beyond 2."""
    data = datasets.load("admissions")
    axes = fit(ADMISSIONS).plot.residuals("anscombe", against="department", by="female", label=2.0, names="department")
    residual = fit(ADMISSIONS).predict("anscombe")
    beyond = data["department"][np.abs(residual) > 2].astype(str)
    assert {text.get_text() for text in axes.texts} == set(beyond) and "2" in set(beyond)
    second = (data["department"] == 2) & (data["female"] == 1)
    women = next(line for line in axes.lines if line.get_label() == "1")
    (value,) = residual[second]
    assert value > 2 and value in women.get_ydata()
    assert axes.get_xlabel() == "department" and axes.get_ylabel() == "Anscombe residuals"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["0", "1"]
    markers = {line.get_marker() for line in axes.lines if line.get_label() in ("0", "1")}
    levels = {float(line.get_ydata()[0]) for line in axes.lines if len(line.get_xdata()) == 2}
    assert len(markers) == 2 and levels == {-2.0, 0.0, 2.0}
    assert not any(len(line.get_xdata()) > 46 for line in axes.lines)  # departments have no smooth curve
    data["gender"] = np.where(data["female"] == 1, "female", "male")
    axes = fit(ADMISSIONS).plot.residuals(against="department", by=data["gender"], label=3)
    assert len(axes.texts) == 3 and axes.get_legend().get_title().get_text() == "gender"


def test_pictures_of_residuals():
    axes = fit().plot.residuals(label=2)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Fitted values", "Standardised residuals")
    furthest = fit().predict("rstandard").abs().nlargest(2).index
    assert {text.get_text() for text in axes.texts} == set(furthest)
    given = plt.subplots()[1]
    assert fit().plot.residuals("residuals", against="x", smooth=False, ax=given) is given and len(given.lines) == 2
    curve = local_lines(table()["x"].to_numpy(), fit().predict("rstandard").to_numpy())
    drawn = fit().plot.residuals(against="x").lines[-1]
    np.testing.assert_allclose(drawn.get_ydata(), curve["smooth"])
    drawn = fit().plot.residuals(against=np.tile(np.arange(12), 8)).lines[-1]
    np.testing.assert_array_equal(drawn.get_xdata(), np.arange(12))
    means = fit().predict("rstandard").to_numpy().reshape(8, 12).mean(axis=0)
    np.testing.assert_allclose(drawn.get_ydata(), means, atol=1e-12)
    texts = [text.get_text() for text in fit().plot.residuals(against="s").get_xticklabels()]
    assert texts == list("abcdef")


def test_picture_of_many_residuals_is_a_density():
    rng = np.random.default_rng(0)
    many = pd.DataFrame({"g": rng.integers(0, 20, 6000), "x": rng.normal(size=6000)})
    many["y"] = many["x"] + rng.normal(size=20)[many["g"]] + rng.normal(size=6000)
    found = me.mixed("y x || g:", many, nolog=True)
    axes = found.plot.residuals(by=many["g"] > 9)
    assert axes.collections[0].get_array().size > 100
    assert sum(len(line.get_xdata()) > 2 for line in axes.lines) == 2  # a curve for each category
    assert max(len(line.get_xdata()) for line in found.plot.residuals(against="g").lines) == 6000
    assert found.plot.check(20)[1].collections and len(found.plot.qq().lines[1].get_xdata()) <= 3000


def test_pictures_of_quantiles():
    axes = fit().plot.qq()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Normal quantiles", "Standardised residuals")
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), np.sort(fit().predict("rstandard")))
    assert len(axes.collections) == 1
    assert fit(ADMISSIONS).plot.qq().get_ylabel() == "Anscombe residuals"
    assert [one.get_title() for one in fit().plot.qq("effects")] == ["s>g: x", "s>g: _cons"]
    single = fit().plot.qq("effects", level="s", ax=plt.subplots()[1])
    assert len(single.lines[1].get_xdata()) == 6


def test_pictures_of_checks():
    axes = fit().plot.check(40)
    assert axes.shape == (2,) and "ranks" in axes[1].get_xlabel()
    assert "uniformity: p = " in axes[0].texts[0].get_text()
    assert "conservative: parameters estimated from these data" in axes[0].texts[0].get_text().replace("\n", " ")
    given = plt.subplots(1, 2)[1]
    assert fit().plot.check(40, against="g", ax=given)[1] is given[1]
    assert [text.get_text() for text in given[1].get_xticklabels()] == ["10", "20", "30", "40"]
    assert orange().plot.check(40)[1].get_xlabel().startswith("Fitted values")


NOTHING, HALF = np.full(96, np.nan), np.where(np.arange(96) < 48, np.nan, 1.0)
REFUSED = {
    "level": (NESTED, lambda p: p.effects("school"), "is no level of this model; levels are s, s>g"),
    "effect": (NESTED, lambda p: p.effects(effect="z"), "is no random effect of this level; there are x, _cons"),
    "order": (NESTED, lambda p: p.effects(sort="z"), "`sort='z'` is none of the effects shown, x, _cons"),
    "percentage": (NESTED, lambda p: p.effects(intervals=1000), "a percentage between 0 and 100"),
    "panels": (NESTED, lambda p: p.effects(ax=plt.subplots()[1]), "the picture has 2 panels and `ax` 1"),
    "column": (NESTED, lambda p: p.residuals(against="z"), r"no column that the model uses; .*against=df\['z'\]"),
    "lengths": (NESTED, lambda p: p.residuals(by=[1, 2]), "`by` has 2 values; one for each of the 96 rows"),
    "residuals of times": (SURVIVAL, lambda p: p.residuals(), "is known only in part; `plot.check"),
    "what": (NESTED, lambda p: p.qq("y"), '`what=\'y\'` is unknown; it is "residuals" or "effects"'),
    "groups": (NESTED, lambda p: p.fitted(groups=[]), "`groups` is empty; name one group at least"),
    "no grouping variable": (NESTED, lambda p: p.fitted(by=3), "`by=3` is no grouping variable; there are s, g"),
    "missing": (NESTED, lambda p: p.residuals(against=NOTHING), "all values of `against` are missing"),
    "missing categories": (NESTED, lambda p: p.residuals(by=NOTHING), "all values of `by` are missing"),
    "never both": (NESTED, lambda p: p.residuals(against=HALF, by=HALF[::-1]), "in no row is everything known"),
    "infinite": (NESTED, lambda p: p.residuals(against=np.full(96, np.inf)), "`against` has infinite values"),
    "missing in a check": (NESTED, lambda p: p.check(20, against=NOTHING), "all values of `against` are missing"),
    "residuals": (NESTED, lambda p: p.residuals("nope"), "no residuals 'nope' .* known are rstandard, residuals"),
    "residuals of counts": (ADMISSIONS, lambda p: p.residuals("person"), "did you mean `pearson`?"),
    "label": (NESTED, lambda p: p.residuals(label="x"), "`label` is how many points to name, .*; got 'x'"),
    "negative label": (NESTED, lambda p: p.residuals(label=-1), "`label` is how many points to name"),
    "missing label": (NESTED, lambda p: p.residuals(label=np.nan), "`label` is how many points to name"),
    "most": (NESTED, lambda p: p.effects(most=-1), "`most` is the number of groups that are named"),
    "kind of effects": (NESTED, lambda p: p.qq("effects", kind="nope"), "`kind='nope'` says nothing about effects"),
    "level of residuals": (NESTED, lambda p: p.qq(level="s"), "`level='s'` says nothing about residuals"),
    "at": (SURVIVAL, lambda p: p.survival(3), "`at` maps covariates to values, .*; got 3"),
    "missing at": (SURVIVAL, lambda p: p.survival({"x": np.nan}), "`at` gives a missing value of `x`, nan"),
    "no values": (SURVIVAL, lambda p: p.survival(over={"x": []}), "`over` gives no value of `x`"),
    "text": (SURVIVAL, lambda p: p.hazard(over={"x": [1, "x"]}), "the value 'x'; `x` takes finite numbers"),
    "negative seed": (NESTED, lambda p: p.check(seed=-1), "plot.check: `seed` is a whole number from 0 on; got -1"),
    "seed": (NESTED, lambda p: p.check(seed="a"), "plot.check: `seed` is a whole number from 0 on; got 'a'"),
    "samples": (NESTED, lambda p: p.check(5), "at least 20; got 5"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    command, call, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        call(fit(command).plot)


@pytest.mark.parametrize("ax", [3, "x", [1, 2], "figure", "several"])
def test_what_are_no_axes(ax):
    given = {"figure": plt.figure, "several": lambda: plt.subplots(1, 2)[1]}.get(str(ax), lambda: ax)()
    several = str(ax) == "several"
    words = "the picture has one panel, and `ax` holds 2" if isinstance(ax, list) or several else "axes of matplotlib"
    with pytest.raises(TypeError, match=words):
        fit().plot.residuals(ax=given)
    if not several:
        with pytest.raises(TypeError, match="axes of matplotlib"):
            fit().plot.effects(ax=given)


def test_categories_that_the_sample_does_not_have():
    _, encoding = read(parse("mixed y i.h x || s:"), table())
    assert values_over(encoding, {"h": (3, np.int64(4))}) == ("h", [3, 4])
    with pytest.raises(
        ValueError, match="`over` gives `h` the value 9, which the sample does not have; its values are"
    ):
        values_over(encoding, {"h": np.array([1, 9])})
