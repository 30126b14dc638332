"""Elimination of the random effects from the cross-products.

With V = I + Z Sigma Z' (Sigma relative to the residual variance) and W the dense columns, the likelihood needs
log|V| and W'V^-1 W only.  Level by level, K = L (I + L'AL)^-1 L' = (Sigma^-1 + A)^-1 of each group is formed (no
inverse of Sigma: it may be singular), and B'KB is taken from every block that the group meets.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

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

Invert = Callable[[int, Array], tuple[Array, Array]]
BY_GROUP = ("within", "between", "dense", "own", "whole")  # the fields of `Products` with an axis for the groups


class Remainder(NamedTuple):
    """What is left after the chain: log determinant so far, S = I + L'(Z'V^-1 Z)L and C = L'Z'V^-1 W of the crossed
    columns (V of the chain's effects alone), and W'V^-1 W.  `s` is (Q, Q), or, where S is met in products only, a
    `Balanced`, with which C is balanced."""

    logdet: Float[Array, ""]
    s: Any
    c: Float[Array, "Q w"]
    total: Float[ArrayLike, "w w"]


class LevelValues(NamedTuple):
    """A level of the chain when those below it are eliminated.

    Of its groups `logdet` is log|I + L'AL| (J, *K), `k` K (J, *K, q, q), `between` what they share with the levels
    above, as in `Products`.  `pairs` are the pairs with crossed columns (P, q) and `scaled` K times them, `dense` the
    products with the dense columns (J, *K, q, w) and `solved` K times them.  `logdet` and `solved` count a group as
    often as it weighs.
    """

    logdet: Float[Array, "J ..."]
    k: Float[Array, "J ..."]
    between: tuple[Float[Array, "J ..."], ...]
    pairs: Float[Array, "P q"]
    scaled: Float[Array, "P q"]
    dense: Float[Array, "J ..."]
    solved: Float[Array, "J ..."]


class Eliminated(NamedTuple):
    """The chain eliminated, but for what it takes from the products among the crossed columns, which `levels` tell; the
    other fields are those of `Remainder` before the crossed terms' factors are applied."""

    levels: tuple[LevelValues, ...]
    logdet: Float[Array, ""]
    c: Float[Array, "Q w"]
    total: Float[ArrayLike, "w w"]


class State(NamedTuple):
    """The blocks of `Products`, level by level, after the elimination of some levels."""

    within: list
    between: list
    pairs: list
    dense: list


def walk(plan: Plan, products: Products, invert: Invert) -> Iterator[tuple[ChainLevel, LevelValues]]:
    """The levels of the chain, the lowest first, each when those below it are eliminated.

    `invert`(term, A) gives the log determinants and K of a term's groups, of which A (J, *K, q, q) is Z'Z by then.
    """
    between = [list(blocks) for blocks in products.between]
    state = State(list(products.within), between, list(products.pairs), list(products.dense))
    for position, level in enumerate(plan.chain):
        dense, pairs = state.dense[position], state.pairs[position]
        logdet, k = invert(level.term, state.within[position])
        own, whole = (None if part is None else part[position] for part in (products.own, products.whole))
        kw = k @ dense
        scaled = jnp.einsum("pqr,pr->pq", k[level.pair_group], pairs) if plan.columns else pairs
        above = tuple(state.between[position])
        yield level, LevelValues(_times(whole, logdet), k, above, pairs, scaled, dense, _times(whole, kw))
        state = _update_above(plan, state, position, _times(own, k), _times(own, kw))


def relative(factors: tuple[Float[Array, "_ _"], ...]) -> Invert:
    """log|I + L'AL| and K = L (I + L'AL)^-1 L' with the relative factor L of each term."""

    def invert(term, a):
        factor = factors[term]
        logdet, inverse = logdet_inverse(jnp.eye(factor.shape[0])[None] + factor.T @ a @ factor)
        return logdet, factor @ inverse @ factor.T

    return invert


def eliminate_levels(plan: Plan, products: Products, factors: tuple[Float[Array, "_ _"], ...]) -> Eliminated:
    """Eliminate the chain without forming the remainder."""
    logdet, total, c, levels = jnp.zeros(()), products.total, jnp.asarray(products.crossed_dense), []
    for level, values in walk(plan, products, relative(factors)):
        levels.append(values)
        logdet = logdet + jnp.sum(values.logdet)
        total = total - jnp.einsum("jqa,jqb->ab", values.dense, values.solved)
        if plan.columns:
            moved = jnp.einsum("pq,pqw->pw", values.scaled, values.dense[level.pair_group])
            c = c - segment_sum(moved, level.pair_column, plan.columns)
    return Eliminated(tuple(levels), logdet, c, total)


def eliminate_chain(plan: Plan, products: Products, factors: tuple[Float[Array, "_ _"], ...]) -> Remainder:
    """Eliminate the chain, before the crossed terms' factors are applied: S is Z'V^-1 Z, C is Z'V^-1 W.  Reads the
    chain's factors only; everything that grows with the number of groups or pairs happens here."""
    if plan.mesh is not None:
        return _on_devices(plan, plan.mesh, products, factors)
    found = eliminate_levels(plan, products, factors)
    return Remainder(found.logdet, schur_complement(plan, products, found.levels), found.c, found.total)


def schur_complement(plan: Plan, products: Products, levels: Sequence[LevelValues]) -> Float[Array, "Q Q"]:
    """The products among the crossed columns less what the chain's levels take from them."""
    lower = jnp.zeros(plan.columns**2).at[products.crossed_entries].add(products.crossed_values)
    if plan.columns:
        for level, values in zip(plan.chain, levels, strict=True):
            lower = _subtract_gram(level, lower, values.pairs, values.scaled, plan)
    return _symmetric(lower, plan.columns)


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
    top, order = plan.terms[plan.chain[-1].term].size, plan.terms[plan.chain[-1].term].orders[0]
    totals = totals if order is None else jnp.zeros((top, *totals.shape[1:])).at[order].set(totals)
    logdet = jnp.zeros(top)
    for level, values in walk(plan, products, relative(factors)):
        clusters = level.ancestors[-1] if level.ancestors else jnp.arange(top)
        logdet = logdet + segment_sum(values.logdet, clusters, top)
        explained = jnp.einsum("jqa,jqb->jab", values.dense, values.solved)
        totals = totals - segment_sum(explained, clusters, top)
    return (logdet, totals) if order is None else (logdet[order], totals[order])


def _times(weights, values):
    """Each group's values times its weight."""
    return values if weights is None else values * weights.reshape((-1,) + (1,) * (values.ndim - 1))


def _update_above(plan: Plan, state: State, position: int, k, kw) -> State:
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
