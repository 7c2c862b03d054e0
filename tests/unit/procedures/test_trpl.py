"""Time-resolved photoluminescence: the response first, a dimmed detection, stops, refusals, and lifetimes of invented decays."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from labctl.analysis import lifetimes
from labctl.analysis.decay import fit_decay
from labctl.analysis.decay_model import Response, Timing, decay
from labctl.core.errors import AnalysisError, Refused
from labctl.core.photons import vacuum_to_air
from labctl.core.plan import Point, Reading
from labctl.core.procedure import AdaptiveSteps
from procedures.trpl import TRPL

REACH = {"pump.fluence": (1e-12, 1e-3), "bias.voltage": (-20.0, 20.0), "detection.nd": (1.0, 6.0), "detection.filter": (1.0, 6.0)}
RATE = {"repetition_rate_hz": 1e6}
PASSES = {1.0: 1.0, 2.0: 0.3, 3.0: 0.1, 4.0: 0.01, 5.0: 0.001}
TIMING = Timing(16.0, 1e6)
BINS = 2000


def walk(procedure: TRPL, bench, rate_hz: float, irf_hz: float = 5e6) -> list[Point]:
    """Lead a plan through readings of a light whose rate is known behind every filter."""
    plan = cast(AdaptiveSteps, procedure.plan(bench))
    points = [next(plan)]
    try:
        while True:
            point = points[-1]
            light = irf_hz if point.set["emission.centre"] < 450 else rate_hz
            counts = light * PASSES[point.set["detection.nd"]] * point.exposure_s * gaussian().shape
            told = {"counting_time": point.exposure_s, "resolution_ps": 16.0}
            points.append(plan.send(Reading(0, point, {"histogram": counts}, told)))
    except StopIteration:
        return points


class TestPlan:
    def test_the_response_comes_first_on_the_pump_line_with_the_long_pass_out(self, fake_bench) -> None:
        points = walk(TRPL(), fake_bench(reaches=REACH, constants=RATE), 2e4)
        kinds = [point.kind for point in points]
        assert kinds.index("reference") < kinds.index("scan")
        response = points[kinds.index("reference")]
        assert response.set["emission.centre"] == pytest.approx(vacuum_to_air(400.0))
        assert response.set["detection.filter"] == 1.0
        decay_point = points[kinds.index("scan")]
        assert (decay_point.set["emission.centre"], decay_point.set["detection.filter"]) == (520.0, 2.0)

    def test_the_response_of_a_series_of_pump_lines_is_that_of_the_first(self, fake_bench) -> None:
        series = TRPL(vary="pump wavelength", first=490.0, last=510.0, values_count=2)
        points = walk(series, fake_bench(reaches=REACH | {"pump.wavelength": (400.0, 600.0)}, constants=RATE), 2e4)
        response = next(point for point in points if point.kind == "reference")
        assert response.set["pump.wavelength"] == 490.0
        assert response.set["emission.centre"] == pytest.approx(vacuum_to_air(490.0))

    @pytest.mark.parametrize("rate_hz", [1e3, 2e4, 1e6, 2e7])
    def test_the_detection_is_dimmed_below_the_pile_up_and_never_opened_too_far(self, fake_bench, rate_hz: float) -> None:
        points = walk(TRPL(), fake_bench(reaches=REACH, constants=RATE), rate_hz)
        seen = [rate_hz * PASSES[point.set["detection.nd"]] for point in points if point.set["emission.centre"] > 450]
        assert max(seen) <= 5e4
        assert points[0].set["detection.nd"] == 5.0
        assert len({point.set["pump.fluence"] for point in points}) == 1

    def test_it_stops_at_counts_at_precision_or_at_the_most_pieces(self, fake_bench) -> None:
        bench = fake_bench(reaches=REACH, constants=RATE)

        def scans(**values) -> int:
            return sum(point.kind == "scan" for point in walk(TRPL(**values), bench, 2e4))

        assert scans(wanted=3e5, pieces=100) == 10      # 2e4/s behind a filter of 0.3, 5 s each
        assert scans(wanted=1e9, pieces=7) == 7

    def test_it_stops_when_a_fit_is_as_precise_as_wanted(self, fake_bench) -> None:
        """3.1 ns in pieces of 600 counts: no earlier than one over the root of the counts allows, and when the fit says so."""
        rng = np.random.default_rng(3)

        def scans(precision: float) -> tuple[float, float]:
            procedure = TRPL(wanted=1e9, exposure=0.1, precision=precision, pieces=500, components=1)
            plan = cast(AdaptiveSteps, procedure.plan(fake_bench(reaches=REACH, constants=RATE)))
            point, total = next(plan), np.zeros(BINS)
            try:
                while True:
                    irf = point.set["emission.centre"] < 450
                    shape = gaussian().shape if irf else decay(gaussian(), 3100.0, TIMING)
                    rate = 5e6 if irf else 2e4
                    counts = rng.poisson(rate * PASSES[point.set["detection.nd"]] * point.exposure_s * shape)
                    total = total + counts * (point.kind == "scan")
                    point = plan.send(Reading(0, point, {"histogram": counts}, {"counting_time": point.exposure_s,
                                                                               "resolution_ps": 16.0}))
            except StopIteration:
                found = fit_decay(total, gaussian(), TIMING, systematics=False).lifetime
                return (found.stderr or 0.0) / found.value, float(total.sum())

        loose, tight = scans(0.02), scans(0.01)
        assert 0.7 * 0.02 < loose[0] <= 0.021
        assert 0.7 * 0.01 < tight[0] <= 0.0105
        assert tight[1] > 2 * loose[1]

    def test_a_voltage_comes_back_to_zero(self) -> None:
        assert TRPL(vary="voltage", values_count=3).series() == [0.0, 10.0, 20.0, 0.0]
        assert TRPL(vary="fluence", first=1e-9, last=1e-7, values_count=3).series() == pytest.approx([1e-9, 1e-8, 1e-7])

    def test_it_stays_within_its_bounds(self, fake_bench) -> None:
        procedure, bench = TRPL(vary="voltage"), fake_bench(reaches=REACH, constants=RATE)
        bounds = procedure.bounds(bench)
        assert bounds is not None
        points = walk(procedure, bench, 2e4)
        assert [problem for point in points for problem in bounds.violations(point)] == []
        assert len(points) <= bounds.points


class TestRefusals:
    @pytest.mark.parametrize(("values", "field"), [({"vary": "voltage", "last": 0.0}, "last"), ({"densest": 0}, "densest"),
                                                   ({"vary": "fluence"}, "first")])
    def test_check(self, values: dict, field: str) -> None:
        assert [problem.field for problem in TRPL(**values).check()] == [field]

    def test_a_voltage_out_of_reach(self, fake_bench) -> None:
        with pytest.raises(Refused, match=r"last: 25 V is outside -20 to 20 V"):
            TRPL(vary="voltage", last=25.0).bounds(fake_bench(reaches=REACH))

    @pytest.mark.parametrize(("name", "value"), [("vary", "mood"), ("components", 4), ("exposure", 0), ("wanted", 10)])
    def test_impossible_values_are_refused_when_set(self, name: str, value: object) -> None:
        with pytest.raises(Refused, match=name):
            TRPL(**{name: value})


def gaussian() -> Response:
    time = np.arange(BINS) * TIMING.bin_ps
    shape = np.exp(-4 * np.log(2) * ((time - 3000.0) / 259.0) ** 2)
    return Response(shape / shape.sum(), TIMING.bin_ps)


@pytest.fixture
def taken(fake_bench, fake_run):
    """Count decays of given lifetimes (ps) and shares at every value, seed 1; the response too, unless it is left out."""
    def take(procedure: TRPL, lives: list[list[tuple[float, float]]], *, with_response: bool = True):
        rng = np.random.default_rng(1)
        where = procedure.where(procedure._varied(0.0))
        points = [Point(where | {"detection.nd": 1.0, "bias.voltage": value}, ("histogram",), exposure_s=5.0)
                  for value in procedure.series()]
        shared = {"resolution_ps": np.full(len(points), 16.0), "sync_rate": np.full(len(points), 1e6),
                  "counting_time": np.full(len(points), 5.0), "detection.nd_transmission": np.ones(len(points))}
        exact = [sum(1e5 * share * decay(gaussian(), life, TIMING) for life, share in each) for each in lives]
        run = fake_run(points, values=shared, raw=rng.poisson(np.array(exact)).astype(float))
        response = rng.poisson(2e5 * gaussian().shape)[None].astype(float) if with_response else np.empty((0, BINS))
        run.others = {"reference": fake_run(points[:1], values={"counting_time": np.array([100.0])}, raw=response)}
        return run
    return take


class TestReduction:
    def test_one_lifetime(self, taken) -> None:
        procedure = TRPL(dead_time=0.0)
        results = procedure.reduce(taken(procedure, [[(3100.0, 1.0)]])).results
        assert results["lifetime"].value == pytest.approx(3.1, abs=0.05)
        assert results["lifetime"].unit == "ns"
        assert "decay_tau_2" not in results
        assert results["irf_fwhm"].value == pytest.approx(259.0, abs=10)

    def test_two_lifetimes_are_fitted_when_the_data_demand_them(self, taken) -> None:
        procedure = TRPL(dead_time=0.0)
        results = procedure.reduce(taken(procedure, [[(400.0, 0.5), (3100.0, 0.5)]])).results
        assert results["decay_tau_1"].value == pytest.approx(0.4, abs=0.03)
        assert results["decay_tau_2"].value == pytest.approx(3.1, abs=0.1)
        assert results["decay_amplitude_ratio"].value == pytest.approx(3100 / 400, rel=0.1)
        assert results["lifetime_intensity_average"].value == pytest.approx(0.5 * 0.4 + 0.5 * 3.1, rel=0.05)

    def test_against_voltage(self, taken) -> None:
        procedure = TRPL(vary="voltage", values_count=2, dead_time=0.0, components=1)
        reduction = procedure.reduce(taken(procedure, [[(3100.0, 1.0)], [(400.0, 0.2)], [(3100.0, 1.0)]]))
        assert reduction.curves["lifetime_by_voltage"].y == pytest.approx([3.1, 0.4, 3.1], rel=0.05)
        assert reduction.results["lifetime_change"].value == pytest.approx(87.0, abs=2)
        assert reduction.results["pl_change"].value == pytest.approx(80.0, abs=1)
        assert reduction.results["pl_recovered"].value == pytest.approx(1.0, abs=0.02)

    def test_no_response_no_lifetime(self, taken) -> None:
        procedure = TRPL()
        with pytest.raises(AnalysisError, match="no instrument response"):
            procedure.reduce(taken(procedure, [[(3100.0, 1.0)]], with_response=False))


def test_pieces_of_one_value_are_summed_and_a_return_is_a_piece_of_its_own() -> None:
    counts = np.arange(8).reshape(4, 2)
    pieces = lifetimes.gather(np.array([0.0, 0.0, 5.0, 0.0]), counts, np.full(4, 2.0), np.ones(4))
    assert [piece.value for piece in pieces] == [0.0, 5.0, 0.0]
    assert pieces[0].counts.tolist() == [2, 4]
    assert pieces[0].seconds == 4.0
