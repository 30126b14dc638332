"""A `Spec` and a table become a `Design` and an `Encoding`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..design import Design, GroupCount, Names
from ..syntax.families import family_of
from ..syntax.spec import FormulaSide, Spec, Varlist
from .columns import of_equations, restrict, without_constant
from .effects import EquationReader, Read, one_child_notes, own_variable
from .encoding import Encoding
from .evaluate import words
from .formula import Evaluated, FormulaColumns, evaluate_side, read_formula
from .needs import (
    Needs,
    collect,
    frequencies,
    offset_expression,
    require_exposure,
    sample_extras,
    sample_of,
    table_options,
)
from .nonlinear import MeanColumns, read_mean, require_response
from .perfect import perfectly_predicted
from .response import code_response
from .response_coding import CodedResponse
from .sample import Sample, select
from .survival import usable_records
from .table import Source, open_table
from .varlist import Columns, read_varlist
from .weights import drop_zero, level_weights, weight_kind, weight_text
from .within import ReadErrors, read_errors


def read(spec: Spec, table: Any, *, matrices: Mapping[str, Any] | None = None) -> tuple[Design, Encoding]:
    """Read what `spec` needs from a table.

    Args:
        spec: what the model's text says.
        table: a pandas, polars or pyarrow table, a mapping of columns, or a `Source`.
        matrices: the arrays that `covariance(fixed(name))` and `covariance(pattern(name))` name.

    Returns:
        The arrays of the estimation sample, and the `Encoding` that names them and replays them on new data.

    Raises:
        ValueError: a column is missing or of the wrong kind, no observation is left, a value is infinite, a weight is
            out of range; the message names the column and row or points into the model's text.
    """
    source = open_table(table, spec.text)
    weight_kind(spec)
    needs = collect(spec, source)
    sample = select(spec, source).without(needs.missing)
    sample.require()
    require_exposure(spec, source, needs, sample)
    sample = usable_records(spec, needs, sample)
    part = _fixed_part(spec, source, needs, drop_zero(spec, source, needs.weights, sample))
    sample, fixed = part.sample, part.fixed
    reads = _effects(spec, source, part, matrices or {})
    weights = None if needs.weights is None else sample_of(needs.weights, words(spec.weights[0].expression), sample)
    offset = None if needs.offset is None else sample_of(needs.offset, "offset", sample)
    check_labels(fixed, reads)
    of_groups = level_weights(spec, source, sample, reads)
    errors = read_errors(spec, source, sample, reads)
    counts = group_counts(spec, reads, frequencies(spec, needs, sample))
    reads, of_groups = with_columns(reads, of_groups)
    effects = tuple(r.effects for r in reads)
    mean, within = (part.mean and part.mean.rows), (errors and errors.within)
    design = Design(part.response.y, fixed.matrix, effects, weights, offset, of_groups, mean, within)
    names = _names(spec, part, reads, counts, errors)
    return design, _encoding(spec, source, needs, names, part, reads=reads, of_groups=of_groups)


def with_columns(
    reads: Sequence[Read], weights: tuple[np.ndarray | None, ...]
) -> tuple[list[Read], tuple[np.ndarray | None, ...]]:
    """Without the equations that only name the groups of the errors."""
    held = [(read, weight) for read, weight in zip(reads, weights, strict=True) if read.names.columns]
    return [read for read, _ in held], tuple(weight for _, weight in held)


def _response_name(spec: Spec) -> str:
    """What tables call the response; that of survival times has several columns."""
    return "_t" if spec.command == "mestreg" else words(spec.response)


@dataclass(frozen=True)
class _FixedPart:
    """The sample, the response and the fixed columns over it, and the evaluated formula sides of all equations.

    `mean` is that of a nonlinear model, whose coefficients the fixed columns are.
    """

    sample: Sample
    response: CodedResponse
    fixed: Columns | FormulaColumns
    sides: Mapping[FormulaSide, Evaluated]
    mean: MeanColumns | None = None

    @property
    def predictors(self) -> tuple[str, ...]:
        """The names of the linear predictors, where there are several."""
        return () if self.response.coding is None else self.response.coding.equations


def _fixed_part(spec: Spec, source: Source, needs: Needs, sample: Sample) -> _FixedPart:
    sample, sides = _evaluated_sides(spec, source, sample)
    response = code_response(spec, source, needs, sample)
    if spec.nonlinear is not None:
        require_response(spec.nonlinear, words(spec.response), np.asarray(response.y), source)
        mean = read_mean(spec.nonlinear, source, sample, collinear=bool(spec.option("collinear")))
        return _FixedPart(sample, response, mean.columns, sides, mean)
    part = _FixedPart(sample, response, _fixed(spec, source, sample, sides), sides)
    choice = family_of(spec)
    if choice is not None and choice.has_cutpoints:
        return replace(part, fixed=without_constant(part.fixed))
    if choice is not None and choice.name == "bernoulli" and not spec.option("asis"):
        return _without_perfect(spec, needs, part)
    return part


def _without_perfect(spec: Spec, needs: Needs, part: _FixedPart) -> _FixedPart:
    """Observations whose outcome a covariate predicts perfectly leave the sample, and the covariate the model."""
    sample, fixed = part.sample, part.fixed
    weights = frequencies(spec, needs, sample)
    found = perfectly_predicted(fixed.matrix, fixed.rows, part.response.y, words(spec.response), weights)
    if not found.gone:
        return part
    left = restrict(fixed, found.rows, found.gone, collinear=bool(spec.option("collinear")))
    sides = {side: evaluated.keep(found.rows) for side, evaluated in part.sides.items()}
    left = replace(left, notes=(*found.notes, *left.notes))
    return _FixedPart(sample.leave(~found.rows), part.response.keep(found.rows), left, sides)


def check_labels(fixed: Columns | FormulaColumns, reads: Sequence[Read]) -> None:
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


def _effects(spec: Spec, source: Source, part: _FixedPart, matrices: Mapping[str, Any]) -> list[Read]:
    reader = EquationReader(spec, source, part.sample, part.sides, matrices, part.predictors, {})
    if spec.nonlinear is not None:
        pairs = zip(spec.equations, spec.nonlinear.blocks, strict=True)
        return [reader.read_block(equation, block) for equation, block in pairs]
    kept = spec.option("collinear_equations", ())
    return [reader.read(equation, number in kept) for number, equation in enumerate(spec.equations)]


def effect_notes(reads: Sequence[Read]) -> tuple[str, ...]:
    return (*(note for r in reads for note in r.notes), *one_child_notes(reads))


def _names(
    spec: Spec, part: _FixedPart, reads: Sequence[Read], counts: tuple[GroupCount, ...], errors: ReadErrors | None
) -> Names:
    rows = of_equations(part.fixed.rows, part.predictors, part.fixed.matrix.shape[1])
    columns = () if spec.nonlinear is None else spec.nonlinear.columns
    notes = (*part.sample.note(), *part.response.notes, *part.fixed.notes, *effect_notes(reads))
    return Names(
        _response_name(spec), rows, tuple(r.names for r in reads), counts, notes, weight_text(spec), columns,
        errors and errors.names,
    )  # fmt: skip


def group_counts(spec: Spec, reads: Sequence[Read], counted: np.ndarray | None) -> tuple[GroupCount, ...]:
    """One row per distinct level, in order; sizes are sums of the frequencies `counted` (None: all 1)."""
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
        label = own_variable(spec, equation) if spec.nonlinear is None else equation.level.label
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
    spec: Spec, source: Source, needs: Needs, names: Names, part: _FixedPart, *, reads: Sequence[Read],
    of_groups: tuple[np.ndarray | None, ...],
) -> Encoding:  # fmt: skip
    sample = part.sample
    return Encoding(
        names, sample.mask, source.index, spec.text, part.fixed.coding, tuple(r.coding for r in reads),
        offset_expression(spec), sample_extras(needs, sample), of_groups,
        {name: source.column(name) for name in needs.variables}, table_options(spec, source), part.response.coding,
        weight_kind(spec), part.mean and part.mean.coding,
        {name: source.cache[name] for name in source.names if name in source.cache},
    )  # fmt: skip
