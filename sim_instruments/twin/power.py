"""The power-meter head: what it shows is not quite what falls on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sim_instruments.twin.noise import Wander

RESPONSE_S = 0.5
RELATIVE_NOISE = 0.005             # of one sample
ABSOLUTE_NOISE_W = 10e-9
ZERO_SD_W, ZERO_TAU_S = 20e-9, 3600.0
ENERGY_NOISE_J = 10e-9             # of one pulse, on a pyroelectric head
RESPONSIVITY_PER_NM = 0.0025       # rise of the photodiode's responsivity with wavelength


@dataclass
class Head:
    """State of one head: calibration error (frozen), wandering zero, thermal or electronic lag."""

    gain: float
    drift: Wander
    zero_w: float = 0.0
    shown_w: float = 0.0

    def feel(self, power_w: float, seconds: float) -> None:
        """Follow `power_w` for `seconds` with the head's response time."""
        self.shown_w += (power_w - self.shown_w) * -np.expm1(-seconds / RESPONSE_S)

    def read(self, light_nm: float, set_nm: float, averages: int, now: float, draw: np.random.Generator) -> float:
        """Give a reading in W; `light_nm` is the light's mean wavelength, `set_nm` what the meter believes."""
        offset = self.drift.advance(now, draw) - self.zero_w
        samples = np.sqrt(max(averages, 1))
        response = self.gain * np.exp(RESPONSIVITY_PER_NM * (light_nm - set_nm)) if light_nm > 0.0 and set_nm > 0.0 else self.gain
        noise = self.shown_w * RELATIVE_NOISE / samples * draw.normal() + ABSOLUTE_NOISE_W / samples * draw.normal()
        return float(self.shown_w * response + noise + offset)


    def read_pulse(self, joules: float, averages: int, scatter: float, draw: np.random.Generator) -> float:
        """Give the mean energy of pulses in J; a pyroelectric head follows each and sees all wavelengths alike."""
        pulses = np.sqrt(max(averages, 1))
        return float(joules * self.gain * (1.0 + scatter / pulses * draw.normal()) + ENERGY_NOISE_J / pulses * draw.normal())


def make_head(draw: np.random.Generator, now: float, ideal: bool) -> Head:
    """Make a head with the calibration error (3 %) and zero that its bench was dealt."""
    if ideal:
        return Head(1.0, Wander(0.0, ZERO_TAU_S, 0.0, now))
    gain = 1.0 + 0.03 * draw.normal()
    return Head(float(gain), Wander(ZERO_SD_W, ZERO_TAU_S, float(ZERO_SD_W * draw.normal()), now))
