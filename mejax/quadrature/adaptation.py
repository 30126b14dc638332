"""Nodes at the posterior means and covariances (Naylor and Smith 1982; Rabe-Hesketh, Skrondal and Pickles 2005)."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .nested import Nodes, Placed, Tilted, Tree, conditional, place, tilt
from .rules import Rule

TOLERANCE = 1e-7  # largest change of a mean or factor, in posterior standard deviations
PASSES = 100
SETTLING = 20


def standard_nodes(tree: Tree, widths: Sequence[int], points: Sequence[int]) -> Nodes:
    """The prior's own nodes: no adaptation.  `widths` and `points` (nodes in all) per level, lowest first."""
    means, factors = [], []
    for level, (size, q) in enumerate(zip(tree.sizes, widths, strict=True)):
        above = tuple(points[level + 1 :][::-1])
        means.append(jnp.zeros((size, *above, q)))
        factors.append(jnp.broadcast_to(jnp.eye(q), (size, *above, q, q)))
    return Nodes(tuple(means), tuple(factors))


def moments(placed: Placed, tilted: Tilted) -> Nodes:
    """Posterior means and triangular roots of posterior covariances, given the nodes above; variances are centred."""
    means, factors = [], []
    for b, weight in zip(placed.positions, conditional(tilted), strict=True):
        mean = jnp.sum(weight[..., None] * b, axis=-2)
        away = b - mean[..., None, :]
        covariance = jnp.einsum("...k,...ka,...kb->...ab", weight, away, away)
        means.append(mean)
        factors.append(triangular_root(covariance))
    return Nodes(tuple(means), tuple(factors))


def triangular_root(matrix: Float[Array, "... q q"]) -> Float[Array, "... q q"]:
    """The lower Cholesky factor of small matrices, column by column on whole batches; NaN where not definite."""
    q = matrix.shape[-1]
    if q == 1:
        return jnp.sqrt(matrix)
    pivot = jnp.sqrt(matrix[..., :1, :1])
    below = matrix[..., 1:, :1] / pivot
    rest = triangular_root(matrix[..., 1:, 1:] - below * jnp.swapaxes(below, -1, -2))
    top = jnp.concatenate([pivot, jnp.zeros((*matrix.shape[:-2], 1, q - 1))], -1)
    return jnp.concatenate([top, jnp.concatenate([below, rest], -1)], -2)


def adapt(
    tree: Tree,
    rules: Sequence[Rule],
    start: Nodes,
    densities: Callable[[Placed], Float[Array, "n ..."]],
    tolerance: float = TOLERANCE,
) -> Nodes:
    """Iterate the moments to convergence: the nodes of every level, given those above, stand at the mean and covariance
    that they themselves compute.

    All levels move at once.  A group whose moments cannot be computed (its posterior lies between the nodes) keeps what
    it had.
    """

    def step(nodes: Nodes) -> Nodes:
        return keep_finite(improved(tree, rules, nodes, densities), nodes)

    def unfinished(state) -> Bool[Array, ""]:
        _, change, count = state
        return (change > tolerance) & (count < PASSES)

    def advance(state):
        nodes, _, count = state
        moved = step(nodes)
        return moved, largest_change(moved, nodes), count + 1

    return jax.lax.while_loop(unfinished, advance, (start, jnp.inf, 0))[0]


def improved(
    tree: Tree, rules: Sequence[Rule], nodes: Nodes, densities: Callable[[Placed], Float[Array, "n ..."]]
) -> Nodes:
    """The moments that rules at `nodes` compute."""
    placed = place(rules, nodes)
    return moments(placed, tilt(tree, placed, densities(placed)))


def settle(
    tree: Tree, rules: Sequence[Rule], nodes: Nodes, densities: Callable[[Placed], Float[Array, "n ..."]]
) -> Nodes:
    """Adapted nodes as a function of everything in `densities`, with their derivatives.

    By the implicit function theorem, iterated: the moments contract towards their fixed point, and their derivatives
    with them: `SETTLING` more steps from the
    adapted nodes leave an error of that power of the contraction, about a tenth with 7 points.
    """
    step = lambda nodes, _: (improved(tree, rules, nodes, densities), None)
    return jax.lax.scan(step, jax.lax.stop_gradient(nodes), None, length=SETTLING)[0]


def keep_finite(new: Nodes, old: Nodes) -> Nodes:
    """`new` where it can be used: finite, and with every scale above 1e-6 of the prior's."""
    means, factors = [], []
    for mean, factor, mean0, factor0 in zip(*new, *old, strict=True):
        diagonal = jnp.diagonal(factor, axis1=-2, axis2=-1)
        good = jnp.all(jnp.isfinite(mean), -1) & jnp.all(jnp.isfinite(factor), (-1, -2)) & jnp.all(diagonal > 1e-6, -1)
        means.append(jnp.where(good[..., None], mean, mean0))
        factors.append(jnp.where(good[..., None, None], factor, factor0))
    return Nodes(tuple(means), tuple(factors))


def largest_change(new: Nodes, old: Nodes) -> Float[Array, ""]:
    """The largest move of a mean or of an element of a factor, in units of that row's own scale."""
    found = jnp.zeros(())
    for mean, factor, mean0, factor0 in zip(*new, *old, strict=True):
        scale = jnp.sqrt(jnp.sum(factor**2, -1))
        found = jnp.maximum(found, jnp.max(jnp.abs(mean - mean0) / scale))
        found = jnp.maximum(found, jnp.max(jnp.abs(factor - factor0) / scale[..., None]))
    return found
