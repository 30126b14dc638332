"""A progress bar for what takes long."""

import sys
from typing import Any


class Bar:
    """A progress bar, where one is wanted."""

    def __init__(self, total: int | None, wanted: bool | None):
        self._wanted = sys.stderr.isatty() if wanted is None else wanted
        self._total = total
        self._bar: Any = None

    def __enter__(self) -> "Bar":
        if self._wanted:
            from tqdm import tqdm

            self._bar = tqdm(total=self._total)
        return self

    def __exit__(self, *problem: Any) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self) -> None:
        """One more is done."""
        if self._bar is not None:
            self._bar.update(1)

    def to(self, done: int) -> None:
        """So many are done."""
        if self._bar is not None:
            self._bar.update(done - self._bar.n)
