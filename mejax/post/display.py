"""Small results that print as a table and hold a data frame."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Display:
    """`table` is the data frame, `text` what `print` shows."""

    table: pd.DataFrame
    text: str

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table.to_html(float_format=lambda value: f"{value:.7g}")
