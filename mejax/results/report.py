"""What is printed about a fit: `Estimates` and display options into a `Report`."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from .._status import Status
from ..fitting import Estimates
from ..post.hypotheses import Wald
from ..post.scales import standard_deviations
from ..post.tables import Lines, coefficient_lines, component_lines
from ..syntax import Spec
from ..tables import Block, Group, LRTest, ModelTest, Report, Row, abbreviate, visible_rows

CONVERGENCE = {
    Status.NOT_CONVERGED: "Warning: convergence not achieved.",
    Status.NOT_IDENTIFIED: "Warning: the model is not identified.",
    Status.INTERRUPTED: "Warning: interrupted; these are the values of the last iteration.",
}


def linear_report(spec: Spec, estimates: Estimates, wald: Wald, notes: tuple[str, ...]) -> Report:
    """The output of `mixed`."""
    level = spec.option("level", 95.0)
    reml = estimates.model.reml
    header = not spec.option("noheader")
    robust = estimates.vce != "oim"
    likelihood = "Log pseudolikelihood" if robust else "Log restricted-likelihood" if reml else "Log likelihood"
    test = estimates.null_test
    show_test = test is not None and not spec.option("nolrtest") and not robust
    return Report(
        title=f"Mixed-effects {'REML' if reml else 'ML'} regression" if header else "",
        response=estimates.names.response,
        fixed=() if spec.option("nofetable") else (Block("", tuple(fixed_rows(spec, estimates, level))),),
        random=() if spec.option("noretable") else tuple(random_blocks(spec, estimates, level)),
        nobs=estimates.nobs,
        groups=() if spec.option("nogroup") else group_rows(estimates),
        facts=(("Weights", estimates.names.weight),) if estimates.names.weight else (),
        wald=ModelTest(wald.df, wald.chi2, wald.p),
        loglik=estimates.llf,
        loglik_label=likelihood,
        constraints=() if spec.option("nocnsreport") else estimates.constraints,
        notes=tuple(f"note: {n}" if not n.startswith("note") else n for n in notes),
        cluster=(estimates.clusters[1], estimates.clusters[0]) if estimates.clusters else None,
        lr_test=LRTest("linear model", test.kind, test.stat, test.p, test.conservative) if test and show_test else None,
        footnotes=tuple(ending(estimates)),
        se_title="Robust std. err." if robust else "Std. err.",
        level=level,
    )


def ending(estimates: Estimates) -> Iterator[str]:
    """Warnings below the tables: the status and its diagnosis."""
    if estimates.status in CONVERGENCE:
        yield CONVERGENCE[estimates.status]
    yield from (f"Note: {text}" for text in estimates.notes)


def group_rows(estimates: Estimates) -> tuple[Group, ...]:
    return tuple(Group(g.label, g.count, g.minimum, g.average, g.maximum) for g in estimates.names.groups)


def fixed_rows(spec: Spec, estimates: Estimates, level: float) -> tuple[Row, ...]:
    """The coefficient table, rows without an estimate included as the display options ask."""
    values = coefficient_lines(estimates, level).values
    rows = []
    for column in estimates.names.fixed:
        label = column.label if not column.term else column.raw_level if spec.option("nofvlabel") else column.level
        if column.term and not label:
            label, term = column.label, ""
        else:
            term = column.term
        if column.index < 0:
            rows.append(Row(label, 0.0, note=column.status, term=term))
        elif np.isnan(values[column.index, 1]):
            rows.append(Row(label, values[column.index, 0], note="constrained", term=term))
        else:
            rows.append(Row(label, *values[column.index], term=term))
    base = "all" if spec.option("allbaselevels") else bool(spec.option("baselevels"))
    return tuple(
        visible_rows(rows, base=base, omitted=not spec.option("noomitted"), empty=not spec.option("noemptycells"))
    )


def random_blocks(spec: Spec, estimates: Estimates, level: float) -> Iterator[Block]:
    """One block per random-effects equation, then the residual's."""
    lines = standard_deviations(estimates, level) if spec.option("stddeviations") else component_lines(estimates, level)
    numbered = zip(estimates.component_info, zip(lines.labels, lines.values, strict=True), strict=True)
    for equation, members in groupby(numbered, key=lambda pair: pair[0].equation):
        rows = tuple(_random_row(component, label, values) for component, (label, values) in members)
        yield Block(_heading(estimates, equation), rows)


def _heading(estimates: Estimates, equation: int) -> str:
    if equation < 0:
        return ""
    name = estimates.names.effects[equation]
    structure = name.covariance.capitalize()
    return f"{abbreviate(name.name, 26 - len(structure))}: {structure}"


def _random_row(component, label: str, values: np.ndarray) -> Row:
    short = label.split(":", 1)[1] if component.equation >= 0 else label
    if component.note:
        return Row(short, values[0], note="constrained")
    return Row(short, values[0], values[1], None, None, values[4], values[5])


def all_lines(estimates: Estimates, level: float) -> Lines:
    """Everything printed, in printed order."""
    fixed, random = coefficient_lines(estimates, level), component_lines(estimates, level)
    return Lines(fixed.labels + random.labels, np.vstack([fixed.values, random.values]))
