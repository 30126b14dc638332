"""The fixed part in the suite's spelling: labels, bases, collinearity, value labels, wildcards."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mejax.frame import read
from mejax.syntax import parse
from mejax.syntax.expression import Name
from mejax.syntax.spec import Equation, Level, Operand, Spec, Term, Varlist


def read_text(text, table, **keywords) -> Any:
    return read(parse(text), table, **keywords)


@pytest.fixture
def clippings():
    """A balanced 4 x 3 x 2 layout, like the turf experiment of the manual entry."""
    rows = [(n, t, b) for n in (1, 2, 3, 4) for b in (1, 2) for t in (2, 5, 8)]
    table = pd.DataFrame(rows, columns=["nitrogen", "thatch", "block"])
    table["wpunit"] = 2 * table.nitrogen + table.block
    table["y"] = np.random.default_rng(1).normal(size=24)
    table.attrs["value_labels"] = {"nitrogen": {1: "Urea", 2: "Ammonium sulphate", 3: "IBDU", 4: "Urea (SC)"}}
    return table


OMITTED = ["8.thatch", "1.nitrogen#8.thatch", "2.nitrogen#8.thatch", "3.nitrogen#8.thatch", "4.nitrogen#2.thatch",
           "4.nitrogen#5.thatch", "4.nitrogen#8.thatch", "2.block"]  # fmt: skip
SPLIT_PLOT = "mixed y ibn.nitrogen##ibn.thatch ibn.block, noconstant || wpunit:, reml"


def labels(encoding):
    return [column.label for column in encoding.names.estimated]


def test_split_plot_drops_columns_from_left_to_right(clippings):
    design, encoding = read_text(SPLIT_PLOT, clippings)
    assert list(encoding.names.notes) == [f"note: {label} omitted because of collinearity" for label in OMITTED]
    assert labels(encoding) == [
        "1.nitrogen", "2.nitrogen", "3.nitrogen", "4.nitrogen", "2.thatch", "5.thatch", "1.nitrogen#2.thatch",
        "1.nitrogen#5.thatch", "2.nitrogen#2.thatch", "2.nitrogen#5.thatch", "3.nitrogen#2.thatch",
        "3.nitrogen#5.thatch", "1.block",
    ]  # fmt: skip
    assert design.x.shape == (24, 13) and np.linalg.matrix_rank(design.x) == 13
    assert design.x.flags["C_CONTIGUOUS"] and design.x.dtype == np.float64


def test_value_labels_are_shown_but_do_not_name(clippings):
    _, encoding = read_text(SPLIT_PLOT, clippings)
    cell = next(c for c in encoding.names.fixed if c.label == "2.nitrogen#5.thatch")
    assert (cell.term, cell.level, cell.raw_level) == ("nitrogen#thatch", "Ammonium sulphate#5", "2#5")


def test_spec_built_by_hand(clippings):
    terms = (Term((Operand("thatch", "factor"),)), Term((Operand("block", "continuous"),)))
    level = Equation(Level("nested", ("wpunit",)), Varlist((), True))
    spec = Spec("mixed", "", "stata", Name("y"), Varlist(terms, True), (level,))
    design, encoding = read(spec, clippings)
    assert labels(encoding) == ["5.thatch", "8.thatch", "block", "_cons"]
    assert [(c.label, c.status, c.index) for c in encoding.names.fixed][0] == ("2.thatch", "base", -1)
    assert encoding.names.fixed[-1].constant and np.all(design.x[:, -1] == 1)


@pytest.mark.parametrize(
    ("fixed", "expected"),
    [
        ("thatch##block", ["5.thatch", "8.thatch", "2.block", "5.thatch#2.block", "8.thatch#2.block"]),
        ("thatch##c.z", ["5.thatch", "8.thatch", "z", "5.thatch#c.z", "8.thatch#c.z"]),
        ("thatch#c.z", ["2.thatch#c.z", "5.thatch#c.z", "8.thatch#c.z"]),
        ("c.z#c.z", ["c.z#c.z"]),
        ("i.thatch thatch#block", ["5.thatch", "8.thatch", "2.thatch#2.block", "5.thatch#2.block", "8.thatch#2.block"]),
        ("thatch#block", ["2.thatch#2.block", "5.thatch#1.block", "5.thatch#2.block", "8.thatch#1.block",
                          "8.thatch#2.block"]),
        ("ib8.thatch", ["2.thatch", "5.thatch"]),
        ("ib(last).thatch", ["2.thatch", "5.thatch"]),
        ("5.thatch", ["5.thatch"]),
        ("i(2 8).thatch", ["2.thatch", "8.thatch"]),
        ("o.z block", ["block"]),
        ("z z", ["z"]),
    ],
)  # fmt: skip
def test_labels(clippings, fixed, expected):
    clippings["z"] = np.random.default_rng(2).normal(size=24)
    _, encoding = read_text(f"mixed y {fixed} || wpunit:", clippings)
    assert labels(encoding) == [*expected, "_cons"]


def test_base_with_most_observations(clippings):
    clippings.loc[:9, "block"] = 2
    _, encoding = read_text("mixed y ib(freq).block || wpunit:", clippings)
    assert labels(encoding) == ["1.block", "_cons"]


def test_continuous_product_stands_under_its_own_heading(clippings):
    clippings["z"] = np.arange(24.0) ** 2
    _, encoding = read_text("mixed y c.z#c.block thatch#c.z || wpunit:", clippings)
    rows = {c.label: (c.term, c.level) for c in encoding.names.fixed}
    assert rows["c.z#c.block"] == ("c.z#c.block", "")
    assert rows["5.thatch#c.z"] == ("thatch#c.z", "5")


def test_cells_without_observations(clippings):
    table = clippings[~((clippings.nitrogen == 3) & (clippings.thatch == 5))]
    _, encoding = read_text("mixed y nitrogen##thatch || wpunit:", table)
    assert "note: 3.nitrogen#5.thatch identifies no observations in the sample" in encoding.names.notes
    assert {c.label: c.status for c in encoding.names.fixed}["3.nitrogen#5.thatch"] == "empty"


def test_levels_mean_the_same_in_every_type(clippings):
    text = "mixed y i.nitrogen##i.thatch || wpunit:"
    design, encoding = read_text(text, clippings)
    for change in (float, str, "category", "Int64", "float32", "int8"):
        other = clippings.assign(nitrogen=clippings.nitrogen.astype(change), thatch=clippings.thatch.astype(change))
        x, names = read_text(text, other)
        assert labels(names) == labels(encoding)
        np.testing.assert_array_equal(x.x, design.x)
        np.testing.assert_array_equal(names.replay(clippings).x, design.x)


def test_text_levels_and_booleans():
    table = pd.DataFrame({"y": [1.0, 3, 2, 5], "sex": ["male", "female", "female", "male"], "old": [True, False] * 2})
    _, encoding = read_text("mixed y i.sex i.old || sex:", table)
    assert labels(encoding) == ["male.sex", "1.old", "_cons"]
    ordered = table.assign(sex=pd.Categorical(table.sex, categories=["male", "other", "female"]))
    _, encoding = read_text("mixed y i.sex || sex:", ordered)
    statuses = [(c.label, c.status) for c in encoding.names.fixed[:2]]
    assert statuses == [("male.sex", "base"), ("female.sex", "estimated")]


def test_wildcards_and_ranges_follow_the_table(clippings):
    table = clippings.assign(x3=np.arange(24.0) ** 3, x1=np.arange(24.0), x2=np.arange(24.0) ** 2)
    assert labels(read_text("mixed y x? || wpunit:", table)[1]) == ["x3", "x1", "x2", "_cons"]
    assert labels(read_text("mixed y x1-x2 || wpunit:", table)[1]) == ["x1", "x2", "_cons"]
    assert labels(read_text("mixed y i.thatc* || wpunit:", table)[1]) == ["5.thatch", "8.thatch", "_cons"]


@pytest.mark.parametrize(
    ("fixed", "message"),
    [
        ("q*", "no column matches `q\\*`"),
        ("thatch-nitrogen", "`thatch` stands after `nitrogen`"),
        ("thach", "no column `thach`(.|\n)*\\^\\^\\^\\^\\^\nDid you mean `thatch`"),
        ("i.half", "`half` is used as a factor variable but has the value 0.5 in row 2"),
        ("sex", "`sex` holds text, not numbers(.|\n)*Write `i.sex`"),
        ("day", "`day` holds dates(.|\n)*days since"),
        ("i.day", "`day` holds dates"),
        ("wave", "complex numbers"),
        ("far", "`far` has an infinite value in row 4"),
        ("ib7.thatch", "`thatch` has no level 7 in the sample(.|\n)*2, 5, 8"),
    ],
)
def test_errors(clippings, fixed, message):
    table = clippings.assign(
        half=np.arange(24) / 2, sex="f", day=pd.Timestamp("2020-01-01"), wave=1j, far=[*range(3), np.inf, *range(20)]
    )
    with pytest.raises(ValueError, match=message):
        read_text(f"mixed y {fixed} || wpunit:", table)


@pytest.mark.parametrize("values", [["a"] * 24, pd.Categorical(["a"] * 24)])
def test_response_must_be_numbers(clippings, values):
    with pytest.raises(ValueError, match="the response `y` holds (text|categories), not numbers"):
        read_text("mixed y thatch || wpunit:", clippings.assign(y=values))


def test_boolean_response(clippings):
    design, _ = read_text("melogit y thatch || wpunit:", clippings.assign(y=clippings.y > 0))
    assert set(design.y) == {0.0, 1.0}


def test_more_columns_than_rows(clippings):
    with pytest.raises(ValueError, match="13 columns but only 5 observations"):
        read_text("mixed y nitrogen##thatch in 2/6 || wpunit:", clippings.assign(nitrogen=range(24), thatch=range(24)))


def test_too_many_levels():
    n = 40_000
    table = {"y": np.arange(n), "id": np.arange(n), "g": np.arange(n) % 7}
    with pytest.raises(ValueError, match="`id` has 40,000 levels(.|\n)*random-effects equation"):
        read_text("mixed y i.id || g:", table)
