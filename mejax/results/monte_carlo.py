"""`fit.monte_carlo`: how far other random vectors would move an iterative fit."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class MonteCarloErrors:
    """Standard errors over other random vectors, of a fit by solver(iterative); more `probes` make them smaller.

    `llf` is that of the log likelihood.  `table` has a row for everything printed: `estimate`, its standard error `se`
    over other data, and its Monte Carlo standard `error`.  Conditional variances of random effects (`reses`) are
    estimated with the same vectors, more roughly: by a few per cent, by 10 to 20 where levels have two or three rows.
    """

    llf: float
    probes: int
    table: pd.DataFrame

    def __str__(self) -> str:
        head = f"{self.probes} probes; Monte Carlo std. err. of the log likelihood {self.llf:.4g}"
        return f"{head}\n\n{self.table.to_string(float_format=lambda x: f'{x:.4g}')}"

    def __repr__(self) -> str:
        return str(self)
