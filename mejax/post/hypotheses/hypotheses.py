"""Wald tests and linear combinations of coefficients, ancillary parameters and variance components."""

import difflib
import re
from dataclasses import dataclass, replace
from textwrap import fill

import numpy as np

from ...fitting import AbstractDegrees, Estimates
from ...syntax.constraints import Constraint, parse_constraint
from ...tables import Block, ModelTest, Report, Row, fixed, render, render_test
from ..display import Display
from ..estat.estat import lines_frame
from ..functions import Functions
from ..kinds import is_generalized
from ..tables import exponentiated
from ..wald import joint_test

_RANK = 1e-9
_LARGEST_EXPONENT = 700.0  # exp of it is still a number
_BOUNDARY = (
    "Note: zero lies on the boundary of the parameter space for {}, where the test's p-value is not valid; compare "
    "fits with and without by me.lrtest."
)


@dataclass(frozen=True, repr=False)
class Wald:
    """Wald test: chi-squared statistic, degrees of freedom, p; NaN (printed `.`) for statistic and p with 0 df.

    With denominator degrees of freedom `ddf` the test is that of `F`, which `p` belongs to; both are None otherwise.
    """

    chi2: float
    df: int
    p: float
    text: str = ""
    F: float | None = None
    ddf: float | None = None

    @property
    def printed(self) -> ModelTest:
        """The test as tables show it."""
        if self.F is None:
            return ModelTest(self.df, self.chi2, self.p)
        return ModelTest(self.df, self.F, self.p, "F", self.ddf)

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def parameter_labels(estimates: Estimates) -> list[str]:
    """Labels of everything printed, in the order of `Estimates.covariance`."""
    coefficients = [c.label for c in estimates.names.estimated]
    return [*coefficients, *estimates.ancillary_labels, *(c.label for c in estimates.component_info)]


def model_wald(estimates: Estimates) -> Wald:
    """The header's test: all coefficients but the intercept are zero (all of them where there is no intercept).

    It is an F test where the fit has degrees of freedom.
    """
    free = np.diag(estimates.coefficient_vce) > 0  # a constraint may leave nothing to test
    rows = [k for k, c in enumerate(estimates.names.estimated) if not c.constant and free[k]]
    selector = np.eye(len(estimates.printed))[rows]
    # few clusters leave a covariance matrix of low rank: then what it can tell is tested
    found = _tested(_functions(estimates, selector, np.zeros(len(rows)), estimates.degrees if rows else None))
    shown = found.printed
    name = f"Wald {shown.label}" if shown.kind == "chi2" else shown.label
    stat, p = fixed(shown.stat, 2), fixed(shown.p, 4)
    return replace(found, text=f"{name} = {stat}   Prob > {shown.kind} = {p}")


def test(estimates: Estimates, hypotheses: tuple[str, ...], *, small: bool = False) -> Wald:
    """Joint Wald test of linear hypotheses, `week`, `week = 6`, `2*week = _cons`; a bare label means `= 0`.

    With `small` it is an F test with the fit's denominator degrees of freedom.
    """
    if not hypotheses:
        raise ValueError('test: name at least one hypothesis, such as "week = 0"')
    if not all(isinstance(h, str) and h.strip() for h in hypotheses):
        raise ValueError(f'test: a hypothesis is a text such as "week = 0"; got {hypotheses!r}')
    parsed = tuple(_parsed(estimates, h) for h in hypotheses)
    texts = tuple(h.text if "=" in h.text else f"{h.text} = 0" for h in parsed)
    return wald_test(estimates, parsed, texts, small=small)


def wald_test(
    estimates: Estimates, hypotheses: tuple[Constraint, ...], texts: tuple[str, ...], *, small: bool, name: str = "test"
) -> Wald:
    """Joint test of hypotheses, which are printed as `texts`; `name` is the method's in messages."""
    rows = np.array([_row(estimates, h) for h in hypotheses])
    degrees = small_sample(estimates, rows, name) if small else None
    functions = _functions(estimates, rows, np.array([h.constant for h in hypotheses]), degrees)
    if not np.all(np.isfinite(functions.covariance)):
        raise ValueError(f"{name}: a variance component named has no standard error (boundary or constrained)")
    _check_consistent(functions, name)
    found = _tested(functions)
    text = render_test(texts, found.printed)
    if found.df < len(texts):
        text += f"\nNote: {_redundant(len(texts) - found.df)}"
    if at_boundary := _at_boundary(estimates, hypotheses, rows):
        text += "\n" + fill(_BOUNDARY.format(", ".join(at_boundary)), 78)
    return replace(found, text=text)


def lincom(estimates: Estimates, expression: str, level: float, *, eform: bool = False, small: bool = False) -> Display:
    """Estimate, standard error and interval of a linear combination such as `week + 2*_cons`.

    `eform` shows exp of it (z and p are those of the combination itself), `small` refers it to Student's t.
    """
    parsed = _combination(estimates, expression)
    row = _row(estimates, parsed)
    degrees = small_sample(estimates, row[None], "lincom") if small else None
    functions = replace(_functions(estimates, row[None], np.array([parsed.constant]), None), labels=("(1)",))
    if not np.all(np.isfinite(functions.covariance)):
        raise ValueError("lincom: a variance component named has no standard error (boundary or constrained)")
    if degrees is not None:
        functions = replace(functions, df=np.array([degrees.of(row[: len(estimates.coefficients)])]))
    lines = functions.lines(level)
    if eform:
        if np.nanmax(np.append(lines.values[0, [0, 4, 5]], -np.inf)) > _LARGEST_EXPONENT:
            raise ValueError(f"lincom: exp of `{expression.strip()}` is too large to be shown; leave out eform")
        lines = exponentiated(lines)._replace(df=lines.df)
    report = Report(
        constraints=(expression.strip(),), response=estimates.names.response, level=level,
        fixed=(Block("", (Row("(1)", *lines.values[0]),)),),
        estimate_title=_ratio_title(estimates) if eform else "Coefficient", statistic="t" if small else "z",
    )  # fmt: skip
    return Display(lines_frame(lines), render(report))


def small_sample(estimates: Estimates, rows: np.ndarray, name: str) -> AbstractDegrees:
    """The degrees of freedom of the fit, which must have some, for `rows` over everything printed.

    Raises:
        ValueError: a fit without them, or rows that weigh what is no coefficient.
    """
    if estimates.degrees is None:
        raise ValueError(
            f"{name}: small=True needs the denominator degrees of freedom of a linear model; fit it by `mixed` with "
            '`dfmethod="satterthwaite"` (or "kroger", "residual", "repeated", "anova")'
        )
    beyond = np.flatnonzero(np.any(rows != 0, axis=0))
    beyond = beyond[beyond >= len(estimates.coefficients)]
    if len(beyond):
        label = parameter_labels(estimates)[beyond[0]]
        raise ValueError(
            f"{name}: denominator degrees of freedom belong to coefficients, and `{label}` is none; leave out "
            "small=True"
        )
    return estimates.degrees


def place_of(estimates: Estimates, label: str) -> int | None:
    """The place of a label among everything printed, whatever its blanks and quotation marks.

    `{b1}` and `b1` are `/b1` in a nonlinear model, `{phi1:_cons}` is `phi1:_cons`; `2.a#x` is `c.x#2.a`.
    """
    labels = [_plain(name) for name in parameter_labels(estimates)]
    label = _plain(label)
    bare = label.strip("{}")
    found = next((labels.index(name) for name in (label, bare, f"/{bare}") if name in labels), None)
    return _reordered(estimates, label) if found is None else found


def _plain(label: str) -> str:
    return label.replace(" ", "").replace('"', "'")


def _reordered(estimates: Estimates, label: str) -> int | None:
    """The place of an interaction whose parts stand in another order, or without `c.` before continuous ones."""
    names = [column.label for column in estimates.names.estimated]
    wanted = _parts(estimates, label)
    places = [place for place, name in enumerate(names) if _parts(estimates, _plain(name)) == wanted]
    return places[0] if len(places) == 1 else None


def _parts(estimates: Estimates, label: str) -> tuple[str, list[str]]:
    """The equation of a coefficient ("" the only one) and the variables of its column, sorted."""
    equation, colon, rest = label.partition(":")
    if not colon or equation not in estimates.names.equations:
        equation, rest = "", label
    return equation, sorted(part.removeprefix("c.") for part in re.split(r"[#:](?![^(\[]*[)\]])", rest))


def unknown_label(estimates: Estimates, label: str) -> str:
    """That there is no such label, with those which may have been meant."""
    if label.startswith("(") or re.fullmatch(r"[^/()\[\]]+/.*", label):
        return (
            f"`{label}` has parentheses or a division, which linear hypotheses and combinations have not; write "
            "0.5*x + 0.5*z, or use `fit.nlcom` for an estimate"
        )
    names = parameter_labels(estimates)
    near = difflib.get_close_matches(label, names, n=2)
    hint = f"did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else f"known are {', '.join(names)}"
    return f"there is no coefficient `{label}`; {hint}"


def _parsed(estimates: Estimates, text: str) -> Constraint:
    """A hypothesis or combination; labels stand without their blanks, `boy:var(e)`, since a blank ends a label."""
    typed = text.strip()
    for label in sorted(parameter_labels(estimates), key=len, reverse=True):
        text = text.replace(label, label.replace(" ", ""))
    if re.search(r"[-+*]\s*(?:=|$)", text):
        raise ValueError(f"`{typed}`: a coefficient or a number is missing after the last sign")
    parsed = parse_constraint(text, estimates.names.response, estimates.names.equations)
    if not np.all(np.isfinite([parsed.constant, *(weight for weight, _ in parsed.terms)])):
        raise ValueError(f"`{typed}`: a number is too large; finite ones were expected")
    return parsed


def _combination(estimates: Estimates, expression: str) -> Constraint:
    """A linear combination, which has no equals sign."""
    if not isinstance(expression, str):
        raise ValueError(f'lincom: a combination is a text such as "week + 2*_cons"; got {expression!r}')
    if "=" in expression:
        raise ValueError(
            f"lincom: `{expression.strip()}` is a hypothesis, a combination has no `=`; test it by `fit.test`, or "
            "subtract its right side"
        )
    return _parsed(estimates, expression)


def _at_boundary(estimates: Estimates, hypotheses: tuple[Constraint, ...], rows: np.ndarray) -> list[str]:
    """The variances that hypotheses set to zero."""
    first, found = len(estimates.printed) - len(estimates.component_info), []
    for hypothesis, row in zip(hypotheses, rows, strict=True):
        places = np.flatnonzero(row)
        if len(places) == 1 and hypothesis.constant == 0 and places[0] >= first:
            component = estimates.component_info[places[0] - first]
            found += [component.label] if component.kind == "var" else []
    return list(dict.fromkeys(found))


def _row(estimates: Estimates, hypothesis: Constraint) -> np.ndarray:
    """The weights of everything printed."""
    row = np.zeros(len(estimates.printed))
    for weight, label in hypothesis.terms:
        place = place_of(estimates, label)
        if place is None:
            raise ValueError(f"`{hypothesis.text}`: {unknown_label(estimates, label)}")
        row[place] += weight
    return row


def _functions(
    estimates: Estimates, rows: np.ndarray, values: np.ndarray, degrees: AbstractDegrees | None
) -> Functions:
    """rows @ printed - values, with the covariance of what the rows weigh."""
    used = np.any(rows != 0, axis=0)
    weights = rows[:, used]
    covariance = weights @ estimates.covariance[np.ix_(used, used)] @ weights.T
    found = Functions(tuple(map(str, range(len(rows)))), rows @ estimates.printed - values, covariance)
    if degrees is None:
        return found
    of_coefficients = rows[:, : len(estimates.coefficients)]
    return replace(found, joint=lambda more: degrees.joint(more @ of_coefficients))


def _tested(functions: Functions) -> Wald:
    plain = joint_test(replace(functions, joint=None))
    if functions.joint is None:
        return Wald(plain.statistic, plain.df, plain.p)
    test = joint_test(functions)
    return Wald(plain.statistic, plain.df, test.p, F=test.statistic, ddf=test.ddf)


def _check_consistent(functions: Functions, name: str) -> None:
    """Hypotheses that follow from others must not contradict them."""
    scale = np.sqrt(np.maximum(np.diag(functions.covariance), 1e-300))
    size, vectors = np.linalg.eigh(functions.covariance / np.outer(scale, scale))
    known = size <= _RANK * max(size[-1], 1e-300)
    missed = np.abs(vectors[:, known].T @ (functions.values / scale))
    if np.any(missed > 1e-6 * (1 + np.abs(functions.values / scale).max())):
        raise ValueError(f"{name}: the hypotheses contradict one another, so that no values satisfy them all")


def _redundant(count: int) -> str:
    return f"{count} of the hypotheses follow{'s' if count == 1 else ''} from the others."


def _ratio_title(estimates: Estimates) -> str:
    return estimates.model.family.ratio.title if is_generalized(estimates) else "exp(b)"
