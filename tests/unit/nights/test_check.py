"""All runs of a night held together against budget, light and clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from labctl.core.dose import Budget, Light
from labctl.core.errors import Refused
from labctl.core.plan import Problem
from labctl.nights import check
from labctl.nights.check import Checked, Checkup
from labctl.nights.expand import Wanted

EVENING = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)


def run(label, seconds=3600.0, lit_s=60.0, place=(None, None), budget=Budget(lit_s=100.0)):     # noqa: B008  frozen
    wanted = Wanted(label, label, "snapshot", "lab", {})
    return Checked(wanted, seconds, lit_s, {place: Light(dose_j_cm2=lit_s, lit_s=lit_s)}, "film", budget)


def test_light_adds_up_place_by_place_and_is_told_once():
    found = check._budget([run("a"), run("b"), run("c", place=(1.0, 2.0)), run("d")])
    assert [problem.field for problem in found] == ["b"]
    assert "120 s fall on one place of film; its budget of lit time is 100 s" in found[0].text
    assert check._budget([run("a", budget=Budget()), run("b", budget=Budget())]) == []


def test_the_clock_counts_what_is_known():
    checkup = Checkup((run("a"), run("b", seconds=None), run("c")), ())
    assert checkup.ends(EVENING) == [EVENING + timedelta(hours=hours) for hours in (1, 1, 2)]
    assert checkup.unknown == 1


def test_what_will_be_held_up_is_a_warning():
    checkup = Checkup((run("a"), run("b"), run("c")), ())
    late, lit = check._limits(checkup, EVENING + timedelta(hours=1.5), EVENING, 90.0)
    assert (late.level, lit.level) == ("warning", "warning")
    assert "2 of 3 runs, the first b, would not be over by 23:30" in late.text
    assert "up to 180 s, and 90 s are allowed; b and what follows" in lit.text
    assert check._limits(checkup, EVENING + timedelta(hours=4), EVENING, 200.0) == []


def test_errors_refuse_and_warnings_do_not():
    Checkup((), (Problem("a", "late", "warning"),)).refuse_if_wrong()
    with pytest.raises(Refused, match="a: never"):
        Checkup((), (Problem("a", "never"),)).refuse_if_wrong()


@pytest.mark.parametrize(("computed", "corners"), [
    ({}, [{}]), ({"a": ("x", 1.0, 2.0)}, [{"a": 1.0}, {"a": 2.0}]), ({"a": ("x", 1.0, 1.0)}, [{"a": 1.0}]),
    ({"a": ("x", 1.0, 2.0), "b": ("x", 3.0, 4.0)}, [{"a": 1.0, "b": 3.0}, {"a": 1.0, "b": 4.0}, {"a": 2.0, "b": 3.0},
                                                  {"a": 2.0, "b": 4.0}]),
    (dict.fromkeys("abcd", ("x", 0.0, 1.0)), [dict.fromkeys("abcd", 0.0), dict.fromkeys("abcd", 1.0)]),
])
def test_computed_parameters_are_planned_at_their_ends(computed, corners):
    assert check._corners(computed) == corners
