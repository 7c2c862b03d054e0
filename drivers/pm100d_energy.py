"""A pyroelectric energy head on a Thorlabs PM100D: the energy of single pulses (operation manual, SCPI commands, `MEAS:ENER?`).

For pulses that a photodiode cannot read: millijoules at 1 kHz, and the infrared beyond 1100 nm.
"""

from __future__ import annotations

from typing import Any, ClassVar

from drivers.pm100d import OVERRANGE_W, PM100D, OverRange
from drivers.scpi import number
from labctl.core.errors import BadReply, WrongDevice
from labctl.core.instrument import DetectorSpec, Identity, Meter, Readout

ENERGY_FLAG = 2          # of the six fields of SYST:SENS:IDN?, the last


class PM100DEnergy(PM100D):
    """Energy meter; energy in J per pulse at the wavelength it is told."""

    detectors: ClassVar = {"energy": DetectorSpec(signal="energy", unit="J", long_name="Energy of a pulse at the head")}
    actions: ClassVar = {}
    panel: ClassVar = [Meter("Energy", "energy", "J", 0.0, 1e-3), Readout("Wavelength", "wavelength", "nm")]

    @property
    def energy(self) -> float:
        """The energy of a pulse in J (float); raises OverRange."""
        reading = float(self.values("MEAS:ENER?", cast=number)[0])
        if abs(reading) > OVERRANGE_W or reading != reading:
            raise OverRange(self.name, "the energy is above its range.", state=f"it reads {reading:g}",
                            remedy="Choose a larger range (SENS:ENER:RANG), or attenuate the beam.")
        return reading

    def configure(self, exposure_s: float = 0.0) -> dict[str, float]:
        """Set averaging as the bench file wants; energy heads have no automatic range."""
        if self._averages is not None:
            self.averages = self._averages
        return {"settle_s": self.settle_s}

    def fetch(self) -> dict[str, float]:
        """Take a reading."""
        return {"energy": self.energy}

    def identify(self) -> Identity:
        """Ask meter and head; raises WrongDevice if the head measures no energy."""
        identity = super().identify()
        flags = self.sensor.split(",")[-1].strip()
        if not flags.isdigit():
            raise BadReply(self.name, f"the head's description ends in {flags!r}, not in its flags.", state="nothing was changed",
                           remedy="Plug the head in again.")
        if not int(flags) & ENERGY_FLAG:
            raise WrongDevice(self.name, f"its head ({identity.model}) measures no energy.", state="nothing was changed",
                              remedy="Plug an energy head in, or use the driver pm100d.")
        return identity

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        return {"wavelength_nm": self.wavelength, "averages": self.averages, "sensor": self.sensor}
