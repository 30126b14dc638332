"""Which margins are asked for: settings, groups, cells of the terms, covariates with slopes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ...frame.column import level_text
from ...frame.evaluate import names_in
from ...frame.formula import FormulaCoding
from ..prediction.request import Request
from ..prediction.typical_rows import covariates_of, factors_of, require_covariate
from .row_statistics import Slope
from .tables import Levels, Sampled, grid, levels_of, with_values


@dataclass(frozen=True)
class Asked:
    """What margins are asked for; `fit.margins` explains the fields."""

    terms: str | Sequence[str] | None = None
    at: Any = None
    variables: Sequence[str] | str | None = None
    slope: Slope = "dydx"
    over: Any = None
    atmeans: bool = False
    asbalanced: bool = False
    small: bool = False
    request: Request = field(default_factory=Request)


@dataclass(frozen=True)
class Cell:
    """One margin before it is computed: its rows, what identifies it, the slope's covariate; of a factor's slope also
    the rows at the base level, with which those at the level are compared."""

    sampled: Sampled
    where: Mapping[str, str]
    variable: str | None = None
    base: Sampled | None = None


def one_slope(slopes: dict[str, Any]) -> tuple[Slope, Any]:
    """The kind of slope that was asked for and its covariates (None: no slope)."""
    given = [kind for kind in get_args(Slope) if slopes[kind] is not None]
    if len(given) > 1:
        raise ValueError(f"margins: {given[0]} and {given[1]} are asked for at once; one kind of slope at a time")
    return (given[0], slopes[given[0]]) if given else ("dydx", None)


def cells_of(
    encoding: Encoding, sample: Sampled, asked: Asked, settled: list[dict[str, Any]],
    terms: tuple[tuple[str, ...], ...], levels: Mapping[str, Levels],
) -> Iterator[Cell]:  # fmt: skip
    """The cells in printed order; `settled` are what `at` describes.

    Raises:
        ValueError: options that contradict one another, unknown covariates.
    """
    for name in {name for term in terms for name in term}:
        if any(name in setting for setting in settled) or name in _names_of(asked.over):
            raise ValueError(
                f"margins: `{name}` is a factor of the terms, which takes all its levels, and is set by `at` or `over` "
                "as well; leave out one of them"
            )
    if asked.atmeans and asked.asbalanced:
        raise ValueError(
            "margins: atmeans and asbalanced both say where the other factors stand, at their shares in the sample or "
            "at equal ones; leave out one of them"
        )
    variables = None if asked.variables is None else _variables(encoding, asked)
    for over, part in _subsamples(encoding, sample, asked.over):
        for number, setting in enumerate(settled, 1):
            for term in terms:
                for values in _combinations(term, levels):
                    held = dict(setting) | {name: levels[name].values[v] for name, v in values.items()}
                    where = dict(over) | ({"_at": str(number)} if asked.at is not None else {})
                    where |= {name: levels[name].texts[v] for name, v in values.items()}
                    yield from _slopes(encoding, _rows(encoding, part, held, asked), where, variables)


def _names_of(over: Any) -> list[Any]:
    return over.split() if isinstance(over, str) else list(over) if isinstance(over, Iterable) else []


def _rows(encoding: Encoding, part: Sampled, held: Mapping[str, Any], asked: Asked) -> Sampled:
    if asked.atmeans or asked.asbalanced:
        part = grid(encoding, part, list(held), asked.asbalanced)
    return with_values(part, held)


def _combinations(term: tuple[str, ...], levels: Mapping[str, Levels]) -> Iterator[dict[str, int]]:
    shape = tuple(len(levels[name].values) for name in term)
    for index in np.ndindex(*shape):
        yield dict(zip(term, index, strict=True))


def _slopes(
    encoding: Encoding, sampled: Sampled, where: Mapping[str, str], variables: Mapping[str, Levels | None] | None
) -> Iterator[Cell]:
    """The cell itself, or one for each covariate whose slope is asked for and each level of a factor."""
    if variables is None:
        yield Cell(sampled, where)
        return
    for name, levels in variables.items():
        if levels is None:
            yield Cell(sampled, {**where, "dydx": name}, name)
            continue
        base = levels.values[base_place(encoding, name, levels)]
        at_base = with_values(sampled, {name: base})
        for value, text in zip(levels.values, levels.texts, strict=True):
            if value != base:
                rows = with_values(sampled, {name: value})
                yield Cell(rows, {**where, "dydx": f"{text}.{name}"}, name, at_base)


def base_place(encoding: Encoding, name: str, levels: Levels) -> int:
    """Which level the model leaves out; the first where it says nothing."""
    bases = {c.label for c in encoding.names.fixed if c.status == "base"}
    return next((k for k, text in enumerate(levels.texts) if f"{text}.{name}" in bases), 0)


def _variables(encoding: Encoding, asked: Asked) -> dict[str, Levels | None]:
    """The covariates whose slopes are asked for, factors with their levels."""
    if asked.variables == "*":
        names: list[Any] = [name for name in covariates_of(encoding) if name in _read(encoding)]
    else:
        names = _listed(asked.variables, "dydx", covariates_of(encoding))
    if not names:
        raise ValueError(
            "margins: there is no covariate whose slope could be taken: name one, or fit a model with some"
        )
    found, factors = {}, factors_of(encoding)
    for name in names:
        require_covariate(encoding, name, "dydx")
        if name in factors and asked.slope != "dydx":
            raise ValueError(
                f"margins: `{name}` is a factor, whose levels have differences (dydx) but no elasticities; "
                f"leave it out of {asked.slope}"
            )
        found[name] = levels_of(encoding, name) if name in factors else None
    return found


def _read(encoding: Encoding) -> set[str]:
    """The columns of which something was kept: what was left out as collinear has no slope."""
    coding = encoding.fixed
    kept = coding.used if isinstance(coding, FormulaCoding) else coding.variables
    others = [c.coding.variables for c in encoding.effects if c.coding is not None]
    offset = () if encoding.offset is None else tuple(name.name for name in names_in(encoding.offset))
    mean = () if encoding.mean is None else covariates_of(encoding)
    return {*kept, *(name for names in others for name in names), *offset, *mean}


def _listed(asked: Any, option: str, known: Sequence[str]) -> list[Any]:
    """Names in one text or a list; a text that is itself a name is one."""
    if isinstance(asked, str):
        return [asked] if asked in known else asked.split()
    if not isinstance(asked, Iterable):
        raise ValueError(f"margins: `{option}` takes names, as one text or a list of them; got {asked!r}")
    return list(asked)


def sample_weights(estimates: Estimates) -> np.ndarray:
    """The weight of every row of the sample: its own times those of its groups."""
    design = estimates.design
    weights = np.ones(len(design.x)) if design.weights is None else np.asarray(design.weights, float)
    seen: set[str] = set()
    for name, effect, own in zip(estimates.names.effects, design.effects, design.level_weights, strict=False):
        if own is not None and name.path not in seen:
            weights = weights * np.asarray(own)[np.asarray(effect.codes)]
            seen.add(name.path)
    return weights


def _subsamples(encoding: Encoding, sample: Sampled, over: Any) -> Iterator[tuple[dict[str, str], Sampled]]:
    """The rows of every combination of the values of `over`: covariates' names, or {name: values of the rows}."""
    if over is None:
        yield {}, sample
        return
    columns = _over_columns(encoding, sample, over)
    codes = np.zeros(len(sample.table), int)
    for values in columns.values():
        part, known = pd.factorize(values, sort=True)
        codes = codes * (len(known) + 1) + part
    for code in np.unique(codes):
        rows = codes == code
        first = int(np.argmax(rows))
        where = {name: level_text(np.asarray(values)[first]) for name, values in columns.items()}
        yield where, Sampled(sample.table.iloc[np.flatnonzero(rows)], sample.weights[rows])


def _over_columns(encoding: Encoding, sample: Sampled, over: Any) -> dict[str, Any]:
    if isinstance(over, Mapping):
        found = {}
        for name, values in over.items():
            values = np.asarray(values)
            if values.shape == encoding.sample.shape:
                values = values[encoding.sample]
            if values.shape != (len(sample.table),) or pd.isna(values).any():
                raise ValueError(
                    f"margins: `over` gives {values.size:,} values of `{name}`; one for each of the "
                    f"{len(encoding.sample):,} rows of the table was expected, none missing in the sample"
                )
            found[str(name)] = values
        return found
    names = _listed(over, "over", list(sample.table.columns))
    if not names:
        raise ValueError("margins: `over` names no covariate; leave it out, or name one")
    for name in names:
        if name not in sample.table.columns:
            require_covariate(encoding, name, "over")
    return {name: sample.table[name] for name in names}
