"""docs/reference/twin.md is what code, samples and scores say; every claim and every parameter stands in it."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from importlib import resources
from pathlib import Path
from types import ModuleType

import pytest

from benchmarks.score.papers import EXPERIMENTS, REASONS
from benchmarks.score.targets import load_rows, targets_file

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("twin_reference", DOCS / "twin_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def scores() -> list[dict[str, object]]:
    return json.loads((DOCS / "reference" / "twin-scores.json").read_text(encoding="utf-8"))


def test_page_is_what_the_code_says(generator):
    """After a change of a sample or of a law: `make docs-reference`. Scores change with `make score` only."""
    assert (DOCS / "reference" / "twin.md").read_text(encoding="utf-8") == generator.page()


def test_every_parameter_of_every_sample_stands_in_it(generator):
    page = generator.page()
    for name in generator.sample_names():
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
    behind = json.loads((DOCS / "reference" / "twin-scores-bench.json").read_text(encoding="utf-8"))
    assert {each["id"] for each in behind} <= {each["id"] for each in scores}
    assert len(behind) >= 25


def test_scores_come_from_enough_noise_seeds(scores):
    assert all(each["seeds"] >= 8 for each in scores if each["seeds"])
    assert len(EXPERIMENTS) > 0
