"""Bleaching under long light, and thresholds over pump wavelengths: small versions of two long measurements."""

from __future__ import annotations

import numpy as np
import pytest

from labctl import api
from labctl.core.errors import Refused


def test_light_takes_its_toll(take) -> None:
    outcome = take("stability", "wang2015", {"duration": 8000.0, "spectra": 12, "dim": 4})
    assert outcome.status == "done", outcome.problems
    kept = outcome.results["emission_retained_shots"]
    # The film keeps 90 % after 1.6e7 pulses, so about 95 % after half of them.
    assert kept.value == pytest.approx(95.0, abs=2.5)
    assert kept.stderr < 1.0
    assert outcome.results["pulses"].value == pytest.approx(1000.0 * 8000.0 * 10 / 12, rel=1e-3)


def test_lowest_threshold_lies_at_the_resonance(take) -> None:
    outcome = take("threshold_map", "sun2024", {"wavelengths": 5, "fluences": 9, "first": 1.5e-3})
    assert outcome.status == "done", outcome.problems
    place = outcome.results["threshold_minimum_3p"]
    assert place.value == pytest.approx(1500.0, abs=15.0)
    with api.load(outcome.run) as run:
        assert run.data["counts"].dims[:2] == ("excitation_wavelength", "pump_fluence")
        thresholds = run.curves["threshold"].y
    assert np.all(thresholds > 1500.0)
    assert outcome.results["threshold_lowest_3p"].value == pytest.approx(thresholds.min())


@pytest.mark.parametrize(("name", "bench", "values", "field", "text"), [
    ("stability", "wang2015", {"duration": 1e5, "spectra": 4}, "spectra", "1 ms to 1 h can be"),
    ("stability", "wang2015", {"fluence": 1.0}, "fluence", "outside"),
    ("stability", "wang2015", {"dim": 12, "duration": 40.0}, "detection.nd", "12"),
    ("threshold_map", "sun2024", {"last_wavelength": 1700.0}, "last_wavelength", "4 of 7 wavelengths"),
    ("threshold_map", "sun2024", {"last": 1.0}, "last", "outside"),
    ("threshold_map", "sun2024", {"first": 5e-3}, "last", "not above"),
])
def test_wrong_input_is_refused_before_anything_moves(take, name, bench, values, field, text) -> None:
    with pytest.raises(Refused) as caught:
        take(name, bench, values)
    assert any(problem.field == field and text in problem.text for problem in caught.value.problems), caught.value.problems
