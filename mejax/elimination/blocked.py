"""The inverse of one large symmetric positive definite matrix in the place of the matrix itself.

Cholesky factorisation, inversion of the factor and the product of the inverse factors go block by block, each block
overwriting what nobody reads any more, so that beside the matrix a panel or two is all the memory that is needed.
Nearly all of the q^3 operations are products of matrices with `BLOCK` columns.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .spd import from_cholesky

BLOCK = 1024


def inverse_in_place(s: Float[Array, "Q Q"]) -> tuple[Float[Array, ""], Float[Array, "Q Q"]]:
    """(log|S|, S^-1), of which only the lower triangle is read; NaN where S is not positive definite.

    Where it is compiled, S must be nobody else's: its memory is that of the result.
    """
    edges = _edges(len(s))
    s = _factorised(s, edges)
    logdet = 2.0 * jnp.sum(jnp.log(jnp.diagonal(s)))
    return logdet, _mirrored(_multiplied(_inverted(s, edges), edges), edges)


def _edges(q: int) -> list[tuple[int, int]]:
    """First and last row of every block; only the last one may be smaller."""
    return [(start, min(start + BLOCK, q)) for start in range(0, q, BLOCK)]


def _summed(s, first: int, last: int, term, total):
    """S, and `total` plus term(S, k) for every whole block k from `first` to `last`, one after the other.

    S goes through the loop, so that no copy of it is kept for later.
    """
    if last <= first:
        return s, total
    add = lambda k, carry: (carry[0], carry[1] + term(carry[0], k * BLOCK))
    return jax.lax.fori_loop(first, last, add, (s, total))


def _factorised(s, edges):
    """The Cholesky factor, block column by block column, from what stands on its left."""
    q = len(s)
    for j, (a, b) in enumerate(edges):

        def term(s, k, a=a, b=b):
            left = jax.lax.dynamic_slice(s, (a, k), (q - a, BLOCK))
            return -left @ left[: b - a].T

        s, panel = _summed(s, 0, j, term, s[a:, a:b])
        root = jnp.linalg.cholesky(panel[: b - a], symmetrize_input=False)
        below = panel[b - a :] @ from_cholesky(root)[0].T
        s = jax.lax.dynamic_update_slice(s, jnp.concatenate([root, below]), (a, a))
    return s


def _inverted(s, edges):
    """The inverse of the factor, from the last block column to the first."""
    q = len(s)
    whole = q // BLOCK
    for j, (a, b) in reversed(list(enumerate(edges))):
        own, low = from_cholesky(s[a:b, a:b])[0], s[b:, a:b]

        def term(s, k, b=b, low=low, size=BLOCK):
            # a block column of the inverse, which stands on the right, times the rows of the panel that it meets
            right = _lower_part(jax.lax.dynamic_slice(s, (b, k), (q - b, size)), k - b)
            return right @ jax.lax.dynamic_slice(low, (k - b, 0), (size, low.shape[1]))

        s, product = _summed(s, j + 1, whole, term, jnp.zeros_like(low))
        if j < whole < len(edges):
            product = product + term(s, whole * BLOCK, size=q - whole * BLOCK)
        s = jax.lax.dynamic_update_slice(s, jnp.concatenate([own, -product @ own]), (a, a))
    return s


def _lower_part(panel, start):
    """The panel without what stands above the diagonal, its first column being number `start` of the rows."""
    rows, columns = jnp.arange(panel.shape[0])[:, None], jnp.arange(panel.shape[1])[None]
    return jnp.where(rows >= columns + start, panel, 0.0)


def _multiplied(s, edges):
    """The lower triangle of R'R from the lower triangular R, row of blocks by row of blocks."""
    q = len(s)
    whole = q // BLOCK
    for i, (a, b) in enumerate(edges):

        def term(s, k, a=a, b=b, size=BLOCK):
            rows = jax.lax.dynamic_slice(s, (k, 0), (size, b))
            return rows[:, a:].T @ rows

        own = _lower_part(s[a:b, :b], -a)
        s, row = _summed(s, i + 1, whole, term, own[:, a:].T @ own)
        if i < whole < len(edges):
            row = row + term(s, whole * BLOCK, size=q - whole * BLOCK)
        s = jax.lax.dynamic_update_slice(s, row, (a, 0))
    return s


def _mirrored(s, edges):
    """Both triangles from the lower one."""
    for a, b in edges:
        own = jnp.tril(s[a:b, a:b])
        s = jax.lax.dynamic_update_slice(s, own + jnp.tril(own, -1).T, (a, a))
        if a:
            s = jax.lax.dynamic_update_slice(s, s[a:b, :a].T, (0, a))
    return s
