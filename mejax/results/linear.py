"""What is printed about a linear mixed model."""

from ..fitting import Estimates
from ..post.estat.degrees import TITLES
from ..post.hypotheses.hypotheses import Wald
from ..post.tables import coefficient_lines
from ..syntax import Spec
from ..tables import Block, DegreesOfFreedom, LRTest, Report
from .components import random_blocks
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
        df=_degrees(estimates) if header else None,
        wald=wald.printed if header else None,
        loglik=estimates.llf if header else None,
        loglik_label=likelihood,
        constraints=() if spec.option("nocnsreport") else estimates.constraints,
        notes=note_lines(estimates.names.notes),
        cluster=(estimates.clusters[1], estimates.clusters[0]) if estimates.clusters else None,
        lr_test=LRTest("linear model", test.kind, test.stat, test.p, test.conservative) if test and show_test else None,
        footnotes=tuple(ending(estimates)),
        se_title="Robust std. err." if robust else "Std. err.",
        statistic="z" if estimates.degrees is None else "t",
        level=level,
    )


def _degrees(estimates: Estimates) -> DegreesOfFreedom | None:
    """The method for degrees of freedom and their range."""
    if estimates.degrees is None:
        return None
    found = estimates.degrees.single(len(estimates.coefficients))
    return DegreesOfFreedom(TITLES[estimates.degrees.method], found.min(), found.mean(), found.max())
