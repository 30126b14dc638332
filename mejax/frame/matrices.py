"""The covariance structure of an equation, and the matrices that `fixed()` and `pattern()` name."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..syntax.problem import SyntaxProblem
from ..syntax.spec import Covariance, Equation


def resolve(
    equation: Equation, labels: tuple[str, ...], matrices: Mapping[str, Any], text: str, *, default: str = "independent"
) -> tuple[str, np.ndarray | None]:
    """The structure's name and its matrix.

    Where the equation says nothing the structure is `default`, and identity for `R.x`; one column alone has nothing to
    be independent of and is called identity.
    """
    covariance = equation.covariance
    if covariance is not None and covariance.type in ("fixed", "pattern"):
        return covariance.type, _matrix(covariance, labels, matrices, text)
    kind = covariance.type if covariance is not None else ("identity" if equation.factor else default)
    return (kind, None) if len(labels) > 1 or equation.factor else ("identity", None)


def _matrix(covariance: Covariance, labels: tuple[str, ...], matrices: Mapping[str, Any], text: str) -> np.ndarray:
    name, q = str(covariance.matrix), len(labels)
    call = f"covariance({covariance.type}({name}))"
    if name not in matrices:
        given = ", ".join(f"`{key}`" for key in matrices) or "none"
        raise SyntaxProblem(f"{call} names the matrix `{name}`, but the matrices given are: {given}", text,
                            covariance.span, f'Pass matrices={{"{name}": array}}.')  # fmt: skip
    matrix = np.asarray(matrices[name], dtype=np.float64)
    if matrix.shape != (q, q):
        raise SyntaxProblem(f"the matrix `{name}` has shape {matrix.shape}, but the equation has {q} columns, so "
                            f"({q}, {q}) is needed", text, covariance.span,
                            f"Its rows and columns are {', '.join(labels)}.")  # fmt: skip
    if not np.array_equal(matrix, matrix.T, equal_nan=True):
        raise SyntaxProblem(f"the matrix `{name}` of {call} is not symmetric", text, covariance.span)
    if np.isinf(matrix).any():
        raise SyntaxProblem(f"the matrix `{name}` of {call} has infinite entries", text, covariance.span,
                            "NaN marks a free entry.")  # fmt: skip
    return matrix
