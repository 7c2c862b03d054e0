"""The daily check on simulated benches: today's numbers are the twin's, they are kept, and what has moved is said."""

from __future__ import annotations

import pytest

from labctl import api
from labctl.core.errors import Refused
from labctl.store import state

BENCH = "ying2021-calibration"


@pytest.fixture
def check(state_folder, tmp_path):
    """Check a bench, in a state folder of its own; `disturb` is done to the open bench first."""
    def run(bench=BENCH, seed=1, values=None, disturb=lambda bench: None):
        with api.open_bench(bench) as opened:
            disturb(opened)
            order = api.Order("daily_check", tmp_path, seed=seed, figure=False)
            return api.run("daily_check", opened, values or {"visits": 2, "readings": 3}, order=order)
    return run


def test_numbers_are_those_of_the_twin(check) -> None:
    found = check().results
    assert found["dark_level"].value == pytest.approx(300.0, abs=1.0)
    assert found["read_noise"].value == pytest.approx(22.2, rel=0.05)          # 22 electrons, and the steps of 10 of the converter
    assert abs(found["line_offset"].value) < 0.3                               # of a drive that nobody has calibrated
    assert found["line_fwhm"].value == pytest.approx(0.145, rel=0.05)
    assert found["set_power"].value > 1e-6


def test_the_sample_stays_dark(check) -> None:
    lit = []
    check(disturb=lambda bench: bench.at_close(_after(bench, lit)))
    assert lit == [0.0]


class _after:
    """Looks at the twin's sample when the bench is closed."""

    def __init__(self, bench, seen):
        self.bench, self.seen = bench, seen

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.seen.append(self.bench.twin.sample_port.lit_seconds)


def test_what_has_moved_since_the_last_checks_is_said_and_the_rest_is_not(check) -> None:
    for seed in range(1, 4):
        assert check(seed=seed).problems == ()
    outcome = check(seed=6, disturb=lambda bench: setattr(bench.twin.element("laser"), "level", 0.7))
    assert [problem.field for problem in outcome.problems] == ["set_power"]
    assert "it has moved by" in outcome.problems[0].text
    (kept, *_) = state.newest_calibrations(state.folder(), BENCH, "daily_check")
    assert len(kept.curve["dark_level"]) == len(kept.curve["dark_level_when_s"]) == 4


def test_what_a_bench_lacks_is_left_out(check) -> None:
    assert set(check("ying2021-trpl").results) == {"set_power", "power_drift"}
    assert {"dark_level", "read_noise", "set_power"} <= set(check("wang2015").results)


@pytest.mark.parametrize(("values", "field", "text"), [
    ({"wavelength": 900.0}, "pump.wavelength", "outside"), ({"line": 1999.0}, "emission.centre", "outside"),
])
def test_wrong_input_is_refused_before_anything_moves(check, values, field, text) -> None:
    with pytest.raises(Refused) as caught:
        check(values=values)
    assert any(problem.field == field and text in problem.text for problem in caught.value.problems), caught.value.problems
