"""The remainder S of a crossed model as a linear operator: products with it, no matrix.

S = 1 + L'(A - sum_l P_l' K_l P_l) L, with A the products among the crossed columns, P_l the pairs of the chain's
level l and K_l its groups' inverses.  It is balanced by the diagonal blocks D of its levels, M = B^-1 S B^-T with
D = B B', so that M has the identity in those blocks.  Conjugate gradients on M are those on the whole system with one
symmetrised sweep of backfitting (block Gauss-Seidel) as their preconditioner, in half the steps.
"""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float

from .layout import SparseLayout
from .plan import Plan
from .products import Products
from .schur import LevelValues
from .spd import inverse_root

Blocks = tuple[Float[Array, "_ _ _"], ...]  # per crossed term (J, q, q)


class Balanced(eqx.Module):
    """M = B^-1 S B^-T.  `frame` is L B'^-1 of every level of the crossed terms and `own` (B B')^-1, so that
    M = `own`-blocks of B^-1 B^-T + frame' (A - sum P'KP) frame; `logdet` is log|D|.

    `group_values` and `column_values` hold P and KP, one array for each column of the level, in the places of the
    layout.
    """

    layout: SparseLayout
    frame: Blocks
    own: Blocks
    logdet: Float[Array, ""]
    diagonal: Float[Array, " Q"]
    across: Float[Array, "_ _"] | None
    group_values: tuple[tuple[Float[Array, "_ _"], ...], ...]
    column_values: tuple[tuple[Float[Array, "_ _"], ...], ...]

    def times(self, x: Float[Array, "Q t"]) -> Float[Array, "Q t"]:
        """M x."""
        return self.inner(x) + _by_level(self.own, x)

    def inner(self, x: Float[Array, "Q t"]) -> Float[Array, "Q t"]:
        u = _by_level(self.frame, x)
        y = self.diagonal[:, None] * u
        if self.across is not None:
            assert self.layout.across is not None
            y = y + self.layout.across.times(self.across, u)
        for level, down, up in zip(self.layout.chain, self.group_values, self.column_values, strict=True):
            for pairs, scaled in zip(down, up, strict=True):
                y = y - level.by_column.times(scaled, level.by_group.times(pairs, u))
        return _by_level(self.frame, y, transposed=True)

    def scaled(self, c: Float[Array, "Q w"]) -> Float[Array, "Q w"]:
        """B^-1 L' c, for the crossed columns' products with the dense ones."""
        return _by_level(self.frame, c, transposed=True)

    def back(self, x: Float[Array, "Q w"]) -> Float[Array, "Q w"]:
        """L B'^-1 x: with x = M^-1 B^-1 L'c this is L S^-1 L'c."""
        return _by_level(self.frame, x)


def balance(plan: Plan, products: Products, levels: Sequence[LevelValues], factors) -> Balanced:
    """`factors` holds the factor L of every term (None: 1)."""
    layout = plan.sparse
    assert layout is not None
    crossed = jnp.asarray(products.crossed_values)
    frames, inverses, logdet = [], [], jnp.zeros(())
    for i, t in enumerate(plan.crossed):
        block = jnp.moveaxis(crossed[layout.blocks[i]], 2, 0)
        for level, own in zip(layout.chain, levels, strict=True):
            met = jnp.einsum("cia,cja->cij", own.pairs[level.cells[i]], own.scaled[level.cells[i]])
            block = block - segment_sum(met, level.levels[i], plan.terms[t].size)
        eye = jnp.eye(plan.terms[t].width)
        factor = eye if factors is None else factors[t]
        root = _inverse_root(eye[None] + factor.T @ block @ factor)
        frames.append(factor @ jnp.swapaxes(root, 1, 2))
        inverses.append(root @ jnp.swapaxes(root, 1, 2))
        logdet = logdet - 2.0 * jnp.sum(jnp.log(jnp.diagonal(root, axis1=1, axis2=2)))
    across = None
    if layout.across is not None:
        across = layout.across.spread(jnp.tile(crossed[layout.off], 2))
    pairs = list(zip(layout.chain, levels, strict=True))
    return Balanced(
        layout, tuple(frames), tuple(inverses), logdet, crossed[layout.diagonal], across,
        tuple(tuple(level.by_group.spread(column) for column in own.pairs.T) for level, own in pairs),
        tuple(tuple(level.by_column.spread(column) for column in own.scaled.T) for level, own in pairs),
    )  # fmt: skip


def _inverse_root(blocks: Float[Array, "J q q"]) -> Float[Array, "J q q"]:
    return 1.0 / jnp.sqrt(blocks) if blocks.shape[-1] == 1 else inverse_root(blocks)


def _by_level(blocks: Blocks, x: Float[Array, "Q t"], transposed: bool = False) -> Float[Array, "Q t"]:
    """Every level's rows of x times its block (or the block's transpose)."""
    out, start = [], 0
    for block in blocks:
        size, width = block.shape[:2]
        rows = x[start : start + size * width]
        start += size * width
        if width == 1:
            out.append(block[:, 0] * rows)
        else:
            shaped = rows.reshape(size, width, -1)
            out.append(jnp.einsum("jba,jbt->jat" if transposed else "jab,jbt->jat", block, shaped).reshape(rows.shape))
    return jnp.concatenate(out)
