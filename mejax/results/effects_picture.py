"""The picture of `fit.plot.effects`: random effects in order, each with its interval."""

from typing import Any

import numpy as np
import pandas as pd

from .axes import DARK, LIGHT, LINE, panels, room, shortened

_SMALLEST = 5.0  # font size
_LONGEST = 24  # letters of a name
_TEXT = 0.16  # inches for the name of a group


def draw(found: pd.DataFrame, sort: bool | str, intervals: float, most: int, ax: Any) -> Any:
    """A panel for each random effect; the axes themselves where there is one."""
    if isinstance(most, bool) or not isinstance(most, int | np.integer) or most < 0:
        raise ValueError(f"plot.effects: `most` is the number of groups that are named, 0 or more; got {most!r}")
    keys = list(dict.fromkeys(zip(found["level"], found["effect"], strict=True)))
    parts = {key: _sorted(found, key, sort) for key in keys}
    largest = max(map(len, parts.values()))
    named = largest <= most
    height = min(max(_TEXT * largest + 1.2, 2.4), 11.0) if named else 5.5
    letters = min(max(map(len, found["group"])), _LONGEST) if named else 0
    axes = panels(ax, len(parts), (max((3.4 + 0.07 * letters) * len(parts) + 0.8, 5.2), height))
    before: tuple[str, ...] = ()
    for one, ((level, effect), part) in zip(axes, parts.items(), strict=True):
        _panel(one, part, named)
        groups = tuple(part["group"].tolist())
        _names(one, groups if named and groups != before else ())
        one.set_title(str(effect), fontsize="medium")
        one.set_xlabel(f"Random effect, {intervals:g} % intervals")
        if not named:
            one.set_ylabel(f"{level}: {len(part):,} groups" + (", in order" if sort is not False else ""))
        elif groups != before and (one is axes[0] or len({key[0] for key in keys}) > 1):
            one.set_ylabel(str(level))
        before = groups
    return axes[0] if len(axes) == 1 else axes


def _sorted(found: pd.DataFrame, key: tuple[str, str], sort: bool | str) -> pd.DataFrame:
    """The effects of a level, the largest on top (or those of the groups whose effect `sort` is largest), or as they
    come, the first on top."""
    level = found.loc[found["level"] == key[0]]
    part = level.loc[level["effect"] == key[1]]
    if sort is False:
        return part.iloc[::-1]
    by = part if sort is True else level.loc[level["effect"] == sort]
    if by.empty:
        known = ", ".join(dict.fromkeys(level["effect"]))
        raise ValueError(f"plot.effects: `sort={sort!r}` is none of the effects shown, {known}; or say True or False")
    return part.iloc[np.argsort(by["estimate"].to_numpy(), kind="stable")]


def _panel(axes: Any, part: pd.DataFrame, named: bool) -> None:
    places = np.arange(len(part))
    axes.axvline(0.0, color=LINE, linewidth=0.8, zorder=1.5)
    away = part["away"].to_numpy(bool)
    width = float(np.clip(0.85 * room(axes, len(part)), 0.5, 1.6))
    for mask, colour, face in ((~away, LIGHT, "white"), (away, DARK, DARK)):
        shown = part.loc[mask]
        axes.hlines(places[mask], shown["lower"], shown["upper"], color=colour, linewidth=width, rasterized=not named)
        if named:
            axes.plot(shown["estimate"].to_numpy(), places[mask], linestyle="none", marker="o", markersize=4.0,
                      color=colour, markerfacecolor=face)  # fmt: skip
    if not named:
        estimate = part["estimate"].to_numpy()
        rising = bool(np.all(np.diff(estimate) >= 0))
        style = {"linewidth": 0.9} if rising else {"linestyle": "none", "marker": ".", "markersize": 1.5}
        axes.plot(estimate, places, color="black", rasterized=not rising, **style)
    axes.set_ylim(-0.8, len(part) - 0.2)
    axes.grid(axis="y", visible=False)


def _names(axes: Any, groups: tuple[str, ...]) -> None:
    """Names as large as there is room for, or none."""
    size = min(0.8 * room(axes, len(groups) + 1), 9.0)
    if not groups or size < _SMALLEST:
        axes.set_yticks([])
        return
    axes.set_yticks(np.arange(len(groups)), [shortened(name, _LONGEST) for name in groups], fontsize=size)
    axes.tick_params(axis="y", length=0)
