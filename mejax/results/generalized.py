"""What is printed about a generalized linear mixed model."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from ..fitting import Component, Estimates
from ..frame import Encoding
from ..frame.outcomes import equation_names
from ..frame.response_coding import ResponseCoding
from ..likelihoods import AbstractFamily, Ratio
from ..post.estat.equalities import implied_constraints
from ..post.hypotheses.hypotheses import Wald
from ..post.tables import ancillary_lines, coefficient_lines, component_lines, exponentiated
from ..syntax import Spec
from ..tables import Block, LRTest, ModelTest, Report, Row
from .rows import ending, fixed_rows, group_rows, integration_of, note_lines, row_label

TITLES = {
    "meglm": "Mixed-effects GLM",
    "melogit": "Mixed-effects logistic regression",
    "meprobit": "Mixed-effects probit regression",
    "mecloglog": "Mixed-effects complementary log-log regression",
    "meologit": "Mixed-effects ologit regression",
    "meoprobit": "Mixed-effects oprobit regression",
    "mepoisson": "Mixed-effects Poisson regression",
    "menbreg": "Mixed-effects nbinomial regression",
    "metobit": "Mixed-effects tobit regression",
    "meintreg": "Mixed-effects interval regression",
    "mestreg": "Mixed-effects {distribution} {metric} regression",
    "memlogit": "Mixed-effects multinomial logistic regression",
}


def generalized_report(spec: Spec, estimates: Estimates, encoding: Encoding, wald: Wald) -> Report:
    """The output of `meglm` and its kin: one table for everything."""
    header, table = not spec.option("noheader"), not spec.option("notable")
    robust, level = estimates.vce != "oim", spec.option("level", 95.0)
    coding, family = encoding.response, estimates.model.family
    assert coding is not None  # every family knows how its response is coded
    ratio = family.ratio if spec.option("eform") else None
    texts = (*implied_constraints(estimates), *estimates.constraints)
    return Report(
        title=_title(spec, coding, family) if header else "",
        response=estimates.names.response,
        fixed=tuple(coefficient_blocks(spec, estimates, coding, bool(texts))) if table else (),
        random=tuple(component_blocks(estimates, level)) if table else (),
        combined=True,
        nobs=estimates.nobs if header else None,
        groups=group_rows(estimates) if header and not spec.option("nogroup") else (),
        facts=tuple(_facts(spec, estimates, coding)) if header else (),
        counts=_counts(coding) if header else (),
        limits=coding.limit_words if header else (),
        integration=integration_of(estimates) if header else None,
        wald=ModelTest(wald.df, wald.chi2, wald.p) if header else None,
        loglik=estimates.llf if header else None,
        loglik_label="Log pseudolikelihood" if robust else "Log likelihood",
        constraints=() if spec.option("nocnsreport") else texts,
        notes=note_lines(estimates.names.notes),
        cluster=(estimates.clusters[1], estimates.clusters[0]) if estimates.clusters else None,
        lr_test=None if robust or spec.option("nolrtest") else _null_test(estimates),
        table_notes=tuple(_ratio_notes(estimates, ratio)) if ratio and table else (),
        footnotes=tuple(ending(estimates)),
        estimate_title=ratio.title if ratio else "Coefficient",
        se_title="Robust std. err." if robust else "Std. err.",
        level=level,
    )


def coefficient_blocks(spec: Spec, estimates: Estimates, coding: ResponseCoding, constrained: bool) -> Iterator[Block]:
    """Coefficients, or what they are exponentiated; then cut points, logs of dispersions and scales.

    A response in outcomes without order has a block for each of them, one of which is the base.  Beside constraints the
    suite prints a factor's base as one more constrained coefficient.
    """
    level = spec.option("level", 95.0)
    lines = coefficient_lines(estimates, level)
    if spec.option("eform"):
        lines = exponentiated(lines)
    absent = (1.0 if spec.option("eform") else 0.0, "constrained" if constrained else "")
    headings = coding.equations or ("",)
    blocks = [Block(heading, fixed_rows(spec, estimates, lines, absent, heading)) for heading in headings]
    base = coding.details.get("base")
    if base is not None:
        blocks.insert(base, Block(equation_names(coding.labels)[base], remark="base outcome"))
    yield from (block for block in blocks if block.rows or block.remark)
    held = np.diag(estimates.ancillary_vce) == 0
    labels, values, _ = ancillary_lines(estimates, level)
    if labels:
        yield Block("", tuple(_row(*each, test=False) for each in zip(labels, values, held, strict=True)))


def component_blocks(estimates: Estimates, level: float) -> Iterator[Block]:
    """Per level its variances, then its covariances, with their tests; at the end the residual variance."""
    lines = component_lines(estimates, level)
    numbered = list(zip(estimates.component_info, lines.values, strict=True))
    for heading, members in groupby(numbered, key=lambda pair: _path(estimates, pair[0])):
        found = list(members)
        for kind in ("var", "cov"):
            chosen = [(component, values) for component, values in found if component.kind == kind]
            if chosen:
                yield Block(heading, tuple(_component_row(c, v, kind == "cov") for c, v in chosen))


def _path(estimates: Estimates, component: Component) -> str:
    return "" if component.equation < 0 else estimates.names.effects[component.equation].path


def _component_row(component: Component, values: np.ndarray, test: bool) -> Row:
    short = component.label.split(":", 1)[1] if component.equation >= 0 else component.label
    return _row(short, values, bool(component.note), test)


def _row(label: str, values: np.ndarray, held: bool, test: bool) -> Row:
    if held:
        return Row(label, values[0], note="constrained")
    return Row(label, *values) if test else Row(label, values[0], values[1], None, None, values[4], values[5])


def _title(spec: Spec, coding: ResponseCoding, family: AbstractFamily) -> str:
    """A survival model's title says its distribution and whether covariates act on the hazard or on time."""
    metric = "AFT" if coding.details.get("aft") else "PH"
    return TITLES[spec.command].format(distribution=family.null_name.removesuffix(" model"), metric=metric)


def _facts(spec: Spec, estimates: Estimates, coding: ResponseCoding) -> Iterator[tuple[str, str]]:
    if spec.command == "meglm":
        yield "Family", coding.family.capitalize()
        yield "Link", coding.link.capitalize()
    if coding.trials not in (None, "1"):
        yield f"Binomial {'trials' if coding.trials.isdigit() else 'variable'}", coding.trials
    if "dispersion" in coding.details:
        yield "Overdispersion", coding.details["dispersion"]
    yield from ((label, value) for label, value in coding.facts if isinstance(value, str))
    if estimates.names.weight:
        yield "Weights", estimates.names.weight


def _counts(coding: ResponseCoding) -> tuple[tuple[str, float], ...]:
    """How many observations are censored, how many subjects fail."""
    return tuple((label, value) for label, value in coding.facts if not isinstance(value, str))


def _ratio_notes(estimates: Estimates, ratio: Ratio) -> Iterator[str]:
    equations = estimates.model.family.equations
    first = "equation" if equations == 1 else f"{equations} equations"
    yield f"Note: Estimates are transformed only in the first {first} to {ratio.plural}."
    constants = [column for column in estimates.names.estimated if column.constant and ratio.baseline]
    for label, each in dict.fromkeys((row_label(c), " for each outcome" if c.equation else "") for c in constants):
        yield f"Note: {label} estimates baseline {ratio.baseline}{each} (conditional on zero random effects)."


def _null_test(estimates: Estimates) -> LRTest | None:
    test = estimates.null_test
    if test is None:
        return None
    return LRTest(estimates.model.family.null_name, test.kind, test.stat, test.p, test.conservative)
