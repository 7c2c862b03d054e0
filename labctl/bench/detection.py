"""What is known of the detection: constants of spectrograph and camera, from the bench file or from a calibration."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.analysis.spectrograph import Geometry, assumed_fwhm_um, calibrated, measured_fwhm_um
from labctl.bench.config import BenchConfig
from labctl.bench.devices import Device
from labctl.bench.spectrum import nominal
from labctl.core.calibration import Calibration

WAVELENGTH = "wavelength_calibration"


def constants(config: BenchConfig, devices: Mapping[str, Device], gratings: Mapping[int, float]) -> dict[str, float]:
    """Give geometry, gratings and columns by name; `gratings` are grooves per mm by number, that in use first.

    Empty without a spectrograph.
    """
    geometry = config.detection.spectrograph
    if geometry is None or "spectrograph" not in devices or not gratings:
        return {}
    found = {f"spectrograph.{name}": float(getattr(geometry, name))
             for name in ("focal_length_mm", "half_angle_deg", "pixel_um", "slit_um")}
    found |= {f"spectrograph.lines_per_mm_{number}": lines for number, lines in gratings.items()}
    found["spectrograph.gratings"] = float(len(gratings))
    columns = next((device.driver.columns for device in devices.values() if hasattr(device.driver, "columns")), None)
    found["spectrograph.grating"] = float(devices["spectrograph"].config.initial.get("grating", next(iter(gratings))))
    return found if columns is None else {**found, "spectrograph.columns": float(columns)}


def instrument_width(config: BenchConfig, devices: Mapping[str, Device], gratings: Mapping[int, float],
                     calibration: Calibration | None) -> dict[str, float]:
    """Give `detection.instrument_fwhm` in nm where the run begins, as lamp lines showed it or as slit and pixels suggest it.

    With a calibration `detection.wavelength_uncertainty` (nm) too: how far the drive misses a wavelength it comes back to.
    """
    geometry = config.detection.spectrograph
    if geometry is None or "spectrograph" not in devices or not gratings:
        return {}
    initial = devices["spectrograph"].config.initial
    grating = int(initial.get("grating", next(iter(gratings))))
    shape: Geometry = nominal(geometry, gratings.get(grating, next(iter(gratings.values()))))
    width_um, known = assumed_fwhm_um(geometry.slit_um, geometry.pixel_um), {}
    if calibration is not None and (measured := measured_fwhm_um(calibration.curve, grating)) is not None:
        shape, width_um = calibrated(calibration.curve, grating, shape), measured
        place = [int(number) for number in calibration.curve["grating"]].index(grating)
        known["detection.wavelength_uncertainty"] = float(calibration.curve["repeatability_nm"][place])
    return {**known, "detection.instrument_fwhm": width_um * 1e-3 * shape.dispersion_nm_mm(initial.get("centre", 500.0))}
