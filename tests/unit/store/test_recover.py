"""Runs whose process was killed, whose folder vanished, whose disk is a share: every point ends up in a file."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from labctl.core.errors import StoreError
from labctl.store import nexus, places, processes, recover
from labctl.store.journal import Journal
from labctl.store.reader import JournalReader
from labctl.store.run import load

WRITER = "import json; from labctl.store import processes; print(json.dumps(processes.me()))"


@pytest.fixture(scope="module")
def dead_process():
    """Name a process of this computer that has ended."""
    told = subprocess.run([sys.executable, "-c", WRITER], capture_output=True, text=True, timeout=60, check=True)  # noqa: S603
    return json.loads(told.stdout)


@pytest.fixture
def killed(kit, tmp_path, dead_process):
    """Leave a journal as a killed process leaves it: running, with 7 points."""
    def make(name="run", folder=tmp_path / "data", **changes):
        folder.mkdir(exist_ok=True)
        path = kit.journal(folder / f"{name}.journal", upto=7, status="", **changes)
        with sqlite3.connect(path) as database:
            database.execute("UPDATE meta SET value=? WHERE name='writer'", (json.dumps(dead_process),))
        database.close()
        return path
    return make


class TestRecover:
    def test_killed_run_gets_its_file_and_keeps_its_journal(self, killed):
        journal = killed()
        (told,) = recover.recover(journal.parent)
        assert told.run == journal.with_suffix(".nxs")
        with load(told.run) as run:
            assert (run.status, len(run), len(run.select("dark"))) == ("interrupted", 4, 2)
            assert "killed after 7 points" in run.end["problems"][0]["text"]
            assert run.end["end_utc"] == "2026-11-21T13:00:08.800000+00:00"        # the last point, not the recovery
        assert journal.exists()
        assert recover.recover(journal.parent) == []

    def test_a_journal_from_elsewhere_sends_its_file_nowhere_else(self, killed, tmp_path):
        """Where a run belongs is believed of journals that lie in the state folder, not of one that came by mail."""
        journal, elsewhere = killed(), tmp_path / "elsewhere"
        elsewhere.mkdir()
        with sqlite3.connect(journal) as database:
            database.execute("INSERT INTO meta VALUES ('home',?)", (str(elsewhere / "planted.journal"),))
        database.close()
        (told,) = recover.recover(journal.parent)
        assert told.run == journal.with_suffix(".nxs")
        assert list(elsewhere.iterdir()) == []

    def test_live_run_is_left_alone(self, kit, tmp_path):
        with Journal.create(tmp_path / "live.journal", kit.header(kit.points())) as journal:
            kit.write(journal, kit.points(), 3)
            (told,) = recover.recover(tmp_path)
            assert told.run is None
            assert f"process {os.getpid()}" in told.text
            kit.write(journal, kit.points(), start=3)
        assert not list(tmp_path.glob("*.nxs"))

    def test_process_id_given_out_again_is_not_the_writer(self):
        assert processes.lives(processes.me())
        if processes.me()["started"] is not None:
            assert not processes.lives({**processes.me(), "started": 1})

    def test_run_of_another_computer_is_named(self, killed):
        journal = killed()
        with sqlite3.connect(journal) as database:
            database.execute("UPDATE meta SET value=? WHERE name='writer'", (json.dumps({"pid": 1, "host": "elsewhere"}),))
        database.close()
        (told,) = recover.recover(journal.parent)
        assert (told.run, told.text) == (None, "written on elsewhere; recover it there")

    def test_ended_and_empty_journals_are_not_rendered(self, kit, tmp_path):
        kit.journal(tmp_path / "aborted.journal", status="aborted")
        (tmp_path / "reserved.journal").touch()
        (told,) = recover.recover(tmp_path)
        assert told.journal.name == "reserved.journal"
        assert "nothing was measured" in told.text

    def test_damaged_journal_does_not_keep_the_others(self, killed):
        journal = killed()
        killed("zz")
        journal.write_bytes(journal.read_bytes()[:5000])
        told = {found.journal.name: found for found in recover.recover(journal.parent)}
        assert told["run.journal"].run is None
        assert "could not be recovered" in told["run.journal"].text
        assert told["zz.journal"].run is not None

    def test_file_of_the_same_run_is_superseded_not_replaced(self, killed):
        journal = killed()
        nexus.render(journal, journal.with_suffix(".nxs"))
        before = journal.with_suffix(".nxs").read_bytes()
        (told,) = recover.recover(journal.parent)
        assert told.run is not None
        assert told.run.name == "run_r1.nxs"
        assert recover.free_name(journal) == (journal.with_name("run_r2.nxs"), "run_r1.nxs")
        assert journal.with_suffix(".nxs").read_bytes() == before

    def test_no_folder(self, tmp_path):
        with pytest.raises(StoreError, match="no folder"):
            recover.recover(tmp_path / "none")


class TestVanishedFolder:
    """The data folder is deleted or unplugged in the middle of a run: the run goes on, in the state folder."""

    def test_deleted_folder_loses_nothing(self, kit, tmp_path, caplog):
        data = tmp_path / "data"
        data.mkdir()
        journal = Journal.create(data / "run.journal", kit.header(kit.points()))
        kit.write(journal, kit.points(), 5)
        shutil.rmtree(data)
        kit.write(journal, kit.points(), start=5)
        journal.end("done", end={})
        journal.close()
        assert "goes on in" in caplog.text
        assert journal.path.is_relative_to(os.environ["LABCTL_STATE"])
        with JournalReader(journal.path) as reader:
            assert len(reader.records()) == len(kit.points())
            assert [event.kind for event in reader.events()] == ["warning"]
            for record in reader.records():
                reader.arrays(record)

    def test_recovered_run_goes_home(self, kit, killed, tmp_path, dead_process):
        data = tmp_path / "data"
        data.mkdir()
        journal = Journal.create(data / "run.journal", kit.header(kit.points()))
        kit.write(journal, kit.points(), 3)
        shutil.rmtree(data)
        kit.write(journal, kit.points(), 6, start=3)
        journal.close()
        with sqlite3.connect(journal.path) as database:
            database.execute("UPDATE meta SET value=? WHERE name='writer'", (json.dumps(dead_process),))
        database.close()
        data.mkdir()
        (told,) = recover.recover(data)
        assert told.run == data / "run.nxs"
        with load(told.run) as run:
            assert len(run) + len(run.select("dark")) + len(run.select("reference")) == 6

    def test_unreadable_first_part_is_reunited_when_it_is_back(self, kit, tmp_path, dead_process, monkeypatch):
        data = tmp_path / "data"
        data.mkdir()
        journal = Journal.create(data / "run.journal", kit.header(kit.points()))
        kit.write(journal, kit.points(), 4)
        journal._database.close()               # an unplugged disk: nothing can be read through the open file any more
        data.rename(tmp_path / "unplugged")
        kit.write(journal, kit.points(), start=4)
        journal.close()
        with JournalReader(journal.path) as reader:
            assert [record.number for record in reader.records()] == list(range(4, len(kit.points())))
        with sqlite3.connect(journal.path) as database:
            database.execute("UPDATE meta SET value=? WHERE name='writer'", (json.dumps(dead_process),))
        database.close()
        (tmp_path / "unplugged").rename(data)
        found = [told for told in recover.recover(data) if told.run is not None]
        assert any("with the points of" in told.text for told in found)
        with load(found[-1].run) as run:
            assert len(run._source.table("scan").numbers()) + len(run.select("dark")) + len(run.select("reference")) == 10

    def test_run_file_goes_to_the_state_folder_when_its_own_cannot_be_written(self, make_journal, tmp_path):
        (tmp_path / "file").touch()
        made, (problem,) = recover.render_somewhere(make_journal(), tmp_path / "file" / "run.nxs")
        assert made.exists()
        assert problem.level == "warning"
        assert f"lies in {made}" in problem.text


class TestNetworkShare:
    MOUNTS = ("/dev/sda1 / ext4 rw 0 0\nserver:/export /mnt/lab\\040data nfs4 rw 0 0\n"
              "tmpfs /mnt/lab\\040data/scratch tmpfs rw 0 0\n")

    @pytest.mark.parametrize(("path", "kind"), [("/mnt/lab data/2026", "nfs4"), ("/mnt/lab data/scratch", ""), ("/srv", "")])
    def test_deepest_mount_decides(self, tmp_path, monkeypatch, path, kind):
        (tmp_path / "mounts").write_text(self.MOUNTS)
        monkeypatch.setattr(places, "MOUNTS", tmp_path / "mounts")
        monkeypatch.setattr(places, "_existing", lambda path: path)
        assert places.network_share(path) == kind

    def test_journal_lies_on_local_disk_and_the_file_on_the_share(self, kit, tmp_path, monkeypatch):
        from datetime import UTC, datetime

        from labctl.store import names

        share = tmp_path / "share"
        monkeypatch.setattr(places, "network_share", lambda path: "cifs" if str(path).startswith(str(share)) else "")
        place = names.reserve(share, "{sample}_{run:04d}", {"sample": "a", "start": datetime(2026, 11, 21, tzinfo=UTC)})
        assert place.home == share / "a_0001.journal"
        assert not place.journal.is_relative_to(share)
        with Journal.create(place.journal, kit.header(kit.points()), home=place.home) as journal:
            kit.write(journal, kit.points())
            journal.end("done", end={})
        assert "kept on the local disk" in place.home.read_text()
        assert recover.recover(share) == []
        nexus.render(place.journal, place.run)
        assert sorted(path.name for path in share.iterdir()) == ["a_0001.journal", "a_0001.nxs"]
        assert recover.free_name(place.journal) == (share / "a_0001_r1.nxs", "a_0001.nxs")
