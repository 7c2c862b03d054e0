"""A settled sensor is not a settled sample: the run waits for it, once for each temperature."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.bench.config import Settle
from labctl.bench.devices import TemperatureAxis
from labctl.core.instrument import Channel, Coordinate
from labctl.core.photons import wavelength_nm
from labctl.core.plan import Estimate, Point, Reading
from labctl.engine import preflight
from labctl.engine.control import Control
from labctl.engine.course import FixedCourse
from labctl.engine.engine import Earlier, Engine
from labctl.engine.soak import centre_ev, stands_still


@pytest.fixture
def cold(bench):
    """A bench with a cryostat after which the sample soaks for 600 s below 100 K, as without a word in the bench file."""
    axis = type(bench.axes["analyser.angle"])(bench, "sample.temperature", seconds=20.0)
    axis.still_ev = 0.0
    axis.soak_s = lambda value: 600.0 if value < 100.0 else 0.0
    bench.axes["sample.temperature"] = axis
    return bench


def at(kelvin, power=1.0):
    return Point({"sample.temperature": float(kelvin), "pump.power": power}, exposure_s=1.0)


def run(bench, journal, points, control=None, done=0, **more):
    course = FixedCourse(points, [Reading(index, points[index], {}, {}) for index in range(done)])
    return Engine(bench, control=control).run(course, journal, seed=7, run_id="r", procedure="p",
                                              estimate=Estimate(1.0, 0.0, 0, 1), **more)


def values(journal, name):
    return [found["values"].get(name) for _, found in journal.points]


class TestSoak:
    def test_once_for_each_cold_temperature(self, cold, journal):
        run(cold, journal, [at(50), at(50, 2.0), at(200), at(50)])
        assert values(journal, "sample.temperature_soaked_s") == [600.0, None, None, 600.0]
        assert 1200 < cold.clock.now() < 1320

    def test_the_pump_is_set_after_the_soak(self, cold, journal):
        run(cold, journal, [at(50)])
        assert cold.done.index("there sample.temperature 50") < cold.done.index("move pump.power 1")

    def test_the_first_request_ends_it(self, cold, journal):
        control = Control()
        cold.clock.call_at(200.0, lambda: control.request("Ctrl-C"))
        assert run(cold, journal, [at(50)], control).status == "aborted"
        assert cold.clock.now() < 202

    def test_a_resumed_run_soaks_before_it_goes_on(self, cold, journal):
        run(cold, journal, [at(50), at(50, 2.0)], done=1, earlier=Earlier(1, b"there"))
        assert values(journal, "sample.temperature_soaked_s") == [None]
        assert cold.clock.now() > 600

    def test_is_in_the_estimate(self, cold):
        slow = preflight.estimate([at(50), at(50), at(200)], cold.axes, cold.detectors, None)
        fast = preflight.estimate([at(150), at(150), at(200)], cold.axes, cold.detectors, None)
        assert slow.seconds - fast.seconds == pytest.approx(600.0)

    @pytest.mark.parametrize(("settle", "kelvin", "expected"), [
        (Settle(), 99.0, 600.0), (Settle(), 101.0, 0.0), (Settle(soak_s=30.0), 300.0, 30.0), (Settle(soak_s=0.0), 4.0, 0.0)])
    def test_what_the_bench_file_says(self, settle, kelvin, expected):
        axis = TemperatureAxis.__new__(TemperatureAxis)
        axis.settle = settle
        assert axis.soak_s(kelvin) == expected


WAVELENGTH = Coordinate(np.linspace(520.0, 540.0, 400), "nm", "Wavelength", "vacuum")


class TestStandingStill:
    """The line relaxes towards its place while spectra are taken a minute apart."""

    @pytest.fixture
    def relaxing(self, cold):
        detector, axis = cold.detectors["spectrum"], cold.axes["sample.temperature"]
        axis.still_ev, self.lag_s = 0.2e-3, 120.0

        def fetch():
            yield 0.05
            line = float(wavelength_nm(2.34 + 5e-3 * np.exp(-cold.clock.now() / self.lag_s)))
            return {"counts": (300 + 600 * np.exp(-((WAVELENGTH.values - line) / 1.5) ** 2)).astype("u4")}, {}, ()

        detector.fetch = fetch
        detector.channels = lambda: [Channel("counts", "counts", ("pixel",), (400,), "u4", coords={"pixel": WAVELENGTH})]
        return cold

    def test_waits_until_three_spectra_agree(self, relaxing, journal):
        run(relaxing, journal, [at(150), at(150, 2.0)])
        (spectra, none), lit = values(journal, "still_spectra"), values(journal, "lit_s")
        assert none is None
        assert spectra > 3
        last = relaxing.clock.now() - 10.0
        assert 5e-3 * np.exp(-(last - 2 * 60) / 120.0) < 0.4e-3, "it went on before the line stood still"
        assert lit[0] == pytest.approx((spectra + 1) * 1.02), "these spectra are light and count"

    def test_one_that_never_does_is_flagged(self, relaxing, journal):
        self.lag_s = 1e5
        relaxing.axes["sample.temperature"].still_ev = 1e-6
        assert run(relaxing, journal, [at(150)]).status == "done"
        assert journal.points[0][1]["flags"] == ("unsettled",)

    def test_centre_is_where_the_line_is(self):
        counts = 300 + 1000 * np.exp(-((WAVELENGTH.values - 531.0) / 1.5) ** 2)
        assert centre_ev(counts, WAVELENGTH) == pytest.approx(1239.841984 / 531.0, abs=2e-5)

    def test_three_in_a_row(self):
        assert not stands_still([1.0, 1.0], 0.1)
        assert stands_still([5.0, 1.0, 1.05, 1.1], 0.11)
        assert not stands_still([1.0, 1.2, 1.0], 0.1)
