"""The data that were not simulated (those that were: simulate.py), one function each.

Nothing here imports mejax, and pandas only when called: the peers' environments read the module too.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).parent.parent


def _read(path: str) -> "pd.DataFrame":
    import pandas as pd

    return pd.read_csv(ROOT / path)


def sleepstudy() -> "pd.DataFrame":
    return _read("tests/reference/data/sleepstudy.csv")


def pig() -> "pd.DataFrame":
    return _read("mejax/datasets/pig.csv")


def theoph() -> "pd.DataFrame":
    return _read("mejax/datasets/theoph.csv")


def ovary() -> "pd.DataFrame":
    frame = _read("mejax/datasets/ovary.csv")
    return frame.assign(occasion=frame.groupby("mare").cumcount() + 1)


def insteval() -> "pd.DataFrame":
    return _read("tests/reference/data/insteval.csv.gz")


def verbagg() -> "pd.DataFrame":
    """Whether a person answers other than "no"; factors as indicator columns, items numbered."""
    frame = _read("tests/reference/data/verbagg.csv.gz")
    return frame[["Anger", "id"]].assign(
        item=frame["item"].astype("category").cat.codes + 1,
        answer=(frame["r2"] == "Y").astype(int),
        male=(frame["Gender"] == "M").astype(int),
        scold=(frame["btype"] == "scold").astype(int),
        shout=(frame["btype"] == "shout").astype(int),
        oneself=(frame["situ"] == "self").astype(int),
    )


def insteval_logit() -> "pd.DataFrame":
    frame = insteval()
    return frame.assign(good=(frame["y"] >= 4).astype(int))
