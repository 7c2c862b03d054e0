"""docs/reference/twin.md is what code, samples and scores say; every claim and every parameter stands in it."""

from __future__ import annotations

import json
import tomllib
from importlib import resources

import pytest

from benchmarks.score.papers import EXPERIMENTS, REASONS
from benchmarks.score.targets import load_rows, targets_file
from docs import twin_reference


@pytest.fixture(scope="module")
def scores() -> list[dict[str, object]]:
    return json.loads(twin_reference.SCORES.read_text(encoding="utf-8"))


def test_page_is_what_the_code_says():
    """After a change of a sample or of a law: `make docs-reference`. Scores change with `make score` only."""
    assert twin_reference.PAGE.read_text(encoding="utf-8") == twin_reference.page()


def test_every_parameter_of_every_sample_stands_in_it():
    page = twin_reference.page()
    for name in twin_reference.sample_names():
        data = tomllib.loads(resources.files("sim_instruments.samples").joinpath(f"{name}.toml").read_text(encoding="utf-8"))
        section = page.split(f"### {name}\n")[1].split("###")[0]
        stated = [entry for entries in data.values() if isinstance(entries, dict) for entry in entries.values()
                  if isinstance(entry, dict)]
        assert section.count("\n| `") >= len(stated)


def test_every_claim_was_scored(scores):
    place = targets_file()
    if place is None:
        pytest.skip("the targets file is not beside the repository")
    assert [each["id"] for each in scores] == [row.id for row in load_rows(place)]


def test_what_does_not_pass_says_why(scores):
    silent = [each["id"] for each in scores if each["verdict"] in ("fail", "mixed", "not simulated") and not each["reason"]]
    assert silent == []
    assert set(REASONS) <= {each["id"] for each in scores}


def test_rows_behind_the_whole_bench_are_rows(scores):
    behind = json.loads(twin_reference.BENCH_SCORES.read_text(encoding="utf-8"))
    assert {each["id"] for each in behind} <= {each["id"] for each in scores}
    assert len(behind) >= 25


def test_scores_come_from_enough_noise_seeds(scores):
    assert all(each["seeds"] >= 8 for each in scores if each["seeds"])
    assert len(EXPERIMENTS) > 0
