"""Starting values of survival models from the empirical cumulative hazard, as on probability paper; on the host."""

from collections.abc import Callable

import numpy as np

_SCALES = 0.05, 20.0  # of starting values: a few failures may lie on a vertical or horizontal line


def cumulative_hazard(y, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distinct times of failure, the cumulative hazard half-way up its step there, and numbers of failures.

    The Nelson-Aalen sum of failures over the number at risk, which is right whatever the censoring and the entries.
    """
    entry, exit, failure = (np.asarray(leaf) for leaf in y)
    weights = np.ones_like(exit) if weights is None else weights
    failed = (failure == 1) & (weights > 0)
    times, place = np.unique(exit[failed], return_inverse=True)
    counts = np.bincount(place, weights=weights[failed])
    at_risk = _total_from(exit, weights, times) - _total_from(entry, weights, times)
    step = counts / np.maximum(at_risk, counts)
    return times, np.cumsum(step) - 0.5 * step, counts


def location_scale(y, weights: np.ndarray | None, standard: Callable[[np.ndarray], np.ndarray]) -> tuple[float, float]:
    """(eta, s) of log t = eta + s x by least squares, where x = `standard(cumulative hazard)`.

    With one distinct time of failure s is 1.
    """
    times, cumulative, counts = cumulative_hazard(y, weights)
    x, log = standard(cumulative), np.log(times)
    middle, location = np.average(x, weights=counts), np.average(log, weights=counts)
    spread = np.average((x - middle) ** 2, weights=counts)
    slope = np.average((x - middle) * (log - location), weights=counts) / spread if len(times) > 1 else 1.0
    s = float(np.clip(slope, *_SCALES))
    return float(location - s * middle), s


def _total_from(values: np.ndarray, weights: np.ndarray, times: np.ndarray) -> np.ndarray:
    """The total weight of values that are at least as large as each of `times`."""
    order = np.argsort(values)
    below = np.concatenate([[0.0], np.cumsum(weights[order])])
    return below[-1] - below[np.searchsorted(values[order], times)]
