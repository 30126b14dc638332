"""By turns: coefficients and random effects by penalised least squares, variances from the linearised model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .._status import Status
from .._tree import to_host
from ..lmm import LinearModel, evaluate
from ..menl import NonlinearModel, Point, linearised, solve
from ..optimise import Maximum, Settings, Step, maximise
from .boundary import standalone
from .climb import FitSettings, em_iterations
from .progress import Clock, Progress

ALTERNATIONS = 500
LEFT = 1e-9  # gain still expected of the variances, below which a Newton step is taken without a look at the value
CLOSE = 1e-8  # change of every parameter between two turns, in its standard errors
NEARLY = 1e-5  # the same, where rounding stops the search earlier
DEPENDENT = 1e-10  # smallest singular value of the scaled derivatives, as a share of the largest
STILL = 5  # turns without progress after which rounding is blamed


@dataclass(frozen=True)
class NonlinearSettings:
    """What the user may choose.

    `given` are starting values of the coefficients (NaN: none), `searched` marks those for which a wide search is
    meant, `start` is `fit.theta` of another fit of the same model, `turns` the most turns, `close` when they end, `em`
    a number of EM steps for the variances before the first turn.
    """

    given: np.ndarray
    searched: np.ndarray
    turns: int = ALTERNATIONS
    em: int = 0
    close: float = CLOSE
    start: Any = None
    say: Callable[[str], None] = lambda line: None


class Turn(NamedTuple):
    """The state after a turn: the point of the expansion, (f, df/dbeta, df/du) there, the linear model around it, its
    maximum."""

    point: Point
    expansion: tuple[np.ndarray, np.ndarray, np.ndarray]
    linear: LinearModel
    found: Maximum

    @property
    def v(self) -> np.ndarray:
        return np.asarray(self.found.at.v)

    @property
    def value(self) -> float:
        return float(self.found.at.value)


class Alternated(NamedTuple):
    """How it ended: the coefficients it began with, the last turn (None: there was none), the status, the log.

    `interrupted` is the status of what is still going on: what an interruption (Ctrl-C) leaves.
    """

    begun: np.ndarray
    last: Turn | None
    status: Status
    history: tuple[Step, ...]


def first_variances(model: NonlinearModel, f: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Variance parameters to start from: each random effect moves the response as much as an error does."""
    squares = float(np.mean((np.asarray(model.y) - f) ** 2))
    sigmas, start = [], 0
    for block in model.variances.blocks:
        sizes = np.mean(z[:, start : start + block.size] ** 2, axis=0)
        sigmas.append(np.diag(0.5 * squares / np.where(sizes > 0, sizes, 1.0)))
        start += block.size
    return model.variances.nearest(sigmas, 0.5 * squares)


class Tries:
    """The alternations so far, the last of which may be going on; one clock for all."""

    def __init__(self) -> None:
        self.all: list[Alternated] = []
        self.clock = Clock()

    def best(self) -> Alternated | None:
        """The one with the largest likelihood, as what an interruption leaves; None where no turn was completed."""
        turns = [(tried.last.value, tried) for tried in self.all if tried.last is not None]
        if not turns:
            return None
        value, best = max(turns, key=lambda pair: pair[0])
        return best._replace(status=Status.INTERRUPTED, history=best.history or (Step(0, value),))


def alternate(
    model: NonlinearModel, fixed: np.ndarray, v: np.ndarray | None, settings: NonlinearSettings, tries: Tries
) -> Alternated:
    """From coefficients, effects of zero and variance parameters (None: `first_variances`) to the fixed point.

    `tries` gets the state after each turn, in the first one after each step.
    """
    begun = np.asarray(fixed, float)
    progress = Progress(settings.say, _label(model), tries.clock)
    tries.all.append(Alternated(begun, None, Status.INTERRUPTED, ()))

    def state(last: Turn | None, status: Status) -> Alternated:
        tries.all[-1] = Alternated(begun, last, status, tuple(progress.history))
        return tries.all[-1]

    point = Point(begun, to_host(model.nothing()))
    f, x, z = to_host(linearised(model, point)[1])
    if not all(np.all(np.isfinite(part)) for part in (f, x, z)) or dependent(np.asarray(x)) is not None:
        return state(None, Status.NOT_CONVERGED)
    v = first_variances(model, np.asarray(f), np.asarray(z)) if v is None else v
    last, best, still = None, np.inf, 0
    for number in range(1, settings.turns + 1):
        begin = (lambda turn: state(turn, Status.INTERRUPTED)) if last is None else lambda turn: None
        turn = _turn(model, point, (v, settings.em if number == 1 else 0), begin)
        if turn is None:
            return state(last, Status.NOT_CONVERGED)
        change = np.inf if last is None else _change(last, turn)
        if not _shown(progress.history, turn.value):
            progress.step(Step(number, turn.value, gradient=turn.found.history[0].gradient), turn.found.at)
        last, point, v = turn, turn.point, _polished(turn)
        state(last, Status.INTERRUPTED)
        if change < settings.close or (change < NEARLY and still >= STILL):
            return state(last, Status.CONVERGED)
        best, still = (change, 0) if change < 0.5 * best else (best, still + 1)
    return state(last, Status.NOT_CONVERGED)


def dependent(x: np.ndarray) -> np.ndarray | None:
    """The coefficients along whose combination the mean does not change, as a mask; None where there is none."""
    norms = np.linalg.norm(x, axis=0)
    if np.any(norms == 0):
        return norms == 0
    _, values, vectors = np.linalg.svd(x / norms, full_matrices=False)
    if len(values) == x.shape[1] and values[-1] > DEPENDENT * values[0]:
        return None
    direction = np.abs(vectors[-1])
    return direction > 0.01 * direction.max()


def _label(model: NonlinearModel) -> str:
    return "Linearization log restricted-likelihood" if model.reml else "Linearization log likelihood"


def _shown(history: list[Step], value: float) -> bool:
    """Does the log show this value already?"""
    return bool(history) and f"{history[-1].value:.8g}" == f"{value:.8g}"


def _turn(
    model: NonlinearModel, point: Point, begin: tuple[np.ndarray, int], keep: Callable[[Turn], object]
) -> Turn | None:
    """Penalised least squares at v, then the variances' maximum around the point found; None where none is finite.

    `begin`: v and a number of EM steps; `keep` gets the state after each step of the climb.
    """
    v, em = begin
    solved = solve(model, v, point)
    linear, expansion = linearised(model, solved)
    if em:
        settings = FitSettings(em=em)
        v, _ = em_iterations(linear, v, settings, Progress(settings.say, _label(model)))
    f, x, z = to_host(expansion)
    reached = lambda found: Turn(to_host(solved), (np.asarray(f), np.asarray(x), np.asarray(z)), linear, found)

    def report(step: Step, at: Any) -> None:
        keep(reached(Maximum(at, Status.INTERRUPTED, (step,))))

    logs = standalone(model.variances)
    found = maximise(lambda v: to_host(evaluate(linear, v)), v, Settings(), report, logs=logs)
    return reached(found) if np.isfinite(found.at.value) else None


def _polished(turn: Turn) -> np.ndarray:
    """v after a last Newton step, which is too short to be judged by the gain."""
    at = turn.found.at
    try:
        step = np.linalg.solve(-np.asarray(at.hessian), np.asarray(at.gradient))
    except np.linalg.LinAlgError:
        return turn.v
    small = 0.0 <= float(step @ np.asarray(at.gradient)) < LEFT
    return turn.v + step if small and np.all(np.isfinite(step)) else turn.v


def _change(last: Turn, turn: Turn) -> float:
    """The largest change of a parameter in its (conditional) standard errors."""
    se = np.sqrt(np.diag(np.asarray(turn.found.at.covariance)))
    fixed = np.abs(np.asarray(turn.found.at.fixed) - np.asarray(last.found.at.fixed)) / np.where(se > 0, se, 1.0)
    curvature = np.sqrt(np.abs(np.diag(np.asarray(turn.found.at.hessian))))
    return float(np.max(np.concatenate([fixed, np.abs(turn.v - last.v) * curvature, [0.0]])))
