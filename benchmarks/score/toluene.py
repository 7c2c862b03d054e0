"""Sun et al. 2024, dots in toluene: z-scans, absorption by excitation, emission."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks.score.detectors import JITTER
from benchmarks.score.experiment import Experiment, Results, given
from benchmarks.score.sun import BENCH, PULSE_S, ROOM_K, THREE_NM, TWO_NM
from labctl.analysis.excitation import parabola_maximum
from labctl.analysis.z_scan import cross_section, open_aperture, peak_flux
from sim_instruments.twin import film
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.zscan import rayleigh_cm, transmission

SAMPLE = "sun2024_toluene"
WAIST_CM, SCAN_RAYLEIGHS, PLACES = 30e-4, 4.0, 61
READING_NOISE = 2e-3               # of one transmission, both energy heads
PULSE_J = {2: 0.1e-6, 3: 4e-6}     # with which the dip is 10 to 30 % deep
PUMP_NM = {2: TWO_NM, 3: THREE_NM}
SCAN_NM, SCAN_COUNTS, FLUENCE_J_CM2 = np.arange(455.0, 520.0, 1.0), 4e5, 1e-8
HALF_NM = 6.0


@dataclass(frozen=True)
class Scan:
    """Transmission (places,) along the beam in cm, and what a user reads off the bench: flux, concentration, path."""

    place_cm: np.ndarray
    transmission: np.ndarray
    flux: float
    density_cm3: float
    path_cm: float


def z_scan(seed: int, order: int) -> Scan:
    """Move the cuvette through the focus; every place has its own error of the pulse energy."""
    sample, draw = load_sample(SAMPLE), np.random.default_rng([seed, order])
    pump_nm, cuvette = PUMP_NM[order], given(sample.cuvette)
    place = SCAN_RAYLEIGHS * rayleigh_cm(WAIST_CM, pump_nm) * np.linspace(-1.0, 1.0, PLACES)
    seen = [float(transmission(z, PULSE_J[order] * (1 + JITTER * draw.normal()), sample, wavelength_nm=pump_nm, pulse_s=PULSE_S,
                               waist_cm=WAIST_CM, temperature_k=ROOM_K)) for z in place]
    read = np.array(seen) * (1 + READING_NOISE * draw.normal(size=PLACES))
    return Scan(place, read, peak_flux(PULSE_J[order], PULSE_S, WAIST_CM, pump_nm), cuvette.density_cm3, cuvette.path_cm)


def estimate_z_scan(scan: Scan, order: int) -> Results:
    """Give the cross-section."""
    found = open_aperture(scan.place_cm, scan.transmission, READING_NOISE * scan.transmission, order=order)
    return {f"cross_section_{order}p": cross_section(found, scan.flux, density_cm3=scan.density_cm3, path_cm=scan.path_cm).value}


def excitation_scan(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Count the light of the solution at constant photon flux against pump wavelength in nm."""
    sample, draw = load_sample(SAMPLE), np.random.default_rng(seed)
    light = []
    for nm in SCAN_NM:
        fluence = FLUENCE_J_CM2 * SCAN_NM[0] / nm * (1 + JITTER * draw.normal())
        light.append(film.emission(Pump.monochromatic(float(nm), fluence, PULSE_S), sample, ROOM_K).continuum.sum())
    return SCAN_NM, draw.poisson(SCAN_COUNTS * np.array(light) / max(light)).astype(float)


def estimate_excitation(scan: tuple[np.ndarray, np.ndarray]) -> Results:
    """Give the two reddest maxima of the excitation spectrum, the reddest first.

    Candidates are where the smoothed curve bends down most: a shallow maximum on a slope need not be higher than both its sides.
    """
    wavelength, counts = scan
    sigma = np.hypot(np.sqrt(counts), JITTER * counts)
    smooth = np.convolve(counts, np.ones(5) / 5, "same")
    tops = [i for i in range(4, len(counts) - 4) if smooth[i] == smooth[i - 4:i + 5].max()]
    found = [parabola_maximum(wavelength, counts, sigma, np.abs(wavelength - wavelength[i]) <= HALF_NM, above=0.8).wavelength_nm
             for i in sorted(tops, reverse=True)[:2]]
    return {f"absorption_wavelength_{number}": value for number, value in enumerate(found, 1)}


EXPERIMENTS = (
    *(Experiment(f"z-scan, {order} photons", BENCH, partial(z_scan, order=order), partial(estimate_z_scan, order=order))
      for order in PUMP_NM),
    Experiment("excitation spectrum in toluene", BENCH, excitation_scan, estimate_excitation,
               evidence={"absorption_wavelength_1": "recovered"}),
)
