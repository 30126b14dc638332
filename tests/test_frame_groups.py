"""Random-effects equations: groups, columns, covariances, counts."""

import datetime
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mejax.frame import read
from mejax.syntax import parse
from mejax.syntax.spec import Covariance


@pytest.fixture
def table():
    rng = np.random.default_rng(3)
    n = 60
    school = np.repeat([3, 1, 2], 20)
    return pd.DataFrame(
        {"y": rng.normal(size=n), "x": rng.normal(size=n), "school": school, "class": np.arange(n) // 5 % 4,
         "item": rng.permutation(np.arange(n) % 7), "children": rng.permutation(np.arange(n) % 4)}
    )  # fmt: skip


def effects(text, table, **keywords):
    design, encoding = read(parse(text), table, **keywords)
    return design.effects, encoding.names


def test_intercepts_and_slopes(table):
    (effect,), names = effects("mixed y x || school: x", table)
    assert effect.codes.dtype == np.int32 and effect.size == 3
    np.testing.assert_array_equal(effect.codes, np.repeat([2, 0, 1], 20))
    np.testing.assert_array_equal(effect.z, np.column_stack([table.x, np.ones(60)]))
    (found,) = names.effects
    assert (found.path, found.name, found.columns) == ("school", "school", ("x", "_cons"))
    assert found.covariance == "independent"
    np.testing.assert_array_equal(found.groups[0], [1, 2, 3])


def test_formula_spelling_gives_the_same(table):
    (effect,), names = effects("mixed y ~ x + (x | school)", table)
    (other,), _ = effects("mixed y x || school: x, cov(un)", table)
    np.testing.assert_array_equal(effect.z, other.z)
    assert names.effects[0].columns == ("x", "_cons") and names.effects[0].covariance == "unstructured"


def test_equal_codes_in_two_schools_are_different_classes(table):
    table["use"] = table.y > 0
    for text in ("mixed y || school: || class:", "meglm y || school: || class:", "mixed y ~ 1 + (1 | school/class)"):
        (_, inner), names = effects(text, table)
        assert inner.size == 12 and names.effects[1].path == "school>class"
        assert names.effects[1].variables == ("school", "class")
        np.testing.assert_array_equal(names.effects[1].groups[0], np.repeat([1, 2, 3], 4))
        np.testing.assert_array_equal(names.effects[1].groups[1], np.tile(range(4), 3))
        assert [g.count for g in names.groups] == [3, 12] and names.groups[1].average == 5.0
    assert names.groups[1].label == "school>class"
    assert effects("mixed y || school: || class:", table)[1].effects[1].name == "class"
    generalized = effects("melogit use || school: || class:", table)[1]
    assert (generalized.groups[1].label, generalized.effects[1].name) == ("class", "school>class")


def test_crossed_and_interacting_groups(table):
    found, names = effects("mixed y ~ 1 + (1 | school) + (1 | item) + (1 | school:item)", table)
    assert [e.path for e in names.effects] == ["school", "item", "school#item"]
    assert found[2].size == len(table.groupby(["school", "item"]))
    assert [g.label for g in names.groups] == ["school", "item", "school#item"]


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.astype(str),
        lambda c: c.astype("category"),
        lambda c: c.astype(float) / 3,
        lambda c: c * 10**15,
        lambda c: c.map(lambda v: (int(v), "a")),
        lambda c: c.map(lambda v: datetime.date(2020, 1, int(v))),
        lambda c: pd.to_datetime("2020-01-01") + pd.to_timedelta(c, unit="D"),
        lambda c: c.astype("Int8"),
        lambda c: (c - 2).astype("int8") * 100,
    ],
)
def test_any_hashable_group_key(table, change):
    keys = change(table.school)
    (effect,), names = effects("mixed y || g:", table.assign(g=keys))
    np.testing.assert_array_equal(effect.codes, np.repeat([2, 0, 1], 20))
    assert list(names.effects[0].groups[0][effect.codes]) == list(keys)


def test_group_keys_that_cannot_be_sorted_keep_their_order(table):
    keys = table.school.map({3: "c", 1: 1, 2: (2,)})
    (effect,), _ = effects("mixed y || g:", table.assign(g=keys))
    np.testing.assert_array_equal(effect.codes, np.repeat([0, 1, 2], 20))


def test_lists_are_no_group_keys(table):
    with pytest.raises(ValueError, match="`g` holds values that cannot be told apart"):
        effects("mixed y || g:", table.assign(g=[[1]] * 60))


def test_all_is_one_group(table):
    (effect,), names = effects("meglm y || _all: ibn.item, nocons", table)
    assert effect.size == 1 and names.effects[0].columns == tuple(f"{i}.item" for i in range(7))
    assert names.effects[0].groups == () and names.groups[0] == names.groups[0].__class__("_all", 1, 60, 60.0, 60)


def test_effects_of_a_factor(table):
    (weeks, ids), names = effects("mixed y || _all: R.item || school:", table)
    assert weeks.size == 7 and np.all(np.asarray(weeks.z) == 1)
    np.testing.assert_array_equal(weeks.codes, table.item)
    first = names.effects[0]
    assert (first.path, first.columns, first.covariance, first.factor) == ("_all", ("R.item",), "identity", "item")
    assert [(g.label, g.count) for g in names.groups] == [("_all", 1), ("school", 3)]
    _, names = effects("mixed y || _all: R.item || _all: R.school", table)
    assert [(g.label, g.count) for g in names.groups] == [("_all", 1)]


def test_effects_of_a_factor_within_groups(table):
    (effect,), names = effects("mixed y || school: R.class", table)
    assert effect.size == 12 and names.effects[0].variables == ("school", "class")
    assert names.groups[0].count == 3 and names.groups[0].maximum == 20
    (effect,), names = effects("mixed y || school: R.class, cov(exchangeable)", table)
    np.testing.assert_array_equal(effect.z, np.eye(4)[table["class"]])
    assert effect.size == 3 and names.effects[0].covariance == "exchangeable"
    assert names.effects[0].variables == ("school",)


def test_places_within_groups_not_levels(table):
    table["class"] += 10 * table.school
    (effect,), _ = effects("mixed y || school: R.class, cov(exchangeable)", table)
    assert np.asarray(effect.z).shape == (60, 4)


def test_refusals_for_factors(table):
    spec = parse("mixed y || school: R.class")
    equation = replace(spec.equations[0], covariance=Covariance("unstructured"))
    with pytest.raises(ValueError, match="covariance\\(unstructured\\) cannot belong to `R.class`"):
        read(replace(spec, equations=(equation,)), table)
    n = 8_000
    wide = {"y": np.zeros(n), "x": np.arange(n), "g": np.zeros(n)}
    with pytest.raises(ValueError, match="needs 8,000 columns of 8,000 rows: too large"):
        effects("mixed y || g: R.x, cov(exch)", wide)


def test_factor_variables_follow_the_rules_of_the_fixed_part(table):
    (first, second), names = effects("meglm y || school: i.children, cov(exch) || school:", table)
    assert names.effects[0].columns == ("1.children", "2.children", "3.children")
    assert names.effects[1].columns == ("_cons",) and names.effects[1].covariance == "identity"
    assert names.effects[0].covariance == "exchangeable" and len(names.groups) == 1


def test_matrices(table):
    text = "meglm y || school: x, cov(fixed(f))"
    matrix = np.array([[1.0, np.nan], [np.nan, 2.0]])
    _, names = effects(text, table, matrices={"f": matrix})
    assert names.effects[0].covariance == "fixed"
    np.testing.assert_array_equal(names.effects[0].matrix, matrix)
    _, names = effects("meglm y || school:, cov(pattern(f))", table, matrices={"f": [[1.0]]})
    assert names.effects[0].covariance == "pattern"


@pytest.mark.parametrize(
    ("matrices", "message"),
    [
        ({"g": np.eye(2)}, "names the matrix `f`, but the matrices given are: `g`"),
        (None, "but the matrices given are: none(.|\n)*Pass matrices="),
        ({"f": np.eye(3)}, "has shape \\(3, 3\\), but the equation has 2 columns(.|\n)*x, _cons"),
        ({"f": [[1.0, 2.0], [3.0, 4.0]]}, "is not symmetric"),
        ({"f": [[np.inf, 2.0], [2.0, 4.0]]}, "infinite entries"),
    ],
)
def test_bad_matrices(table, matrices, message):
    with pytest.raises(ValueError, match=message):
        effects("meglm y || school: x, cov(fixed(f))", table, matrices=matrices)


def test_equation_that_loses_all_columns(table):
    with pytest.raises(ValueError, match="the equation of `school` has no columns"):
        effects("mixed y || school: zero, nocons", table.assign(zero=0))


def test_one_child_in_every_parent(table):
    _, names = effects("mixed y || school: || class:", table.assign(**{"class": table.school}))
    assert "each school holds one class: their random effects cannot be told apart" in names.notes


def test_missing_group_variable_points_into_the_text(table):
    with pytest.raises(ValueError, match="no column `scholl`(.|\n)*\\^\\^\\^\\^\\^\\^\nDid you mean `school`"):
        effects("mixed y || scholl:", table)
