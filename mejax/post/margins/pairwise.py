"""All pairwise comparisons of margins, and the groups that they form."""

from dataclasses import dataclass
from itertools import combinations as pairs_of

import numpy as np
import pandas as pd

from ..functions import Functions
from ..tables import wald_rows
from .found import MarginsFound
from .grid import MarginGrid, margin_grid, margin_settings
from .letters import compact_letters
from .multiplicity import check_method
from .simultaneous import Compared, Comparisons, Family, compare, frame_of, method_notes

METHODS = ("noadjust", "bonferroni", "sidak", "scheffe", "holm", "tukey")


@dataclass(frozen=True)
class PairwiseFound(Comparisons):
    """`table` has the differences, `margins` the margins themselves, by term and margin, with their `groups` where
    letters were asked for."""

    margins: pd.DataFrame
    groups: bool


@dataclass(frozen=True)
class _Margins:
    """Margins of one term at one setting that are compared with each other, and the labels of those that are not
    there."""

    heading: str
    stratum: str
    labels: tuple[str, ...]
    places: np.ndarray
    missing: tuple[str, ...]


def pairwise(
    found: MarginsFound,
    *,
    mcompare: str = "noadjust",
    adjustall: bool = False,
    groups: bool = False,
    sort: bool = False,
    level: float = 95.0,
) -> PairwiseFound:
    """Differences of all pairs of margins within each term, as the suite's `pwcompare` has them.

    Margins at several settings (`_at`, variables of `over`, `dydx`, `outcome`) are compared within each of them; the
    overall margin at several settings is compared across them.

    Args:
        found: the margins.
        mcompare: how comparisons are adjusted within their term: noadjust, bonferroni, sidak, scheffe, holm, tukey.
        adjustall: adjust over all terms together (bonferroni, sidak, holm).
        groups: letters for the margins; those that share one do not differ at 100 - `level` per cent.
        sort: comparisons and margins of a term in ascending order.
        level: confidence level in per cent.

    Raises:
        ValueError: if no term has two margins to compare.
    """
    check_method(mcompare, METHODS)
    sets = [part for term in dict.fromkeys(found.terms) for part in _sets(found, term)]
    notes = (*found.notes, *_left_out(sets), *method_notes(mcompare))
    sets = [part for part in sets if len(part.places) > 1]
    if not sets:
        raise ValueError("pwcompare: no term has two margins; ask margins for a factor, or for several settings `at`")
    headings = list(dict.fromkeys(part.heading for part in sets))
    members = {heading: [part for part in sets if part.heading == heading] for heading in headings}
    families = [
        Family(heading, _differences(found.functions, parts), sum(len(p.places) for p in parts))
        for heading, parts in members.items()
    ]
    compared = compare(families, mcompare, adjustall=adjustall, level=level)
    margins = [
        _frame(found.functions, parts, part, groups, level, sort=sort)
        for parts, part in zip(members.values(), compared, strict=True)
    ]
    return PairwiseFound(
        table=frame_of(compared, "comparison", sort=sort),
        counts={c.heading: c.count for c in compared},
        mcompare=mcompare,
        level=level,
        title=f"Pairwise comparisons of {found.title[:1].lower()}{found.title[1:]}",
        source=found,
        notes=notes,
        margins=pd.concat(margins),
        groups=groups,
    )


def _sets(found: MarginsFound, term: tuple[str, ...]) -> list[_Margins]:
    """The margins of a term, apart for each setting."""
    grid = margin_grid(found, term)
    settings = [n for n in margin_settings(found) if len(grid.levels[grid.names.index(n)]) > 1]
    across = term or tuple(settings[:1])
    within = tuple(name for name in settings if name not in across)
    others = tuple(name for name in grid.names if name not in (*across, *within))
    grid = grid.ordered((*within, *across, *others))
    index = grid.index.reshape([*grid.index.shape[: len(within)], -1])
    heading = "@".join(filter(None, ("#".join(across), "#".join(within))))
    labels = _labels(grid, across)
    sets = []
    for place in np.ndindex(*index.shape[:-1]):
        stratum = " ".join(grid.words[axis][k] for axis, k in enumerate(place))
        there = index[place] >= 0
        kept, missing = (tuple(np.array(labels, object)[chosen]) for chosen in (there, ~there))
        sets.append(_Margins(heading, stratum, kept, index[place][there], missing))
    return sets


def _labels(grid: MarginGrid, names: tuple[str, ...]) -> list[str]:
    """`5`, of interactions `5#Urea`."""
    labels = [""]
    for name in names:
        texts = grid.words[grid.names.index(name)]
        labels = [f"{label}#{text}" if label else text for label in labels for text in texts]
    return labels


def _differences(functions: Functions, parts: list[_Margins]) -> Functions:
    """The second of each pair minus the first."""
    rows, labels = [], []
    for part in parts:
        for i, j in pairs_of(range(len(part.places)), 2):
            row = np.zeros(len(functions.values))
            row[part.places[j]], row[part.places[i]] = 1.0, -1.0
            rows.append(row)
            later, earlier = (f"({part.labels[k]})" if "#" in part.labels[k] else part.labels[k] for k in (j, i))
            labels.append(f"({later} vs {earlier}) {part.stratum}" if part.stratum else f"{later} vs {earlier}")
    return functions.combined(tuple(labels), np.array(rows))


def _frame(
    functions: Functions, parts: list[_Margins], compared: Compared, groups: bool, level: float, *, sort: bool
) -> pd.DataFrame:
    """The margins of a term, with their letters."""
    frames, done = [], 0
    for part in parts:
        rows = wald_rows(
            functions.values[part.places], functions.se[part.places], level,
            None if functions.df is None else functions.df[part.places],
        )  # fmt: skip
        labels = [f"{label} {part.stratum}".strip() for label in part.labels]
        index = pd.MultiIndex.from_tuples([(part.heading, label) for label in labels], names=["term", "margin"])
        frame = pd.DataFrame(rows[:, [0, 1, 4, 5]], index=index, columns=pd.Index(["estimate", "se", "lower", "upper"]))
        order = np.argsort(rows[:, 0], kind="stable") if sort else np.arange(len(rows))
        if groups:
            count = len(labels) * (len(labels) - 1) // 2
            p = compared.rows[done : done + count, 3]
            done += count
            frame["groups"] = compact_letters(p < 1.0 - level / 100.0, order)
        frames.append(frame.iloc[order])
    return pd.concat(frames)


def _left_out(sets: list[_Margins]) -> list[str]:
    missing = [
        f"{part.heading} {f'{label} {part.stratum}'.strip()}"
        for part in sets
        if len(part.places)
        for label in part.missing
    ]
    return [f"not estimable and not compared: {', '.join(missing)}."] if missing else []
