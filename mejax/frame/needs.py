"""What a model uses of a table, evaluated: response, covariates, groups, weights, offset and options."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..syntax.expression import Call, Expression, Name
from ..syntax.problem import SyntaxProblem
from ..syntax.spec import FormulaSide, Span, Spec, Varlist
from .column import CONTENTS, Column
from .evaluate import evaluate, names_in, words
from .formula import side_variables
from .levels import compress
from .sample import Need, Sample
from .table import Source
from .terms import expand_terms
from .varlist import require_finite

_OPEN = ("ll", "ul", "second_response")  # options whose missing values mean "no limit"
_ELSEWHERE = ("offset", "exposure", "fweight", "iweight", "pweight")


@dataclass(frozen=True)
class Needs:
    """Everything over the whole table, before the sample is known.

    `variables` are the columns of the table that the model uses.  `extras` are the options that hold an expression or
    a column (`binomial`, `time`, `cluster`, ...).
    """

    response: np.ndarray
    offset: np.ndarray | None
    weights: np.ndarray | None
    extras: Mapping[str, np.ndarray | Column]
    variables: tuple[str, ...]
    missing: tuple[Need, ...]


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
    needs += [Need(name, column.missing) for name, column in columns.items()]
    needs += [Need(words(w.expression), _missing(evaluate(w.expression, source))) for w in _all_weights(spec)]
    needs += [Need(words(offset_expression(spec) or spec.response), _missing(offset))]
    needs += [Need(name, _missing(values)) for name, values in extras.items() if name not in _OPEN]
    used = dict.fromkeys([*(n.name for e in _expressions(spec) for n in names_in(e)), *columns])
    kept = {need.label: need for need in reversed(needs) if need.missing is not None}
    return Needs(response, offset, weights, extras, tuple(used), tuple(reversed(kept.values())))


def response_values(spec: Spec, source: Source) -> np.ndarray:
    """The response over the table as float64; text and categories are refused."""
    if isinstance(spec.response, Name):
        span = Span(spec.response.start, spec.response.end)
        column = source.column(spec.response.name, span)
        if column.kind != "number":
            advice = f"Make numbers of it first, e.g. 1 where `{column.name}` has a certain value and 0 elsewhere."
            raise SyntaxProblem(f"the response `{column.name}` holds {CONTENTS[column.kind]}, not numbers",
                                spec.text, span, advice)  # fmt: skip
        return column.numbers()
    return evaluate(spec.response, source)


def sample_of(values: np.ndarray, label: str, sample: Sample, *, gaps: bool = False) -> np.ndarray:
    """The sample's rows of an evaluated expression, checked to be finite (or missing, with `gaps`)."""
    values = np.ascontiguousarray(sample.take(values))
    require_finite(np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf) if gaps else values, label, sample)
    return values


def sample_extras(needs: Needs, sample: Sample) -> dict[str, np.ndarray]:
    """Options over the sample: numbers as float64, columns that name clusters as integer codes."""
    found = {}
    for name, values in needs.extras.items():
        found[name] = compress(sample.take(values.values))[0] if isinstance(values, Column) else sample.take(values)
    return found


def _columns(spec: Spec, source: Source) -> Iterator[tuple[str, Span]]:
    yield from _side_columns(spec.fixed, source)
    for equation in spec.equations:
        for name in equation.level.variables:
            yield name, equation.level.span
        if equation.factor is not None:
            yield equation.factor, equation.span
        if equation.columns is not None:
            yield from _side_columns(equation.columns, source)


def _side_columns(columns: Varlist | FormulaSide, source: Source) -> Iterator[tuple[str, Span]]:
    if isinstance(columns, FormulaSide):
        for name in side_variables(columns, source):
            yield name, columns.span
        return
    for term in expand_terms(columns.terms, source):
        for operand in term.operands:
            yield operand.name, operand.span


def _missing(values: Any) -> np.ndarray | None:
    if values is None:
        return None
    mask = values.missing if isinstance(values, Column) else np.isnan(values)
    return mask if mask is not None and mask.any() else None


def _missing_response(response: np.ndarray, extras: Mapping[str, Any]) -> np.ndarray | None:
    """Of an interval one end may be missing: it is open there."""
    missing, second = _missing(response), extras.get("second_response")
    return missing if missing is None or second is None else missing & np.isnan(second)


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
    expression = offset_expression(spec)
    return None if expression is None else evaluate(expression, source)


def _extras(spec: Spec, source: Source) -> Iterator[tuple[str, np.ndarray | Column]]:
    """Options that use the table: those that hold an expression, and columns of clusters."""
    for name, value in spec.options.items():
        if name in _ELSEWHERE:
            continue
        if isinstance(value, Expression):
            yield name, evaluate(value, source)
        elif name == "family" and len(value) > 1 and isinstance(value[1], Expression):
            yield value[0], evaluate(value[1], source)
    vce = spec.option("vce")
    if isinstance(vce, tuple) and vce[0] == "cluster":
        yield "cluster", source.column(vce[1])
    if isinstance(spec.option("id"), str):
        yield "id", source.column(spec.option("id"))


def _expressions(spec: Spec) -> list[Expression]:
    """The expressions whose columns new data may need."""
    offset = offset_expression(spec)
    options = [value for value in spec.options.values() if isinstance(value, Expression)]
    found = [spec.response, *(weight.expression for weight in _all_weights(spec)), *options]
    return found if offset is None else [*found, offset]
