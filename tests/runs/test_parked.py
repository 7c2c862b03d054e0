"""Where a bench says it stands after it was parked."""

from __future__ import annotations

import pytest

from labctl import api
from labctl.core import Point
from labctl.core.errors import AnalysisError


def test_after_park_the_power_shown_is_that_of_the_parked_bench(calibrated):
    calibrated("ying2021")
    with api.open_bench("ying2021") as bench:
        bench.move({"pump.wavelength": 520.0, "pump.power": 2e-6})
        assert bench.power_now() == (pytest.approx(2e-6, rel=0.02), "measured")
        assert not bench.run_level("park")
        power, how = bench.power_now()
        assert how == "calibrated"
        assert power is not None
        assert power < 2e-6 / 10, "the attenuator stands at its minimum"
        assert bench.axes["attenuator.angle"].position == pytest.approx(bench.read("attenuator.angle"))


def test_after_park_the_bias_is_known_to_be_zero(labctl_state):
    with api.open_bench("qin2021") as bench:
        bench.move({"bias.voltage": 3.0})
        assert not bench.run_level("park")
        assert bench.axes["bias.voltage"].position == pytest.approx(0.0, abs=0.02)


@pytest.mark.parametrize(("park_angle", "warned"), [(None, True), (12.0, False)])
def test_a_real_bench_says_that_the_shutter_alone_blocks_the_pump(monkeypatch, tmp_path, park_angle, warned):
    monkeypatch.setenv("LABCTL_STATE", str(tmp_path))
    with api.open_bench("ying2021") as bench:
        with pytest.raises(AnalysisError):
            bench.reach("pump.power", {"pump.wavelength": 520.0})        # uncalibrated
        monkeypatch.setattr(bench, "simulated", False)
        bench.devices["attenuator"].driver.park_angle = park_angle
        found = bench.check_light([Point({}, read=("spectrum",), exposure_s=0.1)])
        assert [problem.field for problem in found if "shutter alone" in problem.text] == ["attenuator"] * warned
        assert not bench.check_light([Point({}, read=("spectrum",), exposure_s=0.1, light=False)])


def test_the_rehearsal_of_such_a_bench_says_so_too(labctl_state, tmp_path):
    _, text, _ = api.load_bench_file("ying2021")
    path = tmp_path / "real.toml"
    path.write_text(text.replace('backend = "simulated"', 'backend = "real"'), encoding="utf-8")
    looking = [Point({}, read=("spectrum",), exposure_s=0.1)]
    with api.open_bench(str(path), rehearsal=True) as bench:
        assert ["shutter alone" in problem.text for problem in bench.check_light(looking)] == [True]
    with api.open_bench("ying2021", rehearsal=True) as bench:
        assert not bench.check_light(looking), "the rehearsal of a simulated bench stands for no other"
