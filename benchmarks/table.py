"""The results as text."""

from .cases import CASES

COLUMNS = (
    "peer", "version", "log likelihood", "below best", "cold s", "first s", "warm s", "x mejax", "peak MB", "remarks"
)  # fmt: skip
RIGHT = range(2, 9)
TOLERANCE = 1e-3  # a log likelihood further than this below the best one is not the optimum

LEGEND = (
    "cold s: from the start of a process to the end of its first fit; first s: that fit, compilation included; warm\n"
    "s: the median of later fits, from the data frame to the estimates with standard errors; x mejax: warm time over\n"
    "that of mejax; peak MB: the whole process with its data; below best: how far a log likelihood is below the best\n"
    f"one known, where that is more than {TOLERANCE:g}."
)


def render(report: dict) -> str:
    """One block of lines for each case, after a line about the machine."""
    machine = report["machine"]
    head = (
        f"{report['date']}  {machine['processor']}, {machine['cpus']} processors, {machine['memory_gb']} GB, "
        f"load {machine['load_before']} before the run, Python {machine['python']}"
    )
    cases = dict.fromkeys(row["case"] for row in report["rows"])
    blocks = [_block(case, [row for row in report["rows"] if row["case"] == case]) for case in cases]
    return "\n\n".join([head, *blocks, LEGEND])


def render_row(row: dict) -> str:
    """One line, as it comes in."""
    if "loglik" not in row:
        return f"{row['case']:<16} {row['peer']:<18} {_remarks(row)}"
    warm = _seconds(row["seconds_warm"]) or "-"
    return f"{row['case']:<16} {row['peer']:<18} {row['loglik']:.4f}  warm {warm} s  {_remarks(row)}"


def _block(case: str, rows: list[dict]) -> str:
    fitted = [row for row in rows if "loglik" in row]
    known = CASES[case].known
    best = max([row["loglik"] for row in fitted] + ([known] if known is not None else []), default=0.0)
    own = next((row["seconds_warm"] for row in fitted if row["peer"] == "mejax"), None)
    return f"{CASES[case].title}\n" + _align([COLUMNS, *(_cells(row, best, own) for row in rows)])


def _cells(row: dict, best: float, own: float | None) -> tuple[str, ...]:
    if "loglik" not in row:
        return (row["peer"], row["version"], "", "", "", "", "", "", "", _remarks(row))
    below, warm = best - row["loglik"], row["seconds_warm"]
    return (
        row["peer"],
        row["version"],
        f"{row['loglik']:.4f}",
        f"{below:.3f}" if below > TOLERANCE else "",
        _seconds(row.get("seconds_cold")),
        _seconds(row["seconds_first"]),
        _seconds(warm),
        f"{warm / own:.2f}" if own and warm else "",
        str(row["peak_memory_mb"]),
        _remarks(row),
    )


def _remarks(row: dict) -> str:
    if "skipped" in row:
        return f"skipped: {row['skipped']}"
    parts = [f"failed: {row['failed']}"] if "failed" in row else []
    parts += ["not converged"] if row.get("converged") is False else []
    return "; ".join([*parts, *([row["note"]] if "note" in row else [])])


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}" if value < 0.1 else f"{value:.3f}" if value < 10 else f"{value:.1f}"


def _align(rows: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(w) if i in RIGHT else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
