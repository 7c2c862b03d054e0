"""What a sample's file says about mounting and budget, and where it is looked for."""

from __future__ import annotations

import pytest

from labctl.bench.samples import plain_name, read_sample
from labctl.core.dose import Budget
from labctl.core.errors import Refused
from sim_instruments.twin.sample import load_sample

FILE = 'schema = 1\nname = "film"\nmount = "holder B"\n[budget]\ndose_j_cm2 = "5 kJ/cm^2"\nlit_s = 60\n'


def test_a_sample_without_a_file_has_no_limit():
    found = read_sample("some_film")
    assert (found.name, found.mount, found.path) == ("some_film", "", None)
    assert not found.budget


def test_a_packaged_sample_is_found():
    assert read_sample("ying2021").path is not None


def test_read_by_path_and_by_name(tmp_path, monkeypatch):
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "film.toml").write_text(FILE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for sample in ("film", "samples/film.toml"):
        found = read_sample(sample)
        assert (found.name, found.mount, found.budget) == ("film", "holder B", Budget(dose_j_cm2=5000.0, lit_s=60.0))


@pytest.mark.parametrize(("text", "reason"), [
    ("[budget]\ndose = 5\n", "there is no limit dose"), ("budget = 5\n", "is a section"), ("[budget\n", "at line 1"),
])
def test_a_wrong_file_is_refused_with_the_reason(tmp_path, text, reason):
    (tmp_path / "film.toml").write_text(text, encoding="utf-8")
    with pytest.raises(Refused, match=reason):
        read_sample(str(tmp_path / "film.toml"))


def test_a_missing_file_is_refused():
    with pytest.raises(Refused, match=r"there is no file .* neither a slash"):
        read_sample("./no/such.toml")


def test_plain_name():
    assert plain_name("./samples/film.toml") == "film"
    assert plain_name("film.2") == "film.2"


def test_the_twin_leaves_mount_and_budget_to_people(tmp_path):
    path = tmp_path / "limited.toml"
    path.write_text('based_on = "ying2021"\nname = "limited"\nmount = "B"\n[budget]\nlit_s = 5\n', encoding="utf-8")
    assert load_sample(path).name == "limited"
