"""Ways to stop, and what must not stop a run: aborts, pauses, signals, listeners, clocks; parked and true on every one."""

from __future__ import annotations

import os
import signal
import sys
import tracemalloc
from datetime import datetime, timedelta

import numpy as np
import pytest
from typer.testing import CliRunner

from labctl import api
from labctl.bench.devices import Device
from labctl.cli.main import app
from labctl.core import real_clock as clocks
from labctl.engine import runner
from labctl.engine.control import Control
from labctl.engine.events import Listeners
from labctl.gui.model.intake import Intake

PAUSED_S = 30.0
PAUSES = 6                  # places in a run of the default suite; all of them under soak
SEED = 37


@pytest.mark.parametrize("moment", [2.0, 2.7, 3.1, 3.9, 4.2, 5.0, 6.0, 7.1])
@pytest.mark.parametrize("times", [1, 2], ids=["row38-once", "row38-twice"])
def test_abort_at_any_moment(run, measured, moment, times):
    control = Control()

    def plant(bench):
        for _ in range(times):
            bench.clock.call_at(moment, lambda: control.request("Ctrl-C"))

    outcome = run(plant, control)
    assert outcome.status == ("aborted" if outcome.points < 2 else "done")
    assert len(measured(outcome)[0]) == outcome.points
    if times == 2:
        assert outcome.points < 2, "the second request has to stop the point under way"


# ------------------------------------------------------------------ pause at every call
@pytest.fixture
def pause_at(run, monkeypatch):
    """Pause at a device call, for a while; gives outcome and the number of calls."""
    def go(at, *, drop=False):
        control, seen = Control(), [0]
        evaluate = Device._evaluate

        def counted(device, method, args, kwargs):
            seen[0] += 1
            if seen[0] == at:
                control.pause(drop=drop)
                device.clock.call_at(device.clock.now() + PAUSED_S, control.resume)
            return evaluate(device, method, args, kwargs)

        with monkeypatch.context() as patch:
            patch.setattr(Device, "_evaluate", counted)
            return run(control=control), seen[0]
    return go


def assert_undisturbed(measured, undisturbed, outcome, at):
    assert outcome.status == "done", at
    assert np.array_equal(measured(outcome)[1], undisturbed), f"paused at call {at}"


@pytest.mark.parametrize("drop", [False, True], ids=["row37-finish", "row37-drop"])
def test_paused_and_resumed_gives_the_same_data(pause_at, measured, undisturbed, drop):
    _, calls = pause_at(-1)
    for at in np.random.default_rng(SEED).integers(1, calls + 1, PAUSES):
        outcome, _ = pause_at(int(at), drop=drop)
        assert_undisturbed(measured, undisturbed, outcome, at)


@pytest.mark.soak
@pytest.mark.parametrize("drop", [False, True], ids=["row37-finish-every", "row37-drop-every"])
def test_paused_and_resumed_at_every_call(pause_at, measured, undisturbed, drop):
    _, calls = pause_at(-1)
    for at in range(1, calls + 1):
        outcome, _ = pause_at(at, drop=drop)
        assert_undisturbed(measured, undisturbed, outcome, at)


# ------------------------------------------------------------------ signals
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["row39-term", "row39-hup"])
def test_a_signal_ends_the_run_parked(labctl_state, tmp_path, monkeypatch, safe, number):
    benches = []
    monkeypatch.setattr(runner.Journal, "point", sends(runner.Journal.point, number))
    opened = api.open_config
    monkeypatch.setattr(api, "open_config", lambda *a, **k: benches.append(opened(*a, **k)) or benches[-1])
    words = ["run", "power_calibration", "--set", "wavelengths=5", "--set", "angles=7", "--out", str(tmp_path), "--seed", "1"]
    before = signal.getsignal(number)
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 130, result.output
    assert signal.getsignal(number) is before
    (path,) = tmp_path.rglob("*.nxs")
    with api.load(path) as found:
        assert found.status == "aborted"
        points = int(found.ok.sum())
    assert 2 <= points < 35
    (bench,) = benches
    safe(bench, runner.Outcome("aborted", path, "", points, 1))


def sends(point, number):
    """Send the signal to this process when the third point is written."""
    def write(journal, index, **what):
        point(journal, index, **what)
        if index == 2:
            os.kill(os.getpid(), number)
    return write


# ------------------------------------------------------------------ what must not stop a run
def test_row51_exception_in_a_listener(run, measured, undisturbed, caplog):
    def broken(event):
        raise ValueError("a defect in a listener (planted)")

    outcome = run(listeners=Listeners(broken))
    assert outcome.status == "done"
    assert np.array_equal(measured(outcome)[1], undisturbed)
    assert "a listener failed on PointDone" in caplog.text


def test_row50_a_window_that_does_not_look(run, measured, undisturbed):
    """What the window listens with is never emptied: points go on, no more is held than may be, and what fell out is counted."""
    line: Intake[object] = Intake(most=4)
    outcome = run(listeners=Listeners(line.put))
    assert outcome.status == "done"
    assert np.array_equal(measured(outcome)[1], undisturbed)
    assert len(line) == 4
    assert line.lost > 0


def test_row50_a_hundred_thousand_points_on_a_line_that_nobody_empties():
    line: Intake[bytes] = Intake(most=1000)
    tracemalloc.start()
    try:
        for _ in range(100_000):
            line.put(bytes(8192))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 1.1 * 1000 * 8192 + 1e5
    assert line.lost == 99_000


def test_row52_exception_in_a_safe_action(run):
    parked = []

    def plant(bench):
        bench.devices["attenuator"].driver.park = lambda: 1 / 0
        for role in ("shutter", "laser", "spectrograph", "ccd"):
            driver = bench.devices[role].driver
            driver.park = lambda role=role, park=driver.park: (parked.append(role), park())

    outcome = run(plant)
    assert outcome.status == "unsafe"
    assert any(problem.field == "attenuator" and "park failed" in problem.text for problem in outcome.problems)
    assert {"shutter", "laser", "spectrograph", "ccd"} <= set(parked)


def test_row52_exit_code_and_the_next_run(labctl_state, tmp_path, monkeypatch):
    from drivers.elliptec import ELL14

    monkeypatch.setattr(ELL14, "park", lambda self: 1 / 0)
    words = ["run", "power_calibration", "--set", "wavelengths=5", "--set", "angles=7", "--out", str(tmp_path), "--seed", "1"]
    assert CliRunner().invoke(app, words).exit_code == 3


def test_row59_shutter_says_open_after_close(run):
    def stick(bench):
        shutter = bench.emulator("shutter")
        shutter.shutter.opening.move(1.0)
        shutter.stuck = True

    outcome = run(stick, at=3.0, look=lambda bench: dark(bench))
    assert outcome.status == "unsafe"


def dark(bench):
    assert not bench.twin.source.emission, "an unconfirmed shutter has to end with the emission off"


def test_row60_normal_end_leaves_emission_heater_and_cooling(run, changed_bench):
    warm = changed_bench("ying2021", (
        "[twin.elements]\n", "[twin.elements]\ncryostat = {kind = \"cryostat\"}\n"), more=CRYOSTAT)
    seen = {}

    def heat(bench):
        bench.devices["cryostat"].driver.start_move(bench.devices["cryostat"].driver.temperature + 20.0)

    def look(bench):
        heater = bench.devices["cryostat"].driver.settings()
        seen.update(emission=bench.twin.source.emission, cooling=bench.devices["ccd"].driver.settings()["target_c"],
                    watchdog=bench.devices["laser"].driver.settings()["watchdog_s"], heater=heater)

    outcome = run(heat, bench=warm, look=look)
    assert outcome.status == "done"
    assert (seen["emission"], seen["cooling"], seen["watchdog"]) == (True, -60.0, 0)
    assert seen["heater"]["heater_range"] != 0


CRYOSTAT = """
[instruments.cryostat]
driver = "lakeshore336"
resource = "GPIB0::12::INSTR"
"""


# ------------------------------------------------------------------ clocks
def test_row48_the_computers_clock_jumps_back_an_hour(monkeypatch):
    """The computer's clock is asked once; what follows counts from there."""
    jumped = [timedelta(0)]

    class Jumping(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) - jumped[0]

    monkeypatch.setattr(clocks, "datetime", Jumping)
    clock = clocks.RealClock(speed=1000.0)
    before, utc = clock.now(), clock.utc()
    jumped[0] = timedelta(hours=1)
    assert clock.now() >= before
    assert clock.utc() >= utc
    assert clock.utc().utcoffset() == timedelta(0)


def test_row48_points_stand_in_the_order_of_their_index(run, measured):
    outcome = run(listeners=Listeners(lambda event: None))
    with api.load(outcome.run) as found:
        assert np.all(np.diff(found["elapsed_s"]) > 0)
        assert list(found["pump.wavelength"]) == [518.0, 522.0]


def test_row49_laptop_suspended_in_an_exposure(labctl_state, tmp_path, monkeypatch, two_points, safe):
    """Time stands still for a process that sleeps with its computer: what it waits for is still ahead when it wakes."""
    with api.open_bench("ying2021") as bench:
        clock = bench.clock
        utc = type(clock).utc
        asleep = [0.0]
        monkeypatch.setattr(type(clock), "utc", lambda self: utc(self) + timedelta(seconds=asleep[0]))
        clock.call_at(5.0, lambda: asleep.append(asleep.pop() + 3600.0))
        looked = []
        bench.guards.append(Watching(clock, looked))
        outcome = runner.run(two_points(), bench, runner.Order("two_points", tmp_path, seed=3, figure=False))
        safe(bench, outcome)
    assert outcome.status == "done"
    assert any(5.0 < when < 5.0 + 1.0 for when in looked), "the guards have to be read again at once"


class Watching:
    """A guard that notes when it is looked at."""

    name, action = "watching", "pause"

    def __init__(self, clock, looked):
        self.clock, self.looked = clock, looked

    def look(self):
        self.looked.append(self.clock.now())
        yield 0.0
        return ""
