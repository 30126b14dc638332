"""Margins of generalized, censored, survival and nonlinear fits: averages over rows and over random effects.

Every case is written once more as averages of `fit.predict` of changed tables; its covariance matrix is that of the
delta method with central differences of those averages over all parameters, those of the random effects included.
"""

import functools
import warnings
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
import scipy.special

from mejax import datasets, me
from mejax.post.margins import averages
from mejax.post.scales import structures
from mejax.results import Fit

matplotlib.use("Agg")

LOGIT = "melogit yes c.x##i.k || g: x, intpoints(3)"
TRIALS = "melogit hits x i.k || g:, binomial(tries) intpoints(3)"
ORDINAL = "meologit grade x i.k || g:, intpoints(3)"
COUNTS = "mepoisson count x i.k, exposure(e) || g:, intpoints(3)"
CHOICE = "memlogit choice x || g:, covariance(independent) baseoutcome(car) intpoints(3)"
TIMES = "mestreg x i.k || g:, distribution(weibull) time(t) failure(d)"
TOBIT = "metobit part x i.k || g: x, ll(0) ul(2) intpoints(3)"
GROWTH = "circumf = {phi1:}/(1+exp(-(age-{b2})/{b3})), define(phi1: U1[tree], xb)"


@functools.cache
def table() -> pd.DataFrame:
    rng = np.random.default_rng(21)
    n, g = 120, np.repeat(np.arange(15), 8)
    x, u = rng.normal(size=n), rng.normal(size=(15, 2))
    out = pd.DataFrame({"g": g, "x": x, "k": rng.integers(1, 4, n), "e": rng.uniform(0.5, 3, n)})
    eta = 0.3 + 0.6 * x + 0.7 * (out["k"] == 3) + 0.8 * u[g, 0]
    sloped = eta + 1.2 * u[g, 1] * x
    out["yes"] = (rng.uniform(size=n) < scipy.special.expit(sloped)).astype(int)
    out["tries"] = rng.integers(2, 7, n)
    out["hits"] = rng.binomial(out["tries"], scipy.special.expit(eta))
    out["count"] = rng.poisson(out["e"] * np.exp(0.5 * eta))
    latent = sloped + 0.7 * rng.normal(size=n)
    out["part"] = latent.clip(0, 2)
    out["grade"] = pd.Categorical.from_codes(
        np.digitize(eta + rng.logistic(size=n), [-0.5, 1.0]), ["low", "mid", "high"], True
    )
    t = rng.weibull(1.4, n) * np.exp(1 - 0.5 * eta)
    out["t"], out["d"] = np.minimum(t, 4.0), (t < 4.0).astype(int)
    utility = np.column_stack([0.3 + 0.5 * x + u[g, 0], np.zeros(n), -0.2 - 0.6 * x + u[g, 1]])
    out["choice"] = np.array(["bus", "car", "walk"])[np.argmax(utility + rng.gumbel(size=utility.shape), axis=1)]
    return out


@functools.cache
def fit(command: str) -> Any:
    if command == GROWTH:
        return me.menl(GROWTH, datasets.load("orange"), nolog=True)
    return me.run(command, table(), nolog=True)


def moved(found: Any, step: np.ndarray) -> Any:
    """The fit at other parameters, in printed order: coefficients, ancillary ones, components."""
    e = found.estimates
    ends = np.cumsum([len(e.coefficients), len(e.ancillary)])
    coefficients, ancillary, components = np.split(e.printed + step, ends)
    own = list(e.model.family.variances)
    aux = np.zeros(len(e.aux))
    aux[own] = components[len(components) - len(own) :]
    aux[[j for j in range(len(aux)) if j not in own]] = ancillary
    left, sigmas = iter(components), []
    for block, sigma in zip(structures(e), e.sigmas, strict=True):
        sigmas.append(np.zeros_like(sigma))
        for i, j in block.entries:
            sigmas[-1][i, j] = sigmas[-1][j, i] = next(left)
    parts = {"coefficients": coefficients, "ancillary": ancillary, "components": components}
    return Fit(found.spec, replace(e, **parts, aux=aux, sigmas=tuple(sigmas)), found.encoding)


def delta(found: Any, function: Any) -> tuple[np.ndarray, np.ndarray]:
    """function(fit) and its covariance matrix, by central differences."""
    printed, h = found.estimates.printed, 1e-4
    at = lambda step: np.atleast_1d(function(moved(found, step)))
    jacobian = np.column_stack([(at(h * unit) - at(-h * unit)) / (2 * h) for unit in np.eye(len(printed))])
    return at(np.zeros(len(printed))), jacobian @ np.nan_to_num(found.estimates.covariance) @ jacobian.T


def average(found: Any, statistic: str, data: pd.DataFrame, **options: Any) -> np.ndarray:
    """The mean of predictions, one for each outcome."""
    marginal = {} if "conditional" in options or statistic == "xb" else {"marginal": True}
    return np.atleast_1d(np.asarray(found.predict(statistic, data, **marginal, **options)).mean(axis=0))


def slope(found: Any, statistic: str, data: pd.DataFrame, **options: Any) -> np.ndarray:
    """Its derivative in x."""
    up, down = (average(found, statistic, data.assign(x=data["x"] + h), **options) for h in (5e-4, -5e-4))
    return (up - down) / 1e-3


# -------------------------------------------------------------------------------------------------- averages, slopes

FIXED = {"conditional": "fixedonly"}
MEANS: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [  # command, statistic, options of margins, of predict
    (LOGIT, "mu", {}, {}),
    (LOGIT, "mu", FIXED, FIXED),
    (TRIALS, "mu", {}, {}),
    (ORDINAL, "pr", {}, {}),
    (COUNTS, "mu", {}, {}),
    (COUNTS, "mu", {"offset": False}, {"offset": False}),
    (CHOICE, "pr", {}, {}),
    (TIMES, "mean", {}, {}),
    (TIMES, "median", {}, {}),
    (TIMES, "survival", {"time": 1.5}, {"at": 1.5}),
    (TIMES, "hazard", {}, {}),
]
VALUES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (LOGIT, "xb", {}, {}),
    (TRIALS, "pr", {}, {}),
    (TOBIT, "mu", {}, {}),
    (TOBIT, "pr", {"lower": 0.5}, {"lower": 0.5}),
    (TOBIT, "ystar", {}, {}),
]
SLOPES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (LOGIT, "mu", {}, {}),
    (LOGIT, "mu", FIXED, FIXED),
    (ORDINAL, "pr", FIXED, FIXED),
    (CHOICE, "pr", FIXED, FIXED),
    (TOBIT, "ystar", {}, {}),
]


def named(case: Any) -> str:
    return f"{case[0].split()[0]} {case[1]} {case[2] or ''}".strip()


def test_no_variance_is_zero_or_unknown():
    """Else the cases below would say nothing about derivatives in it."""
    for command in (LOGIT, TRIALS, ORDINAL, COUNTS, CHOICE, TIMES, TOBIT):
        assert fit(command).status == "converged" and not np.isnan(fit(command).estimates.covariance).any()
        assert (fit(command).random["estimate"] > 0.02).all(), command


@pytest.mark.parametrize("case", MEANS, ids=named)
def test_margins_are_averages_of_predictions(case):
    command, statistic, options, of_predict = case
    found = fit(command)
    margins = found.margins(at={"x": [-0.4, 1.0]}, predict=statistic, **options)
    both = lambda f: np.stack([average(f, statistic, table().assign(x=x), **of_predict) for x in (-0.4, 1.0)], axis=1)
    values, covariance = delta(found, lambda f: both(f).ravel())
    np.testing.assert_allclose(margins.table["estimate"], values, rtol=1e-9)
    np.testing.assert_allclose(margins.cov(), covariance, rtol=2e-5, atol=1e-6 * np.abs(covariance).max())


@pytest.mark.parametrize("case", VALUES, ids=named)
def test_margins_of_other_statistics(case):
    command, statistic, options, of_predict = case
    margins = fit(command).margins(predict=statistic, **options)
    expected = average(fit(command), statistic, table(), **of_predict)
    np.testing.assert_allclose(margins.table["estimate"], expected, rtol=1e-9)


@pytest.mark.parametrize("case", SLOPES, ids=named)
def test_slopes_are_those_of_averages_of_predictions(case):
    """The random slope on x makes its variance, too, depend on x."""
    command, statistic, options, of_predict = case
    margins = fit(command).margins(dydx="x", predict=statistic, **options)
    values, covariance = delta(fit(command), lambda f: slope(f, statistic, table(), **of_predict))
    np.testing.assert_allclose(margins.table["estimate"], values, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(margins.cov(), covariance, rtol=1e-4, atol=1e-6 * np.abs(covariance).max())


def test_probabilities_add_up():
    for command, names in ((ORDINAL, ["low", "mid", "high"]), (CHOICE, ["bus", "car", "walk"])):
        margins = fit(command).margins()
        assert margins.table.index.tolist() == [f"outcome={name}" for name in names]
        assert margins.cells["outcome"].tolist() == names
        assert margins.table["estimate"].sum() == pytest.approx(1.0, abs=1e-10)
        assert np.abs(margins.cov().sum()).max() < 1e-10 and "outcome = " in str(margins)


@pytest.mark.parametrize(("command", "outcome"), [(ORDINAL, "mid"), (CHOICE, "walk")])
def test_a_single_outcome(command, outcome):
    whole, one = fit(command).margins(), fit(command).margins(outcome=outcome)
    assert one.table.shape[0] == 1
    expected = whole.table.loc[f"outcome={outcome}", ["estimate", "se"]].tolist()
    assert one.table[["estimate", "se"]].iloc[0].tolist() == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="no `outcome='none'`"):
        fit(command).margins(outcome="none")


def test_the_outcome_zero_of_a_yes_or_no():
    yes, no = (fit(LOGIT).margins(predict="pr", outcome=o).table.iloc[0] for o in (1, 0))
    assert yes["estimate"] + no["estimate"] == pytest.approx(1.0, abs=1e-12)
    assert yes["se"] == pytest.approx(no["se"], rel=1e-12)


def test_factors_with_interactions_and_outcomes():
    margins = fit(LOGIT).margins("k")
    expected = [average(fit(LOGIT), "mu", table().assign(k=k))[0] for k in (1, 2, 3)]
    np.testing.assert_allclose(margins.table["estimate"], expected, rtol=1e-9)
    effects, rows = fit(LOGIT).margins(dydx="k"), np.array([[-1, 1, 0], [-1, 0, 1]])
    np.testing.assert_allclose(effects.table["estimate"], rows @ expected, rtol=1e-8)
    np.testing.assert_allclose(effects.cov(), rows @ margins.cov().to_numpy() @ rows.T, rtol=1e-9)
    found = fit(ORDINAL).margins("k").table
    expected = np.stack([average(fit(ORDINAL), "pr", table().assign(k=k)) for k in (1, 2, 3)], axis=1)
    np.testing.assert_allclose(found["estimate"], expected.ravel(), rtol=1e-9)
    assert found.index[4] == "outcome=mid#2"


def test_what_is_averaged_by_default():
    for command, statistic in ((LOGIT, "mu"), (ORDINAL, "pr"), (TIMES, "mean"), (TOBIT, "eta")):
        default = fit(command).margins()
        asked = fit(command).margins(predict=statistic)
        pd.testing.assert_frame_equal(default.table, asked.table)
        text = str(default)
        assert f"predict({statistic}" in text and ("random effects integrated out" in text) == (statistic != "eta")
    assert "predict(mu fixedonly)" in str(fit(LOGIT).margins(conditional="fixedonly"))
    assert "predict(survival at(2) marginal)" in str(fit(TIMES).margins(predict="survival", time=2))


def test_elasticities_are_those_of_rows():
    """Of the mean where random effects are zero: d log p / d log x = (1 - p) x d eta / dx for a logit."""
    found, data = fit(LOGIT), table()
    p, b = found.predict("mu", data, conditional="fixedonly"), found.fixed["estimate"]
    along, x = b["x"] + b["c.x#2.k"] * (data["k"] == 2) + b["c.x#3.k"] * (data["k"] == 3), data["x"]
    expected = {"eyex": (1 - p) * x * along, "dyex": p * (1 - p) * x * along, "eydx": (1 - p) * along}
    for kind, values in expected.items():
        margins = found.margins(**{kind: "x"}, conditional="fixedonly")
        assert margins.table["estimate"].iloc[0] == pytest.approx(values.mean(), rel=1e-8)


def test_an_elasticity_with_its_error():
    found, data = fit(LOGIT), table()

    def elasticity(f: Any) -> float:
        up, down = (np.log(f.predict("mu", data.assign(x=data["x"] + h), marginal=True)) for h in (5e-4, -5e-4))
        return float(((up - down) / 1e-3 * data["x"]).mean())

    value, covariance = delta(found, elasticity)
    margins = found.margins(eyex="x").table.iloc[0]
    assert margins["estimate"] == pytest.approx(value[0], rel=1e-6)
    assert margins["se"] == pytest.approx(np.sqrt(covariance[0, 0]), rel=1e-4)


def test_at_means():
    """The probability at the means of x and the shares of k, random effects integrated by a fine sum."""
    found, data = fit(LOGIT), table()
    x, shares, b = data["x"].mean(), data["k"].value_counts(normalize=True), found.fixed["estimate"]
    eta = b["_cons"] + b["x"] * x + sum(shares[k] * (b[f"{k}.k"] + b[f"c.x#{k}.k"] * x) for k in (2, 3))
    variance = found.random["estimate"]["g:var(x)"] * x**2 + found.random["estimate"]["g:var(_cons)"]
    nodes = np.linspace(-10, 10, 2001)
    weights = np.exp(-0.5 * nodes**2) / np.exp(-0.5 * nodes**2).sum()
    expected = weights @ scipy.special.expit(eta + np.sqrt(variance) * nodes)
    assert found.margins(atmeans=True).table["estimate"].iloc[0] == pytest.approx(expected, rel=1e-9)
    balanced = found.margins(asbalanced=True, conditional="fixedonly").table["estimate"].iloc[0]
    eta = b["_cons"] + b["x"] * x + sum((b[f"{k}.k"] + b[f"c.x#{k}.k"] * x) / 3 for k in (2, 3))
    assert balanced == pytest.approx(scipy.special.expit(eta), rel=1e-12)


def test_the_result_does_not_depend_on_how_many_rows_are_worked_on_at_once(monkeypatch):
    whole = fit(LOGIT).margins(at={"x": [-0.4, 1.0]})
    monkeypatch.setattr(averages, "CHUNK", 50)
    parts = fit(LOGIT).margins(at={"x": [-0.4, 1.0]})
    np.testing.assert_allclose(parts.table["estimate"], whole.table["estimate"], rtol=1e-10)
    np.testing.assert_allclose(parts.cov(), whole.cov(), rtol=1e-8)


def test_a_variance_at_its_boundary_is_taken_as_known():
    """Of a fit at the boundary nothing is NaN, and a note says what is not counted."""
    found = fit(LOGIT)
    covariance = np.array(found.estimates.covariance)
    covariance[-1, :] = covariance[:, -1] = np.nan
    held = Fit(found.spec, replace(found.estimates, covariance=covariance), found.encoding)
    margins = held.margins()
    assert (
        np.isfinite(margins.table.to_numpy()).all()
        and margins.table["se"].iloc[0] != found.margins().table["se"].iloc[0]
    )
    assert "Note: variance components without a standard error are taken as known" in str(margins)
    assert held.margins(predict="xb").found.notes == ()


def test_contrasts_after_generalized_models_are_of_the_linear_prediction():
    found = fit(ORDINAL)
    contrast = found.contrast("r.k").table
    np.testing.assert_allclose(contrast["estimate"], found.fixed.loc[["2.k", "3.k"], "estimate"], rtol=1e-9)
    np.testing.assert_allclose(contrast["se"], found.fixed.loc[["2.k", "3.k"], "se"], rtol=1e-7)
    pairs = found.pwcompare("k").table["estimate"]
    assert len(pairs) == 3 and pairs.iloc[0] == pytest.approx(contrast["estimate"].iloc[0], rel=1e-9)


# ------------------------------------------------------------------------------------------------------- nonlinear


def test_margins_of_a_nonlinear_mean():
    found, data = fit(GROWTH), datasets.load("orange")
    age, beta = data["age"].to_numpy(float), found.estimates.coefficients
    vce = found.estimates.coefficient_vce

    def curve(b: np.ndarray, t: np.ndarray) -> np.ndarray:
        return b[0] / (1 + np.exp(-(t - b[1]) / b[2]))

    def slopes(b: np.ndarray) -> np.ndarray:
        return curve(b, age) * (1 - curve(b, age) / b[0]) / b[2]

    cases = {
        "mean": ({}, lambda b: curve(b, age).mean()),
        "at": ({"at": {"age": 800}}, lambda b: curve(b, np.array(800.0))),
        "atmeans": ({"atmeans": True}, lambda b: curve(b, age.mean())),
        "dydx": ({"dydx": "age"}, lambda b: slopes(b).mean()),
        "eyex": ({"eyex": "age"}, lambda b: (slopes(b) * age / curve(b, age)).mean()),
        "eydx": ({"eydx": "age"}, lambda b: (slopes(b) / curve(b, age)).mean()),
    }
    for name, (options, function) in cases.items():
        steps = np.diag(1e-5 * beta)
        jacobian = np.array([(function(beta + h) - function(beta - h)) / (2 * h.sum()) for h in steps])
        margins = found.margins(**options).table.iloc[0]
        assert margins["estimate"] == pytest.approx(function(beta), rel=1e-8), name
        assert margins["se"] == pytest.approx(np.sqrt(jacobian @ vce @ jacobian), rel=1e-6), name
    fixed = found.predict("yhat", conditional="fixedonly").mean()
    assert found.margins().table["estimate"].iloc[0] == pytest.approx(fixed, rel=1e-12)
    assert "Mean where random effects are zero" in str(found.margins())


# --------------------------------------------------------------------------------------------------- marginaleffects


def _marginaleffects() -> Any:
    """The package, whose functions switch all of JAX to double precision when they are imported."""
    import jax

    pytest.importorskip("marginaleffects")
    import marginaleffects

    before = jax.config.read("jax_enable_x64")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("avg_predictions", "avg_slopes"):
            getattr(marginaleffects, name)
    jax.config.update("jax_enable_x64", before)
    return marginaleffects


@pytest.mark.filterwarnings("ignore:.*get_categories:DeprecationWarning")  # of polars, asked by 0.6
@pytest.mark.parametrize("command", [LOGIT, TIMES])
def test_marginaleffects_finds_the_same(command):
    effects = _marginaleffects()
    from mejax.marginaleffects import adapt

    statistic = {LOGIT: "mu", TIMES: "survival"}[command]
    time = 1.5 if command == TIMES else None
    model = adapt(fit(command), statistic, at=time)
    margins = fit(command).margins(predict=statistic, time=time)
    found = effects.avg_predictions(model, eps_vcov=1e-6).to_polars()
    assert found["estimate"][0] == pytest.approx(margins.table["estimate"].iloc[0], rel=1e-9)
    assert found["std_error"][0] == pytest.approx(margins.table["se"].iloc[0], rel=1e-5)
    if command == TIMES:
        return
    slopes = fit(command).margins(dydx="k x", predict=statistic).table
    found = effects.avg_slopes(model, eps_vcov=1e-6).to_polars()
    np.testing.assert_allclose(found["estimate"], slopes["estimate"], rtol=1e-5)
    np.testing.assert_allclose(found["std_error"], slopes["se"], rtol=1e-4)


# ------------------------------------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("command", "options", "message"),
    [
        (LOGIT, {"predict": "reffects"}, "`predict=reffects` belongs to single rows or groups"),
        (LOGIT, {"predict": "pearson"}, "`predict=pearson` belongs to single rows or groups"),
        (LOGIT, {"conditional": "ebmodes"}, "`conditional=ebmodes` are predictions of the groups that were observed"),
        (LOGIT, {"predict": "mean"}, "`mean` is no statistic of this model"),
        (LOGIT, {"time": 1.0}, "says nothing about mu"),
        (TOBIT, {"predict": "density"}, "`predict=density` depends on each row's own response|not density"),
        (TIMES, {"predict": "survival", "time": -1}, "times are counted from 0"),
        (ORDINAL, {"predict": "mu"}, "the categories of an ordinal response have no mean"),
        (GROWTH, {"predict": "xb"}, "unknown statistic `xb`; known are yhat"),
        (GROWTH, {"terms": "tree"}, "names `tree`, which is no factor of the model; factors are none"),
        (GROWTH, {"outcome": 1}, "`outcome=1` says nothing about a nonlinear model"),
    ],
    ids=str,
)
def test_what_cannot_be_had_is_said(command, options, message):
    with pytest.raises(ValueError, match=message):
        fit(command).margins(**options)


# ---------------------------------------------------------------------------------------------------------- pictures


@pytest.fixture
def axes():
    from matplotlib import pyplot as plt

    yield plt.subplots()[1]
    plt.close("all")


def lines(axes: Any) -> list[Any]:
    return [container.lines[0] for container in axes.containers]


def test_a_picture_over_a_covariate(axes):
    margins = fit(LOGIT).margins("k", at={"x": [-1.0, 0.0, 2.0]}, conditional="fixedonly")
    assert margins.plot(ax=axes) is axes
    assert axes.get_xlabel() == "x" and axes.get_ylabel() == "Mean"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["1", "2", "3"]
    assert axes.get_legend().get_title().get_text() == "k"
    values = margins.table["estimate"].to_numpy().reshape(3, 3)
    for place, line in enumerate(lines(axes)):
        np.testing.assert_allclose(line.get_ydata(), values[:, place])
        np.testing.assert_allclose(line.get_xdata(), [-1, 0, 2], atol=0.1)
    limits = axes.containers[1].lines[2][0].get_segments()
    expected = margins.table[["lower", "upper"]].to_numpy()[1::3]
    np.testing.assert_allclose([segment[:, 1] for segment in limits], expected)


def test_a_picture_of_factors_slopes_and_outcomes(axes):
    plots = datasets.load("clippings")
    found = me.mixed("chlorophyll i.thatch##i.nitrogen i.block || nitrogen:", plots, nolog=True)
    found.margins("thatch#nitrogen").plot(ax=axes)
    assert axes.get_xlabel() == "thatch" and axes.get_ylabel() == "Linear prediction, fixed portion"
    names = ["Urea", "Ammonium sulphate", "IBDU", "Urea (SC)"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == names
    assert axes.get_xticks().tolist() == [2, 5, 8] and len(lines(axes)) == 4
    axes.clear()
    found.margins("thatch#nitrogen").plot("nitrogen", by="thatch", interval=False, ax=axes)
    assert [text.get_text() for text in axes.get_xticklabels()] == names and len(lines(axes)) == 3
    assert not axes.containers[0].has_yerr
    axes.clear()
    fit(ORDINAL).margins(dydx="x", conditional="fixedonly").plot(ax=axes)
    assert [text.get_text() for text in axes.get_xticklabels()] == ["low", "mid", "high"]
    assert axes.get_ylabel() == "Marginal effect" and axes.get_xlabel() == "outcome"


def test_what_cannot_be_drawn(axes):
    margins = fit(LOGIT).margins("k", at={"x": list(np.linspace(-1, 1, 13))}, conditional="fixedonly")
    with pytest.raises(ValueError, match="`x=arm` does not tell these margins apart; k, _at do"):
        margins.plot("arm", ax=axes)
    with pytest.raises(ValueError, match="`by=x` does not tell these margins apart"):
        margins.plot(by="x", ax=axes)
    with pytest.raises(ValueError, match="13 lines for _at, more than 12; put another name on the axis"):
        margins.plot("k", ax=axes)
    assert fit(LOGIT).margins(conditional="fixedonly").plot(ax=axes) is axes
