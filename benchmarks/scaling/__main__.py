"""`python -m benchmarks.scaling`: time and memory against rows, levels and density, each point in its own process."""

import argparse
import sys
import tempfile
from pathlib import Path

from ..peers import PEERS
from ..session import RESULTS, Session, header, options, save, start
from ..store import NoTable, ensure_table
from ..table import render_row
from .slopes import all_slopes, slopes_table
from .studies import STUDIES, Study


def parser() -> argparse.ArgumentParser:
    result = options("python -m benchmarks.scaling", "Measures how fits grow with data.", RESULTS / "scaling.json")
    result.add_argument("studies", nargs="*", metavar="study", help=f"some of: {', '.join(STUDIES)} (default: all)")
    result.add_argument(
        "--scale", type=float, default=1.0, help="this many times the rows and levels, say 0.1 (default %(default)g)"
    )
    return result


def run(session: Session, study: Study, scale: float, report: dict, path: Path) -> None:
    """A peer that had no fit at one size is not asked for a larger one; adapters are asked in every study."""
    alive = [name for name in session.versions if name in study.peers or name not in PEERS]
    report["studies"][study.name] = {"title": study.titled(scale), "axis": study.axis, "scale": scale}
    for x, case in study.points(scale):
        with tempfile.TemporaryDirectory(prefix="table-", dir=path.parent) as folder:
            ensure_table(case, Path(folder))
            for name in list(alive):
                row = {"study": study.name, "x": x, **session.measure(case, name, Path(folder))}
                report["rows"].append(row)
                print(render_row(row), file=sys.stderr, flush=True)
                if row["outcome"] != "fit":
                    alive.remove(name)
                report["slopes"] = all_slopes(report)
                save(report, path)


def draw(report: dict, path: Path) -> list[Path]:
    """A picture of each study beside the results; none without matplotlib."""
    try:
        from .plots import picture

        return [_save(picture(report, study), path, study) for study in report["studies"]]
    except ImportError:
        print("no pictures: they need matplotlib (pip install '.[plot]')", file=sys.stderr)
        return []


def _save(figure, path: Path, study: str) -> Path:
    written = path.with_name(f"{path.stem}-{study}.png")
    figure.savefig(written, dpi=110)
    return written


def main(arguments: list[str] | None = None) -> int:
    asked = parser()
    chosen = asked.parse_args(arguments)
    for name in chosen.studies:
        if name not in STUDIES:
            asked.error(f"there is no study {name!r}; there are {', '.join(STUDIES)}")
    names = chosen.studies or list(STUDIES)
    if chosen.peers is None:
        chosen.peers = ",".join(dict.fromkeys(peer for name in names for peer in STUDIES[name].peers))
    session = start(asked, chosen)
    report = {**header(), "studies": {}, "slopes": []}
    chosen.json.parent.mkdir(parents=True, exist_ok=True)
    try:
        for name in names:
            run(session, STUDIES[name], chosen.scale, report, chosen.json)
    except (NoTable, ValueError) as error:
        asked.error(str(error))
    print(slopes_table(report))
    for written in draw(report, chosen.json):
        print(written, file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
