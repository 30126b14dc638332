"""The stored reference values and their data: see reference/README.md for what they are and where they come from."""

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path(__file__).parent / "reference"


def seed(case: str) -> dict[str, Any]:
    """One worked example of the manual, by its full name or the part before the first underscore (`ex1`)."""
    cases = _read("seed_examples.json")
    matches = [name for name in cases if name == case or name.split("_")[0] == case]
    if len(matches) != 1:
        raise KeyError(f"`case` is {case!r}; expected one of {', '.join(cases)}")
    return cases[matches[0]]


def other(section: str, case: str) -> dict[str, Any]:
    """One fit by other software: `other("lmm", "pastes_ml")`."""
    cases = _read("other_software.json").get(section, {})
    if case not in cases:
        raise KeyError(f"`section`, `case` are {section!r}, {case!r}; that section has {', '.join(cases) or 'nothing'}")
    return cases[case]


def cases(section: str) -> tuple[str, ...]:
    """The names of the fits of a section of `other`."""
    return tuple(_read("other_software.json")[section])


def data(name: str) -> "pd.DataFrame":
    """The data frame that a case's `data` names, a new copy each time: from reference/data, else an example data set.

    lme4 treats grouping variables as factors, whatever their type; columns are left as the file has them.
    """
    return _table(name.split(" ")[0]).copy()


@cache
def _table(name: str) -> "pd.DataFrame":
    import pandas as pd

    for file in (FOLDER / "data" / f"{name}.csv", FOLDER / "data" / f"{name}.csv.gz"):
        if file.exists():
            return pd.read_csv(file)
    from mejax import datasets

    return datasets.load(name)


@cache
def _read(file: str) -> dict[str, Any]:
    return json.loads((FOLDER / file).read_text(encoding="utf-8"))
