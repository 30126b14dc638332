"""What a user sees of structured within-group errors: tables, `estat`, predictions, new responses.

Everything about the fit is held against n x n matrices made from the printed estimates.
"""

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mejax import me
from mejax.design import ErrorNames
from mejax.fitting import Component
from mejax.post.estat import estat
from mejax.results import Fit
from mejax.syntax import parse
from mejax.syntax.spec import Varlist

MODEL = "y x || id:, residuals(ar 1, t(t) by(sex))"
GROUPS, ROWS = 40, 5
TIMES = np.array([1, 2, 3, 5, 8])


@functools.cache
def table() -> pd.DataFrame:
    """Groups of five errors of which some times are missing, boys' less alike than girls'; rows in random order."""
    rng = np.random.default_rng(5)
    out = pd.DataFrame({"id": np.repeat(np.arange(1, GROUPS + 1), ROWS), "t": np.tile(TIMES, GROUPS)})
    out["sex"] = np.where(out["id"] % 2, "boy", "girl")
    out["x"] = rng.normal(size=len(out))
    errors = []
    for one in range(GROUPS):
        rho, sd = ((0.7, 1.0), (0.3, 2.0))[one % 2]
        gaps = np.abs(np.subtract.outer(TIMES, TIMES))
        errors.append(sd * np.linalg.cholesky(rho**gaps) @ rng.normal(size=ROWS))
    out["y"] = 1 + out["x"] + np.repeat(rng.normal(size=GROUPS), ROWS) + np.concatenate(errors)
    out = out.sample(frac=1, random_state=1)
    out.index = pd.Index([f"r{k}" for k in range(len(out))])
    return out


@functools.cache
def fitted() -> Any:
    return me.mixed(MODEL, table(), nolog=True)


@functools.cache
def matrices() -> tuple[np.ndarray, np.ndarray]:
    """(covariance of the errors, part of the random effects) of all rows at the printed estimates."""
    theta, rows = fitted().random["estimate"], table()
    same = rows["id"].to_numpy()[:, None] == rows["id"].to_numpy()[None, :]
    gaps = np.abs(np.subtract.outer(rows["t"].to_numpy(), rows["t"].to_numpy()))
    errors = np.zeros(same.shape)
    for sex in ("boy", "girl"):
        own = (rows["sex"] == sex).to_numpy()
        errors += (same & own[:, None]) * theta[f"{sex}: var(e)"] * theta[f"{sex}: rho"] ** gaps
    return errors, theta["id:var(_cons)"] * same


def with_components(labels: list[tuple[str, str]], values: list[float], **names: Any) -> Fit:
    """The fit with other errors: labels with their kinds, estimates, standard errors of a tenth."""
    fit = fitted()
    given: dict[str, Any] = {
        "variance": "identity", "correlation": "identity", "order": None, "constant": True, "joint": True,
        "on_mean": False, "headings": ("", ""), **names,
    }  # fmt: skip
    described = [c for c in fit.estimates.component_info if c.equation >= 0]
    described += [Component(label, kind, -2 if label == "corr" else -1) for label, kind in labels]
    count = len(fit.estimates.coefficients) + len(described)
    rng = np.random.default_rng(1)
    root = rng.normal(size=(count, count))
    covariance = 0.01 * (np.eye(count) + 0.02 * (root + root.T))
    estimates = replace(
        fit.estimates, components=np.array([1.2, *values]), component_info=tuple(described), covariance=covariance,
        names=replace(fit.estimates.names, errors=ErrorNames(**given)),
    )  # fmt: skip
    return Fit(fit.spec, estimates, fit.encoding)


# --------------------------------------------------------------------------------------------------------------- tables


def test_the_fit_is_what_the_matrices_say():
    fit, rows = fitted(), table()
    v, x = np.sum(matrices(), axis=0), np.column_stack([rows["x"], np.ones(len(rows))])
    inverse = np.linalg.inv(v)
    fixed = np.linalg.solve(x.T @ inverse @ x, x.T @ inverse @ rows["y"])
    np.testing.assert_allclose(fit.fixed["estimate"], fixed, rtol=1e-8)
    r = rows["y"] - x @ fixed
    llf = -0.5 * (len(rows) * np.log(2 * np.pi) + np.linalg.slogdet(v)[1] + r @ inverse @ r)
    assert fit.llf == pytest.approx(llf, abs=1e-8)


def test_output():
    fit = fitted()
    assert list(fit.random.index) == ["id:var(_cons)", "boy: rho", "boy: var(e)", "girl: rho", "girl: var(e)"]
    text = str(fit)
    assert "\nResidual: AR(1),             |\n    by sex                   |\n                    boy: rho |" in text
    assert "\nLR test vs. linear model: chi2(4) = " in text
    assert "Residual: AR(1),</th>" in fit._repr_html_()
    without = Fit(replace(fit.spec, options={**fit.spec.options, "stddeviations": True}), fit.estimates, fit.encoding)
    assert "girl: sd(e) |" in str(without) and "girl: rho |" in str(without)


@pytest.mark.parametrize(
    ("headings", "labels", "expected"),
    [
        (("Residual: AR(2)", ""), [("phi1", "cov"), ("phi2", "cov"), ("var(e)", "var")], ["Residual: AR(2)"]),
        (("Residual variance: Power _yhat", ""), [("sigma2", "var"), ("delta", "cov"), ("_cons", "var")],
         ["Residual variance:", "    Power _yhat"]),
        (("Residual variance: Power age, by sex", ""), [("boy: sigma2", "var")],
         ["Residual variance: Power age,", "    by sex"]),
        (("", "Residual correlation: AR(1)"), [("var(e)", "var"), ("corr", "corr")], ["Residual correlation: AR(1)"]),
    ],
)  # fmt: skip
def test_headings(headings, labels, expected):
    text = str(with_components(labels, [0.5] * len(labels), headings=headings))
    bar = " " * 29 + "|"
    for line in expected:
        assert line + bar[len(line) :] in text.splitlines()
    for label, _ in labels:
        assert f" {label} |" in text


def test_levels_that_only_name_the_groups_of_errors():
    fit = fitted()
    spec = parse("y x || school: || id:, residuals(independent)", command="mixed")
    kept = [replace(e, columns=Varlist((), False)) for e in spec.equations]
    text = str(Fit(replace(fit.spec, equations=(*fit.spec.equations, *kept)), fit.estimates, fit.encoding))
    assert text.index("id: Identity") < text.index("school: (empty)             ") < text.index("Residual: AR(1),")


def test_intervals_follow_the_kind():
    labels = [("phi1", "cov"), ("var(e)", "var"), ("corr", "corr"), ("rho", "share")]
    found = with_components(labels, [0.4, 2.0, -0.3, 0.8]).random
    for scale, inverse, label in (
        (lambda v: v, lambda v: v, "phi1"),
        (np.log, np.exp, "var(e)"),
        (np.arctanh, np.tanh, "corr"),
        (lambda p: np.log(p / (1 - p)), lambda v: 1 / (1 + np.exp(-v)), "rho"),
    ):
        row = found.loc[label]
        estimate, step = row["estimate"], 1e-6
        half = 1.959963985 * row["se"] * (scale(estimate + step) - scale(estimate - step)) / (2 * step)
        np.testing.assert_allclose(row[["lower", "upper"]], inverse(scale(estimate) + half * np.array([-1, 1])), 1e-6)
    assert found["z"].notna().tolist() == [False, True, False, False, False]


# ---------------------------------------------------------------------------------------------------------------- estat


def test_standard_deviations_and_correlations():
    """Standard errors are those of the delta method, by differences; what has no standard deviation stays as it is."""
    labels = [
        ("boy: var(e1)", "var"), ("boy: var(ea,e b)", "var"), ("boy: cov(e1,ea,e b)", "cov"), ("girl: var(e)", "var"),
        ("girl: cov(e)", "cov"), ("sigma2", "var"), ("_cons", "var"), ("theta1", "cov"), ("rho", "share"),
    ]  # fmt: skip
    fit = with_components(labels, [1.5, 2.5, 0.7, 3.0, -1.1, 0.9, 0.4, -0.2, 0.6])

    def scaled(t: np.ndarray) -> np.ndarray:
        root = np.sqrt
        return np.array([
            root(t[0]), root(t[1]), root(t[2]), t[3] / root(t[1] * t[2]), root(t[4]), t[5] / t[4], root(t[6]), *t[7:],
        ])  # fmt: skip

    theta, steps = fit.estimates.components, 1e-6 * np.eye(10)
    jacobian = np.stack([(scaled(theta + d) - scaled(theta - d)) / 2e-6 for d in steps], axis=1)
    found = fit.estat.sd().table
    assert list(found.index) == [
        "id:sd(_cons)", "boy: sd(e1)", "boy: sd(ea,e b)", "boy: corr(e1,ea,e b)", "girl: sd(e)", "girl: corr(e)",
        "sigma", "_cons", "theta1", "rho",
    ]  # fmt: skip
    np.testing.assert_allclose(found["estimate"], scaled(theta), rtol=1e-12)
    errors = np.sqrt(np.diag(jacobian @ fit.estimates.component_vce @ jacobian.T))
    np.testing.assert_allclose(found["se"], errors, rtol=1e-7)
    unchanged = ["_cons", "theta1", "rho"]
    pd.testing.assert_frame_equal(found.loc[unchanged], fit.random.loc[unchanged, found.columns])


def test_correlations_within_a_cluster():
    """Rows come in the order of time; the first cluster is that of the table's first row."""
    fit, rows = fitted(), table()
    v = np.sum(matrices(), axis=0)
    for one, found in ((rows["id"].iloc[0], fit.estat.wcorrelation()), (7, fit.estat.wcorrelation(at={"id": 7}))):
        place = np.flatnonzero(rows["id"] == one)
        place = place[np.argsort(rows["t"].iloc[place])]
        sd = np.sqrt(np.diag(v)[place])
        np.testing.assert_allclose(found.table, v[np.ix_(place, place)] / np.outer(sd, sd), rtol=1e-7)
        np.testing.assert_allclose(found.sd, sd, rtol=1e-7)
        assert list(found.table.index) == list(rows.index[place]) and found.data["t"].tolist() == [1, 2, 3, 5, 8]
        assert f"for id = {one}:" in str(found) and "\n           5 |   0." in str(found)


def test_no_intraclass_correlation():
    with pytest.raises(ValueError, match="intraclass correlations need independent errors with one variance"):
        fitted().estat.icc()


def test_without_random_effects_there_is_no_matrix_of_theirs():
    fit = fitted()
    names = replace(fit.estimates.names, effects=())
    with pytest.raises(ValueError, match="the model has no random effects"):
        estat.recovariance(replace(fit.estimates, names=names))


# ------------------------------------------------------------------------------------------------ predictions and draws


def test_predictions():
    fit, rows = fitted(), table()
    errors, random = matrices()
    x = np.column_stack([rows["x"], np.ones(len(rows))])
    xb = x @ fit.fixed["estimate"]
    modes = random @ np.linalg.solve(errors + random, rows["y"] - xb)
    np.testing.assert_allclose(fit.predict("reffects")["id:_cons"], modes, rtol=1e-7)
    conditional = np.diag(random - random @ np.linalg.solve(errors + random, random))
    np.testing.assert_allclose(fit.predict("reses")["id:_cons"], np.sqrt(conditional), rtol=1e-7)
    standardised = (rows["y"] - xb - modes) / np.sqrt(np.diag(errors))
    pd.testing.assert_series_equal(fit.predict("rstandard"), standardised.rename("rstandard"), rtol=1e-7)
    np.testing.assert_allclose(fit.predict("fitted", rows.iloc[:9]), (xb + modes)[:9], rtol=1e-7)


def test_draws_have_the_covariance_of_the_model():
    fit, rows = fitted(), table()
    draws = fit.simulate(1000, seed=2).to_numpy() - fit.predict().to_numpy()[:, None]
    v = np.sum(matrices(), axis=0)
    for sex in (0, 1):
        groups = [np.flatnonzero(rows["id"] == g) for g in range(1, GROUPS + 1) if g % 2 == sex]
        groups = [g[np.argsort(rows["t"].iloc[g])] for g in groups]
        expected = v[np.ix_(groups[0], groups[0])]
        drawn = np.concatenate([draws[g] for g in groups], axis=1)
        spread = np.sqrt((np.outer(np.diag(expected), np.diag(expected)) + expected**2) / drawn.shape[1])
        assert np.all(np.abs(np.cov(drawn) - expected) < 4.5 * spread)


def test_labels_in_hypotheses():
    fit = fitted()
    for text in ("boy: var(e) = 1", "boy:var(e) = 1", "_b[boy: var(e)] = 1"):
        assert fit.test(text).chi2 == pytest.approx(((fit.params["boy: var(e)"] - 1) / fit.bse["boy: var(e)"]) ** 2)
    difference = fit.lincom("boy: rho - girl: rho").table["estimate"].iloc[0]
    assert difference == pytest.approx(fit.params["boy: rho"] - fit.params["girl: rho"])


def test_likelihood_ratio_of_error_structures():
    """Parameters of the errors are not at a boundary, so that the statistic is a plain chi-squared."""
    fit = fitted()
    plain = me.mixed("y x || id:", table(), nolog=True)
    found = me.lrtest(plain, fit)
    assert (found.df, found.kind, found.conservative) == (3, "chi2(3)", False)
    assert found.stat == pytest.approx(2 * (fit.llf - plain.llf))
    without = replace(plain.estimates, names=replace(plain.estimates.names, effects=()), parameters=3)
    without = replace(without, component_info=plain.estimates.component_info[1:])
    both = me.lrtest(Fit(plain.spec, without, plain.encoding), fit)
    assert (both.df, both.kind) == (4, "chibar2(3_4)")
