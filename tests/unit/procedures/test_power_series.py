"""The power series: its ladders and its hunt, what it refuses, and what it finds in spectra whose truth is known."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from labctl.core.errors import AnalysisError, Refused
from labctl.core.plan import Point, Reading
from labctl.core.procedure import AdaptiveSteps, PlanSteps
from procedures.power_series import PowerSeries

REACH = {"pump.fluence": (1e-9, 1e-3)}
WHEEL = {"nd.blocked_slot": 6.0, "nd.open_slot": 1.0}
CONSTANTS = {"pump.bandwidth": 2.0, "detection.instrument_fwhm": 0.15, "pickoff.ratio": 10.0, "repetition_rate_hz": 1e3,
             "spot.area_cm2": 1e-2, "pump.power_uncertainty": 0.1, "spot.uncertainty": 0.05}
TRUE_THRESHOLD = 20.0       # µJ/cm²
PIXELS = np.linspace(490.0, 550.0, 1024)


def fluences(points: list[Point], kind: str = "scan") -> np.ndarray:
    return np.array([point.set["pump.fluence"] for point in points if point.kind == kind])


def line(centre: float, fwhm: float) -> np.ndarray:
    shape = np.exp(-4 * np.log(2) * ((PIXELS - centre) / fwhm) ** 2)
    return shape / shape.sum()


def emission(fluence: np.ndarray) -> np.ndarray:
    """Spontaneous light that follows the pump, and stimulated light above the threshold, electrons/s, (points, pixels)."""
    stimulated = 5e4 * np.clip(fluence - TRUE_THRESHOLD, 0, None)
    return np.outer(2e4 * np.minimum(fluence, TRUE_THRESHOLD), line(514.5, 23.0)) + np.outer(stimulated, line(524.5, 5.0))


class TestPlan:
    def test_default_ladder(self, fake_bench) -> None:
        points = list(PowerSeries().plan(fake_bench(reaches=REACH, constants=WHEEL)))
        assert fluences(points) == pytest.approx(np.linspace(3e-6, 57e-6, 25))
        assert [point.kind for point in points[:6]] == ["zero", "dark", "dark", "dark", "dark", "reference"]
        assert points[-1] == points[5]
        assert all(point.read == ("power", "spectrum") for point in points if point.light)

    def test_the_head_is_zeroed_behind_the_blocked_slot(self, fake_bench) -> None:
        first = next(iter(PowerSeries().plan(fake_bench(reaches=REACH, constants=WHEEL))))
        assert (first.set, first.do, first.light) == ({"nd.slot": 6.0}, ("power_meter.zero",), False)

    def test_a_bench_without_a_wheel_keeps_its_zero(self, fake_bench) -> None:
        assert "zero" not in {point.kind for point in PowerSeries().plan(fake_bench(reaches=REACH))}

    def test_logarithmic_ladder(self, fake_bench) -> None:
        points = list(PowerSeries(spacing="logarithmic", fluences=9).plan(fake_bench(reaches=REACH)))
        assert np.diff(np.log(fluences(points))) == pytest.approx(np.log(19.0) / 8)

    def test_what_the_pump_cannot_give_is_refused_at_both_ends(self, fake_bench) -> None:
        with pytest.raises(Refused, match=r"first: 3 µJ/cm² is outside 5 µJ/cm² to 50 µJ/cm²(.|\n)*last: 57 µJ/cm²"):
            list(PowerSeries().plan(fake_bench(reaches={"pump.fluence": (5e-6, 5e-5)})))


class TestHunt:
    """A hunt places its points around the threshold, from both sides."""

    @staticmethod
    def walk(steps: PlanSteps) -> list[Point]:
        plan = cast(AdaptiveSteps, steps)
        points = [next(plan)]
        try:
            while True:
                point = points[-1]
                fluence = point.set.get("pump.fluence", 0.0) if point.light else 0.0
                counts = emission(np.array([fluence * 1e6]))[0] + 300.0
                points.append(plan.send(Reading(0, point, {"counts": counts}, {"pump.fluence_measured": fluence})))
        except StopIteration:
            return points

    def test_half_of_the_points_close_in_on_the_threshold_from_both_sides(self, fake_bench) -> None:
        procedure = PowerSeries(spacing="hunt", fluences=24)
        bench = fake_bench(reaches=REACH)
        points = self.walk(procedure.plan(bench))
        found = fluences(points) * 1e6
        near = found[np.abs(found / TRUE_THRESHOLD - 1) < 0.5]
        assert len(found) == 24
        assert len(near) >= 12
        assert np.count_nonzero(near < TRUE_THRESHOLD) >= 5
        assert np.count_nonzero(near > TRUE_THRESHOLD) >= 5

    def test_it_stays_within_its_bounds(self, fake_bench) -> None:
        procedure = PowerSeries(spacing="hunt", fluences=24)
        bench = fake_bench(reaches=REACH, constants=WHEEL)
        bounds = procedure.bounds(bench)
        assert bounds is not None
        points = self.walk(iter(procedure.plan(bench)))
        assert [problem for point in points for problem in bounds.violations(point)] == []
        assert len(points) == bounds.points

    def test_a_ladder_is_not_adaptive(self, fake_bench) -> None:
        assert PowerSeries().bounds(fake_bench(reaches=REACH)) is None


class TestParameters:
    @pytest.mark.parametrize(("values", "field", "text"), [
        ({"last": "3 uJ/cm^2"}, "last", "is not above the first fluence"),
        ({"first": "60 uJ/cm^2"}, "last", "use the order 'down'"),
        ({"band_start": 540.0, "band_stop": 530.0}, "band_stop", "is not above band_start"),
        ({"spontaneous_stop": 490.0}, "spontaneous_stop", "is not above spontaneous_start"),
        ({"fit_to": "2 uJ/cm^2"}, "fit_to", "leaves no point"),
    ])
    def test_check(self, values: dict, field: str, text: str) -> None:
        problems = PowerSeries(**values).check()
        assert [problem.field for problem in problems] == [field]
        assert text in problems[0].text

    def test_defaults_are_fine(self) -> None:
        assert PowerSeries().check() == []

    @pytest.mark.parametrize(("name", "value"), [
        ("first", 0), ("exposure", "2 h"), ("photons", 4), ("segments", 4), ("fluences", 5)])
    def test_impossible_values_are_refused_when_set(self, name: str, value: object) -> None:
        with pytest.raises(Refused, match=name):
            PowerSeries(**{name: value})


@pytest.fixture
def taken(fake_bench, fake_run):
    """Run a plan on the invented sample, seed 1."""
    def take(procedure: PowerSeries, *, bleached: float = 0.0, constants: dict | None = None):
        points = list(procedure.plan(fake_bench(reaches=REACH)))
        rng = np.random.default_rng(1)
        known = CONSTANTS if constants is None else constants

        def view(kind: str):
            chosen = [point for point in points if point.kind == kind]
            run = fake_run(chosen, constants=known, pixels_nm=PIXELS)
            exact = emission(run["pump.fluence"] * 1e6)
            if kind == "reference":
                exact[-1] *= 1 - bleached
            run.spectra = rng.poisson(exact) + rng.normal(0, 5.0, exact.shape)
            run.errors = np.sqrt(exact + 25.0)
            run.values = {"power": run["pump.fluence"] * 1e3 * 1e-2 / 10.0, "pump.fluence_measured": run["pump.fluence"],
                          "pump.wavelength_measured": np.full(len(chosen), 400.0)}
            return run

        scan = view("scan")
        scan.others = {"reference": view("reference")}
        return scan
    return take


class TestReduction:
    def test_results(self, taken) -> None:
        procedure = PowerSeries(fit_to="40 uJ/cm^2")
        results = procedure.reduce(taken(procedure)).results
        kink = results["threshold_kink_fluence"]
        assert kink.value == pytest.approx(TRUE_THRESHOLD, abs=0.3)
        assert kink.unit == "µJ/cm²"
        assert kink.systematic == pytest.approx(kink.value * np.hypot(0.1, 0.1))
        assert results["threshold_kink_power"].value == pytest.approx(kink.value * 10.0)
        assert results["threshold_kink_power"].systematic == pytest.approx(kink.value * 10.0 * 0.1)
        assert results["spe_wavelength"].value == pytest.approx(514.5, abs=0.3)
        assert results["spe_fwhm"].value == pytest.approx(23.0, abs=0.5)
        assert results["ase_wavelength"].value == pytest.approx(524.5, abs=0.3)
        assert results["spe_slope_below"].value == pytest.approx(1.0, abs=0.03)
        assert results["spe_slope_above"].value == pytest.approx(0.0, abs=0.1)
        assert results["fwhm_low_pump"].value == pytest.approx(23.0, abs=0.5)
        assert results["pump_power_max"].value == pytest.approx(570.0)

    def test_three_estimators_by_name(self, taken) -> None:
        procedure = PowerSeries()
        names = {name for name in procedure.reduce(taken(procedure)).results if name.startswith("threshold_")}
        assert {f"threshold_{each}_fluence" for each in ("kink", "intercept", "log_log")} <= names

    def test_the_order_of_the_process_is_part_of_the_names(self, taken) -> None:
        procedure = PowerSeries(photons=3)
        assert {"slope_1_3p", "breakpoint_1_fluence_3p"} <= procedure.reduce(taken(procedure)).results.keys()

    def test_bleaching_shows_at_the_reference(self, taken) -> None:
        procedure = PowerSeries()
        fields = [problem.field for problem in procedure.reduce(taken(procedure, bleached=0.1)).problems]
        assert "reference" in fields
        assert "reference" not in [problem.field for problem in procedure.reduce(taken(procedure)).problems]

    def test_a_series_that_stays_below_threshold_keeps_its_curve_and_says_why(self, taken) -> None:
        procedure = PowerSeries(last="18 uJ/cm^2")
        reduction = procedure.reduce(taken(procedure))
        assert "threshold_kink_fluence" not in reduction.results
        assert any(problem.field == "threshold_kink_fluence" for problem in reduction.problems)
        assert len(reduction.curves["emission"].x) == 25

    def test_a_bench_that_does_not_know_its_spot_is_refused(self, taken) -> None:
        procedure = PowerSeries()
        without = {name: value for name, value in CONSTANTS.items() if name != "spot.area_cm2"}
        with pytest.raises(AnalysisError, match=r"spot\.area_cm2"):
            procedure.reduce(taken(procedure, constants=without))

    def test_saturated_spectra_are_left_out(self, taken) -> None:
        procedure = PowerSeries()
        run = taken(procedure)
        run.extra_flags = {"saturated": np.arange(25) >= 20}
        assert len(procedure.reduce(run).curves["emission"].x) == 20
        run.extra_flags = {"saturated": np.ones(25, dtype=bool)}
        with pytest.raises(AnalysisError, match="Expose more briefly"):
            procedure.reduce(run)


def test_the_blue_shift_is_that_of_one_line_though_another_becomes_the_strongest(taken) -> None:
    from labctl.analysis import input_output
    from labctl.analysis.series import Findings, Spectra

    def mode(centre: float) -> np.ndarray:
        return np.exp(-4 * np.log(2) * ((PIXELS - centre) / 0.2) ** 2)

    signal = np.array([100 * mode(536.0) + 50 * mode(534.0), 400 * mode(535.99) + 900 * mode(533.98)])
    found = Findings()
    input_output.blue_shift(Spectra(np.array([25.0, 50.0]), PIXELS, signal, np.ones_like(signal)), found, 20.0, 0.3)
    assert found.results["laser_blue_shift"].value == pytest.approx(1e3 * 1239.842 * 0.02 / 534.0**2, rel=0.1)
