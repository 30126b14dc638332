"""Expressions over the columns of a table, with the suite's rules for missing values.

A missing number is NaN here and larger than every number in comparisons; a condition that is missing counts as true;
a function outside its domain gives a missing value.
"""

from typing import Any

import numpy as np

from ..syntax import expression as ex
from ..syntax.spec import Span
from .column import CONTENTS, Column, as_numbers, level_text
from .functions import FUNCTIONS
from .table import Source

COMPARE = {"==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal,
           ">": np.greater, ">=": np.greater_equal}  # fmt: skip
ARITHMETIC = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "^": np.power}


def evaluate(expression: ex.Expression, source: Source) -> np.ndarray:
    """The expression's value in every row of the table, float64, NaN where missing.  Always a fresh array."""
    value = _value(expression, source)
    if isinstance(value, (str, Column)):
        raise ValueError(f"`{words(expression)}` is text: numbers are needed here")
    return np.array(np.broadcast_to(value, (source.n,)), dtype=np.float64)


def condition(expression: ex.Expression, source: Source) -> np.ndarray:
    """The rows where the expression is true: not zero (a missing value is not zero)."""
    return evaluate(expression, source) != 0


def evaluate_option(expression: ex.Expression, source: Source) -> np.ndarray:
    """The same, missing too wherever a column that a comparison needs is missing."""
    values = evaluate(expression, source)
    if compares(expression):
        for name in names_in(expression):
            missing = source.column(name.name).missing
            if missing is not None:
                values[missing] = np.nan
    return values


def words(expression: ex.Expression) -> str:
    """The expression as text, as it is shown in tables and messages."""
    match expression:
        case ex.Number(value):
            return level_text(value)
        case ex.Missing():
            return "."
        case ex.Text(value):
            return f'"{value}"'
        case ex.Name(name):
            return name
        case ex.Unary(operator, operand):
            return f"{operator}{_inner(operand)}"
        case ex.Binary(operator, left, right):
            return f"{_inner(left)} {operator} {_inner(right)}"
        case ex.Call(function, arguments):
            return f"{function}({', '.join(words(a) for a in arguments)})"
        case ex.Parameter(name) | ex.RandomValue(name):
            return f"{{{name}}}"
        case ex.Reference(name):
            return f"{{{name}:}}"


def _inner(expression: ex.Expression) -> str:
    text = words(expression)
    return f"({text})" if isinstance(expression, ex.Binary) else text


def names_in(expression: ex.Expression) -> tuple[ex.Name, ...]:
    """The columns that an expression uses."""
    match expression:
        case ex.Name(name):
            return () if name in ("_n", "_N") else (expression,)
        case ex.Unary(_, operand):
            return names_in(operand)
        case ex.Binary(_, left, right):
            return names_in(left) + names_in(right)
        case ex.Call(_, arguments):
            return tuple(n for a in arguments for n in names_in(a))
    return ()


def compares(expression: ex.Expression) -> bool:
    """Whether a truth value is made of columns, so that a missing one among them would pass for true or false."""
    match expression:
        case ex.Unary(operator, operand):
            return operator == "!" or compares(operand)
        case ex.Binary(operator, left, right):
            return operator in COMPARE or operator in ("&", "|") or compares(left) or compares(right)
        case ex.Call(function, arguments):
            return function in ("inlist", "inrange") or (function != "missing" and any(map(compares, arguments)))
    return False


def _value(expression: ex.Expression, source: Source) -> Any:
    match expression:
        case ex.Number(value):
            return np.float64(value)
        case ex.Missing():
            return np.float64(np.nan)
        case ex.Text(value):
            return value
        case ex.Name():
            return _column(expression, source)
        case ex.Unary(operator, operand):
            return _unary(operator, _number(operand, source))
        case ex.Binary(operator, left, right) if operator in COMPARE:
            return _compare(operator, _value(left, source), _value(right, source))
        case ex.Binary(operator, left, right):
            return _binary(operator, _number(left, source), _number(right, source))
        case ex.Call(function, arguments):
            return _call(function, arguments, source)
    raise TypeError(f"not an expression: {expression!r}")


def _column(name: ex.Name, source: Source) -> Any:
    if name.name == "_N" and "_N" not in source.names:
        return np.float64(source.n)
    if name.name == "_n" and "_n" not in source.names:
        return np.arange(1.0, source.n + 1)
    column = source.column(name.name, Span(name.start, name.end))
    if column.kind == "number":
        return column if column.labels else column.numbers()
    if column.kind == "category":
        return _category_numbers(column)
    if column.kind == "text":
        return column
    raise ValueError(f"`{name.name}` holds {CONTENTS[column.kind]}, which an expression cannot use. "
                     f"{as_numbers(column)}")  # fmt: skip


def _category_numbers(column: Column) -> Any:
    """Categories that are numbers compare as numbers, others as text."""
    assert column.levels is not None
    if not all(isinstance(v, (int, float, np.number)) for v in column.levels):
        return column
    return np.append(column.levels.astype(np.float64), np.nan)[column.values]


def _number(expression: ex.Expression, source: Source) -> Any:
    value = _value(expression, source)
    if isinstance(value, Column) and value.kind == "number":
        return value.numbers()
    if isinstance(value, (str, Column)):
        raise ValueError(f"`{words(expression)}` is text: it can be compared with text, but not calculated with")
    return value


def _unary(operator: str, value: Any) -> Any:
    if operator == "!":
        return np.float64(value == 0) if np.isscalar(value) else (value == 0).astype(np.float64)
    return -value if operator == "-" else value


def _binary(operator: str, left: Any, right: Any) -> Any:
    if operator == "&":
        return np.logical_and(left != 0, right != 0).astype(np.float64)
    if operator == "|":
        return np.logical_or(left != 0, right != 0).astype(np.float64)
    with np.errstate(all="ignore"):
        result = ARITHMETIC[operator](left, right)
    return _in_domain(result, (left, right))


def _in_domain(result: Any, arguments: tuple[Any, ...]) -> Any:
    """Infinities that the calculation made are missing values; those of the data stay (and are refused later)."""
    finite = np.isfinite(result)
    if np.all(finite):
        return result
    infinite = np.logical_or.reduce(np.broadcast_arrays(*[np.isinf(a) for a in arguments]))
    return np.where(finite | infinite, result, np.nan)


def _call(function: str, arguments: tuple[ex.Expression, ...], source: Source) -> Any:
    if function == "missing":
        return np.any(np.broadcast_arrays(*[_is_missing(_value(a, source)) for a in arguments]), axis=0) * 1.0
    if function == "inlist":
        first, *rest = [_value(a, source) for a in arguments]
        return np.any(np.broadcast_arrays(*[_compare("==", first, v) for v in rest]), axis=0) * 1.0
    if function not in FUNCTIONS:
        raise ValueError(f"unknown function `{function}()`: known are {', '.join(sorted(ex.FUNCTIONS))}")
    numbers = [_number(a, source) for a in arguments]
    with np.errstate(all="ignore"):
        result = FUNCTIONS[function](*numbers)
    return result if function in ("cond", "inrange", "max", "min") else _in_domain(result, tuple(numbers))


def _is_missing(value: Any) -> Any:
    if isinstance(value, str):
        return value == ""
    if isinstance(value, Column):
        return value.values < 0 if value.kind != "number" else np.isnan(value.numbers())
    return np.isnan(value)


def _compare(operator: str, left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, Column):
        flipped = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(operator, operator)
        return _compare(flipped, right, left)
    if isinstance(left, Column) and isinstance(right, str):
        return _compare_with_text(operator, left, right)
    left, right = _plain(left), _plain(right)
    if _is_text(left) != _is_text(right):
        raise ValueError("text cannot be compared with numbers: put the text in quotes, as in sex == \"1\", "
                         "or make a number of the column")  # fmt: skip
    if _is_text(left):
        return COMPARE[operator](np.asarray(left, dtype=object), np.asarray(right, dtype=object)).astype(np.float64)
    return COMPARE[operator](_missing_last(left), _missing_last(right)).astype(np.float64)


def _plain(value: Any) -> Any:
    if isinstance(value, Column):
        return value.numbers() if value.kind == "number" else value.words()
    return value


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, np.ndarray) and value.dtype == object)


def _missing_last(value: Any) -> Any:
    return np.where(np.isnan(value), np.inf, value)


def _compare_with_text(operator: str, column: Column, text: str) -> np.ndarray:
    """Level by level: a comparison costs one look-up a row."""
    if column.kind == "number":
        return _compare_labels(operator, column, text)
    assert column.levels is not None
    compare = COMPARE[operator]
    answers = [bool(compare(level_text(level), text)) for level in column.levels] + [bool(compare("", text))]
    return np.array(answers, dtype=np.float64)[column.values]


def _compare_labels(operator: str, column: Column, text: str) -> np.ndarray:
    numbers = [value for value, label in (column.labels or {}).items() if label == text]
    if operator not in ("==", "!=") or not numbers:
        known = ", ".join((column.labels or {}).values())
        raise ValueError(f'`{column.name}` {operator} "{text}": a labelled number is compared with == or != '
                         f"with one of its labels ({known})")  # fmt: skip
    found = np.isin(column.numbers(), numbers)
    return (found if operator == "==" else ~found).astype(np.float64)
