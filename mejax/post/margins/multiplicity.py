"""p-values and intervals of several comparisons at once."""

from dataclasses import dataclass

import numpy as np

from ..normal import critical, two_sided

NAMES = {
    "noadjust": "Unadjusted",
    "bonferroni": "Bonferroni",
    "sidak": "Šidák",
    "scheffe": "Scheffé",
    "holm": "Holm",
    "tukey": "Tukey",
}
HOLM_NOTE = "Holm's method adjusts p-values; the intervals beside them are Bonferroni's."
TUKEY_NOTE = "Tukey's method is approximate (Tukey-Kramer) where margins differ in precision or are correlated."


def check_method(method: str, among: tuple[str, ...] = tuple(NAMES)) -> None:
    """Refuses what is no method, or none of those that apply."""
    if method not in NAMES:
        raise ValueError(f"`mcompare` is one of {', '.join(among)}; got {method!r}")
    if method not in among:
        raise ValueError(f"`mcompare={method!r}` is for pairwise comparisons; of contrasts use {', '.join(among)}")


@dataclass(frozen=True)
class Adjustment:
    r"""One family of `count` comparisons with test statistics t, normal or Student's with their own df.

    * "noadjust": every comparison by itself.
    * "bonferroni": p <- min(1, m p), intervals at level 1 - alpha / m (Miller 1981, Simultaneous Statistical
      Inference).
    * "sidak": p <- 1 - (1 - p)^m, intervals at level (1 - alpha)^(1/m) (Šidák 1967, JASA 62: 626-633).
    * "scheffe": p <- P(F(d, df) > t^2 / d), critical value sqrt(d F(d, df)); P(chi2(d) > t^2) without df.  It holds for
      every contrast of the term, not only for those shown; d is the `rank` of the term (Scheffé 1953, Biometrika 40:
      87-104).
    * "holm": the i-th smallest p-value times m - i + 1, made monotone (Holm 1979, Scand. J. Statist. 6: 65-70).
      Rejects whatever Bonferroni's method rejects.  Intervals that say the same as its tests would say nothing more
      where something is rejected (Strassburger and Bretz 2008), so that those shown are Bonferroni's, which hold
      jointly.
    * "tukey": all pairs of `levels` margins, by the studentized range of |t| sqrt(2) (Tukey 1953); exact for
      independent margins of equal precision, the Tukey-Kramer approximation otherwise, conservative for independent
      ones (Hayter 1984, Annals of Statistics 12: 61-75).
    """

    method: str
    count: int
    rank: int = 0
    levels: int = 0

    def p(self, t: np.ndarray, df: np.ndarray | None = None) -> np.ndarray:
        """Adjusted two-sided p-values, NaN where t is."""
        raw = two_sided(t, df)
        if self.method == "bonferroni":
            return np.minimum(1.0, self.count * raw)
        if self.method == "sidak":
            return -np.expm1(self.count * np.log1p(-np.minimum(raw, 1.0 - 1e-16)))
        if self.method == "holm":
            return _holm(raw, self.count)
        if self.method == "scheffe":
            return _scheffe_p(t, self.rank, df)
        if self.method == "tukey":
            return _tukey_p(t, self.levels, df)
        return raw

    def critical(self, level: float, df: np.ndarray | None = None) -> np.ndarray | float:
        """What standard errors are multiplied by in intervals at `level` per cent."""
        if self.method in ("bonferroni", "holm"):
            return critical(100.0 - (100.0 - level) / max(self.count, 1), df)
        if self.method == "sidak":
            return critical(100.0 * (level / 100.0) ** (1.0 / max(self.count, 1)), df)
        if self.method == "scheffe":
            return _scheffe_critical(level, self.rank, df)
        if self.method == "tukey":
            return _tukey_critical(level, self.levels, df)
        return critical(level, df)

    def rows(self, estimate: np.ndarray, se: np.ndarray, level: float, df: np.ndarray | None) -> np.ndarray:
        """Estimate, standard error, z (or t), adjusted p and interval of each."""
        t = estimate / se
        half = self.critical(level, df) * se
        return np.column_stack([estimate, se, t, self.p(t, df), estimate - half, estimate + half])


def _holm(raw: np.ndarray, count: int) -> np.ndarray:
    adjusted = np.full(len(raw), np.nan)
    order = np.argsort(raw)[: int(np.sum(~np.isnan(raw)))]
    factors = count - np.arange(len(order))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(factors * raw[order]))
    return adjusted


def _scheffe_p(t: np.ndarray, rank: int, df: np.ndarray | None) -> np.ndarray:
    from scipy.special import chdtrc, fdtrc

    return chdtrc(rank, t**2) if df is None else fdtrc(rank, df, t**2 / max(rank, 1))


def _scheffe_critical(level: float, rank: int, df: np.ndarray | None) -> np.ndarray | float:
    from scipy.special import chdtri, fdtri

    return np.sqrt(chdtri(rank, 1.0 - level / 100.0) if df is None else rank * fdtri(rank, df, level / 100.0))


def _tukey_p(t: np.ndarray, levels: int, df: np.ndarray | None) -> np.ndarray:
    from scipy.stats import studentized_range

    found = np.full(len(t), np.nan)
    known = ~np.isnan(t)
    freedom = np.inf if df is None else df[known]
    found[known] = np.clip(studentized_range.sf(np.sqrt(2.0) * np.abs(t[known]), levels, freedom), 0.0, 1.0)
    return found


def _tukey_critical(level: float, levels: int, df: np.ndarray | None) -> np.ndarray | float:
    from scipy.stats import studentized_range

    different, place = np.unique([np.inf] if df is None else df, return_inverse=True)  # a value takes a search
    found = studentized_range.ppf(level / 100.0, levels, different) / np.sqrt(2.0)
    return float(found[0]) if df is None else found[place]
