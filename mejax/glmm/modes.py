"""The joint mode of the random effects: Newton's method on blocks, and its derivatives.

With b ~ N(0, I) and z holding the covariance factors, h(b) = sum_i w_i log p(y_i | eta_i) - 1/2 sum_g d_g b_g'b_g and
eta = base + sum_t z_t b_t.  -h'' = D + Z'WZ is factorised by the elimination that linear models use.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.ops import segment_sum
from jaxtyping import Array, Float, Int

from .._typing import ArrayLike, Response
from ..elimination import Factor, Plan, Products, Rows, expand, factorise, solve, weigh
from ..likelihoods import AbstractFamily
from .batch import log_density, meet

Effects = tuple[Float[Array, "_ ..."], ...]  # per term (J, *K, q)
STEPS, HALVINGS = 60, 30
DECREMENT = 1e-9  # twice the gain still expected, after which one more step is exact to rounding


class Problem(eqx.Module):
    """One maximisation.  `base` (n, *K) may have axes for quadrature nodes of levels above; everything then does.

    `component` numbers the parts of h that do not interact: of each row, and per term of each group.
    """

    family: AbstractFamily
    aux: Float[Array, " a"]
    y: Response
    weights: Float[ArrayLike, " n"] | None
    base: Float[ArrayLike, " n *K"]
    z: tuple[Float[ArrayLike, "n _"], ...]
    prior: tuple
    rows: Rows
    plan: Plan
    component: tuple[Int[ArrayLike, " n"], tuple[Int[ArrayLike, " _"], ...]]
    count: int = eqx.field(static=True)


def zeros(problem: Problem) -> Effects:
    nodes = problem.base.shape[1:]
    return tuple(jnp.zeros((term.size, *nodes, term.width)) for term in problem.plan.terms)


def predictor(problem: Problem, b: Effects) -> Float[Array, " n *K"]:
    """eta at the random effects b."""
    eta = problem.base
    for codes, z, effect in zip(problem.rows.codes, problem.z, b, strict=True):
        for q in range(z.shape[1]):
            eta = eta + expand(z[:, q], eta.ndim) * effect[..., q][codes]
    return eta


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


def slopes(problem: Problem, eta: Float[Array, " n *K"], second: bool = True):
    """First and (minus) second derivatives of the weighted log density in eta."""

    def first(e):
        density = lambda t: problem.family.logpdf(meet(problem.y, e.ndim), t, problem.aux)
        return jax.jvp(density, (e,), (jnp.ones_like(e),))[1]

    slope, curve = jax.jvp(first, (eta,), (jnp.ones_like(eta),)) if second else (first(eta), eta)
    if problem.weights is None:
        return slope, -curve
    heavy = meet(problem.weights, eta.ndim)
    return jnp.where(heavy == 0, 0.0, heavy * slope), jnp.where(heavy == 0, 0.0, -heavy * curve)


def gradient(problem: Problem, slope: Float[Array, " n *K"], b: Effects) -> Effects:
    """h' at b, the densities' slopes being given."""
    out = []
    parts = zip(problem.rows.codes, problem.z, b, problem.prior, problem.plan.terms, strict=True)
    for codes, z, effect, prior, term in parts:
        columns = [segment_sum(slope * expand(z[:, q], slope.ndim), codes, term.size) for q in range(term.width)]
        pull = effect if prior is None else effect * expand(prior, effect.ndim)
        out.append(jnp.stack(columns, -1) - pull)
    return tuple(out)


def products(problem: Problem, weight: Float[Array, " n *K"]) -> Products:
    return weigh(problem.plan, problem.rows, problem.z, weight)


def find_modes(problem: Problem, start: Effects) -> Effects:
    """Newton's method with steps halved component by component; not to be differentiated (see `refine`).

    Curvatures of the wrong sign, which families without log-concave densities have, are left out of the steps.
    """

    def unfinished(state):
        _, _, decrement, count = state
        return (decrement > DECREMENT) & (count < STEPS)

    def advance(state):
        b, value, _, count = state
        slope, weight = slopes(problem, predictor(problem, b))
        pull = gradient(problem, slope, b)
        factor = factorise(problem.plan, products(problem, jnp.maximum(weight, 0.0)), problem.prior)
        move = solve(problem.plan, factor, pull)
        gain = sum(
            segment_sum(jnp.sum(p * m, -1), g, problem.count)
            for p, m, g in zip(pull, move, problem.component[1], strict=True)
        )
        there, higher = _line_search(problem, b, value, move, gain)
        return there, higher, jnp.max(jnp.asarray(gain), initial=0.0), count + 1

    return jax.lax.while_loop(unfinished, advance, (start, objective(problem, start), jnp.inf, 0))[0]


def _line_search(problem: Problem, b: Effects, value, move: Effects, gain):
    """The first of the steps 1, 1/2, 1/4, ... that does not lose, for every component by itself."""

    def at(step):
        return tuple(
            effect + expand_last(step[group]) * change
            for effect, change, group in zip(b, move, problem.component[1], strict=True)
        )

    slack = 1e-12 * (1.0 + jnp.abs(value))

    def losing(state):
        _, _, worse, count = state
        return jnp.any(worse) & (count < HALVINGS)

    def halve(state):
        step, _, worse, count = state
        step = jnp.where(worse, 0.5 * step, step)
        reached = objective(problem, at(step))
        return step, reached, ~(reached >= value - slack), count + 1

    reached = objective(problem, at(jnp.ones_like(value)))
    state = (jnp.ones_like(value), reached, ~(reached >= value - slack), 0)
    step, reached, worse, _ = jax.lax.while_loop(losing, halve, state)
    step = jnp.where(worse, 0.0, step)
    return at(step), jnp.where(worse, value, reached)


def expand_last(values):
    return values[..., None]


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
        slope = slopes(problem, predictor(problem, modes), second=False)[0]
        move = solve(problem.plan, factor, gradient(problem, slope, modes))
        modes = tuple(b + m for b, m in zip(modes, move, strict=True))
    return modes
