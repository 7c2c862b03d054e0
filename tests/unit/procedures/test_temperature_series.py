"""The temperature series: another measurement repeated, its parts reduced one by one, lines against temperature."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from labctl.core.errors import Refused
from labctl.core.part import Part
from labctl.core.photons import wavelength_nm
from labctl.core.plan import Reading
from labctl.core.procedure import AdaptiveSteps
from procedures.temperature_series import TemperatureSeries

REACH = {"sample.temperature": (3.5, 300.0), "pump.fluence": (1e-9, 1e-3), "detection.nd": (1.0, 6.0),
         "detection.filter": (1.0, 6.0)}
CONSTANTS = {"pump.bandwidth": 1.75, "detection.instrument_fwhm": 0.1455, "repetition_rate_hz": 1e6}
PIXELS = np.linspace(500.0, 559.0, 1024)
SLOPE_EV_K, LINE_EV = 1.7e-4, 2.336


def walk(procedure: TemperatureSeries, bench):
    plan = cast(AdaptiveSteps, procedure.plan(bench))
    points = [next(plan)]
    try:
        while True:
            reading = Reading(0, points[-1], {"histogram": np.array([1e6])}, {"counting_time": 1.0, "resolution_ps": 16.0})
            points.append(plan.send(reading))
    except StopIteration:
        return points


class TestPlan:
    def test_every_point_stands_at_its_temperature_cold_to_warm(self, fake_bench) -> None:
        points = walk(TemperatureSeries(temperatures=3), fake_bench(reaches=REACH))
        kelvin = [point.set["sample.temperature"] for point in points]
        assert kelvin == sorted(kelvin)
        assert sorted(set(kelvin)) == pytest.approx([4.0, 149.5, 295.0])
        assert sum(point.kind == "scan" for point in points) == 9

    def test_another_measurement_is_repeated_whole(self, fake_bench) -> None:
        bench = fake_bench(reaches=REACH)
        points = walk(TemperatureSeries(measurement="power_series", temperatures=2), bench)
        assert sum(point.kind == "scan" for point in points) == 2 * 25

    def test_an_adaptive_one_keeps_its_bounds_at_every_temperature(self, fake_bench) -> None:
        procedure = TemperatureSeries(measurement="trpl", temperatures=2)
        bench = fake_bench(reaches=REACH, constants={"repetition_rate_hz": 1e6})
        bounds = procedure.bounds(bench)
        assert bounds is not None
        points = walk(procedure, bench)
        assert [problem for point in points for problem in bounds.violations(point)] == []
        assert len(points) <= bounds.points

    def test_refusals(self, fake_bench) -> None:
        assert [problem.field for problem in TemperatureSeries(lowest=50.0, highest=10.0).check()] == ["highest"]
        with pytest.raises(Refused, match=r"highest: 400 K is outside 3\.5 to 300 K"):
            next(iter(TemperatureSeries(highest=400.0).plan(fake_bench(reaches=REACH))))
        with pytest.raises(Refused, match="measurement"):
            TemperatureSeries(measurement="everything")


@pytest.fixture
def taken(fake_bench, fake_run):
    """Run a plan on a line whose energy rises by 0.17 meV/K."""
    def take(procedure: TemperatureSeries):
        points = [point for point in walk(procedure, fake_bench(reaches=REACH)) if point.kind == "scan"]
        run = fake_run(points, constants=CONSTANTS, pixels_nm=PIXELS)
        kelvin = np.array([point.set["sample.temperature"] for point in points])
        width = np.hypot(17.8e-3, 40e-3 / np.expm1(18.0 / (8.617333e-2 * kelvin)))
        centre, fwhm = wavelength_nm(LINE_EV + SLOPE_EV_K * kelvin), 530.0 * width / 2.34
        exact = 3e3 * np.exp(-4 * np.log(2) * ((PIXELS - centre[:, None]) / fwhm[:, None]) ** 2)
        rng = np.random.default_rng(1)
        run.spectra, run.errors = rng.poisson(exact) + rng.normal(0, 5, exact.shape), np.sqrt(exact + 25.0)
        run.values = {"sample.temperature_measured": kelvin + 0.01, "power": np.ones(len(points)),
                      "elapsed_s": np.arange(len(points), dtype=float)}
        return run
    return take


def test_energy_and_broadening_against_temperature(taken) -> None:
    procedure = TemperatureSeries(temperatures=9)
    reduction = procedure.reduce(taken(procedure))
    assert reduction.results["energy_slope"].value == pytest.approx(SLOPE_EV_K, abs=3e-6)
    assert reduction.results["phonon_energy"].value == pytest.approx(18.0, abs=3.0)
    assert reduction.results["temperature_min"].value == pytest.approx(4.01)
    assert reduction.results["temperature_max"].value == pytest.approx(295.01)
    assert len(reduction.curves["energy"].x) == 9


def test_a_part_is_the_run_at_one_temperature(taken) -> None:
    procedure = TemperatureSeries(temperatures=3, frames=2)
    run = taken(procedure)
    part = Part(run, "sample.temperature", 149.5)
    assert part.signal().shape == (2, 1024)
    assert np.array_equal(part.signal(), run.signal()[2:4])
    assert list(part["elapsed_s"]) == [2.0, 3.0]
    assert part.flag("saturated").shape == (2,)
    assert part.constants is run.constants
