"""The run file rendered from a journal: the same data, on the right axes, and nothing overwritten."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from labctl.core.errors import StoreError
from labctl.core.plan import Point, Result
from labctl.core.reduction import CurveData
from labctl.store import nexus
from labctl.store.journal import Journal
from labctl.store.run import load

RESULT = Result(526.41, 0.04, "nm", "parabola", 0.1, "vacuum")


@pytest.fixture(scope="module")
def file(kit, tmp_path_factory):
    """One complete run file, opened."""
    folder = tmp_path_factory.mktemp("file")
    curve = CurveData("pump.wavelength", np.array([500.0, 501.0, 502.0]), np.array([1.0, 2.0, 1.5]), "1/s", "pair rate",
                      sigma=np.full(3, 0.1), used=np.array([True, True, False]), left_out="overlap",
                      fit_x=np.linspace(500, 502, 9), fit_y=np.linspace(1, 2, 9))
    calibration = {"kind": "power_calibration", "model": "half_wave_plate", "date": "2026-11-20T09:00:00+00:00", "run_id": "ab",
                   "uncertainty": 0.03}
    journal = kit.journal(folder / "run.journal", calibrations=[calibration])
    path = nexus.render(journal, folder / "run.nxs", results={"resonance_nm": RESULT}, curves={"pair_rate": curve})
    with h5py.File(path) as opened:
        yield opened


def same_dataset(left, right):
    assert set(left.variables) == set(right.variables)
    for name in left.variables:
        a, b = left[name], right[name]
        assert a.dims == b.dims, name
        assert a.dtype == b.dtype, name
        np.testing.assert_array_equal(a.values, b.values, err_msg=name)
        for key in ("units", "long_name", "medium", "start"):
            assert a.attrs.get(key) == b.attrs.get(key), (name, key)
    assert set(left.coords) == set(right.coords)


class TestSameAsJournal:
    """Whoever loads the file sees what the journal held."""

    @pytest.mark.parametrize("kind", ["scan", "reference", "dark"])
    def test_every_variable_is_equal(self, make_journal, tmp_path, kind):
        journal = make_journal()
        nexus.render(journal, tmp_path / "run.nxs")
        with load(journal) as ours, load(tmp_path / "run.nxs") as file:
            same_dataset(ours.dataset(kind), file.dataset(kind))

    def test_header_end_events_and_truth_come_back_exactly(self, make_journal, tmp_path):
        journal = make_journal()
        nexus.render(journal, tmp_path / "run.nxs", results={"resonance_nm": RESULT, "first": RESULT})
        with load(journal) as ours, load(tmp_path / "run.nxs") as file:
            kept, header = dict(ours.header), dict(file.header)
            channels = kept.pop("channels")
            del channels["counts"]["coords"]["emission_wavelength"]["values"]       # they stand in the data
            assert header.pop("channels") == channels
            assert header == kept
            assert list(header["parameters"]) == ["step", "frames", "fast", "mode"]
            assert type(header["parameters"]["fast"]["value"]) is bool
            assert header["parameters"]["step"]["value"] == 0.1 + 0.2
            assert file.end == ours.end
            assert file.truth == {"resonance_nm": 526.4, "levels": [1.0, 2.5], "dipole": {"angle_deg": 31.0}}
            assert file.events == ours.events
            assert file.plan == ours.plan
            assert (file.run_id, file.status, file.seed) == (ours.run_id, "done", 42)
            assert list(file.results.items()) == [("resonance_nm", RESULT), ("first", RESULT)]
            assert file.headline == ours.headline == "run 7 · ple · CsPbBr₃ · ying2021, simulated · 2026-11-21 13:00 UTC · done"

    def test_same_journal_same_file_but_for_time_stamps(self, make_journal, tmp_path):
        journal = make_journal()

        def contents(name):
            found = {}
            with h5py.File(nexus.render(journal, tmp_path / name)) as file:
                def visit(path, item):
                    attrs = {key: str(value) for key, value in item.attrs.items() if "_LIST" not in key}
                    found[path] = (attrs, np.asarray(item[()]).tolist() if isinstance(item, h5py.Dataset) else None)
                file.visititems(visit)
                found["/"] = {key: str(value) for key, value in file.attrs.items() if key != "file_time"}
            return found

        assert contents("a.nxs") == contents("b.nxs")


class TestAxes:
    """A grid, an ascending scan, or plain numbering: what is strictly ascending becomes an axis."""

    def test_ascending_set_points_become_the_axis(self, make_journal, tmp_path):
        nexus.render(make_journal(), tmp_path / "run.nxs")
        with load(tmp_path / "run.nxs") as run:
            assert run.data["counts"].dims == ("excitation_wavelength", "emission_wavelength")
            assert run.data["excitation_wavelength"].values.tolist() == [500.0, 500.5, 501.0, 501.5, 502.0, 502.5]
            assert run.data["excitation_wavelength"].attrs["medium"] == "vacuum"
            about = {"units": "nm", "long_name": "Emission wavelength (air)", "medium": "air"}
            assert run.data["emission_wavelength"].attrs == about
            assert run.data["counts"].dtype == np.dtype("u4")

    @pytest.mark.parametrize("order", [(503.0, 502.0, 501.0), (500.0, 501.0, 500.0), (500.0, 502.0, 501.0)])
    def test_any_other_order_is_numbered_with_set_points_beside(self, make_journal, kit, tmp_path, order):
        nexus.render(make_journal(kit.points(order)), tmp_path / "run.nxs")
        with load(tmp_path / "run.nxs") as run:
            assert run.data["counts"].dims == ("point_number", "emission_wavelength")
            assert run.data["excitation_wavelength"].values.tolist() == list(order)
            assert run["pump.wavelength"].tolist() == list(order)
            assert run.counts()[:, 0].tolist() == [1030, 1040, 1050]

    def grid(self, outer, inner):
        return [Point(set={"pump.wavelength": w, "analyser.angle": a}, exposure_s=1.0) for w, a in
                ((w, a) for i, w in enumerate(outer) for a in (inner if i % 2 == 0 else inner[::-1]))]

    def test_grid_is_placed_by_set_points_whatever_the_order(self, make_journal, tmp_path):
        points = self.grid((510.0, 500.0), (0.0, 30.0, 60.0))        # outer descending, inner there and back
        nexus.render(make_journal(points, scan_axes=["pump.wavelength", "analyser.angle"], shape=[2, 3]), tmp_path / "run.nxs")
        with load(tmp_path / "run.nxs") as run:
            assert run.data["counts"].dims == ("excitation_wavelength", "analyzer_angle", "emission_wavelength")
            assert run.data["point_index"].values.tolist() == [[5, 4, 3], [0, 1, 2]]
            assert int(run.data["counts"].sel(excitation_wavelength=500.0, analyzer_angle=60.0)[0]) == 1030
            assert run["analyser.angle"].tolist() == [0.0, 30.0, 60.0, 60.0, 30.0, 0.0]        # visiting order again
            assert run.counts()[:, 0].tolist() == [1000, 1010, 1020, 1030, 1040, 1050]

    def test_unmeasured_part_of_a_grid_is_marked(self, make_journal, tmp_path):
        points = self.grid((500.0, 510.0), (0.0, 30.0, 60.0))
        journal = make_journal(points, upto=4, status="aborted", scan_axes=["pump.wavelength", "analyser.angle"], shape=[2, 3])
        nexus.render(journal, tmp_path / "run.nxs")
        with load(tmp_path / "run.nxs") as run, load(journal) as ours:
            assert run.data["point_ok"].values.tolist() == [[1, 1, 1], [0, 0, 1]]
            assert np.isnan(run.data["exposure_time"].values).tolist() == [[False] * 3, [True, True, False]]
            assert len(run) == len(ours) == 4
            assert run.ok.all()
            same_dataset(ours.data, run.data)

    def test_declared_grid_that_the_plan_is_not_is_numbered(self, make_journal, tmp_path):
        points = self.grid((500.0, 510.0), (0.0, 30.0, 60.0))[:-1]
        nexus.render(make_journal(points, scan_axes=["pump.wavelength", "analyser.angle"], shape=[3, 3]), tmp_path / "run.nxs")
        with load(tmp_path / "run.nxs") as run:
            assert run.data["counts"].dims[0] == "point_number"

    def test_scalars_alone_make_a_plot_of_their_own(self, make_journal, tmp_path):
        points = [Point(kind="zero", read=(), do=("power_meter.zero",), light=False)]
        points += [Point(set={"pump.wavelength": w, "attenuator.angle": a}, read=("power",), light=False)
                   for w in (500.0, 510.0) for a in (0.0, 45.0)]
        power = {"unit": "W", "dims": [], "shape": [], "dtype": "f8", "long_name": "Power", "coords": {}}
        path = tmp_path / "power.journal"
        header = {"run_id": "1" * 32, "procedure": "power_calibration", "parameters": {}, "plan": [p.as_json() for p in points],
                  "scan_axes": ["pump.wavelength", "attenuator.angle"], "shape": [2, 2], "default_signal": "power", "seed": 1,
                  "channels": {"power": power}, "start_utc": "2026-11-21T13:00:00+00:00"}
        with Journal.create(path, header) as journal:
            for index, point in enumerate(points):
                reading = {"power": 1e-6 * index} if point.read else {}
                journal.point(index, point=point.as_json(), started_s=0.0, arrays={}, values={**point.set, **reading}, flags=())
            journal.end("done", end={})
        with h5py.File(nexus.render(path, tmp_path / "power.nxs")) as file:
            data = file["entry/data"]
            assert data.attrs["signal"] == "power"
            assert list(data.attrs["axes"]) == ["excitation_wavelength", "attenuator_angle"]
            np.testing.assert_allclose(data["power"][()], [[1e-6, 2e-6], [3e-6, 4e-6]])
            assert data["power"].attrs["units"] == "W"
            assert "zero" in file["entry"]
            assert "Experiments" not in file
        with load(tmp_path / "power.nxs") as run:
            assert run["power"].tolist() == [1e-6, 2e-6, 3e-6, 4e-6]
            with pytest.raises(StoreError, match="no array"):
                run.counts()


class TestPartialRuns:
    """Whatever ended the run, the file opens and holds what was measured."""

    @pytest.mark.parametrize(("upto", "measured", "status"), [(0, 0, "aborted"), (3, 0, "failed"), (4, 1, "unsafe"), (7, 4, "")])
    def test_file_holds_the_points_so_far(self, make_journal, tmp_path, upto, measured, status):
        journal = make_journal(upto=upto, status=status)
        nexus.render(journal, tmp_path / "run.nxs")
        with load(tmp_path / "run.nxs") as run, load(journal) as ours:
            assert (len(run), run.status) == (measured, status or "running")
            assert run.counts().shape == (measured, 40)
            assert run.data["counts"].shape == (measured, 40)
            assert len(run["pump.wavelength"]) == measured
            assert len(run.select("dark")["elapsed_s"]) == min(upto, 2)
            np.testing.assert_array_equal(run.signal(), ours.signal()) if measured else None

    def test_run_that_failed_before_its_channels_were_known(self, make_journal, tmp_path):
        journal = make_journal(upto=0, status="failed", channels={}, default_signal="counts")
        nexus.render(journal, tmp_path / "run.nxs")
        with load(tmp_path / "run.nxs") as run:
            assert (len(run), run.status) == (0, "failed")
            assert run["pump.wavelength"].size == 0


class TestTheFile:
    """What stands where, for readers that know NeXus and not labctl."""

    def test_root_says_what_a_catalogue_needs(self, file):
        told = dict(file.attrs)
        for name, value in {"status": "done", "run_id": "00c0ffee" * 4, "run_number": 7, "procedure": "ple", "sample": "CsPbBr₃",
                            "simulated": 1, "user": "ada", "schema": 1, "start": "2026-11-21T13:00:00+00:00"}.items():
            assert told[f"labctl_{name}"] == value
        assert (told["NX_class"], told["default"], told["creator"]) == ("NXroot", "entry", "labctl")

    def test_required_parts_of_the_definition_are_there(self, file):
        entry = file["entry"]
        assert entry["definition"].asstr()[()] == "NXoptical_spectroscopy"
        assert {"version", "URL"} <= set(entry["definition"].attrs)
        assert entry["experiment_type"].asstr()[()] == "photoluminescence"
        assert entry["instrument/beam_pump/parameter_reliability"].asstr()[()] == "measured"
        assert entry["instrument/detector_ccd/detector_channel_type"].asstr()[()] == "multichannel"
        assert entry["instrument/instrument_calibration_power_calibration/calibration_time"].asstr()[()].startswith("2026-11-20")
        assert entry["sample/name"].asstr()[()] == "CsPbBr₃"
        for name, item in entry.items():
            if isinstance(item, h5py.Group):
                assert item.attrs["NX_class"].startswith("NX"), name

    def test_every_dimension_of_the_data_has_its_scale(self, file):
        data = file["entry/data"]
        for name, item in data.items():
            for dim in () if item.is_scale else item.dims:
                assert len(dim) == 1, name
        assert data["counts"].attrs["coordinates"].split()[0] == "photon_flux"

    def test_background_is_the_mean_dark_frame(self, file):
        np.testing.assert_array_equal(file["entry/data/background"][()], 1005.0 + np.arange(40))

    def test_spectra_are_whole_in_their_chunks(self, make_journal, kit, tmp_path):
        points = kit.points(np.arange(500.0, 700.0, 0.5), ())
        with h5py.File(nexus.render(make_journal(points, name="long"), tmp_path / "long.nxs")) as file:
            counts = file["entry/data/counts"]
            assert counts.chunks == (400, 40)
            assert (counts.compression, counts.compression_opts, counts.shuffle) == ("gzip", 4, True)

    def test_results_and_curves(self, file):
        process = file["entry/process_1"]
        assert process["results/resonance_nm/value"].attrs["units"] == "nm"
        curve = process["curves/pair_rate"]
        assert (curve.attrs["signal"], list(curve.attrs["axes"])) == ("value", ["excitation_wavelength"])
        assert curve["used"][()].tolist() == [1, 1, 0]
        assert process["curves/pair_rate_fit/value"].shape == (9,)

    def test_plan_and_events_are_readable_text(self, file):
        provenance = file["entry/provenance"]
        assert json.loads(provenance["plan"].asstr()[3])["set"]["pump.wavelength"] == 500.0
        assert json.loads(provenance["events"].asstr()[0])["text"] == "cooled to −60 °C"
        assert provenance["parameters/step"].attrs["units"] == "nm"


class TestNothingIsLost:
    """The file gets its name when it is complete, and never takes another's."""

    def test_existing_file_is_never_overwritten(self, make_journal, tmp_path):
        (tmp_path / "run.nxs").write_bytes(b"precious")
        with pytest.raises(StoreError, match="never overwritten"):
            nexus.render(make_journal(), tmp_path / "run.nxs")
        assert (tmp_path / "run.nxs").read_bytes() == b"precious"

    def test_name_taken_while_rendering_is_not_overwritten_either(self, tmp_path):
        (tmp_path / "beside").write_bytes(b"new")
        (tmp_path / "run.nxs").write_bytes(b"precious")
        with pytest.raises(FileExistsError):
            nexus.publish(tmp_path / "beside", tmp_path / "run.nxs")
        assert (tmp_path / "run.nxs").read_bytes() == b"precious"

    def test_failure_leaves_no_half_file_and_says_where_the_points_are(self, make_journal, tmp_path, monkeypatch):
        journal = make_journal()

        def full(path, mode="r", **options):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(h5py, "File", full)
        with pytest.raises(StoreError, match=r"No space left.*Every point is safe in .*run\.journal"):
            nexus.render(journal, tmp_path / "out" / "run.nxs")
        assert list((tmp_path / "out").iterdir()) == []

    @pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n" + bytes(200), b"text"])
    def test_damaged_file_is_an_explained_error(self, tmp_path, content):
        (tmp_path / "run.nxs").write_bytes(content)
        with pytest.raises(StoreError, match="cannot be read"):
            load(tmp_path / "run.nxs")

    def test_foreign_file_is_named_as_such(self, tmp_path):
        h5py.File(tmp_path / "run.nxs", "w").close()
        with pytest.raises(StoreError, match="refused: it holds no table of numbers"):
            load(tmp_path / "run.nxs")

    def test_missing_file_is_named(self, tmp_path):
        with pytest.raises(StoreError, match="no run"):
            load(tmp_path / "nothing.nxs")
