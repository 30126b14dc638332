"""Nonlinear combinations of what was estimated, by the delta method."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from ...fitting import Estimates
from ...menl.program import Program, run
from ...tables import Block, Report, Row, render
from ..display import Display
from ..estat.estat import lines_frame
from ..functions import Functions
from .hypotheses import parameter_labels
from .label_expressions import leading_label, parse_label_expression


@dataclass(frozen=True, repr=False)
class NonlinearCombinations(Display):
    """`table` has a row for each expression, `covariance` their covariance matrix; `print` shows the table."""

    covariance: pd.DataFrame


def nlcom(estimates: Estimates, expressions: tuple[str, ...], level: float) -> NonlinearCombinations:
    """Estimates g(b), standard errors and intervals of expressions of labels, `exp(_b[week])`, `ratio: /b1 / /b2`.

    The covariance matrix is G V G', V that of everything printed and G the derivatives of g there.

    Raises:
        ValueError: no expression, or one that cannot be read, has no value or no derivative at the estimates, or uses a
            variance component without a standard error.
    """
    if not expressions:
        raise ValueError('nlcom: give at least one expression, such as "exp(_b[week])"')
    named = _named(estimates, expressions)
    programs, used = [], set()
    for name, text in named.items():
        parsed = parse_label_expression(estimates, text)
        if not parsed.places:
            raise ValueError(f"nlcom: `{text}` names nothing that was estimated; write `_b[label]`")
        _require_errors(estimates, name, parsed.places)
        programs.append(parsed.program)
        used |= set(parsed.places)
    functions = _delta(estimates, tuple(named), tuple(programs), tuple(sorted(used)))
    lines = functions.lines(level)
    report = Report(
        definitions=tuple(f"{name:>12}: {text}" for name, text in named.items()), response=estimates.names.response,
        fixed=(Block("", tuple(Row(k, *v) for k, v in zip(lines.labels, lines.values, strict=True))),), level=level,
    )  # fmt: skip
    labels = pd.Index(lines.labels)
    covariance = pd.DataFrame(functions.covariance, index=labels, columns=labels)
    return NonlinearCombinations(lines_frame(lines), render(report), covariance)


def _named(estimates: Estimates, expressions: Sequence[str]) -> dict[str, str]:
    """The expressions by their names, `_nl_1` where they have none."""
    named: dict[str, str] = {}
    for number, text in enumerate(expressions, start=1):
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f'nlcom: an expression is a text such as "exp(_b[week])"; got {text!r}')
        name, body = _split_name(estimates, text)
        name = name or f"_nl_{number}"
        if name in named:
            raise ValueError(f"nlcom: two expressions are called `{name}`; give each a name of its own")
        named[name] = body
    return named


def _split_name(estimates: Estimates, text: str) -> tuple[str, str]:
    """`ratio: ...`, also in parentheses; the colon of a label such as `id:var(_cons)` ends no name."""
    wrapped = re.fullmatch(r"\s*\(\s*([^\W\d]\w*\s*:.*)\)\s*", text, re.DOTALL)
    for candidate in (text, wrapped[1] if wrapped else ""):
        found = re.match(r"\s*([^\W\d]\w*)\s*:(.*)", candidate, re.DOTALL)
        if found and leading_label(estimates, candidate) <= candidate.index(":"):
            return found[1], found[2].strip()
    return "", text.strip()


def _require_errors(estimates: Estimates, name: str, places: Sequence[int]) -> None:
    for place in places:
        if not np.isfinite(estimates.covariance[place, place]):
            label = parameter_labels(estimates)[place]
            raise ValueError(f"nlcom: `{name}` uses `{label}`, which has no standard error (boundary or constrained)")


def _delta(
    estimates: Estimates, names: tuple[str, ...], programs: tuple[Program, ...], used: tuple[int, ...]
) -> Functions:
    """The combinations with their covariance; only what the programs read varies: the rest may have no standard
    error."""
    found = _expanded(jnp.asarray(estimates.printed), programs=programs, used=used)
    values, slopes = (np.asarray(part) for part in found)
    for name, value, row in zip(names, values, slopes, strict=True):
        if not np.isfinite(value):
            raise ValueError(f"nlcom: `{name}` has no finite value at the estimates ({value})")
        if not np.all(np.isfinite(row)):
            raise ValueError(f"nlcom: `{name}` has no finite derivative at the estimates, so no standard error")
    with np.errstate(over="ignore", invalid="ignore"):
        covariance = slopes @ estimates.covariance[np.ix_(used, used)] @ slopes.T
    for name, variance in zip(names, np.diag(covariance), strict=True):
        if not np.isfinite(variance):
            raise ValueError(f"nlcom: `{name}` is so large at the estimates that its variance is not finite; scale it")
    return Functions(names, values, covariance)


@partial(jax.jit, static_argnames=("programs", "used"))
def _expanded(printed: jax.Array, *, programs: tuple[Program, ...], used: tuple[int, ...]):
    """Values (k,) and derivatives (k, used) of the programs."""

    def values_at(varying):
        everything = list(printed)
        for number, place in enumerate(used):
            everything[place] = varying[number]
        return jnp.stack([jnp.asarray(run(program, everything, (), ()), float) for program in programs])

    varying = printed[jnp.asarray(used)]
    return values_at(varying), jax.jacfwd(values_at)(varying)
