"""Everything that can be asked of a generalized fit.

Posteriors are held against sums over fine grids, residuals against their formulas, printed pages against the manual's.
"""

import functools
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.integrate
import scipy.optimize
import scipy.special
import scipy.stats
from tables_examples import EXAMPLES

from mejax import datasets, me
from mejax.__main__ import as_json
from mejax.tables import render

LOGIT = "melogit y x || g:"
ADMISSIONS = "melogit nadmitted female || department:, binomial(napplied) or"
ORDINAL = "meoprobit thk prethk cc##tv || school: || class:"
GROUPS, SIZE = 30, 12


@functools.cache
def table() -> pd.DataFrame:
    """30 groups of 12 under odd labels: a binary, a count, a positive and a continuous response."""
    rng = np.random.default_rng(11)
    g = np.repeat(np.arange(GROUPS), SIZE)
    u, x = rng.normal(size=GROUPS), rng.normal(size=GROUPS * SIZE)
    eta = 0.3 + 0.8 * x + 1.2 * u[g]
    out = pd.DataFrame({"g": rng.permutation(1000)[:GROUPS][g], "x": x, "z": rng.uniform(1, 4, len(g))})
    out["s"] = np.array(list("qrstuv"))[g // 5]
    out["y"] = (rng.uniform(size=len(g)) < 1 / (1 + np.exp(-eta))).astype(float)
    out["count"] = rng.poisson(np.exp(0.5 * eta) * rng.gamma(3.0, 1 / 3, len(g))).astype(float)
    out["positive"] = rng.gamma(4.0, np.exp(0.5 * eta) / 4)
    out["level"] = eta + rng.normal(size=len(g))
    out["grade"] = pd.Categorical.from_codes(np.digitize(out["level"], [-1.0, 1.0]), ["low", "mid", "high"], True)
    out.index = pd.Index([f"r{k}" for k in range(len(g))])
    return out


@functools.cache
def fit(command: str = LOGIT, **options: Any) -> Any:
    return me.run(command, table(), nolog=True, **options)


@functools.cache
def example(command: str, name: str, **options: Any) -> Any:
    return me.run(command, datasets.load(name), nolog=True, **options)


def logistic(eta):
    return 1 / (1 + np.exp(-eta))


# -------------------------------------------------------------------------------------------------------- predictions


@functools.cache
def exact_posterior() -> pd.DataFrame:
    """Means, standard deviations, modes and curvatures of the random intercepts of LOGIT, by brute force."""
    found = fit(intpoints=25)
    xb = found.predict("xb")
    variance = found.random.loc["g:var(_cons)", "estimate"]
    grid = np.linspace(-12, 12, 48001)
    rows = {}
    for name, part in table().groupby("g"):
        eta = xb[part.index].to_numpy()
        y = part["y"].to_numpy()

        def log_density(u, eta=eta, y=y):
            at = eta[:, None] + u
            return (y[:, None] * at - np.logaddexp(0, at)).sum(axis=0) - u**2 / (2 * variance)

        weight = log_density(grid)
        weight = np.exp(weight - weight.max())
        weight /= weight.sum()
        mean = weight @ grid
        mode = scipy.optimize.brentq(
            lambda u, eta=eta, y=y: (y - logistic(eta + u)).sum() - u / variance, -12, 12, xtol=1e-13
        )
        p = logistic(eta + mode)
        curvature = (p * (1 - p)).sum() + 1 / variance
        rows[name] = [mean, np.sqrt(weight @ (grid - mean) ** 2), mode, 1 / np.sqrt(curvature)]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=["mean", "sd", "mode", "curved"])
    return frame.loc[table()["g"]].set_index(table().index)


def test_random_effects_and_their_standard_errors():
    found, exact = fit(intpoints=25), exact_posterior()
    for statistic, conditional, column in (
        ("reffects", None, "mean"),
        ("reses", None, "sd"),
        ("reffects", "ebmeans", "mean"),
        ("reffects", "ebmodes", "mode"),
        ("reses", "ebmodes", "curved"),
    ):
        frame = found.predict(statistic, conditional=conditional)
        assert list(frame.columns) == ["g:_cons"] and frame.index.equals(table().index)
        np.testing.assert_allclose(frame["g:_cons"], exact[column], rtol=1e-5, atol=1e-6)


def test_linear_predictors_and_means():
    found, exact = fit(intpoints=25), exact_posterior()
    x = np.column_stack([table()["x"], np.ones(len(table()))])
    xb = x @ found.fixed["estimate"].to_numpy()
    np.testing.assert_allclose(found.predict("xb"), xb, rtol=1e-12)
    stdp = np.sqrt(np.einsum("ij,jk,ik->i", x, found.cov_params().iloc[:2, :2], x))
    np.testing.assert_allclose(found.predict("stdp"), stdp, rtol=1e-10)
    for conditional, u in ((None, exact["mean"]), ("ebmodes", exact["mode"]), ("fixedonly", 0.0)):
        eta = found.predict("eta", conditional=conditional)
        np.testing.assert_allclose(eta, xb + u, rtol=1e-5, atol=1e-6)
        for statistic in ("mu", "pr"):
            np.testing.assert_allclose(found.predict(statistic, conditional=conditional), logistic(eta), rtol=1e-10)
        assert found.predict(statistic, conditional=conditional).name == statistic
        y = table()["y"].to_numpy()
        density = np.where(y == 1, logistic(eta), 1 - logistic(eta))
        np.testing.assert_allclose(found.predict("density", conditional=conditional), density, rtol=1e-10)
    pd.testing.assert_series_equal(found.predict(), found.predict("mu"))
    pd.testing.assert_series_equal(found.fittedvalues, found.predict("mu"))
    pd.testing.assert_series_equal(found.resid, found.predict("residuals"))
    np.testing.assert_allclose(found.predict("pr", outcome=0), 1 - found.predict("pr", outcome=1), rtol=1e-12)


@pytest.mark.parametrize("command", ["melogit", "meprobit", "mecloglog"])
def test_marginal_probabilities(command):
    """Integrals over the random effects by adaptive quadrature; probit's has a closed form."""
    found = fit(f"{command} y x || g: x")
    means = {"melogit": logistic, "meprobit": scipy.stats.norm.cdf, "mecloglog": lambda eta: -np.expm1(-np.exp(eta))}
    slope, intercept = found.random["estimate"]
    rows = [0, 100, 200]
    xb, x = found.predict("xb").iloc[rows].to_numpy(), table()["x"].iloc[rows].to_numpy()
    sd = np.sqrt(slope * x**2 + intercept)
    expected = [
        scipy.integrate.quad(
            lambda z, m=m, s=s: means[command](m + s * z) * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
            -9, 9, epsabs=1e-13, epsrel=1e-12, limit=200,
        )[0]
        for m, s in zip(xb, sd, strict=True)
    ]  # fmt: skip
    np.testing.assert_allclose(found.predict("mu", marginal=True).iloc[rows], expected, rtol=1e-9)
    if command == "meprobit":
        np.testing.assert_allclose(expected, scipy.stats.norm.cdf(xb / np.sqrt(1 + sd**2)), rtol=1e-9)


def test_marginal_rates():
    found = fit("mepoisson count x || g:, exposure(z)")
    variance = found.random.loc["g:var(_cons)", "estimate"]
    np.testing.assert_allclose(
        found.predict("mu", marginal=True), np.exp(found.predict("xb") + variance / 2), rtol=1e-9
    )
    np.testing.assert_allclose(
        found.predict("mu", marginal=True, offset=False) * table()["z"], found.predict("mu", marginal=True), rtol=1e-9
    )


def test_marginal_probabilities_of_categories():
    found = fit("meologit grade x || g:")
    frame = found.predict(marginal=True)
    assert list(frame.columns) == ["low", "mid", "high"]
    np.testing.assert_allclose(frame.sum(axis=1), 1.0, rtol=1e-10)
    pd.testing.assert_series_equal(found.predict("pr", outcome="mid", marginal=True), frame["mid"].rename("pr"))
    shares = [(table()["grade"] == grade).mean() for grade in frame.columns]
    np.testing.assert_allclose(frame.mean(), shares, atol=0.05)


@pytest.mark.parametrize("command", [LOGIT, "mepoisson count x || g:", "menbreg count x || g:"])
def test_pearson_residuals(command):
    found = fit(command)
    y = table()[command.split()[1]]
    mu = found.predict("mu")
    alpha = np.exp(found.ancillary.loc["/lnalpha", "estimate"]) if "menbreg" in command else 0.0
    variance = mu * (1 - mu) if command == LOGIT else mu * (1 + alpha * mu)
    np.testing.assert_allclose(found.predict("residuals"), y - mu, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.predict("pearson"), (y - mu) / np.sqrt(variance), rtol=1e-9, atol=1e-12)


def test_residuals_of_counts_out_of_trials():
    """Deviance and Anscombe residuals, the latter as the integral of V^(-1/3) from mu to y over V^(1/6)."""
    found, data = example(ADMISSIONS, "admissions"), datasets.load("admissions")
    y, r = data["nadmitted"].to_numpy(float), data["napplied"].to_numpy(float)
    mu = found.predict("mu").to_numpy()
    np.testing.assert_allclose(found.predict("pr"), mu / r, rtol=1e-12)
    unit = 2 * (scipy.special.xlogy(y, y / mu) + scipy.special.xlogy(r - y, (r - y) / (r - mu)))
    np.testing.assert_allclose(found.predict("deviance"), np.sign(y - mu) * np.sqrt(unit), rtol=1e-8)
    for k in range(0, len(y), 7):
        area = scipy.integrate.quad(lambda m, k=k: (m * (1 - m / r[k])) ** (-1 / 3), mu[k], y[k])[0]
        expected = area / (mu[k] * (1 - mu[k] / r[k])) ** (1 / 6)
        assert found.predict("anscombe").iloc[k] == pytest.approx(expected, rel=1e-6)
    frame = pd.DataFrame({"d": data["department"], "female": data["female"], "a": found.predict("anscombe")})
    outlier = (frame["d"] == 2) & (frame["female"] == 1)  # as the manual points out
    assert abs(float(frame.loc[outlier, "a"].iloc[0])) > 2


def test_new_data():
    found = fit()
    shuffled = table().sample(frac=1, random_state=0)
    for statistic in ("mu", "pr", "eta", "xb", "stdp"):
        pd.testing.assert_series_equal(
            found.predict(statistic, shuffled), found.predict(statistic).loc[shuffled.index], rtol=1e-12
        )
    for statistic in ("reffects", "reses"):
        pd.testing.assert_frame_equal(
            found.predict(statistic, shuffled), found.predict(statistic).loc[shuffled.index], rtol=1e-12
        )
    new = pd.DataFrame({"g": [table()["g"].iloc[0], -1], "x": [0.5, 0.5]}, index=["known", "new"])
    effects = found.predict("reffects", new)["g:_cons"]
    assert effects["known"] == found.predict("reffects")["g:_cons"].iloc[0] and effects["new"] == 0
    prior = np.sqrt(found.random.loc["g:var(_cons)", "estimate"])
    assert found.predict("reses", new)["g:_cons"]["new"] == pytest.approx(prior, rel=1e-12)
    assert found.predict("mu", new)["new"] == pytest.approx(
        found.predict("mu", new[["x"]], conditional="fixedonly")["new"], rel=1e-12
    )
    missing = found.predict("mu", new.assign(x=[np.nan, 0.5]))
    assert missing.isna().tolist() == [True, False]


def test_new_data_with_trials():
    found = example(ADMISSIONS, "admissions")
    new = pd.DataFrame({"department": [1, 1], "female": [0, 1], "napplied": [10, 200]})
    np.testing.assert_allclose(found.predict("mu", new), found.predict("pr", new) * new["napplied"], rtol=1e-12)
    with pytest.raises(ValueError, match="the new data do not give the trials `napplied`; add the column, or predict"):
        found.predict("mu", new.drop(columns="napplied"))


def test_levels_can_be_left_out():
    found = example(ORDINAL, "tvsfpors")
    effects = found.predict("reffects")
    assert list(effects.columns) == ["school:_cons", "school>class:_cons"]
    xb = found.predict("xb")
    np.testing.assert_allclose(found.predict("eta"), xb + effects.sum(axis=1), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        found.predict("eta", relevel="school"), xb + effects["school:_cons"], rtol=1e-9, atol=1e-12
    )
    assert list(found.predict("reses", relevel="school>class").columns) == ["school>class:_cons"]


def test_probabilities_of_categories():
    found = example(ORDINAL, "tvsfpors")
    frame, eta = found.predict(), found.predict("eta").to_numpy()
    assert list(frame.columns) == [1, 2, 3, 4]
    cuts = [-np.inf, *found.ancillary["estimate"], np.inf]
    expected = np.diff(scipy.stats.norm.cdf(np.subtract.outer(cuts, eta)), axis=0).T
    np.testing.assert_allclose(frame, expected, rtol=1e-9)
    pd.testing.assert_series_equal(found.predict("pr", outcome=3), frame[3].rename("pr"))
    pd.testing.assert_frame_equal(found.fittedvalues, frame)


def test_rows_outside_the_sample_are_missing():
    data = table().copy()
    data.iloc[2, data.columns.get_loc("x")] = np.nan
    found = me.melogit("y x if z < 3 || g:", data, nolog=True)
    used = (data["x"].notna() & (data["z"] < 3)).to_numpy()
    for statistic in ("mu", "xb", "stdp", "anscombe", "reffects"):
        predicted = pd.DataFrame(found.predict(statistic))
        assert predicted.index.equals(data.index)
        assert np.array_equal(predicted.notna().all(axis=1), used)
    assert np.array_equal(found.simulate(1)["sim1"].notna(), used)


def test_scores_are_what_the_robust_variance_is_made_of():
    """Columns sum to zero at the maximum; the sandwich of the scores is the robust covariance matrix."""
    for command in (LOGIT, "meologit grade x || g:"):
        found = fit(command)
        scores = found.predict("scores")
        assert scores.index.name == "g" and set(scores.index) == set(table()["g"])
        assert list(scores.columns) == list(found.params.index)
        bread = found.cov_params().to_numpy()
        assert np.max(np.abs(scores.sum().to_numpy()) * found.bse.to_numpy()) < 1e-3
        sandwich = bread @ (scores.T @ scores).to_numpy() @ bread * GROUPS / (GROUPS - 1)
        np.testing.assert_allclose(fit(command, vce="robust").cov_params(), sandwich, rtol=1e-6, atol=1e-9)


def test_what_a_constraint_holds_has_no_score():
    scores = fit("mepoisson count x || g:", constraints=("x = 0.3",)).predict("scores")
    assert scores["x"].isna().all() and scores[["_cons", "g:var(_cons)"]].notna().all(axis=None)


def test_modes_are_all_that_laplace_has():
    found = fit(intmethod="laplace")
    pd.testing.assert_frame_equal(found.predict("reffects"), found.predict("reffects", conditional="ebmodes"))
    with pytest.raises(ValueError, match="`conditional=ebmeans` needs quadrature, and the model was fitted by laplace"):
        found.predict("mu", conditional="ebmeans")


REFUSED = {
    "unknown statistic": (lambda f: f.predict("resid"), "unknown statistic `resid`; did you mean `residuals`"),
    "statistic of linear models": (lambda f: f.predict("rstandard"), "unknown statistic `rstandard`"),
    "unknown effects": (lambda f: f.predict("mu", conditional="mean"), "unknown `conditional=mean`; known are ebmeans"),
    "outcome of a mean": (lambda f: f.predict("mu", outcome=1), "`outcome=1` says nothing about mu"),
    "unknown outcome": (lambda f: f.predict("pr", outcome=7), "there is no `outcome=7`; the outcomes are 0, 1"),
    "marginal residuals": (lambda f: f.predict("pearson", marginal=True), "`marginal` averages mu, pr over"),
    "marginal and modes": (
        lambda f: f.predict("mu", marginal=True, conditional="ebmodes"),
        "`conditional='ebmodes'` says nothing about a marginal prediction",
    ),
    "effects of nothing": (lambda f: f.predict("reffects", conditional="fixedonly"), "which sets them to zero"),
    "effects in xb": (lambda f: f.predict("xb", conditional="ebmodes"), "says nothing about xb; leave it out"),
    "offset of effects": (lambda f: f.predict("reffects", offset=False), "`offset=False` says nothing about reffects"),
    "residuals of new data": (lambda f: f.predict("deviance", table()), "predict `mu` on the new data"),
    "unknown level": (lambda f: f.predict("eta", relevel="q"), "`relevel=q` is no level of this model; levels are g"),
    "no draws": (lambda f: f.simulate(0), "`n` is the number of draws"),
    "unknown coefficient": (lambda f: f.test("/cut1"), "there is no coefficient `/cut1`"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    call, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        call(fit())


def test_what_an_ordinal_response_has_not():
    found = fit("meologit grade x || g:")
    for statistic in ("mu", "residuals", "pearson", "deviance", "anscombe"):
        with pytest.raises(ValueError, match="categories of an ordinal response have no mean; predict `pr`"):
            found.predict(statistic)
    with pytest.raises(ValueError, match="a poisson response has mu"):
        fit("mepoisson count x || g:").predict("pr")


# --------------------------------------------------------------------------------------------------------- estat, tests


@pytest.mark.parametrize(
    "command, within",
    [("melogit y", np.pi**2 / 3), ("meprobit y", 1.0), ("mecloglog y", np.pi**2 / 6), ("meoprobit grade", 1.0)],
)
def test_intraclass_correlations(command, within):
    found = fit(f"{command} x || g:")
    variance, se = found.random.loc["g:var(_cons)", ["estimate", "se"]]
    row = found.estat.icc().table.loc["g"]
    share = variance / (variance + within)
    half = 1.959963984540054 * (se_share := se * within / (variance + within) ** 2) / (share * (1 - share))
    limits = [logistic(np.log(share / (1 - share)) + sign * half) for sign in (-1, 1)]
    np.testing.assert_allclose(row, [share, se_share, *limits], rtol=1e-9)


def test_intraclass_correlations_of_a_normal_response_are_those_of_the_linear_model():
    found, linear = fit("meglm level x || s: || g:, intpoints(3)"), me.mixed("level x || s: || g:", table(), nolog=True)
    np.testing.assert_allclose(found.estat.icc().table["estimate"], linear.estat.icc().table["estimate"], rtol=1e-4)
    assert found.estat.icc().table.index.tolist() == ["s", "g|s"]


def test_intraclass_correlations_refused():
    with pytest.raises(ValueError, match="response that is poisson with link log has no level-1 variance"):
        fit("mepoisson count x || g:").estat.icc()


def test_covariance_matrices_and_standard_deviations():
    found = fit("melogit y x || g: x, covariance(unstructured)")
    slope, intercept, covariance = found.random["estimate"]
    matrix = found.estat.recovariance()["g"].table
    np.testing.assert_allclose(matrix, [[slope, covariance], [covariance, intercept]], rtol=1e-9)
    sd = found.estat.sd().table
    assert sd.index.tolist() == ["g:sd(x)", "g:sd(_cons)", "g:corr(x,_cons)"]
    np.testing.assert_allclose(
        sd["estimate"], [np.sqrt(slope), np.sqrt(intercept), covariance / np.sqrt(slope * intercept)], rtol=1e-9
    )
    ic = found.estat.ic().table.loc["model"]
    assert ic["df"] == 5 and ic["aic"] == pytest.approx(-2 * found.llf + 10, rel=1e-12)


def test_wald_tests_of_cut_points():
    found = example(ORDINAL, "tvsfpors")
    assert list(found.ancillary.index) == ["/cut1", "/cut2", "/cut3"]
    one = found.test("/cut1")
    assert (one.df, one.chi2) == (1, pytest.approx(found.ancillary.loc["/cut1", "z"] ** 2, rel=1e-9))
    row = found.lincom("/cut2 - /cut1").table.loc["(1)"]
    vce = found.cov_params().loc[["/cut1", "/cut2"], ["/cut1", "/cut2"]].to_numpy()
    assert row["estimate"] == pytest.approx(np.diff(found.ancillary["estimate"])[0], rel=1e-12)
    assert row["se"] == pytest.approx(np.sqrt([-1, 1] @ vce @ [-1, 1]), rel=1e-12)
    # parameters of different kinds are correlated
    assert found.cov_params().loc["prethk", "/cut1"] != 0
    joint = found.test("prethk = 0.2", "/cut3 = 1.5", "school:var(_cons) = 0.02")
    labels = ["prethk", "/cut3", "school:var(_cons)"]
    away = found.params[labels].to_numpy() - [0.2, 1.5, 0.02]
    expected = away @ np.linalg.solve(found.cov_params().loc[labels, labels], away)
    assert joint.chi2 == pytest.approx(expected, rel=1e-8) and joint.df == 3


def test_names_and_order_that_follow_the_printed_page():
    found = example(ORDINAL, "tvsfpors")
    labels = [*found.fixed.index, *found.ancillary.index, *found.random.index]
    assert list(found.params.index) == list(found.bse.index) == list(found.cov_params().index) == labels
    parts = pd.concat([found.fixed, found.ancillary, found.random])
    pd.testing.assert_frame_equal(found.conf_int(), parts.loc[:, ["lower", "upper"]])
    np.testing.assert_allclose(np.sqrt(np.diag(found.cov_params())), found.bse, rtol=1e-12)
    assert found.reml is False and found.family.name == "ordinal"


def test_exponentiated_coefficients():
    found = fit()
    eform = found.eform()
    b = found.fixed
    np.testing.assert_allclose(eform["estimate"], np.exp(b["estimate"]), rtol=1e-14)
    np.testing.assert_allclose(eform["se"], np.exp(b["estimate"]) * b["se"], rtol=1e-14)
    np.testing.assert_allclose(eform[["lower", "upper"]], np.exp(b[["lower", "upper"]]), rtol=1e-14)
    pd.testing.assert_frame_equal(eform.loc[:, ["z", "p"]], b.loc[:, ["z", "p"]])
    pd.testing.assert_frame_equal(fit(LOGIT + ", or").fixed, b)


def test_likelihood_ratio_tests():
    small, large = fit(), fit("melogit y x || g: x")
    test = me.lrtest(small, large)
    assert (test.kind, test.df) == ("chibar2(01)", 1)
    assert test.stat == pytest.approx(2 * (large.llf - small.llf), abs=1e-8)
    coefficient = me.lrtest(fit("melogit y || g:"), small)
    assert coefficient.kind == "chi2(1)" and coefficient.p == pytest.approx(scipy.stats.chi2.sf(coefficient.stat, 1))
    assert small.lr_test.stat == pytest.approx(me.lrtest(small, fit("melogit y x")).stat, rel=1e-6)


LRTEST = {
    "family": (lambda: (fit("mepoisson count x || g:"), fit("menbreg count x || g: x")), "assume different responses"),
    "link": (lambda: (fit("meprobit y || g:"), fit()), "assume different responses"),
    "dispersion": (
        lambda: (fit("menbreg count x || g:"), fit("menbreg count x || g: x, dispersion(constant)")),
        "assume different responses",
    ),
    "points": (
        lambda: (fit("melogit y || g:"), fit(intpoints=25)),
        "mvaghermite with 7 points and mvaghermite with 25",
    ),
    "method": (lambda: (fit("melogit y || g:"), fit(intmethod="laplace")), "fit both models by the same `intmethod`"),
    "robust": (lambda: (fit("melogit y || g:"), fit(vce="robust")), "robust standard errors"),
    "linear": (lambda: (fit(), me.mixed("y x || g: x", table(), nolog=True)), "and linear model"),
}


@pytest.mark.parametrize("case", LRTEST)
def test_likelihood_ratio_tests_refused(case):
    pair, words = LRTEST[case]
    with pytest.raises(ValueError, match=words):
        me.lrtest(*pair())


# ------------------------------------------------------------------------------------------------------- new responses


def test_simulated_responses_have_the_means_of_the_model():
    draws = 800
    for command, mean in ((LOGIT, "mu"), ("mepoisson count x || g:", "mu")):
        found = fit(command)
        y = found.simulate(draws, seed=3)
        assert y.index.equals(table().index) and list(y.columns[:2]) == ["sim1", "sim2"]
        pd.testing.assert_frame_equal(found.simulate(2, seed=3), y.iloc[:, :2])
        z = (y.mean(axis=1) - found.predict(mean, marginal=True)) / (y.std(axis=1) / np.sqrt(draws))
        assert np.max(np.abs(z)) < 5 and 0.7 < np.sqrt(np.mean(z**2)) < 1.4
    assert set(np.unique(fit().simulate(3))) == {0, 1}


def test_simulated_responses_of_other_kinds():
    found = fit("meologit grade x || g:")
    drawn = found.simulate(300, seed=1)
    shares = pd.Series(drawn.to_numpy().ravel()).value_counts(normalize=True)
    np.testing.assert_allclose(shares[["low", "mid", "high"]], found.predict(marginal=True).mean(), atol=0.02)
    counts = example(ADMISSIONS, "admissions").simulate(20)
    data = datasets.load("admissions")
    assert ((counts.ge(0).all(axis=1)) & (counts.le(data["napplied"], axis=0).all(axis=1))).all()
    assert (counts.nunique(axis=1) > 1).mean() > 0.9


# ------------------------------------------------------------------------------------------------------------ the page

NUMBER = re.compile(r" *-?(?<![\w.])(?:\d[\d,]*\.?\d*|\.\d+)(?![\w.])")
PAGES = {
    "binomial": (ADMISSIONS, "admissions"),
    "blocked": (
        "melogit c_use i.urban age i.children || district: i.children, cov(exchangeable) || district:, or nolog "
        "baselevel nofvlabel",
        "bangladesh",
    ),
    "three_levels": (ORDINAL, "tvsfpors"),
}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_the_manual_s(name):
    """Title, facts, tables, notes and tests in the same places, around the same numbers.

    (Their last digits are the matter of the tests of reference values.)
    """
    command, data = PAGES[name]
    found, printed = str(example(command, data)), render(EXAMPLES[name]())
    assert NUMBER.sub(" #", found) == NUMBER.sub(" #", printed)
    for ours, theirs in zip(NUMBER.findall(found), NUMBER.findall(printed), strict=True):
        ours, theirs = (text.strip().replace(",", "") for text in (ours, theirs))
        unit = 10.0 ** -min(len(theirs.partition(".")[2]), 6)
        assert float(ours) == pytest.approx(float(theirs), rel=1e-6, abs=1.5 * unit)


def test_a_meta_analysis():
    data = datasets.load("diuretics")
    found = me.run(
        "meglm lnor || _all: ibn.trial, nocons cov(fixed(f)) intm(laplace) nocnsreport nolog",
        data,
        matrices={"f": np.diag(data["var"])},
    )
    page = str(found)
    for text in (
        "Mixed-effects GLM                                    Number of obs    =      9\nFamily: Gaussian\n",
        "\nLink: Identity\nGroup variable: _all ",
        "Integration method: laplace\n",
        "Wald chi2(0)     =      .",
        "_all         |\n var(1.trial)|        .16  (constrained)",
        " var(e.lnor)|",
    ):
        assert text in page
    assert "Integration pts." not in page and "LR test" not in page and "( 1)" not in page
    assert "( 1)  [/]var(1.trial[_all]) = .16\n ( 2)" in str(
        me.run(
            "meglm lnor || _all: ibn.trial, nocons cov(fixed(f)) intm(laplace) nolog",
            data,
            matrices={"f": np.diag(data["var"])},
        )
    )


TITLES = {
    "melogit y x || g:": ("Mixed-effects logistic regression", "LR test vs. logistic model: chibar2(01)"),
    "meprobit y x || g:": ("Mixed-effects probit regression", "LR test vs. probit model: chibar2(01)"),
    "mecloglog y x || g:": ("Mixed-effects complementary log-log regression", "LR test vs. cloglog model: chibar2(01)"),
    "meologit grade x || g:": ("Mixed-effects ologit regression", "LR test vs. ologit model: chibar2(01)"),
    "mepoisson count x || g:": ("Mixed-effects Poisson regression", "LR test vs. Poisson model: chibar2(01)"),
    "menbreg count x || g:": ("Mixed-effects nbinomial regression", "\nOverdispersion: mean\n"),
    "meglm positive x || g:, family(gamma)": ("Mixed-effects GLM", "\nFamily: Gamma\nLink: Log\n"),
    "meglm y x || g:, family(binomial 1) link(probit)": ("Mixed-effects GLM", "\nLink: Probit\n"),
}


@pytest.mark.parametrize("command", TITLES)
def test_titles(command):
    page = str(fit(command))
    title, words = TITLES[command]
    assert page.startswith(title + " ") and words in page


def test_ratios():
    page = str(fit("mepoisson count x || g:, irr"))
    assert "  IRR  " in page and "_cons estimates baseline incidence rate" in page.replace("\n", " ")
    assert "|     exp(b)   Std. err." in str(fit("meprobit y x || g:, eform"))
    assert "Odds ratio" in str(fit("meologit grade x || g:, or"))
    assert "baseline" not in str(fit("meologit grade x || g:, or"))


def test_what_display_options_leave_out():
    whole = str(fit())
    assert "Group variable: g" in whole and "Integration method: mvaghermite" in whole
    bare = str(fit(LOGIT + ", noheader"))
    assert bare.startswith("----") and "Log likelihood" not in bare and "Group variable" not in bare
    assert "Group variable" not in str(fit(LOGIT + ", nogroup")) and "Integration" in str(fit(LOGIT + ", nogroup"))
    assert "Coefficient" not in str(fit(LOGIT + ", notable")) and "LR test" in str(fit(LOGIT + ", notable"))
    assert "LR test" not in str(fit(LOGIT + ", nolrtest"))
    assert "[90% conf. interval]" in str(fit(LOGIT + ", level(90)"))


def test_robust_standard_errors_on_the_page():
    found = fit(vce="robust")
    page = str(found)
    assert f"(Std. err. adjusted for {GROUPS} clusters in g)" in page
    assert "Log pseudolikelihood = " in page and "LR test" not in page and found.lr_test is None


def test_plain_data_for_programs():
    found = as_json(fit("meologit grade x || g:"))
    assert list(found["ancillary"]) == ["/cut1", "/cut2"] and found["reml"] is False
    assert found["ancillary"]["/cut1"]["estimate"] == fit("meologit grade x || g:").ancillary.loc["/cut1", "estimate"]


def test_html_shows_the_same():
    page = fit()._repr_html_()
    assert "Mixed-effects logistic regression" in page and "LR test vs. logistic model" in page


@pytest.mark.parametrize(
    ("options", "row"), [("exposure(z)", "ln(z) |          1  (exposure)"), ("offset(x)", "x |          1  (offset)")]
)
def test_a_term_whose_coefficient_is_1_stands_in_the_table(options, row):
    assert row in str(fit(f"mepoisson count || g:, {options}"))
