from difflib import get_close_matches
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

from ._catalogue import CATALOGUE, Dataset

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path(__file__).parent
WIDTH = 100


def names() -> tuple[str, ...]:
    """The names that `load` and `describe` know, in alphabetical order."""
    return tuple(sorted(CATALOGUE))


def load(name: str) -> "pd.DataFrame":
    """An example data set as a new data frame.

    `attrs["name"]` holds its name; `attrs["value_labels"]`, where the data have any, maps a column to the texts of
    its codes (`{"nitrogen": {1: "Urea", ...}}`): printed output shows the texts.

    Args:
        name: one of `names()`.

    Raises:
        ValueError: there is no data set of that name; the message lists near matches and all names.
    """
    import pandas as pd  # here, because the module itself is read at every start of the command line

    entry = _entry(name)
    frame = pd.read_csv(_file(name))
    frame.attrs["name"] = name
    if entry.value_labels:
        frame.attrs["value_labels"] = {column: dict(labels) for column, labels in entry.value_labels.items()}
    return frame


def describe(name: str) -> str:
    """What a data set holds, in words: its rows, its columns with their units, its origin, and remarks.

    Args:
        name: one of `names()`.

    Raises:
        ValueError: there is no data set of that name.
    """
    entry = _entry(name)
    width = max(map(len, entry.columns))
    columns = [f"  {column:<{width}}  {meaning}" for column, meaning in entry.columns.items()]
    texts = [f"Origin: {entry.origin}", *(f"Note: {remark}" for remark in entry.remarks)]
    wrapped = [fill(text, WIDTH, subsequent_indent="  ", break_on_hyphens=False) for text in texts]
    return "\n".join([f"{name}: {entry.title} ({entry.rows:,} rows)", "", *columns, "", *wrapped])


def _entry(name: object) -> Dataset:
    if isinstance(name, str) and name in CATALOGUE:
        return CATALOGUE[name]
    near = get_close_matches(str(name).lower(), CATALOGUE, n=2, cutoff=0.7)
    hint = f" Did you mean {' or '.join(repr(n) for n in near)}?" if near else ""
    raise ValueError(
        f"`name` is {name!r}, which is not one of the example data sets.{hint} There are: {', '.join(names())}."
    )


def _file(name: str) -> Path:
    plain = FOLDER / f"{name}.csv"
    return plain if plain.exists() else FOLDER / f"{name}.csv.gz"
