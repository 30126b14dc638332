"""The data of the cases, one function each.

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


def logit_nested() -> "pd.DataFrame":
    """10,000 groups of 10 rows; intercepts with standard deviation 1."""
    import numpy as np

    frame, eta, rng = _nested(20240503)
    return frame.assign(y=(rng.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(int))


def poisson_nested() -> "pd.DataFrame":
    """10,000 groups of 10 rows; intercepts with standard deviation 1."""
    import numpy as np

    frame, eta, rng = _nested(20240504)
    return frame.assign(y=rng.poisson(np.exp(eta)))


def _nested(seed: int):
    """The covariate and the groups, the linear predictor -0.5 + 0.5 x + u, and the generator."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(10_000), 10)
    x = rng.standard_normal(g.size)
    return pd.DataFrame({"x": x, "g": g}), -0.5 + 0.5 * x + rng.standard_normal(10_000)[g], rng


def nested_million() -> "pd.DataFrame":
    """125,000 groups of 8 rows; intercepts and slopes with standard deviations 1 and 0.5 and correlation 0.3."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(20240501)
    groups, size = 125_000, 8
    g = np.repeat(np.arange(groups), size)
    x = rng.standard_normal(g.size)
    effects = rng.standard_normal((groups, 2)) @ np.array([[1.0, 0.15], [0.0, 0.5 * np.sqrt(1 - 0.3**2)]])
    y = 1 + 0.5 * x + effects[g, 0] + effects[g, 1] * x + rng.standard_normal(g.size)
    return pd.DataFrame({"y": y, "x": x, "g": g})


def crossed_million() -> "pd.DataFrame":
    """A million rows over 20,000 x 2,000 levels drawn with probability 1/(rank + 20): few large levels, many small."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(20240502)
    n = 1_000_000
    a, b = (_zipf(rng, n, levels) for levels in (20_000, 2_000))
    x = rng.standard_normal(n)
    u, v = 0.6 * rng.standard_normal(20_000), 0.4 * rng.standard_normal(2_000)
    return pd.DataFrame({"y": 1 + 0.5 * x + u[a] + v[b] + rng.standard_normal(n), "x": x, "a": a, "b": b})


def _zipf(rng, n: int, levels: int):
    import numpy as np

    weight = 1 / (np.arange(levels) + 20)
    return rng.permutation(levels)[rng.choice(levels, size=n, p=weight / weight.sum())]
