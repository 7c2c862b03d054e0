"""Every mode of the Andor driver in front of the emulated library: shapes, times, triggers, and a signal that no setting moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from drivers._sdk.atmcd import AndorAcquiring, AndorCommunication, AndorNoCamera, AndorParameter
from drivers.andor import AndorCCD
from sim_instruments.andor import make_sdk
from sim_instruments.twin.twin import PathItem, Twin
from sim_instruments.wire import Unit

SHIFT_S = 11.2e-6                        # a row, of the fastest vertical speed
ROWS, COLUMNS = 256, 1024
LINE_S = COLUMNS / 3e6
SHORT, QUIET = 150, {"hs_speed": 2}      # frames of 10 ms at 4 e: 0.1 % of the light in them
LIT = slice(0, 200)                      # columns with emission

Make = Callable[..., tuple[AndorCCD, Any]]


@pytest.fixture
def twin(clock):
    """A sample that shines evenly, once the shutter is open; no drift."""
    path = [PathItem(role, kind) for role, kind in (
        ("laser", "supercontinuum"), ("filter", "select"), ("cleanup", "clean_up"), ("shutter", "shutter"), ("sample", "sample"),
        ("spectrograph", "spectrograph"), ("ccd", "camera"))]
    made = Twin(path, sample="ying2021", clock=clock, ideal=True)
    made.element("filter").tune(0, centre_nm=500.0, amplitude=1.0)
    return made


@pytest.fixture
def make(clock, twin) -> Make:
    """Make a driver with options on an emulated library of its own, cold."""
    def make_camera(shutter: str = "none", **options: Any) -> tuple[AndorCCD, Any]:
        library = make_sdk([Unit("ccd", "andor", {"shutter": shutter}, twin.element("ccd"))], twin=twin, clock=clock)
        return AndorCCD(library, clock=clock, name="ccd", shutter=shutter, **options), library

    return make_camera


def take(ccd: AndorCCD, exposure_s: float) -> tuple[np.ndarray, dict[str, float]]:
    """Take a reading; gives counts and what was granted."""
    granted = ccd.configure(exposure_s)
    ccd.expose()
    give_up = ccd.clock.now() + 3 * ccd.cost(exposure_s) + 1.0
    while ccd.exposing:
        assert ccd.clock.now() < give_up
        ccd.clock.wait(0.001)
    return ccd.fetch()["counts"].astype(float), granted


def rate(twin: Twin, ccd: AndorCCD, exposure_s: float) -> float:
    """Give electrons per second in the lit columns, dark frame of the same settings subtracted."""
    shutter = twin.element("shutter").opening
    shutter.move(0.0)
    dark, granted = take(ccd, exposure_s)
    shutter.move(1.0)
    light, _ = take(ccd, exposure_s)
    shutter.move(0.0)
    frames = ccd.frames if ccd.frames > 1 else 1
    net = np.median((light - dark).reshape(frames, -1, ccd.area.width)[..., LIT].sum(axis=(1, 2)))      # no cosmic rays
    return float(net) * granted["gain_e_per_count"] / granted["effective_exposure_s"]


class TestShapes:
    @pytest.mark.parametrize(("options", "shape"), [
        ({}, (COLUMNS,)), ({"read_mode": "single_track", "track": [128, 20]}, (COLUMNS,)),
        ({"read_mode": "multi_track", "tracks": [5, 20]}, (5, COLUMNS)),
        ({"read_mode": "multi_track", "tracks": [3, 9, 7]}, (3, COLUMNS)),
        ({"read_mode": "random_track", "tracks": [[10, 19], [100, 119]]}, (2, COLUMNS)), ({"read_mode": "image"}, (ROWS, COLUMNS)),
        ({"read_mode": "image", "region": [101, 300, 9, 248], "binning": [2, 4]}, (60, 100)),
        ({"frames": 3}, (3, COLUMNS)),
        ({"frames": 2, "accumulations": 3, "read_mode": "multi_track", "tracks": [2, 9]}, (2, 2, COLUMNS))])
    def test_what_is_declared_is_what_comes(self, make, options, shape):
        ccd, _ = make(**options)
        counts, _ = take(ccd, 0.01)
        assert counts.shape == ccd.frame_shape() == shape
        [spec] = ccd.detectors.values()
        assert len(spec.dims) == len(shape)
        assert set(ccd.coordinates()) == set(spec.dims) - {"pixel"}
        assert counts.mean() == pytest.approx(300.0 * ccd.accumulations, rel=0.05)

    def test_the_tracks_lie_where_the_driver_says(self, make, twin):
        """The light lies in the middle of the chip: only the track that covers it sees it."""
        ccd, _ = make(read_mode="multi_track", tracks=[5, 20])
        twin.element("shutter").opening.move(1.0)
        light, _ = take(ccd, 0.5)
        bright = int(np.argmax(light[:, LIT].sum(axis=1)))
        first, last = ccd.area.rows[bright]
        assert first < 128 < last
        assert light[bright, LIT].sum() > 3 * np.delete(light[:, LIT].sum(axis=1) - 300.0 * 200, bright).max()


class TestTimes:
    @pytest.mark.parametrize(("options", "readout_s"), [
        ({}, ROWS * SHIFT_S + LINE_S), ({"hs_speed": 2}, ROWS * SHIFT_S + COLUMNS / 0.05e6),
        ({"vs_speed": 2}, ROWS * 32e-6 + LINE_S), ({"read_mode": "image"}, ROWS * SHIFT_S + ROWS * LINE_S),
        ({"read_mode": "multi_track", "tracks": [4, 10]}, ROWS * SHIFT_S + 4 * LINE_S)])
    def test_driver_and_library_agree_on_how_long_a_frame_takes(self, make, clock, options, readout_s):
        ccd, _ = make(**options)
        before = clock.now()
        take(ccd, 0.05)
        assert clock.now() - before == pytest.approx(0.05 + readout_s, abs=0.002)
        assert ccd.cost(0.05) == pytest.approx(0.05 + readout_s, rel=1e-6)

    def test_a_series_keeps_its_cycle(self, make, clock):
        ccd, _ = make(frames=4, cycle_s=0.25)
        before = clock.now()
        _, granted = take(ccd, 0.05)
        assert granted["cycle_s"] == pytest.approx(0.25)
        assert clock.now() - before == pytest.approx(3 * 0.25 + 0.05 + ROWS * SHIFT_S + LINE_S, abs=0.002)
        assert ccd.coordinates()["frame"].values == pytest.approx([0.0, 0.25, 0.5, 0.75])

    def test_a_shutter_of_the_head_takes_its_time(self, make, clock):
        ccd, _ = make("internal", opening_ms=30, closing_ms=40)
        before = clock.now()
        take(ccd, 0.05)
        assert clock.now() - before == pytest.approx(ccd.cost(0.05), abs=0.002)
        assert ccd.cost(0.05) == pytest.approx(0.05 + 0.07 + ROWS * SHIFT_S + LINE_S)

    def test_a_series_longer_than_the_memory_is_refused(self, make):
        with pytest.raises(Exception, match="does not fit into the library's memory of 30"):
            make(read_mode="image", frames=31)


class TestNormalisedSignal:
    """Exposure, gain, accumulations, series, tracks: none moves the signal by more than 0.5 %, read-out shift included."""

    @pytest.mark.parametrize("options", [
        {}, {"preamp": 2}, {"vs_speed": 2}, {"accumulations": 5}, {"read_mode": "single_track", "track": [128, 40]}],
        ids=["fvb", "gain", "shift", "accumulations", "track"])
    def test_short_and_long_exposures_agree(self, make, twin, options):
        """At 10 ms the shift makes 29 % (82 % at the slowest): forgotten, the series would step."""
        frames = SHORT // options.get("accumulations", 1)
        ccd, _ = make(frames=frames, **QUIET, **options)
        short = rate(twin, ccd, 0.01)
        ccd, _ = make(frames=frames // 10, **QUIET, **options)
        assert short == pytest.approx(rate(twin, ccd, 0.1), rel=0.005)

    def test_a_shutter_or_switched_light_needs_no_correction(self, make, twin):
        ccd, _ = make(frames=SHORT, **QUIET)
        open_chip = rate(twin, ccd, 0.01)
        ccd, _ = make("internal", frames=SHORT, **QUIET)
        assert ccd.configure(0.01)["effective_exposure_s"] == pytest.approx(0.01)
        assert rate(twin, ccd, 0.01) == pytest.approx(open_chip, rel=0.005)

    def test_the_rows_of_an_image_hold_what_full_binning_sums(self, make, twin):
        ccd, _ = make("internal")
        whole = rate(twin, ccd, 1.0)
        ccd, _ = make("internal", read_mode="image", region=[1, COLUMNS, 65, 192], binning=[1, 4])
        assert rate(twin, ccd, 1.0) == pytest.approx(whole, rel=0.005)


class TestTriggers:
    def test_a_pulse_an_exposure(self, make, clock):
        ccd, library = make(trigger="external", frames=2)
        ccd.configure(0.05)
        ccd.expose()
        for expected in (True, True):
            clock.wait(1.0)
            assert ccd.exposing is expected
            assert library.fire_trigger()
        clock.wait(1.0)
        assert not ccd.exposing
        assert not library.fire_trigger()

    def test_one_pulse_for_the_series(self, make, clock):
        ccd, library = make(trigger="external_start", frames=3)
        ccd.configure(0.05)
        ccd.expose()
        clock.wait(5.0)
        assert ccd.exposing
        library.fire_trigger()
        clock.wait(1.0)
        assert ccd.fetch()["counts"].shape == (3, COLUMNS)

    def test_the_pulse_is_the_exposure(self, make, clock, twin):
        ccd, library = make(trigger="external_exposure")
        twin.element("shutter").opening.move(1.0)
        sums = []
        for width_s in (0.2, 0.4):
            ccd.configure(width_s)
            ccd.expose()
            library.fire_trigger(width_s)
            clock.wait(1.0)
            assert not ccd.exposing
            sums.append((ccd.fetch()["counts"].astype(float)[LIT] - 300.0).sum() / ccd.granted["effective_exposure_s"])
        assert sums[1] == pytest.approx(sums[0], rel=0.02)

    def test_by_software(self, make):
        ccd, _ = make(trigger="software")
        counts, _ = take(ccd, 0.05)
        assert counts.shape == (COLUMNS,)

    def test_a_trigger_that_never_comes_can_be_given_up(self, make, clock):
        ccd, _ = make(trigger="external")
        ccd.configure(0.05)
        ccd.expose()
        clock.wait(100.0)
        assert ccd.progress == "0 of 1"
        ccd.abort()
        assert not ccd.exposing


class TestFaults:
    def test_settings_during_an_acquisition(self, make):
        ccd, _ = make()
        ccd.configure(10.0)
        ccd.expose()
        with pytest.raises(AndorAcquiring):
            ccd.configure(1.0)
        ccd.abort()
        ccd.configure(1.0)

    def test_a_cable_pulled_and_put_back(self, make, clock):
        ccd, library = make()
        library.unplugged = True
        with pytest.raises(AndorCommunication, match="20089"):
            ccd.configure(0.1)
        with pytest.raises(Exception, match="there is no camera 0; the library sees 0"):
            AndorCCD(library, clock=clock, name="ccd")
        library.unplugged = False
        take(ccd, 0.1)

    def test_a_power_cycle_is_noticed_and_mended_by_opening_again(self, make, clock):
        ccd, library = make(preamp=2)
        ccd.cool(-60.0)
        ccd.configure(10.0)
        ccd.expose()
        library.power_cycle()
        with pytest.raises(AndorCommunication):
            _ = ccd.exposing
        again = AndorCCD(library, clock=clock, name="ccd")
        assert library.camera.settings.preamp == 0
        assert again.temperature_state == "off"
        assert take(again, 0.01)[0].shape == (COLUMNS,)

    def test_too_hot_to_be_held(self, make, clock):
        ccd, library = make()
        assert ccd.not_ready() == ""
        library.over_temperature = True
        clock.wait(120.0)
        assert ccd.temperature_state == "drifting"
        assert ccd.temperature_c > -55.0
        assert "drifting" in ccd.not_ready()
        library.over_temperature = False
        clock.wait(400.0)
        assert ccd.not_ready() == ""

    def test_a_stuck_shutter_lets_light_in_during_the_readout(self, make, twin):
        ccd, library = make("internal", frames=40)
        twin.element("shutter").opening.move(1.0)
        good, _ = take(ccd, 0.01)
        library.camera.element.shutter_open = True
        library.shutter_stuck = True
        bad, _ = take(ccd, 0.01)
        ratio = (np.median(bad[:, LIT].sum(axis=1)) - 6e4) / (np.median(good[:, LIT].sum(axis=1)) - 6e4)
        assert ratio == pytest.approx(1.0 + ROWS * SHIFT_S / 0.01, rel=0.03)

    def test_no_camera_behind_the_handle(self, make):
        ccd, library = make()
        library.unplugged = True
        with pytest.raises(AndorNoCamera):
            ccd.sdk.call("Initialize", "")

    def test_closing_keeps_the_cold_because_the_driver_asked_for_it(self, make, clock):
        ccd, library = make()
        ccd.cool(-60.0)
        library.ShutDown()
        clock.wait(1000.0)
        assert library.camera.element.temperature_c.position == pytest.approx(-60.0)
        library.Initialize(b"")
        library.SetCoolerMode(0)
        library.ShutDown()
        clock.wait(1000.0)
        assert library.camera.element.temperature_c.position == pytest.approx(20.0)

    def test_an_index_beyond_the_tables(self, make):
        with pytest.raises(AndorParameter, match="the camera has 0: 1 times, 1: 2 times, 2: 4 times"):
            make(preamp=3)
