"""A head at the sample, through the whole chain: powers and fluences come right, their errors shrink, and the light is counted."""

from __future__ import annotations

import pytest

from labctl import api
from labctl.core.errors import Refused
from labctl.core.plan import Point
from labctl.core.procedure import Procedure
from labctl.core.reduction import Reduction

ORDER = {"figure": False, "seed": 5}
CALIBRATIONS = (("power_calibration", {"first_wavelength": 490.0, "last_wavelength": 535.0, "wavelengths": 5, "angles": 9}),
                ("pickoff_calibration", {"first_wavelength": 490.0, "last_wavelength": 520.0, "wavelengths": 4}))


class OneLevel(Procedure):
    """Hold a power and look at it from the pick-off."""

    title = "One level"

    def plan(self, bench):
        """Visit it once."""
        yield Point(set={"pump.wavelength": 505.0, "pump.power": 20e-6}, read=("power", "spectrum"), exposure_s=0.1)

    def reduce(self, run):
        """Say nothing: the point is the result."""
        return Reduction()


@pytest.fixture(scope="module")
def calibration(tmp_path_factory):
    """Calibrate power and pick-off of ying2021 between 490 and 520 nm, in a state folder that no other test sees."""
    state, data = tmp_path_factory.mktemp("state"), tmp_path_factory.mktemp("data")
    outcomes = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(state))
        for name, values in CALIBRATIONS:
            with api.open_bench("ying2021") as bench:
                outcomes.append(api.run(name, bench, values, order=api.Order(name, data, **ORDER)))
            assert outcomes[-1].status == "done", outcomes[-1].problems
    return state, outcomes[-1]


@pytest.fixture
def calibrated(calibration, monkeypatch):
    """Work with that calibration."""
    state, outcome = calibration
    monkeypatch.setenv("LABCTL_STATE", str(state))
    return outcome


def power_at_sample(bench, folder) -> float:
    """Set 20 µW, and ask the twin what then falls on the sample with the shutter open."""
    assert api.run(OneLevel(), bench, order=api.Order("one_level", folder, **ORDER)).status == "done"
    twin = bench.twin
    return twin.sample_port.fluence_max_j_cm2 * twin.lighting.pulses_per_s * twin.lighting.spot_cm2


def test_after_the_calibration_a_power_is_that_of_the_head_at_the_sample(calibrated, tmp_path) -> None:
    with api.open_bench("ying2021") as bench:
        assert power_at_sample(bench, tmp_path) * bench.twin.heads["sample_head"].gain == pytest.approx(20e-6, rel=0.012)
        assert bench.constant("pump.power_uncertainty") == pytest.approx(0.03, rel=0.02)
        bench.calibrations["pickoff_calibration"] = None
        bench.note_calibrations()
        assert bench.constant("pump.power_uncertainty") == pytest.approx(0.255, abs=0.001)
        wrong = power_at_sample(bench, tmp_path) * bench.twin.heads["sample_head"].gain / 20e-6
    assert abs(wrong - 1.0) > 0.03, "the data sheet's pick-off is off by what this bench hides"


def test_its_light_is_estimated_and_counted_as_dose(calibrated) -> None:
    run = api.load(calibrated.run)
    lit = float(run["lit_s"].sum())
    assert lit == pytest.approx(8 * 3.6, rel=0.05), "the head follows light slowly"
    assert calibrated.light.lit_s == pytest.approx(lit, rel=0.02)
    assert run.header["estimate"]["lit_seconds"] == pytest.approx(lit, rel=0.02)
    assert run.serials["sample_head"]
    assert run["sample_head.power"] == pytest.approx(48e-6, rel=0.3)


def test_beyond_its_range_the_last_value_goes_on_with_a_warning(calibrated) -> None:
    with api.open_bench("ying2021") as bench:
        inside, beyond = (bench.axes["pump.power"].check(20e-6, {"pump.wavelength": nm}) for nm in (505.0, 530.0))
        assert inside == []
        assert [problem.level for problem in beyond] == ["warning"]
        assert "489.125 to 520.875 nm" in beyond[0].text
        assert bench.beam is not None
        assert bench.beam.pickoff.ratio(530.0) == bench.beam.pickoff.ratio(520.875)


def test_a_bench_opens_without_the_head_and_then_refuses_the_calibration(tmp_path) -> None:
    _, text, _ = api.load_bench_file("ying2021")
    path = tmp_path / "bare.toml"
    lines = text.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("[instruments.sample_head]"))
    path.write_text("\n".join([*lines[:start], *lines[start + 5:]]), encoding="utf-8")
    with api.open_bench(str(path)) as bench:
        assert "sample_head.power" not in bench.detectors
        with pytest.raises(Refused, match="sample_head"):
            api.run("pickoff_calibration", bench, order=api.Order("pickoff_calibration", tmp_path, **ORDER))
