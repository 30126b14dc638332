"""Reports built from published numbers where there are any: what the tables are tested with."""

from dataclasses import replace

from mejax.tables import Block, Group, LRTest, ModelTest, Report, Row

FIELDS = ("estimate", "se", "z", "p", "lower", "upper")
NAN = float("nan")


def coefficients(text: str, term: str = "") -> tuple[Row, ...]:
    """Rows from lines `label | estimate se z p lower upper`, or `label | estimate note`."""
    return tuple(_row(line, FIELDS, term) for line in text.strip().splitlines())


def variances(text: str) -> tuple[Row, ...]:
    """Rows from lines `label | estimate se lower upper` (four numbers: no test)."""
    return tuple(_row(line, ("estimate", "se", "lower", "upper"), "") for line in text.strip().splitlines())


def _row(line: str, fields: tuple[str, ...], term: str) -> Row:
    label, _, rest = line.partition("|")
    words = rest.split()
    if words[-1].isalpha():
        return Row(label.strip(), float(words[0]), note=words[1], term=term)
    return replace(Row(label.strip(), term=term), **dict(zip(fields, map(float, words), strict=True)))


def growth() -> Report:
    """Example 1: one random intercept."""
    fixed = """
        week  | 6.209896 .0390124 159.18 0.000 6.133433 6.286359
        _cons | 19.35561 .5974059  32.40 0.000 18.18472 20.52651"""
    return Report(
        title="Mixed-effects ML regression",
        response="weight",
        nobs=432,
        groups=(Group("id", 48, 9, 9.0, 9),),
        wald=ModelTest(1, 25337.49, 0.0),
        loglik=-1014.9268,
        fixed=(Block("", coefficients(fixed)),),
        random=(
            Block("id: Identity", variances("var(_cons) | 14.81751 3.124225 9.801716 22.40002")),
            Block("", variances("var(Residual) | 4.383264 .3163348 3.805112 5.04926")),
        ),
        lr_test=LRTest("linear model", "chibar2(01)", 472.65, 0.0),
    )


def split_plot() -> Report:
    """Example 2: factors, interactions, restricted likelihood."""
    nitrogen = """
        Urea              | 5.245833 .3986014 13.16 0.000 4.464589 6.027078
        Ammonium sulphate | 5.945833 .3986014 14.92 0.000 5.164589 6.727078
        IBDU              | 7.945834 .3986014 19.93 0.000 7.164589 8.727078
        Urea (SC)         | 8.595833 .3986014 21.56 0.000 7.814589 9.377078"""
    thatch = """
        2 | -1.1     .4632314 -2.37 0.018 -2.007917 -.1920828
        5 | .1500006 .4632314  0.32 0.746 -.7579163  1.057917"""
    both = """
        Urea#2              | -.1500005 .6551081 -0.23 0.819 -1.433989 1.133988
        Urea#5              |  .0999994 .6551081  0.15 0.879 -1.183989 1.383988
        Ammonium sulphate#2 |  .8999996 .6551081  1.37 0.169 -.3839887 2.183988
        Ammonium sulphate#5 | -.1000006 .6551081 -0.15 0.879 -1.383989 1.183988
        IBDU#2              | -.2000005 .6551081 -0.31 0.760 -1.483989 1.083988
        IBDU#5              | -1.950001 .6551081 -2.98 0.003 -3.233989 -.6660124"""
    block = "1 | -.2916666 .2643563 -1.10 0.270 -.8097955 .2264622"
    rows = (
        *coefficients(nitrogen, "nitrogen"),
        *coefficients(thatch, "thatch"),
        *coefficients(both, "nitrogen#thatch"),
        *coefficients(block, "block"),
    )
    return Report(
        title="Mixed-effects REML regression",
        response="chlorophyll",
        nobs=24,
        groups=(Group("wpunit", 8, 3, 3.0, 3),),
        wald=ModelTest(13, 2438.36, 0.0),
        loglik=-13.203125,
        loglik_label="Log restricted-likelihood",
        notes=("note: 8.thatch omitted because of collinearity.", "note: 2.block omitted because of collinearity."),
        fixed=(Block("", rows),),
        random=(
            Block("wpunit: Identity", variances("var(_cons) | .0682407 .1195933 .0021994 2.117345")),
            Block("", variances("var(Residual) | .2145833 .1072917 .080537 .5717376")),
        ),
        lr_test=LRTest("linear model", "chibar2(01)", 0.53, 0.2324),
    )


def binomial() -> Report:
    """Example 3: odds ratios."""
    fixed = """
        female | 1.176898 .1310535  1.46 0.144 .9461357 1.463944
        _cons  | .7907009 .2057191 -0.90 0.367 .4748457 1.316655"""
    return Report(
        title="Mixed-effects logistic regression",
        response="nadmitted",
        combined=True,
        nobs=46,
        groups=(Group("department", 23, 2, 2.0, 2),),
        facts=(("Binomial variable", "napplied"),),
        integration=("mvaghermite", 7),
        wald=ModelTest(1, 2.14, 0.1435),
        loglik=-140.61628,
        fixed=(Block("", coefficients(fixed)),),
        random=(Block("department", variances("var(_cons) | 1.345383 .460702 .6876497 2.632234")),),
        table_notes=(
            "Note: Estimates are transformed only in the first equation to odds ratios.",
            "Note: _cons estimates baseline odds (conditional on zero random effects).",
        ),
        lr_test=LRTest("logistic model", "chibar2(01)", 318.77, 0.0),
        estimate_title="Odds ratio",
    )


def correlated() -> Report:
    """Example 4: a random slope, unstructured."""
    fixed = """
        week  | 6.209896 .0910745 68.18 0.000 6.031393 6.388399
        _cons | 19.35561 .3996387 48.43 0.000 18.57234 20.13889"""
    random = """
        var(week)       | .3715251 .0812958 .2419532 .570486
        var(_cons)      | 6.823363 1.566194 4.351297 10.69986
        cov(week,_cons) | -.0984378 .2545767 -.5973991 .4005234"""
    return Report(
        title="Mixed-effects ML regression",
        response="weight",
        nobs=432,
        groups=(Group("id", 48, 9, 9.0, 9),),
        wald=ModelTest(1, 4649.17, 0.0),
        loglik=-868.96185,
        fixed=(Block("", coefficients(fixed)),),
        random=(
            Block("id: Unstructured", variances(random)),
            Block("", variances("var(Residual) | 1.596829 .123198 1.372735 1.857505")),
        ),
        lr_test=LRTest("linear model", "chi2(3)", 764.58, 0.0, conservative=True),
    )


def blocked() -> Report:
    """Example 5: base levels, constraints, covariances with tests."""
    urban = """
        0 | 1 constrained
        1 | 2.105163 .2546604 6.15 0.000 1.660796 2.668426"""
    children = """
        0 | 1 constrained
        1 | 2.992596 .502149  6.53 0.000 2.153867 4.157931
        2 | 3.879345 .7094125 7.41 0.000 2.710815 5.551584
        3 | 3.774627 .7055812 7.11 0.000 2.616744 5.444863"""
    rows = (
        *coefficients(urban, "urban"),
        *coefficients("age | .9735765 .0077461 -3.37 0.001 .9585122 .9888775"),
        *coefficients(children, "children"),
        *coefficients("_cons | .1859471 .0274813 -11.38 0.000 .1391841 .2484214"),
    )
    variance = "var({}.children) | .0841518 .0880698 .0108201 .654479"
    covariance = "cov({}.children,{}.children) | .0616875 .0844681 0.73 0.465 -.1038669 .2272419"
    diagonal = "\n".join(variance.format(i) for i in (1, 2, 3)) + "\nvar(_cons) | .1870273 .0787274 .0819596 .426786"
    lower = "\n".join(covariance.format(*pair) for pair in ((1, 2), (1, 3), (2, 3)))
    return Report(
        title="Mixed-effects logistic regression",
        response="c_use",
        combined=True,
        nobs=1934,
        groups=(Group("district", 60, 2, 32.2, 118),),
        integration=("mvaghermite", 7),
        wald=ModelTest(5, 100.01, 0.0),
        loglik=-1206.2397,
        constraints=(
            "[/]var(1.children[district]) - [/]var(3.children[district]) = 0",
            "[/]cov(1.children[district],2.children[district]) - [/]cov(2.children[district],3.children[district]) = 0",
            "[/]cov(1.children[district],3.children[district]) - [/]cov(2.children[district],3.children[district]) = 0",
            "[/]var(2.children[district]) - [/]var(3.children[district]) = 0",
        ),
        fixed=(Block("", rows),),
        random=(Block("district", variances(diagonal)), Block("district", coefficients(lower))),
        lr_test=LRTest("logistic model", "chi2(3)", 44.57, 0.0, conservative=True),
        table_notes=(
            "Note: Estimates are transformed only in the first equation to odds ratios.",
            "Note: _cons estimates baseline odds (conditional on zero random effects).",
        ),
        estimate_title="Odds ratio",
    )


def meta_analysis() -> Report:
    """Example 6: constrained variances, no coefficient to test, integration without points."""
    random = """
        var(1.trial) | .16 constrained
        var(9.trial) | .07 constrained"""
    return Report(
        title="Mixed-effects GLM",
        response="lnor",
        combined=True,
        nobs=9,
        groups=(Group("_all", 1, 9, 9.0, 9),),
        facts=(("Family", "Gaussian"), ("Link", "Identity")),
        integration=("laplace", None),
        wald=ModelTest(0, NAN, NAN),
        loglik=-9.4552759,
        constraints=("[/]var(std[trial]) = 1",),
        fixed=(Block("", coefficients("_cons | -.5166151 .2059448 -2.51 0.012 -.9202594 -.1129707")),),
        random=(
            Block("_all", variances(random)),
            Block("", variances("var(e.lnor) | .2377469 .1950926 .0476023 1.187413")),
        ),
    )


def three_levels() -> Report:
    """Example 7: two kinds of groups, cut points, an interaction of numbers."""
    rows = (
        *coefficients("prethk | .238841 .0231446 10.32 0.000 .1934784 .2842036"),
        *coefficients("1.cc | .5254813 .1285816 4.09 0.000 .2734659 .7774967"),
        *coefficients("1.tv | .1455573 .1255827 1.16 0.246 -.1005803 .3916949"),
        *coefficients("1#1 | -.2426203 .1811999 -1.34 0.181 -.5977656 .1125251", "cc#tv"),
    )
    cuts = """
        /cut1 | -.074617 .1029791 -.2764523 .1272184
        /cut2 | .6863046 .1034813 .4834849 .8891242
        /cut3 | 1.413686 .1064889 1.204972 1.622401"""
    return Report(
        title="Mixed-effects oprobit regression",
        response="thk",
        combined=True,
        nobs=1600,
        groups=(Group("school", 28, 18, 57.142857, 137), Group("class", 135, 1, 11.851852, 28)),
        integration=("mvaghermite", 7),
        wald=ModelTest(4, 124.20, 0.0),
        loglik=-2116.6981,
        fixed=(Block("", rows), Block("", variances(cuts))),
        random=(
            Block("school", variances("var(_cons) | .0186456 .0160226 .0034604 .1004695")),
            Block("school>class", variances("var(_cons) | .0519974 .0224014 .0223496 .1209745")),
        ),
        lr_test=LRTest("oprobit model", "chi2(2)", 22.13, 0.0, conservative=True),
    )


def crossed() -> Report:
    """Example 8: two crossed factors in two blocks."""
    fixed = """
        week  | 6.209896 .0539313 115.14 0.000 6.104192 6.315599
        _cons | 19.35561 .6333982  30.56 0.000 18.11418 20.59705"""
    return Report(
        title="Mixed-effects ML regression",
        response="weight",
        nobs=432,
        groups=(Group("_all", 1, 432, 432.0, 432),),
        wald=ModelTest(1, 13258.28, 0.0),
        loglik=-1013.824,
        fixed=(Block("", coefficients(fixed)),),
        random=(
            Block("_all: Identity", variances("var(R.id) | 14.83623 3.126142 9.816733 22.42231")),
            Block("_all: Identity", variances("var(R.week) | .0849874 .0868856 .0114588 .6303302")),
            Block("", variances("var(Residual) | 4.297328 .3134404 3.724888 4.957741")),
        ),
        lr_test=LRTest("linear model", "chi2(2)", 474.85, 0.0, conservative=True),
    )


def orange() -> Report:
    """Example 9 with two random parameters: equations, definitions, no joint test."""
    random = """
        var(U1) | 1012.15  666.2808 278.557 3677.698
        var(U2) | 503.2308 2401.323 .043651 5801505"""
    return Report(
        title="Mixed-effects ML nonlinear regression",
        response="circumf",
        nobs=35,
        groups=(Group("tree", 5, 7, 7.0, 7),),
        loglik=-131.58026,
        loglik_label="Linearization log likelihood",
        definitions=("phi1: U1[tree], xb", "phi2: U2[tree], xb"),
        fixed=(
            Block("phi1", coefficients("_cons | 190.5939 16.211 11.76 0.000 158.8209 222.3669")),
            Block("phi2", coefficients("_cons | 719.6027 35.77597 20.11 0.000 649.4831 789.7223")),
            Block("", coefficients("/b3 | 342.0794 26.42036 12.95 0.000 290.2965 393.8624")),
        ),
        random=(
            Block("tree: Independent", variances(random)),
            Block("", variances("var(Residual) | 59.27073 18.21298 32.45482 108.2434")),
        ),
    )


def tobit() -> Report:
    """A simulated response cut at both ends; the numbers come from brute-force integration of its likelihood."""
    fixed = """
        x     |  .6500512 .0929829  6.99 0.000  .4678082  .8322943
        z     | -.6245891 .1466852 -4.26 0.000 -.9120868 -.3370914
        _cons |  .4202136 .1500915  2.80 0.005  .1260396  .7143875"""
    return Report(
        title="Mixed-effects tobit regression",
        response="y",
        combined=True,
        nobs=240,
        groups=(Group("id", 30, 8, 8.0, 8),),
        counts=(("Uncensored", 119), ("Left-censored", 104), ("Right-censored", 17)),
        limits=(("Lower", "0"), ("Upper", "2.5")),
        integration=("mvaghermite", 7),
        wald=ModelTest(2, 62.75, 0.0),
        loglik=-274.19701,
        fixed=(Block("", coefficients(fixed)),),
        random=(
            Block("id", variances("var(_cons) | .4515976 .1759018 .2104748 .968954")),
            Block("", variances("var(e.y) | 1.167894 .1772828 .8673489 1.572582")),
        ),
        lr_test=LRTest("tobit model", "chibar2(01)", 25.75, 0.0),
    )


def survival() -> Report:
    """Infections at the catheters of 38 patients; the numbers come from brute-force integration of its likelihood."""
    fixed = """
        age    | 1.005977 .0127171  0.47 0.637 .9813587 1.031214
        female | .1962282 .0969705 -3.30 0.001 .074494  .5168939
        _cons  | .009891  .0089363 -5.11 0.000 .0016834 .0581148"""
    return Report(
        title="Mixed-effects Weibull PH regression",
        response="_t",
        combined=True,
        nobs=76,
        groups=(Group("patient", 38, 2, 2.0, 2),),
        counts=(("No. of subjects", 76), ("No. of failures", 58), ("Time at risk", 7724.0)),
        integration=("mvaghermite", 7),
        wald=ModelTest(2, 10.98, 0.0041),
        loglik=-333.03018,
        fixed=(
            Block("", coefficients(fixed)),
            Block("", variances("/ln_p | .1634479 .1348246 -.1008035 .4276993")),
        ),
        random=(Block("patient", variances("var(_cons) | .5926337 .3753646 .1712573 2.050802")),),
        table_notes=(
            "Note: Estimates are transformed only in the first equation to hazard ratios.",
            "Note: _cons estimates baseline hazard (conditional on zero random effects).",
        ),
        lr_test=LRTest("Weibull model", "chibar2(01)", 7.05, 0.0040),
        estimate_title="Haz. ratio",
    )


def outcomes() -> Report:
    """Three outcomes, the second of which is the base; the numbers are invented."""
    bus = """
        age   | 1.25 .125  2.23 0.026 1.027511 1.520663
        _cons | .5   .1   -3.47 0.001 .3378621 .7399467"""
    train = """
        age   | .8 .08  -2.23 0.026 .6576084 .9732241
        _cons | 2  .4    3.47 0.001 1.351449 2.959787"""
    zones = """
        2 | 1.5 .3   2.03 0.043 1.013587 2.21984
        3 | 1   .25  0.00 1.000 .6126264 1.632316"""
    random = """
        var(Bus:_cons)            | .25 .1   .1141458 .5475455
        var(Express train:_cons)  | .5  .2   .2282917 1.095091"""
    covariance = "cov(Bus:_cons,Express train:_cons) | .125 .0625 2.00 0.046 .0025023 .2474977"
    both = coefficients(zones, "zone")
    return Report(
        title="Mixed-effects multinomial logistic regression",
        response="mode",
        combined=True,
        nobs=1200,
        groups=(Group("city", 40, 30, 30.0, 30),),
        facts=(("Base outcome", "Car"),),
        integration=("mvaghermite", 7),
        wald=ModelTest(6, 12.5, 0.0516),
        loglik=-1180.25,
        fixed=(
            Block("Bus", (*coefficients(bus)[:1], *both, *coefficients(bus)[1:])),
            Block("Car", remark="base outcome"),
            Block("Express train", (*coefficients(train)[:1], *both, *coefficients(train)[1:])),
        ),
        random=(Block("city", variances(random)), Block("city", coefficients(covariance))),
        table_notes=(
            "Note: Estimates are transformed only in the first 2 equations to relative-risk ratios.",
            "Note: _cons estimates baseline relative risk for each outcome (conditional on zero random effects).",
        ),
        lr_test=LRTest("mlogit model", "chi2(3)", 40.5, 0.0, conservative=True),
        estimate_title="RRR",
    )


EXAMPLES = {
    "growth": growth,
    "split_plot": split_plot,
    "binomial": binomial,
    "correlated": correlated,
    "blocked": blocked,
    "meta_analysis": meta_analysis,
    "three_levels": three_levels,
    "crossed": crossed,
    "orange": orange,
    "tobit": tobit,
    "survival": survival,
    "outcomes": outcomes,
}
