"""A parsed command and a table become a fit."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

from .estimation import estimate
from .frame import Parquet as Parquet
from .menl import columns_read
from .results import Fit
from .saving import MOST_BYTES, load_fit
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


def load(path: str | os.PathLike, *, most_bytes: float = MOST_BYTES) -> Fit:
    """Read a fit that `fit.save` wrote: the same estimates and output, and everything can be asked of it again.

    The file may come from anybody: nothing in it is run, and what it holds is checked as a model and a table from a
    user are.

    Args:
        path: the file.
        most_bytes: how much it may hold once it is unpacked; a small file may claim to be a huge one.

    Raises:
        ValueError: the file is no saved fit, damaged, too large, or of a newer version of mejax; the message says what
            was found and what to do.
        FileNotFoundError: there is no such file.
    """
    return Fit(*load_fit(path, most_bytes=most_bytes))


def _printer(spec: Spec) -> Callable[[str], None]:
    if spec.option("nolog"):
        return lambda line: None
    return lambda line: print(line, flush=True, file=sys.stdout)
