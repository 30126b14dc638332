"""The arrays of a model, and the names of what is in them.  No table, no formula, no text is needed below this line."""

from dataclasses import dataclass

import equinox as eqx
import numpy as np
from jaxtyping import Float, Int

from ._typing import ArrayLike, Response


class Effects(eqx.Module):
    """One random-effects equation: `q` columns whose coefficients differ between the groups.

    `codes[i]` is the group of observation i (0 to `size` - 1), `z[i]` its covariates.
    `R.x` is the same thing with one column of ones and a group per level of x.
    """

    codes: Int[ArrayLike, " n"]
    z: Float[ArrayLike, "n q"]
    size: int = eqx.field(static=True)


class Design(eqx.Module):
    """Response, fixed columns and random effects of the estimation sample.

    `y` is an array, or a pair: (count, trials) of a binomial.  Bernoulli responses are 0 and 1, ordinal ones category
    numbers 0, 1, ...  `x` has no constant where cut points stand in its place.
    `weights` are those of the observations (None: all 1), `level_weights` those of the groups, an entry for each of
    `effects`; their kind, the same for all, is known where they were read.  `offset` is added to the linear predictor.
    """

    y: Response
    x: Float[ArrayLike, "n p"]
    effects: tuple[Effects, ...]
    weights: Float[ArrayLike, " n"] | None = None
    offset: Float[ArrayLike, " n"] | None = None
    level_weights: tuple[Float[ArrayLike, " _"] | None, ...] = ()


@dataclass(frozen=True)
class FixedColumn:
    """One row of the printed coefficient table.

    `label` is the full name (`1.nitrogen#2.thatch`, `week`, `_cons`, `Intercept`), `term` the heading under which the
    row stands (`nitrogen#thatch`; "" for a plain column), `level` the text of the row (`Urea#2`, value labels applied),
    `raw_level` the same without value labels.  `index` is the column of `Design.x`, or -1 where nothing is estimated:
    then `status` says why ("base", "omitted", "empty").
    """

    label: str
    term: str
    level: str
    raw_level: str
    index: int
    status: str = "estimated"
    constant: bool = False


@dataclass(frozen=True)
class EffectNames:
    """The names of one random-effects equation, in the order of its columns.

    `path` is the level's whole label (`school>class`, `_all`, `a#b`), `name` the short one (`class`), `columns` the
    column names, covariates first, then `_cons` (or `R.x`), `covariance` the structure's name, `matrix` the array of
    `fixed` and `pattern` (None otherwise).  `variables` are the grouping variables (with x in them where `R.x` makes a
    group per level of x), and `groups` holds one array of length J for each: `groups[v][j]` is the original value of
    variable v in group j (`_all` alone: no variable, no array).
    """

    path: str
    name: str
    columns: tuple[str, ...]
    covariance: str
    variables: tuple[str, ...]
    groups: tuple[np.ndarray, ...]
    matrix: np.ndarray | None = None
    factor: str | None = None  # x of `R.x`


@dataclass(frozen=True)
class GroupCount:
    """One row of the header's group table: `label` as printed, number of groups, smallest, mean and largest size."""

    label: str
    count: int
    minimum: int
    average: float
    maximum: int


@dataclass(frozen=True)
class Names:
    """Everything that results need to say about a `Design`, in words."""

    response: str
    fixed: tuple[FixedColumn, ...]
    effects: tuple[EffectNames, ...]
    groups: tuple[GroupCount, ...]
    notes: tuple[str, ...] = ()
    weight: str | None = None  # "fweight = w", "pweight = w, pweight(school) = v", for the header

    @property
    def estimated(self) -> tuple[FixedColumn, ...]:
        """The columns of `Design.x`, in order."""
        return tuple(sorted((c for c in self.fixed if c.index >= 0), key=lambda c: c.index))
