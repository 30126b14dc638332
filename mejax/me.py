"""The commands: `me.mixed(model, data, **options)` and its kin."""

from collections.abc import Callable, Mapping
from typing import Any

from .commands import Parquet as Parquet
from .commands import fit_command, fit_function
from .commands import load as load
from .post.hypotheses.lrtest import lrtest as lrtest
from .results import Fit
from .results import table as table
from .syntax import parse


def mixed(model: str, data: Any, **options: Any) -> Fit:
    """Linear mixed-effects model, y = X beta + Z u + e with u ~ N(0, Sigma) and e ~ N(0, sigma_e^2 I).

        me.mixed("weight week || id: week, covariance(unstructured)", pig)
        me.mixed("weight ~ week + (week | id)", pig, reml=True)

    The log likelihood is maximised exactly by Newton-Raphson, beta and sigma_e^2 profiled out (Bates et al. 2015);
    nested levels, crossed factors and mixtures of both are eliminated blockwise.  Standard errors of coefficients come
    from (X'V^-1 X)^-1, those of variance components from the observed information by the delta method.

    Args:
        model: the model, in the suite's spelling or as a formula.
        data: a pandas, polars or pyarrow table, a dict of arrays, or `Parquet` files read in batches.
        **options: options of the command as keywords: `reml`, `covariance`, `where`, `rows`, `fweight`, `vce` ("oim",
            "robust", "cluster id"), `residuals` ("ar 1, t(day)", ...), `constraints`, `matrices`, `level`, `variance`,
            `stddeviations`, `iterate`, `tolerance`, `start`, `solver` ("exact", "iterative"), `devices`, `nolog`, ...

    Returns:
        A `Fit`; `print(fit)` is the whole output.

    Raises:
        SyntaxProblem: the model's text or an option cannot be understood (a `ValueError` that points at the place).
        ValueError: the data cannot be used; the message says what was found and what to do.
        NotImplementedError: an option of the suite that is not built yet.
    """
    return fit_command(parse(model, command="mixed", **options), data)


def meglm(model: str, data: Any, **options: Any) -> Fit:
    """Generalized linear mixed model, y given u from a family with mean g^-1(X beta + Z u), u ~ N(0, Sigma).

        me.meglm("y x || id: x, family(poisson) covariance(unstructured)", df)
        me.meglm("cbind(sick, healthy) ~ period + (1 | herd)", df, family="binomial", link="probit")

    Families with their links, the first by default: gaussian (identity, log), bernoulli and binomial (logit, probit,
    cloglog), ordinal (logit, probit, cloglog), poisson (log), nbinomial (log), gamma (log).  The shorthands `melogit`,
    `meprobit`, `mecloglog`, `meologit`, `meoprobit`, `mepoisson` and `menbreg` take the same options.

    The random effects are integrated out numerically, by default by mean-variance adaptive Gauss-Hermite quadrature
    with 7 points (Naylor and Smith 1982; Rabe-Hesketh, Skrondal and Pickles 2005), for crossed effects and for more
    than five effects of a group by Laplace's approximation; Newton-Raphson maximises the result.  More points are more
    exact: see whether the estimates move.

    Args:
        model: the model, in the suite's spelling or as a formula.
        data: a pandas, polars or pyarrow table, or a dict of arrays, with one row per observation.
        **options: options of the command as keywords: `family` ("binomial n" names the trials), `link`, `exposure`,
            `offset`, `intmethod` ("mvaghermite", "mcaghermite", "ghermite", "laplace", "pcaghermite", "pclaplace"),
            `intpoints`, `exactderivatives`, `covariance`, `eform`, `asis`, `where`, `rows`, `fweight`, `iweight`,
            `pweight`, `vce` ("oim", "robust", "cluster id"), `constraints`, `matrices`, `startvalues`, `startgrid`,
            `start`, `level`, `iterate`, `difficult`, `tolerance`, `solver`, `devices`, `nolog`, `collinear`, display.

    Returns:
        A `Fit`; `print(fit)` is the whole output.

    Raises:
        SyntaxProblem: the model's text or an option cannot be understood (a `ValueError` that points at the place).
        ValueError: the data cannot be used, among them a response that the family does not allow; the message says what
            was found and what to do.
        NotImplementedError: an option of the suite that is not built yet.

    Source: McCulloch, Searle and Neuhaus (2008), Generalized, Linear, and Mixed Models.
    """
    return fit_command(parse(model, command="meglm", **options), data)


def melogit(model: str, data: Any, **options: Any) -> Fit:
    """Mixed-effects logistic regression, Pr(y = 1 given u) = 1 / (1 + exp(-eta)), eta = X beta + Z u.

        me.melogit("c_use i.urban age || district:", bangladesh, eform=True)
        me.melogit("admitted ~ female + (1 | department)", df, binomial="applied")

    For a response of zeros and ones, or with `binomial` counts out of a number of trials.  exp(beta) are odds ratios,
    conditional on the random effects (`eform=True` prints them).  Arguments, results and errors are those of `meglm`.
    """
    return fit_command(parse(model, command="melogit", **options), data)


def meprobit(model: str, data: Any, **options: Any) -> Fit:
    """Mixed-effects probit regression, Pr(y = 1 given u) = Phi(eta), eta = X beta + Z u.

        me.meprobit("union age || idcode:", df)

    For a response of zeros and ones (or counts, with `binomial`) that is a normal variable cut at zero; averaging over
    random effects leaves a probit model.  Arguments, results and errors are those of `meglm`.
    """
    return fit_command(parse(model, command="meprobit", **options), data)


def mecloglog(model: str, data: Any, **options: Any) -> Fit:
    """Mixed-effects complementary log-log regression, Pr(y = 1 given u) = 1 - exp(-exp(eta)), eta = X beta + Z u.

        me.mecloglog("event x || id:", df, offset="log_time")

    For zeros and ones (or counts, with `binomial`) that say whether an event happened in an interval: exp(beta) are
    hazard ratios of the underlying proportional-hazards model.  Arguments, results and errors are those of `meglm`.
    """
    return fit_command(parse(model, command="mecloglog", **options), data)


def meologit(model: str, data: Any, **options: Any) -> Fit:
    """Mixed-effects ordered logistic regression, Pr(y <= k given u) = 1 / (1 + exp(eta - cut_k)), eta = X beta + Z u.

        me.meologit("rating temp contact || judge:", wine)

    For ordered categories (proportional odds); the cut points stand in `fit.ancillary`, and there is no intercept.
    Arguments, results and errors are those of `meglm`.
    """
    return fit_command(parse(model, command="meologit", **options), data)


def meoprobit(model: str, data: Any, **options: Any) -> Fit:
    """Mixed-effects ordered probit regression, Pr(y <= k given u) = Phi(cut_k - eta), eta = X beta + Z u.

        me.meoprobit("thk prethk cc##tv || school: || class:", tvsfpors)

    For ordered categories that are a normal variable cut at several points; the cut points stand in `fit.ancillary`,
    and there is no intercept.  Arguments, results and errors are those of `meglm`.
    """
    return fit_command(parse(model, command="meoprobit", **options), data)


def mepoisson(model: str, data: Any, **options: Any) -> Fit:
    """Mixed-effects Poisson regression, E(y given u) = Var(y given u) = exp(eta), eta = X beta + Z u.

        me.mepoisson("seizures treat lbas || subject:", epilepsy)
        me.mepoisson("deaths ~ smokes + offset(log(years)) + (1 | area)", df)

    For counts; `exposure` divides the rate.  exp(beta) are incidence-rate ratios (`eform=True` prints them).
    Arguments, results and errors are those of `meglm`.
    """
    return fit_command(parse(model, command="mepoisson", **options), data)


def menbreg(model: str, data: Any, **options: Any) -> Fit:
    """Mixed-effects negative binomial regression, E(y given u) = mu = exp(eta), eta = X beta + Z u.

        me.menbreg("seizures treat lbas || subject:", epilepsy, dispersion="constant")

    For counts that vary more within groups than Poisson counts do.  With `dispersion="mean"` (the default) the variance
    is mu (1 + alpha mu), `/lnalpha` in `fit.ancillary`; with "constant" it is mu (1 + delta), `/lndelta`.
    Arguments, results and errors are those of `meglm`.
    """
    return fit_command(parse(model, command="menbreg", **options), data)


def metobit(model: str, data: Any, **options: Any) -> Fit:
    """Mixed-effects tobit regression, y* = X beta + Z u + e with e ~ N(0, var(e)), seen only between limits.

        me.metobit("hours age || firm:", df, ll=0)
        me.metobit("score ~ x + (1 | pupil)", df, ll="floor", ul=100)

    `ll` and `ul` are the lower and the upper limit: a number, a column (missing: no limit in that row) or True, which
    is the smallest or the largest value observed.  A response at or beyond a limit is censored there; its likelihood
    is the probability that y* lies at least as far out.  `var(e.y)` stands with the variance components.
    Arguments, results and errors are those of `meglm`.

    Source: Tobin (1958), Estimation of relationships for limited dependent variables.
    """
    return fit_command(parse(model, command="metobit", **options), data)


def meintreg(model: str, data: Any, **options: Any) -> Fit:
    """Mixed-effects interval regression, y* = X beta + Z u + e with e ~ N(0, var(e)), known to lie between two ends.

        me.meintreg("low high age || firm:", df)
        me.meintreg("low ~ age + (1 | firm)", df, upper="high")

    Equal ends are a value observed; a missing (or infinite) lower end is left-censored, a missing upper one
    right-censored.  `var(e.y)` stands with the variance components.  All else is as in `meglm`.

    Source: Stewart (1983), On least squares estimation when the dependent variable is grouped.
    """
    return fit_command(parse(model, command="meintreg", **options), data)


def mestreg(model: str, data: Any, **options: Any) -> Fit:
    """Mixed-effects parametric survival models, for times to a failure that may be censored, given eta = X beta + Z u.

        me.mestreg("time ~ age + female + (1 | patient)", df, failure="infect", distribution="weibull")
        me.mestreg("age female || patient:", df, time="time", failure="infect", distribution="gamma", eform=True)

    Proportional hazards, h(t) = h0(t) exp(eta): `distribution` "exponential" or "weibull"; exp(beta) are hazard ratios,
    which are printed unless `nohr=True`.  Accelerated failure times, T = exp(eta) T0: these two with `aft=True`,
    "loglogistic", "lognormal" and "gamma"; exp(beta) are time ratios, printed with `tratio=True`.

        exponential    S(t) = exp(-exp(eta) t), or exp(-exp(-eta) t)
        weibull        S(t) = exp(-exp(eta) t^p), or exp(-(exp(-eta) t)^p), with p = exp(/ln_p)
        loglogistic    S(t) = 1 / {1 + (exp(-eta) t)^(1/s)}, s = exp(/logs)
        lognormal      S(t) = 1 - Phi{(log t - eta) / s}, s = exp(/logs)
        gamma          mean exp(eta) and shape 1/s^2, s = exp(/logs)

    A record adds log h(t) if it ends in a failure, log S(t), and minus log S of its entry; densities are those of t,
    not of log t.  With late entries the random effects are taken to be N(0, Sigma) among those who entered.

    Survival times are set by `time` (the end of a record), `failure` (not 0: a failure ends it; without it all do),
    `enter` (its begin, otherwise 0) and `id` (the subject, where one has several records: then a record begins where
    the one before it ended, and those after a failure are not used).  Records are set over the whole table, whatever
    `where` selects; those that cannot be used are counted in notes.  The other arguments, results and errors are those
    of `meglm`.

    Source: Kalbfleisch and Prentice (2002), The Statistical Analysis of Failure Time Data.
    """
    return fit_command(parse(model, command="mestreg", **options), data)


def memlogit(model: str, data: Any, **options: Any) -> Fit:
    """Mixed-effects multinomial logistic regression, Pr(y = k given u) = exp(eta_k) / sum_l exp(eta_l), where
    eta_k = X beta_k + Z u_k, and eta is 0 for the base outcome.

        me.memlogit("transport ~ cost + (1 | town)", df, baseoutcome="car")
        me.memlogit("insurance age male || site:, covariance(unstructured)", df, eform=True)
        me.memlogit("insurance age male || site:, shared", df)

    For outcomes without order, numbers or texts; `baseoutcome` is the most frequent one where it is not named.  Each
    other outcome has coefficients and random effects of its own (`2:age`, `var(2:_cons)`), with the covariance over the
    effects of all of them, unstructured unless another is named: no other is the same model for every base outcome.
    With `shared` all outcomes but the base share one set.  exp(beta) are relative-risk ratios (`eform=True`
    prints them).  Arguments, results and errors are those of `meglm`.

    Source: Hartzel, Agresti and Caffo (2001), Multinomial logit random effects models.
    """
    return fit_command(parse(model, command="memlogit", **options), data)


def menl(
    model: str | None = None,
    data: Any = None,
    *,
    y: str | None = None,
    mean: Callable[..., Any] | None = None,
    params: Mapping[str, float | None] | None = None,
    random: Mapping[str, str] | None = None,
    **options: Any,
) -> Fit:
    """Nonlinear mixed-effects model, y = f(x, beta, u) + e with u ~ N(0, Sigma) and e ~ N(0, sigma_e^2 R).

        me.menl("circumf = ({b1}+{U1[tree]})/(1+exp(-(age-{b2})/{b3}))", orange)
        me.menl("circumf = {phi1:}/(1+exp(-(age-{b2})/{b3})), define(phi1: U1[tree], xb)", orange, reml=True)
        me.menl(data=orange, y="circumf", params={"a": 190, "b": 700, "c": 350}, random={"U": "tree"},
                mean=lambda b, u, x: (b["a"] + u["U"]) / (1 + jnp.exp(-(x["age"] - b["b"]) / b["c"])))

    The mean is an expression with parameters in braces, `{b}` or with a starting value `{b=1.5}`; random effects with
    their groups, `{U[tree]}`, `{W[school>class]}`; linear combinations with coefficients of their own, `{phi: x1 i.g
    U0[id] c.x1#U1[id]}`; and `{phi:}` for what was named so.  Or it is a function of three mappings of arrays, written
    with jax.numpy and elementwise in the rows.

    By default the mean is linearised around the random effects' modes, and coefficients and variances are found by
    turns (Lindstrom and Bates 1990); `fit.llf` is the log likelihood of the linear model at the end, with `reml` the
    restricted one.  With `intmethod` or `intpoints` it is the true likelihood, integrated by quadrature or Laplace's
    approximation, with standard errors from the joint observed information.  Otherwise standard errors of coefficients
    are those of the linear model times sqrt(n / (n - p)), those of variances have the coefficients held.

    Args:
        model: the response, `=` and the mean, then options after a comma.
        data: a pandas, polars or pyarrow table, or a dict of arrays, with one row per observation.
        y, mean: the response and the function f(b, u, x), where the mean is a function.
        params, random: its parameters with starting values (None: found by a search), and its random effects with their
            groups, `{"U1": "tree", "W": "school>class"}`.
        **options: `define` ({name: expression}), `covariance` ("U1 U2, unstructured", a list of such, or one type),
            `initial` ({label: value}, or numbers in printed order; without starting values a wide search finds them),
            `resvariance` ("power _yhat", "exponential x", "linear x", "distinct, index(g)"), `rescorrelation`
            ("ar 1, t(time)", ...), `rescovariance`, `reml`, `intmethod`, `intpoints`, `where`, `rows`, `level`,
            `iterate`, `emiterate`, `tolerance`, `start`, `nolog` and the display options.

    Results and errors are those of `mixed`; `ValueError` also where no starting values were found.

    Source: Pinheiro and Bates (2000), Mixed-Effects Models in S and S-PLUS, chapters 7 and 8.
    """
    if mean is None:
        unused = [name for name, value in (("y", y), ("params", params), ("random", random)) if value is not None]
        if unused:
            raise ValueError(f"menl: `{unused[0]}` belongs to a mean that is a function; give it as `mean=`")
        if model is None:
            raise ValueError("menl: the model is missing; write it as a text, or give `mean=`, `y=` and `params=`")
        return fit_command(parse(model, command="menl", **options), data)
    if model is not None:
        raise ValueError("menl: the mean is given twice, as a text and as `mean=`; leave out one of them")
    if y is None or params is None:
        raise ValueError("menl: a mean that is a function needs `y=` (the response) and `params=` (its parameters)")
    return fit_function(mean, y, (params, random or {}), data, options)


def run(command: str, data: Any, **options: Any) -> Fit:
    """Run a full command, `me.run("mixed weight week || id:, reml", data)`; options as keywords too."""
    return fit_command(parse(command, **options), data)
