"""The exponents that times and memories grow with.

Of `y ~ c x**slope`, the slope is fitted by least squares to logarithms over the last decade of x, where what a fit
costs whatever its size no longer counts.  Time is that of a warm fit (of the first, where there was no second in time),
and memory what a fit needs beyond the process with its data: the peak less what was in use when the first fit began.
"""

import math

DECADE = 10 * (1 + 1e-9)  # of x: from the largest down to a tenth of it, both included
MISSING = "–"


def series(report: dict, study: str, quantity: str) -> dict[str, list[tuple[float, float]]]:
    """For each peer the (x, time in seconds) or (x, memory in MB) of its fits, by increasing x."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in report["rows"]:
        if row["study"] == study and row["outcome"] == "fit" and (value := _value(row, quantity)):
            found.setdefault(row["peer"], []).append((row["x"], value))
    return {peer: sorted(points) for peer, points in found.items()}


def _value(row: dict, quantity: str) -> float | None:
    if quantity == "time":
        return row["seconds_warm"] or row["seconds_first"]
    before = row["start_memory_mb"]
    return None if before is None else max(row["peak_memory_mb"] - before, 1)


def slope(points: list[tuple[float, float]]) -> dict | None:
    """`slope`, the `x` it was fitted from and to, and the constant `log_c`; None for fewer than two points."""
    kept = [(math.log(x), math.log(y)) for x, y in points if x >= points[-1][0] / DECADE]
    if len(kept) < 2:
        return None
    mean_x, mean_y = (sum(values) / len(kept) for values in zip(*kept, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in kept)
    found = sum((x - mean_x) * (y - mean_y) for x, y in kept) / spread
    return {
        "slope": found,
        "log_c": mean_y - found * mean_x,
        "x": [math.exp(kept[0][0]), math.exp(kept[-1][0])],
        "points": len(kept),
    }


def all_slopes(report: dict) -> list[dict]:
    return [
        {"study": study, "peer": peer, "quantity": quantity, **found}
        for study in dict.fromkeys(row["study"] for row in report["rows"])
        for quantity in ("time", "memory")
        for peer, points in series(report, study, quantity).items()
        if (found := slope(points))
    ]


def slopes_table(report: dict) -> str:
    """The slopes in Markdown, studies by peers: that of time, and in parentheses that of memory."""
    peers = list(dict.fromkeys(found["peer"] for found in report["slopes"]))
    found = {(one["study"], one["peer"], one["quantity"]): one for one in report["slopes"]}
    lines = [["study", "what grows", *peers], ["---"] * (2 + len(peers))]
    for study, facts in report["studies"].items():
        cells = [_cell(found.get((study, peer, "time")), found.get((study, peer, "memory"))) for peer in peers]
        lines.append([f"{study}: {facts['title']}", f"{facts['axis']}, {_range(report, study)}", *cells])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return (
        f"Exponents with which the time of a warm fit (and the memory of a fit) grow, over the last decade:\n\n{table}"
    )


def _cell(time: dict | None, memory: dict | None) -> str:
    if time is None:
        return MISSING
    return f"{time['slope']:.2f}" + (f" ({memory['slope']:.2f})" if memory else "")


def _range(report: dict, study: str) -> str:
    values = [row["x"] for row in report["rows"] if row["study"] == study]
    return f"{_size(min(values))} to {_size(max(values))}"


def _size(value: float) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
