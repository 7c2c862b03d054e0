"""Modal gain of a film of nanocrystals by state filling, with two-fold degenerate band edges."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim_instruments.twin.excitation import emission_fwhm_ev, exciton_ev
from sim_instruments.twin.record import Lines, Sample
from sim_instruments.twin.units import FWHM_PER_SD


def modal_gain(energy_ev: Any, occupation: np.ndarray, sample: Sample, *, temperature_k: float, active: float = 1.0,
               loss_cm: Any | None = None) -> np.ndarray:
    """Give the net gain in cm⁻¹ at photon energies in eV for occupations P_0, P_1, ... (node-averaged).

    g = a A0/2 {(1−f)[2 P2 G(X−XX) + P1 (G(X) − Ga(A−XX)) − 2 P0 Ga(A)] + f[P1 G(X−T) + 2 P2 G(X−XX) − P0 Ga(A−T)]} − α, with
    P2 = 1 − P0 − P1, unit-height Gaussians G (emission width) and Ga (absorption width). All lines on one energy give transparency
    at e^N = 2 + N (neutral) and 2 e^N = 3 + N (charged). `loss_cm` replaces the record's α (the loss of each mode of a cavity).
    """
    return filled_gain(gain_shapes(energy_ev, sample.lines, temperature_k), occupation, sample, active, loss_cm)


def filled_gain(shapes: np.ndarray, occupation: np.ndarray, sample: Sample, active: float = 1.0,
                loss_cm: Any | None = None, charged: np.ndarray | None = None) -> np.ndarray:
    """Give the net gain in cm⁻¹ from shapes computed before, which change only with the temperature.

    `charged` are the occupations of charged crystals where they differ from those of neutral ones.
    """
    loss = sample.gain.loss_cm if loss_cm is None else loss_cm
    weights = _filling(occupation, occupation if charged is None else charged, sample)
    return active * sample.gain.strength_cm / 2.0 * (weights @ shapes) - loss


def gain_shapes(energy_ev: Any, lines: Lines, temperature_k: float) -> np.ndarray:
    """Give the six unit-height Gaussians the gain is made of, (6, ...).

    Emission at X − XX, X, X − T; absorption at A, A − XX, A − T.
    """
    exciton = exciton_ev(lines, temperature_k)
    absorbing = exciton + lines.stokes_shift_ev
    emitted = emission_fwhm_ev(lines, temperature_k) / FWHM_PER_SD
    absorbed = lines.relative_absorption_width * emitted
    centres = np.array([exciton - lines.biexciton_shift_ev, exciton, exciton - lines.trion_shift_ev,
                        absorbing, absorbing - lines.biexciton_shift_ev, absorbing - lines.trion_shift_ev])
    widths = np.array([emitted] * 3 + [absorbed] * 3)
    energy = np.asarray(energy_ev, dtype=float)[..., None]
    return np.moveaxis(np.exp(-((energy - centres) ** 2) / (2.0 * widths**2)), -1, 0)


def _filling(occupation: np.ndarray, charged: np.ndarray, sample: Sample) -> np.ndarray:
    """Give the weight of each shape, by the states that are filled in neutral and in charged crystals."""
    share = sample.kinetics.charged_fraction
    empty, single, several = _levels(occupation, sample.gain.cascade)
    bare, trion, more = _levels(charged, sample.gain.cascade)
    rest = 1.0 - share
    return np.array([2.0 * (rest * several + share * more), rest * single, share * trion,
                     -2.0 * rest * empty, -rest * single, -share * bare])


def _levels(occupation: np.ndarray, cascade: bool) -> tuple[float, float, float]:
    """Give the crystals with none, one and several excitations; `cascade` counts those with several as with one."""
    empty, single = float(occupation[0]), float(occupation[1])
    return (empty, 1.0 - empty, 0.0) if cascade else (empty, single, 1.0 - empty - single)
