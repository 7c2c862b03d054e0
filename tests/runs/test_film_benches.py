"""The benches of the films from the bench file to light: stripe, bias and photon counter behind their drivers."""

from __future__ import annotations

from importlib import resources

import numpy as np
import pytest
from scipy.ndimage import median_filter

import labctl.api as api
from labctl.core.plan import Point
from labctl.core.procedure import Procedure, quantity
from labctl.core.reduction import Reduction

PUMP_NM = 400.0


class Pairs(Procedure):
    """Two readings at one fluence, with something else changed in between."""

    title = "Two readings"
    fluence = quantity("Fluence", "J/cm^2", default=5e-5, minimum=0.0, maximum=1.0)
    exposure = quantity("Exposure", "s", default=1.0, minimum=1e-3, maximum=10.0)

    changed = ("slit.length", (0.2, 3.0))
    reads = "spectrum"

    def plan(self, bench):
        """Visit both."""
        name, values = self.changed
        for value in values:
            yield Point(set={"pump.wavelength": PUMP_NM, "pump.fluence": self.fluence, name: value}, read=(self.reads,),
                        exposure_s=self.exposure)

    def reduce(self, run):
        """Nothing."""
        return Reduction()


class Charging(Pairs):
    """Spectra without and with charge."""

    changed = ("bias.voltage", (0.0, 20.0))


class Fading(Charging):
    """Decays without and with charge."""

    reads = "histogram"


@pytest.fixture
def pair(tmp_path):
    """Calibrate a packaged bench and take two readings; gives the run."""
    def take(bench_name, procedure):
        path = str(resources.files("sim_instruments.benches") / f"{bench_name}.toml")
        ends = {"first_wavelength": 399.0, "last_wavelength": 401.0, "wavelengths": 5, "angles": 9}
        with api.open_bench(path) as bench:
            order = api.Order("power_calibration", tmp_path, seed=1, figure=False)
            calibrated = api.run("power_calibration", bench, ends, order=order)
            assert calibrated.status == "done"
        with api.open_bench(path) as bench:
            outcome = api.run(procedure, bench, order=api.Order("pairs", tmp_path, seed=1, figure=False))
            assert outcome.status == "done"
        return api.load(outcome.run)
    return take


def width(spectrum):
    """Give the number of columns above half of the maximum; the median of neighbours keeps cosmic rays out."""
    light = median_filter(spectrum, 15)
    light = light - np.median(np.sort(light)[:50])
    return np.count_nonzero(light > light.max() / 2.0)


def test_a_long_stripe_amplifies(pair):
    run = pair("wang2015", Pairs(exposure=10.0))          # the short stripe gives ten counts a second
    short, long = run.data["counts"].values.astype(float)
    assert width(long) < 0.5 * width(short)


def test_charge_amplifies(pair):
    run = pair("qin2021", Charging())
    neutral, charged = run.data["counts"].values.astype(float)
    assert width(charged) < 0.5 * width(neutral)


def test_charge_quenches_and_shortens(pair):
    run = pair("qin2021-trpl", Fading(fluence=2e-9))
    neutral, charged = run.data["histogram"].values.astype(float)
    assert charged.sum() < 0.5 * neutral.sum()
    time = np.arange(len(neutral))
    assert charged @ time / charged.sum() < neutral @ time / neutral.sum()
