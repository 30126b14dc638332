"""The results as text, and what the other renderings say in the same words."""

from .cases import find_case
from .peers import PEERS

COLUMNS = (
    "peer", "version", "log likelihood", "below best", "cold s", "first s", "warm s", "x mejax", "peak MB", "remarks"
)  # fmt: skip
RIGHT = range(2, 9)
TOLERANCE = 1e-3  # a log likelihood further than this below the best one is not the optimum

LEGEND = (
    "cold s: from the start of a process to the end of its first fit; first s: that fit, compilation included; warm\n"
    "s: the median of later fits, from the data frame to the estimates with standard errors; x mejax: warm time over\n"
    "that of mejax; peak MB: the whole process with its data; below best: how far a log likelihood is below the best\n"
    f"one known, where that is more than {TOLERANCE:g} (with a minus: above, which an estimate of it can be)."
)


def render(report: dict) -> str:
    """One block of lines for each case, after a line about the machine."""
    blocks = [_block(case, rows) for case, rows in by_case(report).items()]
    return "\n\n".join([machine_line(report), *blocks, LEGEND])


def by_case(report: dict) -> dict[str, list[dict]]:
    cases = dict.fromkeys(row["case"] for row in report["rows"])
    return {case: [row for row in report["rows"] if row["case"] == case] for case in cases}


def machine_line(report: dict) -> str:
    machine = report["machine"]
    device = machine["jax_device"]
    return (
        f"{report['date'][:16].replace('T', ' ')} UTC, {machine['processor']}, {machine['cpus']} processors, "
        f"{machine['memory_gb']} GB, load {machine['load_before']} before the run, Python {machine['python']}, "
        f"JAX {device['jax']} on {device['count']} {device['kind']}"
    )


def best_known(case: str, rows: list[dict]) -> float | None:
    """The highest log likelihood found; estimates of one count only where there is nothing else."""
    known = find_case(case).known
    exact = [row["loglik"] for row in rows if row["outcome"] == "fit" and not is_estimate(row)]
    exact += [] if known is None else [known]
    return max(exact or [row["loglik"] for row in rows if row["outcome"] == "fit"], default=None)


def is_estimate(row: dict) -> bool:
    return "monte_carlo_error" in row or (row["peer"] in PEERS and PEERS[row["peer"]].stochastic)


def below_best(row: dict, best: float) -> float | None:
    """How far the fit's log likelihood is below the best one; None where that is nothing to speak of."""
    below = best - row["loglik"]
    return below if below > TOLERANCE or (below < -TOLERANCE and is_estimate(row)) else None


def remarks(row: dict) -> str:
    if row["outcome"] != "fit":
        return f"{OUTCOMES[row['outcome']]}{row['reason']}"
    parts = [] if row["converged"] else ["not converged"]
    if "monte_carlo_error" in row:
        parts.append(f"Monte Carlo error of the log likelihood {row['monte_carlo_error']:.2g}")
    if "peak_device_memory_mb" in row:
        parts.append(f"peak on the device {row['peak_device_memory_mb']} MB")
    return "; ".join([*parts, *([row["note"]] if "note" in row else [])])


OUTCOMES = {"refused": "left out: ", "timeout": "", "memory": "out of memory: ", "failed": "failed: "}


def render_row(row: dict) -> str:
    """One line, as it comes in."""
    if row["outcome"] != "fit":
        return f"{row['case']:<16} {row['peer']:<18} {remarks(row)}"
    warm = seconds_text(row["seconds_warm"]) or "-"
    return f"{row['case']:<16} {row['peer']:<18} {row['loglik']:.4f}  warm {warm} s  {remarks(row)}"


def seconds_text(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}" if value < 0.1 else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _block(case: str, rows: list[dict]) -> str:
    own = next((row.get("seconds_warm") for row in rows if row["peer"] == "mejax"), None)
    cells = [_cells(row, best_known(case, rows), own) for row in rows if row["outcome"] != "refused"]
    return "\n".join([find_case(case).title, _align([COLUMNS, *cells]), *_left_out(rows)])


def _left_out(rows: list[dict]) -> list[str]:
    """A line for each reason."""
    reasons: dict[str, list[str]] = {}
    for row in rows:
        if row["outcome"] == "refused":
            reasons.setdefault(row["reason"], []).append(row["peer"])
    return [f"left out: {', '.join(peers)} ({reason})" for reason, peers in reasons.items()]


def _cells(row: dict, best: float | None, own: float | None) -> tuple[str, ...]:
    peak = str(row["peak_memory_mb"])
    if row["outcome"] != "fit" or best is None:
        kept = peak if row["outcome"] in ("timeout", "memory") else ""
        return (row["peer"], row["version"], "", "", "", "", "", "", kept, remarks(row))
    below, warm = below_best(row, best), row["seconds_warm"]
    return (
        row["peer"],
        row["version"],
        f"{row['loglik']:.4f}",
        "" if below is None else f"{below:.3f}",
        seconds_text(row["seconds_cold"]),
        seconds_text(row["seconds_first"]),
        seconds_text(warm),
        f"{warm / own:.2f}" if own and warm else "",
        peak,
        remarks(row),
    )


def _align(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(w) if i in RIGHT else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
