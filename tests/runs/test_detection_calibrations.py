"""Calibrations of the detection with lamps, through drivers, wire and twin: what a bench hides is found, and then used."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from labctl import api
from labctl.analysis.detector_response import planck_photons
from labctl.analysis.lamp_lines import MERCURY
from labctl.core.errors import Refused
from labctl.core.plan import Point
from labctl.core.procedure import Procedure

BENCH = "ying2021-calibration"
BUILT = "focal_length_mm = 319.1, half_angle_deg = 12.3"
GREEN = MERCURY[4]


@pytest.fixture
def misaligned(tmp_path, labctl_state):
    """Write the bench of calibrations with a display that is 0.30 nm off, and a drive that comes back exactly."""
    text = resources.files("sim_instruments.benches").joinpath(f"{BENCH}.toml").read_text(encoding="utf-8")
    assert BUILT in text
    text = text.replace(BUILT, f"{BUILT}, centre_errors_nm = [0.30, 0.30]").replace("seed = 2021\n", "seed = 2021\nideal = true\n")
    path = tmp_path / "misaligned.toml"
    path.write_text(text.replace(BENCH, "misaligned"), encoding="utf-8")
    return str(path)


def run(bench: str, name: str, folder, values=None):
    with api.open_bench(bench) as opened:
        return api.run(name, opened, values or {}, order=api.Order(name, folder, seed=3, figure=False))


class Green(Procedure):
    """Dark frames, then the green line of mercury where the bench begins."""

    def plan(self, bench):
        yield Point({"lamp.source": 0.0}, kind="dark", light=False, exposure_s=0.5)
        yield Point({"lamp.source": 1.0}, light=False, exposure_s=0.5)


def green_line_read_nm(bench: str, folder) -> float:
    """Give how far from its wavelength the bench reads the green line, nm."""
    with api.open_bench(bench) as opened:
        outcome = api.run(Green(), opened, order=api.Order("green", folder, seed=5, figure=False))
    assert outcome.status == "done", outcome.problems
    with api.load(outcome.run) as measured:
        axis, signal = measured.wavelength("air"), measured.signal()[0]
        near = np.abs(axis - GREEN) < 0.6
        return float(np.average(axis[near], weights=np.clip(signal[near], 0.0, None)) - GREEN)


def test_a_hidden_offset_of_the_display_is_gone_after_the_calibration(misaligned, tmp_path) -> None:
    before = green_line_read_nm(misaligned, tmp_path)
    outcome = run(misaligned, "wavelength_calibration", tmp_path, {"grating": 1})
    assert outcome.status == "done", outcome.problems
    assert outcome.results["wavelength_offset_1"].value == pytest.approx(0.30, abs=0.003)
    assert outcome.results["focal_length_1"].value == pytest.approx(319.1, abs=5 * outcome.results["focal_length_1"].stderr)
    assert outcome.results["half_angle_1"].value == pytest.approx(12.3, abs=5 * outcome.results["half_angle_1"].stderr)
    assert before == pytest.approx(-0.30, abs=0.03)            # the geometry differs too, by 0.03 nm at 11 nm from the middle
    assert green_line_read_nm(misaligned, tmp_path) == pytest.approx(0.0, abs=0.003)


def test_a_wider_slit_widens_the_lamp_lines_and_what_the_bench_knows_of_them(misaligned, tmp_path) -> None:
    widths = []
    for slit_um in (50.0, 100.0):
        path = Path(misaligned)
        path.write_text(path.read_text(encoding="utf-8").replace("slit_um = 50.0, gratings", f"slit_um = {slit_um}, gratings"),
                        encoding="utf-8")
        found = run(misaligned, "wavelength_calibration", tmp_path, {"grating": 1, "exposure": 0.5}).results
        with api.open_bench(misaligned) as opened:
            widths.append((found["instrument_fwhm_1"].value, opened.constants()["detection.instrument_fwhm"]))
    lines, constants = np.array(widths).T
    expected = np.hypot(100.0, 1.6 * 26.0) / np.hypot(50.0, 1.6 * 26.0)      # of the slit's image and the twin's pixel blur
    assert lines[1] / lines[0] == pytest.approx(expected, rel=0.02)
    assert constants[1] / constants[0] == pytest.approx(expected, rel=0.02)


def test_another_spectrograph_does_not_get_the_calibration(misaligned, tmp_path) -> None:
    run(misaligned, "wavelength_calibration", tmp_path, {"grating": 1})
    path = Path(misaligned)
    path.write_text(path.read_text(encoding="utf-8").replace("ttyUSB4", "ttyUSB9"), encoding="utf-8")
    with api.open_bench(misaligned) as opened:                  # another port of the twin: another box, another serial number
        assert opened.calibrations["wavelength_calibration"] is None
        assert "detection.wavelength_uncertainty" not in opened.constants()


class White(Procedure):
    """Dark frames, then the halogen lamp where the bench begins."""

    def plan(self, bench):
        yield from [Point({"lamp.source": 0.0}, kind="dark", light=False, exposure_s=2.0)] * 4
        yield Point({"lamp.source": 2.0}, light=False, exposure_s=2.0)


def evenness(folder) -> tuple[float, str]:
    """Give by how much the lamp's spectrum over its own photons varies along the chip, and how the signal calls itself."""
    with api.open_bench(BENCH) as opened:
        outcome = api.run(White(), opened, order=api.Order("white", folder, seed=6, figure=False))
    with api.load(outcome.run) as measured:
        axis = measured.wavelength("air")
        level = measured.signal()[0] / planck_photons(axis, 2856.0) / np.gradient(axis)
        coarse = np.median(level[:1000].reshape(20, 50), axis=1)
        return float(np.ptp(coarse) / coarse.mean()), measured.signal_label


def test_the_response_of_grating_and_camera_is_found_and_taken_out_of_later_signals(state_folder, tmp_path) -> None:
    before, label = evenness(tmp_path)
    assert before > 0.05
    assert "corrected" not in label
    outcome = run(BENCH, "response_calibration", tmp_path, {"grating": 1, "frames": 3})
    assert outcome.status == "done", outcome.problems
    after, label = evenness(tmp_path)
    assert after < 0.005
    assert "response corrected" in label


@pytest.mark.parametrize(("values", "field", "text"), [
    ({"first_centre": 600.0, "last_centre": 500.0}, "last_centre", "not above the start"),
    ({"grating": 7}, "grating", "the turret holds 2"),
    ({"last_centre": 1900.0}, "emission.centre", "outside"),
])
def test_wrong_input_of_response_calibration_is_refused(tmp_path, values, field, text) -> None:
    with pytest.raises(Refused) as caught:
        run(BENCH, "response_calibration", tmp_path, values)
    assert any(problem.field == field and text in problem.text for problem in caught.value.problems), caught.value.problems


@pytest.mark.parametrize(("bench", "values", "field", "text"), [
    (BENCH, {"first_centre": 600.0, "last_centre": 430.0}, "last_centre", "not above the start"),
    (BENCH, {"grating": 5}, "grating", "the turret holds 2"),
    (BENCH, {"last_centre": 1990.0}, "emission.centre", "outside"),
    ("ying2021", {}, "lamp", "this bench has no lamp.source"),
])
def test_wrong_input_of_wavelength_calibration_is_refused(tmp_path, bench, values, field, text) -> None:
    with pytest.raises(Refused) as caught:
        run(bench, "wavelength_calibration", tmp_path, values)
    assert any(problem.field == field and text in problem.text for problem in caught.value.problems), caught.value.problems
