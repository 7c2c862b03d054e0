"""Change one hidden thing of a bench, measure and calibrate as before: the result moves by as much as it should, or stays."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from labctl import api
from labctl.analysis import attenuator

PLATE = 'attenuator = {kind = "wave_plate_attenuator"'
SOURCE = 'laser = {kind = "supercontinuum"'
COARSE = {"wavelengths": 5, "angles": 10}


@pytest.fixture
def changed(tmp_path):
    """Write ying2021 with options added to one element of its light path."""
    def write(name: str, element: str = "", options: str = "") -> str:
        text = resources.files("sim_instruments.benches").joinpath("ying2021.toml").read_text(encoding="utf-8")
        assert element in text
        path = tmp_path / f"{name}.toml"
        path.write_text(text.replace(element, f"{element}, {options}") if element else text, encoding="utf-8")
        return str(path)
    return write


def calibrate(path, folder):
    with api.open_bench(path) as bench:
        outcome = api.run("power_calibration", bench, COARSE, order=api.Order("power_calibration", folder, seed=4, figure=False))
        truth = {name: told["value"] for name, told in bench.truth().items() if name.startswith("attenuator.")}
    assert outcome.status == "done", outcome.problems
    return outcome, truth


def test_a_turned_plate_moves_the_calibrated_offset_by_as_much(changed, tmp_path) -> None:
    found = [calibrate(changed(f"turned{angle}", PLATE, f"offset_deg = {angle}"), tmp_path)[0].results["offset_deg"].value
             for angle in (1.0, 3.0)]
    assert found[1] - found[0] == pytest.approx(2.0, abs=0.05)


def test_a_plate_for_another_wavelength_darkens_less_at_495_nm(changed, tmp_path, monkeypatch) -> None:
    """A plate for λd leaves cos²(π λd/2λ) of the light where it should leave none, beside the polariser's own extinction."""
    lowest = {}
    for design in (513.0, 520.0):
        monkeypatch.setenv("LABCTL_STATE", str(tmp_path / f"state{design:g}"))
        options = f"plate_wavelength_nm = {design}, extinction = 0.001"
        outcome, _ = calibrate(changed(f"plate{design:g}", PLATE, options), tmp_path)
        low, high = attenuator.reach(outcome.reduction.calibration.curve, 495.0)
        lowest[design] = low / high
    assert lowest[513.0] == pytest.approx(1e-3 + 3.3e-3, rel=0.1)
    assert lowest[520.0] == pytest.approx(1e-3 + 6.3e-3, rel=0.1)


def test_a_tilted_source_moves_no_resonance(changed, tmp_path, monkeypatch) -> None:
    """A fifth more light at one end of the scan than at the other: the photon flux is closed on the head, so nothing moves."""
    curves = {}
    for name, tilt in (("even", 0.0), ("tilted", 0.2 / 30.0)):
        monkeypatch.setenv("LABCTL_STATE", str(tmp_path / name))
        with api.open_bench(changed(name, SOURCE, f"tilt = {tilt}")) as bench:
            values = {"start": 515.0, "stop": 529.0, "level": 0.7 if tilt else 0.8}
            outcome = api.run("ple", bench, values, order=api.Order("ple", tmp_path, seed=6, figure=False))
        assert outcome.status == "done", outcome.problems
        curves[name] = outcome
    even, tilted = (curves[name].results["resonance_nm"] for name in ("even", "tilted"))
    assert tilted.value == pytest.approx(even.value, abs=0.1 + 2 * np.hypot(even.stderr, tilted.stderr))
