"""What `margins` finds: functions of the estimates, and what each of them is the margin of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ..functions import Functions


@dataclass(frozen=True)
class MarginsFound:
    """Margins in printed order.

    `cells` has a row for each: a column for every factor of the terms, in the order of their first mention, with the
    text of the level ("" where the margin's term does not have the factor); then, where they were asked for, `_at`
    (counted from 1), a column for every variable of `over`, `dydx` (a covariate, or `2.group` for a factor's level
    against its base) and `outcome`.  `terms` are the factors of each term ((): the overall margin), `levels` the texts
    of every factor's levels in order, `values` the numbers that they stand for (0, 1, ... for text) and `labels` the
    words shown for them.  `varied` is the covariate that alone differs between the settings, and its values, where
    there is one and these are numbers.  `bases` are the levels that the model leaves out.  `title` ("Predictive
    margins", "Average marginal effects", ...), `expression` (what was averaged) and `at` (one line for each setting)
    stand above the table, `quantity` ("Margin", "dy/dx", "ey/ex") over its column, `notes` below it.
    """

    functions: Functions
    cells: pd.DataFrame
    terms: tuple[tuple[str, ...], ...]
    levels: Mapping[str, tuple[str, ...]]
    values: Mapping[str, tuple[float, ...]]
    title: str
    expression: str
    at: tuple[str, ...]
    nobs: float
    notes: tuple[str, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    quantity: str = "Margin"
    bases: Mapping[str, str] = field(default_factory=dict)
    varied: tuple[str, np.ndarray] | None = None

    def shown(self, name: str, level: str) -> str:
        """The words for a factor's level: its value label, or its text."""
        words = self.labels.get(name, self.levels[name])
        return words[self.levels[name].index(level)]
