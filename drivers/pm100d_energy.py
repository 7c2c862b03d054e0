"""A pyroelectric energy head on a Thorlabs PM100D: the energy of single pulses (operation manual, SCPI commands, `MEAS:ENER?`).

For pulses that a photodiode cannot read: microjoules and more, and the infrared beyond 1100 nm (1800 nm with germanium). The meter
answers with the next pulse that exceeds the trigger level, a percentage of the range.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from drivers.device import Device, check_limits, within
from drivers.pm100d import ENERGY_FLAG, OVERRANGE_W, PM100D, MeterError, OverRange, PM100DPort
from drivers.scpi import number
from labctl.core.instrument import DetectorSpec, Meter, Readout

NO_PULSE = 9.91e37             # unverified: SCPI's "not a number" instead of a reading
PULSES = (1, 10_000)
TRIGGER_PERCENT = (0.1, 100.0)     # unverified
PULSE_S = 0.02                 # for estimates: an exchange, longer than the time between pulses of most amplifiers


class NoPulse(MeterError):
    """No pulse has reached the trigger level."""


class EnergyPort(PM100DPort):
    """The connection; the meter waits for a pulse before it answers."""

    reply_timeout_s = 3.0          # unverified: longer than the meter waits


class PM100DEnergy(PM100D):
    """Energy meter; energy in J per pulse at the wavelength it is told.

    A reading is the median of `pulses` pulses, with their standard deviation. `range_j` is the largest energy that is expected
    (energy heads have no automatic range), `trigger_percent` of it the level at which a pulse counts.
    """

    Port = EnergyPort
    head_flag, head_word, other_driver = ENERGY_FLAG, "energy", "pm100d"
    detectors: ClassVar = {"energy": DetectorSpec(signal="energy", unit="J", long_name="Energy of a pulse at the head")}
    actions: ClassVar = {}
    panel: ClassVar = [Meter("Energy", "energy", "J", 0.0, 1e-3), Readout("Wavelength", "wavelength", "nm"),
                       Readout("Range", "range_j", "J"), Readout("Trigger level", "trigger_percent", "%")]

    range_j = Device.control("SENS:ENER:RANG?", "SENS:ENER:RANG %g", """Control the upper end of the range in J (float).""",
                             **within((0.0, 100.0), "J"), cast=number)
    largest_range_j = Device.measurement("SENS:ENER:RANG? MAX", """The head's largest range in J (float).""", cast=number)
    trigger_percent = Device.control("SENS:PEAK:THR?", "SENS:PEAK:THR %g",
                                     """Control the level at which a pulse counts, in % of the range (float, 0.1 to 100).""",
                                     **within(TRIGGER_PERCENT, "%"), cast=number)
    pulse_rate = Device.measurement("MEAS:FREQ?", """The pulses per second that the head sees (float).""", cast=number)

    def __init__(self, port: Any, *, clock: Any, name: str, pulses: int = 10, range_j: float | None = None,
                 trigger_percent: float | None = None, settle_s: float = 0.0, **connection: Any):
        super().__init__(port, clock=clock, name=name, settle_s=settle_s, **connection)
        check_limits(name, "pulses", pulses, PULSES, "")
        self.pulses = int(pulses)
        self._range_j, self._trigger_percent = range_j, trigger_percent
        self._taken: list[float] = []

    @property
    def energy(self) -> float:
        """The energy of a pulse in J (float); raises OverRange, NoPulse."""
        reading = float(self.values("MEAS:ENER?", cast=number)[0])
        if reading != reading or abs(reading / NO_PULSE - 1.0) < 1e-6:
            raise NoPulse(self.name, "no pulse reaches the trigger level.", state=f"level {self.trigger_percent:g} % of "
                          f"{self.range_j:g} J", remedy="Open the beam, choose a smaller range, or lower trigger_percent.")
        if abs(reading) > OVERRANGE_W:
            raise OverRange(self.name, "the energy is above its range.", state=f"range {self.range_j:g} J",
                            remedy="Choose a larger range_j, or attenuate the beam.")
        return reading

    def configure(self, exposure_s: float = 0.0) -> dict[str, float]:
        """Set range and trigger level as the bench file wants; single pulses are read, so the meter averages nothing."""
        if self.averages != 1:
            self.averages = 1
        if self._range_j is not None:
            check_limits(self.name, "range_j", self._range_j, (0.0, self.largest_range_j), "J")
            self.range_j = self._range_j
            if self.range_j < self._range_j * (1.0 - 1e-6):
                raise MeterError(self.name, f"it was told a range of {self._range_j:g} J and says {self.range_j:g} J.",
                                 state="readings may end too early", remedy="Check the head.")
        if self._trigger_percent is not None:
            self.trigger_percent = self._trigger_percent
        return {"settle_s": self.settle_s}

    def expose(self) -> None:
        """Begin to collect pulses."""
        self._taken = []

    @property
    def exposing(self) -> bool:
        """True until enough pulses have been read, one at each look."""
        if len(self._taken) < self.pulses:
            self._taken.append(self.energy)
        return len(self._taken) < self.pulses

    def fetch(self) -> dict[str, float]:
        """Give the median energy, its standard deviation from pulse to pulse (0 of a single one), and how many there were."""
        taken = np.array(self._taken or [self.energy])
        spread = float(taken.std(ddof=1)) if taken.size > 1 else 0.0
        return {"energy": float(np.median(taken)), "energy_sd": spread, "energy_pulses": float(taken.size)}

    def cost(self, exposure_s: float = 0.0) -> float:
        """Give the seconds of a reading."""
        return self.settle_s + self.pulses * PULSE_S

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        return {"wavelength_nm": self.wavelength, "range_j": self.range_j, "trigger_percent": self.trigger_percent,
                "pulses": self.pulses, "sensor": self.sensor}
