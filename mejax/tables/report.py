"""What a printed result consists of: frozen descriptions in words and numbers, without a model.

In every numeric field None is a cell that is left blank and NaN one that is printed as `.`; whatever has `__float__`
(NumPy scalars too) is a number.
"""

from dataclasses import dataclass
from typing import Literal, SupportsFloat

CONSERVATIVE = "Note: LR test is conservative and provided only for reference."


@dataclass(frozen=True)
class Row:
    """One line of a table of estimates.

    `label` is the name (`week`, `_cons`, `/cut1`, `var(week)`) or, under a factor's heading `term`
    (`nitrogen#thatch`), the level (`Urea#2`).  `note` ("omitted", "base", "empty", "constrained"; parentheses
    optional) is printed after the estimate in place of all other numbers; an omitted row has the estimate 0 if None.
    `z` is the test statistic, `t` where the report says so.
    """

    label: str
    estimate: SupportsFloat | None = None
    se: SupportsFloat | None = None
    z: SupportsFloat | None = None
    p: SupportsFloat | None = None
    lower: SupportsFloat | None = None
    upper: SupportsFloat | None = None
    note: str | None = None
    term: str = ""

    @property
    def remark(self) -> str:
        """`note` in parentheses, "" if there is none."""
        return f"({self.note.strip('()')})" if self.note else ""


@dataclass(frozen=True)
class Block:
    """Rows between two rules, under a heading if there is one.

    The heading names an equation (`phi1`), an outcome (`Prepaid`), a level (`department`) or a covariance block
    (`id: Unstructured`); a line break in it starts a new line.  `remark` stands beside it in parentheses ("base
    outcome").
    """

    heading: str
    rows: tuple[Row, ...] = ()
    remark: str = ""


@dataclass(frozen=True)
class Group:
    """How the observations fall into the groups of one level."""

    label: str
    count: SupportsFloat
    minimum: SupportsFloat
    average: SupportsFloat
    maximum: SupportsFloat


@dataclass(frozen=True)
class ModelTest:
    """The joint test in the header, `Wald chi2(1)` or `F(2, 47.50)`; NaN prints `.`."""

    df: SupportsFloat
    stat: SupportsFloat
    p: SupportsFloat
    kind: Literal["chi2", "F"] = "chi2"
    denominator: SupportsFloat | None = None

    @property
    def label(self) -> str:
        """`chi2(1)`, `F(2, 47.50)`."""
        if self.kind == "chi2":
            return f"chi2({float(self.df):.0f})"
        bottom = "." if self.denominator is None else f"{float(self.denominator):.2f}"
        return f"F({float(self.df):.0f}, {bottom})"


@dataclass(frozen=True)
class LRTest:
    """The likelihood-ratio test below the tables.

    `against` is the simpler model ("linear model", "logistic model"), `kind` the reference distribution
    (`chibar2(01)`, `chi2(3)`); `conservative` adds the note that the p-value is an upper bound.
    """

    against: str
    kind: str
    stat: SupportsFloat
    p: SupportsFloat
    conservative: bool = False

    @property
    def tail(self) -> str:
        """`Prob >= chibar2` or `Prob > chi2`."""
        name = self.kind.split("(")[0]
        return f"Prob {'>=' if name == 'chibar2' else '>'} {name}"


@dataclass(frozen=True)
class DegreesOfFreedom:
    """The header's account of a small-sample method: its name and the range over the coefficients."""

    method: str
    minimum: SupportsFloat
    average: SupportsFloat
    maximum: SupportsFloat


@dataclass(frozen=True)
class Report:
    """Everything that is printed about a fit, or about a table of margins or linear combinations.

    Attributes:
        title: `Mixed-effects ML regression`; "" leaves the header out.
        response: the corner of the coefficient table.
        fixed: blocks of the coefficient table; equations and cut points are blocks of their own.
        random: variance components, one block per covariance block, then the residual's.
        combined: True prints `random` inside the coefficient table (generalized models), False in a second
            table (linear and nonlinear models).
        nobs, groups: the sample; one group is described in words, several in a table.
        facts: pairs below the title, `("Family", "Gaussian")`, `("Binomial variable", "napplied")`.
        counts: pairs below the number of observations, `("Uncensored", 12334)`, `("Time at risk", 7424)`.
        limits: pairs beside the last of the counts, `("Lower", "-inf")`, `("Upper", "1.9")`: where a response is cut.
        integration: method and number of points (None where it has none).
        df: the small-sample method.
        wald: the joint test; None leaves it out.
        loglik, loglik_label: printed with eight digits.
        constraints: linear constraints, numbered in print.
        definitions: lines between header and table (`phi1: U1[tree], xb`).
        notes: lines above everything (what was omitted, how many rows were dropped).
        cluster: number of clusters and their variable, printed above the table.
        table_notes: lines below the tables and above the likelihood-ratio test.
        footnotes: lines at the very end.
        estimate_title: `Coefficient`, `Odds ratio`, `IRR`, `Margin`.
        se_title: `Std. err.`, or two lines as in `Robust std. err.`, `Delta-method std. err.`
        statistic: the letter of the test statistic; level: the confidence level in percent.
    """

    title: str = ""
    response: str = ""
    fixed: tuple[Block, ...] = ()
    random: tuple[Block, ...] = ()
    combined: bool = False
    nobs: SupportsFloat | None = None
    groups: tuple[Group, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    counts: tuple[tuple[str, SupportsFloat], ...] = ()
    limits: tuple[tuple[str, str], ...] = ()
    integration: tuple[str, SupportsFloat | None] | None = None
    df: DegreesOfFreedom | None = None
    wald: ModelTest | None = None
    loglik: SupportsFloat | None = None
    loglik_label: str = "Log likelihood"
    constraints: tuple[str, ...] = ()
    definitions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cluster: tuple[SupportsFloat, str] | None = None
    lr_test: LRTest | None = None
    table_notes: tuple[str, ...] = ()
    footnotes: tuple[str, ...] = ()
    estimate_title: str = "Coefficient"
    se_title: str = "Std. err."
    statistic: Literal["z", "t"] = "z"
    level: SupportsFloat = 95.0
