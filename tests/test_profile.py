"""Profile-likelihood intervals: against refits with the parameter held, lme4, Wald intervals of large data."""

import functools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from references import data
from scipy import stats

from mejax import me

# R 4.2.2, lme4 1.1-31: confint(profile(lmer(Reaction ~ Days + (Days | Subject), sleepstudy, REML = FALSE,
# control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5))), delta.cutoff = 1/32,
# devtol = 1e-7)): standard deviations and a correlation, which a spline through points of the curve interpolates.
LME4 = {
    "Subject:var(_cons)": (14.381384529, 37.716054646),
    "Subject:var(Days)": (3.801177284, 8.753391909),
    "var(Residual)": (22.898256515, 28.857999208),
    "Intercept": (237.680690144, 265.129519553),
    "Days": (7.358652049, 13.575919870),
}
QUANTILE = stats.chi2.ppf(0.95, 1)


@functools.cache
def sleep() -> Any:
    return me.mixed("Reaction ~ Days + (Days | Subject)", data("sleepstudy"), nolog=True)


@functools.cache
def profile() -> Any:
    return sleep().profile()


@functools.cache
def narrower() -> Any:
    return sleep().profile("Days", level=80)


@functools.cache
def small() -> pd.DataFrame:
    rng = np.random.default_rng(8)
    table = pd.DataFrame({"g": np.repeat(np.arange(25), 6), "x": rng.normal(size=150)})
    eta = 0.3 + 0.8 * table["x"] + 0.9 * rng.normal(size=25)[table["g"]]
    return table.assign(y=(rng.uniform(size=150) < 1 / (1 + np.exp(-eta))).astype(float))


@functools.cache
def logit() -> Any:
    return me.melogit("y x || g:", small(), intpoints=5, nolog=True)


def test_lme4_s_intervals_of_sleepstudy():
    found = profile().table
    for label, limits in LME4.items():
        squared = np.square(limits) if "var(" in label else limits
        np.testing.assert_allclose(found.loc[label, ["lower", "upper"]].astype(float), squared, rtol=1e-4)
    assert not profile().notes


@pytest.mark.parametrize("label", ["Days", "Subject:var(Days)", "Subject:cov(Days,_cons)"])
def test_the_statistic_at_the_ends_is_the_quantile(label):
    """Refitted with the parameter held there."""
    for side in ("lower", "upper"):
        limit = profile().table.loc[label, side]
        held = me.mixed(
            "Reaction ~ Days + (Days | Subject)", data("sleepstudy"), constraints={label: limit}, nolog=True
        )
        assert 2 * (sleep().llf - held.llf) == pytest.approx(QUANTILE, rel=1e-5)


def test_the_curve():
    """Its points have the signed root, rise with the parameter, and pass through zero at the estimate."""
    curves = profile().curves
    assert list(dict.fromkeys(curves["parameter"])) == list(sleep().params.index) == list(profile().table.index)
    for label, points in curves.groupby("parameter"):
        assert np.all(np.diff(points["value"]) > 0) and np.all(np.diff(points["zeta"]) > 0)
        assert points.loc[points["zeta"] == 0, "value"].item() == pytest.approx(sleep().params[label])
    point = curves[(curves["parameter"] == "Subject:var(Days)")].iloc[1]
    held = me.mixed(
        "Reaction ~ Days + (Days | Subject)", data("sleepstudy"), constraints={point["parameter"]: point["value"]},
        nolog=True,
    )  # fmt: skip
    assert point["zeta"] == pytest.approx(-np.sqrt(2 * (sleep().llf - held.llf)), rel=1e-6)


def test_another_level():
    found = narrower()
    assert found.level == 80 and list(found.table.index) == ["Days"]
    wide, narrow = profile().table.loc["Days"], found.table.loc["Days"]
    assert wide["lower"] < narrow["lower"] < narrow["estimate"] < narrow["upper"] < wide["upper"]


def test_restricted_likelihoods_have_variances_only():
    fit = me.mixed("Reaction ~ Days + (Days | Subject)", data("sleepstudy"), reml=True, nolog=True)
    found = fit.profile().table
    assert list(found.index) == list(fit.random.index)
    lower, upper = found.loc["Subject:var(_cons)", ["lower", "upper"]].to_numpy()
    for limit in (lower, upper):
        held = me.mixed("Reaction ~ Days + (Days | Subject)", data("sleepstudy"), reml=True,
                        constraints={"Subject:var(_cons)": limit}, nolog=True)  # fmt: skip
        assert 2 * (fit.llf - held.llf) == pytest.approx(QUANTILE, rel=1e-5)
    with pytest.raises(ValueError, match="restricted likelihoods with a coefficient held and free cannot be compared"):
        fit.profile("Days")


def test_wald_intervals_of_large_data():
    """The likelihood of 20,000 rows is a parabola near its maximum, in the logarithm of the variances."""
    rng = np.random.default_rng(6)
    g, x = np.repeat(np.arange(2000), 10), rng.normal(size=20_000)
    y = 1 + 0.5 * x + rng.normal(size=2000)[g] + 1.5 * rng.normal(size=20_000)
    fit = me.mixed("y x || g:", pd.DataFrame({"y": y, "x": x, "g": g}), nolog=True)
    found, wald = fit.profile().table, pd.concat([fit.fixed, fit.random])
    width = wald["se"].to_numpy()[:, None]
    np.testing.assert_allclose((found[["lower", "upper"]] - wald[["lower", "upper"]]) / width, 0, atol=0.02)
    np.testing.assert_allclose(found["estimate"], wald["estimate"])


def test_a_variance_that_could_be_zero():
    rng = np.random.default_rng(7)
    table = pd.DataFrame({"g": np.repeat(np.arange(12), 5), "x": rng.normal(size=60)})
    table["y"] = table["x"] + 0.3 * rng.normal(size=12)[table["g"]] + rng.normal(size=60)
    fit: Any = me.mixed("y x || g:", table, nolog=True)
    assert fit.lr_test.stat < QUANTILE  # zero is inside
    found = fit.profile("g:var(_cons)")
    estimate, lower, upper = found.table.to_numpy()[0]
    assert lower == 0 and upper > estimate > 0
    assert found.curves["value"].min() > 0 and not found.notes


def test_a_generalized_model():
    """Quadrature by 5 points; the variance's interval begins at zero, since the test against none says so."""
    fit = logit()
    found = fit.profile()
    assert list(found.table.index) == list(fit.params.index) and not found.notes
    ends = [("x", "lower"), ("g:var(_cons)", "upper")]
    for label, side in ends:
        held = me.melogit(
            "y x || g:", small(), intpoints=5, constraints={label: found.table.loc[label, side]}, nolog=True
        )
        assert 2 * (fit.llf - held.llf) == pytest.approx(QUANTILE, rel=1e-4), label
    assert fit.lr_test.stat < QUANTILE and found.table.loc["g:var(_cons)", "lower"] == 0


PRINTED = """\
Profile-likelihood intervals, 80 %

---------------------------------------------------
   Parameter |   Estimate        [conf.   interval]
-------------+-------------------------------------
        Days |   10.46729      8.497331    12.43724
---------------------------------------------------"""


def test_printed():
    assert str(narrower()) == PRINTED
    assert profile()._repr_html_().startswith("<table")


def test_pictures():
    pytest.importorskip("matplotlib").use("agg")
    from matplotlib import pyplot

    axes = profile().plot("Days")
    assert axes.get_xlabel() == "Days" and len(axes.lines) == 6
    xy = axes.lines[0].get_xydata()
    np.testing.assert_allclose(xy[:, 0], profile().curves.query("parameter == 'Days'")["value"])
    _, own = pyplot.subplots()
    assert profile().plot("Days", ax=own) is own
    panels = profile().plot()
    assert [panel.get_xlabel() for panel in panels] == list(profile().table.index)
    with pytest.raises(ValueError, match="`ax` takes one parameter, and there are 6"):
        profile().plot(ax=own)
    with pytest.raises(ValueError, match="`Weeks` was not profiled; "):
        profile().plot("Weeks")
    pyplot.close("all")


def test_refused():
    with pytest.raises(ValueError, match="there is no parameter `days`; did you mean `Days`"):
        sleep().profile("days")
    with pytest.raises(ValueError, match="there is no parameter `zzz`; parameters are Intercept"):
        sleep().profile(["zzz"])
    robust = me.mixed("Reaction ~ Days + (Days | Subject)", data("sleepstudy"), vce="robust", nolog=True)
    with pytest.raises(ValueError, match="robust standard errors is compared with no chi-squared"):
        robust.profile()
    held = me.mixed("Reaction ~ Days + (Days | Subject)", data("sleepstudy"), constraints={"Days": 10}, nolog=True)
    with pytest.raises(ValueError, match="`Days` has no standard error"):
        held.profile("Days")
    stopped = me.mixed("Reaction ~ Days + (Days | Subject)", data("sleepstudy"), iterate=0, nolog=True)
    with pytest.raises(ValueError, match="ended as `not_converged`, so that its log likelihood is no maximum"):
        stopped.profile()
