"""Tables of contrasts and pairwise comparisons in the suite's look."""

from collections.abc import Mapping, Sequence
from typing import SupportsFloat

from .formats import count, fixed, number
from .sections import Section, Sheet, Title

Numbers = Sequence[SupportsFloat]


def tests_sheet(
    terms: Mapping[str, Sequence[tuple[str, Numbers]]],
    omnibus: Sequence[str],
    denominator: bool,
    notes: tuple[str, ...],
) -> Sheet:
    """Joint tests: by term the rows (label, (df, chi2, p) or (df, ddf, F, p)), of which the last is the term's own;
    one of a term of `omnibus` without others stands beside the term's name."""
    titles = [Title("df", 11, (11,)), *([Title("ddf", 11, (11,))] if denominator else [])]
    name = "F" if denominator else "chi2"
    titles += [Title(name, 12, (12,)), Title(f"P>{name}", 11, (11,))]
    sections = []
    for term, rows in terms.items():
        shown = [(label, _test_cells(values)) for label, values in rows]
        if len(shown) == 1 and term in omnibus:
            sections.append(Section("", ((term, shown[0][1]),)))
        else:
            shown = shown[:-1] if len(shown) == 2 else shown  # a joint test of one thing says nothing new
            sections.append(Section(term, tuple(shown)))
    return Sheet(tuple(titles), tuple(sections), notes)


def counts_sheet(counts: Mapping[str, int], what: str) -> Sheet:
    """How many contrasts (or comparisons) each term has."""
    rows = tuple((term, (count(size),)) for term, size in counts.items())
    return Sheet((Title(what, 13, (13,), "Number of"),), (Section("", rows),))


def effects_sheet(
    terms: Mapping[str, Sequence[tuple[str, Numbers]]],
    letter: str,
    level: float,
    *,
    above: tuple[str, str, str] = ("", "", ""),
    notes: tuple[str, ...] = (),
) -> Sheet:
    """Contrasts: by term rows (label, (estimate, se, z or t, p, lower, upper)); `above` stands over the standard
    errors, the p-values and the intervals."""
    kind, tests, intervals = above
    titles = (
        Title("Contrast", 11, (11,)), Title("std. err." if kind else "Std. err.", 12, (11,), kind),
        Title(letter, 7, (9,)), Title(f"P>|{letter}|", 9, (8,), tests),
        Title(f"[{level:g}% conf. interval]", 25, (13, 12), intervals),
    )  # fmt: skip
    sections = [Section(term, tuple((label, _effect_cells(v)) for label, v in rows)) for term, rows in terms.items()]
    return Sheet(titles, tuple(sections), notes)


def groups_sheet(
    terms: Mapping[str, Sequence[tuple[str, tuple[SupportsFloat, SupportsFloat, str]]]], kind: str, method: str,
    notes: tuple[str, ...] = (),
) -> Sheet:  # fmt: skip
    """Margins with the letters of their groups: by term rows (label, (margin, se, letters))."""
    letters = sorted({letter for rows in terms.values() for _, row in rows for letter in row[2]})
    width = max(len(method), len(letters), 6) + 4
    titles = (
        Title("Margin", 11, (11,)), Title("std. err." if kind else "Std. err.", 12, (12,), kind),
        Title("Groups", width, (width,), method),
    )  # fmt: skip
    sections = [
        Section(term, tuple((label, (number(m), number(se), _spread(text, letters))) for label, (m, se, text) in rows))
        for term, rows in terms.items()
    ]
    return Sheet(titles, tuple(sections), notes)


def _spread(text: str, letters: list[str]) -> str:
    """Each letter in a column of its own."""
    return "".join(letter if letter in text else " " for letter in letters)


def _test_cells(values: Numbers) -> tuple[str, ...]:
    df, *ddf, statistic, p = values
    return (count(df), *(fixed(value, 2) for value in ddf), fixed(statistic, 2, 10), fixed(p, 4))


def _effect_cells(values: Numbers) -> tuple[str, ...]:
    estimate, se, z, p, lower, upper = values
    return number(estimate), number(se), fixed(z, 2, 8), fixed(p, 3), number(lower), number(upper)
