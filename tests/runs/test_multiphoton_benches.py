"""The benches of the cavities from the bench file to light: a source set by hand, power calibrated, fluence set, spectra taken."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest

import labctl.api as api
from labctl.core.plan import Point
from labctl.core.procedure import Procedure, quantity
from labctl.core.reduction import Reduction


class Levels(Procedure):
    """Spectra at two fluences, below and above threshold."""

    title = "Two levels"
    wavelength = quantity("Pump wavelength", "nm", default=800.0, minimum=300.0, maximum=2500.0)
    low = quantity("Low fluence", "J/cm^2", default=1e-4, minimum=0.0, maximum=1.0)
    high = quantity("High fluence", "J/cm^2", default=1e-3, minimum=0.0, maximum=1.0)
    exposure = quantity("Exposure", "s", default=1.0, minimum=1e-3, maximum=10.0)

    def plan(self, bench):
        """Visit both."""
        for level in (self.low, self.high):
            where = {"pump.wavelength": self.wavelength, "pump.fluence": level}
            yield Point(set=where, read=("spectrum",), exposure_s=self.exposure)

    def reduce(self, run):
        """Nothing."""
        return Reduction()


def bench_file(name):
    return str(resources.files("sim_instruments.benches") / f"{name}.toml")


@pytest.mark.parametrize(("name", "range_nm", "pump_nm", "low", "high"), [
    ("sun2024", (1450.0, 1550.0), 1500.0, 1.5e-3, 4.0e-3), ("sun2024-970", (950.0, 990.0), 970.0, 3.0e-4, 1.2e-3),
    ("xiong2022", (795.0, 805.0), 800.0, 1.5e-4, 4.0e-4)])
def test_fluence_over_threshold_makes_lines(name, range_nm, pump_nm, low, high, tmp_path):
    ends = {"first_wavelength": range_nm[0], "last_wavelength": range_nm[1], "wavelengths": 5, "angles": 9}
    with api.open_bench(bench_file(name)) as bench:
        calibrated = api.run("power_calibration", bench, ends, order=api.Order("power_calibration", tmp_path, seed=1, figure=False))
        assert calibrated.status == "done"
    with api.open_bench(bench_file(name)) as bench:
        levels = Levels(wavelength=pump_nm, low=low, high=high)
        outcome = api.run(levels, bench, order=api.Order("levels", tmp_path, seed=1, figure=False))
        assert outcome.status == "done"
        reached = bench.twin.sample_port.fluence_max_j_cm2
    assert reached == pytest.approx(high, rel=0.3)       # the pick-off's fraction is known to 25 %
    below, above = api.load(outcome.run).data["counts"].values.astype(float)
    assert np.abs(np.diff(above)).max() > 5 * np.abs(np.diff(below)).max()
