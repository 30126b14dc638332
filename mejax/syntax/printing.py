"""Nonlinear means as text again: `circumf = ({b1}+{U1[tree]})/(1+exp(-(age-{b2})/{b3}))`."""

import re

from .combinations import is_combination
from .expression import (
    Binary,
    Call,
    Expression,
    Missing,
    Name,
    Number,
    Parameter,
    RandomValue,
    Reference,
    Text,
    Unary,
)
from .spec import Combination, Definition, Nonlinear, Operand, Slope, Term
from .tokens import cursor_over

_OPERATORS = (("|",), ("&",), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/"))  # the loosest first
_COMPARISON = 2
_SIGN, _POWER, _ATOM = 5, 6, 7
_PLAIN = re.compile(r"[^\W\d]\w*")
_RESERVED = ("if", "in", "and", "or", "not", "_pi")


def equation_text(nonlinear: Nonlinear, response: str) -> str:
    """`response = mean`, with as few parentheses as its meaning allows."""
    if nonlinear.mean is None:
        return f"{_name(response)} = {nonlinear.text}"
    return f"{_name(response)} = {_Printer(nonlinear, '').expression(nonlinear.mean)}"


def definition_text(definition: Definition, nonlinear: Nonlinear) -> str:
    """`name: what it stands for`, as `define()` holds it."""
    printer = _Printer(nonlinear, definition.name)
    if isinstance(definition.meaning, Combination):
        return printer.combination(definition)
    return f"{definition.name}: {printer.expression(definition.meaning)}"


class _Printer:
    """Writes the mean (`inside` is "") or the definition `inside`.

    What was defined in place is written out once, where it is first needed.
    """

    def __init__(self, nonlinear: Nonlinear, inside: str):
        self.levels = {effect.name: effect.level for effect in nonlinear.effects}
        self.in_place = {d.name: d for d in nonlinear.definitions if not d.printed and _owner(d, nonlinear) == inside}

    def expression(self, tree: Expression, tightest: int = 0) -> str:
        """The text, in parentheses where it binds less tightly than `tightest`."""
        text, own = self._written(tree)
        return f"({text})" if own < tightest else text

    def _written(self, tree: Expression) -> tuple[str, int]:
        match tree:
            case Number(value):
                return _number(value), _ATOM
            case Name(name):
                return _name(name), _ATOM
            case Missing() | Text():
                raise TypeError("a mean holds numbers only")
            case Parameter(name):
                return f"{{{name}}}", _ATOM
            case RandomValue(name):
                return f"{{{self._effect(name)}}}", _ATOM
            case Reference(name):
                return f"{{{self._reference(name)}}}", _ATOM
            case Call(function, arguments):
                return f"{function}({','.join(self.expression(a) for a in arguments)})", _ATOM
            case Unary("!", operand):
                return f"!{self.expression(operand, _ATOM)}", _ATOM
            case Unary(sign, operand):
                return f"{sign}{self.expression(operand, _SIGN)}", _SIGN
            case Binary("^", base, exponent):
                return f"{self.expression(base, _POWER)}^{self._exponent(exponent)}", _POWER
            case Binary(operator, left, right):
                return self._binary(operator, left, right)

    def _binary(self, operator: str, left: Expression, right: Expression) -> tuple[str, int]:
        own = next(rank for rank, operators in enumerate(_OPERATORS) if operator in operators)
        before = self.expression(left, own + (own == _COMPARISON))
        return f"{before}{operator}{self.expression(right, own + 1)}", own

    def _exponent(self, exponent: Expression) -> str:
        if isinstance(exponent, Unary) and exponent.operator != "!":
            return f"{exponent.operator}{self.expression(exponent.operand, _ATOM)}"
        return self.expression(exponent, _ATOM)

    def _effect(self, name: str) -> str:
        variables = ">".join(map(_name, self.levels[name].variables))
        return f"{name}[{variables or '_all'}]"

    def _reference(self, name: str) -> str:
        definition = self.in_place.pop(name, None)
        return f"{name}:" if definition is None else self.combination(definition)

    def combination(self, definition: Definition) -> str:
        """`phi1: x1 i.g U0[id] c.x1#U1[id]`, with `, xb` where one term would be read as something else."""
        meaning = definition.meaning
        assert isinstance(meaning, Combination)
        words = [_term(term) for term in meaning.columns.terms] + [self._slope(slope) for slope in meaning.slopes]
        text = " ".join(words)
        options = ["xb"] if len(words) == 1 or not is_combination(cursor_over(text)) else []
        options += [] if meaning.columns.constant else ["noconstant"]
        return f"{definition.name}: {text}{', ' if options else ''}{' '.join(options)}"

    def _slope(self, slope: Slope) -> str:
        effect = self._effect(slope.effect)
        return effect if slope.covariate is None else f"{_product(slope.covariate)}#{effect}"


def _owner(definition: Definition, nonlinear: Nonlinear) -> str:
    """Where something defined in place is written out: "" for the mean, otherwise the definition that refers to it."""
    if nonlinear.mean is None or _refers(nonlinear.mean, definition.name):
        return ""
    expressions = ((d.name, d.meaning) for d in nonlinear.definitions if not isinstance(d.meaning, Combination))
    return next(name for name, meaning in expressions if _refers(meaning, definition.name))


def _refers(tree: Expression, name: str) -> bool:
    match tree:
        case Reference(other):
            return other == name
        case Unary(_, operand):
            return _refers(operand, name)
        case Binary(_, left, right):
            return _refers(left, name) or _refers(right, name)
        case Call(_, arguments):
            return any(_refers(argument, name) for argument in arguments)
    return False


def _number(value: float) -> str:
    return repr(value).removesuffix(".0").replace("inf", "1e999")


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name not in _RESERVED else f"`{name}`"


def _term(term: Term) -> str:
    if len(term.operands) == 1 and term.operands[0].kind == "continuous" and not term.operands[0].omitted:
        return _column(term.operands[0])
    return _product(term)


def _product(term: Term) -> str:
    return "#".join(f"{_prefix(operand)}.{_column(operand)}" for operand in term.operands)


def _column(operand: Operand) -> str:
    first = operand.name if set("*?") & set(operand.name) else _name(operand.name)
    return first if operand.range_end is None else f"{first}-{_name(operand.range_end)}"


def _prefix(operand: Operand) -> str:
    omitted = "o" if operand.omitted else ""
    if operand.kind == "continuous":
        return f"c{omitted}"
    levels = f"({' '.join(operand.levels)})" if len(operand.levels) > 1 else "".join(operand.levels)
    if operand.omitted:
        return f"io{levels}"
    base = {"first": "", "none": "bn"}.get(operand.base, f"b{operand.base}")
    if operand.base in ("last", "freq"):
        base = f"b({operand.base})"
    return f"i{levels}{base}"
