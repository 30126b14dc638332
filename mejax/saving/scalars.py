"""Values of a table's cells that JSON does not have: dates, durations, intervals."""

import datetime as dt
from typing import Any

import pandas as pd


def coded_scalar(value: Any) -> tuple[str, Any] | None:
    """The name of the value's type and a plain value from which `scalar` makes it again; None for other types."""
    if value is pd.NaT or value is pd.NA:
        return ("missing", "NaT" if value is pd.NaT else "NA")
    if isinstance(value, pd.Timestamp):
        zone = None if value.tz is None else str(value.tz)
        naive = value if zone is None else value.tz_convert("UTC").tz_localize(None)
        return ("timestamp", (naive.isoformat(), value.unit, zone))
    if isinstance(value, pd.Timedelta):
        return ("duration", (value.isoformat(), value.unit))
    if isinstance(value, pd.Period):
        return ("period", (int(value.ordinal), value.freqstr))
    if isinstance(value, pd.Interval):
        return ("interval", (value.left, value.right, value.closed))
    for kind, name in ((dt.datetime, "datetime"), (dt.date, "date"), (dt.time, "time")):
        if type(value) is kind:
            return (name, value.isoformat())
    return None


def scalar(name: str, held: Any) -> Any:
    """The value that `coded_scalar` took apart; a KeyError for names that are not its own."""
    return _MADE[name](held)


def _timestamp(held: Any) -> Any:
    text, unit, zone = held
    naive = pd.Timestamp(text).as_unit(unit)
    return naive if zone is None else naive.tz_localize("UTC").tz_convert(zone)


def _period(held: Any) -> Any:
    ordinal, frequency = held
    return pd.Period(ordinal=int(ordinal), freq=str(frequency))


_MADE = {
    "missing": lambda held: {"NaT": pd.NaT, "NA": pd.NA}[held],
    "timestamp": _timestamp,
    "duration": lambda held: pd.Timedelta(held[0]).as_unit(held[1]),
    "period": _period,
    "interval": lambda held: pd.Interval(*held[:2], closed=held[2]),
    "datetime": lambda held: dt.datetime.fromisoformat(held),
    "date": lambda held: dt.date.fromisoformat(held),
    "time": lambda held: dt.time.fromisoformat(held),
}
