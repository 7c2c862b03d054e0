"""Pump and probe through the whole chain: the film's biexcitons empty, and no pump bleaches nothing."""

from __future__ import annotations

import pytest

from labctl import api


def test_the_bleach_of_a_film_falls_by_auger_recombination(take, tmp_path) -> None:
    with api.open_bench("qin2021-probe") as bench:
        coarse = {"first_wavelength": 399.0, "last_wavelength": 401.0, "wavelengths": 5, "angles": 9}
        order = api.Order("power_calibration", tmp_path, seed=1, figure=False)
        assert api.run("power_calibration", bench, coarse, order=order).status == "done"
    outcome = take("pump_probe", "qin2021-probe", {"delays": "-10, 2, 10:90:20, 150, 300, 500", "blocks": 1, "dark_frames": 2})
    assert outcome.status == "done"
    assert outcome.results["bleach_lifetime"].value == pytest.approx(80.0, abs=30.0)        # of the record, in a cascade
    bleach = outcome.reduction.curves["bleach"]
    assert abs(bleach.y[0]) < 4 * bleach.sigma[0]
    assert bleach.y[1] > 10 * bleach.sigma[1]
