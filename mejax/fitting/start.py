"""Starting values of variance components by moments: sums of squares of Z'r, no iteration."""

import numpy as np

from ..build.whiten import working_covariates
from ..covstruct import AbstractVariances
from ..design import Design
from ..elimination import Plan, Products
from ..lmm import LinearModel

JOINT_WIDTH = 4  # up to this many columns the covariance matrix of a single equation is estimated as a whole


def moment_start(model: LinearModel, design: Design, products: Products, plan: Plan) -> np.ndarray:
    """Variance parameters for the first evaluation; `products` and `plan` are the model's, on the host.

    A single equation: two observations i != k of one group have E(r_i r_k) = z_i' Sigma z_k, a linear system in Sigma.
    Several: the variances of all columns jointly, from the expectations of |Z_k'r|^2 (MINQUE(0): Rao 1972).
    Estimates are made positive definite and kept away from zero.
    """
    if design.summary is not None:
        return _start_of_sums(model, design, products, plan)
    residual = residuals(model, design)
    weights = np.ones(len(residual)) if design.weights is None else design.weights
    squares = float(np.average(residual**2, weights=weights))
    frames = [None if f is None else np.asarray(f) for f in model.variances.frames]
    z = working_covariates(design, frames)
    if not z:
        return model.variances.nearest([], squares)
    if len(z) == 1 and z[0].shape[1] <= JOINT_WIDTH:
        outer = (z[0][:, :, None] * z[0][:, None, :]).reshape(len(residual), -1)
        quartic = (outer * weights[:, None] ** 2).T @ outer
        raw = [_single(products, squares, quartic, (residual * weights) ** 2 @ outer)]
    else:
        raw = _joint(model, products, plan)
    means = [np.einsum("i,ij,ij->j", weights, covariates, covariates) / weights.sum() for covariates in z]
    return _tempered(model, raw, means, squares)


def _start_of_sums(model: LinearModel, design: Design, products: Products, plan: Plan) -> np.ndarray:
    """The same where the rows were read in batches and only their sums are kept."""
    assert design.summary is not None
    squares = float(model.unit) ** 2
    if not design.effects:
        return model.variances.nearest([], squares)
    means = []
    for k, frame in enumerate(model.variances.frames):
        own = design.squares(k, k)
        means.append(np.diag(own if frame is None else np.asarray(frame).T @ own @ np.asarray(frame)) / design.count)
    if len(means) == 1 and len(means[0]) <= JOINT_WIDTH:
        raw = [_single(products, squares, design.summary.quartic, squares * design.summary.squared_residuals)]
    else:
        raw = _joint(model, products, plan)
    return _tempered(model, raw, means, squares)


def _tempered(model: LinearModel, raw: list[np.ndarray], means: list[np.ndarray], squares: float) -> np.ndarray:
    """Variance parameters from covariance matrices in working coordinates, made positive definite and kept away from
    zero; `means` are the mean squares of every equation's working columns, `squares` that of the residuals."""
    sigmas, spread = [], 0.0
    for mean, frame, sigma in zip(means, model.variances.frames, raw, strict=True):
        size = np.sqrt(np.maximum(mean, 1e-300))
        sigma = _floor(sigma * np.outer(size, size), squares) / np.outer(size, size)
        spread += float(np.sum(np.diag(sigma) * size**2))
        sigmas.append(sigma if frame is None else np.asarray(frame) @ sigma @ np.asarray(frame).T)
    return model.variances.nearest(sigmas, max(squares - spread, 0.1 * squares))


def residuals(model: LinearModel, design: Design) -> np.ndarray:
    """Least-squares residuals of the fixed part."""
    y = design.y - (0.0 if design.offset is None else design.offset)
    return y - design.x @ (np.asarray(model.offset) + np.asarray(model.basis) @ np.asarray(model.shift))


def _single(products: Products, squares: float, quartic: np.ndarray, of_residuals: np.ndarray) -> np.ndarray:
    """Sigma from sum_j (A_j x A_j) - sum_i (z_i z_i' x z_i z_i') with A_j = Z_j'Z_j.

    `squares` is the mean square of the residuals r, `quartic` the sum of w_i^2 vec(z_i z_i') vec(z_i z_i')' and
    `of_residuals` that of w_i^2 r_i^2 vec(z_i z_i').
    """
    q = products.within[0].shape[-1]
    grams = products.within[0].reshape(-1, q * q)
    sums = products.dense[0][:, :, -1] * np.sqrt(squares)
    left = grams.T @ grams - quartic
    # rows and columns of `left` are indexed (a, b) x (c, d); the system needs A_ac A_bd
    left = left.reshape(q, q, q, q).transpose(0, 2, 1, 3).reshape(q * q, q * q)
    right = sums.T @ sums - of_residuals.reshape(q, q)
    solved = np.linalg.lstsq(left, right.ravel(), rcond=1e-8)[0].reshape(q, q)
    return 0.5 * (solved + solved.T)


def _joint(model: LinearModel, products: Products, plan: Plan) -> list[np.ndarray]:
    """Diagonal Sigma of every equation from the joint system over all columns and the residual variance."""
    columns = _Columns(products, plan)
    left, right = columns.system(float(model.count) - len(model.shift))
    scale = np.sqrt(np.maximum(np.diag(left), 1e-300))
    solved = np.linalg.lstsq(left / np.outer(scale, scale), right / scale, rcond=1e-10)[0] / scale
    solved *= float(model.unit) ** 2
    out: dict[int, np.ndarray] = {}
    start = 0
    for blocks in columns.widths:
        for b in blocks:
            size = model.variances.blocks[b].size
            out[b] = np.diag(solved[start : start + size])
            start += size
    return [out[b] for b in range(len(out))]


class _Columns:
    """Z'M Z of all random columns, M the projection off X, summed to one squared norm per pair of columns."""

    def __init__(self, products: Products, plan: Plan):
        self.products, self.plan = products, plan
        self.order = [level.term for level in plan.chain] + list(plan.crossed)
        # the parts of a term have their columns in common
        self.widths = {plan.terms[t].blocks: plan.terms[t].width for t in self.order}
        first = dict(zip(self.widths, np.cumsum([0, *self.widths.values()]).tolist(), strict=False))
        self.first = {t: first[plan.terms[t].blocks] for t in self.order}
        self.count = sum(self.widths.values())
        # per term (J, q, w): products with the whitened fixed columns and the residual
        self.dense = {level.term: d for level, d in zip(plan.chain, products.dense, strict=True)}
        for t, offset in plan.offsets.items():
            size, width = plan.terms[t].size, plan.terms[t].width
            self.dense[t] = products.crossed_dense[offset : offset + size * width].reshape(size, width, -1)

    def system(self, degrees: float) -> tuple[np.ndarray, np.ndarray]:
        """Expectations of |Z_k'M y|^2 and of the residual sum of squares, and what was observed."""
        total = np.zeros((self.count + 1, self.count + 1))
        right = np.zeros(self.count + 1)
        trace = np.zeros(self.count)
        gram = np.zeros((self.count, *[len(self.products.total) - 1] * 2))
        for t in self.order:
            mine = slice(self.first[t], self.first[t] + self.plan.terms[t].width)
            right[mine] += np.sum(self.dense[t][:, :, -1] ** 2, axis=0)
            gram[mine] += np.einsum("jqa,jqb->qab", self.dense[t][:, :, :-1], self.dense[t][:, :, :-1])
        total[:-1, :-1] = np.einsum("kab,lba->kl", gram, gram)
        self._add_blocks(total, trace)
        trace -= np.einsum("kaa->k", gram)
        total[-1, :-1] = total[:-1, -1] = trace
        total[-1, -1] = degrees
        right[-1] = self.products.total[-1, -1]
        return total, right

    def _add_blocks(self, total: np.ndarray, trace: np.ndarray) -> None:
        plan, products = self.plan, self.products
        for position, level in enumerate(plan.chain):
            own = self.dense[level.term][:, :, :-1]
            self._add(total, level.term, level.term, products.within[position], own, own)
            start = self.first[level.term]
            trace[start : start + own.shape[1]] += np.einsum("jqq->q", products.within[position])
            for up, ancestor in enumerate(level.ancestors):
                above = plan.chain[position + 1 + up].term
                other = self.dense[above][:, :, :-1][ancestor]
                self._add(total, level.term, above, products.between[position][up], own, other)
            self._add_pairs(total, level, products.pairs[position], own)
        self._add_crossed(total, trace)

    def _add(self, total, a: int, b: int, block, left, right) -> None:
        """One block (m, q, r) of Z_a'Z_b with the projections of its rows and columns."""
        value = np.sum(block**2, axis=0) - 2 * np.einsum("mqr,mqp,mrp->qr", block, left, right)
        i, j = self.first[a], self.first[b]
        total[i : i + value.shape[0], j : j + value.shape[1]] += value
        if a != b:
            total[j : j + value.shape[1], i : i + value.shape[0]] += value.T

    def _crossed_columns(self):
        """For each column of the remainder: its number among all columns, and its products with X."""
        number = np.concatenate(
            [
                np.tile(self.first[t] + np.arange(self.plan.terms[t].width), self.plan.terms[t].size)
                for t in self.plan.crossed
            ]
        )
        return number, self.products.crossed_dense[:, :-1]

    def _add_pairs(self, total, level, pairs, own) -> None:
        if not self.plan.columns:
            return
        number, dense = self._crossed_columns()
        column = np.asarray(level.pair_column)
        projected = np.einsum("mqp,mp->mq", own[level.pair_group], dense[column])
        value = pairs**2 - 2 * pairs * projected
        start = self.first[level.term]
        for q in range(value.shape[1]):
            sums = np.bincount(number[column], weights=value[:, q], minlength=self.count)
            total[start + q, :-1] += sums
            total[:-1, start + q] += sums

    def _add_crossed(self, total, trace) -> None:
        if not self.plan.columns:
            return
        number, dense = self._crossed_columns()
        row, column = np.divmod(np.asarray(self.products.crossed_entries).astype(np.int64), self.plan.columns)
        value = self.products.crossed_values
        norm = value**2 - 2 * value * np.einsum("ep,ep->e", dense[row], dense[column])
        np.add.at(total, (number[row], number[column]), norm)
        off = row != column
        np.add.at(total, (number[column[off]], number[row[off]]), norm[off])
        np.add.at(trace, number[row[~off]], value[~off])


def _floor(sigma: np.ndarray, squares: float) -> np.ndarray:
    """The nearest matrix whose eigenvalues are between 0.2 % of the residual mean square and all of it."""
    values, vectors = np.linalg.eigh(np.where(np.isfinite(sigma), sigma, 0.0))
    return (vectors * np.clip(values, 0.002 * squares, squares)) @ vectors.T


def em_step(variances: AbstractVariances, posterior, v: np.ndarray) -> np.ndarray:
    """One EM step from v: the mean over the groups of the posterior second moments, projected onto each structure.

    The errors' parameters stay, but for sigma_e, which is profiled.
    """
    moments = [
        (np.einsum("ja,jb->ab", m, m) + s.sum(0)) / len(m)
        for m, s in zip(posterior.modes, posterior.variances, strict=True)
    ]
    there = variances.nearest(moments, float(np.exp(2.0 * v[-1])))
    among = 1 + (0 if variances.errors is None else variances.errors.count)
    there[-among:-1] = v[-among:-1]
    return there
