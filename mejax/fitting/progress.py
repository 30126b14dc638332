"""The iteration log of a fit, and what an interruption leaves of it."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from .._status import Status
from ..optimise import Maximum, Step

SLOW = 2.0  # seconds between two lines, after which a fit is a long one
LONG = 5.0  # seconds of iterations altogether, after which it is
RESUMABLE = (
    "the same command with start=fit.theta goes on from these values. Standard errors are those that were at hand, "
    "without a further look at the data."
)


class Clock:
    """Tells long fits from short ones.

    What comes before the first line of a climb does not count: that evaluation compiles its program.
    """

    def __init__(self) -> None:
        self.began = self._last = time.monotonic()
        self._iterating, self.is_long = 0.0, False

    def line(self, *, first: bool) -> None:
        """There is a line to be written."""
        now = time.monotonic()
        gap, self._last = (0.0 if first else now - self._last), now
        self._iterating += gap
        self.is_long = self.is_long or gap > SLOW or self._iterating > LONG

    def read(self) -> float:
        """Seconds since the fit began."""
        return time.monotonic() - self.began


class Progress:
    """Writes the lines of a climb, and keeps the last point that it reached, which is what an interruption leaves.

    Lines are `Iteration 3:  Log likelihood = -868.96186`; in long fits (`Clock`) there follow, in brackets, the seconds
    since the fit began, the length of the gradient in standard errors (`Step`), and the most memory used so far.
    `at` is an evaluated point (None: there is none yet), `history` the log of the climb to it.
    """

    def __init__(self, say: Callable[[str], None], label: str, clock: Clock | None = None):
        self.say, self.label = say, label
        self.clock = Clock() if clock is None else clock
        self.at: Any = None
        self.history: list[Step] = []

    def keep(self, at: Any) -> None:
        """A point that a climb may begin from (None: there is none)."""
        self.at = at

    def step(self, step: Step, at: Any) -> None:
        """A line of the climb, which reached `at`."""
        self.history.append(step)
        self.keep(at)
        self.line(f"Iteration {step.iteration}", step.value, step.remark, step.gradient, first=len(self.history) == 1)

    def line(
        self, name: str, value: float, remark: str = "", gradient: float | None = None, *, first: bool = False
    ) -> None:
        """Write a line; `first` where what came before it says nothing about the next ones."""
        self.clock.line(first=first)
        text = f"{name}:  {self.label} = {value:.8g}  {remark}".rstrip()
        self.say(f"{text}  {self._costs(gradient)}" if self.clock.is_long else text)

    def _costs(self, gradient: float | None) -> str:
        known = [] if gradient is None else [f"gradient {gradient:.1e}"]
        return f"[{', '.join([f'{self.clock.read():.1f} s', *known, *memory()])}]"

    def reached(self) -> Maximum:
        """The state so far, which there must be, as the end of an interrupted climb."""
        assert self.at is not None
        history = tuple(self.history) or (Step(0, float(self.at.value)),)
        return Maximum(self.at, Status.INTERRUPTED, history)


@dataclass
class Search:
    """The search of a generalized model: the climb without random effects, how it `ended` (None: not yet), that of the
    full model."""

    null: Progress
    full: Progress
    ended: Maximum | None = None

    @staticmethod
    def of(say: Callable[[str], None], label: str) -> "Search":
        clock = Clock()
        return Search(Progress(say, label, clock), Progress(say, label, clock))


def resumable(status: Status) -> tuple[str, ...]:
    """What is said below an interrupted fit."""
    return (RESUMABLE,) if status is Status.INTERRUPTED else ()


def memory() -> list[str]:
    """The most memory that the process has used, and the most on one of JAX's devices where these tell."""
    found = []
    if sys.platform != "win32":
        import resource

        unit = 1 if sys.platform == "darwin" else 1024
        found.append(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30:.2f} GiB")
    stats = [device.memory_stats() or {} for device in jax.local_devices()]
    most = max((s.get("peak_bytes_in_use", 0) for s in stats), default=0)
    return [*found, f"{most / 2**30:.2f} GiB on the device"] if most else found
