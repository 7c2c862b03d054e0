"""One function per format: path in, `Foreign` out. The readers' own exceptions are explained by `imports.read`."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl.core.errors import StoreError
from labctl.store.text_table import read_table

if TYPE_CHECKING:
    from labctl.store.imports import Foreign

PRINCETON = {"spe": "http://www.princetoninstruments.com/spe/2009"}
TIME_WORDS, WAVELENGTH_WORDS = ("time", "delay", "ns", "ps"), ("wavelength", "nm")
MOST_BINS = 2**24


def _spectra(values: np.ndarray, wavelength: np.ndarray | None, **more: Any) -> Foreign:
    """Make spectra (points, pixels) of frames; an axis that was not calibrated counts pixels. A descending axis is turned round."""
    from labctl.store.imports import Foreign

    if wavelength is None:
        return Foreign("counts", "counts", "Counts", values, "pixel", "", np.arange(values.shape[-1], dtype=float), **more)
    if len(wavelength) != values.shape[-1]:
        raise StoreError(f"the file has {values.shape[-1]} pixels but {len(wavelength)} wavelengths.")
    if wavelength[0] > wavelength[-1]:
        values, wavelength = values[..., ::-1], wavelength[::-1]
    return Foreign("counts", "counts", "Counts", np.ascontiguousarray(values), "emission_wavelength", "nm", wavelength, **more)


def sif(path: Path) -> Foreign:
    """Read an Andor SIF file; frames are points, rows of an image are points too. Andor calibrates in air."""
    import sif_parser  # pyright: ignore[reportMissingImports]
    from sif_parser.utils import extract_calibration  # pyright: ignore[reportMissingImports]

    opened, info = sif_parser.np_open(str(path))
    frames = np.asarray(opened)
    calibration = extract_calibration(info)
    if calibration is not None and calibration.ndim > 1:
        if not np.allclose(calibration, calibration[0]):
            raise StoreError("every frame has a calibration of its own; export the frames one by one.")
        calibration = calibration[0]
    values = frames.reshape(-1, frames.shape[-1])
    told = {key: value for key, value in info.items() if isinstance(value, str | int | float)}
    start = datetime.fromtimestamp(int(info["ExperimentTime"]), UTC).isoformat() if info.get("ExperimentTime") else ""
    columns = {"exposure_s": np.full(len(values), float(info.get("ExposureTime", np.nan)))}
    medium = "air" if calibration is not None else ""
    return _spectra(values, calibration, medium=medium, columns=columns, told=told, start_utc=start)


def spe(path: Path) -> Foreign:
    """Read a Princeton Instruments SPE file; of version 3 (LightField) with its wavelengths."""
    import imageio.v3  # pyright: ignore[reportMissingImports]

    imopen: Any = imageio.v3.imopen         # its types know no plugins by name
    with imopen(path, "r", plugin="SPE") as file:
        frames, told = np.asarray(file.read()), file.metadata()
    footer = told.pop("__xml", b"")
    wavelength, start, exposure = _lightfield(footer) if footer else (None, "", np.nan)
    values = frames.reshape(-1, frames.shape[-1])
    plain = {key: value for key, value in told.items() if isinstance(value, str | int | float)}
    return _spectra(values, wavelength, medium="air" if wavelength is not None else "", start_utc=start,
                    columns={"exposure_s": np.full(len(values), exposure)}, told=plain)


def _lightfield(footer: bytes | str) -> tuple[np.ndarray | None, str, float]:
    """Give wavelengths in nm, start and exposure in s from the XML behind the frames of an SPE 3 file."""
    text = footer if isinstance(footer, bytes) else footer.encode()
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text or b"\0" in text:        # a zero: UTF-16, in which the words look otherwise
        raise StoreError("its XML declares entities, which no camera writes; it is not read.")
    root = ElementTree.fromstring(text)  # noqa: S314  without entities there is nothing to expand
    found = root.find(".//spe:WavelengthMapping/spe:Wavelength", PRINCETON)
    wavelength = np.array([float(word) for word in found.text.split(",")]) if found is not None and found.text else None
    made = root.find(".//spe:FileInformation", PRINCETON)
    created = re.sub(r"(\.\d{6})\d*", r"\1", made.get("created", "")) if made is not None else ""
    start = datetime.fromisoformat(created).astimezone(UTC).isoformat() if created else ""
    exposed = [item for item in root.iter() if item.tag.endswith("}ExposureTime") and item.text]
    return wavelength, start, float(exposed[0].text or "nan") / 1000 if exposed else float("nan")


def phu(path: Path) -> Foreign:
    """Read PicoQuant histograms; every curve is a point, all on one bin width."""
    import ptufile  # pyright: ignore[reportMissingImports]

    with ptufile.PqFile(str(path)) as probe:
        unified = probe.type
    if unified != ptufile.PqFileType.PHU:
        raise StoreError(f"it is a {unified.name} file; of PicoQuant's formats the unified .phu and .ptu are read. The maker's "
                         "converter makes them of older ones.")
    with ptufile.PhuFile(str(path)) as file:
        curves = [np.asarray(curve, dtype="u4") for curve in file.histograms()]
        widths = file.tags.get("HistResDscr_MDescResolution") or [file.tcspc_resolution] * len(curves)
        told = _tags(file.tags)
    if len({len(curve) for curve in curves}) != 1 or not np.allclose(widths, widths[0]):
        raise StoreError("its curves have different lengths or bin widths; export them one by one.")
    return _decays(np.stack(curves), float(widths[0]), told)


def ptu(path: Path) -> Foreign:
    """Read PicoQuant photon records (T3) as one decay per channel."""
    import ptufile  # pyright: ignore[reportMissingImports]

    with ptufile.PtuFile(str(path)) as file:
        if not file.is_t3:
            raise StoreError("it holds T2 records, which know no delay to a sync pulse; only T3 makes decays.")
        if file.number_bins_max > MOST_BINS:
            raise StoreError(f"it claims {file.number_bins_max} bins.")
        histogram = np.asarray(file.decode_histogram(dtype="uint32"))
        told, width = _tags(file.tags), float(file.tcspc_resolution)
    return _decays(histogram.reshape(-1, histogram.shape[-1]), width, told)


def _decays(curves: np.ndarray, width_s: float, told: dict[str, Any]) -> Foreign:
    from labctl.store.imports import Foreign

    if not width_s > 0:
        raise StoreError("the width of its bins is not stated.")
    delay = np.arange(curves.shape[-1]) * width_s * 1e9
    return Foreign("histogram", "counts", "Photons", curves, "time_delay", "ns", delay, told=told)


def _tags(tags: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tags.items() if isinstance(value, str | int | float)}


def two_columns(path: Path) -> Foreign:
    """Read text of an axis and one or more columns of values, in whatever style (`labctl.store.text_table`)."""
    from labctl.store.imports import Foreign

    table = read_table(path)
    if table.values.shape[1] < 2:
        raise StoreError("it is no table of at least two columns of numbers.")
    rows = table.values[np.isfinite(table.values[:, 0])]
    axis, values = rows[:, 0], rows[:, 1:].T
    if np.any(np.diff(axis) < 0) and np.all(np.diff(axis) <= 0):
        axis, values = axis[::-1], values[:, ::-1]
    if np.any(np.diff(axis) <= 0):
        raise StoreError("its first column does not ascend, so it is no axis; only an axis with values beside it is read.")
    words = re.findall(r"[a-zµ]+", f"{table.names[0]} {table.units[0]}".lower())
    told = {"heading": table.remarks, "columns": ", ".join(table.names)}
    values = np.ascontiguousarray(values)
    if any(word in words for word in TIME_WORDS):
        unit = next((unit for unit in ("ps", "ns", "us", "ms") if unit in words), "ns")
        return Foreign("histogram", "counts", "Photons", values, "time_delay", unit, axis, told=told)
    known = any(word in words for word in WAVELENGTH_WORDS) or not (any(table.names) or any(table.units))
    if known:
        return _spectra(values, axis, medium="air", told=told)
    return Foreign("counts", "", "Signal", values, "x", "", axis, told=told)


def hdf5(path: Path) -> Foreign:
    """Read the default plot of a NeXus or the largest table of another HDF5 file, in a process of its own."""
    from labctl.store.foreign import open_foreign

    return open_foreign(path)
