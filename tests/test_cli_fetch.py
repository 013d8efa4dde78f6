"""`exobench fetch`, as a user meets it."""

import json
from pathlib import Path

import pytest

from exobench.datasets import download_eidc
from exobench.datasets.download_eidc import SEQUENCES, Fetched
from exobench.datasets.download_http import DownloadError


@pytest.fixture
def fetched(monkeypatch):
    """Has the program fetch nothing, or fail; returns what it was asked for."""
    asked = []

    def use(error=None, **changes):
        def fetch(folder, base, progress):
            asked.append((folder, base))
            for done in (0, 500_000_000, 2_000_000_000):
                progress("Subchallenge 1.zip", done, 2_000_000_000)
            if error:
                raise error
            fields = {
                "folder": folder or Path("cache"),
                "record": "3361544",
                "version": "2.0",
                "sequences": SEQUENCES,
                "downloaded": True,
            }
            return Fetched(**(fields | changes))

        monkeypatch.setattr(download_eidc, "fetch_eidc1", fetch)
        return asked

    return use


def test_it_says_what_came_and_where_it_is(exobench, fetched, tmp_path):
    asked = fetched()
    code, out, err = exobench("fetch", "eidc1", "--out", tmp_path / "data")
    assert code == 0
    assert f"19 sequences of eidc1, version 2.0, now in {tmp_path / 'data'}" in out
    assert f"exobench inspect {tmp_path / 'data' / 'sphere_irdis_cube_3.fits'}" in out
    assert asked == [(tmp_path / "data", "https://zenodo.org")]
    lines = err.splitlines()
    assert lines[0] == "Subchallenge 1.zip: 0.0 of 2000.0 MB"
    assert lines[-1] == "Subchallenge 1.zip: 2000.0 of 2000.0 MB"


def test_json_is_all_that_stands_on_standard_output(exobench, fetched):
    fetched(sequences=SEQUENCES[1:], downloaded=False)
    code, out, err = exobench("fetch", "eidc1", "--json")
    content = json.loads(out)
    assert (code, content["format"], content["downloaded"]) == (0, 1, False)
    assert len(content["sequences"]) == 18
    assert content["missing"] == ["gpi_1"]
    assert "warning: not in the archives: gpi_1" in err


@pytest.mark.parametrize("way", ["option", "variable"])
def test_another_server_may_be_named(exobench, fetched, monkeypatch, way):
    asked = fetched()
    if way == "variable":
        monkeypatch.setenv("EXOBENCH_ZENODO", "http://mirror")
    exobench("fetch", "eidc1", *(["--mirror", "http://mirror"] if way == "option" else []))
    assert asked == [(None, "http://mirror")]


def test_a_download_that_fails_is_one_line_and_not_the_users_fault(exobench, fetched):
    fetched(DownloadError("zenodo.org: no connection; is this machine online?"))
    code, out, err = exobench("fetch", "eidc1", "--json")
    assert code == 1
    assert "error: zenodo.org: no connection" in err
    assert json.loads(out)["problems"] == ["zenodo.org: no connection; is this machine online?"]


def test_an_interrupt_says_that_nothing_is_lost(exobench, fetched):
    fetched(KeyboardInterrupt())
    code, out, err = exobench("fetch", "eidc1")
    assert (code, out) == (130, "")
    kept = "what came so far is kept; the same command goes on from there"
    assert err.splitlines()[-2:] == [kept, "interrupted"]


@pytest.mark.parametrize(
    "mirror", ["nonsense", "http://", "file:///etc", "http://a:b", "http://[x"]
)
def test_a_mirror_without_an_address_is_bad_input(exobench, fetched, mirror):
    asked = fetched()
    code, out, err = exobench("fetch", "eidc3", "--mirror", mirror)
    assert (code, out) == (2, "")
    unknown, address = err.splitlines()
    assert unknown.startswith("error: eidc3: no such data set")
    assert f"expected an address such as https://zenodo.org, got '{mirror}'" in address
    assert asked == []


def test_an_unknown_data_set_lists_the_known_ones(exobench):
    code, _, err = exobench("fetch", "eidc3")
    assert code == 2
    assert err == "error: eidc3: no such data set; known: eidc1\n"


def test_the_help_has_an_example(exobench):
    _, out, _ = exobench("fetch", "--help")
    assert "Example: exobench fetch eidc1" in out
    assert "EXOBENCH_CACHE" in out
    assert "EXOBENCH_ZENODO" in out
