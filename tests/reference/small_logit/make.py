"""Simulates the data sets of `data.csv.gz`: 1,000 random-intercept logits, 30 groups of 5 rows, one covariate.

The variance of the random intercepts runs evenly from 0 to 4.  Every 25th set is an extreme one: see `KINDS`.  The
covariate has two decimals, so that every reader sees the same numbers.  The file has the columns x and y only: set k is
its rows 150 k to 150 k + 149, and a group is five rows in a row.

Run: python tests/reference/small_logit/make.py, and afterwards Rscript tests/reference/small_logit/make.R
"""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

SETS, GROUPS, SIZE = 1000, 30, 5
# intercept, slope, factor of the random effects' standard deviation, mean of the covariate
ORDINARY = (-0.5, 1.0, 1.0, 0.0)
KINDS = {
    "rare": (-4.0, 1.0, 1.0, 0.0),  # few ones
    "steep": (0.0, 6.0, 1.0, 0.0),  # the covariate nearly separates the outcomes
    "wide": (0.0, 1.0, 5.0, 0.0),  # most groups have one outcome only
    "far": (-50.5, 1.0, 1.0, 50.0),  # constant and covariate nearly collinear
}


def kind(number: int) -> str:
    """Which kind a set is, counted from 0."""
    return "ordinary" if number % 25 != 24 else list(KINDS)[number // 25 % len(KINDS)]


def simulate(number: int) -> pd.DataFrame:
    rng = np.random.default_rng([20240601, number])
    intercept, slope, wider, centre = KINDS.get(kind(number), ORDINARY)
    sd = wider * np.sqrt(4.0 * number / (SETS - 1))
    group = np.repeat(np.arange(GROUPS), SIZE)
    x = np.round(centre + rng.standard_normal(group.size), 2)
    eta = intercept + slope * x + sd * rng.standard_normal(GROUPS)[group]
    y = (rng.random(group.size) < 1 / (1 + np.exp(-eta))).astype(int)
    return pd.DataFrame({"x": x, "y": y})


if __name__ == "__main__":
    text = pd.concat(map(simulate, range(SETS))).to_csv(index=False, float_format="%.2f")
    with open(Path(__file__).parent / "data.csv.gz", "wb") as file:
        file.write(gzip.compress(text.encode(), 9, mtime=0))
