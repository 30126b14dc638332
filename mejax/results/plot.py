"""`fit.plot`: pictures of what a fit predicts."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from .._double import computing
from ..fitting import Estimates
from ..frame import Encoding
from ..frame.evaluate import words
from ..post.curves import outcome_curves, survival_curves
from ..post.fitted_curves import fitted_curves
from ..post.typical_rows import MOST_CURVES
from ..syntax import Spec
from .axes import new_axes
from .fitted_picture import draw


class Plot:
    """Curves with matplotlib: every method draws into `ax`, or into a new figure, and returns the axes."""

    def __init__(self, spec: Spec, estimates: Estimates, encoding: Encoding):
        self._spec = spec
        self._estimates = estimates
        self._encoding = encoding

    def fitted(
        self, x: str | None = None, *, by: Any = None, groups: Any = None, overlay: bool = False, ax: Any = None
    ) -> Any:
        """The observations of each group and its fitted curve over a covariate, after `mixed` and `menl`.

        The solid line has the group's random effects, the dashed one has random effects of zero.  The other covariates
        stand where the group's first row has them.

        Args:
            x: the covariate, a number; by default the first column that the mean reads.
            by: the grouping variable, or several; by default those of the lowest level.
            groups: which groups, values of `by` (tuples of several); by default the first twelve.
            overlay: whether all groups are drawn into one picture; otherwise each has its own.
            ax: the axes to draw into, which overlays the groups.

        Returns:
            The axes, an array of them where each group has its own; `mejax.post.fitted_curves` gives the numbers.
        """
        with computing():
            found = fitted_curves(self._spec, self._estimates, self._encoding, x, by, groups)
        return draw(found, self._estimates.names.response, ax, overlay or ax is not None)

    def survival(
        self,
        at: Mapping[str, Any] | None = None,
        *,
        times: Any = None,
        marginal: bool = True,
        conditional: str | None = None,
        over: Any = None,
        ax: Any = None,
    ) -> Any:
        """The probability of survival over time, after `mestreg`.

        Args:
            at: values of covariates, `{"age": 40}`; the others stand at their means over the sample, factors at their
                most frequent value.
            times: where the curve is computed, by default from 0 to the last exit.
            marginal: whether the random effects are integrated out, which gives the curve of the population.
            conditional: "fixedonly" for the curve of a group whose random effects are zero.
            over: a covariate, one curve for each of its values, or `{"age": [20, 40, 60]}`.
            ax: the axes to draw into.

        Returns:
            The axes; `mejax.post.curves.survival_curves` gives the numbers.
        """
        with computing():
            curves = survival_curves(
                self._estimates, self._encoding, at=at, times=times, marginal=marginal, conditional=conditional,
                over=over,
            )  # fmt: skip
        axes = _over_time(curves, "survival", self._time, ax)
        axes.set(ylabel=f"Survival probability{_whose(marginal, conditional)}", ylim=(0.0, 1.0))
        return axes

    def hazard(
        self,
        at: Mapping[str, Any] | None = None,
        *,
        times: Any = None,
        marginal: bool = True,
        conditional: str | None = None,
        over: Any = None,
        ax: Any = None,
    ) -> Any:
        """The hazard over time, after `mestreg`; arguments as of `survival`.

        That of the population falls beside that of a group, since those at high risk fail first.
        """
        with computing():
            curves = survival_curves(
                self._estimates, self._encoding, "hazard", at=at, times=times, marginal=marginal,
                conditional=conditional, over=over,
            )  # fmt: skip
        axes = _over_time(curves, "hazard", self._time, ax)
        axes.set(ylabel=f"Hazard per unit of {self._time}{_whose(marginal, conditional)}")
        axes.set_ylim(bottom=0.0)
        return axes

    def outcomes(
        self,
        over: Any,
        *,
        at: Mapping[str, Any] | None = None,
        marginal: bool = True,
        conditional: str | None = None,
        ax: Any = None,
    ) -> Any:
        """The probability of each outcome against a covariate, after multinomial and ordinal models.

        `over` is the covariate, or `{"age": [20, 40, 60]}`; the other arguments are those of `survival`.
        """
        with computing():
            curves = outcome_curves(
                self._estimates, self._encoding, over, at=at, marginal=marginal, conditional=conditional
            )
        name = str(curves.columns[0])
        axes = new_axes(ax)
        values = list(dict.fromkeys(curves[name]))
        few = len(values) <= MOST_CURVES
        for outcome, part in curves.groupby("outcome", sort=False):
            axes.plot(part[name].to_numpy(), part["pr"].to_numpy(), label=str(outcome), marker="o" if few else None)
        if few:
            axes.set_xticks(values)
        axes.set(xlabel=name, ylabel=f"Probability{_whose(marginal, conditional)}", ylim=(0.0, 1.0))
        axes.legend(title=self._estimates.names.response, frameon=False)
        return axes

    @property
    def _time(self) -> str:
        return words(self._encoding.expressions["time"])


def _whose(marginal: bool, conditional: str | None) -> str:
    return "" if marginal and conditional is None else ", random effects zero"


def _over_time(curves: pd.DataFrame, statistic: str, time: str, ax: Any) -> Any:
    """A line for each curve, with a legend where there are several."""
    axes = new_axes(ax)
    for label, part in curves.groupby("curve", sort=False):
        axes.plot(part["time"].to_numpy(), part[statistic].to_numpy(), label=str(label) or None)
    axes.set_xlabel(time)
    axes.set_xlim(left=0.0)
    if curves["curve"].iloc[0]:
        axes.legend(frameon=False)
    return axes
