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

    Where a response has several linear predictors, each has random effects of its own: `copies` is their number, and
    a group has the effects of the first predictor, then those of the second, and so on.  With one copy all predictors
    share the same effects.
    """

    codes: Int[ArrayLike, " n"]
    z: Float[ArrayLike, "n q"]
    size: int = eqx.field(static=True)
    copies: int = eqx.field(static=True, default=1)

    @property
    def width(self) -> int:
        """Number of random effects of a group."""
        return self.z.shape[1] * self.copies

    def columns(self, equations: int) -> Float[np.ndarray, "E n Q"]:
        """The covariates of all random effects in each of the linear predictors."""
        return by_equation(np.asarray(self.z, float), equations, self.copies)


def by_equation(x: Float[np.ndarray, "n p"], equations: int, copies: int) -> Float[np.ndarray, "E n P"]:
    """Columns of x for every linear predictor: the same coefficients in all (one copy), or a set for each."""
    if copies == 1:
        return np.broadcast_to(x, (equations, *x.shape))
    out = np.zeros((equations, len(x), copies, x.shape[1]))
    for e in range(equations):
        out[e, :, e] = x
    return out.reshape(equations, len(x), -1)


class MeanRows(eqx.Module):
    """What the mean of a nonlinear model reads: `columns` of the table (n,) in the order of `Names.columns`, the matrix
    of every linear combination, and the covariate of every slope in them (None: 1), combination by combination."""

    columns: tuple[Float[ArrayLike, " n"], ...]
    combinations: tuple[Float[ArrayLike, "n _"], ...]
    slopes: tuple[Float[ArrayLike, " n"] | None, ...]


class WithinGroups(eqx.Module):
    """What the errors' covariance reads.  Errors of different `groups` (of which there are `size`) are independent.

    `times` are those of the rows (numbers of categories from 0 where the structure has one parameter for each; None
    where it needs none), `by` and `strata` the numbers of the groups with parameters of their own, `variable` the
    covariate of the variance (numbers of categories where each has a variance of its own; None where it is a function
    of the predicted mean, or constant).
    """

    groups: Int[ArrayLike, " n"]
    times: Float[ArrayLike, " n"] | None
    by: Int[ArrayLike, " n"] | None
    strata: Int[ArrayLike, " n"] | None
    variable: Float[ArrayLike, " n"] | None
    size: int = eqx.field(static=True)


class Summary(eqx.Module):
    """What a design that was read in batches keeps of its rows, of which there are `count`.

    `squares` is Z'Z of the columns of all equations side by side, `spans` the difference between the largest and the
    smallest value of each, `unexplained` the share of the (weighted) sum of squares of each, as a column of the whole
    table for every group, that the fixed columns leave.

    Of a single equation with working columns z (q) and residuals r, weighted by w, `quartic` is the sum over the rows
    of w^2 vec(zz') vec(zz')' and `squared_residuals` that of w^2 r^2 vec(zz'), r of mean square 1; empty of several.
    """

    squares: Float[np.ndarray, "Q Q"]
    spans: Float[np.ndarray, " Q"]
    unexplained: Float[np.ndarray, " Q"]
    quartic: Float[np.ndarray, "QQ QQ"]
    squared_residuals: Float[np.ndarray, " QQ"]
    count: int = eqx.field(static=True)


class Design(eqx.Module):
    """Response, fixed columns and random effects of the estimation sample.

    `y` is an array, or a tuple of arrays: (count, trials) of a binomial, (lower, upper) of an interval (equal ends are
    a point, infinite ones open), (entry, exit, failure) of a survival time.  Bernoulli responses are 0 and 1, those in
    categories are numbers 0, 1, ...  `x` has no constant where cut points stand in its place.  Where a response has
    several linear predictors each has a coefficient for every column of `x`: those of the first come first.
    Of a nonlinear model `mean` holds what the mean reads, and x has a column for every coefficient: those of its linear
    combinations, then a column of ones for each scalar parameter.  `within` belongs to structured errors.
    `weights` are those of the observations (None: all 1), `level_weights` those of the groups, an entry for each of
    `effects`; their kind, the same for all, is known where they were read.  `offset` is added to the linear predictor.
    """

    y: Response
    x: Float[ArrayLike, "n p"]
    effects: tuple[Effects, ...]
    weights: Float[ArrayLike, " n"] | None = None
    offset: Float[ArrayLike, " n"] | None = None
    level_weights: tuple[Float[ArrayLike, " _"] | None, ...] = ()
    mean: MeanRows | None = None
    within: WithinGroups | None = None
    summary: Summary | None = None

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.x) if self.summary is None else self.summary.count

    def squares(self, a: int, b: int) -> Float[np.ndarray, "q r"]:
        """Z'Z of the columns of equation a with those of equation b."""
        if self.summary is None:
            return np.asarray(self.effects[a].z).T @ np.asarray(self.effects[b].z)
        rows, columns = self.columns_of(a), self.columns_of(b)
        return self.summary.squares[rows, columns]

    def span(self, equation: int) -> float:
        """The difference between the largest and the smallest value of an equation's first column."""
        if self.summary is None:
            return float(np.ptp(np.asarray(self.effects[equation].z)[:, 0]))
        return float(self.summary.spans[self.columns_of(equation)][0])

    def columns_of(self, equation: int) -> slice:
        """The place of an equation's columns among those of all equations."""
        first = sum(e.z.shape[1] for e in self.effects[:equation])
        return slice(first, first + self.effects[equation].z.shape[1])


@dataclass(frozen=True)
class FixedColumn:
    """One row of the printed coefficient table.

    `label` is the full name (`1.nitrogen#2.thatch`, `week`, `_cons`, `Intercept`), `term` the heading under which the
    row stands (`nitrogen#thatch`; "" for a plain column), `level` the text of the row (`Urea#2`, value labels applied),
    `raw_level` the same without value labels.  `index` is the column of `Design.x`, or -1 where nothing is estimated:
    then `status` says why ("base", "omitted", "empty").

    Where a response has several linear predictors the row belongs to one of them: `equation` is its heading (the
    outcome), `label` begins with it (`2:age`), and `index` is the place among the coefficients of all predictors.
    """

    label: str
    term: str
    level: str
    raw_level: str
    index: int
    status: str = "estimated"
    constant: bool = False
    equation: str = ""


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
class ErrorNames:
    """The structure of the within-group errors in words.

    `variance`, `correlation`, `order`, `constant` and `joint` are those of `syntax.spec.Residuals`, `on_mean` whether
    the variance is a function of the predicted mean.  `headings` stand above the printed parameters: one for a joint
    structure (`Residual: AR(2)`, `Residual: Independent, by girl`), otherwise one for the variance and one for the
    correlation ("" where there is none).  `strata` and `by` are the labels of the groups with parameters of their own
    (none: one group), `categories` those of the times and `indices` those of the variances' index where each has
    parameters.
    """

    variance: str
    correlation: str
    order: int | None
    constant: bool
    joint: bool
    on_mean: bool
    headings: tuple[str, str]
    strata: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    indices: tuple[str, ...] = ()


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
    columns: tuple[str, ...] = ()  # of the table, that the mean of a nonlinear model reads
    errors: ErrorNames | None = None

    @property
    def equations(self) -> tuple[str, ...]:
        """The headings of the linear predictors, where a response has several."""
        return tuple(dict.fromkeys(c.equation for c in self.fixed if c.equation))

    @property
    def estimated(self) -> tuple[FixedColumn, ...]:
        """The coefficients in order: those of the columns of `Design.x`, for every linear predictor."""
        return tuple(sorted((c for c in self.fixed if c.index >= 0), key=lambda c: c.index))
