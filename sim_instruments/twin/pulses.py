"""Pulses differ: how many fall into an exposure, and how much light each makes when light does not follow the pump evenly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

JITTER = 0.01                      # rms of the energy of one pulse
SINGLY = 200.0                     # expected pulses below which each is drawn
EACH_ITS_OWN = 32.0                # expected pulses below which a sample with random modes answers each with other ones
PROBE = 3.0 * JITTER               # at which the response to a change of energy is asked for


def number(expected: float, draw: np.random.Generator) -> int:
    """Draw how many pulses of a free-running laser an exposure holds: the whole numbers around the expected one."""
    return int(np.floor(expected + draw.random()))


def light_factor(expected: float, draw: np.random.Generator,
                 spectrum: Callable[[float], np.ndarray] | None = None) -> np.ndarray | float:
    """Give the light of an exposure relative to the same number of average pulses.

    `spectrum` gives the light of an average pulse whose energy is scaled, one value per column. With it, fewer than 200 pulses are
    drawn singly and each makes its own light (to second order in its energy); else the mean energy scatters by 1 %/√n.
    """
    if expected <= 0.0:
        return 1.0
    pulses = number(expected, draw)
    if pulses == 0:
        return 0.0
    if spectrum is None or expected >= SINGLY:
        return float(max(pulses / expected * (1.0 + JITTER / np.sqrt(pulses) * draw.normal()), 0.0))
    energy = JITTER * draw.normal(size=pulses)
    low, plain, high = (spectrum(1.0 + change) for change in (-PROBE, 0.0, PROBE))
    safe = np.where(plain > 0.0, plain, 1.0)
    rise, bend = (high - low) / (2.0 * PROBE * safe), (high + low - 2.0 * plain) / (2.0 * PROBE**2 * safe)
    total = pulses + rise * float(energy.sum()) + bend * float(np.sum(energy**2))
    return np.maximum(np.where(plain > 0.0, total, pulses) / expected, 0.0)


def shots_factor(expected: float, draw: np.random.Generator, spectrum: Callable[[float, int | None], np.ndarray]) -> np.ndarray:
    """Give the same for a sample whose random modes weigh differently in every shot.

    `spectrum` gives the light of one pulse by its relative energy and its number; None: the sample's own modes, which longer
    exposures show.
    """
    total, plain = np.zeros(1), spectrum(1.0, None)
    for shot in draw.integers(2**31, size=number(expected, draw)):
        total = total + spectrum(1.0 + JITTER * draw.normal(), int(shot))
    return np.where(plain > 0.0, total / np.where(plain > 0.0, plain, 1.0), 0.0) / expected
