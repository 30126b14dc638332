"""The command line, called in this process: what it prints where, and how it exits."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from references import seed

from mejax import __version__, datasets, me
from mejax.__main__ import as_json, main

EXAMPLE_1 = "mixed weight week || id:"
FORMATS = {
    "csv": lambda table, path: table.to_csv(path, index=False),
    "csv.gz": lambda table, path: table.to_csv(path, index=False),
    "txt": lambda table, path: table.to_csv(path, index=False),
    "tsv": lambda table, path: table.to_csv(path, index=False, sep="\t"),
    "tsv.gz": lambda table, path: table.to_csv(path, index=False, sep="\t"),
    "dta": lambda table, path: table.to_stata(path, write_index=False),
    "parquet": lambda table, path: table.to_parquet(path, index=False),
}


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """The command line chooses a place for compiled programs in the environment: undone after each test."""
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path / "programs"))


@pytest.fixture(scope="module")
def example_1() -> Any:
    return me.run(EXAMPLE_1 + ", nolog", datasets.load("pig"))


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    status = main(arguments)
    output = capsys.readouterr()
    return status, output.out, output.err


def test_the_output_is_the_log_and_then_the_fit(capsys, example_1):
    status, out, err = run(capsys, EXAMPLE_1, "--data", "pig")
    log, fitted = out.split("\n\n", 1)
    assert (status, err) == (0, "")
    assert fitted == f"{example_1}\n"
    lines = log.splitlines()
    assert lines[0] == "Performing gradient-based optimization:"
    assert lines[1].startswith("Iteration 0:  Log likelihood = ")
    assert lines[-1].endswith("Log likelihood = -1014.9268")


def test_nolog_leaves_the_fit_alone(capsys, example_1):
    assert run(capsys, EXAMPLE_1 + ", nolog", "--data", "pig") == (0, f"\n{example_1}\n", "")


def test_json_for_programs(capsys, example_1):
    status, out, err = run(capsys, EXAMPLE_1, "--data", "pig", "--json")
    found, printed = json.loads(out), seed("ex1")
    assert status == 0 and "Iteration 0:" in err
    assert list(found) == [
        "command", "status", "converged", "reml", "nobs", "facts", "groups", "llf", "aic", "bic", "wald",
        "fixed", "ancillary", "random", "lr_test", "notes",
    ]  # fmt: skip
    assert (found["command"], found["status"], found["converged"]) == (EXAMPLE_1, "converged", True)
    assert (found["nobs"], found["reml"], found["facts"], found["notes"]) == (432, False, {}, [])
    assert found["groups"] == {"id": {"groups": 48, "minimum": 9, "average": 9, "maximum": 9}}
    assert (found["llf"], found["aic"], found["bic"]) == (example_1.llf, example_1.aic, example_1.bic)
    assert found["wald"] == {"chi2": example_1.wald.chi2, "df": 1, "p": 0}
    assert found["lr_test"]["kind"] == printed["lrtest"]["kind"] and found["lr_test"]["conservative"] is False
    for part, frame in (("fixed", example_1.fixed), ("random", example_1.random)):
        assert list(found[part]) == list(printed[part])
        table = pd.DataFrame.from_dict(found[part], orient="index").astype(float)
        np.testing.assert_allclose(table[frame.columns], frame, rtol=1e-14)
    assert found["random"]["var(Residual)"]["z"] is None  # what does not apply is null


def test_survival_times_by_options(capsys):
    """Times, failures and the distribution stand in the command; ratios are printed, coefficients are in the JSON."""
    command = "mestreg age female || patient:, distribution(weibull) time(time) failure(infect) nolog"
    status, out, err = run(capsys, command, "--data", "catheter", "--json")
    found = json.loads(out)
    assert (status, err) == (0, "")
    assert found["facts"] == {"Time": "time", "Failure": "infect", "No. of failures": 58, "Time at risk": 7724}
    assert list(found["ancillary"]) == ["/ln_p"] and list(found["random"]) == ["patient:var(_cons)"]
    fit = me.run(command, datasets.load("catheter"))
    assert found["fixed"]["female"]["estimate"] == pytest.approx(fit.fixed.loc["female", "estimate"], rel=1e-12)
    lines = str(fit).splitlines()
    assert lines[0].startswith("Mixed-effects Weibull PH regression  ")
    assert any(line.startswith("          _t | Haz. ratio   Std. err.") for line in lines)


def test_a_formula(capsys, example_1):
    status, out, _ = run(capsys, "mixed weight ~ week + (1 | id), nolog", "--data", "pig", "--json")
    assert status == 0 and json.loads(out)["llf"] == pytest.approx(example_1.llf, rel=1e-12)


@pytest.mark.parametrize("ending", FORMATS)
def test_files(capsys, tmp_path, ending, example_1):
    path = tmp_path / f"table.{ending}"
    FORMATS[ending](datasets.load("pig"), path)
    assert run(capsys, EXAMPLE_1 + ", nolog", "--data", str(path)) == (0, f"\n{example_1}\n", "")


def test_value_labels_of_stata_files(capsys, tmp_path):
    """The levels are shown by their labels."""
    table = datasets.load("clippings")
    table["block"] = pd.Categorical(np.where(table["block"] == 1, "upper", "lower"), categories=["upper", "lower"])
    table.to_stata(tmp_path / "t.dta", write_index=False)
    status, out, _ = run(capsys, "mixed chlorophyll i.block || nitrogen:", "--data", str(tmp_path / "t.dta"))
    assert status in (0, 1) and "lower" in out


def test_exit_status_1_where_the_fit_did_not_converge(capsys):
    command = "mixed weight week || id: week, cov(un) iterate(1)"
    status, out, err = run(capsys, command, "--data", "pig")
    assert (status, err) == (1, "") and "Warning: convergence not achieved." in out
    status, out, _ = run(capsys, command, "--data", "pig", "--json")
    assert status == 1 and json.loads(out)["converged"] is False
    assert "no maximum was reached" in json.loads(out)["notes"][0]


BAD = {
    "misspelt column": ("mixed weight wek || id:", "pig", "the table has no column `wek`"),
    "misspelt option": ("mixed weight week || id:, relm", "pig", "`relm` is not an option of mixed"),
    "misspelt command": ("mxed weight week || id:", "pig", "mixed"),
    "no distribution": ("mestreg week || id:, time(weight)", "pig", "`mestreg` needs a distribution"),
    "unknown data set": (EXAMPLE_1, "pigs", "There are: admissions, bangladesh, catheter"),
    "near data set": (EXAMPLE_1, "pigs", "Did you mean 'pig'?"),
    "missing file": (EXAMPLE_1, "pigs.csv", "no file `pigs.csv`; data sets by name are admissions, bangladesh"),
    "missing folder": (EXAMPLE_1, "nowhere/pigs", "no file `nowhere/pigs`"),
    "constant response": ("mixed weight week if week > 100 || id:", "pig", "no observations"),
}


@pytest.mark.parametrize("case", BAD)
def test_exit_status_2_and_one_message_on_standard_error(capsys, case):
    command, place, words = BAD[case]
    status, out, err = run(capsys, command, "--data", place)
    assert (status, out) == (2, "")
    assert err.startswith("mejax: ") and words in err and "Traceback" not in err
    assert run(capsys, command, "--data", place, "--json")[:2] == (2, "")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("table.xlsx", b"", "files ending in .xlsx are not read; use .csv, .tsv, .dta or .parquet"),
        ("table", b"", "files ending in nothing are not read"),
        ("empty.csv", b"", "No columns to parse"),
        ("broken.csv", b"weight,week,id\n1,2,3\n1,2,3,4,5\n", "Expected 3 fields in line 3, saw 5"),
        ("broken.dta", b"this is no Stata file", ""),
        ("broken.parquet", b"this is no parquet file", ""),
    ],
)
def test_files_that_cannot_be_read(capsys, tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    status, out, err = run(capsys, EXAMPLE_1, "--data", str(tmp_path / name))
    assert (status, out) == (2, "")
    assert err.startswith("mejax: ") and words in err


def test_folders_are_no_tables(capsys, tmp_path):
    (tmp_path / "folder.csv").mkdir()
    status, out, err = run(capsys, EXAMPLE_1, "--data", str(tmp_path / "folder.csv"))
    assert (status, out) == (2, "") and err.startswith("mejax: ")


def test_capital_letters_in_endings(capsys, tmp_path, example_1):
    datasets.load("pig").to_csv(tmp_path / "PIG.CSV", index=False)
    assert run(capsys, EXAMPLE_1 + ", nolog", "--data", str(tmp_path / "PIG.CSV")) == (0, f"\n{example_1}\n", "")


@pytest.mark.parametrize("arguments", [[], [EXAMPLE_1], ["--data", "pig"], [EXAMPLE_1, "--data", "pig", "--xml"]])
def test_usage(capsys, arguments):
    with pytest.raises(SystemExit) as exit:
        main(arguments)
    assert exit.value.code == 2
    assert "usage: mejax" in capsys.readouterr().err


def test_version(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0 and capsys.readouterr().out == f"mejax {__version__}\n"


def test_compiled_programs_are_kept_unless_the_user_says_otherwise(capsys, monkeypatch, tmp_path):
    import os

    main(["mixed q || id:", "--data", "pig"])
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "programs")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    main(["mixed q || id:", "--data", "pig"])
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == str(tmp_path / "mejax" / "jax")


def test_value_labels_of_a_stata_file_are_printed(capsys, tmp_path):
    """The codes stay the levels (`ib2.`), their labels are what the table shows."""
    table = datasets.load("clippings")
    labels = table.attrs["value_labels"]["nitrogen"]
    table["wpunit"] = (table["nitrogen"] - 1) * 2 + table["block"]
    table.to_stata(tmp_path / "turf.dta", write_index=False, value_labels={"nitrogen": labels})
    command = "mixed chlorophyll ib2.nitrogen || wpunit:, nolog"
    status, out, err = run(capsys, command, "--data", str(tmp_path / "turf.dta"))
    assert (status, err) == (0, "")
    rows = [line.split("|")[0].strip() for line in out.splitlines() if "|" in line]
    assert rows[2:5] == ["Urea", "IBDU", "Urea (SC)"]


def test_the_joint_test_of_a_small_sample_is_f():
    """p belongs to F where there are denominator degrees of freedom, and to chi-squared otherwise."""
    assert as_json(pig_by("kroger"))["wald"].keys() == {"F", "df", "ddf", "p"}
    assert as_json(pig_by(None))["wald"].keys() == {"chi2", "df", "p"}


def pig_by(method: str | None):
    options = {} if method is None else {"dfmethod": method, "reml": True}
    return me.mixed("weight week || id:", datasets.load("pig"), nolog=True, **options)
