"""Log determinants and inverses of symmetric positive definite matrices, with derivative rules of their own.

JAX's rule for the Cholesky factor costs two triangular solves with a full right-hand side per derivative; what the
likelihood needs are d log|D| = tr(D^-1 dD) and dD^-1 = -D^-1 dD D^-1, which reuse one inverse.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

LEAF = 320  # below this size triangular solves are faster than halving


@jax.custom_jvp
def logdet_inverse(d: Float[Array, "*batch q q"]) -> tuple[Float[Array, "*batch"], Float[Array, "*batch q q"]]:
    """(log|D|, D^-1) of a batch of symmetric positive definite matrices; NaN where one is not."""
    q = d.shape[-1]
    if q <= 3:
        return _by_sweeps(d)
    factor = jnp.linalg.cholesky(d, symmetrize_input=False)
    logdet = 2.0 * jnp.sum(jnp.log(jnp.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)
    return logdet, from_cholesky(factor)[1]


@logdet_inverse.defjvp
def _logdet_inverse_jvp(primals, tangents):
    (d,), (dd,) = primals, tangents
    logdet, inverse = logdet_inverse(d)
    return (logdet, inverse), (jnp.sum(inverse * dd, axis=(-2, -1)), -inverse @ dd @ inverse)


@jax.custom_jvp
def inverse_root(d: Float[Array, "*batch q q"]) -> Float[Array, "*batch q q"]:
    """L^-1 of a batch of symmetric positive definite matrices D = L L'; NaN where one is not.

    The derivative is -phi(A dD A') A, A = L^-1, phi the lower triangle with half its diagonal (Murray 2016), so that no
    factorisation but the first is needed: besides the time, two batched ones at once may wait for each other for ever
    in the CPU runtime's own threads (jaxlib 0.10.2 on two cores).
    """
    factor = jnp.linalg.cholesky(d, symmetrize_input=False)
    eye = jnp.broadcast_to(jnp.eye(d.shape[-1]), d.shape)
    return jax.lax.linalg.triangular_solve(factor, eye, left_side=True, lower=True)


@inverse_root.defjvp
def _inverse_root_jvp(primals, tangents):
    (d,), (dd,) = primals, tangents
    root = inverse_root(d)
    moved = root @ dd @ jnp.swapaxes(root, -1, -2)
    half = 0.5 * (jnp.tril(moved) + jnp.tril(moved, -1))
    return root, -half @ root


def from_cholesky(factor: Float[Array, "*batch q q"]) -> tuple[Float[Array, "*batch q q"], Float[Array, "*batch q q"]]:
    """(L^-1, (L L')^-1) by halves: 4/3 q^3 operations, nearly all in matrix products, where solving takes 3 q^3."""
    q = factor.shape[-1]
    if q <= LEAF:
        eye = jnp.broadcast_to(jnp.eye(q), factor.shape)
        root = jax.lax.linalg.triangular_solve(factor, eye, left_side=True, lower=True)
        return root, jnp.swapaxes(root, -1, -2) @ root
    half = q // 2
    top, top_inverse = from_cholesky(factor[..., :half, :half])
    low, low_inverse = from_cholesky(factor[..., half:, half:])
    corner = -low @ (factor[..., half:, :half] @ top)
    side = jnp.swapaxes(corner, -1, -2)
    root = jnp.concatenate([jnp.pad(top, _right(corner, q - half)), jnp.concatenate([corner, low], -1)], -2)
    across = side @ low
    upper = jnp.concatenate([top_inverse + side @ corner, across], -1)
    lower = jnp.concatenate([jnp.swapaxes(across, -1, -2), low_inverse], -1)
    return root, jnp.concatenate([upper, lower], -2)


def _right(matrix, columns: int):
    """Padding that adds columns of zeros on the right."""
    return [(0, 0)] * (matrix.ndim - 1) + [(0, columns)]


def _by_sweeps(d):
    """Small matrices: eliminate one variable after the other on whole batches, without a call per matrix."""
    q = d.shape[-1]
    if q == 1:
        return jnp.log(d[..., 0, 0]), 1.0 / d
    pivot = d[..., :1, :1]
    row = d[..., :1, 1:] / pivot
    logdet, lower = _by_sweeps(d[..., 1:, 1:] - jnp.swapaxes(d[..., :1, 1:], -1, -2) * row)
    corner = -row @ lower
    top = 1.0 / pivot - corner @ jnp.swapaxes(row, -1, -2)
    inverse = jnp.concatenate(
        [jnp.concatenate([top, corner], -1), jnp.concatenate([jnp.swapaxes(corner, -1, -2), lower], -1)], -2
    )
    return logdet + jnp.log(pivot[..., 0, 0]), inverse


@jax.custom_jvp
def logdet_quadratic(s: Float[Array, "Q Q"], c: Float[Array, "Q w"]) -> tuple[Float[Array, ""], Float[Array, "w w"]]:
    """(log|S|, C' S^-1 C) of one large matrix."""
    factor = jnp.linalg.cholesky(s, symmetrize_input=False)
    half = jax.lax.linalg.triangular_solve(factor, c, left_side=True, lower=True)
    return 2.0 * jnp.sum(jnp.log(jnp.diagonal(factor))), half.T @ half


@logdet_quadratic.defjvp
def _logdet_quadratic_jvp(primals, tangents):
    (s, c), (ds, dc) = primals, tangents
    logdet, inverse = logdet_inverse(s)
    x = inverse @ c
    cross = dc.T @ x
    return (logdet, c.T @ x), (jnp.sum(inverse * ds), cross + cross.T - x.T @ (ds @ x))
