"""Monte Carlo errors of a fit whose crossed remainder was met iteratively."""

from dataclasses import dataclass

import numpy as np

from .._status import Status

LOOSE = (
    "the crossed effects were solved iteratively, which is inexact where the levels hang together loosely (chains of "
    "levels with few rows each) or the errors are tiny; use solver(exact) if the model fits into memory, or more "
    "probes()"
)
NOTHING = 1e-9  # less of a log likelihood is rounding


@dataclass(frozen=True)
class MonteCarlo:
    """Standard errors over other random vectors: of the log likelihood, and of everything printed in the order of
    `Estimates.printed`.  They are not those over other data, and fall with the root of the number of `probes`."""

    llf: float
    errors: np.ndarray
    probes: int

    def note(self, standard_errors: np.ndarray) -> str:
        """What the printed table says about them."""
        known = np.isfinite(standard_errors) & (standard_errors > 0) & np.isfinite(self.errors)
        if self.llf < NOTHING:
            return "crossed effects solved iteratively, with vectors that span all of them: no Monte Carlo error"
        text = (
            f"crossed effects solved iteratively with {self.probes} probes; Monte Carlo std. err. of the log "
            f"likelihood {self.llf:.2g}"
        )
        if not np.any(known):
            return f"{text}."
        share = float(np.max(self.errors[known] / standard_errors[known]))
        return f"{text}, of the estimates at most {100 * share:.2g}% of their std. err."


def iterative_note(
    noise: MonteCarlo | None, standard_errors: np.ndarray, status: Status, iterative: bool
) -> tuple[str, ...]:
    """What is to be said of a fit that may be iterative."""
    if noise is not None:
        return (noise.note(standard_errors),)
    if iterative and status is Status.NOT_CONVERGED:
        return (LOOSE,)
    return ()


def monte_carlo(logdets: np.ndarray, slopes: np.ndarray, inverse: np.ndarray, printed: np.ndarray) -> MonteCarlo:
    """From the probes' own estimates of log|V|, (t,), and of its derivatives in v, (t, m).

    The estimates solve an estimated equation, score(v) = 0, so that their errors are the score's times the inverse of
    its derivative, `inverse` (m, m), as those of any M-estimator (Huber 1967); `printed` (k, m) holds the derivatives
    of what is printed.
    """
    count = len(logdets)
    scores = 0.5 * (slopes - slopes.mean(0)) @ inverse @ printed.T
    return MonteCarlo(
        llf=0.5 * float(np.std(logdets, ddof=1)) / np.sqrt(count),
        errors=np.sqrt(np.sum(scores**2, 0) / (count * (count - 1.0))),
        probes=count,
    )
