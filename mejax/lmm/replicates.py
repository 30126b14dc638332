"""One linear model with many responses, or many counts of its clusters: what a bootstrap evaluates in one program."""

from dataclasses import replace
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float, Int

from .._typing import ArrayLike
from .curvature import Evaluation, evaluate

if TYPE_CHECKING:
    from .model import LinearModel


class ResponseRows(eqx.Module):
    """Of every row its group in each term, the working covariates of each term, and the whitened fixed columns."""

    codes: tuple[Int[ArrayLike, " n"], ...]
    z: tuple[Float[ArrayLike, "n _"], ...]
    columns: Float[ArrayLike, "n p"]


def with_response(model: "LinearModel", rows: ResponseRows, y: Float[Array, " n"]) -> "LinearModel":
    """The model with another response (less the offset); the observations have no weights."""
    q = jnp.asarray(rows.columns)
    first = q.T @ y
    residual = y - q @ first
    again = q.T @ residual
    residual = residual - q @ again
    unit = jnp.sqrt(jnp.mean(residual**2))
    response = residual / unit
    plan, products = model.plan, model.products

    def sums(t: int):
        return segment_sum(jnp.asarray(rows.z[t]) * response[:, None], rows.codes[t], plan.terms[t].size)

    chain = zip(products.dense, plan.chain, strict=True)
    crossed = [sums(t).reshape(-1) for t in plan.crossed]
    total = jnp.asarray(products.total).at[-1, :].set(0.0).at[:, -1].set(0.0).at[-1, -1].set(response @ response)
    moved = replace(
        products, total=total, dense=tuple(jnp.asarray(d).at[..., -1].set(sums(level.term)) for d, level in chain),
        crossed_dense=jnp.asarray(products.crossed_dense).at[:, -1].set(jnp.concatenate([jnp.zeros(0), *crossed])),
    )  # fmt: skip
    errors = model.errors
    if errors is not None:
        errors = replace(errors, w=jnp.asarray(errors.w).at[:, -1].set(response))
    return replace(model, products=moved, errors=errors, shift=model.unroot @ (first + again), unit=unit)


def with_counts(model: "LinearModel", counts: Float[Array, " J"]) -> "LinearModel":
    """The model in which each top-level cluster stands as often as `counts` says; needs `cluster_totals`."""
    assert model.cluster_totals is not None
    plan = model.plan
    own, whole = [], []
    for level in plan.chain:
        clusters = level.ancestors[-1] if level.ancestors else None
        whole.append(counts if clusters is None else counts[clusters])
        own.append(counts if clusters is None else jnp.ones(len(clusters)))
    numbers, totals = model.cluster_totals
    total = jnp.einsum("j,jab->ab", counts, jnp.asarray(totals))
    products = replace(model.products, own=tuple(own), whole=tuple(whole), total=total)
    return replace(model, products=products, count=counts @ jnp.asarray(numbers))


@eqx.filter_jit
def evaluate_responses(
    model: "LinearModel", rows: ResponseRows, y: Float[ArrayLike, "B n"], v: Float[ArrayLike, "B m"]
) -> Evaluation:
    """`evaluate` for every response at its own v; results along a leading axis."""
    return jax.vmap(lambda one, at: evaluate(with_response(model, rows, one), at))(jnp.asarray(y), jnp.asarray(v))


@eqx.filter_jit
def evaluate_counts(model: "LinearModel", counts: Float[ArrayLike, "B J"], v: Float[ArrayLike, "B m"]) -> Evaluation:
    """`evaluate` for every set of counts at its own v; results along a leading axis."""
    return jax.vmap(lambda one, at: evaluate(with_counts(model, one), at))(jnp.asarray(counts), jnp.asarray(v))
