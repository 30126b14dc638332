"""Everything that can be asked of a nonlinear fit: the printed output, predictions, `estat`, tests, new responses.

Predictions are held against the formula of the mean, written here once more in NumPy.
"""

import functools
from dataclasses import replace
from typing import Any

import equinox as eqx
import matplotlib
import numpy as np
import pandas as pd
import pytest

from mejax import datasets, me
from mejax._double import computing
from mejax.commands import fit_command
from mejax.post.prediction.fitted_curves import fitted_curves
from mejax.results import Fit
from mejax.syntax import parse

matplotlib.use("Agg")

COMBINATION = "circumf = {phi1:}/(1+exp(-(age-{b2})/{b3})), define(phi1: U1[tree], xb)"
BOTH = """circumf = {phi1:}/(1+exp(-(age-{phi2:})/{b3})), define(phi1: U1[tree], xb) define(phi2: {b2}+{U2[tree]})
    covariance(U1 U2, unstructured)"""
TRUE = f"{COMBINATION} intpoints(3)"
OUTPUT = """\
Mixed-effects ML nonlinear regression                Number of obs    =     35
Group variable: tree                                 Number of groups =      5
                                                     Obs per group:
                                                                  min =      7
                                                                  avg =    7.0
                                                                  max =      7

Linearization log likelihood = -131.58458

phi1: U1[tree], xb

------------------------------------------------------------------------------
     circumf | Coefficient  Std. err.      z    P>|z|     [95% conf. interval]
-------------+----------------------------------------------------------------
phi1         |
       _cons |    191.049   16.15403    11.83   0.000     159.3877    222.7103
-------------+----------------------------------------------------------------
         /b2 |    722.556   35.15082    20.56   0.000     653.6616    791.4503
         /b3 |   344.1624   27.14739    12.68   0.000     290.9545    397.3703
------------------------------------------------------------------------------

------------------------------------------------------------------------------
  Random-effects parameters  |   Estimate   Std. err.     [95% conf. interval]
-----------------------------+------------------------------------------------
tree: Identity               |
                     var(U1) |   991.1514   639.4637      279.8776    3510.038
-----------------------------+------------------------------------------------
               var(Residual) |   61.56371   15.89568      37.11466    102.1184
------------------------------------------------------------------------------"""


@functools.cache
def orange(model: str = COMBINATION) -> Any:
    return fit_command(parse(model, command="menl", nolog=True), datasets.load("orange"))


def growth(fit: Any, age: Any) -> np.ndarray:
    """The share of the asymptote reached: df/dphi1."""
    b = fit.fixed["estimate"]
    return 1 / (1 + np.exp(-(np.asarray(age, float) - b["/b2"]) / b["/b3"]))


def asymptotes(fit: Any) -> pd.Series:
    """phi1 of every tree."""
    trees = datasets.load("orange")["tree"]
    return fit.fixed["estimate"]["phi1:_cons"] + fit.predict("reffects")["tree:U1"].groupby(trees).first()


def with_estimates(fit: Any, **changes: Any) -> Fit:
    return Fit(fit.spec, replace(fit.estimates, **changes), fit.encoding)


# ----------------------------------------------------------------------------------------------------------- the output


def test_output_is_that_of_the_manual():
    assert str(orange()) == OUTPUT


def test_output_of_several_definitions_and_a_covariance():
    text = str(orange(BOTH))
    assert "\n\nphi1: U1[tree], xb\nphi2: {b2}+{U2[tree]}\n\n" in text
    assert "\ntree: Unstructured           |\n                     var(U1) |" in text
    assert "\n                  cov(U1,U2) |" in text
    assert text.index("_cons |") < text.index("/b2 |") < text.index("/b3 |")


def test_options_of_the_display():
    fit = orange()
    options = {**fit.spec.options, "stddeviations": True, "noheader": True, "nofetable": True, "level": 90.0}
    text = str(Fit(replace(fit.spec, options=options), fit.estimates, fit.encoding))
    assert text.startswith("\nphi1: U1[tree], xb\n\n---")
    assert "sd(U1) |   31.48256" in text and "sd(Residual) |   7.846254" in text and "[90% conf. interval]" in text
    assert "_cons" not in text


def test_restricted_likelihood_is_called_so():
    fit = orange()
    restricted = replace(fit.model, reml=True)
    text = str(with_estimates(fit, model=restricted))
    assert text.startswith("Mixed-effects REML nonlinear regression ")
    assert "\nLinearization log restricted-likelihood = -131.58458\n" in text


def test_html():
    html = orange()._repr_html_()
    for part in ("Linearization log likelihood = -131.58458", "<p>phi1: U1[tree], xb</p>", "/b2", "tree: Identity"):
        assert part in html


def test_facts():
    fit = orange()
    assert fit.wald is None and fit.lr_test is None and fit.family is None and not fit.reml
    assert list(fit.params.index) == ["phi1:_cons", "/b2", "/b3", "tree:var(U1)", "var(Residual)"]
    assert fit.groups["tree"] == 5 and fit.nobs == 35 and fit.ancillary.empty
    assert fit.aic == pytest.approx(-2 * fit.llf + 10)


# ---------------------------------------------------------------------------------------------------------- predictions


def test_random_effects_minimise_the_penalised_squares():
    fit, table = orange(), datasets.load("orange")
    variances, phi = fit.random["estimate"], asymptotes(fit)
    share = growth(fit, table["age"])
    slope = (table["circumf"] - np.asarray(phi[table["tree"]]) * share) * share / variances["var(Residual)"]
    u = phi - fit.fixed["estimate"]["phi1:_cons"]
    np.testing.assert_allclose(slope.groupby(table["tree"]).sum(), u / variances["tree:var(U1)"], rtol=1e-5, atol=1e-7)
    information = (pd.Series(share) ** 2).groupby(table["tree"]).sum() / variances["var(Residual)"]
    errors = 1 / np.sqrt(information + 1 / variances["tree:var(U1)"])
    np.testing.assert_allclose(fit.predict("reses")["tree:U1"].groupby(table["tree"]).first(), errors, rtol=1e-8)


def test_fitted_values_and_residuals():
    fit, table = orange(), datasets.load("orange")
    yhat = np.asarray(asymptotes(fit)[table["tree"]]) * growth(fit, table["age"])
    raw = table["circumf"] - yhat
    for statistic, expected in {
        "yhat": yhat, "mu": yhat, "residuals": raw, "{phi1:}": asymptotes(fit)[table["tree"]],
        "rstandard": raw / np.sqrt(fit.random.loc["var(Residual)", "estimate"]),
    }.items():  # fmt: skip
        np.testing.assert_allclose(fit.predict(statistic), expected, rtol=1e-10, err_msg=statistic)
    assert fit.predict().name == "yhat" and fit.predict("{phi1:}").name == fit.predict("phi1").name == "phi1"
    pd.testing.assert_series_equal(fit.fittedvalues, fit.predict())
    pd.testing.assert_series_equal(fit.resid, fit.predict("residuals"))
    fixed = fit.fixed["estimate"]["phi1:_cons"]
    np.testing.assert_allclose(fit.predict(conditional="fixedonly"), fixed * growth(fit, table["age"]), rtol=1e-12)
    np.testing.assert_allclose(fit.predict("phi1", conditional="fixedonly"), fixed, rtol=1e-12)
    pd.testing.assert_series_equal(fit.predict(relevel="tree"), fit.predict())


def test_new_data():
    """A tree never seen has random effects of zero; what is missing stays so; no tree is needed without effects."""
    fit = orange()
    new = pd.DataFrame({"age": [100.0, 700.0, 700.0, np.nan], "tree": [1, 3, 99, 1]}, index=list("abcd"))
    phi = np.array([asymptotes(fit)[1], asymptotes(fit)[3], fit.fixed["estimate"]["phi1:_cons"]])
    expected = pd.Series([*(phi * growth(fit, new["age"][:3])), np.nan], new.index, name="yhat")
    pd.testing.assert_series_equal(fit.predict(data=new), expected, rtol=1e-10)
    np.testing.assert_allclose(fit.predict("{phi1:}", new)[:3], phi, rtol=1e-10)
    np.testing.assert_allclose(fit.predict("reffects", new)["tree:U1"][:3], phi - phi[2], rtol=1e-8, atol=1e-10)
    assert fit.predict("reses", new)["tree:U1"]["c"] == pytest.approx(fit.random["estimate"]["tree:var(U1)"] ** 0.5)
    alone = fit.predict("yhat", new[["age"]], conditional="fixedonly")
    np.testing.assert_allclose(alone[:3], phi[2] * growth(fit, new["age"][:3]), rtol=1e-12)


def test_definitions_with_effects_of_their_own():
    fit, trees = orange(BOTH), datasets.load("orange")["tree"]
    effects, b = fit.predict("reffects"), fit.fixed["estimate"]
    assert list(effects.columns) == ["tree:U1", "tree:U2"]
    np.testing.assert_allclose(fit.predict("{phi2:}"), b["/b2"] + effects["tree:U2"], rtol=1e-12)
    np.testing.assert_allclose(fit.predict("phi1"), b["phi1:_cons"] + effects["tree:U1"], rtol=1e-12)
    ages = datasets.load("orange")["age"]
    expected = fit.predict("phi1") / (1 + np.exp(-(ages - fit.predict("phi2")) / b["/b3"]))
    np.testing.assert_allclose(fit.predict(), expected, rtol=1e-10)
    new = pd.DataFrame({"age": [500.0], "tree": [trees[0]]})
    assert fit.predict("phi2", new)[0] == pytest.approx(fit.predict("phi2")[0])


@pytest.mark.parametrize(
    ("statistic", "options", "message"),
    [
        ("xb", {}, "`xb` belongs to a linear predictor(.*)predict `yhat`, or what the model defines: `{phi1:}`"),
        ("stdp", {}, "`stdp` belongs to a linear predictor"),
        ("{b2}", {}, "`b2` is one parameter, the same in all rows; `fit.fixed` has it under `/b2`"),
        ("U1", {}, "`U1` is a random effect; predict `reffects`"),
        ("{phi2:}", {}, "unknown statistic `{phi2:}`; did you mean `{phi1:}`"),
        ("residuals", {"data": pd.DataFrame({"age": [1.0], "tree": [1]})}, "predict `yhat` on the new data"),
        ("reffects", {"conditional": "fixedonly"}, "cannot be had with `conditional=fixedonly`"),
        ("yhat", {"conditional": "ebmeans"}, "fitted by linearization, which has their modes"),
        ("yhat", {"conditional": "mean"}, "unknown `conditional=mean`; known are ebmodes, fixedonly"),
        ("yhat", {"marginal": True}, "`marginal=True` says nothing about a nonlinear model"),
        ("yhat", {"offset": False}, "`offset=False` says nothing about a nonlinear model"),
        ("yhat", {"relevel": "plot"}, "`relevel=plot` is no level of this model; levels are tree"),
    ],
)
def test_what_cannot_be_predicted(statistic, options, message):
    with pytest.raises(ValueError, match=message):
        orange().predict(statistic, **options)


# -------------------------------------------------------------------------------------------------- estat, tests, draws


def test_correlations_within_a_tree():
    fit, table = orange(), datasets.load("orange")
    theta, z = fit.random["estimate"], growth(fit, table["age"][:7])
    v = theta["tree:var(U1)"] * np.outer(z, z) + theta["var(Residual)"] * np.eye(7)
    found, sd = fit.estat.wcorrelation(), np.sqrt(np.diag(v))
    np.testing.assert_allclose(found.table, v / np.outer(sd, sd), rtol=1e-8)
    np.testing.assert_allclose(found.sd, sd, rtol=1e-8)
    assert str(found).startswith("Standard deviations and correlations for tree = 1:\n\nStandard deviations:\n\n")
    third = fit.estat.wcorrelation(at={"tree": 3}, covariance=True, list=True)
    np.testing.assert_allclose(third.table, v, rtol=1e-8)
    assert list(third.table.index) == list(range(14, 21)) == list(third.data.index)
    assert "Covariances for tree = 3:" in str(third) and str(third).endswith("140  1582     3")
    with pytest.raises(ValueError, match="`at` names|`tre` is no grouping variable of this model; did you mean `tree`"):
        fit.estat.wcorrelation(at={"tre": 3})
    with pytest.raises(ValueError, match="no row of the sample has `tree` = 9; there are 1, 2, 3, 4, 5"):
        fit.estat.wcorrelation(at={"tree": 9})


def test_other_tables_after_the_fit():
    fit = orange()
    assert list(fit.estat.sd().table.index) == ["tree:sd(U1)", "sd(Residual)"]
    assert fit.estat.recovariance()["tree"].table.loc["U1", "U1"] == pytest.approx(fit.random["estimate"].iloc[0])
    assert fit.estat.group().table.loc["tree", "groups"] == 5
    assert fit.estat.ic().table.loc["model", "df"] == 5
    with pytest.raises(ValueError, match="estat icc: in a nonlinear model the correlation of two responses depends on"):
        fit.estat.icc()


def test_labels_in_hypotheses():
    fit = orange()
    b, se = fit.params["/b3"], fit.bse["/b3"]
    for text in ("/b3 = 300", "[/]b3 = 300", "_b[/b3] = 300", "{b3} = 300", "300 = /b3"):
        assert fit.test(text).chi2 == pytest.approx(((b - 300) / se) ** 2)
    for text in ("phi1:_cons = 100", "[phi1]_cons = 100", "_b[phi1:_cons] = 100", "{phi1:_cons} = 100"):
        assert fit.test(text).chi2 == pytest.approx(((fit.params.iloc[0] - 100) / fit.bse.iloc[0]) ** 2)
    assert fit.lincom("/b2 - 2*/b3").table["estimate"].iloc[0] == pytest.approx(fit.params["/b2"] - 2 * b)
    with pytest.raises(ValueError, match="there is no coefficient `/b4`; did you mean `/b[23]`"):
        fit.test("/b4")


def test_draws_have_the_moments_of_the_model():
    """phi1 enters the mean linearly, so that the mean and the covariance matrix are known."""
    fit, table = orange(), datasets.load("orange")
    draws = fit.simulate(1500, seed=4).to_numpy()
    pd.testing.assert_frame_equal(fit.simulate(2, seed=4), fit.simulate(3, seed=4).iloc[:, :2])
    theta, z = fit.random["estimate"], growth(fit, table["age"])
    one = table["tree"].to_numpy() == 2
    v = theta["tree:var(U1)"] * np.outer(z[one], z[one]) + theta["var(Residual)"] * np.eye(7)
    error = np.sqrt(np.diag(v) / 1500)
    centred = draws[one] - fit.fixed["estimate"].iloc[0] * z[one][:, None]
    assert np.all(np.abs(centred.mean(axis=1)) < 4.5 * error)
    spread = np.sqrt((np.outer(np.diag(v), np.diag(v)) + v**2) / 1500)
    assert np.all(np.abs(np.cov(centred) - v) < 4.5 * spread)
    other = draws[table["tree"].to_numpy() == 3][6] - fit.fixed["estimate"].iloc[0] * z[6]
    assert abs(np.corrcoef(other, centred[6])[0, 1]) < 0.12


def test_likelihood_ratio():
    small, large = orange(), orange(BOTH)
    test = me.lrtest(large, small)
    assert test.stat == pytest.approx(2 * (large.llf - small.llf)) and test.df == 2
    assert test.kind == "chi2(2)" and test.conservative


def test_fits_that_cannot_be_compared():
    fit, large = orange(), orange(BOTH)
    linear = with_estimates(fit, model=fit.estimates.linear, linearised=None)
    with pytest.raises(
        ValueError, match="one fit is that of a nonlinear model, whose log likelihood is that of its lin"
    ):
        me.lrtest(linear, large)
    restricted = with_estimates(fit, model=replace(fit.model, reml=True))
    with pytest.raises(ValueError, match="one fit is by ML, the other by REML"):
        me.lrtest(restricted, fit)
    columns = lambda mean: mean.rows.columns
    mean = fit.estimates.mean
    doubled = eqx.tree_at(columns, mean, tuple(2 * np.asarray(c) for c in columns(mean)))
    with pytest.raises(ValueError, match="the same coefficients in different means, so neither is nested"):
        me.lrtest(with_estimates(fit, mean=doubled), fit)


# ------------------------------------------------------------------------------------------------- the true likelihood


def test_posterior_means_on_the_true_likelihood():
    """Against sums over a fine grid of one tree's random effect."""
    fit, table = orange(TRUE), datasets.load("orange")
    variances, phi = fit.random["estimate"], fit.fixed["estimate"]["phi1:_cons"]
    grid = np.linspace(-150.0, 150.0, 4001)
    one = table["tree"] == 2
    share, y = growth(fit, table["age"][one]), np.asarray(table["circumf"][one])
    squares = np.sum((y[:, None] - (phi + grid) * share[:, None]) ** 2, axis=0) / variances["var(Residual)"]
    weights = np.exp(-0.5 * (squares - squares.min() + grid**2 / variances["tree:var(U1)"]))
    mean = weights @ grid / weights.sum()
    sd = np.sqrt(weights @ (grid - mean) ** 2 / weights.sum())
    assert fit.predict("reffects")["tree:U1"][one].iloc[0] == pytest.approx(mean, rel=1e-6)
    assert fit.predict("reses")["tree:U1"][one].iloc[0] == pytest.approx(sd, rel=1e-5)
    np.testing.assert_allclose(fit.predict()[one], (phi + mean) * share, rtol=1e-6)
    np.testing.assert_allclose(fit.predict("{phi1:}")[one], phi + mean, rtol=1e-6)
    expected = (y - (phi + mean) * share) / np.sqrt(variances["var(Residual)"])
    np.testing.assert_allclose(fit.predict("rstandard")[one], expected, rtol=1e-4, atol=1e-6)
    assert abs(fit.simulate(60).mean(axis=1)[6] - phi * growth(fit, 1582)) < 4.5 * 32 / np.sqrt(60)


def test_output_on_the_true_likelihood():
    fit = orange(TRUE)
    text = str(fit)
    assert f"\nLog likelihood = {fit.llf:.5f}\n\nphi1: U1[tree], xb\n" in text
    assert "\nIntegration method: mvaghermite                      Integration pts. =      3\n" in text
    assert "\nLR test vs. nonlinear model: chibar2(01) = " in text and fit.lr_test is not None
    assert fit.wald is None and fit.family is None and not fit.reml
    with pytest.raises(ValueError, match=r"in different ways \(mvaghermite with 3 points and linearization\)"):
        me.lrtest(fit, orange(BOTH))
    with pytest.raises(ValueError, match="the responses are not jointly normal; the correlations are those of its lin"):
        fit.estat.wcorrelation()
    with pytest.raises(ValueError, match="unknown `conditional=mode`; known are ebmeans, ebmodes, fixedonly"):
        fit.predict(conditional="mode")


# ------------------------------------------------------------------------------------------------------------- pictures


def test_fitted_curves():
    fit = orange()
    with computing():
        found = fitted_curves(fit.spec, fit.estimates, fit.encoding, groups=[3, 1])
    assert list(dict.fromkeys(found.curves["group"])) == ["3", "1"] and (found.x, found.by) == ("age", "tree")
    for tree in (1, 3):
        part = found.curves.loc[found.curves["group"] == str(tree)]
        assert part["age"].iloc[[0, -1]].tolist() == [118.0, 1582.0]
        share = growth(fit, part["age"])
        np.testing.assert_allclose(part["fitted"], asymptotes(fit)[tree] * share, rtol=1e-10)
        np.testing.assert_allclose(part["fixed"], fit.fixed["estimate"]["phi1:_cons"] * share, rtol=1e-10)
    assert len(found.points) == 14


def test_pictures():
    import matplotlib.pyplot as plt

    fit = orange()
    axes = fit.plot.fitted()
    assert axes.shape == (2, 3) and [a.get_title() for a in axes.flat if a.get_visible()][-1] == "tree = 5"
    overlaid = fit.plot.fitted(overlay=True)
    assert [t.get_text() for t in overlaid.get_legend().get_texts()] == [*"12345", "random effects zero"]
    assert fit.plot.fitted(groups=[2], ax=plt.subplots()[1]).get_ylabel() == "circumf"
    plt.close("all")
    for options, message in {
        "agee": ({"x": "agee"}, "no covariate that is a number; did you mean `age`"),
        "plot": ({"by": "plot"}, "`by='plot'` is no grouping variable; there are tree"),
        "9": ({"groups": [9]}, "no group '9' of tree; there are 1, 2, 3, 4, 5"),
    }.values():
        with pytest.raises(ValueError, match=message):
            fit.plot.fitted(**options)
