"""Names that follow statsmodels: everything printed as one vector, with its covariance matrix."""

import pandas as pd

from ..post.estat import estat as _estat
from ..post.hypotheses import hypotheses as _hypotheses
from ..post.tables import all_lines
from .held import Held


class StatsmodelsNames(Held):
    """`params bse tvalues pvalues conf_int() cov_params()`."""

    def _all(self, alpha: float = 0.05) -> pd.DataFrame:
        return _estat.lines_frame(all_lines(self.estimates, 100.0 * (1.0 - alpha)))

    def _column(self, name: str) -> pd.Series:
        return pd.Series(self._all()[name])

    @property
    def params(self) -> pd.Series:
        """Everything printed, on the printed scale; the likelihood takes `fit.theta` instead."""
        return self._column("estimate")

    @property
    def bse(self) -> pd.Series:
        return self._column("se")

    @property
    def tvalues(self) -> pd.Series:
        """z statistics, t where the fit has degrees of freedom."""
        return self._column("z" if self.estimates.degrees is None else "t")

    @property
    def pvalues(self) -> pd.Series:
        return self._column("p")

    def conf_int(self, alpha: float | None = None) -> pd.DataFrame:
        """Confidence limits of everything printed, by default at the fit's `level`."""
        if alpha is None:
            alpha = 1.0 - self.level / 100.0
        if not 0.0 < alpha < 1.0:
            raise ValueError(f"conf_int: `alpha` lies between 0 and 1 (0.05 for 95 %); got {alpha}")
        return self._all(alpha).loc[:, ["lower", "upper"]]

    def cov_params(self) -> pd.DataFrame:
        """Covariance matrix of everything printed; NaN for components at a boundary."""
        labels = _hypotheses.parameter_labels(self.estimates)
        return pd.DataFrame(self.estimates.covariance, index=pd.Index(labels), columns=pd.Index(labels))
