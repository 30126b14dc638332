"""Linear constraints on coefficients and variance components, and matrices that fix or tie variance components.

Every constrained maximum is held against the dense normal likelihood: with theta = offset + basis @ free, the score
along the basis vanishes and the standard errors are those of the information there.
"""

import functools
from typing import Any

import numpy as np
import pytest
from brute import Dense, dense_of
from references import seed

from mejax import datasets, me

INTERCEPT = "weight week || id:"
SLOPE = "weight week || id: week"
UNSTRUCTURED = "weight week || id: week, covariance(unstructured)"
CROSSED = "weight week || _all: R.id || _all: R.week"


@functools.cache
def plain(model: str) -> Any:
    return me.mixed(model, datasets.load("pig"), nolog=True)


def constrained(model: str, constraints: Any, **options: Any) -> Any:
    return me.mixed(model, datasets.load("pig"), constraints=constraints, nolog=True, **options)


@functools.cache
def one(model: str, constraint: str) -> Any:
    return constrained(model, constraint)


@functools.cache
def twin(model: str) -> Dense:
    return dense_of(plain(model))


def assert_maximum(found, dense: Dense, basis, order=None) -> None:
    """A maximum along the columns of `basis` (components of the twin as combinations of the free ones)."""
    theta = found.random["estimate"].to_numpy()
    se = found.random["se"].to_numpy()
    basis = np.asarray(basis, float)
    information = basis.T @ dense.information(theta) @ basis
    vce = basis @ np.linalg.inv(information) @ basis.T
    assert dense.loglik(theta) == pytest.approx(found.llf, abs=1e-8)
    slope = basis.T @ dense.score(theta)
    assert np.max(np.abs(slope) / np.sqrt(np.diag(information))) < 1e-6
    expected = np.sqrt(np.diag(vce))
    np.testing.assert_allclose(se, np.where(expected > 0, expected, np.nan), rtol=1e-6)
    fixed, fixed_vce = dense.gls(theta)
    np.testing.assert_allclose(found.fixed["estimate"], fixed, rtol=1e-8)
    np.testing.assert_allclose(found.fixed["se"], np.sqrt(np.diag(fixed_vce)), rtol=1e-8)


# ---------------------------------------------------------------------------------------------------- coefficients


def test_a_coefficient_held_at_a_value():
    """The same as subtracting 6 week from the response, by the dense likelihood without that column."""
    found, free = one(INTERCEPT, "week = 6"), twin(INTERCEPT)
    dense = Dense(free.y - 6 * free.x[:, 0], free.x[:, 1:], free.parts)
    theta = found.random["estimate"].to_numpy()
    assert found.llf == pytest.approx(dense.loglik(theta), abs=1e-8)
    assert np.max(np.abs(dense.score(theta) * dense.errors(theta)[1])) < 1e-6
    np.testing.assert_allclose(found.random["se"], dense.errors(theta)[1], rtol=1e-6)
    assert found.fixed.loc["week", "estimate"] == 6.0 and np.isnan(found.fixed.loc["week", "se"])
    assert found.fixed.loc["_cons", "estimate"] == pytest.approx(dense.gls(theta)[0][0], rel=1e-9)
    assert found.fixed.loc["_cons", "se"] == pytest.approx(dense.errors(theta)[0][0], rel=1e-8)


@pytest.mark.parametrize(
    "constraints",
    [
        "_b[week] = 6",
        ["week = 6"],
        ["week = 6", "2*week = 12"],
        "week - 6 = 0",
        "6 = week",
        {"week": 6},
        {7: "week = 6"},
    ],
)
def test_many_ways_to_say_it(constraints):
    found = constrained(INTERCEPT, constraints)
    assert found.llf == pytest.approx(one(INTERCEPT, "week = 6").llf, rel=1e-13)
    assert found.estimates.parameters == 3


def test_constraints_by_number():
    definitions = {1: "_b[week] = 6", 2: "_cons = 19"}
    first = constrained(INTERCEPT + ", constraints(1)", definitions)
    both = constrained(INTERCEPT + ", constraints(1 2)", definitions)
    assert first.llf == pytest.approx(one(INTERCEPT, "week = 6").llf, rel=1e-13)
    assert both.llf == pytest.approx(constrained(INTERCEPT, definitions).llf, rel=1e-13)
    assert both.fixed["estimate"].tolist() == [6.0, 19.0] and both.fixed["se"].isna().all()


def test_how_a_held_coefficient_is_printed():
    text = str(one(INTERCEPT, "week = 6"))
    assert "\n ( 1)  week = 6\n" in text
    line = next(line for line in text.splitlines() if line.strip().startswith("week |"))
    assert line.split("|")[1].split() == ["6", "(constrained)"]
    hidden = me.mixed(INTERCEPT + ", nocnsreport", datasets.load("pig"), constraints="week = 6", nolog=True)
    assert "( 1)" not in str(hidden)


def test_no_wald_test_where_nothing_is_free():
    found = one(INTERCEPT, "week = 6")
    assert found.wald is None
    assert "Wald chi2(0)     =      ." in str(found)


@pytest.mark.parametrize(
    ("constraint", "column", "constant"),
    [("week = _cons", [1.0, 1.0], [0.0, 0.0]), ("week = 2*_cons - 30", [2.0, 1.0], [-30.0, 0.0])],
)
def test_two_coefficients_in_proportion(constraint, column, constant):
    """beta = constant + column * b."""
    found, free = one(INTERCEPT, constraint), twin(INTERCEPT)
    dense = Dense(free.y - free.x @ constant, free.x @ np.array(column)[:, None], free.parts)
    theta = found.random["estimate"].to_numpy()
    b, vce = dense.gls(theta)
    assert np.max(np.abs(dense.score(theta) * dense.errors(theta)[1])) < 1e-6
    assert found.llf == pytest.approx(dense.loglik(theta), abs=1e-8)
    np.testing.assert_allclose(found.fixed["estimate"], np.array(constant) + np.array(column) * b, rtol=1e-8)
    np.testing.assert_allclose(found.fixed["se"], np.array(column) * np.sqrt(vce[0, 0]), rtol=1e-8)
    assert found.wald.df == 1


def test_predictions_use_the_constrained_coefficients():
    found, pig = one(INTERCEPT, "week = 6"), datasets.load("pig")
    expected = 6 * pig["week"] + found.fixed.loc["_cons", "estimate"]
    np.testing.assert_allclose(found.predict("xb"), expected, rtol=1e-12)
    np.testing.assert_allclose(found.predict("stdp"), found.fixed.loc["_cons", "se"], rtol=1e-10)
    np.testing.assert_allclose(found.fittedvalues + found.resid, pig["weight"], rtol=1e-12)


def test_reml_with_a_held_coefficient():
    found, free = constrained(INTERCEPT, "week = 6", reml=True), twin(INTERCEPT)
    dense = Dense(free.y - 6 * free.x[:, 0], free.x[:, 1:], free.parts, reml=True)
    theta = found.random["estimate"].to_numpy()
    assert found.llf == pytest.approx(dense.loglik(theta), abs=1e-8)
    assert np.max(np.abs(dense.score(theta) * dense.errors(theta)[1])) < 1e-6


def test_robust_errors_with_a_held_coefficient():
    found, free = constrained(INTERCEPT, "week = 6", vce="robust"), twin(INTERCEPT)
    dense = Dense(free.y - 6 * free.x[:, 0], free.x[:, 1:], free.parts)
    fixed, random = dense.sandwich(found.random["estimate"].to_numpy(), datasets.load("pig")["id"].to_numpy())
    assert found.fixed.loc["_cons", "se"] == pytest.approx(np.sqrt(fixed[0, 0]), rel=1e-6)
    np.testing.assert_allclose(found.random["se"], np.sqrt(np.diag(random)), rtol=1e-6)


# --------------------------------------------------------------------------------------------- variance components


@pytest.mark.parametrize(
    "label", ["id:var(_cons)", "_b[var(_cons[id]):_cons]", "[/]var(_cons[id])", "_b[/var(_cons[id])]"]
)
def test_a_variance_held_at_a_value(label):
    found = one(INTERCEPT, f"{label} = 16")
    assert found.random.loc["id:var(_cons)", "estimate"] == pytest.approx(16.0, rel=1e-14)
    assert np.isnan(found.random.loc["id:var(_cons)", "se"])
    assert_maximum(found, twin(INTERCEPT), [[0.0], [1.0]])
    assert found.estimates.parameters == 3 and found.lr_test is None


def test_a_mapping_from_label_to_value():
    found = constrained(INTERCEPT, {"id:var(_cons)": 16})
    assert found.llf == pytest.approx(one(INTERCEPT, "id:var(_cons) = 16").llf, rel=1e-13)
    line = next(line for line in str(found).splitlines() if "var(_cons) |" in line)
    assert line.split("|")[1].split() == ["16", "(constrained)"]


@pytest.mark.parametrize("label", ["var(Residual)", "var(e.weight)"])
def test_the_residual_variance_held_at_a_value(label):
    found = one(INTERCEPT, f"{label} = 4")
    assert found.random.loc["var(Residual)", "estimate"] == pytest.approx(4.0, rel=1e-14)
    assert_maximum(found, twin(INTERCEPT), [[1.0], [0.0]])


def test_equal_variances_are_the_identity_structure():
    found, identity = one(SLOPE, "[/]var(week[id]) = [/]var(_cons[id])"), plain(SLOPE + ", covariance(identity)")
    assert found.llf == pytest.approx(identity.llf, rel=1e-12)
    np.testing.assert_allclose(found.random, identity.random, rtol=1e-6)
    np.testing.assert_allclose(found.fixed, identity.fixed, rtol=1e-6)
    assert found.estimates.parameters == identity.estimates.parameters == 4
    assert_maximum(found, twin(SLOPE), [[1, 0], [1, 0], [0, 1]])


@pytest.mark.parametrize("label", ["id:cov(week,_cons)", "id:cov(_cons,week)", "_b[/cov(week[id],_cons[id])]"])
def test_no_covariance_is_the_independent_structure(label):
    found, independent = one(UNSTRUCTURED, f"{label} = 0"), plain(SLOPE)
    assert found.llf == pytest.approx(independent.llf, rel=1e-12)
    kept = found.random.drop("id:cov(week,_cons)")
    np.testing.assert_allclose(kept, independent.random, rtol=1e-6)
    assert found.random.loc["id:cov(week,_cons)", "estimate"] == 0.0


def test_variances_in_proportion():
    assert_maximum(one(SLOPE, "id:var(_cons) = 20*id:var(week)"), twin(SLOPE), [[1, 0], [20, 0], [0, 1]])


def test_a_crossed_variance_equal_to_the_residual_one():
    assert_maximum(one(CROSSED, "var(Residual) = _all:var(R.week)"), twin(CROSSED), [[1, 0], [0, 1], [0, 1]])


def test_everything_held():
    values = {"week": 6, "_cons": 19, "id:var(_cons)": 16, "var(Residual)": 4}
    found = constrained(INTERCEPT, values)
    theta = found.random["estimate"].to_numpy()
    assert found.status == "converged" and found.estimates.parameters == 0
    assert found.llf == pytest.approx(twin(INTERCEPT).loglik(theta, np.array([6.0, 19.0])), abs=1e-8)
    assert found.bse.isna().all() and found.params.to_dict() == pytest.approx(values)


def test_known_sampling_variances():
    """Example 6 of the manual, a meta-analysis: `std` has a known variance of 1, so that z'z is each trial's own.

    The manual fits it by its generalized command, whose standard error of the constant, .2059448, is that of the joint
    information of mean and variance; that of `mixed` is (X'V^-1 X)^-1 alone.  Both are computed here.
    """
    table, printed = datasets.load("diuretics"), seed("ex6b")
    found = me.mixed(
        "lnor || trial: std, nocons constraints(1)", table, constraints={1: "_b[/var(std[trial])] = 1"}, nolog=True
    )
    assert found.status == "converged" and not found.notes
    assert found.llf == pytest.approx(printed["ll"], abs=1e-7)
    assert found.random.loc["trial:var(std)", "estimate"] == pytest.approx(1.0, rel=1e-14)
    row, expected = found.random.loc["var(Residual)"], printed["random"]["var(e.lnor)"]
    np.testing.assert_allclose(row[["estimate", "se", "lower", "upper"]], expected, rtol=2e-6)
    mean, printed_se = printed["fixed"]["_cons"][:2]
    assert found.fixed.loc["_cons", "estimate"] == pytest.approx(mean, abs=1e-7)
    w = 1 / (table["var"] + row["estimate"])
    r = table["lnor"] - found.fixed.loc["_cons", "estimate"]
    assert found.fixed.loc["_cons", "se"] == pytest.approx(1 / np.sqrt(w.sum()), rel=1e-7)
    information = [[w.sum(), (w**2 * r).sum()], [(w**2 * r).sum(), (w**3 * r**2 - 0.5 * w**2).sum()]]
    assert np.sqrt(np.linalg.inv(information)[0, 0]) == pytest.approx(printed_se, abs=1e-7)


# -------------------------------------------------------------------------------------------------------- matrices


def with_matrix(structure: str, matrix, model: str = SLOPE) -> Any:
    return me.mixed(f"{model}, covariance({structure}(f))", datasets.load("pig"), matrices={"f": matrix}, nolog=True)


@pytest.mark.parametrize("numbers", [[[1, 2], [2, 1]], [[7, 0], [0, 7]]])
def test_a_pattern_may_be_exchangeable(numbers):
    """Equal numbers are equal parameters, whatever the numbers: 0 is one too."""
    found, exchangeable = with_matrix("pattern", np.array(numbers)), plain(SLOPE + ", covariance(exchangeable)")
    assert found.llf == pytest.approx(exchangeable.llf, rel=1e-12)
    np.testing.assert_allclose(found.random, exchangeable.random, rtol=1e-5)
    assert found.estimates.parameters == 5


def test_all_entries_free_is_the_unstructured_one():
    found, free = with_matrix("fixed", np.full((2, 2), np.nan)), plain(UNSTRUCTURED)
    assert found.llf == pytest.approx(free.llf, rel=1e-12)
    np.testing.assert_allclose(found.random, free.random, rtol=1e-5)


def test_fixed_entries():
    found = with_matrix("fixed", np.array([[np.nan, 0.0], [0.0, 7.0]]))
    assert list(found.random.index) == ["id:var(week)", "id:var(_cons)", "var(Residual)"]
    assert found.random.loc["id:var(_cons)", "estimate"] == pytest.approx(7.0, rel=1e-14)
    assert_maximum(found, twin(SLOPE), [[1, 0], [0, 0], [0, 1]])
    assert "id: Fixed" in str(found) and found.lr_test is None


def test_a_fixed_covariance():
    found = with_matrix("fixed", np.array([[np.nan, -0.1], [-0.1, np.nan]]))
    assert found.random.loc["id:cov(week,_cons)", "estimate"] == pytest.approx(-0.1, rel=1e-14)
    assert_maximum(found, twin(UNSTRUCTURED), [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 0, 1]])


def test_known_covariance_matrix_of_indicators():
    """Example 6 of the manual in its first form: one group, a fixed diagonal matrix over indicators of the trials."""
    table, printed = datasets.load("diuretics"), seed("ex6")
    text = "lnor || _all: ibn.trial, nocons cov(fixed(f))"
    found = me.mixed(text, table, matrices={"f": np.diag(table["var"])}, nolog=True)
    assert found.status == "converged"
    assert found.llf == pytest.approx(printed["ll"], abs=1e-7)
    expected = printed["random"]["var(e.lnor)"]
    np.testing.assert_allclose(
        found.random.loc["var(Residual)", ["estimate", "se", "lower", "upper"]], expected, rtol=2e-6
    )


def test_a_matrix_and_a_constraint():
    """The matrix's own fixed entries stay fixed beside constraints on the others."""
    matrix = np.array([[np.nan, 0.0], [0.0, 7.0]])
    found = me.mixed(
        f"{SLOPE}, covariance(fixed(f))",
        datasets.load("pig"),
        matrices={"f": matrix},
        constraints="id:var(week) = 0.25*var(Residual)",
        nolog=True,
    )
    assert found.random.loc["id:var(_cons)", "estimate"] == pytest.approx(7.0, rel=1e-14)
    kept = found.random.drop("id:cov(week,_cons)", errors="ignore")
    assert kept.loc["id:var(week)", "estimate"] == pytest.approx(0.25 * kept.loc["var(Residual)", "estimate"])
    dense, theta = twin(SLOPE), kept["estimate"].to_numpy()
    direction = np.array([0.25, 0.0, 1.0])
    slope, curvature = direction @ dense.score(theta), direction @ dense.information(theta) @ direction
    assert abs(slope) / np.sqrt(curvature) < 1e-6 and found.llf == pytest.approx(dense.loglik(theta), abs=1e-8)


# ---------------------------------------------------------------------------------------------------------- refused

REFUSED = {
    "contradiction": (INTERCEPT, ["week = 6", "week = 7"], "the constraints contradict one another"),
    "contradicting variances": (INTERCEPT, ["id:var(_cons) = 6", "id:var(_cons) = 7"], "contradict one another"),
    "unknown coefficient": (INTERCEPT, "wek = 6", "there is no parameter `wek`; did you mean `week`"),
    "unknown variance": (INTERCEPT, "id:var(con) = 6", r"no parameter `id:var\(con\)`; did you mean `id:var\(_cons\)`"),
    "nothing like it": (INTERCEPT, "height = 6", r"no parameter `height`; .*week.*_cons"),
    "mixture": (INTERCEPT, "week = id:var(_cons)", "mixes a coefficient with a variance"),
    "two equals signs": (INTERCEPT, "week = _cons = 6", "has 2 equals signs; write one constraint for each"),
    "no label": (INTERCEPT, "6 = 6", "names no coefficient or variance"),
    "empty side": (INTERCEPT, "week = ", "has an empty side"),
    "product": (INTERCEPT, "week*_cons = 6", "is not linear"),
    "number not defined": (
        INTERCEPT + ", constraints(3)",
        {1: "week = 6"},
        r"constraint 3 is not defined; defined are",
    ),
    "no definitions": (INTERCEPT + ", constraints(3)", None, r"constraints\(3\) is not defined; pass constraints="),
    "covariance of independent effects": (SLOPE, "id:cov(week,_cons) = 0", r"there is no parameter `id:cov"),
    "omitted": ("weight week c.week || id:", "c.week = 1", "no parameter"),
    "base level": ("weight i.week || id:", "1.week = 1", "`1.week` is not estimated"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    model, constraints, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        constrained(model, constraints)


@pytest.mark.parametrize("value", [-1, -100])
def test_a_negative_variance_is_refused(value):
    with pytest.raises(ValueError, match="a fixed or constrained covariance matrix is not positive definite"):
        constrained(INTERCEPT, f"id:var(_cons) = {value}")


def test_a_variance_held_at_zero_is_the_model_without_it():
    found, pig = constrained(INTERCEPT, "id:var(_cons) = 0"), datasets.load("pig")
    x = np.column_stack([pig["week"], np.ones(len(pig))])
    residual = pig["weight"] - x @ np.linalg.lstsq(x, pig["weight"], rcond=None)[0]
    s = np.mean(residual**2)
    assert found.converged
    assert found.random.loc["var(Residual)", "estimate"] == pytest.approx(s, rel=1e-6)
    assert found.llf == pytest.approx(-0.5 * len(pig) * (np.log(2 * np.pi * s) + 1), rel=1e-9)


def test_a_sum_of_variances():
    found = constrained(SLOPE, "id:var(_cons) + id:var(week) = 7")
    assert_maximum(found, twin(SLOPE), [[1, 0], [-1, 0], [0, 1]])
