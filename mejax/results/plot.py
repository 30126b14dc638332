"""`fit.plot`: pictures of what a fit predicts, and of how well it fits."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from .._double import computing
from ..fitting import Estimates
from ..frame import Encoding
from ..frame.evaluate import words
from ..post.diagnostics.caterpillar import caterpillar
from ..post.diagnostics.normal_quantiles import normal_quantiles
from ..post.diagnostics.residual_points import FITTED, column_values, name_of, residual_kind, residual_points
from ..post.diagnostics.simulated_residuals import simulated_residuals
from ..post.prediction.curves import outcome_curves, survival_curves
from ..post.prediction.fitted_curves import fitted_curves
from ..syntax import Spec
from . import check_picture, curve_pictures, effects_picture, fitted_picture, quantile_picture, residual_picture


class Plot:
    """Pictures with matplotlib: every method draws into `ax`, or into a new figure, and returns the axes."""

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
            The axes, an array of them where each group has its own; `mejax.post.prediction.fitted_curves`: the numbers.
        """
        with computing():
            found = fitted_curves(self._spec, self._estimates, self._encoding, x, by, groups)
        return fitted_picture.draw(found, self._estimates.names.response, ax, overlay or ax is not None)

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
            The axes; `mejax.post.prediction.curves.survival_curves` gives the numbers.
        """
        with computing():
            curves = survival_curves(
                self._estimates, self._encoding, at=at, times=times, marginal=marginal, conditional=conditional,
                over=over,
            )  # fmt: skip
        label = f"Survival probability{_whose(marginal, conditional)}"
        return curve_pictures.over_time(curves, "survival", self._time, label, ax)

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
        label = f"Hazard per unit of {self._time}{_whose(marginal, conditional)}"
        return curve_pictures.over_time(curves, "hazard", self._time, label, ax)

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
        label = f"Probability{_whose(marginal, conditional)}"
        return curve_pictures.of_outcomes(curves, self._estimates.names.response, label, ax)

    def effects(
        self,
        level: str | None = None,
        *,
        effect: str | None = None,
        sort: bool | str = True,
        intervals: float = 95.0,
        most: int = 50,
        conditional: str | None = None,
        ax: Any = None,
    ) -> Any:
        """The random effects of one level with their intervals, a panel for each effect: a caterpillar plot.

        Groups whose interval leaves out 0 are dark.  Intervals are those of single groups, u -+ z se, as of `predict`'s
        reffects and reses: of many groups with equal effects some are dark by chance.

        Args:
            level: by default the lowest; otherwise `school`, `school>class`, `R.week`, `_all` (all crossed factors).
            effect: one of the level's random effects, `week` or `_cons`; by default all.
            sort: whether each panel has its groups in order of their effects; or by which effect all are ordered.
            intervals: the intervals' level in per cent.
            most: up to how many groups are named; of more there is a thin line.
            conditional: "ebmeans" or "ebmodes" after generalized models, as of `predict`.
            ax: the axes to draw into, as many as there are panels.

        Returns:
            The axes, an array of them of several effects; `mejax.post.diagnostics.caterpillar` gives the numbers.
        """
        with computing():
            found = caterpillar(
                self._spec,
                self._estimates,
                self._encoding,
                level,
                effect=effect,
                intervals=intervals,
                conditional=conditional,
            )
        return effects_picture.draw(found, sort, intervals, most, ax)

    def residuals(
        self,
        kind: str | None = None,
        *,
        against: Any = FITTED,
        by: Any = None,
        smooth: bool = True,
        label: int | float | None = None,
        names: Any = None,
        ax: Any = None,
    ) -> Any:
        """Residuals against fitted values or a covariate, with a smooth curve through their middle.

        Thousands of points become a density.

        Args:
            kind: "rstandard" (the default after `mixed` and `menl`) or "residuals"; of generalized models "pearson"
                (the default), "anscombe", "deviance" or "residuals".
            against: "fitted" (with the random effects), a column that the model uses, or values for each row.
            by: a column, or values, whose categories have markers of their own.
            smooth: whether the curve is drawn, through their means where there are at most twelve values; categories
                and groups never have one.
            label: which points are named: a whole number of them, the furthest from 0, or with a point (2.0) all that
                are further away than this.
            names: a column, or values, to name points by; by default the rows' names in the table.
            ax: the axes to draw into.

        Returns:
            The axes; `mejax.post.diagnostics.residual_points` gives the numbers.
        """
        with computing():
            points = residual_points(
                self._spec, self._estimates, self._encoding, kind, against=against, by=by, names=names
            )
        x = "Fitted values" if isinstance(against, str) and against == FITTED else name_of(against, "")
        kind = residual_picture.WORDS[residual_kind(self._estimates, kind)]
        smooth = smooth and x not in self._groups
        return residual_picture.draw(points, (x, kind, name_of(by, "")), smooth, label, ax)

    def qq(
        self,
        what: str = "residuals",
        *,
        kind: str | None = None,
        level: str | None = None,
        effect: str | None = None,
        ax: Any = None,
    ) -> Any:
        """Normal quantiles of "residuals" or of random "effects", with the line through their quartiles.

        The band holds each point with a probability of 95 % where all are independent and normal.  Effects are divided
        by the standard deviations that their predictions have in the model, which differ with the groups' sizes.

        Args:
            what: "residuals" or "effects".
            kind: of residuals, as in `residuals`; here "anscombe", the most nearly normal, after generalized models.
            level: of effects, by default the lowest.
            effect: one of the level's random effects, by default a panel for each.
            ax: the axes to draw into.

        Returns:
            The axes, an array of them of several effects; `mejax.post.diagnostics.normal_quantiles` gives the numbers.
        """
        if what not in ("residuals", "effects"):
            raise ValueError(f'plot.qq: `what={what!r}` is unknown; it is "residuals" or "effects"')
        useless = {"level": level, "effect": effect} if what == "residuals" else {"kind": kind}
        for option, value in useless.items():
            if value is not None:
                raise ValueError(f"plot.qq: `{option}={value!r}` says nothing about {what}; leave it out")
        if what == "residuals":
            statistic = residual_kind(self._estimates, kind, "anscombe")
            with computing():
                points = residual_points(self._spec, self._estimates, self._encoding, statistic)
            quantiles = {"": normal_quantiles(points["residual"].to_numpy())}
            return quantile_picture.draw(quantiles, residual_picture.WORDS[statistic], ax)
        with computing():
            found = caterpillar(self._spec, self._estimates, self._encoding, level, effect=effect)
        titles = found["level"] + ": " + found["effect"]
        quantiles = {
            title: normal_quantiles(found.loc[titles == title, "standardised"].to_numpy()) for title in titles.unique()
        }
        return quantile_picture.draw(quantiles, "Standardised random effects", ax)

    def check(self, n: int = 250, seed: int = 0, *, against: Any = None, ax: Any = None) -> np.ndarray:
        """Scaled residuals, the shares of simulated responses below the observed ones: uniform if all is well.

        On the left they stand against uniform quantiles, with the band that 95 % of the simulated samples keep to and
        tests against them; on the right against the ranks of the fitted values, where their quartiles (solid) should
        stay at 1/4, 1/2 and 3/4 (dashed).  Counts, categories and censored responses have a random part in theirs.

        The tests are conservative, and the band is wide: the parameters come from the same data, and the model is not
        fitted again to the simulated samples.  Of a right model small p are rare; a large one says little for a model.

        Args:
            n: how many samples are simulated.
            seed: makes the picture the same again.
            against: a column that the model uses, or values for each row, instead of the fitted values (which have
                random effects of zero).
            ax: two axes to draw into.

        Returns:
            The two axes; `mejax.post.diagnostics.simulated_residuals` gives the numbers.
        """
        values = None if against is None else column_values(self._encoding, against, "against")
        with computing():
            found = simulated_residuals(self._spec, self._estimates, self._encoding, n, seed)
        if values is None:
            return check_picture.draw(found, found.residuals["fitted"].to_numpy(), found.fitted_label, ax)
        return check_picture.draw(found, values, name_of(against, ""), ax)

    @property
    def _time(self) -> str:
        return words(self._encoding.expressions["time"])

    @property
    def _groups(self) -> set[str]:
        """The grouping variables."""
        return {name for effect in self._estimates.names.effects for name in effect.variables}


def _whose(marginal: bool, conditional: str | None) -> str:
    return "" if marginal and conditional is None else ", random effects zero"
