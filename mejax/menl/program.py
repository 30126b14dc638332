"""The mean of a nonlinear model as a small program: nested tuples, so that equal means share compiled code.

    ("number", c)  ("column", k)  ("predictor", k)  ("effect", k)  (name, argument, ...)

A column is an array of the table, a predictor a linear combination or a scalar parameter, an effect a random effect
that stands by itself; every other name is one of `OPERATIONS`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr

Program = tuple  # nested


def _power(base, exponent):
    return base**exponent


def _condition(test, yes, no):
    return jnp.where(test != 0, yes, no)


def _truth(compare: Callable) -> Callable:
    return lambda a, b: jnp.asarray(compare(a, b), float)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "^": _power,
    "negative": lambda a: -a,
    "not": lambda a: jnp.asarray(a == 0, float),
    "==": _truth(lambda a, b: a == b),
    "!=": _truth(lambda a, b: a != b),
    "<": _truth(lambda a, b: a < b),
    "<=": _truth(lambda a, b: a <= b),
    ">": _truth(lambda a, b: a > b),
    ">=": _truth(lambda a, b: a >= b),
    "&": _truth(lambda a, b: (a != 0) & (b != 0)),
    "|": _truth(lambda a, b: (a != 0) | (b != 0)),
    "abs": jnp.abs,
    "atan": jnp.arctan,
    "cond": _condition,
    "cos": jnp.cos,
    "cosh": jnp.cosh,
    "exp": jnp.exp,
    "floor": jnp.floor,
    "invlogit": jax.nn.sigmoid,
    "ln": jnp.log,
    "log": jnp.log,
    "log10": jnp.log10,
    "logit": lambda p: jnp.log(p) - jnp.log1p(-p),
    "max": lambda first, *rest: _fold(jnp.maximum, first, rest),
    "min": lambda first, *rest: _fold(jnp.minimum, first, rest),
    "normal": ndtr,
    "sign": jnp.sign,
    "sin": jnp.sin,
    "sinh": jnp.sinh,
    "sqrt": jnp.sqrt,
    "tan": jnp.tan,
    "tanh": jnp.tanh,
}


def _fold(function, first, rest):
    for value in rest:
        first = function(first, value)
    return first


def run(program: Program, columns: Sequence, predictors: Sequence, effects: Sequence):
    """The value of a program; everything broadcasts."""
    name, *arguments = program
    if name == "number":
        return arguments[0]
    for kind, values in (("column", columns), ("predictor", predictors), ("effect", effects)):
        if name == kind:
            return values[arguments[0]]
    if name == "^" and arguments[1][0] == "number" and float(arguments[1][1]).is_integer():
        return run(arguments[0], columns, predictors, effects) ** int(arguments[1][1])  # right for negative bases too
    return OPERATIONS[name](*(jnp.asarray(run(a, columns, predictors, effects)) for a in arguments))
