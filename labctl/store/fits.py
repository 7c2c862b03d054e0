"""Numbers of any origin as columns for a fit: a run of labctl, a file of another program, or text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labctl.analysis.columns import Column, plain
from labctl.core.errors import AnalysisError, LabctlError
from labctl.core.quantities import long_name
from labctl.store.layout import words
from labctl.store.run import Run, load
from labctl.store.text_table import TextTable, read_table

TEXT = (".csv", ".txt", ".dat", ".asc", ".tsv", ".prn", ".xy", "")
PER_BIN = re.compile(r"(?i)\b(ps|ns|us|µs)\s*(?:/|per)\s*(?:bin|channel|ch)\b[^\d]{0,20}(\d[\d.,]*(?:e[-+]?\d+)?)|"
                     r"(?:resolution|bin\s*width|binwidth)[^\d\n]{0,20}(\d[\d.,]*(?:e[-+]?\d+)?)\s*\[?(ps|ns|us|µs)\b|"
                     r"(\d[\d.,]*(?:e[-+]?\d+)?)\s*(ps|ns|us|µs)\s*(?:/|per)\s*(?:bin|channel|ch)\b")
PUMPED_AT = re.compile(r"(?i)(?:pump|excit|laser)[^\n]{0,40}?(\d{3,4}(?:\.\d+)?)\s*nm")


@dataclass(frozen=True)
class Numbers:
    """Columns of a source, with the text around them, and the medium of its wavelengths when it says so."""

    columns: tuple[Column, ...]
    remarks: str = ""
    medium: str = ""

    @property
    def pump_nm(self) -> float | None:
        """The wavelength of the pump, where the text names exactly one."""
        found = {float(value) for value in PUMPED_AT.findall(self.remarks)}
        return found.pop() if len(found) == 1 else None


def numbers_of(path: Path, model: str, *, point: int | None = None, band_nm: tuple[float, float] | None = None) -> Numbers:
    """Read what a model may be fitted to; `point` picks one spectrum of a run, `band_nm` what is integrated over wavelength.

    Raises StoreError when the file cannot be read, AnalysisError when it does not hold what the model needs.
    """
    if path.suffix.lower() in TEXT:
        return _of_text(read_table(path))
    with load(path) as run:
        return _of_run(run, model, point, band_nm)


# ---------------------------------------------------------------- text
def _of_text(table: TextTable) -> Numbers:
    values = table.values
    columns = [Column(name, unit, values[:, k]) for k, (name, unit) in enumerate(zip(table.names, table.units, strict=True))]
    if len(columns) == 1:
        width = _bin_width(table.remarks)
        if width is None:
            raise AnalysisError("The text holds one column only, and does not say how wide its bins are (e.g. '0.016 ns/bin').")
        return Numbers((_delays(len(values), width), Column("counts", "counts", values[:, 0])), table.remarks)
    if (width := _bin_width(table.remarks)) is not None and not any(table.names) and _histograms_only(values):
        return Numbers((_delays(len(values), width),
                        *(Column(f"curve {k + 1}", "counts", values[:, k]) for k in range(len(columns)))), table.remarks)
    return Numbers(tuple(columns), table.remarks)


def _delays(bins: int, width: tuple[float, str]) -> Column:
    return Column("time", width[1], width[0] * np.arange(bins))


def _histograms_only(values: np.ndarray) -> bool:
    """Tell that no column can be an axis: all are whole numbers, and the first does not go on rising."""
    known = values[np.isfinite(values)]
    return bool(np.all(known >= 0) and np.all(known == np.round(known)) and np.any(np.diff(values[:, 0]) <= 0))


def _bin_width(text: str) -> tuple[float, str] | None:
    """Find the width of the bins of a bare histogram in its heading."""
    found = PER_BIN.search(text)
    if found is None:
        return None
    groups = found.groups()
    number, unit = next((groups[a], groups[b]) for a, b in ((1, 0), (2, 3), (4, 5)) if groups[a] is not None)
    return float(number.rstrip(".,").replace(",", ".")), plain(unit)


# ---------------------------------------------------------------- runs
def _of_run(run: Run, model: str, point: int | None, band_nm: tuple[float, float] | None) -> Numbers:
    if model == "decay":
        return _histograms(run, point)
    if model in ("lineshape", "modes"):
        return _one_spectrum(run, point)
    if "foreign" in run.header:
        return _channel_columns(run)
    return _per_point(run, band_nm)


def _channel_columns(run: Run) -> Numbers:
    """Give the axis of a foreign file and its spectra or decays as columns."""
    channel = run.channels[0]
    found = run.coordinate(channel)
    assert found is not None    # noqa: S101  foreign files have one array on one axis
    name, unit, axis = found
    rows = run.counts()
    label = "signal" if len(rows) == 1 else "signal {}"
    columns = [Column(label.format(number), "", row.astype(float)) for number, row in enumerate(rows, 1)]
    return Numbers((Column(name.replace("_", " "), unit, axis), *columns), medium=_medium(run))


def _medium(run: Run) -> str:
    return str(run.data[run.data.attrs.get("signal", "")].coords.get("emission_wavelength", run.data).attrs.get("medium", ""))


def _histograms(run: Run, point: int | None) -> Numbers:
    """Give delay and the histograms of a run, all points or one; a response recorded with them comes as the column irf."""
    delays = [(name, found) for name in run.channels if (found := run.coordinate(name, "time_delay")) is not None]
    if not delays:
        raise AnalysisError(f"{run.path.name} holds no histogram over time_delay. Its arrays: {', '.join(run.channels) or 'none'}.")
    name, (_, unit, axis) = next((one for one in delays if "irf" not in one[0]), delays[0])
    rows = run.counts(name).reshape(-1, len(axis)).astype(float)
    chosen = range(len(rows)) if point is None else [_checked(run, point)]
    columns = [Column(f"point {row}", "counts", rows[row]) for row in chosen]
    responses = [other for other, _ in delays if "irf" in other]
    irf = run.select("reference").counts(responses[0]) if responses else None
    extra = () if irf is None or not len(irf) else (Column("irf", "counts", irf.reshape(-1, len(axis))[0].astype(float)),)
    return Numbers((Column("time delay", unit, axis), *columns, *extra))


def _one_spectrum(run: Run, point: int | None) -> Numbers:
    """Give wavelength in vacuum, one spectrum and its errors; by default the brightest."""
    if "foreign" in run.header:
        return _channel_columns(run)
    signal = run.signal()
    row = int(np.argmax(signal.sum(axis=1))) if point is None else _checked(run, point)
    columns = (Column("wavelength", "nm", run.wavelength("vacuum")), Column(f"point {row}", "electrons/s", signal[row]),
               Column("sigma", "", run.sigma()[row]))
    return Numbers(columns, medium="vacuum")


def _checked(run: Run, point: int) -> int:
    if not 0 <= point < len(run):
        raise AnalysisError(f"{run.path.name} has no point {point}; its points are 0 to {len(run) - 1}.")
    return point


def _per_point(run: Run, band_nm: tuple[float, float] | None) -> Numbers:
    """Give the numbers of every point, the reduced curves of the run, and the light in a band of wavelengths with its error."""
    scanned = [name for name in run.header.get("scan_axes") or () if name in run.names]
    measured = [f"{name}_measured" for name in scanned if f"{name}_measured" in run.names]
    columns = [Column(f"{name} {long_name(name)}", words(run.header, name)["units"], run[name]) for name in [*measured, *scanned]]
    for name, curve in run.curves.items():
        if len(curve.x) == len(run) and band_nm is None:
            columns.append(Column(name, curve.unit, curve.y))
            columns += [] if curve.sigma is None else [Column(f"{name} sigma", curve.unit, curve.sigma)]
    if len(columns) == len(measured) + len(scanned):
        columns += _band(run, band_nm)
    return Numbers(tuple(columns))


def _band(run: Run, band_nm: tuple[float, float] | None) -> Sequence[Column]:
    """Integrate the spectra over a band, all of them over everything when none is named."""
    try:
        wavelength, signal, sigma = run.wavelength("vacuum"), run.signal(), run.sigma()
    except LabctlError as exc:
        raise AnalysisError(f"{run.path.name} holds neither reduced curves nor spectra to integrate: {exc}") from exc
    low, high = band_nm or (float(wavelength.min()), float(wavelength.max()))
    inside = (wavelength >= low) & (wavelength <= high)
    if not inside.any():
        raise AnalysisError(f"The spectra cover {wavelength.min():.1f} to {wavelength.max():.1f} nm, not {low:g} to {high:g} nm.")
    return [Column(f"light {low:.1f} to {high:.1f} nm", "electrons/s", signal[:, inside].sum(axis=1)),
            Column("sigma", "electrons/s", np.sqrt((sigma[:, inside] ** 2).sum(axis=1)))]


