"""The results as Markdown: one row for each case, one column for each peer.

On CPUs times are multiples of mejax's in the same run, for absolute ones say more about the machine than about the
software; on an accelerator, where most peers do not run, they are seconds.
"""

from datetime import datetime

from .cases import find_case
from .peers import PEERS
from .table import below_best, best_known, by_case

WARM = "seconds_warm"
COLD = "seconds_cold"
MISSING = "–"


def comparison(report: dict) -> str:
    """Two tables, of warm fits and of processes with one fit each, with what they say before them."""
    machine, relative = report["machine"], report["machine"]["jax_device"]["platform"] == "cpu"
    unit = "as multiples of mejax's time in the same run (a number below 1 is faster)" if relative else "in seconds"
    place = f"{machine['cpus']} processors ({machine['processor']}, {machine['memory_gb']:.0f} GB)"
    if not relative:
        place = f"{machine['jax_device']['count']} {machine['jax_device']['kind']}"
    day = datetime.fromisoformat(report["date"]).strftime("%-d %B %Y")
    busy = machine["load_before"] > machine["cpus"] / 2
    there = (
        f"{place}, {day}, while the machine was busy (load {machine['load_before']:g})" if busy else f"{place}, {day}"
    )
    lines = [
        f"Warm fits, from the data frame to the estimates with their standard errors, {unit}; measured on {there}:",
        times(report, WARM),
        "From the start of a process to the end of its first fit, imports, data and compilation included:",
        times(report, COLD),
    ]
    return "\n\n".join(lines)


def times(report: dict, quantity: str) -> str:
    """A Markdown table of one time; next to warm ones the peak memory of mejax's process."""
    relative = report["machine"]["jax_device"]["platform"] == "cpu"
    peers = peers_of(report)
    head = ["model, by maximum likelihood", *(_label(report, peer) for peer in peers)]
    head += ["mejax's peak memory"] if quantity == WARM else []
    lines = [head, ["---"] * len(head)]
    for case, rows in by_case(report).items():
        found = {row["peer"]: row for row in rows}
        best = best_known(case, rows)
        own = found.get("mejax", {}).get(quantity) if relative else None
        cells = [_cell(found.get(peer), quantity, best, own, relative=relative) for peer in peers]
        memory = [_memory(found.get("mejax", {}))] if quantity == WARM else []
        lines.append([find_case(case).title, *cells, *memory])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def peers_of(report: dict) -> list[str]:
    """Those that tried anything, in the order of `PEERS`, adapters last."""
    tried = dict.fromkeys(row["peer"] for row in report["rows"] if row["outcome"] != "refused")
    return sorted(tried, key=lambda name: list(PEERS).index(name) if name in PEERS else len(PEERS))


def _label(report: dict, peer: str) -> str:
    version = next(row["version"] for row in report["rows"] if row["peer"] == peer)
    return f"{peer} {version}".strip()


def _cell(row: dict | None, quantity: str, best: float | None, own: float | None, *, relative: bool) -> str:
    if row is None or row["outcome"] == "refused":
        return MISSING
    if row["outcome"] == "timeout":
        return row["reason"]
    if row["outcome"] == "memory":
        return "out of memory"
    if row["outcome"] == "failed" or best is None:
        return "failed"
    remarks = _remarks(row, best)
    value = row[quantity]
    if value is None:
        value, remarks = row["seconds_first"], ["its first fit", *remarks]
    text = f"{_two_digits(value)} s" if not relative else f"{_two_digits(value / own)}" if own else "fits"
    return f"{text} ({', '.join(remarks)})" if remarks else text


def _remarks(row: dict, best: float) -> list[str]:
    below = below_best(row, best)
    far = [] if below is None else [f"{abs(below):.2g} {'lower' if below > 0 else 'higher'}"]
    if "monte_carlo_error" in row:
        far.append(f"± {row['monte_carlo_error']:.2g}")
    return [*([] if row["converged"] else ["not converged"]), *([" ".join(["log likelihood", *far])] if far else [])]


def _memory(row: dict) -> str:
    if "peak_device_memory_mb" in row:
        return f"{row['peak_device_memory_mb'] / 1000:.1f} GB on the device"
    return f"{row['peak_memory_mb'] / 1000:.1f} GB" if row.get("outcome") == "fit" else MISSING


def _two_digits(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == 1 else f"{value:.1f}" if value > 1 else f"{value:.2g}"
