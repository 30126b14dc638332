"""The tables over which margins average: the sample with some covariates set, or a grid of the factors' levels."""

import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ...frame import Encoding
from ...frame.column import level_text
from ...frame.formula_expressions import coded_variable
from ..prediction.typical_rows import covariates_of, distinct, factors_of, require_covariate

RESERVED = ("_at", "dydx", "outcome")  # columns of what margins find
MOST_CELLS = 20_000  # of a grid of factors' levels
_SHARES = {"median": 0.5, "min": 0.0, "max": 1.0}
_TERM = re.compile(r"(?:i\.|ibn\.|ib?\d*\.)?(.+)")


@dataclass(frozen=True)
class Sampled:
    """Rows of a table with the weights of an average; `pooled`: their columns are averaged before anything is
    computed of them, so that there is one row, the average one."""

    table: pd.DataFrame
    weights: np.ndarray
    pooled: bool = False


@dataclass(frozen=True)
class Levels:
    """A factor's levels in the sample: their values in the table, and as texts."""

    values: tuple[Any, ...]
    texts: tuple[str, ...]
    labels: tuple[str, ...]

    @property
    def numbers(self) -> tuple[float, ...]:
        """The numbers that the levels stand for; 0, 1, ... for texts."""
        if all(isinstance(v, int | float | np.number) for v in self.values):
            return tuple(float(v) for v in self.values)
        return tuple(float(i) for i in range(len(self.values)))


def levels_of(encoding: Encoding, name: str) -> Levels:
    """The levels of a factor of the model."""
    values = tuple(distinct(encoding, name))
    known = (encoding.columns[name].labels if name in encoding.columns else None) or {}
    texts = tuple(level_text(value) for value in values)
    return Levels(values, texts, tuple(str(known.get(v, t)) for v, t in zip(values, texts, strict=True)))


def parse_terms(encoding: Encoding, terms: str | Sequence[str] | None) -> tuple[tuple[str, ...], ...]:
    """`"thatch#nitrogen"`, `"a##b c"`, a sequence of such: the factors of every term; none is the overall margin."""
    if terms is None or (isinstance(terms, str) and not terms.strip()):
        return ((),)
    if not isinstance(terms, str | Sequence) or not all(isinstance(t, str) for t in terms):
        raise ValueError(f'margins: terms are texts such as "a" or "a#b"; got {terms!r}')
    known = factors_of(encoding)
    listed = [terms] if isinstance(terms, str) else list(terms)
    texts = [t for each in listed for t in ([each] if each in known else each.split())]
    if not texts:
        raise ValueError("margins: the list of terms is empty; leave it out for the overall margin")
    found: dict[tuple[str, ...], None] = {}
    for text in texts:
        names = [_factor(encoding, part, text) for part in re.split(r"#+", text)]
        if len(set(names)) < len(names):
            raise ValueError(f"margins: the term `{text}` names a factor twice")
        sizes = range(1, len(names) + 1) if "##" in text else [len(names)]
        found |= {combo: None for size in sizes for combo in itertools.combinations(names, size)}
    return tuple(found)


def _factor(encoding: Encoding, part: str, term: str) -> str:
    name = part if part in encoding.columns else coded_variable((_TERM.fullmatch(part) or [part, part])[1])
    factors = factors_of(encoding)
    if name in RESERVED:
        raise ValueError(
            f"margins: a factor called `{name}` cannot be told from what margins call so; rename the column"
        )
    if name in factors:
        return name
    if name in covariates_of(encoding):
        raise ValueError(
            f"margins: `{name}` in the term `{term}` is no factor of the model but a continuous covariate; say "
            f'at which values, at={{"{name}": [...]}}, or ask for its slope, dydx="{name}"'
        )
    known = ", ".join(sorted(map(str, factors))) or "none"
    raise ValueError(f"margins: the term `{term}` names `{name}`, which is no factor of the model; factors are {known}")


def settings(encoding: Encoding, sample: Sampled, at: Any) -> list[dict[str, Any]]:
    """The settings that `at` describes: a mapping of covariates to a value or several (all combinations), or a
    sequence of such mappings; "(mean)", "(median)", "(min)", "(max)" and "(p25)" stand for that of the sample."""
    if at is None:
        return [{}]
    if not isinstance(at, Mapping | Sequence) or isinstance(at, str) or not at:
        raise ValueError(f'margins: `at` is a mapping such as {{"age": [20, 40]}}, or a list of such; got {at!r}')
    found = []
    for each in [at] if isinstance(at, Mapping) else list(at):
        if not isinstance(each, Mapping) or not each:
            raise ValueError(f'margins: `at` is a mapping such as {{"age": [20, 40]}}, or a list of such; got {each!r}')
        for name in each:
            require_covariate(encoding, name, "at")
        listed = [_values(encoding, sample, str(name), value) for name, value in each.items()]
        found += [dict(zip(each, combo, strict=True)) for combo in itertools.product(*listed)]
    return found


def _values(encoding: Encoding, sample: Sampled, name: str, value: Any) -> list[Any]:
    if isinstance(value, Mapping | bytes | set):
        raise ValueError(f"margins: `at` gives a value for `{name}`, or a list of them; got {value!r}")
    several = isinstance(value, Iterable) and not isinstance(value, str)
    values = [_value(encoding, sample, name, v) for v in (list(value) if several else [value])]
    if not values:
        raise ValueError(f"margins: `at` gives no value for `{name}`")
    return values


def _value(encoding: Encoding, sample: Sampled, name: str, value: Any) -> Any:
    asked = re.fullmatch(r"\((mean|median|min|max|p(\d{1,2}))\)", value) if isinstance(value, str) else None
    if asked is None:
        _check_value(encoding, name, value)
        return value
    column = sample.table[name]
    if not pd.api.types.is_numeric_dtype(column.dtype):
        raise ValueError(f"margins: `at` asks for the {asked[1]} of `{name}`, which holds no numbers")
    values = column.to_numpy(float)
    if asked[1] == "mean":
        return float(np.average(values, weights=sample.weights))
    return _quantile(values, sample.weights, int(asked[2]) / 100.0 if asked[2] else _SHARES[asked[1]])


def _quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """The quantile of values that stand as often as their weights say, interpolated between neighbours."""
    order = np.argsort(values, kind="stable")
    ends = np.cumsum(weights[order])
    place = share * (ends[-1] - 1.0) if ends[-1] > 1.0 else 0.0
    low, high = (values[order][min(np.searchsorted(ends, p, side="right"), len(ends) - 1)] for p in
                 (np.floor(place), np.ceil(place)))  # fmt: skip
    return float(low + (place - np.floor(place)) * (high - low))


def _check_value(encoding: Encoding, name: str, value: Any) -> None:
    """A number for numbers; of a factor a level that the sample has."""
    known = distinct(encoding, name) if name in factors_of(encoding) else None
    if known is not None and not any(value == level for level in known):
        texts = ", ".join(levels_of(encoding, name).texts[:12])
        raise ValueError(f"margins: `at` sets `{name}` to {value!r}, which is no level in the sample: {texts}")
    if known is None and not (isinstance(value, int | float | np.number) and np.isfinite(value)):
        raise ValueError(
            f"margins: `at` sets `{name}` to {value!r}; a finite number was expected, or one "
            'of "(mean)", "(median)", "(min)", "(max)" and "(p1)" to "(p99)"'
        )


def describe(encoding: Encoding, setting: Mapping[str, Any]) -> str:
    """`age = 40, sex = female`: a setting in words."""
    words = []
    for name, value in setting.items():
        labels = (encoding.columns[name].labels if name in encoding.columns else None) or {}
        words.append(f"{name} = {labels.get(value, level_text(value))}")
    return ", ".join(words)


def with_values(sampled: Sampled, values: Mapping[str, Any]) -> Sampled:
    """The same rows with some columns set to one value."""
    table = sampled.table.assign(**{str(name): _column(sampled.table, name, v) for name, v in values.items()})
    return Sampled(table, sampled.weights, sampled.pooled)


def _column(table: pd.DataFrame, name: str, value: Any) -> Any:
    if isinstance(table[name].dtype, pd.CategoricalDtype):
        return pd.Categorical([value] * len(table), dtype=table[name].dtype)
    return value


def grid(encoding: Encoding, sample: Sampled, held: Sequence[str], balanced: bool) -> Sampled:
    """The average row: numbers at their weighted means, factors at their shares in the sample, or at equal shares.

    Factors that will be set anyway (`held`) stand at any one level.  Of several factors the shares are multiplied.
    """
    table, factors = sample.table, factors_of(encoding)
    names = [str(name) for name in table.columns if name in factors or not _is_number(table[name])]
    shares = {name: ([table[name].iloc[0]], [1.0]) for name in names if name in held}
    for name in (name for name in names if name not in held):
        shares[name] = _shares(encoding, sample, name, balanced)
    count = int(np.prod([len(values) for values, _ in shares.values()] or [1]))
    if count > MOST_CELLS:
        raise ValueError(
            f"margins: the factors {', '.join(shares)} have {count:,} combinations of levels, more than "
            f"{MOST_CELLS:,}; say levels of some by `at`, or average over the sample (without atmeans and asbalanced)"
        )
    combos = list(itertools.product(*(values for values, _ in shares.values())))
    weights = np.array([np.prod(w) for w in itertools.product(*(w for _, w in shares.values()))])
    columns: dict[str, Any] = {}
    for name in map(str, table.columns):
        if name in shares:
            place = list(shares).index(name)
            listed = [combo[place] for combo in combos]
            dtype = table[name].dtype
            columns[name] = pd.Categorical(listed, dtype=dtype) if isinstance(dtype, pd.CategoricalDtype) else listed
        else:
            columns[name] = np.full(count, np.average(table[name].to_numpy(float), weights=sample.weights))
    return Sampled(pd.DataFrame(columns), weights, pooled=True)


def _is_number(column: Any) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype)


def _shares(encoding: Encoding, sample: Sampled, name: str, balanced: bool) -> tuple[list[Any], list[float]]:
    values = distinct(encoding, name)
    if balanced:
        return values, [1.0 / len(values)] * len(values)
    column = sample.table[name]
    sizes = np.array([sample.weights[np.asarray(column == value, bool)].sum() for value in values])
    kept = [(value, size / sizes.sum()) for value, size in zip(values, sizes, strict=True) if size > 0]
    return [value for value, _ in kept], [float(size) for _, size in kept]
