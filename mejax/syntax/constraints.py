"""Linear constraints as text: `_b[/var(std[trial])] = 1`, `[/]var(x[id]) = [/]var(_cons[id])`, `2*week = 10`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .problem import SyntaxProblem

_NUMBER = re.compile(r"(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?(?![\w.#])")
_TERM_END = re.compile(r"[\s=+*]")


@dataclass(frozen=True)
class Constraint:
    """sum of coefficient x label = constant.  Labels are in the form of the result tables (`trial:var(std)`)."""

    text: str
    terms: tuple[tuple[float, str], ...]
    constant: float


def collect_constraints(definitions, selected: Sequence[int] | None = None) -> tuple[Constraint, ...]:
    """Constraints from what a user gives: a string, a sequence of strings, {number: string} or {label: value}."""
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
    return tuple(parse_constraint(str(t)) for t in texts)


def parse_constraint(text: str) -> Constraint:
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
    constant, position, sign = 0.0, 0, 1.0
    if not text.strip():
        raise SyntaxProblem(f"constraint `{whole}` has an empty side")
    while position < len(text):
        character = text[position]
        if character.isspace():
            position += 1
        elif character in "+-":
            sign = -sign if character == "-" else sign
            position += 1
        else:
            coefficient, label, position = _product(text, position, whole)
            if label is None:
                constant += sign * coefficient
            else:
                terms.append((sign * coefficient, normal_label(label)))
            sign = 1.0
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
    """The result tables' form of a label: `_b[/var(std[trial])]` is `trial:var(std)`."""
    label = label.replace(" ", "")
    wrapped = re.fullmatch(r"_b\[(.*)\]", label)
    if wrapped:
        label = wrapped.group(1)
    label = label.removeprefix("[/]").removeprefix("/")
    label = re.sub(r"^((?:var|cov)\(.*\)):_cons$", r"\1", label)
    single = re.fullmatch(r"(var|cov)\((.*)\)", label)
    if not single:
        return label
    parts = re.findall(r"([^\[\],]+)\[([^\]]+)\]", single.group(2))
    if not parts:
        return label
    return f"{parts[0][1]}:{single.group(1)}({','.join(name for name, _ in parts)})"
