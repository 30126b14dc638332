"""Newton-Raphson on an exact Hessian, driven from the host so that the log appears as it happens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ._status import Status


class Evaluated(Protocol):
    """What the objective returns: the point (it may have moved along closed-form coordinates), value, derivatives."""

    v: Any
    value: Any
    gradient: Any
    hessian: Any


@dataclass(frozen=True)
class Settings:
    """Stopping rules.  `tolerance` bounds g'(-H)^-1 g, twice the gain still expected, before the last step."""

    iterations: int = 300
    tolerance: float = 1e-8
    halvings: int = 30
    difficult: bool = False


@dataclass(frozen=True)
class Step:
    """One line of the iteration log."""

    iteration: int
    value: float
    remark: str = ""


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
    report: Callable[[Step], None],
) -> Maximum:
    """Climb from `start`; an interruption (Ctrl-C) returns the best point so far.

    Where the Hessian is not negative definite the direction is that of its modified eigenvalues ("(not concave)");
    a step that does not gain is halved ("(backed up)").  When the gain expected falls below the tolerance the Newton
    step is still taken, so that the point returned has quadratically smaller error than the test demands.
    """
    history: list[Step] = []

    def log(step: Step) -> None:
        history.append(step)
        report(step)

    here = objective(start)
    if not np.isfinite(here.value):
        return Maximum(here, Status.NOT_CONVERGED)
    log(Step(0, float(here.value)))
    status = Status.NOT_CONVERGED
    try:
        for iteration in range(1, settings.iterations + 1):
            direction, gain, concave = newton_direction(here.gradient, here.hessian, settings.difficult)
            small = concave and gain < settings.tolerance
            there, halved = _climb(objective, here, direction, gain, settings, last=small)
            if there is None:
                status = Status.CONVERGED if small or gain < 1e-6 else Status.NOT_CONVERGED
                break
            here = there
            remark = "" if concave else "(not concave)"
            log(Step(iteration, float(here.value), remark or ("(backed up)" if halved else "")))
            if small:
                status = Status.CONVERGED
                break
    except KeyboardInterrupt:
        status = Status.INTERRUPTED
    return Maximum(here, status, tuple(history))


def newton_direction(gradient: np.ndarray, hessian: np.ndarray, difficult: bool = False):
    """(direction, gain expected g'd, was the Hessian negative definite?).

    Rows and columns are scaled by the curvature first, so that the test for definiteness is free of units.
    """
    if len(gradient) == 0:
        return gradient, 0.0, True
    scale = 1.0 / np.sqrt(np.maximum(np.abs(np.diag(hessian)), 1e-300))
    values, vectors = np.linalg.eigh(-(hessian * scale).T * scale)
    concave = bool(values[0] > -1e-10 * max(values[-1], 1e-300))
    floor = 1e-7 * max(np.max(np.abs(values)), 1e-300)
    size = np.where(values > floor, values, np.maximum(np.abs(values), floor))
    if difficult and not concave:
        size = np.where(values > floor, values, np.max(np.abs(values)))
    rotated = vectors.T @ (gradient * scale)
    direction = scale * (vectors @ (rotated / size))
    return direction, float(gradient @ direction), concave


def _climb(objective, here, direction, gain, settings: Settings, last: bool):
    """The first point along the direction that gains enough (any that does not lose, for the last step)."""
    slack = 1e-12 * (1.0 + abs(float(here.value)))
    step = 1.0
    for halving in range(settings.halvings if not last else 2):
        there = objective(here.v + step * direction)
        enough = -slack if last or gain < 1e-6 else 1e-4 * step * gain - slack
        if np.isfinite(there.value) and np.all(np.isfinite(there.gradient)) and there.value - here.value >= enough:
            return there, halving > 0
        step *= 0.5
    return None, True
