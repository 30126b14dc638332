"""The models that are timed.  A new one is an entry of `CASES` and a function of `data.py` that makes its table, or a
recipe of `simulate.py`.

Nothing here imports mejax: the module is also read inside the environments of the other packages.
"""

from dataclasses import replace

from . import data
from .case import Case, Effects
from .recipes import crossed, from_text, nested
from .simulate import Crossed, Factor, Nested

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

INSTEVAL = Case(
    name="insteval",
    title="InstEval: 73,421 rows, crossed factors of 2,972, 1,128 and 14 levels",
    build=data.insteval,
    formula="y ~ service + (1 | s) + (1 | d) + (1 | dept)",
    command="mixed y service || _all: R.s || _all: R.d || _all: R.dept",
    response="y",
    fixed=("service",),
    random=(Effects("s"), Effects("d"), Effects("dept")),
    known=-118860.884387,
)

# What the linear and the logit model of a million rows have in common.
TWENTY_THOUSAND = (Factor(20_000, sd=0.6), Factor(2_000, sd=0.4))


def movielens(part: int) -> Crossed:
    """The shape of MovieLens 32M, or a part of it: nobody rates a film twice, everybody 20 films or so at least.

    Of the 84,432 films of the whole 18,515 have a single rating (MovieLens: 18,607), the best known 72,556 (103,000);
    users have 38 to 5,063 ratings, half of them 97 or more (20 to 33,000; 73).  In a part heads stay alike, and tails
    do not.
    """
    users = Factor(200_948 // part, exponent=0.8494, offset=51.61, at_least=20, sd=0.45)
    films = Factor(84_432 // part, exponent=2.455, offset=450.8, at_least=1, sd=0.5)
    return Crossed(32_000_000 // part, (users, films), distinct=True, seed=20240505)


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
        INSTEVAL,
        replace(
            INSTEVAL,
            name="insteval-slope",
            title="InstEval: 73,421 rows, crossed factors of 2,972, 1,128 and 14 levels, slope by department",
            formula="y ~ service + (1 | s) + (1 | d) + (1 | dept) + (0 + service | dept)",
            command="mixed y service || _all: R.s || _all: R.d || dept: service",
            random=(*INSTEVAL.random, Effects("dept", ("service",), intercept=False)),
            known=-118824.3008,
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
        nested("logit-nested", Nested(100_000, 10_000, family="binomial", seed=20240503), points=7),
        nested("poisson-nested", Nested(100_000, 10_000, family="poisson", seed=20240504)),
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
        nested("nested-million", Nested(1_000_000, 125_000, "correlated")),
        crossed("crossed-million", Crossed(1_000_000, TWENTY_THOUSAND), size="large"),
        crossed("crossed-logit-million", Crossed(1_000_000, TWENTY_THOUSAND, "binomial"), size="large"),
        crossed(
            "crossed-100k",
            Crossed(1_000_000, (Factor(100_000, at_least=1), Factor(100_000, at_least=1, sd=0.4))),
            solver="iterative",
            size="large",
        ),
        crossed(
            "crossed-5m",
            Crossed(5_000_000, (Factor(200_000, at_least=1), Factor(50_000, at_least=1, sd=0.4))),
            solver="iterative",
            size="large",
        ),
        nested("nested-10m", Nested(10_000_000, 1_000_000, "correlated"), size="large"),
        nested("nested-logit-10m", Nested(10_000_000, 1_000_000, family="binomial"), points=7, size="large"),
        crossed("movielens-eighth", movielens(8), size="large"),
        crossed("movielens-shape", movielens(1), size="gpu"),
    )
}


def find_case(name: str) -> Case:
    """The case of that name, or the one that a text such as `crossed:rows=1e5,levels=2000x200` describes."""
    if name in CASES:
        return CASES[name]
    if ":" in name:
        return from_text(name)
    raise ValueError(f"there is no case {name!r}; there are {', '.join(CASES)}, and crossed:... and nested:...")
