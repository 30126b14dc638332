"""Where each integration method puts its nodes.

| method | nodes of a level, given those of the levels above | source |
|---|---|---|
| mvaghermite | at the mean and covariance that they compute | Naylor and Smith 1982; Rabe-Hesketh et al. 2005 |
| mcaghermite | at the conditional mode and curvature | Liu and Pierce 1994 |
| pcaghermite | at the joint mode of all levels, moved along its curvature | Pinheiro and Chao 2006 |
| ghermite | at those of the prior | Abramowitz and Stegun 1964, 25.4.46 |
| laplace, pclaplace | one point at the joint mode; any structure | Tierney and Kadane 1986; Pinheiro and Chao 2006 |
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..elimination import ChainLevel, Factor, Plan, Rows, expand
from ..quadrature import Nodes, Rule, place, triangular_root
from .modes import Effects, Problem, factor_at, find_modes, refine

MEAN_VARIANCE, MODE_CURVATURE, PLAIN = "mvaghermite", "mcaghermite", "ghermite"
LAPLACE, JOINT_MODE, JOINT_LAPLACE = "laplace", "pcaghermite", "pclaplace"
METHODS = (MEAN_VARIANCE, MODE_CURVATURE, PLAIN, LAPLACE, JOINT_MODE, JOINT_LAPLACE)
LAPLACES = (LAPLACE, JOINT_LAPLACE)


def joint_nodes(problem: Problem, rules: Sequence[Rule], modes: Effects, factor: Factor) -> Nodes:
    """Nodes by the joint mode and curvature of all levels (Pinheiro and Chao 2006).

    Given the levels above, a level's conditional mode moves linearly, by the blocks of the joint curvature.
    """
    plan = problem.plan
    depth = len(plan.chain)
    means: list = [None] * depth
    factors: list = [None] * depth
    for level in reversed(range(depth)):
        above = tuple(len(rules[up].log_weights) for up in reversed(range(level + 1, depth)))
        mean = _with_nodes(modes[level], above)
        for up, ancestor in enumerate(plan.chain[level].ancestors):
            target = level + 1 + up
            b = place([rules[target]], Nodes((means[target],), (factors[target],))).positions[0]
            away = (b - _with_nodes(modes[target], (1,) * (b.ndim - 2)))[ancestor]
            moved = jnp.einsum("jqa,j...a->j...q", factor.between[level][up], away)
            moved = jnp.einsum("jab,j...b->j...a", factor.k[level], moved)
            # axes of the levels between this one and the target
            mean = mean - moved.reshape(moved.shape[:-1] + (1,) * up + moved.shape[-1:])
        means[level] = mean
        factors[level] = _with_nodes(_scale(problem, level, factor), above)
    return Nodes(tuple(means), tuple(factors))


def _with_nodes(values: Float[Array, "J ..."], above: tuple[int, ...]) -> Float[Array, "J ..."]:
    """Axes for the nodes of the levels above, after the groups."""
    shaped = values.reshape(values.shape[:1] + (1,) * len(above) + values.shape[1:])
    return jnp.broadcast_to(shaped, (values.shape[0], *above, *values.shape[1:]))


def mode_nodes(problem: Problem, rules: Sequence[Rule], modes: Effects, factor: Factor) -> Nodes:
    """Nodes by conditional modes and curvatures: the top level stands at the joint mode, every other level at the mode
    of itself and the levels below given each combination of nodes above."""
    depth = len(problem.plan.chain)
    means: list = [None] * depth
    factors: list = [None] * depth
    means[-1], factors[-1] = modes[-1], _scale(problem, depth - 1, factor)
    base, start = jnp.asarray(problem.base), modes
    for level in reversed(range(depth - 1)):
        upper = level + 1
        b = place([rules[upper]], Nodes((means[upper],), (factors[upper],))).positions[0]
        base = base[..., None]
        for q in range(b.shape[-1]):
            base = base + expand(problem.z[upper][..., q], base.ndim) * b[..., q][problem.rows.codes[upper]][None]
        inner = below(problem, level, base)
        start = tuple(_node_axis(s, len(rules[upper].log_weights)) for s in start[: level + 1])
        start = find_modes(*jax.lax.stop_gradient((inner, start)))
        start = refine(inner, start)
        means[level], factors[level] = start[level], _scale(inner, level, factor_at(inner, start))
    return Nodes(tuple(means), tuple(factors))


def _scale(problem: Problem, level: int, factor: Factor) -> Float[Array, "J ..."]:
    """The triangular root of a level's conditional covariances; its groups' own weights, which multiply the curvature
    as they multiply the whole log density, do not narrow them."""
    k, prior = factor.k[level], problem.prior[level]
    return triangular_root(k if prior is None else k * expand(prior, k.ndim))


def _node_axis(effects: Float[Array, "J ..."], count: int) -> Float[Array, "J ..."]:
    """One more axis of nodes, before the effects' own axis."""
    return jnp.broadcast_to(effects[..., None, :], (*effects.shape[:-1], count, effects.shape[-1]))


def below(problem: Problem, level: int, base: Float[Array, " n *K"]) -> Problem:
    """The levels up to `level`, given `base`: its groups are the components."""
    chain = tuple(
        ChainLevel(
            c.term, c.ancestors[: level - position], c.pair_group, c.pair_column, (), c.left, c.right, c.entry,
            c.heavy_pairs, c.heavy_cells, c.heavy,
        )
        for position, c in enumerate(problem.plan.chain[: level + 1])
    )  # fmt: skip
    plan = Plan(problem.plan.terms[: level + 1], chain, (), 0)
    codes = problem.rows.codes[: level + 1]
    groups = (*(c.ancestors[-1] for c in chain[:-1]), jnp.arange(plan.terms[level].size))
    return Problem(
        problem.family, problem.aux, problem.y, problem.weights, base, problem.z[: level + 1],
        problem.prior[: level + 1], Rows(codes, ((),) * (level + 1), ()), plan, (codes[level], groups),
        plan.terms[level].size,
    )  # fmt: skip
