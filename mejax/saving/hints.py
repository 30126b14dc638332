"""Whether a value is of the type that a field is annotated with."""

import types
from collections.abc import Mapping
from typing import Any, Literal, Union, get_args, get_origin


def conforms(value: Any, hint: Any) -> bool:
    """Is `value` what `hint` says?  Functions conform to nothing: no file holds one."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return True
    if hint is None:
        return value is None
    if origin in (Union, types.UnionType):
        return any(conforms(value, argument) for argument in arguments)
    if origin is Literal:
        return isinstance(value, (str, int)) and value in arguments
    if origin is tuple:
        return isinstance(value, tuple) and _items_conform(value, arguments)
    if origin is Mapping:
        key, held = arguments
        return isinstance(value, Mapping) and all(conforms(k, key) and conforms(v, held) for k, v in value.items())
    if origin is not None:
        return False
    if hint in (int, float):
        return isinstance(value, (int, hint)) and not isinstance(value, bool)
    return isinstance(value, hint)


def _items_conform(value: tuple, arguments: tuple) -> bool:
    if arguments[1:] == (...,):
        return all(conforms(item, arguments[0]) for item in value)
    return len(value) == len(arguments) and all(map(conforms, value, arguments))
