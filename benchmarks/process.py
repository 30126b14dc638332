"""One peer, one process: its result, its peak memory, and an end to it when it takes too long or too much."""

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
WATCH_EVERY = 0.2  # seconds
PAGE = os.sysconf("SC_PAGE_SIZE")


def run_process(command: list[str], limit: float, memory_gb: float = float("inf")) -> dict:
    """What `command` printed as its last line of JSON, with `outcome`, `seconds_cold` and `peak_memory_mb`.

    `outcome` is "fit"; "refused", where the peer cannot fit the case; "timeout" and "memory", where it was ended after
    `limit` seconds or at `memory_gb` before its first fit was done; or "failed".  In all but the first, `reason` says
    more.  Peak memory is that of the whole process: interpreter, libraries, data and fit; `seconds_cold` is the time
    from its start to the end of the first fit.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        started = time.time()
        process = subprocess.Popen(command, stdout=out, stderr=err, cwd=ROOT, start_new_session=True)
        watch = _Watch(process.pid, limit, memory_gb)
        try:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        finally:
            watch.done.set()
        found = _last_json(out) or {}
        if "first_at" in found:
            found["seconds_cold"] = found.pop("first_at") - started
        outcome = _outcome(found, watch.reached, process.returncode, err)
        return {**outcome, **found, "peak_memory_mb": round(usage.ru_maxrss * MAXRSS_UNIT / 2**20)}


class _Watch:
    """Ends a process group at a limit; `reached` says which one it was, as the outcome and what to say of it."""

    def __init__(self, pid: int, limit: float, memory_gb: float):
        self.done = threading.Event()
        self.reached: tuple[str, str] | None = None
        self._pid, self._limit, self._memory_gb = pid, limit, memory_gb
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        started = time.monotonic()
        while not self.done.wait(min(WATCH_EVERY, self._limit)):
            if time.monotonic() - started > self._limit:
                return self._end("timeout", f"within {self._limit:g} s")
            if _resident_gb(self._pid) > self._memory_gb:
                return self._end("memory", f"within {self._memory_gb:g} GB")

    def _end(self, outcome: str, bound: str) -> None:
        self.reached = outcome, bound
        try:
            os.killpg(self._pid, signal.SIGKILL)
        except ProcessLookupError:  # it ended by itself at this moment
            self.reached = None


def _outcome(found: dict, reached: tuple[str, str] | None, code: int, err: IO[str]) -> dict:
    fitted = "loglik" in found
    if reached:
        outcome, bound = reached
        if not fitted:
            return {"outcome": outcome, "reason": f"no fit {bound}"}
        return {"outcome": "fit"} if found.get("seconds_warm") else {"outcome": "fit", "note": f"no second fit {bound}"}
    if code == -signal.SIGKILL and not fitted:
        return {"outcome": "memory", "reason": "ended by the system, as it does where memory is short"}
    if code:
        # A first fit that stands in the output is a fit, whatever came after it.
        said = _last_line(err) or f"exit status {code}"
        return {"outcome": "fit", "note": f"then failed: {said}"} if fitted else {"outcome": "failed", "reason": said}
    if fitted:
        return {"outcome": "fit"}
    return {"outcome": "refused"} if "reason" in found else {"outcome": "failed", "reason": "printed no result"}


def _resident_gb(pid: int) -> float:
    """Linux only; elsewhere memory is measured, not limited."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 2**30
    except (OSError, IndexError):
        return 0.0


def _last_json(stream: IO[str]) -> dict | None:
    stream.seek(0)
    lines = [line for line in stream if line.startswith("{") and line.endswith("}\n")]
    return json.loads(lines[-1]) if lines else None


def _last_line(stream: IO[str]) -> str:
    stream.seek(0)
    return (stream.read().strip().splitlines() or [""])[-1][:160]
