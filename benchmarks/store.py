"""The table of a case on disk, so that every peer reads the same one at no cost: a file of binary numbers per column.

`columns.txt` has a line `name kind rows` for each, in order; kind is `double` (8 bytes) or `integer` (4 bytes), and the
file `name.bin` holds that many, little-endian.  `python -m benchmarks.store CASE FOLDER` writes a table.
"""

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

HERE = Path(__file__).parent
SOURCES = [HERE / name for name in ("cases.py", "data.py", "recipes.py", "simulate.py", "store.py")]
KINDS = {"double": "<f8", "integer": "<i4"}


class NoTable(Exception):
    """The data of a case could not be made; the message says why."""


def ensure_table(case: str, folder: Path) -> None:
    """Writes the case's table into `folder` unless a current one is there.

    In a process of its own: whatever the generator needs must not count as memory of those that fit.
    """
    listed = folder / "columns.txt"
    if listed.exists() and listed.stat().st_mtime > max(source.stat().st_mtime for source in SOURCES):
        return
    command = [sys.executable, "-m", "benchmarks.store", case, str(folder)]
    done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True)
    if done.returncode:
        raise NoTable((done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1])


def write_table(frame: "pd.DataFrame", folder: Path) -> None:
    """Columns of whole numbers as `integer`, all others as `double`."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = []
    for name in frame.columns:
        kind = "integer" if frame[name].dtype.kind in "iub" else "double"
        frame[name].to_numpy().astype(KINDS[kind]).tofile(folder / f"{name}.bin")
        lines.append(f"{name} {kind} {len(frame)}\n")
    (folder / "columns.txt").write_text("".join(lines), encoding="utf-8")


def read_table(folder: Path) -> "pd.DataFrame":
    import numpy as np
    import pandas as pd

    columns = {}
    for line in (folder / "columns.txt").read_text(encoding="utf-8").splitlines():
        name, kind, _ = line.split()
        values = np.fromfile(folder / f"{name}.bin", KINDS[kind])
        columns[name] = values.astype(np.int64) if kind == "integer" else values
    return pd.DataFrame(columns)


if __name__ == "__main__":
    from .cases import find_case

    chosen = find_case(sys.argv[1])
    write_table(chosen.build().loc[:, list(chosen.columns)], Path(sys.argv[2]))
