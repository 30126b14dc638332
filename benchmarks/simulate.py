"""Simulated data of any size: what every generator has in common, its seed included, stands here.

Two recipes make them.  `Crossed` draws rows over crossed factors with an incidence like that of ratings: few levels
with very many rows, many levels with few.  `Nested` has groups of equal size.  In both, the linear predictor is

    eta = c + 0.5 x + random effects,    x standard normal,    c = 1 for gaussian responses and -0.5 for the others

and the response is normal around it with standard deviation 1, binomial (0 or 1, logit link) or Poisson (log link).
A recipe with the same numbers in it makes the same table, on every machine with the same NumPy.

Nothing here imports mejax, and numpy and pandas only when called: the peers' environments read the module too.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_DRAWS = 200  # of rows that repeat a combination
FAMILIES = ("gaussian", "binomial", "poisson")


@dataclass(frozen=True)
class Factor:
    """A factor of `levels` levels; the one of rank r = 0, 1, ... is drawn with a probability proportional to

        (r + offset) ** -exponent

    (exponent 0: all alike).  Of each level there are `at_least` so many rows, and its effects have standard deviation
    `sd`.
    """

    levels: int
    exponent: float = 1.0
    offset: float = 20.0
    at_least: int = 0
    sd: float = 0.5

    def sampler(self, rng: "np.random.Generator") -> "Callable[[int], np.ndarray]":
        """Draws so many level numbers; which rank a number has is settled here, at random."""
        import numpy as np

        weight = (np.arange(self.levels) + self.offset) ** -self.exponent
        numbers = rng.permutation(self.levels)
        return lambda count: numbers[rng.choice(self.levels, size=count, p=weight / weight.sum())]

    def codes(self, rng: "np.random.Generator", count: int, draw: "Callable[[int], np.ndarray]") -> "np.ndarray":
        """`count` level numbers, (count,), of which each is there `at_least` so many times."""
        import numpy as np

        sure = self.at_least * self.levels
        if sure > count:
            raise ValueError(f"{self.levels:,} levels of at least {self.at_least} rows need {sure:,}; found {count:,}")
        if not sure:
            return draw(count)
        return rng.permutation(np.concatenate([np.repeat(np.arange(self.levels), self.at_least), draw(count - sure)]))


@dataclass(frozen=True)
class Crossed:
    """`rows` rows over crossed factors, whose columns are a, b, c, ...

    Each row has a combination of levels of its own draw, unless `density` is given: then so great a share of all
    combinations of levels is drawn first, and every row is one of those.  With `distinct` no two rows share their
    combination, as nobody rates a film twice: repetitions are drawn again, so that a few levels may come to have a
    little less than their `at_least`.
    """

    rows: int
    factors: tuple[Factor, ...]
    family: str = "gaussian"
    density: float | None = None
    distinct: bool = False
    seed: int = 20240502

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple("abcdefgh"[: len(self.factors)])

    def frame(self) -> "pd.DataFrame":
        import numpy as np
        import pandas as pd

        rng = np.random.default_rng(self.seed)
        codes = self._codes(rng)
        x = rng.standard_normal(self.rows)
        effects = [factor.sd * rng.standard_normal(factor.levels) for factor in self.factors]
        eta = _intercept(self.family) + 0.5 * x
        for effect, code in zip(effects, codes, strict=True):
            eta += effect[code]
        y = _response(rng, self.family, eta)
        return pd.DataFrame({"y": y, "x": x, **dict(zip(self.columns, codes, strict=True))})

    def _codes(self, rng: "np.random.Generator") -> "list[np.ndarray]":
        if self.density is None:
            return self._combinations(rng, self.rows)
        cells = round(self.density * prod(factor.levels for factor in self.factors))
        if not 1 <= cells <= self.rows:
            raise ValueError(
                f"density {self.density:g} asks for {cells:,} combinations of levels; found {self.rows:,} rows"
            )
        combinations = self._combinations(rng, cells)
        picked = rng.integers(cells, size=self.rows)
        return [code[picked] for code in combinations]

    def _combinations(self, rng: "np.random.Generator", count: int) -> "list[np.ndarray]":
        codes, draws = [], []
        for factor in self.factors:
            draws.append(factor.sampler(rng))
            codes.append(factor.codes(rng, count, draws[-1]))
        if self.distinct:
            self._replace_repetitions(codes, draws)
        return codes

    def _replace_repetitions(self, codes: "list[np.ndarray]", draws: "list[Callable[[int], np.ndarray]]") -> None:
        """Draws the rows that repeat a combination again, in place, until none does."""
        import numpy as np

        levels = [factor.levels for factor in self.factors]
        found, first = np.unique(np.ravel_multi_index(codes, levels), return_index=True)
        again = np.delete(np.arange(len(codes[0])), first)
        for _ in range(MOST_DRAWS):
            if not len(again):
                return
            fresh = [draw(len(again)) for draw in draws]
            numbers, first = np.unique(np.ravel_multi_index(fresh, levels), return_index=True)
            places = np.searchsorted(found, numbers)
            new = found[np.minimum(places, len(found) - 1)] != numbers
            for code, drawn in zip(codes, fresh, strict=True):
                code[again[first[new]]] = drawn[first[new]]
            found = np.insert(found, places[new], numbers[new])
            again = np.delete(again, first[new])
        sizes = " x ".join(f"{level:,}" for level in levels)
        raise ValueError(f"{len(codes[0]):,} different combinations of {sizes} levels are too many to find by chance")


@dataclass(frozen=True)
class Nested:
    """`rows` rows in `groups` groups, column g, sorted by it.

    Intercepts have standard deviation 1.  With `slope`, x has slopes with standard deviation 0.5, independent of them
    or correlated with them by 0.3.
    """

    rows: int
    groups: int
    slope: Literal["none", "independent", "correlated"] = "none"
    family: str = "gaussian"
    seed: int = 20240501

    def frame(self) -> "pd.DataFrame":
        import numpy as np
        import pandas as pd

        rng = np.random.default_rng(self.seed)
        g = np.arange(self.rows) * self.groups // self.rows
        x = rng.standard_normal(self.rows)
        eta = _intercept(self.family) + 0.5 * x
        if self.slope == "none":
            eta += rng.standard_normal(self.groups)[g]
        else:
            correlation = 0.3 if self.slope == "correlated" else 0.0
            root = np.array([[1.0, 0.5 * correlation], [0.0, 0.5 * np.sqrt(1 - correlation**2)]])
            effects = rng.standard_normal((self.groups, 2)) @ root
            eta += effects[g, 0]
            eta += effects[g, 1] * x
        return pd.DataFrame({"y": _response(rng, self.family, eta), "x": x, "g": g})


def _intercept(family: str) -> float:
    return 1.0 if family == "gaussian" else -0.5


def _response(rng: "np.random.Generator", family: str, eta: "np.ndarray") -> "np.ndarray":
    import numpy as np

    if family == "gaussian":
        return eta + rng.standard_normal(len(eta))
    if family == "binomial":
        return (rng.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(int)
    return rng.poisson(np.exp(eta))
