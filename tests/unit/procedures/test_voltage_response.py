"""The response to a voltage: its plan, and the fold of steps whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.errors import AnalysisError, Refused
from procedures.voltage_response import VoltageResponse

REACH = {"bias.voltage": (-20.0, 20.0), "bias.switched": (-20.0, 20.0)}
TAU_S, CYCLE_S, EXPOSURE_S, HALF_S = 0.03, 0.01, 0.008, 1.0
PIXELS = np.linspace(500.0, 540.0, 41)
FRAMES, LATE_S = 720, 0.0137        # the camera begins a little after the source-meter, nobody knows by how much


def charge(time_s: np.ndarray, steps_s: np.ndarray) -> np.ndarray:
    """Give the charge at fine times: towards 1 after the first step, towards 0 after the second, and so on."""
    found, level = np.zeros_like(time_s), 0.0
    for number, at in enumerate(steps_s):
        after, goal = time_s >= at, 1.0 - number % 2
        found[after] = goal + (level - goal) * np.exp(-(time_s[after] - at) / TAU_S)
        level = goal + (level - goal) * np.exp(-HALF_S / TAU_S)
    return found


@pytest.fixture
def taken(fake_bench, fake_run):
    """Take series of frames of light that 80 % of the charge puts out."""
    def take(procedure: VoltageResponse):
        points = [point for point in procedure.plan(fake_bench(reaches=REACH)) if point.kind == "scan"]
        rng, fine = np.random.default_rng(1), np.arange(-0.1, 8.0, 5e-4)
        light, steps = [], []
        for _ in points:
            at = HALF_S * np.arange(1, 7) + rng.uniform(0.0, 0.02, 6)
            summed = np.concatenate([[0.0], np.cumsum(1.0 - 0.8 * charge(fine, at)) * 5e-4])
            begins = LATE_S + CYCLE_S * np.arange(FRAMES)
            edges = np.append(fine, fine[-1] + 5e-4)
            light.append((np.interp(begins + EXPOSURE_S, edges, summed) - np.interp(begins, edges, summed)) / EXPOSURE_S)
            steps.append(at)
        exact = 1e4 * np.repeat(np.array(light)[..., None], len(PIXELS), axis=-1)
        run = fake_run(points, pixels_nm=PIXELS)
        run.spectra, run.errors = rng.poisson(exact).astype(float), np.sqrt(exact)
        run.arrays = {"switched_at": np.array(steps)}
        run.coordinates = {("counts", "frame"): ("frame", "s", CYCLE_S * np.arange(FRAMES))}
        one = np.ones(len(points))
        run.values = {"effective_exposure_s": EXPOSURE_S * one, "switch_s": 2e-3 * one, "half_period_s": HALF_S * one,
                      "current": 3e-6 * one}
        return run
    return take


class TestPlan:
    def test_every_series_begins_and_ends_at_zero(self, fake_bench) -> None:
        lit = [point for point in VoltageResponse(series=2).plan(fake_bench(reaches=REACH)) if point.light]
        assert [(point.set["bias.voltage"], point.set["bias.switched"], point.read) for point in lit] == \
            [(0.0, 20.0, ("spectrum", "switching"))] * 2

    def test_more_than_the_limit_is_refused(self, fake_bench) -> None:
        with pytest.raises(Refused, match=r"voltage: 20\.5 V is above 20 V"):
            list(VoltageResponse(voltage=20.5).plan(fake_bench(reaches=REACH)))


class TestReduction:
    @pytest.mark.parametrize("series", [1, 2])
    def test_both_ways_are_found_though_the_clocks_do_not_begin_together(self, taken, series: int) -> None:
        procedure = VoltageResponse(series=series)
        results = procedure.reduce(taken(procedure)).results
        for name in ("pl_response_time_up", "pl_response_time_down"):
            error = np.hypot(results[name].stderr or np.inf, results[name].systematic or np.inf)
            assert results[name].value == pytest.approx(1e3 * np.log(9.0) * TAU_S, abs=2.5 * error)
            assert error < 3.0
        assert results["pl_response_time"].value == max(results[f"pl_response_time_{way}"].value for way in ("up", "down"))

    def test_a_step_that_is_not_known_well_enough_is_refused(self, taken) -> None:
        procedure = VoltageResponse()
        run = taken(procedure)
        run.values["switch_s"] = np.array([0.1])
        reduction = procedure.reduce(run)
        assert "pl_response_time" not in reduction.results
        assert "uncertain by" in reduction.problems[0].text

    def test_single_frames_are_refused(self, taken) -> None:
        procedure = VoltageResponse()
        run = taken(procedure)
        run.coordinates = {}
        with pytest.raises(AnalysisError, match="single frames"):
            procedure.reduce(run)
