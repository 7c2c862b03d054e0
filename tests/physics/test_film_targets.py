"""Published claims of the film papers, recovered from simulated frames by the analysis a user would run.

Frames of an ideal camera (shot and read noise, dark frame subtracted), the pulses of every frame with 1 % of jitter. "Fitted"
claims were tuned, jointly, by free constants of the samples; "predicted" ones were not. What the model does not reach stays here as
an expected failure with its reason.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from labctl.analysis.gain import stripe_gain, subtract_pedestal
from labctl.analysis.lines import gaussian_line, half_maximum_width
from labctl.analysis.slopes import slope
from labctl.analysis.threshold import kink, series
from sim_instruments.twin.detection import BIAS_COUNTS, Chip
from sim_instruments.twin.elements import CcdReadout
from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.sample import Sample, load_sample
from sim_instruments.twin.specimen import settled_charge, standing_record

SEEDS = range(2)
SOAK_SEEDS = range(2, 8)
JITTER = 0.01 / np.sqrt(1000.0)      # of the mean of the pulses of 1 s at 1 kHz, 1 % each
READOUT = CcdReadout(rows=(0, 15), exposure_s=1.0, gain_e_per_count=1.0, read_noise_e=4.0, temperature_c=-60.0)
WANG_NM, QIN_NM = np.linspace(470.0, 580.0, 1024), np.linspace(480.0, 580.0, 1024)
WANG_UJ = np.array([3, 6, 9, 12, 14, 16, 18, *range(20, 27), 28, 30, 33, 36, 40, 45, 50, 57], dtype=float)
VOLTS = (0.0, 5.0, 8.0, 10.0, 13.0, 16.0, 20.0)


class Camera:
    """Averaged frames with their own darks; `peak_e` electrons in the brightest column of a frame."""

    def __init__(self, wavelength_nm, seed):
        self.wavelength_nm, self.draw = wavelength_nm, np.random.default_rng(seed)
        self.chip = Chip(len(wavelength_nm), 16, 0, "ccd", ideal=True)

    def take(self, sample: Sample, fluence_uj: float, *, peak_e: float = 4e3, frames: int = 4):
        """Give the spectrum per photon and its standard error."""
        scale = peak_e / self._light(sample, fluence_uj).max()
        total = np.zeros(len(self.wavelength_nm))
        for _ in range(frames):
            light = self._light(sample, fluence_uj * (1 + JITTER * self.draw.normal())) * scale
            total += self._frame(light) - self._frame(np.zeros_like(light))
        mean = total / frames
        return mean / scale, np.sqrt((np.maximum(mean, 0.0) + 2 * 17.0) / frames) / scale

    def _light(self, sample, fluence_uj):
        emitted = emission(Pump.monochromatic(400.0, fluence_uj * 1e-6, 1e-13), sample, 300.0)
        return np.interp(self.wavelength_nm, emitted.wavelength_nm, emitted.continuum, left=0.0, right=0.0)

    def _frame(self, light):
        return self.chip.expose(light, READOUT, self.draw)[0].astype(float) - BIAS_COUNTS


def threshold(camera, sample, fluences, frames):
    taken = [camera.take(sample, fluence, frames=frames) for fluence in fluences]
    total = np.array([light.sum() for light, _ in taken])
    return kink(series(fluences, total, np.sqrt(total * total.mean()) * 0.01)).threshold.value, taken


@lru_cache
def wang(seed: int) -> dict[str, float]:
    """Analyse a power series and a stripe-length series of the film."""
    sample, camera = load_sample("wang2015"), Camera(WANG_NM, seed)
    low = WANG_UJ <= 40.0
    place, taken = threshold(camera, sample, WANG_UJ[low], 4)
    at = dict(zip(WANG_UJ[low], taken, strict=True))
    spe, ase = gaussian_line(WANG_NM, *at[6.0]), gaussian_line(WANG_NM, *at[30.0], half_range_nm=4.0)
    widths = [half_maximum_width(WANG_NM, np.convolve(light, np.ones(5) / 5, "same"), error).value for light, error in taken]
    results = {
        "threshold_kink_fluence": place, "spe_wavelength": spe.centre_nm.value, "spe_fwhm": spe.fwhm_nm.value,
        "ase_wavelength": ase.centre_nm.value, "ase_fwhm": half_maximum_width(WANG_NM, *at[30.0]).value,
        "spe_ase_separation": 1e3 * (spe.centre_ev.value - ase.centre_ev.value), "fwhm_low_pump": float(np.mean(widths[:3])),
        "collapse_over_threshold": min(f for f, width in zip(WANG_UJ[low], widths, strict=True) if width < 8.0) / place}
    blue = (WANG_NM >= 490) & (WANG_NM <= 505)
    for name, inside in (("below", WANG_UJ[low] < 0.6 * place), ("above", WANG_UJ[low] > 1.3 * place)):
        seen = np.array([light[blue].sum() for (light, _), use in zip(taken, inside, strict=True) if use])
        results[f"spe_slope_{name}"] = slope(WANG_UJ[low][inside], seen).slopes[0].value
    results["slope_ratio"] = results["spe_slope_above"] / results["spe_slope_below"]
    return results | stripes(camera, sample)


def stripes(camera, sample) -> dict[str, float]:
    lengths = np.linspace(0.005, 0.15, 30)
    cut = [replace(sample, stripe=replace(sample.stripe, length_cm=float(length))) for length in lengths]
    spectra = np.array([camera.take(each, 57.0, peak_e=2e4, frames=8)[0] for each in cut])
    pedestal = camera.take(replace(sample, stripe=replace(sample.stripe, length_cm=0.02)), 4.0, peak_e=2e4, frames=8)[0]
    free = subtract_pedestal(spectra, pedestal, (WANG_NM >= 498) & (WANG_NM <= 507))
    signal = free[:, (WANG_NM >= 515) & (WANG_NM <= 535)].sum(axis=1)
    found = stripe_gain(lengths, signal, signal * 0.005, window_cm=0.052)
    return {"gain_coefficient": found.gain.value, "saturation_length": found.saturation_length.value,
            "gain_depletion_time": found.depletion_time.value}


@lru_cache
def qin(seed: int) -> dict[str, float]:
    """Analyse power series at seven voltages."""
    sample, camera = load_sample("qin2021"), Camera(QIN_NM, seed)
    places = []
    for volts in VOLTS:
        record = standing_record(sample, settled_charge(sample.charging, volts), volts, None)
        fluences = np.linspace(6.0, 105.0, 24) if volts < 9.0 else np.linspace(4.0, 62.0, 24)
        places.append(threshold(camera, record, fluences, 2)[0])
    last = standing_record(sample, settled_charge(sample.charging, 20.0), 20.0, None)
    spe = gaussian_line(QIN_NM, *camera.take(sample, 6.0, frames=8))
    bright = camera.take(last, 40.0, frames=8)
    ase = gaussian_line(QIN_NM, *bright, half_range_nm=4.0)
    return {
        "threshold_kink_fluence_0v": places[0], "threshold_kink_fluence_20v": places[-1],
        "threshold_reduction": 100.0 * (1.0 - places[-1] / places[0]),
        "largest_rise": max(np.diff(places)) / places[0], "spe_wavelength": spe.centre_nm.value, "spe_fwhm": spe.fwhm_nm.value,
        "ase_wavelength": ase.centre_nm.value, "ase_fwhm": half_maximum_width(QIN_NM, *bright).value}


WANG_CLAIMS = [
    ("threshold_kink_fluence", 20.0, 24.0), ("spe_wavelength", 513.8, 515.2), ("spe_fwhm", 21.5, 24.5),
    ("ase_wavelength", 523.5, 525.5), ("ase_fwhm", 4.3, 5.7), ("spe_ase_separation", 41.0, 51.0), ("fwhm_low_pump", 20.0, np.inf),
    ("collapse_over_threshold", 1 / 1.5, 1.5), ("slope_ratio", -np.inf, 0.6), ("gain_coefficient", 92.0, 104.0),
    ("saturation_length", 0.055, 0.085), ("gain_depletion_time", 4.0, 6.0)]
QIN_CLAIMS = [
    ("threshold_kink_fluence_0v", 64.0, 72.0), ("largest_rise", -np.inf, 0.02), ("spe_wavelength", 519.0, 521.0),
    ("spe_fwhm", 23.5, 26.5), ("ase_wavelength", 533.5, 536.5),
    pytest.param("threshold_kink_fluence_20v", 29.0, 35.0, marks=pytest.mark.xfail(
        reason="37.1: the joint fit does not reach it", strict=True, raises=AssertionError)),
    pytest.param("threshold_reduction", 50.0, 56.0, marks=pytest.mark.xfail(
        reason="43 %: as for the threshold at 20 V", strict=True, raises=AssertionError)),
    pytest.param("ase_fwhm", 2.5, 4.1, marks=pytest.mark.xfail(
        reason="4.3 nm in the joint fit", strict=True, raises=AssertionError))]


@pytest.mark.parametrize(("name", "low", "high"), WANG_CLAIMS)
def test_wang_claim(name, low, high):
    assert all(low <= wang(seed)[name] <= high for seed in SEEDS), [wang(seed)[name] for seed in SEEDS]


@pytest.mark.parametrize(("name", "low", "high"), QIN_CLAIMS)
def test_qin_claim(name, low, high):
    assert all(low <= qin(seed)[name] <= high for seed in SEEDS), [qin(seed)[name] for seed in SEEDS]


@pytest.mark.soak
@pytest.mark.parametrize(("results", "name", "low", "high"), [
    (found, *claim) for found, claims in ((wang, WANG_CLAIMS), (qin, QIN_CLAIMS)) for claim in claims
    if not hasattr(claim, "marks")])
def test_claim_in_the_other_noise_seeds(results, name, low, high):
    assert all(low <= results(seed)[name] <= high for seed in SOAK_SEEDS)
