"""log|V| and W'V^-1 W of a model, its remainder formed as a matrix and factorised, or met in products only."""

import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float

from .krylov import reduce_sparse
from .plan import Plan
from .products import Products
from .schur import Remainder, State, eliminate_chain, group_inverse, scale_crossed, start, update_above
from .sparse import Balanced, LevelValues, balance
from .spd import logdet_quadratic


def eliminate(plan: Plan, products: Products, factors: tuple[Float[Array, "_ _"], ...]) -> Remainder:
    """Eliminate the chain.  `factors` holds the relative factor L of every term, in the order of `plan.terms`."""
    if plan.sparse is not None:
        return eliminate_sparse(plan, products, factors)
    return scale_crossed(plan, factors, eliminate_chain(plan, products, factors))


def eliminate_sparse(plan: Plan, products: Products, factors: tuple[Float[Array, "_ _"], ...]) -> Remainder:
    """`eliminate` without the matrix: S is `Balanced`, and C is balanced with it."""
    state: State = start(products)
    logdet, total, c = jnp.zeros(()), products.total, jnp.asarray(products.crossed_dense)
    values = []
    for position, level in enumerate(plan.chain):
        logdets, k = group_inverse(state.within[position], factors[level.term])
        logdet = logdet + jnp.sum(logdets)
        pairs, dense = state.pairs[position], state.dense[position]
        values.append(LevelValues(k, pairs))
        kw = k @ dense
        total = total - jnp.einsum("jqa,jqb->ab", dense, kw)
        moved = jnp.einsum("pq,pqw->pw", pairs, kw[level.pair_group])
        c = c - segment_sum(moved, level.pair_column, plan.columns)
        state = update_above(plan, state, position, k, kw)
    balanced = balance(plan, products, values, factors)
    return Remainder(logdet, balanced, balanced.scaled(c), total)


def reduce_dense(remainder: Remainder) -> tuple[Float[Array, ""], Float[Array, "w w"]]:
    """(log|V|, W'V^-1 W) of the whole model."""
    if isinstance(remainder.s, Balanced):
        found = reduce_sparse(remainder.s, remainder.c)
        return remainder.logdet + found.logdet, remainder.total - found.quadratic
    if remainder.s.shape[0] == 0:
        return remainder.logdet, remainder.total
    logdet, quadratic = logdet_quadratic(remainder.s, remainder.c)
    return remainder.logdet + logdet, remainder.total - quadratic
