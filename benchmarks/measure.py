"""Times one peer on one case, in the peer's own process: `python -m benchmarks.measure PEER CASE SECONDS TABLE`.

`PEER` is a module of `peers/` or the path of an adapter.  The last line of output is the result as JSON.  A fit goes
from the data frame to the estimates with standard errors.  The first one includes compilation and whatever else a
package does once; warm ones follow in the same process until `SECONDS` have passed (at least one, at most twenty).  A
first fit that takes longer than `SECONDS` by itself is repeated once only.  `first_at` is the time of day when it was
done, which tells who started the process how long it took from there.
"""

import importlib
import importlib.util
import json
import re
import statistics
import sys
from pathlib import Path
from time import perf_counter, time
from types import ModuleType

from .case import Case
from .cases import find_case
from .store import read_table

MOST_FITS = 20
FACTS = ("note", "monte_carlo_error", "peak_device_memory_mb")  # what a fit may say besides


def measure(fit, case: Case, frame, seconds: float) -> dict:
    """The times of a first and of warm fits, with what the last one found."""
    before = resident_mb()
    start = perf_counter()
    found = fit(case, frame)
    first, first_at = perf_counter() - start, time()
    fixed = {"seconds_first": first, "first_at": first_at, "start_memory_mb": before}
    print(json.dumps({**_found(found), **fixed, **_warm([])}), flush=True)  # kept if the rest runs out of time
    warm: list[float] = []
    while len(warm) < MOST_FITS and (not warm or sum(warm) + warm[-1] < seconds):
        start = perf_counter()
        found = fit(case, frame)
        warm.append(perf_counter() - start)
    return {**_found(found), **fixed, **_warm(warm)}


def _found(found: tuple) -> dict:
    loglik, converged, *more = found
    facts = more[0] if more else {}
    if unknown := set(facts) - set(FACTS):
        raise ValueError(f"a fit may tell {', '.join(FACTS)}; found {', '.join(sorted(unknown))}")
    return {"loglik": float(loglik), "converged": bool(converged), **facts}


def _warm(seconds: list[float]) -> dict:
    return {
        "seconds_warm": statistics.median(seconds) if seconds else None,
        "seconds_best": min(seconds, default=None),
        "fits": 1 + len(seconds),
    }


def resident_mb() -> int | None:
    """The memory of this process now; None where the system does not say (other than Linux)."""
    status = Path("/proc/self/status")
    found = re.search(r"VmRSS:\s*(\d+) kB", status.read_text()) if status.exists() else None
    return round(int(found[1]) / 1024) if found else None


def load(peer: str) -> ModuleType:
    """The module of a peer here, or an adapter's file; `ValueError` if it lacks one of the two functions."""
    if not peer.endswith(".py"):
        return importlib.import_module(f"benchmarks.peers.{peer}")
    spec = importlib.util.spec_from_file_location(Path(peer).stem, peer)
    if spec is None or spec.loader is None or not Path(peer).exists():
        raise ValueError(f"there is no adapter {peer}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    missing = [name for name in ("refuses", "fit") if not callable(getattr(module, name, None))]
    if missing:
        raise ValueError(f"an adapter has functions refuses(case) and fit(case, frame); {peer} lacks {missing[0]}")
    return module


def main(peer_name: str, case_name: str, seconds: str, table: str) -> None:
    peer, case = load(peer_name), find_case(case_name)
    refused = peer.refuses(case)
    result = {"reason": refused} if refused else measure(peer.fit, case, read_table(Path(table)), float(seconds))
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
