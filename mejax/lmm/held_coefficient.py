"""A linear model whose coefficients satisfy one linear equation: what a profile of a coefficient maximises."""

from dataclasses import replace

import jax.numpy as jnp
import numpy as np

from .model import LinearModel


def with_coefficient(model: LinearModel, row: np.ndarray, value: float) -> LinearModel:
    """The model with row @ Params.fixed = value, the other coefficients free; by maximum likelihood only.

    In whitened columns the coefficients are delta0 + N gamma, N orthonormal: the columns become Q N, and the response
    loses Q delta0.  Only the likelihood of the result means anything: its own coefficients are gamma.
    """
    p = len(row)
    direction = np.asarray(model.unroot).T @ row
    length = float(np.linalg.norm(direction))
    right = (value - float(row @ np.asarray(model.shift))) / float(model.unit)
    full = np.linalg.qr(np.column_stack([direction / length, np.eye(p)]))[0]
    transform = np.zeros((p + 1, p))
    transform[:p, : p - 1] = full[:, 1:]
    transform[:p, -1] = -direction * right / length**2
    transform[-1, -1] = 1.0
    t, products, errors = jnp.asarray(transform), model.products, model.errors
    moved = replace(
        products, dense=tuple(d @ t for d in products.dense), crossed_dense=products.crossed_dense @ t,
        total=t.T @ products.total @ t,
    )  # fmt: skip
    if errors is not None:
        errors = replace(errors, w=errors.w @ t)
    eye = jnp.eye(p - 1)
    return replace(
        model, products=moved, errors=errors, root=eye, unroot=eye, shift=jnp.zeros(p - 1), basis=eye,
        offset=jnp.zeros(p - 1), cluster_totals=None,
    )  # fmt: skip
