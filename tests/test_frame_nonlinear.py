"""Nonlinear means and structured errors: arrays, names, refusals, replay."""

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from mejax.frame import read
from mejax.frame.evaluate import words
from mejax.syntax.expression import Binary, Call, Name, Number, Parameter, RandomValue, Reference
from mejax.syntax.spec import (
    Combination,
    Covariance,
    Definition,
    EffectBlock,
    Equation,
    FormulaSide,
    Level,
    Nonlinear,
    Operand,
    RandomEffect,
    Residuals,
    Slope,
    Span,
    Spec,
    Term,
    Varlist,
    Weight,
)

N = 24


@pytest.fixture
def table():
    """Two schools of two classes, each of six rows in the order of time."""
    rng = np.random.default_rng(5)
    row = np.arange(N)
    return pd.DataFrame(
        {"y": rng.normal(size=N), "age": 10.0 + row % 6, "x": rng.normal(size=N), "z": rng.gamma(3.0, size=N),
         "g": 1 + row % 3, "sex": np.where(row // 6 % 2 == 0, "boy", "girl"), "school": row // 12,
         "class": row // 6 % 2, "time": 1 + row % 6}
    )  # fmt: skip


def term(*names):
    """`c.x`, `i.g`, `1.g` and their products."""
    return Term(tuple(map(operand, names)), Span(5, 8))


def operand(text):
    prefix, _, name = text.rpartition(".")
    if prefix in ("", "c"):
        return Operand(name, "continuous", span=Span(5, 6))
    levels = () if prefix == "i" else (prefix,)
    return Operand(name, "factor", levels=levels, span=Span(5, 6))


def nonlinear(mean=None, *, combinations=None, scalars=(), effects=(), blocks=(), columns=(), function=None):
    combinations = combinations or {}
    definitions = tuple(Definition(name, meaning, "") for name, meaning in combinations.items())
    return Nonlinear(mean, "", definitions, effects, blocks, tuple(combinations), scalars, {}, columns, function)


def spec_of(mean, equations=(), text="menl y = z + age", **parts):
    return Spec("menl", text, "stata", Name("y", 5, 6), Varlist((), False), equations, nonlinear=mean, **parts)


def at(*variables):
    return Equation(Level("nested", variables), None)


def combination(*terms, constant=True, slopes=()):
    return Combination(Varlist(tuple(term(*t.split("#")) for t in terms), constant), slopes)


GROWTH = Binary("/", Reference("phi"), Call("exp", (Binary("*", Parameter("b"), Name("age", 9, 12)),)))


@pytest.fixture
def full():
    """{phi: x i.g U0[school] c.x#U1[school] 2.g#W[school>class]} / exp({b} * age) + {c} * z"""
    school, inner = Level("nested", ("school",)), Level("nested", ("school", "class"))
    effects = (RandomEffect("U0", school), RandomEffect("U1", school), RandomEffect("W", inner))
    slopes = (Slope("U0"), Slope("U1", term("c.x")), Slope("W", term("2.g")))
    mean = nonlinear(
        GROWTH,
        combinations={"phi": combination("x", "i.g", slopes=slopes), "psi": combination("z", constant=False)},
        scalars=("b", "c"),
        effects=effects,
        blocks=(EffectBlock(("U0", "U1"), Covariance("unstructured")), EffectBlock(("W",))),
        columns=("age", "z"),
    )
    return spec_of(mean, (at("school"), at("school", "class")))


# the mean


def test_arrays_of_a_mean(table, full):
    design, encoding = read(full, table)
    phi = np.column_stack([table.x, table.g == 2, table.g == 3, np.ones(N)])
    np.testing.assert_array_equal(design.x, np.column_stack([phi, table.z, np.ones((N, 2))]))
    np.testing.assert_array_equal(design.y, table.y)
    assert design.mean is not None
    np.testing.assert_array_equal(design.mean.columns, [table.age, table.z])
    np.testing.assert_array_equal(design.mean.combinations[0], phi)
    np.testing.assert_array_equal(design.mean.combinations[1], table[["z"]])
    plain, slope, indicator = design.mean.slopes
    assert plain is None
    np.testing.assert_array_equal(slope, table.x)
    np.testing.assert_array_equal(indicator, table.g == 2)
    assert design.within is None and encoding.names.errors is None


def test_names_of_a_mean(table, full):
    names = read(full, table)[1].names
    assert [(row.label, row.equation, row.index) for row in names.fixed] == [
        ("phi:x", "phi", 0), ("phi:1.g", "phi", -1), ("phi:2.g", "phi", 1), ("phi:3.g", "phi", 2),
        ("phi:_cons", "phi", 3), ("psi:z", "psi", 4), ("/b", "", 5), ("/c", "", 6),
    ]  # fmt: skip
    assert [row.constant for row in names.fixed].index(True) == 4
    assert names.fixed[1].status == "base" and names.columns == ("age", "z") and names.response == "y"
    first, second = names.effects
    assert (first.path, first.name, first.columns, first.covariance) == ("school", "school", ("U0", "U1"),
                                                                          "unstructured")  # fmt: skip
    assert (second.path, second.name, second.columns, second.covariance) == ("school>class", "school>class", ("W",),
                                                                             "identity")  # fmt: skip
    assert second.variables == ("school", "class") and len(second.groups[0]) == 4
    assert [(g.label, g.count, g.maximum) for g in names.groups] == [("school", 2, 12), ("school>class", 4, 6)]


def test_effects_are_columns_of_ones(table, full):
    first, second = read(full, table)[0].effects
    np.testing.assert_array_equal(first.z, np.ones((N, 2)))
    np.testing.assert_array_equal(second.codes, np.repeat(range(4), 6))
    assert np.shape(second.z) == (N, 1) and (first.size, second.size) == (2, 4)


def test_effects_are_independent_unless_told(table):
    mean = nonlinear(scalars=("b",), blocks=(EffectBlock(("U0", "U1")),))
    assert read(spec_of(mean, (at("school"),)), table)[1].names.effects[0].covariance == "independent"


def test_a_mean_without_covariates(table):
    mean = nonlinear(Parameter("b"), combinations={"phi": combination(constant=False, slopes=(Slope("U"),))},
                     scalars=("b",), blocks=(EffectBlock(("U",)),))  # fmt: skip
    design, encoding = read(spec_of(mean, (at("school"),)), table)
    np.testing.assert_array_equal(design.x, np.ones((N, 1)))
    assert design.mean is not None and np.shape(design.mean.combinations[0]) == (N, 0)
    assert [row.label for row in encoding.names.fixed] == ["/b"]


def test_products_as_covariates_of_slopes(table):
    slopes = (Slope("U", term("1.g", "c.x")), Slope("U", term("c.x", "c.x")))
    mean = nonlinear(combinations={"phi": combination(slopes=slopes)}, blocks=(EffectBlock(("U",)),))
    design, _ = read(spec_of(mean, (at("school"),)), table)
    assert design.mean is not None
    np.testing.assert_array_equal(design.mean.slopes, [(table.g == 1) * table.x, table.x**2])


def test_collinear_columns_are_dropped_within_a_combination(table):
    table["x2"] = 2 * table.x
    mean = nonlinear(combinations={"phi": combination("x", "x2"), "psi": combination("x")}, scalars=("b",))
    design, encoding = read(spec_of(mean), table)
    assert np.shape(design.x) == (N, 5)
    assert encoding.names.notes == ("note: x2 omitted because of collinearity in phi",)
    assert [row.index for row in encoding.names.fixed] == [0, -1, 1, 2, 3, 4]


@pytest.mark.parametrize("column", ["y", "age", "z", "x", "g", "school", "class"])
def test_rows_with_missing_values_leave(table, full, column):
    table[column] = table[column].astype(float)
    table.loc[[3, 20], column] = np.nan
    design, encoding = read(full, table)
    assert len(np.asarray(design.y)) == N - 2
    assert encoding.names.notes == (f"2 observations with missing values dropped ({column}: 2)",)
    assert design.mean is not None and np.shape(design.mean.columns[0]) == (N - 2,)


def test_table_of_the_sample(table, full):
    design, encoding = read(full, table.assign(other=1))
    held = encoding.table()
    assert set(held) == {"y", "age", "z", "x", "g", "school", "class"}
    np.testing.assert_array_equal(encoding.replay(held).x, design.x)


def test_replay(table, full):
    design, encoding = read(full, table)
    encoding = pickle.loads(pickle.dumps(encoding))
    new = encoding.replay(table.drop(columns="y").iloc[[8, 3]])
    np.testing.assert_array_equal(new.x, design.x[[8, 3]])
    assert new.mean is not None and design.mean is not None
    np.testing.assert_array_equal(new.mean.columns, np.array(design.mean.columns)[:, [8, 3]])
    for found, known in zip(new.mean.combinations, design.mean.combinations, strict=True):
        np.testing.assert_array_equal(found, np.asarray(known)[[8, 3]])
    assert new.mean.slopes[0] is None
    np.testing.assert_array_equal(new.mean.slopes[1], table.x[[8, 3]])
    np.testing.assert_array_equal(new.effects[1].codes, [1, 0])
    assert new.effects[0].z.shape == (2, 2)


def test_replay_of_missing_values_and_new_groups(table, full):
    encoding = read(full, table)[1]
    new = table.iloc[[0, 6, 12, 18]].assign(school=[0, 0, 9, 1], age=[1.0, np.nan, 3, 4], x=[np.nan, 0, 0, 0])
    coded = encoding.replay(new)
    np.testing.assert_array_equal(coded.missing, [True, True, False, False])
    np.testing.assert_array_equal(coded.effects[0].codes, [0, 0, -1, 1])
    assert coded.mean is not None and np.isnan(np.asarray(coded.mean.columns[0])[1])
    assert np.isnan(coded.x[:2]).all() and np.isfinite(coded.x[2:]).all()
    alone = encoding.replay(new.drop(columns=["school", "class"]), random="none")
    assert alone.effects == () and alone.mean is not None
    assert encoding.replay(new.iloc[:0]).x.shape == (0, 7)


def test_a_function_as_the_mean(table):
    mean = nonlinear(None, scalars=("b",), blocks=(EffectBlock(("U",)),), columns=("age",), function=lambda b, u, x: b)
    design, _ = read(spec_of(mean, (at("school"),)), table)
    np.testing.assert_array_equal(design.x, np.ones((N, 1)))
    with pytest.raises(ValueError, match="the mean uses `age`, which holds text"):
        read(spec_of(mean, (at("school"),)), table.assign(age="a"))


def test_missing_column_points_into_the_text(table):
    mean = nonlinear(Binary("+", Name("z", 9, 10), Name("agee", 13, 17)), columns=("z", "agee"))
    message = r"no column `agee`\n  menl y = z \+ agee\n               \^\^\^\^\nDid you mean `age`"
    with pytest.raises(ValueError, match=message):
        read(spec_of(mean, text="menl y = z + agee"), table)


def slope_of(*names):
    return nonlinear(combinations={"phi": combination(slopes=(Slope("U", term(*names)),))})


SCALARS = tuple(f"b{k}" for k in range(30))


@pytest.mark.parametrize(
    ("mean", "change", "message"),
    [
        (nonlinear(Name("age", 13, 16), columns=("age",)), {"age": "a"},
         r"the mean uses `age`, which holds text(.|\n)*z \+ age\n +\^\^\^\n"),
        (nonlinear(Name("age"), columns=("age",)), {"age": np.inf}, "`age` has an infinite value in row 1"),
        (nonlinear(combinations={"phi": combination("x")}), {"x": np.inf}, "`x` has an infinite value"),
        (nonlinear(combinations={"phi": combination("sex")}), {}, "`sex` holds text, not numbers(.|\n)*`i.sex`"),
        (nonlinear(Name("age"), columns=("age",)), {"y": "a"}, "the response `y` holds text"),
        (nonlinear(combinations={"phi": combination("q")}), {}, "no column `q`"),
        (slope_of("i.g"), {}, r"`U` has 3 covariates here \(1.g, 2.g, 3.g\)\n.*\n +\^\^\^\nA random effect multiplies"),
        (slope_of("c.x", "i.g"), {}, "`U` has 3 covariates here"),
        (slope_of("9.g"), {}, "`g` has no level 9 in the sample"),
        (slope_of("x"), {"x": 0.0}, "the covariate x of the random effect `U` is 0 in all observations"),
        (slope_of("sex"), {}, "`sex` holds text"),
        (nonlinear(scalars=SCALARS), {}, "the mean has 30 coefficients, but there are only 24 observations"),
        (nonlinear(combinations={"phi": combination("_cons")}), {"_cons": np.arange(N)}, "`phi:_cons` stands for two"),
        (nonlinear(Number(1.0), columns=("age",)), {"age": np.nan}, "no observations: of 24 rows(.|\n)*age: 24"),
    ],
)  # fmt: skip
def test_bad_means(table, mean, change, message):
    with pytest.raises(ValueError, match=message):
        read(spec_of(mean), table.assign(**change))


# structured errors


def errors(table, residuals, levels=(("school", "class"),), columns=None):
    """Within-group errors of `mixed`; without columns an equation only names the groups."""
    equations = tuple(Equation(Level("nested", v), columns or Varlist((), True)) for v in levels)
    spec = Spec("mixed", "mixed y x, residuals()", "stata", Name("y"), Varlist((term("x"),), True), equations,
                residuals=residuals)  # fmt: skip
    design, encoding = read(spec, table)
    assert design.within is not None and encoding.names.errors is not None
    return design.within, encoding.names.errors


def structure(kind, order=None, time=None, by=None, *, joint=True, **parts):
    return Residuals(correlation=kind, order=order, time=time, by=by, joint=joint, span=Span(11, 20), **parts)


def test_groups_are_those_of_the_lowest_level(table):
    inner = np.repeat(range(4), 6)
    for levels in ((("school",), ("school", "class")), (("school", "class"), ("school",))):
        within, _ = errors(table, structure("ar"), levels)
        np.testing.assert_array_equal(within.groups, inner)
        assert within.size == 4
    within, _ = errors(table, structure("ar"), (("g",), ("school",)))
    np.testing.assert_array_equal(within.groups, table.school)
    crossed = (Equation(Level("all", ()), None, factor="time"), Equation(Level("nested", ("school",)), None))
    for equations in (crossed, crossed[::-1]):
        spec = Spec("mixed", "", "stata", Name("y"), Varlist((), True), equations, residuals=structure("ar"))
        found = read(spec, table)[0].within
        assert found is not None and found.size == 2


def test_without_random_effects_all_rows_are_one_group(table):
    within, _ = errors(table, structure("ar"), ())
    assert within.size == 1
    np.testing.assert_array_equal(within.times, np.arange(1, N + 1))


@pytest.mark.parametrize("columns", [Varlist((), False), FormulaSide("0", False)])
def test_an_equation_may_only_name_the_groups(table, columns):
    spec = Spec("mixed", "", "stata", Name("y"), Varlist((), True), (Equation(Level("nested", ("school",)), columns),),
                residuals=structure("unstructured", time="age"))  # fmt: skip
    design, encoding = read(spec, table.iloc[[0, 1, 2, 12, 13, 14]])
    assert design.effects == () and encoding.names.effects == () and encoding.effects == ()
    assert design.within is not None and design.within.size == 2
    assert [(g.label, g.count) for g in encoding.names.groups] == [("school", 2)]
    assert encoding.replay({}).x.shape == (0, 1)
    weighted = replace(spec.equations[0], weights=(Weight("pweight", Name("z")),))
    for wrong in (replace(spec, residuals=None), replace(spec, equations=(weighted,))):
        with pytest.raises(ValueError, match="the equation of `school` has no columns"):
            read(wrong, table)


def test_effects_of_a_factor_do_not_divide_the_groups(table):
    equations = (Equation(Level("nested", ("school",)), None, factor="class"),)
    spec = Spec("mixed", "", "stata", Name("y"), Varlist((), True), equations, residuals=structure("ar"))
    within = read(spec, table)[0].within
    assert within is not None and within.size == 2
    np.testing.assert_array_equal(within.groups, table.school)


def test_times_in_any_order_of_rows(table):
    shuffled = table.sample(frac=1.0, random_state=3)
    within, _ = errors(shuffled, structure("ar", 2, "time"))
    np.testing.assert_array_equal(within.times, shuffled.time)
    within, _ = errors(table.iloc[::-1], structure("ma", 2))
    np.testing.assert_array_equal(within.times, np.tile(range(1, 7), 4))


def test_times_as_categories(table):
    table["when"] = table.time.map({1: "a", 2: "b", 3: "c", 4: "d", 5: "e", 6: "f"})
    within, names = errors(table, structure("unstructured", time="when"))
    np.testing.assert_array_equal(within.times, table.time - 1)
    assert names.categories == tuple("abcdef") and names.order is None
    within, names = errors(table.assign(when=table.time / 2), structure("banded", 1, "when"))
    assert names.categories == ("0.5", "1", "1.5", "2", "2.5", "3")
    within, names = errors(table.iloc[:-2], structure("banded"))
    np.testing.assert_array_equal(within.times, (table.time - 1)[:-2])
    assert names.categories == tuple("123456") and names.order == 5
    table.attrs["value_labels"] = {"time": {1: "start", 6: "end"}}
    assert errors(table, structure("unstructured", time="time"))[1].categories == ("start", *"2345", "end")


@pytest.mark.parametrize("kind", ["identity", "exchangeable"])
def test_structures_without_times(table, kind):
    within, names = errors(table, structure(kind))
    assert within.times is None and names.order is None and names.categories == ()


def test_exponential_takes_any_times(table):
    times = table.time**1.5
    within, names = errors(table.assign(time=times), structure("exponential", time="time"))
    np.testing.assert_array_equal(within.times, times)
    assert names.headings == ("Residual: Exponential", "")


@pytest.mark.parametrize(
    ("kind", "order", "expected", "heading"),
    [
        ("identity", None, None, "Independent"),
        ("exchangeable", None, None, "Exchangeable"),
        ("ar", None, 1, "AR(1)"),
        ("ar", 5, 5, "AR(5)"),
        ("ma", 2, 2, "MA(2)"),
        ("ma", None, 1, "MA(1)"),
        ("toeplitz", None, 5, "Toeplitz(5)"),
        ("toeplitz", 2, 2, "Toeplitz(2)"),
        ("banded", None, 5, "Banded(5)"),
        ("banded", 0, 0, "Banded(0)"),
        ("unstructured", None, None, "Unstructured"),
    ],
)
def test_orders_and_headings(table, kind, order, expected, heading):
    _, names = errors(table, structure(kind, order))
    assert (names.correlation, names.order, names.joint) == (kind, expected, True)
    assert names.headings == (f"Residual: {heading}", "") and names.by == names.strata == ()


def test_largest_order_has_a_pair_for_each_lag(table):
    table["time"] = table.time.replace({6: 9})
    assert errors(table, structure("toeplitz", time="time"))[1].order == 8
    table["time"] = table.time.replace({9: 12})
    assert errors(table, structure("toeplitz", time="time"))[1].order == 4


def test_groups_with_parameters_of_their_own(table):
    within, names = errors(table, structure("ar", 1, "time", "sex"))
    np.testing.assert_array_equal(within.by, table["class"])
    np.testing.assert_array_equal(within.strata, table["class"])
    assert names.by == names.strata == ("boy", "girl")
    assert names.headings == ("Residual: AR(1), by sex", "")
    table.attrs["value_labels"] = {"g": {1: "low", 2: "mid"}}
    within, names = errors(table, structure("identity", by="g"))  # may vary within groups
    np.testing.assert_array_equal(within.strata, table.g - 1)
    assert names.by == ("low", "mid", "3") and names.headings[0] == "Residual: Independent, by g"


def test_variance_and_correlation_apart(table):
    residuals = structure("ar", 1, "time", "sex", joint=False, variance="power", variable="z", strata="g")
    within, names = errors(table, residuals)
    np.testing.assert_array_equal(within.variable, table.z)
    np.testing.assert_array_equal(within.strata, table.g - 1)
    np.testing.assert_array_equal(within.by, table["class"])
    assert (names.strata, names.by) == (("1", "2", "3"), ("boy", "girl"))
    assert names.headings == ("Residual variance: Power z, by g", "Residual correlation: AR(1), by sex")
    assert (names.variance, names.constant, names.joint, names.on_mean) == ("power", True, False, False)


def test_headings_of_one_part(table):
    assert errors(table, structure("ar", joint=False))[1].headings == ("", "Residual correlation: AR(1)")
    linear = structure("identity", joint=False, variance="linear", variable="z")
    assert errors(table, linear)[1].headings == ("Residual variance: Linear z", "")


def test_distinct_variances(table):
    within, names = errors(table, structure("identity", joint=False, variance="distinct", index="sex"))
    np.testing.assert_array_equal(within.variable, table["class"])
    assert np.asarray(within.variable).dtype == np.float64 and names.indices == ("boy", "girl")
    assert names.headings == ("Residual variance: Distinct sex", "")


def test_variance_of_the_predicted_mean(table, full):
    residuals = structure("identity", joint=False, variance="power", variable="_yhat", constant=False)
    spec = spec_of(full.nonlinear, full.equations, residuals=residuals)
    design, encoding = read(spec, table)
    assert design.within is not None and design.within.variable is None
    names = encoding.names.errors
    assert names is not None and names.on_mean and not names.constant
    assert names.headings == ("Residual variance: Power _yhat", "")
    assert design.within.size == 4


@pytest.mark.parametrize("column", ["time", "sex", "g", "z"])
def test_columns_of_the_errors_are_used(table, column):
    residuals = structure("ar", 1, "time", "sex", joint=False, variance="linear", variable="z", strata="g")
    table[column] = table[column].astype(object).where(table.index != 4, None)
    spec = Spec("mixed", "", "stata", Name("y"), Varlist((), True), (at("school", "class"),), residuals=residuals)
    design, encoding = read(spec, table)
    assert encoding.names.notes == (f"1 observation with missing values dropped ({column}: 1)",)
    assert design.within is not None and np.shape(design.within.groups) == (N - 1,)
    assert set(encoding.table()) == {"y", "school", "class", "time", "sex", "g", "z"}
    assert encoding.replay(table[["school", "class"]]).x.shape == (N, 1)


def late(table):
    """Times of which the first group lacks the last, and the others the first."""
    return table[(table.time != 6) & (table.school == 0) | (table.time != 1) & (table.school == 1)]


def halves(table):
    return table[(table.time < 4) & (table.school == 0) | (table.time > 3) & (table.school == 1)]


def singles(table):
    return table[table.time == 1]


@pytest.mark.parametrize(
    ("residuals", "change", "message"),
    [
        (structure("ar", 1, "age"), lambda t: t.assign(age=t.age / 4),
         "`age` is 2.5 in row 1: AR errors need times that are whole numbers(.|\n)*exponential"),
        (structure("ar", 1, "sex"), None,
         r"the times `sex` of the errors are text, not numbers\n.*\n +\^+\nMake numbers"),
        (structure("ar", 1, "time"), lambda t: t.replace({"time": {5: 4}}),
         r"`time` is 4 twice in the group school = 0, class = 0 \(rows 4 and 5\)(.|\n)*correct them"),
        (structure("unstructured", None, "sex"), None,
         r"`sex` is boy twice in the group school = 0(.|\n)*rows 1 and 2"),
        (structure("exponential", None, "g"), None, "`g` is 1 twice in the group"),
        (structure("exponential", None, "time"), lambda t: t.assign(time=np.inf), "`time` has an infinite value"),
        (structure("exponential"), None, "exponential errors need the times(.|\n)*Name the column"),
        (structure("ar", 1, "tiem"), None, "no column `tiem`(.|\n)*Did you mean `time`"),
        (structure("ar", 6), None, r"AR\(6\) errors are of too high an order: the times are 6 (.|\n)*here is 5"),
        (structure("ma", 7, "time"), None, r"MA\(7\) (.|\n)*are 6 apart in `time`\n(.|\n)*possible here is 5"),
        (structure("toeplitz", 9), None, r"Toeplitz\(9\) (.|\n)*possible here is 5"),
        (structure("toeplitz", None, "time"), lambda t: t.assign(time=2 * t.time),
         "Toeplitz errors cannot be estimated: no two observations of a group are 1 apart in `time`"),
        (structure("banded", 6, "time"), None, r"Banded\(6\) (.|\n)*`time` has 6 different values(.|\n)*here is 5"),
        (structure("exchangeable"), singles, "no group has two observations: the correlation"),
        (structure("ar", 1), singles, "no group has two observations"),
        (structure("exchangeable", by="sex"), lambda t: t[(t.sex == "boy") | (t.time == 1)],
         "no group has two observations where `sex` is girl"),
        (structure("unstructured", None, "time"), halves, "no group has observations at both `time` 1 and `time` 4"),
        (structure("unstructured", None, "time", "school"), late, "`time` 6 does not occur where `school` is 0"),
        (structure("exchangeable", by="g"), None,
         r"`g` is not constant within the group school = 0, class = 0 \(1 in row 1 and 2 in row 2\)"),
        (structure("ar", by="x"), lambda t: pd.concat([t.assign(x=t.x + k, school=k) for k in range(12)]),
         "`x` has 288 values in the sample, and each would have parameters of its own: at most 200"),
        (structure("identity", joint=False, variance="linear", variable="x"), lambda t: t.assign(x=t.time - 3),
         "`x` is -2 in row 1: a variance that is linear in it needs positive values"),
        (structure("identity", joint=False, variance="power", variable="x", constant=False),
         lambda t: t.assign(x=t.time - 3), "`x` is 0 in row 3: a power of it without a constant"),
        (structure("identity", joint=False, variance="exponential", variable="sex"), None,
         "depends on `sex`, which holds text(.|\n)*Make numbers"),
        (structure("identity", joint=False, variance="linear", variable="_yhat"), None, "no column `_yhat`"),
        (structure("identity", joint=False, variance="power"), None, "the power variance of the errors needs a cov"),
        (structure("identity", joint=False, variance="distinct"), None, r"the distinct variance .* needs index\(x\)"),
        (structure("identity", joint=False, variance="distinct", index="time", strata="school"), late,
         "no observation has `time` 6 where `school` is 0"),
    ],
)  # fmt: skip
def test_bad_errors(table, residuals, change, message):
    with pytest.raises(ValueError, match=message):
        errors(table if change is None else change(table), residuals)


def test_repeated_times_without_groups(table):
    with pytest.raises(ValueError, match=r"`time` is 1 twice in the sample, which is one group(.|\n)*id:, noconstant"):
        errors(table, structure("ar", 1, "time"), ())


def test_too_many_parameters():
    n = 500
    table = {"y": np.arange(n) % 7, "x": np.arange(n) % 5, "id": np.arange(n) // 250, "time": np.arange(n) % 250}
    with pytest.raises(ValueError, match="`time` has 250 different values, so that unstructured errors have 31,375"):
        errors(table, structure("unstructured", time="time"), (("id",),))
    with pytest.raises(ValueError, match="so that banded errors have 499 parameters"):
        errors(table, structure("banded", 1, "time"), (("id",),))
    with pytest.raises(ValueError, match="Toeplitz errors without an order have 249 correlations"):
        errors(table, structure("toeplitz", time="time"), (("id",),))
    assert errors(table, structure("toeplitz", 3, "time"), (("id",),))[1].order == 3


def test_words_of_placeholders():
    mean = Binary("+", Reference("phi"), Binary("*", Parameter("b"), RandomValue("U")))
    assert words(mean) == "{phi:} + ({b} * {U})"
