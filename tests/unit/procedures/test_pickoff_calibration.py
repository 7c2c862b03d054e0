"""The pick-off calibration: its plan, its results, and the calibration it leaves."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.errors import Refused
from procedures.pickoff_calibration import PickoffCalibration

CONSTANTS = {"pickoff.nominal_ratio": 6.0, "pickoff.nominal_uncertainty": 0.25, "pickoff.lowest_reading_w": 4e-7,
             "pump.bandwidth": 2.0, "nd.blocked_slot": 6.0, "nd.open_slot": 1.0}
REACH = {"pump.power": (1e-8, 65e-6)}


@pytest.fixture
def bench(fake_bench):
    return fake_bench(constants=CONSTANTS, reaches=REACH)


def test_both_heads_are_zeroed_in_the_dark_and_read_up_and_down(bench) -> None:
    zero, *points = PickoffCalibration(wavelengths=3).plan(bench)
    assert (zero.do, zero.light, dict(zero.set)) == (("power_meter.zero", "sample_head.zero"), False, {"nd.slot": 6.0})
    assert [point.set["pump.wavelength"] for point in points] == [480.0, 525.0, 570.0, 570.0, 525.0, 480.0]
    assert {point.read for point in points} == {("power", "sample_head.power")}
    assert all(point.light for point in points)


def test_the_power_is_what_the_pick_off_needs_to_read_well(bench, fake_bench) -> None:
    assert next(iter(list(PickoffCalibration().plan(bench))[1:])).set["pump.power"] == pytest.approx(20 * 4e-7 * 6.0)
    weak = fake_bench(constants=CONSTANTS, reaches={"pump.power": (1e-8, 1e-5)})
    assert list(PickoffCalibration().plan(weak))[1].set["pump.power"] == pytest.approx(0.8e-5)


def test_a_power_out_of_reach_is_refused(bench) -> None:
    with pytest.raises(Refused, match=r"100 µW is not within 0.01 to 65 µW"):
        list(PickoffCalibration(power=1e-4).plan(bench))


def test_a_range_upside_down_is_refused() -> None:
    upside_down = PickoffCalibration(first_wavelength=570, last_wavelength=480)
    assert [problem.field for problem in upside_down.check()] == ["last_wavelength"]
    assert PickoffCalibration(first_wavelength=800, wavelengths=1).check() == []


@pytest.mark.parametrize(("true", "warned"), [(7.0, False), (14.0, True)])
def test_the_ratio_becomes_a_calibration_of_the_pick_off_head_alone(bench, fake_run, true: float, warned: bool) -> None:
    procedure = PickoffCalibration(wavelengths=4, repeats=3)
    points = [point for point in procedure.plan(bench) if point.kind == "scan"]
    run = fake_run(points, constants=CONSTANTS, serials={"power_meter": "PM-7", "sample_head": "PM-8", "laser": "L-1"})
    noise = 1 + 1e-3 * np.random.default_rng(3).standard_normal(len(points))
    run.values |= {"power": np.full(len(points), 8e-6), "sample_head.power": 8e-6 * true * noise}
    reduction = procedure.reduce(run)
    found, kept = reduction.results["pickoff_ratio"], reduction.calibration
    assert found.stderr is not None
    assert kept is not None
    assert abs(found.value - true) < 4 * found.stderr
    assert found.systematic == pytest.approx(0.03 * found.value)
    assert kept.valid["pump.wavelength"] == (479.0, 571.0), "as far as the pump's own band"
    assert (kept.serials, kept.references) == ({"power_meter": "PM-7"}, {"sample_head": "PM-8"})
    assert kept.uncertainty == pytest.approx(0.03, rel=0.05)
    assert bool(reduction.problems) is warned
