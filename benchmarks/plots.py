"""Pictures of the results (the extra `plot`)."""

from textwrap import fill
from typing import TYPE_CHECKING, Any

from .markdown import WARM, peers_of
from .peers import PEERS
from .table import by_case

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Colours that those who see colours differently tell apart (Okabe and Ito), with a marker each besides.
STYLES = list(
    zip(
        (
            "black",
            "#999999",
            "#0072B2",
            "#E69F00",
            "#D55E00",
            "#CC79A7",
            "#56B4E9",
            "#009E73",
            "#8B6914",
            "#5B3A8C",
            "#C71585",
        ),
        "oDs^v<>PXd*",
        strict=True,
    )
)


def style(peer: str) -> dict[str, Any]:
    """A peer looks alike in every picture; adapters, which come last, share the last one."""
    place = list(PEERS).index(peer) if peer in PEERS else len(STYLES) - 1
    color, marker = STYLES[place]
    return {"color": color, "marker": marker}


def ratios(report: dict) -> "Figure | None":
    """Warm times as multiples of mejax's, a row for each case; hollow markers for peers that had no fit in time.

    None where there is nothing to show: no other peer, or no fit by mejax.
    """
    from matplotlib.figure import Figure

    peers = [peer for peer in peers_of(report) if peer != "mejax"]
    cases = [(case, rows, own) for case, rows in by_case(report).items() if (own := _own(rows))]
    if not peers or not cases:
        return None
    figure = Figure(figsize=(9, 1.6 + 0.36 * len(cases)), layout="constrained")
    axes = figure.add_subplot()
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=1)
    for place, (_, rows, own) in enumerate(cases):
        for row in rows:
            if row["peer"] in peers and row["outcome"] in ("fit", "timeout"):
                _dot(axes, row, own, place)
    axes.set_yticks(
        range(len(cases)),
        [fill(case.replace(",", ", "), 34, break_on_hyphens=False) for case, _, _ in cases],
        fontsize=9,
    )
    axes.set_ylim(len(cases) - 0.5, -0.5)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.set_xlabel("time of a warm fit / that of mejax in the same run")
    handles = [axes.plot([], [], linestyle="", label=peer, **style(peer))[0] for peer in peers]
    if any(row["outcome"] == "timeout" for _, rows, _ in cases for row in rows):
        look: dict[str, Any] = {"marker": "o", "color": "0.4", "fillstyle": "none"}
        handles.append(axes.plot([], [], linestyle="", label="hollow: no fit\nwithin that time", **look)[0])
    figure.legend(handles=handles, loc="outside right upper", frameon=False, fontsize=9)
    return figure


def _own(rows: list[dict]) -> float | None:
    return next((row[WARM] for row in rows if row["peer"] == "mejax" and row.get(WARM)), None)


def _dot(axes, row: dict, own: float, place: int) -> None:
    fitted = row["outcome"] == "fit"
    seconds = (row[WARM] or row["seconds_first"]) if fitted else row["limit_s"]
    axes.plot(seconds / own, place, linestyle="", fillstyle="full" if fitted else "none", **style(row["peer"]))
