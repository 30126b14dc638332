"""The data of whole top-level clusters, as the integrals read them."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._typing import ArrayLike, Response
from ..elimination import Plan, Rows
from ..quadrature import Tree


class Batch(eqx.Module):
    """Rows of some top-level clusters (of all of them, where memory allows; of everything in a crossed model).

    Covariates have the linear predictors (`E` of them, one for most families) as their first axis.  `base` is the
    offset plus what constraints fix of the fixed part.  `weights` multiply the rows' log densities (None:
    1), `joint_weights` include those of all groups that a row lies in, `prior` holds per term those of the groups,
    ancestors included.  `tree` is None where factors cross.  `clusters` (J,) per term is the top-level cluster of each
    group; `cluster` (n,) that of each row; there are `count` of them.
    """

    y: Response
    x: Float[ArrayLike, "*pieces E n p"]
    base: Float[ArrayLike, "*pieces E n"]
    z: tuple[Float[ArrayLike, "*pieces E n _"], ...]
    weights: Float[ArrayLike, "*pieces n"] | None
    joint_weights: Float[ArrayLike, "*pieces n"] | None
    prior: tuple[Float[ArrayLike, "*pieces _"] | None, ...]
    rows: Rows
    plan: Plan
    tree: Tree | None
    cluster: Int[ArrayLike, "*pieces n"]
    clusters: tuple[Int[ArrayLike, "*pieces _"], ...]
    count: int = eqx.field(static=True)


def log_density(family, y: Response, weights, eta: Float[Array, "E n *K"], aux) -> Float[Array, " n *K"]:
    """w_i log p(y_i | eta_i), the response reshaped to meet node axes."""
    return weighted_rows(family.logpdf(meet(y, eta.ndim - 1), eta if family.stacked else eta[0], aux), weights)


def weighted_rows(values: Float[Array, " n *K"], weights) -> Float[Array, " n *K"]:
    """w_i times the values; padding has weight 0 and may have any value."""
    if weights is None:
        return values
    heavy = meet(weights, values.ndim)
    return jnp.where(heavy == 0, 0.0, heavy * values)


def meet(y: Response, ndim: int) -> Response:
    """Leaves (n,) as (n, 1, ..., 1)."""
    return jax.tree.map(lambda leaf: leaf.reshape(leaf.shape + (1,) * (ndim - leaf.ndim)), y)
