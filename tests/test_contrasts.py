"""Contrasts and pairwise comparisons of margins that are given, so that nothing is fitted here."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest

from mejax.post.functions import Functions
from mejax.post.margins.contrasts import ContrastFound, contrast
from mejax.post.margins.found import MarginsFound
from mejax.post.margins.letters import compact_letters
from mejax.post.margins.multiplicity import Adjustment
from mejax.post.margins.pairwise import pairwise
from mejax.post.wald import joint_test

A, B = ("1", "2", "4", "8"), ("x", "y", "z")
OMNIBUS = ["r.a", "rb4.a", "a.a", "ar.a", "g.a", "h.a", "j.a", "p.a", "q.a", "gw.a", "hw.a", "jw.a", "pw.a", "qw.a"]
WEIGHTS = {"a": [3, 5, 2, 7], "b": {"x": 1, "y": 4, "z": 2}}


def margins(values, covariance, factors, terms=None, df=None, **settings) -> MarginsFound:
    """Margins of the interaction of `factors` (name: levels), of further terms their balanced means."""
    names, sizes = tuple(factors), [len(levels) for levels in factors.values()]
    terms = (names,) if terms is None else terms
    weights, cells = [], []
    for term in terms:
        parts = [np.eye(k) if n in term else np.full((1, k), 1 / k) for n, k in zip(names, sizes, strict=True)]
        block = np.ones((1, 1))
        for part in parts:
            block = np.kron(block, part)
        weights.append(block)
        cells += [dict(zip(term, combo, strict=True)) for combo in product(*(factors[n] for n in term))]
    rows = np.vstack(weights)
    frame = pd.DataFrame(cells, columns=list(names)).fillna("")
    joint = None if df is None else lambda rows: (1.0, df)
    degrees = None if df is None else np.full(len(rows), df)
    functions = Functions(tuple(map(str, range(len(rows)))), rows @ values, rows @ covariance @ rows.T, degrees, joint)
    numbers = {n: tuple(float(t) if t.isdecimal() else float(k) for k, t in enumerate(v)) for n, v in factors.items()}
    return MarginsFound(
        functions, frame, terms, factors, numbers, "Predictive margins", "Mean", (), 100.0, **settings
    )  # fmt: skip


@pytest.fixture(scope="module")
def one_way() -> MarginsFound:
    draws = np.random.default_rng(1).normal(size=(4, 9))
    return margins(np.array([1.0, 2.5, 2.2, 4.0]), draws @ draws.T / 30, {"a": A})


@pytest.fixture(scope="module")
def two_way() -> MarginsFound:
    generator = np.random.default_rng(2)
    draws = generator.normal(size=(12, 30))
    terms = (("a", "b"), ("a",), ("b",))
    return margins(generator.normal(size=12), draws @ draws.T / 60, {"a": A, "b": B}, terms)


@pytest.fixture(scope="module")
def trend() -> MarginsFound:
    """Four groups of 20 with means that have these linear, quadratic and cubic trends, mean square 1541.9 / 76."""
    means = np.array([[-3, -1, 1, 3], [1, -1, -1, 1], [-1, 3, -3, 1]]).T @ np.array([16 / 20, -8.9 / 4, 0.5 / 20])
    return margins(means, np.eye(4) * 1541.9 / 76 / 20, {"a": ("1", "2", "3", "4")}, df=76.0)


def weights_of(found: MarginsFound, operators, **options) -> np.ndarray:
    """The weights of each contrast, read off by giving each margin the value 1 in turn."""
    count = len(found.functions.values)
    values = []
    for unit in np.eye(count):
        functions = Functions(found.functions.labels, unit, found.functions.covariance)
        parts = {**found.__dict__, "functions": functions}
        values.append(contrast(MarginsFound(**parts), operators, **options).table["estimate"].to_numpy())
    return np.array(values).T


HAND = {
    "r.a": [[-1, 1, 0, 0], [-1, 0, 1, 0], [-1, 0, 0, 1]],
    "rb4.a": [[1, 0, -1, 0], [0, 1, -1, 0], [0, 0, -1, 1]],
    "rb(last).a": [[1, 0, 0, -1], [0, 1, 0, -1], [0, 0, 1, -1]],
    "r(2 8)b(#3).a": [[0, 1, -1, 0], [0, 0, -1, 1]],
    "r4.a": [[-1, 0, 1, 0]],
    "a.a": [[1, -1, 0, 0], [0, 1, -1, 0], [0, 0, 1, -1]],
    "ar.a": [[-1, 1, 0, 0], [0, -1, 1, 0], [0, 0, -1, 1]],
    "g.a": np.eye(4) - 1 / 4,
    "h.a": [[1, -1 / 3, -1 / 3, -1 / 3], [0, 1, -1 / 2, -1 / 2], [0, 0, 1, -1]],
    "j.a": [[-1, 1, 0, 0], [-1 / 2, -1 / 2, 1, 0], [-1 / 3, -1 / 3, -1 / 3, 1]],
    "gw.a": np.eye(4) - np.array([3, 5, 2, 7]) / 17,
    "hw.a": [[1, -5 / 14, -2 / 14, -7 / 14], [0, 1, -2 / 9, -7 / 9], [0, 0, 1, -1]],
    "jw.a": [[-1, 1, 0, 0], [-3 / 8, -5 / 8, 1, 0], [-3 / 10, -5 / 10, -2 / 10, 1]],
    r"{a 1 -1 0 0 \ 1 1 -2 0}": [[1, -1, 0, 0], [1, 1, -2, 0]],
}


@pytest.mark.parametrize("operator", HAND)
def test_weights_by_hand(one_way: MarginsFound, operator: str):
    np.testing.assert_allclose(weights_of(one_way, operator, weights=WEIGHTS), HAND[operator], atol=1e-14)


def test_helmert_spans_what_r_calls_helmert(one_way: MarginsFound):
    """R 4.2 contr.helmert(4), whose columns are the numbers of earlier levels times `j`."""
    columns = np.array([[-1, 1, 0, 0], [-1, -1, 2, 0], [-1, -1, -1, 3]])
    np.testing.assert_allclose(weights_of(one_way, "j.a") * [[1], [2], [3]], columns, atol=1e-14)


def test_base_of_the_model(one_way: MarginsFound):
    """`r` compares with it unless a base is named; one that has no margins counts as none."""
    for base, same in (("4", "rb4.a"), ("2", "rb2.a"), ("16", "rb1.a")):
        based = MarginsFound(**{**one_way.__dict__, "bases": {"a": base}})
        np.testing.assert_allclose(weights_of(based, "r.a"), HAND.get(same, weights_of(one_way, same)))
        np.testing.assert_allclose(weights_of(based, "rb8.a"), HAND["rb(last).a"])
        np.testing.assert_allclose(contrast(based, "a").tests, contrast(one_way, "a").tests)


def test_polynomials(one_way: MarginsFound):
    """R 4.2 contr.poly(4) and contr.poly(4, scores = c(1, 2, 4, 8)), over the root of the number of levels."""
    q = [
        [-0.6708203932, -0.2236067977, 0.2236067977, 0.6708203932],
        [0.5, -0.5, -0.5, 0.5],
        [-0.2236067977, 0.6708203932, -0.6708203932, 0.2236067977],
    ]
    p = [
        [-0.51287764453, -0.32637668288, 0.04662524041, 0.79262908700],
        [0.5296271413, -0.1059254283, -0.7679593549, 0.3442576419],
        [-0.45436946740, 0.79514656795, -0.39757328397, 0.05679618342],
    ]
    np.testing.assert_allclose(weights_of(one_way, "q.a"), np.array(q) / 2, atol=1e-10)
    np.testing.assert_allclose(weights_of(one_way, "p.a"), np.array(p) / 2, atol=1e-10)
    np.testing.assert_allclose(weights_of(one_way, "q(1 3).a"), np.array(q)[[0, 2]] / 2, atol=1e-10)
    five = margins(np.zeros(5), np.eye(5), {"a": ("1", "2", "3", "4", "5")})
    table = np.array([[-2, -1, 0, 1, 2], [2, -1, -2, -1, 2], [-1, 2, 0, -2, 1], [1, -4, 6, -4, 1]])  # of textbooks
    scaled = table / np.sqrt(5 * np.sum(table**2, axis=1, keepdims=True))
    np.testing.assert_allclose(weights_of(five, "q.a"), scaled, atol=1e-14)


def test_weighted_polynomials_are_orthogonal_by_weight(one_way: MarginsFound):
    share = np.array(WEIGHTS["a"]) / 17
    for operator, x in (("pw.a", np.array([1.0, 2, 4, 8])), ("qw.a", np.arange(4.0))):
        curves = weights_of(one_way, operator, weights=WEIGHTS) / share
        np.testing.assert_allclose((curves * share) @ curves.T, np.eye(3), atol=1e-12)
        for degree, curve in enumerate(curves, start=1):
            coefficients = np.polynomial.polynomial.polyfit(x, curve, 3)
            assert np.all(np.abs(coefficients[degree + 1 :]) < 1e-10) and coefficients[degree] > 0


def test_trend_as_published(trend: MarginsFound):
    """Keppel's chapter 7 by the suite's `contrast p.a, effects` (UCLA, textbook examples): every printed digit."""
    found = contrast(trend, "p.a")
    published = [
        [1.788854, 0.5035891, 76, 3.55, 0.001, 0.7858698, 2.791839],
        [-2.225, 0.5035891, 76, -4.42, 0.000, -3.227985, -1.222015],
        [0.0559017, 0.5035891, 76, 0.11, 0.912, np.nan, np.nan],
    ]
    table = found.table.to_numpy()
    np.testing.assert_allclose(table[:, :3], np.array(published)[:, :3], atol=6e-7)
    np.testing.assert_allclose(table[:, 3], np.array(published)[:, 3], atol=5e-3)
    np.testing.assert_allclose(table[:, 4], np.array(published)[:, 4], atol=5e-4)
    np.testing.assert_allclose(table[:2, 5:], np.array(published)[:2, 5:], atol=2e-6)
    np.testing.assert_allclose(found.tests["F"], [12.62, 19.52, 0.01, 10.72], atol=5e-3)
    assert list(found.tests["df"]) == [1, 1, 1, 3] and np.all(found.tests["ddf"] == 76)
    assert found.table.index.tolist()[0] == ("a", "(linear)")


@pytest.mark.parametrize("operator", ["a", *OMNIBUS])
def test_joint_test_whatever_the_basis(one_way: MarginsFound, operator: str):
    functions = one_way.functions
    rows = np.diff(np.eye(4), axis=0)
    gaps, spread = rows @ functions.values, rows @ functions.covariance @ rows.T
    test = contrast(one_way, operator, weights=WEIGHTS).tests.xs("Joint", level="contrast").iloc[0]
    assert test["df"] == 3
    np.testing.assert_allclose(test["chi2"], gaps @ np.linalg.solve(spread, gaps), rtol=1e-9)


def test_interactions_are_kronecker_products(two_way: MarginsFound):
    a, b = weights_of(two_way, "h.a")[:, 12:16], weights_of(two_way, "q.b")[:, 16:]
    both = weights_of(two_way, "h.a#q.b")
    np.testing.assert_allclose(both[:, :12], np.kron(a, b), atol=1e-14)
    assert not np.any(both[:, 12:])
    labels = [label for _, label in contrast(two_way, "r.a#q2.b").table.index]
    assert labels == ["(2 vs 1) (quadratic)", "(4 vs 1) (quadratic)", "(8 vs 1) (quadratic)"]
    tests = [contrast(two_way, text).tests.iloc[-1] for text in ("a#b", "r.a#r.b", "g.a#p.b", "b#a")]
    assert all(test["df"] == 6 for test in tests)
    np.testing.assert_allclose([test["chi2"] for test in tests], tests[0]["chi2"], rtol=1e-9)


def test_factorial_notation_and_defaults(two_way: MarginsFound):
    written = contrast(two_way, "a##b").tests
    assert list(written.index.get_level_values(0)) == ["a", "b", "a#b"] and list(written["df"]) == [3, 2, 6]
    default = contrast(two_way).tests
    for term in ("a", "b", "a#b"):
        np.testing.assert_allclose(default.loc[(term, "Joint")], written.loc[(term, "Joint")])
    assert contrast(two_way).table.empty


def test_within_levels(two_way: MarginsFound):
    found = contrast(two_way, ["r.a@b", "a@b", "ar.a@y.b"])
    cells = two_way.functions.values[:12].reshape(4, 3)
    expected = (cells[1:] - cells[0]).ravel()
    np.testing.assert_allclose(found.table.loc["r.a@b", "estimate"], expected)
    assert list(found.table.loc["r.a@b"].index)[:4] == ["(2 vs 1) x", "(2 vs 1) y", "(2 vs 1) z", "(4 vs 1) x"]
    np.testing.assert_allclose(found.table.loc["ar.a@y.b", "estimate"], np.diff(cells[:, 1]))
    simple = found.tests.loc["a@b"]
    assert list(simple.index) == ["x", "y", "z", "Joint"] and list(simple["df"]) == [3, 3, 3, 9]
    sub = two_way.functions.combined(("",) * 4, np.eye(19)[[1, 4, 7, 10]])
    alone = joint_test(sub.combined(("",) * 3, np.diff(np.eye(4), axis=0)))
    np.testing.assert_allclose(simple.loc["y", ["chi2", "p"]], [alone.statistic, alone.p], rtol=1e-9)


def test_main_effect_from_cells(two_way: MarginsFound):
    """Where a factor has no margins of its own, those of the interaction are averaged with equal weights."""
    cells = MarginsFound(**{**two_way.__dict__, "terms": (("a", "b"),)})
    found, direct = contrast(cells, "r.a"), contrast(two_way, "r.a")
    np.testing.assert_allclose(found.table, direct.table, rtol=1e-9)
    assert "averaged over b" in found.notes[0] and not direct.notes


def test_overall_counts_what_is_independent(two_way: MarginsFound):
    found = contrast(two_way, ["r.a", "g.a", "r.b"], overall=True)
    assert found.tests.loc[("Overall", "Joint"), "df"] == 5
    assert list(dict.fromkeys(found.tests.index.get_level_values(0))) == ["r.a", "g.a", "b", "Overall"]


def at_two_settings() -> MarginsFound:
    base = margins(np.array([1.0, 2, 4, 1, 3, 9]), np.diag([1.0, 2, 3, 4, 5, 6]), {"b": B, "_at": ("1", "2")})
    cells = base.cells.copy()
    return MarginsFound(
        base.functions, cells, (("b",),), {"b": B}, {"b": (0.0, 1.0, 2.0)}, "Predictive margins", "Mean", (), 10.0
    )


def test_settings():
    found = at_two_settings()
    within = contrast(found, "r.b")
    assert list(within.table.index) == [("b@_at", f"({level} vs x) {k}") for level in "yz" for k in "12"]
    np.testing.assert_allclose(within.table["estimate"], [3, -1, 2, 7])
    np.testing.assert_allclose(contrast(found, "r._at@b").table["estimate"], [1, -3, 6])
    np.testing.assert_allclose(contrast(found, "r.b#r._at").table["estimate"], [-4, 5])
    pairs = pairwise(found).table
    assert list(pairs.index)[:2] == [("b@_at", "(y vs x) 1"), ("b@_at", "(z vs x) 1")]
    np.testing.assert_allclose(pairs["estimate"], [3, 2, -1, -1, 7, 8])


def test_value_labels():
    found = margins(np.array([1.0, 2]), np.eye(2), {"sex": ("0", "1")}, labels={"sex": ("men", "women")})
    for text in ("r.sex", "rb0.sex", "rb(men).sex", "r1.sex"):
        assert contrast(found, text).table.index[0][1] == "(women vs men)"
    assert pairwise(found).table.index[0][1] == "women vs men"


def test_what_does_not_vary_is_not_tested():
    """Slopes that are the same in all groups: their differences are zero, and there is nothing to test."""
    same = margins(np.full(3, 0.3), np.full((3, 3), 0.01) * (1 + 1e-16), {"b": B})
    found = contrast(same, "r.b")
    np.testing.assert_array_equal(found.tests.iloc[-1], [0, np.nan, np.nan])  # df, chi2, p
    assert np.isnan(found.table["se"].to_numpy()).all() and "0 vary" in found.notes[0]


def test_empty_cells():
    values, covariance = np.arange(12.0), np.eye(12)
    values[4], covariance[4], covariance[:, 4] = np.nan, np.nan, np.nan  # a = 2, b = y
    found = margins(np.zeros(12), np.eye(12), {"a": A, "b": B})
    found = MarginsFound(**{**found.__dict__, "functions": Functions(found.functions.labels, values, covariance)})
    with pytest.raises(ValueError, match=r"no margin for a = 2, b = y \(an empty cell\?\)"):
        contrast(found, "r.a@b")
    with pytest.raises(ValueError, match="no margin for a = 2, b = y"):
        contrast(found, "a")
    whole = contrast(found, "r8.a@b").table
    assert np.isfinite(whole.to_numpy()).all() and len(whole) == 3
    pairs = pairwise(found)
    assert len(pairs.table) == 55 and "a#b 2#y" in pairs.notes[0]


@pytest.mark.parametrize(
    ("operators", "message"),
    [
        ("r.agegroup", "no margins by `agegroup`"),
        ("x.a", "`x.` in `x.a` is no contrast operator"),
        ("rw.a", "has no weighted form"),
        ("qb2.a", "only r takes a base"),
        ("rb3.a", "`a` has no level `3`; its levels are 1, 2, 4, 8"),
        ("r.a@", "is no contrast"),
        ("r.a@b@a", "is no contrast"),
        ("r.a@a", "names a factor twice"),
        ("r.a@r.b", "operators stand before @"),
        ("r1.a", "no contrast for 1"),
        ("p(1 x).a", "takes degrees"),
        ("q4.a", "no contrast for 4"),
        ("{a 1 1}", "sum to zero"),
        ("{a 1 -1}", "has 2 numbers, but there are 4 margins"),
        ("{a one two}", "should be a factor and numbers"),
        ("{a 1 nan 0 -1}", "should be finite"),
        ("{a 1 inf 0 -1}", "should be finite"),
        ("r.a#c.x", "`x` is continuous, and contrasts are between the levels of factors"),
        ("r.a@c.x", "contrast its slopes by margins("),
        ("gw.b", "needs `weights` of b"),
        ("", "name contrasts such as"),
        ([], "name contrasts such as"),
    ],
)
def test_refusals(two_way: MarginsFound, operators, message: str):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        contrast(two_way, operators, weights={"a": [1, 1, 1, 1]})


def test_refusals_of_options(one_way: MarginsFound):
    with pytest.raises(ValueError, match="tukey.*pairwise"):
        contrast(one_way, "r.a", mcompare="tukey")
    with pytest.raises(ValueError, match="`mcompare` is one of noadjust"):
        pairwise(one_way, mcompare="fdr")
    with pytest.raises(ValueError, match="adjustall"):
        pairwise(one_way, mcompare="tukey", adjustall=True)
    with pytest.raises(ValueError, match="should be 4 counts"):
        contrast(one_way, "gw.a", weights={"a": [1, 2]})
    with pytest.raises(ValueError, match="are all zero"):
        contrast(one_way, "hw.a", weights={"a": [1, 1, 0, 0]})
    overall = MarginsFound(**{**one_way.__dict__, "terms": ((),), "cells": pd.DataFrame(index=[0]), "levels": {}})
    with pytest.raises(ValueError, match="no term has two margins"):
        pairwise(overall)


def test_p_values_against_r():
    """R 4.2: p.adjust, pf, pchisq, qf, ptukey, qtukey."""
    raw = np.array([0.001, 0.01, 0.02, 0.03, 0.2, 0.04])
    from scipy.special import ndtri

    z = -ndtri(raw / 2)
    np.testing.assert_allclose(Adjustment("holm", 6).p(z), [0.006, 0.05, 0.08, 0.09, 0.2, 0.09], rtol=1e-9)
    np.testing.assert_allclose(Adjustment("bonferroni", 6).p(z), [0.006, 0.06, 0.12, 0.18, 1, 0.24], rtol=1e-9)
    np.testing.assert_allclose(Adjustment("sidak", 6).p(z), 1 - (1 - raw) ** 6, rtol=1e-9)
    scheffe, df, t = Adjustment("scheffe", 6, rank=3), np.array([20.0]), np.array([2.5])
    np.testing.assert_allclose([scheffe.p(t, df)[0], scheffe.p(t)[0]], [0.134580764, 0.1000608331], rtol=1e-8)
    found = [np.ravel(scheffe.critical(95.0, df))[0], scheffe.critical(95.0)]
    np.testing.assert_allclose(found, [3.04879872, 2.795483483], rtol=1e-8)
    tukey, t = Adjustment("tukey", 6, levels=4), np.array([3.5]) / np.sqrt(2)
    np.testing.assert_allclose([tukey.p(t, df)[0], tukey.p(t)[0]], [0.09495845055, 0.06387633386], rtol=1e-6)
    found = np.array([np.ravel(tukey.critical(95.0, df))[0], tukey.critical(95.0)]) * np.sqrt(2)
    np.testing.assert_allclose(found, [3.958293461, 3.633159582], rtol=1e-5)


@pytest.mark.parametrize("df", [None, 17.3])
def test_methods_in_order(df: float | None):
    """Šidák's within Bonferroni's, Holm's between the raw and Bonferroni's; two margins need no adjustment; p < alpha
    exactly where the interval leaves zero out."""
    t = np.linspace(-4, 4, 9)
    degrees = None if df is None else np.full(9, df)
    p = {m: Adjustment(m, 9, rank=4, levels=5).p(t, degrees) for m in ("noadjust", "bonferroni", "sidak", "holm")}
    assert np.all(p["noadjust"] <= p["sidak"]) and np.all(p["sidak"] <= p["bonferroni"] + 1e-15)
    assert np.all(p["noadjust"] <= p["holm"]) and np.all(p["holm"] <= p["bonferroni"])
    assert np.all(np.diff(p["holm"][np.argsort(p["noadjust"])]) >= 0)
    for method in ("noadjust", "bonferroni", "sidak", "scheffe", "tukey"):
        adjustment = Adjustment(method, 9, rank=4, levels=5)
        clear = np.abs(t) > adjustment.critical(95.0, degrees)
        np.testing.assert_array_equal(clear, adjustment.p(t, degrees) < 0.05)
        two = Adjustment(method, 1, rank=1, levels=2).p(t, degrees)
        np.testing.assert_allclose(two, p["noadjust"], rtol=1e-6, atol=1e-10)
    many = Adjustment("scheffe", 20, rank=6).critical(95.0), Adjustment("bonferroni", 20).critical(95.0)
    assert many[0] > many[1]  # Scheffé's is for all contrasts, wider than for twenty of them


def warpbreaks() -> MarginsFound:
    """R 4.2's warpbreaks by tension: aov(breaks ~ tension), 18 looms each."""
    means = np.array([36 + 7 / 18, 26 + 7 / 18, 21 + 2 / 3])
    return margins(means, np.eye(3) * 7.841563786, {"tension": ("L", "M", "H")}, df=51.0)


def test_pairs_against_multcomp():
    """R 4.2 TukeyHSD, multcomp 1.4 glht and cld of warpbreaks by tension."""
    found = warpbreaks()
    raw = pairwise(found).table
    assert [label for _, label in raw.index] == ["M vs L", "H vs L", "H vs M"]
    np.testing.assert_allclose(raw["estimate"], [-10, -14.722222, -4.722222], atol=1e-6)
    np.testing.assert_allclose(raw["t"], [-2.52513, -3.71755, -1.19242], atol=1e-5)
    np.testing.assert_allclose(raw["p"], [0.01471696, 0.00050086, 0.23861438], atol=1e-8)
    holm = pairwise(found, mcompare="holm").table
    np.testing.assert_allclose(holm["p"], [0.0294339, 0.0015026, 0.2386144], atol=1e-7)
    tukey = pairwise(found, mcompare="tukey", groups=True)
    np.testing.assert_allclose(tukey.table["p"], [0.0384597681, 0.0014315033, 0.4630830971], atol=1e-7)
    np.testing.assert_allclose(tukey.table["lower"], [-19.55982444, -24.28204667, -14.28204667], atol=1e-4)
    np.testing.assert_allclose(tukey.table["upper"], [-0.440175556, -5.162397778, 4.837602222], atol=1e-4)
    assert list(tukey.margins["groups"]) == ["A", "B", "B"]
    ordered = pairwise(found, mcompare="tukey", groups=True, sort=True)
    assert list(ordered.margins["groups"]) == ["A", "A", "B"]
    assert [label for _, label in ordered.margins.index] == ["H", "M", "L"]
    assert ordered.table["estimate"].is_monotonic_increasing


def test_pairs_of_interactions(two_way: MarginsFound):
    found = pairwise(two_way, mcompare="sidak")
    assert dict(found.counts) == {"a#b": 66, "a": 6, "b": 3}
    assert list(found.table.index)[:2] == [("a#b", "(1#y) vs (1#x)"), ("a#b", "(1#z) vs (1#x)")]
    every = pairwise(two_way, mcompare="bonferroni", adjustall=True).table["p"]
    np.testing.assert_allclose(every, np.minimum(1, 75 * pairwise(two_way).table["p"]))
    direct = contrast(two_way, "r.b").table
    np.testing.assert_allclose(pairwise(two_way).table.loc["b"].iloc[:2], direct)


def test_letters_say_what_the_tests_say():
    generator = np.random.default_rng(5)
    for count in (2, 3, 6, 9):
        different = generator.random(count * (count - 1) // 2) < 0.5
        letters = compact_letters(different, np.arange(count))
        shared = [bool(set(letters[i]) & set(letters[j])) for i, j in combinations(range(count), 2)]
        np.testing.assert_array_equal(shared, ~different)
        assert all(letters)


def test_denominator_degrees_of_freedom():
    """The joint F test asks for its own degrees of freedom and scale, of rows of full rank."""
    asked = []

    def joint(rows: np.ndarray) -> tuple[float, float]:
        asked.append(rows)
        return 0.9, 10.0 * len(rows)

    values = np.array([1.0, 2, 4])
    functions = Functions(("x", "y", "z"), values, np.eye(3), np.full(3, 10.0), joint)
    found = MarginsFound(
        functions, pd.DataFrame({"b": B}), (("b",),), {"b": B}, {"b": (0.0, 1.0, 2.0)}, "", "", (), 3.0
    )
    tests = contrast(found, "g.b").tests
    chi2 = np.sum((values - values.mean()) ** 2)
    np.testing.assert_allclose(tests.loc[("b", "Joint"), ["df", "ddf", "F"]], [2, 20, 0.9 * chi2 / 2])
    assert max(len(rows) for rows in asked) == 2 and all(np.linalg.matrix_rank(r) == len(r) for r in asked)
    assert joint_test(functions).df == 3


def printed(found: ContrastFound) -> str:
    from mejax.results.contrasts import Contrasts

    return str(Contrasts(found))


def test_print(trend: MarginsFound, two_way: MarginsFound):
    text = printed(contrast(trend, "p.a"))
    assert "Contrasts of predictive margins                      Number of obs    =    100" in text
    assert "   (linear)  |          1      76.00       12.62     0.0007" in text
    assert "      Joint  |          3      76.00       10.72     0.0000" in text
    assert "   (linear)  |   1.788854   .5035891     3.55   0.001     .7858698    2.791839" in text
    omnibus = printed(contrast(two_way))
    assert "         a#b |          6" in omnibus and "Contrast " not in omnibus
    adjusted = printed(contrast(two_way, ["r.a", "q.b"], mcompare="scheffe", overall=True))
    assert "     Overall |          5" in adjusted and "Note: Scheffé-adjusted" in adjusted
    assert max(map(len, adjusted.splitlines())) == 78


def test_print_pairs(two_way: MarginsFound):
    from mejax.results.contrasts import PairwiseComparisons

    pairs = PairwiseComparisons(pairwise(two_way, groups=True, mcompare="holm"), effects=True)
    text, page = str(pairs), pairs._repr_html_()
    assert "Note: Margins sharing a letter in the group label are not significantly\n" in text
    assert any(line.split()[-2:] == ["Holm", "Bonferroni"] for line in text.splitlines())
    assert "Holm's method adjusts p-values" in text and "(1#y) vs (1#x)" in text
    assert page.count("<table") == page.count("</table>") == 4 and "(1#y) vs (1#x)" in page
    numeric = margins(np.arange(4.0), np.eye(4), {"a": ("1", "2"), "b": ("0", "1")})
    assert "(1 1) vs (1 0)  |" in str(PairwiseComparisons(pairwise(numeric)))


def test_plot(two_way: MarginsFound):
    pytest.importorskip("matplotlib").use("Agg")
    import matplotlib.pyplot as plt

    from mejax.results.contrasts import Contrasts, PairwiseComparisons

    terms = MarginsFound(**{**two_way.__dict__, "terms": (("a",), ("b",))})
    axes = PairwiseComparisons(pairwise(terms)).plot()
    assert len(axes.get_yticks()) == 9 and axes.get_ylim()[0] > axes.get_ylim()[1]
    assert Contrasts(contrast(two_way, "r.a")).plot(ax=axes) is axes
    plt.close("all")
