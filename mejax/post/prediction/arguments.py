"""What a statistic looks at besides the linear predictor: the response, numbers of trials, times, limits."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...fitting import Estimates
from ...frame import Encoding
from ...frame.evaluate import words
from .request import Request
from .rows import Rows

_OPTIONS = ("ll", "ul")


def argument_of(reads: str, estimates: Estimates, encoding: Encoding, rows: Rows, asked: Request) -> Any:
    """y as a statistic that `reads` this part of it takes it (see `mejax.likelihoods.Statistic`)."""
    if reads == "":
        return None
    return _ARGUMENTS[reads](estimates, encoding, rows, asked)


def _response(estimates: Estimates, encoding: Encoding, rows: Rows, asked: Request) -> Any:
    return estimates.design.y


def _trials(estimates: Estimates, encoding: Encoding, rows: Rows, asked: Request) -> Any:
    if rows.keep is not None:
        return estimates.design.y
    trials = rows.extras.get("binomial")
    if trials is None:
        assert encoding.response is not None
        raise ValueError(
            f"predict: mu of a binomial response is trials x probability, and the new data do not give the trials "
            f"`{encoding.response.trials}`; add the column, or predict `pr`"
        )
    return np.zeros(len(rows.x)), np.broadcast_to(np.asarray(trials, float), len(rows.x))


def _times(estimates: Estimates, encoding: Encoding, rows: Rows, asked: Request) -> Any:
    """(0, time, 0): the time asked for, by default that at which each row's record ends."""
    times = _asked_times(asked.at, rows)
    if times is None:
        times = _own_times(estimates, encoding, rows, asked)
    bad = times < 0  # a missing time is not: nothing is predicted there
    if bad.any():
        place = int(np.argmax(bad))
        raise ValueError(f"predict: a time is {times[place]:g} in {_row(rows, place)}; times are counted from 0")
    return np.zeros_like(times), times, np.zeros_like(times)


def _own_times(estimates: Estimates, encoding: Encoding, rows: Rows, asked: Request) -> np.ndarray:
    if rows.keep is not None:
        return np.asarray(estimates.design.y[1])
    if "time" not in rows.extras:
        name = words(encoding.expressions["time"]) if "time" in encoding.expressions else "time"
        raise ValueError(
            f"predict: `{asked.statistic}` is that at a time, and the new data do not give `{name}`; add the column, "
            "or say which time by `at`"
        )
    return np.asarray(rows.extras["time"], float)


def _asked_times(at: Any, rows: Rows) -> np.ndarray | None:
    """`at` for the rows that are predicted; a single number is the time of all of them."""
    if at is None:
        return None
    values = _numbers(at, "at", "a time, or one for each row")
    total = len(rows.index)
    if values.ndim > 1 or values.size not in (1, total):
        raise ValueError(f"predict: `at` is a time, or one for each of the {total:,} rows; got {values.size:,} values")
    if not np.isfinite(values).all():
        raise ValueError(f"predict: `at` holds {values[~np.isfinite(values)][0]}; every time is a finite number")
    values = np.broadcast_to(values.reshape(-1), total) if values.size == 1 else values
    return np.array(values if rows.keep is None else values[rows.keep], float)


def _limits(estimates: Estimates, encoding: Encoding, rows: Rows, asked: Request) -> Any:
    """(lower, upper): the limits asked for; where one is not given, that of the model's censoring; else infinity."""
    if not has_limits(encoding) and asked.lower is None and asked.upper is None:
        raise ValueError(
            f"predict: `{asked.statistic}` is that of an interval, and the model has no limits of its own; say "
            "`lower`, `upper` or both"
        )
    lower = _limit(encoding, rows, asked.lower, 0)
    upper = _limit(encoding, rows, asked.upper, 1)
    bad = lower >= upper
    if bad.any():
        place = int(np.argmax(bad))
        raise ValueError(
            f"predict: the lower limit is {lower[place]:g} and the upper one {upper[place]:g} in {_row(rows, place)}; "
            "`lower` has to be below `upper`"
        )
    return lower, upper


def has_limits(encoding: Encoding) -> bool:
    """Does the model itself say between which limits the response is observed?"""
    coding = encoding.response
    numbers = () if coding is None else coding.limits
    return any(n is not None for n in numbers) or any(option in encoding.expressions for option in _OPTIONS)


def _limit(encoding: Encoding, rows: Rows, asked: Any, side: int) -> np.ndarray:
    name = ("lower", "upper")[side]
    if asked is not None:
        values = _numbers(asked, name, "a number")
        if values.ndim or np.isnan(values):
            raise ValueError(f"predict: `{name}` is one number; got {asked!r}")
        return np.full(len(rows.x), float(values))
    return np.broadcast_to(own_limit(encoding, rows.extras, side), len(rows.x))


def own_limit(encoding: Encoding, extras: Mapping[str, np.ndarray], side: int) -> np.ndarray:
    """The model's own lower (0) or upper (1) limit of what is observed: one value, or one for each row."""
    assert encoding.response is not None
    option, infinite = _OPTIONS[side], (-np.inf, np.inf)[side]
    number = encoding.response.limits[side]
    if number is not None:
        return np.array(number)
    if option in extras:
        return np.where(np.isnan(extras[option]), infinite, extras[option])
    if option in encoding.expressions:
        raise ValueError(
            f"predict: the limit `{option}` of the model is `{words(encoding.expressions[option])}`, which the new "
            f"data do not give; add the column, or say `{('lower', 'upper')[side]}`"
        )
    return np.array(infinite)


def _numbers(value: Any, name: str, expected: str) -> np.ndarray:
    """A number or several as an array of float64."""
    try:
        return np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"predict: `{name}` is {expected}; got {value!r}") from None


def _row(rows: Rows, place: int) -> str:
    """What messages call a row, counted in its table from 1."""
    return f"row {place + 1 if rows.keep is None else int(np.flatnonzero(rows.keep)[place]) + 1}"


_ARGUMENTS = {"response": _response, "trials": _trials, "time": _times, "limits": _limits}
