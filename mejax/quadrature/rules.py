"""Gauss-Hermite rules for the standard normal density, and their products."""

from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

MOST_POINTS = 195


class Rule(NamedTuple):
    """`points` (K, q) and logs of weights (K,): sum_k exp(log_weights_k) f(points_k) ~ E f(a), a ~ N(0, I)."""

    points: Float[np.ndarray, "K q"]
    log_weights: Float[np.ndarray, " K"]


@cache
def line_rule(points: int) -> tuple[np.ndarray, np.ndarray]:
    """Abscissas and log weights of the `points`-point rule in one dimension, exact to degree 2 points - 1.

    Golub and Welsch (1969): eigenvalues of the Jacobi matrix of the Hermite polynomials He_n, with sqrt(n) beside the
    diagonal.  The weights come from the orthonormal polynomials at the nodes, in logs, so that none underflows.
    """
    if points < 1 or points > MOST_POINTS:
        raise ValueError(f"the number of integration points must be 1 to {MOST_POINTS}; got {points}")
    beside = np.sqrt(np.arange(1.0, points))
    nodes = np.linalg.eigvalsh(np.diag(beside, 1) + np.diag(beside, -1))
    nodes = 0.5 * (nodes - nodes[::-1])  # the rule is symmetric
    return nodes, -_log_christoffel(nodes, points)


def _log_christoffel(nodes: np.ndarray, points: int) -> np.ndarray:
    """log sum_{n < points} h_n(x)^2 with orthonormal h_n, rescaled as it grows; the weights are its inverse."""
    before, here = np.zeros_like(nodes), np.ones_like(nodes)
    scale, total = np.zeros_like(nodes), np.ones_like(nodes)
    for n in range(1, points):
        after = (nodes * here - np.sqrt(n - 1.0) * before) / np.sqrt(n)
        before, here = here, after
        total = total + here**2
        shrink = np.maximum(np.abs(here), 1.0)
        before, here, total, scale = before / shrink, here / shrink, total / shrink**2, scale + 2 * np.log(shrink)
    return np.log(total) + scale


def product_rule(points: int, dimension: int) -> Rule:
    """The grid of `points` ** `dimension` nodes; the first coordinate varies slowest."""
    nodes, log_weights = line_rule(points)
    grids = np.meshgrid(*[nodes] * dimension, indexing="ij")
    weights = np.meshgrid(*[log_weights] * dimension, indexing="ij")
    return Rule(np.stack([g.ravel() for g in grids], 1), np.sum([w.ravel() for w in weights], axis=0))
