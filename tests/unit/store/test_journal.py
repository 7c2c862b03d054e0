"""The journal: a point is there whole or not at all, whatever happens to the process, the disk or the file."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from labctl.core.errors import StoreError
from labctl.core.plan import Point
from labctl.store.journal import Journal
from labctl.store.reader import JournalReader

POINT = Point(set={"pump.wavelength": 500.1}, exposure_s=1.0).as_json()


def add(journal: Journal, index: int, array: np.ndarray | None = None) -> None:
    data = np.full(300, index, dtype="u4") if array is None else array
    journal.point(index, point=POINT, started_s=float(index), arrays={"counts": data}, values={"elapsed_s": index + 0.25},
                  flags=(), checkpoint=None)


def contents(path: Path) -> list[int]:
    """Read every point, insisting that each is true."""
    with JournalReader(path) as reader:
        records = reader.records()
        for record in records:
            assert np.array_equal(reader.arrays(record)["counts"], np.full(300, record.number))
            assert record.values == {"elapsed_s": record.number + 0.25}
    return [record.number for record in records]


class TestWhatIsWritten:
    """Everything comes back exactly as it was given."""

    def test_arrays_come_back_bit_for_bit(self, tmp_path):
        given = {"counts": np.arange(12, dtype="u4").reshape(3, 4)[:, ::2], "f": np.array([np.pi, np.inf, -0.0]),
                 "swapped": np.array([1, 2], dtype=">i2"), "none": np.empty((0, 5))}
        with Journal.create(tmp_path / "a.journal", {}) as journal:
            journal.point(3, point=POINT, started_s=1.5, arrays=given, values={"x": 0.1 + 0.2}, flags=["saturated"],
                          checkpoint=b"\0x")
        with JournalReader(tmp_path / "a.journal") as reader:
            record = reader.records()[0]
            found = reader.arrays(record)
            assert reader.checkpoint(3) == b"\0x"
        assert (record.number, record.started_s, record.values, record.flags) == (3, 1.5, {"x": 0.1 + 0.2}, ("saturated",))
        assert list(found) == list(given)
        for name, array in given.items():
            assert np.array_equal(found[name], array)
            assert found[name].dtype == array.dtype.newbyteorder("<")

    @pytest.mark.parametrize(("highest", "bytes_each"), [(0xFFFF, 2), (0x10000, 4)])
    def test_counts_that_fit_into_two_bytes_take_two_and_come_back_the_same(self, tmp_path, highest, bytes_each):
        counts = np.array([0, 7, highest], dtype="u4")
        with Journal.create(tmp_path / "a.journal", {}) as journal:
            add(journal, 0, counts)
        with sqlite3.connect(tmp_path / "a.journal") as database:
            assert database.execute("SELECT length(data) FROM point").fetchone() == (3 * bytes_each,)
        with JournalReader(tmp_path / "a.journal") as reader:
            found = reader.arrays(reader.records()[0])["counts"]
        assert (found.tolist(), found.dtype) == (counts.tolist(), np.dtype("u4"))

    def test_journal_of_version_1_is_read_and_continued(self, tmp_path):
        with Journal.create(tmp_path / "a.journal", {}) as journal:
            add(journal, 0)
        with sqlite3.connect(tmp_path / "a.journal") as database:           # as version 1 wrote it: no packed type, four bytes each
            text, = database.execute("SELECT record FROM point").fetchone()
            text, data = text.replace(',"<u2"]', "]"), np.zeros(300, "<u4").tobytes()
            database.execute("UPDATE point SET record=?, record_crc=?, data=?, crc=?",
                             (text, zlib.crc32(text.encode()), data, zlib.crc32(data)))
            database.execute("PRAGMA user_version=1")
        assert contents(tmp_path / "a.journal") == [0]
        with Journal.open(tmp_path / "a.journal") as journal:
            add(journal, 1)
        assert contents(tmp_path / "a.journal") == [0, 1]

    def test_header_grows_by_description_and_end_record_closes_the_run(self, tmp_path):
        header = {"seed": np.int64(3), "channels": {}}
        with Journal.create(tmp_path / "a.journal", header) as journal, JournalReader(journal.path) as reader:
            assert (reader.status, reader.end) == ("running", {})
            journal.describe({"channels": {"counts": {"unit": "counts"}}})
            assert reader.header == {"seed": 3, "channels": {"counts": {"unit": "counts"}}}
            journal.end("aborted", end={"seconds": 2.5})
            assert (reader.status, reader.end) == ("aborted", {"seconds": 2.5})

    def test_unknown_status_is_refused(self, tmp_path):
        with Journal.create(tmp_path / "a.journal", {}) as journal, pytest.raises(ValueError, match="not 'finished'"):
            journal.end("finished", end={})

    def test_events_travel_with_the_next_point_errors_at_once(self, tmp_path):
        with Journal.create(tmp_path / "a.journal", {}) as journal, JournalReader(journal.path) as reader:
            journal.event("info", 1.0, "waiting", {"kelvin": 4.2})
            assert reader.events() == []
            add(journal, 0)
            assert [(e.kind, e.text, e.data) for e in reader.events()] == [("info", "waiting", {"kelvin": 4.2})]
            journal.event("error", 2.0, "interlock")
            assert [e.text for e in reader.events()] == ["waiting", "interlock"]
            journal.event("info", 3.0, "kept by close")
        with JournalReader(tmp_path / "a.journal") as reader:
            assert [e.text for e in reader.events()] == ["waiting", "interlock", "kept by close"]

    def test_points_from_several_threads_all_arrive(self, tmp_path):
        with Journal.create(tmp_path / "a.journal", {}) as journal:
            threads = [threading.Thread(target=lambda k=k: [add(journal, i) for i in range(k, 60, 3)]) for k in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(20)
        assert contents(tmp_path / "a.journal") == list(range(60))


class TestWhatIsRefused:
    """Nothing is ever overwritten, and what cannot be read says why."""

    def test_existing_journal_is_left_alone(self, tmp_path):
        with Journal.create(tmp_path / "a.journal", {"seed": 1}) as journal:
            add(journal, 0)
        before = (tmp_path / "a.journal").read_bytes()
        with pytest.raises(StoreError, match="exists already"):
            Journal.create(tmp_path / "a.journal", {"seed": 2})
        assert (tmp_path / "a.journal").read_bytes() == before

    def test_point_is_never_replaced(self, tmp_path):
        with Journal.create(tmp_path / "a.journal", {}) as journal:
            add(journal, 0)
            with pytest.raises(StoreError, match="never replaced"):
                add(journal, 0, np.zeros(3))
            add(journal, 1)
        assert contents(tmp_path / "a.journal") == [0, 1]

    @pytest.mark.parametrize(("content", "words"), [
        (b"", "nothing was measured"), (b"not a database" * 20, "not a labctl journal"),
        (b"SQLite format 3\0" + bytes(100), "not a labctl journal"),
    ])
    def test_other_files_are_named_for_what_they_are(self, tmp_path, content, words):
        (tmp_path / "x.journal").write_bytes(content)
        for opening in (JournalReader, Journal.open):
            with pytest.raises(StoreError, match=words):
                opening(tmp_path / "x.journal")

    def test_newer_version_is_not_guessed_at(self, tmp_path):
        Journal.create(tmp_path / "a.journal", {}).close()
        with sqlite3.connect(tmp_path / "a.journal") as database:
            database.execute("PRAGMA user_version=99")
        database.close()
        with pytest.raises(StoreError, match="newer labctl"):
            JournalReader(tmp_path / "a.journal")


class TestResuming:
    """A journal is opened again to go on at the first missing point."""

    def test_open_appends_and_is_running_again(self, tmp_path):
        with Journal.create(tmp_path / "a.journal", {"seed": 5}) as journal:
            add(journal, 0)
            journal.end("aborted", end={"seconds": 1})
        with Journal.open(tmp_path / "a.journal") as journal, JournalReader(journal.path) as reader:
            assert (reader.status, reader.end, reader.header) == ("running", {}, {"seed": 5})
            add(journal, 1)
            journal.end("done", end={})
        assert contents(tmp_path / "a.journal") == [0, 1]


class TestSyncing:
    """Slow points reach the platter one by one, fast ones once a second: an fsync costs about 4 ms."""

    @pytest.mark.parametrize(("interval_s", "synced"), [(0.5, 100), (0.01, 1), (0.05, 5)])
    def test_commits_that_are_synced(self, tmp_path, monkeypatch, interval_s, synced):
        told, now = [], [0.0]
        connect = sqlite3.connect

        def listened(*args, **kwargs):
            database = connect(*args, **kwargs)
            database.set_trace_callback(told.append)
            return database

        monkeypatch.setattr(sqlite3, "connect", listened)
        monkeypatch.setattr(time, "monotonic", lambda: now[0])
        with Journal.create(tmp_path / "a.journal", {}) as journal:
            told.clear()
            for index in range(100):
                now[0] += interval_s
                add(journal, index)
            commits = [statement for statement in told if statement.startswith(("INSERT INTO point", "PRAGMA synchronous"))]
        levels, level = [], "FULL"
        for statement in commits:
            if statement.startswith("INSERT"):
                levels.append(level)
            level = statement.removeprefix("PRAGMA synchronous=") if statement.startswith("PRAGMA") else level
        assert len(levels) == 100
        assert abs(levels.count("FULL") - synced) <= 1


class TestTrouble:
    """Kill, full disk, torn files: every point that was acknowledged is there and true."""

    WRITER = """
import os, signal, sqlite3, sys
import numpy as np
from labctl.store.journal import Journal
POINT = {point!r}
connect = sqlite3.connect
for fatal in {fatal!r}:
    if os.fork():
        os.wait()
        continue
    left = [fatal]
    def count(statement):
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
    def counted(*args, **kwargs):
        database = connect(*args, **kwargs)
        database.set_trace_callback(count)
        return database
    sqlite3.connect = counted
    acknowledged = open(f"{{fatal}}.acknowledged", "wb", buffering=0)
    journal = Journal.create(__import__("pathlib").Path(f"{{fatal}}.journal"), {{}})
    for index in range(30):
        journal.point(index, point=POINT, started_s=float(index), arrays={{"counts": np.full(300, index, dtype="u4")}},
                      values={{"elapsed_s": index + 0.25}}, flags=(), checkpoint=None)
        acknowledged.write(b".")
    os._exit(0)
"""

    def test_kill_at_any_statement_keeps_every_acknowledged_point(self, tmp_path):
        seed = 20211121
        fatal = np.random.default_rng(seed).permutation(np.arange(1, 90))[:12].tolist()      # statements; 3 make a point
        writer = self.WRITER.format(point=POINT, fatal=fatal)
        subprocess.run([sys.executable, "-c", writer], cwd=tmp_path, check=True, timeout=60)  # noqa: S603  this very text
        survivors = []
        for k in fatal:
            done = (tmp_path / f"{k}.acknowledged").stat().st_size
            found = contents(tmp_path / f"{k}.journal") if (tmp_path / f"{k}.journal").stat().st_size else []
            assert found == list(range(len(found))), f"seed {seed}, killed at statement {k}"
            assert done <= len(found) <= done + 1, f"seed {seed}, killed at statement {k}"
            survivors.append(done)
        assert min(survivors) == 0
        assert max(survivors) > 15

    def test_log_torn_at_any_byte_gives_a_true_prefix(self, tmp_path):
        journal = Journal.create(tmp_path / "a.journal", {})
        for index in range(25):
            add(journal, index)
        log = (tmp_path / "a.journal-wal").read_bytes()
        seen = set()
        for cut in np.random.default_rng(7).integers(0, len(log), 40):
            shutil.copy(tmp_path / "a.journal", tmp_path / "torn.journal")
            (tmp_path / "torn.journal-wal").write_bytes(log[:cut])
            found = contents(tmp_path / "torn.journal")
            assert found == list(range(len(found)))
            seen.add(len(found))
            for leftover in tmp_path.glob("torn*"):
                leftover.unlink()
        journal.close()
        assert len(seen) > 10

    def test_full_disk_is_explained_and_loses_nothing(self, tmp_path, monkeypatch):
        connect = sqlite3.connect

        def small(*args, **kwargs):
            database = connect(*args, **kwargs)
            database.execute("PRAGMA max_page_count=60")
            return database

        monkeypatch.setattr(sqlite3, "connect", small)
        journal = Journal.create(tmp_path / "a.journal", {})
        advice = r"point (\d+) could not be written; the \1 points before it are safe.*free some space"
        with pytest.raises(StoreError, match=advice):
            [add(journal, index) for index in range(400)]
        kept = contents(tmp_path / "a.journal")
        assert len(kept) > 10
        for _ in range(100):
            journal.event("error", 1.0, "the disk is full " * 100)      # must not stop whoever makes the bench safe
        with pytest.raises(StoreError, match="the last events could not be written"):
            journal.close()
        assert contents(tmp_path / "a.journal") == kept

    def test_altered_bytes_are_noticed_and_the_point_named(self, tmp_path):
        with Journal.create(tmp_path / "a.journal", {}) as journal:
            add(journal, 0, np.arange(300, dtype="u4"))
            add(journal, 1, np.full(300, 0x5AC3F00D, dtype="u4"))
        raw = (tmp_path / "a.journal").read_bytes()
        mark = bytes.fromhex("0df0c35a")
        (tmp_path / "a.journal").write_bytes(raw.replace(mark, mark[:-1] + b"\0", 1))
        with JournalReader(tmp_path / "a.journal") as reader:
            good, bad = reader.records()
            assert reader.arrays(good)["counts"][7] == 7
            with pytest.raises(StoreError, match="point 1 were altered"):
                reader.arrays(bad)

    def test_another_connection_reads_while_it_is_written(self, tmp_path):
        with Journal.create(tmp_path / "a.journal", {}) as journal, JournalReader(journal.path) as reader:
            for index in range(5):
                add(journal, index)
                assert len(reader.records()) == index + 1

    def test_closed_journal_stands_alone_also_after_reading(self, tmp_path):
        with Journal.create(tmp_path / "a.journal", {}) as journal:
            add(journal, 0)
        assert contents(tmp_path / "a.journal") == [0]
        assert [path.name for path in tmp_path.iterdir()] == ["a.journal"]
        with Journal.open(tmp_path / "a.journal") as journal:
            add(journal, 1)
        assert [path.name for path in tmp_path.iterdir()] == ["a.journal"]

    def test_closing_while_somebody_reads_waits_for_nobody(self, tmp_path):
        journal = Journal.create(tmp_path / "a.journal", {})
        add(journal, 0)
        with JournalReader(tmp_path / "a.journal") as reader:
            journal.close()
            journal.close()
            assert len(reader.records()) == 1
        assert contents(tmp_path / "a.journal") == [0]

    def test_closed_journal_is_read_in_a_folder_that_cannot_be_written(self, tmp_path):
        with Journal.create(tmp_path / "a.journal", {}) as journal:
            add(journal, 0)
        tmp_path.chmod(0o500)
        try:
            assert contents(tmp_path / "a.journal") == [0]
        finally:
            tmp_path.chmod(0o700)
