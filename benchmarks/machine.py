"""What the numbers were measured on."""

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")
ASK_JAX = (
    "import json, jax; found = jax.devices(); "
    "print(json.dumps({'platform': found[0].platform, 'kind': found[0].device_kind, 'count': len(found), "
    "'jax': jax.__version__}))"
)


def limit_cpus(count: int) -> None:
    """Pins this process, and so every one it starts, to `count` processors, and tells thread pools to be that small."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    os.environ.update(dict.fromkeys(THREADS, str(count)))


def describe_machine() -> dict:
    return {
        "processor": _processor(),
        "cpus": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": round(memory_gb(), 1),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "thread_settings": {name: os.environ[name] for name in THREADS if name in os.environ},
        "jax_device": _jax_device(),
    }


def memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _jax_device() -> dict:
    """The devices that mejax's fits ran on: asked in another process, for this one stays small."""
    done = subprocess.run([sys.executable, "-c", ASK_JAX], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.*)", cpuinfo.read_text()) if cpuinfo.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()
