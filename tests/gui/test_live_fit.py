"""The analysis while a run runs: the same as afterwards, and nobody waits for it."""

from __future__ import annotations

import numpy as np

from labctl.core.plan import Point, Reading
from labctl.gui.model.measured import LiveRun
from labctl.gui.presenter.fit import TOO_LARGE, LiveFit, analyse
from labctl.store.run import load
from tests.gui.made_up import header, reading


def replayed(run, count: int) -> LiveRun:
    """Give a run as a window would have seen it after so many scan points."""
    channel = run.header["channels"]["counts"]                  # a file keeps coordinates as numbers of their own
    coords = {dim: {**told, "values": run.coordinate("counts", dim)[2]} for dim, told in channel["coords"].items()}
    live = LiveRun({**run.header, "channels": {"counts": {**channel, "coords": coords}}})
    for kind in ("dark", "reference"):
        add(live, run.select(kind), len(run.select(kind)))
    add(live, run, count)
    return live


def add(live, view, count):
    for row in range(count):
        values = {name: float(view[name][row]) for name in view.names if np.isfinite(view[name][row])}
        number = int(view.numbers[row])
        point = Point.from_json(live.header["plan"][number])
        flags = tuple(name for name in view.flag_names if view.flag(name)[row])
        live.add(Reading(number, point, {"counts": view.counts()[row]}, values, flags))


def fitted(qtbot, fit: LiveFit, live: LiveRun) -> bool:
    qtbot.waitUntil(lambda: fit.tick(live), timeout=20_000)
    return True


def test_of_the_whole_run_it_is_what_the_file_says(qtbot, twin_ple):
    with load(twin_ple) as run:
        live, fit = replayed(run, len(run)), LiveFit()
        assert fitted(qtbot, fit, live)
        assert live.refusal == ""
        for name, result in run.results.items():
            assert live.reduction.results[name].value == result.value
        np.testing.assert_array_equal(live.reduction.curves["pair_rate"].y, run.curves["pair_rate"].y)


def test_of_too_little_it_says_why_there_is_none(qtbot, twin_ple):
    with load(twin_ple) as run:
        live, fit = replayed(run, 1), LiveFit()
        assert fitted(qtbot, fit, live)
        assert live.refusal or live.reduction is not None


def test_a_run_that_is_over_is_not_fitted_again(qtbot):
    live, fit = LiveRun(header(procedure="ple")), LiveFit()
    live.add(reading(1))
    live.live = False
    assert not fit.tick(live)
    assert not fit.busy


def test_a_run_beyond_memory_is_left_to_its_end():
    live, fit = LiveRun(header(procedure="ple"), most_bytes=1), LiveFit()
    live.add(reading(1))
    assert not fit.tick(live)
    assert live.refusal == TOO_LARGE


def test_a_procedure_that_is_gone_gives_a_reason():
    live = LiveRun(header())
    live.add(reading(1))
    reduction, refusal = analyse("nobody", {}, live.view)
    assert reduction is None
    assert "nobody" in refusal
