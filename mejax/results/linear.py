"""What is printed about a linear mixed model."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from ..fitting import Estimates
from ..post.hypotheses import Wald
from ..post.scales import standard_deviations
from ..post.tables import coefficient_lines, component_lines
from ..syntax import Spec
from ..tables import Block, LRTest, ModelTest, Report, Row, abbreviate
from .rows import ending, fixed_rows, group_rows, note_lines


def linear_report(spec: Spec, estimates: Estimates, wald: Wald) -> Report:
    """The output of `mixed`."""
    level = spec.option("level", 95.0)
    reml = estimates.model.reml
    header = not spec.option("noheader")
    robust = estimates.vce != "oim"
    likelihood = "Log pseudolikelihood" if robust else "Log restricted-likelihood" if reml else "Log likelihood"
    test = estimates.null_test
    show_test = test is not None and not spec.option("nolrtest") and not robust
    fixed = Block("", fixed_rows(spec, estimates, coefficient_lines(estimates, level)))
    return Report(
        title=f"Mixed-effects {'REML' if reml else 'ML'} regression" if header else "",
        response=estimates.names.response,
        fixed=() if spec.option("nofetable") else (fixed,),
        random=() if spec.option("noretable") else tuple(random_blocks(spec, estimates, level)),
        nobs=estimates.nobs if header else None,
        groups=group_rows(estimates) if header and not spec.option("nogroup") else (),
        facts=(("Weights", estimates.names.weight),) if header and estimates.names.weight else (),
        wald=ModelTest(wald.df, wald.chi2, wald.p) if header else None,
        loglik=estimates.llf if header else None,
        loglik_label=likelihood,
        constraints=() if spec.option("nocnsreport") else estimates.constraints,
        notes=note_lines(estimates.names.notes),
        cluster=(estimates.clusters[1], estimates.clusters[0]) if estimates.clusters else None,
        lr_test=LRTest("linear model", test.kind, test.stat, test.p, test.conservative) if test and show_test else None,
        footnotes=tuple(ending(estimates)),
        se_title="Robust std. err." if robust else "Std. err.",
        level=level,
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
