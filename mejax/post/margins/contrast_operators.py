"""Contrast operators: what they do to the margins of one factor."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

DEGREES = ("linear", "quadratic", "cubic", "quartic", "quintic", "sextic", "septic", "octic")


@dataclass(frozen=True)
class Levels:
    """The levels of a factor: their texts, what is shown for them, the numbers that they stand for, their weights
    (equal ones unless a weighted operator is used) and the place of the model's base level."""

    factor: str
    texts: tuple[str, ...]
    words: tuple[str, ...]
    values: tuple[float, ...]
    weights: np.ndarray
    base: int = 0

    def place(self, text: str) -> int:
        """The position of a level named by its text, its label or value, or as `#2`, `first` or `last`."""
        for names in (self.texts, self.words):
            if text in names:
                return names.index(text)
        if text in ("first", "last"):
            return 0 if text == "first" else len(self.texts) - 1
        if text.startswith("#") and text[1:].isdecimal() and 1 <= int(text[1:]) <= len(self.texts):
            return int(text[1:]) - 1
        try:
            return self.values.index(float(text))
        except ValueError:
            known = ", ".join(self.words)
            raise ValueError(f"contrast: `{self.factor}` has no level `{text}`; its levels are {known}") from None


@dataclass(frozen=True)
class Coding:
    """Contrasts of one factor: a label, the level (or degree) that each is about, and weights (contrasts, levels)."""

    labels: tuple[str, ...]
    keys: tuple[int, ...]
    matrix: np.ndarray


def reference(levels: Levels, base: int | None = None) -> Coding:
    """`r`: each level against the base, by default the model's."""
    base = levels.base if base is None else base
    others = [i for i in range(len(levels.texts)) if i != base]
    return _against(levels, others, [np.eye(len(levels.texts))[base]] * len(others), [levels.words[base]] * len(others))


def adjacent(levels: Levels) -> Coding:
    """`a`: each level against the next."""
    eye, texts = np.eye(len(levels.texts)), levels.words
    return _against(levels, range(len(texts) - 1), eye[1:], texts[1:])


def reverse_adjacent(levels: Levels) -> Coding:
    """`ar`: each level against the previous."""
    eye, texts = np.eye(len(levels.texts)), levels.words
    return _against(levels, range(1, len(texts)), eye[:-1], texts[:-1])


def grand_mean(levels: Levels) -> Coding:
    """`g`, `gw`: each level against the (weighted) mean of all."""
    count = len(levels.texts)
    return _against(levels, range(count), [_mean(levels, range(count))] * count, ["mean"] * count)


def helmert(levels: Levels) -> Coding:
    """`h`, `hw`: each level against the (weighted) mean of those that follow."""
    last = len(levels.texts) - 1
    means = [_mean(levels, range(i + 1, last + 1)) for i in range(last)]
    names = [levels.words[last] if i == last - 1 else f">{levels.words[i]}" for i in range(last)]
    return _against(levels, range(last), means, names)


def reverse_helmert(levels: Levels) -> Coding:
    """`j`, `jw`: each level against the (weighted) mean of those before."""
    count = len(levels.texts)
    means = [_mean(levels, range(i)) for i in range(1, count)]
    names = [levels.words[0] if i == 1 else f"<{levels.words[i]}" for i in range(1, count)]
    return _against(levels, range(1, count), means, names)


def polynomial(levels: Levels) -> Coding:
    """`p`, `pw`: orthogonal polynomials in the values of the levels."""
    if len(set(levels.values)) < len(levels.values):
        raise ValueError(f"contrast: the levels of `{levels.factor}` stand for equal values; use q for their order")
    return _polynomials(levels, np.array(levels.values))


def ordered_polynomial(levels: Levels) -> Coding:
    """`q`, `qw`: orthogonal polynomials in the numbers 1, 2, ... of the levels."""
    return _polynomials(levels, np.arange(1.0, 1.0 + len(levels.values)))


OPERATORS: dict[str, Callable[[Levels], Coding]] = {
    "r": reference,
    "a": adjacent,
    "ar": reverse_adjacent,
    "g": grand_mean,
    "h": helmert,
    "j": reverse_helmert,
    "p": polynomial,
    "q": ordered_polynomial,
}
WEIGHTED = ("g", "h", "j", "p", "q")
POLYNOMIALS = ("p", "q")


def _against(levels: Levels, keys: Sequence[int], others: Sequence[np.ndarray] | np.ndarray, names) -> Coding:
    labels = tuple(f"({levels.words[key]} vs {name})" for key, name in zip(keys, names, strict=True))
    matrix = np.eye(len(levels.texts))[list(keys)] - np.reshape(others, (len(labels), len(levels.texts)))
    return Coding(labels, tuple(keys), matrix)


def _mean(levels: Levels, chosen: Sequence[int]) -> np.ndarray:
    weights = np.zeros(len(levels.texts))
    weights[list(chosen)] = levels.weights[list(chosen)]
    if weights.sum() <= 0:
        named = ", ".join(levels.words[i] for i in chosen)
        raise ValueError(f"contrast: the weights of levels {named} of `{levels.factor}` are all zero: no mean of them")
    return weights / weights.sum()


def _polynomials(levels: Levels, x: np.ndarray) -> Coding:
    """Coefficients w_i Q_d(x_i), w the weights as shares and sum_i w_i Q_d(x_i) Q_e(x_i) = 1 for d = e, else 0.

    Q_d has degree d and a positive leading coefficient.  With equal weights these are the coefficients of textbooks
    divided by their length and by the root of the number of levels.
    """
    if np.any(levels.weights <= 0):
        raise ValueError(f"contrast: pw and qw need positive weights of all levels of `{levels.factor}`")
    root = np.sqrt(levels.weights / levels.weights.sum())
    scaled = (x - x.mean()) / np.abs(x - x.mean()).max()
    basis, triangle = np.linalg.qr(root[:, None] * np.vander(scaled, increasing=True))
    matrix = (basis * np.sign(np.diag(triangle)) * root[:, None]).T[1:]
    degrees = range(1, len(x))
    labels = tuple(f"({DEGREES[d - 1] if d <= len(DEGREES) else f'degree {d}'})" for d in degrees)
    return Coding(labels, tuple(degrees), matrix)
