"""Wald tests and linear combinations of coefficients, ancillary parameters and variance components."""

import difflib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..fitting import Estimates, upper_tail
from ..syntax.constraints import Constraint, parse_constraint
from ..tables import Block, ModelTest, Report, Row, render, render_test
from .display import Display
from .tables import COLUMNS, wald_rows


@dataclass(frozen=True)
class Wald:
    """Wald test: chi-squared statistic, degrees of freedom, p; NaN (printed `.`) for statistic and p with 0 df."""

    chi2: float
    df: int
    p: float
    text: str = ""

    def __str__(self) -> str:
        return self.text


def parameter_labels(estimates: Estimates) -> list[str]:
    """Labels of everything printed, in the order of `Estimates.covariance`."""
    coefficients = [c.label for c in estimates.names.estimated]
    return [*coefficients, *estimates.ancillary_labels, *(c.label for c in estimates.component_info)]


def model_wald(estimates: Estimates) -> Wald:
    """The header's test: all coefficients but the intercept are zero (all of them where there is no intercept)."""
    free = np.diag(estimates.coefficient_vce) > 0  # a constraint may leave nothing to test
    rows = [k for k, c in enumerate(estimates.names.estimated) if not c.constant and free[k]]
    if not rows:
        return Wald(np.nan, 0, np.nan, "Wald chi2(0) = .   Prob > chi2 = .")
    selector = np.eye(len(estimates.coefficients))[rows]
    # few clusters leave a covariance matrix of low rank: then what it can tell is tested
    chi2, df = _wald(selector, np.zeros(len(rows)), estimates.coefficients, estimates.coefficient_vce, partly=True)
    p = upper_tail(chi2, df) if df else np.nan
    return Wald(chi2, df, p, f"Wald chi2({df}) = {chi2:.2f}   Prob > chi2 = {p:.4f}")


def test(estimates: Estimates, hypotheses: tuple[str, ...]) -> Wald:
    """Joint Wald test of linear hypotheses, `week`, `week = 6`, `2*week = _cons`; a bare label means `= 0`."""
    if not hypotheses:
        raise ValueError('test: name at least one hypothesis, such as "week = 0"')
    if not all(isinstance(h, str) and h.strip() for h in hypotheses):
        raise ValueError(f'test: a hypothesis is a text such as "week = 0"; got {hypotheses!r}')
    names = estimates.names
    parsed = [parse_constraint(_joined(estimates, h), names.response, names.equations) for h in hypotheses]
    rows = np.array([_row(estimates, h) for h in parsed])
    chi2, df = _wald(rows, np.array([h.constant for h in parsed]), estimates.printed, estimates.covariance)
    p = upper_tail(chi2, df)
    texts = tuple(h.text if "=" in h.text else f"{h.text} = 0" for h in parsed)
    text = render_test(texts, ModelTest(df, chi2, p))
    if df < len(texts):
        text += f"\nNote: {len(texts) - df} of the hypotheses follow from the others."
    return Wald(chi2, df, p, text)


def lincom(estimates: Estimates, expression: str, level: float) -> Display:
    """Estimate, standard error and interval of a linear combination such as `week + 2*_cons`."""
    parsed = parse_constraint(_joined(estimates, expression), estimates.names.response, estimates.names.equations)
    row = _row(estimates, parsed)
    vce = estimates.covariance[np.ix_(row != 0, row != 0)]
    weights = row[row != 0]
    values = wald_rows(
        np.array([row @ estimates.printed - parsed.constant]), np.sqrt(np.array([weights @ vce @ weights])), level
    )
    frame = pd.DataFrame(values, index=pd.Index(["(1)"]), columns=pd.Index(COLUMNS))
    block = Block("", (Row("(1)", *values[0]),))
    text = render(Report(definitions=(f"( 1)  {expression.strip()}",), response="", fixed=(block,), level=level))
    return Display(frame, text)


def _joined(estimates: Estimates, text: str) -> str:
    """Labels without their blanks, `boy:var(e)`: a blank ends a label."""
    for label in sorted(parameter_labels(estimates), key=len, reverse=True):
        text = text.replace(label, label.replace(" ", ""))
    return text


def _row(estimates: Estimates, hypothesis: Constraint) -> np.ndarray:
    names = parameter_labels(estimates)
    labels = [name.replace(" ", "") for name in names]
    row = np.zeros(len(labels))
    for weight, label in hypothesis.terms:
        label = _unbraced(label, labels)
        if label not in labels:
            near = difflib.get_close_matches(label, names, n=2)
            hint = f"did you mean {' or '.join(f'`{n}`' for n in near)}?" if near else f"known are {', '.join(names)}"
            raise ValueError(f"`{hypothesis.text}`: there is no coefficient `{label}`; {hint}")
        row[labels.index(label)] += weight
    return row


def _unbraced(label: str, labels: list[str]) -> str:
    """`{b1}` and `b1` are `/b1` in a nonlinear model, `{phi1:_cons}` is `phi1:_cons`."""
    bare = label.strip("{}")
    found = [name for name in (label, bare, f"/{bare}") if name in labels]
    return found[0] if found else label


def _wald(
    rows: np.ndarray, values: np.ndarray, estimate: np.ndarray, vce: np.ndarray, partly: bool = False
) -> tuple[float, int]:
    """(R b - r)' (R V R')^-1 (R b - r) over the hypotheses that are not redundant; with `partly` over those whose
    estimates vary at all."""
    used = np.any(rows != 0, axis=0)
    difference = rows @ estimate - values
    spread = rows[:, used] @ vce[np.ix_(used, used)] @ rows[:, used].T
    if not np.all(np.isfinite(spread)):
        raise ValueError("test: a variance component named has no standard error (boundary or constrained)")
    scale = np.sqrt(np.maximum(np.diag(spread), 1e-300))
    size, vectors = np.linalg.eigh(spread / np.outer(scale, scale))
    keep = size > 1e-9 * max(size[-1], 1e-300)
    missed = np.abs(vectors[:, ~keep].T @ (difference / scale))
    if not partly and np.any(missed > 1e-6 * (1 + np.abs(difference / scale).max())):
        raise ValueError("test: the hypotheses contradict one another, so that no values satisfy them all")
    rotated = vectors[:, keep].T @ (difference / scale)
    return float(np.sum(rotated**2 / size[keep])), int(keep.sum())
