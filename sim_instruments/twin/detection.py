"""The CCD: electrons per column to counts, with everything a real chip adds.

Figures are for a Newton DU920P-like chip and unverified.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sim_instruments.twin.elements import CcdReadout
from sim_instruments.twin.noise import frozen
from sim_instruments.twin.units import FWHM_PER_SD

TRACK_FWHM_ROWS = 12.0             # height of the spectrum on the chip
DARK_E_S = 0.002                   # per pixel at −80 °C
DARK_DOUBLING_K = 6.5
HOT_PART, HOT_SCALE = 0.002, 30.0
FLAT_SD = 0.004
PATTERN_COUNTS = 1.5
BIAS_COUNTS = 300.0
STRAY = 2e-4                       # of the mean light, spread over all columns
PIXEL_WELL_E, REGISTER_WELL_E = 300e3, 1e6
COMPRESSION, COMPRESSED_AT = 0.01, 0.8   # 1 % at 80 % of the well
COSMICS_S = 0.044                  # whole chip
COSMIC_E, COSMIC_SHARE = 3000.0, 0.17
GAUSSIAN_ABOVE = 1e4               # electrons
HIGHEST_COUNT = 65535.0


def quantum_efficiency(wavelength_nm: np.ndarray) -> np.ndarray:
    """Give the quantum efficiency of a back-illuminated visible chip."""
    return 0.95 * np.exp(-((wavelength_nm - 550.0) ** 2) / (2.0 * 260.0**2))


def dark_rate_e_s(temperature_c: float) -> float:
    """Give the dark current of one pixel, doubling every 6.5 K."""
    return DARK_E_S * 2.0 ** ((temperature_c + 80.0) / DARK_DOUBLING_K)


@dataclass
class Chip:
    """One chip with its frozen flaws; `ideal` has none."""

    columns: int
    rows: int
    bench_seed: int
    device: str
    ideal: bool = False
    _sums: dict[tuple[int, int], tuple[np.ndarray, np.ndarray, np.ndarray]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = (self.rows, self.columns)
        row = np.arange(self.rows) - (self.rows - 1) / 2.0
        profile = np.exp(-(row**2) / (2.0 * (TRACK_FWHM_ROWS / FWHM_PER_SD) ** 2))
        self.profile = profile / profile.sum()
        self.flat = np.ones(shape)
        self.dark = np.ones(shape)
        self.pattern = np.zeros(self.columns)
        if not self.ideal:
            self.flat += FLAT_SD * frozen(self.bench_seed, self.device, "flat").normal(size=shape)
            hot = frozen(self.bench_seed, self.device, "hot")
            self.dark += np.where(hot.random(shape) < HOT_PART, hot.exponential(HOT_SCALE, shape), 0.0)
            self.pattern = PATTERN_COUNTS * frozen(self.bench_seed, self.device, "pattern").normal(size=self.columns)

    def tracks(self, readout: CcdReadout) -> tuple[tuple[int, int], ...]:
        """Give the groups of rows (first, last) that are summed into one line of the frame."""
        if readout.mode == "tracks":
            return readout.tracks
        first, last = readout.rows
        if readout.mode == "image":
            height = readout.binning[1]
            return tuple((row, row + height - 1) for row in range(first, last + 2 - height, height))
        return (readout.rows,)

    def expose(self, light_e: np.ndarray, readout: CcdReadout, draw: np.random.Generator,
               smear_e: np.ndarray | float = 0.0) -> np.ndarray:
        """Give one frame of counts, uint16, shape (tracks, columns / horizontal binning).

        `light_e` is the expected number of photo-electrons per column over the whole height of the chip; `smear_e` those that fall
        while the rows are shifted: every row passes under the light once, so they spread evenly over the rows.
        """
        tracks = self.tracks(readout)
        seconds = readout.exposure_s + readout.shift_s
        light = light_e + STRAY * float(light_e.mean())
        profile = self._profile(light) if len(tracks) > 1 else None
        dark = dark_rate_e_s(readout.temperature_c) * seconds
        frame = np.empty((len(tracks), self.columns))
        for number, track in enumerate(tracks):
            flat, dark_sum, even = self._track(track)
            share = flat if profile is None else (profile[track[0]:track[1] + 1] * self.flat[track[0]:track[1] + 1]).sum(axis=0)
            frame[number] = _poisson(light * share + smear_e * even + dark * dark_sum, draw)
        if profile is None:
            self._compress(frame[0], light)
        self._add_cosmics(frame, tracks, seconds, draw)
        first, last = readout.columns or (0, self.columns - 1)
        width = readout.binning[0]
        stop = first + (last + 1 - first) // width * width
        return self._digitise(frame[:, first:stop].reshape(len(frame), -1, width).sum(axis=2), first, readout, draw)

    def _track(self, track: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Give the part of the light, the dark-current pixels and the part of even light that a track collects, per column."""
        if track not in self._sums:
            if len(self._sums) > 600:
                self._sums.clear()
            rows = slice(track[0], track[1] + 1)
            self._sums[track] = (self.profile[rows] @ self.flat[rows], self.dark[rows].sum(axis=0),
                                 self.flat[rows].sum(axis=0) / self.rows)
        return self._sums[track]

    def _profile(self, light: np.ndarray) -> np.ndarray | None:
        """Give the vertical profile of every column once wells overflow; None while none does.

        What a full pixel cannot hold spreads along its column (blooming): the profile is scaled up and cut off at the well until it
        holds the charge, so a block of full pixels grows from the middle. Charge is conserved until the column is full.
        """
        overflowing = light * float(self.profile.max()) > PIXEL_WELL_E
        if not overflowing.any():
            return None
        charge = np.outer(self.profile, light)
        wanted = np.minimum(light[overflowing], self.rows * PIXEL_WELL_E * 0.999)
        logarithm = np.log(self.profile)[:, None]
        low, high = np.zeros(len(wanted)), np.full(len(wanted), np.log(PIXEL_WELL_E) - float(logarithm.min()))
        for _ in range(40):
            middle = (low + high) / 2.0
            too_little = np.exp(np.minimum(logarithm + middle, np.log(PIXEL_WELL_E))).sum(axis=0) < wanted
            low, high = np.where(too_little, middle, low), np.where(too_little, high, middle)
        charge[:, overflowing] = np.exp(np.minimum(logarithm + high, np.log(PIXEL_WELL_E)))
        return charge / np.maximum(light, 1e-30)

    def _compress(self, electrons: np.ndarray, light: np.ndarray) -> None:
        """Bend the response of well-filled pixels, in place."""
        peak = float(self.profile.max())
        bright = light * peak > 0.1 * PIXEL_WELL_E
        if bright.any():
            fill = np.minimum(np.outer(self.profile, light[bright]) / (COMPRESSED_AT * PIXEL_WELL_E), 1.0 / COMPRESSED_AT)
            electrons[bright] *= 1.0 - COMPRESSION * (self.profile @ fill**2)

    def _add_cosmics(self, frame: np.ndarray, tracks: tuple[tuple[int, int], ...], seconds: float,
                     draw: np.random.Generator) -> None:
        for _ in range(draw.poisson(COSMICS_S * seconds)):
            row, column = int(draw.integers(self.rows)), int(draw.integers(self.columns))
            charge = draw.exponential(COSMIC_E)
            for number, (first, last) in enumerate(tracks):
                if first <= row <= last:
                    frame[number, column] += charge * (1.0 - COSMIC_SHARE)
                    if column + 1 < self.columns:
                        frame[number, column + 1] += charge * COSMIC_SHARE

    def _digitise(self, electrons: np.ndarray, first: int, readout: CcdReadout, draw: np.random.Generator) -> np.ndarray:
        held = np.minimum(electrons, REGISTER_WELL_E) + readout.read_noise_e * draw.normal(size=electrons.shape)
        pattern = self.pattern[first : first + electrons.shape[1]]
        counts = np.rint(held / readout.gain_e_per_count + BIAS_COUNTS + pattern)
        return np.clip(counts, 0.0, HIGHEST_COUNT).astype(np.uint16)


def _poisson(mean: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Draw numbers of electrons: Poisson, its Gaussian limit above 1e4."""
    many = mean > GAUSSIAN_ABOVE
    counts = draw.poisson(np.where(many, 0.0, mean)).astype(float)
    if many.any():
        counts[many] = np.rint(mean[many] + np.sqrt(mean[many]) * draw.normal(size=int(many.sum())))
    return counts
