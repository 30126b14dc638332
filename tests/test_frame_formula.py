"""The fixed part of a formula: names, plain sums without formulaic, safety."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from mejax.frame import read
from mejax.syntax import parse
from mejax.syntax.expression import Name
from mejax.syntax.spec import Equation, FormulaSide, Level, Spec


@pytest.fixture
def table():
    rng = np.random.default_rng(5)
    return pd.DataFrame(
        {"y": rng.normal(size=30), "x": rng.gamma(2.0, size=30), "z": rng.normal(size=30), "odd name": np.arange(30.0),
         "sex": ["M", "F", "M"] * 10, "dose": [1, 2, 3] * 10, "id": np.arange(30) % 5, "C": np.nan, "log": np.nan}
    )  # fmt: skip


def hand_made(text, constant=True):
    groups = Equation(Level("crossed", ("id",)), FormulaSide("1", True))
    return Spec("mixed", "", "formula", Name("y"), FormulaSide(text, constant), (groups,))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x + z", ["Intercept", "x", "z"]),
        ("1", ["Intercept"]),
        ("x + sex", ["Intercept", "x", "sex[T.M]"]),
        ("C(dose)", ["Intercept", "C(dose)[T.2]", "C(dose)[T.3]"]),
        ("x:z + x", ["Intercept", "x", "x:z"]),
        ("x * sex", ["Intercept", "x", "sex[T.M]", "x:sex[T.M]"]),
        ("log(x) + I(x**2)", ["Intercept", "log(x)", "I(x ** 2)"]),
        ("`odd name`", ["Intercept", "odd name"]),
        ("0 + x", ["x"]),
        ("0 + sex", ["sex[F]", "sex[M]"]),
    ],
)
def test_names(table, text, expected):
    design, encoding = read(parse(f"mixed y ~ {text} + (1 | id)"), table)
    assert [c.label for c in encoding.names.estimated] == expected
    assert [c.constant for c in encoding.names.fixed] == [label == "Intercept" for label in expected]
    assert design.x.shape == (30, len(expected)) and np.asarray(design.x).flags["C_CONTIGUOUS"]


@pytest.mark.parametrize("text", ["x + z", "x + C(dose)", "log(x)"])
@pytest.mark.parametrize("constant", [True, False])
def test_sides_without_a_leading_constant(table, text, constant):
    _, encoding = read(hand_made(text, constant), table)
    assert ("Intercept" in [c.label for c in encoding.names.fixed]) == constant


def test_collinear_columns_are_noted(table):
    table["x2"] = 2 * table.x
    _, encoding = read(parse("mixed y ~ x + x2 + C(dose) + (1 | id)"), table)
    assert encoding.names.notes == ("note: x2 omitted because of collinearity",)
    dropped = next(c for c in encoding.names.fixed if c.label == "x2")
    assert (dropped.index, dropped.status) == (-1, "omitted")


def test_unused_categories_and_categories_outside_the_sample(table):
    table["size"] = pd.Categorical(["S", "L", "M"] * 10, categories=["S", "M", "L", "XL"])
    _, encoding = read(parse("mixed y ~ size + (1 | id)", where='size != "L"'), table)
    assert [c.label for c in encoding.names.fixed] == ["Intercept", "size[T.M]"]
    assert not encoding.names.notes


@pytest.mark.parametrize(
    "text",
    ["I(__import__('os').getcwd())", "open('f')", "x.mean()", "I([v for v in x])", "np.log(x)", "I((lambda: 1)())",
     "eval('1')", "I(x[0])"],
)  # fmt: skip
def test_nothing_but_known_functions_is_evaluated(table, text):
    with pytest.raises(ValueError, match="not a function of formulas|more than functions|cannot be read|no column"):
        read(hand_made(text), table)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("log(xx)", "no column `xx`"),
        ("day", "`day` holds dates"),
        ("poly(x, 40)", "cannot be evaluated|columns but only"),
        ("x +* z", "the formula cannot be read"),
        ("far + C(dose)", "`far` has an infinite value in row 30"),
    ],
)
def test_errors(table, text, message):
    table = table.assign(day=pd.Timestamp("2020-01-01"), far=[0.0] * 29 + [np.inf])
    with pytest.raises(ValueError, match=message):
        read(hand_made(text), table)


def test_plain_sums_do_not_import_formulaic():
    program = """
import sys
import pandas as pd
from mejax.frame import read
from mejax.syntax import parse
table = pd.DataFrame({"y": [1.0, 2.0, 4.0, 3.0], "x": [1, 2, 1, 2], "z": [1, 0, 0, 0], "id": [1, 1, 2, 2]})
read(parse("mixed y ~ x + z + (x | id)"), table)
read(parse("mixed y ~ 0 + x + (0 + x || id)"), table)
assert "formulaic" not in sys.modules and "narwhals" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
