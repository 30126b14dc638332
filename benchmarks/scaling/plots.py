"""Pictures of the scaling studies (the extra `plot`)."""

import math
from typing import TYPE_CHECKING

from ..plots import style
from .slopes import series, slope

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {"time": "time of a warm fit, s", "memory": "memory of a fit beyond its data, MB"}

WORDS = {"memory": "out of memory", "failed": "failed"}


def picture(report: dict, study: str) -> "Figure":
    """Time and memory on logarithmic axes, slopes in the legend; a hollow marker at the limit that ended a series."""
    from matplotlib.figure import Figure

    facts = report["studies"][study]
    figure = Figure(figsize=(11, 4.4), layout="constrained")
    figure.suptitle(facts["title"], fontsize=11)
    panels = dict(zip(LABELS, figure.subplots(1, 2), strict=True))
    for quantity, axes in panels.items():
        for peer, points in series(report, study, quantity).items():
            _draw(axes, points, peer, style(peer))
    _ends(panels["time"], report, study)
    for quantity, axes in panels.items():
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(facts["axis"])
        axes.set_ylabel(LABELS[quantity])
        axes.grid(color="0.9", which="major")
        axes.set_axisbelow(True)
        axes.legend(frameon=False, fontsize=8)
    return figure


def _draw(axes, points: list[tuple[float, float]], peer: str, look: dict) -> None:
    found = slope(points)
    label = f"{peer}: slope {found['slope']:.2f}" if found else peer
    axes.plot(*zip(*points, strict=True), linestyle="-", linewidth=0.8, markersize=5, label=label, **look)
    if found:
        fitted = [math.exp(found["log_c"]) * x ** found["slope"] for x in found["x"]]
        axes.plot(found["x"], fitted, linestyle="--", linewidth=1.2, color=look["color"], alpha=0.6)


def _ends(axes, report: dict, study: str) -> None:
    """Where a series ended for want of time or, in the legend only, of memory or of anything else."""
    for row in report["rows"]:
        if row["study"] == study and row["outcome"] not in ("fit", "refused"):
            timed_out = row["outcome"] == "timeout"
            place = (row["x"], row["limit_s"]) if timed_out else ((), ())
            why = row["reason"] if timed_out else f"{WORDS[row['outcome']]} at {row['x']:,g}"
            axes.plot(*place, linestyle="", fillstyle="none", label=f"{row['peer']}: {why}", **style(row["peer"]))
