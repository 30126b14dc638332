"""Bootstraps: each replicate is the ordinary fit to the same response, or to the same resample of clusters."""

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mejax import me
from mejax.frame import read
from mejax.likelihoods import family
from mejax.results import Fit
from mejax.syntax import parse

GROUPS, SIZE, SEED = 40, 5, 3
ROWS = GROUPS * SIZE


def make_table() -> pd.DataFrame:
    rng = np.random.default_rng(12)
    out = pd.DataFrame({"g": np.repeat(np.arange(GROUPS), SIZE), "h": np.tile(np.arange(8), ROWS // 8)})
    out["x"], (own, slope) = rng.normal(size=ROWS), rng.normal(size=(2, GROUPS))[:, out["g"]]
    out["y"] = 1 + (0.5 + slope) * out["x"] + own + 0.8 * rng.normal(size=8)[out["h"]] + rng.normal(size=ROWS)
    return out


TABLE = make_table()


def make_small() -> pd.DataFrame:
    """Ten groups of six, for models whose integrals are computed."""
    rng = np.random.default_rng(4)
    out = pd.DataFrame({"g": np.repeat(np.arange(10), 6), "x": rng.normal(size=60), "n": rng.integers(3, 9, 60)})
    eta = 0.4 * out["x"] + 0.8 * rng.normal(size=10)[out["g"]]
    out["successes"] = rng.binomial(out["n"], 1 / (1 + np.exp(-eta)))
    out["rating"] = np.digitize(eta + rng.logistic(size=60), [-1.0, 0.6]) + 1
    out["hours"] = np.maximum(eta + rng.normal(size=60), -0.5)
    out["time"], out["low"] = np.exp(-0.3 * eta) * rng.exponential(size=60), out["hours"]
    out["high"] = out["hours"] + np.arange(60) % 3
    out["grown"] = 5 * np.exp(0.3 * out["x"]) + rng.normal(size=10)[out["g"]] + 0.3 * rng.normal(size=60)
    return out


SMALL = make_small()
FITS = {
    "linear": (me.mixed, "y x || g: x, covariance(unstructured)", {"reml": True}, "y"),
    "crossed": (me.mixed, "y x || _all: R.h || g:", {}, "y"),
    "binomial": (me.melogit, "successes x || g:", {"binomial": "n"}, "successes"),
    "ordinal": (me.meologit, "rating x || g:", {}, "rating"),
    "tobit": (me.metobit, "hours x || g:", {"ll": -0.5}, "hours"),
    "nonlinear": (me.menl, "grown = {a=5}*exp({b=0.3}*x) + {U[g]}", {}, "grown"),
}


@pytest.fixture(scope="module", autouse=True)
def small_programs():
    """A program takes sixteen replicates, so that few do not cost as much as many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mejax.fitting.replicates._MOST", 16)
        yield


def refit(name: str, table: pd.DataFrame | None = None) -> Any:
    command, text, options, _ = FITS[name]
    usual = TABLE if name in ("linear", "crossed") else SMALL
    return command(text, usual if table is None else table, nolog=True, **options)


fitted = functools.cache(refit)


@functools.cache
def replicates(name: str, n: int = 3, kind: str = "parametric") -> Any:
    return fitted(name).bootstrap(n, kind=kind, seed=SEED)


@pytest.mark.parametrize("name", FITS)
def test_each_replicate_is_a_fit_to_the_same_draw(name):
    """`simulate` gives the draws."""
    n = 200 if name == "linear" else 3
    found, response = replicates(name, n), FITS[name][3]
    assert found.failed == 0 and list(found.replicates.index) == list(range(n))
    draws = fitted(name).simulate(3, seed=SEED)
    table = TABLE if name in ("linear", "crossed") else SMALL
    for number in range(2 if name == "nonlinear" else 3):
        alone = refit(name, table.assign(**{response: draws[f"sim{number + 1}"]}))
        row = found.replicates.loc[number]
        assert list(row.index) == list(alone.params.index)
        np.testing.assert_allclose(row, alone.params, rtol=1e-6, atol=1e-6 * alone.bse.min())
    np.testing.assert_array_equal(found.observed, fitted(name).params)


@pytest.mark.parametrize("name", ["linear", "binomial"])
def test_each_replicate_is_a_fit_to_the_same_clusters(name):
    """Groups drawn twice are two groups."""
    found = replicates(name, kind="cluster")
    table = TABLE if name == "linear" else SMALL
    size = len(np.unique(table["g"]))
    counts = np.random.default_rng(SEED).multinomial(size, np.full(size, 1 / size), size=3)
    for number, count in enumerate(counts):
        drawn = np.repeat(np.arange(size), count)
        parts = [table[table["g"] == g].assign(g=new) for new, g in enumerate(drawn)]
        alone = refit(name, pd.concat(parts, ignore_index=True))
        np.testing.assert_allclose(found.replicates.loc[number], alone.params, rtol=1e-6, atol=1e-6 * alone.bse.min())


def test_seeds():
    again, other = (fitted("linear").bootstrap(5, seed=seed).replicates for seed in (SEED, SEED + 1))
    np.testing.assert_allclose(again, replicates("linear", 200).replicates.iloc[:5], rtol=1e-9)
    assert np.all(np.abs(other - again) > 1e-9)
    clusters = [fitted("linear").bootstrap(3, kind="cluster", seed=seed).replicates for seed in (SEED, SEED + 1)]
    np.testing.assert_allclose(clusters[0], replicates("linear", kind="cluster").replicates, rtol=1e-12)
    assert np.all(np.abs(clusters[1] - clusters[0]) > 1e-9)


def test_blocks_continue_the_draws(monkeypatch):
    """Replicates are run some at a time, whatever their kind."""
    monkeypatch.setattr("mejax.post.resampling.bootstrap.BLOCK", 2)
    for kind, n in (("parametric", 200), ("cluster", 3)):
        parted = fitted("linear").bootstrap(3, kind=kind, seed=SEED).replicates
        np.testing.assert_allclose(parted, replicates("linear", n, kind).replicates.iloc[:3], rtol=1e-9)


def test_standard_errors_are_near_those_of_the_fit():
    found, fit = replicates("linear", 200), fitted("linear")
    np.testing.assert_allclose(found.bse, fit.bse, rtol=0.25)
    assert np.all(np.abs(found.bias) < 0.3 * fit.bse)
    np.testing.assert_allclose(found.cov(), np.cov(found.replicates.to_numpy().T))


def test_resampled_clusters_are_near_robust_errors():
    robust = me.mixed("y x || g: x, covariance(unstructured)", TABLE, vce="robust", nolog=True)
    found = fitted("linear").bootstrap(200, kind="cluster", seed=1)
    assert found.failed == 0
    np.testing.assert_allclose(found.bse.iloc[:2], robust.bse.iloc[:2], rtol=0.2)


# intervals


def test_intervals():
    found, label = replicates("linear", 200), "g:var(_cons)"
    values, observed = found.replicates[label].to_numpy(), found.observed[label]
    low, high = np.quantile(values, [0.025, 0.975])
    np.testing.assert_allclose(found.conf_int().loc[label], [low, high])
    np.testing.assert_allclose(found.conf_int("basic").loc[label], [2 * observed - high, 2 * observed - low])
    half = 1.959963984540054 * values.std(ddof=1)
    np.testing.assert_allclose(found.conf_int("normal").loc[label], [observed - half, observed + half])
    np.testing.assert_allclose(found.conf_int(level=80).loc[label], np.quantile(values, [0.1, 0.9]))
    table = found.table
    assert list(table.columns) == ["observed", "bias", "se", "lower", "upper"]
    np.testing.assert_allclose(table.loc[label], [observed, values.mean() - observed, values.std(ddof=1), low, high])
    with pytest.raises(ValueError, match="there is no interval `bca`; kinds are percentile, basic, normal, bc"):
        found.conf_int("bca")


def test_bias_corrected_percentiles():
    """By hand: 6 of 10 values below leave z0 = Phi^-1(.6); percentiles Phi(2 z0 -+ 1.96)."""
    from scipy.stats import norm

    found = fitted("linear").bootstrap(10, seed=SEED, statistic=lambda p: p["x"])
    values = found.replicates["statistic"].to_numpy()
    share = np.mean(values < found.observed["statistic"])
    limits = norm.cdf(2 * norm.ppf(share) + np.array([-1, 1]) * norm.ppf(0.975))
    np.testing.assert_allclose(found.conf_int("bc").loc["statistic"], np.quantile(values, limits))


def test_a_statistic():
    ratio = lambda p: p["g:var(_cons)"] / (p["g:var(_cons)"] + p["var(Residual)"])
    several = fitted("linear").bootstrap(4, seed=SEED, statistic=lambda p: {"icc": ratio(p), "twice": 2 * p["x"]})
    assert list(several.replicates.columns) == ["icc", "twice"] == list(several.observed.index)
    whole = replicates("linear", 200).replicates.iloc[:4]
    np.testing.assert_allclose(several.replicates["icc"], ratio(whole), rtol=1e-9)
    assert several.observed["twice"] == 2 * fitted("linear").params["x"]


# what may go wrong


def test_failures_are_counted_and_left_out(monkeypatch):
    from mejax.fitting import replicates as module

    usual = module.maximise_many

    def one_fails(*arguments: Any) -> Any:
        many = usual(*arguments)
        many.converged[[1, 3]] = False
        return many

    monkeypatch.setattr(module, "maximise_many", one_fails)
    found = fitted("linear").bootstrap(5, seed=SEED)
    assert found.failed == 2 and list(found.replicates.index) == [0, 2, 4]
    assert "Note: 3 replicates, parametric; percentile intervals." in str(found)
    assert "Note: 2 more did not converge and are left out." in str(found)


def test_an_interruption_keeps_what_is_done(monkeypatch):
    from mejax.post.resampling import bootstrap as module

    usual, calls = module.fit_responses, []

    def second_is_stopped(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return usual(*arguments)

    monkeypatch.setattr(module, "fit_responses", second_is_stopped)
    monkeypatch.setattr(module, "BLOCK", 3)
    found = fitted("linear").bootstrap(9, seed=SEED)
    assert found.interrupted and len(found.replicates) == 3 and found.failed == 0
    calls[:] = [1]
    with pytest.raises(KeyboardInterrupt):
        fitted("linear").bootstrap(9, seed=SEED)


def altered(fit: Any, **changes: Any) -> Fit:
    return Fit(fit.spec, replace(fit.estimates, **changes), fit.encoding)


def test_refused():
    fit = fitted("linear")
    for n in (1, 2.5, True):
        with pytest.raises(ValueError, match="whole number of at least 2"):
            fit.bootstrap(n)
    with pytest.raises(ValueError, match="there is no `kind=wild`; kinds are parametric and cluster"):
        fit.bootstrap(5, kind="wild")
    with pytest.raises(ValueError, match='and this model has crossed effects; use kind="parametric"'):
        fitted("crossed").bootstrap(5, kind="cluster")
    with pytest.raises(ValueError, match="clusters of nonlinear models cannot be resampled yet"):
        fitted("nonlinear").bootstrap(5, kind="cluster")
    with pytest.raises(ValueError, match="the fit ended as `not_converged`"):
        altered(fit, status=type(fit.status)("not_converged")).bootstrap(5)
    weighted = Fit(fit.spec, fit.estimates, replace(fit.encoding, weight_kind="fweight"))
    with pytest.raises(ValueError, match="how weighted observations are to be drawn is not defined"):
        weighted.bootstrap(5)


def test_responses_that_cannot_be_observed_again():
    """Who would have been censored, and when, is not known: clusters are resampled instead."""
    fit = fitted("tobit")
    for text in ("meintreg low high x || g:", "mestreg x || g:, time(time) distribution(exponential)"):
        design, encoding = read(parse(text), SMALL)
        coding = encoding.response
        assert coding is not None
        model = replace(fit.model, family=family(coding.family, coding.link, **coding.details))
        unfitted = Fit(fit.spec, replace(fit.estimates, design=design, model=model), encoding)
        with pytest.raises(ValueError, match='cannot be drawn as it was observed: which values.*kind="cluster"'):
            unfitted.bootstrap(5)


# shown


def test_printed():
    text = str(replicates("linear", 200))
    assert text.strip().startswith("Bootstrap")
    assert "Note: 200 replicates, parametric; percentile intervals." in text
    assert "more did not converge" not in text and "<table" in replicates("linear", 200)._repr_html_()


def test_picture():
    pytest.importorskip("matplotlib").use("agg")
    from matplotlib import pyplot

    found = replicates("linear", 200)
    axes = found.plot("x")
    assert axes.get_xlabel() == "x" and sum(patch.get_height() for patch in axes.patches) == 200
    lines = [line.get_xdata()[0] for line in axes.lines]
    np.testing.assert_allclose(lines, [found.observed["x"], *found.conf_int().loc["x"]])
    _, own = pyplot.subplots()
    assert found.plot(ax=own) is own and own.get_xlabel() == "x"
    with pytest.raises(ValueError, match="there is no `z`; there are x, "):
        found.plot("z")
    pyplot.close("all")
