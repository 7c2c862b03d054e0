"""The spectrum: a camera behind a spectrograph, with the wavelength of every pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from labctl.bench.config import Spectrograph
from labctl.bench.devices import Device, DriverDetector
from labctl.bench.optics import grating_wavelengths
from labctl.core.instrument import Channel, Coordinate, DetectorSpec
from labctl.core.steps import Steps

PIXEL_BLUR = 1.6      # FWHM of pixel and aberrations in pixels; an assumption until measured with a lamp line


class SpectrumDetector(DriverDetector):
    """Camera frames (spectra, tracks, images, series) with the emission wavelength (air) as coordinate of the last dimension."""

    def __init__(self, camera: Device, name: str, spec: DetectorSpec, spectrograph: Device, geometry: Spectrograph):
        super().__init__(camera, name, spec, exposed=True)
        self.spectrograph, self.geometry = spectrograph, geometry
        self.centre_nm = 0.0
        self.lines_per_mm = 0.0

    def configure(self, exposure_s: float) -> Steps[dict[str, float]]:
        """Configure the camera and ask the spectrograph where it stands."""
        granted = yield from super().configure(exposure_s)
        self.centre_nm = float((yield from self.spectrograph.call("centre")))
        self.lines_per_mm = float((yield from self.spectrograph.call("lines_per_mm")))
        return granted

    def wavelengths(self) -> np.ndarray:
        """Give the wavelength in air of every pixel, nm, ascending; those of columns that are summed on the chip by their mean."""
        camera = self.device.driver
        first, last, binned = getattr(camera, "columns_read", (1, self._shape[-1], 1))
        whole = grating_wavelengths(
            self.centre_nm, self.lines_per_mm, getattr(camera, "columns", last), focal_length_mm=self.geometry.focal_length_mm,
            half_angle_deg=self.geometry.half_angle_deg, pixel_um=self.geometry.pixel_um)
        return whole[first - 1:last].reshape(-1, binned).mean(axis=1)

    def channels(self) -> list[Channel]:
        """Describe the frame, coordinate included."""
        axis = Coordinate(self.wavelengths(), "nm", "Emission wavelength (air)", "air")
        dims = (*self.spec.dims[:-1], "emission_wavelength")
        return [replace(channel, dims=dims, coords={**channel.coords, "emission_wavelength": axis})
                for channel in super().channels()]


def instrument_fwhm_nm(geometry: Spectrograph, centre_nm: float, lines_per_mm: float) -> float:
    """Give the instrument's FWHM in nm: slit image and pixel blur in quadrature, times the dispersion at the centre."""
    axis = grating_wavelengths(centre_nm, lines_per_mm, 3, focal_length_mm=geometry.focal_length_mm,
                               half_angle_deg=geometry.half_angle_deg, pixel_um=geometry.pixel_um)
    nm_per_mm = (axis[2] - axis[0]) / (2 * geometry.pixel_um * 1e-3)
    return float(np.hypot(geometry.slit_um, PIXEL_BLUR * geometry.pixel_um) * 1e-3 * nm_per_mm)
