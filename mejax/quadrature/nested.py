"""Integrals over nested random effects by quadrature, for any number of levels.

Level 0 is the lowest.  With K_l nodes at level l, an array of a level has the shape (J_l, K_top, ..., K_l): one axis
for the nodes of every level from the top down to its own, after the groups.  Given the nodes above, the groups of a
level are independent, so that the work is flat: log densities of the observations at all nodes (n, K_top, ..., K_0), a
segment sum to the groups of level 0, log-sum-exp over its nodes, a segment sum to the groups of level 1, and so on.
"""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float, Int

from .._typing import ArrayLike
from .rules import Rule


class Tree(eqx.Module):
    """The nested groups.  `codes[l]` (n,) is the group of each row at level l, `parents[l]` (J_l,) the group of level
    l + 1 of each group of level l; `weights[l]` (J_l,) multiply the groups' log likelihoods (None: 1).  Data cut
    into pieces have one axis more, in front, over which the integrals are mapped."""

    codes: tuple[Int[ArrayLike, "*pieces n"], ...]
    parents: tuple[Int[ArrayLike, "*pieces _"], ...]
    weights: tuple[Float[ArrayLike, "*pieces _"] | None, ...]
    sizes: tuple[int, ...] = eqx.field(static=True)

    @property
    def depth(self) -> int:
        return len(self.sizes)


class Nodes(NamedTuple):
    """Where the rules stand: per level `means` (J_l, K_top, ..., K_(l+1), q), lower triangular `factors` (..., q, q).

    The nodes of level l are means + factors @ points: they may depend on the nodes of the levels above.
    """

    means: tuple[Float[Array, "_ ..."], ...]
    factors: tuple[Float[Array, "_ ..."], ...]


class Placed(NamedTuple):
    """Per level the nodes (J_l, K_top, ..., K_l, q) and the logs of their weights (J_l, K_top, ..., K_l)."""

    positions: tuple[Float[Array, "_ ..."], ...]
    log_weights: tuple[Float[Array, "_ ..."], ...]


class Tilted(NamedTuple):
    """The integrand, level by level: `terms` (J_l, K_top, ..., K_l) are the logs of the terms of each group's sum,
    `values` (J_l, K_top, ..., K_(l+1)) the logs of the sums, not yet multiplied by the groups' weights."""

    terms: tuple[Float[Array, "_ ..."], ...]
    values: tuple[Float[Array, "_ ..."], ...]


def place(rules: Sequence[Rule], nodes: Nodes) -> Placed:
    """Weights are those of integration against N(0, I) by nodes that sit elsewhere:
    w_k |C| phi(b_k) / phi(a_k)."""
    positions, logs = [], []
    for rule, mean, factor in zip(rules, nodes.means, nodes.factors, strict=True):
        points = jnp.asarray(rule.points)
        b = mean[..., None, :] + jnp.einsum("...ab,kb->...ka", factor, points)
        diagonal = jnp.diagonal(factor, axis1=-2, axis2=-1)
        logdet = jnp.sum(jnp.log(jnp.abs(diagonal)), -1)
        own = jnp.asarray(rule.log_weights) + 0.5 * jnp.sum(points**2, 1)
        positions.append(b)
        logs.append(own.reshape((1,) * logdet.ndim + own.shape) + logdet[..., None] - 0.5 * jnp.sum(b**2, -1))
    return Placed(tuple(positions), tuple(logs))


def spread(values: Float[Array, "J ..."], level: int, depth: int, trailing: int = 0) -> Float[Array, "J ..."]:
    """Axes of length 1 for the nodes of the levels below `level` (before `trailing` axes that are no nodes)."""
    at = 1 + depth - level
    return values.reshape(values.shape[:at] + (1,) * level + values.shape[at:])


def linear_predictor(tree: Tree, placed: Placed, base: Float[Array, "E n"], z: tuple) -> Float[Array, "E n ..."]:
    """eta = base + sum over levels of z_l'b_l, at every combination of nodes; z_l (E, n, q)."""
    parts = [_one_predictor(tree, placed, own, [columns[e] for columns in z]) for e, own in enumerate(base)]
    return jnp.stack(parts)


def _one_predictor(tree: Tree, placed: Placed, base: Float[Array, " n"], z: Sequence) -> Float[Array, "n ..."]:
    eta = base.reshape(base.shape + (1,) * tree.depth)
    for level, (codes, b) in enumerate(zip(tree.codes, placed.positions, strict=True)):
        columns = z[level]
        part = 0.0
        for q in range(columns.shape[1]):
            value = b[..., q][codes]
            part = part + columns[:, q].reshape((-1,) + (1,) * (value.ndim - 1)) * value
        eta = eta + spread(jnp.asarray(part), level, tree.depth)
    return eta


def tilt(tree: Tree, placed: Placed, densities: Float[Array, "n ..."]) -> Tilted:
    """Up the tree: `densities` are the (weighted) log densities of the rows at every combination of nodes."""
    terms, values = [], []
    flowing = densities
    for level in range(tree.depth):
        codes = tree.parents[level - 1] if level else tree.codes[0]
        total = segment_sum(flowing, codes, tree.sizes[level]) + placed.log_weights[level]
        value = jax.nn.logsumexp(total, axis=-1)
        terms.append(total)
        values.append(value)
        flowing = weighted(tree, level, value)
    return Tilted(tuple(terms), tuple(values))


def weighted(tree: Tree, level: int, values: Float[Array, "J ..."]) -> Float[Array, "J ..."]:
    """`values` times the groups' weights."""
    weight = tree.weights[level]
    return values if weight is None else values * weight.reshape((-1,) + (1,) * (values.ndim - 1))


def integrate(tree: Tree, placed: Placed, densities: Float[Array, "n ..."]) -> Float[Array, " J"]:
    """One (weighted) log integral per top-level cluster."""
    top = tree.depth - 1
    return weighted(tree, top, tilt(tree, placed, densities).values[top])


def conditional(tilted: Tilted) -> tuple[Float[Array, "_ ..."], ...]:
    """Posterior weights of the nodes of each group, given the nodes above: (J_l, K_top, ..., K_l)."""
    return tuple(jnp.exp(terms - values[..., None]) for terms, values in zip(tilted.terms, tilted.values, strict=True))


def joint(tree: Tree, weights: tuple[Float[Array, "_ ..."], ...], scaled: bool) -> tuple[Float[Array, "_ ..."], ...]:
    """Posterior weights of the combinations of nodes, (J_l, K_top, ..., K_l), from the conditional ones.

    `scaled` multiplies them by the groups' weights, their own and those above: derivatives of a pseudolikelihood.
    """
    found: list = [None] * tree.depth
    above = None
    for level in reversed(range(tree.depth)):
        own = weights[level]
        if scaled:
            own = weighted(tree, level, own)
        if above is not None:
            own = own * above[tree.parents[level]][..., None]
        found[level] = above = own
    return tuple(found)
