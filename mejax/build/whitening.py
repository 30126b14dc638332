"""`whiten` for a table that is read in batches: from sums over its rows."""

from typing import NamedTuple

import numpy as np

from ..frame import Moments, Standard
from .whiten import require_variation


class FixedBasis(NamedTuple):
    """W = s `map` with s the standardised columns and response: the columns X = Q `root`, then the response kept.

    As of `Whitened`, y = X `shift` + `unit` times the response kept.
    """

    standard: Standard
    map: np.ndarray
    root: np.ndarray
    shift: np.ndarray
    unit: float

    def columns(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """W of the rows of a batch."""
        return self.standard.values(x, y) @ self.map


def triangular(moments: Moments) -> tuple[np.ndarray, np.ndarray]:
    """(R, A) with C = Q R of the columns, R triangular with a positive diagonal, and Q = s A, from the weighted sums.

    The coordinates in which the sums were taken are far from dependent, so that their Cholesky factor is accurate.
    """
    k = len(moments.standard.scale)
    there = np.linalg.inv(np.linalg.cholesky(moments.weighted[:k, :k]).T)
    basis = moments.map[:k, :k] @ there
    columns = np.diag(moments.standard.scale)  # c = s diag(scale) + centre
    if moments.standard.constant is not None:
        columns[moments.standard.constant] += moments.standard.centre
    turned, root = np.linalg.qr(np.linalg.solve(basis, columns)) if k else (np.zeros((0, 0)), np.zeros((0, 0)))
    signs = np.where(np.diag(root) < 0, -1.0, 1.0)
    return root * signs[:, None], basis @ (turned * signs)


def fixed_basis_of(moments: Moments, weight: float) -> FixedBasis:
    """Orthonormal fixed columns, and the response without its least-squares fit on them."""
    root, basis = triangular(moments)
    k = len(root)
    assert moments.standard.response is not None
    size = moments.standard.response[1]
    # the sums are those of s map, in whose coordinates the response is its own column
    inner = np.linalg.solve(moments.map[:k, :k], basis) if k else basis
    coordinates = inner.T @ moments.weighted[:k, k]
    # where the fixed part explains nearly all of it the difference is rounding; the next pass measures what is left
    squares = max(moments.weighted[k, k] - coordinates @ coordinates, 1e-16 * moments.weighted[k, k])
    unit = float(np.sqrt(squares / weight)) or 1.0
    full = np.zeros((k + 1, k + 1))
    full[:k, :k] = basis
    full[:k, k] = -basis @ coordinates / unit
    full[k, k] = 1.0 / unit
    return FixedBasis(moments.standard, full, root, _original(moments.standard, basis @ coordinates), unit * size)


def _original(standard: Standard, coefficients: np.ndarray) -> np.ndarray:
    """Coefficients of the columns themselves from those of the standardised ones: no digit is lost to the means."""
    assert standard.response is not None
    middle, size = standard.response
    found = size * coefficients / standard.scale
    if standard.constant is not None:
        found[standard.constant] += middle - found @ standard.centre
    return found


def refined(basis: FixedBasis, total: np.ndarray, weight: float) -> tuple[FixedBasis, np.ndarray]:
    """The basis whitened once more by W'W of what it makes, and the matrix E of the change, W E in the place of W.

    Raises:
        ValueError: the response is reproduced exactly, or its scale is beyond double precision.
    """
    k = len(basis.root)
    upper = np.linalg.cholesky(total[:k, :k]).T if k else np.zeros((0, 0))
    turn = np.zeros((k + 1, k + 1))
    turn[:k, :k] = np.linalg.inv(upper) if k else upper
    again = turn[:k, :k].T @ total[:k, k]
    unit = float(np.sqrt(max(total[k, k] - again @ again, 0.0) / weight))
    fitted = basis.shift @ basis.root.T
    require_variation(basis.unit * unit, float(np.sqrt(fitted @ fitted / weight)) + basis.unit * unit)
    turn[:k, k], turn[k, k] = -turn[:k, :k] @ again / unit, 1.0 / unit
    root = upper @ basis.root
    shift = basis.shift + basis.unit * (np.linalg.solve(root, again) if k else again)
    return FixedBasis(basis.standard, basis.map @ turn, root, shift, basis.unit * unit), turn
