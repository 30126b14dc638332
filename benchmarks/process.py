"""One peer, one process: its result, its peak memory, and an end to it when it takes too long."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from .peers.kinds import ROOT

MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


def run_process(command: list[str], limit: float) -> dict:
    """The last JSON line that `command` printed, with `peak_memory_mb`; `skipped` or `failed` says why there is none.

    Peak memory is that of the whole process: interpreter, libraries, data and fit; `seconds_cold` is the time from its
    start to the end of the first fit.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.time()
        process = subprocess.Popen(command, stdout=out, stderr=err, cwd=ROOT, start_new_session=True)
        late = threading.Event()
        timer = threading.Timer(limit, lambda: (late.set(), os.killpg(process.pid, signal.SIGKILL)))
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        result = _last_json(out)
        if result and "first_at" in result:
            result["seconds_cold"] = result.pop("first_at") - started
        peak = {"peak_memory_mb": round(usage.ru_maxrss * MAXRSS_UNIT / 2**20)}
        if late.is_set():
            return {**(result or {"failed": "no fit"}), "note": f"ended after {limit:g} s", **peak}
        if process.returncode:
            return {"failed": _last_line(err) or f"exit status {process.returncode}", **peak}
        return {**result, **peak} if result else {"failed": "printed no result"}


def write_table(case: str, path: Path) -> None:
    """The case's data as CSV, for peers that read no Python; made in a process of its own and then kept."""
    source = ROOT / "benchmarks" / "data.py"
    if path.exists() and path.stat().st_mtime > source.stat().st_mtime:
        return
    code = f"from benchmarks.cases import CASES; CASES[{case!r}].build().to_csv({str(path)!r}, index=False)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def _last_json(stream: IO[str]) -> dict | None:
    stream.seek(0)
    lines = [line for line in stream if line.startswith("{")]
    return json.loads(lines[-1]) if lines else None


def _last_line(stream: IO[str]) -> str:
    stream.seek(0)
    return (stream.read().strip().splitlines() or [""])[-1][:160]
