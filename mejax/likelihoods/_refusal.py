"""Refusing a response, in one sentence."""

from collections.abc import Callable

import numpy as np


def require(good: np.ndarray, values: np.ndarray, where: Callable[[int], str], rule: str) -> None:
    """Raise for the first value that is not `good`; `rule` says what was expected and what to do."""
    if not good.all():
        first = int(np.argmin(good))
        count = int(np.count_nonzero(~good))
        more = "" if count == 1 else f" ({count:,} such rows in all)"
        raise ValueError(f"the response is {values[first]:.10g} in {where(first)}{more}: {rule}")


def require_variation(values: np.ndarray, advice: str, shown: str | None = None) -> None:
    """Raise where all values are equal."""
    if len(values) and (values == values[0]).all():
        shown = f"{values[0]:.10g}" if shown is None else shown
        raise ValueError(f"the outcome does not vary; all are {shown}: {advice}")


def require_counts(values: np.ndarray, where: Callable[[int], str], family: str) -> None:
    """Raise for anything but whole numbers from 0, and where all of them are 0."""
    good = np.isfinite(values) & (values >= 0) & (values == np.floor(values))
    require(good, values, where, f"a {family} response counts events, so whole numbers from 0 were expected")
    if not values.any():
        raise ValueError("the outcome does not vary; all are 0: no finite rate fits a response without any event")
