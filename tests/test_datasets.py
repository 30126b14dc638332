import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import references

from mejax import datasets
from mejax.datasets._catalogue import CATALOGUE

FOLDER = Path(datasets.__file__).parent


def test_names_are_the_files():
    assert set(datasets.names()) == {file.name.split(".")[0] for file in FOLDER.glob("*.csv*")}
    assert list(datasets.names()) == sorted(CATALOGUE)


@pytest.mark.parametrize("name", datasets.names())
def test_frame_is_as_described(name):
    frame = datasets.load(name)
    assert list(frame.columns) == list(CATALOGUE[name].columns)
    assert len(frame) == CATALOGUE[name].rows
    assert frame.notna().to_numpy().all()
    assert frame.attrs["name"] == name


@pytest.mark.parametrize("name", datasets.names())
def test_description_has_rows_columns_and_origin(name):
    text = datasets.describe(name)
    assert f"({len(datasets.load(name)):,} rows)" in text
    assert "\nOrigin: " in text
    for column in datasets.load(name).columns:
        assert re.search(rf"^  {column} +\S", text, flags=re.M)


def test_caveats_are_stated():
    for name in ("clippings", "admissions"):
        assert "from memory" in datasets.describe(name)
    assert "wpunit" in datasets.describe("clippings")


@pytest.mark.parametrize(
    ("name", "column", "texts"),
    [
        ("clippings", "nitrogen", {1: "Urea", 2: "Ammonium sulphate", 3: "IBDU", 4: "Urea (SC)"}),
        ("sdhouse", "status", {0: "street", 1: "community", 2: "independent"}),
    ],
)
def test_value_labels_cover_the_codes(name, column, texts):
    frame = datasets.load(name)
    assert frame.attrs["value_labels"] == {column: texts}
    assert set(texts) == set(frame[column])
    assert "value_labels" not in datasets.load("pig").attrs


def test_counts_that_publications_state():
    """38 patients with two catheters each; the wages at the limit of a published tobit fit; both arms of the trial."""
    catheter, nlswork, sdhouse = (datasets.load(name) for name in ("catheter", "nlswork", "sdhouse"))
    assert np.bincount(catheter["patient"]).tolist() == [0] + 38 * [2]
    assert catheter[["infect", "time"]].to_numpy().sum(axis=0).tolist() == [58, 7724]
    assert np.count_nonzero(nlswork["ln_wage"] >= 1.9) == 6890 and len(set(nlswork["idcode"])) == 4148
    persons = [np.bincount(sdhouse.loc[sdhouse["sec8"] == arm, "time"]).tolist() for arm in (0, 1)]
    assert persons == [[180, 161, 146, 145], [181, 161, 157, 158]]


def test_every_sample_of_penicillin_is_on_every_plate():
    counts = datasets.load("penicillin").groupby(["plate", "sample"]).size()
    assert len(counts) == 24 * 6 and (counts == 1).to_numpy().all()


def test_frames_are_independent():
    first = datasets.load("clippings")
    first["chlorophyll"] = 0.0
    first.attrs["value_labels"]["nitrogen"].clear()
    second = datasets.load("clippings")
    assert (second["chlorophyll"] > 0).to_numpy().all()
    assert second.attrs["value_labels"]["nitrogen"]


def test_float_digits_are_untouched():
    assert datasets.load("bangladesh")["age"].iloc[0] == 18.4400005
    assert datasets.load("diuretics")["std"].iloc[1] == 0.346410155
    assert datasets.load("nlswork")["ln_wage"].iloc[0] == 1.58997738


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pigs", r"`name` is 'pigs', which is not one .* Did you mean 'pig'\? There are: admissions, "),
        ("Bangladesh", "Did you mean 'bangladesh'"),
        ("zzz", r"example data sets\. There are: admissions, bangladesh"),
    ],
)
def test_unknown_name(name, message):
    for function in (datasets.load, datasets.describe):
        with pytest.raises(ValueError, match=message):
            function(name)


def test_importing_reads_no_pandas():
    code = "import sys; from mejax.datasets._load import names; sys.exit('pandas' in sys.modules)"
    package_free = "import sys, types; package = types.ModuleType('mejax'); package.__path__ = [sys.argv[1]]; "
    subprocess.run(
        [sys.executable, "-c", package_free + "sys.modules['mejax'] = package; " + code, str(FOLDER.parent)], check=True
    )


@pytest.mark.parametrize("section", ["lmm", "insteval"])
def test_every_reference_case_has_its_data(section):
    for case in references.cases(section):
        entry = references.other(section, case)
        assert len(references.data(entry["data"])) == entry["n"]


def test_seed_examples_have_their_data():
    for case in ("ex1", "ex2", "ex4", "ex8"):
        entry = references.seed(case)
        assert len(references.data(entry["data"])) == entry["n"]
    with pytest.raises(KeyError, match="ex1_pig_random_intercept"):
        references.seed("ex99")
