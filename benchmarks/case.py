"""What a case says: one model on one data set, in the spellings that the peers read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Effects:
    """Random effects of one grouping variable: an intercept and, correlated with it, a slope for each of `slopes`."""

    group: str
    slopes: tuple[str, ...] = ()
    intercept: bool = True

    @property
    def correlated(self) -> bool:
        return self.intercept + len(self.slopes) > 1


@dataclass(frozen=True)
class Case:
    """One model on one data set, to be fitted by maximum likelihood.

    The model stands here in three spellings, since each peer reads another: `formula` is that of lme4, `command` that
    of the Stata suite, and `response`, `fixed`, `random` are its parts, all columns numeric.  `family` is gaussian,
    binomial (of zeros and ones, with the logit link) or poisson (with the log link); `points` says how the random
    effects of the last two are integrated out: 1 by Laplace's approximation, more by adaptive quadrature with nodes
    placed at mode and curvature, which all peers can do.

    A model that most peers have no words for says in `beyond` what it is; `calls` has the call of each R package that
    fits it, with the data in `frame`, and the other peers are left out.  With `replicates` a fit is followed by so many
    of a parametric bootstrap, and standard errors are theirs.  `known` is the log likelihood at the optimum where it is
    known.  `size` says when the case runs: "small" always, "large" with `--large`, "gpu" when it is named.
    """

    name: str
    title: str
    build: Callable[[], "pd.DataFrame"]
    formula: str
    command: str
    response: str
    fixed: tuple[str, ...]
    random: tuple[Effects, ...]
    family: str = "gaussian"
    points: int = 1
    beyond: str | None = None
    calls: Mapping[str, str] = field(default_factory=dict)
    replicates: int = 0
    known: float | None = None
    size: Literal["small", "large", "gpu"] = "small"

    @property
    def crossed(self) -> bool:
        return len({effects.group for effects in self.random}) > 1

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.response, *self.fixed, *(effects.group for effects in self.random))))
