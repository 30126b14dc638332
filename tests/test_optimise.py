"""The Newton-Raphson climb on functions whose maximum is known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from mejax.optimise import EXACT, Maximum, Settings, Step, maximise, newton_direction


@dataclass(frozen=True)
class Point:
    v: Any
    value: float
    gradient: Any
    hessian: Any


class Function:
    """An objective with a count of its evaluations."""

    def __init__(self, value: Callable, gradient: Callable, hessian: Callable):
        self.parts = value, gradient, hessian
        self.seen: list[np.ndarray] = []

    def __call__(self, v: np.ndarray) -> Point:
        v = np.asarray(v, float)
        self.seen.append(v)
        value, gradient, hessian = (part(v) for part in self.parts)
        return Point(v, float(value), np.atleast_1d(gradient), np.atleast_2d(hessian))


def quadratic(top, curvature) -> Function:
    top, curvature = np.asarray(top, float), np.asarray(curvature, float)
    return Function(
        lambda v: 7.0 - 0.5 * (v - top) @ curvature @ (v - top),
        lambda v: -curvature @ (v - top),
        lambda v: -curvature,
    )


def bump() -> Function:
    """exp(-v^2 / 2): concave only where |v| < 1."""
    f = lambda v: np.exp(-0.5 * v[0] ** 2)
    return Function(f, lambda v: -v * f(v), lambda v: (v**2 - 1) * f(v))


def climb(function, start, logs=None, **settings) -> Maximum:
    return maximise(function, np.asarray(start, float), Settings(**settings), lambda step, at: None, logs)


CURVATURE = np.array([[4.0, 1.0, 0.0], [1.0, 3.0, -0.5], [0.0, -0.5, 2.0]])


def test_a_parabola_takes_one_step():
    function = quadratic([1, -2, 3], CURVATURE)
    found = climb(function, [10, 10, 10])
    assert found.status == "converged"
    np.testing.assert_allclose(found.at.v, [1, -2, 3], rtol=1e-12)
    assert [step.iteration for step in found.history] == [0, 1]
    assert found.history[-1].value == pytest.approx(7.0, rel=1e-14) and len(function.seen) == 2


def test_a_start_at_the_maximum_takes_none():
    found = climb(quadratic([1, -2, 3], CURVATURE), [1, -2, 3])
    assert found.status == "converged" and len(found.history) == 1


def test_nothing_to_climb():
    found = climb(Function(lambda v: 3.0, lambda v: np.zeros(0), lambda v: np.zeros((0, 0))), [])
    assert found.status == "converged" and found.history == (Step(0, 3.0, gradient=0.0),)


def test_steps_are_reported_as_they_happen():
    function, lines = quadratic([1, -2, 3], CURVATURE), []
    maximise(function, np.zeros(3), Settings(), lambda step, at: lines.append((step.iteration, len(function.seen))))
    assert lines == [(0, 1), (1, 2)]


def test_a_start_that_is_not_concave_is_marked():
    found = climb(bump(), [1.7])
    assert found.status == "converged" and abs(found.at.v[0]) < 1e-6
    assert found.history[1].remark == "(not concave)" and found.history[-1].remark == ""
    assert all(b.value > a.value for a, b in zip(found.history, found.history[1:], strict=False))


@pytest.mark.parametrize("difficult", [False, True])
def test_a_saddle_is_left(difficult):
    """v = (0.1, 0.5): curved upwards in the first direction, downwards in the second; maxima at (+-1, 0)."""
    function = Function(
        lambda v: v[0] ** 2 - 0.5 * v[0] ** 4 - v[1] ** 2,
        lambda v: np.array([2 * v[0] - 2 * v[0] ** 3, -2 * v[1]]),
        lambda v: np.diag([2 - 6 * v[0] ** 2, -2.0]),
    )
    found = climb(function, [0.1, 0.5], difficult=difficult)
    assert found.status == "converged" and found.history[1].remark.startswith("(not concave)")
    np.testing.assert_allclose(np.abs(found.at.v), [1, 0], atol=1e-7)


def test_a_step_too_long_is_halved():
    """-sqrt(1 + v^2): from far away the full step lands further away on the other side."""
    function = Function(
        lambda v: -np.sqrt(1 + v[0] ** 2),
        lambda v: -v / np.sqrt(1 + v**2),
        lambda v: -((1 + v**2) ** -1.5),
    )
    found = climb(function, [2.0])
    assert found.status == "converged" and abs(found.at.v[0]) < 1e-5
    assert found.history[1].remark == "(backed up)" and found.history[-1].remark == ""
    assert abs(function.seen[1][0]) == pytest.approx(8.0)  # 2 - 2 (1 + 4): tried, and refused


def test_where_the_function_is_not_defined_steps_are_halved():
    function = Function(
        lambda v: np.log(v[0]) - v[0] if v[0] > 0 else np.nan,
        lambda v: 1 / v - 1,
        lambda v: -1 / v**2,
    )
    found = climb(function, [2.5])
    assert found.status == "converged" and found.at.v[0] == pytest.approx(1.0, rel=1e-6)
    assert any(v[0] <= 0 for v in function.seen) and found.history[1].remark == "(backed up)"


def test_a_start_without_a_value():
    found = climb(Function(lambda v: np.nan, lambda v: v, lambda v: np.eye(1)), [1.0])
    assert found.status == "not_converged" and found.history == ()


def test_iterations_are_limited():
    found = climb(bump(), [1.7], iterations=1)
    assert found.status == "not_converged" and [step.iteration for step in found.history] == [0, 1]
    assert climb(bump(), [1.7], iterations=0).status == "not_converged"


def test_a_function_without_a_maximum():
    """log v: every Newton step doubles v, and the gain expected stays the same."""
    found = climb(Function(lambda v: np.log(v[0]), lambda v: 1 / v, lambda v: -1 / v**2), [1.0], iterations=5)
    assert found.status == "not_converged" and found.at.v[0] == pytest.approx(2.0**5)


def test_a_slope_without_any_curvature():
    found = climb(Function(lambda v: v[0], lambda v: np.ones(1), lambda v: np.zeros((1, 1))), [0.0], iterations=5)
    assert found.status == "not_converged" and np.isfinite(found.at.v).all()


def test_an_interruption_goes_through_and_the_best_point_so_far_was_reported():
    function, seen = bump(), []

    def interrupted(v):
        if len(function.seen) == 4:
            raise KeyboardInterrupt
        return function(v)

    with pytest.raises(KeyboardInterrupt):
        maximise(interrupted, np.array([1.7]), Settings(), lambda step, at: seen.append((step.value, at)))
    assert len(seen) >= 2
    assert seen[-1][1].value == seen[-1][0] == max(value for value, _ in seen)


@pytest.mark.parametrize("secant", [False, True])
def test_the_gradient_is_reported_in_standard_errors(secant):
    """Its square is the gain of a whole Newton step, twice what the value gains on a parabola."""
    found = climb(quadratic([1, -2, 3], CURVATURE), [10, 10, 10], secant=secant)
    first, last = found.history[0], found.history[-1]
    if secant:  # the first line does not wait for a Hessian
        assert first.gradient is None
    else:
        assert first.gradient == pytest.approx(np.sqrt(2 * (last.value - first.value)), rel=1e-12)
    assert last.gradient == pytest.approx(0.0, abs=1e-6)
    units = np.array([1e-6, 1.0, 1e3])
    curvature = CURVATURE * np.outer(units, units)
    other = climb(quadratic(np.array([1, -2, 3]) / units, curvature), np.full(3, 10.0) / units)
    assert other.history[0].gradient == pytest.approx(
        climb(quadratic([1, -2, 3], CURVATURE), [10, 10, 10]).history[0].gradient
    )


def test_coordinates_maximised_in_closed_form_are_followed():
    """The objective may return another point than it was asked for: the climb goes on from there."""
    inner = quadratic([1.0, 5.0], np.eye(2))

    def profiled(v):
        return inner(np.array([v[0], 5.0]))

    found = climb(profiled, [9.0, -100.0])
    assert found.at.v.tolist() == [1.0, 5.0] and len(found.history) == 2


# --------------------------------------------------------------------------------------------------- directions


def random_problem(seed: int, concave: bool):
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    values = np.array([0.5, 1.0, 2.0, 5.0]) * (1 if concave else np.array([1, -1, 1, -1]))
    return rng.normal(size=4), -(rotation * values) @ rotation.T


@pytest.mark.parametrize("seed", range(4))
def test_newtons_direction_where_the_function_is_concave(seed):
    gradient, hessian = random_problem(seed, True)
    for difficult in (False, True):
        direction, gain, concave = newton_direction(gradient, hessian, difficult)
        expected = -np.linalg.solve(hessian, gradient)
        np.testing.assert_allclose(direction, expected, rtol=1e-10)
        assert concave and gain == pytest.approx(gradient @ expected, rel=1e-10)


@pytest.mark.parametrize("difficult", [False, True])
@pytest.mark.parametrize("concave", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_directions_do_not_depend_on_units(seed, concave, difficult):
    """With v = unit * w the direction in w is that in v over the units; gain and verdict are the same."""
    gradient, hessian = random_problem(seed, concave)
    unit = np.array([1e-6, 1.0, 1e3, 1e8])
    direction, gain, verdict = newton_direction(gradient, hessian, difficult)
    scaled = newton_direction(gradient * unit, hessian * np.outer(unit, unit), difficult)
    np.testing.assert_allclose(scaled[0] * unit, direction, rtol=1e-7)
    assert (scaled[1], scaled[2]) == (pytest.approx(gain, rel=1e-7), verdict)
    assert gain > 0


def test_flat_directions_give_long_but_finite_steps():
    direction, gain, _ = newton_direction(np.array([1.0, 1.0]), -np.array([[1.0, 1.0], [1.0, 1.0]]))
    assert np.isfinite(direction).all() and gain > 0
    zeros = newton_direction(np.zeros(2), np.zeros((2, 2)))
    assert np.array_equal(zeros[0], np.zeros(2)) and zeros[1] == 0


def test_no_parameters():
    direction, gain, concave = newton_direction(np.zeros(0), np.zeros((0, 0)))
    assert (len(direction), gain, concave) == (0, 0.0, True) and gain < EXACT


# --------------------------------------------------------------------------------------------- steps on a log scale


def log_parabola(top: float, curvature: float = 4.0) -> Function:
    """A parabola in log |v|."""
    return Function(
        lambda v: -0.5 * curvature * np.log(abs(v[0]) / top) ** 2,
        lambda v: -curvature * np.log(np.abs(v) / top) / v,
        lambda v: curvature * (np.log(np.abs(v) / top) - 1) / v**2,
    )


@pytest.mark.parametrize("sign", [1, -1])
def test_a_parabola_in_the_logarithm_takes_one_multiplicative_step(sign):
    """A scale whose sign is arbitrary keeps it; many standard errors from zero, steps are factors."""
    function = log_parabola(2.0, curvature=400.0)
    found = climb(function, [sign * 1.5], logs=np.array([True]))
    assert found.status == "converged"
    np.testing.assert_allclose(found.at.v, [sign * 2.0], rtol=1e-9)
    assert len(found.history) == 2
    assert len(climb(log_parabola(2.0, 400.0), [1.5]).history) > 3  # additive steps need more


def test_multiplicative_steps_are_bounded():
    """From far below, a step multiplies by e^2 at most."""
    function = log_parabola(1.0, curvature=400.0)
    found = climb(function, [1e-3], logs=np.array([True]))
    factors = [b / a for a, b in zip((v[0] for v in function.seen), (v[0] for v in function.seen[1:]), strict=False)]
    assert found.status == "converged" and found.at.v[0] == pytest.approx(1.0, rel=1e-7)
    assert max(factors) <= np.exp(2) * (1 + 1e-12)


def test_near_zero_a_scale_moves_additively_and_may_pass_it():
    """Within a few standard errors of zero there is no telling the sign: the step is Newton's own."""
    found = climb(quadratic([-0.5], [[1.0]]), [0.5], logs=np.array([True]))
    np.testing.assert_allclose(found.at.v, [-0.5], rtol=1e-12)
    assert len(found.history) == 2
