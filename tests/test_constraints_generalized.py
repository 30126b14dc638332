"""Constraints of generalized models on coefficients, variances and ancillary parameters, with and without groups."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from mejax import me


@cache
def table() -> pd.DataFrame:
    rng = np.random.default_rng(1)
    x, g = rng.normal(size=300), np.arange(300) // 10
    u = 0.7 * rng.normal(size=30)[g]
    z = x + u + rng.normal(size=300)
    return pd.DataFrame(
        {"x": x, "g": g, "c": rng.poisson(np.exp(0.3 * x + u)), "z": z, "o": (z > -0.5).astype(int) + (z > 0.7)}
    )


@pytest.mark.parametrize("groups", ["", " || g:"])
@pytest.mark.parametrize(
    ("command", "constraint", "free"),
    [
        ("menbreg c x", "/lnalpha = -1", 1),
        ("meglm z x, family(gaussian)", "var(e.z) = 1", 1),
        ("meologit o x", "/cut2 - /cut1 = 1", 1),
        ("mepoisson c x", "_b[x] = 0.3", 1),
    ],
)
def test_constraints_hold_and_cost_likelihood(command, constraint, free, groups):
    head, _, options = command.partition(",")
    text = f"{head}{groups}{',' if options else ''}{options}"
    plain = me.run(text, table(), nolog=True)
    held = me.run(text, table(), constraints=[constraint], nolog=True)
    assert plain.converged and held.converged
    assert held.llf < plain.llf
    assert held.estimates.parameters == plain.estimates.parameters - free
    values = held.params.to_dict()
    if "cut" in constraint:
        assert values["/cut2"] - values["/cut1"] == pytest.approx(1.0, abs=1e-12)
    else:
        label, value = constraint.removeprefix("_b[").replace("]", "").split(" = ")
        assert values[label] == pytest.approx(float(value), abs=1e-12)
        assert np.isnan(held.bse.to_dict()[label])


def test_constraint_at_the_estimate_changes_nothing():
    plain = me.mepoisson("c x || g:", table(), nolog=True)
    at = plain.random.loc["g:var(_cons)", "estimate"]
    held = me.mepoisson("c x || g:", table(), constraints=[f"_b[/var(_cons[g])] = {at:.15g}"], nolog=True)
    assert held.llf == pytest.approx(plain.llf, abs=1e-9)
    moved = (held.fixed["estimate"] - plain.fixed["estimate"]) / plain.fixed["se"]
    assert np.max(np.abs(moved.to_numpy())) < 1e-6


def test_a_variance_held_at_zero_is_no_boundary():
    held = me.mepoisson("c x || g:", table(), constraints=["_b[/var(_cons[g])] = 0"], nolog=True)
    assert held.status == "converged" and not held.notes
    assert held.llf == pytest.approx(me.mepoisson("c x", table(), nolog=True).llf, abs=1e-9)
    assert "(constrained)" in str(held)
