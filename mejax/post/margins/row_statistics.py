"""A statistic of every row with its derivatives in what it depends on: linear predictors, variances, dispersions."""

from typing import Any, Literal, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from ..._typing import ArrayLike
from ...likelihoods import AbstractFamily
from ..prediction.expectation import Rule, expectation, rule_for, statistic
from ..prediction.survival import marginal_median

Slope = Literal["dydx", "eyex", "dyex", "eydx"]
_OF_MARGINAL = {"hazard": ("density", "survival"), "median": ("density", "survival")}


class Statistic(eqx.Module):
    """What is computed of a row: the statistic called `name`, for a row without random effects ("zero"), integrated
    over them by nodes ("nodes"), or by adding their variance to that of normal errors ("errors").  Of a probability
    `outcome` is the category meant (None: all of them, or of a yes-or-no response that of yes)."""

    family: AbstractFamily | None  # None: the linear predictor itself
    name: str = eqx.field(static=True)
    effects: Literal["zero", "nodes", "errors"] = eqx.field(static=True)
    outcome: int | None = eqx.field(static=True, default=None)


class Arguments(NamedTuple):
    """The arguments of a statistic: y as it reads it, eta (n,) or (E, n), the covariance matrices of the predictors
    `total` (n, E, E), and how both change with a covariate whose values are `x` (None: no slope is wanted)."""

    y: Any
    eta: Any
    total: Any
    along: Any = None  # of eta
    spread: Any = None  # of total
    x: Any = None


class Partials(NamedTuple):
    """The value of each row (n, K), and its derivatives: in eta (n, K, E), in the lower triangle of `total` (n, K, S),
    in the family's parameters (n, K, A); of a slope also in `along` (n, K, E) and `spread` (n, K, S)."""

    value: Float[ArrayLike, "n K"]
    eta: Float[ArrayLike, "n K E"]
    total: Float[ArrayLike, "n K S"]
    aux: Float[ArrayLike, "n K A"]
    along: Float[ArrayLike, "n K E"]
    spread: Float[ArrayLike, "n K S"]


class Numerics(NamedTuple):
    """What is chosen before a statistic is differentiated: nodes, and the medians of the rows."""

    rule: Rule | None = None
    median: Any = None


def numerics(of: Statistic, rows: Arguments, root: np.ndarray | None, aux: np.ndarray) -> Numerics:
    """The nodes that an average needs; `root` is that of the predictors' covariance matrices."""
    if of.effects != "nodes":
        return Numerics()
    assert of.family is not None and root is not None
    y, median = rows.y, None
    if of.name == "median":
        median = marginal_median(of.family, y, rows.eta, root, aux)
        y = (np.zeros_like(median), median, np.zeros_like(median))
    names = _OF_MARGINAL.get(of.name, (of.name,))
    return Numerics(rule_for(of.family, names, y, rows.eta, root, aux), median)


def lower_cells(equations: int) -> list[tuple[int, int]]:
    """The cells of a lower triangle, in the order of `Partials.total`."""
    return [(a, b) for a in range(equations) for b in range(a + 1)]


def partials(of: Statistic, rows: Arguments, aux: np.ndarray, held: Numerics, slope: Slope | None = None) -> Partials:
    """The statistic of each row, or its derivative in a covariate, with its own derivatives."""
    if of.family is None:
        return _linear(rows, len(aux), slope)
    bent = slope is not None and bool(np.any(rows.spread))  # otherwise no second derivative in the variance is needed
    found = _partials(of, rows, jnp.asarray(aux), held, slope, order=2 if bent else 1)
    return Partials(*(np.asarray(part) for part in found))


def _linear(rows: Arguments, count: int, slope: Slope | None) -> Partials:
    """The linear predictor itself."""
    eta = np.atleast_2d(rows.eta).T
    n, equations = eta.shape
    one, none = np.broadcast_to(np.eye(equations), (n, equations, equations)), np.zeros((n, equations, 0))
    zero, aux = np.zeros((n, equations, equations)), np.zeros((n, equations, count))
    if slope is None:
        return Partials(eta, one, none, aux, zero, none)
    along = np.atleast_2d(rows.along).T
    x = np.ones((n, 1)) if slope in ("dydx", "eydx") else np.asarray(rows.x)[:, None]
    if slope in ("dydx", "dyex"):
        return Partials(along * x, zero, none, aux, one * x[:, :, None], none)
    value = along * x / eta
    return Partials(value, -one * (value / eta)[:, :, None], none, aux, one * (x / eta)[:, :, None], none)


@eqx.filter_jit
def _partials(of: Statistic, rows: Arguments, aux, held: Numerics, slope: Slope | None, *, order: int) -> Partials:
    equations = 1 if rows.eta.ndim == 1 else rows.eta.shape[0]
    cells = lower_cells(equations) if of.effects != "zero" else []
    sizes = [equations, len(cells), len(aux), *((equations, len(cells)) if slope else (0, 0))]
    cuts = np.cumsum(sizes)[:-1].tolist()

    def value(step):
        eta, total, more, along, spread = jnp.split(step, cuts)
        rest = jnp.asarray(rows.total) + _symmetric(total, cells, equations)
        here = (_shifted(rows.eta, eta), rest, aux + more)
        function = lambda e, t: _values(of, rows.y, (e, t, here[2]), held, order)
        if slope is None:
            return function(*here[:2])
        tangent = (_shifted(rows.along, along), jnp.asarray(rows.spread) + _symmetric(spread, cells, equations))
        level, change = jax.jvp(function, here[:2], tangent)
        x = jnp.asarray(rows.x)[:, None] if slope in ("eyex", "dyex") else 1.0
        return change * x / (level if slope in ("eyex", "eydx") else 1.0)

    zero = jnp.zeros(sum(sizes))
    return Partials(value(zero), *jnp.split(jax.jacfwd(value)(zero), cuts, axis=-1))


def _shifted(values, step):
    return jnp.asarray(values) + (step[0] if jnp.ndim(values) == 1 else step[:, None])


def _symmetric(step, cells: list[tuple[int, int]], equations: int):
    """The change of a covariance matrix whose lower triangle changes by `step`; a cell off the diagonal has two."""
    matrix = jnp.zeros((equations, equations))
    for k, (a, b) in enumerate(cells):
        matrix = matrix.at[a, b].set(step[k]).at[b, a].set(step[k])
    return matrix[None]


def _values(of: Statistic, y: Any, at: tuple, held: Numerics, order: int):
    """The statistic (n, K) at (eta, total, aux)."""
    family, (eta, total, aux) = of.family, at
    assert family is not None
    if of.effects == "zero":
        found = statistic(family, of.name, y, aux)(eta)
    elif of.effects == "errors":
        place = family.variances[0]
        one = lambda y, e, extra: family.statistics[of.name].function(y, e, aux.at[place].add(extra))
        found = jax.vmap(one)(y, eta, total[:, 0, 0])
    else:
        assert held.rule is not None
        rule = held.rule
        mean = lambda name, y: expectation(statistic(family, name, y, aux), eta, total, rule, order)
        if of.name == "hazard":
            found = mean("density", y) / mean("survival", y)
        elif of.name == "median":
            found = _median(mean, held.median)
        else:
            found = mean(of.name, y)
    if found.ndim == 1:
        return (1.0 - found if of.outcome == 0 else found)[:, None]
    return found if of.outcome is None else found[:, of.outcome, None]


def _median(mean, time):
    """Newton steps for log t from the solution: each makes derivatives of one or two orders more right."""
    x = jnp.log(time)
    for _ in range(2):
        t = jnp.exp(x)
        y = (jnp.zeros_like(t), t, jnp.zeros_like(t))
        x = x + (mean("survival", y) - 0.5) / (t * mean("density", y))
    return jnp.exp(x)
