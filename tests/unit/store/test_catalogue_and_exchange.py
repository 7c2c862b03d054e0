"""Runs found again, and given to other programs."""

from __future__ import annotations

import csv
import json
import sqlite3
import time

import h5py
import numpy as np
import pytest
from typer.testing import CliRunner

from labctl.core.errors import StoreError
from labctl.core.plan import Point
from labctl.store import nexus, notes, phu, processes, prune
from labctl.store.catalogue import Catalogue, Query
from labctl.store.export import export
from labctl.store.journal import Journal
from labctl.store.run import load


def table(path):
    return list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))


@pytest.fixture
def data(kit, tmp_path):
    """Three runs: one done, one aborted and resumed, one still running."""
    root = tmp_path / "data"
    root.mkdir()
    done = kit.journal(root / "a_0007.journal", sample="A")
    nexus.render(done, root / "a_0007.nxs")
    done.unlink()
    again = kit.journal(root / "b_0008.journal", status="aborted", run_id="b" * 32, run_number=8, sample="B", upto=5,
                        start_utc="2026-11-22T08:00:00+00:00")
    nexus.render(again, root / "b_0008.nxs")
    nexus.render(again, root / "b_0008_r1.nxs", supersedes="b_0008.nxs")
    kit.journal(root / "c_0009.journal", status="", run_id="c" * 32, run_number=9, upto=4, start_utc="2026-11-23T08:00:00+00:00")
    return root


@pytest.fixture
def catalogue(data):
    with Catalogue(data) as opened:
        opened.refresh()
        yield opened


class TestCatalogue:
    def test_one_run_shows_its_newest_file(self, catalogue):
        assert [(entry.number, entry.path.name, entry.status) for entry in catalogue.find()] == [
            (9, "c_0009.journal", "running"), (8, "b_0008_r1.nxs", "aborted"), (7, "a_0007.nxs", "done")]

    @pytest.mark.parametrize(("query", "numbers"), [
        (Query(sample="A"), [7]), (Query(status="running"), [9]), (Query(since="2026-11-22"), [9, 8]),
        (Query(procedure="trpl"), []), (Query(limit=1), [9]),
    ])
    def test_queries(self, catalogue, query, numbers):
        assert [entry.number for entry in catalogue.find(query)] == numbers

    def test_second_look_reads_only_what_may_have_changed(self, catalogue, data):
        assert catalogue.refresh() == 2         # the journals
        (data / "a_0007.nxs").unlink()
        catalogue.refresh()
        assert [entry.number for entry in catalogue.find()] == [9, 8]

    def test_index_can_be_thrown_away_or_damaged(self, catalogue, data):
        catalogue.close()
        catalogue.path.write_bytes(b"no database at all" * 99)
        with Catalogue(data) as again:
            again.refresh()
            assert len(again.find()) == 3

    def test_a_run_whose_writer_was_killed_is_not_said_to_run(self, catalogue, monkeypatch):
        monkeypatch.setattr(processes, "lives", lambda writer: False)
        catalogue.refresh()
        assert [entry.number for entry in catalogue.find(Query(status="interrupted"))] == [9]
        assert catalogue.find(Query(status="running")) == []

    def test_file_without_seal_is_found_by_its_attributes(self, catalogue, data):
        raw = (data / "a_0007.nxs").read_bytes()
        (data / "a_0007.nxs").write_bytes(raw[: raw.rfind(b"\nlabctl run ")])
        catalogue.refresh()
        assert [entry.sample for entry in catalogue.find(Query(sample="A"))] == ["A"]

    def test_notes_and_tags(self, catalogue, data):
        before = (data / "a_0007.nxs").read_bytes()
        first = notes.Note("2026-11-24T00:00:00+00:00", "00c0ffee" * 4, "ada", "spot moved — µ", ("good", "x"))
        notes.append(data / "a_0007.nxs", first)
        notes.append(data / "b_0008_r1.nxs", notes.Note("2026-11-24T00:00:01+00:00", "b" * 32, "ada", "again"))
        with notes.path_of(data / "a_0007.nxs").open("a") as file:
            file.write('{"torn": ')
        catalogue.refresh()
        (entry,) = catalogue.find(Query(tag="good"))
        assert (entry.number, entry.notes, set(entry.tags)) == (7, 1, {"good", "x"})
        assert [note.text for note in catalogue.notes("b" * 32)] == ["again"]
        assert (data / "b_0008.notes").exists()
        assert (data / "a_0007.nxs").read_bytes() == before


class TestPrune:
    def test_only_what_is_wholly_in_a_file(self, data, kit):
        assert [path.name for path in prune.prunable(data)] == ["b_0008.journal"]
        with Journal.open(data / "b_0008.journal") as journal:
            kit.write(journal, kit.points(), 7, start=5)
            journal.end("aborted", end={})
        assert prune.prunable(data) == []


class TestExport:
    @pytest.fixture
    def run(self, data):
        with load(data / "a_0007.nxs") as opened:
            yield opened

    def test_csv_has_a_row_per_point(self, run, tmp_path):
        rows = table(export(run, "csv", tmp_path / "a.csv"))
        column = rows[0].index("pump.wavelength [nm]")
        assert [float(row[column]) for row in rows[1:]] == run["pump.wavelength"].tolist()
        assert rows[-1][rows[0].index("pump_overlap")] == "1"

    def test_csv_of_one_spectrum(self, run, tmp_path, kit):
        rows = table(export(run, "csv", tmp_path / "a.csv", point=2))
        assert rows[0] == ["emission_wavelength [nm]", "counts [counts]"]
        assert [float(row[0]) for row in rows[1:]] == kit.wavelengths.tolist()
        assert [int(row[1]) for row in rows[1:]] == run.counts()[2].tolist()
        with pytest.raises(StoreError, match="no point 99"):
            export(run, "csv", tmp_path / "b.csv", point=99)
        assert not (tmp_path / "b.csv").exists()

    def test_matrix_has_three_heading_rows(self, run, tmp_path):
        rows = table(export(run, "matrix", tmp_path / "m.csv"))
        assert [row[0] for row in rows[:3]] == ["emission_wavelength", "nm", ""]
        assert rows[2][1] == "pump.wavelength = 500 nm"
        assert np.array(rows[3:], dtype=float)[:, 1:].T.tolist() == run.counts().tolist()

    def test_netcdf_and_hyperspy_hold_the_data(self, run, tmp_path):
        import xarray

        with xarray.open_dataset(export(run, "nc", tmp_path / "a.nc"), engine="h5netcdf") as found:
            np.testing.assert_array_equal(found["counts"], run.counts())
        with h5py.File(export(run, "hspy", tmp_path / "a.hspy")) as file:
            np.testing.assert_array_equal(file["Experiments/data/data"], run.counts())
            assert not file["Experiments/data/data"].is_virtual

    def test_so_far_leaves_a_running_journal_alone(self, data, tmp_path):
        before = (data / "c_0009.journal").read_bytes()
        with load(data / "c_0009.journal") as run, load(export(run, "so-far")) as file:
            assert (file.status, len(file)) == ("running", len(run))
        assert (data / "c_0009.journal").read_bytes() == before

    def test_nothing_is_overwritten(self, run, tmp_path):
        (tmp_path / "a.csv").write_text("precious")
        with pytest.raises(StoreError, match="never overwritten"):
            export(run, "csv", tmp_path / "a.csv")

    def test_what_a_format_cannot_hold_is_said(self, run, tmp_path):
        with pytest.raises(StoreError, match="holds no histogram"):
            export(run, "phu", tmp_path / "a.phu")
        with pytest.raises(StoreError, match="is finished"):
            export(run, "so-far", tmp_path / "a.nxs")


def test_decays_go_to_phu_and_come_back(tmp_path):
    pytest.importorskip("ptufile")
    delay = np.arange(256) * 0.064
    axis = {"values": delay.tolist(), "unit": "ns", "long_name": "", "medium": ""}
    channel = {"unit": "counts", "dims": ["channel", "time_delay"], "shape": [2, 256], "dtype": "u4", "long_name": "Photons",
               "coords": {"time_delay": axis}}
    header = {"run_id": "d" * 32, "procedure": "trpl", "parameters": {}, "plan": [], "start_utc": "2026-11-21T13:00:00+00:00",
              "channels": {"histogram": channel}, "default_signal": "histogram"}
    rng = np.random.default_rng(3)
    curves = rng.poisson(80.0, (3, 2, 256)).astype("u4")
    with Journal.create(tmp_path / "d.journal", header) as journal:
        for index, pair in enumerate(curves):
            journal.point(index, point=Point().as_json(), started_s=0.0, arrays={"histogram": pair}, values={"sync_rate": 78e6},
                          flags=())
        journal.end("done", end={})
    with load(tmp_path / "d.journal") as run:
        path = export(run, "phu")
    with load(path) as back:
        np.testing.assert_array_equal(back.counts(), curves.reshape(6, 256))
        np.testing.assert_allclose(back.coordinate("histogram")[2], delay, rtol=1e-12)


def test_phu_refuses_what_32_bits_cannot_hold(tmp_path):
    from datetime import UTC, datetime

    with pytest.raises(ValueError, match="4294967295"):
        phu.write(tmp_path / "a.phu", np.array([[2**32]]), 1e-12, start=datetime(2026, 1, 1, tzinfo=UTC), title="")


def test_ptu_of_an_independent_writer(tmp_path):
    """Photon records as ptufile writes them (an image of lifetimes, T3): all pixels together are the decay."""
    ptufile = pytest.importorskip("ptufile")
    photons = np.random.default_rng(1).poisson(5 * np.exp(-np.arange(200) / 40), (1, 8, 8, 1, 200)).astype("u2")
    ptufile.imwrite(str(tmp_path / "a.ptu"), photons, 12.8e-9, 50e-12)
    with load(tmp_path / "a.ptu") as run:
        name, unit, delay = run.coordinate("histogram")
        counts = run.counts()[0]
        assert (name, unit) == ("time_delay", "ns")
        assert np.diff(delay) == pytest.approx(0.05)
        found = np.zeros(200)
        found[: min(len(counts), 200)] = counts[:200]
        np.testing.assert_array_equal(found, photons.sum(axis=(0, 1, 2, 3)))
        assert counts.sum() == photons.sum()


class TestText:
    @pytest.mark.parametrize(("text", "axis", "first"), [
        ("500,1\n501,2\n502,3\n", [500, 501, 502], [1, 2, 3]),
        ("Wavelength;PL\n502,5;3,5\n501,5;2\n500,5;1\n", [500.5, 501.5, 502.5], [1, 2, 3.5]),
        ("# nm counts\n500 1 4\n501 2 5\n\n", [500, 501], [1, 2]),
        ("1\t2\n2\t3\nend of data\n", [1, 2], [2, 3]),
    ])
    def test_separators_commas_and_headings_are_found_out(self, tmp_path, text, axis, first):
        (tmp_path / "a.txt").write_text(text)
        with load(tmp_path / "a.txt") as run:
            assert run.coordinate("counts")[2].tolist() == axis
            assert run.counts()[0].tolist() == first
            assert run.data["counts"].shape[-1] == len(axis)

    @pytest.mark.parametrize(("text", "x", "y", "title"), [
        ("nm counts\n500 1\n501 2\n502 9\n", "Emission wavelength (vacuum, nm)", "Counts", "Spectrum"),
        ("time_ns photons\n0 1\n1 2\n2 9\n", "Time delay (ns)", "Counts per bin", "Decay"),
    ])
    def test_figure_calls_things_what_the_file_calls_them(self, tmp_path, text, x, y, title):
        (tmp_path / "a.txt").write_text(text)
        with load(tmp_path / "a.txt") as run:
            axes = run.figure().axes[0]
            assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_title(loc="left")) == (x, y, title)
            assert run.headline.startswith("imported · txt · ")

    @pytest.mark.parametrize(("name", "content", "words"), [
        ("a.txt", b"hello\nworld\n", "no table"), ("a.csv", b"1,1\n3,1\n2,1\n", "does not ascend"), ("a.xyz", b"", "no format"),
        ("a.txt", b"\x00\xff" * 500, "no table"), ("a.spe", b"short", "cannot be read"), ("a.sif", b"Andor no\n", "cannot be read"),
        ("a.phu", b"PQHISTO\0" + bytes(99), "cannot be read"),
    ])
    def test_what_cannot_be_read_says_why(self, tmp_path, name, content, words):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(StoreError, match=rf"{words}|not installed"):
            load(tmp_path / name)


class TestCommandLine:
    @pytest.fixture
    def labctl(self, data):
        from labctl.cli.main import app

        def call(*words):
            told = CliRunner().invoke(app, [*words, *([] if words[0] in ("recover", "serve") else ["--out", str(data)])])
            assert told.exception is None or isinstance(told.exception, SystemExit | StoreError), told.exception
            return told
        return call

    def test_runs_note_export_verify(self, labctl, data):
        assert "b_0008_r1.nxs" in labctl("runs").output
        assert labctl("note", "7", "spot moved", "--tag", "good").exit_code == 0
        assert "spot moved #good" in labctl("note", "7").output
        (found,) = json.loads(labctl("runs", "--tag", "good", "--json").output)
        assert (found["number"], found["tags"]) == (7, ["good"])
        assert labctl("verify", "7").exit_code == 0
        labctl("export", "7", "--csv", "--matrix", "--to", str(data / "out"))
        assert sorted(path.name for path in (data / "out").iterdir()) == ["a_0007.csv", "a_0007_matrix.csv"]

    def test_brackets_are_words_like_any_other(self, labctl, data):
        """They are rich's markup for colours, and a closing one without an opening one ended every listing."""
        labctl("note", "7", "see [/red] there", "--tag", "[/x]")
        assert "[/x]" in labctl("runs").stdout
        assert "see [/red] there" in labctl("note", "7").stdout

    def test_prune_deletes_only_when_told(self, labctl, data):
        assert "can be deleted" in labctl("runs", "--prune").output
        assert (data / "b_0008.journal").exists()
        labctl("runs", "--prune", "--yes")
        assert not (data / "b_0008.journal").exists()

    def test_recover(self, labctl, data):
        with sqlite3.connect(data / "c_0009.journal") as database:
            database.execute("UPDATE meta SET value='{\"pid\": 0, \"host\": \"' || ? || '\"}' WHERE name='writer'",
                             (__import__("socket").gethostname(),))
        database.close()
        told = labctl("recover", str(data))
        assert (told.exit_code, (data / "c_0009.nxs").exists()) == (0, True)

    def test_serving_to_others_needs_a_token(self, labctl, data):
        from labctl.cli.main import app
        from labctl.core.errors import Refused

        told = CliRunner().invoke(app, ["serve", str(data), "--host", "0.0.0.0"])  # noqa: S104  that is what is refused
        assert isinstance(told.exception, Refused)
        assert "give a --token" in str(told.exception)


def test_index_of_many_files_is_quick(kit, tmp_path):
    """A watchdog far above what is measured by benchmarks/store.py."""
    root = tmp_path / "many"
    root.mkdir()
    raw = nexus.render(kit.journal(tmp_path / "a.journal"), tmp_path / "a.nxs").read_bytes()
    for number in range(300):
        (root / f"{number:04d}.nxs").write_bytes(raw)
    start = time.monotonic()
    with Catalogue(root) as catalogue:
        assert catalogue.refresh() == 300
    assert time.monotonic() - start < 10
