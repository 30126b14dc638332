"""Survival-time setting: who is at risk from when to when, and whether a failure ends it.

A record is at risk in (entry, exit].  It is set over the whole table, whatever rows the model uses: where a subject has
several records and no entry times are given, each begins where the one before it ended, also when that one has a
missing covariate.  Records that cannot be used are marked, not removed; the table keeps its order.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ..syntax.expression import Binary, Call, Expression, Name, Text
from ..syntax.spec import Span
from .column import CONTENTS, Column, level_text
from .evaluate import compares
from .levels import compress
from .table import Source

_CENSORED = ("0", "no", "false", "censored", "alive")  # texts that say that nothing happened


class Fault(NamedTuple):
    """Why records are not used, in the words for one and for several."""

    one: str
    several: str


FAULTS = (
    Fault("ends on or before it begins", "end on or before they begin"),
    Fault("ends at the same time as another of its subject", "end at the same time as another of their subject"),
    Fault("overlaps its subject's previous one", "overlap their subject's previous one"),
    Fault("begins on or after its subject's first failure; leave `id` out if failures recur",
          "begin on or after their subject's first failure; leave `id` out if failures recur"),
)  # fmt: skip
_EMPTY, _SIMULTANEOUS, _OVERLAPPING, _LATE = range(1, 5)


@dataclass(frozen=True)
class Records:
    """Over the table: times, whether a failure ends the record, `fault` (0: usable, k: `FAULTS[k - 1]`), subjects
    (None: every record is one), and whether nobody was at risk between the subject's previous record and this one."""

    entry: np.ndarray
    exit: np.ndarray
    failure: np.ndarray
    fault: np.ndarray
    subject: np.ndarray | None
    gap: np.ndarray


def set_records(
    exit: np.ndarray, failure: np.ndarray | None, enter: np.ndarray | None, subjects: Column | None
) -> Records:
    """The records of a table; without `failure` all end in one, without `subjects` each is a subject of its own.

    Args:
        exit: (n,) times at which records end, NaN where missing, as in the others.
        failure: (n,) numbers, of which 0 is no failure.
        enter: (n,) times at which records begin.
        subjects: the column that tells subjects apart.
    """
    n = len(exit)
    entry = np.zeros(n) if enter is None else np.array(enter)
    failure = np.ones(n) if failure is None else failure
    # a record of which only the failure is unknown still says until when its subject was at risk elsewhere
    present = np.isfinite(exit) & np.isfinite(entry)
    failed = np.where(present & ~np.isnan(failure) & (failure != 0), 1.0, 0.0)
    fault = np.where(present & (exit <= entry), _EMPTY, 0).astype(np.int8)
    records = Records(entry, np.array(exit), failed, fault, None, np.zeros(n, bool))
    if subjects is None:
        return records
    if subjects.missing is not None:
        present &= ~subjects.missing
    codes = np.full(n, -1)
    codes[present] = compress(subjects.values[present])[0]
    _follow(records, codes, np.flatnonzero(present & (fault == 0)), given=enter is not None)
    return replace(records, subject=codes)


def _follow(records: Records, codes: np.ndarray, rows: np.ndarray, *, given: bool) -> None:
    """Mark what is wrong from one record of a subject to the next; entries that are not `given` are made."""
    entry, exit, fault = records.entry, records.exit, records.fault
    order = rows[np.lexsort((entry[rows], exit[rows], codes[rows]))]
    same = np.zeros(len(order), bool)
    same[1:] = codes[order][1:] == codes[order][:-1]
    before = np.where(same, np.roll(exit[order], 1), 0.0)
    if given:
        fault[order[same & (entry[order] < before)]] = _OVERLAPPING
        records.gap[order[same & (entry[order] > before)]] = True
    else:
        entry[order] = before
        fault[order[same & (exit[order] == before)]] = _SIMULTANEOUS
    order = order[fault[order] == 0]
    first = np.full(codes.max(initial=-1) + 1, np.inf)
    failing = order[records.failure[order] == 1]
    np.minimum.at(first, codes[failing], exit[failing])
    fault[order[entry[order] >= first[codes[order]]]] = _LATE


def failure_condition(expression: Expression, source: Source) -> Expression:
    """The failure as an expression that is 0 or 1: `status != "alive"` for a column of two texts."""
    column = _text_column(expression, source)
    if column is None:
        return expression if compares(expression) else Call("sign", (Call("abs", (expression,)),))
    assert column.levels is not None
    texts = [level_text(level) for level in column.levels]
    censored = [text for text in texts if text.lower() in _CENSORED]
    if len(texts) == 2 and len(censored) == 1:
        return Binary("!=", expression, Text(censored[0]))
    failing = [text for text in texts if text not in censored]
    raise ValueError(f"`{column.name}` holds {CONTENTS[column.kind]} ({', '.join(texts[:5])}), which does not say what "
                     "a failure is: write a condition such as "
                     f"`failure='{column.name} == \"{(failing or ['dead'])[-1]}\"'`")  # fmt: skip


def _text_column(expression: Expression, source: Source) -> Column | None:
    """The column that the expression is, where that holds text, or categories that are no numbers."""
    if not isinstance(expression, Name) or expression.name not in source.names:
        return None
    column = source.column(expression.name, Span(expression.start, expression.end))
    if column.levels is None or column.kind not in ("text", "category"):
        return None
    return None if all(isinstance(level, (int, float, np.number)) for level in column.levels) else column
