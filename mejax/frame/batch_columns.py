"""Which columns of a table read in batches are linear combinations of earlier ones, from sums over the rows.

The columns c are standardised by numbers from the first batch, s = (c - centre) / scale, and looked at in coordinates
s M.  M begins as the identity.  A column of which the cross-products leave too little to be trusted is replaced by its
residual, in one more pass over the table, and judged by the length of that: what `mejax.frame.collinear` does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .collinear import CLEAR, ROUNDING, TOLERANCE
from .formula import FormulaCoding
from .table import Source
from .varlist import VarlistCoding


@dataclass(frozen=True)
class Standard:
    """s = (c - centre) / scale of the columns of a coding; that of the constant is 1, at the place `constant`.

    `response` is the same of y, which comes last (None: there is none).
    """

    coding: VarlistCoding | FormulaCoding
    constant: int | None
    centre: np.ndarray
    scale: np.ndarray
    response: tuple[float, float] | None = None

    def values(self, c: np.ndarray, y: np.ndarray) -> np.ndarray:
        """s of the rows of a batch."""
        s = (c - self.centre) / self.scale
        return s if self.response is None else np.column_stack([s, (y - self.response[0]) / self.response[1]])


@dataclass(frozen=True)
class Moments:
    """Sums over the rows of U'U with U = s `map`: `gram` plain, `weighted` by the observations.

    `low` and `high` are the smallest and the largest value of every column c, `count` the number of rows.
    """

    standard: Standard
    map: np.ndarray
    gram: np.ndarray
    weighted: np.ndarray
    low: np.ndarray
    high: np.ndarray
    count: int

    @property
    def others(self) -> list[int]:
        """The places of the columns other than the constant."""
        return [j for j in range(len(self.standard.scale)) if j != self.standard.constant]

    def keep(self, places: Sequence[int]) -> "Moments":
        """Some of the columns (counted without the constant), the constant, and what stands beside them."""
        k = len(self.standard.scale)
        chosen = [self.others[j] for j in places]
        if self.standard.constant is not None:
            chosen.append(self.standard.constant)
        kept = sorted(chosen)
        all_kept = [*kept, *range(k, len(self.map))]
        constant = None if self.standard.constant is None else kept.index(self.standard.constant)
        standard = replace(
            self.standard, coding=self.standard.coding.only(list(places)), constant=constant,
            centre=self.standard.centre[kept], scale=self.standard.scale[kept],
        )  # fmt: skip
        square = np.ix_(all_kept, all_kept)
        return replace(
            self, standard=standard, map=self.map[square], gram=self.gram[square], weighted=self.weighted[square],
            low=self.low[kept], high=self.high[kept],
        )  # fmt: skip


def standardise(
    coding: VarlistCoding | FormulaCoding, constant: int | None, source: Source, y: np.ndarray | None = None
) -> Standard:
    """By the means (where there is a constant) and the ranges of some rows."""
    c = coding.matrix(source)
    centre, scale = _centre_and_scale(c, constant is not None)
    if constant is not None:
        centre[constant], scale[constant] = 0.0, 1.0
    if y is None:
        return Standard(coding, constant, centre, scale)
    (middle,), (unit,) = _centre_and_scale(y[:, None], constant is not None)
    return Standard(coding, constant, centre, scale, (float(middle), float(unit)))


def _centre_and_scale(c: np.ndarray, centred: bool) -> tuple[np.ndarray, np.ndarray]:
    centre = c.mean(axis=0) if centred else np.zeros(c.shape[1])
    largest = np.abs(c).max(axis=0, initial=0.0)
    spread = np.abs(c - centre).max(axis=0, initial=0.0)
    return centre, np.where(spread > ROUNDING * largest, spread, np.where(largest > 0, largest, 1.0))


def empty_moments(standard: Standard) -> Moments:
    """Of no rows."""
    width = len(standard.scale) + (standard.response is not None)
    nothing, c = np.zeros((width, width)), np.full(len(standard.scale), np.inf)
    return Moments(standard, np.eye(width), nothing, nothing, c, -c, 0)


def add_rows(m: Moments, source: Source, y: np.ndarray, weights: np.ndarray | None) -> Moments:
    """With the rows of a batch."""
    c = m.standard.coding.matrix(source)
    if not np.isfinite(c).all():
        row = int(np.flatnonzero(~np.isfinite(c).all(axis=1))[0]) + 1
        raise ValueError(
            f"a transformation of the formula has no value for {_shown(source, row - 1)}: leave such rows out with a "
            "condition (`where`), or make the column in the table first"
        )
    u = m.standard.values(c, y) @ m.map
    gram = u.T @ u
    weighted = gram if weights is None else u.T @ (u * weights[:, None])
    low, high = np.minimum(m.low, c.min(axis=0)), np.maximum(m.high, c.max(axis=0))
    return replace(m, gram=m.gram + gram, weighted=m.weighted + weighted, low=low, high=high, count=m.count + len(c))


def _shown(source: Source, row: int) -> str:
    """The numbers in a row."""
    held = [(name, column) for name, column in source.cache.items() if column.kind == "number"]
    return ", ".join(f"{name} = {column.values[row]:g}" for name, column in held)


@dataclass
class _State:
    """The decisions about the columns of one side so far.

    `length` holds what each column was long at first (its deviations from the mean, where there is a constant), `noise`
    its relative rounding noise; `change` are the last coordinates in those before them, of the columns `asked`.
    """

    moments: Moments
    length: np.ndarray
    noise: np.ndarray
    known: dict[int, bool] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)
    change: np.ndarray = field(default_factory=lambda: np.eye(0))


def choose(
    sides: Sequence[Moments], again: Callable[[list[Moments]], list[Moments]]
) -> list[tuple[list[int], Moments]]:
    """The columns to keep of every side, counted without the constant, and the moments of all its columns in
    coordinates in which those kept are far from dependent.

    `again` takes another pass over the table: the moments with other maps.
    """
    states = [_State(side, *_lengths(side)) for side in sides]
    while True:
        kept = [_sweep(state) for state in states]
        if not any(state.asked for state in states):
            return [(keep, state.moments) for keep, state in zip(kept, states, strict=True)]
        moved = again([_moved(state, keep) for state, keep in zip(states, kept, strict=True)])
        for state, moments, keep in zip(states, moved, kept, strict=True):
            state.moments = moments
            _judge(state, keep)


def _lengths(m: Moments) -> tuple[np.ndarray, np.ndarray]:
    """The length of every column other than the constant, and its relative rounding noise (infinite: it is zero)."""
    others, constant = m.others, m.standard.constant
    squares = np.diag(m.gram)[others]
    if constant is not None:
        squares = squares - m.gram[constant, others] ** 2 / m.count
    length = np.sqrt(np.maximum(squares, 0.0))
    largest = np.maximum(np.abs(m.low), np.abs(m.high))[others]
    rounding = ROUNDING * np.sqrt(m.count) * largest / m.standard.scale[others]
    zero = (largest == 0) | (length <= rounding)
    return np.where(zero, 1.0, length), np.where(zero, np.inf, rounding / np.where(zero, 1.0, length))


def _sweep(state: _State) -> list[int]:
    """The columns kept, left to right; those in doubt are left out for now and noted in `asked`."""
    m, kept, others = state.moments, [], state.moments.others
    state.asked = []
    if len(others) == 1:
        low, high = m.low[others[0]], m.high[others[0]]
        spread = high - low if m.standard.constant is not None else max(abs(low), abs(high))
        return [0] if spread > ROUNDING * max(abs(low), abs(high)) else []
    for j in range(len(others)):
        if not np.isfinite(state.noise[j]):
            continue
        if j in state.known:
            kept += [j] if state.known[j] else []
        elif _left(m, _base(m, kept, j), others[j])[0] > CLEAR * state.length[j] ** 2:
            kept.append(j)
        else:
            state.asked.append(j)
    return kept


def _base(m: Moments, kept: Sequence[int], j: int) -> list[int]:
    """The places of the kept columns before j, and of the constant."""
    constant = [] if m.standard.constant is None else [m.standard.constant]
    return [*(m.others[i] for i in kept if i < j), *constant]


def _left(m: Moments, base: list[int], place: int) -> tuple[float, np.ndarray]:
    """What `base` leaves of the squared length of a column, and its coefficients."""
    size = np.sqrt(np.diag(m.gram)[base])
    right = m.gram[base, place] / size
    solved = np.linalg.solve(m.gram[np.ix_(base, base)] / np.outer(size, size), right) if base else right
    return float(m.gram[place, place] - solved @ right), solved / size


def _moved(state: _State, kept: list[int]) -> Moments:
    """Coordinates in which the columns in doubt are what those kept before them leave."""
    m = state.moments
    state.change = np.eye(len(m.map))
    for j in state.asked:
        base = _base(m, kept, j)
        state.change[base, m.others[j]] = -_left(m, base, m.others[j])[1]
    return replace(m, map=m.map @ state.change)


def _judge(state: _State, kept: list[int]) -> None:
    """Decide on the columns in doubt, up to the first that stays; those after it go back to where they were."""
    m = state.moments
    for number, j in enumerate(state.asked):
        left = _left(m, _base(m, kept, j), m.others[j])[0]
        state.known[j] = left > (max(TOLERANCE, state.noise[j]) * state.length[j]) ** 2
        if state.known[j]:
            later = [m.others[i] for i in state.asked[number + 1 :]]
            back = np.eye(len(m.map))
            back[:, later] -= state.change[:, later] - np.eye(len(m.map))[:, later]
            state.moments = replace(
                m, map=m.map @ back, gram=back.T @ m.gram @ back, weighted=back.T @ m.weighted @ back
            )
            return
