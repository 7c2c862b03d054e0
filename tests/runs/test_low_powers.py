"""Powers below what the pick-off head can read: the calibrated law is followed from a brighter reading."""

from __future__ import annotations

import pytest

from labctl import api
from labctl.core.steps import drive

WATT = {"bright": 2e-5, "dim": 2e-7, "dimmest": 2e-8}


@pytest.fixture
def bench(ple_run, labctl_state):
    """The simulated bench, tuned; the scan before it has calibrated it."""
    with api.open_bench("ying2021") as opened:
        drive(opened.clock, opened.prepare(lambda text: None))
        opened.move({"pump.wavelength": 505.0})
        yield opened


def true_power(bench):
    """Give what the twin would let fall on the sample, W."""
    shutter = bench.twin.element("shutter").opening
    shutter.move(1.0)
    fluence = bench.twin.fluence_now()
    shutter.move(0.0)
    return fluence


def test_low_powers_keep_their_ratio_although_the_head_sees_only_noise(bench) -> None:
    found = {}
    for name, power in WATT.items():
        told = bench.move({"pump.power": power})
        assert told["pump.power_measured"] == pytest.approx(power, rel=0.02)
        assert ("power" in told) == (name == "bright"), "a reading in the noise is not reported as one"
        found[name] = true_power(bench)
    assert found["dim"] / found["bright"] == pytest.approx(0.01, rel=0.05)
    assert found["dimmest"] / found["bright"] == pytest.approx(0.001, rel=0.05)
