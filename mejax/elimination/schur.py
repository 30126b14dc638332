"""Elimination of the random effects from the cross-products.

With V = I + Z Sigma Z' (Sigma relative to the residual variance) and W the dense columns, the likelihood needs
log|V| and W'V^-1 W only.  Level by level, K = L (I + L'AL)^-1 L' = (Sigma^-1 + A)^-1 of each group is formed (no
inverse of Sigma: it may be singular), and B'KB is taken from every block that the group meets.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float

from .._typing import ArrayLike
from .plan import ChainLevel, Plan
from .products import Products
from .spd import logdet_inverse, logdet_quadratic


class Remainder(NamedTuple):
    """What is left after the chain: log determinant so far, S = I + L'(Z'V^-1 Z)L and C = L'Z'V^-1 W of the crossed
    columns (V of the chain's effects alone), and W'V^-1 W."""

    logdet: Float[Array, ""]
    s: Float[Array, "Q Q"]
    c: Float[Array, "Q w"]
    total: Float[ArrayLike, "w w"]


class _State(NamedTuple):
    within: list
    between: list
    pairs: list
    dense: list


def eliminate(plan: Plan, products: Products, factors: tuple[Float[Array, "_ _"], ...]) -> Remainder:
    """Eliminate the chain.  `factors` holds the relative factor L of every term, in the order of `plan.terms`."""
    return scale_crossed(plan, factors, eliminate_chain(plan, products, factors))


def eliminate_chain(plan: Plan, products: Products, factors: tuple[Float[Array, "_ _"], ...]) -> Remainder:
    """The same before the crossed terms' factors are applied: S is Z'V^-1 Z, C is Z'V^-1 W.  Reads the chain's factors
    only; everything that grows with the number of groups or pairs happens here."""
    state = _start(products)
    logdet = jnp.zeros(())
    total = products.total
    lower = jnp.zeros(plan.columns**2).at[products.crossed_entries].add(products.crossed_values)
    c = jnp.asarray(products.crossed_dense)
    for position, level in enumerate(plan.chain):
        logdets, k = _group_inverse(state.within[position], factors[level.term])
        whole = None if products.whole is None else products.whole[position]
        logdet = logdet + jnp.sum(_times(whole, logdets))
        kw = k @ state.dense[position]
        total = total - jnp.einsum("jqa,jqb->ab", state.dense[position], _times(whole, kw))
        if plan.columns:
            kp = jnp.einsum("pqr,pr->pq", k[level.pair_group], state.pairs[position])
            lower = _subtract_gram(level, lower, state.pairs[position], kp, plan)
            c = c - segment_sum(
                jnp.einsum("pq,pqw->pw", kp, state.dense[position][level.pair_group]), level.pair_column, plan.columns
            )
        own = None if products.own is None else products.own[position]
        state = _update_above(plan, state, position, _times(own, k), _times(own, kw))
    return Remainder(logdet, _symmetric(lower, plan.columns), c, total)


def eliminate_by_cluster(plan: Plan, products: Products, totals, factors):
    """The same for a nested model, kept apart by top-level cluster: (logdet (J,), W'V^-1 W (J, w, w)).

    `totals` is W'W of each top-level cluster.
    """
    state = _start(products)
    top = plan.terms[plan.chain[-1].term].size
    logdet = jnp.zeros(top)
    for position, level in enumerate(plan.chain):
        clusters = level.ancestors[-1] if level.ancestors else jnp.arange(top)
        logdets, k = _group_inverse(state.within[position], factors[level.term])
        kw = k @ state.dense[position]
        own, whole = (None if part is None else part[position] for part in (products.own, products.whole))
        logdet = logdet + segment_sum(_times(whole, logdets), clusters, top)
        explained = jnp.einsum("jqa,jqb->jab", state.dense[position], _times(whole, kw))
        totals = totals - segment_sum(explained, clusters, top)
        state = _update_above(plan, state, position, _times(own, k), _times(own, kw))
    return logdet, totals


def _times(weights, values):
    """Each group's values times its weight."""
    return values if weights is None else values * weights.reshape((-1,) + (1,) * (values.ndim - 1))


def reduce_dense(remainder: Remainder) -> tuple[Float[Array, ""], Float[Array, "w w"]]:
    """(log|V|, W'V^-1 W) of the whole model."""
    if remainder.s.shape[0] == 0:
        return remainder.logdet, remainder.total
    logdet, quadratic = logdet_quadratic(remainder.s, remainder.c)
    return remainder.logdet + logdet, remainder.total - quadratic


def _start(products: Products) -> _State:
    return _State(
        list(products.within), [list(b) for b in products.between], list(products.pairs), list(products.dense)
    )


def _group_inverse(a, factor):
    """log|I + L'AL| and K = L (I + L'AL)^-1 L' of every group."""
    logdets, inverse = logdet_inverse(jnp.eye(factor.shape[0])[None] + factor.T @ a @ factor)
    return logdets, factor @ inverse @ factor.T


def _update_above(plan: Plan, state: _State, position: int, k, kw) -> _State:
    """Take B'KB from the blocks of the levels above."""
    level = plan.chain[position]
    within, between, pairs, dense = (list(part) for part in state)
    for up, ancestor in enumerate(level.ancestors):
        target = position + 1 + up
        size = plan.terms[plan.chain[target].term].size
        b = state.between[position][up]
        kb = k @ b
        within[target] = within[target] - segment_sum(jnp.einsum("j...qa,j...qb->j...ab", b, kb), ancestor, size)
        between[target] = [
            old
            - segment_sum(jnp.einsum("j...qa,j...qb->j...ab", kb, state.between[position][up + 1 + m]), ancestor, size)
            for m, old in enumerate(between[target])
        ]
        dense[target] = dense[target] - segment_sum(jnp.einsum("j...qa,j...qw->j...aw", b, kw), ancestor, size)
        if plan.columns:
            change = jnp.einsum("pqa,pq->pa", kb[level.pair_group], state.pairs[position])
            pairs[target] = pairs[target] - segment_sum(change, level.pair_ancestors[up], pairs[target].shape[0])
    return _State(within, between, pairs, dense)


def _subtract_gram(level: ChainLevel, lower, pairs, kp, plan: Plan):
    """Take P'KP, summed over the groups, from the flattened lower triangle."""
    q = plan.columns
    if level.heavy:
        shape = (level.heavy * q, pairs.shape[1])
        wide = jnp.zeros(shape).at[level.heavy_cells].set(pairs[level.heavy_pairs]).reshape(level.heavy, q, -1)
        scaled = jnp.zeros(shape).at[level.heavy_cells].set(kp[level.heavy_pairs]).reshape(level.heavy, q, -1)
        lower = lower - jnp.tril(jnp.einsum("jaq,jbq->ab", wide, scaled)).reshape(-1)
    if len(level.left) == 0:
        return lower
    values = jax.lax.optimization_barrier(-jnp.sum(pairs[level.left] * kp[level.right], axis=1))
    return lower.at[level.entry].add(values)


def _symmetric(lower, q: int):
    # the barrier keeps XLA from fusing the transposition into the scatters, which trebles their time on a CPU
    lower = jax.lax.optimization_barrier(lower).reshape(q, q)
    return lower + jnp.tril(lower, -1).T


def scale_crossed(plan: Plan, factors, remainder: Remainder) -> Remainder:
    """Apply the factors of the crossed terms to the remainder's rows and columns and add the identity to S."""
    if plan.columns == 0:
        return remainder
    s = _rows(plan, factors, _rows(plan, factors, remainder.s).T)
    return remainder._replace(s=s + jnp.eye(plan.columns), c=_rows(plan, factors, remainder.c))


def _rows(plan: Plan, factors, matrix):
    """L' times the rows of each crossed term."""
    parts = []
    for t, offset in plan.offsets.items():
        term = plan.terms[t]
        block = matrix[offset : offset + term.size * term.width]
        if term.width == 1:
            parts.append(factors[t][0, 0] * block)
        else:
            shaped = block.reshape(term.size, term.width, -1)
            parts.append(jnp.einsum("ab,jac->jbc", factors[t], shaped).reshape(block.shape))
    return jnp.concatenate(parts)
