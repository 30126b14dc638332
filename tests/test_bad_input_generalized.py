"""Bad input to the generalized commands: one clear error, or a fit whose status and notes say what is wrong.

Never a traceback out of JAX, never NaN as an estimate or a log likelihood, never a Python warning (pytest makes those
errors).
"""

import functools
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mejax import me

ROWS, GROUPS = 120, 24


def table(**columns) -> pd.DataFrame:
    """24 groups `g` of five in four groups `s`; h runs within groups; responses of all kinds."""
    rng = np.random.default_rng(2)
    g = np.repeat(np.arange(GROUPS), 5)
    out = pd.DataFrame({"g": g, "s": g // 6, "h": np.tile(np.arange(5), GROUPS), "i": np.arange(ROWS), "o": 1, "n": 5})
    out["w"], out["x"], out["z"] = 1.0, rng.normal(size=ROWS), rng.normal(size=ROWS)
    eta = 0.3 + out.x + rng.normal(size=GROUPS)[g]
    out["y"] = (rng.random(ROWS) < 1 / (1 + np.exp(-eta))) * 1
    out["count"] = rng.poisson(np.exp(0.4 * eta))
    out["k"] = np.digitize(eta + rng.logistic(size=ROWS), [-1, 0.5, 2.0])
    out["b"] = rng.binomial(5, 1 / (1 + np.exp(-eta)))
    out["positive"] = rng.gamma(3.0, np.exp(0.3 * eta) / 3)
    out["real"] = eta + rng.normal(size=ROWS)
    return out.assign(**columns)


def run(command: str, data: Any = None, **options: Any) -> Any:
    return me.run(command, table() if data is None else data, nolog=True, **options)


@functools.cache
def fit(command: str = "melogit y x || g:", **options: Any) -> Any:
    return run(command, **options)


def changed(row: int, column: str, value: float) -> pd.DataFrame:
    out = table()
    out[column] = out[column].astype(float)
    out.loc[row, column] = value
    return out


def many() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return table(**{f"r{j}": rng.normal(size=ROWS) for j in range(10)})


# ------------------------------------------------------------------------------------------------- refused, with words

REFUSED = {
    # responses
    "negative count": (lambda: run("mepoisson count x || g:", changed(3, "count", -1)), "is -1 in row 4: a Poisson"),
    "fractional count": (lambda: run("mepoisson count x || g:", changed(3, "count", 1.5)), "is 1.5 in row 4: a Pois"),
    "fraction, nbinomial": (lambda: run("menbreg count x || g:", changed(3, "count", 1.5)), "1.5 in row 4: a neg"),
    "zero, gamma": (
        lambda: run("meglm positive x || g:, family(gamma)", changed(3, "positive", 0)),
        "is 0 in row 4: a gamma response is positive",
    ),
    "more successes than trials": (
        lambda: run("melogit b x || g:, binomial(n)", changed(3, "b", 6)),
        "is 6 in row 4, more than its 5 trials",
    ),
    "fractional successes": (lambda: run("melogit b x || g:, binomial(n)", changed(3, "b", 2.5)), "is 2.5 in row 4"),
    "no trials": (lambda: run("melogit b x || g:, binomial(n)", changed(3, "n", 0)), "trials is 0 in row 4"),
    "fractional trials": (lambda: run("melogit b x || g:, binomial(n)", table(n=5.5)), "trials is 5.5 in row 1"),
    "a number of trials of zero": (lambda: run("melogit b x || g:, binomial(0)"), "whole number from 1"),
    "all successes": (lambda: run("melogit b x || g:, binomial(n)", table(b=5)), "all trials are successes"),
    "no successes": (lambda: run("melogit b x || g:, binomial(n)", table(b=0)), "all trials are failures"),
    "constant outcome": (lambda: run("melogit y x || g:", table(y=0)), "`y` is 0 in all 120 observations"),
    "one category": (lambda: run("meologit k x || g:", table(k=2)), "all are 2: an ordinal model needs at least two"),
    "no events": (lambda: run("mepoisson count x || g:", table(count=0)), "no finite rate fits a response without"),
    "constant, gamma": (lambda: run("meglm positive x || g:, family(gamma)", table(positive=2.0)), "does not vary"),
    "constant, gaussian": (lambda: run("meglm real x || g:", table(real=2.0)), "does not vary"),
    "three texts": (
        lambda: run("melogit y x || g:", table(y=np.array(list("abc"))[table().i % 3])),
        "`y` has 3 categories .*a binary outcome has two; use an ordinal model",
    ),
    "texts in no order": (
        lambda: run("meologit y x || g:", table(y=np.array(list("abc"))[table().i % 3])),
        "`y` holds text in no order",
    ),
    "texts as counts": (lambda: run("mepoisson y x || g:", table(y="a")), "`y` holds text, not numbers"),
    "missing response": (lambda: run("melogit y x || g:", table(y=np.nan)), r"missing values removed 120 \(y: 120\)"),
    "infinite response": (
        lambda: run("mepoisson count x || g:", changed(2, "count", np.inf)),
        "infinite value in row 3",
    ),
    # covariates, offsets
    "infinite covariate": (
        lambda: run("melogit y x || g:", changed(3, "x", np.inf)),
        "`x` has an infinite value in row 4",
    ),
    "complete separation by one": (
        lambda: run("melogit y x || g:", table(y=(table().x > 0) * 1)),
        "predicts the outcome perfectly: .* so that the likelihood has no maximum; leave `x` out",
    ),
    "exposure of zero": (lambda: run("mepoisson count x || g:, exposure(e)", table(e=0)), r"row 1 \(120 such rows\)"),
    "negative exposure": (
        lambda: run("mepoisson count x || g:, exposure(e)", table(e=1.0 - 3.0 * (table().i == 4))),
        r"`e` is -2 in row 5 \(1 such row\)",
    ),
    "exposure of a logit": (lambda: run("melogit y x || g:, exposure(z)"), "`exposure` is not an option of melogit"),
    # family, link, options of other commands
    "link of another family": (lambda: run("meglm y x || g:, family(poisson) link(logit)"), "has no link `logit`"),
    "unknown family": (lambda: run("meglm y x || g:, family(weibull)"), "`weibull` is not a known family"),
    "ordinal without intercept": (lambda: run("meologit k x, nocons || g:"), "cut points stand in place of"),
    "restricted likelihood": (lambda: run("melogit y x || g:, reml"), "`reml` is not an option of melogit"),
    # integration
    "no points": (lambda: run("melogit y x || g:, intpoints(0)"), "integration takes 1 to 195 points, got 0"),
    "too many points": (lambda: run("melogit y x || g:, intpoints(200)"), "integration takes 1 to 195 points, got 200"),
    "points as a keyword": (lambda: run("melogit y x || g:", intpoints=0), "takes 1 to 195 points, got 0"),
    "half a point": (lambda: run("melogit y x || g:", intpoints=2.5), "a whole number was expected, got `2.5`"),
    "points of two levels": (lambda: run("melogit y x || g:, intpoints(3 5)"), r"intpoints\(\) names 2 numbers"),
    "points of Laplace": (
        lambda: run("melogit y x || g:, intmethod(laplace) intpoints(5)"),
        r"`intpoints` says nothing about intmethod\(laplace\), which has a single point",
    ),
    "unknown method": (lambda: run("melogit y x || g:, intmethod(gauss)"), "`gauss` is not a known intmethod"),
    "quadrature of crossed effects": (
        lambda: run("melogit y x || _all: R.g || _all: R.h, intmethod(mvaghermite)"),
        r"cross the other levels; use intmethod\(laplace\)",
    ),
    "nodes beyond memory": (
        lambda: run("melogit y x || g: r0-r9, intmethod(mvaghermite)", many()),
        r"7\^11 = 1,977,326,743 nodes .* bytes .*Use intmethod\(laplace\), fewer intpoints\(\), or fewer random",
    ),
    # weights
    "fractional frequencies": (lambda: run("melogit y x [fw=w] || g:", table(w=0.5)), "must be integers: `w` is 0.5"),
    "negative frequencies": (lambda: run("melogit y x [fw=w] || g:", table(w=-1)), "must not be negative: `w` is -1"),
    "negative sampling weights": (lambda: run("melogit y x [pw=w] || g:", table(w=-1)), "must not be negative"),
    "negative importance": (lambda: run("melogit y x [iw=w] || g:", table(w=-1)), "must have a positive sum: .* -120"),
    "weights of zero": (lambda: run("melogit y x [pw=w] || g:", table(w=0)), "all 120 rows of the sample have weight"),
    "weights vary within groups": (lambda: run("melogit y x || g:, pweight(i)"), "not constant within the group 0"),
    "two kinds of weights": (lambda: run("melogit y x [fw=w] || g:, pweight(w)"), "all levels have one kind"),
    "weights of crossed groups": (
        lambda: run("melogit y x || _all: R.g || _all: R.h, pweight(w)"),
        "weights of groups belong to nested levels",
    ),
    "likelihood with sampling weights": (lambda: run("melogit y x [pw=w] || g:, vce(oim)"), r"use vce\(robust\)"),
    # standard errors
    "robust, crossed": (lambda: run("melogit y x || _all: R.g || _all: R.h, vce(robust)"), "at least two independent"),
    "robust, one group": (lambda: run("melogit y x || o:, vce(robust)"), "at least two independent"),
    "clusters that split groups": (lambda: run("melogit y x || g:, vce(cluster h)"), "must contain whole groups"),
    "one cluster": (lambda: run("melogit y x || g:, vce(cluster o)"), "there is a single cluster"),
    # starting values, constraints, matrices
    "start of another model": (
        lambda: run("melogit y x || g: x", start=fit().theta),
        "`start` belongs to another model",
    ),
    "printed estimates as start": (lambda: run("melogit y x || g:", start=fit().params), "`fit.theta`"),
    "negative grid": (lambda: run("melogit y x || g:, startgrid(-1)"), "variances, which are positive, got -1"),
    "unknown start": (lambda: run("melogit y x || g:, startvalues(one)"), "`one` is not a known startvalues"),
    "contradictory constraints": (
        lambda: run("melogit y x || g:", constraints=["_b[x]=1", "_b[x]=2"]),
        "the constraints contradict one another",
    ),
    "mixing constraint": (
        lambda: run("melogit y x || g:", constraints=["_b[x]=_b[/var(_cons[g])]"]),
        "mixes a coefficient with a variance",
    ),
    "unknown label": (lambda: run("melogit y x || g:", constraints=["_b[q]=1"]), "there is no parameter `q`; known"),
    "cut point of a logit": (lambda: run("melogit y x || g:", constraints=["_b[/cut1]=1"]), "no parameter `/cut1`"),
    "negative variance": (
        lambda: run("melogit y x || g:", constraints=["_b[/var(_cons[g])]=-1"]),
        "may not be positive definite",
    ),
    "matrix not given": (lambda: run("melogit y x || g: x, cov(fixed(f))"), "the matrices given are: none"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    call, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        call()


def test_not_built_yet():
    with pytest.raises(NotImplementedError, match=r"`noestimate` is not built yet(.|\n)*`iterate\(0\)` stops at"):
        run("melogit y x || g:, noestimate")


# ------------------------------------------------------------------------------------- fitted, and said what is wrong


def assert_sound(found) -> None:
    """Estimates and log likelihood are numbers, and everything prints."""
    assert np.isfinite(found.llf) and np.all(np.isfinite(found.params))
    text = str(found)
    assert "nan" not in text.lower()
    for note in found.notes:
        assert note.removeprefix("note: ") in " ".join(text.split())


def marked(rows, **columns) -> pd.DataFrame:
    """`p` is 1 in these rows, and the columns there have these values."""
    out = table(p=rows(table()) * 1)
    for name, value in columns.items():
        out.loc[out.p == 1, name] = value
    return out


def sum_decides() -> pd.DataFrame:
    return table(y=(table().x + 2 * table().z > 0.2) * 1)


TENTH = lambda t: t.i % 11 == 3
FITTED = {
    # name: (call, status, part of a note, labels without a standard error)
    "other numbers": (lambda: run("melogit y x || g:", changed(3, "y", 2)), "converged", "1 value of y other than", ()),
    "perfect predictor": (
        lambda: run("melogit y x p || g:", marked(TENTH, y=1)),
        "converged",
        "p omitted and 11 observations not used",
        (),
    ),
    "perfect predictor kept": (
        lambda: run("melogit y x p || g:, asis", marked(TENTH, y=1)),
        "separated",
        "no finite coefficient of p",
        ("p",),
    ),
    "the same, probit": (
        lambda: run("meprobit y x p || g:, asis", marked(TENTH, y=1)),
        "separated",
        "no finite coefficient of p",
        ("p",),
    ),
    "the same, cloglog": (
        lambda: run("mecloglog y x p || g:, asis", marked(TENTH, y=1)),
        "separated",
        "coefficient of p",
        ("p",),
    ),
    "the same, binomial": (
        lambda: run("melogit b x p || g:, binomial(n)", marked(TENTH, b=5)),
        "separated",
        "coefficient of p",
        ("p",),
    ),
    "the same, ordinal": (
        lambda: run("meologit k x p || g:", marked(TENTH, k=3)),
        "separated",
        "coefficient of p",
        ("p",),
    ),
    "one row": (
        lambda: run("melogit y x p || g:, asis", marked(lambda t: t.i == 17, y=1)),
        "separated",
        "coefficient of p",
        ("p",),
    ),
    "several covariates": (
        lambda: run("melogit y x z || g:", sum_decides()),
        "separated",
        "no finite coefficients of x, z, _cons",
        ("x", "z", "_cons"),
    ),
    "a category without events": (
        lambda: run("mepoisson count x i.f || g:", table(f=table().h, count=table()["count"] * (table().h != 3))),
        "separated",
        "no finite coefficient of 3.f",
        ("3.f",),
    ),
    "a rare category without events": (
        lambda: run("mepoisson count x i.p || g:", marked(lambda t: t.i % 40 == 7, count=0)),
        "separated",
        "no finite coefficient of 1.p",
        ("1.p",),
    ),
    "groups of one outcome": (
        lambda: run("melogit c x || g:", table(c=(table().g % 3 == 0) * 1)),
        "separated",
        "within every group of g the outcome is the same",
        ("g:var(_cons)",),
    ),
    "groups of one outcome, half": (
        lambda: run("melogit c || g:", table(c=(table().g % 2 == 0) * 1)),
        "separated",
        "within every group of g the outcome is the same",
        ("g:var(_cons)",),
    ),
    "groups of one category": (
        lambda: run("meologit c x || g:", table(c=table().g % 3)),
        "separated",
        "within every group of g the outcome",
        (),
    ),
    "groups of one row": (
        lambda: run("melogit y x || i:"),
        "boundary",
        "variance is estimated as zero",
        ("i:var(_cons)",),
    ),
    "one group": (lambda: run("melogit y x || o:"), "boundary", "variance is estimated as zero", ("o:var(_cons)",)),
    "level equal to its parent": (
        lambda: run("melogit y x || g: || k2:", table(k2=table().g * 10)),
        "not_identified",
        "g and g>k2 form the same groups",
        ("g:var(_cons)", "g>k2:var(_cons)"),
    ),
    "crossed": (
        lambda: run("melogit y x || _all: R.g || _all: R.h"),
        "boundary",
        "R.h of _all: .* estimated as zero",
        ("_all:var(R.h)",),
    ),
    "counts that hardly vary": (
        lambda: run("menbreg count x || g:", table(count=table().i % 2 + 3)),
        "boundary",
        "the dispersion is estimated as zero",
        ("/lnalpha", "g:var(_cons)"),
    ),
    "missing covariate": (
        lambda: run("melogit y x || g:", changed(3, "x", np.nan)),
        "converged",
        "1 observation with missing values",
        (),
    ),
    "stopped early": (lambda: run("melogit y x || g:, iterate(1)"), "not_converged", r"raise iterate\(\)", ()),
    "collinear": (
        lambda: run("melogit y x x2 || g:", table(x2=2 * table().x)),
        "converged",
        "x2 omitted because of collinearity",
        (),
    ),
}


@pytest.mark.parametrize("case", FITTED)
def test_fitted_with_a_word(case):
    call, status, words, lost = FITTED[case]
    found = call()
    assert_sound(found)
    assert found.status == status
    assert any(re.search(words, note) for note in found.notes), found.notes
    without = found.bse.index[found.bse.isna()]
    assert set(lost) <= set(without)
    if status in ("converged", "not_converged"):
        assert len(without) == 0


# ----------------------------------------------------------------------------------- unusual, but no reason to fail


@pytest.mark.parametrize("unit", [1e8, 1e-8])
def test_units_of_a_covariate_do_not_matter(unit):
    base = fit("melogit y x || g: x, cov(un)")
    found = run("melogit y x || g: x, cov(un)", table(x=table().x * unit))
    assert_sound(found)
    assert found.status == base.status and found.llf == pytest.approx(base.llf, rel=1e-7)
    scale = np.array([1 / unit, 1.0, unit**-2, 1.0, 1 / unit])
    np.testing.assert_allclose(found.params / scale, base.params, rtol=2e-3)


@pytest.mark.parametrize("unit", [1e8, 1e-8])
def test_units_of_a_continuous_response_do_not_matter(unit):
    base, found = fit("meglm real x || g:"), run("meglm real x || g:", table(real=table().real * unit))
    assert found.status == base.status == "converged"
    assert found.llf + ROWS * np.log(unit) == pytest.approx(base.llf, abs=1e-6)
    np.testing.assert_allclose(found.params / np.array([unit, unit, unit**2, unit**2]), base.params, rtol=1e-5)


def test_a_covariate_far_from_zero():
    base, found = fit(), run("melogit y x || g:", table(x=table().x + 1e8))
    assert found.status == "converged" and found.llf == pytest.approx(base.llf, abs=1e-6)
    assert found.fixed.loc["x", "estimate"] == pytest.approx(base.fixed.loc["x", "estimate"], rel=1e-5)


@pytest.mark.parametrize("command", ["melogit y x || g:", "mepoisson count x || g:", "meologit k x || g:"])
def test_a_constant_offset_moves_the_constant_alone(command):
    base, found = fit(command), run(f"{command}, offset(f)", table(f=1e6))
    assert found.status == base.status and found.llf == pytest.approx(base.llf, abs=1e-5)
    assert found.fixed.loc["x", "estimate"] == pytest.approx(base.fixed.loc["x", "estimate"], rel=1e-4)
    moved = found.params.drop("x") - base.params.drop("x")
    constants = [label for label in moved.index if label == "_cons" or label.startswith("/cut")]
    np.testing.assert_allclose(moved[constants], 1e6 if constants[0] != "_cons" else -1e6, rtol=1e-7)
    np.testing.assert_allclose(moved.drop(constants), 0.0, atol=1e-3)


def test_no_random_effects():
    found = fit("melogit y x")
    assert (found.status, found.lr_test, len(found.groups)) == ("converged", None, 0)
    assert found.llf == pytest.approx(fit("melogit y x || o:").llf, abs=1e-6)


def test_a_category_that_occurs_once():
    found = run("meologit k x || g:", changed(5, "k", 9))
    assert_sound(found)
    assert found.status == "converged" and list(found.ancillary.index) == [f"/cut{j}" for j in range(1, 5)]


def test_everything_held_by_constraints():
    found = run("melogit y x || g:", constraints=["_b[x]=1", "_b[_cons]=0", "_b[/var(_cons[g])]=1"])
    assert_sound(found)
    assert found.params.tolist() == [1.0, 0.0, 1.0] and found.llf < fit().llf


# ------------------------------------------------------------------------------------------------------ after the fit

AFTER = {
    "unknown statistic": (lambda f: f.predict("mus"), "unknown statistic `mus`; did you mean `mu`"),
    "statistic of linear models": (
        lambda f: f.predict("fitted"),
        "unknown statistic `fitted`; known are mu, density",
    ),
    "outcome never seen": (lambda f: f.predict("pr", outcome=3), "there is no `outcome=3`; the outcomes are 0, 1"),
    "category never seen": (lambda f: f.predict("mu", table(h=9)), "`h` has a level in row 1 that the estimation"),
    "groups gone": (lambda f: f.predict("mu", table().drop(columns="g")), "the table has no column `g`"),
    "unknown level": (lambda f: f.predict("mu", relevel="q"), "`relevel=q` is no level of this model; levels are g"),
    "residuals of new data": (lambda f: f.predict("pearson", table()), "predict `mu` on the new data"),
    "unknown coefficient": (lambda f: f.test("q"), "there is no coefficient `q`"),
    "no draws": (lambda f: f.simulate(0), "at least 1; got 0"),
    "another family": (lambda f: me.lrtest(f, fit("meprobit y x || g:")), "the fits assume different responses"),
}


@pytest.mark.parametrize("case", AFTER)
def test_refused_after_the_fit(case):
    call, words = AFTER[case]
    with pytest.raises(ValueError, match=words):
        call(fit("melogit y x i.h || g:"))


def test_new_groups_and_averages_without_groups():
    """A group never seen has effects of zero; an average over all groups needs none."""
    found = fit("melogit y x i.h || g:")
    elsewhere = table(g=table().g + 1000)
    np.testing.assert_allclose(found.predict("mu", elsewhere), found.predict("mu", conditional="fixedonly"), rtol=1e-12)
    nowhere = table().drop(columns=["g", "y"])
    np.testing.assert_allclose(
        found.predict("mu", nowhere, marginal=True), found.predict("mu", marginal=True), rtol=1e-12
    )


@pytest.mark.parametrize("statistic", ["mu", "eta", "xb", "reffects", "reses"])
def test_predicting_an_empty_table(statistic):
    assert len(fit("melogit y x i.h || g:").predict(statistic, table().iloc[:0])) == 0
