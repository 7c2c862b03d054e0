"""Live light: nothing is saved, everything counts, and a frame may be kept."""

from __future__ import annotations

import numpy as np
import pytest

from labctl import api
from labctl.bench.lookup import find_bench
from labctl.bench.samples import SampleFile, read_sample
from labctl.core.errors import Refused
from labctl.core.plan import Point, Reading
from labctl.engine import live as live_light
from labctl.engine.control import Control
from labctl.engine.events import Listeners, PointDone, Prepared
from labctl.engine.live import KEEPABLE, Live, Wish, better_exposure
from labctl.store.ledger import open_ledger
from labctl.store.run import load
from tests.runs.conftest import calibrate

BENCH = "ying2021"
PUMPED = {"pump.wavelength": 510.0, "pump.power": 20e-6}


@pytest.fixture
def bench(labctl_state, tmp_path):
    calibrate(BENCH, tmp_path / "calibrations")
    with api.open_bench(BENCH) as opened:
        yield opened


@pytest.fixture
def order(tmp_path):
    return api.Order("live", tmp_path / "data", seed=1)


def look(bench, live, order, after):
    """Look, and tell `after(number of lit frames)` after every frame; gives the end and the events."""
    heard = []

    def listen(event):
        heard.append(event)
        if isinstance(event, PointDone) and event.reading.point.kind == "scan":
            after(len(live.frames))

    return api.look(bench, live, order, listeners=Listeners(listen)), heard


def stop_after(live, count):
    return lambda frames: live.stop() if frames == count else None


def test_frames_come_with_their_dark_frames_and_nothing_is_saved(bench, order):
    live = Live(Wish(set=PUMPED))
    end, heard = look(bench, live, order, stop_after(live, 4))
    assert (end.status, len(live.frames), len(live.darks)) == ("done", 4, 3)
    assert not list(order.root.rglob("*")) if order.root.exists() else True
    header = next(event.header for event in heard if isinstance(event, Prepared))
    assert header["channels"]["counts"]["coords"]
    assert bench.shutter.confirmed_closed


def test_all_of_its_light_counts(bench, order):
    live = Live(Wish(set=PUMPED))
    look(bench, live, order, stop_after(live, 5))
    lit = sum(frame.values["lit_s"] for frame in live.frames)
    assert lit >= 5 * 0.1
    with open_ledger() as ledger:
        places = ledger.places(world=bench.session)
    assert sum(light.lit_s for light in places.values()) == pytest.approx(lit, rel=1e-3)
    assert all(light.dose_j_cm2 > 0 for light in places.values())


def test_the_pump_moves_once_and_in_the_dark(bench, order):
    live = Live(Wish(set=PUMPED))
    look(bench, live, order, stop_after(live, 3))
    assert [bool(frame.point.set) for frame in live.frames] == [True, False, False]


def test_a_new_wish_holds_from_the_next_frame(bench, order):
    live = Live(Wish(set=PUMPED))

    def after(frames):
        if frames == 2:
            live.want(Wish(exposure_s=0.2, set={**PUMPED, "pump.power": 10e-6}))
        if frames == 4:
            live.stop()

    look(bench, live, order, after)
    assert [frame.point.exposure_s for frame in live.frames] == [0.1, 0.1, 0.2, 0.2]
    assert live.frames[2].point.set == {"pump.power": 10e-6}
    assert {dark.point.exposure_s for dark in live.darks} == {0.1, 0.2}


def test_abort_ends_it_at_once_and_parked(bench, order):
    live, control = Live(Wish(set=PUMPED)), Control()
    heard = Listeners(lambda event: control.request("abort") if isinstance(event, PointDone) else None)
    end = api.look(bench, live, order, listeners=heard, control=control)
    assert not end.problems
    assert bench.shutter.confirmed_closed


def test_a_wish_that_cannot_be_is_refused_before_anything_moves(bench, order):
    with pytest.raises(Refused, match="exposure"):
        api.look(bench, Live(Wish(exposure_s=1e6)), order)
    with pytest.raises(Refused, match=r"pump\.power"):
        api.look(bench, Live(Wish(set={**PUMPED, "pump.power": 1.0})), order)


class TestKeep:
    def test_the_kept_frame_is_a_run_with_the_same_counts_and_the_state_of_the_bench(self, bench, order):
        live = Live(Wish(set=PUMPED))
        look(bench, live, order, stop_after(live, 4))
        frame = live.frames[1]
        kept = api.keep_frame(bench, live, frame.index, api.Order("live", order.root, note="the bright one"))
        with load(kept.run) as run:
            np.testing.assert_array_equal(run.counts()[0], frame.arrays["counts"])
            assert len(run.select("dark")) == 3
            assert (run.header["procedure"], run.header["note"], run.status) == ("snapshot", "the bright one", "done")
            assert run["pump.power"][0] == 20e-6
            assert run.header["instruments_start"]["ccd"]["settings"]
            assert run.signal().max() > 0
            assert "frame 4 of live light" in run.events[-1].text
        assert "total_rate" in kept.results

    def test_while_the_light_goes_on(self, bench, order):
        kept = []

        def serve(live):
            if len(live.frames) == 3 and not kept:
                kept.append(api.keep_frame(bench, live, live.frames[-1].index, order))

        live = Live(Wish(set=PUMPED), serve=serve)
        look(bench, live, order, stop_after(live, 5))
        assert kept[0].run.exists()
        assert len(live.frames) == 5

    def test_without_dark_frames_the_counts_are_kept_and_it_is_said(self, bench, order):
        live = Live(Wish(set=PUMPED, darks=False))
        look(bench, live, order, stop_after(live, 1))
        kept = api.keep_frame(bench, live, live.frames[0].index, order)
        assert any("no result" in problem.text for problem in kept.problems)
        with load(kept.run) as run:
            assert len(run) == 1

    def test_an_image_of_the_chip_is_kept_as_an_image(self, order, tmp_path, labctl_state):
        text = find_bench(BENCH).read_text(encoding="utf-8")
        path = tmp_path / "image.toml"
        options = "temperature_c = -60.0"
        path.write_text(text.replace(options, f'{options}, read_mode = "image", region = [1, 128, 97, 160]'))
        with api.open_bench(str(path)) as bench:
            live = Live(Wish(read=live_light.detectors(bench), set=PUMPED))
            look(bench, live, order, stop_after(live, 1))
            kept = api.keep_frame(bench, live, live.frames[-1].index, order)
            with load(kept.run) as run:
                assert run.counts().shape == (1, 64, 128)
                assert [type(plot).__name__ for plot in run.plots] == ["Image"]

    def test_a_frame_that_is_gone_is_refused(self, bench, order):
        live = Live(Wish())
        with pytest.raises(Refused, match="no longer there"):
            api.keep_frame(bench, live, 7, order)

    def test_two_hundred_frames_stay(self):
        live = Live(Wish())
        for index in range(KEEPABLE + 10):
            live.finish(Reading(index, Point(), {}, {}))
        assert len(live.frames) == KEEPABLE
        assert live.frame(9) is None
        assert live.frame(10) is not None


class TestAligning:
    def test_the_pump_stands_at_the_least_without_a_limit_in_the_samples_file(self, bench):
        bench.move({"pump.wavelength": 510.0})
        wish = live_light.alignment(bench, SampleFile("s"))
        low, _ = bench.reach("pump.power", {})
        assert wish.set == {"pump.power": low}
        assert api.alignment(bench, at={"pump.wavelength": 500.0}).set == {"pump.wavelength": 500.0, "pump.power": 4e-6}
        assert (wish.auto, wish.armed_s) == (True, 1800.0)

    def test_a_limit_of_the_sample_is_held(self, bench):
        bench.move({"pump.wavelength": 510.0})
        assert live_light.alignment(bench, SampleFile("s", alignment_w=5e-6)).set == {"pump.power": 5e-6}
        with pytest.raises(Refused, match="neutral density"):
            live_light.alignment(bench, SampleFile("s", alignment_w=1e-15))

    def test_the_limit_is_read_from_the_samples_file(self, tmp_path):
        path = tmp_path / "s.toml"
        path.write_text('[alignment]\npower = "2 uW"\n')
        assert read_sample(str(path)).alignment_w == pytest.approx(2e-6)
        path.write_text('[alignment]\npower = "0 uW"\n')
        with pytest.raises(Refused, match="not a power above zero"):
            read_sample(str(path))

    def test_it_ends_when_its_time_is_over(self, bench, order):
        live = Live(Wish(set=PUMPED, darks=False, armed_s=10.0), "align")
        began = bench.clock.now()
        end = api.look(bench, live, order)
        assert end.status == "done"
        assert "they are over" in end.problems[0].text
        assert len(live.frames) >= 5
        assert bench.clock.now() - began < 30.0

    @pytest.mark.parametrize(("highest", "expected"), [(300 + 30000, 0.1), (65535, 0.01), (300 + 3000, 1.0), (300 + 60000, 0.05)])
    def test_the_exposure_follows_the_brightest_pixel(self, highest, expected):
        counts = np.full(100, 300)
        counts[50:53] = highest
        reading = Reading(0, Point(exposure_s=0.1), {"counts": counts}, {"saturation_counts": 65535.0})
        assert better_exposure(reading) == pytest.approx(expected)
