"""The estimation sample: `if`, `in`, missing values, zero weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..syntax.spec import Spec
from .evaluate import condition, words
from .table import Source


@dataclass(frozen=True)
class Need:
    """Something the model uses: what it is called in notes, and where it is missing (None: nowhere)."""

    label: str
    missing: np.ndarray | None


@dataclass(frozen=True)
class Sample:
    """The rows used (`mask` over the table) and how the others were lost; `notes` say why some of them left."""

    mask: np.ndarray
    n: int
    selected: int  # rows that `if` and `in` leave
    history: tuple[str, ...]
    losses: tuple[tuple[str, int], ...] = ()
    notes: tuple[str, ...] = ()

    def take(self, values: np.ndarray) -> np.ndarray:
        """The rows of the sample; the array itself where nothing was removed."""
        return values if self.n == len(self.mask) else values[self.mask]

    def without(self, needs: Sequence[Need]) -> "Sample":
        """Drop the rows where any of `needs` is missing."""
        needs = [need for need in needs if need.missing is not None]
        if not needs:
            return self
        mask, losses = self.mask.copy(), dict(self.losses)
        for need in needs:
            assert need.missing is not None
            lost = int(np.count_nonzero(need.missing & self.mask))
            if lost:
                losses[need.label] = losses.get(need.label, 0) + lost
                mask &= ~need.missing
        return replace(self, mask=mask, n=int(np.count_nonzero(mask)), losses=tuple(losses.items()))

    def drop(self, mask: np.ndarray, label: str) -> "Sample":
        """Drop rows (given over the sample) where a transformed column is missing."""
        over_table = np.zeros(len(self.mask), dtype=bool)
        over_table[np.flatnonzero(self.mask)[mask]] = True
        return self.without([Need(label, over_table)])

    def leave(self, mask: np.ndarray, note: str = "") -> "Sample":
        """Without some rows (given over the sample) that have all their values: no note counts them as missing.

        A `note` says why they leave.
        """
        over_table = self.mask.copy()
        over_table[np.flatnonzero(self.mask)[mask]] = False
        count = int(np.count_nonzero(mask))
        notes = (*self.notes, note) if note else self.notes
        return replace(self, mask=over_table, n=self.n - count, selected=self.selected - count, notes=notes)

    def note(self) -> tuple[str, ...]:
        """The note on missing values, if there are any, and those on rows that left."""
        dropped = self.selected - self.n
        if not dropped:
            return self.notes
        rows = "observation" if dropped == 1 else "observations"
        return (f"{dropped:,} {rows} with missing values dropped ({self._losses()})", *self.notes)

    def _losses(self) -> str:
        return ", ".join(f"{label}: {count:,}" for label, count in sorted(self.losses, key=lambda item: -item[1]))

    def require(self) -> None:
        """Raise where no row is left, and say what removed them."""
        if self.n:
            return
        steps = [*self.history, *(note.removeprefix("note: ") for note in self.notes)]
        if self.losses:
            steps.append(f"missing values removed {self.selected:,} ({self._losses()})")
        raise ValueError(f"no observations: of {len(self.mask):,} rows " + "; ".join(steps or ["none can be used"]))


def first_row(mask: np.ndarray, sample: Sample | None = None) -> int:
    """The row number, counted from 1 in the table, of the first True of a mask over the table or over the sample."""
    row = int(np.flatnonzero(mask)[0])
    return row + 1 if sample is None else table_row(sample.mask, row)


def table_row(mask: np.ndarray, place: int) -> int:
    """The row of the table, counted from 1, that holds an observation of the sample."""
    return int(np.flatnonzero(mask)[place]) + 1


def select(spec: Spec, source: Source) -> Sample:
    """The rows that `if` and `in` select."""
    mask, history = np.ones(source.n, dtype=bool), []
    if spec.where is not None:
        mask = condition(spec.where, source)
        history.append(f"`if {words(spec.where)}` removed {source.n - np.count_nonzero(mask):,}")
    if spec.rows is not None:
        inside = _row_range(spec.rows, source.n)
        history.append(f"`in {spec.rows[0]}/{spec.rows[1]}` removed {np.count_nonzero(mask & ~inside):,}")
        mask &= inside
    selected = int(np.count_nonzero(mask))
    return Sample(mask, selected, selected, tuple(history))


def _row_range(rows: tuple[int, int], n: int) -> np.ndarray:
    first, last = (r + n + 1 if r < 0 else r for r in rows)
    if first < 1 or last > n or first > last:
        raise ValueError(f"`in {rows[0]}/{rows[1]}` is no range of rows of this table, which has rows 1 to {n}")
    inside = np.zeros(n, dtype=bool)
    inside[first - 1 : last] = True
    return inside
