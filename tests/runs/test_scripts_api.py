"""The API of scripts and notebooks: by name, in units, refused before anything moves, and parked on every way out."""

from __future__ import annotations

import os
import signal
import sys
from types import SimpleNamespace

import pytest

import labctl
from labctl import api
from labctl.api import progress
from labctl.core.errors import Refused, StoreError, UnsafeState
from labctl.core.plan import Estimate, Problem
from labctl.engine import by_hand
from labctl.engine.control import Control
from labctl.engine.events import Listeners, LogLine, PointDone, RunEnded, RunStarted
from labctl.engine.events import Progress as Step
from procedures.snapshot import Snapshot

QUICK = {"exposure": "20 ms", "dark_frames": 1}


@pytest.fixture
def bench(calibrated):
    calibrated("ying2021")
    with labctl.open_bench("ying2021") as opened:
        yield opened


def parks(bench):
    """Count how often a bench is parked from now on."""
    found, carry_out = [], bench.run_level
    bench.run_level = lambda level: found.append(level) or carry_out(level)
    return found


class TestQuantities:
    def test_set_by_text_and_by_number_and_read(self, bench):
        bench["pump.wavelength"] = 505
        bench["pump.fluence"] = "8 uJ/cm^2"
        assert bench["pump.fluence"] == pytest.approx(8e-6, rel=0.05)
        bench["pump.power"] = 5e-6
        assert bench["pump.power"] == pytest.approx(5e-6, rel=0.05)
        assert bench.by_hand == {"pump.wavelength": 505.0, "pump.power": 5e-6}, "one level replaces the other"
        bench["emission.centre"] = "540 nm"
        assert bench["emission.centre"] == pytest.approx(540.0, abs=0.2)
        assert "pump.power" in bench
        assert set(bench) == set(bench.axes)

    def test_refused_with_limit_and_remedy_before_anything_moves(self, bench):
        bench["pump.wavelength"] = 505
        before = bench.standing()
        with pytest.raises(Refused, match=r"outside .* to .*the reach of attenuator"):
            bench["pump.power"] = "2 W"
        with pytest.raises(Refused, match="not a number in W"):
            bench["pump.power"] = "12 nm"
        with pytest.raises(Refused, match=r"Did you mean pump\.power"):
            bench["pump.powr"] = 1e-6
        with pytest.raises(Refused, match=r"has no pump\.powr"):
            bench["pump.powr"]
        with pytest.raises(Refused) as all_at_once:
            bench.set({"pump.power": "2 W", "emission.centre": 1e6})
        assert [problem.field for problem in all_at_once.value.problems] == ["pump.power", "emission.centre"]
        assert bench.standing() == before

    def test_leaving_parks_what_was_used_by_hand_alone(self, calibrated):
        calibrated("ying2021")
        with labctl.open_bench("ying2021") as opened:
            levels = parks(opened)
        assert levels == []
        with labctl.open_bench("ying2021") as opened:
            levels = parks(opened)
            api.light(opened, True)
        assert levels == ["park"]

    @pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
    def test_ctrl_c_while_moving_parks(self, bench, monkeypatch):
        moving = by_hand.move_all

        def interrupted(*args):
            os.kill(os.getpid(), signal.SIGINT)
            return (yield from moving(*args))

        levels = parks(bench)
        monkeypatch.setattr(by_hand, "move_all", interrupted)
        before = signal.getsignal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt, match="the bench is parked"):
            bench["pump.wavelength"] = 520
        assert levels == ["park"]
        assert signal.getsignal(signal.SIGINT) is before

    def test_a_failed_park_is_said(self, bench):
        bench.run_level = lambda level: [Problem("shutter", "did not close")] if level == "park" else []
        with pytest.raises(UnsafeState, match="did not close"):
            by_hand.park(bench)


class TestRunning:
    @pytest.mark.parametrize("what", ["snapshot", Snapshot, Snapshot(exposure="20 ms", dark_frames=1, frames=2)],
                             ids=["name", "class", "instance"])
    def test_name_class_or_instance(self, bench, tmp_path, what):
        values = {} if isinstance(what, Snapshot) else {**QUICK, "frames": 2}
        outcome = labctl.run(what, bench, out=tmp_path, seed=3, note="three ways", figure=False, **values)
        assert outcome.status == "done"
        with outcome.load() as run:
            assert (len(run), run.seed, run.header["procedure"], run.header["note"]) == (2, 3, "snapshot", "three ways")

    def test_parameters_of_an_instance_are_its_own(self, bench):
        with pytest.raises(Refused, match="made already"):
            labctl.run(Snapshot(), bench, frames=3)

    @pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
    def test_ctrl_c_keeps_the_points_and_ends_the_script(self, bench, tmp_path, monkeypatch):
        class Pressing(progress.Silent):
            def __call__(self, event):
                if isinstance(event, PointDone) and event.reading.index == 2:
                    os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(progress, "Silent", Pressing)
        with pytest.raises(KeyboardInterrupt, match="aborted and the bench parked; 3 points"):
            labctl.run("snapshot", bench, out=tmp_path, frames=5, figure=False, **QUICK)
        (path,) = tmp_path.rglob("*.nxs")
        with labctl.load(path) as run:
            assert (run.status, len(run)) == ("aborted", 2)
        assert labctl.resume(path, bench, figure=False).status == "done"

    def test_nothing_measured_is_nothing_to_load(self):
        with pytest.raises(StoreError, match="no run to load"):
            api.Outcome("failed", None, "", 0, 1).load()


class TestPages:
    def test_of_a_run(self, ple_run):
        with ple_run.load() as run:
            page = run._repr_html_()
        assert "resonance_nm" in page
        assert "data:image/png;base64," in page
        assert len(page) < 400_000
        assert ple_run._repr_html_().startswith("<b>done</b>")

    def test_of_a_bench(self, bench):
        bench["pump.wavelength"] = 505
        page = bench._repr_html_()
        assert "<td" in page
        assert "505 nm" in page
        assert "Bench ying2021, simulated" in repr(bench)

    def test_what_came_from_outside_is_escaped(self, bench, tmp_path):
        outcome = labctl.run("snapshot", bench, out=tmp_path / "<b>data", note="<script>", figure=False, **QUICK)
        page = outcome._repr_html_()
        assert "&lt;b&gt;data" in page
        assert "<b>data" not in page
        assert "<script>" not in page


def test_a_long_queue_has_one_bar_and_what_ends_without_a_beginning_is_no_error():
    with progress.ProgressBar() as bar:
        bar(RunEnded(0.0, "refused", 0, ()))
        for number in range(3):
            bar(RunStarted(0.0, "id", f"run {number}", 5, Estimate(10.0, 0.0, 0, 5)))
            bar(Step(1.0, 4, 5, 2.0))
        assert [(task.description, task.completed) for task in bar._progress.tasks] == [("run 2", 4)]


class TestBarInACell:
    @pytest.fixture
    def pages(self, monkeypatch):
        pages = []
        module = SimpleNamespace(HTML=lambda text: text, display=lambda page, display_id: pages.append(page) or
                                 SimpleNamespace(update=pages.append))
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=1), display=module))
        monkeypatch.setitem(sys.modules, "IPython.display", module)
        return pages

    def test_drawn_now_and_then_and_escaped(self, pages):
        with progress.shown() as bar:
            bar(RunStarted(0.0, "id", "<ple>", 100_000, Estimate(10.0, 0.0, 0, 100_000)))
            for done in range(100_000):
                bar(Step(1.0, done, 100_000, 9.0))
            bar(LogLine(1.0, "warning", "<i>slow</i>"))
            bar(RunEnded(2.0, "done", 100_000, ()))
        assert len(pages) <= progress.STEPS + 4
        assert 'max="100000"' in pages[5]
        assert "<i>" not in pages[-1]
        assert "&lt;ple&gt;" in pages[-1]

    @pytest.mark.parametrize(("listeners", "control", "alone"), [(Listeners(), None, True), (None, Control(), False)])
    def test_none_for_a_run_that_somebody_looks_after(self, pages, listeners, control, alone):
        before = signal.getsignal(signal.SIGINT)
        with progress.looked_after(listeners, control) as care:
            care.bar.print("not shown")
            assert care.alone is alone
            assert (signal.getsignal(signal.SIGINT) is not before) is alone, "Ctrl-C must not tear a run out of the engine"
        assert pages == []

    def test_silent_where_nobody_looks(self):
        with progress.shown() as bar:
            assert isinstance(bar, progress.Silent)
