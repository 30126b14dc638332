"""Numbers as text, in the formats of the mixed-effects suite.

Three formats cover every table: `number` for estimates and log likelihoods, `fixed` for statistics with a set
number of decimals, `count` for whole numbers with thousands separators.
"""

import math
from typing import SupportsFloat

MISSING = "."
_SHORTEST = 7  # "-1e-100", the longest text that cannot be shortened further


def number(value: SupportsFloat | None, width: int = 9) -> str:
    """A number in at most `width` characters: `6.209896`, `-.0984378`, `5801505`, `1.23e-06`.

    `width - 2` digits are kept: all of them significant from 1 on, all of them decimals below 1 (`.0021994`).
    Trailing zeros and the zero before the decimal point are dropped.  Below 1e-5, or where the whole part alone has
    more digits than that, the exponent format keeps `width - 7` decimals, zeros included (`2.50e+10`).
    Width 9 prints estimates, width 10 log likelihoods (`-1014.9268`).

    Args:
        value: any real number; None and NaN are printed as `.`, infinities as `inf`.
        width: the largest number of characters, at least 7.

    Raises:
        ValueError: if `width` is below 7, where some numbers would not fit.
    """
    if width < _SHORTEST:
        raise ValueError(f"`width` is {width}; a number needs at least {_SHORTEST} characters. Pass a larger `width`.")
    value = _float(value)
    if math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == 0:
        return "0"
    digits = width - 2
    if abs(value) < 1e-5 or abs(value) >= 10.0**digits:
        return _exponent(value, width)
    whole = len(str(int(abs(value)))) if abs(value) >= 1 else 0
    text = f"{value:.{digits - whole}f}"
    if len(text.lstrip("-").split(".")[0]) > digits:  # rounding carried into one digit more
        return _exponent(value, width)
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return _drop_leading_zero(text)


def fixed(value: SupportsFloat | None, decimals: int, width: int | None = None) -> str:
    """A number with a set number of decimals: `159.18`, `0.000`, `25337.49`; None and NaN are `.`.

    Where the text would be longer than `width`, it falls back on `number(value, width)`.
    """
    value = _float(value)
    if math.isnan(value):
        return MISSING
    text = f"{value:.{decimals}f}"
    return text if width is None or len(text) <= width else number(value, width)


def count(value: SupportsFloat | None) -> str:
    """A whole number with thousands separators: `1,934`; None and NaN are `.`."""
    value = _float(value)
    if math.isnan(value):
        return MISSING
    return f"{value:,.0f}"


def amount(value: SupportsFloat | None) -> str:
    """A count, or where it is no whole number seven digits: `7,424`, `58.25`; None and NaN are `.`."""
    value = _float(value)
    return count(value) if value.is_integer() else number(value)


def average(value: SupportsFloat | None) -> str:
    """A mean group size, one decimal: `57.1`, `1,234.5`; None and NaN are `.`."""
    value = _float(value)
    if math.isnan(value):
        return MISSING
    return f"{value:,.1f}"


def _float(value: SupportsFloat | None) -> float:
    return math.nan if value is None else float(value)


def _exponent(value: float, width: int) -> str:
    for decimals in range(max(width - 7, 0), -1, -1):
        text = f"{value:.{decimals}e}"
        if len(text) <= width:
            return text
    raise AssertionError(f"{value!r} does not fit into {width} characters")


def _drop_leading_zero(text: str) -> str:
    sign, rest = ("-", text[1:]) if text.startswith("-") else ("", text)
    return sign + (rest[1:] if rest.startswith("0.") else rest)
