"""Ensembles: every member is made whatever dies on the way, and nothing is made twice."""

from __future__ import annotations

import errno
import os
import signal
import threading

import numpy as np
import psutil
import pytest
import xarray

from labctl.core.errors import Refused, StoreError
from labctl.ensembles.asking import asked
from labctl.ensembles.folder import Folder
from labctl.ensembles.session import Gathered, make
from labctl.ensembles.statistics import statistics
from labctl.ensembles.working import _part

CHEAP = {"exposure": "10 ms", "dark_frames": "1"}


def wanted(members):
    return asked("snapshot", "xiong2022", {"seed": range(members)}, CHEAP)


def busy(folder):
    """Give the processes that are making a member now; the folders of its parts are named after them."""
    return [int(part.name.rpartition("-")[2]) for part in Folder(folder).parts.glob("*-*")]


def listening():
    """Give the addresses at which this process and its children listen."""
    mine = {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}
    return {each.laddr.ip for each in psutil.net_connections("inet") if each.status == psutil.CONN_LISTEN and each.pid in mine}


class Killer:
    """Kills one process that is making a member, as soon as one member is whole; notes at which addresses anybody listens."""

    def __init__(self, folder):
        self.folder, self.killed, self.addresses = folder, [], set()
        self.whole = threading.Event()
        self.thread = threading.Thread(target=self._kill, daemon=True)
        self.thread.start()

    def __call__(self, progress):
        self.addresses |= listening()
        if progress.ended:
            self.whole.set()

    def _kill(self):
        self.whole.wait(120.0)
        look = threading.Event()
        while not self.killed:
            for pid in busy(self.folder)[:1]:
                os.kill(pid, signal.SIGKILL)
                self.killed.append(pid)
            look.wait(0.002)


def taken_with_a_kill(folder, members, *, workers=2, **how) -> Gathered:
    before = listening()
    killer = Killer(folder)
    made = make(wanted(members), folder, workers=workers, told=killer, **how)
    killer.thread.join(10.0)
    assert len(killer.killed) == 1
    assert killer.addresses - before == ({"127.0.0.1"} if "dask" in how else set())
    return made


def insist_on_all(made, members):
    assert (made.members, made.failures) == (members, ())
    assert made.data.status.values.tolist() == ["done"] * members
    runs = made.data.run.values.tolist()
    assert len(set(runs)) == members
    assert sorted(f"runs/{path.name}" for path in Folder(made.folder).runs.glob("*.nxs")) == sorted(runs)
    assert np.isfinite(made.data.total_rate).all()
    assert not Folder(made.folder).parts.exists()


@pytest.fixture(scope="module")
def by_processes(tmp_path_factory):
    """Four members over processes, one of them killed on the way."""
    return taken_with_a_kill(tmp_path_factory.mktemp("processes"), 4)


def test_a_killed_process_costs_nothing(by_processes):
    insist_on_all(by_processes, 4)


@pytest.mark.filterwarnings("ignore::UserWarning:distributed")      # of a slow disk, which is Dask's business
def test_dask_makes_the_same_ensemble_with_a_worker_killed(by_processes, tmp_path):
    made = taken_with_a_kill(tmp_path / "dask", 3, workers=1, dask=True)
    insist_on_all(made, 3)
    assert made.data.total_rate.equals(by_processes.data.total_rate[:3])


def test_the_table_is_in_the_folder_with_units_and_the_statistics_are_those_of_it(by_processes):
    with xarray.open_dataset(by_processes.folder / "ensemble.nc", engine="h5netcdf") as data:
        data.load()
    assert data.equals(by_processes.data)
    assert data.total_rate.attrs["units"] == "1/s"
    found = statistics(data).sel(result="total_rate")
    assert found.scatter == pytest.approx(np.std(data.total_rate.values, ddof=1))


def test_what_is_there_is_not_made_again_and_an_interrupted_ensemble_goes_on(by_processes):
    class Enough(KeyboardInterrupt):
        pass

    def interrupt(progress):
        if progress.done == 5:
            raise Enough

    before = {path: path.stat().st_mtime_ns for path in Folder(by_processes.folder).runs.iterdir()}
    with pytest.raises(Enough):
        make(wanted(6), by_processes.folder, workers=1, told=interrupt)
    made = make(wanted(6), by_processes.folder, workers=1)
    assert made.found == 5
    insist_on_all(made, 6)
    after = {path: path.stat().st_mtime_ns for path in Folder(by_processes.folder).runs.iterdir()}
    assert before.items() < after.items()


def test_a_folder_of_which_nobody_knows_whose_it_is_is_refused(by_processes, tmp_path):
    (tmp_path / "ensemble.json").write_text('["half a file"')
    with pytest.raises(Refused, match="nobody knows whose runs these are"):
        make(wanted(4), tmp_path)
    (tmp_path / "ensemble.json").write_text((by_processes.folder / "ensemble.json").read_text().replace("10 ms", "11 ms"))
    with pytest.raises(Refused, match="holds an ensemble with another values"):
        make(wanted(4), tmp_path)


def test_two_processes_of_one_number_make_a_member_in_folders_of_their_own(tmp_path):
    folder = Folder(tmp_path)
    with _part(folder, "a" * 64) as here, _part(folder, "a" * 64) as there:
        assert here != there
        assert {place.name.rpartition("-")[2] for place in (here, there)} == {str(os.getpid())}
    assert list(folder.parts.iterdir()) == []


def test_a_table_that_cannot_be_written_says_what_to_do(by_processes, monkeypatch):
    def full(*args, **how):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(xarray.Dataset, "to_netcdf", full)
    with pytest.raises(StoreError, match=r"ensemble\.nc could not be written: No space left on device"):
        make(wanted(4), by_processes.folder)


def test_a_member_that_fails_is_told_and_the_others_stay(tmp_path, labctl_state):
    """Without a pump that can be set, a power cannot be asked for."""
    made = make(asked("snapshot", "xiong2022", {"power": "0, 1"}, CHEAP), tmp_path / "failing", workers=1)
    (failure,) = made.failures
    assert failure.startswith("power 1: refused")
    assert made.data.status.values.tolist() == ["done", "refused"]
    assert np.isfinite(made.data.total_rate.values).tolist() == [True, False]
    assert "power" in made.data.problems.values[1]


@pytest.mark.soak
@pytest.mark.filterwarnings("ignore::UserWarning:distributed")
@pytest.mark.parametrize("how", [{}, {"dask": True}])
def test_sixty_four_with_one_killed_are_sixty_four(tmp_path, how):
    made = taken_with_a_kill(tmp_path / "whole", 64, **how)
    insist_on_all(made, 64)
