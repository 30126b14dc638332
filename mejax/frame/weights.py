"""The weights of observations and groups: checks, and one weight per group."""

from collections.abc import Sequence

import numpy as np

from ..syntax.problem import SyntaxProblem
from ..syntax.reading import same_value
from ..syntax.spec import Equation, Spec, Weight
from .effects import Read
from .evaluate import evaluate, words
from .sample import Sample, first_row
from .table import Source

_NAMES = {"fweight": "frequency weights", "pweight": "sampling weights", "iweight": "importance weights",
          "aweight": "analytic weights"}  # fmt: skip


def weight_kind(spec: Spec) -> str | None:
    """The kind of all weights of a model: one kind for all levels, one weight for each."""
    _require_one_a_level(spec)
    weights = [*spec.weights, *(weight for equation in spec.equations for weight in equation.weights)]
    for weight in weights[1:]:
        if weight.kind != weights[0].kind:
            message = f"{_NAMES[weight.kind]} beside {_NAMES[weights[0].kind]}: all levels have one kind of weights"
            raise SyntaxProblem(message, spec.text, weight.span, f"Write `{weights[0].kind}` for both, or leave one.")
    return weights[0].kind if weights else None


def _require_one_a_level(spec: Spec) -> None:
    held: dict[tuple[str, str | None], Weight] = {}
    for equation in spec.equations:
        for weight in equation.weights:
            other = held.setdefault(_level(equation), weight)
            if not same_value(other.expression, weight.expression):
                message = f"two weights for the level `{equation.level.label}`"
                raise SyntaxProblem(message, spec.text, weight.span, "A group has one weight: write it once.")


def _level(equation: Equation) -> tuple[str, str | None]:
    return equation.level.label, equation.factor


def weight_text(spec: Spec) -> str | None:
    """All weights in words."""
    parts = [f"{weight.kind} = {words(weight.expression)}" for weight in spec.weights]
    parts += [f"{weight.kind}({equation.level.label}) = {words(weight.expression)}"
              for equation in spec.equations for weight in equation.weights]  # fmt: skip
    return ", ".join(dict.fromkeys(parts)) or None


def drop_zero(spec: Spec, source: Source, weights: np.ndarray | None, sample: Sample) -> Sample:
    """Check all weights; rows of weight zero, or in a group of weight zero, leave the sample.

    `weights` are those of the observations over the table.
    """
    held = [] if weights is None else [(spec.weights[0], weights)]
    for weight in (weight for equation in spec.equations for weight in equation.weights):
        held.append((weight, evaluate(weight.expression, source)))
    for weight, values in held:
        chosen = sample.take(values)
        require_weights(chosen, weight.kind, words(weight.expression), sample)
        zero = chosen == 0
        if zero.all():
            raise ValueError(f"no observations: all {sample.n:,} rows of the sample have weight zero "
                             f"(`{words(weight.expression)}`)")  # fmt: skip
        sample = sample.leave(zero) if zero.any() else sample
    return sample


def require_weights(values: np.ndarray, kind: str, label: str, sample: Sample) -> None:
    """Raise where a weight of the sample is infinite, negative (importance weights: all in all) or, for frequencies, no
    integer."""
    rules = [(~np.isfinite(values), "must be finite")]
    if kind != "iweight":
        rules.append((values < 0, "must not be negative"))
    if kind == "fweight":
        rules.append((values != np.floor(values), "must be integers"))
    for broken, rule in rules:
        if broken.any():
            row = first_row(broken, sample)
            raise ValueError(f"{_NAMES[kind]} {rule}: `{label}` is {values[broken][0]:g} in row {row}")
    if np.sum(values) < 0:
        raise ValueError(f"{_NAMES[kind]} must have a positive sum: that of `{label}` is {np.sum(values):g}")


def level_weights(spec: Spec, source: Source, sample: Sample, reads: Sequence[Read]) -> tuple[np.ndarray | None, ...]:
    """One weight per group for every equation; the equations of one level share theirs."""
    found: dict[tuple[str, str | None], np.ndarray] = {}
    for equation, read in zip(spec.equations, reads, strict=True):
        if equation.weights and _level(equation) not in found:
            values = sample.take(evaluate(equation.weights[0].expression, source))
            found[_level(equation)] = _of_groups(read, values, equation)
    return tuple(found.get(_level(equation)) for equation in spec.equations)


def _of_groups(read: Read, weights: np.ndarray, equation: Equation) -> np.ndarray:
    """An error where the weight varies within a group."""
    first = np.full(read.effects.size, np.nan)
    first[np.asarray(read.effects.codes)[::-1]] = weights[::-1]
    varying = first[read.effects.codes] != weights
    if varying.any():
        code = int(np.asarray(read.effects.codes)[varying][0])
        key = ", ".join(str(values[code]) for values in read.names.groups)
        raise ValueError(f"the weights of `{equation.level.label}` are not constant within the group {key}: "
                         "a higher level's weight belongs to the group, not to its observations")  # fmt: skip
    return first
