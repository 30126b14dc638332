"""Structured within-group errors of a linear model: the cross-products at a given R.

With rows multiplied by R^-1/2, V = sigma_e^2 (R + Z Sigma Z') is that of independent errors, log|R| apart: whatever is
known of a `LinearModel` holds for the one with the cross-products of these rows.
"""

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ..covstruct import ErrorRows, error_diagonal, whiten
from ..elimination import Rows, logdet_inverse, weigh_dense

if TYPE_CHECKING:
    from .model import LinearModel


class GroupErrors(eqx.Module):
    """Everything about the rows: the errors' own data, the group of each row in every term, the working covariates of
    every term, the dense columns (whitened X, then the response), the predicted mean where the errors' variance is a
    function of it."""

    rows: ErrorRows
    places: Rows
    z: tuple[Float[ArrayLike, "n _"], ...]
    w: Float[ArrayLike, "n w"]
    mean: Float[ArrayLike, " n"] | None = None


def at_errors(model: "LinearModel", residual: Float[ArrayLike, " r"]):
    """(the model with the cross-products at these errors, logs of the rows' conditional standard deviations).

    The sum of the logs is log|R| / 2.  Without structured errors the model as it is, and no logs.
    """
    held = model.errors
    if held is None:
        return model, jnp.zeros(0)
    assert model.variances.errors is not None
    columns = jnp.concatenate([*map(jnp.asarray, held.z), jnp.asarray(held.w)], axis=1)
    logs, white = whiten(model.variances.errors, held.rows, residual[:-1], columns, held.mean)
    z, start = [], 0
    for covariates in held.z:
        z.append(white[:, start : start + covariates.shape[1]])
        start += covariates.shape[1]
    w = white[:, start:]
    moved = eqx.tree_at(lambda m: m.products, model, weigh_dense(model.plan, held.places, tuple(z), w))
    if model.cluster_totals is None:
        return moved, logs
    totals = sums_by_cluster(model, w[:, :, None] * w[:, None, :])
    return eqx.tree_at(lambda m: m.cluster_totals, moved, (model.cluster_totals[0], totals)), logs


def sums_by_cluster(model: "LinearModel", values: Float[Array, "n ..."]):
    """Sums over the rows of each top-level cluster; 0 where there are no structured errors."""
    if model.errors is None:
        return 0.0
    top = model.plan.chain[-1].term
    return segment_sum(values, model.errors.places.codes[top], model.plan.terms[top].size)


@eqx.filter_jit
def error_variances(model: "LinearModel", v: Float[ArrayLike, " m"]) -> Float[Array, " n"]:
    """Variances of the within-group errors of the rows at the optimiser's v; () where they are all equal."""
    residual = model.variances.residual(v)
    scale = jnp.exp(2.0 * residual[-1])
    if model.errors is None:
        return scale
    assert model.variances.errors is not None
    return scale * error_diagonal(model.variances.errors, model.errors.rows, residual[:-1], model.errors.mean)


@eqx.filter_jit
def error_covariance(model: "LinearModel", v: Float[ArrayLike, " m"], chosen: Float[ArrayLike, "n k"]):
    """The covariance matrix (k, k) of the errors of some rows, one indicator column for each; whole groups of them.

    (C'C)^-1 with C = R^-1/2 times the indicators: groups are independent of one another.
    """
    residual = model.variances.residual(v)
    if model.errors is None:
        return jnp.exp(2.0 * residual[-1]) * jnp.eye(chosen.shape[1])
    assert model.variances.errors is not None
    held = model.errors
    white = whiten(model.variances.errors, held.rows, residual[:-1], jnp.asarray(chosen), held.mean)[1]
    return jnp.exp(2.0 * residual[-1]) * logdet_inverse(white.T @ white)[1]
