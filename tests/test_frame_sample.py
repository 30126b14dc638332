"""Which rows are used: `if`, `in`, missing values, weights, offsets."""

import numpy as np
import pandas as pd
import pytest

from mejax.frame import read
from mejax.syntax import parse


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "y": [1.0, 2, 3, 4, 5, 6, 7, 8],
            "x": [1.0, 4, 9, 2, np.nan, 3, 5, 7],
            "id": [1, 1, 1, 1, 2, 2, 2, 2],
            "sex": ["m", "f", None, "f", "m", "m", "f", "m"],
            "size": pd.Categorical(["S", "L", "S", "L", "S", "L", "S", "L"], categories=["S", "L"]),
            "w": [1, 2, 0, 1, 1, 3, 1, 1],
        },
        index=list("abcdefgh"),
    )


def rows(table, condition, **keywords):
    """The row numbers (from 1) that `if condition` leaves."""
    _, encoding = read(parse(f"mixed y if {condition} || id:", **keywords), table)
    return list(np.flatnonzero(encoding.sample) + 1)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("x > 4", [3, 5, 7, 8]),  # a missing value is larger than every number
        ("x > 4 & x < .", [3, 7, 8]),
        ("x == .", [5]),
        ("missing(x)", [5]),
        ("!missing(x, sex)", [1, 2, 4, 6, 7, 8]),
        ('sex == "f"', [2, 4, 7]),
        ('sex != "f"', [1, 3, 5, 6, 8]),
        ('"f" < sex', [1, 5, 6, 8]),
        ('size == "L" | id == 2', [2, 4, 5, 6, 7, 8]),
        ("x", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("inrange(x, 2, 4)", [2, 4, 6]),
        ("inlist(x, 1, 9, 7)", [1, 3, 8]),
        ('inlist(sex, "m", "z")', [1, 5, 6, 8]),
        ("mod(y, 3) == 0", [3, 6]),
        ("round(y / 2) == 2", [3, 4]),
        ("log(x - 1) < 1", [4, 6]),
        ("y <= max(2, x, .)", [1, 2, 3]),
        ("cond(id == 1, y < 2, y > 7)", [1, 8]),
        ("_n < 3 | _n == _N", [1, 2, 8]),
        ("y^2 == 4 | -y == -1", [1, 2]),
    ],
)
def test_conditions(table, condition, expected):
    assert rows(table, condition) == expected


def test_labelled_numbers_compare_with_their_labels(table):
    table.attrs["value_labels"] = {"id": {1: "one", 2: "two"}}
    assert rows(table, 'id == "two"') == [5, 6, 7, 8]
    assert rows(table, "id == 1") == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="compared with == or != with one of its labels \\(one, two\\)"):
        rows(table, 'id == "three"')


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("sex > 3", "text cannot be compared with numbers"),
        ("sex + 1 > 3", "`sex` is text: it can be compared"),
        ("sexx == 1", "no column `sexx`(.|\n)*Did you mean `sex`"),
    ],
)
def test_condition_errors(table, condition, message):
    with pytest.raises(ValueError, match=message):
        rows(table, condition)


@pytest.mark.parametrize(("text", "expected"), [("2/4", [2, 3, 4]), ("-2/-1", [7, 8]), ("3", [3]), ("7/l", [7, 8])])
def test_in(table, text, expected):
    _, encoding = read(parse(f"mixed y in {text} || id:"), table)
    assert list(np.flatnonzero(encoding.sample) + 1) == expected


def test_in_outside_the_table(table):
    with pytest.raises(ValueError, match="`in 2/9` is no range of rows of this table, which has rows 1 to 8"):
        read(parse("mixed y in 2/9 || id:"), table)


def test_missing_values_are_dropped_and_counted(table):
    table.loc[["a", "c"], "y"] = np.nan
    design, encoding = read(parse("mixed y x i.sex || id:"), table)
    assert encoding.names.notes[0] == "3 observations with missing values dropped (y: 2, x: 1, sex: 1)"
    assert list(encoding.sample) == [False, True, False, True, False, True, True, True]
    assert encoding.index is not None and list(encoding.index) == list("abcdefgh") and len(design.y) == 5
    assert list(encoding.table().index) == list("bdfgh")


def test_missing_groups_are_dropped(table):
    table["id"] = table.id.astype("Int64").where(table.y != 8)
    design, encoding = read(parse("mixed y || id:"), table)
    assert "1 observation with missing values dropped (id: 1)" in encoding.names.notes
    assert design.effects[0].size == 2


def test_log_of_zero_is_missing(table):
    for text in ("mixed log(y - 1) ~ 1 + (1 | id)", "mixed y ~ log(y - 1) + (1 | id)"):
        design, encoding = read(parse(text), table)
        assert encoding.names.notes == ("1 observation with missing values dropped (log(y - 1): 1)",)
        assert len(design.y) == 7
    assert read(parse("mixed log(y) ~ 1 + (1 | id)"), table)[1].names.response == "log(y)"


def test_empty_sample_says_why(table):
    table["x"] = np.nan
    message = "of 8 rows `if y > 2` removed 2; `in 1/4` removed 4; missing values removed 2 \\(x: 2\\)"
    with pytest.raises(ValueError, match=message):
        read(parse("mixed y x if y > 2 in 1/4 || id:"), table)
    with pytest.raises(ValueError, match="no observations: of 8 rows `if y > 20` removed 8"):
        read(parse("mixed y if y > 20 || id:"), table)


def test_infinite_response(table):
    table.loc["b", "y"] = np.inf
    with pytest.raises(ValueError, match="`y` has an infinite value in row 2"):
        read(parse("mixed y || id:"), table)
    read(parse("mixed y if x != 4 || id:"), table)


def test_frequency_weights(table):
    design, encoding = read(parse("mixed y [fweight=w] || id:"), table)
    np.testing.assert_array_equal(design.weights, [1, 2, 1, 1, 3, 1, 1])
    assert not encoding.sample[2] and encoding.names.weight == "fweight = w"
    assert [g.maximum for g in encoding.names.groups] == [6] and encoding.names.groups[0].minimum == 4


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("fweight", 1.5, "frequency weights must be integers: `w` is 1.5 in row 4"),
        ("fweight", -1, "frequency weights must not be negative: `w` is -1 in row 4"),
        ("pweight", -1, "sampling weights must not be negative: `w` is -1 in row 4"),
        ("pweight", np.inf, "sampling weights must be finite: `w` is inf in row 4"),
    ],
)
def test_bad_weights(table, kind, value, message):
    table["w"] = table.w.astype(float)
    table.loc["d", "w"] = value
    with pytest.raises(ValueError, match=message):
        read(parse(f"mixed y [{kind}=w] || id:"), table)


def test_all_weights_zero(table):
    with pytest.raises(ValueError, match="all 8 rows of the sample have weight zero"):
        read(parse("mixed y [fweight=w] || id:"), table.assign(w=0))


def test_weights_of_a_higher_level(table):
    text = "mixed y [pweight=w] || id:, pweight(v)"
    _, encoding = read(parse(text), table.assign(v=table.id * 10))
    np.testing.assert_array_equal(encoding.level_weights[0], [10, 20])
    with pytest.raises(ValueError, match="the weights of `id` are not constant within the group 1"):
        read(parse(text), table.assign(v=table.y))


def test_offset_and_exposure(table):
    design, _ = read(parse("mepoisson y, offset(w) || id:"), table)
    np.testing.assert_array_equal(design.offset, table.w)
    table["w"] = table.w.replace(0, np.nan)
    design, encoding = read(parse("mepoisson y, exposure(w) || id:"), table)
    np.testing.assert_allclose(np.asarray(design.offset), np.log(table.w.dropna()))
    assert encoding.names.notes == ("1 observation with missing values dropped (ln(w): 1)",)
    np.testing.assert_allclose(np.asarray(encoding.replay(table.iloc[:2]).offset), np.log([1, 2]))


def test_exposure_must_be_positive(table):
    message = "an exposure is positive, but `w` is 0 in row 3 \\(1 such row\\): correct it, or leave such rows out"
    with pytest.raises(ValueError, match=message):
        read(parse("mepoisson y, exposure(w) || id:"), table)
    with pytest.raises(ValueError, match="`t` is -1 in row 1 \\(7 such rows\\)"):
        read(parse("meglm y, family(poisson) exposure(t) || id:"), table.assign(t=table.w - 2))
    design, _ = read(parse("mepoisson y if w > 0, exposure(w) || id:"), table)
    assert len(design.y) == 7


def test_options_that_use_the_table(table):
    table["n"] = [10, 10, 10, np.nan, 10, 10, 10, 10]
    _, encoding = read(parse("melogit y || id:, binomial(n) vce(cluster sex)"), table)
    assert list(np.flatnonzero(~encoding.sample)) == [2, 3]
    np.testing.assert_array_equal(encoding.extras["binomial"], [10.0] * 6)
    np.testing.assert_array_equal(encoding.extras["cluster"], [1, 0, 1, 1, 0, 1])


def test_open_intervals_stay(table):
    table["upper"] = table.y + 1
    table.loc[["b", "c"], "upper"] = np.nan
    table.loc[["c", "d"], "y"] = np.nan
    design, encoding = read(parse("meintreg y upper || id:"), table)
    assert list(np.flatnonzero(~encoding.sample)) == [2]
    assert design.y[0][2] == -np.inf and np.isnan(encoding.extras["second_response"][1])
    assert design.y[1][1] == np.inf and len(design.y[0]) == len(design.y[1]) == 7
