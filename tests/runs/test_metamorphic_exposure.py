"""Metamorphic row 30, through the whole chain: how one looks, and on which bench, moves no result."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

from labctl import api

BENCHES = resources.files("sim_instruments.benches")
CALIBRATIONS = (("power_calibration", {"first_wavelength": 399.0, "last_wavelength": 401.0, "wavelengths": 5, "angles": 9}),
                ("pickoff_calibration", {}))
LADDER = {"first": "8 uJ/cm^2", "last": "40 uJ/cm^2", "fluences": 17}
WHEEL = 'resource = "ASRL/dev/ttyUSB7::INSTR"\ninitial = {slot = '
DIMMED = (("seed = 2015", "seed = 77"), (WHEEL + "1}", WHEEL + "3}"))       # slot 3 passes a tenth


def threshold(folder, monkeypatch, changes, exposure_s: float):
    """Calibrate a copy of wang2015 and measure; gives the results and the gain of the head at the sample, which hides in them."""
    text = BENCHES.joinpath("wang2015.toml").read_text(encoding="utf-8").replace('"filters/', f'"{BENCHES}/filters/')
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    folder.mkdir()
    path = folder / "bench.toml"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setenv("LABCTL_STATE", str(folder / "state"))
    for name, values in (*CALIBRATIONS, ("power_series", LADDER | {"exposure": exposure_s})):
        with api.open_bench(str(path)) as bench:
            outcome = api.run(name, bench, values, order=api.Order(name, folder, seed=9, figure=False))
            gain = bench.twin.heads["sample_head"].gain
        assert outcome.status == "done", outcome.problems
    return outcome.results, gain


def test_exposure_detection_filter_and_another_bench_move_no_threshold(tmp_path, monkeypatch) -> None:
    plain, first_gain = threshold(tmp_path / "plain", monkeypatch, (), 10.0)
    other, other_gain = threshold(tmp_path / "other", monkeypatch, DIMMED, 30.0)
    name = "threshold_kink_fluence"
    true = plain[name].value / first_gain, other[name].value / other_gain
    assert true[0] == pytest.approx(true[1], abs=2 * np.hypot(plain[name].stderr, other[name].stderr))
    assert plain[name].value == pytest.approx(other[name].value, rel=2 * np.hypot(0.05, 0.05)), "within what the head is worth"
    for name, absolute in (("spe_wavelength", 0.3), ("ase_wavelength", 0.4), ("spe_fwhm", 0.5)):
        assert plain[name].value == pytest.approx(other[name].value, abs=absolute), name
