"""Typical rows: a table in which all covariates but one stand at their means."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...frame import Encoding
from ...frame.evaluate import names_in
from ...frame.formula import FormulaCoding
from ...frame.formula_expressions import coded_variable
from ...frame.varlist import VarlistCoding

MOST_CURVES = 12


def typical_row(estimates: Estimates, encoding: Encoding, at: Mapping[str, Any] | None) -> dict[str, Any]:
    """Every column that the model uses at one value: the one given by `at`, or else its mean over the sample.

    Of factors, text and categories it is the most frequent value.  Frequency weights count.
    """
    table = encoding.table()
    if at is not None and not isinstance(at, Mapping):
        raise ValueError(f"`at` maps covariates to values, as in {{'x': 1}}; got {at!r}")
    given, factors = dict(at or {}), factors_of(encoding)
    for name, value in given.items():
        require_covariate(encoding, name, "at")
        if np.ndim(value) > 0:
            raise ValueError(
                f"`at` holds one value for each covariate; got {value!r} for `{name}`: use `over` for several"
            )
        require_values(encoding, name, [value], "at")
    weights = np.ones(len(table)) if encoding.weight_kind != "fweight" else np.asarray(estimates.design.weights)
    row = {}
    for name, column in table.items():
        if name in given:
            row[name] = given[str(name)]
        elif name in factors or not pd.api.types.is_numeric_dtype(column.dtype):
            row[name] = _most_frequent(column, weights)
        else:
            row[name] = float(np.average(column.to_numpy(float), weights=weights))
    return row


def _most_frequent(column: pd.Series, weights: np.ndarray) -> Any:
    codes, levels = pd.factorize(column, sort=True)
    return levels[np.argmax(np.bincount(codes[codes >= 0], weights=weights[codes >= 0]))]


def with_values(row: Mapping[str, Any], name: str, values: Any) -> pd.DataFrame:
    """The typical row once for each value of one column."""
    values = list(values)
    return pd.DataFrame({key: values if key == name else [value] * len(values) for key, value in row.items()})


def values_over(encoding: Encoding, over: Any) -> tuple[str, list[Any]]:
    """The covariate and its values: `over` is its name (then all that occur are taken), or {name: values}."""
    if isinstance(over, Mapping):
        if len(over) != 1:
            raise ValueError(f"`over` is one covariate, as a name or as {{name: values}}; got {len(over)} of them")
        ((name, values),) = over.items()
        require_covariate(encoding, name, "over")
        several = list(values) if isinstance(values, Iterable) and not isinstance(values, str) else [values]
        require_values(encoding, name, several, "over")
        return name, several
    require_covariate(encoding, over, "over")
    return over, distinct(encoding, over)


def distinct(encoding: Encoding, name: str) -> list[Any]:
    """The values of a covariate in the sample, sorted; categories in their order."""
    column = encoding.table()[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        present = set(column.dropna())
        return [value for value in column.cat.categories if value in present]
    return [value.item() if isinstance(value, np.generic) else value for value in np.unique(column.to_numpy())]


def few(encoding: Encoding, name: str) -> list[Any]:
    """`distinct`, where there are few enough values for a curve each."""
    values = distinct(encoding, name)
    if len(values) > MOST_CURVES:
        low, high = values[0], values[-1]
        raise ValueError(
            f"`over={name}` has {len(values):,} values from {low} to {high}, too many for a curve each; choose some, "
            f'as in over={{"{name}": [{low}, {high}]}}'
        )
    return values


def shown(encoding: Encoding, name: str, value: Any) -> str:
    """A value of a covariate in words: its value label, or itself."""
    labels = (encoding.columns[name].labels if name in encoding.columns else None) or {}
    text = f"{value:g}" if isinstance(value, float | int) and not isinstance(value, bool) else str(value)
    return f"{name} = {labels.get(value, text)}"


def require_covariate(encoding: Encoding, name: Any, option: str) -> None:
    """Raise an error where the linear predictor does not use this column."""
    known = covariates_of(encoding)
    if name not in known:
        near = difflib.get_close_matches(str(name), known, n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"covariates are {', '.join(known) or 'none'}"
        raise ValueError(f"`{option}` names `{name}`, which is no covariate of this model; {hint}")


def require_values(encoding: Encoding, name: str, values: Sequence[Any], option: str) -> None:
    """Raise an error where these cannot be values of the column: none at all, missing ones, text for a number, a
    category that the sample does not have."""
    if not values:
        raise ValueError(f"`{option}` gives no value of `{name}`; give one at least, as in {{'{name}': [...]}}")
    number, factor = encoding.columns[name].kind == "number", name in factors_of(encoding)
    known = distinct(encoding, name) if factor else None
    for value in (each.item() if isinstance(each, np.generic) else each for each in values):
        if np.ndim(value) == 0 and pd.isna(value):
            raise ValueError(f"`{option}` gives a missing value of `{name}`, {value!r}; every value has to be known")
        if number and not (isinstance(value, Real) and np.isfinite(float(value))):
            raise ValueError(f"`{option}` gives `{name}` the value {value!r}; `{name}` takes finite numbers")
        if known is not None and value not in known:
            some = ", ".join(map(str, known[:8])) + (", ..." if len(known) > 8 else "")
            raise ValueError(
                f"`{option}` gives `{name}` the value {value!r}, which the sample does not have; its values are {some}"
            )


def covariates_of(encoding: Encoding) -> tuple[str, ...]:
    """The columns of the table from which the linear predictor, or a nonlinear mean, is made, groups aside."""
    names = [name for coding in _codings(encoding) for name in coding.variables]
    offset = () if encoding.offset is None else tuple(name.name for name in names_in(encoding.offset))
    mean = () if encoding.mean is None else encoding.mean.columns
    return tuple(dict.fromkeys((*names, *offset, *mean)))


def factors_of(encoding: Encoding) -> set[str]:
    """The columns whose values are levels, so that a mean of them says nothing."""
    return {name for coding in _codings(encoding) for name in _levels_of(coding)}


def _levels_of(coding: VarlistCoding | FormulaCoding) -> set[str]:
    if isinstance(coding, VarlistCoding):
        return set(coding.levels)
    if coding.model_spec is None:
        return set()
    coded = [text for text, (kind, _) in coding.model_spec.encoder_state.items() if kind.value == "categorical"]
    return {name for name in map(coded_variable, coded) if name in coding.variables}


def _codings(encoding: Encoding) -> list[VarlistCoding | FormulaCoding]:
    mean = encoding.mean
    of_mean = () if mean is None else (*mean.combinations, *(slope for slope in mean.slopes if slope is not None))
    effects = (effect.coding for effect in encoding.effects if effect.coding is not None)
    return [encoding.fixed, *of_mean, *effects]
