"""Linear constraints as text: `_b[/var(std[trial])] = 1`, `[/]cut1 = 0`, `[/]var(x[id]) = [/]var(_cons[id])`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .problem import SyntaxProblem

_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(?![\w.#:])")  # not the outcome of `2:age`
_TERM_END = re.compile(r"[\s=+*]")


@dataclass(frozen=True)
class Constraint:
    """sum of coefficient x label = constant.

    Labels are in the form of the result tables (`week`, `trial:var(std)`, `/cut1`); `text` is as typed.
    """

    text: str
    terms: tuple[tuple[float, str], ...]
    constant: float


def collect_constraints(
    definitions, selected: Sequence[int] | None = None, *, response: str = "", equations: Sequence[str] = ()
) -> tuple[Constraint, ...]:
    """Constraints from what a user gives: a string, a sequence of strings, {number: string} or {label: value}.

    With `response`, coefficients may be written with it: `[use]age`, `_b[use:age]`.  `equations` names the linear
    predictors where there are several: `[car]age` is `car:age` then.
    """
    if definitions is None:
        if selected:
            first = selected[0]
            raise SyntaxProblem(f'constraints({first}) is not defined; pass constraints={{{first}: "..."}}')
        return ()
    if isinstance(definitions, str):
        definitions = [definitions]
    if isinstance(definitions, Mapping):
        numbered = {k: v for k, v in definitions.items() if isinstance(k, int)}
        missing = [k for k in selected or () if k not in numbered]
        if missing:
            raise SyntaxProblem(f"constraint {missing[0]} is not defined; defined are {sorted(numbered) or 'none'}")
        texts = [v for k, v in numbered.items() if not selected or k in selected]
        texts += [f"{k} = {v}" for k, v in definitions.items() if not isinstance(k, int)]
    else:
        texts = list(definitions)
    return tuple(parse_constraint(str(t), response, equations) for t in texts)


def parse_constraint(text: str, response: str = "", equations: Sequence[str] = ()) -> Constraint:
    """One constraint; without an equals sign the left side is zero."""
    sides = _split_equals(text)
    if len(sides) > 2:
        raise SyntaxProblem(f"constraint `{text}` has {len(sides) - 1} equals signs; write one constraint for each")
    left, constant = _side(sides[0], text)
    if len(sides) == 2:
        right, moved = _side(sides[1], text)
        left += [(-c, label) for c, label in right]
        constant = moved - constant
    else:
        constant = -constant
    merged: dict[str, float] = {}
    for c, label in left:
        label = _own_equation(label, response, equations)
        merged[label] = merged.get(label, 0.0) + c
    terms = tuple((c, label) for label, c in merged.items() if c)
    if not terms:
        raise SyntaxProblem(f"constraint `{text}` names no coefficient or variance; an example is `_b[week] = 1`")
    return Constraint(text.strip(), terms, constant)


def _split_equals(text: str) -> list[str]:
    return [part for part in re.split(r"==?", text)]


def _side(text: str, whole: str) -> tuple[list[tuple[float, str]], float]:
    """`2*a - b + 3` as ([(2, a), (-1, b)], 3)."""
    terms: list[tuple[float, str]] = []
    constant, position, sign, joined = 0.0, 0, 1.0, True
    if not text.strip():
        raise SyntaxProblem(f"constraint `{whole}` has an empty side")
    while position < len(text):
        character = text[position]
        if character.isspace():
            position += 1
        elif character in "+-":
            sign = -sign if character == "-" else sign
            position += 1
            joined = True
        elif not joined:
            advice = 'Write `+` or `-` between them, or one text for each: `fit.test("age", "female")`.'
            raise SyntaxProblem(f"`{whole.strip()}`: no sign before `{text[position:].strip()}`", advice=advice)
        else:
            coefficient, label, position = _product(text, position, whole)
            if label is None:
                constant += sign * coefficient
            else:
                terms.append((sign * coefficient, normal_label(label)))
            sign, joined = 1.0, False
    return terms, constant


def _product(text: str, position: int, whole: str) -> tuple[float, str | None, int]:
    """A number, a label, number * label or label * number."""
    coefficient, label = 1.0, None
    while True:
        number = _NUMBER.match(text, position)
        if number:
            coefficient *= float(number.group())
            position = number.end()
        else:
            start, position = position, _label_end(text, position)
            if label is not None or position == start:
                raise SyntaxProblem(f"constraint `{whole}` is not linear or not complete near `{text[start:]}`")
            label = text[start:position]
        rest = text[position:].lstrip()
        if not rest.startswith("*"):
            return coefficient, label, position
        position = len(text) - len(rest) + 1
        position += len(text[position:]) - len(text[position:].lstrip())


def _label_end(text: str, position: int) -> int:
    depth = 0
    while position < len(text):
        character = text[position]
        if depth == 0 and (_TERM_END.match(character) or character == "-"):
            break
        depth += (character in "[(") - (character in "])")
        position += 1
    return position


def normal_label(label: str) -> str:
    """The result tables' form of a label: `_b[/var(std[trial])]` is `trial:var(std)`, `[/]cut1` is `/cut1`."""
    label = label.replace(" ", "")
    wrapped = re.fullmatch(r"_b\[(.*)\]", label)
    if wrapped:
        label = wrapped.group(1)
    bare = label.removeprefix("[/]").removeprefix("/")
    bare, slash = re.sub(r"^((?:var|cov)\(.*\)):_cons$", r"\1", bare), "/" if bare != label else ""
    single = re.fullmatch(r"(var|cov)\((.*)\)", bare)
    if not single:
        return slash + bare
    parts = re.findall(r"([^\[\],]+)\[([^\]]+)\]", single.group(2))
    if not parts:
        return bare
    return f"{parts[0][1]}:{single.group(1)}({','.join(name for name, _ in parts)})"


def _own_equation(label: str, response: str, equations: Sequence[str]) -> str:
    """`[use]age` and `use:age` are `age` where the response is `use`; `[car]age` is `car:age` of several predictors."""
    named = re.fullmatch(r"\[([^\]]+)\](.+)", label)
    if named and named[1] in equations:
        return f"{named[1]}:{named[2]}"
    if not response:
        return label
    return label.removeprefix(f"[{response}]").removeprefix(f"{response}:")


def canonical(constraint: Constraint, response: str, equations: Sequence[str] = ()) -> str:
    """The constraint as the suite prints it, `[/]var(std[trial]) = 1`, `[use]age - 2*[use]time = .5`.

    `equations` names the linear predictors where there are several: `[car]age = 0`.
    """
    pieces: list[str] = []
    for coefficient, label in constraint.terms:
        size = abs(coefficient)
        sign = ("- " if coefficient < 0 else "+ ") if pieces else ("-" if coefficient < 0 else "")
        pieces.append(f"{sign}{'' if size == 1 else f'{_number(size)}*'}{_printed_label(label, response, equations)}")
    return f"{' '.join(pieces)} = {_number(constraint.constant)}"


def _number(value: float) -> str:
    """Without the zero before a decimal point; `+ 0.0` makes a zero of a negative one."""
    return re.sub(r"^(-?)0\.", r"\1.", f"{value + 0.0:.9g}")


def _printed_label(label: str, response: str, equations: Sequence[str]) -> str:
    if label.startswith("/"):
        return f"[/]{label[1:]}"
    component = re.fullmatch(r"(?:(.+):)?(var|cov)\((.*)\)", label)
    if component is None:
        equation, colon, column = label.partition(":")
        return f"[{equation}]{column}" if colon and equation in equations else f"[{response}]{label}"
    level, kind, names = component.groups()
    columns = re.split(r",(?![^()]*\))", names)  # not at the commas of a column such as `poly(x, 2)`
    inside = names if level is None else ",".join(f"{name}[{level}]" for name in columns)
    return f"[/]{kind}({inside})"
