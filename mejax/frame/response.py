"""The response of a generalized linear model: what its values mean, and the arrays that its family takes."""

from typing import Any

import numpy as np

from ..syntax.families import FamilyChoice, family_of
from ..syntax.problem import SyntaxProblem
from ..syntax.spec import Span, Spec
from .censored import interval_response, limited_response
from .column import CONTENTS, Column, level_text
from .evaluate import words
from .levels import compress
from .needs import Needs, response_column, sample_of
from .outcomes import outcome_response
from .response_coding import CodedResponse, ResponseCoding, categories, value_labels
from .sample import Sample
from .survival import survival_response
from .table import Source

_CODERS = {
    "metobit": limited_response, "meintreg": interval_response, "mestreg": survival_response,
    "memlogit": outcome_response,
}  # fmt: skip


def code_response(spec: Spec, source: Source, needs: Needs, sample: Sample) -> CodedResponse:
    """The response over the sample as its family takes it; ranges are the family's to check."""
    choice = family_of(spec)
    if choice is not None and spec.command in _CODERS:
        return _CODERS[spec.command](spec, source, needs, sample, choice)
    label = words(spec.response)
    values = sample_of(needs.response, label, sample)
    if choice is None:
        return CodedResponse(values)
    column = response_column(spec, source)
    if choice.name == "bernoulli":
        return _outcome(values, label, column, choice, sample)
    if choice.name == "ordinal":
        return _categories(values, column, choice, spec)
    if choice.name == "binomial":
        return _counted(values, needs, choice, sample)
    details = {} if choice.dispersion is None else {"dispersion": choice.dispersion}
    return CodedResponse(values, ResponseCoding(choice.name, choice.link, details))


def _counted(values: np.ndarray, needs: Needs, choice: FamilyChoice, sample: Sample) -> CodedResponse:
    """Counts of successes and their trials, one each where none are named."""
    if choice.trials is None:
        return CodedResponse((values, np.ones(sample.n)), ResponseCoding(choice.name, choice.link, trials="1"))
    text = words(choice.trials)
    trials = sample_of(needs.values("binomial"), text, sample)
    return CodedResponse((values, trials), ResponseCoding(choice.name, choice.link, trials=text))


def _outcome(
    values: np.ndarray, label: str, column: Column | None, choice: FamilyChoice, sample: Sample
) -> CodedResponse:
    """0 and 1: as in the suite 0 is the negative outcome and any other number the positive one."""
    if column is not None and column.kind != "number":
        values, pair = _two_levels(values, column)
        notes = (f"note: {label} is 1 for {level_text(pair[1])}, 0 for {level_text(pair[0])}",)
        labels = (level_text(pair[0]), level_text(pair[1]))
    else:
        recoded = int(np.count_nonzero((values != 0) & (values != 1)))
        values_are, count = ("value", "counts") if recoded == 1 else ("values", "count")
        found = f"note: {recoded:,} {values_are} of {label} other than 0 and 1 {count} as 1"
        notes = (found,) if recoded else ()
        pair, labels = (0, 1), value_labels((0, 1), None if recoded else column)
    y = (values != 0).astype(np.float64)
    total = int(np.count_nonzero(y))
    if total in (0, len(y)):
        raise ValueError(_constant(label, values, labels[int(total > 0)], sample))
    return CodedResponse(y, ResponseCoding(choice.name, choice.link, values=pair, labels=labels), notes)


def _constant(label: str, values: np.ndarray, shown: str, sample: Sample) -> str:
    low, high = values.min(), values.max()
    if low != high:
        return (f"`{label}` is never 0 in the sample (its values go from {low:g} to {high:g}): 0 is the negative "
                "outcome, any other value the positive one, so that nothing varies; recode it to 0 and 1")  # fmt: skip
    shown = shown if shown not in ("0", "1") else f"{low:g}"
    return f"the outcome does not vary: `{label}` is {shown} in all {sample.n:,} observations of the sample"


def _two_levels(codes: np.ndarray, column: Column) -> tuple[np.ndarray, tuple[Any, Any]]:
    """Text or categories of which two occur; a category with two levels keeps both, should one be absent."""
    assert column.levels is not None
    present = np.arange(2) if len(column.levels) == 2 else compress(codes.astype(np.int64))[1]
    if len(present) == 1:
        raise ValueError(f"the outcome does not vary: `{column.name}` is {level_text(column.levels[present[0]])} in "
                         "every observation of the sample")  # fmt: skip
    if len(present) > 2:
        listed = ", ".join(level_text(level) for level in column.levels[present[:6]])
        raise ValueError(f"`{column.name}` has {len(present)} categories ({listed}{', ...' if len(present) > 6 else ''}"
                         "): a binary outcome has two; use an ordinal model (`meologit`), or make a column that is 1 "
                         "for one of them")  # fmt: skip
    first, second = column.levels[present]
    return (codes == present[1]).astype(np.float64), (first, second)


def _categories(values: np.ndarray, column: Column | None, choice: FamilyChoice, spec: Spec) -> CodedResponse:
    """Category numbers 0, 1, ... of the values that occur, in the order of numbers or of an ordered category."""
    coded = None if column is None or column.kind == "number" else column
    if coded is not None and not (coded.ordered or _numeric(coded)):
        advice = (f"Number its values, or give it an order: pd.Categorical(table['{coded.name}'], categories=[...], "
                  "ordered=True).")  # fmt: skip
        raise SyntaxProblem(f"the response `{coded.name}` holds {CONTENTS[coded.kind]} in no order", spec.text,
                            _span(spec), advice)  # fmt: skip
    codes, held, labels = categories(values, column)
    coding = ResponseCoding(choice.name, choice.link, {"categories": labels}, None, held, labels)
    return CodedResponse(codes.astype(np.float64), coding)


def _numeric(column: Column) -> bool:
    """Categories that are numbers stand in their order already."""
    levels = column.levels
    return levels is not None and levels.dtype.kind in "iuf" and bool(np.all(np.diff(levels) > 0))


def _span(spec: Spec) -> Span:
    return Span(getattr(spec.response, "start", 0), getattr(spec.response, "end", 0))
