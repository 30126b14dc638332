"""Factorise H = D + Z'WZ once, solve with it often: Newton steps and adjoints of a generalized model.

The random effects are b ~ N(0, I), Z holds their columns with the factors of their covariances already applied, so the
prior's precision D is the identity, or the weight of each group in a pseudolikelihood.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float

from .krylov import reduce_sparse
from .krylov import solve as solve_sparse
from .plan import Plan
from .products import Products
from .schur import schur_complement, walk
from .sparse import Balanced, balance
from .spd import logdet_inverse, logdet_quadratic

Blocks = tuple[Float[Array, "_ ..."], ...]  # per term (J, *K, q)


class Factor(NamedTuple):
    """Per chain level the inverse of each group's own block after the levels below (`k`), what it shares with the
    levels above (`between`) and with the crossed columns (`pairs`); the Cholesky factor of the dense remainder, or the
    remainder itself where it is met iteratively."""

    k: tuple[Float[Array, "_ ..."], ...]
    between: tuple[tuple[Float[Array, "_ ..."], ...], ...]
    pairs: tuple[Float[Array, "_ _"], ...]
    root: Float[Array, "Q Q"] | Balanced


class _Halfway(NamedTuple):
    """The elimination halfway: log determinants of the groups of each level (J, *K), and the remainder."""

    logdets: tuple[Float[Array, "_ ..."], ...]
    factor: Factor
    s: Float[Array, "Q Q"] | Balanced


def _without_chain(plan: Plan, products: Products, prior: tuple) -> _Halfway:
    """Eliminate the chain.  `prior` holds per term the precision of each group (J,), or None for 1."""
    invert = lambda term, block: logdet_inverse(_add_prior(block, prior[term]))
    levels = [values for _, values in walk(plan, products, invert)]
    if plan.sparse is not None:
        s = balance(plan, products, levels, None)
    else:
        s = schur_complement(plan, products, levels)
        s = s + jnp.diag(_crossed_prior(plan, prior)) if plan.columns else s
    factor = Factor(
        tuple(v.k for v in levels), tuple(v.between for v in levels), tuple(v.pairs for v in levels), jnp.zeros((0, 0))
    )
    return _Halfway(tuple(v.logdet for v in levels), factor, s)


def remainder(plan: Plan, products: Products, prior: tuple) -> Float[Array, "Q Q"] | Balanced:
    """What is left of H after the chain."""
    return _without_chain(plan, products, prior).s


def factorise(plan: Plan, products: Products, prior: tuple) -> Factor:
    """Everything that `solve` needs, H = D + Z'WZ in blocks; NaN where H is not positive definite."""
    halfway = _without_chain(plan, products, prior)
    if isinstance(halfway.s, Balanced):
        return halfway.factor._replace(root=halfway.s)
    root = jnp.linalg.cholesky(halfway.s, symmetrize_input=False) if plan.columns else halfway.s
    return halfway.factor._replace(root=root)


def log_determinants(plan: Plan, products: Products, prior: tuple) -> tuple[Blocks, Float[Array, ""]]:
    """log|H|: per chain level that of each group (J, *K), and that of the dense remainder."""
    halfway = _without_chain(plan, products, prior)
    if plan.columns == 0:
        return halfway.logdets, jnp.zeros(())
    if isinstance(halfway.s, Balanced):
        return halfway.logdets, reduce_sparse(halfway.s, jnp.zeros((plan.columns, 0))).logdet
    return halfway.logdets, logdet_quadratic(halfway.s, jnp.zeros((plan.columns, 0)))[0]


def inverse_blocks(plan: Plan, products: Products, prior: tuple) -> Blocks:
    """The diagonal blocks of H^-1, per term (J, q, q): derivatives of log|H| in the blocks of Z'WZ."""

    def total(within, crossed):
        moved = eqx.tree_at(lambda p: (p.within, p.crossed_values), products, (within, crossed))
        logdets, dense = log_determinants(plan, moved, prior)
        return sum((jnp.sum(logdet) for logdet in logdets), dense)

    within, crossed = jax.grad(total, argnums=(0, 1))(products.within, products.crossed_values)
    blocks = {c.term: 0.5 * (w + jnp.swapaxes(w, 1, 2)) for c, w in zip(plan.chain, within, strict=True)}
    blocks |= crossed_blocks(plan, crossed)
    return tuple(blocks[t] for t in range(len(plan.terms)))


def crossed_blocks(plan: Plan, values: Float[Array, " E"]) -> dict[int, Float[Array, "J q q"]]:
    """Diagonal blocks of each crossed term out of the derivative in `Products.crossed_values`, which begins with them.

    The derivative in a cell off the diagonal counts both triangles.
    """
    blocks, start = {}, 0
    for t in plan.crossed:
        term = plan.terms[t]
        block = jnp.zeros((term.size, term.width, term.width))
        for i in range(term.width):
            for j in range(i + 1):
                piece = values[start : start + term.size] * (1.0 if i == j else 0.5)
                block = block.at[:, i, j].set(piece).at[:, j, i].set(piece)
                start += term.size
        blocks[t] = block
    return blocks


def solve(plan: Plan, factor: Factor, right: Blocks) -> Blocks:
    """x with H x = `right`, per term (J, *K, q): forward along the chain, through the dense remainder, and back.

    Linear in `right`, so that it can be differentiated in both directions.
    """
    r = [right[level.term] for level in plan.chain]
    dense = _join(plan, right)
    for position, level in enumerate(plan.chain):
        kr = jnp.einsum("j...ab,j...b->j...a", factor.k[position], r[position])
        for up, ancestor in enumerate(level.ancestors):
            target = position + 1 + up
            size = plan.terms[plan.chain[target].term].size
            moved = jnp.einsum("j...qa,j...q->j...a", factor.between[position][up], kr)
            r[target] = r[target] - segment_sum(moved, ancestor, size)
        if plan.columns:
            moved = jnp.sum(factor.pairs[position] * kr[level.pair_group], axis=1)
            dense = dense - segment_sum(moved, level.pair_column, plan.columns)
    if plan.columns:
        dense = _solve_remainder(factor.root, dense[:, None])[:, 0]
    return _back(plan, factor, r, dense)


def _solve_remainder(root: Float[Array, "Q Q"] | Balanced, right: Float[Array, "Q w"]) -> Float[Array, "Q w"]:
    if isinstance(root, Balanced):
        return root.back(solve_sparse(root, root.scaled(right)))
    half = jax.lax.linalg.triangular_solve(root, right, left_side=True, lower=True)
    return jax.lax.linalg.triangular_solve(root, half, left_side=True, lower=True, transpose_a=True)


def _back(plan: Plan, factor: Factor, r: list, dense) -> Blocks:
    """From the top of the chain down, and the crossed columns cut into their terms."""
    found: dict[int, Array] = {}
    for t, offset in plan.offsets.items():
        size, width = plan.terms[t].size, plan.terms[t].width
        found[t] = dense[offset : offset + size * width].reshape(size, width)
    for position in reversed(range(len(plan.chain))):
        level = plan.chain[position]
        rest = r[position]
        for up, ancestor in enumerate(level.ancestors):
            above = found[plan.chain[position + 1 + up].term][ancestor]
            rest = rest - jnp.einsum("j...qa,j...a->j...q", factor.between[position][up], above)
        if plan.columns:
            moved = factor.pairs[position] * dense[level.pair_column][:, None]
            rest = rest - segment_sum(moved, level.pair_group, plan.terms[level.term].size)
        found[level.term] = jnp.einsum("j...ab,j...b->j...a", factor.k[position], rest)
    return tuple(found[t] for t in range(len(plan.terms)))


def _join(plan: Plan, blocks: Blocks):
    """The crossed terms' values in the order of the dense remainder."""
    return jnp.concatenate([blocks[t].reshape(-1) for t in plan.crossed]) if plan.crossed else jnp.zeros(0)


def _add_prior(block, prior):
    eye = jnp.eye(block.shape[-1])
    if prior is None:
        return block + eye.reshape((1,) * (block.ndim - 2) + eye.shape)
    shaped = prior.reshape(prior.shape + (1,) * (block.ndim - 1))
    return block + shaped * eye.reshape((1,) * (block.ndim - 2) + eye.shape)


def _crossed_prior(plan: Plan, prior: tuple):
    ones = [jnp.ones(plan.terms[t].size) if prior[t] is None else prior[t] for t in plan.crossed]
    return jnp.concatenate([jnp.repeat(o, plan.terms[t].width) for o, t in zip(ones, plan.crossed, strict=True)])
