"""Calibration of a sample: it finds constants that suit the claims, shows what moves what, and writes nothing."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.score import calibrate
from benchmarks.score.targets import Row
from labctl.core.errors import AnalysisError
from sim_instruments.twin.sample import load_sample

CONSTANTS = ("gain.strength_cm", "gain.loss_cm")


def claim(low, high, name="difference"):
    check = {"result": name, "unit": "", "lo": low, "hi": high}
    return Row("000-00", "wang2015", ("wang2015",), "none", "q", "1", "", "emerge", check, "fitted", None, None)


@pytest.fixture
def cheap(monkeypatch):
    """Observe a sample by arithmetic: gain less loss."""
    def observe(sample):
        return {"difference": sample.gain.strength_cm - sample.gain.loss_cm}
    monkeypatch.setattr(calibrate, "CALIBRATIONS", {"wang2015": calibrate.Calibration(CONSTANTS, ("000-00",), observe)})


class TestWanted:
    @pytest.mark.parametrize(("low", "high", "middle", "half"), [
        (20.0, 24.0, 22.0, 2.0), (None, 10.0, 10.0, 5.0), (96.0, None, 96.0, 48.0)])
    def test_is_the_middle_of_the_bounds(self, low, high, middle, half):
        found = calibrate.wanted(claim(low, high))[0]
        assert (found.middle, found.half) == (middle, half)

    def test_a_comparison_of_results_is_no_number(self):
        row = claim(0.0, 1.0)
        assert calibrate.wanted(Row(**{**vars(row), "check": {"predicate": "a > b", "results": {"a": "", "b": ""}}})) == ()


class TestFit:
    def test_moves_the_constants_towards_the_claim(self, cheap):
        now = load_sample("wang2015").gain
        target = now.strength_cm - now.loss_cm + 10.0
        claims = calibrate.wanted(claim(target - 1e-2, target + 1e-2))
        after = calibrate.fit("wang2015", claims)
        assert after.gain.strength_cm - after.gain.loss_cm == pytest.approx(target, abs=0.1)
        assert after.gain.strength_cm / now.strength_cm == pytest.approx(1.0, abs=0.1)
        assert load_sample("wang2015").gain == now

    def test_sensitivities_are_per_percent_and_half_width(self, cheap):
        now = load_sample("wang2015").gain
        found = calibrate.sensitivities("wang2015", calibrate.wanted(claim(0.0, 4.0)))
        assert found[:, 0] == pytest.approx([0.01 * now.strength_cm / 2, -0.01 * now.loss_cm / 2])

    def test_a_sample_that_the_analysis_refuses_is_far_from_every_claim(self, monkeypatch):
        def refuse(_):
            raise AnalysisError("no threshold")
        bad = calibrate.Calibration(CONSTANTS, ("000-00",), refuse)
        assert np.all(calibrate.observed(bad, load_sample("wang2015"), calibrate.wanted(claim(0.0, 1.0))) == calibrate.LOST)

    def test_report_names_constants_rows_and_both_samples(self, cheap):
        claims = calibrate.wanted(claim(0.0, 4.0))
        text = "\n".join(calibrate.report("wang2015", claims, load_sample("wang2015")))
        assert all(word in text for word in (*CONSTANTS, "000-00", "difference", "file", "fit"))


@pytest.mark.parametrize("name", sorted(calibrate.CALIBRATIONS))
def test_constants_and_rows_exist(name):
    sample, calibration = load_sample(name), calibrate.CALIBRATIONS[name]
    values = np.array([calibrate.get(sample, constant) for constant in calibration.constants])
    assert np.all(np.isfinite(values) & (values > 0))
    assert len(set(calibration.rows)) == len(calibration.rows) > 0
