"""Modal gain of a film of nanocrystals by state filling, with two-fold degenerate band edges."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim_instruments.twin.excitation import emission_fwhm_ev, exciton_ev
from sim_instruments.twin.sample import Sample
from sim_instruments.twin.units import FWHM_PER_SD


def modal_gain(energy_ev: Any, occupation: np.ndarray, sample: Sample, *, temperature_k: float, active: float = 1.0,
               loss_cm: Any | None = None) -> np.ndarray:
    """Give the net gain in cm⁻¹ at photon energies in eV for occupations P_0, P_1, ... (node-averaged).

    g = a A0/2 {(1−f)[2 P2 G(X−XX) + P1 (G(X) − Ga(A−XX)) − 2 P0 Ga(A)] + f[P1 G(X−T) + 2 P2 G(X−XX) − P0 Ga(A−T)]} − α, with
    P2 = 1 − P0 − P1, unit-height Gaussians G (emission width) and Ga (absorption width). All lines on one energy give transparency
    at e^N = 2 + N (neutral) and 2 e^N = 3 + N (charged). `loss_cm` replaces the record's α (the loss of each mode of a cavity).
    """
    lines, charged = sample.lines, sample.kinetics.charged_fraction
    empty, single = float(occupation[0]), float(occupation[1])
    several = 1.0 - empty - single
    if sample.gain.cascade:
        single, several = single + several, 0.0
    exciton = exciton_ev(lines, temperature_k)
    absorbing = exciton + lines.stokes_shift_ev
    emitted = emission_fwhm_ev(lines, temperature_k) / FWHM_PER_SD
    absorbed = lines.relative_absorption_width * emitted
    energy = np.asarray(energy_ev, dtype=float)

    def emits(centre: float) -> np.ndarray:
        return np.exp(-((energy - centre) ** 2) / (2.0 * emitted**2))

    def absorbs(centre: float) -> np.ndarray:
        return np.exp(-((energy - centre) ** 2) / (2.0 * absorbed**2))

    biexciton = emits(exciton - lines.biexciton_shift_ev)
    neutral = (2.0 * several * biexciton + single * (emits(exciton) - absorbs(absorbing - lines.biexciton_shift_ev))
               - 2.0 * empty * absorbs(absorbing))
    total = (1.0 - charged) * neutral
    if charged > 0.0:
        total = total + charged * (single * emits(exciton - lines.trion_shift_ev) + 2.0 * several * biexciton
                                   - empty * absorbs(absorbing - lines.trion_shift_ev))
    loss = sample.gain.loss_cm if loss_cm is None else loss_cm
    return active * sample.gain.strength_cm / 2.0 * total - loss
