"""An estimate beside what happened."""

from __future__ import annotations

import pytest

from labctl.store.comparison import compared

HEADER = {"estimate": {"seconds": 100.0, "points": 12, "lit_seconds": 10.0, "dose_j_cm2": 4000.0}}


def spot(lit_s, dose):
    return {"added": {"lit_s": lit_s, "dose_j_cm2": dose}}


def test_the_most_exposed_spot_counts():
    found = {each.what: each for each in compared(HEADER, {"seconds": 110.0, "dose": {"spots": [spot(2, 900), spot(9, 4400)]}}, 12)}
    assert found["time"].difference == "+10.0%"
    assert found["points"].difference == "as estimated"
    assert found["lit time"].texts == ("10 s", "9 s")
    assert found["dose"].texts == ("4 kJ/cm²", "4.4 kJ/cm²")


def test_light_that_nobody_expected_is_told():
    found = compared({"estimate": {"seconds": 1.0, "points": 1}}, {"seconds": 1.0, "dose": {"spots": [spot(3.0, 0.0)]}}, 1)
    assert [(each.what, each.difference) for each in found if each.unit == "s"][1] == ("lit time", "not expected")


@pytest.mark.parametrize(("header", "end"), [({}, {"seconds": 1.0}), (HEADER, {})])
def test_silent_without_an_estimate_or_an_end(header, end):
    assert compared(header, end, 0) == []


def test_dark_runs_say_nothing_of_light():
    found = compared({"estimate": {"seconds": 1.0}}, {"seconds": 2.0, "dose": {"spots": []}}, 3)
    assert [each.what for each in found] == ["time", "points"]


def test_lit_time_is_that_of_all_places_and_dose_that_of_the_most_exposed() -> None:
    end = {"seconds": 100.0, "dose": {"spots": [spot(1.0, 400.0), spot(0.5, 200.0)], "added": {"lit_s": 9.5, "dose_j_cm2": 3800.0}}}
    found = {each.what: each for each in compared(HEADER, end, 12)}
    assert found["lit time"].texts[1] == "9.5 s"
    assert found["dose"].texts[1] == "400 J/cm²"
