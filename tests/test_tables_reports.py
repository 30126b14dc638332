"""What the reports of censored, survival and multinomial models say, from estimates made by hand."""

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from mejax._status import Status
from mejax.covstruct import Identity, Independent
from mejax.design import EffectNames, FixedColumn, GroupCount, Names
from mejax.fitting import Component, Estimates
from mejax.frame.response_coding import ResponseCoding
from mejax.likelihoods import family
from mejax.post.hypotheses.hypotheses import Wald
from mejax.results.generalized import generalized_report
from mejax.syntax import parse
from mejax.syntax.families import family_of
from mejax.tables import Report, render

WALD = Wald(10.0, 2, 0.0067, "")


def report(command: str, coding: ResponseCoding, **parts: Any) -> Report:
    """The report of estimates of which all have the standard error .1."""
    distribution = family(coding.family, coding.link, **coding.details)
    model = SimpleNamespace(family=distribution, method="mvaghermite", points=7, blocks=parts.pop("blocks"))
    values = {name: np.array(parts.pop(name, ())) for name in ("coefficients", "ancillary", "components")}
    printed = sum(map(len, values.values()))
    estimates = Estimates(
        model=model, design=cast(Any, None), theta=cast(Any, None), v=np.zeros(0), status=Status.CONVERGED, history=(),
        llf=-123.456, nobs=90.0, covariance=0.01 * np.eye(printed), sigmas=(), parameters=printed,
        ancillary_labels=distribution.ancillary if len(values["ancillary"]) else (), **values, **parts,
    )  # fmt: skip
    return generalized_report(parse(command), estimates, cast(Any, SimpleNamespace(response=coding)), WALD)


def one_predictor(*labels: str) -> tuple[FixedColumn, ...]:
    return tuple(FixedColumn(label, "", "", "", k, constant=label == "_cons") for k, label in enumerate(labels))


def names(response: str, fixed: tuple[FixedColumn, ...], *columns: str) -> Names:
    effect = EffectNames("id", "id", columns, "identity", ("id",), (np.arange(9),))
    return Names(response, fixed, (effect,), (GroupCount("id", 9, 10, 10.0, 10),))


# memlogit
TRAVEL = ("Bus", "Car pool", "Train")


def multinomial(*outcomes: str, base: int) -> ResponseCoding:
    others = tuple(outcome for k, outcome in enumerate(outcomes) if k != base)
    details = {"categories": outcomes, "base": base}
    return ResponseCoding("multinomial", "logit", details, labels=outcomes, equations=others)


def travel(command: str, shared: bool = False) -> Report:
    """Outcomes Bus, Car pool (the base) and Train, a factor of which one level was dropped."""
    fixed = []
    for e, outcome in enumerate((TRAVEL[0], TRAVEL[2])):
        fixed += [
            FixedColumn(f"{outcome}:1.zone", "zone", "1", "1", -1, "base", equation=outcome),
            FixedColumn(f"{outcome}:2.zone", "zone", "town", "2", 3 * e, equation=outcome),
            FixedColumn(f"{outcome}:3.zone", "zone", "land", "3", 3 * e + 1, equation=outcome),
            FixedColumn(f"{outcome}:age", "", "", "", -1, "omitted", equation=outcome),
            FixedColumn(f"{outcome}:_cons", "", "", "", 3 * e + 2, constant=True, equation=outcome),
        ]
    columns = ("_cons",) if shared else ("Bus:_cons", "Train:_cons")
    info = tuple(Component(f"id:var({column})", "var", 0) for column in columns)
    return report(
        command,
        multinomial(*TRAVEL, base=1),
        names=names("mode", tuple(fixed), *columns),
        coefficients=[0.5, -0.5, 1.0, 0.25, 0.0, -1.0],
        components=[0.5, 0.25][: len(columns)],
        component_info=info,
        blocks=(Independent(2) if len(columns) == 2 else Identity(1),),
    )


MULTINOMIAL = """\
------------------------------------------------------------------------------
        mode | Coefficient  Std. err.      z    P>|z|     [95% conf. interval]
-------------+----------------------------------------------------------------
Bus          |
        zone |
       town  |         .5         .1     5.00   0.000     .3040036    .6959964
       land  |        -.5         .1    -5.00   0.000    -.6959964   -.3040036
             |
         age |          0  (omitted)
       _cons |          1         .1    10.00   0.000     .8040036    1.195996
-------------+----------------------------------------------------------------
Car_pool     |  (base outcome)
-------------+----------------------------------------------------------------
Train        |
        zone |
       town  |        .25         .1     2.50   0.012     .0540036    .4459964
       land  |          0         .1     0.00   1.000    -.1959964    .1959964
             |
         age |          0  (omitted)
       _cons |         -1         .1   -10.00   0.000    -1.195996   -.8040036
-------------+----------------------------------------------------------------
id           |
   var(_cons)|         .5         .1                      .3378545    .7399635
------------------------------------------------------------------------------"""


def test_a_block_for_every_outcome_and_the_base_at_its_place():
    text = render(travel("memlogit mode i.zone age || id:, shared", shared=True))
    assert text.splitlines()[0].startswith("Mixed-effects multinomial logistic regression  ")
    assert MULTINOMIAL in text


def test_relative_risk_ratios_and_their_notes():
    found = travel("memlogit mode i.zone age || id:, rrr baselevels")
    assert found.estimate_title == "RRR"
    assert [block.heading for block in found.fixed] == ["Bus", "Car_pool", "Train"]
    base, town = found.fixed[2].rows[:2]
    assert (base.estimate, base.remark, base.term) == (1.0, "(base)", "zone")
    assert town.estimate == pytest.approx(np.exp(0.25)) and town.se == pytest.approx(0.1 * np.exp(0.25))
    assert [row.label for row in found.random[0].rows] == ["var(Bus:_cons)", "var(Train:_cons)"]
    assert found.table_notes == (
        "Note: Estimates are transformed only in the first 2 equations to relative-risk ratios.",
        "Note: _cons estimates baseline relative risk for each outcome (conditional on zero random effects).",
    )


def test_two_outcomes_have_one_equation_and_an_offset_stands_in_it():
    columns = tuple(FixedColumn(f"2:{c.label}", "", "", "", c.index, constant=c.constant, equation="2")
                    for c in one_predictor("x", "_cons"))  # fmt: skip
    found = report(
        "memlogit y x || id:, rrr offset(z)", multinomial("1", "2", base=0), names=names("y", columns, "2:_cons"),
        coefficients=[0.5, 0.0], components=[0.5], component_info=(Component("id:var(2:_cons)", "var", 0),),
        blocks=(Identity(1),),
    )  # fmt: skip
    assert [(block.heading, block.remark, [row.label for row in block.rows]) for block in found.fixed] == [
        ("1", "base outcome", []),
        ("2", "", ["x", "_cons", "z"]),
    ]
    assert found.table_notes[0] == "Note: Estimates are transformed only in the first equation to relative-risk ratios."


# mestreg
TITLES = {
    "exponential": ("exponential PH", "Haz. ratio"),
    "exponential) time failure(d": ("exponential AFT", "Coefficient"),
    "weibull": ("Weibull PH", "Haz. ratio"),
    "weibull) nohr failure(d": ("Weibull PH", "Coefficient"),
    "weibull) time tratio failure(d": ("Weibull AFT", "Time ratio"),
    "loglogistic": ("loglogistic AFT", "Coefficient"),
    "lognormal) tratio failure(d": ("lognormal AFT", "Time ratio"),
    "gamma": ("gamma AFT", "Coefficient"),
}


def survival(ending: str) -> Report:
    """One covariate; `ending` is what stands in `distribution()`, and more options."""
    spec = parse(f"mestreg age || id:, time(t) distribution({ending})")
    choice = family_of(spec)
    assert choice is not None
    facts = (("No. of subjects", 30), ("No. of failures", 24), ("Time at risk", 58.25))
    coding = ResponseCoding(choice.name, choice.link, {"aft": choice.aft}, facts=facts)
    ancillary = [] if choice.name == "exponential" else [0.5]
    return report(
        spec.text, coding, names=names("_t", one_predictor("age", "_cons"), "_cons"), coefficients=[0.5, -1.0],
        ancillary=ancillary, components=[0.5], component_info=(Component("id:var(_cons)", "var", 0),),
        blocks=(Identity(1),),
    )  # fmt: skip


@pytest.mark.parametrize("ending", TITLES)
def test_titles_and_ratios_of_survival_models(ending):
    found, (kind, column) = survival(ending), TITLES[ending]
    assert found.title == f"Mixed-effects {kind} regression"
    assert found.estimate_title == column
    estimate = found.fixed[0].rows[0].estimate
    assert estimate == pytest.approx(0.5 if column == "Coefficient" else np.exp(0.5))
    assert bool(found.table_notes) == (column != "Coefficient")
    assert [row.estimate for block in found.fixed[1:] for row in block.rows] == ([] if "exp" in kind else [0.5])


def test_hazard_ratios():
    found = survival("weibull")
    assert found.table_notes == (
        "Note: Estimates are transformed only in the first equation to hazard ratios.",
        "Note: _cons estimates baseline hazard (conditional on zero random effects).",
    )
    text = render(found)
    assert "          _t | Haz. ratio   Std. err." in text
    assert "       /ln_p |         .5         .1                      .3040036    .6959964" in text
    assert "Time at risk =  58.25" in text


# metobit and meintreg
@pytest.mark.parametrize(
    ("command", "word", "title"),
    [
        ("metobit y x || id:, ll(0)", "tobit", "Mixed-effects tobit regression"),
        ("meintreg y z x || id:", "interval", "Mixed-effects interval regression"),
    ],
)
def test_censored_responses(command, word, title):
    facts = (("Uncensored", 60), ("Left-censored", 20), ("Right-censored", 10))
    limits = (("Lower", "0"), ("Upper", "+inf")) if word == "tobit" else ()
    found = report(
        command, ResponseCoding("interval", "identity", {"word": word}, facts=facts, limit_words=limits),
        names=names("y", one_predictor("x", "_cons"), "_cons"), coefficients=[0.5, -1.0], components=[0.5, 2.0],
        component_info=(Component("id:var(_cons)", "var", 0), Component("var(e.y)", "var", -1)), blocks=(Identity(1),),
    )  # fmt: skip
    assert (found.title, found.facts, found.counts, found.limits) == (title, (), facts, limits)
    assert [(block.heading, block.rows[0].label) for block in found.random] == [("id", "var(_cons)"), ("", "var(e.y)")]


def test_the_header_goes_with_its_counts():
    found = report(
        "metobit y x || id:, ll(0) noheader",
        ResponseCoding("interval", "identity", facts=(("Uncensored", 60),), limit_words=(("Lower", "0"),)),
        names=names("y", one_predictor("_cons"), "_cons"), coefficients=[0.5], components=[0.5, 2.0],
        component_info=(Component("id:var(_cons)", "var", 0), Component("var(e.y)", "var", -1)), blocks=(Identity(1),),
    )  # fmt: skip
    assert "Uncensored" not in render(found) and "Limits" not in render(found)
