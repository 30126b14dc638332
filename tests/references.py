"""The stored reference values and their data: see reference/README.md for what they are and where they come from."""

import json
import math
from collections.abc import Iterable
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


def polished(section: str, case: str) -> dict[str, Any]:
    """One fit of nonlinear.json: `polished("menl", "orange_asym_ml")`."""
    cases = _read("nonlinear.json")[section]
    if case not in cases:
        raise KeyError(f"`case` is {case!r}; section `{section}` has {', '.join(cases)}")
    return cases[case]


def cases(section: str) -> tuple[str, ...]:
    """The names of the fits of a section of `other`."""
    return tuple(_read("other_software.json")[section])


def data(name: str) -> "pd.DataFrame":
    """The data frame that a case's `data` names, a new copy each time: from reference/data, else an example data set.

    lme4 treats grouping variables as factors, whatever their type; columns are left as the file has them.
    """
    return _table(name.split(" ")[0]).copy()


def unit(printed: float, digits: int = 7) -> float:
    """One unit in the last digit of a number printed with so many digits, at most seven of them after the point."""
    return 10.0 ** max(math.floor(math.log10(abs(printed))) + 1 - digits, -7)


def exact(values: Iterable[float], printed: Iterable[float], digits: int = 7) -> None:
    """Every number within one unit of the printed one (and a rounding of our own)."""
    for value, expected in zip(values, printed, strict=True):
        assert abs(value - expected) <= 1.0001 * unit(expected, digits), (value, expected)


def small_logit(number: int) -> "pd.DataFrame":
    """Data set `number` of reference/small_logit: 150 rows of `group`, `x`, `y`."""
    rows = _small_logits().iloc[150 * number : 150 * (number + 1)].reset_index(drop=True)
    return rows.assign(group=rows.index // 5)


def small_logit_fits() -> list[dict[str, Any]]:
    """lme4's fits of some of them: `set logLik logLik_tight beta theta messages`."""
    return _read("small_logit/lme4.json")["fits"]


@cache
def _small_logits() -> "pd.DataFrame":
    import pandas as pd

    return pd.read_csv(FOLDER / "small_logit" / "data.csv.gz")


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
