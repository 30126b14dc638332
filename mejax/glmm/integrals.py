"""The integrals of one batch: linear predictor, adaptation, contributions of its clusters."""

from typing import Any, NamedTuple

import jax
from jaxtyping import Array, Float

from ..quadrature import (
    Nodes,
    Placed,
    Rule,
    adapt,
    integrate,
    linear_predictor,
    place,
    product_rule,
    settle,
    standard_nodes,
)
from .batch import Batch, log_density
from .laplace import laplace
from .methods import JOINT_MODE, LAPLACES, MEAN_VARIANCE, PLAIN, joint_nodes, mode_nodes
from .modes import Problem, factor_at, find_modes, refine, zeros
from .structure import Factors

# What a method knows of the posterior: `Nodes` (mean-variance), the standardised modes of every term, (J, q) each (the
# methods that stand at modes), None (plain quadrature); with a leading axis where data are cut into pieces.
State = Any


class Point(NamedTuple):
    """Parameters as the integrals read them: coefficients of the whitened columns, covariance factors, ancillaries."""

    fixed: Float[Array, " p"]
    factors: Factors
    aux: Float[Array, " a"]


def term_factors(batch: Batch, factors: Factors) -> list[Float[Array, "_ _"]]:
    """The factors of the equations that share a term's groups, side by side on the diagonal."""
    return [jax.scipy.linalg.block_diag(*(factors[b] for b in term.blocks)) for term in batch.plan.terms]


def problem_of(model, batch: Batch, point: Point) -> Problem:
    """The joint density of responses and random effects, for the search of modes."""
    base = batch.base + batch.x @ point.fixed
    z = tuple(z @ factor for z, factor in zip(batch.z, term_factors(batch, point.factors), strict=True))
    return Problem(
        model.family, point.aux, batch.y, batch.joint_weights, base, z, batch.prior, batch.rows, batch.plan,
        (batch.cluster, batch.clusters), batch.count,
    )  # fmt: skip


def rules_of(model, batch: Batch) -> list[Rule]:
    """One rule per level, the lowest first."""
    widths = [batch.plan.terms[level.term].width for level in batch.plan.chain]
    return [product_rule(points, width) for points, width in zip(model.level_points[::-1], widths, strict=True)]


def densities_at(model, batch: Batch, problem: Problem, placed: Placed) -> Float[Array, "n ..."]:
    """Log densities of the rows at every combination of nodes."""
    assert batch.tree is not None
    eta = linear_predictor(batch.tree, placed, problem.base, problem.z)
    return log_density(model.family, batch.y, batch.weights, eta, problem.aux)


def started(model, batch: Batch, point: Point, _: None = None) -> State:
    """A state to adapt from: nodes by the joint mode and curvature, or random effects of zero."""
    if model.method == PLAIN:
        return None
    problem = problem_of(model, batch, jax.lax.stop_gradient(point))
    if model.method != MEAN_VARIANCE:
        return zeros(problem)
    modes = find_modes(problem, zeros(problem))
    return joint_nodes(problem, rules_of(model, batch), modes, factor_at(problem, modes))


def adapted(model, batch: Batch, point: Point, state: State) -> State:
    """What the method needs to know of the posterior at these parameters, found from the state at others.

    Not to be differentiated.
    """
    if model.method == PLAIN:
        return None
    problem = problem_of(model, batch, jax.lax.stop_gradient(point))
    if model.method != MEAN_VARIANCE:
        return find_modes(problem, state)
    assert batch.tree is not None
    if 2 in model.level_points:  # two nodes see no variance above their own, so that scales could only shrink
        state = started(model, batch, point)
    density = lambda placed: densities_at(model, batch, problem, placed)
    return adapt(batch.tree, rules_of(model, batch), state, density)


def nodes_at(model, batch: Batch, problem: Problem, state: State) -> Nodes:
    """The nodes of a quadrature method, as a function of the parameters in `problem` where the method says so."""
    assert batch.tree is not None
    rules = rules_of(model, batch)
    if model.method == MEAN_VARIANCE:
        if not model.exact:
            return jax.lax.stop_gradient(state)
        return settle(batch.tree, rules, state, lambda placed: densities_at(model, batch, problem, placed))
    if model.method == PLAIN:
        widths = [term.width for term in batch.plan.terms]
        return standard_nodes(batch.tree, widths, [len(rule.log_weights) for rule in rules])
    modes = refine(problem, state)
    if model.method == JOINT_MODE:
        return joint_nodes(problem, rules, modes, factor_at(problem, modes))
    return mode_nodes(problem, rules, modes, factor_at(problem, modes))


def contributions(model, batch: Batch, point: Point, state: State) -> Float[Array, " J"]:
    """The log likelihood of each top-level cluster of the batch."""
    problem = problem_of(model, batch, point)
    if model.method in LAPLACES:
        return laplace(problem, refine(problem, state))
    placed = place(rules_of(model, batch), nodes_at(model, batch, problem, state))
    assert batch.tree is not None
    return integrate(batch.tree, placed, densities_at(model, batch, problem, placed))
