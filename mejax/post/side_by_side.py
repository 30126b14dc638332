"""The numbers of several fits in the rows of one table, matched by their labels."""

import re
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ..fitting import Component, Estimates
from ..syntax.problem import did_you_mean
from .estat.estat import aic, bic, icc
from .hypotheses.hypotheses import Wald, model_wald
from .kinds import is_nonlinear
from .tables import ancillary_lines, coefficient_lines, component_lines, exponentiated

Part = Literal["coefficients", "ancillary", "random"]
_COMPONENT = re.compile(r"(.*?)(\w+)\((.*)\)")


class Key(NamedTuple):
    """A row: its part, the equation or level under which it stands, and its label within that."""

    part: Part
    heading: str
    short: str

    @property
    def label(self) -> str:
        """The whole label, as in `fit.params` of a generalized model: `2:age`, `school>class:var(_cons)`."""
        return f"{self.heading}:{self.short}" if self.heading else self.short

    @property
    def names(self) -> tuple[str, ...]:
        """What the row may be called: of a level's path, as `mixed` prints it, the last name is enough."""
        if not self.heading:
            return (self.short,)
        return tuple(dict.fromkeys((self.label, f"{self.heading.rpartition('>')[2]}:{self.short}", self.short)))


class Value(NamedTuple):
    """`estimate se z p lower upper` (z is t where there are degrees of freedom); `held` by a constraint."""

    numbers: np.ndarray
    held: bool


@dataclass(frozen=True)
class Column:
    """One fit: its rows, and its statistics by label (those that it does not have are not there)."""

    rows: Mapping[Key, Value]
    statistics: Mapping[str, float]


@dataclass(frozen=True)
class Choice:
    """Which rows are wanted: labels with `*` and `?` (None: all), and whether variance components are."""

    keep: tuple[str, ...] | None = None
    drop: tuple[str, ...] = ()
    random: bool = True


def column(
    estimates: Estimates, level: float, statistics: Sequence[str], *, eform: bool, labels: Mapping[str, str] | None
) -> Column:
    """The rows of one fit, renamed by `labels`, and the statistics asked for.

    Raises:
        ValueError: two rows that `labels` gives one name.
    """
    rows: dict[Key, Value] = {}
    for key, value in _rows(estimates, level, eform):
        key = _renamed(key, labels or {})
        if key in rows:
            raise ValueError(f"table: `labels` gives two rows of one fit the name `{key.label}`; keep them apart")
        rows[key] = value
    found = {label: value for name in statistics for label, value in STATISTICS[name](estimates)}
    return Column(rows, found)


def ordered(columns: Sequence[Column]) -> list[Key]:
    """The rows of all fits: parts in order, headings together, and each row beside its neighbours in its own fit."""
    found = []
    for part in ("coefficients", "ancillary", "random"):
        keys = _merged([[key for key in c.rows if key.part == part] for c in columns])
        # what belongs to no level, the variance of the errors, stands last
        headings = sorted(dict.fromkeys(key.heading for key in keys), key=lambda h: part == "random" and not h)
        found += [key for heading in headings for key in keys if key.heading == heading]
    return found


def statistics_of(columns: Sequence[Column]) -> list[str]:
    """The labels of all statistics that some fit has."""
    return _merged([list(c.statistics) for c in columns])


def chosen(keys: Sequence[Key], choice: Choice) -> list[Key]:
    """The rows that are wanted.

    Raises:
        ValueError: a pattern that fits no row.
    """
    for option, patterns in (("keep", choice.keep or ()), ("drop", choice.drop)):
        for pattern in patterns:
            if not any(_fits(pattern, key) for key in keys):
                known = [key.label for key in keys]
                hint = did_you_mean(pattern, known) or f"Rows are {', '.join(known)}."
                raise ValueError(f"table: `{option}` names `{pattern}`, which is the label of no row. {hint}")
    kept = [k for k in keys if choice.keep is None or any(_fits(pattern, k) for pattern in choice.keep)]
    return [k for k in kept if not any(_fits(p, k) for p in choice.drop) and (choice.random or k.part != "random")]


def require_labels(fits: Sequence[Estimates], labels: Mapping[str, str]) -> None:
    """Raise where a label that is to be renamed is that of no row."""
    known = [name for estimates in fits for key, _ in _rows(estimates, 95.0, False) for name in _names(key)]
    for label in labels:
        if label not in known:
            hint = did_you_mean(label, known)
            raise ValueError(f"table: `labels` renames `{label}`, which no fit has. {hint}".rstrip())


def _rows(estimates: Estimates, level: float, eform: bool) -> Iterator[tuple[Key, Value]]:
    lines = coefficient_lines(estimates, level)
    values = exponentiated(lines).values if eform else lines.values
    held = np.diag(estimates.coefficient_vce) == 0
    for name, numbers in zip(estimates.names.estimated, values, strict=True):
        short = name.label.removeprefix(f"{name.equation}:") if name.equation else name.label
        yield Key("coefficients", name.equation, short), Value(numbers, bool(held[name.index]))
    lines, held = ancillary_lines(estimates, level), np.diag(estimates.ancillary_vce) == 0
    for label, numbers, fixed in zip(lines.labels, lines.values, held, strict=True):
        yield Key("ancillary", "", label), Value(numbers, bool(fixed))
    values = component_lines(estimates, level).values
    for component, numbers in zip(estimates.component_info, values, strict=True):
        yield _component_key(estimates, component), Value(numbers, bool(component.note))


def _component_key(estimates: Estimates, component: Component) -> Key:
    if component.equation < 0:
        return Key("random", "", component.label)
    return Key("random", estimates.names.effects[component.equation].path, component.label.split(":", 1)[1])


def _renamed(key: Key, labels: Mapping[str, str]) -> Key:
    """The row under its new name: of the whole label, of the label within its equation, of the columns in `var()`."""
    new = next((labels[name] for name in key.names if name in labels), None)
    if new is not None:
        heading, colon, short = new.partition(":")
        if colon and (key.part == "random" or heading == key.heading):
            return key._replace(heading=heading, short=short)
        return key._replace(short=new)
    inner = _COMPONENT.fullmatch(key.short) if key.part == "random" else None
    if inner is None:
        return key
    names = ",".join(labels.get(name, name) for name in _arguments(inner[3]))
    return key._replace(short=f"{inner[1]}{inner[2]}({names})")


def _names(key: Key) -> Iterator[str]:
    """Everything that `labels` may rename of a row."""
    yield from key.names
    inner = _COMPONENT.fullmatch(key.short)
    if key.part == "random" and inner is not None:
        yield from _arguments(inner[3])


def _arguments(text: str) -> list[str]:
    return re.split(r",(?![^()]*\))", text)  # not at the commas of a column such as `poly(x, 2)`


def _fits(pattern: str, key: Key) -> bool:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return any(re.fullmatch(expression, label) for label in key.names)


def _merged(sequences: Sequence[Sequence]) -> list:
    """The union in an order that follows each sequence as far as possible: what is new stands before what it precedes
    in its own sequence, otherwise behind what it follows, otherwise at the end."""
    merged: list[Hashable] = []
    for sequence in sequences:
        for place, item in enumerate(sequence):
            if item in merged:
                continue
            after = [merged.index(other) for other in sequence[place + 1 :] if other in merged]
            before = [merged.index(other) for other in sequence[:place]]
            merged.insert(after[0] if after else before[-1] + 1 if before else len(merged), item)
    return merged


def _wald(estimates: Estimates) -> Wald | None:
    return None if is_nonlinear(estimates) else model_wald(estimates)


def _intraclass(estimates: Estimates) -> Iterator[tuple[str, float]]:
    try:
        found = icc(estimates, 95.0).table
    except ValueError:  # there is none
        return
    yield from zip((f"icc({level})" for level in found.index), found["estimate"].to_numpy(), strict=True)


def _test(which: str) -> Callable[[Estimates], Iterator[tuple[str, float]]]:
    def value(estimates: Estimates) -> Iterator[tuple[str, float]]:
        wald = _wald(estimates)
        if wald is not None:
            found = {"chi2": wald.chi2 if wald.F is None else None, "F": wald.F, "p": wald.p}[which]
            if found is not None:
                yield which, found

    return value


STATISTICS: dict[str, Callable[[Estimates], Iterator[tuple[str, float]]]] = {
    "N": lambda e: iter([("N", e.nobs)]),
    "groups": lambda e: iter([(f"groups({g.label})", g.count) for g in e.names.groups]),
    "ll": lambda e: iter([("ll", e.llf)]),
    "aic": lambda e: iter([("aic", aic(e))]),
    "bic": lambda e: iter([("bic", bic(e))]),
    "icc": _intraclass,
    "df": lambda e: iter([("df", e.parameters)]),
    "chi2": _test("chi2"),
    "F": _test("F"),
    "p": _test("p"),
}
