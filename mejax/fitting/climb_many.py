"""Newton-Raphson for many replicates of one model at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..optimise import EXACT, GAIN, ROUNDING, SUFFICIENT, Settings, newton_directions

Points = np.ndarray  # (B, m)


class Evaluations(NamedTuple):
    """Criterion, gradient and Hessian of some replicates, each at its own v (what was profiled out is filled in)."""

    v: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray


class Moves(NamedTuple):
    """Of each replicate the gain expected of a whole step, the share of it taken, whether it is the last, and whether
    the Hessian was negative definite."""

    gain: np.ndarray
    step: np.ndarray
    last: np.ndarray
    concave: np.ndarray


@dataclass(frozen=True)
class Many:
    """Where each replicate ended: `v` (B, m), the criterion, and whether it converged."""

    v: np.ndarray
    value: np.ndarray
    converged: np.ndarray


Objective = Callable[[np.ndarray, Points], Evaluations]  # of the replicates with these numbers, at these points


def maximise_many(
    objective: Objective, starts: Points, settings: Settings, report: Callable[[int], None] = lambda done: None
) -> Many:
    """Climb from every start by the steps and the tests of convergence of `maximise`, without its logs and its rule for
    short steps: the starts are good ones.

    `report` hears how many replicates are done.
    """
    here = objective(np.arange(len(starts)), starts)
    here = Evaluations(*(np.array(part) for part in here))
    converged = np.zeros(len(starts), bool)
    alive = np.isfinite(here.value) & np.isfinite(here.gradient).all(axis=1) & np.isfinite(here.hessian).all((1, 2))
    for _ in range(settings.iterations):
        report(int(np.sum(~alive)))
        if not alive.any():
            break
        _advance(objective, here, converged, alive, settings)
    report(int(np.sum(~alive)))
    return Many(here.v, here.value, converged)


def _advance(
    objective: Objective, here: Evaluations, converged: np.ndarray, alive: np.ndarray, settings: Settings
) -> None:
    """One step of every replicate that is still climbing."""
    which = np.flatnonzero(alive)
    direction, gain, concave = newton_directions(here.gradient[which], here.hessian[which])
    done = concave & (gain < EXACT)
    converged[which[done]] = True
    alive[which[done]] = False
    which, direction, gain, concave = (part[~done] for part in (which, direction, gain, concave))
    last = concave & (gain < settings.tolerance)
    waiting, step = np.ones(len(which), bool), np.ones(len(which))
    for halving in range(settings.halvings):
        mine = np.flatnonzero(waiting & ~(last & (halving >= 2)))
        if len(mine) == 0:
            break
        there = objective(which[mine], here.v[which[mine]] + step[mine, None] * direction[mine])
        there = Evaluations(*(np.asarray(part) for part in there))
        moves = Moves(gain[mine], step[mine], last[mine], concave[mine])
        good = _gains(there, here.value[which[mine]], moves, settings)
        places = which[mine[good]]
        for part, new in zip(here, there, strict=True):
            part[places] = new[good]
        waiting[mine[good]] = False
        step[mine[~good]] *= 0.5
    # the last step of a climb may gain nothing; any other that cannot be made ends it
    finished = last | waiting
    converged[which[finished]] = last[finished] | (gain[finished] < GAIN)
    alive[which[finished]] = False


def _gains(there: Evaluations, before: np.ndarray, moves: Moves, settings: Settings) -> np.ndarray:
    """Which of the points reached are good enough to go on from."""
    gain, step, last, concave = moves
    slack = ROUNDING * (1.0 + np.abs(before))
    with np.errstate(invalid="ignore"):
        enough = there.value - before >= np.where(last | (gain < GAIN), -slack, SUFFICIENT * step * gain - slack)
        finite = np.isfinite(there.value) & np.isfinite(there.gradient).all(axis=1)
        finite &= np.isfinite(there.hessian).all(axis=(1, 2))
    if not settings.held:
        return enough & finite
    # where nodes are held the value may lose a little although the gradient shrinks
    safe = np.where(finite[:, None, None], there.hessian, -np.eye(there.hessian.shape[1]))
    _, after, still = newton_directions(np.where(finite[:, None], there.gradient, 0.0), safe)
    nearer = concave & still & (after < 0.5 * gain) & (there.value >= before - np.maximum(gain, np.sqrt(gain)))
    return (enough | nearer) & finite
