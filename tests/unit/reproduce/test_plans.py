"""Every experiment is one that can be run: its bench opens, its procedure takes the values, its claims and rows exist."""

from __future__ import annotations

import pytest

from benchmarks.score.targets import targets_file
from labctl import api
from labctl.core.errors import ConfigError
from labctl.data import TARGETS
from labctl.reproduce.bench_text import changed_bench
from labctl.reproduce.calibrations import CALIBRATIONS
from labctl.reproduce.papers import PAPERS
from labctl.reproduce.targets import rows, units

EXPERIMENTS = [(paper, each) for paper in PAPERS.values() for each in paper.experiments]
NAMES = [f"{paper.name}-{each.name}" for paper, each in EXPERIMENTS]
STEPS = [(f"{each.name}-{step.key}", step) for _, each in EXPERIMENTS for step in each.steps]


def test_claims_are_those_of_the_shared_file():
    place = targets_file()
    if place is None:
        pytest.skip("the targets file is not beside the repository")
    assert TARGETS.read_text(encoding="utf-8") == place.read_text(encoding="utf-8")


@pytest.mark.parametrize(("paper", "experiment"), EXPERIMENTS, ids=NAMES)
class TestExperiment:
    def test_belongs_to_its_paper_and_its_name_is_unique(self, paper, experiment):
        assert experiment.bench == paper.name
        assert [each.name for each in paper.experiments].count(experiment.name) == 1
        assert len({step.key for step in experiment.steps}) == len(experiment.steps)

    def test_gives_what_a_row_of_the_paper_asks_for(self, paper, experiment):
        asked = {name for row in rows() if row.bench == paper.name and row.checkable for name in row.results}
        assert set(experiment.gives) - asked == set()
        assert set(experiment.evidence) <= set(experiment.gives)

    def test_only_a_formula_has_nothing_measured(self, paper, experiment):
        assert (experiment.basis == "formula") == (not experiment.steps)

    def test_sources_name_steps(self, paper, experiment):
        steps = {source.rpartition(".")[0] for source in experiment.gives.values() if isinstance(source, str)} - {""}
        assert steps <= {step.key for step in experiment.steps}

    def test_panels_name_rows_and_steps(self, paper, experiment):
        known = {row.id for row in rows() if row.bench == paper.name}
        for panel in experiment.panels:
            assert {*panel.rows, panel.x_band, panel.y_band} - {""} <= known
            assert panel.step in {"", *(step.key for step in experiment.steps)}


@pytest.mark.parametrize("step", [step for _, step in STEPS], ids=[name for name, _ in STEPS])
def test_step_suits_its_bench(step):
    config, _ = changed_bench(step.bench, step.changes)
    assert config.simulated
    assert not api.make_procedure(step.procedure, step.values, config).check()
    assert {calibration.bench for calibration in CALIBRATIONS[step.bench]} <= {step.bench}


@pytest.mark.parametrize("paper", PAPERS.values(), ids=PAPERS)
def test_reasons_are_for_rows_of_the_paper(paper):
    assert set(paper.reasons) <= {row.id for row in rows() if row.bench == paper.name and row.checkable}


def test_every_result_of_a_criterion_has_a_unit():
    unit = units(rows())
    assert {name for row in rows() for name in row.results} == set(unit)
    assert (unit["se_lifetime"], unit["se_enhancement"], unit["bleach_525"]) == ("ps", "1", "1")


class TestChangedBench:
    def test_replaces_a_value_of_a_table_of_an_inline_table_and_of_a_quoted_key(self):
        changes = {"twin.sample": "other", "instruments.spectrograph.initial.centre": 612.5,
                   "safety.limits.pump.power": [0.0, 1e-4]}
        config, text = changed_bench("ying2021", changes)
        assert config.twin is not None
        assert config.twin.sample == "other"
        assert config.instruments["spectrograph"].initial == {"grating": 1, "centre": 612.5}
        assert '"pump.power" = [0.0, 0.0001]' in text

    def test_leaves_the_rest_as_it_was(self):
        before, after = (changed_bench("ying2021", each)[1].splitlines() for each in ({}, {"twin.sample": "other"}))
        assert [(was, is_) for was, is_ in zip(before, after, strict=True) if was != is_] == [
            ('sample = "ying2021"', 'sample = "other"')]

    def test_adds_a_key_to_a_table(self):
        config, _ = changed_bench("sun2024", {"instruments.analyser.initial": {"angle": 45.0}})
        assert config.instruments["analyser"].initial == {"angle": 45.0}

    @pytest.mark.parametrize("key", ["pump.colour", "instruments.kettle.initial"])
    def test_refuses_a_key_that_no_bench_has(self, key):
        with pytest.raises(ConfigError):
            changed_bench("ying2021", {key: "red"})
