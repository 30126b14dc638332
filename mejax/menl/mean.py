"""The mean of a nonlinear model as a function of coefficients and random effects, row by row."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._typing import ArrayLike
from ..design import MeanRows
from .program import Program, run


class Written(eqx.Module):
    """A mean written as an expression."""

    program: Program = eqx.field(static=True)

    def __call__(self, columns: Sequence, predictors: Sequence, effects: Sequence):
        return run(self.program, columns, predictors, effects)


class Function(eqx.Module):
    """A mean given as a Python function of three mappings: parameters, random effects, columns of the table."""

    function: Callable[..., Any] = eqx.field(static=True)
    parameters: tuple[str, ...] = eqx.field(static=True)
    effects: tuple[str, ...] = eqx.field(static=True)
    columns: tuple[str, ...] = eqx.field(static=True)

    def __call__(self, columns: Sequence, predictors: Sequence, effects: Sequence):
        named = (zip(self.parameters, predictors, strict=True), zip(self.effects, effects, strict=True))
        return self.function(*map(dict, named), dict(zip(self.columns, columns, strict=True)))


class Mean(eqx.Module):
    """f(beta, u) of every row.

    The predictors are the linear combinations, X_k beta_k plus the slopes times random effects, then the scalar
    parameters, one coefficient each.  `slopes` names for every slope of `rows` its combination and its random effect;
    `lone` are the random effects that the body reads by themselves.  Effects are counted over all equations, in order.
    """

    body: Written | Function
    rows: MeanRows
    slopes: tuple[tuple[int, int], ...] = eqx.field(static=True)
    lone: tuple[int, ...] = eqx.field(static=True)
    scalars: int = eqx.field(static=True)

    def predictors(self, fixed: Float[ArrayLike, " p"], effects: Float[ArrayLike, "n Q"]) -> list:
        """The value of every predictor."""
        fixed, found, start = jnp.asarray(fixed), [], 0
        for matrix in self.rows.combinations:
            stop = start + matrix.shape[1]
            found.append(jnp.asarray(matrix) @ fixed[start:stop])
            start = stop
        for (k, effect), covariate in zip(self.slopes, self.rows.slopes, strict=True):
            value = effects[:, effect]
            found[k] = found[k] + (value if covariate is None else covariate * value)
        return [*found, *(fixed[start + i] for i in range(self.scalars))]

    def __call__(self, fixed: Float[ArrayLike, " p"], effects: Float[ArrayLike, "n Q"]) -> Float[Array, " n"]:
        """The mean of every row, the random effects of the rows given."""
        value = self.body(self.rows.columns, self.predictors(fixed, effects), [effects[:, k] for k in self.lone])
        return jnp.broadcast_to(jnp.asarray(value, float), effects.shape[:1])

    def expand(self, fixed: Float[ArrayLike, " p"], effects: Float[ArrayLike, "n Q"]):
        """(f, df/dbeta (n, p), df/du (n, Q))."""
        by_fixed = jax.jacfwd(lambda b: self(b, effects))(jnp.asarray(fixed, float))

        def along(direction):
            tangent = jnp.broadcast_to(direction, effects.shape)
            return jax.jvp(lambda u: self(fixed, u), (effects,), (tangent,))[1]

        by_effects = jax.vmap(along, out_axes=1)(jnp.eye(effects.shape[1])) if effects.shape[1] else effects
        return self(fixed, effects), by_fixed, by_effects
