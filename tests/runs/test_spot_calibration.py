"""The size of the spot by a knife edge, through drivers, wire and twin; fluences are computed with it afterwards."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from labctl import api
from labctl.core.errors import Refused

BENCH = "ying2021-calibration"


@pytest.fixture
def measured(calibrated, session_state, tmp_path, monkeypatch):
    """Run on the bench of calibrations, in a state folder of its own: a calibrated spot would change what others see."""
    calibrated(BENCH)
    place = f"calibrations/{BENCH}/power_calibration"
    shutil.copytree(session_state / place, tmp_path / "own" / place)
    monkeypatch.setenv("LABCTL_STATE", str(tmp_path / "own"))

    def run(values=None):
        with api.open_bench(BENCH) as bench:
            return api.run("spot_size", bench, values or {}, order=api.Order("spot_size", tmp_path, seed=3, figure=False))
    return run


def test_the_spot_is_found_both_ways_and_replaces_the_one_in_the_bench_file(measured) -> None:
    outcome = measured({"positions": 16})
    assert outcome.status == "done", outcome.problems
    found = outcome.results
    for name, true in (("spot_diameter_x", 1.44), ("spot_diameter_y", 1.26)):
        assert found[name].value == pytest.approx(true, abs=max(5 * found[name].stderr, 0.01))
    assert found["spot_ellipticity"].value == pytest.approx(1.44 / 1.26, abs=0.02)
    with api.open_bench(BENCH) as bench:
        area, radius_um = bench.spot_size()
        assert radius_um == pytest.approx(found["spot_diameter"].value / 2)
        assert area == pytest.approx(np.pi / 8 * 1.44 * 1.26e-8, rel=0.02)         # peak of the elliptic Gaussian
        assert bench.constants()["spot.area_cm2"] == pytest.approx(area)
        assert bench.constants()["spot.uncertainty"] < 0.01 < bench.config.pump.spot.uncertainty


def test_one_way_alone_counts_for_a_round_spot(measured) -> None:
    outcome = measured({"across": "y", "positions": 10})
    assert set(outcome.results) == {"spot_diameter_y"}
    with api.open_bench(BENCH) as bench:
        assert bench.spot_size()[1] == pytest.approx(outcome.results["spot_diameter_y"].value / 2)


@pytest.mark.parametrize(("bench", "values", "field", "text"), [
    (BENCH, {"start": 0.01, "stop": -0.01}, "stop", "not above the start"),
    (BENCH, {"clear": 0.0}, "clear", "lies within the scan"),
    (BENCH, {"start": -49.0, "stop": -48.0, "power": 1e-3}, "pump.power", "outside"),
    ("ying2021", {}, "blade_x", "this bench has no blade_x.position"),
])
def test_wrong_input_is_refused_before_anything_moves(calibrated, tmp_path, bench, values, field, text) -> None:
    calibrated(bench)
    with pytest.raises(Refused) as caught, api.open_bench(bench) as opened:
        api.run("spot_size", opened, values, order=api.Order("spot_size", tmp_path, seed=3))
    assert any(problem.field == field and text in problem.text for problem in caught.value.problems), caught.value.problems
