"""Tests of scaled residuals: the observed sample among the simulated ones."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

NOTE = "conservative: parameters estimated from these data"


@dataclass(frozen=True)
class Tally:
    """What is counted over the rows, of which only some are looked at at a time, for N - 1 simulated samples and, in
    the last place, the observed one.

    `ranks` (N, N): in how many rows a sample (second axis) has the r-th smallest response of all.  `squares` (N,): sums
    of squared distances from the mean of all samples over their variance; `outside`: in how many rows a sample lies
    beyond all others; `zeros`: rows with a 0.
    """

    ranks: np.ndarray
    squares: np.ndarray
    outside: np.ndarray
    zeros: np.ndarray

    @classmethod
    def empty(cls, n: int) -> "Tally":
        """For n simulated samples."""
        return cls(np.zeros((n + 1, n + 1), np.int64), np.zeros(n + 1), np.zeros(n + 1), np.zeros(n + 1))

    def add(
        self, known: tuple[np.ndarray, np.ndarray], residual: np.ndarray, draws: np.ndarray,
        generator: np.random.Generator,
    ) -> "Tally":  # fmt: skip
        """More rows: between which ends their responses are known to lie (m,), their residuals, their draws (m, n)."""
        n = draws.shape[1]
        order, ordered = _sorted(draws, generator)
        place = np.clip((residual * (n + 1)).astype(np.int64), 0, n)  # that of the observed response among all
        exact = np.where(known[0] == known[1], known[0], np.nan)
        return Tally(
            self.ranks + _ranks(order, place),
            self.squares + _squares(np.where(np.isfinite(exact), exact, draws.mean(axis=1)), draws),
            self.outside + _outside(order, ordered, place, exact),
            self.zeros + np.append(np.sum(draws == 0, axis=0), np.sum(exact == 0)),
        )

    @property
    def grid(self) -> np.ndarray:
        """1/N, 2/N, ..., 1: no sample has a residual known more closely."""
        return np.arange(1, len(self.ranks) + 1) / len(self.ranks)

    def shares(self) -> np.ndarray:
        """The share of each sample's residuals up to those of `grid` (N, N), samples along the second axis."""
        return np.cumsum(self.ranks, axis=0) / self.ranks[:, 0].sum()

    def uniform(self) -> pd.DataFrame:
        """The observed share of residuals up to each of `grid`, and the limits that 95 % of the samples keep to."""
        shares = self.shares()
        lower, upper = np.quantile(shares[:, :-1], [0.025, 0.975], axis=1)
        return pd.DataFrame({"residual": self.grid, "share": shares[:, -1], "lower": lower, "upper": upper})


def verdicts(tally: Tally, asked: tuple[str, ...]) -> pd.DataFrame:
    """The tests asked for, a row for each: `statistic expected p finding note`.

    The note is the same in all: p is too large, since the simulated samples do not estimate the parameters anew.
    """
    tests = {"uniformity": _uniformity, "dispersion": _dispersion, "outliers": _outliers, "zeros": _zeros}
    found = [(*tests[name](tally), NOTE) for name in asked]
    columns = pd.Index(["statistic", "expected", "p", "finding", "note"])
    return pd.DataFrame(found, index=pd.Index(asked, name="test"), columns=columns)


def _uniformity(tally: Tally) -> tuple[float, float, float, str]:
    """Kolmogorov and Smirnov's largest distance between the shares and those of a uniform distribution."""
    distance = np.max(np.abs(tally.shares() - tally.grid[:, None]), axis=0)
    p = _above(distance)
    return float(distance[-1]), float(distance[:-1].mean()), p, _words(p, "uniform", "not uniform")


def _dispersion(tally: Tally) -> tuple[float, float, float, str]:
    """Squared distances from the mean in units of the variance, over their mean in the simulated samples."""
    middle, p = float(tally.squares[:-1].mean()), _both(tally.squares)
    ratio = float(tally.squares[-1]) / middle if middle > 0 else np.nan
    wrong = "more spread than the model" if ratio > 1 else "less spread than the model"
    return ratio, 1.0, p, _words(p, "spread as in the model", wrong)


def _outliers(tally: Tally) -> tuple[float, float, float, str]:
    """How many responses lie outside all simulated ones."""
    p = _above(tally.outside)
    words = _words(p, "no more than expected", "more than expected")
    return float(tally.outside[-1]), float(tally.outside[:-1].mean()), p, words


def _zeros(tally: Tally) -> tuple[float, float, float, str]:
    expected, p = float(tally.zeros[:-1].mean()), _both(tally.zeros)
    wrong = "more zeros than the model" if tally.zeros[-1] > expected else "fewer zeros than the model"
    return float(tally.zeros[-1]), expected, p, _words(p, "as many zeros as in the model", wrong)


def _words(p: float, fits: str, fails: str) -> str:
    return fails if p < 0.05 else fits


def _above(statistic: np.ndarray) -> float:
    """The share of samples, the observed one among them, whose statistic is at least the observed one."""
    return float(np.mean(statistic >= statistic[-1]))


def _both(statistic: np.ndarray) -> float:
    return min(1.0, 2.0 * min(_above(statistic), _above(-statistic)))


def _sorted(draws: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Which sample has the smallest draw of each row, the next one, and so on, ties in random order; sorted draws."""
    whole = bool(np.all(draws == np.round(draws)))
    order = np.argsort(draws + generator.uniform(size=draws.shape) if whole else draws, axis=1)
    ordered = np.take_along_axis(draws, order, axis=1)
    if not whole and np.any(ordered[:, 1:] == ordered[:, :-1]):
        order = np.lexsort((generator.uniform(size=draws.shape), draws), axis=1)
    return order, ordered


def _ranks(order: np.ndarray, place: np.ndarray) -> np.ndarray:
    """In how many rows a sample has a rank (N, N), the observed one being put at its place."""
    n = order.shape[1]
    ranks = np.arange(n) + (np.arange(n) >= place[:, None])
    flat = np.concatenate([(ranks * (n + 1) + order).ravel(), place * (n + 1) + n])
    return np.bincount(flat, minlength=(n + 1) ** 2).reshape(n + 1, n + 1)


def _squares(y: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Squared distances from the mean of all samples over their variance, summed over the rows (N,)."""
    n = draws.shape[1]
    mean = (draws.sum(axis=1) + y) / (n + 1)
    squares, own = (draws - mean[:, None]) ** 2, (y - mean) ** 2
    variance = (squares.sum(axis=1) + own) / n
    weight = np.divide(1.0, variance, out=np.zeros_like(variance), where=variance > 0)
    return np.append(weight @ squares, weight @ own)


def _outside(order: np.ndarray, ordered: np.ndarray, place: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """In how many rows a sample is smaller, or larger, than all others (N,)."""
    n = order.shape[1]
    equal = exact == ordered[:, 0], exact == ordered[:, -1]
    lowest = order[(ordered[:, 0] < ordered[:, 1]) & (place > 0) & ~equal[0], 0]
    highest = order[(ordered[:, -2] < ordered[:, -1]) & (place < n) & ~equal[1], -1]
    own = np.sum((place == 0) & ~equal[0]) + np.sum((place == n) & ~equal[1])
    return np.append(np.bincount(lowest, minlength=n) + np.bincount(highest, minlength=n), own).astype(float)


def quantile_curves(x: np.ndarray, residual: np.ndarray, span: float = 0.25) -> pd.DataFrame:
    """Running quartiles of the residuals over x, `x q25 q50 q75`: those of a quarter of the rows at each of 41 places.

    Towards both ends there are fewer, down to a twelfth.  Empty for fewer than 100 rows, whose quartiles are noise.
    """
    order = np.argsort(x, kind="stable")
    x, residual, rows = np.asarray(x, float)[order], residual[order], len(x)
    centres = np.linspace(0, rows, 41).astype(int) if rows >= 100 else np.zeros(0, int)
    found = []
    for centre in centres:
        half = int(np.clip(min(centre, rows - centre), rows / 24, span * rows / 2))
        first = int(np.clip(centre - half, 0, rows - 2 * half))
        window = slice(first, first + 2 * half)
        found.append([x[min(centre, rows - 1)], *np.quantile(residual[window], [0.25, 0.5, 0.75])])
    curves = pd.DataFrame(np.reshape(found, (-1, 4)), columns=pd.Index(["x", "q25", "q50", "q75"]))
    return pd.DataFrame(curves.groupby("x").mean()).reset_index()


def ranked(x: np.ndarray) -> np.ndarray:
    """Ranks moved into (0, 1), those of equal values averaged."""
    return (pd.Series(x).rank().to_numpy() - 0.5) / len(x)
