"""Every opening of the shutter is counted, before the light falls; never less than fell stands in the ledger."""

from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from labctl.bench.samples import SampleFile
from labctl.core.clock import VirtualClock
from labctl.core.dose import DARK, Budget, Light, Spot
from labctl.core.errors import Aborted, StoreError
from labctl.engine import dose
from labctl.store.ledger import Ledger, Session, open_ledger

POWER_W, AREA_CM2, RATE_HZ = 1e-6, 1e-8, 1e6
PER_SECOND = Light.of(POWER_W, 1.0, RATE_HZ, AREA_CM2)


class Bench:
    """As much of a bench as a meter looks at, with a shutter that only tells its watcher."""

    name, simulated, session = "lab", False, "world"

    def __init__(self):
        self.clock = VirtualClock()
        self.power = POWER_W
        self.axes = {}
        self.devices = {}
        self.shutter = SimpleNamespace(watch=None, device=SimpleNamespace(call=self._ask), closed=True)

    def _ask(self, what):
        yield 0.0
        return self.shutter.closed

    def power_now(self):
        return self.power, "measured"

    def spot_size(self):
        return AREA_CM2, 0.5

    def constants(self):
        return {"repetition_rate_hz": RATE_HZ}

    def stage(self, x, y):
        self.axes |= {"sample.x": SimpleNamespace(position=x), "sample.y": SimpleNamespace(position=y)}

    def shine(self, seconds):
        self.shutter.watch.opening()
        self.clock.wait(seconds)
        self.shutter.watch.closed()


@pytest.fixture
def bench():
    return Bench()


@pytest.fixture
def ledger():
    with open_ledger() as opened:
        yield opened


def counted(bench, ledger, budget=None, **options):
    return dose.counted(bench, SampleFile("s", budget=budget or Budget()), doing="test", ledger=ledger, **options)


def close_to(light):
    return pytest.approx(list(light.as_json().values()))


def amounts(light):
    return list(light.as_json().values())


class TestMeter:
    def test_every_opening_counts(self, bench, ledger):
        with counted(bench, ledger) as meter:
            bench.shine(2.0)
            bench.shine(3.0)
            assert amounts(meter.added()) == close_to(Light(500.0, 5e6, 5.0, 1e-4))
        assert amounts(ledger.total(Spot("s"))) == close_to(Light(500.0, 5e6, 5.0, 1e-4))

    def test_the_ledger_is_never_behind(self, bench, ledger):
        with counted(bench, ledger) as meter:
            for seconds in (0.5, 7.0, 26.0, 0.1):
                bench.shutter.watch.opening()
                lit_since = bench.clock.now()
                while bench.clock.now() < lit_since + seconds:
                    now = meter.added() + Light.of(POWER_W, bench.clock.now() - lit_since, RATE_HZ, AREA_CM2)
                    assert ledger.total(Spot("s")).covers(now)
                    bench.clock.wait(0.5)
                bench.shutter.watch.closed()
            assert ledger.total(Spot("s")).lit_s <= meter.added().lit_s + dose.RESERVE_S

    def test_it_is_written_ahead_not_at_every_opening(self, bench, ledger, monkeypatch):
        writes = []
        monkeypatch.setattr(ledger, "write", lambda *told, **more: writes.append(told))
        with counted(bench, ledger):
            for _ in range(100):
                bench.shine(0.1)
        assert len(writes) <= 2 + 10.0 / (dose.RESERVE_S / 2)

    def test_unknown_power_is_said_to_be_unknown(self, bench, ledger):
        bench.power = None
        with counted(bench, ledger) as meter:
            bench.shine(2.0)
        assert meter.added() == Light(pulses=2e6, lit_s=2.0, unknown_s=2.0)

    def test_a_moved_stage_is_another_place(self, bench, ledger):
        bench.stage(1.0, 0.0)
        with counted(bench, ledger):
            bench.shine(1.0)
            bench.stage(2.0, 0.0)
            bench.shine(2.0)
        assert [light.lit_s for light in ledger.places(sample="s").values()] == pytest.approx([1.0, 2.0])
        assert ledger.total(Spot("s", x_mm=1.0, y_mm=0.0, radius_um=0.5)).lit_s == pytest.approx(1.0)
        assert ledger.total(Spot("s")).lit_s == pytest.approx(3.0), "without a stage all of it may have fallen there"

    def test_light_while_the_stage_moves_counts_for_both_places(self, bench, ledger):
        bench.stage(1.0, 0.0)
        with counted(bench, ledger):
            bench.shutter.watch.opening()
            bench.clock.wait(1.0)
            bench.stage(2.0, 0.0)
            bench.shutter.watch.closed()
        assert {spot.x_mm: light.lit_s for spot, light in ledger.places(sample="s").items()} == pytest.approx({1.0: 1.0, 2.0: 1.0})

    def test_a_new_spot_begins_from_nought(self, bench, ledger):
        with counted(bench, ledger):
            bench.shine(1.0)
        assert ledger.new_spot("s") == 2
        with counted(bench, ledger) as meter:
            assert meter.before(meter.spot()) == DARK
        assert ledger.total(Spot("s")).lit_s == pytest.approx(1.0)

    def test_simulated_benches_begin_afresh_unless_continued(self, bench, ledger):
        bench.simulated = True
        with counted(bench, ledger):
            bench.shine(1.0)
        bench.session = "another opening"
        with counted(bench, ledger) as meter:
            assert meter.before(meter.spot()) == DARK
        with counted(bench, ledger, world="world") as meter:
            assert meter.before(meter.spot()).lit_s == pytest.approx(1.0)
        assert ledger.places(sample="s") == {}, "none of it fell on a real sample"

    def test_the_watch_before_is_put_back(self, bench, ledger):
        earlier = bench.shutter.watch = SimpleNamespace()
        with counted(bench, ledger):
            assert bench.shutter.watch is not earlier
        assert bench.shutter.watch is earlier

    def test_the_report_has_before_added_and_after(self, bench, ledger):
        for _ in range(2):
            with counted(bench, ledger) as meter:
                bench.shine(1.0)
        (told,) = meter.report()["spots"]
        assert [told[when]["lit_s"] for when in ("before", "added", "after")] == pytest.approx([1.0, 1.0, 2.0])


class TestLimits:
    def test_a_used_up_budget_keeps_the_shutter_closed(self, bench, ledger):
        with counted(bench, ledger, Budget(lit_s=2.0)):
            bench.shine(2.0)
            with pytest.raises(Aborted, match="spot 1 of s has had 2 s of 2 s lit time allowed"):
                bench.shine(1.0)

    def test_light_that_passes_it_is_told_to_end(self, bench, ledger):
        reasons = []
        with counted(bench, ledger, Budget(dose_j_cm2=1000.0), stop=reasons.append):
            bench.shine(30.0)
        assert "1 kJ/cm²" in reasons[0]

    def test_a_peak_may_be_reached_again(self, bench, ledger):
        with counted(bench, ledger, Budget(peak_j_cm2=PER_SECOND.peak_j_cm2)):
            bench.shine(1.0)
            bench.shine(1.0)
            bench.power = 2 * POWER_W
            bench.shine(1.0)
            with pytest.raises(Aborted, match="peak fluence"):
                bench.shine(1.0)

    def test_unattended_light_has_an_end(self, bench, ledger):
        with counted(bench, ledger, most_lit_s=3.0):
            bench.shine(3.5)
            with pytest.raises(Aborted, match="unattended"):
                bench.shine(1.0)

    def test_no_light_without_a_ledger(self, bench, ledger, monkeypatch):
        def full(*told, **more):
            raise StoreError("the disk is full")

        with counted(bench, ledger) as meter:
            monkeypatch.setattr(ledger, "write", full)
            with pytest.raises(StoreError):
                bench.shine(1.0)
            assert meter.added() == DARK
            monkeypatch.undo()

    def test_a_ledger_that_fails_while_it_is_lit_ends_the_light(self, bench, ledger, monkeypatch):
        def full(*told, **more):
            raise StoreError("the disk is full")

        reasons = []
        with counted(bench, ledger, stop=reasons.append):
            bench.shutter.watch.opening()
            monkeypatch.setattr(ledger, "write", full)
            bench.clock.wait(20.0)
            bench.shutter.watch.closed()
            assert reasons == ["the disk is full"]
            with pytest.raises(StoreError):
                bench.shine(1.0)
            monkeypatch.undo()


class TestKilled:
    """What a killed process left is judged by the shutter, as the next one finds it."""

    @pytest.fixture
    def left(self, bench, ledger):
        """A row whose writer is dead, lit for at most 10 s, last written 100 s ago."""
        ledger.write(Session("dead", "lab", "", "ple"), Spot("s"), Light.of(POWER_W, 10.0, RATE_HZ, AREA_CM2), still_lit=True)
        writer = json.dumps({"pid": 2**22 + 1, "host": os.uname().nodename if hasattr(os, "uname") else "", "started": 1})
        database = sqlite3.connect(ledger.path)
        with database:
            database.execute("UPDATE light SET writer=?, written=?",
                             (writer, (datetime.now(UTC) - timedelta(seconds=100)).isoformat(timespec="seconds")))
        database.close()

    @pytest.mark.usefixtures("left")
    def test_found_closed_the_reserve_stands(self, bench, ledger):
        (text,) = dose.settle_left_overs(bench, ledger)
        assert "found closed" in text
        assert ledger.total(Spot("s")).lit_s == 10.0
        assert dose.settle_left_overs(bench, ledger) == []

    @pytest.mark.usefixtures("left")
    def test_found_open_all_the_time_since_counts(self, bench, ledger):
        bench.shutter.closed = False
        assert "found open" in dose.settle_left_overs(bench, ledger)[0]
        total = ledger.total(Spot("s"))
        assert 109.0 <= total.lit_s <= 130.0
        assert total.dose_j_cm2 == pytest.approx(total.lit_s * PER_SECOND.dose_j_cm2)

    @pytest.mark.usefixtures("left")
    def test_found_open_behind_a_watchdog(self, bench, ledger):
        bench.shutter.closed = False
        bench.devices = {"laser": SimpleNamespace(driver=SimpleNamespace(arm_watchdog=None))}
        dose.settle_left_overs(bench, ledger)
        assert ledger.total(Spot("s")).lit_s == 10.0 + dose.WATCHDOG_S

    def test_a_living_session_is_left_alone(self, bench, ledger):
        with counted(bench, ledger):
            bench.shine(1.0)
            assert dose.settle_left_overs(bench, ledger) == []


def test_ledgers_of_two_processes_are_one(ledger, bench):
    with open_ledger() as other, counted(bench, ledger):
        bench.shine(1.0)
        assert other.total(Spot("s")).lit_s >= 1.0


def test_a_ledger_that_is_no_database_is_named(tmp_path):
    (tmp_path / "dose.sqlite").write_text("not a database, and long enough to be looked at as one " * 100)
    with pytest.raises(StoreError, match=r"dose\.sqlite cannot be used.*put a damaged one aside"):
        Ledger(tmp_path / "dose.sqlite")


def test_as_json_is_whole(bench, ledger):
    with counted(bench, ledger, Budget(lit_s=5.0)) as meter:
        told = meter.as_json()
    assert told["budget"]["lit_s"] == 5.0
    assert replace(Spot("s"), radius_um=0.5).as_json() == told["spot"]
