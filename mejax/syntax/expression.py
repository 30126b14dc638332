"""Expressions over columns: `if` conditions, weights, offsets, responses such as `log(y)`.

The tree says nothing about data; `mejax.frame` evaluates it on a table.
Missing values follow the suite: `.` is a missing number, `missing(x)` tests for it, and in comparisons a missing
number is larger than every number.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Missing:
    """The literal `.`."""


@dataclass(frozen=True)
class Text:
    """A string literal."""

    value: str


@dataclass(frozen=True)
class Name:
    """A column; `start` and `end` are its place in the model's text."""

    name: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Unary:
    """`-x`, `+x`, `!x` (`~x` is read as `!x`)."""

    operator: str
    operand: "Expression"


@dataclass(frozen=True)
class Binary:
    """`+ - * / ^ == != < <= > >= & |` (`**` is read as `^`, `~=` as `!=`)."""

    operator: str
    left: "Expression"
    right: "Expression"


@dataclass(frozen=True)
class Call:
    """`function(arguments)`; the functions allowed are those of `FUNCTIONS`, in a mean those of `MEAN_FUNCTIONS`."""

    function: str
    arguments: tuple["Expression", ...]


@dataclass(frozen=True)
class Parameter:
    """`{b1}` in the mean of a nonlinear model: one coefficient."""

    name: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class RandomValue:
    """`{U1[tree]}`: the random effect U1 of the row's tree."""

    name: str
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Reference:
    """`{phi1:}`: what was defined under this name, an expression or a linear combination."""

    name: str
    start: int = 0
    end: int = 0


Expression = Number | Missing | Text | Name | Unary | Binary | Call | Parameter | RandomValue | Reference

# name -> (fewest, most) arguments; of a mean: what has derivatives almost everywhere
MEAN_FUNCTIONS = {
    "abs": (1, 1), "atan": (1, 1), "cond": (3, 3), "cos": (1, 1), "cosh": (1, 1), "exp": (1, 1), "floor": (1, 1),
    "invlogit": (1, 1), "ln": (1, 1), "log": (1, 1), "log10": (1, 1), "logit": (1, 1), "max": (1, 255),
    "min": (1, 255), "normal": (1, 1), "sign": (1, 1), "sin": (1, 1), "sinh": (1, 1), "sqrt": (1, 1), "tan": (1, 1),
    "tanh": (1, 1),
}  # fmt: skip
FUNCTIONS = {
    "abs": (1, 1), "ceil": (1, 1), "cond": (3, 3), "cos": (1, 1), "exp": (1, 1), "floor": (1, 1), "inlist": (2, 255),
    "inrange": (3, 3), "int": (1, 1), "ln": (1, 1), "log": (1, 1), "log10": (1, 1), "max": (1, 255), "min": (1, 255),
    "missing": (1, 255), "mod": (2, 2), "round": (1, 2), "sign": (1, 1), "sin": (1, 1), "sqrt": (1, 1),
}  # fmt: skip
