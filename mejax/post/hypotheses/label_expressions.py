"""Expressions of what was estimated, `exp(_b[week])`, `/b1 - 2*/b2`, `id:var(_cons)/var(Residual)`.

A label stands in `_b[...]`, or bare where nothing else can be meant.  The rest is the grammar of a nonlinear mean.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from ...fitting import Estimates
from ...menl import OPERATIONS
from ...menl.program import Program
from ...syntax import MEAN_FUNCTIONS
from ...syntax.conditions import whole_expression
from ...syntax.constraints import parse_constraint
from ...syntax.expression import Binary, Call, Expression, Name, Number, Unary
from ...syntax.problem import SyntaxProblem, did_you_mean
from ...syntax.spec import Span
from ...syntax.tokens import Cursor, Token, tokenize
from .hypotheses import parameter_labels, place_of, unknown_label

_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.#:])")
_WORD = re.compile(r"[^\W\d]\w*")
_OPERATOR = re.compile(r"\*\*|==|!=|~=|<=|>=|[-+*/^<>&|,]")
_CONTINUES = re.compile(r"[\w.#:\[{]")  # what makes a longer label of the one before it


class _Found(NamedTuple):
    """A label in the text: where it ends, and its place among everything printed."""

    end: int
    place: int


class Parsed(NamedTuple):
    """A program whose columns are everything printed, and the places that it reads."""

    program: Program
    places: tuple[int, ...]


def parse_label_expression(estimates: Estimates, text: str) -> Parsed:
    """Read an expression of labels.

    Raises:
        SyntaxProblem: what is no expression, with the place; a label that is not in the model.
    """
    found = _Reader(estimates, text).labels()
    masked = "".join("x" if _inside(found, place) else c for place, c in enumerate(text))  # tokens keep their places
    try:
        tokens = [_token(token, text, found) for token in tokenize(masked)]
        cursor = Cursor(text, tokens, None)
        cursor.braces = lambda at: at.fail("these braces hold no parameter of the model")
        expression = whole_expression(cursor)
    except SyntaxProblem as problem:
        raise SyntaxProblem(problem.message, text, problem.span, problem.advice) from None
    return Parsed(_program(expression), tuple(sorted({each.place for each in found.values()})))


def leading_label(estimates: Estimates, text: str) -> int:
    """How far the label at the beginning of a text goes; 0 where there is none."""
    reader = _Reader(estimates, text)
    start = len(text) - len(text.lstrip())
    found = reader.label(start) if start < len(text) else None
    return 0 if found is None else found.end


def _inside(found: dict[int, _Found], place: int) -> bool:
    return any(start <= place < each.end for start, each in found.items())


def _token(token: Token, text: str, found: dict[int, _Found]) -> Token:
    if token.start not in found or token.kind == "end":
        return token
    return Token("name", f"_b[{text[token.start : token.end]}]", str(found[token.start].place), token.start, token.end)


def _program(expression: Expression) -> Program:
    if isinstance(expression, Number):
        return ("number", expression.value)
    if isinstance(expression, Name):
        return ("column", int(expression.name))
    if isinstance(expression, Unary):
        operand = _program(expression.operand)
        if expression.operator == "-" and operand[0] == "number":
            return ("number", -operand[1])  # a power with a whole number takes negative bases
        return operand if expression.operator == "+" else ("negative" if expression.operator == "-" else "not", operand)
    if isinstance(expression, Binary):
        return (expression.operator, _program(expression.left), _program(expression.right))
    assert isinstance(expression, Call) and expression.function in OPERATIONS, expression
    return (expression.function, *map(_program, expression.arguments))


@dataclass
class _Reader:
    """Finds the labels of a text: where an operand is expected, the longest label that stands there.

    `without` is the place of a label that does not count, where it is asked whether anything else can be meant.
    """

    estimates: Estimates
    text: str
    without: int | None = None
    known: Sequence[tuple[re.Pattern[str], int]] = field(init=False)

    def __post_init__(self):
        labels = sorted(enumerate(parameter_labels(self.estimates)), key=lambda pair: -len(pair[1]))
        self.known = [
            (re.compile(r"\s*".join(map(re.escape, label.split()))), place)
            for place, label in labels if place != self.without
        ]  # fmt: skip

    def labels(self) -> dict[int, _Found]:
        """The labels by the place where they begin."""
        found: dict[int, _Found] = {}
        position, expected = 0, True
        while position < len(self.text):
            if self.text[position].isspace():
                position += 1
                continue
            here = self.label(position) if expected else None
            if here is not None:
                found[position] = here
                position, expected = here.end, False
            else:
                position, expected = self._operand(position) if expected else self._operator(position)
        if expected:
            self._fail("a coefficient, a number or `(` was expected, but the text ends", len(self.text))
        return found

    def label(self, position: int) -> _Found | None:
        """The label that begins here, in `_b[]`, as it is printed, or in another notation."""
        if re.match(r"_b\s*\[", self.text[position:]):
            opening = self.text.index("[", position)
            end = self._closing(opening)
            place = self._place(self.text[opening + 1 : end - 1])
            if place is None:
                self._fail(unknown_label(self.estimates, self.text[opening + 1 : end - 1].strip()), position, end)
            return _Found(end, place)
        for pattern, place in self.known:
            match = pattern.match(self.text, position)
            if match and match.end() > position and not _CONTINUES.match(self.text[match.end() :]):
                if not self._is_call(match.group(), match.end()):
                    self._require_plain(match.group(), place, position)
                    return _Found(match.end(), place)
        end = self._label_end(position)
        typed, place = self.text[position:end], None
        if typed and not _NUMBER.fullmatch(typed) and typed.split("(")[0] not in MEAN_FUNCTIONS:
            place = self._place(typed)
        return None if place is None else _Found(end, place)

    def _place(self, label: str) -> int | None:
        """The place of a label in any notation that `fit.test` knows."""
        place = place_of(self.estimates, label)
        if place is None:
            names = self.estimates.names
            try:
                read = parse_constraint(label.replace(" ", ""), names.response, names.equations)
            except SyntaxProblem:
                return None
            if len(read.terms) == 1 and read.terms[0][0] == 1.0 and read.constant == 0.0:
                place = place_of(self.estimates, read.terms[0][1])
        return None if place == self.without else place

    def _require_plain(self, label: str, place: int, position: int) -> None:
        """A label such as `log(x)` may be an expression as well, where `x` is a label too."""
        if self.without is not None or not re.search(r"[-+*/^(]", label[1:]):
            return
        try:
            _Reader(self.estimates, label, place).labels()
        except SyntaxProblem:
            return
        advice = f"Write `_b[{label}]` for the coefficient, or put the labels inside into `_b[]`."
        self._fail(f"`{label}` is a coefficient's label and an expression of others", position, advice=advice)

    def _operand(self, position: int) -> tuple[int, bool]:
        """A number, a function's name, a sign or an opening parenthesis; (where it ends, is an operand expected)."""
        number = _NUMBER.match(self.text, position)
        if number:
            return number.end(), False
        word = _WORD.match(self.text, position)
        if word and word.group() == "_pi":
            return word.end(), False
        if word and self._is_call(word.group(), word.end()):
            return word.end(), True
        if self.text[position] in "(+-!~":
            return position + 1, True
        if word and self.text[word.end() :].lstrip().startswith("("):
            advice = did_you_mean(word.group(), MEAN_FUNCTIONS) or f"Known are {', '.join(MEAN_FUNCTIONS)}."
            self._fail(f"`{word.group()}` is not a known function", position, word.end(), advice)
        end = self._label_end(position)
        if end > position:
            self._fail(unknown_label(self.estimates, self.text[position:end]), position, end)
        self._fail(f"a coefficient, a number or `(` was expected, but `{self.text[position]}` is here", position)

    def _operator(self, position: int) -> tuple[int, bool]:
        if self.text[position] == ")":
            return position + 1, False
        operator = _OPERATOR.match(self.text, position)
        if operator:
            return operator.end(), True
        rest = self.text[position:].strip()
        advice = "An expression has no `=`." if rest[0] == "=" else "An operator such as `*` is missing before it."
        self._fail(f"`{rest}` does not continue the expression", position, advice=advice)

    def _is_call(self, name: str, end: int) -> bool:
        return name in MEAN_FUNCTIONS and self.text[end:].lstrip().startswith("(")

    def _label_end(self, position: int) -> int:
        """Where a label in another notation ends: at a blank or an operator that nothing encloses."""
        depth, start = 0, position
        while position < len(self.text):
            character = self.text[position]
            if depth == 0 and (character in ")],}" or (character in " \t\n+-*^/=<>&|" and position > start)):
                break
            if depth == 0 and position == start and character not in "[{/_" and not character.isalnum():
                break
            depth += (character in "[({") - (character in "])}")
            position += 1
        return position

    def _closing(self, opening: int) -> int:
        """Behind the bracket that closes this one."""
        depth = 0
        for position in range(opening, len(self.text)):
            depth += (self.text[position] == "[") - (self.text[position] == "]")
            if depth == 0:
                return position + 1
        self._fail("`[` is never closed", opening)

    def _fail(self, message: str, position: int, end: int = 0, advice: str = "") -> NoReturn:
        raise SyntaxProblem(message, self.text, Span(position, max(end, position + 1)), advice)
