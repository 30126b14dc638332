"""The parts of the benchmarks that need no other software: cases, simulated data, measurement, tables."""

import json
import math
import sys
import time

import numpy as np
import pandas as pd
import pytest

from benchmarks.cases import CASES, find_case, movielens
from benchmarks.measure import load, measure
from benchmarks.peers import PEERS
from benchmarks.peers.mejax_iterative import iterative
from benchmarks.process import run_process
from benchmarks.simulate import Crossed, Factor, Nested
from benchmarks.store import read_table, write_table
from benchmarks.table import best_known, render
from mejax.syntax import parse

SMALL = [name for name, case in CASES.items() if case.size == "small" and "million" not in name]
TEXTS = [
    "crossed:rows=500,levels=20x10",
    "crossed:rows=5e2,levels=20x10x5,family=binomial,exponent=1x0.5x0,at_least=1,solver=iterative",
    "crossed:rows=500,levels=20x10,family=poisson,density=0.5,seed=3,solver=exact",
    "crossed:rows=50,levels=20x10,distinct=1",
    "nested:rows=500,groups=50",
    "nested:rows=500,groups=50,slope=independent",
    "nested:rows=500,groups=50,slope=correlated,family=binomial,points=7",
]
MACHINE = {
    "processor": "p", "cpus": 2, "memory_gb": 8.0, "load_before": 0.0, "python": "3.11",
    "jax_device": {"platform": "cpu", "kind": "cpu", "count": 1, "jax": "1"},
}  # fmt: skip
TIMES = {"seconds_cold": 3.0, "seconds_first": 2.0, "seconds_warm": 0.05}
FIT = {"outcome": "fit", "loglik": -1014.9268, "converged": True, "peak_memory_mb": 300, **TIMES}


@pytest.mark.parametrize("name", SMALL + TEXTS)
def test_data_are_numbers_of_the_family(name):
    """Some peers take arrays of numbers only."""
    case = find_case(name)
    frame = case.build().loc[:, list(case.columns)]
    assert all(frame[column].dtype.kind in "iuf" for column in case.columns)
    assert not frame.isna().to_numpy().any()
    values = set(frame[case.response].tolist())
    assert case.family != "binomial" or values == {0, 1}
    assert case.family != "poisson" or (min(values) == 0 and all(value == int(value) for value in values))


@pytest.mark.parametrize("name", [*CASES, *TEXTS])
def test_spellings_say_one_model(name):
    """One family and one rule of integration for every peer, and the columns in every spelling."""
    case = find_case(name)
    for column in case.columns:
        assert column in case.formula and column in case.command
        assert all(column in call and "frame" in call for call in case.calls.values())
    spec = parse(case.command)
    commands = {"gaussian": ("mixed", "menl"), "binomial": ("melogit",), "poisson": ("mepoisson",)}
    assert spec.command in commands[case.family]
    assert bool(case.beyond) == bool(spec.nonlinear or spec.residuals or case.replicates) == bool(case.calls)
    if case.family != "gaussian":
        assert spec.option("intmethod") == ("laplace" if case.points == 1 else "mcaghermite")
        assert spec.option("intpoints", 1) == case.points
    if case.crossed and "solver(iterative)" not in case.command:
        assert parse(iterative(case.command)).option("solver") == "iterative"


def test_simulated_data_repeat_and_seeds_differ():
    for recipe in (Crossed, lambda **given: Nested(rows=1000, groups=10, seed=given["seed"])):
        first, again, other = (
            recipe(rows=1000, factors=(Factor(30), Factor(20)), seed=seed).frame() for seed in (1, 1, 2)
        )
        assert first.equals(again) and not first.equals(other)


def test_crossed_million_is_what_was_published():
    """The log likelihoods that are known of it hold for these numbers."""
    frame = CASES["crossed-million"].build()
    assert len(frame) == 1_000_000
    assert frame.loc[0, ["a", "b"]].tolist() == [17802, 720]
    assert math.isclose(float(frame["y"].to_numpy().sum()), 962974.3130617761, rel_tol=1e-12)


def test_levels_are_drawn_as_stated():
    """Frequencies of the ranks within five standard errors of (r + offset)^-exponent."""
    rows, factor = 200_000, Factor(50, exponent=1.5, offset=3.0)
    counts = np.sort(np.bincount(factor.sampler(np.random.default_rng(1))(rows), minlength=50))[::-1]
    weight = (np.arange(50) + 3.0) ** -1.5
    expected = rows * weight / weight.sum()
    assert np.all(np.abs(counts - expected) < 5 * np.sqrt(expected))


def test_every_level_has_its_rows():
    frame = Crossed(2_000, (Factor(200, at_least=5), Factor(84, exponent=2, at_least=1))).frame()
    assert frame["a"].value_counts().reindex(range(200)).min() >= 5
    assert frame["b"].value_counts().reindex(range(84)).min() >= 1


def test_distinct_combinations_do_not_repeat():
    assert movielens(1).distinct and [factor.levels for factor in movielens(1).factors] == [200_948, 84_432]
    frame = Crossed(1_000, (Factor(60), Factor(40)), distinct=True).frame()
    assert len(frame) == 1_000 and not frame[["a", "b"]].duplicated().any()
    with pytest.raises(ValueError, match="2,401 different combinations of 60 x 40 levels are too many"):
        Crossed(2_401, (Factor(60), Factor(40)), distinct=True).frame()


def test_density_bounds_the_combinations():
    recipe = Crossed(5_000, (Factor(40, exponent=0), Factor(30, exponent=0)), density=0.1)
    combinations = recipe.frame()[["a", "b"]].drop_duplicates()
    assert 0.9 * 120 < len(combinations) <= 120
    with pytest.raises(ValueError, match="density 0.9 asks for 1,080 combinations of levels; found 100 rows"):
        Crossed(100, (Factor(40), Factor(30)), density=0.9).frame()
    with pytest.raises(ValueError, match="40 levels of at least 3 rows need 120; found 100"):
        Crossed(100, (Factor(40, at_least=3),)).frame()


def test_nested_effects_have_their_moments():
    """Means of a group's rows are nearly its intercept: 5,000 groups of 40 rows."""
    frame = Nested(200_000, 5_000, "correlated").frame()
    slopes, intercepts = _lines(frame)
    assert abs(intercepts.std() - math.sqrt(1 + 1 / 40)) < 0.05
    assert abs(slopes.std() - math.sqrt(0.25 + 1 / 40)) < 0.05
    assert abs(np.cov(slopes, intercepts)[0, 1] - 0.15) < 0.05


def _lines(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Slope and intercept of each group's own line."""
    x, y = (frame[name].to_numpy().reshape(5_000, 40) for name in "xy")
    dx = x - x.mean(1, keepdims=True)
    slopes = (dx * y).sum(1) / (dx**2).sum(1)
    return slopes, y.mean(1) - slopes * x.mean(1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pigs", "there is no case 'pigs'; there are sleepstudy, "),
        ("tree:rows=1", "begins with crossed: or nested:; found 'tree:rows=1'"),
        ("crossed:rows=10", "needs levels="),
        ("nested:groups=10", "needs rows="),
        ("nested:rows=10,groups=2,depth=3", "has no 'depth'; it has rows, groups, "),
        ("nested:rows=1.5,groups=2", "rows is a whole number; found '1.5'"),
        ("nested:rows=many,groups=2", "rows is a number; found 'many'"),
        ("nested:rows=10,groups=2,family=gamma", "family is one of gaussian, binomial, poisson; found 'gamma'"),
        ("nested:rows=10,groups=2,slope=steep", "slope is one of none, independent, correlated; found 'steep'"),
        ("crossed:rows=10,levels=2x3,offset=1x2x3", "offset has 3 numbers, where levels has 2"),
        ("crossed:rows=10,levels=2x3,solver=magic", "solver is one of auto, exact, iterative; found 'magic'"),
    ],
)
def test_wrong_cases_are_told(text, message):
    with pytest.raises(ValueError) as error:
        find_case(text)
    assert message in str(error.value)


def test_tables_come_back_from_disk(tmp_path):
    frame = pd.DataFrame({"y": [0.1, -2.5], "g": [7, 2_000_000]})
    write_table(frame, tmp_path / "table")
    assert read_table(tmp_path / "table").equals(frame)


def test_measure_separates_the_first_fit():
    values = iter(range(1, 100))
    frame = CASES["pig"].build()
    fit = lambda case, frame: (-float(next(values)), True, {"note": "n", "monte_carlo_error": 0.5})
    result = measure(fit, CASES["pig"], frame, seconds=0.0)
    assert result["first_at"] <= time.time()
    assert result["fits"] == 2 and result["loglik"] == -2.0
    assert result["seconds_first"] > 0 and result["seconds_warm"] > 0
    assert (result["note"], result["monte_carlo_error"]) == ("n", 0.5)
    with pytest.raises(ValueError, match="a fit may tell note, monte_carlo_error, peak_device_memory_mb; found notes"):
        measure(lambda case, frame: (0.0, True, {"notes": "n"}), CASES["pig"], frame, seconds=0.0)


def test_adapters_are_checked(tmp_path):
    (tmp_path / "half.py").write_text("def refuses(case): return None")
    with pytest.raises(ValueError, match="half.py lacks fit"):
        load(str(tmp_path / "half.py"))
    with pytest.raises(ValueError, match="there is no adapter"):
        load(str(tmp_path / "none.py"))


def printing(result: dict, then: str = "") -> list[str]:
    return [sys.executable, "-c", f"import os, time; print({json.dumps(json.dumps(result))}, flush=True); {then}"]


def test_process_times_the_first_fit_from_its_start():
    code = "import json, time; print(json.dumps({'loglik': 1, 'first_at': time.time()}), flush=True); time.sleep(1)"
    start = time.perf_counter()
    result = run_process([sys.executable, "-c", code], limit=60)
    assert "first_at" not in result
    assert 0 < result["seconds_cold"] < time.perf_counter() - start - 0.9


def test_process_reports_result_and_memory():
    result = run_process([sys.executable, "-c", f"print('noise'); print({json.dumps(json.dumps(FIT))})"], limit=60)
    assert (result["outcome"], result["loglik"]) == ("fit", FIT["loglik"])
    assert result["peak_memory_mb"] > 1  # no upper bound: a forked child starts from the size of this process


def test_outcomes_other_than_a_fit_are_told():
    found = lambda command, **limits: _outcome(run_process(command, **{"limit": 60, **limits}))
    assert found(printing({"reason": "crossed"})) == ("refused", "crossed")
    assert found([sys.executable, "-c", "1 / 0"]) == ("failed", "ZeroDivisionError: division by zero")
    assert found([sys.executable, "-c", "pass"]) == ("failed", "printed no result")
    assert found([sys.executable, "-c", "import time; time.sleep(60)"], limit=0.5) == ("timeout", "no fit within 0.5 s")
    assert found([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])[0] == "memory"
    large = "import time; kept = b'1' * 2**28; time.sleep(60)"
    assert found([sys.executable, "-c", large], memory_gb=0.2) == ("memory", "no fit within 0.2 GB")


def test_a_first_fit_is_kept_whatever_comes_after_it():
    first = {"loglik": 1, "seconds_warm": None}
    late = run_process(printing(first, "time.sleep(60)"), limit=1)
    assert (late["outcome"], late["loglik"], late["note"]) == ("fit", 1, "no second fit within 1 s")
    broken = run_process(printing(first, "1 / 0"), limit=60)
    assert (broken["outcome"], broken["note"]) == ("fit", "then failed: ZeroDivisionError: division by zero")
    done = run_process(printing({**first, "seconds_warm": 0.5}, "time.sleep(60)"), limit=1)
    assert "note" not in done


def _outcome(result: dict) -> tuple[str, str]:
    return result["outcome"], result["reason"]


def rows_of(*rows: dict) -> list[dict]:
    return [{"case": "pig", "version": "1", "limit_s": 600, "peak_memory_mb": 100, **row} for row in rows]


def test_table():
    rows = rows_of(
        {"peer": "mejax", **FIT},
        {"peer": "mejax-iterative", **FIT, "loglik": -1014.0, "monte_carlo_error": 0.031},
        {"peer": "lme4", **FIT, "seconds_warm": 0.5, "loglik": -1015.0},
        {"peer": "gpboost-cholesky", "outcome": "refused", "reason": "because"},
        {"peer": "statsmodels", "outcome": "timeout", "reason": "no fit within 600 s"},
        {"peer": "glmm", "outcome": "failed", "reason": "why"},
    )
    report = {"date": "2026-01-02T03:04:05+00:00", "machine": MACHINE, "rows": rows}
    text = render(report)
    lines = {line.split()[0]: line.split() for line in text.splitlines() if line}
    assert lines["mejax"] == ["mejax", "1", "-1014.9268", "3.000", "2.000", "0.0500", "1.00", "300"]
    assert lines["mejax-iterative"][3] == "-0.927" and "log likelihood 0.031" in text
    assert lines["lme4"] == ["lme4", "1", "-1015.0000", "0.073", "3.000", "2.000", "0.500", "10.00", "300"]
    assert "left out: gpboost-cholesky (because)" in text
    assert lines["statsmodels"][2:] == ["100", "no", "fit", "within", "600", "s"]
    assert lines["glmm"][2:] == ["failed:", "why"]
    assert PEERS.keys() >= {row["peer"] for row in rows}


def test_estimates_are_not_the_best_unless_alone():
    exact, estimate = rows_of({"peer": "lme4", **FIT}, {"peer": "gpboost-iterative", **FIT, "loglik": -1.0})
    assert best_known("sleepstudy", [exact, estimate]) == CASES["sleepstudy"].known
    assert best_known("crossed-million", [exact, estimate]) == exact["loglik"]
    assert best_known("crossed-million", [estimate]) == -1.0
    assert best_known("crossed-million", []) is None
