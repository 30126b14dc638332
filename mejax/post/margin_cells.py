"""Which margins are asked for: settings, groups, cells of the terms, covariates with slopes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import pandas as pd

from ..fitting import Estimates
from ..frame import Encoding
from ..frame.column import level_text
from .margin_tables import Levels, Sampled, grid, levels_of, settings, with_values
from .request import Request
from .row_statistics import Slope
from .typical_rows import covariates_of, factors_of, require_covariate


@dataclass(frozen=True)
class Asked:
    """What margins are asked for; `mejax.results.after.AfterFit.margins` explains the fields."""

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
    """One margin before it is computed: its rows, what identifies it, the slope's covariate (a factor's two levels)."""

    sampled: Sampled
    where: Mapping[str, str]
    variable: str | None = None
    against: tuple[Sampled, Sampled] | None = None


def one_slope(slopes: dict[str, Any]) -> tuple[Slope, Any]:
    """The kind of slope that was asked for and its covariates (None: no slope)."""
    given = [kind for kind in get_args(Slope) if slopes[kind] is not None]
    if len(given) > 1:
        raise ValueError(f"margins: {given[0]} and {given[1]} are asked for at once; one kind of slope at a time")
    return (given[0], slopes[given[0]]) if given else ("dydx", None)


def cells_of(
    estimates: Estimates, encoding: Encoding, asked: Asked, terms: tuple[tuple[str, ...], ...],
    levels: Mapping[str, Levels],
) -> Iterator[Cell]:  # fmt: skip
    sample = Sampled(encoding.table(), row_weights(estimates))
    settled = settings(encoding, asked.at)
    for over, part in _subsamples(encoding, sample, asked.over):
        for number, setting in enumerate(settled, 1):
            for term in terms:
                for values in _combinations(term, levels):
                    held = dict(setting) | {name: levels[name].values[v] for name, v in values.items()}
                    where = dict(over) | ({"_at": str(number)} if asked.at is not None else {})
                    where |= {name: levels[name].texts[v] for name, v in values.items()}
                    yield from _slopes(encoding, _rows(encoding, part, held, asked), where, asked)


def _rows(encoding: Encoding, part: Sampled, held: Mapping[str, Any], asked: Asked) -> Sampled:
    if asked.atmeans or asked.asbalanced:
        part = grid(encoding, part, list(held), asked.asbalanced)
    return with_values(part, held)


def _combinations(term: tuple[str, ...], levels: Mapping[str, Levels]) -> Iterator[dict[str, int]]:
    shape = tuple(len(levels[name].values) for name in term)
    for index in np.ndindex(*shape):
        yield dict(zip(term, index, strict=True))


def _slopes(encoding: Encoding, sampled: Sampled, where: Mapping[str, str], asked: Asked) -> Iterator[Cell]:
    """The cell itself, or one for each covariate whose slope is asked for and each level of a factor."""
    if asked.variables is None:
        yield Cell(sampled, where)
        return
    for name in _variables(encoding, asked.variables):
        if name not in factors_of(encoding):
            yield Cell(sampled, {**where, "dydx": name}, name)
            continue
        if asked.slope != "dydx":
            raise ValueError(
                f"margins: `{name}` is a factor, whose levels have differences (dydx) but no elasticities; "
                f"leave it out of {asked.slope}"
            )
        levels = levels_of(encoding, name)
        base = _base(encoding, name, levels)
        for value, text in zip(levels.values, levels.texts, strict=True):
            if value != base:
                pair = with_values(sampled, {name: value}), with_values(sampled, {name: base})
                yield Cell(sampled, {**where, "dydx": f"{text}.{name}"}, name, pair)


def _base(encoding: Encoding, name: str, levels: Levels) -> Any:
    """The level that the model leaves out, or the first."""
    bases = {c.label for c in encoding.names.fixed if c.status == "base"}
    found = [v for v, text in zip(levels.values, levels.texts, strict=True) if f"{text}.{name}" in bases]
    return found[0] if found else levels.values[0]


def _variables(encoding: Encoding, asked: Sequence[str] | str) -> list[str]:
    if asked == "*":
        return [name for name in covariates_of(encoding)]
    names = asked.split() if isinstance(asked, str) else list(asked)
    for name in names:
        require_covariate(encoding, name, "dydx")
    return names


def row_weights(estimates: Estimates) -> np.ndarray:
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
    codes, kept = np.zeros(len(sample.table), int), []
    for values in columns.values():
        part, known = pd.factorize(values, sort=True)
        codes = codes * (len(known) + 1) + part
        kept.append(known)
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
    names = over.split() if isinstance(over, str) else list(over)
    for name in names:
        if name not in sample.table.columns:
            require_covariate(encoding, name, "over")
    return {name: sample.table[name] for name in names}
