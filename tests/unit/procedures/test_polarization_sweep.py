"""The polarisation sweep: its turns, what it refuses, and the axes and degrees it finds in lines whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.errors import AnalysisError, Refused
from labctl.core.photons import energy_ev
from procedures.polarization import PolarizationSweep

REACH = {"pump.fluence": (1e-9, 1e-3), "detection.polarization": (0.0, 360.0)}
CONSTANTS = {"pump.bandwidth": 1.75, "detection.instrument_fwhm": 0.1455, "detection.polarization_uncertainty": 4.0}
PIXELS = np.linspace(527.65, 545.0, 300)
LOWER, UPPER, BROAD = (0.885, 25.0), (0.985, 115.0), (0.30, 25.0)       # degree, axis in deg


def unit(centre_ev: float, fwhm_ev: float) -> np.ndarray:
    energy = energy_ev(PIXELS)
    shape = np.exp(-4 * np.log(2) * ((energy - centre_ev) / fwhm_ev) ** 2)
    return shape / shape.sum()


def malus(angle_deg: np.ndarray, light: tuple[float, float]) -> np.ndarray:
    return (1 + light[0] * np.cos(2 * np.deg2rad(angle_deg - light[1]))) / 2


def emission(angle_deg: np.ndarray) -> np.ndarray:
    parts = ((2e5, LOWER, unit(2.335, 1.1e-3)), (1.5e5, UPPER, unit(2.337, 1.1e-3)), (2e5, BROAD, unit(2.336, 17.8e-3)))
    return np.sum([np.outer(area * malus(angle_deg, light), shape) for area, light, shape in parts], axis=0)


@pytest.fixture
def taken(fake_bench, fake_run):
    """Run a plan on the invented pair, seed 1; `fading` is the relative loss over a turn."""
    def take(procedure: PolarizationSweep, *, fading: float = 0.0):
        points = [point for point in procedure.plan(fake_bench(reaches=REACH)) if point.kind == "scan"]
        rng = np.random.default_rng(1)
        run = fake_run(points, constants=CONSTANTS, pixels_nm=PIXELS)
        exact = emission(run["detection.polarization"]) * (1 - fading * np.linspace(0, 1, len(points)))[:, None]
        run.spectra = rng.poisson(exact) + rng.normal(0, 5.0, exact.shape)
        run.errors = np.sqrt(exact + 25.0)
        return run
    return take


class TestPlan:
    def test_one_turn(self, fake_bench) -> None:
        points = list(PolarizationSweep().plan(fake_bench(reaches=REACH)))
        scan = [point for point in points if point.kind == "scan"]
        assert [point.set["detection.polarization"] for point in scan] == pytest.approx(np.arange(0, 361, 10))

    def test_the_pump_is_set_once_while_it_is_dark(self, fake_bench) -> None:
        points = list(PolarizationSweep().plan(fake_bench(reaches=REACH)))
        setting = [point for point in points if "pump.fluence" in point.set]
        assert [point.kind for point in setting] == ["dark"]
        assert not setting[0].light

    def test_a_second_wavelength_gets_as_many_photons(self, fake_bench) -> None:
        points = list(PolarizationSweep(wavelength=526, second_wavelength=495).plan(fake_bench(reaches=REACH)))
        first, second = (point.set["pump.fluence"] for point in points if "pump.fluence" in point.set)
        assert second * 495 == pytest.approx(first * 526)

    @pytest.mark.parametrize(("values", "field"), [
        ({"stop": 80.0}, "stop"), ({"start": 300.0}, "stop"), ({"band_stop": 500.0}, "band_stop"),
        ({"second_wavelength": 526.0}, "second_wavelength"),
    ])
    def test_check(self, values: dict, field: str) -> None:
        assert [problem.field for problem in PolarizationSweep(**values).check()] == [field]

    @pytest.mark.parametrize(("name", "value"), [("angles", 3), ("stop", 400), ("exposure", 0), ("emission", "everything")])
    def test_impossible_values_are_refused_when_set(self, name: str, value: object) -> None:
        with pytest.raises(Refused, match=name):
            PolarizationSweep(**{name: value})


class TestReduction:
    def test_results(self, taken) -> None:
        results = PolarizationSweep().reduce(taken(PolarizationSweep())).results
        for name, (degree, axis) in (("lower", LOWER), ("upper", UPPER), ("background", BROAD)):
            assert results[f"dolp_{name}_standard"].value == pytest.approx(100 * degree, abs=1.0)
            assert results[f"dolp_{name}"].value == pytest.approx(100 * (3 * degree - 1) / (1 + degree), abs=2.5)
            assert results[f"axis_{name}"].value == pytest.approx(axis, abs=1.0)
            assert results[f"axis_{name}"].systematic == 4.0
            assert results[f"repeats_chi2_{name}"].value < 3
        assert results["dipole_angle"].value == pytest.approx(90.0, abs=1.0)
        assert results["line_energy_lower"].value == pytest.approx(2.335, abs=5e-5)
        assert results["line_energy_upper"].value == pytest.approx(2.337, abs=5e-5)
        assert results["line_splitting"].value == pytest.approx(2.0, abs=0.08)

    def test_fading_light_shows_in_the_repeats(self, taken) -> None:
        reduction = PolarizationSweep().reduce(taken(PolarizationSweep(), fading=0.1))
        assert reduction.results["repeats_chi2_lower"].value > 20
        assert any("second half turn" in problem.text for problem in reduction.problems)

    def test_the_second_wavelength_has_results_of_its_own(self, taken) -> None:
        procedure = PolarizationSweep(second_wavelength=495.0, angles=19)
        reduction = procedure.reduce(taken(procedure))
        assert {"dolp_lower", "dolp_lower_off", "dipole_angle_off"} <= reduction.results.keys()
        assert {"line_lower", "line_lower_off"} <= reduction.curves.keys()

    def test_lines_of_a_cavity(self, taken) -> None:
        procedure = PolarizationSweep(emission="lines", band_start=527.7, line_reach=0.2)
        reduction = procedure.reduce(taken(procedure))
        assert (reduction.results["parallel_lines"].value, reduction.results["crossed_lines"].value) == (1.0, 1.0)
        assert len(reduction.curves["axes"].x) == 2

    def test_the_whole_band(self, taken) -> None:
        procedure = PolarizationSweep(emission="band")
        assert "dolp_band" in procedure.reduce(taken(procedure)).results

    def test_nothing_usable(self, taken) -> None:
        run = taken(PolarizationSweep())
        run.extra_flags = {"bad": np.ones(37, dtype=bool)}
        with pytest.raises(AnalysisError, match="flagged bad"):
            PolarizationSweep().reduce(run)
