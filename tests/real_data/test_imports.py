"""Real files of other programs: right axes and values, compared with the vendors' own exports beside them."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from labctl.store.run import load

REAL = Path(os.environ.get("LABCTL_REAL_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data" / "real")
pytestmark = pytest.mark.skipif(not REAL.is_dir(), reason="the real files are not here")


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"{package} is not installed")


def opened(name: str):
    """Give wavelength or delay axis and the first spectrum or decay."""
    with load(REAL / name) as run:
        _, unit, axis = run.coordinate(run.channels[0])
        return axis, run.counts()[0], unit, run.data


@needs("sif_parser")
@pytest.mark.parametrize(("name", "export", "separator"), [("andor_cli-0.sif", "andor_cli-0.csv", ","),
                                                           ("andor_raman1.sif", "andor_raman1.asc", None)])
def test_andor_sif_is_what_the_vendor_exports(name, export, separator):
    lines = (REAL / export).read_text().splitlines()
    rows = [line.split(separator) for line in lines if line[:1].isdigit() and len(line.split(separator)) == 2]
    expected = np.array(rows, dtype=float)
    axis, counts, unit, data = opened(name)
    assert unit == "nm"
    assert data["emission_wavelength"].attrs["medium"] == "air"
    np.testing.assert_allclose(axis, expected[:, 0], rtol=1.5e-7)       # the export is written from single precision
    np.testing.assert_allclose(counts, expected[:, 1], rtol=5e-6)       # and counts with six digits


@needs("imageio")
def test_lightfield_spe_is_what_the_export_says():
    lines = (REAL / "princeton_single_v3_expected.txt").read_text().splitlines()
    start = next(index for index, line in enumerate(lines) if line.startswith("Wavelength"))
    expected = np.array([line.split() for line in lines[start + 1:] if line.strip()], dtype=float)
    axis, counts, _, data = opened("princeton_single_v3.spe")
    np.testing.assert_allclose(axis, expected[:, 0], rtol=1e-12)
    np.testing.assert_allclose(counts, expected[:, 1], rtol=1e-6)
    assert data["exposure_time"].values == pytest.approx([3.0])


@pytest.mark.parametrize("name", ["andor_cli-0.csv", "andor_raman1.asc"])
def test_text_of_a_spectrum(name):
    axis, _, unit, _ = opened(name)
    assert (len(axis), unit) == (1024, "nm")
    assert np.all(np.diff(axis) > 0)


def test_text_of_a_decay():
    axis, counts, unit, _ = opened("metrotrpl_G700_N0_raw.csv")
    assert (axis[0], unit) == (pytest.approx(-56.2), "ns")
    assert np.diff(axis) == pytest.approx(0.05)
    assert -1.0 < axis[np.argmax(counts)] < 3.0         # the pulse comes at zero
    assert len(axis) == 6415


def test_rows_of_settings_above_a_table_are_no_data():
    axis, counts, _, _ = opened("ise_trpl_sample1.csv")
    assert (axis[0], axis[1]) == (0.0, pytest.approx(0.25605, rel=1e-4))
    assert counts[0] == 1970


@needs("sif_parser")
def test_old_data_meet_the_same_plots_and_exports(tmp_path):
    from labctl.store.export import export

    with load(REAL / "andor_raman1.sif") as run:
        for how in ("csv", "matrix", "nc", "png"):
            assert export(run, how, tmp_path / f"a.{how}").stat().st_size > 20
