"""What a run of the benchmarks and a scaling study share: options, the peers that can run, and one measurement."""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from .machine import describe_machine, limit_cpus, memory_gb
from .peers import PEERS, AdapterPeer, Peer, Unavailable
from .peers.kinds import ROOT
from .process import run_process

RESULTS = ROOT / "benchmarks" / "results"
SCHEMA = 1  # of the JSON files, see schema.json


@dataclass(frozen=True)
class Session:
    """The peers that can run, with their versions, and how long and how large a run may get."""

    peers: dict[str, Peer]
    versions: dict[str, str]
    seconds: float
    limit: float
    memory_gb: float

    def measure(self, case: str, name: str, table: Path) -> dict:
        """A row of the results: the peer's fit of the case whose table stands in the folder `table`."""
        command = self.peers[name].command(case, table, self.seconds)
        row = {"case": case, "peer": name, "version": self.versions[name], "date": now(), "limit_s": self.limit}
        return {**row, **run_process(command, self.limit, self.memory_gb)}


def options(program: str, description: str, results: Path) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program, description=description)
    parser.add_argument(
        "--peers", metavar="A,B", help=f"some of {','.join(PEERS)}, or '' for none of them (default: all)"
    )
    parser.add_argument(
        "--adapter", action="append", type=Path, default=[], metavar="FILE",
        help="another peer: a Python file with two functions, or a folder of such files (may be repeated)",
    )  # fmt: skip
    parser.add_argument("--cpus", type=int, help="use this many processors only, for every peer alike")
    parser.add_argument(
        "--seconds", type=float, default=10, help="repeat warm fits for about so long (default %(default)g)"
    )
    parser.add_argument(
        "--limit", type=float, default=600, help="end a peer's run after so long (default %(default)g s)"
    )
    parser.add_argument(
        "--memory", type=float, default=round(0.9 * memory_gb(), 1), metavar="GB",
        help="end a peer's run when it is so large (default: nine tenths of what the machine has, %(default)g)",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, default=results, help="where results go (default %(default)s)")
    return parser


def start(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> Session:
    """Pins the processors and prepares the peers; what is asked for and does not exist ends the program."""
    if chosen.cpus:
        limit_cpus(chosen.cpus)
    adapters = [AdapterPeer(path) for path in _files(chosen.adapter)]
    known = {**PEERS, **{adapter.name: adapter for adapter in adapters}}
    asked = list(PEERS) if chosen.peers is None else [name for name in chosen.peers.split(",") if name]
    names = [*asked, *(adapter.name for adapter in adapters)]
    for adapter in adapters:
        if adapter.name in PEERS:
            parser.error(f"{adapter.path} would be a second peer {adapter.name!r}: rename the file")
    for name in names:
        if name not in known:
            parser.error(f"there is no peer {name!r}; there are {', '.join(known)}")
    peers = {name: known[name] for name in names}
    return Session(peers, _versions(peers), chosen.seconds, chosen.limit, chosen.memory)


def header() -> dict:
    return {"schema": SCHEMA, "date": now(), "machine": describe_machine(), "rows": []}


def save(report: dict, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _files(paths: Iterable[Path]) -> list[Path]:
    return [file for path in paths for file in (sorted(path.glob("*.py")) if path.is_dir() else [path])]


def _versions(peers: dict[str, Peer]) -> dict[str, str]:
    """Of the peers that can run; a line on standard error says why another cannot."""
    found = {}
    for name, peer in peers.items():
        try:
            found[name] = peer.prepare()
        except Unavailable as reason:
            print(f"{name} is left out: {reason}", file=sys.stderr)
    return found
