"""Statistics of a response averaged over random effects, that is over a normal linear predictor.

All averages are trapezoid sums: for functions that are analytic near the real line their error falls exponentially in
the number of points, also where they are steep (Trefethen and Weideman 2014), which that of Gauss-Hermite rules does
not.
"""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ...likelihoods import AbstractFamily

_REACH = 20.0  # of the sum over one standard normal variable: means of exp(eta) are still complete at a variance of 100
_POINTS, _HALVINGS = 200, 6
_AGREEMENT = 1e-6  # of two interleaved sums: the error of the two together is about its square
_BALL = 6.5  # radius beyond which several standard normal variables are left out
_MOST, _MOST_VALUES = 2e6, 1e9  # nodes of a grid; nodes times rows
_QUASI_RANDOM = 60_000  # points where a grid would have too many
_EXPONENTS = (20.0, 16.0, 13.0)  # errors of exp(-20) = 2e-9 and so on are aimed at, as far as the nodes suffice


@eqx.filter_jit
def evaluated(family: AbstractFamily, name: str, y: Any, eta, aux):
    """The family's statistic called `name`."""
    return family.statistics[name].function(y, predictors(family, jnp.asarray(eta)), jnp.asarray(aux))


def predictors(family: AbstractFamily, eta: Any) -> Any:
    """A single linear predictor (n,) as the family takes it: stacked families have an axis for it."""
    return eta[None] if family.stacked and family.equations == 1 else eta


def average(family: AbstractFamily, name: str, y: Any, eta: np.ndarray, root: np.ndarray, aux: np.ndarray):
    """E of the statistic called `name` with the linear predictor eta + root z, z standard normal.

    eta is (n,) and `root` (n, 1), or with several linear predictors (E, n) and (E, n, D).  With one dimension the sums
    are refined until they agree, which leaves an error of about 1e-12.  With several the grid's steps follow from the
    distance of the softmax function's singularities from the real axis; the error is below 1e-6, mostly 1e-8.  Where
    that takes too many nodes (two million, or a thousand million values of the function: from standard deviations of
    30 on in two dimensions, 5 in three, 2 in four) 60,000 quasi-random points are used, whose error is about 1e-4.
    """
    if root.shape[-1] == 1:
        return _line(family, name, y, eta, root, aux)
    nodes, weights = several_nodes(root)
    total = np.asarray(_grid_sum(family, name, y, eta, root, aux, nodes=nodes, weights=weights))
    return total / weights.sum()


def _line(family: AbstractFamily, name: str, y: Any, eta: np.ndarray, root: np.ndarray, aux: np.ndarray) -> np.ndarray:
    """The trapezoid rule over +-20 standard deviations; its step is halved until old and new nodes agree."""
    return _refined(family, name, y, eta, root, aux)[0]


def line_points(family: AbstractFamily, name: str, y: Any, eta: np.ndarray, root: np.ndarray, aux: np.ndarray) -> int:
    """The number of evenly spaced points, from -20 on, that `average` needs."""
    return _refined(family, name, y, eta, root, aux)[1]


def _refined(
    family: AbstractFamily, name: str, y: Any, eta: np.ndarray, root: np.ndarray, aux: np.ndarray
) -> tuple[np.ndarray, int]:
    def sums(points: int, shift: float):
        return _line_sums(family, name, y, eta, root, aux, points=jnp.asarray(points), shift=jnp.asarray(shift))

    total, weight = sums(_POINTS, 0.0)
    points = _POINTS
    for _ in range(_HALVINGS):
        more, added = sums(points, 0.5)
        old, new = total / weight, more / added
        total, weight, points = total + more, weight + added, 2 * points
        if _agree(old, new):
            break
    return np.asarray(total / weight), points


def _agree(old: Any, new: Any) -> bool:
    old, new = np.asarray(old), np.asarray(new)
    finite = np.isfinite(old) & np.isfinite(new)
    old, new = old[finite], new[finite]
    size = np.maximum(np.abs(old), 1e-6 * np.max(np.abs(old), initial=0.0))
    return bool(np.all(np.abs(old - new) <= _AGREEMENT * size))


@eqx.filter_jit
def _line_sums(family: AbstractFamily, name: str, y: Any, eta, root, aux, *, points, shift):
    """Sums of f(eta + root z) phi(z) and of phi(z) over evenly spaced z, the first `shift` steps from the end.

    Their number is traced, so that refining compiles nothing; derivatives are forward ones.
    """
    term = _term(family, name, y, eta, root, aux)
    step = 2.0 * _REACH / points

    def add(k, sums):
        node = (-_REACH + step * (k + shift))[None]
        weight = jnp.exp(-0.5 * jnp.sum(node**2))
        return sums[0] + weight * term(node), sums[1] + weight

    zero = jnp.zeros_like(term(jnp.zeros(1)))
    return jax.lax.fori_loop(0, points, add, (zero, jnp.zeros((), zero.dtype)))


@eqx.filter_jit
def _grid_sum(family: AbstractFamily, name: str, y: Any, eta, root, aux, *, nodes, weights):
    """sum_k weights[k] f(eta + root @ nodes[k])."""
    term = _term(family, name, y, eta, root, aux)

    def add(total, pair):
        return total + pair[1] * term(pair[0]), None

    zero = jnp.zeros_like(term(jnp.zeros(root.shape[-1])))
    return jax.lax.scan(add, zero, (jnp.asarray(nodes), jnp.asarray(weights)))[0]


def _term(family: AbstractFamily, name: str, y: Any, eta, root, aux) -> Callable[[jax.Array], jax.Array]:
    """The statistic as a function of z (D,)."""
    function = family.statistics[name].function
    eta, root, aux = jnp.asarray(eta), jnp.asarray(root), jnp.asarray(aux)
    return lambda node: function(y, predictors(family, eta + root @ node), aux)


def several_nodes(root: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Nodes (K, D) and weights (K,) for probabilities of the softmax of eta + root z, root (E, n, D).

    Moving along axis d by an imaginary i t turns the terms 1, exp(eta_1), ..., exp(eta_E) by the angles 0, root_1d t,
    ...: their sum has no zero while all lie in a half-plane, that is for t < pi / w_d, w_d the range of 0 and the
    column.  Up to that distance the integral's contour can be shifted.
    """
    most = min(_MOST, _MOST_VALUES / root.shape[1])
    width = np.max(np.maximum(root.max(axis=0), 0.0) - np.minimum(root.min(axis=0), 0.0), axis=0, initial=0.0)
    clear = 0.9 * math.pi / np.maximum(width, 1e-8)
    for exponent in _EXPONENTS:
        shift = np.minimum(clear, math.sqrt(2.0 * exponent))
        steps = 2.0 * math.pi * shift / (exponent + 0.5 * shift**2)
        counts = 2 * np.ceil(_BALL / steps).astype(int) + 1
        if np.prod(counts.astype(float)) <= 2.0 * most:
            axes = [step * (np.arange(count) - count // 2) for step, count in zip(steps, counts, strict=True)]
            nodes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, len(steps))
            square = np.sum(nodes**2, axis=1)
            inside = square <= _BALL**2
            if inside.sum() <= most:
                return nodes[inside], np.exp(-0.5 * square[inside])
    return _quasi_random(root.shape[-1], int(min(_QUASI_RANDOM, most)))


def _quasi_random(dimensions: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Multiples of irrational numbers modulo 1, the powers of the root of x^(D + 1) = x + 1, folded and made normal."""
    from scipy.special import ndtri

    root = 2.0
    for _ in range(50):
        root = (1.0 + root) ** (1.0 / (dimensions + 1))
    steps = root ** -np.arange(1.0, dimensions + 1)
    uniform = (0.5 + np.outer(np.arange(points), steps)) % 1.0
    return ndtri(np.clip(np.abs(2.0 * uniform - 1.0), 1e-12, 1.0 - 1e-12)), np.ones(points)
