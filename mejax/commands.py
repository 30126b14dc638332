"""A parsed command and a table become a fit."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from .estimation import estimate
from .menl import columns_read
from .results import Fit
from .syntax import Spec, nonlinear_of_function


def fit_command(spec: Spec, data: Any) -> Fit:
    """Read the table, build the model, fit it."""
    return Fit(spec, *estimate(spec, data, _printer(spec)))


def fit_function(mean: Callable, y: str, named: tuple[Mapping, Mapping], data: Any, options: Mapping) -> Fit:
    """Fit a nonlinear model whose mean is a function; `named` are its parameters and its random effects."""
    for key, value in zip(("params", "random"), named, strict=True):
        if not isinstance(value, Mapping):
            expected = '{"b1": 190}' if key == "params" else '{"U1": "tree"}'
            raise ValueError(f"menl: `{key}` is a mapping such as {expected}; got {value!r}")
    columns = columns_read(mean, list(named[0]), list(named[1]))
    return fit_command(nonlinear_of_function(mean, y, *named, columns=columns, **options), data)


def _printer(spec: Spec) -> Callable[[str], None]:
    if spec.option("nolog"):
        return lambda line: None
    return lambda line: print(line, flush=True, file=sys.stdout)
