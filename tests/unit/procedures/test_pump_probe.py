"""Pump and probe: pairs of frames, refusals, and bleach, transparency and gain of an invented film."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.pump_probe import FALLS
from labctl.core.errors import AnalysisError, Refused
from labctl.core.plan import Point
from procedures.pump_probe import PumpProbe

REACH = {"delay.time": (-100.0, 1500.0), "probe.slot": (1.0, 6.0), "bias.voltage": (-20.0, 20.0)}
PIXELS = np.linspace(500.0, 560.0, 300)
CONSTANTS = {"repetition_rate_hz": 1e3, "spot.area_cm2": 1e-2, "pump.power_uncertainty": 0.05, "spot.uncertainty": 0.1}
ABSORBED = 0.2 * np.exp(-(((PIXELS - 515.0) / 15.0) ** 2)) + 0.05


def test_every_value_is_a_pair_without_and_with_pump(fake_bench) -> None:
    points = list(PumpProbe(delays="-5, 3, 20", blocks=2, dark_frames=1).plan(fake_bench(reaches=REACH)))
    kinds = [point.kind for point in points]
    assert kinds == ["dark", "zero"] + ["reference", "scan"] * 6
    assert [point.set["delay.time"] for point in points if point.kind == "scan"] == [-5.0, -5.0, 3.0, 3.0, 20.0, 20.0]
    assert {point.set["probe.slot"] for point in points if point.kind in ("dark", "zero")} == {6.0}
    assert all(point.light == (point.kind in ("scan", "zero")) for point in points)
    assert all("bias.voltage" not in point.set for point in points)


def test_against_fluence_the_samples_own_light_is_taken_at_each(fake_bench) -> None:
    procedure = PumpProbe(measurement="fluence", delays="-5, 4, 100", fluences=5, blocks=1, voltage=20.0)
    points = list(procedure.plan(fake_bench(reaches=REACH)))
    assert sum(point.kind == "zero" for point in points) == 5
    assert {point.set["delay.time"] for point in points if point.kind == "scan"} == {4.0}
    assert {point.set["bias.voltage"] for point in points if point.kind != "dark"} == {20.0}


@pytest.mark.parametrize(("values", "field"), [
    ({"delays": "-5, -1"}, "delays"), ({"delays": ""}, "delays"), ({"last": 1e-6}, "last"), ({"blocked_slot": 1}, "blocked_slot"),
])
def test_what_cannot_be_is_refused(values: dict, field: str) -> None:
    assert [problem.field for problem in PumpProbe(**values).check()] == [field]


def test_a_bench_without_probe_or_delay_is_refused(fake_bench) -> None:
    class Bare(fake_bench):
        def reach(self, axis, at):
            raise AnalysisError("none")

    with pytest.raises(Refused, match=r"need delay\.time and probe\.slot"):
        list(PumpProbe().plan(Bare()))


@pytest.fixture
def taken(fake_run):
    """Take frames of a film whose bleach (share of its absorption) is a function of fluence and delay, seed 4, own light 500."""
    def take(procedure: PumpProbe, share):
        rng = np.random.default_rng(4)
        white, own = np.full(len(PIXELS), 1e6), 500.0
        where = [each for each in procedure.series() for _ in range(procedure.blocks)]

        def run(kind: str, exact: np.ndarray, points):
            noisy = exact + np.sqrt(exact) * rng.normal(size=exact.shape)
            return fake_run([Point(each, kind=kind) for each in points], spectra=noisy, errors=np.sqrt(exact), pixels_nm=PIXELS,
                            constants=CONSTANTS)
        bleached = np.array([share(each["pump.fluence"], each["delay.time"]) for each in where])
        scan = run("scan", white * np.exp(-ABSORBED * (1 - bleached[:, None])) + own, where)
        scan.others = {"reference": run("reference", np.tile(white * np.exp(-ABSORBED), (len(where), 1)), where),
                       "zero": run("zero", np.full((len(where), len(PIXELS)), own), where)}
        blank = fake_run([])
        blank.others = {"reference": run("reference", np.tile(white, (8, 1)), where[:8])}
        scan.runs = {"3": blank}
        return scan
    return take


def test_the_bleach_falls_with_its_lifetime_and_net_gain_ends(taken) -> None:
    procedure = PumpProbe(blank="3", blocks=4)
    reduction = procedure.reduce(taken(procedure, lambda fluence, delay: 0.0 if delay < 0 else 0.2 + 1.3 * np.exp(-delay / 80.0)))
    lifetime = reduction.results["bleach_lifetime"]
    assert lifetime.value == pytest.approx(80.0, abs=4 * (lifetime.stderr or 0.0) + 1.0)
    assert reduction.results["gain_lifetime"].value == pytest.approx(80.0 * np.log(1.3 / 0.8), rel=0.1)
    assert reduction.curves["bleach"].y[0] == pytest.approx(0.0, abs=2e-3)


def test_the_bleach_reaches_transparency_at_its_fluence(taken) -> None:
    procedure = PumpProbe(measurement="fluence", delays="4", blank="3", blocks=4, coupling=0.6, density=0.46)
    reduction = procedure.reduce(taken(procedure, lambda fluence, delay: fluence / 40e-6))
    onset = reduction.results["gain_onset_fluence"]
    assert onset.value == pytest.approx(40.0, abs=0.5)
    assert onset.systematic == pytest.approx(np.hypot(0.05, 0.2) * onset.value, rel=1e-6)
    depth = 0.46 * np.log(10.0)
    inside = 2.0137 * 0.6 * 2.5e-2 * -np.expm1(-depth) / depth
    assert reduction.results["gain_threshold_n"].value == pytest.approx(inside * onset.value, rel=1e-3)
    assert reduction.results["bleach_end_slope"].value == pytest.approx(1.0, abs=0.03)
    assert reduction.results["gain_band_blue_edge"].value < 505.0


def test_a_bleach_that_bends_reaches_transparency_where_it_does(taken) -> None:
    """Three photons: the bleach goes with the cube of the fluence, and a straight line through eight points would say 36."""
    procedure = PumpProbe(measurement="fluence", delays="4", blank="3", blocks=4)
    reduction = procedure.reduce(taken(procedure, lambda fluence, delay: (fluence / 40e-6) ** 3))
    onset = reduction.results["gain_onset_fluence"]
    assert onset.value == pytest.approx(40.0, abs=0.7)
    assert (onset.stderr or np.inf) < 0.5


def test_without_a_blank_there_is_a_course_but_no_ratio(taken) -> None:
    procedure = PumpProbe(blocks=4)
    reduction = procedure.reduce(taken(procedure, lambda fluence, delay: 0.5))
    assert set(reduction.curves) == {"bleach"}
    assert reduction.results == {}
    assert {problem.field for problem in reduction.problems} == {name for name, *_ in FALLS}
