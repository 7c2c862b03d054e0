"""NXinstrument and NXsample: the parts of the bench in the words of NXoptical_spectroscopy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labctl.core.quantities import QUANTITIES, file_name
from labctl.store import nexus_data
from labctl.store.layout import WAVELENGTH, Arranged
from labctl.store.nexus_data import Node

PUMP = "pump.wavelength"


def write(entry: Node, header: Mapping[str, Any], scan: Arranged, version: str) -> None:
    """Write beam, source, detector, monochromator, calibrations and sample, as far as the run knows them."""
    instrument = nexus_data.group(entry, "instrument", "NXinstrument")
    nexus_data.text(instrument, "name", str(header.get("bench", {}).get("name", "")))
    software = nexus_data.group(instrument, "software_labctl", "NXprogram")
    nexus_data.text(software, "program", "labctl").attrs["version"] = version
    _beam(instrument, entry, header, scan)
    _source(instrument, header)
    _detector(instrument, entry, header, scan)
    if _wavelengths(scan) is not None:
        _monochromator(instrument, entry, header, scan)
    for calibration in header.get("calibrations") or ():
        _calibration(instrument, calibration)
    sample = nexus_data.group(entry, "sample", "NXsample")
    nexus_data.text(sample, "name", str(header.get("sample", "")))
    nexus_data.text(sample, "sample_id", str(header.get("sample", "")))


def _beam(instrument: Node, entry: Node, header: Mapping[str, Any], scan: Arranged) -> None:
    """Describe the pump beam at the sample; its wavelength is linked from the data where it was scanned."""
    beam = nexus_data.group(instrument, "beam_pump", "NXbeam")
    names = {variable.name for variable in scan.variables}
    measured = file_name("pump.power_measured") in names or file_name("pump.power") in names
    nexus_data.text(beam, "parameter_reliability", "measured" if measured else "nominal")
    nexus_data.text(beam, "associated_source", "/entry/instrument/source_pump")
    wavelength = QUANTITIES[PUMP].file_name
    if wavelength in names:
        nexus_data.view(beam, "incident_wavelength", entry["data"][wavelength])
    constants = header.get("constants", {})
    if "pump.bandwidth" in constants:
        nexus_data.number(beam, "incident_wavelength_spread", float(constants["pump.bandwidth"]), "nm")
    if "repetition_rate_hz" in constants:
        nexus_data.number(beam, "pulse_repetition_rate", float(constants["repetition_rate_hz"]), "Hz")


def _source(instrument: Node, header: Mapping[str, Any]) -> None:
    source = nexus_data.group(instrument, "source_pump", "NXsource")
    nexus_data.text(source, "type", "Optical Laser")
    _identity(source, header, "laser")
    constants = header.get("constants", {})
    if "repetition_rate_hz" in constants:
        nexus_data.number(source, "frequency", float(constants["repetition_rate_hz"]), "Hz")


def _detector(instrument: Node, entry: Node, header: Mapping[str, Any], scan: Arranged) -> None:
    """Describe the detector of the signal; the raw data are linked, not repeated."""
    many = len(scan.axes) > len(scan.layout.dims)
    role = "ccd" if many else "power_meter"
    detector = nexus_data.group(instrument, f"detector_{role}", "NXdetector")
    nexus_data.text(detector, "detector_channel_type", "multichannel" if many else "single-channel")
    nexus_data.text(detector, "detector_type", "CCD" if many else "photodiode")
    nexus_data.view(detector, "data", entry["data"][scan.signal])
    names = {variable.name for variable in scan.variables}
    if many and "exposure_time" in names:
        nexus_data.view(detector, "count_time", entry["data"]["exposure_time"])
    _identity(detector, header, role)


def _monochromator(instrument: Node, entry: Node, header: Mapping[str, Any], scan: Arranged) -> None:
    spectrograph = nexus_data.group(instrument, "spectrograph", "NXmonochromator")
    nexus_data.view(spectrograph, "wavelength", entry["data"][_wavelengths(scan)])
    resolution = header.get("constants", {}).get("detection.instrument_fwhm")
    if resolution is not None:
        nexus_data.number(spectrograph, "wavelength_spread", float(resolution), "nm")
    _identity(spectrograph, header, "spectrograph")


def _wavelengths(scan: Arranged) -> str | None:
    """Name the variable that holds the wavelengths of the signal: its last axis, or, where that moved, one beside it."""
    spectra = len(scan.axes) > len(scan.layout.dims)
    candidates = (scan.axes[-1], *(WAVELENGTH for variable in scan.variables if variable.name == WAVELENGTH))
    return next((name for name in candidates if spectra and scan[name].attrs.get("units") == "nm"), None)


def _identity(parent: Node, header: Mapping[str, Any], role: str) -> None:
    """Write the identity string and the serial number of an instrument, where it has answered."""
    told = header.get("instruments_start", {}).get(role)
    if not told:
        return
    made = nexus_data.group(parent, "device_information", "NXfabrication")
    nexus_data.text(made, "model", str(told.get("identity", "")) if isinstance(told, Mapping) else str(told))
    if role in header.get("serials", {}):
        nexus_data.text(made, "identifier", str(header["serials"][role]))


def _calibration(instrument: Node, calibration: Mapping[str, Any]) -> None:
    kind = str(calibration["kind"])
    name = f"instrument_calibration_{kind}"
    if name in instrument:
        return
    made = nexus_data.group(instrument, name, "NXcalibration")
    nexus_data.text(made, "calibration_status", "calibration time provided")
    nexus_data.text(made, "calibration_time", str(calibration["date"]))
    nexus_data.text(made, "description", f"{kind}, model {calibration['model']}, run {calibration['run_id'] or 'unknown'}")
    nexus_data.number(made, "relative_uncertainty", float(calibration["uncertainty"]))
