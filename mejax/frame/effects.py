"""Random-effects equations: groups, columns, covariance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..design import EffectNames, Effects
from ..syntax.problem import SyntaxProblem
from ..syntax.spec import EffectBlock, Equation, FormulaSide, Spec, Varlist
from .formula import Evaluated, FormulaCoding, FormulaColumns, read_formula
from .groups import Grouping, group, keys_of_rows
from .matrices import resolve
from .sample import Sample
from .table import Source
from .varlist import Columns, VarlistCoding, read_varlist

_MOST_INDICATORS = 5e7


@dataclass(frozen=True)
class NewEffects:
    """One equation on new data: `codes` (-1: a group never seen), `z`, and the grouping variables' values per row."""

    codes: np.ndarray
    z: np.ndarray
    keys: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class EffectCoding:
    """How to make an equation's arrays again.

    `coding` makes z; without one z is `width` columns of ones, or (where `pairs` is given) indicators of the place of a
    factor's level within its group.
    """

    variables: tuple[str, ...]
    grouping: Grouping
    coding: VarlistCoding | FormulaCoding | None = None
    pairs: Grouping | None = None
    places: np.ndarray | None = None  # place of each pair within its group
    width: int = 1

    def replay(self, source: Source, *, groups: bool = True) -> NewEffects:
        """The equation on new data; with `groups=False` every row is one of a group never seen."""
        z = self.covariates(source, groups=groups)
        if not groups:
            return NewEffects(np.full(source.n, -1, dtype=np.int32), z, ())
        return NewEffects(self.grouping.find(source), z, keys_of_rows(self.variables, source))

    def covariates(self, source: Source, *, groups: bool = True) -> np.ndarray:
        """z (n, q) of new data."""
        if self.coding is not None:
            return self.coding.matrix(source)
        if self.pairs is None or self.places is None:
            return np.ones((source.n, self.width))
        found = self.pairs.find(source) if groups else np.full(source.n, -1)
        places = np.where(found < 0, -1, self.places[found])
        return (places[:, None] == np.arange(self.places.max(initial=0) + 1)).astype(np.float64)


@dataclass(frozen=True)
class Read:
    """One equation: its arrays, its names, its coding, its notes.

    It has no columns where it only names the groups of structured errors: `|| id:, noconstant residuals(ar 1)`.
    """

    effects: Effects
    names: EffectNames
    coding: EffectCoding
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class EquationReader:
    """Reads the equations of a model over one sample; groups are shared between them.

    `predictors` names the linear predictors of a response that has several: each has random effects of its own, unless
    an equation shares them.  `made` are columns that have been read already.
    """

    spec: Spec
    source: Source
    sample: Sample
    sides: Mapping[FormulaSide, Evaluated]
    matrices: Mapping[str, Any]
    predictors: tuple[str, ...]
    cache: dict
    made: Mapping[Equation, Columns | FormulaColumns] = field(default_factory=dict)

    def read(self, equation: Equation, collinear: bool = False) -> Read:
        factor = equation.factor
        found = self._columned(equation, collinear) if factor is None else self._factor(equation, factor)
        return replace(found, notes=(*found.notes, *self._base_note(found.names, equation)))

    def read_block(self, equation: Equation, block: EffectBlock) -> Read:
        """The named effects of a nonlinear model: the mean multiplies them by what it likes."""
        grouping = group(equation.level.variables, self.source, self.sample, self.cache)
        width = len(block.effects)
        equation = replace(equation, covariance=block.covariance or equation.covariance)
        names = self._names(equation, grouping, block.effects, equation.level.variables)
        coding = EffectCoding(equation.level.variables, grouping, width=width)
        return Read(Effects(grouping.codes, np.ones((self.sample.n, width)), grouping.size), names, coding)

    def _columned(self, equation: Equation, collinear: bool) -> Read:
        grouping = group(equation.level.variables, self.source, self.sample, self.cache)
        columns = self._columns(equation, collinear)
        labels = tuple(row.label for row in columns.rows if row.index >= 0)
        names_groups = self.spec.residuals is not None and not columns.rows and not equation.weights
        if not labels and not names_groups:
            raise SyntaxProblem(f"the equation of `{equation.level.label}` has no columns", self.spec.text,
                                equation.span, "Leave it out, or give it covariates or its intercept.")  # fmt: skip
        copies = 1 if equation.shared else max(len(self.predictors), 1)
        if copies > 1:
            labels = tuple(f"{name}:{label}" for name in self.predictors for label in labels)
        names = self._names(equation, grouping, labels, equation.level.variables)
        coding = EffectCoding(equation.level.variables, grouping, columns.coding)
        return Read(Effects(grouping.codes, columns.matrix, grouping.size, copies), names, coding, columns.notes)

    def _base_note(self, names: EffectNames, equation: Equation) -> tuple[str, ...]:
        """Effects against one outcome are differences of those against another, which only some covariances allow."""
        if len(self.predictors) < 2 or (names.covariance == "unstructured" and not equation.shared):
            return ()
        kind = "shared effects" if equation.shared else f"covariance({names.covariance})"
        return (f"note: with {kind} of {names.path} another base outcome is another model",)

    def _columns(self, equation: Equation, collinear: bool) -> Columns | FormulaColumns:
        if equation in self.made:
            return self.made[equation]
        where = f" in the equation of {equation.level.label}"
        if isinstance(equation.columns, FormulaSide):
            return read_formula(equation.columns, self.sides[equation.columns], self.sample,
                                constant_last=True, collinear=collinear, where=where)  # fmt: skip
        columns = equation.columns or Varlist((), True)
        return read_varlist(columns.terms, columns.constant, self.source, self.sample, collinear=collinear, where=where)

    def _names(
        self, equation: Equation, grouping: Grouping, labels: tuple[str, ...], variables: tuple[str, ...]
    ) -> EffectNames:
        several = len(self.predictors) > 1 and not equation.shared  # a default must not depend on the base outcome
        default = "unstructured" if several or self.spec.spelling == "formula" else "independent"
        covariance, matrix = resolve(equation, labels, self.matrices, self.spec.text, default=default)
        path = equation.level.label
        return EffectNames(path, short_name(self.spec, equation), labels, covariance, variables, grouping.values,
                           matrix, equation.factor)  # fmt: skip

    def _factor(self, equation: Equation, name: str) -> Read:
        """`R.x`: a group per level of x (identity), or an indicator per level in each group (exchangeable)."""
        label, variables = (f"R.{name}",), equation.level.variables
        self.source.column(name, equation.span)
        pairs = group((*variables, name), self.source, self.sample, self.cache)
        kind = equation.covariance.type if equation.covariance else "identity"
        if kind not in ("identity", "exchangeable"):
            raise SyntaxProblem(f"covariance({kind}) cannot belong to `R.{name}`", self.spec.text, equation.span,
                                "Its effects are identity or exchangeable.")  # fmt: skip
        if kind == "identity":
            names = self._names(equation, pairs, label, (*variables, name))
            coding = EffectCoding((*variables, name), pairs)
            return Read(Effects(pairs.codes, np.ones((self.sample.n, 1)), pairs.size), names, coding)
        grouping = group(variables, self.source, self.sample, self.cache)
        places = _places(grouping, pairs)
        width = int(places.max(initial=0)) + 1
        if self.sample.n * width > _MOST_INDICATORS:
            raise ValueError(f"`R.{name}` with covariance(exchangeable) needs {width:,} columns of {self.sample.n:,} "
                             "rows: too large; use covariance(identity), or larger groups' own equations")  # fmt: skip
        z = (places[pairs.codes][:, None] == np.arange(width)).astype(np.float64)
        names = self._names(equation, grouping, label, variables)
        coding = EffectCoding(variables, grouping, None, pairs, places)
        return Read(Effects(grouping.codes, z, grouping.size), names, coding)


def _places(grouping: Grouping, pairs: Grouping) -> np.ndarray:
    """The place of each (group, level) pair among the pairs of its group; pairs are sorted by group."""
    owner = np.zeros(pairs.size, dtype=np.int64)
    owner[pairs.codes] = grouping.codes
    starts = np.searchsorted(owner, np.arange(grouping.size))
    return np.arange(pairs.size) - starts[owner]


def own_variable(spec: Spec, equation: Equation) -> str:
    """A nested level's own variable in the suite's spelling, as headers print it; else the level's whole label."""
    level = equation.level
    return level.variables[-1] if spec.spelling == "stata" and level.kind == "nested" else level.label


def short_name(spec: Spec, equation: Equation) -> str:
    """What labels parameters: `mixed` prints a nested level's own variable, the other commands its whole label."""
    return own_variable(spec, equation) if spec.command == "mixed" else equation.level.label


def one_child_notes(reads: Sequence[Read]) -> tuple[str, ...]:
    """Nested levels that cannot be told apart because every group holds one group of the next level."""
    sizes = {read.names.variables: read for read in reads if read.names.variables and ">" in read.names.path}
    notes = []
    for variables, read in sizes.items():
        outer = [r for r in reads if r.names.variables == variables[:-1] and r.names.factor is None]
        if read.names.factor is None and outer and outer[0].effects.size == read.effects.size:
            notes.append(f"each {variables[-2]} holds one {variables[-1]}: their random effects cannot be told apart")
    return tuple(notes)
