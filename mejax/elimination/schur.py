"""Elimination of the random effects from the cross-products.

With V = I + Z Sigma Z' (Sigma relative to the residual variance) and W the dense columns, the likelihood needs
log|V| and W'V^-1 W only.  Level by level, K = L (I + L'AL)^-1 L' = (Sigma^-1 + A)^-1 of each group is formed (no
inverse of Sigma: it may be singular), and B'KB is taken from every block that the group meets.
"""

from dataclasses import replace
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jax.sharding import Mesh
from jaxtyping import Array, Float

from .._mesh import over_devices
from .._typing import ArrayLike
from .plan import ChainLevel, Plan
from .products import Products
from .spd import logdet_inverse

BY_GROUP = ("within", "between", "dense", "own", "whole")  # the fields of `Products` with an axis for the groups


class Remainder(NamedTuple):
    """What is left after the chain: log determinant so far, S = I + L'(Z'V^-1 Z)L and C = L'Z'V^-1 W of the crossed
    columns (V of the chain's effects alone), and W'V^-1 W."""

    logdet: Float[Array, ""]
    s: Float[Array, "Q Q"]
    c: Float[Array, "Q w"]
    total: Float[ArrayLike, "w w"]


class State(NamedTuple):
    within: list
    between: list
    pairs: list
    dense: list


def eliminate_chain(plan: Plan, products: Products, factors: tuple[Float[Array, "_ _"], ...]) -> Remainder:
    """Eliminate the chain, before the crossed terms' factors are applied: S is Z'V^-1 Z, C is Z'V^-1 W.  Reads the
    chain's factors only; everything that grows with the number of groups or pairs happens here."""
    if plan.mesh is not None:
        return _on_devices(plan, plan.mesh, products, factors)
    state = start(products)
    logdet = jnp.zeros(())
    total = products.total
    lower = jnp.zeros(plan.columns**2).at[products.crossed_entries].add(products.crossed_values)
    c = jnp.asarray(products.crossed_dense)
    for position, level in enumerate(plan.chain):
        logdets, k = group_inverse(state.within[position], factors[level.term])
        whole = None if products.whole is None else products.whole[position]
        logdet = logdet + jnp.sum(_times(whole, logdets))
        kw = k @ state.dense[position]
        total = total - jnp.einsum("jqa,jqb->ab", state.dense[position], _times(whole, kw))
        if plan.columns:
            kp = jnp.einsum("pqr,pr->pq", k[level.pair_group], state.pairs[position])
            lower = subtract_gram(level, lower, state.pairs[position], kp, plan)
            c = c - segment_sum(
                jnp.einsum("pq,pqw->pw", kp, state.dense[position][level.pair_group]), level.pair_column, plan.columns
            )
        own = None if products.own is None else products.own[position]
        state = update_above(plan, state, position, _times(own, k), _times(own, kw))
    return Remainder(logdet, symmetric(lower, plan.columns), c, total)


def _on_devices(plan: Plan, mesh: Mesh, products: Products, factors: tuple[Float[Array, "_ _"], ...]) -> Remainder:
    """The same for a nested model whose groups lie on several devices, whole top-level clusters on each."""
    terms = tuple(replace(term, size=term.size // mesh.size) for term in plan.terms)
    nothing = jnp.zeros(products.total.shape)

    def own(factors, part):
        here, ancestors, device = part
        sizes = [terms[level.term].size for level in plan.chain]
        chain = tuple(
            replace(level, ancestors=tuple(a - device * size for a, size in zip(above, sizes[k + 1 :], strict=True)))
            for k, (level, above) in enumerate(zip(plan.chain, ancestors, strict=True))
        )
        here = replace(products, **here, total=nothing)
        found = eliminate_chain(replace(plan, terms=terms, chain=chain, mesh=None), here, factors)
        return (found.logdet, found.total), ()

    by_group = {name: getattr(products, name) for name in BY_GROUP}
    shards = by_group, tuple(level.ancestors for level in plan.chain), jnp.arange(mesh.size)
    logdet, total = over_devices(mesh, own, factors, shards)[0]
    return Remainder(logdet, jnp.zeros((0, 0)), jnp.zeros((0, len(nothing))), products.total + total)


def eliminate_by_cluster(plan: Plan, products: Products, totals, factors):
    """The same for a nested model, kept apart by top-level cluster: (logdet (J,), W'V^-1 W (J, w, w)).

    `totals` is W'W of each top-level cluster.  Clusters stand in the order of the top level's first equation, which is
    not that of the groups where these lie on several devices.
    """
    state = start(products)
    top, order = plan.terms[plan.chain[-1].term].size, plan.terms[plan.chain[-1].term].orders[0]
    totals = totals if order is None else jnp.zeros((top, *totals.shape[1:])).at[order].set(totals)
    logdet = jnp.zeros(top)
    for position, level in enumerate(plan.chain):
        clusters = level.ancestors[-1] if level.ancestors else jnp.arange(top)
        logdets, k = group_inverse(state.within[position], factors[level.term])
        kw = k @ state.dense[position]
        own, whole = (None if part is None else part[position] for part in (products.own, products.whole))
        logdet = logdet + segment_sum(_times(whole, logdets), clusters, top)
        explained = jnp.einsum("jqa,jqb->jab", state.dense[position], _times(whole, kw))
        totals = totals - segment_sum(explained, clusters, top)
        state = update_above(plan, state, position, _times(own, k), _times(own, kw))
    return (logdet, totals) if order is None else (logdet[order], totals[order])


def _times(weights, values):
    """Each group's values times its weight."""
    return values if weights is None else values * weights.reshape((-1,) + (1,) * (values.ndim - 1))


def start(products: Products) -> State:
    return State(list(products.within), [list(b) for b in products.between], list(products.pairs), list(products.dense))


def group_inverse(a, factor):
    """log|I + L'AL| and K = L (I + L'AL)^-1 L' of every group."""
    logdets, inverse = logdet_inverse(jnp.eye(factor.shape[0])[None] + factor.T @ a @ factor)
    return logdets, factor @ inverse @ factor.T


def update_above(plan: Plan, state: State, position: int, k, kw) -> State:
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
    return State(within, between, pairs, dense)


def subtract_gram(level: ChainLevel, lower, pairs, kp, plan: Plan):
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


def symmetric(lower, q: int):
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
