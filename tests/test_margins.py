"""Margins of fits: averages of predictions and of slopes, and their standard errors.

Generalized and nonlinear models are in test_margins_generalized.  Values are held against averages of
`fit.predict` of changed tables, covariances against products of average rows, printed numbers against the manual.
"""

import functools
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
import scipy.stats
from references import exact, seed

from mejax import datasets, me
from mejax.post.margins import averages

matplotlib.use("Agg")

PLOTS = "chlorophyll ibn.nitrogen##ibn.thatch ibn.block, noomitted noconstant || wpunit:, reml"
FACTORS = "y i.arm##i.k c.x##c.x i.b || g: x"
SMOOTH = "y ~ log(pos) + poly(x, 2) + bs(year, df=5) + C(arm)*C(k) + C(wet) + (1 | g)"
EMPTY = "y i.arm##i.k i.b x || g:"
SATTERTHWAITE = "y i.k x || g:, reml dfmethod(satterthwaite)"
BY_NITROGEN = """\
Predictive margins                                   Number of obs    =     24

Expression: Linear prediction, fixed portion, predict()

-------------------------------------------------------------------------------
              |            Delta-method
              |     Margin   std. err.      z    P>|z|     [95% conf. interval]
--------------+----------------------------------------------------------------
       thatch#|
     nitrogen |
      2#Urea  |       3.85   .3760479    10.24   0.000      3.11296     4.58704
           2 #|
Ammonium s..  |        5.6   .3760479    14.89   0.000      4.86296     6.33704
      2#IBDU  |        6.5   .3760479    17.29   0.000      5.76296     7.23704
 2#Urea (SC)  |       7.35   .3760479    19.55   0.000      6.61296    8.087041
      5#Urea  |       5.35   .3760479    14.23   0.000      4.61296    6.087041
           5 #|
Ammonium s..  |       5.85   .3760479    15.56   0.000      5.11296     6.58704
      5#IBDU  |          6   .3760479    15.96   0.000      5.26296     6.73704
 5#Urea (SC)  |        8.6   .3760479    22.87   0.000      7.86296    9.337041
      8#Urea  |        5.1   .3760479    13.56   0.000      4.36296    5.837041
           8 #|
Ammonium s..  |        5.8   .3760479    15.42   0.000      5.06296     6.53704
      8#IBDU  |        7.8   .3760479    20.74   0.000      7.06296    8.537041
 8#Urea (SC)  |       8.45   .3760479    22.47   0.000     7.712959     9.18704
-------------------------------------------------------------------------------"""


@functools.cache
def table() -> pd.DataFrame:
    """Unbalanced factors of numbers, words and truth values; a response far from zero; a year far from zero."""
    rng = np.random.default_rng(12)
    n, g = 120, np.repeat(np.arange(15), 8)
    x, u = rng.normal(size=n), rng.normal(size=(15, 2))
    out = pd.DataFrame({"g": g, "x": x, "k": rng.choice([1, 2, 5], n, p=[0.5, 0.3, 0.2])})
    out["arm"], out["b"], out["wet"] = (
        rng.choice([0, 1], n, p=[0.7, 0.3]),
        rng.choice([3, 4], n),
        rng.uniform(size=n) < 0.4,
    )
    out["pos"], out["year"] = np.exp(x / 2 + rng.normal(size=n)), 1990 + rng.uniform(0, 12, n).round(1)
    mean = 10 + 0.5 * x - 0.2 * x**2 + 0.8 * out["arm"] + 0.4 * out["k"] + 0.3 * np.sin(out["year"])
    out["y"] = mean + u[g, 0] + 0.5 * u[g, 1] * x + rng.normal(size=n)
    out["w"] = rng.integers(1, 4, n)
    return out


@functools.cache
def fit(command: str) -> Any:
    if command == PLOTS:
        plots = datasets.load("clippings")
        return me.mixed(PLOTS, plots.assign(wpunit=plots.groupby(["nitrogen", "block"]).ngroup()), nolog=True)
    data = table()
    if command == EMPTY:
        data = data[~((data["arm"] == 1) & (data["k"] == 2))]
    return me.mixed(command, data, nolog=True)


def xb(found: Any, data: pd.DataFrame, **values: Any) -> np.ndarray:
    return found.predict("xb", data.assign(**values)).to_numpy()


def slopes(found: Any, data: pd.DataFrame, name: str, h: float = 1e-4) -> np.ndarray:
    """Slopes of the linear prediction between the ends of the covariate: one-sided ones where a row is at an end."""
    x, low, high = data[name], table()[name].min(), table()[name].max()
    side = np.where(x + h > high, -1.0, np.where(x - h < low, 1.0, 0.0))
    at = lambda points: xb(found, data, **{name: x + points * h})
    middle = (at(np.where(side == 0, 1, side)) - at(np.where(side == 0, -1, side))) / (2 * h)
    ends = side * (-3 * at(0 * side) + 4 * at(side) - at(2 * side)) / (2 * h)
    return np.where(side == 0, middle, ends)


def columns(found: Any) -> np.ndarray:
    return found.estimates.design.x


def error(found: Any, row: np.ndarray) -> float:
    return float(np.sqrt(row @ found.estimates.coefficient_vce @ row))


# --------------------------------------------------------------------------------------------- the manual's example 2


@pytest.mark.parametrize("terms", ["thatch#nitrogen", "thatch", "nitrogen"])
def test_margins_of_the_manual(terms):
    """Introduction to the ME manual, example 2, as stored in reference/seed_examples.json, in every printed digit."""
    printed, found = seed("ex2")["margins"][terms], fit(PLOTS).margins(terms)
    assert found.table.index.tolist() == list(printed)
    exact(found.table[["estimate", "se", "lower", "upper"]].to_numpy().ravel(), np.ravel(list(printed.values())))
    np.testing.assert_allclose(found.table["z"], found.table["estimate"] / found.table["se"], rtol=1e-14)
    assert found.found.notes == ()


def test_margins_print_as_in_the_manual():
    """The printed page wraps `Ammonium s..` below `2 #` too."""
    assert str(fit(PLOTS).margins("thatch#nitrogen")) == BY_NITROGEN


def test_all_terms_at_once():
    found = fit(PLOTS).margins("thatch##nitrogen")
    parts = [fit(PLOTS).margins(term) for term in ("thatch", "nitrogen", "thatch#nitrogen")]
    np.testing.assert_array_equal(found.table["estimate"], np.concatenate([p.table["estimate"] for p in parts]))
    np.testing.assert_array_equal(found.table["se"], np.concatenate([p.table["se"] for p in parts]))
    assert found.table.index[[0, 3, 7]].tolist() == ["2.thatch", "1.nitrogen", "2.thatch#1.nitrogen"]
    assert found.cells.iloc[3].tolist() == ["", "1"] and found.cells.iloc[-1].tolist() == ["8", "4"]
    several = fit(PLOTS).margins(["thatch", "nitrogen thatch#nitrogen"])
    pd.testing.assert_frame_equal(several.table, found.table)
    whole, row = found.cov().to_numpy(), np.r_[np.full(4, 0.25), np.zeros(8)]
    np.testing.assert_allclose(row @ whole[7:, 7:] @ row, whole[0, 0], rtol=1e-10)
    np.testing.assert_allclose(whole[7:, 7:] @ row, whole[7:, 0], rtol=1e-9)


def test_html_has_labels_and_numbers():
    html = fit(PLOTS).margins("nitrogen")._repr_html_()
    assert "Ammonium sulphate" in html and "4.766667" in html and "Delta-method" in html


# ------------------------------------------------------------------------------------------------ linear predictions


@pytest.mark.parametrize("command", [FACTORS, SMOOTH])
def test_margins_are_averages_of_predictions(command):
    found, data = fit(command), table()
    margins = found.margins("arm#k", at={"x": [-0.5, 1.0]})
    expected = [xb(found, data, arm=a, k=k, x=x).mean() for x in (-0.5, 1.0) for a in (0, 1) for k in (1, 2, 5)]
    np.testing.assert_allclose(margins.table["estimate"], expected, rtol=1e-12)
    rows = [
        found.encoding.replay(data.assign(arm=a, k=k, x=x), random="none").x.mean(axis=0)
        for x in (-0.5, 1.0) for a in (0, 1) for k in (1, 2, 5)
    ]  # fmt: skip
    expected = np.array(rows) @ found.estimates.coefficient_vce @ np.array(rows).T
    np.testing.assert_allclose(margins.cov(), expected, rtol=1e-9, atol=1e-12)
    assert margins.table.index[[0, 4]].tolist() == ["1._at#0#1", "1._at#1#2"]
    assert (
        margins.cells.columns.tolist() == ["arm", "k", "_at"] and margins.cells["_at"].tolist() == ["1"] * 6 + ["2"] * 6
    )
    assert "1._at: x = -0.5" in str(margins) and "2._at: x = 1" in str(margins)


def test_the_overall_margin_and_its_level():
    found = fit(FACTORS)
    margins, wide = found.margins(), found.margins(level=90)
    mean = columns(found).mean(axis=0)
    estimate, se = mean @ found.estimates.coefficients, error(found, mean)
    np.testing.assert_allclose(
        margins.table.loc["_cons", ["estimate", "se"]].to_numpy(float), [estimate, se], rtol=1e-10
    )
    assert wide.table["upper"].iloc[0] == pytest.approx(estimate + 1.6448536269514722 * se, rel=1e-12)
    assert "[90% conf. interval]" in str(wide) and wide.table["se"].iloc[0] == margins.table["se"].iloc[0]


def test_slope_of_a_polynomial():
    found = fit(FACTORS)
    b = found.fixed["estimate"]
    margins = found.margins(dydx="x", at={"x": [-1.0, 0.0, 2.0]})
    expected = [b["x"] + 2 * b["c.x#c.x"] * x for x in (-1.0, 0.0, 2.0)]
    np.testing.assert_allclose(margins.table["estimate"], expected, rtol=1e-9)
    places = [found.fixed.index.get_loc(name) for name in ("x", "c.x#c.x")]
    v = found.cov_params().iloc[places, places].to_numpy()
    expected = [np.sqrt(np.array([1, 2 * x]) @ v @ np.array([1, 2 * x])) for x in (-1.0, 0.0, 2.0)]
    np.testing.assert_allclose(margins.table["se"], expected, rtol=1e-9)
    average = found.margins(dydx="x").table["estimate"].iloc[0]
    assert average == pytest.approx(b["x"] + 2 * b["c.x#c.x"] * table()["x"].mean(), rel=1e-9)


@pytest.mark.parametrize("name", ["x", "pos", "year"])
def test_slopes_of_transformations(name):
    """Logarithms, orthogonal polynomials and splines, which are undefined beyond their ends."""
    found, data = fit(SMOOTH), table()
    values = [data[name].min(), data[name].median(), data[name].max()]
    margins = found.margins(dydx=name, at={name: values}).table["estimate"]
    expected = slopes(found, data.iloc[:3].assign(**{name: values}), name)  # no interaction: alike in all rows
    np.testing.assert_allclose(margins, expected, rtol=1e-5, atol=1e-6)
    average = found.margins(dydx=name).table["estimate"].iloc[0]
    assert average == pytest.approx(slopes(found, data, name).mean(), rel=1e-5, abs=1e-6)


def test_slopes_of_factors_are_differences_of_margins():
    found = fit(FACTORS)
    effects, margins = found.margins(dydx=["arm", "k"]), found.margins("arm k")
    values, cov = margins.table["estimate"].to_numpy(), margins.cov().to_numpy()
    rows = np.array([[-1, 1, 0, 0, 0], [0, 0, -1, 1, 0], [0, 0, -1, 0, 1]])
    np.testing.assert_allclose(effects.table["estimate"], rows @ values, rtol=1e-10)
    np.testing.assert_allclose(effects.cov(), rows @ cov @ rows.T, rtol=1e-8, atol=1e-12)
    assert effects.table.index.tolist() == ["1.arm", "2.k", "5.k"] == effects.cells["dydx"].tolist()
    every = found.margins(dydx="*")
    assert every.table.index.tolist() == ["1.arm", "2.k", "5.k", "x", "4.b"]
    assert "dy/dx" in str(every) and str(every).startswith("Average marginal effects")


def test_the_base_of_a_slope_is_that_of_the_model():
    found = me.mixed("y ib5.k x || g:", table(), nolog=True)
    effects = found.margins(dydx="k").table
    assert effects.index.tolist() == ["1.k", "2.k"]
    np.testing.assert_allclose(effects["estimate"], found.fixed.loc[["1.k", "2.k"], "estimate"], rtol=1e-10)


@pytest.mark.parametrize("kind", ["eyex", "dyex", "eydx"])
def test_elasticities(kind):
    """d log y / d log x and its halves, of the linear prediction of each row; errors by differences."""
    found, (rows, up, down) = fit(SMOOTH), _rows_along("pos", 1e-5)
    x, beta = table()["pos"].to_numpy(), found.estimates.coefficients

    def average(beta: np.ndarray) -> Any:
        slope = (up @ beta - down @ beta) / (2e-5 * x)
        return np.mean(slope * (x if kind[2:] == "ex" else 1.0) / (rows @ beta if kind[:2] == "ey" else 1.0))

    margins = found.margins(**{kind: "pos"})
    jacobian = [(average(beta + 1e-5 * h) - average(beta - 1e-5 * h)) / 2e-5 for h in np.eye(len(beta))]
    assert margins.table["estimate"].iloc[0] == pytest.approx(average(beta), rel=1e-7)
    assert margins.table["se"].iloc[0] == pytest.approx(error(found, np.array(jacobian)), rel=1e-5)
    assert f" {kind[:2]}/{kind[2:]} " in str(margins)


@functools.cache
def _rows_along(name: str, share: float) -> list[np.ndarray]:
    """The columns where a covariate is as it is, a share larger, a share smaller."""
    return [
        fit(SMOOTH).encoding.replay(table().assign(**{name: table()[name] * s}), random="none").x
        for s in (1.0, 1.0 + share, 1.0 - share)
    ]


def test_groups_are_averages_over_their_rows():
    found, data = fit(FACTORS), table()
    margins = found.margins("arm", over="k b")
    expected, errors = [], []
    for k in (1, 2, 5):
        for b in (3, 4):
            rows = data[(data["k"] == k) & (data["b"] == b)]
            for arm in (0, 1):
                mean = found.encoding.replay(rows.assign(arm=arm), random="none").x.mean(axis=0)
                expected.append(mean @ found.estimates.coefficients)
                errors.append(error(found, mean))
    np.testing.assert_allclose(margins.table["estimate"], expected, rtol=1e-12)
    np.testing.assert_allclose(margins.table["se"], errors, rtol=1e-10)
    assert margins.table.index[[0, 11]].tolist() == ["1#3#0", "5#4#1"]
    assert margins.cells.columns.tolist() == ["arm", "k", "b"]
    assert "k = 5, b = 4" in str(margins)


def test_groups_of_values_that_the_model_does_not_have():
    found, data = fit(FACTORS), table()
    margins = found.margins(over={"early": data["year"] < 1996})
    expected = [xb(found, data)[data["year"] >= 1996].mean(), xb(found, data)[data["year"] < 1996].mean()]
    np.testing.assert_allclose(margins.table["estimate"], expected, rtol=1e-12)
    of_groups = found.margins(over="g").table["estimate"]
    np.testing.assert_allclose(of_groups, xb(found, data).reshape(15, 8).mean(axis=1), rtol=1e-12)


def test_settings_as_lists_words_and_combinations():
    found, data = fit(FACTORS), table()
    margins = found.margins(at={"x": ["(mean)", "(median)", "(min)", "(max)", "(p25)", 2], "arm": 1})
    x = data["x"]
    values = [x.mean(), x.median(), x.min(), x.max(), np.percentile(x, 25), 2.0]
    expected = [xb(found, data, arm=1, x=v).mean() for v in values]
    np.testing.assert_allclose(margins.table["estimate"], expected, rtol=1e-12)
    listed = found.margins(at=[{"x": v, "arm": 1} for v in values])
    np.testing.assert_allclose(listed.table["estimate"], expected, rtol=1e-12)
    different = found.margins(at=[{"x": 1.0}, {"k": [1, 2]}, {"arm": 1, "k": 5}]).table["estimate"]
    expected = [xb(found, data, **s).mean() for s in ({"x": 1.0}, {"k": 1}, {"k": 2}, {"arm": 1, "k": 5})]
    np.testing.assert_allclose(different, expected, rtol=1e-12)


def test_at_means():
    """Of a linear prediction without powers the same as averages; powers are those of the mean, factors have shares."""
    plain = fit(SATTERTHWAITE)
    options: Any
    for options in ({}, {"terms": "k"}, {"over": "k"}, {"at": {"x": [0, 1]}}, {"dydx": "*"}):
        one, other = plain.margins(**options), plain.margins(**options, atmeans=True)
        np.testing.assert_allclose(other.table, one.table, rtol=1e-8)
    found, data = fit(FACTORS), table()
    x, shares = data["x"].mean(), {name: data[name].value_counts(normalize=True) for name in ("arm", "k", "b")}
    cell = lambda arm: sum(
        shares["k"][k] * shares["b"][b] * xb(found, data.iloc[:1], arm=arm, k=k, b=b, x=x)[0]
        for k in (1, 2, 5) for b in (3, 4)
    )  # fmt: skip
    at_means = found.margins("arm", atmeans=True)
    np.testing.assert_allclose(at_means.table["estimate"], [cell(0), cell(1)], rtol=1e-12)
    assert str(at_means).startswith("Adjusted predictions")
    assert str(found.margins(dydx="x", atmeans=True)).startswith("Conditional marginal effects")


def test_as_balanced():
    """All levels of the other factors count equally, however many rows they have."""
    found, data = fit(FACTORS), table()
    x = data["x"].mean()
    rows = [
        np.mean([
            found.encoding.replay(data.iloc[:1].assign(arm=arm, k=k, b=b, x=x), random="none").x[0]
            for k in (1, 2, 5) for b in (3, 4)
        ], axis=0)
        for arm in (0, 1)
    ]  # fmt: skip
    margins = found.margins("arm", asbalanced=True)
    np.testing.assert_allclose(margins.table["estimate"], np.array(rows) @ found.estimates.coefficients, rtol=1e-12)
    np.testing.assert_allclose(margins.table["se"], [error(found, row) for row in rows], rtol=1e-10)
    assert abs(margins.table["estimate"].iloc[0] - found.margins("arm").table["estimate"].iloc[0]) > 0.01


@pytest.mark.parametrize(
    "options",
    [
        {"terms": "k"}, {"terms": "k", "atmeans": True}, {"dydx": "*"}, {"eyex": "x"}, {"over": "k"},
        {"at": {"x": ["(mean)", "(median)", "(p25)"]}},
    ],
    ids=str,
)  # fmt: skip
def test_frequency_weights_count_as_rows(options):
    weighted, expanded = _weighted()
    one, other = weighted.margins(**options), expanded.margins(**options)
    np.testing.assert_allclose(one.table[["estimate", "se"]], other.table[["estimate", "se"]], rtol=1e-6)
    assert one.found.nobs == other.found.nobs


@functools.cache
def _weighted() -> tuple[Any, Any]:
    command, data = "y i.k c.x##c.x {} || g:", table()
    expanded = data.loc[np.repeat(data.index, data["w"])].reset_index(drop=True)
    one = me.mixed(command.format("[fweight=w]"), data, nolog=True)
    return one, me.mixed(command.format(""), expanded, nolog=True)


def test_rows_without_values_do_not_count():
    data = table().assign(word=np.where(table()["arm"] == 1, "painted", "plain"))
    data.loc[3:9, "x"], data.loc[20:22, "word"], data.loc[30, "y"] = np.nan, None, np.nan
    found = me.mixed("y ~ word*x + (1 | g)", data, nolog=True)
    used = data.dropna()
    margins = found.margins("word")
    expected = [xb(found, used, word=word).mean() for word in ("painted", "plain")]
    np.testing.assert_allclose(margins.table["estimate"], expected, rtol=1e-12)
    assert margins.table.index.tolist() == ["painted", "plain"] and margins.found.nobs == len(used) == 109
    by_year = found.margins(over={"late": data["year"] > 1996}).table["estimate"]
    late = used["year"].to_numpy() > 1996
    expected = [xb(found, used)[~late].mean(), xb(found, used)[late].mean()]
    np.testing.assert_allclose(by_year, expected, rtol=1e-12)


def test_categories_and_truth_values_are_factors():
    kinds = pd.CategoricalDtype(["small", "large", "none"], ordered=True)
    data = table().assign(size=pd.Categorical.from_codes(table()["arm"], dtype=kinds))
    found = me.mixed("y ~ size*x + C(wet) + (1 | g)", data, nolog=True)
    margins = found.margins("size#wet")
    expected = [xb(found, data, size=pd.Categorical([s] * 120, dtype=kinds), wet=w).mean()
                for s in ("small", "large") for w in (False, True)]  # fmt: skip
    np.testing.assert_allclose(margins.table["estimate"], expected, rtol=1e-12)
    assert margins.table.index[0].startswith("small#") and margins.cells["size"].unique().tolist() == ["small", "large"]
    at = found.margins(at={"size": "large", "wet": True}, atmeans=True).table["estimate"].iloc[0]
    assert at == pytest.approx(expected[3], rel=1e-12)
    effects = found.margins(dydx="*").table
    assert effects.index[[0, 1]].tolist() == ["large.size", "x"] and len(effects) == 3


def test_the_result_does_not_depend_on_how_many_rows_are_worked_on_at_once(monkeypatch):
    asked: list[Any] = [
        {"terms": "k"},
        {"dydx": "*"},
        {"over": "b"},
        {"terms": "arm", "asbalanced": True},
        {"eyex": "x"},
    ]
    whole = [fit(FACTORS).margins(**options) for options in asked]
    monkeypatch.setattr(averages, "CHUNK", 7)
    for options, one in zip(asked, whole, strict=True):
        other = fit(FACTORS).margins(**options)
        np.testing.assert_allclose(other.table["estimate"], one.table["estimate"], rtol=1e-11)
        np.testing.assert_allclose(other.cov(), one.cov(), rtol=1e-9, atol=1e-12)


# --------------------------------------------------------------------------------------- what cannot be estimated


def test_empty_cells():
    """Nothing that needs the cell arm 1, k 2 has an estimate; all else has that of the model of cells."""
    found = fit(EMPTY)
    margins = found.margins("arm#k")
    assert margins.table["estimate"].isna().tolist() == [False] * 4 + [True, False]
    assert margins.table.loc["1#2"].isna().all()
    printed = str(margins)
    line = next(line for line in printed.splitlines() if "(not estimable)" in line)
    assert line.split("|")[1].split()[0] == "." and "Note: (not estimable): what was left out as empty" in printed
    b, data = found.fixed["estimate"], found.encoding.table()
    rest = b["_cons"] + b["x"] * data["x"].mean() + b["4.b"] * (data["b"] == 4).mean()
    cells = [0, b["2.k"], b["5.k"], b["1.arm"], b["1.arm"] + b["5.k"] + b["1.arm#5.k"]]
    np.testing.assert_allclose(margins.table["estimate"].dropna(), rest + np.array(cells), rtol=1e-10)
    assert found.margins("k").table["estimate"].isna().tolist() == [False, True, False]
    assert found.margins("arm").table["estimate"].isna().tolist() == [False, True]
    assert found.margins("b").table["estimate"].notna().all() and found.margins().table.notna().all(axis=None)
    at = found.margins(at={"arm": [0, 1], "k": [2, 5]}).table["estimate"].isna()
    assert at.tolist() == [False, False, True, False]
    over = found.margins(dydx="k", over="arm").table["estimate"].isna()
    assert over.to_dict() == {"2.k#0": False, "2.k#1": True, "5.k#0": False, "5.k#1": False}


def test_differences_that_empty_cells_do_not_enter():
    """The missing cell enters both sides alike."""
    found = fit(EMPTY)
    effects = found.margins(dydx="b x", at={"arm": 1, "k": 2}).table
    np.testing.assert_allclose(effects["estimate"], found.fixed.loc[["4.b", "x"], "estimate"], rtol=1e-9)
    np.testing.assert_allclose(effects["se"], found.fixed.loc[["4.b", "x"], "se"], rtol=1e-9)


def test_empty_cells_in_formulas_contrasts_and_comparisons():
    data = table()
    data = data[~((data["arm"] == 1) & (data["k"] == 2))]
    found = me.mixed("y ~ C(arm)*C(k) + C(b) + x + (1 | g)", data, nolog=True).margins("arm#k")
    expected = fit(EMPTY).margins("arm#k")
    np.testing.assert_allclose(found.table, expected.table, rtol=1e-6)
    compared = found.pwcompare().table
    assert len(compared) == 10 and np.isfinite(compared["estimate"]).all()
    with pytest.raises(ValueError, match="there is no margin for k = 2, arm = 1"):
        expected.contrast("r.k@arm")


def test_columns_left_out_as_combinations_of_others_do_not_matter():
    data = table().assign(twice=2 * table()["x"] + 1)
    found, plain = (me.mixed(f"y {names} i.k || g:", data, nolog=True) for names in ("x twice", "x"))
    options: Any
    for options in ({"terms": "k"}, {}, {"dydx": "k"}, {"dydx": "x"}, {"over": "k"}):
        np.testing.assert_allclose(found.margins(**options).table, plain.margins(**options).table, rtol=1e-8)


# ----------------------------------------------------------------------------- contrasts and degrees of freedom


def test_contrasts_and_comparisons_of_a_fit():
    found = fit(PLOTS)
    margins = found.margins("thatch#nitrogen", asbalanced=True)
    values, cov = margins.table["estimate"].to_numpy().reshape(3, 4), margins.cov().to_numpy()
    single = found.contrast("r.thatch@nitrogen").table
    np.testing.assert_allclose(single["estimate"], (values[1:] - values[0]).ravel(), rtol=0, atol=1e-10)
    rows = np.vstack([np.eye(12)[4 * t + n] - np.eye(12)[n] for t in (1, 2) for n in range(4)])
    np.testing.assert_allclose(single["se"], np.sqrt(np.diag(rows @ cov @ rows.T)), rtol=1e-9)
    interaction = found.contrast("thatch#nitrogen")
    by_hand = [
        np.eye(12)[4 * t + n] - np.eye(12)[n] - np.eye(12)[4 * t] + np.eye(12)[0] for t in (1, 2) for n in (1, 2, 3)
    ]
    rows = np.array(by_hand)
    d = rows @ values.ravel()
    chi2 = d @ np.linalg.solve(rows @ cov @ rows.T, d)
    assert str(interaction).count("thatch#nitrogen") == 1 and f"{chi2:.2f}" in str(interaction)
    pairs = found.pwcompare("nitrogen", mcompare="bonferroni").table
    means = values.mean(axis=0)
    assert pairs["estimate"].iloc[0] == pytest.approx(means[1] - means[0], rel=1e-9) and len(pairs) == 6
    plain = found.pwcompare("nitrogen").table
    np.testing.assert_allclose(pairs["p"], np.minimum(6 * plain["p"], 1), rtol=1e-8)


def test_observed_and_equal_shares_in_contrasts():
    found = fit(FACTORS)
    asked: Any
    for option, asked in ((False, {"asbalanced": True}), (True, {})):
        values = found.margins("arm", **asked).table["estimate"]
        contrast = found.contrast("r.arm", asobserved=option).table["estimate"].iloc[0]
        assert contrast == pytest.approx(values.iloc[1] - values.iloc[0], rel=1e-10)


def test_degrees_of_freedom_of_margins():
    found = fit(SATTERTHWAITE)
    margins, normal = found.margins("k", small=True), found.margins("k")
    rows = [found.encoding.replay(table().assign(k=k), random="none").x.mean(axis=0) for k in (1, 2, 5)]
    df = [found.estimates.degrees.of(row) for row in rows]
    np.testing.assert_allclose(margins.table["df"], df, rtol=1e-8)
    np.testing.assert_array_equal(margins.table["se"], normal.table["se"])
    half = scipy.stats.t.ppf(0.975, df) * margins.table["se"]
    np.testing.assert_allclose(margins.table["upper"] - margins.table["estimate"], half, rtol=1e-8)
    np.testing.assert_allclose(margins.table["p"], 2 * scipy.stats.t.sf(np.abs(margins.table["t"]), df), rtol=1e-7)
    assert "P>|t|" in str(margins) and "z" not in margins.table
    effect = found.margins(dydx="x", small=True).table.iloc[0]
    own = found.estimates.degrees.of(np.eye(4)[found.fixed.index.get_loc("x")])
    np.testing.assert_allclose(effect[["se", "df"]].to_numpy(float), [found.fixed.loc["x", "se"], own], rtol=1e-8)
    tested = found.contrast("r.k", small=True).table
    assert tested["estimate"].tolist() == pytest.approx(found.fixed.loc[["2.k", "5.k"], "estimate"].tolist(), rel=1e-9)


# --------------------------------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"terms": "x"}, r"`x` in the term `x` is no factor .* continuous covariate; say at which values, at=\{"),
        ({"terms": "arm#c"}, "the term `arm#c` names `c`, which is no factor of the model; factors are arm, b, k"),
        ({"terms": "arm#arm"}, "the term `arm#arm` names a factor twice"),
        ({"at": {"arms": 1}}, "`at` names `arms`, which is no covariate of this model; did you mean `arm`?"),
        ({"at": {"k": 3}}, "`at` sets `k` to 3, which is no level in the sample: 1, 2, 5"),
        ({"at": {"x": "low"}}, "`at` sets `x` to 'low'; a finite number was expected"),
        ({"at": {"x": np.nan}}, "`at` sets `x` to nan; a finite number was expected"),
        ({"at": {"x": []}}, "`at` gives no value for `x`"),
        ({"at": ["x"]}, "`at` is a mapping such as .* got 'x'"),
        ({"dydx": "xx"}, "`dydx` names `xx`, which is no covariate of this model; did you mean `x`?"),
        ({"dydx": "x", "eyex": "x"}, "dydx and eyex are asked for at once; one kind of slope at a time"),
        ({"eyex": "arm"}, "`arm` is a factor, whose levels have differences .* leave it out of eyex"),
        ({"over": "z"}, "`over` names `z`, which is no covariate of this model"),
        ({"over": {"half": [1, 2]}}, "`over` gives 2 values of `half`; one for each of the 120 rows"),
        ({"predict": "residuals"}, "`predict=residuals` belongs to single rows or groups"),
        ({"predict": "nothing"}, "unknown statistic `nothing`; known are xb"),
        ({"outcome": 1}, "`outcome=1` says nothing about a linear model"),
        ({"conditional": "ebmeans"}, "`conditional=ebmeans` are predictions of the groups that were observed"),
        ({"small": True}, "`small` needs degrees of freedom, .* fit it with `dfmethod`"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_had_is_said(options, message):
    with pytest.raises(ValueError, match=message):
        fit(FACTORS).margins(**options)


def test_too_many_cells_of_a_grid(monkeypatch):
    monkeypatch.setattr("mejax.post.margins.tables.MOST_CELLS", 5)
    with pytest.raises(ValueError, match="factors arm, k, b have 12 combinations of levels, more than 5"):
        fit(FACTORS).margins(atmeans=True)
