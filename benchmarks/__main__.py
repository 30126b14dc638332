"""`python -m benchmarks`: fits every case with every peer that is installed or can be, and prints one table.

This process stays small on purpose (no pandas, no JAX): a process that it starts would count its memory as their own.
"""

import argparse
import json
import re
import sys
from pathlib import Path

from .cases import CASES, find_case
from .report import write_beside
from .session import RESULTS, Session, header, options, save, start
from .store import NoTable, ensure_table
from .table import render_row

TABLES = RESULTS / "tables"


def parser() -> argparse.ArgumentParser:
    result = options("python -m benchmarks", "Times mejax beside other software.", RESULTS / "latest.json")
    result.add_argument(
        "cases", nargs="*", metavar="case",
        help=f"some of: {', '.join(CASES)}; or simulated data of any size, such as crossed:rows=1e5,levels=2000x200 "
        "(default: the small ones)",
    )  # fmt: skip
    result.add_argument("--large", action="store_true", help="run the large cases too (hours with all peers)")
    result.add_argument(
        "--add", action="store_true", help="keep what the results have of other cases, from this machine and version"
    )
    return result


def cases_of(chosen: argparse.Namespace, asked: argparse.ArgumentParser) -> list[str]:
    sizes = ("small", "large") if chosen.large else ("small",)
    names = chosen.cases or [name for name, case in CASES.items() if case.size in sizes]
    for name in names:
        try:
            find_case(name)
        except ValueError as error:
            asked.error(str(error))
    return names


def earlier(path: Path, report: dict, names: list[str]) -> list[dict]:
    """The rows of other cases in the results at `path`; `ValueError` where another machine gave them."""
    if not path.exists():
        return []
    found = json.loads(path.read_text(encoding="utf-8"))
    for key in ("processor", "cpus", "memory_gb", "thread_settings", "jax_device"):
        if found.get("machine", {}).get(key) != report["machine"][key]:
            raise ValueError(f"{path} was measured with another {key}: give another --json, or leave out --add")
    return [row for row in found["rows"] if row["case"] not in names]


def run(session: Session, names: list[str], report: dict, path: Path) -> None:
    for case in names:
        folder = TABLES / re.sub(r"[^\w.-]", "_", case)
        ensure_table(case, folder)
        for name in session.versions:
            report["rows"].append(session.measure(case, name, folder))
            print(render_row(report["rows"][-1]), file=sys.stderr, flush=True)
            save(report, path)


def main(arguments: list[str] | None = None) -> int:
    asked = parser()
    chosen = asked.parse_args(arguments)
    names = cases_of(chosen, asked)
    session, report = start(asked, chosen), header()
    try:
        report["rows"] = earlier(chosen.json, report, names) if chosen.add else []
        run(session, names, report, chosen.json)
    except (NoTable, ValueError) as error:
        asked.error(str(error))
    print(write_beside(report, chosen.json))
    return 0


if __name__ == "__main__":
    sys.exit(main())
