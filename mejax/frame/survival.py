"""The response of `mestreg`: which records are used, and what they say."""

import numpy as np

from ..syntax.expression import Binary, Name
from ..syntax.families import FamilyChoice
from ..syntax.spec import Spec
from .evaluate import words
from .needs import Needs, frequencies, sample_of
from .records import FAULTS, Records, failure_condition
from .response_coding import CodedResponse, ResponseCoding, total
from .sample import Sample, first_row
from .table import Source


def usable_records(spec: Spec, needs: Needs, sample: Sample) -> Sample:
    """The sample without records that cannot be used, with a note for each reason."""
    records = needs.records
    if records is None:
        return sample
    _require_times(spec, needs, sample)
    for number, fault in enumerate(FAULTS, start=1):
        marked = sample.take(records.fault) == number
        count = int(np.count_nonzero(marked))
        if count:
            what = f"1 record {fault.one}" if count == 1 else f"{count:,} records {fault.several}"
            sample = sample.leave(marked, f"note: {what}: not used")
    sample.require()
    return sample


def _require_times(spec: Spec, needs: Needs, sample: Sample) -> None:
    sample_of(needs.response, words(spec.response), sample)
    if spec.option("enter") is None:
        return
    label = words(spec.option("enter"))
    entry = sample_of(needs.values("enter"), label, sample)
    if np.any(entry < 0):
        raise ValueError(f"`{label}` is {entry[entry < 0][0]:g} in row {first_row(entry < 0, sample)}: a record enters "
                         "at time 0 or later, so correct it, or count time from an earlier origin")  # fmt: skip


def survival_response(spec: Spec, source: Source, needs: Needs, sample: Sample, choice: FamilyChoice) -> CodedResponse:
    """(entry, exit, failure) of the records that are used."""
    records = needs.records
    assert records is not None
    entry, exit, failure = (sample.take(part) for part in (records.entry, records.exit, records.failure))
    if not failure.any():
        found = "" if spec.option("failure") is None else f" (`{words(spec.option('failure'))}` is 0 in all of them)"
        raise ValueError(f"none of the {sample.n:,} records ends in a failure{found}: nothing can be said about the "
                         "hazard; a value of `failure` other than 0 is a failure")  # fmt: skip
    counts = frequencies(spec, needs, sample)
    facts = (
        *_variables(spec),
        *_subjects(records, sample, counts),
        ("No. of failures", total(failure == 1, counts)),
        ("Time at risk", float(np.sum((exit - entry) if counts is None else counts * (exit - entry)))),
    )
    details = {"aft": choice.aft, "delayed": bool(np.any(entry > 0))}
    coding = ResponseCoding(choice.name, choice.link, details, facts=facts)
    notes = (*_failure_notes(spec, source, failure), *_gaps(sample.take(records.gap)))
    return CodedResponse((entry, exit, failure), coding, notes)


def _variables(spec: Spec) -> tuple[tuple[str, str], ...]:
    """What a record's end, its failure, its begin and its subject are called."""
    given = (("Time", spec.response), *((name.capitalize(), spec.option(name)) for name in ("failure", "enter", "id")))
    return tuple((label, part if isinstance(part, str) else words(part)) for label, part in given if part is not None)


def _subjects(records: Records, sample: Sample, counts: np.ndarray | None) -> tuple[tuple[str, int], ...]:
    """Their number, where a column tells them apart."""
    if records.subject is None:
        return ()
    first = np.zeros(sample.n, bool)
    first[np.unique(sample.take(records.subject), return_index=True)[1]] = True
    return (("No. of subjects", total(first, counts)),)


def _failure_notes(spec: Spec, source: Source, failure: np.ndarray) -> tuple[str, ...]:
    """Say what a text means, and where a column of failures holds nothing else (it may be coded 1 and 2)."""
    expression = spec.option("failure")
    if expression is None:
        return ()
    if failure.all():
        return (f"note: `{words(expression)}` is 0 in none of the records: all end in a failure",)
    condition = failure_condition(expression, source)
    translated = isinstance(expression, Name) and isinstance(condition, Binary)
    return (f"note: a failure is {words(condition)}",) if translated else ()


def _gaps(gap: np.ndarray) -> tuple[str, ...]:
    count = int(np.count_nonzero(gap))
    if not count:
        return ()
    what = "1 record begins" if count == 1 else f"{count:,} records begin"
    return (f"note: {what} later than the previous one of its subject ended: nobody is at risk in between",)
