"""A run of every registered procedure, opened by every program people use. `make interop` installs them; else each is skipped."""

from __future__ import annotations

import shutil
import subprocess
import warnings
from functools import cache
from importlib import resources
from pathlib import Path

import h5py
import numpy as np
import pytest

from labctl import api
from labctl.core import registry
from labctl.core.errors import LabctlError
from labctl.store.header import SCHEMA
from tests.docs.pages import Reader, blocks

pytestmark = [pytest.mark.interop, pytest.mark.filterwarnings("ignore")]     # the readers' own warnings are not ours
PROCEDURES = sorted(registry.points("procedure"))
LOOKED_AT = Path("interop-figures")         # where `silx` pictures go when the folder exists, to be looked at


@cache
def run_once(procedure: str, folder: Path) -> Path:
    """Take the default run of a procedure on the first packaged bench that can."""
    reasons = []
    for name in sorted(registry.points("bench")):
        try:
            with api.open_bench(name) as bench:
                outcome = api.run(procedure, bench, order=api.Order(procedure, folder, seed=1, figure=False))
        except LabctlError as exc:
            reasons.append(f"{name}: {exc}")
            continue
        if outcome.status == "done":
            assert outcome.run is not None
            return outcome.run
        reasons.append(f"{name}: {outcome.status} {outcome.problems}")
    pytest.fail(f"no packaged bench can run {procedure}: {'; '.join(reasons)}")


@pytest.fixture(scope="session")
def interop_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("interop_runs")


@pytest.fixture(params=PROCEDURES)
def run_file(request, interop_folder, labctl_state):
    return run_once(request.param, interop_folder)


@pytest.fixture
def truth(run_file):
    """What h5py finds at the default plot: (signal name, values, axes)."""
    with h5py.File(run_file) as file:
        group = file[file.attrs["default"]]
        group = group[group.attrs["default"]]
        name = group.attrs["signal"]
        return name, group[name][()], {axis: group[axis][()] for axis in group.attrs["axes"]}


def test_xarray(run_file, truth):
    xarray = pytest.importorskip("xarray")
    name, values, axes = truth
    with xarray.open_dataset(run_file, group="entry/data", engine="h5netcdf") as data:
        np.testing.assert_array_equal(data[name], values)
        assert data[name].dims == tuple(axes)
        for axis, numbers in axes.items():
            np.testing.assert_array_equal(data[axis], numbers)


def test_netcdf4(run_file, truth):
    netcdf = pytest.importorskip("netCDF4")
    name, values, axes = truth
    with netcdf.Dataset(run_file) as file:
        group = file["entry/data"]
        np.testing.assert_array_equal(group[name][...], values)
        assert group[name].dimensions == tuple(axes)
        for axis, numbers in axes.items():
            np.testing.assert_array_equal(group[axis][...], numbers)


def test_nexusformat(run_file, truth):
    nexus = pytest.importorskip("nexusformat.nexus")
    name, values, axes = truth
    root = nexus.nxload(str(run_file))
    plotted = root.get_default()
    assert plotted.nxsignal.nxname == name
    np.testing.assert_array_equal(plotted.nxsignal.nxvalue, values)
    assert [axis.nxname for axis in plotted.nxaxes] == list(axes)


def test_pynxtools_calls_it_valid(run_file):
    """With the flag for undocumented items: labctl keeps more than the definition knows."""
    pytest.importorskip("pynxtools")
    tool = shutil.which("pynx", path=str(Path(__import__("sys").executable).parent))
    assert tool
    done = subprocess.run([tool, "validate", "--ignore-undocumented", str(run_file)], capture_output=True, text=True, timeout=300,  # noqa: S603
                          check=False)
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-3000:]
    assert "is valid according to the `NXoptical_spectroscopy` application definition" in told, told
    assert "NOT valid" not in told, told


def test_silx_draws_the_default(run_file, truth, monkeypatch):
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    nxdata = pytest.importorskip("silx.io.nxdata")
    _, values, axes = truth
    with h5py.File(run_file) as file:
        plot = nxdata.get_default(file)
        assert plot is not None
        assert plot.is_valid, plot.issues
        np.testing.assert_array_equal(plot.signal[()], values)
        assert plot.axes_dataset_names == list(axes)
        picture = _drawn(plot)
    assert len(np.unique(picture)) > 10         # something was drawn on the background
    if LOOKED_AT.is_dir():
        import matplotlib.image

        matplotlib.image.imsave(LOOKED_AT / f"{run_file.stem}_silx.png", picture)


def _drawn(plot) -> np.ndarray:
    """Draw a default plot by silx's own backend, without a screen."""
    silx_plot = pytest.importorskip("silx.gui.plot")
    qt = pytest.importorskip("silx.gui.qt")
    application = qt.QApplication.instance() or qt.QApplication([])
    window = silx_plot.Plot1D() if plot.signal.ndim == 1 else silx_plot.Plot2D()
    try:
        if plot.signal.ndim == 1:
            window.addCurve(plot.axes[0][()], plot.signal[()])
        else:
            y, x = (axis[()] if axis is not None else np.arange(n) for axis, n in zip(plot.axes[-2:], plot.signal.shape[-2:],
                                                                                    strict=True))
            image = plot.signal[()].reshape(-1, *plot.signal.shape[-2:])[0]
            window.addImage(image, origin=(x[0], y[0]), scale=(np.ptp(x) / max(len(x) - 1, 1) or 1.0,
                                                               np.ptp(y) / max(len(y) - 1, 1) or 1.0))
        window.setGraphTitle(plot.title)
        window.resize(900, 600)
        window.show()
        application.processEvents()
        shot = window.grab().toImage().convertToFormat(qt.QImage.Format_RGB888)
        pointer = shot.constBits()
        pointer.setsize(shot.byteCount())
        rows = np.frombuffer(pointer, np.uint8).reshape(shot.height(), shot.bytesPerLine())
        return rows[:, : 3 * shot.width()].reshape(shot.height(), shot.width(), 3).copy()
    finally:
        window.close()


def test_hyperspy_and_lumispy(run_file, truth):
    hyperspy = pytest.importorskip("hyperspy.api")
    pytest.importorskip("lumispy")
    _, values, axes = truth
    if "emission_wavelength" not in axes:
        pytest.skip("no spectra")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        signal = hyperspy.load(str(run_file), file_format="hspy")
    assert type(signal).__name__ == "LumiSpectrum"
    np.testing.assert_array_equal(signal.data, values)
    found = signal.axes_manager.signal_axes[0]
    np.testing.assert_array_equal(found.axis, axes["emission_wavelength"])
    assert not found.is_uniform
    energy = signal.to_eV(inplace=False)
    assert energy.axes_manager.signal_axes[0].units == "eV"
    with api.load(run_file) as run:
        ours = run.to_lumispy()
        assert type(ours).__name__ == "LumiSpectrum"
        np.testing.assert_array_equal(ours.data, values)
        np.testing.assert_array_equal(ours.axes_manager.signal_axes[0].axis, axes["emission_wavelength"])
        np.testing.assert_array_equal(ours.to_eV(inplace=False).axes_manager.signal_axes[0].axis,
                                      energy.axes_manager.signal_axes[0].axis)


def test_h5dump_reads_every_number(run_file):
    tool = shutil.which("h5dump")
    if tool is None:
        pytest.skip("h5dump is not installed (Debian: hdf5-tools)")
    version = subprocess.run([tool, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout  # noqa: S603
    assert "1.1" in version
    whole = subprocess.run([tool, str(run_file)], capture_output=True, text=True, timeout=120, check=False)  # noqa: S603
    assert whole.returncode == 0, whole.stderr
    assert "error" not in whole.stderr.lower()


class TestTiled:
    """Served on loopback, read-only, with a token."""

    TOKEN = "interopinterop"  # noqa: S105  of a server that lives as long as the test

    @pytest.fixture
    def application(self, run_file):
        pytest.importorskip("tiled")
        from labctl.store.server import application

        return application(run_file.parent, self.TOKEN)

    def test_client_gets_the_data(self, application, run_file, truth):
        from tiled.client import Context, from_context

        name, values, axes = truth
        with Context.from_app(application, api_key=self.TOKEN) as context:
            client = from_context(context)
            key = next(key for key in client if key.startswith(f"{int(run_file.stem[-4:]):04d}_"))
            data = client[key]["data"].read()
            np.testing.assert_array_equal(data[name], values)
            for axis, numbers in axes.items():
                np.testing.assert_array_equal(data[axis], numbers)
            assert client[key].metadata["status"] == "done"
            with pytest.raises(Exception, match=r"40[0-9]"):
                client.write_array(np.arange(3))

    def test_the_command_of_the_page_serves_on_this_computer_alone(self, interop_folder, labctl_state, tmp_path, monkeypatch):
        """docs/how-to/watch-from-elsewhere.md, asked once instead of serving until somebody ends it."""
        uvicorn = pytest.importorskip("uvicorn")
        from starlette.testclient import TestClient

        asked = []

        def served(made, *, host, port, **more):
            with TestClient(made) as client:
                asked.append((host, port, client.get("/api/v1/metadata/").status_code))

        monkeypatch.setattr(uvicorn, "run", served)
        monkeypatch.chdir(tmp_path)
        (tmp_path / "labctl_data").symlink_to(run_once("snapshot", interop_folder).parent)
        (block,) = [block for block in blocks("docs/how-to/watch-from-elsewhere.md") if "labctl serve" in block.code]
        Reader().do(block)
        assert asked == [("127.0.0.1", 8000, 200)]

    def test_without_token_nothing_is_told(self, application):
        from starlette.testclient import TestClient

        with TestClient(application) as client:
            assert client.get("/api/v1/metadata/").status_code == 401
            assert client.get("/api/v1/metadata/", headers={"Authorization": f"Apikey {self.TOKEN}"}).status_code == 200


def test_sif_spe_and_phu_are_read_back(tmp_path):
    """What labctl writes as .phu, the format's own reader reads."""
    ptufile = pytest.importorskip("ptufile")
    from datetime import UTC, datetime

    from labctl.store import phu

    curves = np.random.default_rng(1).poisson(50.0, (3, 4096)).astype("u4")
    phu.write(tmp_path / "a.phu", curves, 16e-12, start=datetime(2026, 11, 21, tzinfo=UTC), title="run 7 · trpl")
    with ptufile.PhuFile(str(tmp_path / "a.phu")) as file:
        assert [curve.tolist() for curve in file.histograms()] == curves.tolist()
        assert file.tcspc_resolution == 16e-12


def test_phu_is_read_by_phconvert(tmp_path):
    pqreader = pytest.importorskip("phconvert.pqreader")
    from datetime import UTC, datetime

    from labctl.store import phu

    curves = np.random.default_rng(1).poisson(50.0, (3, 4096)).astype("u4")
    phu.write(tmp_path / "a.phu", curves, 16e-12, start=datetime(2026, 11, 21, tzinfo=UTC), title="trpl", acquisition_s=2.0)
    histograms, resolution, about = pqreader.load_phu(str(tmp_path / "a.phu"))
    np.testing.assert_array_equal(np.array(histograms).reshape(-1), curves.reshape(-1))
    assert np.unique(resolution) == 16e-12
    assert about["acquisition_duration"] == 2.0


def test_schema_is_the_one_documented():
    assert SCHEMA == 1
    assert resources.files("labctl").is_dir()
