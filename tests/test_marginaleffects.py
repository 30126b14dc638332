"""Fits in the hands of marginaleffects.

Estimates and standard errors are held against derivatives of averages that are written out in NumPy, and against what
`fit.predict` says of changed tables.
"""

import functools
import warnings
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest
import scipy.special
import scipy.stats

from mejax import me
from mejax._status import Status
from mejax.fitting import AbstractDegrees
from mejax.results import Fit

pytest.importorskip("marginaleffects")
pl = pytest.importorskip("polars")
from mejax.marginaleffects import adapt  # noqa: E402
from mejax.marginaleffects.parameters import free_places, moved  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:.*get_categories:DeprecationWarning")  # of polars, asked by 0.6
LOGIT = "melogit y x i.k || site: x"
ORDINAL = "grade ~ x + arm + (1 | site)"
LINEAR = "level ~ x * C(k) + z + (1 | group)"


def _imported() -> Any:
    """The package, whose functions switch all of JAX to double precision when they are imported."""
    import marginaleffects

    before = jax.config.read("jax_enable_x64")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("avg_slopes", "hypotheses", "plot_predictions"):
            getattr(marginaleffects, name)
    jax.config.update("jax_enable_x64", before)
    return marginaleffects


effects = _imported()


@functools.cache
def table() -> pd.DataFrame:
    """24 sites of 20: a factor of numbers and one of words, a slope that differs between sites."""
    rng = np.random.default_rng(5)
    n, site = 480, np.repeat(np.arange(24), 20)
    out = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(10.0, 2.0, n), "k": rng.integers(1, 4, n)})
    out["arm"] = rng.choice(["old", "new"], n)
    out["site"] = out["group"] = site
    slopes, constants = 1.2 * rng.normal(size=24), rng.normal(size=24)
    eta = 0.2 + (0.8 + slopes[site]) * out["x"] + 0.7 * (out["k"] == 3) + 0.5 * (out["arm"] == "new") + constants[site]
    out["y"] = (rng.uniform(size=n) < scipy.special.expit(eta)).astype(int)
    out["level"] = eta + rng.normal(size=n)
    out["grade"] = pd.Categorical.from_codes(np.digitize(out["level"], [-1.0, 1.0]), ["low", "mid", "high"], True)
    return out


@functools.cache
def fit(command: str) -> Any:
    if command == LOGIT:
        return me.run(command, table(), nolog=True, intpoints=3)
    return (me.mixed if command == LINEAR else me.meologit)(command, table(), nolog=True)


@functools.cache
def model(command: str, statistic: str = "", conditional: str | None = None) -> Any:
    return adapt(fit(command), statistic, conditional=conditional)


def probabilities(parameters: np.ndarray, data: pd.DataFrame, zero: bool = False) -> np.ndarray:
    """Pr(y = 1) of `LOGIT`, integrated over the random effects by a trapezoid sum (or where they are zero)."""
    x, k = data["x"].to_numpy(), data["k"].to_numpy()
    b, variances = parameters[:4], parameters[4:]
    eta = b[0] * x + b[1] * (k == 2) + b[2] * (k == 3) + b[3]
    nodes = np.linspace(-9.0, 9.0, 181)
    weights = np.exp(-0.5 * nodes**2)
    spread = np.zeros_like(x) if zero else np.sqrt(variances[0] * x**2 + variances[1])
    return scipy.special.expit(eta[:, None] + spread[:, None] * nodes) @ (weights / weights.sum())


def with_error(function, parameters: pd.Series, vce: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Values and standard errors of a function of the parameters, by central differences."""
    steps = 1e-4 * np.eye(len(parameters))
    at = parameters.to_numpy()
    jacobian = np.column_stack([(function(at + h) - function(at - h)) / 2e-4 for h in steps])
    return function(at), np.sqrt(np.einsum("ij,jk,ik->i", jacobian, vce.to_numpy(), jacobian))


def columns(found: Any, *names: str) -> tuple[np.ndarray, ...]:
    return tuple(found.to_polars()[name].to_numpy() for name in names)


def averages_of_logit(at: np.ndarray, zero: bool) -> np.ndarray:
    """The terms of `avg_slopes` in its order: k 2 and 3 against 1, dy/dx."""
    data, h = table(), 1e-5
    of = lambda **new: probabilities(at, data.assign(**new), zero)
    slope = (of(x=data["x"] + h) - of(x=data["x"] - h)) / (2 * h)
    return np.array([(of(k=2) - of(k=1)).mean(), (of(k=3) - of(k=1)).mean(), slope.mean()])


@pytest.mark.parametrize("conditional", [None, "fixedonly"])
def test_average_slopes_of_a_logit_with_their_standard_errors(conditional):
    """The variance of the linear predictor depends on x, and what is not known of it counts."""
    zero = conditional is not None
    found = effects.avg_slopes(model(LOGIT, conditional=conditional), eps_vcov=1e-6)
    values, errors = with_error(lambda at: averages_of_logit(at, zero), fit(LOGIT).params, fit(LOGIT).cov_params())
    estimate, error = columns(found, "estimate", "std_error")
    np.testing.assert_allclose(estimate, values, rtol=1e-6)
    np.testing.assert_allclose(error, errors, rtol=1e-5)
    plain = columns(effects.avg_slopes(model(LOGIT, conditional=conditional)), "std_error")[0]
    np.testing.assert_allclose(plain, errors, rtol=2e-3)


def test_predictions_of_a_grid_and_of_groups():
    adapted = model(LOGIT)
    found = effects.predictions(adapted, newdata=effects.datagrid(k=[1, 3], x=[0.0, 1.5]))
    grid = found.to_polars().select("x", "k").to_pandas()
    values, errors = with_error(lambda at: probabilities(at, grid), fit(LOGIT).params, fit(LOGIT).cov_params())
    np.testing.assert_allclose(found["estimate"], fit(LOGIT).predict("mu", grid, marginal=True), rtol=1e-12)
    np.testing.assert_allclose(found["estimate"], values, rtol=1e-9)
    np.testing.assert_allclose(found["std_error"], errors, rtol=1e-5)
    by = effects.avg_predictions(adapted, by="k").to_polars().sort("k")
    expected = fit(LOGIT).predict("mu", table(), marginal=True).groupby(table()["k"]).mean()
    np.testing.assert_allclose(by["estimate"], expected, rtol=1e-12)
    assert len(effects.predictions(adapted, newdata="balanced")) == 3


def test_comparisons_are_differences_of_predictions():
    data = table()
    at = lambda **new: fit(LOGIT).predict("mu", data.assign(**new), marginal=True).to_numpy()
    found = effects.comparisons(model(LOGIT), variables={"k": [1, 3]})
    np.testing.assert_allclose(found["estimate"], at(k=3) - at(k=1), rtol=0, atol=1e-13)
    found = effects.avg_comparisons(model(LOGIT), variables={"x": 1}, comparison="ratio")
    assert found["estimate"][0] == pytest.approx(at(x=data["x"] + 0.5).mean() / at(x=data["x"] - 0.5).mean())
    pairs = effects.avg_comparisons(model(LOGIT), variables={"k": "pairwise"}, vcov=False)
    assert pairs["contrast"].to_list() == ["2 - 1", "3 - 1", "3 - 2"]


def test_nothing_is_compiled_twice_and_nothing_global_changes(caplog):
    effects.avg_slopes(model(LOGIT))
    before = jax.config.read("jax_enable_x64")
    with jax.log_compiles(), caplog.at_level("WARNING"):
        effects.avg_slopes(model(LOGIT))
    assert not [record for record in caplog.records if "ompiling" in record.getMessage()]
    assert jax.config.read("jax_enable_x64") == before


def test_linear_predictions_have_errors_of_coefficients_alone():
    adapted, found = model(LINEAR), fit(LINEAR)
    assert adapted.get_coefnames().tolist() == found.fixed.index.tolist()
    mean = found.estimates.design.x.mean(axis=0)
    error = np.sqrt(mean @ found.estimates.coefficient_vce @ mean)
    assert effects.avg_predictions(adapted)["std_error"][0] == pytest.approx(error, rel=1e-6)
    slope = columns(effects.avg_slopes(adapted, variables="z", eps_vcov=1e-6), "estimate", "std_error", "p_value")
    expected = found.fixed.loc["z", ["estimate", "se", "p"]].to_numpy(float)
    np.testing.assert_allclose(np.concatenate(slope), expected, rtol=1e-6)
    tested, by_hand = effects.hypotheses(adapted, hypothesis="x = z"), found.lincom("x - z").table
    assert tested["estimate"][0] == pytest.approx(by_hand["estimate"].iloc[0], rel=1e-6)
    assert tested["std_error"][0] == pytest.approx(by_hand["se"].iloc[0], rel=1e-6)


def test_rows_with_missing_values_and_without_groups():
    """`group` is the grouping variable, and a name that marginaleffects keeps."""
    new = table().drop(columns=["group", "level"]).assign(x=lambda t: t["x"].where(t.index % 7 > 0))
    found = effects.predictions(model(LINEAR), newdata=new)
    np.testing.assert_allclose(found["estimate"], fit(LINEAR).predict("xb", new).dropna(), rtol=1e-13)
    assert "group" not in model(LINEAR).get_modeldata().columns


def test_outcomes_stand_in_groups():
    adapted, data = model(ORDINAL), table()
    expected = fit(ORDINAL).predict("pr", data, marginal=True)
    found = effects.predictions(adapted).to_polars().sort("group", "rowid")
    np.testing.assert_allclose(found["estimate"], expected.to_numpy().T.ravel(), rtol=1e-12)
    averaged = effects.avg_predictions(adapted, by="arm").to_polars().sort("arm", "group")
    assert averaged["group"].to_list() == ["low", "mid", "high"] * 2
    means = expected.groupby(data["arm"]).mean()
    np.testing.assert_allclose(averaged["estimate"], means.to_numpy().ravel(), rtol=1e-12)
    one = effects.avg_predictions(adapt(fit(ORDINAL), outcome="mid"))
    assert one["estimate"][0] == pytest.approx(expected["mid"].mean(), rel=1e-12)
    single = effects.avg_predictions(adapted).to_polars().filter(pl.col("group") == "mid")
    assert one["std_error"][0] == pytest.approx(single["std_error"][0], rel=1e-6)


@pytest.mark.skipif(int(pl.__version__.split(".")[0]) > 1, reason="marginaleffects 0.6 needs polars 1 to compare words")
def test_words_are_compared():
    found = effects.avg_comparisons(model(ORDINAL), variables="arm").to_polars().sort("group")
    at = lambda arm: fit(ORDINAL).predict("pr", table().assign(arm=arm), marginal=True).mean()
    np.testing.assert_allclose(found["estimate"], at("old") - at("new"), rtol=1e-9)
    assert found["contrast"].unique().to_list() == ["old - new"] and abs(found["estimate"].sum()) < 1e-12


def test_parameters_at_the_estimates_give_the_estimates():
    for command in (LOGIT, ORDINAL, LINEAR):
        predictor, estimates = model(command).predictor, fit(command).estimates
        found = moved(estimates, predictor.places, estimates.printed[predictor.places])
        np.testing.assert_array_equal(found.printed, estimates.printed)
        np.testing.assert_array_equal(found.aux, estimates.aux)
        for one, other in zip(found.sigmas, estimates.sigmas, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-14)


def test_parameters_without_a_standard_error_are_held():
    """A component at a boundary is; after a fit that failed everything unknown makes standard errors unknown."""
    estimates = fit(LOGIT).estimates
    covariance = np.array(estimates.covariance)
    covariance[4, :] = covariance[:, 4] = np.nan
    assert free_places(estimates, True).tolist() == [0, 1, 2, 3, 4, 5]
    assert free_places(estimates, False).tolist() == [0, 1, 2, 3]
    assert free_places(replace(estimates, covariance=covariance), True).tolist() == [0, 1, 2, 3, 5]
    lost = replace(estimates, covariance=np.full((6, 6), np.nan), status=Status.SEPARATED)
    assert free_places(lost, True).tolist() == [0, 1, 2, 3]


@dataclass(frozen=True)
class Twelve(AbstractDegrees):
    """12 degrees of freedom, those of `x` 9."""

    def of(self, row):
        return 9.0 if row[1] else 12.0

    def joint(self, rows):
        return 1.0, 12.0


def test_degrees_of_freedom_are_the_smallest():
    found = fit(LINEAR)
    small = adapt(Fit(found.spec, replace(found.estimates, degrees=Twelve("residual")), found.encoding))
    tested = effects.hypotheses(small).to_polars()
    expected = 2 * scipy.stats.t.sf(np.abs(tested["statistic"].to_numpy()), 9)
    np.testing.assert_allclose(tested["p_value"], expected, atol=1e-14)


def test_joint_tests_where_every_covariate_has_a_coefficient():
    found = me.mixed("level ~ x + z + (1 | site)", table(), nolog=True)
    tested = effects.hypotheses(adapt(found), joint=["x", "z"])
    assert tested["statistic"][0] == pytest.approx(found.test("x", "z").chi2 / 2, rel=1e-9)
    assert tested["p_value"][0] == pytest.approx(found.test("x", "z").p, abs=1e-8)


def test_pictures():
    from matplotlib import pyplot as plt

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        picture = effects.plot_predictions(model(LINEAR), condition=["x", "k"])
        picture.draw()
    drawn = effects.plot_slopes(model(LOGIT), variables="x", condition="k", draw=False)
    assert len(picture.data) == 300 and drawn["k"].to_list() == [1, 2, 3]
    plt.close("all")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adapt(fit(LOGIT), "reffects"), "`statistic=reffects` is no function of covariates .* gives `mu`"),
        (lambda: adapt(fit(LINEAR), "fitted"), "`statistic=fitted` .* gives `xb`"),
        (lambda: adapt(fit(LOGIT), "density"), "`marginal` averages mu, pr over random effects, not density"),
        (lambda: adapt(fit(LOGIT), "mean"), "`mean` is no statistic of this model"),
        (lambda: adapt(fit(LOGIT), conditional="ebmeans"), "leave it out for the population"),
        (lambda: adapt(fit(LINEAR), outcome=1), "`outcome=1` says nothing about a linear model"),
        (lambda: effects.avg_slopes(model(LINEAR), vcov="HC3"), "fit with `vce` instead of asking for `HC3`"),
        (lambda: effects.hypotheses(model(LOGIT), joint=["x"]), "`joint` needs a coefficient for each covariate"),
    ],
)
def test_what_cannot_be_had_is_said(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_covariate_with_a_reserved_name_is_refused():
    data = table().rename(columns={"x": "term"})
    with pytest.raises(ValueError, match="keeps the name `term` for its results"):
        adapt(me.mixed("level ~ term + (1 | site)", data, nolog=True))
