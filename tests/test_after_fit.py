"""Everything that can be asked of a fit: predictions, `estat`, tests, robust errors, new responses.

Predictions and standard errors are held against n x n matrices (`brute`), printed facts against the manual.
"""

import functools
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from brute import dense_of
from references import data, seed

from mejax import datasets, me

INTERCEPT = "weight week || id:"
INDEPENDENT = "weight week || id: week"
UNSTRUCTURED = "weight week || id: week, covariance(unstructured)"
NESTED = "y x || s: || g: x"


@functools.cache
def nested_table() -> pd.DataFrame:
    """90 rows under odd labels; six groups `s` of three `g` of five; g is numbered anew in each s, out of order."""
    rng = np.random.default_rng(8)
    s, g = np.repeat(np.arange(6), 15), np.tile(np.repeat([30, 10, 20], 5), 6)
    u, v, b = rng.normal(size=6), rng.normal(size=(6, 3)), rng.normal(size=(6, 3))
    out = pd.DataFrame({"s": np.array(list("dbface"))[s], "g": g, "x": rng.normal(size=90), "z": rng.normal(size=90)})
    where = s, g // 10 - 1
    out["y"] = 2 + out.x + 1.5 * u[s] + v[where] + 0.7 * b[where] * out.x + 0.8 * rng.normal(size=90)
    out["half"] = np.where(s < 3, "first", "second")
    out.index = pd.Index([f"r{k}" for k in range(90)])
    return out


@functools.cache
def pig(model: str, **options: Any) -> Any:
    return me.mixed(model, datasets.load("pig"), nolog=True, **options)


@functools.cache
def nested(model: str = NESTED, **options: Any) -> Any:
    return me.mixed(model, nested_table(), nolog=True, **options)


# ------------------------------------------------------------------------------------------------------- predictions


@functools.cache
def dense_effects(reml: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Best linear unbiased predictions for NESTED and their standard errors, a row per row of the table."""
    fit, table = nested(reml=reml), nested_table()
    dense, theta = dense_of(fit), fit.random["estimate"]
    inverse = np.linalg.inv(dense.covariance(theta))
    middle = inverse
    if reml:
        vx = inverse @ dense.x
        middle = inverse - vx @ np.linalg.solve(dense.x.T @ vx, vx.T)
    solved = inverse @ (dense.y - dense.x @ dense.gls(theta)[0])
    inner = table["s"] + table["g"].astype(str)
    modes, errors = {}, {}
    for label, key, z in (("s:_cons", table["s"], 1.0), ("g:x", inner, table["x"]), ("g:_cons", inner, 1.0)):
        variance = theta[label.replace(":", ":var(") + ")"]
        columns = (key.to_numpy()[:, None] == key.to_numpy()[None, :]) * np.broadcast_to(z, 90)[None, :]
        modes[label] = variance * columns @ solved
        errors[label] = np.sqrt(variance - variance**2 * np.einsum("ij,jk,ik->i", columns, middle, columns))
    return pd.DataFrame(modes, index=table.index), pd.DataFrame(errors, index=table.index)


@pytest.mark.parametrize("reml", [False, True])
def test_random_effects_and_their_standard_errors(reml):
    """reses: conditional on the coefficients under ML, of the whole prediction error under REML."""
    modes, errors = dense_effects(reml)
    pd.testing.assert_frame_equal(nested(reml=reml).predict("reffects"), modes, rtol=1e-8)
    pd.testing.assert_frame_equal(nested(reml=reml).predict("reses"), errors, rtol=1e-8)


def test_statistics_of_the_fixed_part_and_residuals():
    fit, table = nested(), nested_table()
    modes, _ = dense_effects(False)
    x = np.column_stack([table["x"], np.ones(90)])
    xb = pd.Series(x @ fit.fixed["estimate"].to_numpy(), table.index)
    fitted = xb + modes["s:_cons"] + modes["g:x"] * table["x"] + modes["g:_cons"]
    stdp = np.sqrt(np.einsum("ij,jk,ik->i", x, fit.cov_params().iloc[:2, :2], x))
    for statistic, expected in {
        "xb": xb,
        "stdp": pd.Series(stdp, table.index),
        "fitted": fitted,
        "residuals": table["y"] - fitted,
        "rstandard": (table["y"] - fitted) / np.sqrt(fit.random.loc["var(Residual)", "estimate"]),
    }.items():
        pd.testing.assert_series_equal(fit.predict(statistic), expected.rename(statistic), rtol=1e-8)
    pd.testing.assert_series_equal(fit.predict(), fit.predict("xb"))
    pd.testing.assert_series_equal(fit.fittedvalues, fit.predict("fitted"))
    pd.testing.assert_series_equal(fit.resid, fit.predict("residuals"))


def test_levels_can_be_left_out():
    fit = nested()
    modes, _ = dense_effects(False)
    upper = fit.predict("fitted", relevel="s")
    np.testing.assert_allclose(upper, fit.predict("xb") + modes["s:_cons"], rtol=1e-8)
    np.testing.assert_allclose(fit.predict("residuals", relevel="s"), nested_table()["y"] - upper, rtol=1e-8)
    for name in ("g", "s>g"):
        assert list(fit.predict("reffects", relevel=name).columns) == ["g:x", "g:_cons"]
        pd.testing.assert_series_equal(fit.predict("fitted", relevel=name), fit.predict("fitted"))
    assert list(fit.predict("reses", relevel="s").columns) == ["s:_cons"]


def test_the_same_rows_as_new_data():
    fit = nested()
    shuffled = nested_table().sample(frac=1, random_state=0)
    for statistic in ("xb", "stdp", "fitted"):
        pd.testing.assert_series_equal(
            fit.predict(statistic, shuffled), fit.predict(statistic).loc[shuffled.index], rtol=1e-12
        )
    for statistic in ("reffects", "reses"):
        pd.testing.assert_frame_equal(
            fit.predict(statistic, shuffled), fit.predict(statistic).loc[shuffled.index], rtol=1e-12
        )


def test_new_groups_have_effects_of_zero_and_their_prior_standard_deviations():
    fit = nested()
    new = pd.DataFrame({"s": ["d", "d", "new"], "g": [30, 99, 30], "x": [0.5, 0.5, 0.5]}, index=[7, 8, 9])
    known = nested_table().query("s == 'd' and g == 30").index[0]
    modes = fit.predict("reffects").loc[known].to_numpy()
    found = fit.predict("reffects", new)
    np.testing.assert_allclose(found, [modes, [modes[0], 0, 0], [0, 0, 0]], rtol=1e-12)
    prior = np.sqrt(fit.random["estimate"].to_numpy()[:3])
    conditional = fit.predict("reses").loc[known].to_numpy()
    np.testing.assert_allclose(
        fit.predict("reses", new), [conditional, [conditional[0], *prior[1:]], prior], rtol=1e-12
    )
    expected = fit.predict("xb", new) + found["s:_cons"] + 0.5 * found["g:x"] + found["g:_cons"]
    pd.testing.assert_series_equal(fit.predict("fitted", new), expected.rename("fitted"))
    assert list(expected.index) == [7, 8, 9]


def test_rows_outside_the_sample_are_missing():
    table = nested_table().copy()
    table.iloc[2, table.columns.get_loc("x")] = np.nan
    fit = me.mixed("y x if z < 1 || g: x", table, nolog=True)
    used = (table["x"].notna() & (table["z"] < 1)).to_numpy()
    assert fit.nobs == used.sum() and np.array_equal(fit.sample, used)
    for statistic in ("xb", "stdp", "fitted", "residuals", "rstandard", "reffects", "reses"):
        found = fit.predict(statistic)
        assert found.index.equals(table.index)
        assert np.array_equal(np.isfinite(found.to_numpy().reshape(90, -1)).all(axis=1), used)
    assert np.array_equal(np.isfinite(fit.simulate(1).to_numpy().ravel()), used)
    # on new data: wherever the covariates are there
    assert np.array_equal(fit.predict("fitted", table).notna(), table["x"].notna())


def test_offsets_are_part_of_predictions():
    fit = nested("y x || s:, offset(z)")
    without = me.mixed("d x || s:", nested_table().assign(d=nested_table()["y"] - nested_table()["z"]), nolog=True)
    np.testing.assert_allclose(fit.params, without.params, rtol=1e-9)
    np.testing.assert_allclose(fit.predict("xb"), without.predict("xb") + nested_table()["z"], rtol=1e-9)
    np.testing.assert_allclose(fit.predict("fitted") + fit.predict("residuals"), nested_table()["y"], rtol=1e-12)


def test_predictions_for_other_tables():
    polars = pytest.importorskip("polars")
    fit, table = nested(), nested_table()
    found = fit.predict("fitted", polars.from_pandas(table.reset_index(drop=True)))
    np.testing.assert_allclose(found, fit.predict("fitted"), rtol=1e-12)
    found = fit.predict("fitted", {name: table[name].to_numpy() for name in ("x", "s", "g")})
    np.testing.assert_allclose(found, fit.predict("fitted"), rtol=1e-12)


def test_effects_of_crossed_factors():
    fit = pig("weight week || _all: R.id || _all: R.week")
    effects = fit.predict("reffects")
    assert list(effects.columns) == ["_all:R.id", "_all:R.week"]
    fitted = fit.predict("xb") + effects.sum(axis=1)
    np.testing.assert_allclose(fit.fittedvalues, fitted, rtol=1e-12)
    assert (effects["_all:R.week"].groupby(datasets.load("pig")["week"]).nunique() == 1).all()
    assert abs(effects["_all:R.id"].groupby(datasets.load("pig")["id"]).first().sum()) < 1e-8


def test_effects_of_two_equations_of_one_level():
    fit = nested("y x || g: x || g:")
    expected = nested("y x || g: x")
    pd.testing.assert_frame_equal(fit.predict("reffects"), expected.predict("reffects"), rtol=1e-6)
    pd.testing.assert_series_equal(fit.fittedvalues, expected.fittedvalues, rtol=1e-6)


# ------------------------------------------------------------------------------------------------------------- estat


def test_groups():
    table = nested().estat.group().table
    assert table.index.tolist() == ["s", "g"]
    assert table.to_numpy().tolist() == [[6, 15, 15, 15], [18, 5, 5, 5]]
    assert "Grouping information" in str(nested().estat.group())
    pd.testing.assert_frame_equal(nested().estat.group().table, table)


def test_intraclass_correlations():
    fit = nested()
    top, slope, inner, residual = fit.random["estimate"]
    total = top + inner + residual
    shares = np.array([top, top + inner]) / total
    jacobian = np.array([[1 - shares[0], 0, -shares[0], -shares[0]], [1 - shares[1], 0, 1 - shares[1], -shares[1]]])
    vce = np.linalg.inv(dense_of(fit).information(fit.random["estimate"]))
    se = np.sqrt(np.diag(jacobian / total @ vce @ jacobian.T / total))
    half = 1.959963984540054 * se / (shares * (1 - shares))
    expected = [shares, se, *(1 / (1 + np.exp(-np.log(shares / (1 - shares)) + sign * half)) for sign in (1, -1))]
    table = fit.estat.icc().table
    assert table.index.tolist() == ["s", "g|s"]
    np.testing.assert_allclose(table.T, expected, rtol=1e-6)
    assert "Conditional intraclass correlation" in str(fit.estat.icc())
    narrow = fit.estat.icc(level=50).table
    assert (narrow["lower"] > table["lower"]).all() and (narrow["upper"] < table["upper"]).all()


def test_published_intraclass_correlation():
    """Productivity of the American states (Munnell 1990; Baltagi, Song and Jung 2001), as the manual prints it."""
    fit = me.mixed("gsp private emp hwy water other unemp || region: || state:", data("productivity"), nolog=True)
    table = fit.estat.icc().table
    assert table.index.tolist() == ["region", "state|region"]
    printed = np.array([0.159893, 0.127627, 0.0287143, 0.5506202])
    np.testing.assert_allclose(table.loc["region"], printed, rtol=1e-5)


def test_covariance_matrices():
    fit = pig(UNSTRUCTURED)
    week, cons, covariance, _ = fit.random["estimate"]
    found = fit.estat.recovariance()
    assert list(found) == ["id"] and list(found["id"].table.columns) == ["week", "_cons"]
    np.testing.assert_allclose(found["id"].table, [[week, covariance], [covariance, cons]], rtol=1e-12)
    r = covariance / np.sqrt(week * cons)
    np.testing.assert_allclose(fit.estat.recovariance(correlation=True)["id"].table, [[1, r], [r, 1]], rtol=1e-12)
    assert "Random-effects covariance matrix for level id" in str(found)
    two = nested().estat.recovariance()
    assert list(two) == ["s", "s>g"] and two["s>g"].table.shape == (2, 2)
    blocked = nested("y x || g: x || g:").estat.recovariance()["g"].table
    assert blocked.shape == (2, 2) and blocked.loc["x", "_cons"] == 0


def test_correlations_beside_a_variance_of_zero():
    fit = me.mixed("Yield || Batch:", data("dyestuff2"), nolog=True)
    assert fit.estat.recovariance(correlation=True)["Batch"].table.isna().all(axis=None)


def test_standard_deviations_and_correlations():
    fit = pig(UNSTRUCTURED)
    week, cons, covariance, residual = fit.random["estimate"]
    sd, r = np.sqrt([week, cons, residual]), covariance / np.sqrt(week * cons)
    vce = np.linalg.inv(dense_of(fit).information(fit.random["estimate"]))
    table = fit.estat.sd().table
    assert table.index.tolist() == ["id:sd(week)", "id:sd(_cons)", "id:corr(week,_cons)", "sd(Residual)"]
    np.testing.assert_allclose(table["estimate"], [*sd[:2], r, sd[2]], rtol=1e-12)
    slope = np.array([-r / (2 * week), -r / (2 * cons), 1 / np.sqrt(week * cons), 0])
    se = [*np.sqrt(np.diag(vce))[[0, 1]] / (2 * sd[:2]), np.sqrt(slope @ vce @ slope), np.sqrt(vce[3, 3]) / (2 * sd[2])]
    np.testing.assert_allclose(table["se"], se, rtol=1e-6)
    # intervals: logs for standard deviations, so the square roots of the variances' own; Fisher's z for correlations
    ends = fit.random.drop("id:cov(week,_cons)")[["lower", "upper"]]
    np.testing.assert_allclose(table.drop("id:corr(week,_cons)")[["lower", "upper"]], np.sqrt(ends), rtol=1e-9)
    half = 1.959963984540054 * se[2] / (1 - r**2)
    np.testing.assert_allclose(
        table.loc["id:corr(week,_cons)", ["lower", "upper"]],
        [np.tanh(np.arctanh(r) - half), np.tanh(np.arctanh(r) + half)],
        rtol=1e-6,
    )
    shown = str(me.mixed(UNSTRUCTURED + " stddeviations", datasets.load("pig"), nolog=True))
    assert "corr(week,_cons)" in shown and "sd(Residual)" in shown and "var(" not in shown


def test_information_criteria():
    fit = pig(UNSTRUCTURED)
    expected = [432, fit.llf, 6, -2 * fit.llf + 12, -2 * fit.llf + 6 * np.log(432)]
    np.testing.assert_allclose(fit.estat.ic().table.loc["model"], expected, rtol=1e-12)
    assert (fit.aic, fit.bic) == pytest.approx(tuple(expected[3:]), rel=1e-12)


def test_intraclass_correlations_need_nested_intercepts():
    with pytest.raises(ValueError, match="this model has crossed effects"):
        pig("weight week || _all: R.id || _all: R.week").estat.icc()
    with pytest.raises(ValueError, match="the model has no random intercept"):
        nested("y x || g: x, nocons").estat.icc()
    with pytest.raises(ValueError, match="not R. or _all"):
        nested("y x || _all: R.s").estat.icc()


# ------------------------------------------------------------------------------------------------------------- tests


def test_wald_tests():
    fit = pig(UNSTRUCTURED)
    one = fit.test("week = 6")
    row = fit.fixed.loc["week"]
    assert (one.df, one.chi2) == (1, pytest.approx(((row.estimate - 6) / row.se) ** 2, rel=1e-9))
    assert one.p == pytest.approx(scipy.stats.chi2.sf(one.chi2, 1), rel=1e-9)
    assert fit.test("week").chi2 == pytest.approx(row.z**2, rel=1e-9) == pytest.approx(fit.wald.chi2, rel=1e-9)
    b, vce = fit.fixed["estimate"].to_numpy() - [6, 20], fit.cov_params().iloc[:2, :2].to_numpy()
    both = fit.test("week = 6", "_cons = 20")
    assert (both.df, both.chi2) == (2, pytest.approx(b @ np.linalg.solve(vce, b), rel=1e-8))
    assert both.p == pytest.approx(scipy.stats.chi2.sf(both.chi2, 2), rel=1e-8)
    assert fit.test("week = 6", "2*week = 12", "_cons = 20").df == 2  # one says nothing new
    assert "( 1)  week = 6" in str(both) and "chi2(2)" in str(both)


def test_variance_components_can_be_tested_too():
    fit = pig(UNSTRUCTURED)
    row = fit.random.loc["id:cov(week,_cons)"]
    assert fit.test("id:cov(week,_cons)").chi2 == pytest.approx((row.estimate / row.se) ** 2, rel=1e-9)
    with pytest.raises(ValueError, match="has no standard error"):
        me.mixed("Yield || Batch:", data("dyestuff2"), nolog=True).test("Batch:var(_cons)")


def test_linear_combinations():
    fit = pig(UNSTRUCTURED)
    weights = np.array([2.0, 1.0])
    estimate = weights @ fit.fixed["estimate"] - 3
    se = np.sqrt(weights @ fit.cov_params().iloc[:2, :2] @ weights)
    for text in ("2*week + _cons - 3", "_cons + week*2 - 3", "_b[_cons] + 2*_b[week] - 3"):
        row = fit.lincom(text).table.loc["(1)"]
        assert (row.estimate, row.se) == (pytest.approx(estimate, rel=1e-12), pytest.approx(se, rel=1e-12))
    assert row.z == pytest.approx(estimate / se) and row.upper == pytest.approx(estimate + 1.959963984540054 * se)
    wide = fit.lincom("2*week + _cons - 3", level=99).table.loc["(1)"]
    assert wide.upper == pytest.approx(estimate + 2.5758293035489 * se)
    assert "99% conf." in str(fit.lincom("week", level=99))


def test_adding_one_variance():
    found = me.lrtest(pig(INTERCEPT), pig(INDEPENDENT))
    stat = 2 * (pig(INDEPENDENT).llf - pig(INTERCEPT).llf)
    assert (found.kind, found.df, found.conservative) == ("chibar2(01)", 1, False)
    assert found.stat == pytest.approx(stat, rel=1e-12)
    assert found.p == pytest.approx(0.5 * scipy.stats.chi2.sf(stat, 1), rel=1e-9)
    level = me.lrtest(nested("y x || s:"), nested("y x || s: || g:"))
    assert level.kind == "chibar2(01)"
    assert level.p == pytest.approx(0.5 * scipy.stats.chi2.sf(level.stat, 1), rel=1e-9)
    assert "Prob >= chibar2" in str(level)


def test_adding_a_slope_with_its_covariance_is_conservative():
    found = me.lrtest(pig(UNSTRUCTURED), pig(INTERCEPT))
    stat = 2 * (pig(UNSTRUCTURED).llf - pig(INTERCEPT).llf)
    assert (found.kind, found.df, found.conservative) == ("chi2(2)", 2, True)
    assert found.p == pytest.approx(scipy.stats.chi2.sf(stat, 2), rel=1e-6)
    assert "the test is conservative" in str(found)


def test_adding_coefficients():
    small, large = pig(INTERCEPT), pig("weight i.week || id:")
    found = me.lrtest(small, large)
    assert (found.kind, found.df, found.conservative) == ("chi2(7)", 7, False)
    assert found.p == pytest.approx(scipy.stats.chi2.sf(2 * (large.llf - small.llf), 7), rel=1e-9)
    both = me.lrtest(small, pig("weight c.week##c.week || id: week"))
    assert both.kind == "chibar2(1_2)"
    expected = 0.5 * (scipy.stats.chi2.sf(both.stat, 1) + scipy.stats.chi2.sf(both.stat, 2))
    assert both.p == pytest.approx(expected, rel=1e-9)


def test_the_test_in_the_output_is_that_against_least_squares():
    fit, table = pig(UNSTRUCTURED), datasets.load("pig")
    x = np.column_stack([table["week"], np.ones(432)])
    s = np.mean((table["weight"] - x @ np.linalg.lstsq(x, table["weight"], rcond=None)[0]) ** 2)
    assert fit.lr_test.stat == pytest.approx(2 * (fit.llf + 216 * (np.log(2 * np.pi * s) + 1)), rel=1e-10)
    assert fit.lr_test.p == pytest.approx(scipy.stats.chi2.sf(fit.lr_test.stat, 3), rel=1e-6)


@pytest.mark.parametrize(
    ("small", "large"),
    [
        (INDEPENDENT, UNSTRUCTURED),
        (INDEPENDENT + ", covariance(identity)", INDEPENDENT + ", covariance(exchangeable)"),
        (INDEPENDENT + ", covariance(identity)", INDEPENDENT),
        (INDEPENDENT + ", covariance(exchangeable)", UNSTRUCTURED),
    ],
)
def test_hypotheses_inside_the_parameter_space(small, large):
    """That a covariance is zero, or that two variances are equal, is no hypothesis about a boundary: chi2(1)."""
    found = me.lrtest(pig(small), pig(large))
    assert (found.kind, found.conservative) == ("chi2(1)", False)
    assert found.p == pytest.approx(scipy.stats.chi2.sf(found.stat, 1), rel=1e-9)


# ---------------------------------------------------------------------------------------------------- robust errors

ROBUST = {
    "slopes": (lambda vce: pig(UNSTRUCTURED, vce=vce), lambda: datasets.load("pig")["id"], "robust"),
    "nested": (lambda vce: nested(vce=vce), lambda: nested_table()["s"], "robust"),
    "clusters of groups": (lambda vce: nested(vce=vce), lambda: nested_table()["half"], "cluster half"),
}


@pytest.mark.parametrize("case", ROBUST)
def test_robust_standard_errors(case):
    """Blockwise sandwiches by dense matrices; nothing else of the fit changes."""
    fit_with, clusters, vce = ROBUST[case]
    plain, robust, keys = fit_with("oim"), fit_with(vce), clusters().to_numpy()
    fixed, random = dense_of(plain).sandwich(plain.random["estimate"], keys)
    assert robust.llf == plain.llf
    np.testing.assert_array_equal(robust.params, plain.params)
    count = len(plain.fixed)
    found = robust.cov_params().to_numpy()
    np.testing.assert_allclose(found[:count, :count], fixed, rtol=1e-6)
    np.testing.assert_allclose(found[count:, count:], random, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(robust.bse, np.sqrt(np.diag(found)), rtol=1e-12)
    assert robust.wald.chi2 == pytest.approx(robust.fixed.loc[robust.fixed.index[0], "z"] ** 2, rel=1e-9)
    text = str(robust)
    assert "Log pseudolikelihood" in text and "LR test" not in text and robust.lr_test is None
    name = vce.split()[-1] if "cluster" in vce else plain.groups.index[0]
    assert f"(Std. err. adjusted for {len(set(keys))} clusters in {name})" in text


# ------------------------------------------------------------------------------------------------------ new responses


def test_simulated_responses_repeat_with_their_seed():
    fit = nested()
    first = fit.simulate(3, seed=5)
    pd.testing.assert_frame_equal(first, fit.simulate(3, seed=5))
    assert list(first.columns) == ["sim1", "sim2", "sim3"] and first.index.equals(nested_table().index)
    assert not np.allclose(first, fit.simulate(3, seed=6))
    assert not np.allclose(first["sim1"], first["sim2"])


def test_simulated_responses_have_the_moments_of_the_model():
    fit, draws = nested(), 2000
    y = fit.simulate(draws, seed=1).to_numpy()
    v = dense_of(fit).covariance(fit.random["estimate"])
    mean = (y.mean(axis=1) - fit.predict("xb")) / np.sqrt(np.diag(v) / draws)
    assert np.max(np.abs(mean)) < 4
    spread = np.sqrt((np.outer(np.diag(v), np.diag(v)) + v**2) / draws)
    z = (np.cov(y) - v) / spread
    assert np.max(np.abs(z)) < 5 and 0.8 < np.sqrt(np.mean(z**2)) < 1.2


def test_refits_of_simulated_responses_recover_the_model():
    """Thirty fits by REML: every mean within four of its standard errors of the truth."""
    table = datasets.load("pig")
    truth = pig(UNSTRUCTURED, reml=True)
    draws = truth.simulate(30, seed=2)
    fits = [me.mixed(UNSTRUCTURED, table.assign(weight=draws[c]), reml=True, nolog=True) for c in draws]
    assert all(fit.converged for fit in fits)
    estimates = np.array([fit.params for fit in fits])
    z = (estimates.mean(axis=0) - truth.params) / (estimates.std(axis=0, ddof=1) / np.sqrt(30))
    assert np.max(np.abs(z)) < 4
    # and the standard errors printed are about the standard deviations seen
    ratio = np.mean([fit.bse for fit in fits], axis=0) / estimates.std(axis=0, ddof=1)
    assert np.all((0.6 < ratio) & (ratio < 1.6))


# --------------------------------------------------------------------------------------------------------- the object


def test_names_that_follow_statsmodels():
    fit = pig(UNSTRUCTURED)
    labels = ["week", "_cons", "id:var(week)", "id:var(_cons)", "id:cov(week,_cons)", "var(Residual)"]
    both = pd.concat([fit.fixed, fit.random])
    for series, column in ((fit.params, "estimate"), (fit.bse, "se"), (fit.tvalues, "z"), (fit.pvalues, "p")):
        assert series.index.tolist() == labels
        np.testing.assert_array_equal(series, both[column])
    vce = fit.cov_params()
    assert vce.index.tolist() == vce.columns.tolist() == labels
    np.testing.assert_allclose(np.sqrt(np.diag(vce)), fit.bse, rtol=1e-12)
    np.testing.assert_allclose(
        vce.iloc[2:, 2:], np.linalg.inv(dense_of(fit).information(fit.random.estimate)), rtol=1e-6
    )
    assert (vce.iloc[:2, 2:] == 0).all(axis=None)
    np.testing.assert_array_equal(fit.conf_int(), both[["lower", "upper"]])


def test_confidence_levels():
    fit, narrow = pig(UNSTRUCTURED), pig(UNSTRUCTURED + " level(90)")
    np.testing.assert_allclose(fit.conf_int(alpha=0.1), narrow.conf_int(), rtol=1e-12)
    assert (narrow.level, fit.level) == (90.0, 95.0)
    assert "[90% conf. interval]" in str(narrow) and "[95% conf. interval]" in str(fit)
    row = fit.random.loc["id:var(_cons)"]
    half = 1.6448536269514722 * row.se / row.estimate
    expected = [row.estimate * np.exp(-half), row.estimate * np.exp(half)]
    np.testing.assert_allclose(narrow.conf_int().loc["id:var(_cons)"], expected, rtol=1e-12)


def test_what_a_notebook_shows():
    fit = pig(UNSTRUCTURED)
    assert repr(fit) == str(fit) == str(fit.summary()) == repr(fit.summary())
    html = fit._repr_html_()
    assert html.count("<table") >= 2 and "6.209896" in html and "var(Residual)" in html
    for display in (fit.estat.icc(), fit.estat.sd(), fit.estat.group(), fit.estat.ic(), fit.lincom("week")):
        assert "<table" in display._repr_html_() and len(str(display)) > 40 and repr(display) == str(display)


def test_the_likelihood_is_public():
    fit = pig(UNSTRUCTURED)
    with jax.enable_x64(True):
        assert float(fit.model.loglik(fit.theta)) == pytest.approx(fit.llf, rel=1e-12)
        gradient = jax.grad(fit.model.loglik)(fit.theta)
        natural = np.asarray(fit.model.natural(fit.theta))
    assert max(float(np.max(np.abs(g), initial=0)) for g in jax.tree.leaves(gradient)) < 1e-3
    np.testing.assert_allclose(natural, fit.params, rtol=1e-9)
    np.testing.assert_allclose(fit.theta.fixed, fit.fixed["estimate"], rtol=1e-12)


def test_history_and_status():
    fit = pig(UNSTRUCTURED)
    assert fit.status == "converged" and fit.converged and fit.notes == () and not fit.reml
    assert fit.history["iteration"].tolist() == list(range(len(fit.history)))
    assert np.all(np.diff(fit.history["llf"]) > 0) and fit.history["llf"].iloc[-1] == pytest.approx(fit.llf, rel=1e-9)
    assert fit.ancillary.empty
    again = me.mixed(UNSTRUCTURED, datasets.load("pig"), start=fit.theta, nolog=True)
    assert len(again.history) <= 2 and again.llf == pytest.approx(fit.llf, rel=1e-13)


def test_em_steps_lead_to_the_same_maximum(capsys):
    fit = pig(UNSTRUCTURED)
    found = me.mixed(UNSTRUCTURED + " emiterate(5)", datasets.load("pig"))
    assert found.llf == pytest.approx(fit.llf, rel=1e-12)
    log = capsys.readouterr().out
    assert log.startswith("Performing EM optimization ...") and "Performing gradient-based optimization:" in log
    alone = pig(UNSTRUCTURED + " emonly")
    assert alone.status == "converged" and alone.llf == pytest.approx(fit.llf, abs=1e-4)


def test_frequency_weights_repeat_rows():
    table = nested_table().assign(w=np.tile([1, 2, 3], 30))
    weighted = me.mixed("y x [fweight=w] || s:", table, nolog=True)
    repeated = me.mixed("y x || s:", table.iloc[np.repeat(np.arange(90), table["w"])], nolog=True)
    assert weighted.llf == pytest.approx(repeated.llf, rel=1e-12) and weighted.nobs == repeated.nobs == 180
    np.testing.assert_allclose(weighted.params, repeated.params, rtol=1e-7)
    np.testing.assert_allclose(weighted.bse, repeated.bse, rtol=1e-6)
    assert weighted.estat.group().table.to_numpy().tolist() == repeated.estat.group().table.to_numpy().tolist()


def test_a_second_fit_of_the_same_shape_compiles_nothing(caplog):
    """Other numbers, other names of groups: the same programs."""
    table = datasets.load("pig")
    first = pig(UNSTRUCTURED)
    first.predict("fitted")
    other = table.assign(weight=table["weight"] + np.sin(np.arange(432)), id=table["id"] * 7 + 3)
    with jax.log_compiles(), caplog.at_level("WARNING"):
        fit = me.mixed(UNSTRUCTURED, other, nolog=True)
        fit.predict("fitted")
        str(fit)
    compiled = [record.getMessage() for record in caplog.records if "ompiling" in record.getMessage()]
    assert not compiled, compiled
    assert fit.llf != first.llf


def test_nothing_global_changes():
    x64 = jax.config.read("jax_enable_x64")
    pig(INTERCEPT).predict("fitted")
    assert jax.config.read("jax_enable_x64") == x64 and jax.numpy.zeros(1).dtype == np.float32


def test_seed_of_the_manual_is_the_reference():
    """The labels of the frames are those of the stored examples."""
    assert list(pig(UNSTRUCTURED).random.index) == list(seed("ex4")["random"])
