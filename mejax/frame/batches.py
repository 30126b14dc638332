"""A `Spec` and a table in batches become names, an `Encoding` and what `mejax.build.streamed` sums over the rows.

The first pass finds the sample and the values of keys and factors, the second the combinations of groups that occur
(`Cells`) and cross-products of the columns; from then on every batch is coded as new data are.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..design import Names
from ..syntax.spec import FormulaSide, Operand, Spec, Term, Varlist
from .batch_columns import Moments, add_rows, choose, empty_moments, standardise
from .batch_formula import FormulaCandidates, formula_candidates, formula_factors, with_numbers
from .batch_sample import Batch, Gathered, Wanted, first_look, located, used_rows
from .cells import Cells
from .effects import EquationReader, Read
from .encoding import Encoding
from .evaluate import words
from .formula import FormulaColumns
from .needs import collect, table_options
from .parquet import Parquet
from .reading import check_labels, effect_notes, group_counts
from .sample import Sample, select
from .table import Source
from .terms import expand_terms
from .varlist import Candidates, Columns, require_rows, varlist_candidates
from .weights import weight_kind, weight_text

_WHOLE = {  # options that need all rows, as users write them
    "collinear": "collinear",
    "collinear_equations": "collinear",
    "constraints": "constraints",
    "dfmethod": "dfmethod",
    "pwscale": "pwscale",
}


@dataclass(frozen=True)
class CodedBatch:
    """The used rows of a batch, coded: the offset taken out of y; `cell` are the rows' combinations of groups."""

    y: np.ndarray
    x: np.ndarray
    z: tuple[np.ndarray, ...]
    cell: np.ndarray
    weights: np.ndarray | None


@dataclass(frozen=True)
class Streamed:
    """A table in batches and what was found in it.

    `reads` are the random-effects equations over the combinations of groups that occur, so that `codes` have one entry
    for each.  `fixed` are the moments of the fixed columns, then y; `random` those of every equation's columns.
    `weight` is the sum of the weights of all `count` rows.
    """

    reading: "Reading"
    encoding: Encoding
    reads: tuple[Read, ...]
    cells: Cells
    fixed: Moments
    random: tuple[Moments | None, ...]
    count: int
    weight: float

    @property
    def names(self) -> Names:
        return self.encoding.names

    def batches(self) -> Iterator[CodedBatch]:
        """The used rows from the first to the last."""
        for batch in self.reading.batches():
            x = self.encoding.fixed.matrix(batch.source)
            z = tuple(read.coding.covariates(batch.source) for read in self.reads)
            yield CodedBatch(batch.y, x, z, self.cells.find(batch.source), batch.weights)


def read_batches(spec: Spec, table: Parquet, *, matrices: Mapping[str, Any] | None = None) -> Streamed:
    """Read what a linear model needs, but for the cross-products with its groups.

    Raises:
        ValueError: as `read` does, or the model needs the table as a whole.
    """
    weight_kind(spec)
    require_streamable(spec)
    probe = table.probe(spec.text)
    wanted = _wanted(spec, probe)
    gathered = first_look(spec, table, wanted)
    reading = Reading(spec, table, wanted)
    sides = _candidates(spec, gathered.factor_source(probe), used_rows(spec, probe)[1].source)
    moments, cells, weight = second_look(reading, gathered, sides)
    chosen = choose(moments, reading.again)
    columns = [_columns(spec, number, made, keep, moments[0].count)
               for number, (made, (keep, _)) in enumerate(zip(sides, chosen, strict=True))]  # fmt: skip
    reads = _reads(reading, probe, gathered, cells, columns[1:], matrices or {})
    check_labels(columns[0], reads)
    names = Names(
        words(spec.response), columns[0].rows, tuple(r.names for r in reads), group_counts(spec, reads, cells.rows),
        (*gathered.tally.sample().note(), *columns[0].notes, *effect_notes(reads)), weight_text(spec),
    )  # fmt: skip
    encoding = Encoding(
        names, None, None, spec.text, columns[0].coding, tuple(r.coding for r in reads), spec.offset,
        level_weights=(None,) * len(reads), expressions=table_options(spec, probe), weight_kind=weight_kind(spec),
    )  # fmt: skip
    kept = [m.keep(keep) for keep, m in chosen]
    random = iter(kept[1:])
    by_equation = tuple(None if e.factor is not None else next(random) for e in spec.equations)
    return Streamed(reading, encoding, tuple(reads), cells, kept[0], by_equation, kept[0].count, weight)


def require_streamable(spec: Spec) -> None:
    """Refuse what needs the table as a whole."""
    problem = None
    if spec.command != "mixed":
        problem = f"`{spec.command}` evaluates its likelihood row by row"
    for name, shown in _WHOLE.items():
        if spec.option(name):
            problem = f"`{shown}` needs all rows at once"
    expressions = [spec.response, spec.where, spec.offset, *(weight.expression for weight in spec.weights)]
    if any(e is not None and re.search(r"\b_[nN]\b", words(e)) for e in expressions):
        problem = "`_n` and `_N` count the rows of the whole table"
    if spec.rows is not None:
        problem = "`in` counts the rows of the whole table"
    if spec.residuals is not None:
        problem = "structured errors (`residuals`) need all rows at once"
    if any(equation.weights for equation in spec.equations):
        problem = "weights of groups need all rows at once"
    vce = spec.option("vce")
    if isinstance(vce, tuple) and vce[0] == "cluster":
        problem = "vce(cluster) needs the clusters of all rows at once"
    if problem:
        raise ValueError(f"{problem}, and this table is read in batches: pass the table itself, as "
                         "pandas.read_parquet() makes it")  # fmt: skip


def _sides(spec: Spec) -> list[Varlist | FormulaSide]:
    """The fixed columns, then those of every equation that has some."""
    return [spec.fixed, *(e.columns or Varlist((), True) for e in spec.equations if e.factor is None)]


def _wanted(spec: Spec, probe: Source) -> Wanted:
    """What a model uses, from the first rows of the table."""
    collect(spec, probe)
    select(spec, probe)
    factors, numbers, joint, whole = [], [], [], []
    for side in _sides(spec):
        if isinstance(side, FormulaSide):
            own = formula_factors(side, probe)
        else:
            terms = expand_terms(side.terms, probe)
            operands = [operand for term in terms for operand in term.operands]
            own = ([o.name for o in operands if o.kind == "factor"], [o.name for o in operands if o.kind != "factor"])
            joint += [o.name for term in terms for o in _interacted(term)]
            whole += own[0]
        factors, numbers = factors + own[0], numbers + own[1]
    keys = [name for e in spec.equations for name in (*e.level.variables, *([] if e.factor is None else [e.factor]))]
    columns = [name for name in probe.names if name in probe.cache]
    return Wanted(*(tuple(dict.fromkeys(names)) for names in (columns, keys, factors, whole, joint, numbers)))


def _interacted(term: Term) -> list[Operand]:
    """The factors of a term that has several."""
    factors = [operand for operand in term.operands if operand.kind == "factor"]
    for operand in factors:
        if operand.base == "freq":
            raise ValueError(
                f"`ib(freq).{operand.name}` counts the levels of the whole table: name the base level, or pass the "
                "table itself"
            )
    return factors if len(factors) > 1 else []


def _candidates(spec: Spec, source: Source, used: Source) -> list[Candidates | FormulaCandidates]:
    """The columns of every side; `source` holds all levels of the factors, `used` some rows of the sample."""
    everywhere = Sample(np.ones(source.n, bool), source.n, source.n, ())
    found: list[Candidates | FormulaCandidates] = []
    for number, side in enumerate(_sides(spec)):
        if isinstance(side, FormulaSide):
            numbers = formula_factors(side, used)[1]
            found.append(formula_candidates(side, with_numbers(source, used, numbers), constant_last=number > 0))
        else:
            found.append(varlist_candidates(side.terms, side.constant, source, everywhere)[0])
    return found


@dataclass(frozen=True)
class Reading:
    """Passes over the used rows of a table."""

    spec: Spec
    table: Parquet
    wanted: Wanted

    def batches(self) -> Iterator[Batch]:
        """Those that have used rows."""
        for place, source in self.table.batches(self.wanted.columns, self.spec.text):
            with located(place):
                batch = used_rows(self.spec, source)[1]
            if batch.source.n:
                yield batch

    def again(self, moments: Sequence[Moments]) -> list[Moments]:
        """The same sums with other maps."""
        fresh = [replace(empty_moments(m.standard), map=m.map) for m in moments]
        for batch in self.batches():
            fresh = [add_rows(m, batch.source, batch.y, batch.weights) for m in fresh]
        return fresh


def second_look(
    reading: Reading, gathered: Gathered, sides: Sequence[Candidates | FormulaCandidates]
) -> tuple[list[Moments], Cells, float]:
    """Sums over the columns of every side, the combinations of groups, and the sum of the weights."""
    counts_rows = not (reading.spec.weights and reading.spec.weights[0].kind == "fweight")
    cells = Cells(tuple(d.key() for d in gathered.keys.values()))
    moments: list[Moments] = []
    weight = 0.0
    for batch in reading.batches():
        if not moments:
            moments = [
                empty_moments(standardise(made.coding, made.place, batch.source, batch.y if number == 0 else None))
                for number, made in enumerate(sides)
            ]
        moments = [add_rows(m, batch.source, batch.y, batch.weights) for m in moments]
        cells.add(batch.source, None if counts_rows else batch.weights)
        weight += float(batch.source.n if batch.weights is None else batch.weights.sum())
    cells.merge()
    return moments, cells, weight


def _columns(
    spec: Spec, number: int, made: Candidates | FormulaCandidates, keep: Sequence[int], rows: int
) -> Columns | FormulaColumns:
    """The columns of a side as `read` describes them; their values are not kept, and the matrix has none."""
    width = len(keep) + made.constant
    require_rows(width, len(made.estimable) + made.constant, rows)
    columned = [equation for equation in spec.equations if equation.factor is None]
    where = "" if number == 0 else f" in the equation of {columned[number - 1].level.label}"
    mask = np.isin(np.arange(len(made.estimable)), keep)
    return made.columns(np.zeros((0, width)), mask, where)


def _reads(
    reading: Reading, probe: Source, gathered: Gathered, cells: Cells, columns: Sequence[Columns | FormulaColumns],
    matrices: Mapping[str, Any],
) -> list[Read]:  # fmt: skip
    """The equations over the combinations of groups; their covariates are NaN, as they differ within a combination."""
    spec = reading.spec
    source = cells.source(probe, list(gathered.keys.values()))
    sample = Sample(np.ones(cells.count, bool), cells.count, cells.count, ())
    columned = [equation for equation in spec.equations if equation.factor is None]
    made = {
        equation: replace(c, matrix=np.broadcast_to(np.nan, (cells.count, c.matrix.shape[1])))
        for equation, c in zip(columned, columns, strict=True)
    }
    reader = EquationReader(spec, source, sample, {}, matrices, (), {}, made)
    return [reader.read(equation) for equation in spec.equations]
