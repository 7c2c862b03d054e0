"""Light, bias and cold that go wrong: interlocks, guards, compliance, saturation, pile-up; dark first, told, and resumed."""

from __future__ import annotations

import numpy as np
import pytest

from labctl import api
from labctl.core.plan import Point
from labctl.core.quality import Policy
from labctl.engine.control import Control
from labctl.engine.events import Listeners, Paused
from sim_instruments.nkt_laser import SuperKLaser

HARDWARE_S = 0.05           # from the open contact to a dark sample: the blade's latency and travel
SOFTWARE_S = 0.5            # from the refusal to open to the order to switch the emission off


def problems(outcome) -> str:
    return " ".join(str(problem) for problem in outcome.problems)


def texts(outcome) -> str:
    with api.load(outcome.run) as found:
        return " ".join(event.text for event in found.events)


# ------------------------------------------------------------------ interlocks
@pytest.mark.parametrize("role", ["shutter", "laser"])
def test_row33_an_interlock_ends_the_run_with_the_emission_off(run, resume, measured, undisturbed, role):
    power, off = [], []

    def trip(bench):
        box = bench.emulator("shutter") if role == "shutter" else bench.emulator("laser").module(SuperKLaser)
        box.interlock_open = True
        bench.clock.call_at(bench.clock.now() + HARDWARE_S, lambda: power.append(bench.twin.power_at_sample_now()))

    def look(bench):
        off.append(bench.twin.source.emission)

    outcome = run(trip, at=7.0, look=look)
    assert outcome.status == "aborted"
    assert role in problems(outcome)
    assert "interlock" in problems(outcome)
    assert power == [0.0]
    assert off == [False]
    resumed = resume(outcome)
    assert resumed.status == "done"
    assert np.array_equal(measured(resumed)[1], undisturbed)


def test_row33_emission_goes_off_before_motors_are_waited_for(run, monkeypatch):
    told = {}

    def trip(bench):
        shutter, source = bench.devices["shutter"].driver, bench.devices["laser"].driver
        bench.emulator("shutter").interlock_open = True
        bench.devices["attenuator"].driver.make_safe = lambda: bench.clock.wait(3.0)       # a motor that takes its time
        opening, off = shutter.open, source.emission_off
        shutter.open = lambda: (told.setdefault("refused", bench.clock.now()), opening())
        source.emission_off = lambda: (told.setdefault("off", bench.clock.now()), off())

    outcome = run(trip)
    assert outcome.status == "aborted"
    assert told["off"] - told["refused"] < SOFTWARE_S


def test_row33_an_interlock_does_not_block_what_it_does_not_endanger(run, visiting):
    dark = visiting(*(Point(set={"attenuator.angle": angle}, read=("power",), light=False) for angle in (10.0, 20.0)))
    outcome = run(lambda bench: setattr(bench.emulator("shutter"), "interlock_open", True), at=0.5, procedure=dark)
    assert outcome.status == "done"


# ------------------------------------------------------------------ guards
COLD = """
[safety.guards.cryostat]
read = "sample.temperature"
min = 3.5
max = 310
action = "pause"

[instruments.cryostat]
driver = "lakeshore336"
resource = "GPIB0::12::INSTR"
"""


@pytest.fixture
def cold_bench(changed_bench):
    """The bench ying2021 with a cryostat that is watched."""
    return changed_bench("ying2021", ("[twin.elements]\n", '[twin.elements]\ncryostat = {kind = "cryostat"}\n'), more=COLD)


def warm_up(bench, seconds):
    """Let the sensor read 320 K for a while."""
    sensor = bench.twin.element("cryostat").sensor_k
    before = sensor.position
    sensor.move(320.0)
    bench.clock.call_at(bench.clock.now() + seconds, lambda: sensor.move(before))


def test_row34_a_cryostat_out_of_band_pauses_and_goes_on_by_itself(run, measured, undisturbed, cold_bench):
    lit, parked = [], []

    def disturb(bench):
        warm_up(bench, 40.0)
        shutter = bench.devices["shutter"].driver
        park = shutter.park
        shutter.park = lambda: (parked.append(bench.clock.now()), park())
        bench.clock.call_at(bench.clock.now() + 2.0, lambda: lit.append(bench.twin.power_at_sample_now()))

    outcome = run(disturb, at=6.0, bench=cold_bench)
    assert outcome.status == "done"
    assert outcome.seconds > 45.0
    assert lit == [0.0]
    assert parked[0] < 10.0, "parked when it was back in band, or never"
    assert "guard cryostat" in texts(outcome)
    assert "back in band" in texts(outcome)
    assert measured(outcome)[1].shape == undisturbed.shape


def test_row34_a_cryostat_that_stays_out_of_band_aborts(run, cold_bench, monkeypatch):
    from labctl.engine import engine

    monkeypatch.setattr(engine, "LONGEST_PAUSE_S", 60.0)
    outcome = run(lambda bench: warm_up(bench, 1e6), at=6.0, bench=cold_bench)
    assert outcome.status == "aborted"
    assert "not back in band after 1 min" in texts(outcome)


def test_row35_bias_over_compliance_ends_with_0_v(run, biased):
    def leak(bench):
        from dataclasses import replace

        sample = bench.emulator("bias").sample
        sample.law = replace(sample.law, leakage_ohm=1e3)

    outcome = run(leak, at=0.5, bench="qin2021", procedure=biased(3.0, 6.0))
    assert outcome.status in ("failed", "aborted")
    assert "bias" in problems(outcome)
    assert "limit" in problems(outcome)


# ------------------------------------------------------------------ detectors
def test_row29_a_saturated_frame_is_flagged(run, visiting):
    bright = Point(set={"pump.wavelength": 520.0, "attenuator.angle": 0.0, "nd.slot": 1.0}, read=("spectrum",), exposure_s=20.0)
    outcome = run(procedure=visiting(bright))
    with api.load(outcome.run) as found:
        assert found.flag("saturated").all()
        assert found.counts().max() >= 60_000


def test_row29_a_shortened_exposure_has_a_dark_frame_of_its_own(run, visiting):
    bright = Point(set={"pump.wavelength": 520.0, "attenuator.angle": 0.0, "nd.slot": 1.0}, read=("spectrum",), exposure_s=20.0)
    dark = Point(kind="dark", light=False, read=("spectrum",), exposure_s=20.0)
    procedure = visiting(dark, bright)
    type(procedure).quality = {"saturated": Policy("shorten", times=1, factor=0.02)}
    outcome = run(procedure=procedure)
    assert outcome.status == "done", outcome.problems
    with api.load(outcome.run) as found:
        assert found["exposure_s"] == pytest.approx([0.4])
        assert found["takes"] == [2.0]
        assert not found.flag("saturated").any()
        assert found.select("dark")["exposure_s"] == pytest.approx([20.0, 0.4])
        assert found.signal().max() > 1e4
    assert outcome.points == 3


@pytest.mark.parametrize(("what", "photons_per_pulse"), [("no_sync", 0.0), ("pile_up", 0.3)])
def test_row31_pile_up_and_no_sync_hold_the_run(run, visiting, what, photons_per_pulse):
    """Nobody looks for an hour, so the run ends; the histogram is in no point of it."""
    def spoil(bench):
        port = bench.twin.element("counter")
        sync = port.rates()[0]
        port.rates = lambda: (sync if photons_per_pulse else 0.0, photons_per_pulse * sync)

    outcome = run(spoil, at=0.1, bench="qin2021-trpl", longest=4000.0,
                  procedure=visiting(Point(set={"attenuator.angle": 0.0}, read=("histogram",), exposure_s=0.5)))
    assert (outcome.status, outcome.points) == ("aborted", 0)
    assert what in texts(outcome)


@pytest.fixture
def calibrated(tmp_path_factory, monkeypatch):
    """A state folder of its own with a coarse power calibration of ying2021."""
    monkeypatch.setenv("LABCTL_STATE", str(tmp_path_factory.mktemp("coarse")))
    with api.open_bench("ying2021") as bench:
        order = api.Order("power_calibration", tmp_path_factory.mktemp("calibration"), seed=1, figure=False)
        assert api.run("power_calibration", bench, {"wavelengths": 5, "angles": 10}, order=order).status == "done"


def test_row32_a_drifting_pump_holds_the_run_and_the_point_is_repeated(run, calibrated, visiting):
    control, seen = Control(), []

    def look(event):
        if isinstance(event, Paused) and event.paused:
            seen.append("paused")
            control.resume()

    def drift(bench):
        """Let the pump be a tenth brighter from the setting of its power to the first pause."""
        meter = bench.devices["power_meter"].driver
        fetch = meter.fetch
        meter.fetch = lambda: {"power": fetch()["power"] * (1.0 if seen else 1.1)}

    steady = visiting(*(Point(set={"pump.wavelength": 520.0, "pump.power": 30e-6}, read=("power", "spectrum"), exposure_s=0.05)
                         for _ in range(2)))
    type(steady).quality = {"drift": Policy("pause")}
    outcome = run(drift, control, at=0.0, procedure=steady, listeners=Listeners(look))
    assert outcome.status == "done", (outcome.problems, texts(outcome))
    assert seen == ["paused"]
    with api.load(outcome.run) as found:
        assert not found.flag("drift").any(), "the point was not repeated"
        assert np.allclose(found["power"] / found["power"][0], 1.0, atol=0.02)
