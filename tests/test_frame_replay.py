"""New data are coded as the estimation sample was."""

import pickle

import numpy as np
import pandas as pd
import pytest

from mejax.frame import read
from mejax.syntax import parse


@pytest.fixture
def table():
    rng = np.random.default_rng(4)
    n = 80
    return pd.DataFrame(
        {"y": rng.normal(size=n), "x": rng.gamma(3.0, size=n), "z": rng.normal(size=n), "dose": np.arange(n) % 3,
         "sex": np.where(rng.random(n) < 0.5, "f", "m"), "school": np.arange(n) // 20, "class": np.arange(n) // 5 % 4}
    )  # fmt: skip


TEXTS = [
    "mixed y c.x##i.dose i.sex || school: x || class:",
    "mixed y ibn.dose##ibn.sex, nocons || _all: R.class || school: i.dose",
    "mixed y x || school: R.class, cov(exchangeable)",
    "mixed y ~ x + z + (x | school) + (1 | class)",
    "mixed y ~ 0 + C(dose) * sex + (1 | school:class)",
    "mixed y ~ log(x) + scale(z) + center(x) + poly(x, 3) + bs(z, df=5) + I(x**2) + factor(dose) + (scale(x) | school)",
    "mixed y ~ sqrt(x) + abs(z) + exp(z) + standardize(z) + Q('x') + (1 | school)",
    "mixed y ~ offset(log(x)) + z + (0 + z | school)",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_sample_itself(table, text):
    design, encoding = read(parse(text), table)
    new = pickle.loads(pickle.dumps(encoding)).replay(table.drop(columns="y"))
    np.testing.assert_allclose(new.x, design.x, rtol=1e-12)
    for effect, known in zip(new.effects, design.effects, strict=True):
        np.testing.assert_array_equal(effect.codes, known.codes)
        np.testing.assert_allclose(effect.z, known.z, rtol=1e-12)
    assert not new.missing.any() and (design.offset is None) == (new.offset is None)


@pytest.mark.parametrize("text", TEXTS)
def test_rows_do_not_depend_on_each_other(table, text):
    design, encoding = read(parse(text), table)
    new = encoding.replay(table.iloc[[7, 3]])
    np.testing.assert_allclose(new.x, design.x[[7, 3]], rtol=1e-12)
    for effect, known in zip(new.effects, design.effects, strict=True):
        np.testing.assert_array_equal(effect.codes, np.asarray(known.codes)[[7, 3]])


def test_new_groups(table):
    _, encoding = read(parse("mixed y x || school: || class:"), table)
    new = encoding.replay(table.iloc[:4].assign(school=[0, 9, 3, 2], **{"class": [3, 3, 7, 1]}))
    np.testing.assert_array_equal(new.effects[0].codes, [0, -1, 3, 2])
    np.testing.assert_array_equal(new.effects[1].codes, [3, -1, -1, 9])
    np.testing.assert_array_equal(new.effects[1].keys, [[0, 9, 3, 2], [3, 3, 7, 1]])


def test_group_keys_of_another_type(table):
    _, encoding = read(parse("mixed y || school:"), table.assign(school=table.school.astype(str)))
    np.testing.assert_array_equal(encoding.replay({"school": [3, 0, 8]}).effects[0].codes, [3, 0, -1])
    _, encoding = read(parse("mixed y || school:"), table)
    np.testing.assert_array_equal(encoding.replay({"school": ["3", "0", "x"]}).effects[0].codes, [3, 0, -1])
    keys = encoding.replay({"school": [3, None]})
    np.testing.assert_array_equal(keys.effects[0].codes, [3, -1])
    missing = encoding.replay({"school": pd.array([0, None], dtype="Int64")})
    np.testing.assert_array_equal(missing.effects[0].codes, [0, -1])


@pytest.mark.parametrize("text", ["mixed y x i.dose || school: x", "mixed y ~ log(x) + C(dose) + (x | school)"])
def test_missing_covariates_give_nan(table, text):
    design, encoding = read(parse(text), table)
    table["x"] = table.x.where(table.index != 2)
    table["dose"] = table.dose.astype(float).where(table.index != 5)
    new = encoding.replay(table)
    assert list(np.flatnonzero(new.missing)) == [2, 5]
    assert np.isnan(new.x[[2, 5]]).all()
    np.testing.assert_allclose(new.x[~new.missing], design.x[~new.missing], rtol=1e-12)


def test_domain_of_transformations_in_new_data(table):
    _, encoding = read(parse("mixed y ~ log(x) + (1 | school)"), table)
    new = encoding.replay({"x": [1.0, 0.0, -1.0], "school": [0, 0, 0]})
    np.testing.assert_array_equal(new.missing, [False, True, True])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mixed y i.dose || school:", "`dose` has a level in row 2 that the estimation sample does not have"),
        ("mixed y ~ C(dose) + (1 | school)", "a category that the estimation sample does not have"),
        ("mixed y ~ sex + (1 | school)", "a category that the estimation sample does not have"),
    ],
)
def test_unknown_categories(table, text, message):
    _, encoding = read(parse(text), table)
    with pytest.raises(ValueError, match=message):
        encoding.replay({"dose": [0, 7], "sex": ["f", "x"], "school": [0, 0]})


def test_fixed_part_alone(table):
    _, encoding = read(parse("mixed y x || school:"), table)
    assert encoding.replay({"x": [1.0]}, random="none").effects == ()
    with pytest.raises(ValueError, match="no column `school`"):
        encoding.replay({"x": [1.0]})


@pytest.mark.parametrize(
    "text", ["mixed y || school: x", "mixed y || _all: R.school", "mixed y || school: R.sex, cov(exchangeable)"]
)
def test_columns_of_the_random_part_without_its_groups(table, text):
    """Every row is one of a group never seen: what an average over random effects needs."""
    _, encoding = read(parse(text), table)
    new = encoding.replay({"x": [1.0, np.nan]}, random="columns")
    elsewhere = encoding.replay({"x": [1.0, np.nan], "school": [99, 99], "sex": ["f", "f"]})
    (effect,), (other,) = new.effects, elsewhere.effects
    np.testing.assert_array_equal(effect.codes, [-1, -1])
    np.testing.assert_array_equal(effect.z, other.z)
    np.testing.assert_array_equal(new.missing, elsewhere.missing)
    assert effect.keys == ()


def test_table_of_the_sample_can_be_changed_and_replayed(table):
    design, encoding = read(parse("mixed y x##sex if school < 3 || school:".replace("x##", "c.x##i.")), table)
    used = encoding.table()
    assert set(used) == {"y", "x", "sex", "school"} and len(used) == 60
    np.testing.assert_array_equal(encoding.replay(used).x, design.x)
    np.testing.assert_array_equal(encoding.replay(used.assign(x=2.0)).x[:, 0], 2.0)
