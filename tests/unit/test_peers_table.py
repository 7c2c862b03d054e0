"""The table beside other programs: what is ranked, what is not, what it says about the promises, and where it is put."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

import pytest

from benchmarks.peers.__main__ import Task, kills, scans, told
from benchmarks.peers.table import TOOLS, replaced, table


def scan(tool, count, us, **more):
    return {"tool": tool, "count": count, "pace_s": 0.0, "median": float(us), "p99": 2.0 * us, "wall": 3.0 * us,
            "wall_p99": 4.0 * us, "growth": 1.0, "grown_mb": 0.5, "bytes": 1900.0, "finish_s": 1e-4 * count, "reload_s": 0.1,
            "cut_off": 0, **more}


def death(tool, said, back):
    return {"tool": tool, "count": 0, "pace_s": 0.0, "said": said, "back": back, "error": ""}


@pytest.fixture
def measured():
    """Every tool at 200 and 5000 points: labctl 100 µs a point, the others 200 µs and more; QCoDeS is cut off."""
    times = dict(zip(TOOLS, (100, 200, 300, 9000, 400, 4000, 2000), strict=True))
    found = [scan(tool, count, us) for tool, us in times.items() for count in (200, 5000)]
    return [{**each, "cut_off": 2310} if (each["tool"], each["count"]) == ("with_qcodes", 5000) else each for each in found]


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "1.0")


def rows(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")][1:]


def test_the_fastest_comes_first_and_whoever_loses_something_last(measured):
    deaths = [death(tool, 100, 60 if tool == "with_h5py" else 100) for tool in TOOLS]
    found = rows(table(measured, [*deaths, death("with_h5py_unflushed", 50, 0)], 0.1))
    assert [row[0] for row in found] == ["labctl", "PyMeasure, CSV", "QCoDeS, uncached", "Bluesky, msgpack", "Bluesky, JSON lines",
                                         "QCoDeS", "plain h5py, SWMR"]
    assert found[0][1:3] == ["100", "100"]
    assert found[5][2] == "9000 (cut off at 2310)"
    assert (found[0][-1], found[-1][-1]) == ("all, 1 of 1 times", "lost 40 at worst, something 1 of 1 times")


def test_promises_are_judged_by_who_went_through_to_the_end(measured):
    text = table(measured, [death("with_qcodes_default", 50, 0)], 0.1)
    assert "5000 points: labctl is 3.0 times faster per durable point than the fastest framework (PyMeasure, CSV)" in text
    assert "1.5 times with its run file counted in, which takes 100 µs a point once" in text
    assert "20.0 times faster per durable point than Bluesky (Bluesky, msgpack)" in text
    assert text.count(": kept.") == 2
    assert "Not ranked. QCoDeS, write period of 5 s: lost 50 at worst, something 1 of 1 times." in text
    slower = [{**each, "median": 180.0} if each["tool"] == "with_labctl" else each for each in measured]
    assert "Promised 2: NOT KEPT." in table(slower, [], 0.1)


def test_a_tool_that_failed_is_in_the_table_as_such(measured):
    found = rows(table([*(each for each in measured if each["tool"] != "with_bluesky"),
                        {"tool": "with_bluesky", "count": 200, "pace_s": 0.0, "failed": "it ended with 1"}],
                       [{"tool": "with_labctl", "count": 0, "pace_s": 0.0, "failed": "no"}], 0.1))
    assert found[-1][0] == "Bluesky, JSON lines"
    assert found[-1][-1] == "failed"
    assert found[0][-1] == "not tried; failed 1 times"
    assert {len(row) for row in found} == {len(found[0])}


def test_turns_begin_with_another_tool_each_and_kills_come_at_other_moments():
    tasks = list(scans({200: 2}, ["a", "b", "c"]))
    assert [task.tool for task in tasks] == ["a", "b", "c", "b", "c", "a"]
    early, late = ([task.after for task in kills(3, before, ["a"])] for before in (0, 6))
    assert early != late
    assert all(Task("a", after=after).kind == "kills" for after in (*early, *late))


def test_growth_is_the_last_tenth_over_the_first_after_a_beginning_that_does_not_count():
    times = [0.0]
    for index in range(1, 1011):
        times.append(times[-1] + (1.0 if index <= 10 else 1e-4 * (1 + index // 510)))
    found = told({"wall": times, "processor": times, "grown_mb": 0.0, "bytes": 2022, "finish_s": 0.0})
    assert found["growth"] == pytest.approx(2.0)
    assert found["bytes"] == pytest.approx(2.0)


def test_a_table_takes_the_place_of_the_one_before_and_nothing_else():
    page = "a\n<!-- table -->\nold \\1\n<!-- end -->\nb\n"
    assert replaced(page, "new \\1") == "a\n<!-- table -->\nnew \\1\n<!-- end -->\nb\n"
    with pytest.raises(SystemExit, match="no place"):
        replaced("a", "new")
    readme = (Path(__file__).resolve().parents[2] / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert "new" in replaced(readme, "new")
