"""`fit.bootstrap`: what it returns, prints and draws."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..post.normal import critical
from ..post.resampling.bootstrap import BootstrapFound
from ..tables import Column, render_simple
from .axes import DARK, line_styles, new_axes

KINDS = ("percentile", "basic", "normal", "bc")


class Bootstrap:
    """Replicates of a fit; `print` shows standard errors and intervals.

    Attributes:
        replicates: a row for each replicate that converged, its number as index; a column for each parameter, or for
            each value of the statistic.
        observed: the same of the fit itself.
        failed: how many replicates did not converge; they are left out.
        interrupted: whether fewer replicates were run than asked for.
    """

    def __init__(self, found: BootstrapFound, statistic: Callable[[pd.Series], Any] | None, level: float):
        frame = pd.DataFrame(found.printed, index=pd.Index(found.numbers, name="replicate"), columns=list(found.labels))
        observed = pd.Series(found.observed, index=list(found.labels))
        if statistic is not None:
            frame = pd.DataFrame([_named(statistic(row)) for _, row in frame.iterrows()], index=frame.index)
            observed = pd.Series(_named(statistic(observed)))
        self.replicates = frame
        self.observed = observed
        self.failed = found.failed
        self.interrupted = found.interrupted
        self.kind = found.kind
        self.seed = found.seed
        self.level = level

    @property
    def bse(self) -> pd.Series:
        """Bootstrap standard errors."""
        return self.replicates.std()

    @property
    def bias(self) -> pd.Series:
        """Mean of the replicates less the observed value."""
        return self.replicates.mean() - self.observed

    def cov(self) -> pd.DataFrame:
        """The covariance matrix of the replicates."""
        return self.replicates.cov()

    def conf_int(self, kind: str = "percentile", level: float | None = None) -> pd.DataFrame:
        """Intervals: "percentile" quantiles of the replicates; "basic" the same reflected in the observed value;
        "normal" observed +- critical value x standard error; "bc" bias-corrected percentiles (Efron and Tibshirani
        1993, An Introduction to the Bootstrap, chapter 14, without acceleration)."""
        if kind not in KINDS:
            raise ValueError(f"bootstrap: there is no interval `{kind}`; kinds are {', '.join(KINDS)}")
        level = self.level if level is None else level
        z = critical(level)
        tail = 0.5 - level / 200.0
        if kind == "normal":
            lower, upper = self.observed - z * self.bse, self.observed + z * self.bse
        elif kind == "bc":
            values, observed = self.replicates.to_numpy(float), self.observed.to_numpy(float)
            limits = np.array([_corrected(values[:, k], float(observed[k]), z) for k in range(len(observed))])
            lower, upper = (pd.Series(limits[:, side], index=self.observed.index) for side in (0, 1))
        else:
            lower, upper = self.replicates.quantile(tail), self.replicates.quantile(1.0 - tail)
            if kind == "basic":
                lower, upper = 2.0 * self.observed - upper, 2.0 * self.observed - lower
        return pd.DataFrame({"lower": lower, "upper": upper})

    @property
    def table(self) -> pd.DataFrame:
        """`observed bias se lower upper`, the limits by percentiles."""
        frame = pd.DataFrame({"observed": self.observed, "bias": self.bias, "se": self.bse})
        return frame.join(self.conf_int())

    def plot(self, parameter: str | None = None, *, ax: Any = None) -> Any:
        """A histogram of the replicates of one column, with the observed value and the percentile interval."""
        name = str(self.replicates.columns[0]) if parameter is None else parameter
        if name not in self.replicates.columns:
            raise ValueError(f"bootstrap.plot: there is no `{name}`; there are {', '.join(map(str, self.replicates))}")
        axes = new_axes(ax)
        axes.hist(self.replicates[name].to_numpy(), bins="fd", color="0.75", edgecolor="white", linewidth=0.5)
        axes.axvline(self.observed[name], color=DARK, linewidth=1.5, label="observed")
        for limit, label in zip(self.conf_int().loc[name], (f"{self.level:g} % interval", None), strict=True):
            axes.axvline(limit, linewidth=1.2, label=label, **line_styles(1))
        axes.set(xlabel=name, ylabel="Replicates")
        axes.legend(frameon=False)
        return axes

    def __str__(self) -> str:
        table = self.table
        columns = (Column("Observed"), Column("Bias"), Column("Std. err.", gap=3), Column("[conf.", gap=3),
                   Column("interval]", gap=1))  # fmt: skip
        rows = [(str(label), tuple(row)) for label, row in zip(table.index, table.to_numpy(), strict=True)]
        count = len(self.replicates)
        notes = [f"Note: {count:,} replicates, {self.kind}; percentile intervals."]
        notes += [f"Note: {self.failed:,} more did not converge and are left out."] if self.failed else []
        notes += ["Note: interrupted before all replicates were run."] if self.interrupted else []
        return render_simple(columns, rows, title="Bootstrap", stub="Parameter", notes=tuple(notes))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table.to_html(float_format=lambda value: f"{value:.7g}")


def check_statistic(statistic: Callable[[pd.Series], Any] | None, observed: pd.Series) -> None:
    """Try a statistic on the fit itself, before any replicate is run.

    Raises:
        ValueError: it fails there, or does not give finite numbers.
    """
    if statistic is None:
        return
    if not callable(statistic):
        raise ValueError(f"bootstrap: `statistic` is a function of the printed parameters; got {statistic!r}")
    try:
        found = _named(statistic(observed))
    except Exception as problem:
        raise ValueError(
            f"bootstrap: `statistic` fails on the fit's own parameters ({type(problem).__name__}: {problem}); it is "
            f"given a Series with the labels {', '.join(map(str, observed.index))}"
        ) from problem
    if not found or not np.all(np.isfinite(list(found.values()))):
        raise ValueError(
            f"bootstrap: `statistic` gives {found or 'nothing'} for the fit itself; finite numbers are needed"
        )


def _named(value: Any) -> dict[str, float]:
    """What a statistic gave, by name."""
    if isinstance(value, Mapping | pd.Series):
        return {str(name): float(number) for name, number in value.items()}
    return {"statistic": float(value)}


def _corrected(values: np.ndarray, observed: float, z: float) -> tuple[float, float]:
    """Percentiles moved by twice the normal quantile of the share of replicates below the observed value."""
    from scipy.special import ndtr, ndtri

    share = (np.sum(values < observed) + 0.5 * np.sum(values == observed)) / len(values)
    shift = ndtri(np.clip(share, 0.5 / len(values), 1.0 - 0.5 / len(values)))
    low, high = np.quantile(values, [ndtr(2.0 * shift - z), ndtr(2.0 * shift + z)])
    return float(low), float(high)
