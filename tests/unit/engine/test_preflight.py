"""Everything wrong is found before the first move, all together."""

from __future__ import annotations

from pathlib import Path

import pytest

from labctl.core.plan import Point
from labctl.engine import preflight


def check(bench, points):
    return preflight.check_points(points, bench.axes, bench.detectors, bench.actions)


def test_good_points_have_no_problem(bench):
    assert check(bench, [Point(set={"pump.wavelength": 500}, exposure_s=1.0)]) == []


def test_the_last_of_many_points_is_checked(bench):
    points = [Point(set={"pump.wavelength": 500}, exposure_s=1.0)] * 5000 + [Point(set={"pump.wavelength": 5000}, exposure_s=1.0)]
    found = check(bench, points)
    assert [(p.field, p.point) for p in found] == [("pump.wavelength", 5000)]
    assert bench.done == []


def test_unknown_axis_detector_and_action_are_named_with_a_suggestion(bench):
    found = check(bench, [Point(set={"pump.wavelenght": 5}, read=("spectrm",), do=("power_meter.zer",), exposure_s=1.0)])
    assert "pump.wavelength" in str(found[0])
    assert {p.field for p in found} == {"pump.wavelenght", "read", "do"}


def test_exposure_is_asked_of_the_detector(bench):
    assert check(bench, [Point(exposure_s=0.0)])[0].field == "exposure"


def test_equal_problems_are_said_once_with_their_number(bench):
    found = check(bench, [Point(set={"pump.wavelength": -1.0}, exposure_s=1.0)] * 1000)
    assert len(found) == 1
    assert "holds for 1000 points, the last 999" in found[0].text


def test_many_different_problems_are_counted(bench):
    found = check(bench, [Point(set={"pump.wavelength": -1.0 - index}, exposure_s=1.0) for index in range(1000)])
    assert len(found) == preflight.MOST_REPORTED + 1
    assert f"{1000 - preflight.MOST_REPORTED} more points" in found[-1].text
    assert found[-1].point == 999


def test_an_empty_plan_is_refused(bench):
    assert check(bench, [])[0].field == "plan"


def test_read_only_folder_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("not a folder")
    assert preflight.check_disk(file / "data", 0)[0].field == "out"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system that nobody can write to")
def test_folder_that_cannot_be_written_is_refused_and_not_made():
    assert "cannot be written" in preflight.check_disk(Path("/proc/labctl/data"), 0)[0].text


def test_nothing_is_left_behind(tmp_path):
    assert preflight.check_disk(tmp_path / "not" / "yet", 0) == []
    assert list(tmp_path.iterdir()) == []


def test_full_disk_is_refused(tmp_path):
    assert "free" in preflight.check_disk(tmp_path, 10**18)[0].text


def test_estimate_counts_moves_exposures_and_bytes(bench):
    points = [Point(set={"pump.wavelength": 500.0, "analyser.angle": 3.0}, exposure_s=2.0)] * 10
    found = preflight.estimate(points, bench.axes, bench.detectors, None)
    assert found.points == 10
    assert found.seconds == pytest.approx(10 * (0.3 + 2.05 + preflight.SHUTTER_S))
    assert found.bytes == 10 * (8 + preflight.POINT_OVERHEAD_BYTES)
