"""`python -m benchmarks.report RESULTS.json` prints stored results and writes their tables and picture beside them.

    python -m benchmarks.report benchmarks/results/latest.json
    python -m benchmarks.report README

The second writes the README's section about speed, between its two marker comments, from the results that are kept in
`benchmarks/published`: cpu.json, gpu.json and scaling.json, of which those that are there are shown, and the pictures
beside them, cpu*.png and so on.  To publish results is to copy them there.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from .markdown import comparison
from .peers.kinds import ROOT
from .scaling.slopes import slopes_table
from .table import render

PUBLISHED = ROOT / "benchmarks" / "published"
BEGIN = "<!-- benchmarks: written by `python -m benchmarks.report README` from benchmarks/published -->"
END = "<!-- benchmarks: end -->"
BETWEEN = re.compile(rf"(?<={re.escape(BEGIN)}\n).*?(?={re.escape(END)})", re.S)


def section(folder: Path = PUBLISHED) -> str:
    """What stands between the markers: the tables of the results in `folder`, each with the pictures beside it."""
    parts = []
    for name in ("cpu", "gpu", "scaling"):
        stored = folder / f"{name}.json"
        if stored.exists():
            report = json.loads(stored.read_text(encoding="utf-8"))
            parts.append(slopes_table(report) if name == "scaling" else comparison(report))
            parts += [_picture(path) for path in sorted(folder.glob(f"{name}*.png"))]
    return "\n" + "\n\n".join(parts) + "\n\n"


def rewritten(text: str, folder: Path = PUBLISHED) -> str:
    """`text` with what stands between the markers replaced; `ValueError` if it has not one pair of them."""
    if len(BETWEEN.findall(text)) != 1:
        raise ValueError(f"there must be one pair of lines {BEGIN} and {END}")
    return BETWEEN.sub(lambda _: section(folder), text)


def _picture(path: Path) -> str:
    place = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    what = "growth of time and memory" if path.stem.startswith("scaling") else "times beside those of mejax"
    return f"![{what}: {path.stem}]({place.as_posix()})"


def write_beside(report: dict, path: Path) -> str:
    """Writes the table of `report` beside its JSON file as text, as Markdown and, with matplotlib, as a picture.

    Returns the text.
    """
    text = render(report)
    path.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(comparison(report) + "\n", encoding="utf-8")
    try:
        from .plots import ratios

        if figure := ratios(report):
            figure.savefig(path.with_suffix(".png"), dpi=110)
    except ImportError:
        print("no picture: it needs matplotlib (pip install '.[plot]')", file=sys.stderr)
    return text


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description="Shows stored results.")
    parser.add_argument(
        "results", help="a JSON file of results, or README: write the README's section from published ones"
    )
    chosen = parser.parse_args(arguments)
    if chosen.results == "README":
        readme = ROOT / "README.md"
        readme.write_text(rewritten(readme.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    report = json.loads(Path(chosen.results).read_text(encoding="utf-8"))
    print(slopes_table(report) if "slopes" in report else write_beside(report, Path(chosen.results)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
