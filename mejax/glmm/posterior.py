"""Random effects given the data: posterior means or modes, with their covariance matrices."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ..elimination import inverse_blocks
from ..quadrature import conditional, joint, place, tilt
from .batch import Batch
from .curvature import differentiates_nodes, fixed_node_derivatives
from .integrals import State, adapted, contributions, densities_at, nodes_at, problem_of, rules_of, started
from .methods import LAPLACES
from .model import GeneralizedModel
from .modes import find_modes, predictor, products, slopes, zeros


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

    def piece(batch: Batch, _):
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

    means, covariances = model.each_piece(piece)
    return EmpiricalBayes(model.equations(means, point), model.equations(covariances, point, square=True))


@eqx.filter_jit
def _modes(model: GeneralizedModel, v) -> EmpiricalBayes:
    point = model.point(jnp.asarray(v))

    def piece(batch: Batch, _):
        problem = problem_of(model, batch, point)
        modes = find_modes(problem, zeros(problem))
        weight = slopes(problem, predictor(problem, modes))[1]
        return modes, inverse_blocks(problem.plan, products(problem, weight), problem.prior)

    modes, covariances = model.each_piece(piece)
    return EmpiricalBayes(model.equations(modes, point), model.equations(covariances, point, square=True))


@eqx.filter_jit
def cluster_scores(model: GeneralizedModel, v: Float[ArrayLike, " d"], state: State) -> Float[Array, "J d"]:
    """Derivatives of each top-level cluster's log likelihood in v, as the method takes them."""
    v = jnp.asarray(v)

    def piece(batch: Batch, state):
        if differentiates_nodes(model):
            return jax.jacfwd(lambda v: contributions(model, batch, model.point(v), state))(v)
        return fixed_node_derivatives(model, batch, v, state)[1].scores.T

    return model.gather(model.each_piece(piece, state), len(model.plan.terms) - 1)
