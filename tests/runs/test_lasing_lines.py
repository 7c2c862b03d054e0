"""Lines of the cavity and spikes of the random laser, through driver, wire, camera and the run's own analysis."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.errors import Refused


def test_whispering_gallery_is_regular_and_has_the_samples_index(take) -> None:
    outcome = take("cavity_modes", "sun2024", {"frames": 2})
    assert outcome.status == "done", outcome.problems
    found = outcome.results
    assert found["mode_count"].value >= 8
    assert found["fsr_relative_sd"].value < 0.01
    index = found["effective_index"]
    assert index.value == pytest.approx(1.46, abs=3 * index.stderr + 0.005)
    assert index.systematic == pytest.approx(index.value / 88.0, rel=1e-6)
    assert found["fsr"].value == pytest.approx(found["mode_wavelength"].value ** 2 / (np.pi * 88e3 * 1.46), rel=0.02)
    assert found["cavity_q"].value == pytest.approx(found["mode_wavelength"].value / found["mode_fwhm"].value, rel=0.02)


def test_below_threshold_no_line_is_claimed(take) -> None:
    outcome = take("cavity_modes", "sun2024", {"frames": 1, "fluence": 1.2e-3})
    assert outcome.status == "done"
    assert "mode_count" not in outcome.results
    assert any("No lasing line" in problem.text for problem in outcome.problems)


def test_spikes_are_irregular_and_few_return(take) -> None:
    outcome = take("random_laser", "xiong2022", {"shots": 16})
    assert outcome.status == "done", outcome.problems
    assert 500.0 < outcome.results["spike_q"].value < 4000.0
    assert outcome.results["spike_repeat_fraction"].value < 0.6
    assert outcome.results["spike_count"].value > 0.5


@pytest.mark.parametrize(("name", "bench", "values", "field", "text"), [
    ("cavity_modes", "sun2024", {"fluence": 1.0}, "pump.fluence", "outside"),
    ("cavity_modes", "sun2024", {"wavelength": 970.0}, "pump.wavelength", "outside"),
    ("random_laser", "xiong2022", {"shots": 1}, "shots", "outside"),
])
def test_wrong_input_is_refused_before_anything_moves(take, name, bench, values, field, text) -> None:
    with pytest.raises(Refused) as caught:
        take(name, bench, values)
    assert any(problem.field == field and text in problem.text for problem in caught.value.problems), caught.value.problems
