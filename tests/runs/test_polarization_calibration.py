"""An analyser whose zero nobody knows, through the whole chain: its calibration takes the error away (metamorphic row 6)."""

from __future__ import annotations

from importlib import resources

import pytest

from labctl import api
from labctl.core.errors import Refused

PLATE = 'analyser = {kind = "analyser", scheme = "half_wave_plate", fixed_deg = 0.0}'
SHORT = {"second_wavelength": 0.0, "stop": 180.0, "angles": 13}
COARSE = {"first_wavelength": 495.0, "last_wavelength": 527.0, "wavelengths": 5, "angles": 9}
TRUE_AXIS_DEG, TRUE_DOLP = 25.0, 88.5
GROOVE_DEG = 173.138           # dealt to this bench by its seed


def bench_file(folder, analyser: str, scheme: str = "half_wave_plate") -> str:
    """Write ying2021-polarization with another analyser."""
    text = resources.files("sim_instruments.benches").joinpath("ying2021-polarization.toml").read_text(encoding="utf-8")
    assert PLATE in text
    text = text.replace(PLATE, analyser)
    text = text.replace('polarization = {scheme = "half_wave_plate"}', f'polarization = {{scheme = "{scheme}"}}')
    path = folder / "bench.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def measured(path: str, folder, *, calibrated: bool):
    """Calibrate the power, then the analyser if wanted, and measure the pair; gives the results of both."""
    steps = [("power_calibration", COARSE), ("polarization_calibration", {"stop": 170.0, "angles": 18}), ("polarization", SHORT)]
    found = []
    for name, values in steps if calibrated else (steps[0], steps[2]):
        with api.open_bench(path) as bench:
            outcome = api.run(name, bench, values, order=api.Order(name, folder, seed=7, figure=False))
        assert outcome.status == "done", outcome.problems
        found.append(outcome)
    return found[-1].results, found[-2].results


@pytest.mark.parametrize("zero", [-1.0, 2.0])
def test_a_hidden_zero_turns_no_axis_once_it_is_calibrated(tmp_path, zero: float) -> None:
    path = bench_file(tmp_path, PLATE.replace("fixed_deg", f"zero_deg = {zero}, fixed_deg"))
    pair, calibration = measured(path, tmp_path, calibrated=True)
    assert calibration["analyser_zero"].value == pytest.approx(zero, abs=0.05)
    assert pair["axis_lower"].value == pytest.approx(TRUE_AXIS_DEG, abs=0.5)
    assert pair["axis_lower"].systematic == pytest.approx(0.5, abs=0.05), "of the pump's axis; 4 deg before"


def test_uncalibrated_it_turns_every_axis_and_the_error_says_so(tmp_path) -> None:
    pair, _ = measured(bench_file(tmp_path, PLATE.replace("fixed_deg", "zero_deg = 2.0, fixed_deg")), tmp_path, calibrated=False)
    assert pair["axis_lower"].value == pytest.approx(TRUE_AXIS_DEG + 2 * 2.0, abs=0.5)
    assert pair["axis_lower"].systematic == 4.0


def test_behind_a_rotating_polariser_the_grating_is_taken_out(tmp_path) -> None:
    rotating = PLATE.replace('scheme = "half_wave_plate", fixed_deg = 0.0', "zero_deg = 3.0")
    pair, calibration = measured(bench_file(tmp_path, rotating, "analyser"), tmp_path, calibrated=True)
    assert calibration["analyser_zero"].value == pytest.approx(3.0, abs=0.05)
    assert calibration["grating_contrast"].value == pytest.approx(0.35, abs=0.01)
    assert calibration["grating_axis"].value == pytest.approx(GROOVE_DEG, abs=0.5)
    assert pair["axis_lower"].value == pytest.approx(TRUE_AXIS_DEG, abs=0.5)
    assert pair["dolp_lower_standard"].value == pytest.approx(TRUE_DOLP, abs=1.5)


def test_a_bench_that_does_not_know_its_pumps_axis_is_refused(tmp_path) -> None:
    with api.open_bench("sun2024") as bench, pytest.raises(Refused, match=r"\[pump\] polarization"):
        api.run("polarization_calibration", bench, order=api.Order("polarization_calibration", tmp_path, seed=1))
