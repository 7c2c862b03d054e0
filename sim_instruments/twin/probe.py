"""A white-light probe through the sample: what it leaves on the columns some picoseconds after the pump, or without it.

A line of its own beside the pump: it excites nothing, has a wheel that blocks it, and a thin film's length of sample to cross. Only
the bound exciton is in its absorption (state filling), nothing excited absorbs anew.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sim_instruments.twin.elements import FilterWheel
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.film import occupation
from sim_instruments.twin.populations import HIGHEST
from sim_instruments.twin.record import Sample
from sim_instruments.twin.transient import probed_gain

MIDDLE_NM, WIDTH_NM = 540.0, 120.0      # of the white light, Gaussian (standard deviation)
S_PER_MM = 2.0 * 1.00028 / 2.99792458e11        # of a delay line that the light passes twice
UNPUMPED = np.eye(1, HIGHEST + 1)[0]


def filled(pump: Pump, sample: Sample, temperature_k: float, active: float) -> np.ndarray:
    """Give the occupations where the fluence is the stated one: a law for `Lighting.emitted`."""
    return occupation(pump, sample, temperature_k)


class Probe:
    """The probe of a bench; `options` are those of the path's part of kind "probe"."""

    def __init__(self, wheel: FilterWheel, options: dict[str, Any]):
        self._wheel, self._passes = wheel, [float(value) for value in options["transmissions"]]
        self._length_cm, self._level = float(options["thickness_um"]) * 1e-4, float(options["electrons_per_s"])
        self._seen: dict[Any, np.ndarray] = {}

    def per_s(self, wavelength_nm: np.ndarray, occupied: np.ndarray | None, delay_s: float, sample: Sample,
              temperature_k: float) -> np.ndarray:
        """Give the photo-electrons per second of every column (vacuum nm); `occupied` None or a pulse still to come: no pump."""
        passed = self._passes[self._wheel.in_beam - 1]
        if passed <= 0.0:
            return np.zeros(len(wavelength_nm))
        early = occupied is None or delay_s < 0.0
        key = (float(wavelength_nm[0]), float(wavelength_nm[-1]), None if early else (occupied.tobytes(), round(delay_s, 16)),      # type: ignore[union-attr]
               sample.kinetics.charged_fraction, temperature_k)
        if key not in self._seen:
            if len(self._seen) > 64:
                self._seen.clear()
            gain = probed_gain(UNPUMPED if early else occupied, wavelength_nm, max(delay_s, 0.0),      # type: ignore[arg-type]
                               sample, temperature_k)
            white = self._level * np.exp(-0.5 * ((wavelength_nm - MIDDLE_NM) / WIDTH_NM) ** 2)
            self._seen[key] = white * np.exp(gain * self._length_cm)
        return passed * self._seen[key]
