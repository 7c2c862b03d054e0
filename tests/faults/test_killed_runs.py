"""`labctl run`, killed by kill -9 at device calls and journal writes drawn from a seed: every point told of is there and true.

The runs are forked from this process, so that each costs a run and not a start of Python; what they print is thrown away.
"""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from labctl import api
from labctl.cli.main import app
from labctl.engine import runner
from labctl.store import recover
from labctl.store.reader import JournalReader

SEED = 20211121
WORDS = ["run", "power_calibration", "--set", "wavelengths=5", "--set", "angles=7", "--seed", "5"]
POINTS = 1 + 5 * 7
CONFIDENCE = 3.0            # no failure in n trials: the rate is below 3/n with 95 % confidence
RESUMED = 3                 # of the killed runs of the default suite are also resumed

pytestmark = [pytest.mark.skipif(not hasattr(os, "fork") or sys.platform != "linux", reason="forks")]


def by_kill_9() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def by_a_crash() -> None:
    """Read where nothing is, as a library with a defect does."""
    faulthandler.disable()
    ctypes.string_at(0)


def child(folder: Path, stop: int, place: str = "", end=by_kill_9, words=()) -> None:
    """Be `labctl run`, or what `words` say, and end at the `stop`-th event, or at a named place; never returns."""
    from labctl.bench.devices import Device
    from labctl.store import nexus
    from labctl.store.journal import Journal

    os.setsid()
    os.environ["LABCTL_STATE"] = str(folder / "state")      # a calibration of another run would change the park angle
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    told = os.open(folder / "told", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    count = 0

    def event() -> None:
        nonlocal count
        count += 1
        if count == stop:
            end()

    def counted(function):
        def call(*args, **kwargs):
            event()
            try:
                return function(*args, **kwargs)
            finally:
                event()
        return call

    def telling(point):
        def write(journal, index, **what):
            point(journal, index, **what)
            os.write(told, f"{index}\n".encode())
        return write

    Device._evaluate = counted(Device._evaluate)            # type: ignore[method-assign]
    Journal.point = counted(telling(Journal.point))         # type: ignore[method-assign]
    if place:
        owner, name = {"reserve": (runner.names, "reserve"), "create": (Journal, "create"), "describe": (Journal, "describe"),
                       "end": (Journal, "end"), "close": (Journal, "close"), "render": (nexus, "_write"),
                       "rename": (os, "link"), "unlink": (Path, "unlink")}[place]
        setattr(owner, name, at_its_end(getattr(owner, name)))
    try:
        app([*words] or [*WORDS, "--out", str(folder)])
    finally:
        (folder / "events").write_text(str(count))
        os._exit(0)


def at_its_end(function):
    """Kill this process when the function has done its work."""
    def call(*args, **kwargs):
        function(*args, **kwargs)
        by_kill_9()
    return call


def killed(folder: Path, stop: int, place: str = "", end=by_kill_9, words=()) -> bool:
    """Run in a child process; tell whether it was killed, as planned."""
    folder.mkdir(parents=True, exist_ok=True)
    process = os.fork()
    if process == 0:
        child(folder, stop, place, end, words)
    _, status = os.waitpid(process, 0)
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == (signal.SIGKILL if end is by_kill_9 else signal.SIGSEGV)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of a run that nobody kills, what it measures, point by point, and how many events it has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(tmp_path_factory.mktemp("state")))
        procedure = api.make_procedure("power_calibration", {"wavelengths": 5, "angles": 7})
        folder = tmp_path_factory.mktemp("whole")
        with api.open_bench("ying2021") as bench:
            kept = {}
            record = runner.Journal.point
            patch.setattr(runner.Journal, "point", lambda journal, index, **what: (
                kept.update({index: dict(what["values"])}), record(journal, index, **what)))
            outcome = runner.run(procedure, bench, runner.Order("power_calibration", folder, seed=5, figure=False))
    assert outcome.status == "done"
    counting = tmp_path_factory.mktemp("counting")
    assert not killed(counting, 0)
    return folder, kept, int((counting / "events").read_text())


def true_points(journal: Path, undisturbed) -> int:
    """Count the points of a journal; each has to be what an undisturbed run measures there."""
    with JournalReader(journal) as reader:
        records = list(reader.records())
        assert [record.number for record in records] == list(range(len(records)))
        for record in records:
            assert record.values == undisturbed[record.number], f"point {record.number} is not true"
    return len(records)


def finished_after(folder: Path, journal: Path, undisturbed) -> None:
    """Resume a run that was cut off, and compare it with one that nobody disturbed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(folder / "state"))
        finished = api.resume(journal, figure=False)
    assert finished.status == "done"
    with api.load(finished.run) as run:
        assert len(run["power"]) == POINTS - 1
        assert list(run["power"]) == [undisturbed[index]["power"] for index in range(1, POINTS)]


def kill_many(folder: Path, times: int, whole, resumed: int) -> None:
    _, undisturbed, events = whole
    stops = np.random.default_rng(SEED).integers(1, events + 1, times)
    kept = []
    for number, stop in enumerate(stops):
        here = folder / str(number)
        assert killed(here, int(stop))
        told = (here / "told").read_text().split()
        found = sum(true_points(journal, undisturbed) for journal in here.rglob("*.journal") if journal.stat().st_size)
        assert len(told) <= found <= len(told) + 1, f"seed {SEED}, killed at event {stop}: {len(told)} points told, {found} kept"
        kept.append(found)
        if len(kept) <= resumed and found:
            (journal,) = here.rglob("*.journal")
            finished_after(here, journal, undisturbed)
    assert len(set(kept)) > min(times // 4, POINTS // 2), "the kills have to fall all over the run"
    sys.stdout.write(f"\nkill -9: 0 of {times} runs lost or altered a point (seed {SEED}, {events} events a "
                     f"run, {len(set(kept))} different lengths); with 95 % confidence fewer than {CONFIDENCE / times:.0%} do\n")


def test_row40_killed_anywhere(tmp_path, whole, capsys):
    with capsys.disabled():
        kill_many(tmp_path, 30, whole, RESUMED)


@pytest.mark.soak
def test_row40_killed_anywhere_long(tmp_path, whole, capsys):
    with capsys.disabled():
        kill_many(tmp_path, 300, whole, 300)


def test_row28_a_crash_inside_a_library(tmp_path, whole):
    """A segmentation fault in a device call ends the process; the points so far are there, and the run can be resumed."""
    _, undisturbed, events = whole
    assert killed(tmp_path, events // 2, end=by_a_crash)
    (journal,) = tmp_path.rglob("*.journal")
    told = (tmp_path / "told").read_text().split()
    assert 0 < len(told) <= true_points(journal, undisturbed) <= len(told) + 1 < POINTS
    finished_after(tmp_path, journal, undisturbed)


def test_row57_a_worker_of_the_queue_is_killed(tmp_path, whole, monkeypatch):
    """The next one finishes what the killed one had begun and does the rest; every job has one run file."""
    _, undisturbed, events = whole
    monkeypatch.setenv("LABCTL_STATE", str(tmp_path / "state"))

    def labctl(*words):
        done = CliRunner().invoke(app, ["queue", *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    for _ in range(2):
        labctl("add", *WORDS[1:], "--out", str(tmp_path))
    assert killed(tmp_path, events // 2, words=["queue", "run"])
    told = (tmp_path / "told").read_text().split()
    items = json.loads(labctl("run", "--json"))["items"]
    assert [item["status"] for item in items] == ["done", "done"]
    assert sorted(tmp_path.rglob("*.nxs")) == sorted(Path(item["run"]) for item in items)
    assert len({item["run_id"] for item in items}) == 2
    assert len(told) > 1
    with api.load(items[0]["run"]) as run:
        assert list(run["power"]) == [undisturbed[index]["power"] for index in range(1, POINTS)]


@pytest.mark.parametrize("place", ["reserve", "create", "describe", "end", "close", "render", "rename", "unlink"])
def test_row41_killed_while_creating_or_closing(tmp_path, whole, monkeypatch, place):
    older, undisturbed, _ = whole
    shutil.copytree(older, tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("LABCTL_STATE", str(tmp_path / "state"))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.nxs")}
    assert killed(tmp_path, 0, place)
    told = recover.recover(tmp_path)
    assert all(path.read_bytes() == data for path, data in before.items())
    assert all(each.run is None or each.run.exists() for each in told)
    for path in tmp_path.rglob("*.nxs"):
        with api.load(path) as run:
            assert run.status in ("done", "interrupted")
            assert run.status != "done" or len(run["power"]) == POINTS - 1
    for journal in tmp_path.rglob("*.journal"):
        assert journal.stat().st_size == 0 or true_points(journal, undisturbed) in (0, POINTS)


def test_row40_the_next_start_parks_before_anything_else(tmp_path, labctl_state):
    """Whatever a killed run has left: the shutter is told to close before the first move, and waited for."""
    with api.open_bench("ying2021") as bench:
        bench.twin.element("shutter").opening.move(1.0)
        bench.emulator("shutter").enabled = True
        moved_lit = []
        plate = bench.emulator("attenuator").mounts[0]
        start = plate._start
        plate._start = lambda *args: (moved_lit.append(not bench.twin.element("shutter").closed), start(*args))
        procedure = api.make_procedure("power_calibration", {"wavelengths": 5, "angles": 7})
        outcome = runner.run(procedure, bench, runner.Order("power_calibration", tmp_path, seed=5, figure=False))
    assert outcome.status == "done"
    assert moved_lit
    assert not any(moved_lit)
