"""A run of 150 points, stopped after every single write to the disk, and by kill -9 at random: every finished point is there."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from labctl.store.journal import Journal
from labctl.store.reader import JournalReader

POINTS, PIXELS, SEED = 150, 300, 20211121
RECORD = {"set": {"pump.wavelength": 500.1}, "read": ["spectrum"], "kind": "scan", "light": True, "exposure_s": 1.0, "do": [],
          "flags": []}
PWRITE = ctypes.CFUNCTYPE(ctypes.c_ssize_t, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int64)
TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int64)
UNLINK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p)


class _Vfs(ctypes.Structure):
    """The head of sqlite3_vfs (sqlite3.h), as far as xSetSystemCall."""

    _fields_ = [("version", ctypes.c_int), ("file_size", ctypes.c_int), ("longest_path", ctypes.c_int), ("next", ctypes.c_void_p),
                ("name", ctypes.c_char_p), ("data", ctypes.c_void_p), ("methods", ctypes.c_void_p * 13),
                ("set_call", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)),
                ("get_call", ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p))]


class Writes:
    """Every write, truncation (no bytes) and deletion (no offset) of SQLite, taken down on its way: (file name, offset, bytes)."""

    def __init__(self) -> None:
        import _sqlite3

        library = ctypes.CDLL(_sqlite3.__file__)
        if sys.platform != "linux" or not hasattr(library, "sqlite3_vfs_find"):
            pytest.skip("SQLite's system calls can be watched on Linux only")
        library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
        self._vfs = library.sqlite3_vfs_find(None)
        self.seen: list[tuple[str, int | None, bytes | None]] = []
        self._kept: list[object] = []

    def __enter__(self) -> Writes:
        for name in (b"pwrite", b"pwrite64"):
            self._hook(name, PWRITE, self._write)
        self._hook(b"ftruncate", TRUNCATE, self._cut)
        self._hook(b"unlink", UNLINK, self._delete)
        return self

    def __exit__(self, *exc: object) -> None:
        self._vfs.contents.set_call(ctypes.cast(self._vfs, ctypes.c_void_p), None, None)      # all as they were

    def _hook(self, name: bytes, kind, record) -> None:
        here = ctypes.cast(self._vfs, ctypes.c_void_p)
        address = self._vfs.contents.get_call(here, name)
        if not address:
            return
        original = kind(address)
        hooked = kind(lambda *arguments: record(original, *arguments))
        self._kept.append(hooked)
        self._vfs.contents.set_call(here, name, ctypes.cast(hooked, ctypes.c_void_p))

    def _write(self, original, file, data, length, offset) -> int:
        self.seen.append((_name(file), offset, ctypes.string_at(data, length)))
        return original(file, data, length, offset)

    def _cut(self, original, file, length) -> int:
        self.seen.append((_name(file), length, None))
        return original(file, length)

    def _delete(self, original, path) -> int:
        self.seen.append((Path(os.fsdecode(path)).name, None, None))
        return original(path)


def _name(file: int) -> str:
    return Path(os.readlink(f"/proc/self/fd/{file}")).name


def frame(index: int) -> np.ndarray:
    return np.random.default_rng(index).integers(0, 2**32, PIXELS, dtype="u4")


def add(journal: Journal, index: int) -> None:
    journal.point(index, point=RECORD, started_s=float(index), arrays={"counts": frame(index)}, values={"elapsed_s": index + 0.25},
                  flags=())


def found(path: Path, *, all_arrays: bool = True) -> int:
    """Count the points, insisting that they are the first ones and true; of all, or of the last three."""
    with JournalReader(path) as reader:
        records = reader.records()
        assert [record.number for record in records] == list(range(len(records)))
        for record in records if all_arrays else records[-3:]:
            assert np.array_equal(reader.arrays(record)["counts"], frame(record.number))
            assert record.values == {"elapsed_s": record.number + 0.25}
    return len(records)


def test_stop_after_every_write(tmp_path):
    written, acknowledged = [], []
    (tmp_path / "real").mkdir()
    (tmp_path / "copy").mkdir()
    with Writes() as writes:
        with Journal.create(tmp_path / "real" / "a.journal", {"seed": 1}) as journal:
            begun = len(writes.seen)
            for index in range(POINTS):
                add(journal, index)
                acknowledged.append(len(writes.seen))
            journal.end("done", end={"seconds": 1.0})
        written = list(writes.seen)
    assert len(written) > 4 * POINTS
    copy = tmp_path / "copy"
    for stop, (name, offset, data) in enumerate(written, 1):
        if name.endswith("-shm"):
            continue                # shared memory of the living; made anew from the log
        replay(copy / name, offset, data)
        if stop < begun:
            continue                # no journal yet
        safe = sum(mark <= stop for mark in acknowledged)
        state = tmp_path / "state"
        shutil.copytree(copy, state)
        assert found(state / "a.journal", all_arrays=stop % 50 == 0) >= safe, f"after write {stop} of {len(written)}"
        shutil.rmtree(state)
    assert found(copy / "a.journal") == POINTS
    assert [path.name for path in copy.iterdir()] == ["a.journal"]


def replay(path: Path, offset: int | None, data: bytes | None) -> None:
    """Do to a file what SQLite did to its original."""
    if offset is None:
        path.unlink(missing_ok=True)
        return
    with path.open("rb+" if path.exists() else "wb+") as file:
        if data is None:
            file.truncate(offset)
        else:
            file.seek(offset)
            file.write(data)


KILLED = """
import ctypes, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import {module} as helper
from labctl.store.journal import Journal

for number, stop in enumerate(map(int, sys.argv[3:])):
    child = os.fork()
    if child == 0:
        count = 0
        class Bomb(helper.Writes):
            def _write(self, original, file, data, length, offset):
                global count
                count += 1
                if count == stop:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(file, data, length, offset)
        with Bomb():
            journal = Journal.create(Path(sys.argv[2]) / f"{{number}}.journal", {{}})
            acks = os.open(Path(sys.argv[2]) / f"{{number}}.acks", os.O_CREAT | os.O_WRONLY)
            for index in range(helper.POINTS):
                helper.add(journal, index)
                os.write(acks, b".")
        os._exit(0)
    os.waitpid(child, 0)
"""


def kill_at_random(folder: Path, times: int) -> None:
    stops = np.random.default_rng(SEED).integers(20, 900, times)
    script = KILLED.format(module=Path(__file__).stem)
    subprocess.run([sys.executable, "-c", script, str(Path(__file__).parent), str(folder), *map(str, stops)], check=True,  # noqa: S603
                   timeout=30 + times)
    lengths = set()
    for number, stop in enumerate(stops):
        acknowledged = (folder / f"{number}.acks").stat().st_size
        kept = found(folder / f"{number}.journal")
        assert acknowledged <= kept <= acknowledged + 1, f"seed {SEED}: killed at write {stop}"
        lengths.add(kept)
    assert len(lengths) > times // 3


@pytest.mark.skipif(sys.platform != "linux", reason="forks and watches SQLite's system calls")
def test_random_kill(tmp_path):
    kill_at_random(tmp_path, 30)


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="forks and watches SQLite's system calls")
def test_random_kill_long(tmp_path):
    kill_at_random(tmp_path, 300)
