"""A `Spec` and a table become a `Design` and an `Encoding`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..design import Design, GroupCount, Names
from ..syntax.expression import Expression
from ..syntax.spec import FormulaSide, Spec, Varlist
from .effects import EquationReader, Read, higher_weights, one_child_notes, short_name
from .encoding import Encoding
from .evaluate import evaluate, words
from .formula import Evaluated, FormulaColumns, evaluate_side, read_formula
from .needs import Needs, collect, offset_expression, sample_extras, sample_of
from .sample import Sample, select
from .table import Source, open_table
from .varlist import Columns, read_varlist
from .weights import drop_zero, require_weights


def read(spec: Spec, table: Any, *, matrices: Mapping[str, Any] | None = None) -> tuple[Design, Encoding]:
    """Read what `spec` needs from a table.

    Args:
        spec: what the model's text says.
        table: a pandas, polars or pyarrow table, or a mapping of columns.
        matrices: the arrays that `covariance(fixed(name))` and `covariance(pattern(name))` name.

    Returns:
        The arrays of the estimation sample, and the `Encoding` that names them and replays them on new data.

    Raises:
        ValueError: a column is missing or of the wrong kind, no observation is left, a value is infinite, a weight is
            out of range; the message names the column and row or points into the model's text.
    """
    source = open_table(table, spec.text)
    needs = collect(spec, source)
    sample = select(spec, source).without(needs.missing)
    sample.require()
    sample, weights = drop_zero(spec, needs.weights, sample)
    sample, sides = _evaluated_sides(spec, source, sample)
    fixed = _fixed(spec, source, sample, sides)
    reads = _effects(spec, source, sample, sides, matrices or {})
    weights = None if weights is None else sample_of(weights, words(spec.weights[0].expression), sample)
    y = sample_of(needs.response, words(spec.response), sample, gaps="second_response" in needs.extras)
    offset = None if needs.offset is None else sample_of(needs.offset, "offset", sample)
    _check_labels(fixed, reads)
    design = Design(y, fixed.matrix, tuple(r.effects for r in reads), weights, offset)
    names = Names(
        words(spec.response), fixed.rows, tuple(r.names for r in reads), _group_counts(spec, reads, weights),
        _notes(sample, fixed, reads), _weight_text(spec),
    )  # fmt: skip
    return design, _encoding(spec, source, sample, needs, names, fixed=fixed, reads=reads)


def _check_labels(fixed: Columns | FormulaColumns, reads: Sequence[Read]) -> None:
    """Every label stands for one thing: a column must not be called `_cons`, say."""
    for labels in ([row.label for row in fixed.rows], *(read.names.columns for read in reads)):
        twice = {label for label in labels if labels.count(label) > 1}
        if twice:
            label = min(twice)
            what = "is the name of the constant; rename the column" if label == "_cons" else "stands for two columns"
            raise ValueError(f"`{label}` {what}")


def _evaluated_sides(spec: Spec, source: Source, sample: Sample) -> tuple[Sample, dict[FormulaSide, Evaluated]]:
    """Evaluate all formula sides; rows where a transformation has no value leave the sample, and all starts again."""
    columns = [spec.fixed, *(equation.columns for equation in spec.equations)]
    sides = dict.fromkeys(side for side in columns if isinstance(side, FormulaSide))
    while True:
        evaluated = {side: evaluate_side(side, source, sample) for side in sides}
        gaps = [gap for gap in (e.missing() for e in evaluated.values()) if gap is not None]
        if not gaps:
            return sample, evaluated
        sample = sample.drop(*gaps[0])
        sample.require()


def _fixed(
    spec: Spec, source: Source, sample: Sample, sides: Mapping[FormulaSide, Evaluated]
) -> Columns | FormulaColumns:
    collinear = bool(spec.option("collinear"))
    if isinstance(spec.fixed, Varlist):
        return read_varlist(spec.fixed.terms, spec.fixed.constant, source, sample, collinear=collinear)
    return read_formula(spec.fixed, sides[spec.fixed], sample, collinear=collinear)


def _effects(
    spec: Spec, source: Source, sample: Sample, sides: Mapping[FormulaSide, Evaluated], matrices: Mapping[str, Any]
) -> list[Read]:
    reader = EquationReader(spec, source, sample, sides, matrices, {})
    kept = spec.option("collinear_equations", ())
    return [reader.read(equation, number in kept) for number, equation in enumerate(spec.equations)]


def _notes(sample: Sample, fixed: Columns | FormulaColumns, reads: Sequence[Read]) -> tuple[str, ...]:
    return (*sample.note(), *fixed.notes, *(note for r in reads for note in r.notes), *one_child_notes(reads))


def _weight_text(spec: Spec) -> str | None:
    return f"{spec.weights[0].kind} = {words(spec.weights[0].expression)}" if spec.weights else None


def _group_counts(spec: Spec, reads: Sequence[Read], weights: np.ndarray | None) -> tuple[GroupCount, ...]:
    """One row per distinct level, in order; sizes are sums of the frequency weights."""
    counted = weights if spec.weights and spec.weights[0].kind == "fweight" else None
    rows: dict[str, GroupCount] = {}
    for equation, read in zip(spec.equations, reads, strict=True):
        if equation.level.label in rows:
            continue
        variables = equation.level.variables
        if equation.factor is not None and read.names.variables != variables:
            codes, size = _outer(read, len(variables)) if variables else (np.zeros_like(read.effects.codes), 1)
        else:
            codes, size = read.effects.codes, read.effects.size
        sizes = np.bincount(np.asarray(codes), weights=counted, minlength=size)
        label = short_name(spec, equation)
        rows[equation.level.label] = GroupCount(
            label, size, round(float(sizes.min())), float(sizes.sum()) / size, round(float(sizes.max()))
        )
    return tuple(rows.values())


def _outer(read: Read, depth: int) -> tuple[np.ndarray, int]:
    """Codes of the groups in which the levels of an `R.x` lie."""
    grouping = read.coding.grouping
    owners = grouping.pairs[depth - 1] // len(grouping.keys[depth].values)
    return owners[grouping.codes], int(owners.max()) + 1


def _encoding(
    spec: Spec, source: Source, sample: Sample, needs: Needs, names: Names, *, fixed: Columns | FormulaColumns,
    reads: Sequence[Read],
) -> Encoding:  # fmt: skip
    expressions = {name: value for name, value in spec.options.items() if isinstance(value, Expression)}
    return Encoding(
        names, sample.mask, source.index, spec.text, fixed.coding, tuple(r.coding for r in reads),
        offset_expression(spec), sample_extras(needs, sample), _level_weights(spec, source, sample, reads),
        {name: source.column(name) for name in needs.variables}, expressions,
    )  # fmt: skip


def _level_weights(spec: Spec, source: Source, sample: Sample, reads: Sequence[Read]) -> tuple[np.ndarray | None, ...]:
    found: list[np.ndarray | None] = []
    for equation, read in zip(spec.equations, reads, strict=True):
        if not equation.weights:
            found.append(None)
            continue
        weight = equation.weights[0]
        values = sample.take(evaluate(weight.expression, source))
        require_weights(values, weight.kind, words(weight.expression), sample)
        found.append(higher_weights(read, values, equation))
    return tuple(found)
