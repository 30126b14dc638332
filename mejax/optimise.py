"""Newton-Raphson on an exact Hessian, driven from the host so that the log appears as it happens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ._status import Status


@runtime_checkable
class Evaluated(Protocol):
    """What the objective returns: the point (it may have moved along closed-form coordinates), value, derivatives."""

    @property
    def v(self) -> Any: ...

    @property
    def value(self) -> Any: ...

    @property
    def gradient(self) -> Any: ...

    @property
    def hessian(self) -> Any: ...


@dataclass(frozen=True)
class Settings:
    """Stopping rules.  `tolerance` bounds g'(-H)^-1 g, twice the gain still expected, before the last step.

    `held` says that derivatives hold something that the value adapts (quadrature nodes), so that near the maximum a
    step may lose a little: it is then judged by the gain that the derivatives expect afterwards.
    `secant` is for Hessians that cost much more than gradients: an exact one where the climb begins and wherever a step
    fails, in between the update of Broyden, Fletcher, Goldfarb and Shanno (1970).
    """

    iterations: int = 300
    tolerance: float = 1e-8
    halvings: int = 30
    difficult: bool = False
    held: bool = False
    secant: bool = False


EXACT = 1e-13  # expected gains below this need no further step
GAIN = 1e-6  # expected gains below this need not be seen in the value
SUFFICIENT = 1e-4  # share of the expected gain that a step must bring
ROUNDING = 1e-12  # of the value
SLOPE = 1.0  # most that the value may lose over a standard error where the gradient at held nodes vanishes
SHORT = 10  # halvings after which no loss is put down to rounding
SURE = 3.0  # standard deviations this many standard errors from zero are climbed on the log scale


@dataclass(frozen=True)
class Step:
    """One line of the iteration log.

    `gradient` is the length of the gradient in standard errors, sqrt(g' (-H)^-1 g), whose square is what `tolerance`
    bounds; where the Hessian is not negative definite, with its eigenvalues' absolute values.  H is the Hessian at the
    point or, with secant steps, the latest model of it.  None where there is no Hessian yet.
    """

    iteration: int
    value: float
    remark: str = ""
    gradient: float | None = None


@dataclass(frozen=True)
class Maximum:
    """Where the search ended: the last evaluation, the status and the log."""

    at: Any
    status: Status
    history: tuple[Step, ...] = field(default=())


def maximise(
    objective: Callable[[np.ndarray], Evaluated],
    start: np.ndarray,
    settings: Settings,
    report: Callable[[Step, Evaluated], None],
    logs: np.ndarray | None = None,
) -> Maximum:
    """Climb from `start`; `report` gets every line of the log, as it happens, with the point reached.

    An interruption (Ctrl-C) goes through: whoever heard the reports holds the best point so far.
    Where the Hessian is not negative definite the direction is that of its modified eigenvalues ("(not concave)");
    a step that does not gain is halved ("(backed up)").  When the gain expected falls below the tolerance the Newton
    step is still taken, so that the point returned has quadratically smaller error than the test demands.
    `logs` marks positive-or-negative scale parameters, for which steps are multiplicative once they are clearly not
    zero: the likelihood is closer to a parabola in their logarithms.
    """
    log = _Log(report)
    logs = np.zeros(len(start), bool) if logs is None else logs
    here = objective(start)
    if not np.isfinite(here.value):
        return Maximum(here, Status.NOT_CONVERGED)
    log(here, 0, "", None if settings.secant else _Model.exact(here, logs))
    status = Status.NOT_CONVERGED
    model: _Model | None = None
    for iteration in range(1, settings.iterations + 1):
        secant = model is not None
        model = _Model.exact(here, logs) if model is None else model
        move = _Move(here, model, settings.difficult)
        if move.concave and move.gain < EXACT:
            status = Status.CONVERGED
            break
        small = move.concave and move.gain < settings.tolerance
        there, halved = _climb(objective, here, move, settings, tries=2 if small else 1 if secant else None)
        if there is None and secant and not small:
            model = None
            continue
        if there is None:
            status = Status.CONVERGED if small or move.gain < GAIN else Status.NOT_CONVERGED
            break
        updated = model.updated(here, there) if settings.secant and move.concave and not halved else None
        here, latest = there, updated or model
        remark = "" if move.concave else "(not concave)"
        remark = remark or ("(backed up)" if halved else "")
        log(here, iteration, remark, latest if settings.secant else _Model.exact(here, logs))
        model = updated
        if small:
            status = Status.CONVERGED
            break
    return Maximum(here, status, tuple(log.history))


class _Log:
    """Writes the lines and reports them."""

    def __init__(self, report: Callable[[Step, Evaluated], None]):
        self.history: list[Step] = []
        self._report = report

    def __call__(self, here: Evaluated, iteration: int, remark: str, model: "_Model | None") -> None:
        step = Step(iteration, float(here.value), remark, None if model is None else model.length(here))
        self.history.append(step)
        self._report(step, here)


@dataclass(frozen=True)
class _Model:
    """A quadratic model of the objective: its Hessian in the logs of the elements marked, in the others as they are."""

    logs: np.ndarray
    hessian: np.ndarray

    @staticmethod
    def exact(here: Evaluated, logs: np.ndarray) -> "_Model":
        """From the exact derivatives; of the elements that `logs` allows those are marked that are clearly not zero."""
        v, gradient, hessian = np.asarray(here.v), np.asarray(here.gradient), np.asarray(here.hessian)
        logs = logs & (np.abs(v) * np.sqrt(np.abs(np.diag(hessian))) > SURE)
        scale = np.where(logs, v, 1.0)
        return _Model(logs, hessian * np.outer(scale, scale) + np.diag(np.where(logs, v * gradient, 0.0)))

    def slope(self, here: Evaluated) -> np.ndarray:
        return np.asarray(here.gradient) * np.where(self.logs, np.asarray(here.v), 1.0)

    def length(self, here: Evaluated) -> float | None:
        """That of the gradient in standard errors; None where derivatives are not finite."""
        slope = self.slope(here)
        if not (np.all(np.isfinite(slope)) and np.all(np.isfinite(self.hessian))):
            return None
        return float(np.sqrt(max(newton_direction(slope, self.hessian)[1], 0.0)))

    def updated(self, here: Evaluated, there: Evaluated) -> "_Model | None":
        """The secant update of a negative definite Hessian; None where the gradients show no such curvature."""
        ratio = np.where(self.logs, np.asarray(there.v) / np.where(self.logs, np.asarray(here.v), 1.0), 1.0)
        step = np.where(self.logs, np.log(np.abs(ratio)), np.asarray(there.v) - np.asarray(here.v))
        change = self.slope(there) - self.slope(here)
        if not step @ change < 0:
            return None
        pushed = self.hessian @ step
        hessian = self.hessian - np.outer(pushed, pushed) / (step @ pushed) + np.outer(change, change) / (step @ change)
        return _Model(self.logs, hessian)


class _Move:
    """A Newton step from an evaluated point: additive, or multiplicative in the elements climbed on the log scale."""

    def __init__(self, here: Evaluated, model: _Model, difficult: bool):
        self.v, self.logs, self.model = np.asarray(here.v), model.logs, model
        self.direction, self.gain, self.concave = newton_direction(model.slope(here), model.hessian, difficult)

    def to(self, step: float) -> np.ndarray:
        change = step * self.direction
        return np.where(self.logs, self.v * np.exp(np.clip(change, -2.0, 2.0)), self.v + change)


def newton_direction(gradient: np.ndarray, hessian: np.ndarray, difficult: bool = False):
    """(direction, gain expected g'd, was the Hessian negative definite?); see `newton_directions`."""
    direction, gain, concave = newton_directions(gradient[None], hessian[None], difficult)
    return direction[0], float(gain[0]), bool(concave[0])


def newton_directions(
    gradient: np.ndarray, hessian: np.ndarray, difficult: bool = False
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions (B, m), gains expected (B,) and whether each Hessian (B, m, m) was negative definite.

    Rows and columns are scaled by the curvature first, so that the test for definiteness is free of units.
    `difficult` takes steepest ascent, in those units, in the directions that are not concave.
    """
    if gradient.shape[1] == 0:
        return gradient, np.zeros(len(gradient)), np.ones(len(gradient), bool)
    curvature = np.abs(np.diagonal(hessian, axis1=1, axis2=2))
    top = np.max(curvature, axis=1, keepdims=True)
    scale = np.where(top > 0, 1.0 / np.sqrt(np.maximum(curvature, np.where(top > 0, 1e-30 * top, 1.0))), 1.0)
    values, vectors = np.linalg.eigh(-hessian * scale[:, :, None] * scale[:, None, :])
    concave = values[:, 0] > -1e-10 * np.maximum(values[:, -1], 1e-300)
    largest = np.max(np.abs(values), axis=1, keepdims=True)
    largest = np.where(largest > 0, largest, 1.0)
    size = np.maximum(np.abs(values), 1e-7 * largest)
    if difficult:
        size = np.where(concave[:, None] | (values > 1e-7 * largest), size, largest)
    rotated = np.einsum("bji,bj->bi", vectors, gradient * scale)
    direction = scale * np.einsum("bij,bj->bi", vectors, rotated / size)
    return direction, np.einsum("bi,bi->b", gradient, direction), concave


def _nearer(here: Evaluated, there: Evaluated, move: _Move, settings: Settings) -> bool:
    """Has the gain that derivatives expect become much smaller, at a loss that they cannot see?

    Where their gradient vanishes the value still slopes, because what they hold moves: a step of s standard errors,
    s^2 = `move.gain`, changes it in proportion to s.
    """
    model = move.model if settings.secant else _Model.exact(there, np.zeros(len(move.v), bool))
    after = _Move(there, model, False)
    nearer = move.concave and after.concave and after.gain < 0.5 * move.gain
    return bool(nearer and there.value >= here.value - max(move.gain, SLOPE * np.sqrt(move.gain)))


def _is_finite(there: Evaluated, settings: Settings) -> bool:
    """Can the climb go on from here?  With secant steps Hessians are seldom asked for, and dear."""
    finite = np.isfinite(there.value) and np.all(np.isfinite(there.gradient))
    return bool(finite and (settings.secant or np.all(np.isfinite(there.hessian))))


def _climb(objective, here, move: _Move, settings: Settings, tries: int | None):
    """The first point along the direction that gains enough; `tries` is 2 for the last step, which may gain nothing."""
    slack = ROUNDING * (1.0 + abs(float(here.value)))
    step = 1.0
    for halving in range(settings.halvings if tries is None else tries):
        there = objective(move.to(step))
        # short steps must gain: rounding would let them creep on for ever where the value does not follow the slope
        spare = slack if halving < SHORT else 0.0
        enough = -spare if tries == 2 or move.gain < GAIN else SUFFICIENT * step * move.gain - spare
        if _is_finite(there, settings):
            if there.value - here.value >= enough or (settings.held and _nearer(here, there, move, settings)):
                return there, halving > 0
        step *= 0.5
    return None, True
