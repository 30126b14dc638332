"""Starting values of nonlinear coefficients: a wide search, then least squares without random effects.

Nobody can say in general where the coefficients of a nonlinear function lie, but three things help: coefficients in
which the mean is linear need no search, since least squares gives them for every value of the others; natural values of
the others are those of the covariates that they meet, their reciprocals and their logarithms; and thousands of
candidates cost no more than a moment.  The best are improved by damped least squares (Levenberg 1944; Marquardt 1963).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._typing import ArrayLike
from .model import NonlinearModel

CANDIDATES = 4096
KEPT = 24  # candidates that are improved
ROWS = 2000  # of the data, for judging candidates
PORTION = 512  # candidates judged at once
PROBES = 32  # candidates at which second differences are taken
ALIKE = 1.05  # times the smallest sum of squares: minima that may be the better ones with random effects
MOST = 3  # of such minima
DAMPED_STEPS = 200
PLAIN = (0.0, 0.01, 0.1, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)


class Improved(NamedTuple):
    """Coefficients and mean squared residual of every start."""

    fixed: Float[ArrayLike, "C p"]
    squares: Float[ArrayLike, " C"]


def natural_values(columns: list[np.ndarray], y: np.ndarray) -> np.ndarray:
    """Values that a coefficient may have, from those of the data."""
    found = list(PLAIN)
    for values in [*columns, y]:
        spread = [*np.quantile(values, [0.05, 0.25, 0.5, 0.75, 0.95]), np.std(values)]
        sizes = [abs(float(s)) for s in spread if 1e-300 < abs(s) < 1e300]
        found += [*spread, *sizes, *(1.0 / s for s in sizes), *(np.log(s) for s in sizes)]
    joined = np.array([float(f) for f in found])
    return np.unique(np.concatenate([joined, -joined]))


def draw(pool: np.ndarray, given: np.ndarray, searched: np.ndarray, seed: int = 0) -> np.ndarray:
    """(C, p) candidates: what is `given` stays, what is not `searched` is zero, the rest is drawn from the pool."""
    rng = np.random.default_rng(seed)
    drawn = rng.choice(pool, (CANDIDATES, len(given))) * np.exp(0.3 * rng.standard_normal((CANDIDATES, len(given))))
    drawn = np.where(searched, drawn, 0.0)
    return np.where(np.isnan(given), drawn, given)


@eqx.filter_jit
def means(model: NonlinearModel, candidates: Float[ArrayLike, "C p"]) -> Float[Array, "C n"]:
    """The mean of every row without random effects, for each candidate."""
    nothing = model.of_rows(model.nothing())
    return jax.vmap(lambda fixed: model.mean(fixed, nothing))(jnp.asarray(candidates))


def all_means(model: NonlinearModel, candidates: np.ndarray) -> np.ndarray:
    """`means` in portions of one size, so that it is compiled once; NaN for what is not finite."""
    count = len(candidates)
    padded = np.concatenate([candidates, np.repeat(candidates[-1:], -count % PORTION, axis=0)])
    found = [np.asarray(means(model, padded[k : k + PORTION])) for k in range(0, len(padded), PORTION)]
    joined = np.concatenate(found)[:count]
    return np.where(np.isfinite(joined) & (np.abs(joined) < 1e100), joined, np.nan)


def linear_set(model: NonlinearModel, candidates: np.ndarray, free: np.ndarray) -> np.ndarray:
    """A set of coefficients in which the mean is jointly linear, as a mask.

    Judged by second differences, f(+i +j) - f(+i) - f(+j) + f, which vanish for linear ones whatever the step.
    """
    p = candidates.shape[1]
    steps = np.maximum(np.abs(candidates), 1.0)
    units = [np.zeros(p), *np.eye(p), *(a + b for a in np.eye(p) for b in np.eye(p))]
    f = all_means(model, np.concatenate([candidates + unit * steps for unit in units]))
    f = f.reshape(len(units), *candidates.shape[:1], -1)
    alone, both = f[1 : 1 + p], f[1 + p :].reshape(p, p, *f.shape[1:])
    bend = np.abs(both - alone[:, None] - alone[None] + f[0])
    size = np.nansum(np.abs(both) + np.abs(alone[:, None]) + np.abs(alone[None]) + np.abs(f[0]), axis=(2, 3))
    usable = np.isfinite(bend).any(axis=(2, 3))
    linear = usable & (np.nansum(bend, axis=(2, 3)) < 1e-10 * size)
    chosen = np.zeros(p, bool)
    for k in np.flatnonzero(free):
        trial = np.flatnonzero(chosen | (np.arange(p) == k))
        chosen[k] = bool(np.all(linear[np.ix_(trial, trial)]))
    return chosen


def judge(model: NonlinearModel, candidates: np.ndarray, linear: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Candidates with their linear coefficients at least squares, and the mean squared residual (infinite: none)."""
    y, places = np.asarray(model.y), np.flatnonzero(linear)
    solved = np.where(linear, 0.0, candidates)
    if len(places):
        base = all_means(model, solved)
        columns = np.stack([all_means(model, solved + np.eye(len(linear))[k]) - base for k in places], axis=2)
        columns = np.nan_to_num(columns)
        size = np.sqrt(np.sum(columns**2, axis=1, keepdims=True))
        scaled = columns / np.where(size > 0, size, 1.0)
        gram = np.swapaxes(scaled, 1, 2) @ scaled + 1e-9 * np.eye(len(places))
        right = np.swapaxes(scaled, 1, 2) @ np.nan_to_num(y - base)[:, :, None]
        solved[:, places] = np.linalg.solve(gram, right)[:, :, 0] / np.where(size > 0, size, 1.0)[:, 0]
    squares = np.mean((y - all_means(model, solved)) ** 2, axis=1)
    return solved, np.where(np.isfinite(squares), squares, np.inf)


class _Descent(NamedTuple):
    fixed: Array
    squares: Array
    damping: Array
    steps: Array
    settled: Array


@eqx.filter_jit
def improve(model: NonlinearModel, starts: Float[ArrayLike, "C p"]) -> Improved:
    """Damped least squares without random effects from every start."""
    nothing = model.of_rows(model.nothing())

    def squares_at(fixed):
        return jnp.mean((model.y - model.mean(fixed, nothing)) ** 2)

    def step(state: _Descent) -> _Descent:
        f, x, _ = model.mean.expand(state.fixed, nothing)
        size = jnp.sqrt(jnp.sum(x**2, axis=0))
        size = jnp.where(size > 0, size, 1.0)
        x = x / size[None]
        slope = x.T @ (model.y - f)
        move = jnp.linalg.solve(x.T @ x + state.damping * jnp.eye(x.shape[1]), slope)
        target = state.fixed + move / size
        found = squares_at(target)
        better = found < state.squares
        promised = (slope @ move) / len(model.y)
        settled = (promised <= 1e-12 * state.squares) | (state.damping > 1e12)
        damping = jnp.where(better, jnp.maximum(state.damping * 0.2, 1e-14), state.damping * 5.0)
        fixed = jnp.where(better, target, state.fixed)
        return _Descent(fixed, jnp.where(better, found, state.squares), damping, state.steps + 1, settled)

    def descend(fixed):
        start = _Descent(fixed, squares_at(fixed), jnp.asarray(1e-2), jnp.zeros((), int), jnp.zeros((), bool))
        return jax.lax.while_loop(lambda s: (s.steps < DAMPED_STEPS) & ~s.settled, step, start)

    found = jax.vmap(descend)(jnp.asarray(starts))
    return Improved(found.fixed, found.squares)


def search(model: NonlinearModel, given: np.ndarray, searched: np.ndarray) -> np.ndarray:
    """Coefficients to start from, best first (C, p); none where no candidate gave a finite mean.

    Several are those of minima that fit about as well without random effects (two exponentials that change places).

    `given` holds values to keep as they are in the candidates (NaN: none), `searched` marks the coefficients for which
    a wide range is tried; the others begin at zero.
    """
    few = thinned(model)
    pool = natural_values([np.asarray(c) for c in few.mean.rows.columns], np.asarray(few.y))
    candidates = draw(pool, given, searched)
    linear = linear_set(few, candidates[:PROBES], np.isnan(given))
    parts = [judge(few, candidates[k : k + PORTION], linear) for k in range(0, len(candidates), PORTION)]
    candidates, squares = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(squares)[:KEPT]
    order = order[np.isfinite(squares[order])]
    if not len(order):
        return np.zeros((0, len(given)))
    starts = candidates[np.resize(order, KEPT)]  # always as many, so that nothing is compiled again
    found = improve(few, starts)
    fixed, squares = np.asarray(found.fixed), np.asarray(found.squares)
    return _distinct(fixed[np.argsort(squares)], np.sort(squares))


def _distinct(fixed: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """One of each minimum, which are told apart by their coefficients."""
    kept: list[np.ndarray] = []
    for row, value in zip(fixed, squares, strict=True):
        alike = value <= ALIKE * squares[0] and len(kept) < MOST
        if alike and not any(np.allclose(row, other, rtol=1e-3, atol=1e-8) for other in kept):
            kept.append(row)
    return np.array(kept)


def thinned(model: NonlinearModel) -> NonlinearModel:
    """The model on at most `ROWS` rows, spread evenly."""
    n = len(model.y)
    if n <= ROWS:
        return model
    keep = np.linspace(0, n - 1, ROWS).astype(np.int64)
    leaves = lambda m: (m.y, m.codes, m.mean.rows)
    return eqx.tree_at(leaves, model, jax.tree.map(lambda leaf: leaf[keep], leaves(model)))
