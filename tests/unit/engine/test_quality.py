"""Flags of a point, and what follows from them."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.plan import Estimate, Point
from labctl.core.quality import FLAGS, Policy, policies, strictest
from labctl.engine.control import Control
from labctl.engine.course import FixedCourse
from labctl.engine.engine import Engine
from labctl.engine.quality import Judge, with_shorter_darks

CAMERA = {"saturation_counts": 1000.0, "gain_e_per_count": 1.0, "read_noise_e": 4.0}


def run(bench, journal, quality, points=None, control=None):
    course = FixedCourse(points or [Point({"analyser.angle": 1.0}, exposure_s=1.0)])
    return Engine(bench, control=control).run(course, journal, seed=7, run_id="r", procedure="p",
                                              estimate=Estimate(1.0, 0.0, 0, 1), quality=policies(quality))


def stored(journal, index=0):
    return journal.points[index][1]


@pytest.fixture
def spectrum(bench):
    """A detector whose signal follows the exposure: 1200 counts in one second, saturated from 1000 on."""
    detector = bench.detectors["spectrum"]
    configure = detector.configure

    def follow(exposure_s):
        granted = yield from configure(exposure_s)
        detector.level = 1200 * exposure_s
        return granted

    detector.configure = follow
    return detector


class TestPolicies:
    def test_flag_keeps_the_point(self, bench, journal, spectrum):
        assert run(bench, journal, {}).status == "done"
        assert stored(journal)["flags"] == ("saturated",)
        assert "takes" not in stored(journal)["values"]

    def test_shorten_until_it_fits(self, bench, journal, spectrum):
        run(bench, journal, {"saturated": Policy("shorten", times=3, factor=0.9)})
        values = stored(journal)["values"]
        assert stored(journal)["flags"] == ()
        assert (values["takes"], values["exposure_s"]) == (3.0, pytest.approx(0.81))
        assert sum("taken again" in text for _, text in journal.events) == 2

    def test_the_next_point_has_its_own_exposure_again(self, bench, journal, spectrum):
        points = [Point({"analyser.angle": angle}, exposure_s=exposure) for angle, exposure in ((1.0, 1.0), (2.0, 0.5))]
        run(bench, journal, {"saturated": Policy("shorten")}, points)
        assert [stored(journal, index)["values"]["exposure_s"] for index in (0, 1)] == [0.5, 0.5]
        run(bench, journal, {"saturated": Policy("shorten")}, points[:1] * 2)
        assert bench.done.count("expose spectrum lit") == 2 + 1 + 4

    def test_retakes_are_light_and_end(self, bench, journal, spectrum):
        run(bench, journal, {"saturated": Policy("retake", times=2)})
        values = stored(journal)["values"]
        assert stored(journal)["flags"] == ("saturated",)
        assert values["takes"] == 3
        assert values["lit_s"] == pytest.approx(3 * (1.0 + 2 * 0.01))

    def test_shortening_stops_at_what_the_detector_can(self, bench, journal, spectrum):
        spectrum.check = lambda exposure_s: ["too short"] if exposure_s < 0.9 else []
        assert run(bench, journal, {"saturated": Policy("shorten")}).status == "done"
        assert stored(journal)["flags"] == ("saturated",)

    def test_abort_ends_the_run_without_the_point(self, bench, journal, spectrum):
        end = run(bench, journal, {"saturated": Policy("abort")})
        assert (end.status, end.points) == ("aborted", 0)
        assert not bench.shutter.is_open

    def test_pause_waits_for_a_person_and_repeats_the_point(self, bench, journal, spectrum):
        control = Control()

        def look():
            spectrum.configure = type(spectrum).configure.__get__(spectrum)     # somebody dims the detection
            spectrum.level = 100
            control.resume()

        bench.clock.call_at(500.0, look)
        end = run(bench, journal, {"saturated": Policy("pause")}, control=control)
        assert (end.status, stored(journal)["flags"]) == ("done", ())
        assert bench.clock.now() > 500.0
        assert any("somebody has looked" in text for _, text in journal.events)

    def test_pause_nobody_answers_ends_the_run(self, bench, journal, spectrum):
        assert run(bench, journal, {"saturated": Policy("pause")}).status == "aborted"
        assert 3600 < bench.clock.now() < 3700

    def test_the_gravest_counts(self):
        by = {"saturated": Policy("retake"), "cosmic": Policy("shorten"), "drift": Policy("flag")}
        assert strictest(("saturated", "cosmic", "drift"), by)[0] == "cosmic"
        assert strictest(("drift", "something else"), by) == ("", Policy())

    def test_later_sources_count_more(self):
        found = policies({"drift": Policy("abort")}, {"drift": Policy("flag"), "pile_up": Policy("flag")})
        assert (found["drift"].action, found["pile_up"].action, found["no_sync"].action) == ("flag", "flag", "pause")

    def test_mistakes_are_named(self):
        assert [len(Policy("retake", times, factor).check(flag)) for times, factor, flag in
                ((0, 0.5, "drift"), (1, 1.0, "drift"), (1, 0.5, "satured"))] == [1, 1, 1]


class TestDarks:
    """A shortened exposure needs a dark frame of its own length."""

    @staticmethod
    def exposures(*darks, policy, lit=1.0, can=lambda point: True):
        """Give the dark exposures of a plan, in order, when it takes these of its own."""
        own = [*(Point(kind="dark", light=False, exposure_s=exposure) for exposure in darks), Point(exposure_s=lit)]
        points = with_shorter_darks(own, {"saturated": policy}, can)
        assert [point for point in points if point.light] == own[-1:]
        assert all(not point.set and not point.light for point in points[:-1])
        return [point.exposure_s for point in points[:-1]]

    def test_every_exposure_it_may_come_to_has_as_many_as_the_whole_one(self):
        assert self.exposures(1.0, 1.0, policy=Policy("shorten", times=2)) == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]

    def test_what_the_plan_takes_is_not_taken_twice(self):
        assert self.exposures(1.0, 0.5, policy=Policy("shorten", times=2)) == [1.0, 0.25, 0.5]

    @pytest.mark.parametrize(("darks", "policy"), [
        ((), Policy("shorten")), ((1.0,), Policy("retake")), ((2.0,), Policy("shorten"))])
    def test_others_are_left_as_they_are(self, darks, policy):
        assert self.exposures(*darks, policy=policy) == list(darks)

    def test_what_the_detector_cannot_do_is_left_out(self):
        assert self.exposures(1.0, policy=Policy("shorten", times=3), can=lambda point: point.exposure_s > 0.3) == [1.0, 0.5]

    def test_frames_strewn_between_points_are_followed_by_none(self):
        dark, lit = Point(kind="dark", light=False, exposure_s=1.0), Point(exposure_s=1.0)
        points = with_shorter_darks([dark, lit, dark, lit], {"saturated": Policy("shorten", times=1)}, lambda point: True)
        assert [(point.light, point.exposure_s) for point in points] == [
            (False, 1.0), (False, 0.5), (True, 1.0), (False, 1.0), (True, 1.0)]


class TestFlags:
    """Each flag is raised by what it says and by nothing next to it."""

    @pytest.fixture
    def judge(self):
        return Judge({})

    def frame(self, highest):
        frame = np.full(100, 300, dtype="u4")
        frame[40:60] = highest * np.exp(-0.5 * ((np.arange(20) - 10) / 4.0) ** 2) + 300 * (highest > 600)
        return {"counts": frame}

    def test_saturated_is_judged_by_the_single_frame(self, judge):
        assert judge.flags("ccd", CAMERA, self.frame(690), {}) == []
        assert judge.flags("ccd", CAMERA, self.frame(710), {}) == ["saturated"]

    def test_a_sum_does_not_hide_a_frame(self, judge):
        """Ten frames of 950 each: the brightest is expected at 950 + 3 sqrt(950) = 1042."""
        summed = {**CAMERA, "saturation_counts": 10_000.0, "accumulations": 10.0}
        assert judge.flags("ccd", summed, {"counts": np.full(9, 9500)}, {}) == ["saturated"]
        assert judge.flags("ccd", summed, {"counts": np.full(9, 8900)}, {}) == []

    def test_cosmic(self, judge):
        quiet = np.random.default_rng(3).normal(300, 4, 200).astype("u4")
        hit = quiet.copy()
        hit[77] += 400
        assert judge.flags("ccd", CAMERA, {"counts": quiet}, {}) == []
        assert judge.flags("ccd", CAMERA, {"counts": hit}, {}) == ["cosmic"]
        assert judge.flags("ccd", CAMERA, {"counts": hit}, {}) == [], "what stood there before is a hot pixel"

    @pytest.mark.parametrize(("sync", "count", "expected"), [
        (78e6, 3e6, []), (78e6, 4e6, ["pile_up"]), (1e3, 51.0, ["pile_up"]), (0.0, 10.0, ["no_sync"])])
    def test_photon_counter(self, judge, sync, count, expected):
        assert judge.flags("histogram", {}, {}, {"sync_rate": sync, "count_rate": count}) == expected

    @pytest.mark.parametrize(("power", "expected"), [(1.019e-6, []), (1.021e-6, ["drift"]), (0.979e-6, ["drift"])])
    def test_drift_since_the_level_was_set(self, judge, power, expected):
        assert judge.flags("power", {}, {}, {"power": power}) == [], "nothing was set yet"
        judge.power_set({"power": 1e-6, "pump.power": 2e-5})
        judge.power_set({"analyser.angle_measured": 3.0})
        assert judge.flags("power", {}, {}, {"power": power}) == expected

    def test_every_flag_that_is_raised_is_known(self):
        assert {"saturated", "cosmic", "pile_up", "no_sync", "drift", "unsettled", "pump_overlap"} <= FLAGS.keys()


def test_a_channel_without_gain_is_no_camera():
    assert Judge({}).flags("x", {}, {"counts": np.array([1, 1, 1, 900, 1, 1, 1])}, {}) == []
