"""What may be asked of `me.table`, checked."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from ..post.side_by_side import STATISTICS


def require_plain(se: Any, random: Any, decimals: Any, title: Any) -> None:
    """Raise an error where an option that is one value has another than it can have."""
    if not isinstance(se, bool | str) or se not in (True, False, "ci", "p", "z"):
        raise ValueError(f'table: `se` is True, False, "ci", "p" or "z"; got {se!r}')
    if not isinstance(random, bool):
        raise ValueError(f"table: `random` is True or False; got {random!r}")
    whole = isinstance(decimals, int | np.integer) and not isinstance(decimals, bool)
    if decimals is not None and not (whole and 0 <= decimals <= 15):
        raise ValueError(f"table: `decimals` is a whole number from 0 to 15; got {decimals!r}")
    if not isinstance(title, str):
        raise ValueError(f"table: `title` is a text; got {title!r}")


def new_labels(labels: Any) -> Mapping[str, str]:
    """Which labels are renamed."""
    if labels is None:
        return {}
    if not isinstance(labels, Mapping) or not all(isinstance(text, str) for pair in labels.items() for text in pair):
        raise ValueError(f"table: `labels` maps labels to texts, {{label: new label}}; got {labels!r}")
    return labels


def texts(given: Any) -> tuple[str, ...] | None:
    """A list of texts; None if this is something else."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        return None
    found = tuple(given)
    return found if all(isinstance(text, str) for text in found) else None


def star_levels(stars: Sequence[float] | Literal[False]) -> tuple[float, ...]:
    """The levels, the largest first."""
    if stars is False or stars is None:
        return ()
    levels = list(stars) if isinstance(stars, Iterable) else [stars]
    if not all(isinstance(s, int | float) and not isinstance(s, bool) and 0 < s < 1 for s in levels):
        raise ValueError(f"table: `stars` are levels between 0 and 1, such as (0.05, 0.01), or False; got {stars!r}")
    return tuple(sorted({float(s) for s in levels}, reverse=True))


def flags_of(eform: Any, count: int) -> list[bool]:
    """One for each fit."""
    if isinstance(eform, bool):
        return [eform] * count
    flags = list(eform) if isinstance(eform, Iterable) else []
    if len(flags) != count or not all(isinstance(flag, bool) for flag in flags):
        raise ValueError(f"table: `eform` is True, False or a list of them, one for each fit; got {eform!r}")
    return flags


def statistics_wanted(stats: str | Sequence[str] | None) -> tuple[str, ...]:
    """The names of statistics, all of them known."""
    wanted = (stats,) if isinstance(stats, str) else () if stats is None else texts(stats)
    if wanted is None:
        known = ", ".join(STATISTICS)
        raise ValueError(f"table: `stats` is a list of statistics, of which there are {known}; got {stats!r}")
    for name in wanted:
        if name not in STATISTICS:
            raise ValueError(f"table: `{name}` is no statistic; known are {', '.join(STATISTICS)}")
    return wanted


def patterns_of(given: str | Sequence[str] | None, option: str) -> tuple[str, ...] | None:
    """The labels of rows, with `*` and `?`; None where nothing was asked for."""
    if given is None or isinstance(given, str):
        return None if given is None else (given,)
    found = texts(given)
    if found is None:
        raise ValueError(f"table: `{option}` is a label or a list of labels; got {given!r}")
    return found
