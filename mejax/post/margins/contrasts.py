"""Contrasts of margins: named and custom ones, within levels of other factors, with their joint tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ..wald import JointTest, joint_test
from .contrast_rows import TermContrasts, term_contrasts
from .contrast_terms import ContrastTerm, contrast_terms
from .found import MarginsFound
from .grid import margin_factors, margin_settings
from .multiplicity import check_method
from .simultaneous import Compared, Comparisons, Family, compare, frame_of, method_notes

METHODS = ("noadjust", "bonferroni", "sidak", "scheffe", "holm")
JOINT, OVERALL = "Joint", "Overall"


@dataclass(frozen=True)
class ContrastFound(Comparisons):
    """`table` has the single contrasts, `tests` each term's joint test and those of its single contrasts, both indexed
    by term and contrast; `omnibus` are the terms without single contrasts."""

    tests: pd.DataFrame
    omnibus: tuple[str, ...]


def contrast(
    found: MarginsFound,
    operators: Sequence[str] | str | None = None,
    *,
    weights: Mapping[str, Any] | None = None,
    mcompare: str = "noadjust",
    adjustall: bool = False,
    overall: bool = False,
    sort: bool = False,
    level: float = 95.0,
) -> ContrastFound:
    r"""Contrasts of margins, in the notation of the suite's `contrast`.

    `r.thatch` contrasts levels with the base (the model's, or that of `rb5.thatch`, `rb(last).thatch`,
    `rb(#2).thatch`), `a` with the next level, `ar` with the previous, `g` with the mean of all, `h` with that of the
    following, `j` with that of the preceding ones; `p` and `q` are orthogonal polynomials in the levels' values and
    numbers; `gw hw jw pw qw` weight levels; `r3.thatch` and `p(1 2).thatch` select levels or degrees.
    `{thatch 1 -1 0}` are coefficients of one's own, more rows after a backslash.  `#` crosses the contrasts of factors,
    `r.thatch@nitrogen` takes them within each level of nitrogen, `r.thatch@2.nitrogen` within one; `a##b` is a, b and
    a#b.  Without operators there are joint tests only: of main effects, interactions (`thatch#nitrogen`) and simple
    effects (`thatch@nitrogen`).

    Margins at several settings are contrasted within each of them, unless a term names `_at`, a variable of `over`,
    `outcome` or `dydx` as it would a factor: `r._at`.

    Args:
        found: the margins.  A factor whose own margins are not among them is contrasted in those of the smallest
            interaction that has it, averaged with equal weights over the levels of the others.
        operators: the terms; by default those of the margins, without operators.
        weights: for the weighted operators, {factor: counts}, in the order of the levels or by level.
        mcompare: how single contrasts are adjusted within their term: noadjust, bonferroni, sidak, scheffe, holm.
        adjustall: adjust over all terms together.
        overall: a joint test of everything too, where there are several terms.
        sort: the single contrasts of a term in ascending order.
        level: confidence level in per cent.

    Raises:
        ValueError: if a term cannot be understood, or needs margins that are not there.
    """
    check_method(mcompare, METHODS)
    asked = _asked(found, operators)
    terms = _distinct([term_contrasts(found, term, weights or {}) for term in asked], asked)
    families = [Family(term.heading, term.functions) for term in terms if not term.omnibus]
    compared = compare(families, mcompare, adjustall=adjustall, level=level)
    joint = [joint_test(term.functions) for term in terms]
    everything = None
    if overall and len(terms) > 1:
        rows = np.vstack([term.rows for term in terms])
        everything = joint_test(found.functions.combined(tuple(map(str, range(len(rows)))), rows))
    return ContrastFound(
        table=frame_of(compared, "contrast", sort=sort),
        counts={part.heading: part.count for part in compared},
        mcompare=mcompare,
        level=level,
        title=f"Contrasts of {found.title[:1].lower()}{found.title[1:]}",
        source=found,
        notes=(*found.notes, *_notes(terms, joint), *method_notes(mcompare)),
        tests=_tests(terms, joint, compared, everything),
        omnibus=tuple(term.heading for term in terms if term.omnibus),
    )


def _asked(found: MarginsFound, operators: Sequence[str] | str | None) -> tuple[ContrastTerm, ...]:
    if operators is None:
        operators = ["#".join(term) for term in found.terms if term]
        if not operators:
            raise ValueError('contrast: the margins have no factors; name contrasts of settings, such as "r._at"')
    return contrast_terms(operators, (*margin_factors(found), *margin_settings(found)))


def _distinct(terms: list[TermContrasts], asked: Sequence[ContrastTerm]) -> list[TermContrasts]:
    """Headings of factors alone; the text as it was written where two would be alike."""
    headings = [term.heading for term in terms]
    return [
        replace(term, heading=written.text) if headings.count(term.heading) > 1 and written.text else term
        for term, written in zip(terms, asked, strict=True)
    ]


def _tests(
    terms: list[TermContrasts], joint: list[JointTest], compared: Sequence[Compared], overall: JointTest | None
) -> pd.DataFrame:
    """Single contrasts with their adjusted p-values, simple effects and joint tests."""
    single = {part.heading: part for part in compared}
    index: list[tuple[str, str]] = []
    tests: list[JointTest] = []
    for term, whole in zip(terms, joint, strict=True):
        found = _simple_effects(term) if term.omnibus else _single_tests(single[term.heading])
        for label, test in [*found, (JOINT, whole)]:
            index.append((term.heading, label))
            tests.append(test)
    if overall is not None:
        index.append((OVERALL, JOINT))
        tests.append(overall)
    keys = pd.MultiIndex.from_tuples(index, names=["term", "contrast"])
    statistic = np.array([test.statistic for test in tests])
    p, df = np.array([test.p for test in tests]), np.array([test.df for test in tests])
    if all(test.ddf is None for test in tests):
        return pd.DataFrame({"df": df, "chi2": statistic, "p": p}, index=keys)
    ddf = np.array([test.ddf for test in tests], float)
    return pd.DataFrame({"df": df, "ddf": ddf, "F": statistic, "p": p}, index=keys)


def _single_tests(compared: Compared) -> list[tuple[str, JointTest]]:
    degrees = [None] * len(compared.labels) if compared.df is None else list(compared.df)
    tests = []
    for label, row, ddf in zip(compared.labels, compared.rows, degrees, strict=True):
        tests.append((label, JointTest(float(row[2] ** 2), int(np.isfinite(row[2])), ddf, float(row[3]))))
    return tests


def _simple_effects(term: TermContrasts) -> list[tuple[str, JointTest]]:
    """A joint test within each level of the factors after @."""
    strata = dict.fromkeys(term.strata)
    if len(strata) < 2:
        return []
    eye = np.eye(len(term.strata))
    rows = {name: eye[[stratum == name for stratum in term.strata]] for name in strata}
    return [(name, joint_test(term.functions.combined(("",) * len(part), part))) for name, part in rows.items()]


def _notes(terms: list[TermContrasts], joint: list[JointTest]) -> list[str]:
    notes = []
    for term, test in zip(terms, joint, strict=True):
        if term.averaged:
            over, source = " and ".join(term.averaged), "#".join(term.source)
            notes.append(f"{term.heading}: margins of {source}, averaged over {over} with equal weights.")
        wanted, rank = int(np.linalg.matrix_rank(term.rows)), test.df
        if rank < wanted:
            notes.append(f"{term.heading}: of {wanted} independent contrasts {rank} vary and can be tested.")
    return list(dict.fromkeys(notes))
