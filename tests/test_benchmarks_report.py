"""A run with an adapter, from its command line to the JSON file; what is made of such files; the README's section."""

import json
import math
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest

from benchmarks import __main__ as command_line
from benchmarks import measure, session
from benchmarks.cases import CASES, find_case
from benchmarks.markdown import COLD, WARM, comparison, times
from benchmarks.peers import AdapterPeer
from benchmarks.plots import ratios, style
from benchmarks.report import BEGIN, END, PUBLISHED, main, rewritten, section, write_beside
from benchmarks.scaling import __main__ as scaling
from benchmarks.scaling.plots import picture
from benchmarks.scaling.slopes import series, slope, slopes_table
from benchmarks.scaling.studies import STUDIES

ROOT = Path(__file__).parent.parent
SCHEMA = json.loads((ROOT / "benchmarks" / "schema.json").read_text(encoding="utf-8"))
ADAPTER = '''"""Least squares: the model without its random effects."""
import numpy as np


def refuses(case):
    return None if case.family == "gaussian" and not case.crossed else "nested linear models only"


def fit(case, frame):
    x = np.column_stack([np.ones(len(frame)), frame[list(case.fixed)]])
    y = frame[case.response].to_numpy(float)
    residuals = y - x @ np.linalg.lstsq(x, y)[0]
    return -len(y) / 2 * (np.log(2 * np.pi * residuals.var()) + 1), True, {"note": "no random effects"}


def version():
    return "0.1"
'''
MACHINE = {
    "processor": "p", "cpus": 2, "memory_gb": 8.0, "load_before": 0.0, "system": "s", "python": "3.11",
    "thread_settings": {}, "jax_device": {"platform": "cpu", "kind": "cpu", "count": 1, "jax": "1"},
}  # fmt: skip


def row(peer: str, case: str = "pig", **facts) -> dict:
    fitted = {
        "outcome": "fit", "loglik": -1014.926792, "converged": True, "fits": 3,
        "seconds_cold": 3.0, "seconds_first": 2.0, "seconds_warm": 0.5, "start_memory_mb": 100,
    }  # fmt: skip
    base = {"case": case, "peer": peer, "version": "1", "date": "d", "limit_s": 600.0, "peak_memory_mb": 300}
    return {**base, **({} if facts.get("outcome", "fit") != "fit" else fitted), **facts}


def report_of(*rows: dict, **facts) -> dict:
    return {"schema": 1, "date": "2026-01-02T03:04:05+00:00", "machine": MACHINE, "rows": list(rows), **facts}


REPORT = report_of(
    row("mejax"),
    row("mejax-iterative", monte_carlo_error=0.031, loglik=-1014.9),
    row("glmm", seconds_warm=0.05, seconds_cold=0.3),
    row("lme4", seconds_warm=None, seconds_first=60.0, loglik=-1015.0, converged=False),
    row("statsmodels", outcome="timeout", reason="no fit within 600 s"),
    row("mixedlm", outcome="memory", reason="no fit within 8 GB"),
    row("nlme", outcome="failed", reason="why"),
    row("glmmTMB", outcome="refused", reason="because"),
)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("adapters") / "least_squares.py"
    path.write_text(ADAPTER, encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def own_results(tmp_path, monkeypatch):
    monkeypatch.setattr(command_line, "TABLES", tmp_path / "tables")
    monkeypatch.setattr(session, "describe_machine", lambda: MACHINE)


def test_adapter_runs_from_the_command_line(adapter, tmp_path, capsys):
    target = tmp_path / "results.json"
    given = ["nested:rows=300,groups=30", "insteval", "--peers", "", "--seconds", "0", "--json", str(target)]
    assert command_line.main([*given, "--adapter", str(adapter)]) == 0
    report = json.loads(target.read_text(encoding="utf-8"))
    jsonschema.validate(report, SCHEMA)
    fitted, refused = report["rows"]
    assert (fitted["peer"], fitted["version"], fitted["outcome"]) == ("least_squares", "0.1", "fit")
    assert fitted["note"] == "no random effects" and -700 < fitted["loglik"] < -300
    assert (refused["case"], refused["reason"]) == ("insteval", "nested linear models only")
    assert "least_squares" in capsys.readouterr().out
    assert {path.suffix for path in tmp_path.glob("results.*")} == {".json", ".txt", ".md"}


def test_add_keeps_other_cases_of_this_machine(tmp_path):
    target = tmp_path / "results.json"
    target.write_text(json.dumps(report_of(row("mejax"), row("mejax", "theoph"))), encoding="utf-8")
    assert command_line.earlier(target, report_of(), ["pig"]) == [row("mejax", "theoph")]
    elsewhere = {**report_of(), "machine": {**MACHINE, "cpus": 64}}
    with pytest.raises(ValueError, match="measured with another cpus: give another --json"):
        command_line.earlier(target, elsewhere, ["pig"])
    assert command_line.earlier(tmp_path / "none.json", report_of(), ["pig"]) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pigs"], "there is no case 'pigs'"),
        (["pig", "--peers", "lme5"], "there is no peer 'lme5'; there are mejax, "),
        (["pig", "--peers", "", "--adapter", "lme4.py"], "lme4.py would be a second peer 'lme4': rename the file"),
    ],
)
def test_wrong_arguments_are_told(arguments, message, capsys):
    with pytest.raises(SystemExit):
        command_line.main(arguments)
    assert message in capsys.readouterr().err


def test_impossible_data_are_told(adapter, tmp_path, capsys):
    case = "crossed:rows=10,levels=40x30,density=1"
    with pytest.raises(SystemExit):
        command_line.main([case, "--peers", "", "--adapter", str(adapter), "--json", str(tmp_path / "r.json")])
    assert "density 1 asks for 1,200 combinations of levels; found 10 rows" in capsys.readouterr().err


def test_adapters_name_their_dependencies(tmp_path, capsys):
    path = tmp_path / "one.py"
    path.write_text('# /// script\n# dependencies = [\n#   "a>=1", "b",\n# ]\n# ///\nimport a\n', encoding="utf-8")
    assert AdapterPeer(path)._dependencies() == ["a>=1", "b"]
    assert Path(sys.executable) not in (python := Path(AdapterPeer(path).command("pig", tmp_path, 1)[0])).parents
    assert python.parent.parent.name == "adapter-one"
    path.write_text("", encoding="utf-8")
    assert AdapterPeer(path).command("pig", tmp_path, 1)[0] == sys.executable
    found = session._versions({"one": AdapterPeer(path), "two": AdapterPeer(tmp_path / "two.py")})
    assert found == {}
    said = capsys.readouterr().err
    assert "one.py lacks refuses" in said and f"two is left out: there is no file {tmp_path / 'two.py'}" in said


def test_the_documented_adapter_is_one(tmp_path, monkeypatch):
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"```python\n(.*?)```", text, re.S)
    path = tmp_path / "my_package.py"
    path.write_text(source, encoding="utf-8")
    fitted = SimpleNamespace(standard_errors=list, log_likelihood=-1.0, converged=True)
    monkeypatch.setitem(sys.modules, "my_package", SimpleNamespace(fit=lambda formula, frame, method: fitted))
    peer = measure.load(str(path))
    assert AdapterPeer(path)._dependencies() == ["my-package>=1.2"]
    assert peer.refuses(CASES["pig"]) is None and "nested" in peer.refuses(CASES["verbagg"])
    frame = CASES["pig"].build()
    assert measure.measure(peer.fit, CASES["pig"], frame, 0.0)["note"] == "defaults"


def test_example_report_follows_the_schema():
    jsonschema.validate(REPORT, SCHEMA)
    for wrong in ({"outcome": "maybe"}, {"speed": 1}, {"loglik": None}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(report_of({**row("mejax"), **wrong}), SCHEMA)


def cells(table: str) -> dict[str, str]:
    head, _, line = (part.strip("| ").split(" | ") for part in table.splitlines())
    return dict(zip(head, line, strict=True))


def test_markdown_ratios():
    warm, cold = cells(times(REPORT, WARM)), cells(times(REPORT, COLD))
    assert (warm["mejax 1"], warm["glmm 1"], cold["glmm 1"]) == ("1", "0.1", "0.1")
    assert warm["mejax-iterative 1"] == "1 (log likelihood 0.027 higher ± 0.031)"
    assert warm["lme4 1"] == "120 (its first fit, not converged, log likelihood 0.073 lower)"
    assert (warm["statsmodels 1"], warm["mixedlm 1"]) == ("no fit within 600 s", "out of memory")
    assert warm["nlme 1"] == "failed" and "glmmTMB 1" not in warm
    assert warm["mejax's peak memory"] == "0.3 GB"


def test_markdown_on_an_accelerator_has_seconds():
    device = {"platform": "gpu", "kind": "H", "count": 1, "jax": "1"}
    report = report_of(row("mejax", peak_device_memory_mb=52_100))
    report["machine"] = {**MACHINE, "jax_device": device}
    found = cells(times(report, WARM))
    assert (found["mejax 1"], found["mejax's peak memory"]) == ("0.5 s", "52.1 GB on the device")
    assert "in seconds; measured on 1 H, 2 January 2026" in comparison(report)


def test_markdown_says_that_the_machine_was_busy():
    busy = {**REPORT, "machine": {**MACHINE, "load_before": 3.5}}
    assert "while the machine was busy (load 3.5)" in comparison(busy)
    assert "busy" not in comparison(REPORT)


def test_picture_of_ratios(tmp_path):
    """A point for each other peer with a fit or a timeout, at its multiple of mejax's time."""
    figure = ratios(REPORT)
    assert figure is not None
    places = [np.atleast_1d(line.get_xdata()) for line in figure.axes[0].lines]
    assert sorted(x[0] for x in places if len(x) == 1) == pytest.approx([0.1, 1.0, 120.0, 1200.0])
    assert write_beside(REPORT, tmp_path / "r.json").startswith("2026-01-02 03:04 UTC")
    assert {path.name for path in tmp_path.iterdir()} == {"r.txt", "r.md", "r.png"}
    assert len({tuple(style(peer).values()) for peer in ("mejax", "lme4", "my_package")}) == 3
    assert ratios(report_of(row("lme4"))) is None and ratios(report_of(row("mejax"))) is None


def test_slope_of_a_power_law():
    points = [(10.0**k, 3 * 10.0 ** (1.7 * k)) for k in range(5)]
    found = slope([(1.0, 1e9), *points[2:]])  # what lies below the last decade does not count
    assert found is not None
    assert math.isclose(found["slope"], 1.7) and math.isclose(math.exp(found["log_c"]), 3.0)
    assert found["points"] == 2 and found["x"] == pytest.approx([1e3, 1e4])
    assert slope(points[:1]) is None


def test_scaling_study(adapter, tmp_path, capsys, monkeypatch):
    """Every point is measured, fitted and drawn."""
    monkeypatch.setitem(STUDIES, "short", replace(STUDIES["nested-levels"], name="short", values=(1e4, 1e5)))
    target = tmp_path / "scaling.json"
    given = ["short", "--scale", "0.001", "--seconds", "0", "--peers", "", "--json", str(target)]
    assert scaling.main([*given, "--adapter", str(adapter)]) == 0
    report = json.loads(target.read_text(encoding="utf-8"))
    jsonschema.validate(report, SCHEMA)
    assert [one["x"] for one in report["rows"]] == [10, 100]
    assert len(series(report, "short", "time")["least_squares"]) == 2
    assert ("short", "time") in {(one["study"], one["quantity"]) for one in report["slopes"]}
    assert "all sizes times 0.001 | groups, 10 to 100 |" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {"scaling.json", "scaling-short.png"}


def test_a_series_ends_where_a_peer_has_no_fit(tmp_path, monkeypatch):
    """Too slow at one size, a peer is not asked for a larger one; the study's peers only are asked."""
    asked = []
    ended = {"outcome": "timeout", "reason": "no fit within 1 s"}

    def answer(case, name, table):
        asked.append(name)
        return row(name, case, **({} if name == "mejax" or len(asked) < 3 else ended))

    monkeypatch.setattr(scaling, "ensure_table", lambda case, folder: None)
    fake = SimpleNamespace(versions={"mejax": "1", "glmm": "1", "nlme": "1"}, measure=answer)
    report = report_of(studies={}, slopes=[])
    scaling.run(fake, STUDIES["nested-rows"], 0.001, report, tmp_path / "s.json")  # pyright: ignore[reportArgumentType]
    assert asked == ["mejax", "glmm", "mejax", "glmm", "mejax", "mejax", "mejax"]
    legend = picture(report, "nested-rows").axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        "mejax: slope 0.00", "glmm", "glmm: no fit within 1 s"
    ]  # fmt: skip
    assert "| nested-rows: linear, 8 rows in each group" in slopes_table(report)


@pytest.mark.parametrize("name", STUDIES)
def test_studies_grow(name):
    for scale in (1, 0.01):
        points = STUDIES[name].points(scale)
        assert [x for x, _ in points] == sorted({x for x, _ in points})
        assert len({find_case(text).name for _, text in points}) == len(points)
    for _, text in STUDIES[name].points(0.01):
        assert len(find_case(text).build()) > 0


def test_section_stands_between_its_markers(tmp_path):
    (tmp_path / "cpu.json").write_text(json.dumps(REPORT), encoding="utf-8")
    (tmp_path / "cpu-ratios.png").touch()
    text = rewritten(f"before\n{BEGIN}\nold\n{END}\nafter", tmp_path)
    assert text.startswith(f"before\n{BEGIN}\n\nWarm fits") and text.endswith(f"\n\n{END}\nafter")
    assert "old" not in text and "cpu-ratios.png)" in text
    assert rewritten(text, tmp_path) == text
    with pytest.raises(ValueError, match="one pair of lines"):
        rewritten("no markers", tmp_path)


def test_readme_shows_what_is_published():
    assert (PUBLISHED / "cpu.json").exists()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert rewritten(text) == text, "run python -m benchmarks.report README"
    assert section().strip() in text
    for stored in PUBLISHED.glob("*.json"):
        jsonschema.validate(json.loads(stored.read_text(encoding="utf-8")), SCHEMA)


def test_report_of_stored_results(tmp_path, capsys):
    stored = tmp_path / "r.json"
    stored.write_text(json.dumps(REPORT), encoding="utf-8")
    assert main([str(stored)]) == 0
    assert capsys.readouterr().out.startswith("2026-01-02 03:04 UTC, p, 2 processors")
    assert (tmp_path / "r.md").read_text(encoding="utf-8") == comparison(REPORT) + "\n"
