"""The points of one kind, as procedures and figures ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from labctl.analysis.detector_response import correction
from labctl.core.calibration import Calibration
from labctl.core.errors import AnalysisError, StoreError
from labctl.core.photons import air_to_vacuum, vacuum_to_air
from labctl.core.quantities import file_name
from labctl.store import electrons, filters
from labctl.store.layout import BAD, words
from labctl.store.table import Table


class View:
    """Points of one kind of a run, whether in a journal or in a file. Arrays run over them in visiting order."""

    def __init__(self, header: Mapping[str, Any], tables: Callable[[str], Table], kind: str = "scan"):
        self._header, self._tables, self._kind = header, tables, kind

    @property
    def _table(self) -> Table:
        return self._tables(self._kind)

    @property
    def parameters(self) -> dict[str, Any]:
        """The values of the procedure's parameters by name."""
        return {name: declared["value"] for name, declared in self._header["parameters"].items()}

    @property
    def constants(self) -> Mapping[str, Any]:
        """Documented constants of the bench at the time of the run."""
        return self._header.get("constants", {})

    @property
    def serials(self) -> Mapping[str, str]:
        """Role -> serial number of every instrument."""
        return self._header.get("serials", {})

    @property
    def numbers(self) -> np.ndarray:
        """The place of every point in the plan."""
        return self._table.numbers()

    @property
    def names(self) -> list[str]:
        """Every number that stands at the points, by labctl's name: set-points, read-backs, companions, scalars."""
        return self._table.names()

    @property
    def flag_names(self) -> list[str]:
        """Every flag that was looked for."""
        return self._table.flag_names()

    @property
    def channels(self) -> list[str]:
        """Every array that stands at the points."""
        return self._table.channels()

    def coordinate(self, channel: str, dim: str = "") -> tuple[str, str, np.ndarray] | None:
        """Give name, unit and values along a dimension of a channel, by default the last; None when it has none of that name."""
        dims = self._table.channel_dims(channel)
        wanted = dim or (dims[-1] if dims else "")
        found = self._table.coordinate(wanted) if wanted in dims else None
        return None if found is None else (wanted, found[1], found[0])

    def calibration(self, kind: str) -> Calibration | None:
        """Give the calibration of a kind that was valid during the run; None when there was none."""
        told = next((each for each in self._header.get("calibrations") or () if each["kind"] == kind), None)
        return None if told is None else Calibration.from_json(told)

    def __len__(self) -> int:
        return len(self._table.numbers())

    def __getitem__(self, name: str) -> np.ndarray:
        """Give a set-point, companion, scalar of a detector or `<name>_measured`, 1-D float, by labctl's or the file's name.

        Raises KeyError with the names there are. An empty selection gives an empty array.
        """
        column = self._table.column(name)
        if column is not None:
            return column
        for known in self._table.names():
            if file_name(known) == name:
                return self[known]
        if not len(self):
            return np.empty(0)
        raise KeyError(f"{name}: the {self._kind} points of this run hold {', '.join(sorted(self._table.names()))}")

    def select(self, kind: str) -> View:
        """Give the view of the points of another kind ("scan", "reference", "dark", "zero")."""
        return View(self._header, self._tables, kind)

    def other(self, name: str) -> View:
        """Give another run of the same data folder; AnalysisError where nobody knows of one."""
        raise AnalysisError(f"Run {name!r} is asked for, and the points of one kind do not know the data folder.")

    # ---------------------------------------------------------------- flags
    def flag(self, name: str) -> np.ndarray:
        """Tell which points carry this flag."""
        return self._table.flag(name)

    @property
    def ok(self) -> np.ndarray:
        """Tell which points can be used: measured, and not flagged bad."""
        return ~self._table.flag(BAD)

    # ---------------------------------------------------------------- arrays
    def counts(self, channel: str = "") -> np.ndarray:
        """Give the raw arrays as they came, (points, pixels); the default signal unless another channel is named."""
        return self._table.array(self._channel(channel))

    def wavelength(self, medium: str = "vacuum") -> np.ndarray:
        """Give the emission wavelength of every pixel in nm, in "vacuum" or "air".

        Raises AnalysisError where the spectrograph moved between the points: `wavelengths` gives those of every point.
        """
        if self._table.moving() is not None:
            raise AnalysisError(f"The {self._kind} points of this run were taken at several places of the spectrograph, so no one "
                                "wavelength axis holds for all of them. Each has its own: wavelengths().")
        return self._nm(medium)

    def wavelengths(self, medium: str = "vacuum") -> np.ndarray:
        """Give the emission wavelength in nm of every pixel at every point, (points, pixels); NaN where no spectrum was read."""
        values = self._nm(medium)
        return np.broadcast_to(values, (len(self), values.shape[-1]))

    def _nm(self, medium: str) -> np.ndarray:
        """Give wavelengths, (pixels,) or, where the spectrograph moved, (points, pixels)."""
        if medium not in ("vacuum", "air"):
            raise ValueError(f"medium is {medium!r}; it must be 'vacuum' or 'air'")
        along = [self._table.coordinate(dim) for dim in self._table.channel_dims(self._channel(""))]
        found = next((each for each in (self._table.moving(), *along) if each is not None and each[1] == "nm"), None)
        if found is None:
            raise StoreError(f"The {self._kind} points of this run have no wavelength axis.")
        values, _, stored = found
        if not stored:
            raise StoreError("The wavelength axis of this run does not say whether it is in air or in vacuum.")
        if stored == medium:
            return values
        return np.asarray(air_to_vacuum(values) if medium == "vacuum" else vacuum_to_air(values))

    def dark(self, exposure_s: float | None = None) -> np.ndarray | None:
        """Give the mean dark frame (pixels), of one exposure if given; None when no dark frame was taken."""
        frames, exposures = self._dark_frames()
        if not len(frames):
            return None
        return (frames if exposure_s is None else electrons.matching_dark(exposure_s, frames, exposures)).mean(axis=0)

    @property
    def signal_label(self) -> str:
        """Words and unit of `signal`, for the axis of a plot; of a foreign file those it states."""
        if "foreign" not in self._header:
            corrected = ", response corrected" if self._response() is not None else ""
            return f"Signal (electrons/s per pixel{corrected})"
        told = words(self._header, self._channel(""))
        unit = told["units"] if told["units"] != told["long_name"].lower() else ""
        return f"{told['long_name']} ({unit})" if unit else told["long_name"]

    def signal(self, per_pulse: bool = False) -> np.ndarray:
        """Give electrons per second (or per pump pulse), dark frame of the same exposure subtracted, (points, pixels).

        Divided by what the filters of the detection let through, NaN where a filter held the light back, and by the relative
        response of grating and camera where that was calibrated for the whole window (`signal_label` says so). Of a file of another
        program, which states neither gain nor dark frames, the numbers as they stand there. Raises AnalysisError when there is no
        such dark frame, or no gain or effective exposure was recorded.
        """
        if "foreign" in self._header:
            return self.counts().astype(float)
        rate = electrons.electrons_per_second(self.counts(), self._camera(), *self._dark_frames())
        return rate / self._pulses(per_pulse) / self._efficiency(rate.ndim)

    def sigma(self, per_pulse: bool = False) -> np.ndarray:
        """Give the standard error of `signal` from shot noise, read noise and dark frames, same shape."""
        error = electrons.standard_error(self.counts(), self._camera(), *self._dark_frames())
        return error / self._pulses(per_pulse) / self._efficiency(error.ndim)

    def _channel(self, name: str) -> str:
        channels = self._table.channels()
        wanted = name or self._header.get("default_signal", "")
        if wanted in channels:
            return wanted
        if name or not channels:
            raise StoreError(f"The {self._kind} points of this run hold no array{f' {name!r}' if name else ''}. "
                             f"Arrays: {', '.join(channels) or 'none'}.")
        return channels[0]

    def _dark_frames(self) -> tuple[np.ndarray, np.ndarray]:
        table, channel = self._tables("dark"), self._channel("")
        if channel not in table.channels():
            return np.empty((0, *self.counts().shape[1:])), np.empty(0)
        exposures = table.column("exposure_s")
        return table.array(channel), np.empty(0) if exposures is None else exposures

    def _camera(self) -> electrons.Camera:
        names = ("exposure_s", "effective_exposure_s", "gain_e_per_count", "read_noise_e")
        columns = [self._table.column(name) for name in names]
        missing = [name for name, column in zip(names, columns, strict=True) if column is None or not np.all(np.isfinite(column))]
        if missing and len(self):
            raise AnalysisError(f"Electrons per second need {', '.join(missing)} at every point; this detector did not report it.")
        return electrons.Camera(*(np.empty(0) if column is None else column for column in columns))

    def _efficiency(self, dimensions: int) -> np.ndarray | float:
        """Give what an array of (points, ..., pixels) is divided by: transmission of the filters, relative response."""
        response = self._response()
        return self._transmission(dimensions) * (1.0 if response is None else response)

    def _response(self) -> np.ndarray | None:
        """Give the relative response of every pixel, of every point where the spectrograph moved.

        None where it was not calibrated for all of them, or where the run itself turned the gratings.
        """
        found, axis = self.calibration("response_calibration"), self._pixels_nm()
        if found is None or axis is None or "spectrograph.grating" in self._table.names():
            return None
        grating = int(self.constants.get("spectrograph.grating", 0))
        if axis.ndim == 1:
            return correction(found.curve, grating, axis)
        places, which = _places(axis)
        each = [correction(found.curve, grating, place) for place in places]
        known = [response for response in each if response is not None]
        return np.stack(known)[which] if len(known) == len(each) else None

    def _transmission(self, dimensions: int) -> np.ndarray | float:
        """Give what the detection lets through of the light, to divide an array of (points, ..., pixels) by."""
        constant = float(self.constants.get("detection.transmission", 1.0))
        wheels: Mapping[str, Any] = self._header.get("filters") or {}
        if not wheels or not len(self):
            return constant
        stood = {name: self._table.column(f"{name}_measured") for name in wheels}
        unknown = [name for name, column in stood.items() if column is None or not np.all(np.isfinite(column))]
        if unknown:
            raise AnalysisError(f"The run does not say where {', '.join(unknown)} stood, so the signal cannot be divided by it.")
        slots = {name: column for name, column in stood.items() if column is not None}
        axis = self._pixels_nm()
        if axis is None or axis.ndim == 1:
            passed = filters.transmission(wheels, slots, axis)
        else:
            passed = np.empty((len(self), axis.shape[-1]))
            places, which = _places(axis)
            for number, place in enumerate(places):
                here = which == number
                passed[here] = filters.transmission(wheels, {name: column[here] for name, column in slots.items()}, place)
        return constant * passed.reshape(len(passed), *(1,) * (dimensions - 2), passed.shape[1])

    def _pixels_nm(self) -> np.ndarray | None:
        try:
            return self._nm("air")
        except StoreError:
            return None

    def _pulses(self, wanted: bool) -> float:
        if not wanted:
            return 1.0
        rate = self.constants.get("repetition_rate_hz")
        if not rate:
            raise AnalysisError("The bench file states no repetition rate, so the signal cannot be given per pulse.")
        return float(rate)


def _places(axis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the distinct wavelength axes among those of all points, and which of them each point has."""
    places, which = np.unique(axis, axis=0, return_inverse=True)
    return places, which.reshape(-1)
