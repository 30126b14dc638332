"""Fits in files: what comes back is the fit, bit for bit, and no file runs anything or is believed unseen."""

import datetime as dt
import io
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import fields, is_dataclass, replace
from functools import cache
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import polars as pl
import pytest

from mejax import datasets, me
from mejax._double import computing
from mejax.estimation import read_design
from mejax.fitting import AbstractDegrees, Estimates
from mejax.saving import archive, save_fit
from mejax.saving.codec import CLASSES, Decoder, Encoder
from mejax.saving.fits import _portable
from mejax.saving.hints import conforms
from mejax.saving.problem import Unsavable
from mejax.saving.table import index_parts, made_index, table_parts, table_source
from mejax.syntax import expression, parse, spec


@cache
def table() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 60
    g = np.repeat(np.arange(12), 5)
    u = rng.normal(size=12)[g]
    df = pd.DataFrame({"g": g, "s": np.tile(np.arange(5), 12), "x": rng.normal(size=n), "w": rng.integers(1, 4, n)})
    df["y"] = 1.0 + 0.5 * df.x + u + 0.7 * rng.normal(size=n)
    df["kind"] = rng.integers(1, 4, n)
    df["block"] = pd.Categorical(
        np.array(["north", "south", "east"])[g % 3], categories=["south", "north", "east", "z"]
    )
    df["use"] = (rng.random(n) < 1 / (1 + np.exp(-u - df.x))).astype(float)
    df["perfect"] = np.where(df.use == 1, df.s == 0, 0).astype(float)
    df["trials"], df["count"] = 6, rng.poisson(np.exp(0.3 * u + 0.3 * df.x))
    df["hits"] = rng.binomial(6, 1 / (1 + np.exp(-u)))
    df["rank"] = pd.cut(u + df.x + rng.logistic(size=n), [-99, -1, 1, 99], labels=["low", "mid", "high"])
    df["way"] = rng.choice(["bus", "car"], n)
    df["t"], df["dead"] = np.exp(0.5 * rng.normal(size=n) + 0.2 * u) + df.s, rng.random(n) < 0.6
    df.loc[7, "x"] = np.nan
    df.index = pd.MultiIndex.from_arrays([g.astype(str), df.s], names=["group", "place"])
    df.attrs["value_labels"] = {"kind": {1: "one", 2: "two", 3: "three"}}
    return df


A = [[1.0, 0.2], [0.2, 0.5]]
LOGISTIC = "circumf = ({b1}+{U1[tree]})/(1+exp(-(age-{b2})/{b3=350}))"
FITS = {
    "suite": lambda: me.mixed(
        "y c.x##i.kind || g: x, covariance(unstructured)", table(), where="s > 0", vce="cluster block", nolog=True
    ),
    "formula": lambda: me.mixed(
        "y ~ bs(x, df=4) + C(block) + (scale(s) || g)", table(), rows=(1, 55), reml=True, dfmethod="kroger", nolog=True
    ),
    "errors": lambda: me.mixed("y x || g:, residuals(ar 1, t(s)) noconstant", table(), nolog=True),
    "matrices": lambda: me.mixed(
        "y x [fweight=w] || g: x, covariance(fixed(A))", table(), matrices={"A": A}, constraints=["x = 1"], nolog=True
    ),
    "binary": lambda: me.melogit("use x perfect || g:, intpoints(3)", table(), offset="s/9", nolog=True),
    "binomial": lambda: me.melogit(
        "cbind(hits, trials - hits) ~ x + (1 | g)", table(), intpoints=3, exactderivatives=True, nolog=True
    ),
    "ordinal": lambda: me.meologit("rank x [pweight=w] || g:, intpoints(3)", table(), nolog=True),
    "crossed": lambda: me.mepoisson("count ~ x + (1 | g) + (1 | s)", table(), exposure="trials", nolog=True),
    "survival": lambda: me.mestreg(
        "t ~ x + (1 | g)", table(), distribution="weibull", failure="dead", id="g", where="s > 0", intpoints=3,
        nolog=True,
    ),
    "outcomes": lambda: me.memlogit("way x || g:, intpoints(3)", table(), baseoutcome="car", nolog=True),
    "nonlinear": lambda: me.menl(
        f"{LOGISTIC}, resvariance(power _yhat)", datasets.load("orange"), reml=False, nolog=True
    ),
    "integrated": lambda: me.menl(LOGISTIC, datasets.load("orange"), intpoints=3, nolog=True),
}  # fmt: skip


@cache
def fitted(name: str):
    return FITS[name]()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory):
    """A fit by name, and the path of its file."""
    folder = tmp_path_factory.mktemp("fits")

    def path(name: str) -> Path:
        found = folder / f"{name}.mejax"
        if not found.exists():
            fitted(name).save(found)
        return found

    return path


def assert_equal_trees(one, other):
    """Structures, types and bits."""
    assert type(one) is type(other) and jax.tree.structure(one) == jax.tree.structure(other)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


def assert_same_numbers(one: Estimates, other: Estimates):
    for f in fields(Estimates):
        a, b = getattr(one, f.name), getattr(other, f.name)
        if f.name == "names":
            assert repr(a) == repr(b)
        elif isinstance(a, AbstractDegrees):
            assert_equal_trees(vars(a), vars(b))
        elif f.name != "component_info":
            assert_equal_trees(a, b)
    assert one.component_info == other.component_info


@pytest.mark.parametrize("name", FITS)
def test_what_is_loaded_is_the_fit(name, loaded, tmp_path):
    fit, again = fitted(name), me.load(loaded(name))
    assert str(again) == str(fit) and again._repr_html_() == fit._repr_html_()
    assert_same_numbers(fit.estimates, again.estimates)
    np.testing.assert_array_equal(fit.sample, again.sample)
    pd.testing.assert_frame_equal(fit.encoding.table(), again.encoding.table())
    assert fit.encoding.names is not None and again.encoding.names is again.estimates.names
    data = datasets.load("orange") if again.spec.nonlinear else table().head(20)
    one, other = fit.encoding.replay(data), again.encoding.replay(data)
    np.testing.assert_array_equal(one.x, other.x)
    assert_equal_trees([(e.codes, e.z) for e in one.effects], [(e.codes, e.z) for e in other.effects])
    assert_equal_trees(dict(one.extras), dict(other.extras))
    again.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == loaded(name).read_bytes()


@pytest.mark.parametrize("name", ["formula", "binary", "nonlinear"])
def test_everything_can_be_asked_of_it(name, loaded):
    """The rest follows from models that are equal bit for bit."""
    fit, again = fitted(name), me.load(loaded(name))
    data = datasets.load("orange") if again.spec.nonlinear else table().head(20)
    effects = None if name == "formula" else "fixedonly"
    for rows in (None, data):
        one, other = (f.predict("", rows, conditional=effects) for f in (fit, again))
        assert one.equals(other)
    label = again.fixed.index[0]
    assert str(fit.test(label)) == str(again.test(label)) and str(fit.estat.group()) == str(again.estat.group())
    if name == "formula":
        assert fit.predict("reffects").equals(again.predict("reffects"))
        assert fit.simulate(2, seed=4).equals(again.simulate(2, seed=4))
        with computing():
            assert float(fit.model.loglik(fit.theta)) == float(again.model.loglik(again.theta))


def test_likelihood_ratio_with_a_fit_that_was_never_saved(loaded):
    small = me.mixed("y || g:, residuals(ar 1, t(s)) noconstant", table(), where="!missing(x)", nolog=True)
    again = me.load(loaded("errors"))
    assert str(me.lrtest(small, again)) == str(me.lrtest(small, fitted("errors")))


def test_in_a_new_process_without_double_precision(loaded):
    code = (
        f"from mejax import me; import jax; print(me.load({str(loaded('binomial'))!r})); print(jax.numpy.ones(1).dtype)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == f"{fitted('binomial')}\nfloat32\n"


# reading a table again

GROUPS = ("text", "day", "zone", "date", "month", "cut", "pair", "mixed", "nullable", "ordered", "lag")


@cache
def kinds() -> pd.DataFrame:
    n = 40
    rng = np.random.default_rng(3)
    group = np.arange(n) // 5
    df = pd.DataFrame(
        {"y": rng.normal(size=n), "x": rng.normal(size=n), "k": np.arange(n) % 4, "use": np.arange(n) % 2}
    )
    df["text"] = np.array(list("abcdefgh"))[group]
    df["day"] = pd.Timestamp("2020-01-01") + pd.to_timedelta(group, "D")
    df["zone"], df["month"] = df.day.dt.tz_localize("Europe/Paris"), df.day.dt.to_period("D")
    df["date"], df["lag"] = [d.date() for d in df.day], pd.to_timedelta(group, "h")
    df["cut"] = pd.cut(df.x, 3)
    df["pair"], df["mixed"] = [("a", int(j)) for j in group], [int(j) if j % 2 else f"{j}" for j in group]
    df["nullable"] = pd.array([None if i == 3 else int(j) for i, j in enumerate(group)], dtype="Int64")
    df["ordered"] = pd.Categorical(np.array(list("uvw"))[group % 3], categories=list("uvwz"), ordered=True)
    df["flag"], df["single"], df["byte"] = df.k == 1, df.x.astype("float32"), df.k.astype("int8")
    df["perfect"] = np.where(df.use == 1, (np.arange(n) % 5 == 0) * 1, 0)
    df["label"] = np.where((df.use == 1) & (np.arange(n) % 7 == 0), "z", "q")
    df["weight"], df["time"] = np.arange(n) % 3, np.arange(n) % 5 + 1.0
    df["event"] = np.where(np.arange(n) % 4 == 1, "dead", "alive")
    df["high"] = np.where(df.k == 3, np.nan, df.y + 0.5)
    df.loc[7, "x"], df.loc[9, "ordered"] = np.nan, None
    return df


def through_json(value):
    encoder = Encoder()
    text = json.dumps(encoder.encode(value, "it"), allow_nan=False)
    return Decoder(encoder.arrays.__getitem__).decode(json.loads(text))


def assert_reads_again(text, data, command, **keywords):
    understood = parse(text, command=command, **keywords)
    design, encoding = read_design(understood, data)
    parts = through_json(table_parts(understood, encoding))
    again, coding = read_design(through_json(_portable(understood)), table_source(parts))
    assert_equal_trees(design, again)
    np.testing.assert_array_equal(encoding.sample, coding.sample)
    pd.testing.assert_frame_equal(encoding.table(), coding.table())
    assert repr(encoding.names) == repr(coding.names) and encoding.response == coding.response
    return parts


@pytest.mark.parametrize("group", GROUPS)
def test_groups_of_any_kind(group):
    where = 'k > 0 & ordered != "u"'
    assert_reads_again(f"y x i.k i.ordered i.flag || {group}: x", kinds(), "mixed", where=where)


@pytest.mark.parametrize(
    "text, command, keywords",
    [
        ("y ~ bs(x, df=4) + ordered:single + C(byte) + (poly(k, 2) | text)", "mixed", {"rows": "3/38"}),
        ("y x [fweight=weight] || text:", "mixed", {"where": "_n > 5"}),
        ("y c.single##i.nullable w* || _all: R.k || text: R.flag, covariance(exchangeable)", "mixed", {}),
        ("y single || text:, noconstant residuals(exponential, t(time) by(ordered))", "mixed", {}),
        ("use x perfect i.flag || text:", "melogit", {}),  # rows predicted perfectly left the sample
        ("use x i.label || text:, vce(cluster k)", "melogit", {}),
        ("ordered x || text:", "meologit", {"where": "k < 3"}),
        ("y high x || text:", "meintreg", {"offset": "k/2"}),
        ("y x || text: || k:", "metobit", {"ll": "single - 3", "ul": True}),
        ("time ~ x + (1 | text)", "mestreg", {"distribution": "weibull", "failure": "event", "id": "text",
                                              "where": "k < 3"}),
        ("y = {c:}+{U[text]}*exp(-{phi: x i.k}), resvariance(exponential weight) define(c: {a}/2)", "menl", {}),
    ],
)  # fmt: skip
def test_models_of_any_kind(text, command, keywords):
    assert_reads_again(text, kinds(), command, **keywords)


def test_tables_of_any_kind():
    plain = kinds()[["y", "single", "text", "k"]]
    assert_reads_again("y i.k single || text:", pl.from_pandas(plain), "mixed")
    assert_reads_again("y i.k single || text:", {name: plain[name].tolist() for name in plain}, "mixed")


def test_rows_left_out_by_a_condition_are_not_in_the_file():
    parts = assert_reads_again("y x || text:", kinds(), "mixed", where="k == 1")
    held = {column.name: column for column in parts["columns"]}
    outside = kinds().k.to_numpy() != 1
    assert not held["y"].values[outside].any() and np.all(held["text"].values[outside] == -1)
    np.testing.assert_array_equal(held["k"].values, kinds().k)


INDICES = {
    "range": pd.RangeIndex(2, 22, 2, name="r"),
    "numbers": pd.Index([1.5, np.inf, np.nan]),
    "texts": pd.Index(["a", None]),
    "objects": pd.Index([dt.date(2020, 1, 1), (1, "b")], dtype=object, tupleize_cols=False, name=("t", 1)),
    "dates": pd.date_range("2020", periods=3, freq="D"),
    "zoned": pd.date_range("2020", periods=3, tz="America/New_York", freq="h"),
    "durations": pd.timedelta_range("1h", periods=2),
    "flags": pd.Index([True, False]),
    "categories": pd.CategoricalIndex(["a", "b", None], ordered=True),
    "periods": pd.period_range("2020", periods=2, freq="M"),
    "intervals": pd.IntervalIndex.from_breaks([0.0, 1.5, 2.0]),
    "several": pd.MultiIndex.from_product([[1, 2], list("ab")], names=["u", None]),
}


@pytest.mark.parametrize("name", INDICES)
def test_indices(name):
    index = INDICES[name]
    again = made_index(through_json(index_parts(index)))
    assert again is not None
    pd.testing.assert_index_equal(index, again, exact=True)
    assert getattr(index, "freq", None) == getattr(again, "freq", None)


def test_an_index_of_another_kind_is_refused():
    with pytest.raises(Unsavable, match=r"the index of its table is a Index of Int64; call `reset_index\(\)`"):
        index_parts(pd.Index(pd.array([1, 2], dtype="Int64")))


# values as JSON

SCALARS = [
    None, True, 3, 2**70, -0.5, 5e-324, float("inf"), "a\0b\u2028\ud7ff", (), ((1,), "x"), [1, (2,)], {1.5: "x", 2: 0},
    pd.Timestamp("2020-01-01 10:00:00.123456789"), pd.Timestamp("2020-07-01", tz="Europe/Paris"),
    pd.Timestamp("2020", tz=dt.timezone(dt.timedelta(hours=2))), pd.Timedelta("3D 00:00:00.000000001"),
    pd.Timedelta(-5, "s"), pd.Period("2020Q3", freq="Q-FEB"), pd.Interval(0, 1.5, "left"),
    *pd.interval_range(pd.Timestamp("2020"), pd.Timestamp("2021"), periods=1), dt.date(1, 2, 3), dt.time(3, 4),
    dt.datetime(2020, 1, 1, 2, tzinfo=dt.UTC),
]  # fmt: skip


@pytest.mark.parametrize("value", SCALARS, ids=repr)
def test_values(value):
    again = through_json(value)
    assert again == value and type(again) is type(value) and repr(again) == repr(value)


def test_missing_values():
    assert through_json(pd.NaT) is pd.NaT and through_json(pd.NA) is pd.NA and np.isnan(through_json(float("nan")))


@pytest.mark.parametrize("value", [len, object(), {1, 2}, b"x", 1j, np.zeros((1, 1), object), np.ones(1, complex)])
def test_values_that_no_file_holds(value):
    with pytest.raises(Unsavable, match="the fit cannot be saved: it is a"):
        Encoder().encode(value, "it")


def test_every_class_of_a_model_is_known():
    for module in (spec, expression):
        classes = [c for c in vars(module).values() if isinstance(c, type) and is_dataclass(c)]
        assert not [c.__name__ for c in classes if CLASSES.get(c.__name__) is not c]


@pytest.mark.parametrize(
    "value, hint, good",
    [
        (1, float, True), (True, float, False), (1.0, int, False), ("a", str | None, True), (None, str | None, True),
        ((1, "a"), tuple[int, str], True), ((1,), tuple[int, str], False), ((1, 2), tuple[int, ...], True),
        ([1], tuple[int, ...], False), (len, spec.Callable[..., int] | None, False), ({"a": 1}, dict[str, int], False),
        ({"a": 1}, spec.Mapping[str, float], True), ({1: 1}, spec.Mapping[str, float], False),
        ("x", spec.Literal["x", "y"], True), (np.ones(2), spec.Literal["x"], False),
    ],
)  # fmt: skip
def test_hints(value, hint, good):
    assert conforms(value, hint) is good


# files that were changed


def changed(path: Path, target: Path, change=None, *, members=None, **options) -> Path:
    """A file with another text (`change` works on it in place) or other members (None: without that one)."""
    with zipfile.ZipFile(path) as old:
        held = {name: old.read(name) for name in old.namelist()}
    if change is not None:
        text = json.loads(held[archive.TEXT])
        change(text)
        held[archive.TEXT] = json.dumps(text).encode()
    held |= members or {}
    with zipfile.ZipFile(target, "w", **options) as new:
        for name, value in held.items():
            if value is not None:
                new.writestr(name, value)
    return target


def npy(array: np.ndarray, **options) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, **options)
    return file.getvalue()


def huge() -> bytes:
    """A header that says more than there is."""
    return npy(np.zeros(3)).replace(b"(3,)", b"(9000000000000,)")[:-13]


def put(*keys):
    """Another value at a place of the text; the last of `keys` is the value."""
    *way, last, value = keys

    def change(text):
        for key in way:
            text = text[key]
        text[last] = value

    return change


def number(name: str, value):
    def change(text):
        next(pair for pair in text["numbers"]["items"] if pair[0] == name)[1] = value

    return change


CHANGES = {
    "newer": (put("format", 2), {}, "it has the format 2 of mejax .*knows those up to 1. Install mejax"),
    "no format": (put("format", "1"), {}, "it does not say which version of mejax wrote it"),
    "no text": (None, {"fit.json": None}, "it holds no `fit.json`"),
    "no json": (None, {"fit.json": b"{"}, "its `fit.json` is no JSON"),
    "deep": (None, {"fit.json": b"[" * 200_000}, "its `fit.json` is no JSON"),
    "other member": (None, {"run.py": b"x"}, "it holds `run.py`, which no such file has"),
    "path": (None, {"../1.npy": b"x"}, r"it holds `../1.npy`"),
    "no array": (None, {"2.npy": b"x"}, "its member 2.npy is no array"),
    "pickle": (None, {"2.npy": npy(np.array([{}], object))}, "of the type object, which no such file has"),
    "shape": (None, {"2.npy": huge()}, r"says that it has the shape \(9000000000000,\), which is not its size"),
    "other shape": (None, {"2.npy": npy(np.zeros(7))}, r"its column `\w+` has the shape \(7,\)"),
    "other type": (None, {"2.npy": npy(np.ones(60, bool))}, r"its column `\w+` should hold"),
    "lost array": (put("sample", "place", 99), {}, "its array 99.npy is missing"),
    "class": (put("spec", "@", "Popen"), {}, "its parts do not fit together"),
    "field": (put("spec", "run", "x"), {}, "`Spec` has a field `run` that this version of mejax does not know"),
    "kind of field": (put("spec", "command", 3), {}, "`command` of `Spec` is 3"),
    "function": (put("spec", "nonlinear", {"@": "Nonlinear", "mean": None, "text": "x", "function": "len"}), {},
                 "`function` of `Nonlinear` is 'len'"),
    "formula": (put("spec", "fixed", "text", "1 + __import__('os').getcwd()"), {}, "its parts do not fit together"),
    "call": (put("spec", "fixed", "text", "1 + (1 | g)"), {}, "its formula .* is none that mejax writes"),
    "response": (put("spec", "response", "name", "z"), {}, "its parts do not fit together"),
    "sample": (put("spec", "rows", [1, 50]), {}, "read another sample or other columns"),
    "short": (number("components", {"@": "list", "items": []}), {}, "`components` among its numbers"),
    "model": (lambda text: text["numbers"]["items"].append(["model", None]), {}, "`model` among its numbers"),
    "size": (number("component_info", []), {}, "the size of its descriptions of components is 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_changed_files(name, loaded, tmp_path):
    change, members, message = CHANGES[name]
    path = changed(loaded("formula"), tmp_path / "changed", change, members=members)
    with pytest.raises(ValueError, match=rf"`.*changed` cannot be loaded as a fit: .*{message}"):
        me.load(path)


def test_fields_of_later_versions_beside_the_fit_are_left_alone(loaded, tmp_path):
    path = changed(loaded("formula"), tmp_path / "later", put("remark", "from a later version"))
    assert str(me.load(path)) == str(fitted("formula"))


def test_files_that_are_none(loaded, tmp_path):
    whole = loaded("formula").read_bytes()
    middle = len(whole) // 2
    with zipfile.ZipFile(loaded("formula")) as file:
        largest = max(file.infolist(), key=lambda member: member.compress_size)
    # in the content of a member: what stands between them may change without harm
    place = largest.header_offset + 30 + len(largest.filename) + largest.compress_size // 2
    broken = whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :]
    for name, content in {"empty": b"", "text": b"weight week", "half": whole[:middle], "bit": broken}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(
            ValueError, match=f"{name}` cannot be loaded as a fit: it is no zip file, or it was cut off"
        ):
            me.load(tmp_path / name)
    with pytest.raises(ValueError, match="it is a folder"):
        me.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        me.load(tmp_path / "nothing")


def test_a_small_file_that_unpacks_to_much(loaded, tmp_path):
    zeros = npy(np.zeros(2_000_000))
    path = changed(loaded("formula"), tmp_path / "bomb", members={"2.npy": zeros}, compression=zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    with pytest.raises(ValueError, match="unpacks to 0.0 GB, more than the 0.0 GB allowed; .*`most_bytes`"):
        me.load(path, most_bytes=1e7)


def test_no_member_needs_pickle(loaded):
    with zipfile.ZipFile(loaded("suite")) as file:
        arrays = [name for name in file.namelist() if name != "fit.json"]
        assert len(arrays) > 10
        for name in arrays:
            np.load(io.BytesIO(file.read(name)), allow_pickle=False)


# writing


def test_a_file_is_replaced_whole_or_not_at_all(loaded, tmp_path, monkeypatch):
    path = tmp_path / "fit"
    path.write_text("mine")
    path.chmod(0o600)
    with monkeypatch.context() as patch:
        patch.setattr(archive, "_write", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fitted("formula").save(path)
    assert path.read_text() == "mine" and os.listdir(tmp_path) == ["fit"]
    fitted("formula").save(str(path))
    assert path.read_bytes() == loaded("formula").read_bytes() and os.listdir(tmp_path) == ["fit"]
    assert path.stat().st_mode & 0o777 == 0o600
    (tmp_path / "link").symlink_to("fit")
    fitted("errors").save(tmp_path / "link")
    assert (tmp_path / "link").is_symlink() and path.read_bytes() == loaded("errors").read_bytes()


def test_places_where_no_file_can_be(tmp_path):
    with pytest.raises(ValueError, match="is a folder: give the name of a file"):
        fitted("formula").save(tmp_path)
    with pytest.raises(ValueError, match="does not exist: make it first"):
        fitted("formula").save(tmp_path / "none" / "fit")
    with pytest.raises(ValueError, match="is no file that could be replaced"):
        fitted("formula").save(os.devnull)


def test_fits_that_cannot_be_saved(tmp_path):
    fit, function = fitted("formula"), parse("y = {a}", command="menl")
    nonlinear = replace(function.nonlinear, mean=None, function=len)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="its mean is a Python function"):
        save_fit(tmp_path / "fit", replace(function, nonlinear=nonlinear), fit.estimates, fit.encoding)
    drawn = replace(fit.estimates, design=replace(fit.estimates.design, y=fit.estimates.design.y + 1.0))
    with pytest.raises(ValueError, match="its response or its covariates are not those of its table"):
        save_fit(tmp_path / "fit", fit.spec, drawn, fit.encoding)
    assert not os.listdir(tmp_path)
