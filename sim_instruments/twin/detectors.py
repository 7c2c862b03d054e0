"""What the camera's columns and the photon counter get from one state of pump, detection and sample."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim_instruments.twin import probe
from sim_instruments.twin.counter_arm import Counted, CounterArm, fading
from sim_instruments.twin.detector_arm import DetectorArm
from sim_instruments.twin.emitters import emission
from sim_instruments.twin.lighting import Lighting
from sim_instruments.twin.pump import Beam
from sim_instruments.twin.specimen import Specimen, Standing
from sim_instruments.twin.units import ELECTRON_J, energy_ev

REMEMBERED = 64                    # states whose spectrum is not computed again
States = tuple[tuple[Any, ...], ...]


class OnDetectors:
    """Light of the sample, and what leaks past it, on the detectors of a bench; `level` is the source's over nominal."""

    def __init__(self, arm: DetectorArm, beam: Beam, lighting: Lighting, specimen: Specimen):
        self._arm, self._beam, self._lighting, self._specimen = arm, beam, lighting, specimen
        self._rates: dict[Any, np.ndarray] = {}
        self._counted: tuple[Any, Counted] | None = None

    def electrons_per_s(self, level: float, lit: tuple[States, tuple[Any, ...], Standing]) -> np.ndarray:
        """Give the photo-electrons per second in each column; the last few states are remembered."""
        key = (lit, level)
        if key not in self._rates:
            if len(self._rates) >= REMEMBERED:
                self._rates.clear()
            self._rates[key] = self.spectrum(level, *lit)
        return self._rates[key]

    def spectrum(self, level: float, states: States, seen: tuple[Any, ...], standing: Standing, energy: float = 1.0,
                 shot: int | None = None) -> np.ndarray:
        """Give the photo-electrons per second in each column for pulses of `energy` times the mean, or all like one shot."""
        level = level * energy
        emitted = self._lighting.emitted(states, standing, level, shot=shot)
        scattered = self._beam.density_w_nm(states, self._arm.seen_wavelengths(seen)) * level
        own = self._arm.electrons_per_s(seen, emitted, self._lighting.pulses_per_s) * standing.brightness
        return own + self._arm.leakage_per_s(seen, scattered)

    def probed_per_s(self, white: probe.Probe, states: States | None, standing: Standing, level: float, when: float) -> np.ndarray:
        """Give the photo-electrons per second that the probe's light adds; `states` of the pump, None when it is blocked."""
        occupied = None if states is None else self._lighting.emitted(states, standing, level, probe.filled)
        axes = self._specimen.axes
        delay_s = axes["delay"].at(when) * probe.S_PER_MM if "delay" in axes else 0.0
        columns = self._arm.seen_wavelengths(self._arm.state(when))
        return white.per_s(columns, occupied, delay_s, self._specimen.record(standing), standing.temperature_k)

    def counted(self, counter: CounterArm, states: States, standing: Standing, level: float, when: float) -> Counted:
        """Give the light on the photon counter; the same object while nothing changes."""
        centre_nm, slots = self._arm.centre_nm(when), self._arm.slots(when)
        key = (states, standing, level, centre_nm, slots)
        if self._counted is None or self._counted[0] != key:
            emitted, fades = (self._lighting.emitted(states, standing, level, law) for law in (emission, fading))
            scattered = self._beam.power_within_w(states, centre_nm, counter.bandwidth_nm) * level
            passed = float(self._arm.passed(centre_nm, slots))
            self._counted = key, counter.light(
                emitted, fades, centre_nm, self._lighting.pulses_per_s, standing.brightness * passed,
                scattered * passed / (energy_ev(centre_nm) * ELECTRON_J))
        return self._counted[1]
