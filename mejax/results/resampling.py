"""Profiles and bootstraps of a fit."""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from .._double import computing
from ..post.hypotheses.hypotheses import parameter_labels
from ..post.resampling.bootstrap import bootstrap as _bootstrap
from ..post.resampling.profile import profile as _profile
from .bootstrap import Bootstrap, check_statistic
from .held import Held
from .profile import Profile
from .progress import Bar


class ResamplingMethods(Held):
    """`profile() bootstrap()`."""

    def profile(
        self, parameters: str | Sequence[str] | None = None, *, level: float | None = None, progress: bool | None = None
    ) -> Profile:  # fmt: skip
        """Profile-likelihood intervals of printed parameters: coefficients, ancillary parameters, variances.

            fit.profile()
            fit.profile("id:var(_cons)").plot()

        Args:
            parameters: labels as in `fit.params`; by default all that have a standard error (after REML the variance
                components).
            level: the confidence level in per cent.
            progress: whether a bar is shown; by default where errors go to a terminal.
        """
        bar = Bar(None if parameters is None else 1 if isinstance(parameters, str) else len(parameters), progress)
        with computing(), bar:
            return Profile(_profile(self.estimates, parameters, self._level(level), lambda label: bar.advance()))

    def bootstrap(
        self,
        n: int = 1000,
        *,
        kind: str = "parametric",
        seed: int = 0,
        statistic: Callable[[pd.Series], Any] | None = None,
        level: float | None = None,
        progress: bool | None = None,
    ) -> Bootstrap:
        """Refits to resampled responses or clusters, all of them in a few compiled programs.

            fit.bootstrap(1000, seed=1)
            fit.bootstrap(500, kind="cluster", statistic=lambda p: p["id:var(_cons)"] ** 0.5)

        Args:
            n: the number of replicates.
            kind: "parametric" draws responses from the fitted model (random effects anew), "cluster" draws the top
                level's groups with replacement.
            seed: the same seed gives the same replicates.
            statistic: a function of the printed parameters of a replicate, `fit.params` of it, that gives a number or
                a mapping of numbers; by default the parameters themselves.
            level: the confidence level in per cent.
            progress: whether a bar is shown; by default where errors go to a terminal.

        Returns:
            `Bootstrap`, with `.table`, `.replicates`, `.failed` and `.conf_int()`.
        """
        check_statistic(statistic, pd.Series(self.estimates.printed, index=parameter_labels(self.estimates)))
        bar = Bar(n, progress)
        with computing(), bar:
            found = _bootstrap(self.spec, self.estimates, self.encoding, (n, kind, seed), bar.to)
        return Bootstrap(found, statistic, self._level(level))
