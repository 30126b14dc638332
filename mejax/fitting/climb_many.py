"""Newton-Raphson for many replicates of one model at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..optimise import EXACT, Settings

Points = np.ndarray  # (B, m)


class Evaluations(NamedTuple):
    """Criterion, gradient and Hessian of some replicates, each at its own v (what was profiled out is filled in)."""

    v: np.ndarray
    value: np.ndarray
    gradient: np.ndarray
    hessian: np.ndarray


@dataclass
class Many:
    """Where each replicate ended: `v` (B, m), the criterion, and whether it converged."""

    v: np.ndarray
    value: np.ndarray
    converged: np.ndarray


Objective = Callable[[np.ndarray, Points], Evaluations]  # of the replicates with these numbers, at these points


def maximise_many(
    objective: Objective, starts: Points, settings: Settings, report: Callable[[int], None] = lambda done: None
) -> Many:
    """Climb from every start: steps and tests of convergence are those of `maximise`, one replicate each.

    `report` hears how many replicates are done.
    """
    here = objective(np.arange(len(starts)), starts)
    here = Evaluations(*(np.array(part) for part in here))
    many = Many(here.v, here.value, np.zeros(len(starts), bool))
    alive = np.isfinite(here.value) & np.isfinite(here.gradient).all(axis=1) & np.isfinite(here.hessian).all((1, 2))
    for _ in range(settings.iterations):
        report(int(np.sum(~alive)))
        if not alive.any():
            break
        _advance(objective, here, many, alive, settings)
    report(int(np.sum(~alive)))
    return many


def _advance(objective: Objective, here: Evaluations, many: Many, alive: np.ndarray, settings: Settings) -> None:
    """One step of every replicate that is still climbing."""
    which = np.flatnonzero(alive)
    direction, gain, concave = directions(here.gradient[which], here.hessian[which])
    done = concave & (gain < EXACT)
    many.converged[which[done]] = True
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
        good = _gains(there, here.value[which[mine]], (gain[mine], step[mine], last[mine], concave[mine]), settings)
        places = which[mine[good]]
        for part, new in zip(here, there, strict=True):
            part[places] = new[good]
        waiting[mine[good]] = False
        step[mine[~good]] *= 0.5
    # the last step of a climb may gain nothing; any other that cannot be made ends it
    finished = last | waiting
    many.converged[which[finished]] = last[finished] | (gain[finished] < 1e-6)
    alive[which[finished]] = False


def _gains(there: Evaluations, before: np.ndarray, move: tuple, settings: Settings) -> np.ndarray:
    gain, step, last, concave = move
    slack = 1e-12 * (1.0 + np.abs(before))
    with np.errstate(invalid="ignore"):
        enough = there.value - before >= np.where(last | (gain < 1e-6), -slack, 1e-4 * step * gain - slack)
        finite = np.isfinite(there.value) & np.isfinite(there.gradient).all(axis=1)
        finite &= np.isfinite(there.hessian).all(axis=(1, 2))
    if not settings.held:
        return enough & finite
    # where nodes are held the value may lose a little although the gradient shrinks
    safe = np.where(finite[:, None, None], there.hessian, -np.eye(there.hessian.shape[1]))
    _, after, still = directions(np.where(finite[:, None], there.gradient, 0.0), safe)
    nearer = concave & still & (after < 0.5 * gain) & (there.value >= before - np.maximum(gain, np.sqrt(gain)))
    return (enough | nearer) & finite


def directions(gradient: np.ndarray, hessian: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`newton_direction` of each replicate: direction (B, m), gain expected (B,), was the Hessian negative definite?"""
    if gradient.shape[1] == 0:
        return gradient, np.zeros(len(gradient)), np.ones(len(gradient), bool)
    curvature = np.abs(np.diagonal(hessian, axis1=1, axis2=2))
    floor = np.maximum(1e-30 * curvature.max(axis=1, keepdims=True), 1e-300)
    scale = 1.0 / np.sqrt(np.maximum(curvature, floor))
    values, vectors = np.linalg.eigh(-hessian * scale[:, :, None] * scale[:, None, :])
    largest = np.abs(values).max(axis=1, keepdims=True)
    concave = values[:, 0] > -1e-10 * np.maximum(values[:, -1], 1e-300)
    size = np.maximum(np.abs(values), 1e-7 * np.where(largest > 0, largest, 1.0))
    rotated = np.einsum("bji,bj->bi", vectors, gradient * scale)
    direction = scale * np.einsum("bij,bj->bi", vectors, rotated / size)
    return direction, np.einsum("bi,bi->b", gradient, direction), concave
