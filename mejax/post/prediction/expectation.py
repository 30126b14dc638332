"""Averages over random effects that can be differentiated, in the variance of the linear predictor too.

With z standard normal and R R' = T, the derivative of F(T) = E f(eta + R z) in T is that of the heat equation,
dF = E h(f) with h(f) = tr(dT f'') / 2 (Price 1958).  So with T0 the value of T held,

    F(T) = E [f + h(f) + h(h(f)) / 2 + ...](eta + R0 z),  dT = T - T0,

whose terms beyond the first are zero, and whose derivatives are those of F: no root of T is differentiated, which has
no derivative where a variance is zero.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...likelihoods import AbstractFamily
from .average import line_points, predictors, several_nodes

Function = Callable[[Any], Any]
_REACH = 20.0


class Rule(eqx.Module):
    """A sum over standard normal variables: `root` R0 of each row, (n, 1) or (E, n, D); nodes; weights."""

    root: Float[Array, "..."]
    nodes: Float[Array, "K D"]
    weights: Float[Array, " K"]


def rule_for(family: AbstractFamily, names: tuple[str, ...], y: Any, eta: np.ndarray, root: np.ndarray, aux) -> Rule:
    """Nodes that suffice for the averages of the statistics called `names` at these linear predictors."""
    if root.shape[-1] > 1:
        nodes, weights = several_nodes(root)
    else:
        points = max(line_points(family, name, y, eta, root, aux) for name in names)
        nodes = np.linspace(-_REACH, _REACH, points, endpoint=False)[:, None]
        weights = np.exp(-0.5 * nodes[:, 0] ** 2)
    return Rule(jnp.asarray(root), jnp.asarray(nodes), jnp.asarray(weights / weights.sum()))


def expectation(f: Function, eta, total, rule: Rule, order: int):
    """E f(eta + R z), f elementwise in the rows; derivatives in `total` (n, E, E) are right up to `order`."""
    moved = total - jax.lax.stop_gradient(total)
    terms = [f]
    for _ in range(order):
        terms.append(_heated(terms[-1], moved))

    def value(e):
        return sum((g(e) / scale for g, scale in zip(terms[1:], (1.0, 2.0), strict=False)), start=terms[0](e))

    def add(sums, pair):
        return sums + pair[1] * value(eta + rule.root @ pair[0]), None

    shape = jax.eval_shape(value, eta)
    return jax.lax.scan(add, jnp.zeros(shape.shape, shape.dtype), (rule.nodes, rule.weights))[0]


def _heated(f: Function, moved) -> Function:
    """tr(moved f'') / 2 of each row."""

    def heated(e):
        along = lambda d: f(e + d[:, None]) if e.ndim > 1 else f(e + d[0])
        second = jax.jacfwd(jax.jacfwd(along))(jnp.zeros(moved.shape[-1]))
        if second.ndim == 3:
            return 0.5 * jnp.einsum("nab,nab->n", moved, second)
        return 0.5 * jnp.einsum("nab,nkab->nk", moved, second)

    return heated


def statistic(family: AbstractFamily, name: str, y: Any, aux) -> Function:
    """The family's statistic called `name` as a function of the linear predictor."""
    function = family.statistics[name].function
    return lambda eta: function(y, predictors(family, eta), aux)
