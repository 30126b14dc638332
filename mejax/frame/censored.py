"""Responses known to lie in an interval: those of `metobit` and `meintreg`.

Both are coded as (lower, upper): a value observed has equal ends, a censored one an infinite end.
"""

import numpy as np

from ..syntax.expression import Expression
from ..syntax.families import FamilyChoice
from ..syntax.spec import Spec
from .evaluate import names_in, words
from .needs import Needs, frequencies, sample_of
from .response_coding import CodedResponse, ResponseCoding, total
from .sample import Sample, first_row
from .table import Source


def limited_response(spec: Spec, source: Source, needs: Needs, sample: Sample, choice: FamilyChoice) -> CodedResponse:
    """`metobit`: at or below the lower limit, or at or above the upper one, only that is known."""
    y = sample_of(needs.response, words(spec.response), sample)
    low, high = (_limit(spec, needs, sample, name, y) for name in ("ll", "ul"))
    _require_order(low, high, sample)
    left, right = y <= low, y >= high
    _require_uncensored(left, right, words(spec.response))
    counts = frequencies(spec, needs, sample)
    facts = _facts(~(left | right), left, right, counts)
    coding = ResponseCoding(
        choice.name, choice.link, {"word": "tobit", "closed": False}, facts=facts,
        limits=(_number(spec, "ll", low), _number(spec, "ul", high)),
        limit_words=(("Lower", _words(spec, "ll", low)), ("Upper", _words(spec, "ul", high))),
    )  # fmt: skip
    ends = np.where(left, -np.inf, np.where(right, high, y)), np.where(right, np.inf, np.where(left, low, y))
    return CodedResponse(ends, coding, _notes(spec, left, right))


def interval_response(spec: Spec, source: Source, needs: Needs, sample: Sample, choice: FamilyChoice) -> CodedResponse:
    """`meintreg`: two ends, of which one may be missing or infinite."""
    labels = words(spec.response), words(spec.option("second_response"))
    low, high = (np.array(sample.take(values)) for values in (needs.response, needs.values("second_response")))
    low[np.isnan(low)], high[np.isnan(high)] = -np.inf, np.inf
    _require_ends(low, high, labels, sample)
    left, right, point = np.isneginf(low), np.isposinf(high), low == high
    _require_intervals(left, right, low, high)
    counts = frequencies(spec, needs, sample)
    closed = ~(left | right | point)
    facts = (*_facts(point, left, right, counts), ("Interval-cens.", total(closed, counts)))
    coding = ResponseCoding(choice.name, choice.link, {"closed": bool(np.any(closed))}, facts=facts)
    return CodedResponse((low, high), coding)


def _facts(
    point: np.ndarray, left: np.ndarray, right: np.ndarray, counts: np.ndarray | None
) -> tuple[tuple[str, int], ...]:
    pairs = ("Uncensored", point), ("Left-censored", left), ("Right-censored", right)
    return tuple((label, total(mask, counts)) for label, mask in pairs)


def _limit(spec: Spec, needs: Needs, sample: Sample, name: str, y: np.ndarray) -> np.ndarray:
    """The limit in every row; infinite where there is none."""
    absent, option = (-np.inf, spec.option(name)) if name == "ll" else (np.inf, spec.option(name))
    if option is None:
        return np.full(sample.n, absent)
    if option is True:
        return np.full(sample.n, y.min() if name == "ll" else y.max())
    values = sample.take(needs.values(name))
    return np.where(np.isnan(values), absent, values)


def _number(spec: Spec, name: str, values: np.ndarray) -> float | None:
    """The limit that is the same by its definition; None where it is a column's, or none."""
    option = spec.option(name)
    constant = option is True or (isinstance(option, Expression) and not names_in(option))
    return float(values[0]) if constant and np.isfinite(values[0]) else None


def _words(spec: Spec, name: str, values: np.ndarray) -> str:
    option, number = spec.option(name), _number(spec, name, values)
    if number is not None:
        return f"{number:.9g}"
    absent = "-inf" if name == "ll" else "+inf"
    return words(option) if isinstance(option, Expression) and names_in(option) else absent


def _require_order(low: np.ndarray, high: np.ndarray, sample: Sample) -> None:
    wrong = ~(low < high)
    if wrong.any():
        raise ValueError(f"the lower limit is {low[wrong][0]:g} and the upper one {high[wrong][0]:g} in row "
                         f"{first_row(wrong, sample)}: `ll` must be below `ul`")  # fmt: skip


def _require_uncensored(left: np.ndarray, right: np.ndarray, label: str) -> None:
    if not np.all(left | right):
        return
    below, above = int(left.sum()), int(right.sum())
    raise ValueError(f"no value of `{label}` is observed: {below:,} lie at or below the lower limit and {above:,} at "
                     "or above the upper one; a tobit model needs values between its limits, so check `ll` and `ul`, "
                     "or fit a binary model (`meprobit`) of the side")  # fmt: skip


def _notes(spec: Spec, left: np.ndarray, right: np.ndarray) -> tuple[str, ...]:
    if spec.option("ll") is None and spec.option("ul") is None:
        return ("note: neither `ll` nor `ul` is given: this is the linear model",)
    if not np.any(left | right):
        return ("note: all values lie between the limits: none is censored",)
    return ()


def _require_ends(low: np.ndarray, high: np.ndarray, labels: tuple[str, str], sample: Sample) -> None:
    for wrong, values, label, what in (
        (np.isposinf(low), low, labels[0], "a lower end is a number, or missing (or -inf) where it is open"),
        (np.isneginf(high), high, labels[1], "an upper end is a number, or missing (or inf) where it is open"),
    ):
        if wrong.any():
            raise ValueError(f"`{label}` is {values[wrong][0]:g} in row {first_row(wrong, sample)}: {what}")
    wrong = low > high
    if wrong.any():
        raise ValueError(f"`{labels[0]}` is {low[wrong][0]:g} and `{labels[1]}` {high[wrong][0]:g} in row "
                         f"{first_row(wrong, sample)}: the lower end must not be above the upper one")  # fmt: skip


def _require_intervals(left: np.ndarray, right: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    """Open intervals alone say where the mean is only from both sides, and the variance only at several places."""
    if not np.all(left | right):
        return
    if left.all() or right.all():
        side = "left" if left.all() else "right"
        raise ValueError(f"all {len(low):,} observations are {side}-censored: any mean far enough away fits them; at "
                         "least one must be observed, or known from both sides")  # fmt: skip
    ends = np.where(left, high, low)
    if ends.min() == ends.max():
        raise ValueError(f"all {len(low):,} observations are known only to lie below or above {ends[0]:g}: their "
                         "variance cannot be estimated; fit a binary model (`meprobit`) of the side")  # fmt: skip
