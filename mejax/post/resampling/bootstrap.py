"""Bootstrap: the model fitted again to responses drawn from it, or to resampled clusters."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from ..._status import Status
from ...estimation import fit_design
from ...fitting import Estimates, Replicates, batched, fit_counts, fit_responses
from ...frame import Encoding
from ...syntax import Spec
from ..hypotheses.hypotheses import parameter_labels
from ..kinds import is_generalized, kind_of
from ..prediction.response import drawn_response
from ..prediction.simulate import checked_seed, draws

BLOCK = 256  # replicates whose responses are drawn at once, so that progress is seen and memory is bounded
KINDS = ("parametric", "cluster")


@dataclass(frozen=True)
class BootstrapFound:
    """`printed` (B, P) holds what is printed of every replicate that converged, `observed` that of the fit itself;
    `numbers` are theirs among the replicates, `failed` counts the others.  `interrupted` says that fewer than asked for
    were run."""

    labels: tuple[str, ...]
    observed: np.ndarray
    printed: np.ndarray
    numbers: np.ndarray
    failed: int
    kind: str
    seed: int
    interrupted: bool = False


def bootstrap(
    spec: Spec, estimates: Estimates, encoding: Encoding, asked: tuple[int, str, int], report: Callable[[int], None]
) -> BootstrapFound:
    """`asked`: number of replicates, kind and seed; call inside double precision.

    Raises:
        ValueError: a response that cannot be drawn as it was observed, weights, clusters that are not independent.
    """
    n, kind, seed = asked
    checked_seed(seed, "bootstrap")
    _check(estimates, encoding, n, kind)
    if kind == "cluster":
        found = _clusters(estimates, (n, seed), report)
    else:
        found = _responses(spec, estimates, encoding, (n, seed), report)
    good = found.converged & np.isfinite(found.printed).all(axis=1)
    if not good.any():
        raise ValueError(
            f"bootstrap: none of {len(good):,} replicates converged; the model may be too large for its data: look at "
            "`fit.status`, and at the variances near zero"
        )
    labels = tuple(parameter_labels(estimates))
    return BootstrapFound(
        labels, estimates.printed, found.printed[good], np.flatnonzero(good), int(np.sum(~good)), kind, seed,
        len(good) < n,
    )  # fmt: skip


def _check(estimates: Estimates, encoding: Encoding, n: int, kind: str) -> None:
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 2:
        raise ValueError(f"bootstrap: `n` is the number of replicates, a whole number of at least 2; got {n!r}")
    if kind not in KINDS:
        raise ValueError(f"bootstrap: there is no `kind={kind}`; kinds are {' and '.join(KINDS)}")
    if not estimates.status.ok:
        raise ValueError(f"bootstrap: the fit ended as `{estimates.status}`; replicates begin from a maximum")
    if encoding.weight_kind is not None:
        raise ValueError("bootstrap: how weighted observations are to be drawn is not defined; fit without weights")


def _responses(
    spec: Spec, estimates: Estimates, encoding: Encoding, asked: tuple[int, int], report: Callable[[int], None]
) -> Replicates:  # fmt: skip
    """Responses drawn from the fit, block by block."""
    n, seed = asked
    drawn = draws(estimates, encoding, seed)
    together = batched(estimates.model) and kind_of(estimates) != "nonlinear"

    def block(numbers: range, done: Callable[[int], None]) -> Replicates:
        y = [drawn_response(estimates, encoding, drawn(number)) for number in numbers]
        if not together:
            return _one_by_one(spec, estimates, encoding, y, done)
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *y)
        return fit_responses(estimates.model, estimates.design, np.asarray(estimates.v), stacked, done)

    return _in_blocks(n, block, report, BLOCK if together else 1)


def _in_blocks(
    n: int, block: Callable[[range, Callable[[int], None]], Replicates], report: Callable[[int], None], size: int
) -> Replicates:
    """Some replicates at a time; an interruption (Ctrl-C) leaves those of the blocks that are done."""
    parts: list[Replicates] = []
    try:
        for start in range(0, n, size):
            done = lambda count, start=start: report(start + count)
            parts.append(block(range(start, min(start + size, n)), done))
    except KeyboardInterrupt:
        if not parts:
            raise
    joined = {name: np.concatenate([vars(part)[name] for part in parts]) for name in vars(parts[0])}
    return Replicates(**joined)


def _one_by_one(
    spec: Spec, estimates: Estimates, encoding: Encoding, y: list[Any], report: Callable[[int], None]
) -> Replicates:
    """Each replicate as a fit of its own, begun at the estimates."""
    spec = replace(spec, options={**spec.options, "start": estimates.theta})
    printed, value, converged = [], [], []
    for number, response in enumerate(y, 1):
        try:
            found = fit_design(spec, replace(estimates.design, y=response), encoding)
            if found.status is Status.INTERRUPTED:
                raise KeyboardInterrupt
            printed.append(found.printed)
            value.append(found.llf)
            converged.append(found.status.ok)
        except ValueError:
            printed.append(np.full(len(estimates.printed), np.nan))
            value.append(np.nan)
            converged.append(False)
        report(number)
    return Replicates(np.array(printed), np.array(value), np.array(converged))


def _clusters(estimates: Estimates, asked: tuple[int, int], report: Callable[[int], None]) -> Replicates:
    """The top level's groups drawn with replacement: each enters with the number of times that it was drawn."""
    n, seed = asked
    size = _independent(estimates)
    generator = np.random.default_rng(seed)

    def block(numbers: range, done: Callable[[int], None]) -> Replicates:
        counts = generator.multinomial(size, np.full(size, 1.0 / size), size=len(numbers)).astype(float)
        return fit_counts(estimates.model, estimates.design, np.asarray(estimates.v), counts, done)

    return _in_blocks(n, block, report, BLOCK)


def _independent(estimates: Estimates) -> int:
    """The number of top-level clusters."""
    model = estimates.model
    if kind_of(estimates) == "nonlinear":
        raise ValueError('bootstrap: clusters of nonlinear models cannot be resampled yet; use kind="parametric"')
    if model.plan.crossed or not model.plan.chain:
        raise ValueError(
            "bootstrap: resampling clusters needs independent ones, and this model has "
            f'{"crossed effects" if model.plan.crossed else "no random effects"}; use kind="parametric"'
        )
    size = model.plan.terms[model.plan.chain[-1].term].size
    if size < 2 or not batched(model) or (not is_generalized(estimates) and model.cluster_totals is None):
        raise ValueError(
            f"bootstrap: {size:,} top-level clusters of this model cannot be resampled in one program: "
            f'{"there must be two at least" if size < 2 else "too large"}; use vce(robust) or kind="parametric"'
        )
    return size
