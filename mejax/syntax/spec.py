"""What a model's text says: one frozen `Spec`, whichever spelling it came from.

A `Spec` holds names and options only. It never sees a table; `mejax.frame` reads one into arrays.
Every part knows its `Span` in the text, so that errors found later (a missing column, say) can still
point at the place.
"""

from collections.abc import Callable, Mapping
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
class Residuals:
    """Within-group errors e ~ N(0, R): `residuals()` of `mixed`; `resvariance()`, `rescorrelation()`, `rescovariance()`
    of `menl`.

    `variance` is "identity", "linear", "power", "exponential" (of `variable`, a column or `_yhat`) or "distinct" (one
    for each value of the column `index`); `constant` says whether power has one; each group of `strata` has parameters
    of its own.  `correlation` is "identity", "exchangeable", "ar", "ma", "toeplitz", "banded" (of this `order`; None:
    the largest possible), "unstructured", "exponential" or "ctar1" (the same thing), with the column `time` (of
    `banded` and `unstructured` it says which errors are alike; None: the order of the rows within a group); each group
    of `by` has parameters of its own, the variance among them where `joint`.  `joint`: one covariance matrix was named,
    not a variance function and a correlation.  Errors of different groups of the column `group` are independent (None:
    of the lowest level).
    """

    variance: Literal["identity", "linear", "power", "exponential", "distinct"] = "identity"
    variable: str | None = None
    constant: bool = True
    strata: str | None = None
    index: str | None = None
    correlation: Literal[
        "identity", "exchangeable", "ar", "ma", "toeplitz", "banded", "unstructured", "exponential", "ctar1"
    ] = "identity"
    order: int | None = None
    time: str | None = None
    by: str | None = None
    joint: bool = True
    group: str | None = None
    span: Span = Span(0, 0)


@dataclass(frozen=True)
class RandomEffect:
    """`U1[tree]`, `W[school>class]`: a random effect with a name."""

    name: str
    level: Level
    span: Span = Span(0, 0)


@dataclass(frozen=True)
class Slope:
    """`U0[id]` (no covariate) or `c.x#U1[id]` in a linear combination."""

    effect: str
    covariate: Term | None = None


@dataclass(frozen=True)
class Combination:
    """`{phi: x1 i.g U0[id] c.x1#U1[id]}`: a linear predictor with coefficients `phi:x1`, ..., `phi:_cons`."""

    columns: Varlist
    slopes: tuple[Slope, ...] = ()


@dataclass(frozen=True)
class Definition:
    """What `{name:}` stands for; `text` as it was typed, `printed` whether it came from `define()`."""

    name: str
    meaning: Expression | Combination
    text: str
    printed: bool = False
    span: Span = Span(0, 0)


@dataclass(frozen=True)
class EffectBlock:
    """Random effects of one level with one covariance matrix; None: what the model's default is."""

    effects: tuple[str, ...]
    covariance: Covariance | None = None


@dataclass(frozen=True)
class Nonlinear:
    """The mean of a nonlinear model.

    `definitions` hold what `mean` and they themselves refer to, in an order in which each comes after those it needs.
    `effects` are in the order in which they first appear, in `define()` before the mean; every one of them is in one of
    `blocks`.  `combinations` (the names that `definitions` gives a linear combination) and `scalars` are the
    parameters, each in the same order; coefficients are printed in this order.  `starts` maps labels (`/b1`,
    `phi1:_cons`) to the values given in braces or by `initial()`.  `columns` are the columns of the table that the mean
    reads outside linear combinations.

    `function` is the mean as a Python function of JAX arrays, `mean` None then.
    """

    mean: Expression | None
    text: str
    definitions: tuple[Definition, ...] = ()
    effects: tuple[RandomEffect, ...] = ()
    blocks: tuple[EffectBlock, ...] = ()
    combinations: tuple[str, ...] = ()
    scalars: tuple[str, ...] = ()
    starts: Mapping[str, float] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    function: Callable[..., Any] | None = None


@dataclass(frozen=True)
class Spec:
    """A whole model.

    Of a nonlinear model `nonlinear` is the mean, `fixed` is empty, and `equations` has one equation per block of random
    effects, without columns.  `residuals` is None where the errors are independent with one variance.

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
    nonlinear: Nonlinear | None = None
    residuals: Residuals | None = None
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "options": dict(self.options)}  # a mapping proxy cannot be pickled or copied

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, options=MappingProxyType(state["options"]))

    def option(self, name: str, default: Any = None) -> Any:
        return self.options.get(name, default)
