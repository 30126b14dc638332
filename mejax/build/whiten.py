"""Whitened columns: the fixed part of a linear model in coordinates where no digit is lost."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ..covstruct import AbstractCovariance
from ..design import Design

DEPENDENT = 1e-12  # part of a column, as a share of its length, that the columns before it leave


class Whitened(NamedTuple):
    """X = `columns` @ `root` with orthonormal columns, y = X `shift` + `unit` * `response`."""

    columns: np.ndarray
    response: np.ndarray
    root: np.ndarray
    shift: np.ndarray
    unit: float


def whiten(x: np.ndarray, y: np.ndarray, weights: np.ndarray | None) -> Whitened:
    """Orthonormalise X (in the weighted inner product) and take the least-squares fit out of y."""
    q, root = fixed_basis(x, weights)
    weighted = y if weights is None else y * weights
    coordinates = q.T @ weighted
    residual = y - q @ coordinates
    again = q.T @ (residual if weights is None else residual * weights)
    residual = residual - q @ again
    shift = np.linalg.solve(root, coordinates + again) if len(root) else np.zeros(0)
    total = float(len(y) if weights is None else np.sum(weights))
    squares = float(residual @ (residual if weights is None else residual * weights))
    unit = np.sqrt(squares / total)
    require_variation(unit, np.sqrt(float(y @ weighted) / total))
    return Whitened(q, residual / unit, root, shift, unit)


def require_variation(unit: float, size: float) -> None:
    """Raise where nothing is left of a response of root mean square `size`, of which the fixed part leaves `unit`."""
    if not unit > 1e-13 * size:
        raise ValueError(
            "The fixed effects reproduce the response exactly (no residual variation is left), so there are no "
            "variances to estimate. Check that the response is not constant and is not a combination of the covariates."
        )
    if not 1e-100 < unit < 1e100:
        raise ValueError(
            f"the response varies on the scale of {unit:.3g}, whose square is no double-precision number; rescale it"
        )


def fixed_basis(x: np.ndarray, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """(Q, R) of the fixed columns, X = Q R; an error where they are linearly dependent."""
    q, root = _orthonormal(x, weights)
    if x.shape[1] and np.min(np.abs(np.diag(root)) / np.linalg.norm(root, axis=0)) < DEPENDENT:
        raise ValueError(
            "columns of the fixed part are linearly dependent, so their coefficients have no unique values. Leave out "
            "`collinear`: dependent columns are then omitted from the left to the right, with a note"
        )
    return q, root


def _orthonormal(x: np.ndarray, weights: np.ndarray | None):
    """Cholesky-QR, twice (as accurate as Householder's where the first pass succeeds, and one pass of matrix products
    over n instead of a factorisation), or Householder's QR where the columns are too nearly dependent."""
    if x.shape[1] == 0:
        return x, np.zeros((0, 0))
    norms = np.sqrt(np.einsum("ij,ij->j", x, x))
    q, root = x / norms, np.diag(norms)
    for attempt in range(2):
        gram = q.T @ (q if weights is None else q * weights[:, None])
        values = np.linalg.eigvalsh(gram)
        if values[0] < 1e-11 * values[-1] and attempt == 0:
            return _householder(x, weights)
        upper = np.linalg.cholesky(gram).T
        q = q @ np.linalg.inv(upper)
        root = upper @ root
    return q, root


def _householder(x: np.ndarray, weights: np.ndarray | None):
    if weights is None:
        q, root = np.linalg.qr(x)
        return q, root
    keep = np.sqrt(weights)[:, None]
    q, root = np.linalg.qr(x * keep)
    return q / keep, root


def working_frames(design: Design, blocks: Sequence[AbstractCovariance]) -> list[np.ndarray | None]:
    """For every unstructured block the T that makes the columns of Z T orthogonal, of mean square 1.

    Only structures that stay what they are under any change of coordinates have one; the others get None, and so do
    columns that are dependent.
    """
    frames: list[np.ndarray | None] = []
    for effect, block in zip(design.effects, blocks, strict=True):
        frame = None
        if block.traits.any_basis and block.size > 1 and len(effect.z) > block.size:
            _, root = _orthonormal(effect.z, design.weights)
            if np.min(np.abs(np.diag(root))) > 1e-12 * np.max(np.abs(root)):
                frame = np.linalg.inv(root) * np.sqrt(len(effect.z))
        frames.append(frame)
    return frames


def working_covariates(design: Design, frames: Sequence[np.ndarray | None]) -> list[np.ndarray]:
    """Z T of every equation, Z itself where there is no frame."""
    pairs = zip(design.effects, frames, strict=True)
    return [effect.z if frame is None else effect.z @ frame for effect, frame in pairs]
