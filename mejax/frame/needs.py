"""What a model uses of a table, evaluated: response, covariates, groups, weights, offset and options."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..syntax.expression import Call, Expression, Name
from ..syntax.families import family_of
from ..syntax.problem import SyntaxProblem
from ..syntax.spec import Columns, FormulaSide, Span, Spec, Term
from .column import CONTENTS, Column, as_numbers
from .evaluate import compares, evaluate, evaluate_option, names_in, words
from .formula import side_variables
from .levels import compress
from .nonlinear import mean_terms, mean_variables
from .records import Records, failure_condition, set_records
from .sample import Need, Sample, first_row
from .table import Source
from .terms import expand_terms
from .varlist import require_finite
from .within import error_variables

_OPEN = ("ll", "ul", "second_response")  # options whose missing values mean "no limit"
_TIME = "time"  # of a survival response: the key under which new data give it
_ELSEWHERE = ("offset", "exposure", "fweight", "iweight", "pweight")


@dataclass(frozen=True)
class Needs:
    """Everything over the whole table, before the sample is known.

    `variables` are the columns of the table that the model uses.  `extras` are the options that hold an expression or
    a column (`binomial`, `time`, `cluster`, ...).  `records` are those of survival times.
    """

    response: np.ndarray
    offset: np.ndarray | None
    weights: np.ndarray | None
    extras: Mapping[str, np.ndarray | Column]
    variables: tuple[str, ...]
    missing: tuple[Need, ...]
    records: Records | None = None

    def values(self, option: str) -> np.ndarray:
        """An option that holds an expression, over the table."""
        found = self.extras[option]
        assert isinstance(found, np.ndarray)
        return found


def collect(spec: Spec, source: Source) -> Needs:
    """Evaluate what a model uses; raise where a column is not there or not of the right kind."""
    response = response_values(spec, source)
    columns = {name: source.column(name, span) for name, span in _columns(spec, source)}
    if len(spec.weights) > 1:
        raise SyntaxProblem("two weights for the observations", spec.text, spec.weights[1].span, "Multiply them.")
    weights = evaluate(spec.weights[0].expression, source) if spec.weights else None
    offset = _offset(spec, source)
    extras = dict(_extras(spec, source))
    needs = [Need(words(spec.response), _missing_response(response, extras))]
    needs += [Need(name.name, source.column(name.name).missing) for name in _compared(spec.response)]
    needs += [Need(name, column.missing) for name, column in columns.items()]
    needs += [Need(words(w.expression), _missing(evaluate(w.expression, source))) for w in _all_weights(spec)]
    needs += [Need(words(offset_expression(spec) or spec.response), _missing(offset))]
    needs += [Need(name, _missing(values)) for name, values in extras.items() if name not in (*_OPEN, _TIME)]
    used = dict.fromkeys([*(n.name for e in _expressions(spec, source) for n in names_in(e)), *columns])
    kept = {need.label: need for need in reversed(needs) if need.missing is not None}
    missing = tuple(reversed(kept.values()))
    return Needs(response, offset, weights, extras, tuple(used), missing, _records(spec, response, extras))


def _records(spec: Spec, response: np.ndarray, extras: Mapping[str, Any]) -> Records | None:
    if spec.command != "mestreg":
        return None
    return set_records(response, extras.get("failure"), extras.get("enter"), extras.get("id"))


def response_column(spec: Spec, source: Source) -> Column | None:
    """The column that the response is; None where it is an expression."""
    if not isinstance(spec.response, Name):
        return None
    return source.column(spec.response.name, Span(spec.response.start, spec.response.end))


def response_values(spec: Spec, source: Source) -> np.ndarray:
    """The response over the table as float64, NaN where missing.

    Families of categories take text and categories too, as codes into the column's levels; others refuse them.
    """
    column = response_column(spec, source)
    if column is None:
        return evaluate(spec.response, source)
    if column.kind == "number":
        return column.numbers()
    choice = family_of(spec)
    if choice is not None and choice.has_outcomes and column.kind in ("text", "category"):
        return np.where(column.values < 0, np.nan, column.values)
    advice = as_numbers(column)
    raise SyntaxProblem(f"the response `{column.name}` holds {CONTENTS[column.kind]}, not numbers", spec.text,
                        Span(getattr(spec.response, "start", 0), getattr(spec.response, "end", 0)), advice)  # fmt: skip


def sample_of(values: np.ndarray, label: str, sample: Sample) -> np.ndarray:
    """The sample's rows of an evaluated expression, checked to be finite."""
    values = np.ascontiguousarray(sample.take(values))
    require_finite(values, label, sample)
    return values


def frequencies(spec: Spec, needs: Needs, sample: Sample) -> np.ndarray | None:
    """How many observations each row of the sample stands for (frequency weights); None: one."""
    counted = bool(spec.weights) and spec.weights[0].kind == "fweight" and needs.weights is not None
    return sample.take(needs.weights) if counted else None  # pyright: ignore[reportArgumentType]


def sample_extras(needs: Needs, sample: Sample) -> dict[str, np.ndarray]:
    """Options over the sample: numbers as float64, columns that name clusters as integer codes."""
    found = {}
    for name, values in needs.extras.items():
        found[name] = compress(sample.take(values.values))[0] if isinstance(values, Column) else sample.take(values)
    return found


def _columns(spec: Spec, source: Source) -> Iterator[tuple[str, Span | None]]:
    yield from _side_columns(spec.fixed, source)
    yield from mean_variables(spec)
    yield from _term_columns(mean_terms(spec), source)
    for equation in spec.equations:
        for name in equation.level.variables:
            yield name, equation.level.span
        if equation.factor is not None:
            yield equation.factor, equation.span
        if equation.columns is not None:
            yield from _side_columns(equation.columns, source)
    yield from error_variables(spec)


def _side_columns(columns: Columns, source: Source) -> Iterator[tuple[str, Span]]:
    if isinstance(columns, FormulaSide):
        for name in side_variables(columns, source):
            yield name, columns.span
        return
    yield from _term_columns(columns.terms, source)


def _term_columns(terms: Iterable[Term], source: Source) -> Iterator[tuple[str, Span]]:
    for term in expand_terms(tuple(terms), source):
        for operand in term.operands:
            yield operand.name, operand.span


def _missing(values: Any) -> np.ndarray | None:
    if values is None:
        return None
    mask = values.missing if isinstance(values, Column) else np.isnan(values)
    return mask if mask is not None and mask.any() else None


def _missing_response(response: np.ndarray, extras: Mapping[str, Any]) -> np.ndarray | None:
    """Of an interval one end may be missing or infinite: it is open there."""
    second = extras.get("second_response")
    if second is None:
        return _missing(response)
    nothing = (np.isnan(response) | np.isneginf(response)) & (np.isnan(second) | np.isposinf(second))
    return nothing if nothing.any() else None


def _compared(response: Expression) -> tuple[Name, ...]:
    """The columns of a response such as `use == "yes"`, which is missing where one of them is."""
    return names_in(response) if compares(response) else ()


def _all_weights(spec: Spec) -> list:
    return [*spec.weights, *(weight for equation in spec.equations for weight in equation.weights)]


def offset_expression(spec: Spec) -> Expression | None:
    exposure = spec.option("exposure")
    if exposure is None:
        return spec.offset
    if spec.offset is not None:
        raise ValueError("`offset` and `exposure` cannot both be given: the offset of an exposure is its logarithm")
    return Call("ln", (exposure,))


def _offset(spec: Spec, source: Source) -> np.ndarray | None:
    """The offset over the table; -inf where an exposure is not positive, for `require_exposure` to find."""
    expression = offset_expression(spec)
    if expression is None:
        return None
    if spec.option("exposure") is None:
        return evaluate(expression, source)
    exposure = evaluate(spec.option("exposure"), source)
    return np.log(exposure, out=np.where(exposure <= 0, -np.inf, np.nan), where=exposure > 0)


def require_exposure(spec: Spec, source: Source, needs: Needs, sample: Sample) -> None:
    """Raise where an exposure of the sample is not positive."""
    exposure = spec.option("exposure")
    if exposure is None or needs.offset is None:
        return
    bad = np.isneginf(needs.offset) & sample.mask
    if bad.any():
        row, count = first_row(bad), int(bad.sum())
        rows = f"{count:,} such {'row' if count == 1 else 'rows'}"
        raise ValueError(f"an exposure is positive, but `{words(exposure)}` is {evaluate(exposure, source)[row - 1]:g} "
                         f"in row {row} ({rows}): correct it, or leave such rows out with `if`")  # fmt: skip


def _extras(spec: Spec, source: Source) -> Iterator[tuple[str, np.ndarray | Column]]:
    """Options that use the table: those that hold an expression, and columns of clusters."""
    for name, value in table_options(spec, source).items():
        if name not in _ELSEWHERE:
            yield name, evaluate_option(value, source)
    vce = spec.option("vce")
    if isinstance(vce, tuple) and vce[0] == "cluster":
        yield "cluster", source.column(vce[1])
    if isinstance(spec.option("id"), str):
        yield "id", source.column(spec.option("id"))


def table_options(spec: Spec, source: Source) -> dict[str, Expression]:
    """The options that hold an expression; the trials of a binomial under `binomial`, however they are said.

    Of survival times the response is here too, under `time`, and the failure is a number.
    """
    found = {name: value for name, value in spec.options.items() if isinstance(value, Expression)}
    choice = family_of(spec)
    if choice is not None and choice.trials is not None:
        found["binomial"] = choice.trials
    if "failure" in found:
        found["failure"] = failure_condition(found["failure"], source)
    return found | {_TIME: spec.response} if spec.command == "mestreg" else found


def _expressions(spec: Spec, source: Source) -> list[Expression]:
    """The expressions whose columns new data may need."""
    offset = offset_expression(spec)
    options = [*table_options(spec, source).values()]
    found = [spec.response, *(weight.expression for weight in _all_weights(spec)), *options]
    return found if offset is None else [*found, offset]
