"""What censored, survival and multinomial models read from a table: ends, records, outcomes."""

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mejax.frame import read
from mejax.likelihoods import family
from mejax.syntax import parse
from mejax.syntax.constraints import collect_constraints

INF, NAN = np.inf, np.nan


def read_text(text, table, **keywords) -> Any:
    return read(parse(text), table, **keywords)


def read_keywords(text, table, command, **keywords) -> Any:
    return read(parse(text, command=command, **keywords), table)


def equal(found, *expected):
    assert len(found) == len(expected)
    for values, wanted in zip(found, expected, strict=True):
        assert values.dtype == np.float64
        np.testing.assert_array_equal(values, np.asarray(wanted, float))


# ---- metobit


@pytest.fixture
def scores():
    return pd.DataFrame(
        {"y": [-1.0, 0.0, 0.5, 1.0, 2.5, 3.0], "x": [1.0, 3, 2, 5, 4, 7], "g": [1, 1, 1, 2, 2, 2],
         "floor": [0, 0, NAN, 1, -INF, 0], "top": [3, 3, 3, 3, NAN, 2.75], "f": [2, 1, 1, 1, 1, 3]}
    )  # fmt: skip


# options -> lower ends, upper ends, counts (uncensored, left, right), limits, words
LIMITS: dict[str, Any] = {
    "ll(0)": ([-INF, -INF, 0.5, 1, 2.5, 3], [0, 0, 0.5, 1, 2.5, 3], (4, 2, 0), (0.0, None), ("0", "+inf")),
    "ul(2.5)": ([-1, 0, 0.5, 1, 2.5, 2.5], [-1, 0, 0.5, 1, INF, INF], (4, 0, 2), (None, 2.5), ("-inf", "2.5")),
    "ll ul": ([-INF, 0, 0.5, 1, 2.5, 3], [-1, 0, 0.5, 1, 2.5, INF], (4, 1, 1), (-1.0, 3.0), ("-1", "3")),
    "ll(-.5) ul(1*2)": ([-INF, 0, 0.5, 1, 2, 2], [-0.5, 0, 0.5, 1, INF, INF], (3, 1, 2), (-0.5, 2.0), ("-0.5", "2")),
    "ll(floor)": ([-INF, -INF, 0.5, -INF, 2.5, 3], [0, 0, 0.5, 1, 2.5, 3], (3, 3, 0), (None, None), ("floor", "+inf")),
    "ul(top)": ([-1, 0, 0.5, 1, 2.5, 2.75], [-1, 0, 0.5, 1, 2.5, INF], (5, 0, 1), (None, None), ("-inf", "top")),
}


@pytest.mark.parametrize("options", LIMITS)
def test_limits(scores, options):
    lower, upper, counts, limits, texts = LIMITS[options]
    design, encoding = read_text(f"metobit y x || g:, {options}", scores)
    equal(design.y, lower, upper)
    coding = encoding.response
    assert (coding.family, coding.link, coding.limits) == ("interval", "identity", limits)
    assert dict(coding.details) == {"word": "tobit", "closed": False}
    assert coding.facts == tuple(zip(("Uncensored", "Left-censored", "Right-censored"), counts, strict=True))
    assert coding.limit_words == (("Lower", texts[0]), ("Upper", texts[1]))
    assert encoding.names.response == "y" and encoding.names.notes == ()
    assert pickle.loads(pickle.dumps(encoding)).response == coding


def test_limits_as_keywords_and_formula(scores):
    wanted, _ = read_text("metobit y x || g:, ll(0) ul(top)", scores)
    for model in ("y x || g:", "y ~ x + (1 | g)"):
        design, _ = read_keywords(model, scores, "metobit", ll=0, ul="top")
        equal(design.y, *wanted.y)
    design, _ = read_keywords("y x || g:", scores, "metobit", ll=True)
    equal(design.y, [-INF, 0, 0.5, 1, 2.5, 3], [-1, 0, 0.5, 1, 2.5, 3])


def test_limits_of_new_data(scores):
    _, encoding = read_text("metobit y x || g:, ll(0) ul(top)", scores)
    new = encoding.replay(scores.iloc[3:5])
    equal([new.extras["ll"], new.extras["ul"]], [0, 0], [3, NAN])
    assert set(encoding.replay(scores[["x", "g"]]).extras) == {"ll"}


def test_nothing_is_censored(scores):
    for options, note in {
        "": "note: neither `ll` nor `ul` is given: this is the linear model",
        ", ll(-10) ul(10)": "note: all values lie between the limits: none is censored",
    }.items():
        design, encoding = read_text(f"metobit y x || g:{options}", scores)
        equal(design.y, scores.y, scores.y)
        assert encoding.names.notes == (note,)
    infinite, encoding = read_keywords("y x || g:", scores, "metobit", ll=-INF, ul=INF)
    equal(infinite.y, scores.y, scores.y)
    assert encoding.response.limits == (None, None) and encoding.response.limit_words[0] == ("Lower", "-inf")


def test_frequency_weights_count_observations(scores):
    _, encoding = read_text("metobit y x [fw=f] || g:, ll(0)", scores)
    assert dict(encoding.response.facts) == {"Uncensored": 6, "Left-censored": 3, "Right-censored": 0}


# ---- meintreg


@pytest.fixture
def intervals():
    return pd.DataFrame(
        {"low": [1.0, 1.0, NAN, 2.0, -INF, 3.0, NAN], "high": [1.0, 2.0, 5.0, NAN, 4.0, INF, INF],
         "x": [1.0, 3, 2, 5, 4, 7, 6], "g": [1, 1, 1, 2, 2, 2, 2]}
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["meintreg low high x || g:", "meintreg low ~ x + (1 | g), upper(high)"], ids=["command", "formula"]
)
def test_ends_of_intervals(intervals, text):
    design, encoding = read_text(text, intervals)
    equal(design.y, [1, 1, -INF, 2, -INF, 3], [1, 2, 5, INF, 4, INF])
    assert encoding.names.response == "low"
    assert encoding.names.notes == ("1 observation with missing values dropped (low: 1)",)
    counts = {"Uncensored": 1, "Left-censored": 2, "Right-censored": 2, "Interval-cens.": 1}
    assert dict(encoding.response.facts) == counts and list(encoding.response.facts) == list(counts.items())
    np.testing.assert_array_equal(encoding.replay(intervals.iloc[:2]).extras["second_response"], [1, 2])
    assert encoding.replay(intervals[["x", "g"]]).extras == {}


def test_the_table_is_left_alone(intervals):
    before = intervals.copy()
    read_text("meintreg low high x || g:", intervals)
    pd.testing.assert_frame_equal(intervals, before)


# ---- mestreg


def test_catheters():
    table = pd.DataFrame({"time": [8.0, 16, 23, 13], "infect": [1, 1, 0, 5], "age": [28.0, 28, 48, 48], "p": 1})
    options = {"failure": "infect", "distribution": "weibull"}
    for design, encoding in (
        read_text("mestreg age || p:, time(time) failure(infect) distribution(weibull)", table),
        read_keywords("time ~ age + (1 | p)", table, "mestreg", **options),
        read_keywords("age || p:", table, "mestreg", time="time", **options),
    ):
        equal(design.y, [0, 0, 0, 0], [8, 16, 23, 13], [1, 1, 0, 1])
        assert encoding.names.response == "_t" and encoding.names.notes == ()
        assert (encoding.response.family, encoding.response.link) == ("weibull", "log")
        variables = ("Time", "time"), ("Failure", "infect")
        assert encoding.response.facts == (*variables, ("No. of failures", 3), ("Time at risk", 60.0))
        new = encoding.replay(table.iloc[:2])
        equal([new.extras["time"], new.extras["failure"]], [8, 16], [1, 1])
        assert encoding.replay(table[["age", "p"]]).extras == {}


def test_metrics_are_details_of_the_family():
    table = pd.DataFrame({"t": [1.0, 2, 3], "x": [1.0, 3, 2], "g": [1, 1, 2]})
    for typed, name, aft in (
        ("d(w)", "weibull", False), ("d(e) time", "exponential", True), ("d(gam)", "survival gamma", True)
    ):  # fmt: skip
        _, encoding = read_text(f"mestreg x || g:, time(t) {typed}", table)
        assert encoding.response.family == name and dict(encoding.response.details) == {"aft": aft, "delayed": False}
        assert encoding.response.facts[1] == ("No. of failures", 3)  # all of them, where no column says so


RECORDS = """
id  t0   t   d   x
 1   0   5   0   1    # two records of a subject, in the wrong order below
 3   4   4   1   3    # zero length
 1   5   9   1   5
 2   0   6   1   2
 2   6   8   0   4    # after the failure
 3   0   3   0   6
 3   2   7   1   8    # overlaps
 4   1   2   0   7    # delayed entry
 4   3   5   1   9    # a gap
 5   0  -2   1   3    # ends before it begins
 6   0   .   1   3    # missing
""".replace("  .", " nan")


@pytest.fixture
def records():
    rows = [line.split("#")[0].split() for line in RECORDS.strip().splitlines()]
    table = pd.DataFrame(np.array(rows[1:], float), columns=np.array(rows[0])).assign(g=1.0, w=2)
    return table.iloc[[2, 1, 0, *range(3, 11)]].reset_index(drop=True)


NOTES = (
    "1 observation with missing values dropped (t: 1)",
    "note: 2 records end on or before they begin: not used",
    "note: 1 record overlaps its subject's previous one: not used",
    "note: 1 record begins on or after its subject's first failure; leave `id` out if failures recur: not used",
    "note: 1 record begins later than the previous one of its subject ended: nobody is at risk in between",
)


def test_records_of_subjects(records):
    design, encoding = read_text("mestreg x || g:, time(t) failure(d) enter(t0) id(id) d(w)", records)
    assert encoding.names.notes == NOTES
    assert list(np.flatnonzero(encoding.sample)) == [0, 2, 3, 5, 7, 8]
    equal(design.y, [5, 0, 0, 0, 1, 3], [9, 5, 6, 3, 2, 5], [1, 0, 1, 0, 0, 1])
    np.testing.assert_array_equal(design.x[:, 0], [5, 1, 2, 6, 7, 9])
    facts = (("No. of subjects", 4), ("No. of failures", 3), ("Time at risk", 21.0))
    assert encoding.response.facts == (("Time", "t"), ("Failure", "d"), ("Enter", "t0"), ("Id", "id"), *facts)
    equal([encoding.replay(records).extras["enter"]], records.t0)


def test_records_begin_where_the_last_one_ended(records):
    design, encoding = read_text("mestreg x || g:, time(t) failure(d) id(id) d(w)", records.drop(columns="t0"))
    assert list(np.flatnonzero(encoding.sample)) == [0, 1, 2, 3, 5, 7, 8]
    equal(design.y, [5, 3, 0, 0, 0, 0, 2], [9, 4, 5, 6, 3, 2, 5], [1, 1, 0, 1, 0, 0, 1])
    assert [note.split(":")[1].strip() for note in encoding.names.notes[1:]] == [
        "1 record ends on or before it begins",
        "2 records begin on or after their subject's first failure; leave `id` out if failures recur",
    ]


def test_a_record_whose_failure_is_unknown_still_ends():
    """Its subject's next record begins there, whether it is used or not."""
    table = pd.DataFrame({"t": [5.0, 8, 12], "d": [0, NAN, 1], "id": 1, "x": [1.0, 2, 3], "g": 1})
    design, _ = read_text("mestreg x || g:, time(t) failure(d) id(id) d(e)", table)
    equal(design.y, [0, 8], [5, 12], [0, 1])


def test_records_without_subjects(records):
    design, encoding = read_text("mestreg x || g:, time(t) failure(d) d(w)", records)
    assert not design.y[0].any() and len(design.x) == 9
    assert "No. of subjects" not in dict(encoding.response.facts)  # nothing says who they are
    assert len(encoding.names.notes) == 2


def test_ties_within_a_subject():
    table = pd.DataFrame({"id": [1, 1, 1, 2], "t": [2.0, 2, 5, 4], "d": [0, 1, 1, 1], "x": [1.0, 2, 4, 3], "g": 1})
    design, encoding = read_text("mestreg x || g:, time(t) failure(d) id(id) d(e)", table)
    note = "note: 1 record ends at the same time as another of its subject: not used"
    assert encoding.names.notes == (note,)
    equal(design.y, [0, 2, 0], [2, 5, 4], [0, 1, 1])


def test_records_are_set_before_rows_are_chosen(records):
    """A record whose predecessor has a missing covariate, or is left out by `if`, begins where that one ended."""
    records.loc[2, "x"] = NAN
    for condition in ("", " if t > 5"):
        design, _ = read_text(f"mestreg x{condition} || g:, time(t) failure(d) id(id) d(e)", records)
        assert (design.y[0][0], design.y[1][0]) == (5, 9)


def test_dropped_records_leave_before_columns_are_read(records):
    records["only"] = (records.t <= 0) * 1.0  # varies in records that are not used, and nowhere else
    _, encoding = read_text("mestreg x only || g:, time(t) failure(d) d(e)", records)
    assert "note: only omitted because of collinearity" in encoding.names.notes
    design, _ = read_text("mestreg t ~ center(x) + (1 | g), failure(d) id(id) d(e)", records)
    assert abs(design.x[:, 1].mean()) < 1e-12


def test_frequency_weights_count_subjects(records):
    _, encoding = read_text("mestreg x [fw=w] || g:, time(t) failure(d) enter(t0) id(id) d(w)", records)
    assert encoding.response.facts[-3:] == (("No. of subjects", 8), ("No. of failures", 6), ("Time at risk", 42.0))


FAILURES: dict[str, Any] = {
    "numbers": ("d", [2, 0, 1.0, 0]),
    "truth": ("d", [True, False, True, False]),
    "text": ("d", ["dead", "alive", "dead", "alive"]),
    "yes": ("d", ["Yes", "No", "Yes", "No"]),
    "categories": ("d", pd.Categorical(["relapse", "censored", "relapse", "censored"])),
    "numbers as categories": ("d", pd.Categorical([1, 0, 3, 0])),
    "condition": ("d == 'b'", ["b", "a", "b", "c"]),
    "not": ("d != 2", [1, 2, 1, 2]),
}


@pytest.mark.parametrize("kind", FAILURES)
def test_failures(kind):
    failure, values = FAILURES[kind]
    table = pd.DataFrame({"t": [1.0, 2, 3, 4], "x": [1.0, 3, 2, 5], "g": 1, "d": values})
    options = {"failure": failure, "distribution": "exponential"}
    design, encoding = read_keywords("t ~ x + (1 | g)", table, "mestreg", **options)
    equal([design.y[2]], [1, 0, 1, 0])
    told = {"text": "alive", "yes": "No", "categories": "censored"}
    assert encoding.names.notes == ((f'note: a failure is d != "{told[kind]}"',) if kind in told else ())
    equal([encoding.replay(table.iloc[:1]).extras["failure"]], [1])


def test_failures_everywhere_are_noted():
    table = pd.DataFrame({"t": [1.0, 2, 3, 4], "x": [1.0, 3, 2, 5], "g": 1, "d": [1, 2, 1, 2]})
    design, encoding = read_text("mestreg x || g:, time(t) failure(d) d(e)", table)
    assert design.y[2].all()
    assert encoding.names.notes == ("note: `d` is 0 in none of the records: all end in a failure",)


def test_a_missing_failure_is_a_missing_row():
    table = pd.DataFrame({"t": [1.0, 2, 3, 4], "x": [1.0, 3, 2, 5], "g": 1, "d": ["a", None, "b", "b"]})
    options = {"failure": "d == 'b'", "distribution": "exponential"}
    design, encoding = read_keywords("t ~ x + (1 | g)", table, "mestreg", **options)
    equal(design.y, [0, 0, 0], [1, 3, 4], [0, 1, 1])
    assert encoding.names.notes == ("1 observation with missing values dropped (failure: 1)",)


# ---- memlogit


@pytest.fixture
def choices():
    table = pd.DataFrame({"n": [3, 1, 2, 3, 1, 3, 2, 2, 3], "x": [1.0, 3, 2, 5, 4, 7, 8, 6, 0]})
    table["c"] = table.n.map({1: "bus", 2: "own car", 3: "train"})
    table["k"] = pd.Categorical(table.c, categories=["train", "boat", "bus", "own car"])
    return table.assign(g=[1, 1, 1, 2, 2, 2, 3, 3, 3], z=np.arange(9) % 4, b=table.n == 3)


# response -> codes, values, names of the predictors, base
OUTCOMES: dict[str, Any] = {
    "n": ([2, 0, 1, 2, 0, 2, 1, 1, 2], (1, 2, 3), ("1", "2"), 2),
    "c": ([2, 0, 1, 2, 0, 2, 1, 1, 2], ("bus", "own car", "train"), ("bus", "own_car"), 2),
    "k": ([0, 1, 2, 0, 1, 0, 2, 2, 0], ("train", "bus", "own car"), ("bus", "own_car"), 0),
    "b": ([1, 0, 0, 1, 0, 1, 0, 0, 1], (0, 1), ("1",), 0),
}


@pytest.mark.parametrize("response", OUTCOMES)
def test_outcomes(choices, response):
    codes, values, predictors, base = OUTCOMES[response]
    design, encoding = read_text(f"memlogit {response} x || g:", choices)
    coding = encoding.response
    equal([design.y], codes)
    labels = tuple(str(value) for value in values)
    assert (coding.values, coding.labels, coding.equations) == (values, labels, predictors)
    assert dict(coding.details) == {"categories": labels, "base": base}
    assert coding.facts == (("Base outcome", labels[base]),)
    assert encoding.names.notes == (f"note: the base outcome is {labels[base]}, the most frequent one",)
    wanted = [f"{name}:{column}" for name in predictors for column in ("x", "_cons")]
    assert [row.label for row in encoding.names.estimated] == wanted
    assert [row.equation for row in encoding.names.estimated] == [name for name in predictors for _ in range(2)]
    assert [row.index for row in encoding.names.fixed] == list(range(len(wanted))) and design.x.shape == (9, 2)
    assert pickle.loads(pickle.dumps(encoding)).response == coding


def test_base_outcomes(choices):
    for response, base, place in (("n", 2, 1), ("n", "2", 1), ("c", "own car", 1), ("c", "bus", 0), ("k", "bus", 1)):
        _, encoding = read_keywords(f"{response} x || g:", choices, "memlogit", baseoutcome=base)
        assert encoding.response.details["base"] == place and encoding.names.notes == ()
    choices.attrs["value_labels"] = {"n": {1: "bus", 2: "own car", 3: "train"}}
    for typed in ("3", "train", '"train"'):
        _, encoding = read_text(f"memlogit n x || g:, baseoutcome({typed})", choices)
        assert encoding.response.labels == ("bus", "own car", "train")
        assert encoding.response.equations == ("bus", "own_car")
    _, encoding = read_text("memlogit n x [fw=z] if n > 1 || g:", choices)  # ten trains, six cars
    assert encoding.response.facts == (("Base outcome", "own car"),)


# random part -> covariance, copies, columns
EFFECTS: dict[str, Any] = {
    "n x || g:": ("unstructured", 2, ("1:_cons", "2:_cons")),
    "n x || g: x, covariance(independent)": ("independent", 2, ("1:x", "1:_cons", "2:x", "2:_cons")),
    "n x || g: x, covariance(unstructured)": ("unstructured", 2, ("1:x", "1:_cons", "2:x", "2:_cons")),
    "n x || g:, shared": ("identity", 1, ("_cons",)),
    "n x || g: x, shared": ("independent", 1, ("x", "_cons")),
    "b x || g:": ("identity", 1, ("_cons",)),
    "n x || _all: R.g, shared": ("identity", 1, ("R.g",)),
    "n ~ x + (1 | g)": ("unstructured", 2, ("1:_cons", "2:_cons")),
    "n ~ x + (1 || g)": ("independent", 2, ("1:_cons", "2:_cons")),
    "n ~ x + (1 | g), covariance(identity)": ("identity", 2, ("1:_cons", "2:_cons")),
    "n ~ x + (1 | g), shared": ("identity", 1, ("_cons",)),
    "n ~ x + (0 + x | g)": ("unstructured", 2, ("1:x", "2:x")),
}


@pytest.mark.parametrize("text", EFFECTS)
def test_effects_of_every_predictor(choices, text):
    covariance, copies, columns = EFFECTS[text]
    design, encoding = read_text(f"memlogit {text}", choices)
    name, effect = encoding.names.effects[0], design.effects[0]
    assert (name.covariance, name.columns, effect.copies) == (covariance, columns, copies)
    unusual = len(encoding.response.equations) > 1 and (covariance != "unstructured" or copies == 1)
    assert any("another base outcome is another model" in note for note in encoding.names.notes) == unusual
    assert effect.width == len(columns) and effect.z.shape == (9, len(columns) // copies)


def test_matrices_hold_all_predictors(choices):
    matrix = np.array([[1.0, NAN], [NAN, 2.0]])
    _, encoding = read_text("memlogit n x || g:, cov(fixed(f))", choices, matrices={"f": matrix})
    np.testing.assert_array_equal(encoding.names.effects[0].matrix, matrix)
    with pytest.raises(ValueError, match=r"the equation has 4 columns, so \(4, 4\) is needed(.|\n)*1:x, 1:_cons, 2:x"):
        read_text("memlogit n x || g: x, cov(pattern(f))", choices, matrices={"f": matrix})


def test_columns_are_dropped_for_all_predictors(choices):
    choices["twice"] = 2 * choices.x
    design, encoding = read_text("memlogit n x i.z twice || g:", choices)
    assert design.x.shape == (9, 5) and encoding.names.notes[-1] == "note: twice omitted because of collinearity"
    rows = encoding.names.fixed
    assert len(rows) == 14 and len({row.label for row in rows}) == 14
    assert [(row.label, row.index) for row in rows if row.index < 0] == [
        ("1:0.z", -1), ("1:twice", -1), ("2:0.z", -1), ("2:twice", -1)
    ]  # fmt: skip
    assert sorted(row.index for row in rows if row.index >= 0) == list(range(10))


def test_odd_labels_stay_apart(choices):
    odd = choices.n.map({1: "a:b", 2: "a", 3: "a b"})
    design, encoding = read_text("memlogit odd ~ x + z + b:x + (1 | g)", choices.assign(odd=odd))
    labels = [row.label for row in encoding.names.estimated]
    assert encoding.response.equations == ("a_1", "a_b_3") and len(set(labels)) == len(labels) == 8
    assert encoding.response.labels == ("a", "a b", "a:b") and design.effects[0].copies == 2
    choices.attrs["value_labels"] = {"n": {1: "same", 2: "same"}}
    assert read_text("memlogit n x || g:", choices)[1].response.labels == ("1", "2", "3")


def test_labels_stand_on_one_line(choices):
    for texts, labels in (
        (("by\nbus", "a  car ", "x"), ("a car", "by bus", "x")),
        (("a ", "a", " "), ("' '", "'a'", "'a '")),  # blanks are all that tells them apart
    ):
        odd = choices.n.map(dict(zip((1, 2, 3), texts, strict=True)))
        assert read_text("memlogit odd x || g:", choices.assign(odd=odd))[1].response.labels == labels


def test_truth_values(choices):
    """False is an outcome; missing truth values are missing, in every kind of table."""
    _, encoding = read_keywords("b x || g:", choices.assign(b=choices.n > 1), "memlogit", baseoutcome=False)
    assert encoding.response.details["base"] == 0 and encoding.names.notes == ()
    truth = pd.array([True, False, None] * 3, dtype="boolean")
    for values in (truth, truth.astype(object)):
        design, _ = read_text("memlogit b x || g:", choices.assign(b=values))
        equal([design.y], [1, 0] * 3)


def test_constraints_find_predictors(choices):
    _, encoding = read_text("memlogit c x || g:", choices)
    predictors = encoding.response.equations
    (constraint,) = collect_constraints("[own_car]x = [bus]x", response="c", equations=predictors)
    assert {label for _, label in constraint.terms} <= {row.label for row in encoding.names.estimated}


# ---- what the families are made with


@pytest.mark.parametrize(
    "text",
    [
        "metobit x || g:, ll(0)",
        "mestreg z ~ x + (1 | g), d(w)",
        "mestreg z ~ x + (1 | g), d(gam)",
        "memlogit n x || g:",
    ],
)
def test_codings_make_families(choices, text):
    coding = read_text(text, choices.assign(z=choices.z + 1.0))[1].response
    made = family(coding.family, coding.link, **coding.details)
    assert made.equations == max(len(coding.equations), 1)
