"""Tables of every kind give the same arrays."""

import datetime

import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mejax.frame import read
from mejax.syntax import parse

COLUMNS = {
    "y": [1.0, 2.5, None, 4.0, 3.0, 0.5, 2.0, 1.5],
    "n": [1, 2, 3, 4, 5, None, 2, 3],
    "sex": ["m", "f", "f", "m", "m", "f", "m", "f"],
    "old": [True, False, True, True, False, True, False, False],
    "id": [10, 10, 20, 20, 30, 30, 10, 20],
}
TEXT = "mixed y n i.sex old || id:"


def pandas_table():
    return pd.DataFrame(COLUMNS)


KINDS = {
    "polars": lambda: pl.DataFrame(COLUMNS),
    "polars categories": lambda: pl.DataFrame(COLUMNS).with_columns(pl.col("sex").cast(pl.Categorical)),
    "polars enum": lambda: pl.DataFrame(COLUMNS).with_columns(pl.col("sex").cast(pl.Enum(["f", "m"]))),
    "pyarrow": lambda: pa.table(COLUMNS),
    "pyarrow dictionary": lambda: pa.table(COLUMNS | {"sex": pa.array(COLUMNS["sex"]).dictionary_encode()}),
    "lists": lambda: COLUMNS,
    "arrays": lambda: {k: np.array(v, dtype=object if k == "sex" else None) for k, v in COLUMNS.items()},
    "nullable": lambda: pandas_table().convert_dtypes(),
    "pyarrow dtypes": lambda: pandas_table().convert_dtypes(dtype_backend="pyarrow"),
    "objects": lambda: pandas_table().astype(object),
    "categories": lambda: pandas_table().astype({"sex": "category", "id": "category"}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_same_arrays(kind):
    expected, names = read(parse(TEXT), pandas_table())
    table = KINDS[kind]()
    design, encoding = read(parse(TEXT), table)
    np.testing.assert_array_equal(design.x, expected.x)
    np.testing.assert_array_equal(design.y, expected.y)
    np.testing.assert_array_equal(design.effects[0].codes, expected.effects[0].codes)
    np.testing.assert_array_equal(encoding.sample, names.sample)
    assert [c.label for c in encoding.names.fixed] == [c.label for c in names.names.fixed]
    assert encoding.names.notes == ("2 observations with missing values dropped (y: 1, n: 1)",)
    replayed = encoding.replay(table)
    np.testing.assert_array_equal(replayed.x[encoding.sample], expected.x)


def test_jax_arrays_and_structured_arrays():
    columns = {"y": jnp.arange(6.0), "x": jnp.array([0.0, 1, 0, 2, 0, 5]), "id": jnp.array([0, 0, 1, 1, 2, 2])}
    design, _ = read(parse("mixed y x || id:"), columns)
    records = np.rec.fromarrays([np.asarray(v) for v in columns.values()], names=list(columns))  # pyright: ignore
    np.testing.assert_array_equal(read(parse("mixed y x || id:"), records)[0].x, design.x)
    assert design.x.dtype == np.float64


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pl.DataFrame(COLUMNS).lazy(), "the table is lazy(.|\n)*collect"),
        ([1, 2], "cannot read a table of type list"),
        ({"y": [1.0], "id": [1, 2]}, "differ in length \\(y: 1, id: 2\\)"),
        ({"y": np.zeros((2, 2)), "id": [1, 2]}, "column `y` has shape \\(2, 2\\)"),
        (pd.DataFrame([[1.0, 2.0, 3.0]], columns=["y", "y", "id"]), "2 columns called `y`"),
        (pd.DataFrame({"id": [1]}), "no column `y`"),
    ],
)
def test_bad_tables(table, message):
    with pytest.raises(ValueError, match=message):
        read(parse("mixed y || id:"), table)


def test_stata_files_read_by_pandas(tmp_path):
    table = pd.DataFrame({"y": [1.0, 2, 3, 5], "g": pd.Categorical(["low", "high", "low", "high"], ["low", "high"])})
    table.to_stata(tmp_path / "t.dta", write_index=False)
    labelled = pd.read_stata(tmp_path / "t.dta")
    _, encoding = read(parse("mixed y i.g || g:"), labelled)
    assert [c.label for c in encoding.names.estimated] == ["high.g", "_cons"]
    plain = pd.DataFrame(pd.read_stata(tmp_path / "t.dta", convert_categoricals=False))
    plain.attrs["value_labels"] = {"g": {0: "low", 1: "high"}}
    _, encoding = read(parse("mixed y i.g || g:"), plain)
    assert [(c.label, c.level) for c in encoding.names.fixed[:2]] == [("0.g", "low"), ("1.g", "high")]


def test_empty_text_is_missing():
    table = {"y": [1.0, 2, 3, 4], "sex": ["", "f", "m", "f"], "id": [1, 1, 2, 2]}
    _, encoding = read(parse("mixed y i.sex || id:"), table)
    assert list(encoding.sample) == [False, True, True, True]


def test_dates_group_but_are_no_covariates():
    days = [datetime.date(2020, 1, d) for d in (1, 1, 2, 2)]
    for table in ({"y": [1.0, 2, 3, 4], "day": days}, pl.DataFrame({"y": [1.0, 2, 3, 4], "day": days})):
        design, _ = read(parse("mixed y || day:"), table)
        assert design.effects[0].size == 2
        with pytest.raises(ValueError, match="`day` holds dates"):
            read(parse("mixed y day || day:"), table)
        with pytest.raises(ValueError, match="`day` holds dates"):
            read(parse("mixed y if day > 1 || day:"), table)


def test_the_table_is_not_changed_or_shared():
    table = pandas_table()
    before = table.copy()
    design, _ = read(parse("mixed y || id:"), table)
    np.asarray(design.y)[:] = 0
    pd.testing.assert_frame_equal(table, before)
