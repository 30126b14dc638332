"""`python -m benchmarks`: fits every case with every peer that is installed or can be, and prints one table.

This process stays small on purpose (no pandas, no JAX): a process that it starts would count its memory as their own.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from .cases import CASES, Case
from .machine import describe_machine, limit_cpus
from .peers import PEERS
from .peers.kinds import ROOT, Unavailable
from .process import run_process, write_table
from .table import render, render_row

RESULTS = ROOT / "benchmarks" / "results"


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Times mejax beside other software.")
    parser.add_argument(
        "cases", nargs="*", metavar="case", help=f"some of: {', '.join(CASES)} (default: the small ones)"
    )
    parser.add_argument("--large", action="store_true", help="run the large cases too (up to half an hour)")
    parser.add_argument("--peers", help=f"comma-separated, some of: {','.join(PEERS)} (default: all)")
    parser.add_argument("--cpus", type=int, help="use this many processors only, for every peer alike")
    parser.add_argument(
        "--seconds", type=float, default=10, help="repeat warm fits for about so long (default %(default)g)"
    )
    parser.add_argument(
        "--limit", type=float, default=600, help="end a peer's run after so long (default %(default)g s)"
    )
    parser.add_argument(
        "--json", type=Path, default=RESULTS / "latest.json", help="where results go (default %(default)s)"
    )
    options = parser.parse_args(arguments)
    options.peers = options.peers.split(",") if options.peers else list(PEERS)
    for kind, asked, known in (("case", options.cases, CASES), ("peer", options.peers, PEERS)):
        for name in set(asked) - set(known):
            parser.error(f"there is no {kind} {name!r}; there are {', '.join(known)}")
    return options


def versions(names: list[str]) -> dict[str, str]:
    """The peers that can run, with their versions; a line on standard error says why another cannot."""
    found = {}
    for name in names:
        try:
            found[name] = PEERS[name].prepare()
        except Unavailable as reason:
            print(f"{name} is left out: {reason}", file=sys.stderr)
    return found


def measure(case: Case, name: str, version: str, options: argparse.Namespace) -> dict:
    peer = PEERS[name]
    table = RESULTS / f"{case.name}.csv"
    if peer.needs_table:
        write_table(case.name, table)
    result = run_process(peer.command(case.name, table, options.seconds), options.limit)
    return {"case": case.name, "peer": name, "version": version, **result}


def main(arguments: list[str] | None = None) -> int:
    options = parse(arguments)
    if options.cpus:
        limit_cpus(options.cpus)
    chosen = options.cases or [name for name, case in CASES.items() if options.large or not case.large]
    report = {"date": datetime.now(UTC).isoformat(timespec="seconds"), "machine": describe_machine(), "rows": []}
    found = versions(options.peers)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    for case in chosen:
        for name, version in found.items():
            report["rows"].append(measure(CASES[case], name, version, options))
            print(render_row(report["rows"][-1]), file=sys.stderr, flush=True)
            options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")
    text = render(report)
    options.json.with_suffix(".txt").write_text(text + "\n", encoding="utf-8")
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
