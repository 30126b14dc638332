"""Where a nonlinear fit begins, and what to do where that leads nowhere."""

import numpy as np

from .._tree import to_host
from ..menl import NonlinearModel, Point, linearised, search
from .alternation import Alternated, NonlinearSettings, Tries, Turn, alternate, dependent
from .climb import given_variances

ELSEWHERE = "the starting values given led to no maximum; others were found by a search"
STUCK = (
    "the alternation did not settle; give starting values nearer to the data (`initial()`), raise iterate(), or "
    "simplify the random effects"
)


def from_starts(
    model: NonlinearModel, labels: list[str], settings: NonlinearSettings, tries: Tries
) -> tuple[Turn, Alternated, tuple[str, ...]]:
    """(the last turn, how it ended, what to say): from the values given where they say everything, otherwise, or where
    these fail, from those that a search finds, the best of which wins.  `tries` gets them all.

    Raises:
        ValueError: no starting values were found, or the mean does not determine its coefficients there.
    """
    tried = _from_given(model, settings, tries)
    if tried is not None and tried.last is not None and tried.status.ok:
        return identified(tried, labels), tried, ()
    begun = _from_search(model, settings, tries, again=tried is not None)
    ended = [f for f in begun if f.last is not None]
    ended += [tried] if tried is not None and tried.last is not None else []
    good = [f for f in ended if f.status.ok]
    if not ended:
        starts = [f.begun for f in ([tried] if tried is not None else []) + begun]
        raise ValueError(_nowhere(model, labels, starts, given=tried is not None))
    best = max(good or ended, key=lambda f: f.last.value if f.last else -np.inf)
    said = (STUCK,) if not good else (ELSEWHERE,) if tried else ()
    return identified(best, labels), best, said


def identified(ended: Alternated, labels: list[str]) -> Turn:
    """The last turn, if the mean determines its coefficients there."""
    assert ended.last is not None
    mixed = dependent(ended.last.expansion[1])
    if mixed is not None:
        raise ValueError(unidentified(labels, mixed))
    return ended.last


def unidentified(labels: list[str], mixed: np.ndarray) -> str:
    which = ", ".join(label for label, used in zip(labels, mixed, strict=True) if used)
    return (
        f"the mean does not tell its coefficients apart: it does not change along a combination of {which}. Leave out "
        "one of them, or write the mean so that each has an effect of its own"
    )


def _from_given(model: NonlinearModel, settings: NonlinearSettings, tries: Tries) -> Alternated | None:
    if settings.start is not None:
        fixed = np.asarray(getattr(settings.start, "fixed", np.zeros(0)), float)
        if fixed.shape != model.start.shape or not np.all(np.isfinite(fixed)):
            raise ValueError(
                f"`start` must be `fit.theta` of a fit of the same model, with {len(model.start)} coefficients; "
                "starting values by name go into `initial`"
            )
        return alternate(model, fixed, given_variances(model.variances, settings.start), settings, tries)
    if np.any(np.isnan(settings.given)):
        return None
    return alternate(model, settings.given, None, settings, tries)


def _from_search(model: NonlinearModel, settings: NonlinearSettings, tries: Tries, *, again: bool) -> list[Alternated]:
    """One after the other."""
    given = np.full_like(settings.given, np.nan) if again else settings.given
    found = search(model, given, settings.searched)
    ended = []
    for number, start in enumerate(found, 1):
        if len(found) > 1:
            settings.say(f"\nStarting values {number} of {len(found)}:\n")
        ended.append(alternate(model, start, None, settings, tries))
    return ended


def _nowhere(model: NonlinearModel, labels: list[str], starts: list[np.ndarray], *, given: bool) -> str:
    """Why no fit could even begin at `starts`; `given`: the first of them was the user's."""
    for start in starts:
        x = np.asarray(to_host(linearised(model, Point(start, to_host(model.nothing()))))[1][1])
        mixed = dependent(x) if np.all(np.isfinite(x)) else None
        if mixed is not None:
            return unidentified(labels, mixed)
    tried = ", at the values given or elsewhere" if given else ""
    return (
        f"no finite mean was found from which to start{tried}; give starting values that are near the data, "
        "`{b1=...}` in the expression or `initial(...)`"
    )
