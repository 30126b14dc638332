"""The functions of expressions, on arrays with NaN for missing."""

from typing import Any

import numpy as np


def _cond(test: Any, yes: Any, no: Any) -> Any:
    return np.where(test != 0, yes, no)  # a missing test is true


def _inrange(value: Any, low: Any, high: Any) -> Any:
    """Missing bounds are open ends; a missing value is in no range."""
    above = np.isnan(low) | (value >= low)
    below = np.isnan(high) | (value <= high)
    return (above & below & ~np.isnan(value)).astype(np.float64)


def _largest(*values: Any) -> Any:
    return np.fmax.reduce(np.broadcast_arrays(*values))


def _smallest(*values: Any) -> Any:
    return np.fmin.reduce(np.broadcast_arrays(*values))


def _mod(value: Any, divisor: Any) -> Any:
    return np.where(divisor == 0, np.nan, value - divisor * np.floor(value / divisor))


def _round(value: Any, unit: Any = 1.0) -> Any:
    return np.where(unit == 0, value, unit * np.floor(value / unit + 0.5))


FUNCTIONS = {
    "abs": np.abs, "ceil": np.ceil, "cond": _cond, "cos": np.cos, "exp": np.exp, "floor": np.floor,
    "inrange": _inrange, "int": np.trunc, "ln": np.log, "log": np.log, "log10": np.log10, "max": _largest,
    "min": _smallest, "mod": _mod, "round": _round, "sign": np.sign, "sin": np.sin, "sqrt": np.sqrt,
}  # fmt: skip
