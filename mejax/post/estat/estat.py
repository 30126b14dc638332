"""`estat`: composition of the groups, intraclass correlations, covariance matrices, information criteria."""

import itertools

import numpy as np
import pandas as pd

from ...elimination import nesting
from ...fitting import Estimates
from ...tables import Column, Group, render_groups, render_matrix, render_simple
from ..display import Display
from ..kinds import is_nonlinear
from ..prediction.response import has_normal_errors
from ..scales import delta, standard_deviations
from ..tables import COLUMNS, Lines, logit_interval

_INTERVAL = (Column("Estimate"), Column("Std. err.", gap=3), Column("[conf.", gap=3), Column("interval]", gap=1))


def group(estimates: Estimates) -> Display:
    """Number of groups and smallest, mean and largest group of every level."""
    counts = estimates.names.groups
    frame = pd.DataFrame(
        [[c.count, c.minimum, c.average, c.maximum] for c in counts],
        index=pd.Index([c.label for c in counts], name="level"),
        columns=pd.Index(["groups", "minimum", "average", "maximum"]),
    )
    rows = [Group(c.label, c.count, c.minimum, c.average, c.maximum) for c in counts]
    return Display(frame, render_groups(rows))


def icc(estimates: Estimates, level: float) -> Display:
    """Intraclass correlations: at each level the share of the variance that its groups and those above have in common.

    The variance within the lowest groups is that of the errors; of a binary or ordinal response that of the latent
    variable's standard distribution (pi^2 / 3 for logit, 1 for probit, pi^2 / 6 for cloglog).
    With random slopes the value holds where their covariates are zero.  Intervals are symmetric on the logit scale.
    """
    residual, constant = level_one(estimates)
    chain = _nested_intercepts(estimates)
    labels, sums = [], []
    for depth, path in enumerate(chain):
        labels.append("|".join(reversed(path.split(">"))))
        sums.append([k for above in list(chain)[: depth + 1] for k in chain[above]])
    every = [k for positions in chain.values() for k in positions] + residual

    def shares(components):
        total = sum(components[k] for k in every) + constant
        return np_stack([sum(components[k] for k in part) / total for part in sums])

    values, se = delta(shares, estimates)
    frame = np.column_stack([values, se, logit_interval(values, se, level)])
    rows = [(label, tuple(row)) for label, row in zip(labels, frame, strict=True)]
    conditional = any(c not in ("_cons",) for e in estimates.names.effects for c in e.columns)
    title = "Conditional intraclass correlation" if conditional else "Intraclass correlation"
    notes = ("Note: at zero values of the random-effects covariates.",) if conditional else ()
    text = render_simple(_INTERVAL, rows, title=title, stub="Level", notes=notes)
    return Display(_frame(labels, frame, ["estimate", "se", "lower", "upper"]), text)


def np_stack(parts):
    """Stack scalars of NumPy or JAX."""
    import jax.numpy as jnp

    return jnp.stack(parts)


def _nested_intercepts(estimates: Estimates) -> dict[str, list[int]]:
    """Positions of var(_cons) of each nested level, from the top down; an error where there is no such nesting."""
    if _crossed(estimates):
        raise ValueError(
            "estat icc: intraclass correlations are defined for nested levels; this model has crossed effects"
        )
    chain: dict[str, list[int]] = {}
    for k, component in enumerate(estimates.component_info):
        if component.equation < 0:
            continue
        effect = estimates.names.effects[component.equation]
        if effect.factor is not None or effect.path == "_all":
            raise ValueError(
                "estat icc: intraclass correlations need random intercepts of nested levels, not R. or _all"
            )
        if component.label.endswith("var(_cons)"):
            chain.setdefault(effect.path, []).append(k)
    if not chain:
        raise ValueError("estat icc: the model has no random intercept")
    sizes = {e.path: d.size for e, d in zip(estimates.names.effects, estimates.design.effects, strict=True)}
    return dict(sorted(chain.items(), key=lambda item: sizes[item[0]]))


def _crossed(estimates: Estimates) -> bool:
    """Are there two grouping factors neither of which is nested in the other?"""
    pairs = itertools.combinations(estimates.design.effects, 2)
    return any(
        nesting(a.codes, a.size, b.codes) is None and nesting(b.codes, b.size, a.codes) is None for a, b in pairs
    )


def level_one(estimates: Estimates) -> tuple[list[int], float]:
    """The variance within the lowest groups: the position of a component (var(e)), or a constant.

    Raises:
        ValueError: a response for which there is no such variance on the scale of the linear predictor; errors that are
            correlated or differ in their variance; a nonlinear mean.
    """
    if is_nonlinear(estimates):
        raise ValueError(
            "estat icc: in a nonlinear model the correlation of two responses depends on where the mean is looked at, "
            "so that there is no one intraclass correlation; `estat.wcorrelation()` has those of one cluster"
        )
    if estimates.names.errors is not None:
        raise ValueError(
            "estat icc: intraclass correlations need independent errors with one variance, and this model's errors are "
            "structured; `estat.wcorrelation()` has the correlations within one cluster"
        )
    if has_normal_errors(estimates):
        return [len(estimates.components) - 1], 0.0
    family = estimates.model.family
    if family.latent_variance is not None:
        return [], family.latent_variance
    raise ValueError(
        f"estat icc: a response that is {family.name} with link {family.link.name} has no level-1 variance on the "
        "scale of the linear predictor; intraclass correlations exist after linear, censored, binary and ordinal models"
    )


def recovariance(estimates: Estimates, correlation: bool = False) -> dict[str, Display]:
    """Covariance (or correlation) matrices of the random effects, one per level."""
    if not estimates.names.effects:
        raise ValueError("estat recovariance: the model has no random effects")
    out: dict[str, Display] = {}
    for name, matrix in zip(estimates.names.effects, estimates.sigmas, strict=True):
        columns = list(name.columns)
        if name.factor is not None and len(matrix) > 1:
            columns = [f"{name.columns[0]}[{i + 1}]" for i in range(len(matrix))]
        if name.path in out:
            matrix, columns = _join(out[name.path].table, matrix, columns)
        if correlation:
            sd = np.sqrt(np.diag(matrix))
            with np.errstate(invalid="ignore"):  # a variance of zero has no correlations: NaN, printed `.`
                matrix = matrix / np.outer(sd, sd)
        frame = pd.DataFrame(matrix, index=columns, columns=columns)
        kind = "correlation" if correlation else "covariance"
        out[name.path] = Display(
            frame, render_matrix(f"Random-effects {kind} matrix for level {name.path}", columns, columns, matrix)
        )
    return out


def _join(known: pd.DataFrame, matrix: np.ndarray, columns: list[str]):
    """Blocked-diagonal matrix of several equations at one level."""
    size = len(known)
    joined = np.zeros((size + len(matrix), size + len(matrix)))
    joined[:size, :size], joined[size:, size:] = known.to_numpy(), matrix
    return joined, [*known.columns, *columns]


def sd(estimates: Estimates, level: float) -> Display:
    """Standard deviations and correlations with intervals on the log scale and by Fisher's z."""
    lines = standard_deviations(estimates, level)
    rows = [(label, tuple(row[[0, 1, 4, 5]])) for label, row in zip(lines.labels, lines.values, strict=True)]
    text = render_simple(_INTERVAL, rows, title="Standard deviations and correlations", stub="Random effects")
    frame = _frame(list(lines.labels), lines.values[:, [0, 1, 4, 5]], ["estimate", "se", "lower", "upper"])
    return Display(frame, text)


def ic(estimates: Estimates) -> Display:
    """Akaike's and Schwarz's criteria; the parameters counted are coefficients and variance components."""
    aic_value, bic_value = aic(estimates), bic(estimates)
    values = [estimates.nobs, estimates.llf, estimates.parameters, aic_value, bic_value]
    frame = pd.DataFrame([values], index=pd.Index(["model"]), columns=pd.Index(["N", "llf", "df", "aic", "bic"]))
    columns = (Column("N", "count"), Column("ll(model)"), Column("df", "count"), Column("AIC"), Column("BIC"))
    return Display(frame, render_simple(columns, [("model", tuple(values))], title="Information criteria"))


def aic(estimates: Estimates) -> float:
    return -2 * estimates.llf + 2 * estimates.parameters


def bic(estimates: Estimates) -> float:
    return -2 * estimates.llf + float(np.log(estimates.nobs)) * estimates.parameters


def _frame(labels: list[str], values: np.ndarray, columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame(values, index=pd.Index(labels), columns=pd.Index(columns))


def lines_frame(lines: Lines) -> pd.DataFrame:
    """A data frame with the fixed column names `estimate se z p lower upper`; `t df` in place of `z`."""
    frame = _frame(list(lines.labels), lines.values, list(COLUMNS))
    if lines.df is None:
        return frame
    frame = frame.rename(columns={"z": "t"})
    frame.insert(3, "df", lines.df)
    return frame
