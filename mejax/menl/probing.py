"""Which columns of the table a Python function of the mean reads."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

ROWS = 3


class _Recorder(Mapping):
    """A table with every column, which remembers those that were asked for."""

    def __init__(self):
        self.names: dict[str, None] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if not isinstance(name, str):
            raise TypeError(f"x[{name!r}]: columns are asked for by their names, which are texts")
        self.names[name] = None
        return np.full(ROWS, 0.5)

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the mean loops over `x`; columns are asked for by name, `x['age']`")

    def __len__(self) -> int:
        raise TypeError("the mean asks how many columns `x` has; columns are asked for by name, `x['age']`")


def columns_read(function: Callable[..., Any], parameters: list[str], effects: list[str]) -> tuple[str, ...]:
    """The columns that `function`(b, u, x) reads, found by calling it once with small arrays.

    Raises:
        ValueError: it cannot be called so, or does not give one number for each row.
    """
    if not callable(function):
        raise ValueError(f"`mean` must be a function of (b, u, x), got {type(function).__name__}")
    x, arrays = _Recorder(), [dict.fromkeys(names, np.full(ROWS, 0.5)) for names in (parameters, effects)]
    try:
        with np.errstate(all="ignore"):
            value = np.shape(function(*arrays, x))
    except KeyError as problem:
        known = f"parameters {', '.join(parameters) or 'none'}; random effects {', '.join(effects) or 'none'}"
        raise ValueError(f"`mean` asks for {problem}, which is neither in `params` nor in `random`: {known}") from None
    except Exception as problem:
        raise ValueError(
            f"`mean` could not be called with three mappings of arrays (parameters, random effects, columns): "
            f"{type(problem).__name__}: {str(problem).rstrip(chr(46))}. Write it with jax.numpy, elementwise in the rows"
        ) from problem
    if value not in ((), (ROWS,)):
        raise ValueError(
            f"`mean` must give one number for each row: an array of shape ({ROWS},) was expected "
            f"for {ROWS} rows, got {value}"
        )
    return tuple(x.names)
