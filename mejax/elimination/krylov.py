"""log|S| and C'S^-1C of a sparse remainder by conjugate gradients and stochastic Lanczos quadrature.

With the balanced M (identity in its diagonal blocks) log|S| = log|D| + tr f(M), f(x) = log x - (x - 1): the trace of
M - 1 is zero, so that what is estimated begins with the squares of its small elements.  The trace is taken exactly
over a few vectors V near the extreme eigenvectors, and over the rest by t random vectors r of signs (Hutchinson 1990;
Meyer, Musco, Musco and Woodruff 2021 take out a subspace in the same way):

    tr f(M) ~ sum_k v_k'f(M)v_k + 1/t sum_i r_i'(1 - VV') f(M) (1 - VV') r_i,

each quadratic form by the tridiagonal matrix that conjugate gradients leave (Ubaru, Chen and Saad 2017).  Derivatives
are estimated from the same vectors: d tr f(M) = tr((M^-1 - 1) dM).  Signs are drawn once, so that everything is a
smooth function of the parameters.  That of the estimated logarithm is another estimate of the derivative than this one:
they agree within their Monte Carlo errors.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .sparse import Balanced

TOLERANCE = 1e-10  # of the residuals, relative to the right-hand sides
STEPS = 1000  # of conjugate gradients at most
SWEEPS = 2  # of inverse iteration for the extreme eigenvectors
ROUGH_STEPS = 10  # of conjugate gradients there
# log x = integral over s of e^s {1 / (1 + e^s) - 1 / (x + e^s)}: the trapezoidal rule has 15 digits for 1e-8 < x < 1e8
NODES = np.exp(np.arange(-56.0, 56.0, 0.5))


class Reduced(NamedTuple):
    """log|S| as every probe estimates it, (t,), and `quadratic` C'S^-1C; `inverse` M^-1 of all vectors and `solved`
    M^-1 B^-1 L'C."""

    logdets: Float[Array, " t"]
    quadratic: Float[Array, "w w"]
    inverse: Float[Array, "Q _"]
    solved: Float[Array, "Q w"]

    @property
    def logdet(self) -> Float[Array, ""]:
        return jnp.mean(self.logdets)


class Run(NamedTuple):
    """Conjugate gradients: solutions, and of every column the tridiagonal matrix (diagonal and squared off-diagonal,
    (steps, t), 1 and 0 after its last step)."""

    x: Float[Array, "Q t"]
    diagonal: Float[Array, "steps t"]
    off: Float[Array, "steps t"]


def conjugate_gradients(times, b: Float[Array, "Q t"]) -> Run:
    """M x = b for every column at once, a column resting when its residual is small; NaN where it does not become
    small, in the solution and in the tridiagonal matrix."""
    squares = jnp.sum(b * b, 0)
    target = TOLERANCE**2 * squares
    t = b.shape[1]

    def unfinished(carry):
        *_, rest, _, step = carry
        return jnp.any(rest > target) & (step < STEPS)

    def advance(carry):
        x, r, p, coefficients, rest, before, step = carry
        moving = rest > target
        mp = times(p)
        curvature = jnp.sum(p * mp, 0)
        curvature = jnp.where(curvature > 0.0, curvature, jnp.nan)  # M is not positive definite
        alpha = jnp.where(moving, rest / jnp.where(moving, curvature, 1.0), 0.0)
        x, r = x + alpha[None] * p, r - alpha[None] * mp
        after = jnp.where(moving, jnp.sum(r * r, 0), rest)
        beta = jnp.where(moving, after / jnp.where(moving, rest, 1.0), 0.0)
        own = jnp.where(moving, 1.0 / jnp.where(moving, alpha, 1.0), 1.0)
        diagonal, off = coefficients
        diagonal = diagonal.at[step].set(jnp.where(moving, own + before, 1.0))
        off = off.at[step].set(jnp.where(after > target, beta * own**2, 0.0))
        p = r + beta[None] * p
        return x, r, p, (diagonal, off), after, beta * own, step + 1

    empty = jnp.ones((STEPS, t)), jnp.zeros((STEPS, t))
    begin = (jnp.zeros_like(b), b, b, empty, squares, jnp.zeros(t), jnp.zeros((), int))
    x, _, _, (diagonal, off), rest, _, _ = jax.lax.while_loop(unfinished, advance, begin)
    lost = (rest > target) | jnp.isnan(rest)
    return Run(jnp.where(lost[None], jnp.nan, x), jnp.where(lost[None], jnp.nan, diagonal), off)


def roughly_solved(times, b: Float[Array, "Q t"]) -> Float[Array, "Q t"]:
    """M^-1 b by a fixed number of steps, so that the result is a smooth function of M."""

    def advance(_, carry):
        x, r, p, rest = carry
        mp = times(p)
        alpha = rest / jnp.maximum(jnp.sum(p * mp, 0), 1e-300)
        x, r = x + alpha[None] * p, r - alpha[None] * mp
        after = jnp.sum(r * r, 0)
        return x, r, r + (after / jnp.maximum(rest, 1e-300))[None] * p, after

    return jax.lax.fori_loop(0, ROUGH_STEPS, advance, (jnp.zeros_like(b), b, b, jnp.sum(b * b, 0)))[0]


def solve(balanced: Balanced, b: Float[Array, "Q t"]) -> Float[Array, "Q t"]:
    """M^-1 b, differentiable."""
    run = lambda times, right: conjugate_gradients(times, right).x
    return jax.lax.custom_linear_solve(balanced.times, b, run, symmetric=True)


def logarithms(run: Run) -> Float[Array, " t"]:
    """e_1' log(T) e_1 of every column's tridiagonal matrix."""

    def up(below, row):
        diagonal, off = row
        return diagonal[:, None] + NODES[None] - off[:, None] / below, None

    first = jnp.ones((run.diagonal.shape[1], 1)) + NODES[None]
    pivots = jax.lax.scan(up, first, (run.diagonal, run.off), reverse=True)[0]
    return 0.5 * jnp.sum((NODES / (1.0 + NODES))[None] - NODES[None] / pivots, 1)


def directions(balanced: Balanced) -> Float[Array, "Q t"]:
    """V, orthonormal, with unit vectors of small terms and vectors near the extreme eigenvectors of M, and the random
    vectors without their parts in it; held constant."""
    balanced = jax.lax.stop_gradient(balanced)
    layout = balanced.layout
    vectors = jnp.asarray(layout.vectors, float)
    v, rest = vectors[:, : layout.units], vectors[:, layout.exact :]
    if layout.extremes:

        def sweep(_, sought):
            sought = roughly_solved(balanced.times, sought) - sought
            return _orthonormal(sought - v @ (v.T @ sought))

        sought = jax.lax.fori_loop(0, SWEEPS, sweep, vectors[:, layout.units : layout.exact])
        v = jnp.concatenate([v, sought], 1)
    return jnp.concatenate([v, rest - v @ (v.T @ rest)], 1)


def _orthonormal(v: Float[Array, "Q k"]) -> Float[Array, "Q k"]:
    """Eigenvectors of v'v instead of its Cholesky factor: directions that vanish become zero, not NaN."""
    for _ in range(2):
        v = v / jnp.maximum(jnp.linalg.norm(v, axis=0), 1e-300)[None]
        values, vectors = jnp.linalg.eigh(v.T @ v)
        keep = values > 1e-10 * values[-1]
        v = v @ (vectors * jnp.where(keep, 1.0 / jnp.sqrt(jnp.where(keep, values, 1.0)), 0.0)[None])
    return v


def traces(balanced: Balanced, run: Run, b: Float[Array, "Q t"]) -> tuple[Float[Array, ""], Float[Array, " _"]]:
    """tr f(M): the sum over V, and the estimate of what remains by each random vector."""
    k = balanced.layout.exact
    forms = jnp.sum(b * b, 0) * (logarithms(run) - (run.diagonal[0] - 1.0))
    return jnp.sum(forms[:k]), forms[k:]


@jax.custom_jvp
def _reduce(balanced: Balanced, b: Float[Array, "Q t"], c: Float[Array, "Q w"]) -> Reduced:
    run = conjugate_gradients(balanced.times, jnp.concatenate([b, c], 1))
    t = b.shape[1]
    of_b = Run(run.x[:, :t], run.diagonal[:, :t], run.off[:, :t])
    exact, random = traces(balanced, of_b, b)
    return Reduced(balanced.logdet + exact + random, c.T @ run.x[:, t:], of_b.x, run.x[:, t:])


@_reduce.defjvp
def _reduce_jvp(primals, tangents):
    (balanced, b, c), (moved, _, dc) = primals, tangents
    out = _reduce(balanced, b, c)
    t = b.shape[1]
    along = lambda x: jax.jvp(lambda m: m.times(x), (balanced,), (moved,))[1]
    of_both = along(jnp.concatenate([b, out.solved], 1))
    of_solved = of_both[:, t:]
    k = balanced.layout.exact
    forms = jnp.sum((out.inverse - b) * of_both[:, :t], 0)
    logdets = jax.jvp(lambda m: m.logdet, (balanced,), (moved,))[1] + jnp.sum(forms[:k]) + forms[k:]
    cross = dc.T @ out.solved
    quadratic = cross + cross.T - out.solved.T @ of_solved
    both = solve(balanced, jnp.concatenate([-along(out.inverse), dc - of_solved], 1))
    return out, Reduced(logdets, quadratic, both[:, :t], both[:, t:])


def reduce_sparse(balanced: Balanced, c: Float[Array, "Q w"]) -> Reduced:
    """`c` are the crossed columns' products with the dense ones, balanced (`Balanced.scaled`)."""
    return _reduce(balanced, directions(balanced), c)
