"""The modes of a cavity: those a record lists, the comb of a round resonator, or the random ones of a scattering film."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from sim_instruments.twin.record import Cavity, Disorder, Ring, Sample
from sim_instruments.twin.spectra import Polarisation, line_width_nm
from sim_instruments.twin.units import HC_EV_NM, LIGHT_CM_S, energy_ev

CM_PER_NM = 1e-7


@dataclass(frozen=True, eq=False)
class Comb:
    """Modes in rising order of wavelength; arrays (modes,). Compared and hashed by identity: made once per sample and spot.

    `weight` is each mode's part of β, `slot_ev` the spectral width from which spontaneous light falls into it, `fwhm_nm` the width
    of its line, `length_cm` how far light travels while there is gain, for `gain_time_s`.
    """

    energy_ev: np.ndarray
    weight: np.ndarray
    loss_cm: np.ndarray
    slot_ev: float
    fwhm_nm: np.ndarray
    length_cm: float
    gain_time_s: float
    polarisation: tuple[Polarisation, ...]

    @property
    def wavelength_nm(self) -> np.ndarray:
        """Vacuum wavelengths."""
        return energy_ev(self.energy_ev)


@lru_cache(maxsize=256)
def comb(sample: Sample, spot: int = 0, shot: int | None = None) -> Comb:
    """Give the modes of a sample with a cavity; those of a scattering film belong to a spot.

    With `shot` the weights of random modes are dealt anew for every shot on the same spot. ValueError without a cavity.
    """
    cavity = sample.cavity
    if cavity is None:
        raise ValueError(f"sample {sample.name} has no [cavity]")
    if sample.ring is not None:
        return _round(cavity, sample.ring)
    if sample.disorder is not None:
        return _random(cavity, sample.disorder, spot, shot)
    return _listed(cavity)


def mode_loss_cm(wavelength_nm: Any, quality: Any, cavity: Cavity) -> Any:
    """Give the loss that a quality factor means, 2π n/(λ Q), plus that of bending."""
    return 2.0 * np.pi * cavity.index / (wavelength_nm * CM_PER_NM * quality) + cavity.bending_loss_cm


def ring_wavelengths(cavity: Cavity, ring: Ring) -> np.ndarray:
    """Give the whispering-gallery wavelengths in nm within reach of the centre, rising: λ = π D n/(m + φ)."""
    path_nm = np.pi * ring.diameter_um * 1e3 * cavity.index
    reddest, bluest = ring.centre_nm + ring.reach_nm, ring.centre_nm - ring.reach_nm
    orders = np.arange(np.floor(path_nm / bluest - ring.phase), path_nm / reddest - ring.phase - 1.0, -1.0)
    wavelength = path_nm / (orders + ring.phase)
    return wavelength[np.abs(wavelength - ring.centre_nm) <= ring.reach_nm]


def random_modes(disorder: Disorder, quality: float, draw: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw wavelengths (nm, rising), qualities and weights; the order of the draws is part of the definition."""
    number, spread = int(disorder.number), disorder.quality_spread
    wavelength = np.sort(draw.uniform(disorder.centre_nm - disorder.reach_nm, disorder.centre_nm + disorder.reach_nm, number))
    qualities = quality * np.exp(spread * draw.normal(size=number) - spread**2)
    return wavelength, qualities, draw.exponential(size=number)


def spot_stream(disorder: Disorder, spot: int) -> np.random.Generator:
    """Give the stream from which the disorder of one spot is dealt."""
    return np.random.default_rng([int(disorder.seed), zlib.crc32(b"spot"), spot])


def assemble(cavity: Cavity, wavelength_nm: np.ndarray, quality: np.ndarray, weight: np.ndarray,
             polarisation: tuple[Polarisation, ...]) -> Comb:
    """Make a comb of modes at given wavelengths; slot and line width are the record's, or follow from the modes."""
    energy = energy_ev(wavelength_nm)
    slot = cavity.slot_ev
    if slot is None:
        if len(energy) < 2:
            raise ValueError("a cavity of one mode needs the width of its slot, w_m")
        slot = float(np.median(np.abs(np.diff(energy))))
    own = wavelength_nm / quality
    given = cavity.line_fwhm_ev
    fwhm = own if given is None else np.array([line_width_nm(float(centre), given) for centre in wavelength_nm])
    length = LIGHT_CM_S * cavity.gain_time_s / cavity.index
    return Comb(energy, weight, mode_loss_cm(wavelength_nm, quality, cavity), slot, fwhm, length, cavity.gain_time_s, polarisation)


def _listed(cavity: Cavity) -> Comb:
    wavelength = HC_EV_NM / np.array([mode.energy_ev for mode in cavity.modes])
    return assemble(cavity, wavelength, np.full(len(wavelength), cavity.quality), np.array([mode.weight for mode in cavity.modes]),
                    tuple(Polarisation(mode.polarisation, mode.angle_deg) for mode in cavity.modes))


def _round(cavity: Cavity, ring: Ring) -> Comb:
    wavelength = ring_wavelengths(cavity, ring)
    quality = cavity.quality + ring.quality_per_um * ring.diameter_um
    return assemble(cavity, wavelength, np.full(len(wavelength), quality), np.ones(len(wavelength)),
                    (Polarisation(ring.polarisation, ring.angle_deg),) * len(wavelength))


def _random(cavity: Cavity, disorder: Disorder, spot: int, shot: int | None) -> Comb:
    wavelength, quality, weight = random_modes(disorder, cavity.quality, spot_stream(disorder, spot))
    if shot is not None:
        again = np.random.default_rng([int(disorder.seed), zlib.crc32(b"shot"), spot, shot])
        weight = again.exponential(size=len(weight))
    return assemble(cavity, wavelength, quality, weight, (Polarisation(),) * len(wavelength))
