"""Occupancy: one filter for the whole ladder, refusals, and the cross-section of crystals whose light is Poisson's."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from labctl.analysis.decay_model import Response, Timing, decay
from labctl.core.errors import AnalysisError, Refused
from labctl.core.photons import photon_energy_j
from labctl.core.plan import Point, Reading
from labctl.core.procedure import AdaptiveSteps
from procedures.occupancy import OccupancySeries

REACH = {"pump.fluence": (1e-9, 1e-4), "detection.nd": (1.0, 6.0), "detection.filter": (1.0, 6.0)}
CONSTANTS = {"repetition_rate_hz": 1e6, "spot.area_cm2": 2e-5, "pump.power_uncertainty": 0.05, "spot.uncertainty": 0.1}
PASSES = {1.0: 1.0, 2.0: 0.3, 3.0: 0.1, 4.0: 0.01, 5.0: 0.001}
TIMING, BINS = Timing(8.0, 1e6), 1500
SIGMA_CM2, SINGLE_PS, PAIR_PS, SHIFT_PS = 2.5e-14, 3600.0, 105.0, 60.0


def gaussian() -> Response:
    time = np.arange(BINS) * TIMING.bin_ps
    shape = np.exp(-4 * np.log(2) * ((time - 3000.0) / 50.0) ** 2)
    return Response(shape / shape.sum(), TIMING.bin_ps)


def light(fluence: float) -> np.ndarray:
    """Photons per bin and crystal: one exciton of all that absorbed, and a fast pair of those that absorbed two or more."""
    mean = SIGMA_CM2 * fluence / photon_energy_j(400.0)
    one, two = -np.expm1(-mean), -np.expm1(-mean) - mean * np.exp(-mean)
    irf = gaussian()
    return one * decay(irf, SINGLE_PS, TIMING, SHIFT_PS) + 0.1 * two * decay(irf, PAIR_PS, TIMING, SHIFT_PS)


def walk(procedure: OccupancySeries, bench) -> list[Point]:
    plan = cast(AdaptiveSteps, procedure.plan(bench))
    points = [next(plan)]
    try:
        while True:
            point = points[-1]
            shape = gaussian().shape * 5.0 if point.set["emission.centre"] < 450 else light(point.set["pump.fluence"])
            counts = 1e6 * PASSES[point.set["detection.nd"]] * point.exposure_s * shape
            told = {"counting_time": point.exposure_s, "resolution_ps": 8.0}
            points.append(plan.send(Reading(0, point, {"histogram": counts}, told)))
    except StopIteration:
        return points


def test_one_filter_for_the_whole_ladder_chosen_at_its_top(fake_bench) -> None:
    procedure, bench = OccupancySeries(), fake_bench(reaches=REACH, constants=CONSTANTS)
    points = walk(procedure, bench)
    scans = [point for point in points if point.kind == "scan"]
    assert {point.set["detection.nd"] for point in scans} == {4.0}           # 1e6/s behind a hundredth; a tenth is above 5e4/s
    assert len({point.set["pump.fluence"] for point in scans}) == 11
    bounds = procedure.bounds(bench)
    assert bounds is not None
    assert [problem for point in points for problem in bounds.violations(point)] == []


@pytest.mark.parametrize(("values", "field"), [({"last": 1e-7}, "last"), ({"densest": 0}, "densest"), ({"delay": 0.02}, "delay")])
def test_what_cannot_be_is_refused(values: dict, field: str) -> None:
    assert [problem.field for problem in OccupancySeries(**values).check()] == [field]


def test_a_fluence_out_of_reach_and_a_missing_wheel_are_refused_together(fake_bench) -> None:
    class Bare(fake_bench):
        def reach(self, axis, at):
            if axis.startswith("detection"):
                raise AnalysisError("none")
            return super().reach(axis, at)

    with pytest.raises(Refused) as caught:
        OccupancySeries(last=1e-3).bounds(Bare(reaches=REACH))
    assert [problem.field for problem in caught.value.problems] == ["thinnest", "long_pass", "last"]


@pytest.fixture
def taken(fake_run):
    """Count the decays of a ladder, seed 2."""
    def take(procedure: OccupancySeries, irf: bool = True):
        rng = np.random.default_rng(2)
        points = [Point({**procedure.where(each), "detection.nd": 3.0}, ("histogram",), exposure_s=60.0)
                  for each in procedure._ladder()]
        fluence = np.array([point.set["pump.fluence"] for point in points])
        shared = {"resolution_ps": np.full(len(points), 8.0), "sync_rate": np.full(len(points), 1e6),
                  "counting_time": np.full(len(points), 60.0), "detection.nd_transmission": np.full(len(points), 0.1),
                  "pump.fluence_measured": fluence * (1 + 0.01 * rng.normal(size=len(points)))}
        raw = rng.poisson(np.array([2e6 * light(each) for each in fluence])).astype(float)
        run = fake_run(points, values=shared, raw=raw, constants=CONSTANTS)
        response = rng.poisson(2e5 * gaussian().shape)[None].astype(float) if irf else np.empty((0, BINS))
        run.others = {"reference": fake_run(points[:1], values={"counting_time": np.array([100.0])}, raw=response)}
        return run
    return take


def test_cross_section_pair_lifetime_and_onset_are_recovered(taken) -> None:
    procedure = OccupancySeries(dead_time=0.0, fluences=8)
    reduction = procedure.reduce(taken(procedure))
    late, early = (reduction.results[name] for name in ("cross_section_1p_late", "cross_section_1p"))
    assert late.value == pytest.approx(SIGMA_CM2, abs=4 * late.stderr)
    assert late.stderr < 0.02 * late.value
    assert late.systematic == pytest.approx(np.hypot(0.05, 0.2) * late.value, rel=1e-6)
    assert early.value < late.value                                          # the pairs are not gone yet
    assert reduction.results["biexciton_lifetime"].value == pytest.approx(PAIR_PS, abs=10.0)
    assert 1.0 < reduction.results["fast_component_onset"].value < 12.0
    assert reduction.results["occupancy_max"].value == pytest.approx(4.03, rel=0.05)
    assert set(reduction.curves) >= {"excited_share_cross_section_1p", "excited_share_cross_section_1p_late", "early_share"}


def test_no_response_no_cross_section(taken) -> None:
    procedure = OccupancySeries()
    with pytest.raises(AnalysisError, match="no instrument response"):
        procedure.reduce(taken(procedure, irf=False))
