"""The joint mode of the random effects: Newton's method on blocks, and its derivatives.

With b ~ N(0, I) and z holding the covariance factors, h(b) = sum_i w_i log p(y_i | eta_i) - 1/2 sum_g d_g b_g'b_g and
eta = base + sum_t z_t b_t, with a first axis for the linear predictors of a response.  -h'' = D + Z'WZ is factorised by
the elimination that linear models use.
"""

import functools
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float, Int

from .._typing import ArrayLike, Response
from ..elimination import Factor, Plan, Products, Rows, expand, factorise, solve, weigh
from ..likelihoods import AbstractFamily
from ..quadrature import Integrand, slope_and_curvature
from .batch import log_density, meet, weighted_rows

Effects = tuple[Float[Array, "_ ..."], ...]  # per term (J, *K, q)
STEPS = 100
DECREMENT = 1e-9  # twice the gain still expected, after which one more step is exact to rounding


class Problem(eqx.Module):
    """One maximisation.  `base` (E, n, *K) may have axes for quadrature nodes of levels above; everything then does.

    `component` numbers the parts of h that do not interact: of each row, and per term of each group.
    """

    family: AbstractFamily
    aux: Float[Array, " a"]
    y: Response
    weights: Float[ArrayLike, " n"] | None
    base: Float[ArrayLike, "E n *K"]
    z: tuple[Float[ArrayLike, "E n _"], ...]
    prior: tuple
    rows: Rows
    plan: Plan
    component: tuple[Int[ArrayLike, " n"], tuple[Int[ArrayLike, " _"], ...]]
    count: int = eqx.field(static=True)


def zeros(problem: Problem) -> Effects:
    nodes = problem.base.shape[2:]
    return tuple(jnp.zeros((term.size, *nodes, term.width)) for term in problem.plan.terms)


def predictor(problem: Problem, b: Effects) -> Float[Array, "E n *K"]:
    """eta at the random effects b."""
    rows = [effect[codes] for codes, effect in zip(problem.rows.codes, b, strict=True)]
    out = []
    for e, base in enumerate(problem.base):
        eta = base
        for z, effect in zip(problem.z, rows, strict=True):
            eta = eta + jnp.sum(_columns(z[e], eta.ndim) * effect, -1)
        out.append(eta)
    return jnp.stack(out)


def _columns(z: Float[Array, "n q"], ndim: int) -> Float[Array, "n ... q"]:
    """Covariates that meet values with `ndim` axes and one more for the columns."""
    return z.reshape(len(z), *(1,) * (ndim - 1), z.shape[1])


def objective(problem: Problem, b: Effects) -> Float[Array, " C *K"]:
    """h of every component."""
    density = log_density(problem.family, problem.y, problem.weights, predictor(problem, b), problem.aux)
    rows, groups = problem.component
    value = segment_sum(density, rows, problem.count)
    for effect, prior, group in zip(b, problem.prior, groups, strict=True):
        square = jnp.sum(effect**2, -1)
        if prior is not None:
            square = square * expand(prior, square.ndim)
        value = value - 0.5 * segment_sum(square, group, problem.count)
    return value


def rows_of(problem: Problem, eta: Float[Array, "E n *K"]) -> Integrand:
    """The rows' weighted log densities at eta."""
    density = lambda e, aux: log_density(problem.family, problem.y, problem.weights, e, aux)
    return Integrand(density, eta, problem.aux)


def slopes(problem: Problem, eta: Float[Array, "E n *K"]) -> tuple[Float[Array, "E n *K"], Float[Array, "E E n *K"]]:
    """First and minus second derivatives of the weighted log density in eta."""
    slope, curvature = slope_and_curvature(rows_of(problem, eta))
    return slope, -curvature


def gradient(problem: Problem, slope: Float[Array, "E n *K"], b: Effects) -> Effects:
    """h' at b, the densities' slopes being given."""
    out = []
    parts = zip(problem.rows.codes, problem.z, b, problem.prior, problem.plan.terms, strict=True)
    for codes, z, effect, prior, term in parts:
        pulls = (one[..., None] * _columns(own, one.ndim) for one, own in zip(slope, z, strict=True))
        total = segment_sum(functools.reduce(jnp.add, pulls), codes, term.size)
        out.append(total - (effect if prior is None else effect * expand(prior, effect.ndim)))
    return tuple(out)


def products(problem: Problem, weight: Float[Array, "E E n *K"]) -> Products:
    return weigh(problem.plan, problem.rows, problem.z, weight)


class _Search(NamedTuple):
    """Where a search stands: the best point of every component and its value, the Newton step from there with twice
    the gain expected, and the share of it that is tried next."""

    b: Effects
    value: Float[Array, " C *K"]
    move: Effects
    gain: Float[Array, " C *K"]
    share: Float[Array, " C *K"]
    count: Int[Array, ""]


def find_modes(problem: Problem, start: Effects) -> Effects:
    """Newton's method with steps halved component by component; not to be differentiated (see `refine`).

    Curvatures of the wrong sign, which families without log-concave densities have, are left out of the steps;
    families with several linear predictors are log-concave, or give their expected information.
    """

    def ahead(search: _Search, share) -> Effects:
        triples = zip(search.b, search.move, problem.component[1], strict=True)
        return tuple(b + share[group][..., None] * move for b, move, group in triples)

    def unfinished(search: _Search):
        return jnp.any(search.gain * search.share > DECREMENT) & (search.count < STEPS)

    def advance(search: _Search) -> _Search:
        b = ahead(search, search.share)
        value, move, gain = _newton_step(problem, b)
        better = value >= search.value - 1e-12 * (1.0 + jnp.abs(value))
        choose = lambda new, old: tuple(
            jnp.where(better[group][..., None], n, o)
            for n, o, group in zip(new, old, problem.component[1], strict=True)
        )
        return _Search(
            choose(b, search.b), jnp.where(better, value, search.value), choose(move, search.move),
            jnp.where(better, gain, search.gain), jnp.where(better, 1.0, 0.5 * search.share), search.count + 1,
        )  # fmt: skip

    shape = (problem.count, *problem.base.shape[2:])
    nothing = jnp.full(shape, -jnp.inf)
    begin = _Search(start, nothing, zeros(problem), jnp.full(shape, jnp.inf), jnp.ones(shape), jnp.zeros((), int))
    found = jax.lax.while_loop(unfinished, advance, begin)
    # not where the search gave up: that step has just been rejected
    return ahead(found, jnp.where(found.gain <= DECREMENT, 1.0, 0.0))


def _newton_step(problem: Problem, b: Effects):
    """h, the Newton step and twice the gain it promises, component by component."""
    eta = predictor(problem, b)
    slope, weight = slopes(problem, eta)
    pull = gradient(problem, slope, b)
    expected = problem.family.information(meet(problem.y, eta.ndim - 1), eta, problem.aux)
    if expected is not None:
        weight = weighted_rows(jnp.moveaxis(expected, 2, 0), problem.weights)
        weight = jnp.moveaxis(weight, 0, 2)
    weight = weight if problem.family.stacked else jnp.maximum(weight, 0.0)
    factor = factorise(problem.plan, products(problem, weight), problem.prior)
    move = solve(problem.plan, factor, pull)
    gain = jnp.zeros((problem.count, *problem.base.shape[2:]))
    for p, m, group in zip(pull, move, problem.component[1], strict=True):
        gain = gain + segment_sum(jnp.sum(p * m, -1), group, problem.count)
    return objective(problem, b), move, gain


def factor_at(problem: Problem, b: Effects) -> Factor:
    """The factor of -h'' at b, differentiable."""
    return factorise(problem.plan, products(problem, slopes(problem, predictor(problem, b))[1]), problem.prior)


def refine(problem: Problem, modes: Effects) -> Effects:
    """`modes` as a function of everything in `problem`, with first and second derivatives that are exact.

    Two steps b + H^-1 h'(b), H being held at the modes: the first makes the first derivatives right (the implicit
    function theorem), the second the second ones, since each step multiplies the error by H^-1 (H - h''(b)).
    """
    held, modes = jax.lax.stop_gradient((problem, modes))
    factor = factor_at(held, modes)
    for _ in range(2):
        rows = rows_of(problem, predictor(problem, modes))
        slope = rows.slope(rows.eta, rows.ancillary)
        move = solve(problem.plan, factor, gradient(problem, slope, modes))
        modes = tuple(b + m for b, m in zip(modes, move, strict=True))
    return modes
