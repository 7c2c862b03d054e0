"""Full, missing and forbidden disks, plans that cannot be, and runs that get in each other's way."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import threading

import numpy as np
import pytest

from labctl import api
from labctl.core.errors import Refused, StoreError
from labctl.core.plan import Point
from labctl.engine import lock, runner
from labctl.engine.events import Listeners
from labctl.store import names, nexus
from labctl.store.journal import Journal


@pytest.fixture
def attempt(labctl_state, tmp_path, two_points):
    """Order a run that has to be refused; gives its problems. Nothing was lit, nothing moved, nothing written."""
    def go(procedure=None, root=None, **order):
        with api.open_bench("ying2021") as bench:
            before = bench.clock.now()
            heard = []
            for role in ("shutter", "attenuator", "laser"):
                box = bench.emulator(role)
                box.receive = lambda data, receive=box.receive: (heard.append(data), receive(data))[1]
            with pytest.raises(Refused) as refused:
                runner.run(procedure or two_points(), bench,
                           runner.Order("two_points", root or tmp_path / "data", seed=3, figure=False, **order))
            assert bench.twin.sample_port.lit_seconds == 0.0
            assert heard == []
            assert bench.clock.now() == before
        assert not (tmp_path / "data").exists()
        return refused.value.problems
    return go


# ------------------------------------------------------------------ refused before anything moves
def test_row42_disk_full_at_the_start(attempt, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1_000_000))
    problems = attempt()
    assert [problem.field for problem in problems if problem.level == "error"] == ["out"]
    assert "1 MB free" in problems[0].text


def test_row45_folder_that_cannot_be_written(attempt):
    assert [problem.field for problem in attempt(root=runner.Path("/proc/labctl"))] == ["out"]


@pytest.mark.parametrize("sample", ["a/b", "../up", "tab\there", "x" * 300])
def test_row45_names_no_file_can_have(attempt, sample):
    assert attempt(sample=sample)


def test_row45_unicode_names_work(labctl_state, tmp_path, two_points):
    with api.open_bench("ying2021") as bench:
        root = tmp_path / "Prøver μ-Kristalle 試料"
        outcome = runner.run(two_points(), bench, runner.Order("two_points", root, seed=3, sample="CsPbBr₃ №7", figure=False))
    assert outcome.status == "done"
    with api.load(outcome.run) as found:
        assert found.header["sample"] == "CsPbBr₃ №7"


def test_row54_set_point_out_of_limits_at_point_1000(attempt, visiting):
    points = [Point(set={"pump.wavelength": 510.0 + 0.01 * index}, read=()) for index in range(1000)]
    points[999] = Point(set={"pump.wavelength": 5000.0}, read=())
    problems = attempt(visiting(*points))
    assert [(problem.field, problem.point) for problem in problems] == [("pump.wavelength", 999)]
    assert "5000 nm is outside" in problems[0].text


def test_row56_light_over_the_samples_budget(attempt, tmp_path):
    sample = tmp_path / "delicate.toml"
    sample.write_text('based_on = "ying2021"\nname = "delicate"\n[budget]\nlit_s = 0.1\n', encoding="utf-8")
    problems = attempt(sample=str(sample))
    assert any("0.1" in problem.text and "delicate" in problem.text for problem in problems), problems


def test_row46_a_second_run_on_the_same_bench(labctl_state, tmp_path, two_points):
    refused = []

    def second(event):
        if type(event).__name__ == "PointDone" and not refused:
            with pytest.raises(Refused) as caught:
                runner.run(two_points(), bench, runner.Order("two_points", tmp_path, seed=4, figure=False))
            refused.append(str(caught.value))

    with api.open_bench("ying2021") as bench:
        order = runner.Order("two_points", tmp_path, seed=3, figure=False)
        outcome = runner.run(two_points(), bench, order, listeners=Listeners(second))
    assert outcome.status == "done"
    assert "in use by" in refused[0]
    assert len(list(tmp_path.rglob("*.nxs"))) == 1
    assert not lock._held


# ------------------------------------------------------------------ in mid-run
def test_row43_disk_fills_in_mid_run(run, resume, measured, undisturbed, monkeypatch):
    add = Journal.point

    def write(journal, index, **what):
        if index == 1:
            fill(journal._database)
        add(journal, index, **what)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "point", write)
        outcome = run()
    assert outcome.status == "failed"
    assert "full" in str(outcome.problems[0])
    assert outcome.points == 1
    resumed = resume(outcome)
    assert resumed.status == "done"
    assert np.array_equal(measured(resumed)[1], undisturbed)


def fill(database):
    """Let the journal's disk be as large as the journal, and fill what is left."""
    pages = database.execute("PRAGMA page_count").fetchone()[0]
    database.execute(f"PRAGMA max_page_count={pages}")
    filling = "INSERT INTO event (kind,elapsed_s,text,data) VALUES ('info',0,'something else on this disk',NULL)"
    with contextlib.suppress(sqlite3.OperationalError):
        for _ in range(100_000):
            database.execute(filling)
        pytest.fail("the journal would not fill up")


def test_row44_the_folder_goes_in_mid_run(run, measured, undisturbed, tmp_path, monkeypatch):
    add = Journal.point

    def write(journal, index, **what):
        if index == 1:
            folder = journal.path.parent
            folder.rename(folder.with_name("gone"))
        add(journal, index, **what)

    monkeypatch.setattr(Journal, "point", write)
    outcome = run()
    assert outcome.run is not None
    assert outcome.run.exists()
    wavelength, counts = measured(outcome)
    assert list(wavelength) == [518.0, 522.0][: len(wavelength)]
    assert np.array_equal(counts, undisturbed[: len(counts)])
    assert outcome.points == len(counts)


def test_row53_exception_while_closing_the_file(run, resume, measured, undisturbed, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(nexus, "render", lambda *where, **what: (_ for _ in ()).throw(StoreError("the disk is gone (planted)")))
        outcome = run()
    assert (outcome.status, outcome.run) == ("failed", None)
    assert "Every point is safe in" in str(outcome.problems[-1])
    (journal,) = names_of_journals(outcome)
    with api.load(journal) as kept:
        assert np.array_equal(kept.counts(), undisturbed)


def names_of_journals(outcome):
    text = str(outcome.problems[-1])
    return [runner.Path(text.rpartition("safe in ")[2].rstrip("."))]


# ------------------------------------------------------------------ names, plans
def test_row47_a_run_number_that_another_process_has_taken(run, tmp_path):
    taken = {}

    def take(bench):
        taken["path"] = next(tmp_path.rglob("*.journal"))

    first = run(take)
    claimed = tmp_path / ".run-0002.claimed"
    claimed.touch()
    before = first.run.read_bytes()
    second = run()
    assert second.run.stem.endswith("_0003")
    assert first.run.read_bytes() == before


def test_row47_many_at_once_never_share_a_number(tmp_path):
    fields = {"sample": "s", "procedure": "p", "bench": "b", "user": "", "start": runner_utc()}
    found, errors = [], []

    def reserve():
        try:
            found.append(names.reserve(tmp_path, "{sample}_{run:04d}", fields).number)
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=reserve) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    assert errors == []
    assert len(set(found)) == 12


def runner_utc():
    from datetime import UTC, datetime

    return datetime(2026, 11, 21, tzinfo=UTC)


def test_row55_plan_edited_between_crash_and_resume(run, resume, visiting):
    from sim_instruments.faults import Fault

    outcome = run(lambda bench: bench.emulator("power_meter").faults.append(Fault("hang", times=float("inf"))))
    assert outcome.status == "failed"
    kept = outcome.run.with_suffix(".journal").read_bytes()
    with pytest.raises(Refused, match="not today"):
        resume(outcome, procedure=visiting(Point(set={"pump.wavelength": 518.5}, read=())))
    assert outcome.run.with_suffix(".journal").read_bytes() == kept


# ------------------------------------------------------------------ what is not done unasked
def test_p7_no_socket_listens(run, monkeypatch):
    """A run with everything it needs opens no port to the world."""
    import socket

    def listen(*where):
        raise AssertionError(f"a socket listens: {where}")

    monkeypatch.setattr(socket.socket, "listen", listen)
    assert run().status == "done"
