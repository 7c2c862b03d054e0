"""The small procedures of the day at the bench, on a simulated bench with stages: their numbers are the twin's."""

from __future__ import annotations

import numpy as np
import pytest

from labctl import api
from labctl.core.errors import Refused

STAGES = "ying2021-positioning"
PUMP = {"wavelength": 505.0, "power": 1e-5}


def test_snapshot_keeps_what_is_there(take) -> None:
    outcome = take("snapshot", "ying2021", {**PUMP, "frames": 3})
    assert outcome.status == "done", outcome.problems
    assert 525.0 < outcome.results["peak_nm"].value < 545.0
    assert outcome.results["total_rate"].value > 20 * outcome.results["total_rate"].stderr


def test_camera_in_the_dark(take) -> None:
    outcome = take("background", "ying2021", {"exposures": 4})
    assert outcome.results["dark_bias"].value == pytest.approx(300.0, abs=1.0)
    assert outcome.results["read_noise"].value > 0


def test_camera_is_linear_and_says_so(take) -> None:
    outcome = take("linearity", "ying2021", {"wavelength": 505.0, "power": 2e-5, "exposures": 4, "shortest": 0.3})
    assert outcome.status == "done", outcome.problems
    assert outcome.results["nonlinearity"].value < 2.0


def test_a_lamp_shows_the_same_without_light_on_the_sample(take) -> None:
    outcome = take("linearity", "ying2021-calibration", {"exposures": 4})
    assert outcome.status == "done", outcome.problems
    assert outcome.results["nonlinearity"].value < 1.0
    assert outcome.light.lit_s == 0.0


def test_focus_is_where_the_sample_was_found(take) -> None:
    outcome = take("focus", STAGES, {"positions": 9, "start": -0.008, "stop": 0.008})
    assert outcome.status == "done", outcome.problems
    depth_mm = np.pi * 0.6**2 / 0.505 * 1e-3          # of a Gaussian beam of the spot's radius, 0.6 µm
    assert outcome.results["focus_position"].value == pytest.approx(0.0, abs=1.5e-3)     # the sample wanders by 0.3 µm
    assert outcome.results["focus_depth"].value == pytest.approx(depth_mm, rel=0.15)


def test_raster_is_a_grid_in_the_file(take) -> None:
    outcome = take("raster", STAGES, {"x_places": 3, "y_places": 2, "exposure": 0.5})
    assert outcome.status == "done", outcome.problems
    with api.load(outcome.run) as run:
        assert run.data["counts"].dims[:2] == ("sample_y", "sample_x")
        assert run.data["counts"].shape[:2] == (2, 3)
        run.figure()


@pytest.mark.parametrize(("name", "values", "field", "text"), [
    ("focus", {"start": 0.01, "stop": -0.01}, "stop", "not above the start"),
    ("raster", {"x_places": 2000, "y_places": 2000}, "x_places", "more than 100000"),
    ("background", {"shortest": 5.0, "longest": 1.0}, "longest", "not above the start"),
    ("linearity", {"longest": 0.01}, "longest", "not above the start"),
    ("linearity", {"light": "lamp"}, "lamp", "this bench has no lamp.source"),
    ("snapshot", {"power": 3e-3, "wavelength": 505.0}, "pump.power", "outside"),
    ("focus", {"stop": 0.02}, "sample.z", "no sample.z"),
])
def test_wrong_input_is_refused_before_anything_moves(take, name, values, field, text) -> None:
    with pytest.raises(Refused) as caught:
        take(name, "ying2021", values)
    assert any(problem.field == field and text in problem.text for problem in caught.value.problems), caught.value.problems
