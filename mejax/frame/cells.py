"""The combinations of groups that occur in a table read in batches."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from .batch_sample import Distinct
from .groups import Key, sorted_lookup
from .table import Source

_PENDING = 1_000_000  # combinations that may wait to be merged with those known


@dataclass
class Cells:
    """`numbers` are the sorted combinations of the values of `keys`, counted like the digits of a number; `rows` holds
    how many observations each has (the sum of the frequency weights where they count observations)."""

    keys: tuple[Key, ...]
    numbers: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    rows: np.ndarray = field(default_factory=lambda: np.zeros(0))
    waiting: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def __post_init__(self) -> None:
        if np.prod([float(len(key.values)) for key in self.keys]) >= 2.0**62:
            sizes = ", ".join(f"{key.name}: {len(key.values):,}" for key in self.keys)
            raise ValueError(
                f"the grouping variables have too many combinations to be numbered ({sizes}); number the groups of "
                "nested levels across the whole table, so that the levels above need not be told apart"
            )

    @property
    def count(self) -> int:
        return len(self.numbers)

    def number(self, source: Source) -> np.ndarray:
        """The combination of every row."""
        found = np.zeros(source.n, np.int64)
        for key in self.keys:
            found = found * len(key.values) + key.find(source.column(key.name))
        return found

    def add(self, source: Source, counts: np.ndarray | None) -> None:
        """Take in the rows of a batch, each of which counts as often as `counts` says (None: once)."""
        numbers, place = np.unique(self.number(source), return_inverse=True)
        self.waiting.append((numbers, np.bincount(place, weights=counts, minlength=len(numbers)).astype(float)))
        if sum(len(n) for n, _ in self.waiting) > max(_PENDING, len(self.numbers)):
            self.merge()

    def merge(self) -> None:
        """Sort what waits in among those known."""
        parts = [(self.numbers, self.rows), *self.waiting]
        numbers, place = np.unique(np.concatenate([n for n, _ in parts]), return_inverse=True)
        rows = np.bincount(place, weights=np.concatenate([r for _, r in parts]), minlength=len(numbers))
        self.numbers, self.rows, self.waiting = numbers, rows, []

    def find(self, source: Source) -> np.ndarray:
        """The place of every row's combination among them all."""
        return sorted_lookup(self.numbers, self.number(source))

    def source(self, probe: Source, distinct: Sequence[Distinct]) -> Source:
        """A table with one row for each combination."""
        cache, rest = dict(probe.cache), self.numbers
        for key, found in zip(reversed(self.keys), reversed(distinct), strict=True):
            rest, codes = np.divmod(rest, len(key.values))
            cache[key.name] = found.condensed(codes)
        return replace(probe, n=self.count, cache=cache, index=None)
