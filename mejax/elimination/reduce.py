"""log|V| and W'V^-1 W of a model, its remainder formed as a matrix and factorised, or met in products only."""

from jaxtyping import Array, Float

from .krylov import reduce_sparse
from .plan import Plan
from .products import Products
from .schur import Remainder, eliminate_chain, eliminate_levels, scale_crossed
from .sparse import Balanced, balance
from .spd import logdet_quadratic


def eliminate(plan: Plan, products: Products, factors: tuple[Float[Array, "_ _"], ...]) -> Remainder:
    """Eliminate the chain.  `factors` holds the relative factor L of every term, in the order of `plan.terms`."""
    if plan.sparse is not None:
        return eliminate_sparse(plan, products, factors)
    return scale_crossed(plan, factors, eliminate_chain(plan, products, factors))


def eliminate_sparse(plan: Plan, products: Products, factors: tuple[Float[Array, "_ _"], ...]) -> Remainder:
    """`eliminate` without the matrix: S is `Balanced`, and C is balanced with it."""
    found = eliminate_levels(plan, products, factors)
    balanced = balance(plan, products, found.levels, factors)
    return Remainder(found.logdet, balanced, balanced.scaled(found.c), found.total)


def reduce_dense(remainder: Remainder) -> tuple[Float[Array, ""], Float[Array, "w w"]]:
    """(log|V|, W'V^-1 W) of the whole model."""
    if isinstance(remainder.s, Balanced):
        found = reduce_sparse(remainder.s, remainder.c)
        return remainder.logdet + found.logdet, remainder.total - found.quadratic
    if remainder.s.shape[0] == 0:
        return remainder.logdet, remainder.total
    logdet, quadratic = logdet_quadratic(remainder.s, remainder.c)
    return remainder.logdet + logdet, remainder.total - quadratic
