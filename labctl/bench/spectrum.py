"""The spectrum: a camera behind a spectrograph, with the wavelength of every pixel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from labctl.analysis.spectrograph import Geometry, calibrated
from labctl.bench.config import Spectrograph
from labctl.bench.devices import Device, DriverDetector
from labctl.core.calibration import Calibration
from labctl.core.instrument import Channel, Coordinate, DetectorSpec
from labctl.core.steps import Steps

WAVELENGTH = "emission_wavelength"        # the last dimension of every frame


def nominal(geometry: Spectrograph, lines_per_mm: float) -> Geometry:
    """Give the geometry as the bench file states it."""
    return Geometry(geometry.focal_length_mm, geometry.half_angle_deg, lines_per_mm)


class SpectrumDetector(DriverDetector):
    """Camera frames (spectra, tracks, images, series) with the emission wavelength (air) as coordinate of the last dimension.

    The wavelength follows the valid `calibration` where that has looked at the grating in use, else the bench file's geometry.
    """

    remembers = ("looked_at",)

    def __init__(self, camera: Device, name: str, spec: DetectorSpec, spectrograph: Device, geometry: Spectrograph,
                 calibration: Callable[[], Calibration | None] = lambda: None):
        super().__init__(camera, name, spec, exposed=True)
        self.spectrograph, self.geometry, self.calibration = spectrograph, geometry, calibration
        self.centre_nm = 0.0
        self.lines_per_mm = 0.0
        self.grating = 0
        self.looked_at: tuple[float | None, ...] | None = None       # the last read-backs of the spectrograph when it was asked
        self._place = np.empty(0)

    def configure(self, exposure_s: float) -> Steps[dict[str, float]]:
        """Configure the camera and ask the spectrograph where it stands."""
        granted = yield from super().configure(exposure_s)
        self.looked_at = None
        yield from self.look()
        return granted

    def look(self) -> Steps[None]:
        """Ask the spectrograph where it stands, unless none of its axes has moved since."""
        stands = tuple(self.spectrograph.positions.get(axis) for axis in ("centre", "grating"))
        if stands == self.looked_at:
            return
        self.centre_nm = float((yield from self.spectrograph.call("centre")))
        self.lines_per_mm = float((yield from self.spectrograph.call("lines_per_mm")))
        self.grating = int((yield from self.spectrograph.call("grating")))
        self.looked_at, self._place = stands, self.wavelengths()

    def moved(self) -> Mapping[str, np.ndarray]:
        """Give the wavelengths of the last exposure."""
        return {WAVELENGTH: self._place}

    def wavelengths(self) -> np.ndarray:
        """Give the wavelength in air of every pixel, nm, ascending; those of columns that are summed on the chip by their mean."""
        camera, shape, found = self.device.driver, nominal(self.geometry, self.lines_per_mm), self.calibration()
        if found is not None:
            shape = calibrated(found.curve, self.grating, shape)
        first, last, binned = getattr(camera, "columns_read", (1, self._shape[-1], 1))
        whole = shape.columns(self.centre_nm, getattr(camera, "columns", last), self.geometry.pixel_um)
        return whole[first - 1:last].reshape(-1, binned).mean(axis=1)

    def channels(self) -> list[Channel]:
        """Describe the frame, coordinate included."""
        axis = Coordinate(self.wavelengths(), "nm", "Emission wavelength (air)", "air")
        dims = (*self.spec.dims[:-1], WAVELENGTH)
        return [replace(channel, dims=dims, coords={**channel.coords, WAVELENGTH: axis})
                for channel in super().channels()]
