"""Bad input to `mixed`: one clear error, or a fit whose status and notes say what is wrong.

Never a traceback out of JAX, never NaN as an estimate or a log likelihood, never a Python warning (pytest makes those
errors).
"""

import functools
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from references import data

from mejax import me
from mejax.syntax import SyntaxProblem

ROWS = 60


def table(**columns) -> pd.DataFrame:
    """60 rows, 12 groups `g` of five in three groups `s`; h runs within groups; columns are added or replaced."""
    rng = np.random.default_rng(1)
    g = np.repeat(np.arange(12), 5)
    out = pd.DataFrame({"g": g, "s": g // 4, "h": np.tile(np.arange(5), 12), "w": 1, "i": np.arange(ROWS), "o": 1})
    out["x"], out["z"] = rng.normal(size=ROWS), rng.normal(size=ROWS)
    u = rng.normal(size=(12, 2))
    out["y"] = 1 + out.x + u[g, 0] + 0.5 * u[g, 1] * out.x + rng.normal(size=ROWS)
    return out.assign(**columns)


def mixed(model: str, data: Any = None, **options: Any) -> Any:
    return me.mixed(model, table() if data is None else data, nolog=True, **options)


@functools.cache
def fit(model: str, **options: Any) -> Any:
    return mixed(model, **options)


def changed(row: int, column: str, value: float) -> pd.DataFrame:
    out = table()
    out.loc[row, column] = value
    return out


# ------------------------------------------------------------------------------------------------- refused, with words

REFUSED = {
    # the text of the model
    "missing column": (lambda: mixed("y q || g:"), "the table has no column `q`(.|\n)*Its columns are g, s, h"),
    "missing column in another case": (lambda: mixed("y X || g:"), "no column `X`(.|\n)*Did you mean `x`"),
    "missing group": (lambda: mixed("y x || G:"), "no column `G`(.|\n)*Did you mean `g`"),
    "misspelt option": (lambda: mixed("y x || g:, covarance(un)"), "`covarance` is not an option of mixed"),
    "misspelt keyword": (lambda: mixed("y x || g:", covarance="un"), "`covarance` is not a keyword of mixed"),
    "unbalanced parenthesis": (lambda: mixed("y x || g: x, cov(un"), r"`\(` is never closed(.|\n)*Add a `\)`"),
    "unbalanced formula": (lambda: mixed("y ~ x + (1 | g"), r"`\(` is never closed"),
    "unknown covariance": (lambda: mixed("y x || g: x, cov(ar)"), "`ar` is not a known covariance type(.|\n)*Known:"),
    "unknown covariance keyword": (lambda: mixed("y x || g: x", covariance="diag"), "`diag` is not a known covariance"),
    "unknown vce": (lambda: mixed("y x || g:", vce="hc3"), "`hc3` is not a known vce(.|\n)*Known: oim, robust"),
    "no text": (lambda: mixed(""), "the response is missing"),
    "level twice": (lambda: mixed("y x || g: || g:"), "the equation of level `g` has its constant twice"),
    "confidence level": (lambda: mixed("y x || g:, level(150)"), "between 10 and 99.99, got 150"),
    "confidence level keyword": (lambda: mixed("y x || g:", level=0), "between 10 and 99.99, got 0"),
    "negative iterations": (lambda: mixed("y x || g:", iterate=-1), "a whole number was expected"),
    "negative tolerance": (lambda: mixed("y x || g:, tolerance(-1)"), "a tolerance cannot be negative"),
    # the response and the covariates
    "empty sample": (lambda: mixed("y x if x > 100 || g:"), "no observations: of 60 rows `if x > 100` removed 60"),
    "rows outside the table": (lambda: mixed("y x in 1/100 || g:"), "`in 1/100` is no range of rows of this table"),
    "constant response": (lambda: mixed("c x || g:", table(c=3.0)), "Check that the response is not constant"),
    "constant response, reml": (lambda: mixed("c x || g:, reml", table(c=3.0)), "is not constant"),
    "response of zeros": (lambda: mixed("c x || g:", table(c=0)), "no residual variation is left"),
    "response among the covariates": (lambda: mixed("x x || g:"), "reproduce the response exactly"),
    "infinite response": (lambda: mixed("y x || g:", changed(3, "y", np.inf)), "`y` has an infinite value in row 4"),
    "infinite covariate": (lambda: mixed("y x || g:", changed(5, "x", -np.inf)), "`x` has an infinite value in row 6"),
    "text response": (lambda: mixed("y x || g:", table(y="a")), "the response `y` holds text, not numbers"),
    "categorical response": (lambda: mixed("y x || g:", table(y=pd.Categorical(["a", "b"] * 30))), "holds categories"),
    "dates as response": (lambda: mixed("y x || g:", table(y=pd.Timestamp("2020-01-01"))), "`y` holds dates"),
    "complex response": (lambda: mixed("y x || g:", table(y=1j)), "`y` holds complex numbers"),
    "text covariate": (lambda: mixed("y x || g:", table(x="a")), "`x` holds text(.|\n)*i.x"),
    "mixed objects": (lambda: mixed("y x || g:", table(x=[1.0, "a"] * 30)), "`x` holds Python objects"),
    "more columns than rows": (lambda: mixed("y i.i || g:"), "reproduce the response exactly"),
    "more columns than rows left": (lambda: mixed("y x z in 1/3 || g:"), "reproduce the response exactly"),
    "one row": (lambda: mixed("y in 1 || g:"), "no residual variation is left"),
    "all rows missing": (lambda: mixed("y x || g:", table(x=np.nan)), r"missing values removed 60 \(x: 60\)"),
    "all groups missing": (lambda: mixed("y x || g:", table(g=np.nan)), r"missing values removed 60 \(g: 60\)"),
    # the table
    "no rows": (lambda: mixed("y x || g:", table().iloc[:0]), "no observations: of 0 rows"),
    "no columns": (lambda: mixed("y x || g:", pd.DataFrame()), "no column `y`(.|\n)*It has no columns"),
    "two columns of a name": (
        lambda: mixed("y x || g:", pd.concat([table(), table()[["x"]]], axis=1)),
        "2 columns called `x`",
    ),
    "column index of two levels": (lambda: mixed("y x || g:", pd.concat({"a": table()}, axis=1)), "no column `y`"),
    "no table": (lambda: me.mixed("y x || g:", None), "cannot read a table of type NoneType"),
    "a list": (lambda: me.mixed("y x || g:", [1, 2]), "cannot read a table of type list"),
    "ragged columns": (lambda: me.mixed("y x || g:", {"y": [1.0, 2], "x": [1.0], "g": [1, 2]}), "differ in length"),
    "lists as groups": (lambda: mixed("y x || g:", table(g=[[1]] * 60)), "cannot be told apart by a group key"),
    # weights and standard errors
    "negative weights": (lambda: mixed("y x [fweight=w] || g:", table(w=-1)), "frequency weights must not be negative"),
    "fractional weights": (lambda: mixed("y x [fweight=w] || g:", table(w=0.5)), "must be integers: `w` is 0.5 in row"),
    "missing weights": (lambda: mixed("y x [fweight=w] || g:", table(w=np.nan)), r"removed 60 \(w: 60\)"),
    "robust with one cluster": (lambda: mixed("y x || o:", vce="robust"), "at least two independent top-level"),
    "one cluster": (lambda: mixed("y x || g:", vce="cluster o"), "there is a single cluster"),
    "robust after reml": (lambda: mixed("y x || g:, reml vce(robust)"), "the restricted likelihood is no sum over"),
    "robust with crossed effects": (lambda: mixed("y x || _all: R.g || _all: R.h, vce(robust)"), "crossed effects or"),
    "clusters that split groups": (lambda: mixed("y x || g:, vce(cluster h)"), "clusters must contain whole groups"),
    "missing cluster variable": (lambda: mixed("y x || g:, vce(cluster q)"), "no column `q`"),
    # starting values and matrices
    "start of another shape": (
        lambda: mixed("y x || g:", start=[1.0, 2, 3]),
        r"`start` must be.*got an array of shape",
    ),
    "start with a gap": (lambda: mixed("y x || g:", start=[np.nan, 0]), "2 finite variance parameters"),
    "start of another model": (
        lambda: mixed("y x || g: x", start=fit("y x || g:").theta),
        "`start` belongs to another model",
    ),
    "printed estimates as start": (lambda: mixed("y x || g:", start=fit("y x || g:").params), "`fit.theta`"),
    "matrix not given": (lambda: mixed("y x || g: x, cov(fixed(f))"), "the matrices given are: none"),
    "matrix of another size": (
        lambda: mixed("y x || g: x, cov(fixed(f))", matrices={"f": np.eye(3)}),
        r"has shape \(3, 3\), but the equation has 2 columns",
    ),
    "matrix not symmetric": (
        lambda: mixed("y x || g: x, cov(fixed(f))", matrices={"f": np.array([[1, 0.2], [0.3, 1]])}),
        "is not symmetric",
    ),
    "matrix not positive definite": (
        lambda: mixed("y x || g: x, cov(fixed(f))", matrices={"f": np.array([[1.0, 2], [2, 1]])}),
        r"the matrix is not positive definite \(smallest eigenvalue -1\), so it is no covariance matrix",
    ),
    "negative variance": (
        lambda: mixed("y x || g:, cov(fixed(f))", matrices={"f": np.array([[-1.0]])}),
        "not positive definite",
    ),
    "infinite matrix": (
        lambda: mixed("y x || g:, cov(fixed(f))", matrices={"f": np.array([[np.inf]])}),
        "has infinite entries",
    ),
    "unstructured R.": (
        lambda: mixed("y || _all: R.g, cov(un)"),
        "covariance `unstructured` is not possible for `R.g`",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    call, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        call()


def test_places_in_the_text_are_shown():
    with pytest.raises(SyntaxProblem) as caught:
        mixed("y x || g: x, cov(unx)")
    assert "\n  y x || g: x, cov(unx)\n                   ^^^\n" in str(caught.value)


UNBUILT = {
    "techniques": ("y x || g:, technique(bfgs)", r"`technique\(bfgs\)` is not built yet(.|\n)*Newton-Raphson"),
    "tables of degrees of freedom": ("y x || g:, reml dfmethod(kroger) dftable(ci)", "`dftable` is not built yet"),
}


@pytest.mark.parametrize("case", UNBUILT)
def test_not_built_yet(case):
    text, words = UNBUILT[case]
    with pytest.raises(NotImplementedError, match=words):
        mixed(text)


def test_a_model_is_a_text():
    with pytest.raises(TypeError, match="a model is a text such as"):
        me.mixed(5, table())  # pyright: ignore[reportArgumentType]


# ------------------------------------------------------------------------------------- fitted, and said what is wrong


def assert_sound(found) -> None:
    """Estimates and log likelihood are numbers, and everything prints."""
    assert np.isfinite(found.llf)
    assert np.all(np.isfinite(found.fixed["estimate"])) and np.all(np.isfinite(found.random["estimate"]))
    assert np.all(np.diff(found.history["llf"]) >= -1e-9)
    text = str(found)
    assert "nan" not in text.lower() and "inf" not in text.lower().replace("information", "")
    for note in found.notes:
        assert note.removeprefix("note: ") in " ".join(text.split())  # long notes are wrapped
    assert "nan" not in found._repr_html_().lower()


FITTED = {
    # name: (call, status, part of a note)
    "one group": (lambda: mixed("y x || o:"), "boundary", "o: the random effects' variance is estimated as zero"),
    "one group, reml": (
        lambda: mixed("y x || o:", reml=True),
        "not_identified",
        "fixed effects reproduce the random effects _cons of o",
    ),
    "groups of one, intercept": (
        lambda: mixed("y x || i:"),
        "not_identified",
        "each group of i holds a single obs.*drop",
    ),
    "groups of one, slopes": (
        lambda: mixed("y x || i: x, cov(un)"),
        "not_identified",
        "each group of i holds a single observation, too few for its random effects",
    ),
    "slope on a constant": (lambda: mixed("y x || g: o"), "converged", "o omitted because of collinearity in the eq"),
    "slope twice": (lambda: mixed("y x || g: x x"), "converged", "x omitted because of collinearity in the equation"),
    "collinear slopes": (
        lambda: mixed("y x || g: x x2, cov(un)", table(x2=2 * table().x)),
        "converged",
        "x2 omitted because of collinearity in the equation of g",
    ),
    "collinear slopes kept": (
        lambda: mixed("y x || g: x x2, collinear", table(x2=2 * table().x)),
        "not_identified",
        r"does not change along a combination of g:var\(x\), g:var\(x2\)",
    ),
    "covariate twice": (lambda: mixed("y x x || g:"), "converged", "note: x omitted because of collinearity"),
    "covariate of zeros": (lambda: mixed("y x c || g:", table(c=0)), "converged", "c omitted because of collinearity"),
    "level equal to its parent": (
        lambda: mixed("y x || g: || k:", table(k=table().g * 10)),
        "not_identified",
        "each g holds one k: their random effects cannot be told apart",
    ),
    "a factor twice": (
        lambda: mixed("y x || _all: R.g || _all: R.k", table(k=table().g * 10)),
        "not_identified",
        "have a random effect in common, whose variance cannot be divided; drop one of them",
    ),
    "a factor with a level per row": (lambda: mixed("y || _all: R.i"), "not_identified", "holds a single observation"),
    "groups that are fixed effects too, reml": (
        lambda: mixed("y i.g || g:, reml"),
        "not_identified",
        "REML says nothing about their variance; drop the one or the other",
    ),
    "response constant within groups": (
        lambda: mixed("c || g:", table(c=table().g * 1.0)),
        "not_converged",
        "the residual variance tends to zero: the random effects reproduce the response exactly",
    ),
    "stopped early": (lambda: mixed("y x || g: x, cov(un) iterate(1)"), "not_converged", r"raise iterate\(\)"),
    "stopped at once": (lambda: mixed("y x || g: x, cov(un) iterate(0)"), "not_converged", "no maximum was reached"),
    "EM alone, stopped early": (
        lambda: mixed("y x || g: x, cov(un) emonly emiterate(2)"),
        "not_converged",
        "no maximum was reached",
    ),
    "variance at zero": (
        lambda: me.mixed("Yield || Batch:", data("dyestuff2"), nolog=True),
        "boundary",
        "Batch: the random effects' variance is estimated as zero; no standard errors",
    ),
    "correlation of one": (
        lambda: mixed("y x || g: x, cov(un)", correlated()),
        "boundary",
        "covariance matrix is singular",
    ),
    "missing rows": (
        lambda: mixed("y x || g:", changed(4, "x", np.nan)),
        "converged",
        r"1 observation with missing values dropped \(x: 1\)",
    ),
}


@pytest.mark.parametrize("covariance", ["independent", "unstructured"])
def test_a_slope_whose_covariate_does_not_vary_within_groups(covariance):
    """Unusual, but identified: variances that differ between groups."""
    found = mixed("y x || g: m", table(m=table().g - 5.5), covariance=covariance)
    assert_sound(found)
    assert found.converged and found.llf >= fit("y x || g:").llf - 1e-9


def correlated() -> pd.DataFrame:
    """Intercept and slope of each group are one and the same number."""
    base, rng = table(), np.random.default_rng(3)
    u, e = rng.normal(size=12), rng.normal(size=ROWS)
    return base.assign(y=1 + base.x + u[base.g] * (1 + base.x) + 0.5 * e)


@pytest.mark.parametrize("case", FITTED)
def test_fitted_with_a_word(case):
    call, status, words = FITTED[case]
    found = call()
    assert_sound(found)
    assert found.status == status
    assert found.converged == (status in ("converged", "boundary"))
    assert any(re.search(words, note) for note in found.notes), found.notes


def test_zero_variance_prints_a_dot():
    found: Any = me.mixed("Yield || Batch:", data("dyestuff2"), nolog=True)
    assert found.random.loc["Batch:var(_cons)", "estimate"] == 0.0
    assert np.isnan(found.random.loc["Batch:var(_cons)", "se"])
    line = next(line for line in str(found).splitlines() if "var(_cons)" in line)
    assert line.split("|")[1].split() == ["0", ".", ".", "."]
    assert (found.lr_test.stat, found.lr_test.p) == (0.0, 1.0)
    assert np.isnan(found.cov_params().loc["Batch:var(_cons)", "Batch:var(_cons)"])
    assert not found.predict("reffects").to_numpy().any() and not found.predict("reses").to_numpy().any()


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("not_converged", "Warning: convergence not achieved."),
        ("not_identified", "Warning: the model is not identified."),
    ],
)
def test_the_output_ends_with_a_warning(status, words):
    found = mixed("y x || g: x, cov(un) iterate(1)") if status == "not_converged" else mixed("y x || i:")
    assert words in str(found).splitlines()


# ----------------------------------------------------------------------------------- unusual, but no reason to fail


@pytest.mark.parametrize(("y_unit", "x_unit"), [(1e12, 1e12), (1e-12, 1e-12), (1e-12, 1e12), (1e12, 1e-12)])
def test_units_do_not_matter(y_unit, x_unit):
    """Estimates and log likelihood are those of the unscaled model, in the other units."""
    base = fit("y x || g: x, cov(un)")
    found = mixed("y x || g: x, cov(un)", table(y=table().y * y_unit, x=table().x * x_unit))
    assert_sound(found)
    assert found.status == base.status == "converged"
    assert found.llf + ROWS * np.log(y_unit) == pytest.approx(base.llf, rel=1e-9)
    slope = y_unit / x_unit
    unit = np.array([slope**2, y_unit**2, slope * y_unit, y_unit**2])
    np.testing.assert_allclose(found.random["estimate"], base.random["estimate"] * unit, rtol=1e-6)
    np.testing.assert_allclose(found.random["se"], base.random["se"] * unit, rtol=1e-6)
    np.testing.assert_allclose(found.fixed["z"], base.fixed["z"], rtol=1e-6)


def test_a_response_far_from_zero():
    base, found = fit("y x || g:"), mixed("y x || g:", table(y=table().y + 1e9))
    np.testing.assert_allclose(found.random["estimate"], base.random["estimate"], rtol=1e-5)
    assert found.fixed.loc["x", "estimate"] == pytest.approx(base.fixed.loc["x", "estimate"], rel=1e-5)


def test_a_slope_whose_covariate_is_far_from_zero_is_never_called_converged_wrongly():
    """At zero, 10^9 standard deviations away, the variance of the intercept is next to nothing the data know of."""
    found = mixed("y x || g: x", table(x=table().x + 1e9))
    assert_sound(found)
    assert found.status in ("not_identified", "boundary")


KEYS = {
    "near the largest integer": lambda g: g + np.int64(2**62),
    "unsigned": lambda g: g.astype(np.uint64) + np.uint64(2**63),
    "negative": lambda g: g - 2**62,
    "fractions": lambda g: g / 7,
    "text": lambda g: g.astype(str),
    "categories, one of them unused": lambda g: pd.Categorical(g, categories=range(-1, 12)),
    "tuples": lambda g: [(k, "a") for k in g],
    "booleans of objects": lambda g: [f"{k}" if k % 2 else int(k) for k in g],
}


@pytest.mark.parametrize("kind", KEYS)
def test_group_keys_of_any_type(kind):
    found = mixed("y x || g:", table(g=KEYS[kind](table().g)))
    assert found.llf == pytest.approx(fit("y x || g:").llf, rel=1e-12)
    assert found.estat.group().table.loc["g"].tolist() == [12, 5, 5.0, 5]


def test_an_unused_column_may_be_there_twice():
    twice = pd.concat([table(), table()[["z"]]], axis=1)
    assert mixed("y x || g:", twice).llf == pytest.approx(fit("y x || g:").llf, rel=1e-12)


@pytest.mark.parametrize("kind", ["object", "Float64", "float32", "boolean"])
def test_number_types(kind):
    if kind == "boolean":
        found = mixed("y x || g:", table(y=table().y > 0))
        assert found.llf == pytest.approx(mixed("y x || g:", table(y=(table().y > 0) * 1.0)).llf, rel=1e-12)
        return
    found = mixed("y x || g:", table(x=table().x.astype(kind)))
    assert found.llf == pytest.approx(fit("y x || g:").llf, rel=1e-12 if kind != "float32" else 1e-5)


def test_repeated_row_labels():
    found = mixed("y x || g:", pd.concat([table(), table()]))
    assert list(found.predict("fitted").index) == [*range(ROWS), *range(ROWS)]


def test_unusual_names():
    long = "a_very_long_name_of_a_grouping_variable_indeed"
    found = mixed(f"y ж || {long}:", table(ж=table().x, **{long: table().g}))
    assert f"{long}:var(_cons)" in found.random.index
    assert_sound(found)
    spaced = mixed("y ~ `a b` + (1 | g)", table(**{"a b": table().x}))
    assert spaced.llf == pytest.approx(fit("y x || g:").llf, rel=1e-12)


# ------------------------------------------------------------------------------------------------------ after the fit

AFTER = {
    "category never seen": (
        lambda f: f.predict("xb", table(h=9)),
        "`h` has a level in row 1 that the estimation sample",
    ),
    "covariate gone": (lambda f: f.predict("xb", table().drop(columns="x")), "the table has no column `x`"),
    "group gone": (lambda f: f.predict("fitted", table().drop(columns="g")), "the table has no column `g`"),
    "unknown statistic": (lambda f: f.predict("resids"), "unknown statistic `resids`; did you mean `residuals`"),
    "statistic of other models": (lambda f: f.predict("mu"), "unknown statistic `mu`; known are xb, stdp"),
    "unknown level": (
        lambda f: f.predict("fitted", relevel="q"),
        "`relevel=q` is no level of this model; levels are g",
    ),
    "residuals of new data": (lambda f: f.predict("residuals", table()), "predict `fitted` on the new data"),
    "unknown coefficient": (lambda f: f.test("weight"), "there is no coefficient `weight`; known are x"),
    "nearly a coefficient": (lambda f: f.test("_con"), "did you mean `_cons`"),
    "no hypothesis": (lambda f: f.test(), "name at least one hypothesis"),
    "product of coefficients": (lambda f: f.lincom("x*_cons"), "is not linear"),
    "nothing to combine": (lambda f: f.lincom(""), "has an empty side"),
    "alpha": (lambda f: f.conf_int(alpha=2), "`alpha` lies between 0 and 1"),
    "contradicting hypotheses": (lambda f: f.test("x = 1", "x = 2"), "the hypotheses contradict one another"),
    "no draws": (lambda f: f.simulate(0), "`n` is the number of draws, .*at least 1; got 0"),
}


@pytest.mark.parametrize("case", AFTER)
def test_refused_after_the_fit(case):
    call, words = AFTER[case]
    with pytest.raises(ValueError, match=words):
        call(fit("y x i.h || g: x"))


def test_what_a_prediction_needs():
    """The fixed part needs no groups, and no prediction needs the response."""
    found = fit("y x i.h || g: x")
    expected = found.predict("xb")
    np.testing.assert_allclose(found.predict("xb", table().drop(columns=["g", "y"])), expected, rtol=1e-12)


LRTEST = {
    "same number of parameters": (lambda: me.lrtest(fit("y x || g:"), fit("y x || g:")), "same number of parameters"),
    "ML and REML": (lambda: me.lrtest(fit("y x || g:"), fit("y x || g:", reml=True)), "one fit is by ML, the other by"),
    "REML and other fixed effects": (
        lambda: me.lrtest(fit("y || g:", reml=True), fit("y x || g:", reml=True)),
        "different fixed effects cannot be compared; fit both by ML",
    ),
    "robust": (lambda: me.lrtest(fit("y x || g:", vce="robust"), fit("y x || g: x")), "robust standard errors"),
    "another response": (lambda: me.lrtest(fit("z x || g:"), fit("y x || g: x")), "different responses"),
    "another sample": (
        lambda: me.lrtest(fit("y x if h > 0 || g:"), fit("y x || g: x")),
        r"different samples \(48 and 60",
    ),
}


@pytest.mark.parametrize("case", LRTEST)
def test_likelihood_ratio_tests_refused(case):
    call, words = LRTEST[case]
    with pytest.raises(ValueError, match=words):
        call()


@pytest.mark.parametrize("statistic", ["xb", "stdp", "fitted", "reffects", "reses"])
def test_predicting_an_empty_table(statistic):
    assert len(fit("y x i.h || g: x").predict(statistic, table().iloc[:0])) == 0


def test_no_random_effects():
    """A linear model by maximum likelihood."""
    found, base = mixed("y x"), table()
    x = np.column_stack([base.x, np.ones(ROWS)])
    b = np.linalg.lstsq(x, base.y, rcond=None)[0]
    s = np.mean((base.y - x @ b) ** 2)
    assert_sound(found)
    assert (found.status, found.lr_test, len(found.groups)) == ("converged", None, 0)
    np.testing.assert_allclose(found.params, [*b, s], rtol=1e-9)
    np.testing.assert_allclose(
        found.bse, [*np.sqrt(s * np.diag(np.linalg.inv(x.T @ x))), s * np.sqrt(2 / ROWS)], rtol=1e-6
    )
    assert found.llf == pytest.approx(-0.5 * ROWS * (np.log(2 * np.pi * s) + 1), rel=1e-12)
    np.testing.assert_allclose(found.fittedvalues, x @ b, rtol=1e-9)
    assert me.lrtest(found, fit("y x || g:")).stat == pytest.approx(fit("y x || g:").lr_test.stat, rel=1e-9)


def test_starting_at_zero_variance():
    """A stationary point of the likelihood, not its maximum."""
    found = mixed("y x || g:", start=np.zeros(2))
    assert found.status == "converged" and found.llf == pytest.approx(fit("y x || g:").llf, rel=1e-9)


# ---------------------------------------------------------------------------------------------------- not right yet


@pytest.mark.parametrize("text", ["y _cons || g:", "y x || g: _cons"])
def test_a_column_with_the_name_of_the_constant(text):
    with pytest.raises(ValueError, match="`_cons`"):
        mixed(text, table(_cons=table().z))


NOUGHT = 0


@pytest.mark.parametrize("level", [NOUGHT, -5, 100, 150])
@pytest.mark.parametrize("call", ["lincom", "icc", "sd"])
def test_confidence_levels_after_the_fit(call, level):
    found = fit("y x || g:")
    calls = {"lincom": lambda: found.lincom("x", level=level), "icc": lambda: found.estat.icc(level=level)}
    with pytest.raises(ValueError, match=f"`level` is a percentage between 0 and 100, such as 95; got {level}"):
        calls.get(call, lambda: found.estat.sd(level=level))()


@pytest.mark.parametrize("case", ["text as start", "fit as start", "no statistic", "a number instead of a fit"])
def test_arguments_of_the_wrong_type(case):
    found = fit("y x || g:")
    calls = {
        "text as start": (lambda: mixed("y x || g:", start="abc"), "`start` must be"),
        "fit as start": (lambda: mixed("y x || g:", start=found), "`start` must be"),
        "no statistic": (lambda: found.predict(None), "unknown statistic"),
        "a number instead of a fit": (lambda: me.lrtest(found, 3), "lrtest"),
    }
    call, words = calls[case]
    with pytest.raises((ValueError, TypeError), match=words):
        call()
