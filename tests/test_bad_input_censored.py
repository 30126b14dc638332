"""Bad input to the censored, survival and multinomial commands: one clear error that says what to do."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mejax import me

ROWS = 12


def table(**columns: Any) -> pd.DataFrame:
    """Three groups of four; a response, the ends of intervals, survival times, outcomes."""
    rng = np.random.default_rng(3)
    out = pd.DataFrame({"g": np.repeat([1, 2, 3], 4), "x": rng.normal(size=ROWS), "y": np.arange(ROWS) / 2})
    out["low"], out["high"] = out.y - 1, out.y + 1
    out["t"], out["d"], out["t0"], out["id"] = out.y + 1, np.tile([0, 1], 6), 0.0, np.arange(ROWS)
    out["k"] = np.tile([1, 2, 3], 4)
    return out.assign(**columns)


def changed(row: int, **values: Any) -> pd.DataFrame:
    out = table()
    for column, value in values.items():
        out[column] = out[column].astype(object if isinstance(value, str) else float)
        out.loc[row, column] = value
    return out


TOBIT, INTERVAL = "metobit y x || g:", "meintreg low high x || g:"
SURVIVAL = "mestreg x || g:, time(t) failure(d) distribution(weibull)"

REFUSED: dict[str, tuple[str, Any, str]] = {
    # limits
    "limits the wrong way": (TOBIT + ", ll(3) ul(1)", table(), "lower limit is 3 and the upper one 1 in row 1"),
    "equal limits": (TOBIT + ", ll(2) ul(2)", table(), "lower limit is 2 and the upper one 2 in row 1: `ll` must be"),
    "limits the wrong way in a row": (
        TOBIT + ", ll(low) ul(high)",
        changed(4, low=9.0),
        "lower limit is 9 and the upper one 3 in row 5",
    ),
    "all censored": (
        TOBIT + ", ll(2) ul(2.2)",
        table(),
        "no value of `y` is observed: 5 lie at or below the lower limit and 7 at or above",
    ),
    "limits of text": (TOBIT + ", ll(c)", table(c="a"), "`c` is text: numbers are needed"),
    "no such limit": (TOBIT + ", ll(lowe)", table(), "no column `lowe`"),
    "an infinite value": (TOBIT + ", ll(0)", changed(2, y=-np.inf), "`y` has an infinite value in row 3"),
    "a tobit of texts": ("metobit c x || g:", table(c="a"), "the response `c` holds text, not numbers"),
    "ratios of a tobit": (TOBIT + ", eform", table(), "`eform` is not an option of metobit"),
    # intervals
    "ends the wrong way": (INTERVAL, changed(3, low=9.0), "`low` is 9 and `high` 2.5 in row 4: the lower end must"),
    "a lower end at infinity": (INTERVAL, changed(3, low=np.inf), "`low` is inf in row 4: a lower end is a number"),
    "an upper end at -infinity": (INTERVAL, changed(3, high=-np.inf), "`high` is -inf in row 4: an upper end is"),
    "right-censored alone": (INTERVAL, table(high=np.nan), "all 12 observations are right-censored: any mean far"),
    "left-censored alone": (INTERVAL, table(low=np.nan), "all 12 observations are left-censored"),
    "one threshold": (
        INTERVAL,
        table(low=np.tile([np.nan, 2.0], 6), high=np.tile([2.0, np.nan], 6)),
        "known only to lie below or above 2: their variance cannot be estimated",
    ),
    "no ends at all": (INTERVAL, table(low=np.nan, high=np.inf), r"missing values removed 12 \(low: 12\)"),
    # survival times
    "no distribution": ("mestreg x || g:, time(t)", table(), "`mestreg` needs a distribution of the survival times"),
    "no time": ("mestreg x || g:, distribution(weibull)", table(), "the response of `mestreg` is missing"),
    "no failures": (SURVIVAL, table(d=0), r"none of the 12 records ends in a failure \(`d` is 0 in all of them\)"),
    "negative entry": (
        SURVIVAL + " enter(t0)",
        changed(3, t0=-2.0),
        "`t0` is -2 in row 4: a record enters at time 0 or later",
    ),
    "infinite time": (SURVIVAL, changed(3, t=np.inf), "`t` has an infinite value in row 4"),
    "infinite entry": (SURVIVAL + " enter(t0)", changed(3, t0=np.inf), "`t0` has an infinite value in row 4"),
    "negative times": (
        SURVIVAL,
        table(t=-1.0),
        "no observations: of 12 rows 12 records end on or before they begin: not used",
    ),
    "times of text": ("mestreg x || g:, time(c) distribution(weibull)", table(c="a"), "`c` holds text, not numbers"),
    "times that are durations": (
        SURVIVAL,
        table(t=pd.to_timedelta(np.arange(ROWS) + 1, unit="D")),
        r"holds durations, not numbers(.|\n)*days: table\['t'\] / pd.Timedelta\(days=1\)",
    ),
    "times that are numerals": (SURVIVAL, table(t="2.5"), r"text, not numbers(.|\n)*pd.to_numeric\(table\['t'\]\)"),
    "entry on a date": (
        SURVIVAL + " enter(c)",
        table(c=pd.Timestamp("2020-01-01")),
        "`c` holds dates(.|\n)*days since",
    ),
    "nobody failed": (SURVIVAL, table(d="alive"), r"text \(alive\).*`failure='d == \"dead\"'`"),
    "unclear failures": (SURVIVAL, table(d="dead"), r"`d` holds text \(dead\), which does not say what a failure is"),
    "three kinds of failure": (
        SURVIVAL,
        table(d=np.tile(["alive", "moved", "dead"], 4)),
        r"`d` holds text \(alive, dead, moved\).*`failure='d == \"moved\"'`",
    ),
    "hazard ratios of times": (SURVIVAL + " time hr", table(), "`hr` is about hazard ratios"),
    "time ratios of hazards": (SURVIVAL + " tratio", table(), "`tratio` prints time ratios"),
    "exposure": (SURVIVAL + " exposure(t)", table(), "`exposure` is not an option of mestreg"),
    # outcomes
    "one outcome": ("memlogit k x || g:", table(k="bus"), "`k` is bus in all 12 observations of the sample; a multi"),
    "many outcomes": (
        "memlogit k x || g:",
        pd.concat([table(k=np.arange(ROWS)), table(k=np.arange(ROWS) + ROWS)]),
        r"`k` has 24 distinct values \(0, 1, 2, 3, 4, ...\): `memlogit` takes at most 20",
    ),
    "no such base": ("memlogit k x || g:, baseoutcome(7)", table(), r"baseoutcome\(7\) does not occur .* are 1, 2, 3"),
    "a base of text": ("memlogit k x || g:, baseoutcome(car)", table(), r"baseoutcome\(car\) does not occur"),
    "a base of two words": ("memlogit k x || g:, baseoutcome(own car)", table(), "`car` is one word too many"),
    "dates as outcomes": (
        "memlogit k x || g:",
        table(k=pd.Timestamp("2020-01-01")),
        "the response `k` holds dates, not numbers",
    ),
    "levels of a factor": ("memlogit k x || _all: R.g", table(), "`R.g` gives a group one effect for each level"),
    "an infinite outcome": ("memlogit k x || g:", changed(2, k=np.inf), "`k` has an infinite value in row 3"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    command, data, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        me.run(command, data, nolog=True)
