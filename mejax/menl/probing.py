"""What a Python function of the mean reads and gives, found by calling it with small arrays before data are read."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

ROWS = (5, 3)  # of two calls: an array that the function brings along fits one of them at most
_ORDER = np.array([4, 2, 0])
_ADVICE = "Write it with jax.numpy, elementwise in the rows"
_NO_NUMBERS = (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError)


class _Recorder(Mapping):
    """A table with every column, which remembers those that were asked for; `make` makes one from its number."""

    def __init__(self, make: Callable[[int], Any]):
        self.names: dict[str, Any] = {}
        self.make = make

    def __getitem__(self, name: str) -> Any:
        if not isinstance(name, str):
            raise TypeError(f"x[{name!r}]: columns are asked for by their names, which are texts")
        if name not in self.names:
            self.names[name] = self.make(len(self.names))
        return self.names[name]

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the mean loops over `x`; columns are asked for by name, `x['age']`")

    def __len__(self) -> int:
        raise TypeError("the mean asks how many columns `x` has; columns are asked for by name, `x['age']`")


def columns_read(function: Callable[..., Any], parameters: list[str], effects: list[str]) -> tuple[str, ...]:
    """The columns that `function`(b, u, x) reads.

    Raises:
        ValueError: it cannot be called so, is not written for JAX, gives no number for each row, or mixes rows.
    """
    if not callable(function):
        raise ValueError(f"`mean` must be a function of (b, u, x), got {type(function).__name__}")
    probe = _Probe(function, parameters, effects)
    whole, few = (_numbers(probe.values(np.arange(rows)), rows) for rows in ROWS)
    probe.trace()
    mixed = np.concatenate([few, _numbers(probe.values(_ORDER), len(_ORDER))])
    alone = np.concatenate([whole[: ROWS[1]], whole[_ORDER]])
    if not np.allclose(mixed, alone, rtol=1e-6, equal_nan=True):
        raise ValueError(
            "`mean` gives a row another value when other rows stand beside it, or at every call: it must be "
            "elementwise in the rows. Make a column of what several rows have in common, such as a sum over them"
        )
    return tuple(probe.names)


class _Probe:
    """The function over some rows of a made-up table; `names` are the columns that it has asked for."""

    def __init__(self, function: Callable[..., Any], parameters: list[str], effects: list[str]):
        compiled = isinstance(function, jax.stages.Wrapped)  # takes no table that is made up as it is asked for
        self.function = getattr(function, "__wrapped__", function) if compiled else function
        self.parameters, self.effects = parameters, effects
        self.names: dict[str, None] = {}

    def values(self, rows: np.ndarray) -> Any:
        """Parameters as arrays too, as quadrature calls it."""
        return self._checked(lambda: self._call(rows, np.full(len(rows), 0.5), 0.5))

    def trace(self) -> None:
        """Arrays without numbers, and one number for each parameter, as the linearised fit calls it."""
        rows = np.arange(ROWS[0])
        self._checked(lambda: jax.eval_shape(lambda at: self._call(rows, at, at), 0.5))

    def _call(self, rows: np.ndarray, parameter: Any, at: Any) -> Any:
        b = {name: parameter + 0.1 * k for k, name in enumerate(self.parameters)}
        u = {name: at + 0.02 * (k + 1) * rows for k, name in enumerate(self.effects)}
        x = _Recorder(lambda number: at + 0.03 * number + 0.1 * rows)
        with np.errstate(all="ignore"):
            value = self.function(b, u, x)
        self.names |= dict.fromkeys(x.names)
        return value

    def _checked(self, call: Callable[[], Any]) -> Any:
        known = f"parameters {', '.join(self.parameters) or 'none'}; random effects {', '.join(self.effects) or 'none'}"
        try:
            with jax.enable_x64(True):
                return call()
        except KeyError as problem:
            raise ValueError(
                f"`mean` asks for {problem}, which is neither in `params` nor in `random`: {known}"
            ) from None
        except _NO_NUMBERS as problem:
            raise ValueError(
                "`mean` asks for the numbers in an array where JAX has none yet, as NumPy's functions, `float()`, `if` "
                "and loops do. Write it with jax.numpy, for example jnp.exp and jnp.where"
            ) from problem
        except Exception as problem:
            said = str(problem).partition("\n")[0].strip().rstrip(".")
            raise ValueError(
                "`mean` could not be called with three mappings of arrays (parameters, random effects, columns): "
                f"{type(problem).__name__}: {said}. {_ADVICE}"
            ) from problem


def _numbers(value: Any, rows: int) -> np.ndarray:
    """What the function gave, a number for every row."""
    shape = np.shape(value)
    if shape not in ((), (rows,)):
        raise ValueError(
            f"`mean` must give one number for each row: an array of shape ({rows},) was expected for {rows} rows, "
            f"got {shape}"
        )
    found = np.asarray(value)
    if found.dtype.kind not in "biuf":
        what = f"an array of {found.dtype}" if hasattr(value, "dtype") else repr(value)
        raise ValueError(f"`mean` must give one real number for each row, got {what}")
    return np.broadcast_to(found.astype(float), (rows,))
