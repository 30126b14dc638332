"""The model without random effects: where fits begin, and what they are tested against."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Float

from .._typing import ArrayLike
from .batch import Batch, log_density
from .pointwise import Evaluation, pointwise_derivatives


@eqx.filter_jit
def evaluate_single(model, v: Float[ArrayLike, " d"]) -> Evaluation:
    """Log likelihood, gradient and Hessian in (coefficients of the whitened columns, free ancillary parameters)."""
    v = jnp.asarray(v)
    p = model.root.shape[0]
    aux, slopes = model.family.printed(v[p:]), jax.jacfwd(model.family.printed)(v[p:])

    def piece(batch: Batch, _):
        eta = batch.base + batch.x @ v[:p]
        value = jnp.sum(log_density(model.family, batch.y, batch.weights, eta, aux))
        found = pointwise_derivatives(model.family, batch, eta, aux)
        by_aux = jnp.stack([jnp.sum(f) for f in found.first[1:]] or [jnp.zeros(())])[: len(aux)]
        gradient = jnp.concatenate([batch.x.T @ found.first[0], by_aux @ slopes])
        xx = batch.x.T @ (found.second[0][0][:, None] * batch.x)
        cross = [batch.x.T @ row[0] for row in found.second[1:]]
        xa = (jnp.stack(cross, 1) if cross else jnp.zeros((p, 0))) @ slopes
        aa = jnp.zeros((len(aux), len(aux)))
        for a in range(len(aux)):
            for b in range(a + 1):
                total = jnp.sum(found.second[a + 1][b + 1])
                aa = aa.at[a, b].set(total).at[b, a].set(total)
        bent = jax.hessian(lambda free: by_aux @ model.family.printed(free))(v[p:])
        hessian = jnp.block([[xx, xa], [xa.T, slopes.T @ aa @ slopes + bent]])
        return value, gradient, hessian

    found = model.each_piece(piece)
    value, gradient, hessian = found if model.pieces == 1 else jax.tree.map(lambda leaf: jnp.sum(leaf, 0), found)
    return Evaluation(v, value, gradient, hessian)
