"""The detectors of the score: an ideal camera behind a spectrograph, and a photon counter; nothing but noise hides the truth.

Every exposure has its own error of the pump, 1 % rms, of which the analysis knows nothing: the mean of many pulses of 1 % each
would scatter far less, so this is the harder test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from labctl.analysis.decay_model import Response as Measured
from labctl.analysis.decay_model import Timing
from sim_instruments.twin import counting
from sim_instruments.twin.decay import Decay
from sim_instruments.twin.detection import BIAS_COUNTS, Chip
from sim_instruments.twin.elements import CcdReadout
from sim_instruments.twin.spectra import Emission, Polarisation
from sim_instruments.twin.spectrograph import Analyser, Window, photons_per_column

JITTER = 0.01                      # rms of the pump energy of one exposure
READ_E, ROWS = 4.0, 16
DARK_FRAMES = 16
GROOVES_DEG = 45.0                 # of the grating: favours neither of two crossed polarisations
PROMPT = Decay(np.array([1e13]), np.array([1e-13]))
IRF_COUNTS = 1e6
START_S = 1e-9                     # of the light, after the sync

Emit = Callable[[float], Emission]
"""Emission of a sample as a function of the pump's level, in whatever unit the series is."""


@dataclass(frozen=True)
class Spectra:
    """Spectra of a series: abscissa (points,), wavelengths in vacuum nm (pixels,), signal and standard error (points, pixels)."""

    x: np.ndarray
    wavelength_nm: np.ndarray
    signal: np.ndarray
    sigma: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """Give the light of each spectrum, (points,)."""
        return self.signal.sum(axis=1)

    def at(self, x: float) -> tuple[np.ndarray, np.ndarray]:
        """Give signal and error of the point nearest to x."""
        place = int(np.argmin(np.abs(self.x - x)))
        return self.signal[place], self.sigma[place]

    def up_to(self, x: float) -> Spectra:
        """Give the part of the series up to x."""
        used = self.x <= x
        return Spectra(self.x[used], self.wavelength_nm, self.signal[used], self.sigma[used])

    def band(self, low_nm: float, high_nm: float) -> np.ndarray:
        """Give the light between two wavelengths for each spectrum, (points,)."""
        return self.signal[:, (self.wavelength_nm >= low_nm) & (self.wavelength_nm <= high_nm)].sum(axis=1)


@dataclass
class Camera:
    """An ideal camera that averages `frames` with `peak_e` electrons in the brightest column; `instrument_nm` is the line width.

    With `seed` None nothing scatters: what a calibration of the sample compares with the claims.
    """

    wavelength_nm: np.ndarray
    seed: int | None
    peak_e: float = 4e3
    frames: int = 4
    instrument_nm: float = 1e-3
    gain_e: float = 1.0
    jitter: float = JITTER
    draw: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        step = np.gradient(self.wavelength_nm)
        self.window = Window(self.wavelength_nm, step, np.full_like(step, self.instrument_nm))
        self.chip = Chip(len(step), ROWS, 0, "ccd", ideal=True)
        self.draw = np.random.default_rng(0 if self.seed is None else self.seed)
        self.jitter = 0.0 if self.seed is None else self.jitter
        self.readout = CcdReadout(rows=(0, ROWS - 1), exposure_s=1.0, gain_e_per_count=self.gain_e, read_noise_e=READ_E,
                                  temperature_c=-60.0)
        self.dark = np.mean([self._frame(np.zeros_like(step)) for _ in range(DARK_FRAMES)], axis=0)

    def columns(self, emitted: Emission, analyser: Analyser | None = None) -> np.ndarray:
        """Give the photons per nanocrystal, pulse and column; without an analyser, of scrambled light."""
        return photons_per_column(scrambled(emitted) if analyser is None else emitted, self.window, analyser, GROOVES_DEG)

    def take(self, emit: Emit, level: float, analyser: Analyser | None = None, *,
             scale: float | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Give the mean of the frames less their dark, per photon, and its standard error.

        Exposure is chosen for the spectrum without analyser unless `scale` (electrons per photon) fixes it.
        """
        chosen = self.peak_e / self.columns(emit(level)).max() if scale is None else scale
        total = np.zeros(len(self.wavelength_nm))
        for _ in range(self.frames):
            total += self._frame(self.columns(emit(level * (1 + self.jitter * self.draw.normal())), analyser) * chosen) - self.dark
        mean = total / self.frames
        noise = READ_E**2 + 1.0 + self.gain_e**2 / 12
        return mean / chosen, np.sqrt((np.maximum(mean, 0.0) + noise) / self.frames + noise / DARK_FRAMES) / chosen

    def series(self, emit: Emit, levels: np.ndarray) -> Spectra:
        """Take one spectrum per level."""
        taken = [self.take(emit, float(level)) for level in levels]
        return Spectra(np.asarray(levels, dtype=float), self.wavelength_nm, *map(np.array, zip(*taken, strict=True)))

    def _frame(self, electrons: np.ndarray) -> np.ndarray:
        if self.seed is None:
            return electrons
        return (self.chip.expose(electrons, self.readout, self.draw)[0].astype(float) - BIAS_COUNTS) * self.gain_e


def scrambled(emitted: Emission) -> Emission:
    """Give the same light unpolarised, so that the grating does not prefer a part of it."""
    lines = tuple(replace(line, polarisation=Polarisation()) for line in emitted.lines)
    return replace(emitted, polarisation=Polarisation(), lines=lines)


@dataclass(frozen=True)
class Histograms:
    """Decays of a series: abscissa (points,), counts (points, bins), the measured response, and the clockwork."""

    x: np.ndarray
    counts: np.ndarray
    irf: Measured
    timing: Timing


@dataclass(frozen=True)
class Counter:
    """A photon counter: period, bin and response in s; `bins` recorded of the period, all of it when None."""

    period_s: float
    bin_s: float
    irf_s: float
    bins: int | None = None

    @property
    def edges_s(self) -> np.ndarray:
        """Give the edges of the bins over the whole period."""
        return np.linspace(0.0, self.period_s, round(self.period_s / self.bin_s) + 1)

    def histogram(self, fading: Decay, counts: float, draw: np.random.Generator, wavelength_nm: float = counting.COLOUR_ZERO_NM,
                  rate_hz: float = 0.0) -> np.ndarray:
        """Count `counts` photons on average over a period, (bins,)."""
        start, response = START_S + counting.arrival_s(wavelength_nm, rate_hz), counting.Response(self.irf_s)
        light = counting.incident(self.edges_s, fading, response, self.period_s, start_s=start, rate_hz=rate_hz)
        return draw.poisson(counts * light / fading.photons).astype(float)[:self.bins]

    def take(self, fadings: list[Decay], counts: list[float], seed: int, x: np.ndarray, wavelength_nm: float = 530.0) -> Histograms:
        """Measure the response on scattered pump light, then one histogram per decay."""
        draw = np.random.default_rng(seed)
        prompt = self.histogram(PROMPT, IRF_COUNTS, draw)
        taken = [self.histogram(fading, count, draw, wavelength_nm) for fading, count in zip(fadings, counts, strict=True)]
        bin_ps = self.bin_s * 1e12
        return Histograms(x, np.array(taken), Measured(prompt / prompt.sum(), bin_ps), Timing(bin_ps, self.period_s * 1e12))
