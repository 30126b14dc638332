"""Several devices, and several processes: the numbers are those of one device, and what cannot be shared is refused."""

import json
import os
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from device_cases import FITS, MODELS, linear, numbers, schools
from helpers import generalized_model, linear_model
from jax.sharding import Mesh

from benchmarks.scaling.devices import Parts, report
from mejax import me
from mejax.sharding import mesh_of, spread

TESTS = Path(__file__).parent
TWICE = ("linear_reml", "fixed_nodes", "mixed", "melogit")  # in two processes as well
one_device = cache(lambda name: numbers(name, None))


def started(
    names, options: dict[str, Any], virtual: int, processes: int = 1, mine: int = 0, port: int = 0
) -> subprocess.Popen:
    """A Python with so many virtual devices that works out these cases on all devices of all processes."""
    flags = options | {"xla_force_host_platform_device_count": virtual}
    env = os.environ | {
        "XLA_FLAGS": " ".join(f"--{key}={str(value).lower()}" for key, value in flags.items()),
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)]),
    }
    arguments = [",".join(names), str(processes), str(mine), str(port)]
    program = [sys.executable, str(TESTS / "device_cases.py"), *arguments]
    return subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def printed(process: subprocess.Popen) -> dict[str, dict[str, list[float]]]:
    out, problems = process.communicate(timeout=300)
    assert process.returncode == 0, problems
    return json.loads(out.splitlines()[-1])


@pytest.fixture(scope="module")
def eight_devices(quick_options):
    return printed(started([*MODELS, *FITS], quick_options, 8))


@pytest.fixture(scope="module")
def two_processes(quick_options):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    both = [started(TWICE, quick_options, 2, 2, mine, port) for mine in range(2)]
    try:
        return [printed(process) for process in both]
    finally:
        for process in both:
            process.kill()  # one that waits for the other would wait for ever


def assert_same(found: dict[str, list[float]], name: str) -> None:
    """Every quantity to 1e-10 of its largest element."""
    wanted = one_device(name)
    assert set(found) == set(wanted)
    for key, value in wanted.items():
        scale = np.max(np.abs(value), initial=0.0)
        np.testing.assert_allclose(found[key], value, rtol=0, atol=1e-10 * scale, err_msg=f"{name}: {key}")


@pytest.mark.parametrize("name", [*MODELS, *FITS])
def test_eight_devices_give_the_numbers_of_one(eight_devices, name):
    """Fewer clusters than devices, numbers of them that eight does not divide, weights, equations that share groups."""
    assert_same(eight_devices[name], name)


@pytest.mark.parametrize("name", TWICE)
def test_two_processes_give_the_numbers_of_one(two_processes, name):
    for found in two_processes:
        assert_same(found[name], name)


# --- one device


def meshes() -> list[Any]:
    first = jax.devices()[:1]
    return [1, "1", first, Mesh(np.array(first).reshape(1, 1), ("a", "b"))]


@pytest.mark.parametrize("which", range(4))
def test_one_device_is_one_share(which):
    devices = meshes()[which]
    assert mesh_of(devices).size == 1 and mesh_of(devices).axis_names == ("clusters",)
    with jax.enable_x64(True):
        model, params = linear("nested")
        there = spread(model, devices)
        assert float(there.loglik(params)) == float(model.loglik(params))
        assert jax.tree.structure(there) == jax.tree.structure(model)


def test_the_option_in_a_command():
    data = schools()
    fit = me.run("mixed y x || school:, devices(1) nolog", data)
    assert fit.llf == me.mixed("y x || school:", data, nolog=True).llf


def test_fits_are_kept_without_their_devices(tmp_path):
    fit = me.mixed("y x || school:", schools(), devices=jax.devices()[:1], nolog=True)
    fit.save(tmp_path / "fit.mejax")
    assert me.load(tmp_path / "fit.mejax").llf == fit.llf


# --- what is refused


@pytest.mark.parametrize(
    ("devices", "kind", "message"),
    [
        (999, ValueError, r"devices\(999\): JAX has \d+ \(cpu\).*count=999"),
        (0, ValueError, "expected a positive number or `all`, got `0`"),
        ("some", ValueError, "expected a positive number or `all`, got `some`"),
        ([], ValueError, "one device at least"),
        (1.5, TypeError, 'expected a number, "all", a sequence of JAX devices or a `jax.sharding.Mesh`, got 1.5'),
        (True, TypeError, "got True"),
        (["cpu:0"], TypeError, "sequence of JAX devices"),
    ],
)
def test_devices_that_are_not_there(devices, kind, message):
    with pytest.raises(kind, match=message):
        mesh_of(devices)


def test_no_device_has_two_shares():
    with pytest.raises(ValueError, match="none of them twice"):
        mesh_of([*jax.devices(), *jax.devices()])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: linear_model("crossed")[0], "for nested models.*its effects are crossed: leave out `devices`"),
        (lambda: generalized_model("crossed")[0], "its effects are crossed"),
        (lambda: generalized_model("none")[0], "it has no groups"),
    ],
)
def test_models_that_cannot_be_shared(make, message):
    with jax.enable_x64(True), pytest.raises(ValueError, match=message):
        spread(make(), 1)


def test_fits_that_cannot_be_shared():
    with pytest.raises(ValueError, match="its effects are crossed"):
        data = schools() | {"seat": np.arange(400) % 7}
        me.mixed("y x || _all: R.school || seat:", data, devices=1, nolog=True)
    with pytest.raises(ValueError, match=r"residuals\(\): structured errors"):
        me.mixed("y x || school:, residuals(ar 1)", schools(), devices=1, nolog=True)
    with pytest.raises(ValueError, match=r"`devices` is not a keyword of menl\nIt belongs to mixed"):
        me.menl("y = {a} + {U0[school]}", schools(), devices=1, nolog=True)


# --- the calculation of benchmarks/scaling


def test_the_calculation_shares_rows_out():
    """Twice the devices: half the time and memory of each; what the host does, and compilation, stay."""
    parts = Parts(1000, 0.002, 3.0, 0.004, 8000, 5, 13, 1e-4)
    few, many = (report("model", parts, 1e9, devices).splitlines() for devices in (32, 64))
    value = lambda lines, label: next(line.split(label)[1].split()[0] for line in reversed(lines) if label in line)
    assert value(few, "evaluation") == "125.00" and value(many, "evaluation") == "62.50"
    assert value(few, "arrays on a device") == "0.2" and value(many, "arrays on a device") == "0.1"
    assert value(many, "building, on every host") == value(few, "building, on every host") == "33"
    assert value(many, "fit, once built") == "316"  # 3 + 5 x (62.5 + 0.001), to the second
