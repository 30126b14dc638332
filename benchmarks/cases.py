"""The models that are timed.  A new one is an entry of `CASES` and a function of `data.py` that makes its table.

Nothing here imports mejax: the module is also read inside the environments of the other packages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from . import data

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Effects:
    """Random effects of one grouping variable: an intercept and, correlated with it, a slope for each of `slopes`."""

    group: str
    slopes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """One model on one data set, to be fitted by maximum likelihood.

    The model stands here in three spellings, since each peer reads another: `formula` is that of lme4, `command` that
    of the Stata suite, and `response`, `fixed`, `random` are its parts, all columns numeric.  `family` is gaussian,
    binomial (of zeros and ones, with the logit link) or poisson (with the log link); `points` says how the random
    effects of the last two are integrated out: 1 by Laplace's approximation, more by adaptive quadrature with nodes
    placed at mode and curvature, which all peers can do.

    A model that most peers have no words for says in `beyond` what it is; `calls` has the call of each R package that
    fits it, with the data in `frame`, and the other peers are left out.  With `replicates` a fit is followed by so many
    of a parametric bootstrap, and standard errors are theirs.  `known` is the log likelihood at the optimum where it is
    known; `large` cases run only when asked for.
    """

    name: str
    title: str
    build: Callable[[], "pd.DataFrame"]
    formula: str
    command: str
    response: str
    fixed: tuple[str, ...]
    random: tuple[Effects, ...]
    family: str = "gaussian"
    points: int = 1
    beyond: str | None = None
    calls: Mapping[str, str] = field(default_factory=dict)
    replicates: int = 0
    known: float | None = None
    large: bool = False

    @property
    def crossed(self) -> bool:
        return len(self.random) > 1

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return (self.response, *self.fixed, *(effects.group for effects in self.random))


SLEEPSTUDY = Case(
    name="sleepstudy",
    title="sleepstudy: 180 rows, 18 subjects, random intercept and slope",
    build=data.sleepstudy,
    formula="Reaction ~ Days + (Days | Subject)",
    command="mixed Reaction Days || Subject: Days, covariance(unstructured)",
    response="Reaction",
    fixed=("Days",),
    random=(Effects("Subject", ("Days",)),),
    known=-875.969672,
)

CASES = {
    case.name: case
    for case in (
        SLEEPSTUDY,
        replace(
            SLEEPSTUDY,
            name="bootstrap",
            title="sleepstudy: 1,000 parametric bootstrap replicates of the fit, random intercept and slope",
            beyond="replicates of a bootstrap",
            calls={
                "lme4": "bootMer(lmer(Reaction ~ Days + (Days | Subject), frame, REML = FALSE), estimates, "
                "nsim = 1000, seed = 1)"
            },
            replicates=1000,
        ),
        Case(
            name="pig",
            title="pig: 432 rows, 48 pigs, random intercept",
            build=data.pig,
            formula="weight ~ week + (1 | id)",
            command="mixed weight week || id:",
            response="weight",
            fixed=("week",),
            random=(Effects("id"),),
            known=-1014.926792,
        ),
        Case(
            name="theoph",
            title="theophylline: nonlinear, 132 rows, 12 subjects, two independent random effects, linearised",
            build=data.theoph,
            formula="conc ~ SSfol(dose, time, lKe, lKa, lCl) ~ (lKa || subject) + (lCl || subject)",
            command="menl conc = dose*{ke:}*{ka:}/({cl:}*({ka:}-{ke:}))*(exp(-{ke:}*time)-exp(-{ka:}*time)), "
            "define(cl: exp({b0}+{U0[subject]})) define(ka: exp({b1}+{U1[subject]})) define(ke: exp({b2}))",
            response="conc",
            fixed=("dose", "time"),
            random=(Effects("subject"),),
            beyond="nonlinear mean by linearisation",
            calls={
                "nlme": "nlme(conc ~ SSfol(dose, time, lKe, lKa, lCl), frame, lKe + lKa + lCl ~ 1, "
                "pdDiag(lKa + lCl ~ 1), ~ subject, start = c(-2.5, 0.5, -3))"
            },
            known=-177.022336,
        ),
        Case(
            name="ovary_ar1",
            title="ovary: 308 rows, 11 mares, random intercept, errors autoregressive of order 1",
            build=data.ovary,
            formula="follicles ~ sin1 + cos1 + (1 | mare) + ar1(factor(occasion) + 0 | mare)",
            command="mixed follicles sin1 cos1 || mare:, residuals(ar 1, t(occasion))",
            response="follicles",
            fixed=("sin1", "cos1", "occasion"),
            random=(Effects("mare"),),
            beyond="autoregressive errors",
            calls={
                "nlme": "lme(follicles ~ sin1 + cos1, frame, ~ 1 | mare, corAR1(form = ~ occasion | mare), "
                'method = "ML")',
                "glmmTMB": "glmmTMB(follicles ~ sin1 + cos1 + (1 | mare) + ar1(factor(occasion) + 0 | mare), frame, "
                "dispformula = ~ 0)",
            },
            known=-776.517311,
        ),
        Case(
            name="insteval",
            title="InstEval: 73,421 rows, crossed factors of 2,972, 1,128 and 14 levels",
            build=data.insteval,
            formula="y ~ service + (1 | s) + (1 | d) + (1 | dept)",
            command="mixed y service || _all: R.s || _all: R.d || _all: R.dept",
            response="y",
            fixed=("service",),
            random=(Effects("s"), Effects("d"), Effects("dept")),
            known=-118860.884387,
        ),
        Case(
            name="verbagg",
            title="VerbAgg: logit, 7,584 rows, 316 persons crossed with 24 items, Laplace",
            build=data.verbagg,
            formula="answer ~ Anger + male + scold + shout + oneself + (1 | id) + (1 | item)",
            command="melogit answer Anger male scold shout oneself || _all: R.id || _all: R.item, intmethod(laplace)",
            response="answer",
            fixed=("Anger", "male", "scold", "shout", "oneself"),
            random=(Effects("id"), Effects("item")),
            family="binomial",
            known=-4075.699860,
        ),
        Case(
            name="logit-nested",
            title="simulated: logit, 100,000 rows, 10,000 groups, random intercept, 7 points",
            build=data.logit_nested,
            formula="y ~ x + (1 | g)",
            command="melogit y x || g:, intmethod(mcaghermite) intpoints(7)",
            response="y",
            fixed=("x",),
            random=(Effects("g"),),
            family="binomial",
            points=7,
        ),
        Case(
            name="poisson-nested",
            title="simulated: Poisson, 100,000 rows, 10,000 groups, random intercept, Laplace",
            build=data.poisson_nested,
            formula="y ~ x + (1 | g)",
            command="mepoisson y x || g:, intmethod(laplace)",
            response="y",
            fixed=("x",),
            random=(Effects("g"),),
            family="poisson",
        ),
        Case(
            name="insteval-logit",
            title="InstEval, y >= 4: logit, 73,421 rows, crossed factors of 2,972, 1,128 and 14 levels, Laplace",
            build=data.insteval_logit,
            formula="good ~ service + (1 | s) + (1 | d) + (1 | dept)",
            command="melogit good service || _all: R.s || _all: R.d || _all: R.dept, intmethod(laplace)",
            response="good",
            fixed=("service",),
            random=(Effects("s"), Effects("d"), Effects("dept")),
            family="binomial",
            known=-46410.8850,
        ),
        Case(
            name="nested-million",
            title="simulated: 1,000,000 rows, 125,000 groups, random intercept and slope",
            build=data.nested_million,
            formula="y ~ x + (x | g)",
            command="mixed y x || g: x, covariance(unstructured)",
            response="y",
            fixed=("x",),
            random=(Effects("g", ("x",)),),
        ),
        Case(
            name="crossed-million",
            title="simulated: 1,000,000 rows, crossed factors of 20,000 and 2,000 levels",
            build=data.crossed_million,
            formula="y ~ x + (1 | a) + (1 | b)",
            command="mixed y x || _all: R.a || _all: R.b",
            response="y",
            fixed=("x",),
            random=(Effects("a"), Effects("b")),
            large=True,
        ),
    )
}
