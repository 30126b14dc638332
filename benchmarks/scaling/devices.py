"""What a nested model of 10^9 rows on 64 devices would take: a calculation, from parts that are measured here.

    python -m benchmarks.scaling.devices [--rows 200000] [--target 1e9] [--devices 64]

Measured, on one processor of this machine: seconds an evaluation takes for each row (value, gradient and Hessian after
adaptation), bytes of arrays for each row, seconds the host takes for each row to build the model, seconds of
compilation, evaluations of a fit, and seconds of a sum over eight devices of this machine (threads of one process).
Assumed: that time and memory grow in proportion to the rows of a device, that every device is as fast as the processor
here, and that a sum over devices of different machines takes `LATENCY`.  Devices that are faster divide the seconds
that the evaluations take by as much; nothing else changes.
"""

import argparse
import os
import time
from dataclasses import dataclass
from typing import Any

VIRTUAL = 8
LATENCY = 1e-3  # seconds that a sum of a few numbers takes between machines: a slow network
GROUP = 10  # rows
REPEATS = 5


@dataclass(frozen=True)
class Parts:
    """What was measured of a model with `rows` rows; times in seconds, `numbers` are those summed over the devices."""

    rows: int
    build: float
    compilation: float
    evaluation: float
    bytes: int
    evaluations: int
    numbers: int
    reduction: float


def measured(command: str, text: str, family: str, rows: int) -> Parts:
    """Build and evaluate the model of a command on simulated rows."""
    from mejax import me
    from mejax._double import computing
    from mejax.estimation import built, read_design
    from mejax.syntax import parse

    from ..simulate import Nested

    table = Nested(rows, rows // GROUP, "correlated" if family == "gaussian" else "none", family).frame()
    spec = parse(text, command=command)
    begun = time.perf_counter()
    design, encoding = read_design(spec, table)
    with computing():
        model = built(spec, design, encoding)
        build = time.perf_counter() - begun
        fit = getattr(me, command)(text, table, nolog=True)
        evaluations = len(fit.history) + 2  # at the start, and at the end
        compilation, evaluation, size = _evaluated(model, fit.estimates.v)
        d = len(fit.estimates.v)
        numbers = 1 + d + d * d
        return Parts(rows, build, compilation, evaluation, size, evaluations, numbers, _reduced(numbers))


def _evaluated(model: Any, v: Any) -> tuple[float, float, int]:
    """(seconds of compilation, seconds of an evaluation, bytes of the arrays that are shared out)."""
    import jax

    from mejax import glmm, lmm
    from mejax._tree import to_device

    model = to_device(model)
    jax.clear_caches()  # the fit has compiled the same program
    if isinstance(model, lmm.LinearModel):
        state, shared = (), (model.products.within, model.products.dense)
        run = lambda state: (lmm.evaluate(model, v), state)
    else:
        state = jax.block_until_ready(glmm.start_state(model, v))
        shared = (model.batches, state)
        run = lambda state: glmm.evaluate(model, v, state)
    times = []
    for _ in range(1 + REPEATS):
        begun = time.perf_counter()
        state = jax.block_until_ready(run(state))[1]
        times.append(time.perf_counter() - begun)
    warm = min(times[1:])
    return times[0] - warm, warm, sum(leaf.nbytes for leaf in jax.tree.leaves(shared))


def _reduced(numbers: int) -> float:
    """Seconds of a sum of so many numbers over the devices of this machine."""
    import jax
    import numpy as np

    from mejax._mesh import over_devices, split_over
    from mejax.sharding import mesh_of

    mesh = mesh_of(VIRTUAL)
    parts = jax.device_put(np.ones((VIRTUAL, numbers)), split_over(mesh))
    run = jax.jit(lambda parts: over_devices(mesh, lambda _, part: (part.sum(0), ()), (), parts)[0])
    times = []
    for _ in range(1 + 20 * REPEATS):
        begun = time.perf_counter()
        jax.block_until_ready(run(parts))
        times.append(time.perf_counter() - begun)
    return float(np.median(times[1:]))


def report(name: str, parts: Parts, target: float, devices: int) -> str:
    """The parts, and what follows from them."""
    each = target / devices
    evaluation = parts.evaluation / parts.rows * each
    turn = evaluation + LATENCY
    memory = parts.bytes / parts.rows * each
    fit = parts.compilation + parts.evaluations * turn
    host = parts.build / parts.rows * target
    lines = [
        ("measured", f"{parts.rows:,} rows in groups of {GROUP}, one processor"),
        ("  evaluation", f"{parts.evaluation / parts.rows * 1e9:,.0f} ns a row"),
        ("  arrays on the devices", f"{parts.bytes / parts.rows:,.0f} bytes a row"),
        ("  building, on the host", f"{parts.build / parts.rows * 1e9:,.0f} ns a row"),
        ("  compilation", f"{parts.compilation:.1f} s"),
        ("  evaluations of a fit", f"{parts.evaluations}"),
        (
            f"  sum of {parts.numbers} numbers",
            f"{parts.reduction * 1e6:,.0f} us over {VIRTUAL} devices of this machine",
        ),
        ("calculated", f"{target:.0e} rows, {devices} devices as fast as that processor, {each:,.0f} rows on each"),
        ("  arrays on a device", f"{memory / 2**30:,.1f} GiB"),
        ("  evaluation", f"{evaluation:,.2f} s"),
        ("  sum", f"{LATENCY * 1e3:g} ms (assumed), {LATENCY / turn:.2%} of the time"),
        ("  fit, once built", f"{fit:,.0f} s"),
        ("  building, on every host", f"{host / 60:,.0f} min, and the whole table in its memory"),
    ]
    return "\n".join([name, *(f"  {left:26}  {right}" for left, right in lines)])


MODELS = {
    "linear, intercept and slope by group": ("mixed", "y x || g: x, covariance(unstructured)", "gaussian"),
    "logit, intercept by group, 7 points": ("melogit", "y x || g:, intpoints(7)", "binomial"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the models that are measured")
    parser.add_argument("--target", type=float, default=1e9, help="rows of the model that is calculated")
    parser.add_argument("--devices", type=int, default=64, help="devices that it is shared out among")
    given = parser.parse_args()
    from ..machine import limit_cpus

    limit_cpus(1)
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={VIRTUAL}"
    for name, model in MODELS.items():
        print(report(name, measured(*model, given.rows), given.target, given.devices), end="\n\n")


if __name__ == "__main__":
    main()
