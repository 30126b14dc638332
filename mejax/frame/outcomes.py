"""The response of `memlogit`: outcomes without order, one of which is the base."""

import re
from typing import Any

import numpy as np

from ..syntax.families import FamilyChoice
from ..syntax.spec import Spec
from .column import level_text
from .evaluate import words
from .needs import Needs, frequencies, response_column, sample_of
from .response_coding import CodedResponse, ResponseCoding, categories
from .sample import Sample
from .table import Source

_MOST = 20  # outcomes: each has coefficients and random effects of its own


def outcome_response(spec: Spec, source: Source, needs: Needs, sample: Sample, choice: FamilyChoice) -> CodedResponse:
    """Numbers 0, 1, ... of the outcomes in the order of their values."""
    label = words(spec.response)
    codes, values, labels = categories(sample_of(needs.response, label, sample), response_column(spec, source))
    labels = _one_line(labels, values)
    _require_outcomes(label, labels, sample)
    asked = spec.option("baseoutcome")
    base = _place(asked, values, labels) if asked is not None else _commonest(codes, frequencies(spec, needs, sample))
    notes = () if asked is not None else (f"note: the base outcome is {labels[base]}, the most frequent one",)
    coding = ResponseCoding(
        choice.name, choice.link, {"categories": labels, "base": base}, None, values, labels,
        equations=tuple(name for k, name in enumerate(equation_names(labels)) if k != base),
        facts=(("Base outcome", labels[base]),),
    )  # fmt: skip
    return CodedResponse(codes.astype(np.float64), coding, notes)


def _one_line(labels: tuple[str, ...], values: tuple[Any, ...]) -> tuple[str, ...]:
    """Labels as tables can show them; the values themselves where labels are not different."""
    for texts in (labels, tuple(level_text(value) for value in values)):
        shown = tuple(" ".join(text.split()) for text in texts)
        if len(set(shown)) == len(shown) and all(shown):
            return shown
    return tuple(map(repr, values))  # they differ in blanks


def equation_names(labels: tuple[str, ...]) -> tuple[str, ...]:
    """What stands before the colon in `2:age`: the outcomes' texts, without what has a meaning in labels."""
    names = tuple(re.sub(r"[^\w.]", "_", label) or "_" for label in labels)
    if len(set(names)) == len(names):
        return names
    return tuple(f"{name}_{k + 1}" for k, name in enumerate(names))


def _require_outcomes(label: str, labels: tuple[str, ...], sample: Sample) -> None:
    if len(labels) == 1:
        raise ValueError(f"the outcome does not vary: `{label}` is {labels[0]} in all {sample.n:,} observations of the "
                         "sample; a multinomial model needs at least two outcomes")  # fmt: skip
    if len(labels) > _MOST:
        listed = ", ".join(labels[:5])
        raise ValueError(f"`{label}` has {len(labels):,} distinct values ({listed}, ...): `memlogit` takes at most "
                         f"{_MOST} outcomes; put them into groups, or use a model of numbers")  # fmt: skip


def _commonest(codes: np.ndarray, counts: np.ndarray | None) -> int:
    """The most frequent outcome, the first of several."""
    return int(np.argmax(np.bincount(codes, weights=counts)))


def _place(asked: float | str, values: tuple[Any, ...], labels: tuple[str, ...]) -> int:
    text = level_text(asked)
    for place, (value, label) in enumerate(zip(values, labels, strict=True)):
        if value == asked or text in (label, level_text(value)):
            return place
    raise ValueError(f"baseoutcome({text}) does not occur in the sample: the outcomes are {', '.join(labels)}")
