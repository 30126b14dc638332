"""Profile likelihoods: the maximum where one printed parameter is held."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from .._tree import to_host
from ..covstruct import FreeVariances
from ..glmm import GeneralizedModel
from ..lmm import LinearModel, evaluate, with_coefficient
from ..optimise import Settings, maximise, newton_direction
from .climb_generalized import Objective
from .estimates import Estimates

_STEPS = 60
FARTHEST = 1.0  # that a logarithm is moved in one step
_CLOSE = 1e-7
_NEAR = 1e-3  # the same of an iterative fit, whose likelihood has small steps within its Monte Carlo error
_VANISHING = 1e-8  # of an estimated variance: where its profile is flat down to here, the limit is zero


class Constraint(NamedTuple):
    """A function of v that is held: its value, gradient and Hessian."""

    value: float
    gradient: np.ndarray
    hessian: np.ndarray


@dataclass
class Curve:
    """The profile of one parameter: where the signed root sign(c - estimate) sqrt(2 {log L - log L(c)}) has a value.

    `log` says that the parameter is positive and looked at on the log scale; `close` how near to the root aimed at, in
    proportion, is near enough.  Points found are kept.
    """

    label: str
    estimate: float
    se: float
    log: bool
    maximum: float
    at: Callable[[float, Any], tuple[float, Any]]
    found: dict[float, tuple[float, Any]]
    close: float = _CLOSE

    def limit(self, target: float) -> float:
        """The value of the parameter whose signed root is `target`: 0 for a positive one where the profile does not
        fall so far; NaN where the search fails, infinite where there is no limit."""
        here, (root, _) = min(self.found.items(), key=lambda known: abs(known[1][0] - target))
        step = (target - root) * self._scaled_se()
        for _ in range(_STEPS):
            there = here + step
            if self.log and there < self._scaled(self.estimate) + math.log(_VANISHING):
                return 0.0
            if step == 0.0:
                return self._natural(here)
            found = self._at(there)[0]
            if math.isnan(found):
                step *= 0.5
                if abs(step) < 1e-6 * self._scaled_se():
                    return math.nan
                continue
            if abs(found - target) < self.close * abs(target):
                return self._natural(there)
            slope = (found - root) / (there - here)
            here, root = there, found
            if not slope > 0:
                return math.nan
            most = 3.0 * abs(target) * self._scaled_se()
            step = min(max((target - found) / slope, -most), most)
            if abs(here - self._scaled(self.estimate)) > 1e3 * abs(target) * self._scaled_se():
                return math.inf if target > 0 else 0.0 if self.log else -math.inf
        return math.nan

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else value

    def _natural(self, scaled: float) -> float:
        return math.exp(scaled) if self.log else scaled

    def _scaled_se(self) -> float:
        return self.se / self.estimate if self.log else self.se

    def _at(self, scaled: float) -> tuple[float, Any]:
        """(signed root, where the climb ended), begun at the nearest point that is known."""
        if scaled not in self.found:
            nearest = min(self.found, key=lambda known: abs(known - scaled))
            value, point = self.at(self._natural(scaled), self.found[nearest][1])
            drop = 2.0 * (self.maximum - value)
            root = math.nan
            if math.isfinite(drop) and drop > -1e-6 * (1.0 + abs(self.maximum)):
                root = math.copysign(math.sqrt(max(drop, 0.0)), scaled - self._scaled(self.estimate))
            if math.isnan(root):
                return root, point
            self.found[scaled] = (root, point)
        return self.found[scaled]


def profile_curve(estimates: Estimates, place: int, label: str) -> Curve:
    """The profile of the printed parameter at this place; call inside double precision.

    Raises:
        ValueError: the parameter has no standard error to begin from.
    """
    estimate = float(estimates.printed[place])
    se = math.sqrt(max(float(np.nan_to_num(estimates.covariance[place, place])), 0.0))
    if not se > 0:
        raise ValueError(
            f"profile: `{label}` has no standard error (it is held, or lies at the boundary), so that there is no "
            "curve to follow"
        )
    fixed = len(estimates.coefficients) + len(estimates.ancillary)
    log = place >= fixed and estimates.component_info[place - fixed].kind == "var"
    begin = np.asarray(estimates.v)
    if isinstance(estimates.model, LinearModel) and place < len(estimates.coefficients):
        at = _coefficient(estimates, place)
    else:
        at = _component(estimates, place, log)
    scaled = math.log(estimate) if log else estimate
    close = _CLOSE if estimates.monte_carlo is None else _NEAR
    return Curve(label, estimate, se, log, estimates.llf, at, {scaled: (0.0, begin)}, close)


def _coefficient(estimates: Estimates, place: int) -> Callable:
    """A coefficient of a linear model: the others and the variances are free."""
    model = estimates.model
    row, offset = np.asarray(model.basis)[place], float(np.asarray(model.offset)[place])
    options = Settings(held=estimates.monte_carlo is not None)

    def at(value: float, start: np.ndarray) -> tuple[float, np.ndarray]:
        moved = with_coefficient(model, row, value - offset)
        start = np.where(start == 0.0, 1e-3, start)
        found = maximise(lambda v: to_host(evaluate(moved, v)), start, options, lambda step, at: None)
        if not found.status.ok:
            return math.nan, start
        return float(found.at.value), np.asarray(found.at.v)

    return at


def _component(estimates: Estimates, place: int, log: bool) -> Callable:
    """Anything printed, as a function of v that is held."""
    model = estimates.model
    if isinstance(model, LinearModel):
        variances = model.variances
        model = replace(model, variances=variances.unprofiled()) if isinstance(variances, FreeVariances) else model
        which = place - len(estimates.coefficients)
        objective: Callable = lambda v: to_host(evaluate(model, v))
        printed = lambda v: to_host(_natural(model.variances, v))
    else:
        objective, which = Objective(model), place
        printed = lambda v: to_host(_all_printed(model, v))

    def held(v: np.ndarray) -> Constraint:
        value, gradient, hessian = (np.asarray(part)[which] for part in printed(v))
        if not log:
            return Constraint(float(value), gradient, hessian)
        slope = gradient / value
        return Constraint(math.log(value) if value > 0 else -math.inf, slope, hessian / value - np.outer(slope, slope))

    def at(value: float, start: np.ndarray) -> tuple[float, np.ndarray]:
        start = np.where(start == 0.0, 1e-3, start)
        return constrained_maximum(objective, held, math.log(value) if log else value, start, multiplied=log)

    return at


@eqx.filter_jit
def _natural(variances, v):
    return variances.natural(v), jax.jacfwd(variances.natural)(v), jax.hessian(variances.natural)(v)


@eqx.filter_jit
def _all_printed(model: GeneralizedModel, v):
    return model.printed(v), jax.jacfwd(model.printed)(v), jax.hessian(model.printed)(v)


def constrained_maximum(
    objective: Callable, held: Callable[[np.ndarray], Constraint], target: float, start: np.ndarray,
    multiplied: bool = False,
) -> tuple[float, np.ndarray]:  # fmt: skip
    """(the maximum of `objective` where `held` is at `target`, where it lies); NaN where it was not found.

    Sequential quadratic programming: a step along the constraint's normal, in the metric of the Hessian, and a Newton
    step in its tangent space.  There is no merit function: a search that does not end is given up.  `multiplied` says
    that what is held is a logarithm, which is a straight line over a short way only.
    """
    v, multiplier = np.array(start, float), 0.0
    here, g = objective(v), held(v)
    for _ in range(_STEPS):
        hessian = np.asarray(here.hessian) - multiplier * g.hessian
        aim = g.value + min(max(target - g.value, -FARTHEST), FARTHEST) if multiplied else target
        step, gain, multiplier = _kkt(np.asarray(here.gradient), hessian, g, aim)
        there, taken = _shortened(objective, v, step)
        if there is None:
            return math.nan, v
        v, here = v + taken * step, there
        g = held(v)
        off = abs(g.value - target) / (1.0 + abs(target))
        if off < 1e-11 and gain < 1e-10 and taken == 1.0:
            return float(here.value), v
    return math.nan, v


def _kkt(gradient: np.ndarray, hessian: np.ndarray, g: Constraint, target: float) -> tuple[np.ndarray, float, float]:
    """(step, the gain expected of its part in the tangent space, the multiplier)."""
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    normal = g.gradient * scale
    length = float(np.linalg.norm(normal))
    basis = np.linalg.qr(np.column_stack([normal / length, np.eye(len(normal))]))[0][:, 1:]
    along = normal * (target - g.value) / length**2
    scaled = (hessian * scale).T * scale
    reduced = basis.T @ scaled @ basis
    slope = basis.T @ (gradient * scale + scaled @ along)
    direction, _, _ = newton_direction(slope, reduced)
    step = along + basis @ direction
    multiplier = float(normal @ (gradient * scale + scaled @ step)) / length**2
    tangent = basis.T @ (gradient * scale)
    gain = float(abs(tangent @ newton_direction(tangent, reduced)[0]))
    return scale * step, gain, multiplier


def _shortened(objective: Callable, v: np.ndarray, step: np.ndarray) -> tuple[Any, float]:
    """The first point along the step where the criterion is finite."""
    taken = 1.0
    for _ in range(20):
        there = objective(v + taken * step)
        if np.isfinite(there.value) and np.all(np.isfinite(np.asarray(there.gradient))):
            return there, taken
        taken *= 0.5
    return None, taken
