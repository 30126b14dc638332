"""Times one peer on one case, inside the peer's own process: `python -m benchmarks.measure MODULE CASE SECONDS`.

The last line of output is the result as JSON.  A fit goes from the data frame to the estimates with standard errors.
The first one includes compilation and whatever else a package does once; warm ones follow in the same process
until `SECONDS` have passed (at least one, at most twenty).  A first fit that takes longer than `SECONDS` by itself is
repeated once only.  `first_at` is the time of day when it was done, which tells who started the process how long it
took from there.
"""

import importlib
import json
import statistics
import sys
from time import perf_counter, time

from .cases import CASES

MOST_FITS = 20


def measure(fit, case, seconds: float) -> dict:
    """The times of a first and of warm fits, with what the last one found."""
    frame = case.build()
    start = perf_counter()
    found = fit(case, frame)
    first, first_at = perf_counter() - start, time()
    print(json.dumps(_result(found, first, first_at, [])), flush=True)  # kept if the rest runs out of time
    warm: list[float] = []
    while len(warm) < MOST_FITS and (not warm or sum(warm) + warm[-1] < seconds):
        start = perf_counter()
        found = fit(case, frame)
        warm.append(perf_counter() - start)
    return _result(found, first, first_at, warm)


def _result(found: tuple, first: float, first_at: float, warm: list[float]) -> dict:
    loglik, converged, *note = found
    return {
        "loglik": float(loglik),
        "converged": bool(converged),
        **({"note": note[0]} if note else {}),
        "seconds_first": first,
        "first_at": first_at,
        "seconds_warm": statistics.median(warm) if warm else None,
        "seconds_best": min(warm, default=None),
        "fits": len(warm),
    }


def main(module: str, case_name: str, seconds: str) -> None:
    peer = importlib.import_module(f"benchmarks.peers.{module}")
    case = CASES[case_name]
    refused = peer.refuses(case)
    result = {"skipped": refused} if refused else measure(peer.fit, case, float(seconds))
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
