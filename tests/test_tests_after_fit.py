"""`test`, `testparm`, `lincom`, `nlcom`, what `lrtest` refuses, contrasts of a fit.

Numbers are compared with finite differences and with what is computed by hand.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from scipy.special import expit, logit

from mejax import me
from mejax.design import FixedColumn
from mejax.fitting import AbstractDegrees
from mejax.results import Fit
from mejax.tables import number


@dataclass(frozen=True)
class Fake(AbstractDegrees):
    """Degrees of freedom that tell what they were asked."""

    def of(self, row):
        return 7.0 + np.abs(row).sum()

    def joint(self, rows):
        assert np.linalg.matrix_rank(rows) == len(rows) and rows.shape[1] == 9
        return 0.9, 5.5 + len(rows)


def make_table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    out = pd.DataFrame({"g": np.repeat(np.arange(20), 6), "x": rng.normal(size=120), "x2": rng.normal(size=120)})
    out["a"], out["b"] = rng.integers(1, 4, 120), rng.choice(["high", "low now", "o'b"], 120)
    out["y"] = 1 + out.x + rng.normal(size=20)[out.g] + rng.normal(size=120)
    return out


TABLE = make_table()


@pytest.fixture(scope="module")
def fit() -> Fit:
    """The suite's spelling: x 2.a 3.a c.x#2.a c.x#3.a "low now.b" o'b.b x2 _cons."""
    return me.mixed("y c.x##i.a i.b x2 || g:", TABLE, nolog=True)


@pytest.fixture(scope="module")
def formula() -> Fit:
    return me.mixed("y ~ x*C(a) + b + log(abs(x2)) + x2 + (1 | g)", TABLE, nolog=True)


def altered(fit: Fit, **changes: Any) -> Fit:
    return Fit(fit.spec, replace(fit.estimates, **changes), fit.encoding)


def relabelled(fit: Fit, labels: list[str], equations: list[str] | None = None, ancillary: int = 0) -> Fit:
    """The same numbers under other labels; the last `ancillary` coefficients as ancillary parameters."""
    estimates = fit.estimates
    count = len(labels) - ancillary
    named = list(zip(labels[:count], equations or [""] * count, strict=True))
    columns = tuple(
        FixedColumn(name, "", name, name, k, constant=name.endswith("_cons"), equation=e)
        for k, (name, e) in enumerate(named)
    )
    return altered(
        fit,
        names=replace(estimates.names, fixed=columns),
        coefficients=estimates.coefficients[:count],
        ancillary=estimates.coefficients[count:],
        ancillary_labels=tuple(labels[count:]),
    )


def wald(fit: Fit, rows: np.ndarray, values: Any = 0.0) -> float:
    difference = rows @ fit.params.to_numpy() - values
    vce = np.nan_to_num(fit.cov_params().to_numpy())
    return float(difference @ np.linalg.solve(rows @ vce @ rows.T, difference))


def selected(fit: Fit, labels: list[str]) -> np.ndarray:
    names = list(fit.params.index)
    return np.eye(len(names))[[names.index(label) for label in labels]]


# ----------------------------------------------------------------------------------------------------------------- test


def test_an_f_test_of_coefficients(fit):
    small = altered(fit, degrees=Fake("satterthwaite"))
    found = small.test("x = 1", "x2", small=True)
    chi2 = wald(fit, selected(fit, ["x", "x2"]), [1.0, 0.0])
    assert (found.chi2, found.df) == (pytest.approx(chi2), 2)
    assert (found.F, found.ddf) == (pytest.approx(0.9 * chi2 / 2), 7.5)
    assert found.p == pytest.approx(scipy.stats.f.sf(found.F, 2, 7.5))
    stat, p = f"{found.F:>6.2f}", f"{found.p:>6.4f}"
    assert str(found) == (f" ( 1)  x = 1\n ( 2)  x2 = 0\n\n          F(2, 7.50) = {stat}\n            Prob > F = {p}")
    assert repr(found) == str(found)


def test_a_chi_squared_test_has_no_f(fit):
    found = fit.test("x = 1", "x2")
    assert (found.F, found.ddf) == (None, None)
    assert found.p == pytest.approx(scipy.stats.chi2.sf(found.chi2, 2))


def test_what_follows_from_other_hypotheses_counts_once(fit):
    small = altered(fit, degrees=Fake("kroger"))
    one = small.test("x2", small=True)
    two = small.test("x2", "2*x2 = 0", small=True)
    assert (two.df, two.F, two.ddf) == (1, pytest.approx(one.F), 6.5)
    assert two.text.endswith("Note: 1 of the hypotheses follows from the others.")


def test_the_test_of_the_header_has_the_degrees_of_freedom_of_the_fit(fit):
    found = altered(fit, degrees=Fake("kroger")).wald
    assert found is not None and (found.df, found.ddf) == (8, 13.5)
    assert str(found) == f"F(8, 13.50) = {found.F:.2f}   Prob > F = {found.p:.4f}"
    assert found.F == pytest.approx(0.9 * fit.wald.chi2 / 8)
    assert found.printed.kind == "F" and found.printed.denominator == 13.5


SMALL = {
    "no degrees": (lambda f: f.test("x", small=True), "small=True needs the denominator degrees of freedom"),
    "no degrees in lincom": (lambda f: f.lincom("x", small=True), r'fit it by `mixed` with `dfmethod="satterthwaite"`'),
    "no degrees in testparm": (lambda f: f.testparm("i.a", small=True), "testparm: small=True needs the denominator"),
    "a variance": (
        lambda f: altered(f, degrees=Fake("kroger")).test("x = g:var(_cons)", small=True),
        "degrees of freedom belong to coefficients, and `g:var",
    ),
}


@pytest.mark.parametrize("case", SMALL)
def test_small_samples_refused(fit, case):
    call, words = SMALL[case]
    with pytest.raises(ValueError, match=words):
        call(fit)


# --------------------------------------------------------------------------------------------------------------- lincom


def test_student_t(fit):
    shown = altered(fit, degrees=Fake("kroger")).lincom("x - x2", small=True, level=90)
    weights = selected(fit, ["x", "x2"])
    weights = weights[0] - weights[1]
    estimate = weights @ fit.params.to_numpy()
    se = np.sqrt(weights @ fit.cov_params().to_numpy() @ weights)
    row = shown.table.loc["(1)"]
    assert list(shown.table) == ["estimate", "se", "t", "df", "p", "lower", "upper"]
    assert (row.estimate, row.se, row.df) == (pytest.approx(estimate), pytest.approx(se), 9.0)
    assert row.p == pytest.approx(2 * scipy.stats.t.sf(abs(estimate / se), 9))
    assert row.lower == pytest.approx(estimate - scipy.stats.t.ppf(0.95, 9) * se)
    lines = str(shown).splitlines()
    assert lines[:2] == [" ( 1)  x - x2", ""]
    assert lines[3] == "           y | Coefficient  Std. err.      t    P>|t|     [90% conf. interval]"


def test_exponentiated_combinations(fit):
    plain, ratio = fit.lincom("x - x2").table.loc["(1)"], fit.lincom("x - x2", eform=True)
    row = ratio.table.loc["(1)"]
    assert row.estimate == pytest.approx(np.exp(plain.estimate)) and row.upper == pytest.approx(np.exp(plain.upper))
    assert row.se == pytest.approx(plain.se * np.exp(plain.estimate)) and row.z == pytest.approx(plain.z)
    assert "           y |     exp(b)   Std. err." in str(ratio)


MALFORMED: dict[str, tuple[Any, str]] = {
    "a sign at the end": (
        lambda f: f.test("x + "),
        "`x [+]`: a coefficient or a number is missing after the last sign",
    ),
    "a sign before the equals sign": (lambda f: f.test("x - = 1"), "missing after the last sign"),
    "infinite": (lambda f: f.test("x = 1e400"), "a number is too large"),
    "parentheses": (lambda f: f.test("(x + 2.a)/2 = 1"), "has parentheses or a division.*write 0.5"),
    "a product": (lambda f: f.test("2*(x + x2) = 1"), "has parentheses or a division"),
    "a hypothesis": (lambda f: f.lincom("x = 1"), "lincom: `x = 1` is a hypothesis"),
    "nothing": (lambda f: f.lincom(None), "a combination is a text such as .*; got None"),
    "a number": (lambda f: f.lincom(3), "a combination is a text such as .*; got 3"),
    "a large exponent": (lambda f: f.lincom("x*1e6", eform=True), "too large to be shown; leave out eform"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_hypotheses(fit, case):
    call, words = MALFORMED[case]
    with pytest.raises(ValueError, match=words):
        call(fit)


def test_interactions_in_any_order(fit, formula):
    for label in ("2.a#c.x", "x#2.a", "2.a#x", "y:x#2.a", "[y]2.a#c.x"):
        assert fit.test(label).chi2 == pytest.approx(fit.test("c.x#2.a").chi2, rel=1e-12)
    assert fit.test("c.x").chi2 == fit.test("x").chi2
    assert fit.nlcom("exp(x#2.a)").table["estimate"].iloc[0] == pytest.approx(np.exp(fit.params["c.x#2.a"]))
    assert formula.test("C(a)[T.2]:x").chi2 == formula.test("x:C(a)[T.2]").chi2
    with pytest.raises(ValueError, match="no coefficient `x#4.a`"):
        fit.test("x#4.a")


def test_a_variance_of_zero_is_at_the_boundary(fit):
    words = "Note: zero lies on the boundary of the parameter space for g:var(_cons)"
    assert words in fit.test("g:var(_cons)").text and words in fit.test("x", "g:var(_cons) = 0").text
    for inside in (("g:var(_cons) = 1",), ("g:var(_cons) = var(Residual)",), ("x",)):
        assert "boundary" not in fit.test(*inside).text


def without_errors(fit: Fit, label: str) -> Fit:
    """The fit as it is where a component lies at its boundary."""
    place, covariance = list(fit.params.index).index(label), fit.estimates.covariance.copy()
    covariance[place, :] = covariance[:, place] = np.nan
    return altered(fit, covariance=covariance)


def test_components_without_a_standard_error(fit):
    at_zero = without_errors(fit, "g:var(_cons)")
    with pytest.raises(ValueError, match="lincom: a variance component named has no standard error"):
        at_zero.lincom("g:var(_cons)")
    with pytest.raises(ValueError, match="nlcom: `icc` uses `g:var\\(_cons\\)`, which has no standard error"):
        at_zero.nlcom("icc: g:var(_cons)/var(Residual)")
    assert np.isfinite(at_zero.nlcom("sqrt(var(Residual))").table.to_numpy()).all()


# ------------------------------------------------------------------------------------------------------------- testparm

A, B, AX = ["2.a", "3.a"], ["low now.b", "o'b.b"], ["c.x#2.a", "c.x#3.a"]
TERMS = {
    "a factor": (("i.a",), A),
    "its heading": (("a",), A),
    "one level": (("3.a",), ["3.a"]),
    "chosen levels": (("i(2 3).a",), A),
    "an interaction": (("a#c.x",), AX),
    "in the other order": (("c.x # a",), AX),
    "one cell of it": (("3.a#c.x",), ["c.x#3.a"]),
    "all of it": (("c.x##i.a",), ["x", *A, *AX]),
    "a group": (("i.(a b)",), [*A, *B]),
    "several in one text": (("x2 i.b",), [*B, "x2"]),
    "several texts": (("x2", "i.a"), [*A, "x2"]),
    "in the other order, bare": (("x#a",), AX),
    "a cell, bare": (("x#2.a",), ["c.x#2.a"]),
    "all of it, bare": (("x##a",), ["x", *A, *AX]),
    "a bare group": (("(x a)",), ["x", *A]),
    "with its operator": (("c.x",), ["x"]),
    "everything": (("*",), ["x", *A, *AX, *B, "x2"]),
    "a wildcard": (("x*",), ["x", "x2"]),
    "a question mark": (("x?",), ["x2"]),
    "all factors": (("i.*",), [*A, *B]),
    "labels": (("_b[o'b.b]", "[y]x", "y:x2"), ["x", "o'b.b", "x2"]),
    "a level with a blank": (("low now.b",), ["low now.b"]),
    "the intercept": (("_cons",), ["_cons"]),
}


@pytest.mark.parametrize("case", TERMS)
def test_terms(fit, case):
    terms, labels = TERMS[case]
    found = fit.testparm(*terms)
    assert found.df == len(labels) and found.chi2 == pytest.approx(wald(fit, selected(fit, labels)), rel=1e-8)
    assert [line[7:] for line in str(found).splitlines()[: found.df]] == [f"[y]{label} = 0" for label in labels]


FORMULA_TERMS = {
    "a term": ("C(a)", ["C(a)[T.2]", "C(a)[T.3]"]),
    "its variable": ("a", ["C(a)[T.2]", "C(a)[T.3]"]),
    "bare with a hash": ("x#a", ["x:C(a)[T.2]", "x:C(a)[T.3]"]),
    "in the suite's way": ("i.a", ["C(a)[T.2]", "C(a)[T.3]"]),
    "a text column": ("b", ["b[T.low now]", "b[T.o'b]"]),
    "text in the suite's way": ("i.b", ["b[T.low now]", "b[T.o'b]"]),
    "an interaction": ("x:C(a)", ["x:C(a)[T.2]", "x:C(a)[T.3]"]),
    "in another order": ("C(a) : x", ["x:C(a)[T.2]", "x:C(a)[T.3]"]),
    "with a hash": ("a#c.x", ["x:C(a)[T.2]", "x:C(a)[T.3]"]),
    "a transformation": ("log(abs(x2))", ["log(abs(x2))"]),
    "a label": ("C(a)[T.3]", ["C(a)[T.3]"]),
    "a wildcard over labels": ("C(a)*", ["C(a)[T.2]", "C(a)[T.3]"]),
    "the intercept": ("Intercept", ["Intercept"]),
}


@pytest.mark.parametrize("case", FORMULA_TERMS)
def test_terms_of_a_formula(formula, case):
    term, labels = FORMULA_TERMS[case]
    assert formula.testparm(term).chi2 == pytest.approx(wald(formula, selected(formula, labels)), rel=1e-8)
    assert formula.testparm(term).df == len(labels)


def test_equal_coefficients(fit):
    found = fit.testparm("i.a", "x2", equal=True)
    rows = selected(fit, ["2.a", "3.a", "x2"])
    assert found.chi2 == pytest.approx(wald(fit, rows[1:] - rows[0]), rel=1e-8)
    assert str(found).startswith(" ( 1)  -[y]2.a + [y]3.a = 0\n ( 2)  -[y]2.a + [y]x2 = 0\n\n             chi2(2) = ")
    small = altered(fit, degrees=Fake("kroger")).testparm("i.a", "x2", equal=True, small=True)
    assert (small.df, small.F) == (2, pytest.approx(0.45 * found.chi2))


def test_terms_of_several_equations(fit):
    labels = ["2:x", "2:_cons", "3:x", "3:_cons", *(f"q{k}" for k in range(5))]
    several = relabelled(fit, labels, ["2", "2", "3", "3", *5 * [""]])
    for terms, expected in (
        ("x", ["2:x", "3:x"]),
        ("3:x", ["3:x"]),
        ("[3]x", ["3:x"]),
        ("2:*", ["2:x"]),
        ("*", ["2:x", "3:x", *labels[4:]]),
    ):
        assert several.testparm(terms).chi2 == pytest.approx(wald(several, selected(several, expected)), rel=1e-8)
    assert " ( 2)  [3]x = 0" in str(several.testparm("x"))


def test_parameters_of_a_nonlinear_model(fit):
    several = relabelled(fit, ["/b1", "/b2", "phi1:_cons", *(f"/q{k}" for k in range(6))])
    for term in ("/b1", "b1", "{b1}"):
        assert several.testparm(term).df == 1
    assert several.testparm("b*").chi2 == pytest.approx(wald(several, selected(several, ["/b1", "/b2"])), rel=1e-8)
    assert str(several.testparm("b1")).startswith(" ( 1)  [/]b1 = 0")


def test_coefficients_held_by_a_constraint_are_left_out(fit):
    covariance = fit.estimates.covariance.copy()
    covariance[1, :] = covariance[:, 1] = 0.0
    held = altered(fit, covariance=covariance)
    assert held.testparm("i.a").df == 1
    assert str(held.testparm("i.a")).endswith("Note: held by a constraint and not tested: `2.a`.")
    with pytest.raises(
        ValueError, match="every coefficient of `2.a` is held by a constraint: there is nothing to test"
    ):
        held.testparm("2.a")


TESTPARM = {
    "nothing": ((), "name terms such as"),
    "no such factor": (("i.c",), "no coefficient belongs to `i.c`. Did you mean `i.b` or `i.a`"),
    "a base": (("1.a",), "`1.a` is a base, empty or omitted"),
    "a range": (("x-x2",), "`x-x2` is a range of the table's columns"),
    "a covariate as a factor": (("i.x",), "no coefficient belongs to `i.x`"),
    "a factor as a covariate": (("c.a",), "no coefficient belongs to `c.a`"),
    "a wildcard for the intercept": (("_c*",), "no coefficient belongs to `_c"),
    "no match": (("q*",), r"no coefficient belongs to `q\*`. Known are x, i.a, c.x#a, i.b, x2, _cons"),
    "one of several": (("x2 nothing",), "no coefficient belongs to `nothing`"),
    "a variance": (("g:var(_cons)",), "no coefficient belongs to"),
}


@pytest.mark.parametrize("case", TESTPARM)
def test_terms_refused(fit, case):
    terms, words = TESTPARM[case]
    with pytest.raises(ValueError, match=words):
        fit.testparm(*terms)
    with pytest.raises(ValueError, match="equal=True compares coefficients, and `x2` is the only one named"):
        fit.testparm("x2", equal=True)


# ---------------------------------------------------------------------------------------------------------------- nlcom

# expression -> the same function of everything printed, by label
EXPRESSIONS = {
    "exp(_b[x])": lambda b: np.exp(b["x"]),
    "_b[x]/_b[_cons] - 2": lambda b: b["x"] / b["_cons"] - 2,
    "x2^2 + 3.a**-1 - x^0.5": lambda b: b["x2"] ** 2 + 1 / b["3.a"] - np.sqrt(b["x"]),
    "-x2^2": lambda b: -(b["x2"] ** 2),
    "low now.b*[y]x - y:x/o'b.b": lambda b: b["low now.b"] * b["x"] - b["x"] / b["o'b.b"],
    "_b[low now.b]*c.x#2.a": lambda b: b["low now.b"] * b["c.x#2.a"],
    "g:var(_cons)/(g:var(_cons) + var(Residual))": lambda b: (
        b["g:var(_cons)"] / (b["g:var(_cons)"] + b["var(Residual)"])
    ),
    "ln(/var(_cons[g]))*log(_b[var(_cons[g])]) + sqrt([/]var(Residual))": lambda b: (
        np.log(b["g:var(_cons)"]) ** 2 + np.sqrt(b["var(Residual)"])
    ),
    "abs(x2) + sin(x) - cos(x)*tan(x) + atan(x2) + tanh(x)": lambda b: (
        abs(b["x2"]) + np.sin(b["x"]) - np.cos(b["x"]) * np.tan(b["x"]) + np.arctan(b["x2"]) + np.tanh(b["x"])
    ),
    "invlogit(x) + logit(invlogit(x2)/2) + normal(x)": lambda b: (
        expit(b["x"]) + logit(expit(b["x2"]) / 2) + scipy.stats.norm.cdf(b["x"])
    ),
    "min(x, x2, 3)*max(x,x2) + cond(x > 0, x, 0)": lambda b: (
        min(b["x"], b["x2"], 3) * max(b["x"], b["x2"]) + max(b["x"], 0)
    ),
}


def test_values_and_covariances_by_finite_differences(fit):
    found = fit.nlcom(*EXPRESSIONS)
    printed = fit.params
    steps = np.diag(1e-6 * np.maximum(np.abs(printed.to_numpy()), 0.01))

    def all_at(values: np.ndarray) -> np.ndarray:
        named = dict(zip(printed.index, values, strict=True))
        return np.array([function(named) for function in EXPRESSIONS.values()])

    at = printed.to_numpy()
    slopes = np.column_stack([(all_at(at + h) - all_at(at - h)) / (2 * h.sum()) for h in steps])
    expected = slopes @ fit.cov_params().to_numpy() @ slopes.T
    np.testing.assert_allclose(found.table["estimate"], all_at(at), rtol=1e-12)
    np.testing.assert_allclose(found.covariance, expected, rtol=1e-6, atol=1e-9 * np.abs(expected).max())
    np.testing.assert_allclose(found.table["se"], np.sqrt(np.diag(expected)), rtol=1e-6)
    assert list(found.table.index) == list(found.covariance) == [f"_nl_{k + 1}" for k in range(len(EXPRESSIONS))]
    row = found.table.iloc[0]
    assert row.upper == pytest.approx(row.estimate + 1.959963984540054 * row.se) and row.z == row.estimate / row.se


def test_what_a_nonlinear_combination_prints(fit):
    found = fit.nlcom(
        "exp(_b[x])", " ratio : x/_cons", "( sum: g:var(_cons) + var(Residual) )", "g:var(_cons)", level=90
    )
    assert list(found.table.index) == ["_nl_1", "ratio", "sum", "_nl_4"]
    row = found.table.loc["ratio"]
    lines = str(found).splitlines()
    assert lines[:10] == [
        "",
        "       _nl_1: exp(_b[x])",
        "       ratio: x/_cons",
        "         sum: g:var(_cons) + var(Residual)",
        "       _nl_4: g:var(_cons)",
        "",
        "-" * 78,
        "           y | Coefficient  Std. err.      z    P>|z|     [90% conf. interval]",
        "-" * 13 + "+" + "-" * 64,
        lines[9],
    ]
    assert lines[10].split() == ["ratio", "|", *map(number, row[:2]), f"{row.z:.2f}", "0.000", *map(number, row[4:])]
    assert "<table" in found._repr_html_()


def test_parameters_of_a_nonlinear_model_in_combinations(fit):
    named = relabelled(fit, ["/b1", "/b2", "phi1:_cons", "2:x", "b3", "q0", "q1", "/cut1", "/lnalpha"], ancillary=2)
    b = named.params
    for text, value in {
        "/b1/b2": b["/b1"] / b["/b2"],
        "{b1} - 2*/b2": b["/b1"] - 2 * b["/b2"],
        "exp({phi1:_cons})": np.exp(b["phi1:_cons"]),
        "phi1:_cons/2": b["phi1:_cons"] / 2,
        "2:x*2": 2 * b["2:x"],
        "/cut1 - _b[/lnalpha]": b["/cut1"] - b["/lnalpha"],
        "a: /b1": b["/b1"],
    }.items():
        assert named.nlcom(text).table["estimate"].iloc[0] == pytest.approx(value, rel=1e-14), text


def test_labels_that_are_expressions_too(formula):
    b = formula.params
    with pytest.raises(
        ValueError, match=re.escape("`log(abs(x2))` is a coefficient's label and an expression of others")
    ):
        formula.nlcom("2*log(abs(x2))")
    found = formula.nlcom("_b[log(abs(x2))]", "log(abs(_b[x2]))", "C(a)[T.2]/x:C(a)[T.2]").table["estimate"]
    expected = [b["log(abs(x2))"], np.log(abs(b["x2"])), b["C(a)[T.2]"] / b["x:C(a)[T.2]"]]
    np.testing.assert_allclose(found, expected, rtol=1e-14)


NLCOM: dict[str, tuple[tuple, str]] = {
    "nothing": ((), "give at least one expression"),
    "no text": ((3,), "an expression is a text such as"),
    "an empty text": ((" ",), "an expression is a text such as"),
    "an empty name": (("a:",), "the text ends"),
    "no label": (("2 + 3",), "`2 [+] 3` names nothing that was estimated"),
    "unknown": (("exp(x3)",), "there is no coefficient `x3`; did you mean"),
    "unknown in brackets": (("_b[x3]",), "there is no coefficient `x3`; did you mean"),
    "no function": (("sinus(x)",), "`sinus` is not a known function"),
    "Python": (("__import__('os')",), "`__import__` is not a known function"),
    "an attribute": (("x.real",), "there is no coefficient `x.real`"),
    "no operator": (("x _cons",), "`_cons` does not continue the expression"),
    "an equation": (("x = 2",), "An expression has no `=`"),
    "open": (("exp(x",), "is never closed"),
    "open bracket": (("_b[x",), "is never closed"),
    "unfinished": (("x *",), "a coefficient, a number or `[(]` was expected, but the text ends"),
    "a quotation mark": (("'x'",), "but `'` is here"),
    "too many arguments": (("exp(x, x2)",), "takes 1 arguments, 2 given"),
    "a power of a power": (("x**2**3",), "powers of powers need parentheses"),
    "not a number": (("log(-exp(x))",), "`_nl_1` has no finite value at the estimates"),
    "infinite": (("1/(x - x)",), "`_nl_1` has no finite value at the estimates"),
    "no derivative": (("sqrt(x - x)",), "`_nl_1` has no finite derivative at the estimates"),
    "a large variance": (("exp(400 + x)",), "its variance is not finite"),
    "twice one name": (("a: x", "a: x2"), "two expressions are called `a`"),
}


@pytest.mark.parametrize("case", NLCOM)
def test_combinations_refused(fit, case):
    expressions, words = NLCOM[case]
    with pytest.raises(ValueError, match=words):
        fit.nlcom(*expressions)


def test_errors_point_into_the_expression(fit):
    with pytest.raises(ValueError) as caught:
        fit.nlcom("low now.b*exp(x3)")
    assert str(caught.value).splitlines()[1:] == ["  low now.b*exp(x3)", "                ^^"]


# --------------------------------------------------------------------------------------------------------------- lrtest


def other_columns(fit: Fit, labels: list[str], x: np.ndarray, **changes: Any) -> Fit:
    """A fit, a little better, with other columns and one coefficient more than nine."""
    columns = tuple(FixedColumn(name, "", name, name, k) for k, name in enumerate(labels))
    estimates, count = fit.estimates, len(labels)
    covariance = np.eye(count + 2)
    found = dict(
        names=replace(estimates.names, fixed=columns),
        design=replace(estimates.design, x=x),
        coefficients=np.ones(count),
        covariance=covariance,
        parameters=count + 2,
        llf=fit.llf + 1.5,
    )
    return altered(fit, **(found | changes))


def test_columns_that_are_combinations_of_others_are_nested(fit):
    x = np.asarray(fit.estimates.design.x)
    turned = np.column_stack([x @ np.random.default_rng(2).normal(size=(9, 9)), np.arange(120.0) ** 2])
    found = me.lrtest(fit, other_columns(fit, [f"q{k}" for k in range(10)], turned))
    assert (found.df, found.kind, found.stat) == (1, "chi2(1)", pytest.approx(3.0))
    assert repr(found) == str(found)
    other = turned.copy()
    other[:, 2] = np.arange(120.0)
    with pytest.raises(ValueError, match="the models are not nested"):
        me.lrtest(fit, other_columns(fit, [f"q{k}" for k in range(10)], other))


def test_restricted_likelihoods_of_the_same_columns(fit):
    """They change with a constraint and with other values of a column, not with the name of the intercept."""
    restricted = altered(fit, model=replace(fit.estimates.model, reml=True))
    more = replace(fit.estimates.component_info[0], label="g:var(x)")
    random = dict(parameters=fit.estimates.parameters + 1, llf=fit.llf + 1.0)
    random |= dict(component_info=(more, *fit.estimates.component_info))
    columns = [
        replace(c, label="Intercept") if c.constant else c for c in fit.estimates.names.fixed
    ]  # the formula's spelling
    large = altered(restricted, names=replace(fit.estimates.names, fixed=tuple(columns)), **random)
    assert me.lrtest(restricted, large).kind == "chibar2(01)"
    scaled = replace(fit.estimates.design, x=2 * np.asarray(fit.estimates.design.x))
    held = fit.estimates.covariance.copy()
    held[0, :] = held[:, 0] = 0.0
    for changes in ({"design": scaled}, {"covariance": held, "constraints": ("x = 1",)}):
        with pytest.raises(ValueError, match="restricted likelihoods of models with different fixed effects"):
            me.lrtest(restricted, altered(large, **changes))


def test_random_effects_that_the_larger_model_has_not(fit):
    """A slope of another covariate is no special case, even where the larger model has more parameters."""
    estimates = fit.estimates
    effect, name = estimates.design.effects[0], estimates.names.effects[0]
    slope = replace(estimates.component_info[0], label="g:var(x)")

    def with_slope(column: str, codes: np.ndarray, **changes: Any) -> Fit:
        z = np.column_stack([TABLE[column], np.ones(120)])
        info = (replace(slope, label=f"g:var({column})"), *estimates.component_info)
        return altered(
            fit,
            design=replace(estimates.design, effects=(replace(effect, z=z, codes=codes),)),
            names=replace(estimates.names, effects=(replace(name, columns=(column, "_cons")),)),
            component_info=info,
            **changes,
        )

    codes = np.asarray(effect.codes)
    small, better = with_slope("x", codes), dict(parameters=estimates.parameters + 1, llf=fit.llf + 1.0)
    assert me.lrtest(small, with_slope("x", codes, **better)).df == 1
    renumbered = with_slope("x", (codes + 7) % 20, **better)  # the same groups
    assert me.lrtest(small, renumbered).df == 1
    with pytest.raises(ValueError, match="the models are not nested"):
        me.lrtest(small, with_slope("x2", codes, **better))


def test_constraints_and_boundaries(fit):
    """The same constraints in both leave the boundary where it is; with others the p-value is an upper bound."""
    more = replace(fit.estimates.component_info[0], label="g:var(x)")
    random = dict(parameters=fit.estimates.parameters + 1, llf=fit.llf + 1.0)
    random |= dict(component_info=(more, *fit.estimates.component_info))
    held = altered(fit, constraints=("x = 1",))
    same = me.lrtest(held, altered(held, **random))
    assert (same.kind, same.conservative) == ("chibar2(01)", False)
    other = me.lrtest(held, altered(fit, **random))
    assert (other.kind, other.conservative) == ("chi2(1)", True)


def test_constraints_on_coefficients_count_for_nesting(fit):
    """`x = x2` leaves the span of one column: a larger model without x2 has it not, one with both has."""
    held = me.mixed("y x x2 || g:", TABLE, constraints=["x = x2"], nolog=True)
    with pytest.raises(ValueError, match="the models are not nested"):
        me.lrtest(held, me.mixed("y x i.a || g:", TABLE, nolog=True))
    assert me.lrtest(held, fit).df == 7
    shifted = me.mixed("y x x2 || g:", TABLE, constraints=["x = 1"], nolog=True)
    assert me.lrtest(shifted, fit).df == 7
    with pytest.raises(ValueError, match="the models are not nested"):  # x = 0 is not x = 1
        me.lrtest(me.mixed("y || g:", TABLE, nolog=True), shifted)


# ------------------------------------------------------------------------------------------------- contrasts of a fit


@pytest.fixture(scope="module")
def based() -> Fit:
    return me.mixed("y ib2.a##i.b c.x#i.a || g:", TABLE, nolog=True)


@pytest.mark.parametrize("asobserved", [False, True])
def test_several_contrasts_are_those_of_each_term_alone(based, asobserved):
    options = {"asobserved": asobserved}
    together = based.contrast("r.a a@b g.b a#b", **options)
    for term in ("r.a", "a@b", "g.b", "a#b"):
        alone = based.contrast(term, **options).tests
        np.testing.assert_allclose(together.tests.loc[alone.index], alone, rtol=1e-8)
    assert "equal weights" not in str(together)
    margins = based.margins("a", predict="xb", asbalanced=not asobserved).table["estimate"].to_numpy()
    rows = based.contrast("r.a", **options).table
    assert list(rows.index) == [("a", "(1 vs 2)"), ("a", "(3 vs 2)")]  # the base of the model
    np.testing.assert_allclose(rows["estimate"], margins[[0, 2]] - margins[1], rtol=1e-9)


def test_contrasts_as_observed_weigh_by_the_sample(based):
    """By hand: in every row the level is changed, and the differences are averaged."""
    tables = [TABLE.assign(a=level) for level in (1, 2, 3)]
    one, two, three = (np.asarray(based.predict("xb", table)).mean() for table in tables)
    found = based.contrast("r.a r.b", asobserved=True).table.loc["a", "estimate"]
    np.testing.assert_allclose(found, [one - two, three - two], rtol=1e-9)


def test_contrasts_of_what_is_no_factor(based):
    for text in ("a#c.x", "x", "r.a@x"):
        with pytest.raises(ValueError, match=r'`x` is continuous.*margins\("a", dydx="x"\)'):
            based.contrast(text)
    with pytest.raises(ValueError, match="no margins by `c`"):
        based.contrast("r.c")
