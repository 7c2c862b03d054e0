"""What plots see of a run is the same while it runs and afterwards."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest

from labctl.gui.model.measured import LiveRun, abscissa, channel_name, planned
from tests.gui.made_up import PIXELS, WAVELENGTH, header, reading


@pytest.fixture
def live() -> LiveRun:
    """Give a run of which a dark frame and three points are there."""
    run = LiveRun(header())
    for each in (reading(0, kind="dark"), *(reading(k, 100.0 * k) for k in (1, 2, 3))):
        run.add(each)
    return run


class TestLiveRun:
    def test_rows_are_scan_points_in_electrons(self, live):
        assert len(live) == 3
        signal = live.signal(1)
        assert signal is not None
        assert signal.max() == pytest.approx(2.0 * 200.0, abs=2.0)     # 2 electrons a count, rounded down to counts

    def test_rows_equal_those_of_the_whole(self, live):
        for row in range(3):
            np.testing.assert_array_equal(live.signal(row), live.view.signal()[row])

    def test_columns_hold_nan_where_a_point_lacks_a_number(self, live):
        live.add(reading(4, extra=7.0))
        np.testing.assert_array_equal(live.column("extra"), [np.nan, np.nan, np.nan, 7.0])
        assert live.column("nothing") is None

    def test_without_dark_frames_the_rows_are_counts(self):
        run = LiveRun(header())
        run.add(reading(1))
        assert run.signal(0).max() == pytest.approx(400, abs=2)
        assert run.signal_label == "Counts per pixel"

    def test_dark_says_when_it_was_taken(self, live):
        assert live.dark_taken_s() == 0.0
        assert live.dark(1.0).mean() == 300.0
        assert live.dark(0.5) is None

    def test_memory_is_bounded_and_says_so(self):
        run = LiveRun(header(), most_bytes=3 * PIXELS * 4)
        for k in range(1, 6):
            run.add(reading(k))
        assert len(run) == 5
        assert not run.complete
        assert run.counts(4) is None
        assert run.counts(2) is not None

    def test_memory_is_given_back_as_soon_as_nobody_wants_the_run(self):
        was_on = gc.isenabled()
        gc.disable()                            # a cycle would wait for the collector, which may take long to come
        try:
            forgotten = LiveRun(header())
            forgotten.add(reading(0, kind="dark"))
            forgotten.add(reading(1))
            _ = forgotten.signal(0), forgotten.dark(), forgotten.view.signal()
            gone = weakref.ref(forgotten._arrays)
            del forgotten
            assert gone() is None
        finally:
            if was_on:
                gc.enable()

    def test_a_ring_forgets_the_oldest_row(self):
        run = LiveRun(header(), most_rows=3)
        for k in range(1, 6):
            run.add(reading(k, 10.0 * k))
        assert len(run) == 3
        assert run.changes == 5
        np.testing.assert_array_equal(run.column("elapsed_s"), [3.0, 4.0, 5.0])

    def test_a_view_does_not_change_when_points_come(self, live):
        view = live.view
        live.add(reading(4))
        assert len(view) == 3


class TestHeader:
    def test_planned_values_of_the_scan(self):
        np.testing.assert_array_equal(planned(header(3), "pump.wavelength"), [500.0, 501.0, 502.0])
        assert not len(planned(header(3, bounds={"points": 9}), "pump.wavelength"))

    def test_abscissa_is_known_before_the_first_point(self):
        name, unit, values = abscissa(LiveRun(header()).view, "counts")
        assert (name, unit) == ("emission.wavelength", "nm")
        np.testing.assert_allclose(values, WAVELENGTH)

    def test_unknown_channel_means_the_default_one(self):
        assert channel_name(header(), "image") == "counts"


def test_a_row_taken_elsewhere_by_the_spectrograph_brings_its_wavelengths():
    run = LiveRun(header(2))
    run.add(reading(1))
    there = reading(2)
    run.add(replace(there, arrays={**there.arrays, "emission_wavelength": WAVELENGTH + 10.0}))
    assert run.wavelength(0) is None
    np.testing.assert_array_equal(run.wavelength(1), WAVELENGTH + 10.0)
    assert abscissa(run.view, "counts")[0] == "column"
