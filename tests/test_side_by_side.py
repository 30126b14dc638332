"""`me.table`: fits side by side as text, HTML, LaTeX and a data frame."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from mejax import datasets, me
from mejax.design import FixedColumn
from mejax.fitting import AbstractDegrees
from mejax.post.side_by_side import _merged
from mejax.results import Fit
from mejax.tables.side_by_side import (
    Entry,
    Line,
    Section,
    SideBySide,
    Statistic,
    render_side_by_side,
    render_side_by_side_html,
    render_side_by_side_latex,
)


@pytest.fixture(scope="module")
def ml() -> Fit:
    return me.mixed("weight week || id:", datasets.load("pig"), nolog=True)


@pytest.fixture(scope="module")
def reml() -> Fit:
    return me.mixed("weight ~ week + (1 | id)", datasets.load("pig"), nolog=True, reml=True)


@pytest.fixture(scope="module")
def logit() -> Fit:
    return me.melogit("nadmitted female || department:, binomial(napplied)", datasets.load("admissions"), nolog=True)


def altered(fit: Fit, **changes: Any) -> Fit:
    return Fit(fit.spec, replace(fit.estimates, **changes), fit.encoding)


# ---------------------------------------------------------------------------------------------------------------- text


def test_text(ml, reml, logit):
    found = me.table(ml, reml, logit, title="Pigs", stats=("N", "groups", "ll", "icc", "df"))
    assert str(found).splitlines() == [
        "Pigs",
        "",
        "-----------------------------------------------------------",
        "                         (1)            (2)          (3)",
        "                        mixed          mixed       melogit",
        "                        weight         weight     nadmitted",
        "-----------------------------------------------------------",
        "Intercept                             19.356***",
        "                                      (0.603)",
        "week                    6.2099***      6.2099***",
        "                       (0.0390)       (0.0391)",
        "female                                               0.163",
        "                                                    (0.111)",
        "_cons                  19.356***                    -0.235",
        "                       (0.597)                      (0.260)",
        "-----------------------------------------------------------",
        "id",
        "  var(_cons)           14.82          15.14",
        "                       (3.12)         (3.22)",
        "department",
        "  var(_cons)                                         1.345",
        "                                                    (0.461)",
        "var(Residual)           4.383          4.395",
        "                       (0.316)        (0.318)",
        "-----------------------------------------------------------",
        "N                     432            432            46",
        "groups(id)             48             48",
        "groups(department)                                  23",
        "ll                  -1014.93       -1016.90       -140.62",
        "icc(id)                 0.772          0.775",
        "icc(department)                                      0.290",
        "df                      4              4             3",
        "-----------------------------------------------------------",
        "Standard errors in parentheses.",
        "* p < 0.05, ** p < 0.01, *** p < 0.001",
        "Restricted log likelihood in (2).",
    ]
    assert repr(found) == str(found)


def test_numbers_share_the_place_of_their_decimal_points(ml, reml, logit):
    for table in (me.table(ml, reml, logit), me.table(ml, logit, se="ci"), me.table(ml, logit, eform=True, se=False)):
        lines = str(table).splitlines()
        cells = [line for line in lines if re.search(r"  [(\[]?-?\d+\.\d", line)]
        points = {m.start(1) for line in cells for m in re.finditer(r"  [(\[]?-?\d+(\.)\d", line)}
        assert len(points) == table.description.models


def test_cells_that_a_fit_has_not_are_blank_and_others_missing(ml, logit):
    covariance = ml.estimates.covariance.copy()
    covariance[2, :] = covariance[:, 2] = np.nan
    covariance[0, :] = covariance[:, 0] = 0.0
    lines = str(me.table(altered(ml, covariance=covariance), logit)).splitlines()
    place = next(k for k, line in enumerate(lines) if line.startswith("week"))
    assert lines[place].split() == ["week", "6.210"] and lines[place + 1].split() == ["(constrained)"]
    place = next(k for k, line in enumerate(lines) if line.startswith("  var(_cons)"))
    assert lines[place].split() == ["var(_cons)", "14.82"] and lines[place + 1].split() == ["(.)"]
    assert not any("nan" in line for line in lines)


def test_what_stands_below(ml, logit):
    week, lower = ml.fixed.loc["week"], ml.random.loc["id:var(_cons)", "lower"]
    shown = {se: str(me.table(ml, logit, se=se, stars=False)) for se in (True, False, "ci", "p", "z")}
    assert f"({week.se:.4f})" in shown[True] and "Standard errors in parentheses." in shown[True]
    assert f"[{week.lower:.4f}, {week.upper:.4f}]" in shown["ci"] and f"[{lower:.2f}, " in shown["ci"]
    assert "95% confidence intervals in brackets." in shown["ci"]
    assert f"({logit.fixed.loc['female', 'p']:.3f})" in shown["p"] and "p-values in parentheses." in shown["p"]
    assert f"({week.z:.2f})" in shown["z"] and "Test statistics in parentheses." in shown["z"]
    for which in (False, "p", "z"):  # a variance has no test
        place = next(k for k, line in enumerate(shown[which].splitlines()) if "var(_cons)" in line)
        assert "(0" not in shown[which].splitlines()[place + 1]
    assert "(" not in shown[False].split("week")[-1].split("var")[0] and "*" not in shown[False]


def test_stars(logit):
    p = logit.fixed["p"]
    assert 0.1 < p["female"] < 0.2 and 0.3 < p["_cons"] < 0.4
    text = str(me.table(logit, stars=(0.1, 0.2, 0.35)))
    assert "0.163**" in text and "0.163***" not in text and "-0.235\n" in text
    assert "* p < 0.35, ** p < 0.2, *** p < 0.1" in text
    assert "1.345*" not in text


def test_exponentiated_coefficients(ml, logit):
    found = me.table(ml, logit, eform=(False, True))
    ratios = logit.eform()
    np.testing.assert_allclose(found.to_frame()["(2)"].loc["coefficients"].dropna(), ratios.loc[["female", "_cons"]])
    np.testing.assert_allclose(found.to_frame()["(1)"].loc[("coefficients", "week")], ml.fixed.loc["week"])
    assert "Exponentiated coefficients in (2)." in str(found)
    assert "Exponentiated coefficients." in str(me.table(logit, eform=True))


def test_rows_that_are_wanted(ml, reml, logit):
    def rows(**options: Any) -> list[str]:
        return [label for _, label in me.table(ml, reml, logit, stats=(), **options).frame.index]

    assert rows(keep="week") == ["week"]
    assert rows(keep=["id:*", "_cons"]) == ["_cons", "id:var(_cons)"]
    assert rows(drop=["*var*", "Intercept"]) == ["week", "female", "_cons"]
    assert rows(random=False) == ["Intercept", "week", "female", "_cons"]
    assert rows(keep=["w??k", "var(Residual)"]) == ["week", "var(Residual)"]


def test_labels(ml, reml):
    apart = me.table(ml, reml).frame
    assert {"Intercept", "_cons"} <= set(apart.loc["coefficients"].index)
    one = me.table(ml, reml, labels={"Intercept": "_cons", "week": "Week of life", "id:var(_cons)": "Between pigs"})
    frame = one.frame
    assert list(frame.loc["coefficients"].index) == ["Week of life", "_cons"]
    assert frame.loc["coefficients"].notna().to_numpy().all()
    assert list(frame.loc["random"].index) == ["id:Between pigs", "var(Residual)"]
    columns = me.table(ml, labels={"_cons": "Intercept"}).frame
    assert ("random", "id:var(Intercept)") in columns.index and ("coefficients", "Intercept") in columns.index


def test_statistics(ml, logit):
    stats = ("N", "groups", "ll", "aic", "bic", "icc", "df", "chi2", "F", "p")
    frame = me.table({"linear": ml, "logit": logit}, stats=stats).to_frame()
    assert frame.loc["statistics"].index[-4:].tolist() == ["icc(department)", "df", "chi2", "p"]  # no fit has an F test
    for name, fit in (("linear", ml), ("logit", logit)):
        found = frame.loc["statistics"][(name, "estimate")].dropna()
        group = fit.groups.index[0]
        expected = [fit.nobs, fit.groups[group], fit.llf, fit.aic, fit.bic, fit.estat.icc().table["estimate"].iloc[0],
                    fit.estimates.parameters, fit.wald.chi2, fit.wald.p]  # fmt: skip
        np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert "  0.1435\n" in str(me.table(logit, stats="p"))
    assert str(me.table(ml, stats=())).splitlines()[-3] == "-" * 25


def test_decimals(ml):
    text = str(me.table(ml, decimals=1, stats=("N", "ll")))
    assert " 6.2***" in text and "(0.0)" in text and "-1014.9\n" in text and "432" in text


# ------------------------------------------------------------------------------------------------------ kinds of models


def test_equations_ancillary_parameters_and_levels(logit):
    """Fits of several equations and of three levels, made from one: headings, and paths that `mixed` shortens."""
    names, info = logit.estimates.names, logit.estimates.component_info
    columns = tuple(
        FixedColumn(f"{e}:{c}", "", c, c, k, equation=e) for k, (e, c) in enumerate([("2", "female"), ("3", "female")])
    )
    effect = replace(names.effects[0], path="school>department")
    deep = altered(
        logit,
        names=replace(names, fixed=columns, effects=(effect,)),
        component_info=(replace(info[0], label="school>department:var(_cons)"),),
    )
    short = altered(deep, component_info=(replace(info[0], label="department:var(_cons)"),))
    frame = me.table(deep, short, logit, stats=()).frame
    assert list(frame.index) == [
        ("coefficients", "2:female"), ("coefficients", "3:female"), ("coefficients", "female"),
        ("coefficients", "_cons"), ("random", "school>department:var(_cons)"), ("random", "department:var(_cons)"),
    ]  # fmt: skip
    lines = str(me.table(deep, short, stats=(), se=False)).splitlines()[3:]
    assert [line.rstrip() for line in lines[:6]] == ["-" * 39, "2", lines[2], "3", lines[4], "-" * 39]
    assert lines[2].startswith("  female  ") and lines[6] == "school>department"
    for pattern in ("school>department:var(_cons)", "department:var(_cons)", "var(_cons)"):
        assert len(me.table(deep, short, stats=(), keep=pattern).frame) == 1
    assert len(me.table(deep, stats=(), keep="female").frame) == 2
    renamed = me.table(deep, stats=(), labels={"2:female": "2:sex", "department:var(_cons)": "between"}).frame
    assert [label for _, label in renamed.index] == ["2:sex", "3:female", "school>department:between"]


def test_ancillary_parameters(ml):
    estimates = ml.estimates
    ordinal = altered(
        ml,
        names=replace(estimates.names, fixed=estimates.names.fixed[:1]),
        coefficients=estimates.coefficients[:1],
        ancillary=estimates.coefficients[1:],
        ancillary_labels=("/cut1",),
    )
    frame = me.table(ordinal, stats=()).frame
    assert list(frame.index)[1] == ("ancillary", "/cut1")
    assert "*" not in next(line for line in str(me.table(ordinal)).splitlines() if line.startswith("/cut1"))


class Ten(AbstractDegrees):
    def of(self, row):
        return 10.0

    def joint(self, rows):
        return 1.0, 10.0


def test_t_statistics(ml, reml):
    few = altered(reml, degrees=Ten("satterthwaite"))
    found = me.table(ml, few)
    assert list(found.frame["(1)"]) == ["estimate", "se", "z", "p", "lower", "upper"]
    assert list(found.frame["(2)"]) == ["estimate", "se", "t", "p", "lower", "upper"]
    np.testing.assert_array_equal(found.frame["(2)"].loc[("coefficients", "week"), "t"], few.fixed.loc["week", "t"])
    note = "t statistics with Satterthwaite degrees of freedom"
    assert f"{note} in (2).\n" in str(found) and f"{note}.\n" in str(me.table(few))
    assert note not in str(me.table(few, se=False, stars=False)) and note not in str(me.table(ml))


def test_f_tests_in_place_of_chi_squared_ones(ml):
    frame = me.table(ml, altered(ml, degrees=Ten("residual")), stats=("chi2", "F", "p")).frame.loc["statistics"]
    chi2 = ml.wald.chi2
    np.testing.assert_allclose(
        frame.xs("estimate", axis=1, level=1).loc[["chi2", "F"]], [[chi2, np.nan], [np.nan, chi2]]
    )


def test_notes(ml):
    robust = altered(ml, vce="robust")
    text = str(me.table({"plain": ml, "robust": robust}))
    assert "Standard errors in parentheses.\nRobust standard errors in robust.\n" in text
    assert "Robust standard errors.\n" in str(me.table(robust))


# ---------------------------------------------------------------------------------------------------------- other forms


def test_the_order_of_rows():
    merged = lambda *texts: "".join(_merged([list(text) for text in texts]))
    assert merged("abz", "acz") == "abcz"
    assert merged("bz", "abz") == "abz"
    assert merged("ab", "cd") == "abcd"
    assert merged("ab", "ac") == "abc" or merged("ab", "ac") == "acb"
    assert sorted(merged("abc", "cba", "xby")) == list("abcxy")


def test_frame(ml, logit):
    frame = me.table(ml, logit, names=["linear", "logit"]).to_frame()
    np.testing.assert_array_equal(frame["linear"].loc[("coefficients", "week")], ml.fixed.loc["week"])
    np.testing.assert_array_equal(frame["logit"].loc[("random", "department:var(_cons)")], logit.random.iloc[0])
    assert frame["logit"].loc[("coefficients", "week")].isna().all()
    assert frame.loc[("statistics", "ll"), ("linear", "estimate")] == ml.llf


ODD = SideBySide(
    heads=(("(1)", "a_b & <c>"),),
    blocks=(
        (
            Section(
                "id>#2",
                (Line("[x]~1%", (Entry(-1.5, 0.25, (0.25,), "**"), Entry(2.0, note="constrained")), None, None),),
            ),
        ),
    ),
    statistics=(Statistic("N", (1234, None), "count"), Statistic("ll", (-0.001, 12.0))),
    notes=("100% {a}",),
    title="A $ & \\B^2",
)


def test_latex():
    assert render_side_by_side_latex(ODD).splitlines() == [
        r"\begin{table}",
        r"\centering",
        r"\caption{A \$ \& \textbackslash{}B\textasciicircum{}2}",
        r"\begin{tabular}{lr@{}lr@{}l}",
        r"\toprule",
        r" & \multicolumn{2}{c}{(1)} & \multicolumn{2}{c}{a\_b \& \textless{}c\textgreater{}} \\",
        r"\midrule",
        r"id\textgreater{}\#2 \\",
        r"\quad {[}x{]}\textasciitilde{}1\% & $-$1 & .500$^{**}$ & 2 & .000 \\",
        r" & (0 & .250) & \multicolumn{2}{r}{(constrained)} \\",
        r"\midrule",
        r"N & 1,234 &  &  &  \\",
        r"ll & 0 & .00 & 12 & .00 \\",
        r"\bottomrule",
        r"\multicolumn{5}{l}{\footnotesize 100\% \{a\}} \\",
        r"\end{tabular}",
        r"\end{table}",
    ]


def test_text_of_odd_words():
    assert render_side_by_side(ODD).splitlines() == [
        "A $ & \\B^2",
        "",
        "----------------------------------------",
        "                  (1)          a_b & <c>",
        "----------------------------------------",
        "id>#2",
        "  [x]~1%         -1.500**          2.000",
        "                 (0.250)   (constrained)",
        "----------------------------------------",
        "N             1,234",
        "ll                0.00            12.00",
        "----------------------------------------",
        "100% {a}",
    ]


class Cells(HTMLParser):
    """The texts of a table's rows, and whether every tag is closed."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.widths: list[int] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
            self.widths.append(0)
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.widths[-1] += int(dict(attrs).get("colspan") or 1)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] in (["td"], ["th"]):
            self.rows[-1][-1] += data


def test_html(ml, logit):
    parsed = Cells(render_side_by_side_html(ODD))
    assert parsed.open == [] and set(parsed.widths) == {5}
    assert parsed.rows == [
        ["", "(1)", "a_b & <c>"],
        ["id>#2"],
        ["[x]~1%", "-1", ".500**", "2", ".000"],
        ["", "(0", ".250)", "(constrained)"],
        ["N", "1,234", "", "", ""],
        ["ll", "0", ".00", "12", ".00"],
    ]
    shown = me.table(ml, logit)
    assert shown._repr_html_() == shown.to_html() and "<caption>" not in shown.to_html()
    assert "<p>* p &lt; 0.05" in shown.to_html() and shown.to_latex().startswith(r"\begin{tabular}")


def test_digits():
    def cell(estimate: float, *errors: float) -> str:
        line = Line("a", tuple(Entry(estimate, se) for se in errors))
        table = SideBySide(heads=(tuple("b" * len(errors)),), blocks=((Section("", (line,)),),))
        return render_side_by_side(table).splitlines()[3].split()[1]

    assert cell(1.23456789, 0.0123) == "1.2346"
    assert cell(1.23456789, 12.3) == "1.2"
    assert cell(123456.789, 1234.0) == "123457"
    assert cell(1.23456789, 0.5, 0.00123) == "1.23457"
    assert cell(0.000123456, np.nan) == "0.0001235"
    assert cell(1.5e-9, 1e-10) == "1.50e-09"
    assert cell(-0.0001, 1.0) == "0.00"
    assert cell(np.inf, 1.0) == "inf"
    assert cell(1.5e20, np.nan) == "1.50e+20"


# -------------------------------------------------------------------------------------------------------------- misuse

ODD_WORD: Any = "t"
NOTHING: Any = None
THREE: Any = 3
LIST: Any = ["week"]
REFUSED = {
    "nothing": (lambda f: me.table(), "give at least one fit"),
    "an empty list": (lambda f: me.table([]), "give at least one fit"),
    "names twice": (lambda f: me.table({"a": f}, names=["b"]), "the fits are named twice"),
    "too few names": (lambda f: me.table(f, f, names=["a"]), "there are 2 fits and 1 names"),
    "one text of names": (lambda f: me.table(f, names="a"), "`names` is a list of texts"),
    "equal names": (lambda f: me.table(f, f, names=["a", "a"]), "the names of the fits must differ; got a, a"),
    "no such row": (lambda f: me.table(f, keep="wek"), "`keep` names `wek`, .* Did you mean `week`"),
    "no such row to drop": (lambda f: me.table(f, drop=["q"]), "`drop` names `q`, .* Rows are week, _cons, id:var"),
    "no such label": (
        lambda f: me.table(f, labels={"Intercept": "_cons"}),
        "`labels` renames `Intercept`, which no fit",
    ),
    "two of one name": (lambda f: me.table(f, labels={"week": "_cons"}), "gives two rows of one fit the name `_cons`"),
    "statistic": (lambda f: me.table(f, stats=("N", "r2")), "`r2` is no statistic; known are N, groups, ll"),
    "stars": (lambda f: me.table(f, stars=(5, 1)), "`stars` are levels between 0 and 1"),
    "below": (lambda f: me.table(f, se=ODD_WORD), '`se` is True, False, "ci", "p" or "z"; got \'t\''),
    "eform": (lambda f: me.table(f, eform=(True, False)), "`eform` is True, False or a list of them"),
    "a flag": (lambda f: me.table(f, eform=NOTHING), "`eform` is True, False or a list of them, .*; got None"),
    "labels": (lambda f: me.table(f, labels={"week": THREE}), "`labels` maps labels to texts"),
    "labels that are a list": (lambda f: me.table(f, labels=LIST), "`labels` maps labels to texts"),
    "title": (lambda f: me.table(f, title=THREE), "`title` is a text; got 3"),
    "keep": (lambda f: me.table(f, keep=["week", NOTHING]), "`keep` is a label or a list of labels; got"),
    "a number to keep": (lambda f: me.table(f, keep=THREE), "`keep` is a label or a list of labels; got 3"),
    "a flag of decimals": (lambda f: me.table(f, decimals=True), "`decimals` is a whole number from 0 to 15; got True"),
    "statistics": (lambda f: me.table(f, stats=THREE), "`stats` is a list of statistics, of which there are N, groups"),
    "names": (lambda f: me.table(f, names=[NOTHING]), "`names` is a list of texts, one for each fit"),
    "decimals": (lambda f: me.table(f, decimals=-1), "`decimals` is a whole number from 0 to 15"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(ml, case):
    call, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        call(ml)


def test_what_is_no_fit(ml):
    with pytest.raises(TypeError, match="takes fits, as `me.mixed` returns them; got int"):
        me.table(ml, 3)
