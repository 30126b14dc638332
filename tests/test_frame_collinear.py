"""Which columns count as linear combinations of earlier ones."""

import numpy as np
import pandas as pd
import pytest

from mejax.frame import read
from mejax.frame.collinear import independent
from mejax.syntax import parse

rng = np.random.default_rng(7)
N = 210
YEAR = np.tile(np.arange(2000.0, 2021.0), 10)
A, B = rng.normal(size=(2, N))

CASES = {
    "a year beside a constant": ([YEAR], True, [1]),
    "powers of a year": ([YEAR, YEAR**2, YEAR**3], True, [1, 1, 1]),
    "seconds since 1970": ([1.7e9 + A], True, [1]),
    "a constant column": ([np.full(N, 0.1), A], True, [0, 1]),
    "a constant column without a constant": ([np.full(N, 0.1), A], False, [1, 1]),
    "a column of zeros": ([np.zeros(N), A], False, [0, 1]),
    "tiny scale": ([A * 1e-12, B * 1e12], True, [1, 1]),
    "scaled duplicate": ([A, A * 1e-12], True, [1, 0]),
    "shifted duplicate": ([A, 3 * A + 7], True, [1, 0]),
    "shifted duplicate without a constant": ([A, 3 * A + 7], False, [1, 1]),
    "sum": ([A, B, A + B, A * B], True, [1, 1, 0, 1]),
    "sum at different scales": ([A, 1e9 * B, A + 1e-3 * B], True, [1, 1, 0]),
    "nearly a duplicate": ([A, A + 1e-6 * B, B], True, [1, 1, 0]),
    "no columns": ([], True, []),
}


@pytest.mark.parametrize("case", CASES)
def test_columns_kept(case):
    columns, constant, expected = CASES[case]
    np.testing.assert_array_equal(independent(columns, constant), np.array(expected, dtype=bool))


def test_one_column_alone_follows_the_same_rule():
    for column in (YEAR, A * 1e-300, np.full(N, 3.0), np.zeros(N)):
        alone = independent([column], True)[0]
        assert alone == independent([column, B], True)[0]


def test_saturated_indicators_keep_the_rank():
    codes = rng.integers(0, 3, size=(3, N))
    columns = [(codes[f] == level) * 1.0 for f in range(3) for level in range(3)]
    keep = independent(columns, False)
    assert keep.sum() == np.linalg.matrix_rank(np.column_stack(columns)) == 7
    assert list(np.flatnonzero(~keep)) == [5, 8]


def test_notes_in_both_spellings_and_the_option_that_keeps_all():
    table = pd.DataFrame({"y": A, "a": B, "b": 2 * B + 1, "one": 1.0, "id": np.arange(N) % 9})
    notes = tuple(f"note: {name} omitted because of collinearity" for name in ("b", "one"))
    for text in ("mixed y a b one || id:", "mixed y ~ a + b + one + (1 | id)", "mixed y ~ a + I(b) + one + (1 | id)"):
        design, encoding = read(parse(text), table)
        assert encoding.names.notes in (notes, (notes[0].replace("b o", "I(b) o"), notes[1]), notes[::-1],
                                        (notes[1], notes[0].replace("b o", "I(b) o")))  # fmt: skip
        assert design.x.shape[1] == 2
    design, encoding = read(parse("mixed y a b one, collinear || id:"), table)
    assert design.x.shape[1] == 4 and not encoding.names.notes


def test_a_constant_covariate_beside_the_intercept_of_an_equation():
    table = pd.DataFrame({"y": A, "a": B, "one": 1.0, "id": np.arange(N) % 9})
    design, encoding = read(parse("mixed y a || id: one a"), table)
    assert encoding.names.effects[0].columns == ("a", "_cons")
    assert encoding.names.notes == ("note: one omitted because of collinearity in the equation of id",)
    assert np.asarray(design.effects[0].z).shape == (N, 2)
