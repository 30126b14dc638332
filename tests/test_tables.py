"""Numbers, labels, small tables, and the parts of a report that no published example has."""

import ast
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables_examples import correlated, growth, three_levels

from mejax import tables
from mejax.tables import (
    Block,
    Column,
    DegreesOfFreedom,
    Group,
    ModelTest,
    Report,
    Row,
    abbreviate,
    average,
    count,
    fixed,
    number,
    render,
    render_groups,
    render_matrix,
    render_simple,
    render_test,
    visible_rows,
)
from mejax.tables.labels import display_width, fit_label, shorten

NAN = float("nan")
FINITE = st.floats(-1e300, 1e300)

PRINTED = """159.3877 1.187413 18.57234 -.7579163 22.40002 5.04926 5801505 1180.097 .043651 59635.9 10.69986 3677.698
    .0998 .0390124 -.0984378 .2145833 3.85 6 -1.1 .0021994 -.1129707 .16 1 722.556 1012.15 -1188.609
    .0999994 -1.950001"""


@pytest.mark.parametrize("text", PRINTED.split())
def test_printed_numbers_are_reproduced(text):
    assert number(float(text)) == text
    assert number(float(text) * (1 + 1e-12)) == text


@pytest.mark.parametrize(
    "text", "-1014.9268 -868.96185 -13.203125 -1013.824 -145.08843 -118860.88 -9.4552759 -2195.6424 -10.205455".split()
)
def test_printed_log_likelihoods_are_reproduced(text):
    assert number(float(text), 10) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (None, "."),
        (NAN, "."),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (3.5e-23, "3.50e-23"),
        (-1.23e-11, "-1.23e-11"),
        (1.2e-5, ".000012"),
        (9.9e-6, "9.90e-06"),
        (2.5e10, "2.50e+10"),
        (23667902, "2.37e+07"),
        (9999999.4, "9999999"),
        (9999999.5, "1.00e+07"),
        (0.99999999, "1"),
        (9.99999996, "10"),
        (-1e-300, "-1.0e-300"),
        (np.float32(0.5), ".5"),
        (np.int64(12), "12"),
    ],
)
def test_number_at_the_edges(value, text):
    assert number(value) == text


@given(FINITE, st.integers(7, 14))
def test_number_fits_keeps_the_sign_and_rounds_to_its_last_digit(value, width):
    text = number(value, width)
    assert len(text) <= width
    back = float(text)
    assert math.copysign(1, back) == math.copysign(1, value) or value == 0
    mantissa, _, exponent = text.partition("e")
    decimals = len(mantissa.partition(".")[2])
    unit = 10.0 ** (int(exponent or 0) - decimals)
    smallest = 0 if exponent else 10.0 ** (2 - width + max(len(str(int(abs(value)))) * (abs(value) >= 1), 0))
    half = max(unit, smallest) / 2
    assert abs(back - value) <= half * (1 + 1e-9) + 5e-324


def test_narrow_numbers_are_refused():
    with pytest.raises(ValueError, match="`width` is 6.*at least 7"):
        number(1.0, 6)


def test_fixed_count_average():
    assert [fixed(159.184, 2), fixed(0.0001, 3), fixed(25337.491, 2), fixed(NAN, 2), fixed(None, 4)] == [
        "159.18",
        "0.000",
        "25337.49",
        ".",
        ".",
    ]
    assert fixed(-123456.789, 2, 8) == "-123457"
    assert [count(1934), count(432), count(NAN), average(9), average(1234.56), average(None)] == [
        "1,934",
        "432",
        ".",
        "9.0",
        "1,234.6",
        ".",
    ]


def test_labels_are_cut_to_their_column():
    assert abbreviate("chlorophyll") == "chlorophyll"
    assert abbreviate("very_long_name", 10) == "very_lon~e"
    assert shorten("Ammonium sulphate") == "Ammonium s.."
    assert fit_label("cov(a_rather_long_name,another_long_name)", 28) == "cov(a_rather_~e,another_l~e)"
    assert fit_label("cov(uninsured:_cons,prepaid:_cons)", 28) == "cov(uni~d:_cons,pre~d:_cons)"
    assert display_width("体重") == 4
    assert display_width("e\u0301te\u0301") == 3


@given(st.text(), st.integers(6, 20))
def test_labels_never_exceed_their_column(text, width):
    for cut in (abbreviate, shorten, fit_label):
        assert display_width(cut(text, width)) <= width


def test_wide_characters_keep_the_bars_aligned():
    rows = (
        Row("体重", 1.0, 0.5),
        Row("é", 1.0, 0.5),
        Row("a_very_long_variable_name", 1.0),
        Row("log(income + 1.5)", 1.0),
    )
    lines = render(Report(response="y", fixed=(Block("", rows),))).splitlines()
    assert {display_width(line.split("|")[0]) for line in lines if "|" in line} == {18}
    assert "a_very_long_var~e" in lines[5]


def test_visible_rows():
    rows = (
        Row("0", 0.0, note="base", term="cc"),
        Row("1", 0.5, term="cc"),
        Row("Urea", 0.0, note="base", term="n"),
        Row("IBDU", 2.0, term="n"),
        Row("0#1", 0.0, note="base", term="cc#tv"),
        Row("1#1", 1.0, term="cc#tv"),
        Row("8", note="omitted", term="t"),
    )
    assert [(row.term, row.label) for row in visible_rows(rows, omitted=False)] == [
        ("", "1.cc"),
        ("n", "IBDU"),
        ("cc#tv", "1#1"),
    ]
    assert [row.label for row in visible_rows(rows, base=True)] == ["0", "1", "Urea", "IBDU", "1#1", "8"]
    assert visible_rows(rows, base="all") == rows


def test_degrees_of_freedom_and_f():
    test = ModelTest(2, 3.5, 0.04, kind="F", denominator=47.5)
    report = Report(title="T", nobs=10, df=DegreesOfFreedom("Kenward-Roger", 3.0, 20.25, 47.0), wald=test, loglik=-1.0)
    assert "DF method: Kenward-Roger" in render(report)
    assert "DF:          min =   3.00" in render(report)
    assert "F(2, 47.50)      =   3.50" in render(report)
    assert "Prob > F         = 0.0400" in render(report)


def test_groups():
    text = render_groups([Group("school>class", 135, 1, 11.9, 28)])
    assert text.splitlines()[-2].split() == ["school>class", "|", "135", "1", "11.9", "28"]


def test_matrix_shows_the_lower_triangle():
    labels = ["week", "_cons"]
    text = render_matrix("Covariances", labels, labels, np.array([[0.3715251, -0.0984378], [-0.0984378, 6.823363]]))
    assert (
        text
        == """\
Covariances

             |       week      _cons
-------------+----------------------
        week |   .3715251
       _cons |  -.0984378   6.823363"""
    )
    assert "2          3" in render_matrix("", ["a"], ["x", "y"], [[2, 3]])


def test_wide_matrices_are_continued_below():
    labels = [f"x{i}" for i in range(8)]
    lines = render_matrix("", labels, labels, np.eye(8)).splitlines()
    assert max(map(len, lines)) <= 78
    assert lines[-3:] == [
        "          x5 |          1",
        "          x6 |          0          1",
        "          x7 |          0          0          1",
    ]


def test_matrix_labels_must_match():
    with pytest.raises(ValueError, match="`values` is 1 x 2, but there are 2 `row_labels` and 2 `col_labels`"):
        render_matrix("", ["a", "b"], ["a", "b"], [[1, 2]])


def test_simple_table():
    columns = (Column("N", "count"), Column("ll(model)"), Column("df", 0), Column("AIC"))
    text = render_simple(columns, [("m1", (1934, -1014.9268, 4, NAN))], stub="Model", notes=("Note: n.",))
    assert (
        text
        == """\
----------------------------------------------------------
       Model |          N  ll(model)         df        AIC
-------------+--------------------------------------------
          m1 |      1,934  -1014.927          4          .
----------------------------------------------------------
Note: n."""
    )


def test_joint_test():
    assert (
        render_test(["week = 0"], ModelTest(1, 25337.49, 0.0))
        == """\
 ( 1)  week = 0

             chi2(1) = 25337.49
         Prob > chi2 =   0.0000"""
    )


def test_robust_errors_have_two_lines_of_titles():
    report = replace(correlated(), se_title="Robust std. err.", cluster=(48, "id"), statistic="t", level=90)
    expected = """
                                    (Std. err. adjusted for 48 clusters in id)
------------------------------------------------------------------------------
             |               Robust
      weight | Coefficient  std. err.      t    P>|t|     [90% conf. interval]
-------------+----------------------------------------------------------------"""
    assert expected in render(report)
    assert "  Random-effects parameters  |   Estimate   std. err.     [90% conf. interval]" in render(report)


def test_header_alone_and_tables_alone():
    assert render(Report(title="Title")) == "Title"
    assert render(replace(growth(), fixed=(), random=(), lr_test=None)).endswith("0.0000")
    alone = render(Report(response="y", constraints=("x = 0",), fixed=(Block("", (Row("(1)", 1.0, 0.5),)),)))
    assert alone.splitlines()[:3] == [" ( 1)  x = 0", "", "-" * 78]


def test_omitted_rows_and_residual_structures():
    rows = (Row("2", note="omitted", term="g"), Row("3", note="(empty)", term="g"), Row("c.x#c.z", 2.0, 1.0))
    residual = Block("Residual: Independent,\n    by sex", (Row("0: var(e)", 1.5), Row("1: var(e)", 2.5)))
    text = render(Report(response="y", fixed=(Block("", rows),), random=(residual,)))
    assert "          2  |          0  (omitted)\n          3  |          0  (empty)\n             |\n" in text
    assert "     c.x#c.z |          2          1\n" in text
    assert "Residual: Independent,       |\n    by sex                   |\n                   0: var(e) |" in text


def test_thousands_in_the_table_of_groups():
    groups = (Group("region", 1234, 1, 1234.56, 1_000_000), three_levels().groups[0])
    assert "                 region |      1,234          1    1,234.6  1,000,000" in render(Report(groups=groups))


def test_tables_stand_on_the_standard_library():
    """Start-up time matters, and whatever is printed must be there without an array library."""
    for path in Path(tables.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            assert all(name.split(".")[0] in sys.stdlib_module_names for name in names)
