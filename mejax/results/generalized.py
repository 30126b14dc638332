"""What is printed about a generalized linear mixed model."""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np

from ..fitting import Component, Estimates
from ..frame import Encoding
from ..glmm import LAPLACES
from ..post.equalities import implied_constraints
from ..post.hypotheses import Wald
from ..post.tables import ancillary_lines, coefficient_lines, component_lines, exponentiated
from ..syntax import Spec
from ..tables import Block, LRTest, ModelTest, Report, Row
from .rows import ending, fixed_rows, group_rows, note_lines

TITLES = {
    "meglm": "Mixed-effects GLM",
    "melogit": "Mixed-effects logistic regression",
    "meprobit": "Mixed-effects probit regression",
    "mecloglog": "Mixed-effects complementary log-log regression",
    "meologit": "Mixed-effects ologit regression",
    "meoprobit": "Mixed-effects oprobit regression",
    "mepoisson": "Mixed-effects Poisson regression",
    "menbreg": "Mixed-effects nbinomial regression",
}
_BINARY = {"logit": "logistic", "probit": "probit", "cloglog": "cloglog"}
_OTHERS = {"gaussian": "Gaussian", "gamma": "gamma", "poisson": "Poisson", "nbinomial": "nbinomial"}


class Ratio(NamedTuple):
    """What an exponentiated coefficient is called: in the column's title, in the note, and what exp(_cons) is."""

    title: str
    plural: str
    baseline: str = ""


def generalized_report(spec: Spec, estimates: Estimates, encoding: Encoding, wald: Wald) -> Report:
    """The output of `meglm` and its shorthands: one table for everything."""
    header, table = not spec.option("noheader"), not spec.option("notable")
    robust, level = estimates.vce != "oim", spec.option("level", 95.0)
    ratio = _ratio(estimates) if spec.option("eform") else None
    texts = (*implied_constraints(estimates), *estimates.constraints)
    return Report(
        title=TITLES[spec.command] if header else "",
        response=estimates.names.response,
        fixed=tuple(coefficient_blocks(spec, estimates, level, bool(texts))) if table else (),
        random=tuple(component_blocks(estimates, level)) if table else (),
        combined=True,
        nobs=estimates.nobs if header else None,
        groups=group_rows(estimates) if header and not spec.option("nogroup") else (),
        facts=tuple(_facts(spec, estimates, encoding)) if header else (),
        integration=_integration(estimates) if header else None,
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


def coefficient_blocks(spec: Spec, estimates: Estimates, level: float, constrained: bool) -> Iterator[Block]:
    """Coefficients, or what they are exponentiated; then cut points, logs of dispersions and scales.

    Beside constraints the suite prints a factor's base as one more constrained coefficient.
    """
    lines = coefficient_lines(estimates, level)
    if spec.option("eform"):
        lines = exponentiated(lines)
    absent = (1.0 if spec.option("eform") else 0.0, "constrained" if constrained else "")
    rows = fixed_rows(spec, estimates, lines, absent)
    if rows:
        yield Block("", rows)
    held = np.diag(estimates.ancillary_vce) == 0
    labels, values = ancillary_lines(estimates, level)
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


def _facts(spec: Spec, estimates: Estimates, encoding: Encoding) -> Iterator[tuple[str, str]]:
    coding, family = encoding.response, estimates.model.family
    if spec.command == "meglm":
        yield "Family", family.name.capitalize()
        yield "Link", family.link.name.capitalize()
    if coding is not None and coding.trials not in (None, "1"):
        yield f"Binomial {'trials' if coding.trials.isdigit() else 'variable'}", coding.trials
    if family.name == "nbinomial":
        yield "Overdispersion", "mean" if "/lnalpha" in estimates.ancillary_labels else "constant"
    if estimates.names.weight:
        yield "Weights", estimates.names.weight


def _integration(estimates: Estimates) -> tuple[str, int | None] | None:
    if not estimates.names.effects:
        return None
    model = estimates.model
    return model.method, None if model.method in LAPLACES else model.points


def _ratio(estimates: Estimates) -> Ratio:
    family = estimates.model.family
    if family.link.name == "logit":
        return Ratio("Odds ratio", "odds ratios", "odds")
    if family.name in ("poisson", "nbinomial"):
        return Ratio("IRR", "incidence-rate ratios", "incidence rate")
    return Ratio("exp(b)", "exp(b)")


def _ratio_notes(estimates: Estimates, ratio: Ratio) -> Iterator[str]:
    yield f"Note: Estimates are transformed only in the first equation to {ratio.plural}."
    for column in estimates.names.estimated:
        if column.constant and ratio.baseline:
            yield f"Note: {column.label} estimates baseline {ratio.baseline} (conditional on zero random effects)."


def _null_test(estimates: Estimates) -> LRTest | None:
    test = estimates.null_test
    if test is None:
        return None
    return LRTest(null_name(estimates.model.family), test.kind, test.stat, test.p, test.conservative)


def null_name(family) -> str:
    """The model without random effects: `logistic model`, `oprobit model`, `Poisson model`."""
    link = family.link.name
    if family.name in ("bernoulli", "binomial"):
        return f"{_BINARY[link]} model"
    if family.name == "ordinal":
        return f"o{link} model"
    if (family.name, link) == ("gaussian", "identity"):
        return "linear model"
    return f"{_OTHERS[family.name]} model"
