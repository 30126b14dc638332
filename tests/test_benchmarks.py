"""The parts of the benchmarks that need no other software."""

import json
import sys
import time

import pytest

from benchmarks.cases import CASES
from benchmarks.measure import measure
from benchmarks.peers import PEERS
from benchmarks.process import run_process
from benchmarks.table import render
from mejax.syntax import parse

SMALL = [name for name in CASES if "million" not in name]
MACHINE = {"processor": "p", "cpus": 2, "memory_gb": 8.0, "load_before": 0.0, "python": "3.11"}
TIMES = {"seconds_cold": 3.0, "seconds_first": 2.0, "seconds_warm": 0.05}
FIT = {"loglik": -1014.9268, "converged": True, "peak_memory_mb": 300, **TIMES}


@pytest.mark.parametrize("name", SMALL)
def test_data_have_the_columns(name):
    case = CASES[name]
    assert set(case.columns) <= set(case.build().columns)
    for column in case.columns:
        assert column in case.formula and column in case.command
        assert all(column in call and "frame" in call for call in case.calls.values())


@pytest.mark.parametrize("name", CASES)
def test_command_says_what_the_case_says(name):
    """One family and one rule of integration for every peer."""
    case = CASES[name]
    spec = parse(case.command)
    commands = {"gaussian": ("mixed", "menl"), "binomial": ("melogit",), "poisson": ("mepoisson",)}
    assert spec.command in commands[case.family]
    assert bool(case.beyond) == bool(spec.nonlinear or spec.residuals or case.replicates) == bool(case.calls)
    if case.family != "gaussian":
        assert spec.option("intmethod") == ("laplace" if case.points == 1 else "mcaghermite")
        assert spec.option("intpoints", 1) == case.points


@pytest.mark.parametrize("name", SMALL)
def test_data_are_numbers_of_the_family(name):
    """Some peers take arrays of numbers only."""
    case = CASES[name]
    frame = case.build()[list(case.columns)]
    assert all(frame[column].dtype.kind in "iuf" for column in case.columns)
    assert not frame.isna().to_numpy().any()
    values = set(frame[case.response].tolist())
    assert case.family != "binomial" or values == {0, 1}
    assert case.family != "poisson" or (min(values) == 0 and all(value == int(value) for value in values))


@pytest.mark.parametrize("name", ["logit-nested", "poisson-nested"])
def test_small_simulated_data_repeat(name):
    assert CASES[name].build().equals(CASES[name].build())


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in SMALL])
def test_simulated_data_repeat(name):
    case = CASES[name]
    frame = case.build()
    assert len(frame) == 1_000_000
    assert frame.equals(case.build())


def test_measure_separates_the_first_fit():
    values = iter(range(1, 100))
    result = measure(lambda case, frame: (-float(next(values)), True), CASES["pig"], seconds=0.0)
    assert result["first_at"] <= time.time()
    assert result["fits"] == 1 and result["loglik"] == -2.0
    assert result["seconds_first"] > 0 and result["seconds_warm"] > 0


def test_process_times_the_first_fit_from_its_start():
    code = "import json, time; print(json.dumps({'loglik': 1, 'first_at': time.time()}), flush=True); time.sleep(1)"
    start = time.perf_counter()
    result = run_process([sys.executable, "-c", code], limit=60)
    assert "first_at" not in result
    assert 0 < result["seconds_cold"] < time.perf_counter() - start - 0.9


def test_process_reports_result_and_memory():
    result = run_process([sys.executable, "-c", f"print('noise'); print({json.dumps(json.dumps(FIT))})"], limit=60)
    assert result["loglik"] == FIT["loglik"]
    assert result["peak_memory_mb"] > 1  # no upper bound: a forked child starts from the size of this process


def test_process_failures_are_told():
    assert "division by zero" in run_process([sys.executable, "-c", "1 / 0"], limit=60)["failed"]
    assert run_process([sys.executable, "-c", "pass"], limit=60) == {"failed": "printed no result"}
    late = run_process(
        [sys.executable, "-c", "print('{\"loglik\": 1}', flush=True); import time; time.sleep(60)"], limit=1
    )
    assert late["loglik"] == 1 and late["note"] == "ended after 1 s"


def test_table():
    rows = [
        {"peer": "mejax", **FIT},
        {"peer": "lme4", **FIT, "seconds_warm": 0.5, "loglik": -1015.0},
        {"peer": "gpboost-cholesky", "skipped": "because"},
        {"peer": "glmm", "failed": "why"},
    ]
    report = {"date": "today", "machine": MACHINE, "rows": [{"case": "pig", "version": "1", **row} for row in rows]}
    lines = {line.split()[0]: line.split() for line in render(report).splitlines() if line}
    assert lines["mejax"] == ["mejax", "1", "-1014.9268", "3.000", "2.000", "0.0500", "1.00", "300"]
    assert lines["lme4"] == ["lme4", "1", "-1015.0000", "0.073", "3.000", "2.000", "0.500", "10.00", "300"]
    assert lines["gpboost-cholesky"][2:] == ["skipped:", "because"]
    assert lines["glmm"][2:] == ["failed:", "why"]
    assert PEERS.keys() >= lines.keys() & {"mejax", "lme4", "gpboost-cholesky", "glmm"}
