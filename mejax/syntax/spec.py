"""What a model's text says: one frozen `Spec`, whichever spelling it came from.

A `Spec` holds names and options only. It never sees a table; `mejax.frame` reads one into arrays.
Every part knows its `Span` in the text, so that errors found later (a missing column, say) can still
point at the place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from .expression import Expression


@dataclass(frozen=True)
class Span:
    """Characters `start` to `end` (exclusive) of `Spec.text`."""

    start: int
    end: int


@dataclass(frozen=True)
class Operand:
    """One variable inside a term, `i.group`, `c.age`, `ib3.dose`, `2.dose`, `child*`, `x1-x3`.

    `name` is as typed: it may hold the wildcards `*` and `?`, or be a range `first-last`
    (then `range_end` names the last column).  `base` is the base level of a factor: a number as typed,
    "first" (the default), "last", "freq" or "none" (`ibn.`).  `levels` selects levels (`2.x`, `i(1 3).x`);
    `omitted` is the `o.` operator (with `levels`: those levels are omitted).
    """

    name: str
    kind: Literal["continuous", "factor"]
    base: str = "first"
    levels: tuple[str, ...] = ()
    omitted: bool = False
    range_end: str | None = None
    span: Span = Span(0, 0)


@dataclass(frozen=True)
class Term:
    """A product of operands; `a##b` has been expanded to `a`, `b`, `a#b` by the parser."""

    operands: tuple[Operand, ...]
    span: Span = Span(0, 0)


@dataclass(frozen=True)
class Varlist:
    """Columns in the suite's spelling; `constant` says whether the equation has `_cons`."""

    terms: tuple[Term, ...]
    constant: bool


@dataclass(frozen=True)
class FormulaSide:
    """Columns in the formula spelling: the text of a formulaic right-hand side without random terms and offsets.

    `constant` is whether an intercept is included.  Calls in `text` have been checked against the whitelist.
    """

    text: str
    constant: bool
    span: Span = Span(0, 0)


Columns = Varlist | FormulaSide


@dataclass(frozen=True)
class Weight:
    """`[pweight=w]` (level 1) or `pweight(w)` (a higher level)."""

    kind: Literal["fweight", "iweight", "pweight", "aweight"]
    expression: Expression
    span: Span = Span(0, 0)


@dataclass(frozen=True)
class Level:
    """The groups of a random-effects equation: one group per distinct combination of `variables`.

    `kind` is "all" (`_all`, no variables), "nested" (`|| a: || b:` and `a/b`, variables from the outermost to
    the innermost: label `a>b`), "crossed" (a formula's `(1 | s)`; label `s`) or "interaction" (`(1 | a:b)`: `a#b`).
    A level with one variable is "nested" in the suite's spelling and "crossed" in a formula; both mean the same.
    """

    kind: Literal["all", "nested", "crossed", "interaction"]
    variables: tuple[str, ...]
    span: Span = Span(0, 0)

    @property
    def label(self) -> str:
        if self.kind == "all":
            return "_all"
        return ("#" if self.kind == "interaction" else ">").join(self.variables)


@dataclass(frozen=True)
class Covariance:
    """`covariance(type)`, or `covariance(fixed(f))` and `covariance(pattern(p))` with the matrix's name."""

    type: Literal["identity", "independent", "exchangeable", "unstructured", "fixed", "pattern"]
    matrix: str | None = None
    span: Span = Span(0, 0)


@dataclass(frozen=True)
class Equation:
    """One random-effects equation: `|| level: columns, covariance(...)` or `|| level: R.factor`.

    `factor` is the variable of `R.factor` (then `columns` is None).  `covariance` is None where the text and the
    keyword are silent: the default is "independent" ("identity" for `R.factor`; "unstructured" where a response has
    several linear predictors with effects of their own).
    In a formula `(x || g)` is one equation with covariance "independent", `(x | g)` one with "unstructured"
    (a single column is always identity, and `(1 | g)` is silent unless several linear predictors make several effects
    of it: these are unstructured as well).  `shared`: of a response with several linear predictors all have the same
    random effects.
    """

    level: Level
    columns: Columns | None
    factor: str | None = None
    covariance: Covariance | None = None
    weights: tuple[Weight, ...] = ()
    span: Span = Span(0, 0)
    shared: bool = False


@dataclass(frozen=True)
class Spec:
    """A whole model.

    `options` maps canonical option names to parsed values (`reml` -> True, `level` -> 90.0, `vce` -> ("cluster", "id"),
    `constraints` -> ...): see `mejax.syntax.options` for the list, the abbreviations and each value's type.
    """

    command: str
    text: str
    spelling: Literal["stata", "formula"]
    response: Expression
    fixed: Columns
    equations: tuple[Equation, ...]
    where: Expression | None = None
    rows: tuple[int, int] | None = None  # `in f/l`, 1-based, inclusive; negative counts from the end
    weights: tuple[Weight, ...] = ()
    offset: Expression | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "options": dict(self.options)}  # a mapping proxy cannot be pickled or copied

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, options=MappingProxyType(state["options"]))

    def option(self, name: str, default: Any = None) -> Any:
        return self.options.get(name, default)
