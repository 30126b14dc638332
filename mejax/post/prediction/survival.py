"""Hazard and median of survival times in the population, which are no averages of those of its members."""

from typing import Any

import numpy as np

from ...likelihoods import AbstractFamily
from .average import average, evaluated

_MOST_STEPS = 200


def marginal_hazard(family: AbstractFamily, y: Any, eta: np.ndarray, root: np.ndarray, aux: np.ndarray) -> np.ndarray:
    """E f(t) / E S(t), the rate at which those who are still there fail (n,).

    The average of the members' hazards is something else: those at high risk are gone sooner.
    """
    density = average(family, "density", y, eta, root, aux)
    survival = average(family, "survival", y, eta, root, aux)
    gone = survival <= 0
    if gone.any():
        raise ValueError(
            f"predict: at time {y[1][np.argmax(gone)]:g} the marginal probability of survival is 0 to the last digit, "
            "so that no hazard can be told; take an earlier time by `at`"
        )
    return density / survival


def marginal_median(family: AbstractFamily, y: Any, eta: np.ndarray, root: np.ndarray, aux: np.ndarray) -> np.ndarray:
    """The time at which the marginal probability of survival E S(t) is one half (n,).

    Newton's method for log t, inside a bracket that is halved where a step would leave it; it begins at the median of
    a group without random effects.
    """
    x = np.log(np.asarray(evaluated(family, "median", None, eta, aux)))
    lower, upper = np.full_like(x, -np.inf), np.full_like(x, np.inf)
    for _ in range(_MOST_STEPS):
        time = np.exp(x)
        y = (np.zeros_like(time), time, np.zeros_like(time))
        excess = average(family, "survival", y, eta, root, aux) - 0.5
        slope = time * average(family, "density", y, eta, root, aux)
        lower, upper = np.where(excess >= 0, x, lower), np.where(excess <= 0, x, upper)
        step = _newton(excess, slope)
        moved = _inside(x + step, lower, upper, x)
        done = np.abs(moved - x) <= 1e-11 * (1.0 + np.abs(x))
        x = moved
        if np.all(done | np.isnan(x)):
            break
    return np.exp(x)


def _newton(excess: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """The step in log t, of at most 1: far from the median the curve is flat."""
    with np.errstate(divide="ignore", invalid="ignore"):
        step = np.where(slope > 0, excess / slope, np.sign(excess))
    return np.clip(step, -1.0, 1.0)


def _inside(moved: np.ndarray, lower: np.ndarray, upper: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Steps that leave the bracket end in its middle."""
    with np.errstate(invalid="ignore"):
        middle = 0.5 * (lower + upper)
    outside = (moved < lower) | (moved > upper)
    return np.where(outside & np.isfinite(middle), middle, moved)


MARGINAL = {"hazard": marginal_hazard, "median": marginal_median}
