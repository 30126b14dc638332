"""Random effects given the data: posterior means or modes, with their covariance matrices."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ..elimination import Factor, expand, inverse_blocks
from ..quadrature import conditional, joint, place, tilt
from .batch import Batch
from .curvature import differentiates_nodes, fixed_node_derivatives
from .integrals import Point, State, adapted, contributions, densities_at, nodes_at, problem_of, rules_of, started
from .methods import LAPLACES
from .model import GeneralizedModel
from .modes import Problem, factor_at, find_modes, predictor, products, slopes, zeros


class EmpiricalBayes(NamedTuple):
    """Per random-effects equation `effects` (J, q) and `variances` (J, q, q), groups in the equation's order."""

    effects: tuple[Float[Array, "J q"], ...]
    variances: tuple[Float[Array, "J q q"], ...]


def empirical_bayes(model: GeneralizedModel, v: Float[ArrayLike, " d"], kind: str = "ebmeans") -> EmpiricalBayes:
    """Posterior means and covariances by quadrature (`ebmeans`), or joint modes with the blocks of the inverse of the
    negative Hessian (`ebmodes`).

    Raises:
        ValueError: means of a model that is integrated by Laplace's approximation, which has modes only.
    """
    if kind not in ("ebmeans", "ebmodes"):
        raise ValueError(f"`{kind}` are no predictions of random effects: use ebmeans or ebmodes")
    if kind == "ebmeans" and model.method in LAPLACES:
        raise ValueError(
            f"posterior means (ebmeans) need quadrature, and this model was integrated by intmethod({model.method}); "
            "use ebmodes"
        )
    return (_means if kind == "ebmeans" else _modes)(model, v)


@eqx.filter_jit
def _means(model: GeneralizedModel, v) -> EmpiricalBayes:
    point = model.point(jnp.asarray(v))

    def piece(model, batch: Batch, point: Point, _):
        assert batch.tree is not None
        problem = problem_of(model, batch, point)
        state = adapted(model, batch, point, started(model, batch, point))
        placed = place(rules_of(model, batch), nodes_at(model, batch, problem, state))
        tilted = tilt(batch.tree, placed, densities_at(model, batch, problem, placed))
        means, covariances = [], []
        for b, weight in zip(placed.positions, joint(batch.tree, conditional(tilted), scaled=False), strict=True):
            axes = tuple(range(1, weight.ndim))
            mean = jnp.sum(weight[..., None] * b, axis=axes)
            away = b - mean.reshape(mean.shape[:1] + (1,) * len(axes) + mean.shape[1:])
            flat = away.reshape(len(away), -1, away.shape[-1])
            means.append(mean)
            covariances.append(jnp.einsum("jk,jka,jkb->jab", weight.reshape(len(weight), -1), flat, flat))
        return tuple(means), tuple(covariances)

    means, covariances = model.each_piece(piece, point)
    return EmpiricalBayes(model.equations(means, point), model.equations(covariances, point, square=True))


@eqx.filter_jit
def _modes(model: GeneralizedModel, v) -> EmpiricalBayes:
    point = model.point(jnp.asarray(v))

    def piece(model, batch: Batch, point: Point, _):
        problem = problem_of(model, batch, point)
        modes = find_modes(problem, zeros(problem))
        if batch.tree is not None:
            return modes, _path_covariances(problem, factor_at(problem, modes))
        weight = slopes(problem, predictor(problem, modes))[1]
        return modes, inverse_blocks(problem.plan, products(problem, weight), problem.prior)

    modes, covariances = model.each_piece(piece, point)
    return EmpiricalBayes(model.equations(modes, point), model.equations(covariances, point, square=True))


def _path_covariances(problem: Problem, factor: Factor) -> tuple[Float[Array, "J q q"], ...]:
    """Covariances of every level's effects, from the top down: V_l = d k + M V M', with k the inverse of the level's
    own block, M = k B what a group takes from the levels above, and V their joint covariance.

    d is the group's cumulative weight: it multiplies the curvature, but a group is known no better for standing for
    many.
    """
    chain, depth = problem.plan.chain, len(problem.plan.chain)
    found: list = [None] * depth
    own = [k if d is None else k * expand(d, k.ndim) for k, d in zip(factor.k, problem.prior, strict=True)]
    found[-1] = joint_above = own[-1]  # of a group's effects and all effects above it, its own first
    for level in reversed(range(depth - 1)):
        above = joint_above[chain[level].ancestors[0]]
        taken = jnp.concatenate([factor.k[level] @ b for b in factor.between[level]], -1)
        cross = -taken @ above
        found[level] = own[level] - cross @ jnp.swapaxes(taken, 1, 2)
        top = jnp.concatenate([found[level], cross], -1)
        joint_above = jnp.concatenate([top, jnp.concatenate([jnp.swapaxes(cross, 1, 2), above], -1)], 1)
    return tuple(found)


@eqx.filter_jit
def cluster_scores(model: GeneralizedModel, v: Float[ArrayLike, " d"], state: State) -> Float[Array, "J d"]:
    """Derivatives of each top-level cluster's log likelihood in v, as the method takes them."""
    v = jnp.asarray(v)

    def piece(model, batch: Batch, v, state):
        if differentiates_nodes(model):
            return jax.jacfwd(lambda v: contributions(model, batch, model.point(v), state))(v)
        return fixed_node_derivatives(model, batch, v, state)[1].scores.T

    return model.gather(model.each_piece(piece, v, state), len(model.plan.terms) - 1)
