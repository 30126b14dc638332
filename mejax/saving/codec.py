"""Values as JSON beside arrays, and back.

A file names classes by a word of the table `CLASSES`, never by a place to import them from, and every field is checked
against its annotation: decoding runs nothing that a file holds.

| value | JSON |
|---|---|
| None, bool, str, int, finite float | itself |
| tuple | list |
| NaN, infinity; list; mapping; NumPy array; dates and intervals | `{"@": "float" "list" "map" "array" "objects" ...}` |
| an instance of one of `CLASSES` | `{"@": name, field: value, ...}` |
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import cache
from types import MappingProxyType
from typing import Any, get_type_hints

import jax
import numpy as np

from .._status import Status
from .._typing import Params
from ..fitting import Comparison, Component, KenwardRoger, MonteCarlo
from ..fitting.counted_degrees import Counted
from ..fitting.small_sample import Satterthwaite
from ..frame.column import Column
from ..optimise import Step
from ..syntax import expression, spec
from .hints import conforms
from .problem import Unreadable, Unsavable
from .scalars import coded_scalar, scalar

CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in (
        expression.Number, expression.Missing, expression.Text, expression.Name, expression.Unary, expression.Binary,
        expression.Call, expression.Parameter, expression.RandomValue, expression.Reference,
        spec.Span, spec.Operand, spec.Term, spec.Varlist, spec.FormulaSide, spec.Weight, spec.Level, spec.Covariance,
        spec.Equation, spec.Residuals, spec.RandomEffect, spec.Slope, spec.Combination, spec.Definition,
        spec.EffectBlock, spec.Nonlinear, spec.Spec, Column, Params, Step, Component, Comparison, Status,
        Counted, Satterthwaite, KenwardRoger, MonteCarlo,
    )
}  # fmt: skip
KINDS = "biufmM"  # of arrays: truth values, numbers, durations, dates


class Encoder:
    """Takes values apart; the arrays among them gather in `arrays`."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []

    def encode(self, value: Any, what: str) -> Any:
        """`what` says in messages where the value stands."""
        if isinstance(value, Enum):
            return {"@": self._name(value, what), "value": value.value}
        if value is None or isinstance(value, (bool, str, int)):
            return value
        if isinstance(value, np.generic) and value.dtype.kind in "biuf":
            value = value.item()
        if isinstance(value, (float, int)):
            return value if math.isfinite(value) else {"@": "float", "value": repr(float(value))}
        if isinstance(value, (np.ndarray, jax.Array)):
            return self._array(value, what)
        if type(value) is tuple:
            return self._items(value, what)
        if type(value) is list:
            return {"@": "list", "items": self._items(value, what)}
        if isinstance(value, Mapping):
            return {"@": "map", "items": self._items(tuple(value.items()), what)}
        found = coded_scalar(value)
        if found is not None:
            return {"@": found[0], "value": self.encode(found[1], what)}
        coded: dict[str, Any] = {"@": self._name(value, what)}
        for name in _fields(type(value)):
            coded[name] = self.encode(getattr(value, name), f"{what}, {name}")
        return coded

    def _items(self, values: Any, what: str) -> list:
        found = []
        for value in values:
            found.append(self.encode(value, what))
        return found

    def _name(self, value: Any, what: str) -> str:
        name = type(value).__name__
        if CLASSES.get(name) is not type(value):
            raise Unsavable(f"the fit cannot be saved: {what} is a Python object of the type `{name}`, and files hold "
                            "numbers, texts and dates only")  # fmt: skip
        return name

    def _array(self, value: Any, what: str) -> Any:
        array = np.asarray(value)
        if array.dtype.kind in "OUT":
            if array.ndim != 1:
                raise Unsavable(f"the fit cannot be saved: {what} is an array of Python objects")
            return {"@": "objects", "items": self._items(array.tolist(), what)}
        if array.dtype.kind not in KINDS:
            raise Unsavable(f"the fit cannot be saved: {what} is an array of the type {array.dtype}")
        if array.dtype.kind == "f" and array.dtype.itemsize > 8:
            array = array.astype(np.float64)
        self.arrays.append(array.astype(array.dtype.newbyteorder("="), copy=False))
        return {"@": "array", "place": len(self.arrays) - 1}


class Decoder:
    """Makes values of what an `Encoder` left; `array` gives the array at a place."""

    def __init__(self, array: Callable[[int], np.ndarray]):
        self._array = array

    def decode(self, coded: Any) -> Any:
        if isinstance(coded, list):
            return self._items(coded)
        if not isinstance(coded, dict):
            return coded
        name = coded.get("@")
        if name == "float":
            return float(coded["value"])
        if name == "array":
            return self._array(coded["place"])
        if name in ("list", "map", "objects"):
            return _held(name, self._items(coded["items"]))
        if name in CLASSES:
            return self._made(CLASSES[name], coded)
        return scalar(str(name), self.decode(coded["value"]))

    def _items(self, coded: list) -> tuple:
        found = []
        for item in coded:
            found.append(self.decode(item))
        return tuple(found)

    def _made(self, cls: type, coded: dict[str, Any]) -> Any:
        if issubclass(cls, Enum):
            return cls(coded["value"])
        known, given = _fields(cls), {}
        for name, held in coded.items():
            if name == "@":
                continue
            if name not in known:
                raise Unreadable(f"`{cls.__name__}` has a field `{name}` that this version of mejax does not know")
            given[name] = self.decode(held)
            if not conforms(given[name], known[name]):
                raise Unreadable(f"`{name}` of `{cls.__name__}` is {_shown(given[name])}")
        missing = [name for name in _required(cls) if name not in given]
        if missing:
            raise Unreadable(f"`{missing[0]}` of `{cls.__name__}` is missing")
        if cls is spec.Spec:
            given["options"] = MappingProxyType(dict(given.get("options", {})))
        return cls(**given)


def _held(name: str, items: tuple) -> Any:
    if name == "map":
        return dict(items)
    if name == "list":
        return list(items)
    found = np.empty(len(items), dtype=object)
    for place, item in enumerate(items):  # assigned one by one: tuples among them would be taken for rows
        found[place] = item
    return found


@cache
def _fields(cls: type) -> Mapping[str, Any]:
    """The fields of a class with their annotations."""
    return get_type_hints(cls)


@cache
def _required(cls: type) -> tuple[str, ...]:
    """The fields without a default."""
    if not is_dataclass(cls):
        return tuple(_fields(cls))
    return tuple(f.name for f in fields(cls) if f.default is MISSING and f.default_factory is MISSING)


def _shown(value: Any) -> str:
    """A value in a message: short, and without a look inside."""
    return repr(value)[:60] if value is None or isinstance(value, (str, int, float)) else f"a {type(value).__name__}"
