"""Penalised nonlinear least squares: coefficients and random effects given the variance parameters.

Minimised is |R^-1/2 (y - f(beta, u))|^2 + sum of b'b over the groups, u = L b (Lindstrom and Bates 1990; Pinheiro and
Bates 2000, section 7.5.2).  Each Gauss-Newton step is the solution of the linearised model's mixed-model equations.
"""

from typing import TYPE_CHECKING, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from .._typing import ArrayLike
from ..covstruct import whiten
from ..lmm import at_errors, least_squares, posterior_modes, sum_of_squares

if TYPE_CHECKING:
    from .model import NonlinearModel

STEPS = 50
HALVINGS = 20
SETTLED = 1e-13  # of the criterion: what the linear model promises to gain
MORE = 3  # steps that promise no more than that: what they gain is seen in the coefficients only


class Point(NamedTuple):
    """Where the mean is expanded: coefficients, and the random effects of every equation, (J, q) each."""

    fixed: Float[ArrayLike, " p"]
    effects: tuple[Float[ArrayLike, "_ _"], ...]


class _State(NamedTuple):
    point: Point
    value: Float[Array, ""]
    steps: Int[Array, ""]
    small: Int[Array, ""]
    stuck: Bool[Array, ""]


def minimise(
    model: "NonlinearModel", factors: tuple[Float[Array, "_ _"], ...], residual: Float[ArrayLike, " r"], point: Point,
    *, hold: bool,
) -> Point:  # fmt: skip
    """From `point` down; with `hold` the coefficients stay.  The errors' variances are those at the mean at `point`.

    A step that does not gain, or at which the mean is not finite, is halved.
    """
    # effects that the new covariance does not allow cost nothing and must not stay
    possible = [u @ (factor @ jnp.linalg.pinv(factor)).T for u, factor in zip(point.effects, factors, strict=True)]
    point = Point(jnp.asarray(point.fixed), tuple(possible))
    mean = model.fitted(point)

    def criterion(at: Point):
        return _criterion(model, factors, residual, at, mean)

    def step(state: _State) -> _State:
        linear = at_errors(model.linearise(state.point, mean), residual)[0]
        if hold:
            fixed, best = state.point.fixed, sum_of_squares(linear, state.point.fixed, factors)
        else:
            fixed, best = least_squares(linear, factors)
        target = Point(fixed, posterior_modes(linear, fixed, factors))
        point, value, moved = _back_up(criterion, state.point, target, state.value)
        small = state.small + jnp.asarray(state.value - best <= SETTLED * state.value, int)
        return _State(point, value, state.steps + 1, small, ~moved)

    def going(state: _State):
        return (state.steps < STEPS) & (state.small < MORE) & ~state.stuck

    none = jnp.zeros((), int)
    return jax.lax.while_loop(going, step, _State(point, criterion(point), none, none, jnp.zeros((), bool))).point


def _criterion(model: "NonlinearModel", factors: tuple, residual, at: Point, mean):
    rest = model.y - model.fitted(at)
    if model.rows is not None:
        assert model.variances.errors is not None
        rest = whiten(model.variances.errors, model.rows, residual[:-1], rest[:, None], mean)[1][:, 0]
    pairs = zip(at.effects, factors, strict=True)
    return jnp.sum(rest**2) + sum(jnp.sum((u @ jnp.linalg.pinv(factor).T) ** 2) for u, factor in pairs)


def _back_up(criterion, here: Point, target: Point, value):
    """The longest of the steps 1, 1/2, 1/4, ... that does not lose: (point, criterion, was there one?)."""

    def at(size):
        return jax.tree.map(lambda a, b: a + size * (b - a), here, target)

    slack = 1e-12 * value

    def losing(state):
        size, found = state
        return ~(found <= value + slack) & (size > 0.5**HALVINGS)

    def halve(state):
        size = 0.5 * state[0]
        return size, criterion(at(size))

    size, found = jax.lax.while_loop(losing, halve, (jnp.ones(()), criterion(target)))
    moved = found <= value + slack
    point = jax.tree.map(lambda a, b: jnp.where(moved, a, b), at(size), here)
    return point, jnp.where(moved, found, value), moved


@eqx.filter_jit
def solve(model: "NonlinearModel", v: Float[ArrayLike, " m"], point: Point) -> Point:
    """Coefficients and random effects at the optimiser's v, from `point`."""
    return minimise(model, model.variances.working_factors(v), model.variances.residual(v), point, hold=False)


@eqx.filter_jit
def linearised(model: "NonlinearModel", point: Point):
    """The linear model around `point`, and (f, df/dbeta (n, p), df/du (n, Q)) there."""
    return model.linearise(point), model.mean.expand(point.fixed, model.of_rows(point.effects))
