"""One run file opens in the programs people use: xarray, h5py, silx, HyperSpy. Slow imports, so all of them here, on one file."""

from __future__ import annotations

import logging
from pathlib import Path

import h5py
import numpy as np
import pytest

from labctl.core.plan import Point, plan_hash
from labctl.store import nexus
from labctl.store.journal import Journal

EXCITATION = np.arange(500.0, 512.0, 0.5)
EMISSION = 519.0 + 0.02 * np.arange(256) - 1e-6 * np.arange(256) ** 2      # a grating's axis is not evenly spaced


@pytest.fixture(scope="module")
def counts() -> np.ndarray:
    """A noisy ridge on an offset, as a camera gives it."""
    rng = np.random.default_rng(20211121)
    ridge = 4000 * np.exp(-0.5 * ((EMISSION - 521.5) / 0.4) ** 2) * np.linspace(0.2, 1, len(EXCITATION))[:, None]
    return (300 + rng.poisson(ridge)).astype("u4")


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory, counts: np.ndarray) -> Path:
    """A PLE run through journal and renderer."""
    folder = tmp_path_factory.mktemp("interop")
    points = [Point(kind="dark", light=False, exposure_s=1.0)]
    points += [Point(set={"pump.wavelength": float(x), "pump.photon_flux": 1e12}, exposure_s=1.0) for x in EXCITATION]
    axis = {"values": EMISSION.tolist(), "unit": "nm", "long_name": "Emission wavelength (air)", "medium": "air"}
    channel = {"unit": "counts", "dims": ["emission_wavelength"], "shape": [256], "dtype": "u4", "long_name": "Counts",
               "coords": {"emission_wavelength": axis}}
    header = {
        "run_id": "5" * 32, "run_number": 3, "procedure": "ple", "title": "PLE scan", "parameters": {}, "sample": "ying2021",
        "plan": [point.as_json() for point in points], "plan_hash": plan_hash(points), "seed": 1,
        "scan_axes": ["pump.wavelength"], "shape": None, "channels": {"counts": channel}, "default_signal": "counts",
        "start_utc": "2026-11-21T13:00:00+00:00", "bench": {"name": "ying2021", "simulated": True},
    }
    with Journal.create(folder / "run.journal", header) as journal:
        for index, point in enumerate(points):
            frame = np.full(256, 300, dtype="u4") if index == 0 else counts[index - 1]
            values = {**point.set, "pump.power": 2e-6, "elapsed_s": 1.5 * index, "exposure_s": 1.0}
            journal.point(index, point=point.as_json(), started_s=1.5 * index, arrays={"counts": frame}, values=values, flags=())
        journal.end("done", end={"truth": {"resonance_nm": 526.4}})
    return nexus.render(folder / "run.journal", folder / "run.nxs")


def test_xarray_gives_a_map_with_both_coordinates(run_file, counts):
    import xarray

    with xarray.open_dataset(run_file, group="entry/data", engine="h5netcdf") as data:
        assert data["counts"].dims == ("excitation_wavelength", "emission_wavelength")
        np.testing.assert_array_equal(data["counts"], counts)
        np.testing.assert_array_equal(data["excitation_wavelength"], EXCITATION)
        np.testing.assert_array_equal(data["emission_wavelength"], EMISSION)
        assert data["emission_wavelength"].attrs["medium"] == "air"
        assert data["excitation_power"].attrs["units"] == "W"
        assert data["elapsed_time"].dtype == np.float64                    # seconds, not decoded into dates
        assert {"excitation_power", "photon_flux", "elapsed_time"} <= set(data["counts"].coords)
        ridge = data["counts"].sel(excitation_wavelength=511.3, method="nearest").idxmax()
        assert abs(float(ridge) - 521.5) < 0.2


def test_h5py_follows_the_default_to_the_signal(run_file, counts):
    with h5py.File(run_file) as file:
        entry = file[file.attrs["default"]]
        data = entry[entry.attrs["default"]]
        signal = data[data.attrs["signal"]]
        np.testing.assert_array_equal(signal[()], counts)
        assert [data[name].shape[0] for name in data.attrs["axes"]] == list(signal.shape)
        assert [dim.label or dim[0].name.rsplit("/", 1)[-1] for dim in signal.dims] == list(data.attrs["axes"])
        np.testing.assert_array_equal(file["Experiments/data/data"][()], counts)
        assert file["Experiments/data/data"].is_virtual


def test_silx_finds_the_default_plot_and_calls_it_valid(run_file, counts):
    from silx.io import nxdata

    with h5py.File(run_file) as file:
        plot = nxdata.get_default(file)
        assert plot is not None
        assert plot.is_valid, plot.issues
        np.testing.assert_array_equal(plot.signal[()], counts)
        assert plot.axes_dataset_names == ["excitation_wavelength", "emission_wavelength"]
        assert plot.interpretation == "image"
        assert plot.title == "PLE scan"
        assert nxdata.NXdata(file["entry/dark"]).is_valid


def test_hyperspy_keeps_the_uneven_axis(run_file, counts, caplog):
    import hyperspy.api as hs

    with caplog.at_level(logging.ERROR):
        signal = hs.load(str(run_file), file_format="hspy")
    np.testing.assert_array_equal(signal.data, counts)
    emission, excitation = signal.axes_manager.signal_axes[0], signal.axes_manager.navigation_axes[0]
    np.testing.assert_array_equal(emission.axis, EMISSION)
    np.testing.assert_array_equal(excitation.axis, EXCITATION)
    assert (emission.name, emission.units, emission.is_uniform) == ("emission_wavelength", "nm", False)
    assert signal.metadata.General.title == "PLE scan"
    assert signal.metadata.Signal.signal_type == "Luminescence"
    assert not caplog.records
