"""Weighted cross-products Z'WZ under `jit`: what changes with every evaluation of a generalized model.

Everything about which group a row belongs to is sorted once, on the host, into `Rows`.  Weights may have more axes than
the rows (quadrature nodes of higher levels); the products then have them too, after their leading one.  A row may have
several linear predictors: covariates have an axis for them in front, and weights two.
"""

import dataclasses
import functools
import itertools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.ops import segment_sum
from jaxtyping import Array, Float

from .plan import HostTerm, Index, Plan
from .products import CrossedCells, Products, crossed_cells


class Rows(eqx.Module):
    """For each row its group in every term (`codes`, in the order of `plan.terms`), its pairs with the crossed columns
    by chain level and crossed term (`pairs`, (n, width) each), and its cells among the crossed terms."""

    codes: tuple[Index, ...]
    pairs: tuple[tuple[Index, ...], ...]
    cells: tuple[CrossedCells, ...]


def make_rows(plan: Plan, hosts: list[HostTerm], numbers: list[list[np.ndarray]]) -> Rows:
    """`numbers` comes from `make_plan`."""
    pairs = tuple(tuple(n.astype(np.int32) for n in level) for level in numbers)
    return Rows(tuple(h.codes.astype(np.int32) for h in hosts), pairs, tuple(crossed_cells(plan, hosts)))


def weigh(plan: Plan, rows: Rows, z: tuple[Float[Array, "E n _"], ...], w: Float[Array, "E E n *K"]) -> Products:
    """Z'WZ in the blocks of the plan, z holding the columns of every term; there are no dense columns."""
    within, between, pairs = [], [], []
    for position, level in enumerate(plan.chain):
        codes, size = rows.codes[level.term], plan.terms[level.term].size
        own = z[level.term]
        within.append(_gram(w, own, own, codes, size))
        above = plan.chain[position + 1 :]
        between.append(tuple(_gram(w, own, z[up.term], codes, size) for up in above))
        pairs.append(_pair_sums(plan, rows.pairs[position], z, w, position))
    values = [_gram(w, z[c.a], z[c.b], c.number, c.count)[:, i, j] for c in rows.cells for i, j in c.columns]
    entries = [jnp.asarray(e) for c in rows.cells for e in c.entries]
    dense = tuple(jnp.zeros((*g.shape[:-1], 0)) for g in within)
    return Products(
        tuple(within), tuple(between), tuple(pairs), dense,
        jnp.concatenate(values) if values else jnp.zeros(0),
        jnp.concatenate(entries) if entries else jnp.zeros(0, jnp.int32),
        jnp.zeros((plan.columns, 0)), jnp.zeros((0, 0)),
    )  # fmt: skip


def weigh_dense(plan: Plan, rows: Rows, z: tuple[Float[Array, "n _"], ...], w: Float[Array, "n w"]) -> Products:
    """Z'Z, Z'W and W'W of columns that change with every evaluation; W holds the dense columns."""
    products = weigh(plan, rows, tuple(covariates[None] for covariates in z), jnp.ones((1, 1, w.shape[0])))

    def sums(t: int):
        return segment_sum(z[t][:, :, None] * w[:, None, :], rows.codes[t], plan.terms[t].size)

    dense = tuple(sums(level.term) for level in plan.chain)
    crossed = [sums(t).reshape(-1, w.shape[1]) for t in plan.crossed]
    crossed = jnp.concatenate(crossed) if crossed else jnp.zeros((0, w.shape[1]))
    return dataclasses.replace(products, dense=dense, crossed_dense=crossed, total=w.T @ w)


def _gram(w, a, b, codes, size: int):
    """Sum over each group of a_i' w_i b_i: (size, *K, columns of a, columns of b)."""

    def one(weight, left, right):
        outer = left[:, :, None] * right[:, None, :]
        return weight[..., None, None] * outer.reshape(len(outer), *(1,) * (weight.ndim - 1), *outer.shape[1:])

    return segment_sum(functools.reduce(jnp.add, (one(*triple) for triple in _triples(w, a, b))), codes, size)


def _triples(w, a, b):
    """(w_ef, a_e, b_f) for every pair of linear predictors."""
    return ((w[e, f], a[e], b[f]) for e, f in itertools.product(range(len(a)), repeat=2))


def _pair_sums(plan: Plan, numbers, z, w, position: int):
    """(pairs, q): sums of w z_i over the rows of each pair, times the crossed column's own value."""
    level = plan.chain[position]
    own, count = z[level.term], len(level.pair_group)
    width = own.shape[2]
    if not plan.crossed:
        return jnp.zeros((0, width))
    total = jnp.zeros((count, width))
    for number, t in zip(numbers, plan.crossed, strict=True):
        for column in range(z[t].shape[2]):
            parts = ((one * left)[:, None] * right for one, left, right in _triples(w, z[t][:, :, column], own))
            total = total + segment_sum(functools.reduce(jnp.add, parts), number[:, column], count)
    return total


def expand(values: Float[Array, "*n"], ndim: int) -> Float[Array, "..."]:
    """Axes of length 1 at the end, so that a value per row meets arrays with node axes."""
    return values.reshape(values.shape + (1,) * (ndim - values.ndim))
