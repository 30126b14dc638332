"""Parquet files read in batches of rows."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from pathlib import Path
from typing import Any

import pandas as pd

from .table import Source, open_table

_PROBED = 1000  # rows from which a model's text is understood before anything else is read


@dataclass(frozen=True)
class Parquet:
    """A table in parquet files that need not fit in memory: linear models (`mixed`) read it in batches.

        me.mixed("rating age || user: || film:", me.Parquet("ratings.parquet"))

    The log likelihood depends on the rows through cross-products, which are sums over the rows (Bates et al. 2015,
    section 5), so that memory holds one batch, the groups, the pairs of crossed groups and the cross-products.  The
    files are read a few times over.  The fit is that of the whole table; what needs the rows of the sample afterwards
    (residuals, margins, `save`) is refused, predictions take a table.

    Args:
        path: a file, a folder of files, or a list of files, with the same columns; the rows of a folder come in the
            order of the files' names.
        rows: the number of rows of a batch.

    Raises:
        FileNotFoundError: there is no such file, or a folder holds none.
        ValueError: `rows` is no positive number, or the files differ in their columns.
    """

    path: str | os.PathLike | Sequence[str | os.PathLike]
    rows: int = 250_000

    def __post_init__(self) -> None:
        if isinstance(self.rows, bool) or not isinstance(self.rows, Integral) or self.rows < 1:
            raise ValueError(f"Parquet: `rows` is the number of rows of a batch, a positive integer; got {self.rows!r}")
        if not isinstance(self.path, (str, os.PathLike, list, tuple)):
            raise ValueError(f"Parquet: `path` is a file, a folder or a list of files; got {type(self.path).__name__}")

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """All files, in order."""
        given = [self.path] if isinstance(self.path, (str, os.PathLike)) else list(self.path)
        found = tuple(file for path in given for file in _files(Path(path)))
        if not found:
            raise FileNotFoundError(f"Parquet: {self.path!r} names no parquet file")
        names = _names(found[0])
        for file in found[1:]:
            if _names(file) != names:
                raise ValueError(
                    f"Parquet: `{file}` has the columns {', '.join(_names(file))}, but `{found[0]}` has "
                    f"{', '.join(names)}; files of one table have the same columns"
                )
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """The columns of the table."""
        return _names(self.files[0])

    def probe(self, text: str) -> Source:
        """The first rows with all columns."""
        for _, source in self._sources(None, min(_PROBED, self.rows), text):
            return source
        raise ValueError(f"no observations: the files of {self.path} hold no rows")

    def batches(self, columns: Sequence[str], text: str) -> Iterator[tuple[str, Source]]:
        """(where its rows stand, some columns of a batch) from the first to the last row.

        A message of an error counts the rows of a batch from 1, so that it has to say where the batch begins.
        """
        return self._sources(list(columns), self.rows, text)

    def _sources(self, columns: list[str] | None, rows: int, text: str) -> Iterator[tuple[str, Source]]:
        parquet = _pyarrow().parquet
        labels = _value_labels(self.files[0])
        for path in self.files:
            with parquet.ParquetFile(path) as file:
                first = 1
                for batch in file.iter_batches(batch_size=rows, columns=columns, use_threads=False):
                    frame = batch.to_pandas(types_mapper=_text_type, split_blocks=True)
                    frame.attrs["value_labels"] = labels
                    yield f"{path}, rows {first:,} to {first + len(frame) - 1:,}", open_table(frame, text)
                    first += len(frame)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(path.rglob("*.parquet"))
    if not path.exists():
        raise FileNotFoundError(f"Parquet: there is no file or folder `{path}`")
    return [path]


def _names(path: Path) -> tuple[str, ...]:
    """The columns of a file, without an index that pandas stored."""
    pyarrow = _pyarrow()
    try:
        schema = pyarrow.parquet.read_schema(path)
    except pyarrow.ArrowInvalid as problem:
        raise ValueError(f"Parquet: `{path}` cannot be read as parquet: {problem}") from None
    return tuple(name for name in schema.names if not name.startswith("__index_level_"))


def _value_labels(path: Path) -> dict:
    """The value labels that pandas stored with a table's attributes."""
    metadata = _pyarrow().parquet.read_schema(path).metadata or {}
    return json.loads(metadata.get(b"PANDAS_ATTRS", b"{}")).get("value_labels", {})


def _text_type(kind: Any) -> Any:
    """Text stays text also in a batch where all of it is missing."""
    types = _pyarrow().types
    return pd.StringDtype() if types.is_string(kind) or types.is_large_string(kind) else None


def _pyarrow() -> Any:
    try:
        import pyarrow.parquet
        import pyarrow.types
    except ImportError:
        raise ImportError("parquet files need pyarrow: pip install 'mejax[parquet]'") from None
    return pyarrow
