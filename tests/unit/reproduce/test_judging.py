"""From answers to verdicts: units, errors, failed experiments, several noise seeds, and what other programs read."""

from __future__ import annotations

import json

import numpy as np
import pytest

from labctl.analysis.verdicts import Row
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result
from labctl.core.pool import Failed
from labctl.reproduce.judging import Answer, in_unit, lines, tally
from labctl.reproduce.plan import Experiment, Paper, Step
from labctl.reproduce.report import write_report
from labctl.reproduce.session import Cost, Reproduced
from labctl.reproduce.taking import Taken

STEP = Step("snapshot", "ying2021")
POWER = Experiment("power", "paper", (STEP,), {"threshold": "threshold", "curve": "curve"})
DECAY = Experiment("decay", "paper", (STEP,), {"lifetime": "lifetime"}, evidence={"lifetime": "predicted"})
PAPER = Paper("paper", "A paper", (POWER, DECAY), {"000-3": "it is known why"})


def row(name, check):
    return Row(name, "paper", ("sample",), "none", "quantity", "1", "", "emerge", check, "fitted", None, None)


ROWS = [
    row("000-1", {"result": "threshold", "unit": "mJ/cm2", "lo": 1.0, "hi": 3.0}),
    row("000-2", {"result": "lifetime", "unit": "ps", "lo": 40.0, "hi": None}),
    row("000-3", {"predicate": "max(curve) < 2 and threshold > 1",
                  "results": {"curve": "array of things [1]", "threshold": "the threshold [mJ/cm2]"}}),
    row("000-4", {"result": "elsewhere", "unit": "1", "lo": 0.0, "hi": 1.0}),
    row("000-5", {"skip": "conflict inside the paper"}),
]
FLUENCE = Result(2500.0, 100.0, "µJ/cm²", "kink", 500.0)


def power(seed=0, threshold=FLUENCE):
    return Answer(PAPER, POWER, seed, Taken({"threshold": threshold, "curve": np.array([1.0, 1.5])}))


def decay(value, seed=0):
    return Answer(PAPER, DECAY, seed, Taken({"lifetime": Result(value, 0.001, "ns", "fit")}))


def judged(*answers):
    return {line.row.id: line for line in lines(ROWS, answers)}


class TestUnits:
    @pytest.mark.parametrize(("unit", "wanted", "factor"), [
        ("µJ/cm²", "mJ/cm2", 1e-3), ("ns", "ps", 1e3), ("µW", "uW", 1.0), ("ps", "ns", 1e-3), ("cm-1", "cm-1", 1.0),
        ("1", "1", 1.0), ("µJ/cm²", "uJ/cm2", 1.0), ("cm2", "cm2", 1.0), ("meV", "ueV", 1e3)])
    def test_value_and_errors_are_converted_alike(self, unit, wanted, factor):
        assert in_unit(Result(2.0, 0.5, unit, "fit", 1.0), wanted) == pytest.approx((2.0 * factor, 0.5 * factor, factor))

    def test_of_another_kind_is_refused(self):
        with pytest.raises(AnalysisError, match="criterion in nm"):
            in_unit(Result(1.0, None, "ns", "fit"), "nm")


class TestVerdicts:
    def test_numbers_stand_in_the_unit_of_the_criterion(self):
        line = judged(power(), decay(0.05))["000-1"]
        assert (line.verdict, line.values["threshold"], line.stderr["threshold"]) == ("pass", 2.5, pytest.approx(0.1))
        assert line.systematic["threshold"] == pytest.approx(0.5)
        assert line.obtained == "2.5 ± 0.1 (stat) ± 0.5 (cal) mJ/cm2"

    def test_evidence_of_the_experiment_goes_before_that_of_the_row(self):
        found = judged(power(), decay(0.05))
        assert (found["000-2"].evidence, found["000-1"].evidence) == ("predicted", "fitted")
        assert found["000-2"].basis == "noisy"

    def test_a_failed_experiment_costs_its_own_rows(self):
        found = judged(power(), Answer(PAPER, DECAY, 0, Failed("the shutter stayed open")))
        assert found["000-1"].verdict == "pass"
        assert found["000-2"].verdict == "fail"
        assert "the shutter stayed open" in found["000-2"].reason

    def test_a_result_that_is_missing_fails_with_the_reason(self):
        missing = Answer(PAPER, POWER, 0, Taken({"threshold": FLUENCE}, {"curve": "too dim"}))
        line = judged(missing, decay(0.05))["000-3"]
        assert line.verdict == "fail"
        assert "it is known why" in line.reason
        assert "curve: too dim" in line.reason

    def test_a_row_passes_in_every_noise_seed_or_not_at_all(self):
        line = judged(power(), decay(0.05), power(1), decay(0.03, 1))["000-2"]
        assert (line.verdict, line.passed, line.seeds) == ("fail", 1, 2)
        assert "1 of 2" in line.reason
        assert line.values["lifetime"] == pytest.approx(40.0)
        assert line.spread["lifetime"] == pytest.approx(10.0)

    def test_what_no_experiment_gives_is_not_simulated(self):
        line = judged(power(), decay(0.05))["000-4"]
        assert (line.verdict, line.values) == ("not_simulated", {})
        assert line.reason

    def test_what_has_no_criterion_is_skipped_with_the_reason_of_the_row(self):
        line = judged(power(), decay(0.05))["000-5"]
        assert (line.verdict, line.reason) == ("skip", "conflict inside the paper")

    def test_counts(self):
        found = tally(judged(power(), decay(0.05)).values())
        assert found["all"] == {"pass": 3, "fail": 0, "skip": 1, "not_simulated": 1}
        assert found["predicted"]["pass"] == 1


class TestContract:
    def test_is_json_with_the_promised_names(self):
        told = [json.loads(json.dumps(line.as_json())) for line in judged(power(), decay(0.05)).values()]
        for each in told:
            assert {"id", "verdict", "value", "stderr", "evidence", "basis"} <= set(each)
            assert each["verdict"] in ("pass", "fail", "skip", "not_simulated")
        assert told[0]["value"] == 2.5
        assert told[2]["value"] == {"curve": [1.0, 1.5], "threshold": 2.5}
        assert told[3]["value"] is None


def test_costs_are_told_the_dearest_first(tmp_path):
    costs = (Cost("paper: power", 0, 12.34, 3600.0), Cost("calibrating", 1, 0.5, 60.0))
    found = Reproduced((PAPER,), lines(ROWS, [power()]), (), costs)
    page = write_report(found, tmp_path / "report.html", 1).read_text(encoding="utf-8")
    assert "13 s of processor time for 1 h at the benches" in page
    assert page.index("paper: power") < page.index("calibrating<")
    assert found.costs[0].as_json() == {"task": "paper: power", "seed": 0, "processor_seconds": 12.34, "bench_seconds": 3600.0}
