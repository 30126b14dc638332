"""What generalized linear models read from a table: the family, its response, weights, perfect prediction."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mejax.frame import read
from mejax.syntax import parse


@pytest.fixture
def table():
    rng = np.random.default_rng(8)
    n = 120
    return pd.DataFrame(
        {"y": rng.integers(0, 2, n), "x": rng.normal(size=n), "z": rng.normal(size=n), "dose": rng.integers(1, 5, n),
         "g": np.arange(n) // 10, "count": rng.poisson(3, n), "size": 20, "grade": rng.integers(2, 5, n),
         "w": rng.integers(1, 4, n), "t": rng.gamma(2.0, size=n)}
    )  # fmt: skip


def read_text(text, table, **keywords) -> Any:
    return read(parse(text), table, **keywords)


def labels(encoding):
    return [column.label for column in encoding.names.estimated]


def described(encoding):
    return (encoding.response.family, encoding.response.link, dict(encoding.response.details), encoding.response.trials)


# ---- families

FAMILIES = {
    "meglm t x || g:": ("gaussian", "identity", {}, None),
    "meglm t x || g:, link(log)": ("gaussian", "log", {}, None),
    "meglm t x || g:, family(gamma)": ("gamma", "log", {}, None),
    "melogit y x || g:": ("bernoulli", "logit", {}, None),
    "meglm y x || g:, family(bernoulli) link(probit)": ("bernoulli", "probit", {}, None),
    "mecloglog y x || g:": ("bernoulli", "cloglog", {}, None),
    "melogit count x || g:, binomial(size)": ("binomial", "logit", {}, "size"),
    "meprobit count x || g:, binomial(20)": ("binomial", "probit", {}, "20"),
    "meglm count x || g:, family(binomial size)": ("binomial", "logit", {}, "size"),
    "meglm y x || g:, family(binomial)": ("binomial", "logit", {}, "1"),
    "melogit cbind(count, size - count) ~ x + (1 | g)": ("binomial", "logit", {}, "count + (size - count)"),
    "mepoisson count x || g:": ("poisson", "log", {}, None),
    "menbreg count x || g:": ("nbinomial", "log", {"dispersion": "mean"}, None),
    "menbreg count x || g:, dispersion(constant)": ("nbinomial", "log", {"dispersion": "constant"}, None),
    "meglm count x || g:, family(nbinomial constant)": ("nbinomial", "log", {"dispersion": "constant"}, None),
    "meologit grade x || g:": ("ordinal", "logit", {"categories": ("2", "3", "4")}, None),
    "meglm grade ~ x + (1 | g), family(ordinal) link(cloglog)":
        ("ordinal", "cloglog", {"categories": ("2", "3", "4")}, None),
}  # fmt: skip


@pytest.mark.parametrize("text", FAMILIES)
def test_family_of_a_table(table, text):
    _, encoding = read_text(text, table)
    assert described(encoding) == FAMILIES[text]
    assert described(pickle.loads(pickle.dumps(encoding))) == FAMILIES[text]


def test_linear_models_have_no_family(table):
    assert read_text("mixed t x || g:", table)[1].response is None


@pytest.mark.parametrize(
    "text",
    [
        "melogit count x || g:, binomial(size)",
        "melogit count x || g:, binomial(20)",
        "melogit count ~ x + (1 | g), binomial(4*5)",
        "meglm count x || g:, family(binomial size)",
        "meglm cbind(count, size - count) ~ x + (1 | g), family(binomial)",
        "mecloglog cbind(count, failures) ~ x + (1 | g)",
    ],
)
def test_counts_and_trials(table, text):
    table["failures"] = table["size"] - table["count"]
    design, encoding = read_text(text, table)
    count, trials = design.y
    np.testing.assert_array_equal(count, table["count"])
    np.testing.assert_array_equal(trials, np.full(120, 20.0))
    assert count.dtype == trials.dtype == np.float64 and encoding.names.response == "count"
    np.testing.assert_array_equal(encoding.extras["binomial"], trials)
    np.testing.assert_array_equal(encoding.replay(table.iloc[:3]).extras["binomial"], [20.0] * 3)


def test_one_trial_without_a_number(table):
    count, trials = read_text("meglm y x || g:, family(binomial)", table)[0].y
    np.testing.assert_array_equal(count, table.y)
    np.testing.assert_array_equal(trials, np.ones(120))


def test_rows_without_trials_are_dropped(table):
    table["size"] = table["size"].astype(float)
    table.loc[[3, 4], "size"] = np.nan
    for text in ("melogit count || g:, binomial(size)", "meglm count || g:, family(binomial size)"):
        design, encoding = read_text(text, table)
        assert len(design.y[0]) == len(design.y[1]) == 118
        assert encoding.names.notes == ("2 observations with missing values dropped (binomial: 2)",)
    design, encoding = read_text("melogit cbind(count, size - count) ~ 1 + (1 | g)", table)
    assert len(design.y[0]) == 118 and list(np.flatnonzero(~encoding.sample)) == [3, 4]


def test_rows_are_named_as_in_the_table(table):
    _, encoding = read_text("mepoisson count if g > 0 || g:", table)
    assert encoding.row_name(0) == "row 11" and encoding.row_name(109) == "row 120"


# ---- binary responses


def test_zero_and_anything_else(table):
    design, encoding = read_text("melogit y x || g:", table)
    np.testing.assert_array_equal(design.y, table.y)
    assert design.y.dtype == np.float64 and encoding.names.notes == ()
    assert encoding.response.values == (0, 1) and encoding.response.labels == ("0", "1")
    table["many"] = np.where(table.y == 1, table.dose - 3, 0) + 2 * (table.dose == 3) * table.y
    design, encoding = read_text("melogit many x || g:", table)
    np.testing.assert_array_equal(design.y, table.many != 0)
    recoded = int(np.sum((table.many != 0) & (table.many != 1)))
    assert encoding.names.notes == (f"note: {recoded} values of many other than 0 and 1 count as 1",)


@pytest.mark.parametrize("dtype", [bool, "boolean", "Int64", float, object])
def test_truth_values(table, dtype):
    design, encoding = read_text("melogit y x || g:", table.assign(y=(table.y == 1).astype(dtype)))
    np.testing.assert_array_equal(design.y, table.y)
    assert encoding.names.notes == ()


def test_value_labels_of_a_binary_response(table):
    table.attrs["value_labels"] = {"y": {0: "no", 1: "yes"}}
    assert read_text("melogit y x || g:", table)[1].response.labels == ("no", "yes")


@pytest.mark.parametrize("categories", [None, ["yes", "no"], ["no", "yes", "perhaps"]])
def test_two_categories(table, categories):
    words = np.where(table.y == 1, "yes", "no").astype(object)
    words[5] = None
    table["use"] = words if categories is None else pd.Categorical(words, categories=categories)
    design, encoding = read_text("melogit use ~ x + (1 | g)", table)
    positive = "no" if categories == ["yes", "no"] else "yes"
    np.testing.assert_array_equal(design.y, words[encoding.sample] == positive)
    assert not encoding.sample[5] and encoding.response.values[1] == positive
    negative = "yes" if positive == "no" else "no"
    assert encoding.names.notes[-1] == f"note: use is 1 for {positive}, 0 for {negative}"


def test_a_comparison_is_missing_where_its_column_is(table):
    words = np.where(table.y == 1, "yes", "no").astype(object)
    words[[5, 6]] = None
    design, encoding = read_text("melogit use == 'yes' ~ x + (1 | g)", table.assign(use=words))
    assert list(np.flatnonzero(~encoding.sample)) == [5, 6]
    np.testing.assert_array_equal(design.y, table.y.drop([5, 6]))
    design, _ = read_text("melogit missing(use) ~ x + (1 | g)", table.assign(use=words))
    assert design.y.sum() == 2 and len(design.y) == 120


BINARY_PROBLEMS = {
    "all zero": ({"y": 0}, "the outcome does not vary: `y` is 0 in all 120 observations"),
    "all one": ({"y": 1}, "the outcome does not vary: `y` is 1 in all 120 observations"),
    "one and two": (
        {"y": np.arange(120) % 2 + 1},
        "`y` is never 0 in the sample \\(its values go from 1 to 2\\): 0 is",
    ),
    "three words": ({"y": ["a", "b", "c"] * 40}, "`y` has 3 categories \\(a, b, c\\): a binary outcome has two"),
    "one word": ({"y": "a"}, "the outcome does not vary: `y` is a in every observation"),
    "dates": ({"y": pd.Timestamp("2020-01-01")}, "the response `y` holds dates, not numbers"),
}


@pytest.mark.parametrize("case", BINARY_PROBLEMS)
def test_binary_problems(table, case):
    columns, message = BINARY_PROBLEMS[case]
    for text in ("melogit y x || g:", "meprobit y x || g:, asis"):
        with pytest.raises(ValueError, match=message):
            read_text(text, table.assign(**columns))


# ---- ordinal responses


@pytest.mark.parametrize("text", ["meologit grade x i.dose || g:", "meologit grade ~ x + C(dose) + (1 | g)"])
def test_ordinal_models_have_no_constant(table, text):
    design, encoding = read_text(text, table)
    np.testing.assert_array_equal(design.y, table.grade - 2)
    assert design.y.dtype == np.float64
    np.testing.assert_array_equal(design.x, np.column_stack([table.x, *(table.dose == d for d in (2, 3, 4))]))
    assert design.x.flags["C_CONTIGUOUS"]
    assert len(labels(encoding)) == 4 and not any(column.constant for column in encoding.names.fixed)
    assert [column.index for column in encoding.names.estimated] == [0, 1, 2, 3]
    np.testing.assert_array_equal(encoding.replay(table).x, design.x)
    np.testing.assert_array_equal(encoding.replay(table.iloc[:2]).x, design.x[:2])


@pytest.mark.parametrize("text", ["meologit grade one x || g:", "meologit grade ~ one + x + (1 | g)"])
def test_a_constant_column_is_collinear_with_the_cut_points(table, text):
    _, encoding = read_text(text, table.assign(one=1))
    assert labels(encoding) == ["x"]
    assert encoding.names.notes == ("note: one omitted because of collinearity",)


def test_an_ordinal_model_without_covariates(table):
    for text in ("meologit grade || g:", "meologit grade ~ 1 + (1 | g)"):
        design, encoding = read_text(text, table)
        assert design.x.shape == (120, 0) and encoding.replay(table).x.shape == (120, 0)


def test_transformations_keep_their_state_without_a_constant(table):
    text = "meoprobit grade ~ scale(x) + poly(z, 2) + (scale(x) | g)"
    design, encoding = read_text(text, table)
    new = pickle.loads(pickle.dumps(encoding)).replay(table.iloc[:7])
    np.testing.assert_allclose(new.x, design.x[:7], rtol=1e-12)
    np.testing.assert_allclose(new.effects[0].z, design.effects[0].z[:7], rtol=1e-12)


def test_categories_in_their_order(table):
    words = np.array(["", "", "poor", "fair", "good"])[table.grade]
    order = ["poor", "unheard of", "fair", "good"]
    ordered = table.assign(grade=pd.Categorical(words, categories=order, ordered=True))
    design, encoding = read_text("meologit grade x || g:", ordered)
    np.testing.assert_array_equal(design.y, table.grade - 2)
    assert encoding.response.values == ("poor", "fair", "good") == encoding.response.details["categories"]
    assert encoding.table().grade.cat.ordered
    table.attrs["value_labels"] = {"grade": {2: "poor", 4: "good"}}
    _, encoding = read_text("meologit grade x || g:", table)
    assert (encoding.response.values, encoding.response.labels) == ((2, 3, 4), ("poor", "3", "good"))
    numbers = table.assign(grade=(table.grade / 4).astype("category"))
    design, encoding = read_text("meologit grade x if grade != .5 || g:", numbers)
    assert encoding.response.values == (0.75, 1.0) and set(design.y) == {0.0, 1.0}


def test_ordered_categories_of_polars(table):
    polars = pytest.importorskip("polars")
    words = np.array(["", "", "poor", "fair", "good"])[table.grade]
    frame = polars.DataFrame({"x": table.x.to_numpy(), "g": table.g.to_numpy(),
                              "grade": polars.Series(words, dtype=polars.Enum(["poor", "fair", "good"]))})  # fmt: skip
    design, _ = read_text("meologit grade x || g:", frame)
    np.testing.assert_array_equal(design.y, table.grade - 2)


@pytest.mark.parametrize("dtype", [object, "category"])
def test_words_in_no_order_are_refused(table, dtype):
    words = pd.Series(np.array(["", "", "poor", "fair", "good"])[table.grade]).astype(dtype)
    message = "the response `grade` holds (text|categories) in no order(.|\n)*\\^(.|\n)*ordered=True"
    with pytest.raises(ValueError, match=message):
        read_text("meologit grade x || g:", table.assign(grade=words))


def test_one_category_is_left_to_the_family(table):
    design, encoding = read_text("meologit grade x if grade == 3 || g:", table)
    assert set(design.y) == {0.0} and encoding.response.values == (3.0,)


@pytest.mark.parametrize("command", ["mepoisson", "menbreg", "meglm"])
def test_words_are_no_counts(table, command):
    with pytest.raises(ValueError, match="the response `count` holds text, not numbers"):
        read_text(f"{command} count x || g:", table.assign(count="three"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("melogit count || g:, binomial(sise)", "no column `sise`(.|\n)*Did you mean `size`"),
        ("meglm count || g:, family(binomial sise)", "no column `sise`(.|\n)*Did you mean `size`"),
        ("melogit cbind(count, sise) ~ (1 | g)", "no column `sise`(.|\n)*Did you mean `size`"),
        ("melogit count || g:, binomial(name)", "`name` is text"),
        ("melogit count || g:, binomial(big)", "`big` has an infinite value in row 1"),
    ],
)
def test_bad_trials(table, text, message):
    with pytest.raises(ValueError, match=message):
        read_text(text, table.assign(name="a", big=np.inf))


# ---- weights


def test_weights_of_all_levels(table):
    table["v"] = table.g + 1
    design, encoding = read_text("melogit y x [pw=w] || g: x, pw(v) || g:", table)
    np.testing.assert_array_equal(design.weights, table.w)
    assert len(design.level_weights) == 2
    for weights in design.level_weights:
        np.testing.assert_array_equal(weights, np.arange(1.0, 13))
    assert encoding.weight_kind == "pweight" and encoding.names.weight == "pweight = w, pweight(g) = v"
    assert encoding.level_weights is design.level_weights
    design, encoding = read_text("melogit y x || g:, iw(v)", table)
    assert design.weights is None and encoding.weight_kind == "iweight"
    design, encoding = read_text("melogit y x || g:", table)
    assert design.level_weights == (None,) and encoding.weight_kind is None and encoding.names.weight is None


def test_weights_of_nested_levels_are_their_own(table):
    table["class"], table["v"] = np.arange(120) // 5 % 2, table.g % 3 + 1
    design, _ = read_text("melogit y x || g: || class:, fw(v)", table)
    assert design.level_weights[0] is None
    np.testing.assert_array_equal(design.level_weights[1], np.repeat(np.arange(12) % 3 + 1, 2))


def test_frequency_weights_count_observations_of_the_first_level_only(table):
    _, encoding = read_text("melogit y x [fw=w] || g:, fw(v)", table.assign(v=table.g + 1))
    (count,) = encoding.names.groups
    assert count.count == 12 and count.average == pytest.approx(table.w.sum() / 12)
    assert count.maximum == table.groupby("g").w.sum().max()
    _, encoding = read_text("melogit y x [pw=w] || g:", table)
    assert encoding.names.groups[0].average == 10.0


def test_groups_of_weight_zero_leave(table):
    design, encoding = read_text("melogit y x || g:, fw(v)", table.assign(v=(table.g > 2).astype(int)))
    assert design.effects[0].size == 9 and len(design.y) == 90 and encoding.names.notes == ()
    assert not encoding.sample[:30].any() and np.all(design.level_weights[0] == 1)


WEIGHT_PROBLEMS = {
    "melogit y x [pw=w] || g:, fw(v)": "frequency weights beside sampling weights: all levels have one kind(.|\n)*\\^",
    "melogit y x || g: x, fw(v) || g:, pw(v)": "sampling weights beside frequency weights",
    "melogit y x || g: x, pw(v) || g:, pw(w)": "two weights for the level `g`(.|\n)*\\^",
    "melogit y x || g:, pw(w)": "the weights of `g` are not constant within the group 0",
    "melogit y x || g:, fw(half)": "frequency weights must be integers: `half` is 0.5 in row 1",
    "melogit y x [pw=-w] || g:": "sampling weights must not be negative: `-w` is -[123] in row 1",
    "melogit y x || g:, pw(0*v)": "all 120 rows of the sample have weight zero \\(`0 \\* v`\\)",
    "melogit y x [fw=nothing] || g:": "no column `nothing`",
}


@pytest.mark.parametrize("text", WEIGHT_PROBLEMS)
def test_weight_problems(table, text):
    with pytest.raises(ValueError, match=WEIGHT_PROBLEMS[text]):
        read_text(text, table.assign(v=table.g + 1, half=0.5))


# ---- perfect prediction


def separated(table):
    """Level 2 of dose always has y = 1."""
    return table.assign(y=np.where(table.dose == 2, 1, table.y))


def test_an_indicator_that_predicts_success(table):
    table = separated(table)
    used = int(np.sum(table.dose == 2))
    design, encoding = read_text("melogit y x i.dose || g:", table)
    note = f"note: 2.dose != 0 predicts success perfectly; 2.dose omitted and {used} observations not used"
    assert encoding.names.notes == (note,)
    np.testing.assert_array_equal(encoding.sample, table.dose != 2)
    left = table[table.dose != 2]
    np.testing.assert_array_equal(design.y, left.y)
    np.testing.assert_array_equal(
        design.x, np.column_stack([left.x, left.dose == 3, left.dose == 4, np.ones(len(left))])
    )
    rows = {row.label: (row.index, row.status) for row in encoding.names.fixed}
    assert rows == {"x": (0, "estimated"), "1.dose": (-1, "base"), "2.dose": (-1, "omitted"),
                    "3.dose": (1, "estimated"), "4.dose": (2, "estimated"), "_cons": (3, "estimated")}  # fmt: skip
    assert len(design.effects[0].codes) == len(left) and design.effects[0].size == left.g.nunique()
    np.testing.assert_array_equal(encoding.replay(left).x, design.x)
    assert encoding.replay(table).x.shape == (120, 4)


def test_formulas_and_missing_constants_too(table):
    table = separated(table)
    design, encoding = read_text("meprobit y ~ scale(x) + C(dose) + (scale(x) | g)", table)
    assert labels(encoding) == ["Intercept", "scale(x)", "C(dose)[T.3]", "C(dose)[T.4]"]
    np.testing.assert_array_equal(encoding.sample, table.dose != 2)
    assert len(design.effects[0].z) == len(design.y) == int(encoding.sample.sum())
    np.testing.assert_allclose(encoding.replay(table[table.dose != 2]).x, design.x, rtol=1e-12)
    _, encoding = read_text("mecloglog y x ibn.dose, nocons || g:", table)
    assert labels(encoding) == ["x", "1.dose", "3.dose", "4.dose"]
    np.testing.assert_array_equal(encoding.sample, table.dose != 2)


def test_asis_keeps_everything(table):
    design, encoding = read_text("melogit y x i.dose || g:, asis", separated(table))
    assert design.x.shape == (120, 5) and encoding.names.notes == () and encoding.sample.all()
    design, _ = read_text("melogit y i.dose || g:, binomial(1)", separated(table))
    assert design.x.shape == (120, 4)


def test_failure_and_frequency_weights(table):
    table["y"] = np.where(table.dose == 4, 0, table.y)
    used = int(table.w[table.dose == 4].sum())
    _, encoding = read_text("melogit y i.dose [fw=w] || g:", table)
    note = f"note: 4.dose != 0 predicts failure perfectly; 4.dose omitted and {used} observations not used"
    assert encoding.names.notes == (note,)


def test_groups_that_are_lost_are_not_counted(table):
    table["rare"] = (table.g == 3).astype(int)
    table["y"] = np.where(table.rare == 1, 1, table.y)
    design, encoding = read_text("melogit y x rare || g:", table)
    assert design.effects[0].size == 11 and encoding.names.groups[0].count == 11
    assert 3 not in encoding.names.effects[0].groups[0]


def test_one_removal_leads_to_another(table):
    """Among the rows with a = 0, b = 1 has y = 0 only; then c equals x."""
    table = table.assign(a=(table.dose == 1) * 1, b=(table.dose <= 2) * 1)
    table["y"] = np.select([table.a == 1, table.b == 1], [1, 0], table.y)
    table["c"] = table.x + table.b * table.z
    _, encoding = read_text("melogit y b a x c || g:", table)
    first, second, third = encoding.names.notes
    assert first.startswith("note: a != 0 predicts success perfectly; a omitted")
    assert second.startswith("note: b != 0 predicts failure perfectly; b omitted")
    assert third == "note: c omitted because of collinearity" and labels(encoding) == ["x", "_cons"]
    np.testing.assert_array_equal(encoding.sample, table.dose > 2)
    _, kept = read_text("melogit y b a x c, collinear || g:", table)
    assert labels(kept) == ["x", "c", "_cons"]


def test_a_threshold_that_both_outcomes_share(table):
    """Above 0 only successes, below 0 only failures, at 0 both."""
    table["v"] = np.where(table.dose <= 2, 0.0, np.where(table.y == 1, np.abs(table.z), -np.abs(table.z)))
    _, encoding = read_text("melogit y x v || g:", table)
    used = int(np.sum(table.dose > 2))
    note = f"note: v > 0 predicts success and v < 0 failure perfectly; v omitted and {used} observations not used"
    assert encoding.names.notes == (note,)
    np.testing.assert_array_equal(encoding.sample, table.dose <= 2)
    _, mirrored = read_text("melogit y x v || g:", table.assign(v=-table.v))
    assert "v > 0 predicts failure and v < 0 success perfectly" in mirrored.names.notes[0]


def test_without_a_constant_only_zero_separates(table):
    """v > 1 tells the outcomes apart only beside a constant: alone, any coefficient gives both the same sign."""
    values = np.where(table.y == 1, 2 + table.t, 1 - 0.5 * table.t.clip(upper=1))
    with pytest.raises(ValueError, match="`v > 0.96[0-9]*` predicts the outcome perfectly"):
        read_text("melogit y v || g:", table.assign(v=values))
    _, encoding = read_text("melogit y v, nocons || g:", table.assign(v=values))
    assert labels(encoding) == ["v"] and encoding.names.notes == ()
    with pytest.raises(ValueError, match="predicts the outcome perfectly"):
        read_text("melogit y v, nocons || g:", table.assign(v=values - 1.5))


PERFECT = {
    "above": (lambda t: t.y * 2 + 0.5 * t.t.clip(upper=2), "`v > (1|0.[0-9]*)` predicts the outcome perfectly: `y`"),
    "below": (lambda t: 100 - 50 * t.y - t.t, "`v < [0-9.]*` predicts the outcome perfectly"),
    "equal": (lambda t: t.y, "`v == 1` predicts the outcome perfectly(.|\n)*leave `v` out \\(`asis` would keep it"),
}  # fmt: skip


@pytest.mark.parametrize("case", PERFECT)
def test_complete_separation_is_an_error(table, case):
    make, message = PERFECT[case]
    table["v"] = make(table)
    for text in ("melogit y x v || g:", "melogit y ~ v + (1 | g)"):
        with pytest.raises(ValueError, match=message):
            read_text(text, table)
    assert read_text("melogit y x v || g:, asis", table)[0].x.shape == (120, 3)


def test_nothing_that_varies_is_left(table):
    table = table.assign(v=np.where(table.y == 1, table.dose - 1, -table.t))
    table.loc[table.dose == 1, "y"] = 1
    table.loc[table.dose == 1, "v"] = 0
    with pytest.raises(
        ValueError, match="the outcome `y` does not vary over the [0-9]* observations left after perfect"
    ):
        read_text("melogit y v, nocons || g:", table)


def test_perfect_prediction_against_row_by_row_search():
    """Random small tables of indicators against a search that asks every column and value in turn."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        columns = {f"d{j}": (rng.random(30) < 0.2).astype(int) for j in range(6)}
        table = pd.DataFrame({"y": rng.integers(0, 2, 30), "g": np.arange(30) // 5, **columns})
        _, encoding = read_text("melogit y d0-d5 || g:", table)
        rows = np.ones(30, bool)
        while True:
            before = rows.copy()
            for values in columns.values():
                for value in (0, 1):
                    chosen = rows & (values == value)
                    if chosen.any() and not chosen[rows].all() and table.y[chosen].nunique() == 1:
                        rows &= ~chosen
            if (rows == before).all():
                break
        np.testing.assert_array_equal(encoding.sample, rows)
