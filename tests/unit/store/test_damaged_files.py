"""Damaged files: a clear error or the right data, never wrong data, never a hang."""

from __future__ import annotations

import sqlite3

import h5py
import numpy as np
import pytest

from labctl.core.errors import LabctlError, StoreError
from labctl.store import foreign, nexus, seal
from labctl.store.reader import JournalReader
from labctl.store.run import load
from labctl.store.verify import verify

SEED = 20211121


def mutate(raw: bytes, rng: np.random.Generator) -> bytes:
    """Flip a bit, cut off, zero a block, move a block, put bytes in, or write noise: what disks and programs do to files."""
    data = bytearray(raw)
    where, length = int(rng.integers(len(data))), int(rng.integers(1, 600))
    kind = int(rng.integers(6))
    if kind == 0:
        data[where] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del data[where:]
    elif kind == 2:
        data[where:where + length] = bytes(len(data[where:where + length]))
    elif kind == 3:
        block = data[where:where + length]
        del data[where:where + length]
        data[int(rng.integers(len(data) + 1)):0] = block
    elif kind == 4:
        data[where:where] = rng.bytes(length)
    else:
        data[where:where + length] = rng.bytes(len(data[where:where + length]))
    return bytes(data)


def contents(path):
    with load(path) as run:
        data = run.data.load()
        arrays = {name: data[name].values.tobytes() for name in data.variables}
        return arrays, run.parameters, dict(run.results), run.plan, run.events, run.status


@pytest.fixture(scope="module")
def original(kit, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fuzz")
    path = nexus.render(kit.journal(folder / "run.journal"), folder / "run.nxs")
    return path.read_bytes(), contents(path)


def fuzz(original, folder, times, *, sealed):
    raw, right = original
    rng = np.random.default_rng(SEED)
    refused = 0
    for number in range(times):
        path = folder / f"{number}.nxs"
        changed = mutate(raw if sealed else raw[: raw.rfind(seal.FACTS)], rng)
        path.write_bytes(changed)
        try:
            found = contents(path)
        except LabctlError as exc:
            refused += str(path) in str(exc)
        else:
            assert found == right or not sealed, f"seed {SEED}, mutation {number}: wrong data without an error"
        path.unlink()
    return refused


def test_mutated_run_files(original, tmp_path):
    assert fuzz(original, tmp_path, 300, sealed=True) > 250


def test_mutated_run_files_without_seal(original, tmp_path):
    fuzz(original, tmp_path, 4, sealed=False)


@pytest.mark.soak
def test_mutated_run_files_long(original, tmp_path):
    fuzz(original, tmp_path, 3000, sealed=True)
    fuzz(original, tmp_path, 100, sealed=False)


def test_mutated_journals(make_journal, tmp_path):
    raw = make_journal().read_bytes()
    rng = np.random.default_rng(SEED)

    def points(path):
        with JournalReader(path) as reader:
            return [(record, {name: array.tobytes() for name, array in reader.arrays(record).items()})
                    for record in reader.records()]

    (tmp_path / "good.journal").write_bytes(raw)
    right = points(tmp_path / "good.journal")
    refused = 0
    for number in range(100):
        path = tmp_path / f"{number}.journal"
        path.write_bytes(mutate(raw, rng))
        try:
            found = points(path)
        except (StoreError, sqlite3.Error):
            refused += 1
        else:
            assert all(point in right for point in found), f"seed {SEED}, mutation {number}"
    assert refused > 20


class TestForeignHdf5:
    """Files that lead out of themselves, or claim what they cannot hold, are refused with the reason."""

    @pytest.fixture
    def make(self, tmp_path):
        def build(fill):
            with h5py.File(tmp_path / "x.h5", "w") as file:
                fill(file)
            return tmp_path / "x.h5"
        return build

    def test_default_plot_is_found_with_its_axis(self, make):
        def fill(file):
            file.attrs["default"] = "a"
            group = file.create_group("a")
            group.attrs.update({"signal": "pl", "axes": ["y", "emission_wavelength"]})
            group["pl"] = np.arange(12.0).reshape(3, 4)
            group["emission_wavelength"] = [500.0, 501.0, 503.0, 504.0]
            group["emission_wavelength"].attrs["units"] = "nm"

        with load(make(fill)) as run:
            assert run.counts().tolist() == np.arange(12.0).reshape(3, 4).tolist()
            assert run.coordinate("pl")[:2] == ("emission_wavelength", "nm")

    def test_largest_table_without_default(self, make):
        def fill(file):
            file["small"] = [1, 2]
            file["deep/large"] = np.ones((2, 30))

        with load(make(fill)) as run:
            assert run.channels == ["large"]

    @pytest.mark.parametrize(("fill", "reason"), [
        (lambda file: file.__setitem__("x", h5py.ExternalLink("/etc/passwd", "/")), "links to another file"),
        (lambda file: file.create_dataset("x", (4,), "u1", external=[("secret.bin", 0, 4)]), "data in another file"),
        (lambda file: file.create_dataset("x", data=np.array([file.ref], dtype=h5py.ref_dtype)), "object references"),
        (lambda file: file.create_dataset("x", (10**6, 10**6), "f8", chunks=(100, 100)), "claims to be"),
    ], ids=["external link", "external storage", "references", "absurd shape"])
    def test_refused(self, make, fill, reason):
        with pytest.raises(StoreError, match=f"refused.*{reason}"):
            load(make(fill))

    def test_deadline(self, make):
        path = make(lambda file: file.__setitem__("x", [1, 2]))
        with pytest.raises(StoreError, match=r"not be read within 0\.01 s"):
            foreign.open_foreign(path, deadline_s=0.01)

    def test_memory_limit(self, make):
        path = make(lambda file: file.create_dataset("x", data=np.zeros(60_000_000, "u1"), compression="gzip", chunks=True))
        with pytest.raises(StoreError, match=r"crashed its reader|refused"):
            foreign.open_foreign(path, memory_bytes=64 * 2**20)


class TestVerify:
    def test_whole_run(self, make_journal, tmp_path):
        journal = make_journal()
        assert verify(journal) == []
        assert verify(nexus.render(journal, tmp_path / "a.nxs")) == []

    def test_altered(self, make_journal, tmp_path):
        path = nexus.render(make_journal(), tmp_path / "a.nxs")
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw)
        (problem,) = verify(path)
        assert (problem.field, problem.level) == ("checksum", "error")

    @pytest.mark.parametrize(("harm", "field"), [
        (lambda file: file["entry/data/excitation_wavelength"].__setitem__(0, 900.0), "axes"),
        (lambda file: file["entry/data/counts"].attrs.__delitem__("units"), "units"),
        (lambda file: file["entry/provenance"].__delitem__("seed"), "provenance"),
        (lambda file: file["entry/provenance/plan_hash"].__setitem__((), "0" * 64), "plan"),
        (lambda file: file["entry/data/point_index"].__setitem__(0, 77), "points"),
    ])
    def test_what_is_wrong_is_named(self, make_journal, tmp_path, harm, field):
        path = nexus.render(make_journal(), tmp_path / "a.nxs")
        path.write_bytes(path.read_bytes()[: path.read_bytes().rfind(seal.FACTS)])
        with h5py.File(path, "r+") as file:
            harm(file)
        found = {problem.field for problem in verify(path)}
        assert {"checksum", field} <= found

    def test_missing_points(self, make_journal):
        (problem,) = verify(make_journal(upto=6, status="aborted"))
        assert (problem.level, problem.point) == ("warning", 6)
        (problem,) = verify(make_journal(upto=6, name="done"))
        assert problem.level == "error"

    def test_altered_journal(self, make_journal):
        path = make_journal()
        with sqlite3.connect(path) as database:
            database.execute("UPDATE point SET crc = crc + 1 WHERE number = 3")
        database.close()
        assert [problem.point for problem in verify(path) if problem.field == "checksum"] == [3]
