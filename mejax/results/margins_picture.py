"""Margins as a picture: points with intervals, a line for each cell of what is not on the axis."""

from typing import Any

import numpy as np
import pandas as pd

from ..post.margins.found import MarginsFound
from .axes import LIGHT, line_styles, marker_style, new_axes

_MOST_LINES = 12
_DODGE = 0.04  # of the distance between levels: lines beside one another do not hide their intervals


def draw(found: MarginsFound, table: pd.DataFrame, x: str | None, by: Any, *, interval: bool, ax: Any) -> Any:
    """Draw and return the axes.

    Raises:
        ValueError: something on the axis, or for the lines, that does not tell margins apart; too many lines.
    """
    keys = _keys(found)
    names = [name for name in keys if keys[name].nunique() > 1] or list(keys)[:1]
    x = _axis(found, names) if x is None else _known(x, keys, "x")
    lines = [name for name in names if name != x] if by is None else [by] if isinstance(by, str) else list(by)
    for name in lines:
        _known(name, keys, "by")
    axes = new_axes(ax)
    groups = _groups(keys, lines)
    if len(groups) > _MOST_LINES:
        raise ValueError(
            f"margins.plot: {len(groups)} lines for {', '.join(lines)}, more than {_MOST_LINES}; put another name on "
            "the axis by `x`, or ask for fewer margins"
        )
    places, ticks = _places(found, keys, x)
    for number, (label, rows) in enumerate(groups):
        shift = (number - (len(groups) - 1) / 2) * _DODGE * _gap(places)
        errors = _errors(table.iloc[rows]) if interval else None
        _line(axes, places[rows] + shift, table.iloc[rows], errors, label=label or None, number=number)
    if ticks is not None:
        axes.set_xticks(*ticks)
    _finish(found, axes, x, lines)
    return axes


def _keys(found: MarginsFound) -> dict[str, pd.Series]:
    """What tells margins apart, in words."""
    keys: dict[str, Any] = {}
    for name in found.cells.columns:
        column = found.cells[name].reset_index(drop=True)
        if name in found.levels:
            column = column.map(lambda level, name=name: found.shown(name, level) if level else "")
        keys[str(name)] = column
    return keys or {"": pd.Series([""] * len(found.functions.values))}


def _axis(found: MarginsFound, names: list[str]) -> str:
    """A covariate set to several values, else the first factor, else what there is."""
    for name in ("_at", *found.levels):
        if name in names:
            return name
    return names[0]


def _known(name: str, keys: dict[str, pd.Series], option: str) -> str:
    if name not in keys:
        raise ValueError(f"margins.plot: `{option}={name}` does not tell these margins apart; {', '.join(keys)} do")
    return name


def _groups(keys: dict[str, pd.Series], lines: list[str]) -> list[tuple[str, np.ndarray]]:
    if not lines:
        return [("", np.arange(len(next(iter(keys.values())))))]
    frame = pd.DataFrame({name: keys[name] for name in lines})
    found: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(frame.itertuples(index=False)):
        found.setdefault(tuple(map(str, row)), []).append(place)
    return [(", ".join(label), np.array(rows)) for label, rows in found.items()]


def _places(found: MarginsFound, keys: dict[str, pd.Series], x: str) -> tuple[np.ndarray, Any]:
    """Where each margin stands on the axis, and the ticks where these are words."""
    values = keys[x]
    if x == "_at":
        numbers = found.varied
        if numbers is not None:
            return numbers[1][values.astype(int).to_numpy() - 1], None
        texts = [text.split(": ", 1)[1] for text in found.at]
        return values.astype(float).to_numpy(), (range(1, len(texts) + 1), texts)
    if x in found.levels and list(found.labels.get(x, found.levels[x])) == list(found.levels[x]):
        numeric = dict(zip(found.levels[x], found.values[x], strict=True))
        if all(_is_number(level) for level in found.levels[x]):
            return values.map(numeric).to_numpy(float), (found.values[x], found.levels[x])
    known = list(dict.fromkeys(values))
    return values.map({word: i for i, word in enumerate(known)}).to_numpy(float), (range(len(known)), known)


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).lstrip("-").isdigit()


def _gap(places: np.ndarray) -> float:
    """The least distance between places on the axis."""
    distinct = np.unique(places)
    return float(np.min(np.diff(distinct))) if len(distinct) > 1 else 1.0


def _errors(rows: pd.DataFrame) -> np.ndarray:
    """How far the limits of the intervals are from the estimates (2, k)."""
    estimate, limits = rows["estimate"].to_numpy(float), rows[["lower", "upper"]].to_numpy(float)
    return np.abs(np.stack([estimate - limits[:, 0], limits[:, 1] - estimate]))


def _line(
    axes: Any, places: np.ndarray, rows: pd.DataFrame, errors: np.ndarray | None, *, label: str | None, number: int
) -> None:  # fmt: skip
    order = np.argsort(places, kind="stable")
    axes.errorbar(
        places[order], rows["estimate"].to_numpy(float)[order], yerr=None if errors is None else errors[:, order],
        label=label, capsize=3, linewidth=1.3, elinewidth=1.0, **(line_styles(number) | marker_style(number)),
    )  # fmt: skip


def _finish(found: MarginsFound, axes: Any, x: str, lines: list[str]) -> None:
    numbers = found.varied if x == "_at" else None
    axes.set_xlabel(numbers[0] if numbers else "" if x in ("_at", "dydx", "") else x)
    axes.set_ylabel("Marginal effect" if "dydx" in found.cells else _quantity(found.expression))
    if "dydx" in found.cells:
        axes.axhline(0.0, color=LIGHT, linewidth=0.8, zorder=0)
    if lines:
        title = ", ".join("at" if name == "_at" else name for name in lines)
        axes.legend(title=title, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _quantity(expression: str) -> str:
    """`Linear prediction, fixed portion` of what stands above the table."""
    return expression.rsplit(", predict(", 1)[0]
