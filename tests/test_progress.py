"""Long fits: what the log says of them, what an interruption leaves, how they go on."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mejax import datasets, me
from mejax.fitting import alternation, climb_generalized, generalized, interrupted, linear, nonlinear, progress
from mejax.fitting import climb as climb_linear
from mejax.optimise import Step
from mejax.results import Fit

# (module, name) of everything that a fit may be computing when somebody interrupts it
COMPUTING = (
    (climb_linear, "evaluate"), (climb_linear, "posterior"), (climb_linear, "moment_start"),
    (climb_linear, "snap_to_zero"), (linear, "natural_jacobian"), (linear, "robust_vce"), (linear, "degrees_by"),
    (linear, "verdict"), (linear, "linear_llf"),
    (climb_generalized, "evaluate_single"), (climb_generalized, "evaluate"), (climb_generalized, "slope_at"),
    (climb_generalized, "hessian_at"), (climb_generalized, "start_state"), (climb_generalized, "score_variances"),
    (generalized, "printed_at"), (generalized, "robust_covariance"), (generalized, "generalized_verdict"),
    (alternation, "solve"), (alternation, "linearised"), (alternation, "evaluate"), (nonlinear, "snap_to_zero"),
    (nonlinear, "natural_jacobian"), (nonlinear, "verdict"), (interrupted, "evaluate_single"),
)  # fmt: skip


class Interruptions:
    """Raises as Ctrl-C does, when the calls whose numbers (from 1) are given are made."""

    def __init__(self, patch: pytest.MonkeyPatch):
        self.calls, self.at = 0, frozenset()
        for module, name in COMPUTING:
            patch.setattr(module, name, self._counted(getattr(module, name)))

    def _counted(self, function: Callable) -> Callable:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.calls += 1
            if self.calls in self.at:
                raise KeyboardInterrupt
            return function(*arguments, **options)

        return counted

    def during(self, fit: Callable[..., Fit], *numbers: int, **options: Any) -> Fit:
        self.calls, self.at = 0, frozenset(numbers)
        return fit(**options)


@pytest.fixture
def interruptions(monkeypatch):
    return Interruptions(monkeypatch)


def small(data: pd.DataFrame, name: str, count: int) -> pd.DataFrame:
    return pd.DataFrame(data[data[name].isin(list(data[name].unique()[:count]))])


@cache
def pig() -> pd.DataFrame:
    return small(datasets.load("pig"), "id", 12)


def mixed(extra: str = "") -> Callable[..., Fit]:
    return lambda **options: me.mixed(f"weight week || id: week, {extra}", pig(), nolog=True, **options)


def logit(extra: str = "") -> Callable[..., Fit]:
    data = small(datasets.load("admissions"), "department", 8)
    command = f"nadmitted female || department:, binomial(napplied) {extra}"
    return lambda **options: me.melogit(command, data, nolog=True, **options)


def orange(**options: Any) -> Fit:
    return me.menl(
        "circumf = ({b1}+{U1[tree]})/(1+exp(-(age-{b2})/{b3}))", datasets.load("orange"), nolog=True,
        initial={"b1": 190, "b2": 720, "b3": 350}, **options,
    )  # fmt: skip


FITS = {
    "linear": mixed("covariance(unstructured)"),
    "em": mixed("covariance(unstructured) emiterate(3)"),
    "reml": mixed("reml dfmethod(satterthwaite)"),
    "robust": mixed("vce(robust)"),
    "logit": logit(),
    "grid": logit("startgrid(0.1 1) vce(robust)"),
    "secant": logit(),
    "nonlinear": orange,
    "true": lambda **options: orange(intmethod="laplace", **options),
}
AT_HELD_NODES = ("logit", "grid", "secant")  # steps of these climbs may lose something


@pytest.mark.parametrize("name", FITS)
def test_interrupted_at_any_moment_a_fit_returns_its_best_state(name, interruptions, monkeypatch):
    if name == "secant":
        monkeypatch.setattr(climb_generalized, "LARGE", -1)
    fit = FITS[name]
    whole = interruptions.during(fit)
    assert whole.status == "converged" and whole.history["gradient"].iloc[-1] < 1e-3
    values = []
    for number in range(1, interruptions.calls + 1):
        try:
            found = interruptions.during(fit, number)
        except KeyboardInterrupt:
            assert not values  # nothing had been evaluated yet
            continue
        assert found.status == "interrupted" and not found.converged and found.lr_test is None
        assert np.all(np.isfinite(found.params)) and found.history["llf"].iloc[-1] == pytest.approx(found.llf, rel=1e-9)
        assert "Warning: interrupted" in str(found) and "start=fit.theta" in found.notes[-1]
        values.append(found.llf)
    assert len(values) > 5 and values[-1] == pytest.approx(whole.llf, abs=1e-6)
    assert name in AT_HELD_NODES or np.all(np.diff(values) > -1e-6)
    np.testing.assert_allclose(found.params, whole.params, rtol=1e-3)


@pytest.mark.parametrize("name", ["linear", "reml", "grid", "nonlinear", "true"])
def test_interrupted_twice_a_fit_goes_on_to_the_same_maximum(name, interruptions):
    fit = FITS[name]
    whole = interruptions.during(fit)
    last = interruptions.calls
    for number in range(last // 2, last, last // 4):
        once = interruptions.during(fit, number)
        twice = interruptions.during(fit, number, start=once.theta)
        assert name in AT_HELD_NODES or twice.llf >= once.llf - 1e-6
        ended = interruptions.during(fit, start=twice.theta)
        assert ended.status == "converged" and ended.llf == pytest.approx(whole.llf, rel=1e-9)
        np.testing.assert_allclose(ended.params, whole.params, rtol=1e-4)
        if name != "nonlinear":  # whose first line follows a whole turn
            assert ended.history["llf"].iloc[0] == pytest.approx(twice.llf, abs=1e-6)


@pytest.mark.parametrize("name", ["linear", "logit", "nonlinear"])
def test_a_second_interruption_goes_through(name, interruptions):
    interruptions.during(FITS[name])
    last = interruptions.calls
    interruptions.during(FITS[name], last)
    assert interruptions.calls > last  # something is computed from the state that is left
    with pytest.raises(KeyboardInterrupt):
        interruptions.during(FITS[name], last, last + 1)


def test_standard_errors_are_those_at_hand(interruptions, monkeypatch):
    """Near the maximum those of the whole fit; none where they take a Hessian that there is not yet."""
    whole = interruptions.during(FITS["linear"])
    np.testing.assert_allclose(interruptions.during(FITS["linear"], interruptions.calls).bse, whole.bse, rtol=1e-6)
    interruptions.during(FITS["robust"])
    robust = interruptions.during(FITS["robust"], interruptions.calls)
    assert np.all(np.isnan(robust.bse)) and "start=fit.theta" in str(robust)
    monkeypatch.setattr(climb_generalized, "LARGE", -1)
    interruptions.during(FITS["secant"])
    late = [interruptions.during(FITS["secant"], number) for number in range(5, interruptions.calls)]
    assert any(np.all(np.isnan(fit.bse)) for fit in late) and np.all(np.isfinite(late[-1].bse))
    assert "start=fit.theta" in str(late[0])


@pytest.mark.parametrize("name", ["linear", "grid", "true"])
def test_a_saved_interrupted_fit_goes_on(name, interruptions, tmp_path):
    whole = interruptions.during(FITS[name])
    found = interruptions.during(FITS[name], interruptions.calls // 2)
    found.save(tmp_path / "fit.mejax")
    again = me.load(tmp_path / "fit.mejax")
    assert again.status == "interrupted" and str(again) == str(found)
    pd.testing.assert_frame_equal(again.history, found.history)
    assert interruptions.during(FITS[name], start=again.theta).llf == pytest.approx(whole.llf, rel=1e-9)


def test_a_model_without_random_effects(interruptions):
    fit = lambda **options: me.melogit(
        "union age", small(datasets.load("nlswork"), "idcode", 30), nolog=True, **options
    )
    whole = interruptions.during(fit)
    found = interruptions.during(fit, 3)
    assert found.status == "interrupted" and found.llf <= whole.llf
    ended = interruptions.during(fit, start=found.theta)
    assert ended.llf == pytest.approx(whole.llf, rel=1e-12)
    assert ended.history["llf"].iloc[0] == pytest.approx(found.llf, rel=1e-12)


SLOWED = """
import time
from mejax import datasets, me
from mejax.fitting import climb

evaluate = climb.evaluate

def slowly(*arguments, **options):
    time.sleep(0.2)
    return evaluate(*arguments, **options)

climb.evaluate = slowly
fit = me.mixed("weight week || id: week, covariance(unstructured)", datasets.load("pig"))
print(fit.status, len(fit.history))
print(fit)
"""


def test_ctrl_c():
    """Lines come as they happen, and the signal leaves the state."""
    process = subprocess.Popen(
        [sys.executable, "-c", SLOWED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("Iteration 1"):
            process.send_signal(signal.SIGINT)
            break
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0 and "Traceback" not in err
    assert out.startswith("interrupted 2\n") and "Warning: interrupted" in out


# --------------------------------------------------------------------------------------------------------- the log


class Time:
    """A clock that is moved by hand."""

    def __init__(self, patch: pytest.MonkeyPatch):
        self.now = 1000.0
        patch.setattr(progress.time, "monotonic", lambda: self.now)


@pytest.fixture
def moved(monkeypatch):
    return Time(monkeypatch)


def lines_after(moved: Time, *gaps: float) -> list[str]:
    """The lines of a climb, each so many seconds after the one before."""
    lines: list[str] = []
    log = progress.Progress(lines.append, "Log likelihood")
    for number, gap in enumerate(gaps):
        moved.now += gap
        log.step(
            Step(number, -868.961854321, "(backed up)" if number == 1 else "", None if number == 0 else 0.0123), None
        )
    return lines


def test_short_fits_have_the_classic_log(moved):
    lines = lines_after(moved, 60.0, 1.5, 0.1)  # the first evaluation compiles
    assert lines[0] == "Iteration 0:  Log likelihood = -868.96185"
    assert lines[1] == "Iteration 1:  Log likelihood = -868.96185  (backed up)"
    assert lines[2] == "Iteration 2:  Log likelihood = -868.96185"


def test_long_fits_show_time_gradient_and_memory(moved):
    tail = r"  \[{} s, gradient 1\.2e-02, \d+\.\d\d GiB(, \d+\.\d\d GiB on the device)?\]$"
    lines = lines_after(moved, 4.0, 2.5, 0.1)  # an iteration was slow
    assert lines[0].endswith("-868.96185")
    assert re.search(r"\(backed up\)" + tail.format(r"6\.5"), lines[1])
    assert re.search(r"-868\.96185" + tail.format(r"6\.6"), lines[2])
    lines = lines_after(moved, 4.0, *[1.0] * 7)  # many quick ones
    assert all(line.endswith(("-868.96185", "(backed up)")) for line in lines[:6])
    assert all(re.search(tail.format(r"1\d\.0"), line) for line in lines[6:])


def test_the_stages_of_a_fit_share_a_clock(moved):
    lines: list[str] = []
    search = progress.Search.of(lines.append, "Log likelihood")
    search.null.step(Step(0, -1.0), None)
    moved.now += 3.0
    search.null.step(Step(1, -1.0), None)
    moved.now += 30.0
    search.full.line("Grid node 0", -1.0, first=True)
    assert "[" not in lines[0]
    assert re.search(r"\[3\.0 s, ", lines[1]) and re.search(r"^Grid node 0: .*\[33\.0 s, ", lines[2])


def test_memory_is_that_of_the_process():
    block = np.ones(2**27, np.uint8)
    (used, *_) = progress.memory()
    assert used.endswith(" GiB") and float(used.split()[0]) > block.nbytes / 2**30


# ---------------------------------------------------------------------------------------------------------- afterwards


def test_an_interrupted_profile_keeps_what_is_done(monkeypatch):
    from mejax.post.resampling import profile as module

    fit = mixed()()
    usual, begun = module.profile_curve, []

    def second_is_stopped(*arguments: Any) -> Any:
        begun.append(1)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return usual(*arguments)

    monkeypatch.setattr(module, "profile_curve", second_is_stopped)
    found = fit.profile(list(fit.params.index[:2]))
    assert len(found.table) == 1 and set(found.curves["parameter"]) == set(found.table.index)
    assert "Note: interrupted; 1 of 2 parameters were done" in str(found)
    begun[:] = [1]
    with pytest.raises(KeyboardInterrupt):
        fit.profile(list(fit.params.index[:2]))
