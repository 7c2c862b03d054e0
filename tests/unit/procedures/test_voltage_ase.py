"""Emission under a voltage: its plans, the leakage that stops it, and what it finds in spectra whose truth is known."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from labctl.analysis import switching
from labctl.core.errors import Refused
from labctl.core.plan import Point, Reading
from labctl.core.procedure import AdaptiveSteps
from procedures.voltage_ase import VoltageASE

REACH = {"pump.fluence": (1e-9, 1e-3), "bias.voltage": (-20.0, 20.0)}
WHEEL = {"nd.blocked_slot": 6.0, "nd.open_slot": 1.0}
CONSTANTS = {"pump.bandwidth": 2.0, "detection.instrument_fwhm": 0.15, "pickoff.ratio": 10.0, "repetition_rate_hz": 1e3,
             "spot.area_cm2": 1e-2}
PIXELS = np.linspace(498.0, 557.0, 1024)


def threshold(volts: np.ndarray) -> np.ndarray:
    return 60.0 - 1.5 * volts


def line(centre: float, fwhm: float) -> np.ndarray:
    shape = np.exp(-4 * np.log(2) * ((PIXELS - centre) / fwhm) ** 2)
    return shape / shape.sum()


def walk(procedure: VoltageASE, bench, leak=lambda volt, visit: 1e-7 * volt) -> list[Point]:
    """Lead a plan through readings whose leakage is invented."""
    plan = cast(AdaptiveSteps, procedure.plan(bench))
    points, seen = [next(plan)], {}
    try:
        while True:
            point = points[-1]
            volt = point.set.get("bias.voltage", 0.0)
            seen[volt] = seen.get(volt, 0) + 1
            values = {"current": leak(volt, seen[volt])} if "current" in point.read else {}
            points.append(plan.send(Reading(0, point, {}, values)))
    except StopIteration:
        return points


class TestPlan:
    def test_voltages_only_rise_and_end_at_zero(self, fake_bench) -> None:
        points = walk(VoltageASE(voltages=3, fluences=6), fake_bench(reaches=REACH, constants=WHEEL))
        volts = [point.set["bias.voltage"] for point in points if point.kind == "scan"]
        assert volts == [0.0] * 6 + [10.0] * 6 + [20.0] * 6 + [0.0]

    def test_switching_is_armed_in_the_dark(self, fake_bench) -> None:
        points = walk(VoltageASE(measurement="switching", cycles=2, frames=2), fake_bench(reaches=REACH))
        arming = [point for point in points if point.kind == "zero"]
        assert [(point.set["bias.voltage"], point.light) for point in arming] == [(20.0, False), (0.0, False)]
        assert [point.set["bias.voltage"] for point in points if point.kind == "scan"] == [0.0, 0.0, 20.0, 20.0] * 2

    @pytest.mark.parametrize("measurement", ["threshold", "switching"])
    def test_it_stays_within_its_bounds(self, fake_bench, measurement: str) -> None:
        procedure, bench = VoltageASE(measurement=measurement), fake_bench(reaches=REACH, constants=WHEEL)
        bounds = procedure.bounds(bench)
        assert bounds is not None
        points = walk(procedure, bench)
        assert [problem for point in points for problem in bounds.violations(point)] == []
        assert len(points) <= bounds.points

    def test_growing_leakage_stops_the_run(self, fake_bench) -> None:
        def leak(volt: float, visit: int) -> float:
            return 1e-7 * volt * (1.0 if volt < 20.0 else visit)

        points = walk(VoltageASE(voltages=3, fluences=6), fake_bench(reaches=REACH), leak)
        assert [point.set["bias.voltage"] for point in points if point.kind == "scan"].count(20.0) == 4
        assert points[-1].set["bias.voltage"] == 20.0

    def test_noise_of_the_meter_is_no_leakage(self) -> None:
        assert not switching.grown(5e-9, -1e-10, 3.0)
        assert switching.grown(5e-8, -1e-10, 3.0)

    def test_more_than_the_limit_is_refused_before_anything_is_switched_on(self, fake_bench) -> None:
        with pytest.raises(Refused, match=r"highest: 20\.5 V is above 20 V"):
            VoltageASE(highest=20.5).bounds(fake_bench(reaches=REACH))

    def test_check(self) -> None:
        assert [problem.field for problem in VoltageASE(first="100 uJ/cm^2").check()] == ["last"]
        assert VoltageASE().check() == []

    @pytest.mark.parametrize(("name", "value"), [("highest", 0), ("voltages", 1), ("leakage_factor", 1.0), ("measurement", "all")])
    def test_impossible_values_are_refused_when_set(self, name: str, value: object) -> None:
        with pytest.raises(Refused, match=name):
            VoltageASE(**{name: value})


@pytest.fixture
def taken(fake_bench, fake_run):
    """Run a plan on an invented film whose threshold falls by 1.5 µJ/cm² per volt."""
    def take(procedure: VoltageASE):
        points = [point for point in walk(procedure, fake_bench(reaches=REACH)) if point.kind == "scan"]
        rng = np.random.default_rng(1)
        run = fake_run(points, constants=CONSTANTS, pixels_nm=PIXELS)
        volts = np.array([point.set["bias.voltage"] for point in points])
        fluence = np.array([point.set.get("pump.fluence", 40e-6) for point in points]) * 1e6
        above = np.clip(fluence - threshold(volts), 0, None)
        exact = (np.outer(2e3 * np.minimum(fluence, threshold(volts)) * (1 - 0.03 * volts), line(520.0, 25.0))
                 + np.outer(4e4 * above, line(535.0, 4.0)))
        run.spectra = rng.poisson(exact) + rng.normal(0, 3.0, exact.shape)
        run.errors = np.sqrt(exact + 9.0)
        run.values = {"power": fluence * 1e-3 * 1e-3, "pump.fluence_measured": fluence * 1e-6, "current": 1e-7 * volts,
                      "bias.voltage": volts, "bias.voltage_measured": volts + 1e-4, "elapsed_s": 0.5 * np.arange(len(points))}
        return run
    return take


class TestReduction:
    def test_threshold_against_voltage(self, taken) -> None:
        procedure = VoltageASE(voltages=3, fluences=24)
        reduction = procedure.reduce(taken(procedure))
        results = reduction.results
        for volt in (0, 10, 20):
            assert results[f"threshold_kink_fluence_{volt}v"].value == pytest.approx(60.0 - 1.5 * volt, abs=1.5)
        assert results["threshold_reduction"].value == pytest.approx(50.0, abs=3.0)
        assert list(reduction.curves["threshold_kink_fluence_by_voltage"].x) == [0.0, 10.0, 20.0]
        assert results["spe_wavelength"].value == pytest.approx(520.0, abs=0.5)
        assert results["ase_wavelength"].value == pytest.approx(535.0, abs=0.3)
        assert results["bias_voltage_max"].value == pytest.approx(20.0, abs=0.01)
        assert results["leakage_growth"].value == 1.0

    def test_switching_compares_every_cycle_and_refuses_a_response_it_cannot_see(self, taken) -> None:
        procedure = VoltageASE(measurement="switching", cycles=4)
        reduction = procedure.reduce(taken(procedure))
        results = reduction.results
        assert results["switching_cycles"].value == 4
        assert results["switching_frequency"].value == pytest.approx(0.5, rel=0.1)
        assert results["ase_on_off_ratio"].value > 5
        assert results["spe_on_off_ratio"].value == pytest.approx(0.3, abs=0.1)
        assert "pl_response_time" not in results
        assert [problem.field for problem in reduction.problems] == ["pl_response_time"]
