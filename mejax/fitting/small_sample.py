"""Degrees of freedom from the curvature of the likelihood: Satterthwaite's, and Kenward and Roger's.

With Phi = (X'V^-1X)^-1, and theta the variances and covariances, in which V is linear, the expected information of the
restricted likelihood is

    I_ij = 1/2 {tr(V^-1 V_i V^-1 V_j) - 2 tr(Phi Q_ij) + tr(Phi P_i Phi P_j)},

A = X'V^-1X, P_i = dA/dtheta_i, Q_ij = X'V^-1 V_i V^-1 V_j V^-1 X, whose symmetric part is half of
d2A/dtheta_i dtheta_j.  So all of it follows from the derivatives of log|V| and of A; nothing of
the size of the data is formed.
Everything is computed in the optimiser's coordinates v, in which V bends, and what bends is taken out.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._tree import to_host
from ..covstruct import Banded, DistinctScale, EqualScale, ExchangeableErrors, LinearScale
from ..inference import Information, invert_information
from ..lmm import Derivatives, LinearModel, derivatives
from .boundary import held
from .degrees import AbstractDegrees, NoDegrees

_SURE = 1e-10


@dataclass(frozen=True)
class Satterthwaite(AbstractDegrees):
    """df = 2 (c'Phi c)^2 / (g'W g), g the derivative of c'Phi c in the variance parameters, W their covariance matrix.

    Of several rows the mean over the orthogonal contrasts c_k of the estimates: E / (E - q) x 2, E the sum of
    df_k / (df_k - 2) over those above 2 (Fai and Cornelius 1996, Journal of Statistical Computation and Simulation 54).
    `phi` and its derivatives `slopes` (m, k, k) are those of all coefficients.
    """

    phi: np.ndarray
    slopes: np.ndarray
    w: np.ndarray

    def of(self, row: np.ndarray) -> float:
        change = np.einsum("a,iab,b->i", row, self.slopes, row)
        spread = float(change @ self.w @ change)
        return float(2.0 * (row @ self.phi @ row) ** 2 / spread) if spread > 0 else np.inf

    def joint(self, rows: np.ndarray) -> tuple[float, float]:
        _, vectors = np.linalg.eigh(rows @ self.phi @ rows.T)
        found = np.array([self.of(row) for row in vectors.T @ rows])
        q = len(found)
        if np.all(np.isinf(found)):
            return 1.0, np.inf
        if np.all(np.isfinite(found)) and np.all(np.abs(found - found[0]) < 1e-8 * found[0]):
            return 1.0, float(found[0])
        ratio = np.sum([1.0 if np.isinf(df) else df / (df - 2.0) for df in found if df > 2.0])
        return 1.0, float(2.0 * ratio / (ratio - q)) if ratio > q else 2.0


@dataclass(frozen=True)
class KenwardRoger(AbstractDegrees):
    """The statistic scale x W / q, W that of the adjusted covariance matrix, referred to F(q, df), scale and df by
    matching its first two moments (Kenward and Roger 1997, Biometrics 53: 983-997).

    `phi` is (X'V^-1X)^-1, `adjusted` the matrix corrected for the estimation of V, `p` (m, k, k) holds Phi P_i Phi.
    """

    phi: np.ndarray
    adjusted: np.ndarray
    p: np.ndarray
    w: np.ndarray

    def of(self, row: np.ndarray) -> float:
        return self.joint(row[None])[1]

    def joint(self, rows: np.ndarray) -> tuple[float, float]:
        q = len(rows)
        moved = np.linalg.solve(rows @ self.phi @ rows.T, np.einsum("bc,icd,ed->ibe", rows, self.p, rows))
        traces = np.einsum("iaa->i", moved)
        a1 = float(traces @ self.w @ traces)
        a2 = float(np.einsum("ij,iab,jba->", self.w, moved, moved))
        if a2 <= _SURE:
            return 1.0, np.inf
        if q == 1:
            return 1.0, 2.0 / a2
        b = (a1 + 6.0 * a2) / (2.0 * q)
        g = ((q + 1.0) * a1 - (q + 4.0) * a2) / ((q + 2.0) * a2)
        bottom = 3.0 * q + 2.0 * (1.0 - g)
        v0, v1, v2 = 1.0 + g / bottom * b, 1.0 - (q - g) / bottom * b, 1.0 - (q + 2.0 - g) / bottom * b
        shrink = 1.0 - a2 / q
        both_vanish = abs(shrink) < _SURE and abs(v1) < _SURE
        ratio = 1.0 if both_vanish else shrink / v1
        rho = ratio**2 * v0 / v2 / q if v2 else np.inf
        df = 4.0 + (q + 2.0) / (q * rho - 1.0) if q * rho != 1.0 else np.inf
        return (df * shrink / (df - 2.0), df) if np.isfinite(df) else (shrink, df)


def small_sample(
    model: LinearModel, v: np.ndarray, hessian: np.ndarray, method: str, *, observed: bool
) -> AbstractDegrees:
    """The degrees of freedom of a restricted fit by "satterthwaite" or "kroger"; call inside double precision.

    `hessian` is that of the restricted likelihood at v, whose inverse is W where the information is `observed`.

    Raises:
        NoDegrees: the covariance matrix is not linear in its parameters, or these cannot be told apart.
    """
    kroger = method == "kroger"
    require_linear(model, method, kroger or not observed)
    at = to_host(derivatives(model, v, "full" if kroger else "slopes" if observed else "trace"))
    free = ~held(model.variances, v)
    phi = np.asarray(at.phi)
    information = _expected(at, phi, free) if not observed else invert_information(hessian, ~free)
    if information.flat.shape[1]:
        raise NoDegrees(
            f"dfmethod({method}): the information about the variance parameters is singular, so that some of them "
            "cannot be told apart; simplify the random part"
        )
    w = information.covariance
    out = np.asarray(model.basis) @ np.asarray(model.unroot)
    both = lambda m: np.einsum("ka,...ab,lb->...kl", out, m, out)
    p = phi @ at.slopes @ phi
    if not kroger:
        return Satterthwaite(method, both(phi), -both(p), w)
    adjusted = phi + 2.0 * phi @ _correction(at, phi, w, free) @ phi
    return KenwardRoger(method, both(phi), both(adjusted), both(p), w)


def require_linear(model: LinearModel, method: str, needed: bool) -> None:
    """Raise an error where V is not linear in what is printed, or is not factorised."""
    if model.plan.sparse is not None:
        raise NoDegrees(
            f"dfmethod({method}) needs an exact factorisation, and the crossed effects of this model are solved "
            "iteratively; use solver(exact) where memory allows, dfmethod(residual), or leave it out"
        )
    errors = model.variances.errors
    if errors is None or not needed:
        return
    of_scale = isinstance(errors.scale, EqualScale | DistinctScale | LinearScale)
    among = errors.correlation
    if of_scale and (among is None or isinstance(among, Banded | ExchangeableErrors)):
        return
    raise NoDegrees(
        f"dfmethod({method}) needs errors whose variances and covariances are the parameters themselves, and those of "
        "this model follow from others (a correlation, a power); use dfmethod(satterthwaite, oim)"
    )


def _expected(at: Derivatives, phi: np.ndarray, free: np.ndarray) -> Information:
    """The inverse of the expected information in v."""
    bend = _bend(at.first, at, free)
    moved = phi @ at.slopes
    expected = at.second - bend + 0.5 * np.einsum("iab,jba->ij", moved, moved)
    return invert_information(-expected, ~free)


def _correction(at: Derivatives, phi: np.ndarray, w: np.ndarray, free: np.ndarray) -> np.ndarray:
    """sum_ij W_ij (Q_ij - P_i Phi P_j)."""
    p = len(phi)
    q = np.zeros((p, p))
    for place, (a, b) in enumerate((i, j) for i in range(p) for j in range(i + 1)):
        bend = at.lower[place] - _bend(at.slopes[:, a, b], at, free)
        q[a, b] = q[b, a] = 0.5 * np.sum(w * bend)
    return q - np.einsum("ij,iab,bc,jcd->ad", w, at.slopes, phi, at.slopes)


def _bend(first: np.ndarray, at: Derivatives, free: np.ndarray) -> np.ndarray:
    """The part of a function's second derivatives in v that is there because what is printed bends in v: the function's
    derivatives in as many printed parameters as there are free ones, times their second derivatives."""
    rows = _independent(at.jacobian[:, free])
    slopes = np.linalg.solve(at.jacobian[np.ix_(rows, free)].T, first[free])
    return np.einsum("k,kij->ij", slopes, at.bends[rows])


def _independent(jacobian: np.ndarray) -> np.ndarray:
    """Rows (k, m) that determine the others."""
    from scipy.linalg import qr

    count = jacobian.shape[1]
    scale = np.maximum(np.linalg.norm(jacobian, axis=0), 1e-300)
    found: Any = qr((jacobian / scale).T, pivoting=True, mode="economic")
    _, r, order = found
    if len(order) < count or np.any(np.abs(np.diag(r)[:count]) < 1e-12):
        raise NoDegrees("dfmethod: the variance parameters cannot be told apart at the estimates")
    return order[:count]
