"""What the papers on films share: emission of a stripe under one-photon pulses, thresholds and widths of its amplified light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.score.detectors import Emit, Spectra
from benchmarks.score.experiment import given
from labctl.analysis.lines import gaussian_line, half_maximum_width
from labctl.analysis.threshold import kink, series
from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.sample import Sample

PUMP_NM, PULSE_S, ROOM_K = 400.0, 1e-13, 300.0
RELATIVE = 0.01                    # weight of a point of the kink relative to its light, as if noise grew with its root
SMOOTHING = 5                      # pixels, before the width of a whole spectrum is read


def stripe_emission(sample: Sample, pulse_s: float = PULSE_S, active: float = 1.0) -> Emit:
    """Give a sample's emission as a function of the fluence in µJ/cm²."""
    kelvin = sample.lines.temperature_k
    return lambda level_uj: emission(Pump.monochromatic(PUMP_NM, level_uj * 1e-6, pulse_s), sample, kelvin, active)


def cut(sample: Sample, length_cm: float) -> Sample:
    """Give the sample with a stripe of another length."""
    return replace(sample, stripe=replace(given(sample.stripe), length_cm=length_cm))


def kink_of(spectra: Spectra) -> float:
    """Give the kink of the integrated light against the abscissa; weights between counting noise and relative error."""
    total = spectra.total
    return kink(series(spectra.x, total, RELATIVE * np.sqrt(total * total.mean()))).threshold.value


def whole_widths(spectra: Spectra) -> np.ndarray:
    """Give the width at half maximum of every whole spectrum in nm, (points,)."""
    box = np.ones(SMOOTHING) / SMOOTHING
    return np.array([half_maximum_width(spectra.wavelength_nm, np.convolve(light, box, "same"), error).value
                     for light, error in zip(spectra.signal, spectra.sigma, strict=True)])


def bands(spectra: Spectra, below: float, above: float) -> dict[str, float]:
    """Give centre and width of the spontaneous band at one level and of the amplified one at another."""
    spontaneous = gaussian_line(spectra.wavelength_nm, *spectra.at(below))
    amplified = gaussian_line(spectra.wavelength_nm, *spectra.at(above), half_range_nm=4.0)
    return {
        "spe_wavelength": spontaneous.centre_nm.value, "spe_fwhm": spontaneous.fwhm_nm.value,
        "ase_wavelength": amplified.centre_nm.value,
        "ase_fwhm": half_maximum_width(spectra.wavelength_nm, *spectra.at(above)).value,
        "spe_ase_separation": 1e3 * (spontaneous.centre_ev.value - amplified.centre_ev.value)}
