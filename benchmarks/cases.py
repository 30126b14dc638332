"""The models that are timed.  A new one is a function that makes the data and an entry of `CASES`.

Nothing here imports mejax: the module is also read inside the environments of the other packages.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

ROOT = Path(__file__).parent.parent


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
    fits it, with the data in `frame`, and the other peers are left out.  `known` is the log likelihood at the optimum
    where it is known; `large` cases run only when asked for.
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
    known: float | None = None
    large: bool = False

    @property
    def crossed(self) -> bool:
        return len(self.random) > 1

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return (self.response, *self.fixed, *(effects.group for effects in self.random))


def _read(path: str) -> "pd.DataFrame":
    import pandas as pd

    return pd.read_csv(ROOT / path)


def sleepstudy() -> "pd.DataFrame":
    return _read("tests/reference/data/sleepstudy.csv")


def pig() -> "pd.DataFrame":
    return _read("mejax/datasets/pig.csv")


def theoph() -> "pd.DataFrame":
    return _read("mejax/datasets/theoph.csv")


def ovary() -> "pd.DataFrame":
    frame = _read("mejax/datasets/ovary.csv")
    return frame.assign(occasion=frame.groupby("mare").cumcount() + 1)


def insteval() -> "pd.DataFrame":
    return _read("tests/reference/data/insteval.csv.gz")


def verbagg() -> "pd.DataFrame":
    """Whether a person answers other than "no"; factors as indicator columns, items numbered."""
    frame = _read("tests/reference/data/verbagg.csv.gz")
    return frame[["Anger", "id"]].assign(
        item=frame["item"].astype("category").cat.codes + 1,
        answer=(frame["r2"] == "Y").astype(int),
        male=(frame["Gender"] == "M").astype(int),
        scold=(frame["btype"] == "scold").astype(int),
        shout=(frame["btype"] == "shout").astype(int),
        oneself=(frame["situ"] == "self").astype(int),
    )


def insteval_logit() -> "pd.DataFrame":
    frame = insteval()
    return frame.assign(good=(frame["y"] >= 4).astype(int))


def logit_nested() -> "pd.DataFrame":
    """10,000 groups of 10 rows; intercepts with standard deviation 1."""
    import numpy as np

    frame, eta, rng = _nested(20240503)
    return frame.assign(y=(rng.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(int))


def poisson_nested() -> "pd.DataFrame":
    """10,000 groups of 10 rows; intercepts with standard deviation 1."""
    import numpy as np

    frame, eta, rng = _nested(20240504)
    return frame.assign(y=rng.poisson(np.exp(eta)))


def _nested(seed: int):
    """The covariate and the groups, the linear predictor -0.5 + 0.5 x + u, and the generator."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    g = np.repeat(np.arange(10_000), 10)
    x = rng.standard_normal(g.size)
    return pd.DataFrame({"x": x, "g": g}), -0.5 + 0.5 * x + rng.standard_normal(10_000)[g], rng


def nested_million() -> "pd.DataFrame":
    """125,000 groups of 8 rows; intercepts and slopes with standard deviations 1 and 0.5 and correlation 0.3."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(20240501)
    groups, size = 125_000, 8
    g = np.repeat(np.arange(groups), size)
    x = rng.standard_normal(g.size)
    effects = rng.standard_normal((groups, 2)) @ np.array([[1.0, 0.15], [0.0, 0.5 * np.sqrt(1 - 0.3**2)]])
    y = 1 + 0.5 * x + effects[g, 0] + effects[g, 1] * x + rng.standard_normal(g.size)
    return pd.DataFrame({"y": y, "x": x, "g": g})


def crossed_million() -> "pd.DataFrame":
    """A million rows over 20,000 x 2,000 levels drawn with probability 1/(rank + 20): few large levels, many small."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(20240502)
    n = 1_000_000
    a, b = (_zipf(rng, n, levels) for levels in (20_000, 2_000))
    x = rng.standard_normal(n)
    u, v = 0.6 * rng.standard_normal(20_000), 0.4 * rng.standard_normal(2_000)
    return pd.DataFrame({"y": 1 + 0.5 * x + u[a] + v[b] + rng.standard_normal(n), "x": x, "a": a, "b": b})


def _zipf(rng, n: int, levels: int):
    import numpy as np

    weight = 1 / (np.arange(levels) + 20)
    return rng.permutation(levels)[rng.choice(levels, size=n, p=weight / weight.sum())]


CASES = {
    case.name: case
    for case in (
        Case(
            name="sleepstudy",
            title="sleepstudy: 180 rows, 18 subjects, random intercept and slope",
            build=sleepstudy,
            formula="Reaction ~ Days + (Days | Subject)",
            command="mixed Reaction Days || Subject: Days, covariance(unstructured)",
            response="Reaction",
            fixed=("Days",),
            random=(Effects("Subject", ("Days",)),),
            known=-875.969672,
        ),
        Case(
            name="pig",
            title="pig: 432 rows, 48 pigs, random intercept",
            build=pig,
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
            build=theoph,
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
            build=ovary,
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
            build=insteval,
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
            build=verbagg,
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
            build=logit_nested,
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
            build=poisson_nested,
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
            build=insteval_logit,
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
            build=nested_million,
            formula="y ~ x + (x | g)",
            command="mixed y x || g: x, covariance(unstructured)",
            response="y",
            fixed=("x",),
            random=(Effects("g", ("x",)),),
        ),
        Case(
            name="crossed-million",
            title="simulated: 1,000,000 rows, crossed factors of 20,000 and 2,000 levels",
            build=crossed_million,
            formula="y ~ x + (1 | a) + (1 | b)",
            command="mixed y x || _all: R.a || _all: R.b",
            response="y",
            fixed=("x",),
            random=(Effects("a"), Effects("b")),
            large=True,
        ),
    )
}
