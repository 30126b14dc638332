"""Linear models of parquet files read in batches: the same model, to rounding, as of the whole table."""

import re
from dataclasses import fields

import jax
import numpy as np
import pandas as pd
import pytest

from mejax import me
from mejax.__main__ import main
from mejax.build import build_linear, build_streamed
from mejax.elimination import leaves
from mejax.frame import read, read_batches
from mejax.frame.encoding import RowsNotKept
from mejax.syntax import parse


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 900
    g, h, x = rng.integers(0, 30, n), rng.integers(0, 12, n), rng.normal(50.0, 2.0, n)
    a = rng.integers(1, 5, n)
    y = 2 + 0.5 * x + rng.normal(0, 1, 30)[g] + rng.normal(0, 0.7, 12)[h] + rng.normal(0, 1, n) + 0.3 * (a == 2)
    table = pd.DataFrame({"y": y, "x": x, "a": a, "g": 7 * g - 50, "h": [f"film {k}" for k in h], "p": g // 6})
    table["b"] = np.where(a == 3, 1, rng.integers(1, 4, n))  # no 3#2, no 3#3
    table["twice"] = 2 * x
    table["z"] = rng.normal(size=n)
    table["near"] = table["x"] + 1e-3 * rng.normal(size=n)  # kept, but in doubt
    table["w"], table["o"] = rng.integers(0, 4, n), rng.normal(size=n)
    table["c"] = pd.Categorical.from_codes(rng.integers(0, 3, n), ["low", "middle", "high"], ordered=True)
    table["late"] = np.where(np.arange(n) < 400, 3.0, rng.normal(size=n))  # constant in the first batches
    table["some"] = pd.Series(rng.integers(0, 5, n), dtype="Int64").mask(pd.Series(rng.random(n) < 0.05))
    table["day"] = pd.Timestamp("2020-02-27") + pd.to_timedelta(rng.integers(0, 9, n), unit="D")
    table["flag"], table["small"] = rng.random(n) < 0.3, rng.integers(0, 9, n).astype("uint8")
    table.loc[::53, "x"] = np.nan
    table.loc[:120, "h"] = None  # a whole batch without text
    return table


@pytest.fixture(scope="module")
def path(table, tmp_path_factory):
    """A folder of two files, so that batches end where files do."""
    folder = tmp_path_factory.mktemp("parts")
    table[:470].to_parquet(folder / "a.parquet", row_group_size=100)
    table[470:].to_parquet(folder / "b.parquet")
    return folder


def both(text: str, table: pd.DataFrame, path, rows: int = 64, **options):
    """The model and its names, from the whole table and from batches."""
    spec = parse(text, command="mixed", **options)
    reml = bool(spec.option("reml"))
    design, encoding = read(spec, table)
    streamed = read_batches(spec, me.Parquet(path, rows))
    whole = build_linear(design, encoding.names, reml=reml)
    return (whole, encoding.names), (build_streamed(streamed, reml=reml)[0], streamed.names)


MODELS = [
    "y x || g:",
    "y x i.a z || g: x, covariance(unstructured)",
    "y i.a##i.b c.x#i.c || p: || g: z",
    "y i.h c.x##c.z || _all: R.h || g:, reml",
    "y x twice late || g: x twice late, covariance(independent)",
    "y x near z || g:",
    "y x i.a [fweight=w], offset(o) || p: || g: x",
    "y x [pweight=w] || g:",
    "y z x, noconstant || h: z x, noconstant",
    'y x if a > 1 & h != "film 3" || p: || g: R.a, covariance(exchangeable)',
    "y i.some x || some: || c:",
    "y ib3.a i.h i(2 3).b x || p: || p: x, noconstant",
    "y x i.a",
    "y, noconstant || small:",
    "y i.flag || day:, reml",
    "y ~ x * C(a) + h + log(w + 1) + (x | g) + (1 | h)",
    "y ~ 0 + x + twice + a:c + (1 | p/g)",
]


@pytest.mark.parametrize("text", MODELS)
def test_the_model_is_that_of_the_whole_table(text, table, path):
    (whole, names), (streamed, found) = both(text, table, path)
    assert jax.tree.structure(whole) == jax.tree.structure(streamed)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(streamed), strict=True):
        a, b = np.asarray(a), np.asarray(b)
        assert a.shape == b.shape
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-9 * np.abs(a).max(initial=1.0))
    for field in fields(names):
        if field.name != "effects":
            assert getattr(found, field.name) == getattr(names, field.name), field.name
    for a, b in zip(names.effects, found.effects, strict=True):
        for u, v in zip(a.groups, b.groups, strict=True):
            assert np.array_equal(u, v) and u.dtype == v.dtype
        assert (a.path, a.columns, a.covariance, a.variables) == (b.path, b.columns, b.covariance, b.variables)


@pytest.mark.parametrize("rows", [7, 10_000])
def test_any_size_of_batches(rows, table, path):
    (whole, _), (streamed, _) = both("y x i.a || _all: R.h || g: x", table, path, rows)
    np.testing.assert_allclose(streamed.products.total, whole.products.total, atol=1e-10)
    np.testing.assert_allclose(streamed.products.pairs[0], whole.products.pairs[0], atol=1e-10)


def test_levels_within_one_group_are_eliminated_first(table, tmp_path, monkeypatch):
    """As of the whole table; thresholds are those of models with many columns."""
    monkeypatch.setattr(leaves, "MANY", 0)
    monkeypatch.setattr(leaves, "WHOLE", 0)
    own = table["g"].where(table["g"] % 5 == 0)
    table = table.assign(f=("own " + own.astype("string")).fillna(table["h"].astype("string"))).dropna(subset="f")
    table.to_parquet(tmp_path / "t.parquet")
    (whole, _), (streamed, _) = both("y x || _all: R.f || g:", table, tmp_path / "t.parquet")
    assert len(streamed.plan.chain) == 2
    assert jax.tree.structure(whole) == jax.tree.structure(streamed)
    for a, b in zip(jax.tree.leaves(whole), jax.tree.leaves(streamed), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-9 * np.abs(a).max(initial=1.0))


def test_columns_that_are_large_against_their_spread(table, tmp_path):
    """A covariate of 10^8 that varies by one, a response of 10^9 that does: no digit is lost that the columns hold."""
    table = table.assign(x=1e8 + table["z"], y=1e9 + table["y"])
    table.to_parquet(tmp_path / "t.parquet")
    _, (streamed, _) = both("y x || g:", table, tmp_path / "t.parquet")
    x, y = (table[name].to_numpy() - table[name].mean() for name in "xy")
    slope = x @ y / (x @ x)
    assert streamed.shift[0] == pytest.approx(slope, rel=1e-7)
    assert float(streamed.unit) == pytest.approx(np.sqrt(np.mean((y - slope * x) ** 2)), rel=1e-9)


@pytest.fixture(scope="module")
def fits(table, path):
    command = "y x i.a || _all: R.h || g: x"
    whole = me.mixed(command, table, nolog=True)
    return whole, me.mixed(command, me.Parquet(path, rows=100), nolog=True)


def test_the_fit_is_that_of_the_whole_table(fits):
    whole, streamed = fits
    assert str(streamed) == str(whole)
    assert streamed.llf == pytest.approx(whole.llf, rel=1e-12)
    for name in ("fixed", "random"):
        np.testing.assert_allclose(getattr(streamed, name), getattr(whole, name), rtol=1e-9, atol=1e-10)
    assert str(streamed.estat.sd()) == str(whole.estat.sd())
    assert str(streamed.test("x")) == str(whole.test("x"))
    assert str(streamed.lincom("x + 2.a")) == str(whole.lincom("x + 2.a"))


def test_predictions_take_a_table(fits, table):
    whole, streamed = fits
    for statistic in ("xb", "stdp", "fitted", "reffects", "reses"):
        np.testing.assert_allclose(streamed.predict(statistic, table), whole.predict(statistic, table), rtol=1e-8)


ROWS = {
    "predict": lambda fit: fit.predict("fitted"),
    "residuals": lambda fit: fit.resid,
    "sample": lambda fit: fit.sample,
    "simulate": lambda fit: fit.simulate(2),
    "margins": lambda fit: fit.margins("a"),
    "bootstrap": lambda fit: fit.bootstrap(2),
    "save": lambda fit: fit.save("nowhere"),
    "lrtest": lambda fit: me.lrtest(fit, fit),
}


@pytest.mark.parametrize("name", ROWS)
def test_what_needs_the_rows_is_refused(name, fits):
    with pytest.raises(RowsNotKept, match="read in batches.*pass a table"):
        ROWS[name](fits[1])


REFUSED = {
    "y x || g:, residuals(ar 1, t(a))": "structured errors",
    "y x || g:, vce(cluster p)": "clusters of all rows",
    "y x in 1/100 || g:": "counts the rows",
    "y x if _n > 5 || g:": "`_n` and `_N` count",
    "y x || g:, dfmethod(residual)": "`dfmethod`",
    "y x twice || g:, collinear": "`collinear`",
    "y ib(freq).a || g:": "name the base level",
    "y ~ scale(x) + (1 | g)": "whole column",
    "y ~ log(z) + (1 | g)": "no value for .*z = -",
    "y x i.x || g:": "rows counted from 1 within .*a.parquet, rows 1 to 64",
    "y nothing || g:": "no column `nothing`",
    "y x if x > 1000 || g:": "no observations: of 900 rows",
    "y h || g:": "not numbers",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_read_in_batches_is_said(text, path):
    with pytest.raises(ValueError, match=REFUSED[text]):
        read_batches(parse(text, command="mixed"), me.Parquet(path, 64))


def test_other_commands_are_refused(path):
    with pytest.raises(ValueError, match="`melogit` evaluates its likelihood row by row"):
        me.melogit("a x || g:", me.Parquet(path))


def test_files(table, path, tmp_path):
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        _ = me.Parquet(tmp_path / "nothing.parquet").files
    with pytest.raises(FileNotFoundError, match="no parquet file"):
        _ = me.Parquet(tmp_path).files
    with pytest.raises(ValueError, match="positive integer; got 0"):
        me.Parquet(path, 0)
    table[["y", "x"]].to_parquet(tmp_path / "c.parquet")
    with pytest.raises(ValueError, match="the same columns"):
        _ = me.Parquet([path / "a.parquet", tmp_path / "c.parquet"]).files
    with pytest.raises(ValueError, match="hold no rows"):
        table[:0].to_parquet(tmp_path / "e.parquet")
        read_batches(parse("y x || g:", command="mixed"), me.Parquet(tmp_path / "e.parquet"))
    (tmp_path / "d.parquet").write_text("y,x")
    with pytest.raises(ValueError, match="cannot be read as parquet"):
        _ = me.Parquet(tmp_path / "d.parquet").files


def test_the_command_line_reads_batches(path, capsys):
    assert main(["mixed y x || g:, nolog", "--data", str(path), "--batch", "128"]) == 0
    assert re.search(r"Number of groups = +30\n", capsys.readouterr().out)
