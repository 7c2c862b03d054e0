"""Thorlabs PM100D and PM101 power meters (SCPI over USB or a socket, lines ended by LF; operation manual, SCPI commands)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from drivers.device import Device, check_limits, within
from drivers.link import Port
from drivers.scpi import ScpiDevice, number
from labctl.core.errors import DeviceFault, WrongDevice
from labctl.core.instrument import ActionSpec, DetectorSpec, Identity, Meter, Readout

SETTLE_S = 3.5          # seven response times of a thermopile-like head (0.5 s, unverified): 0.1 % of a step is left
SAMPLE_S = 0.3e-3            # unverified: seconds for one averaged sample
ZERO_S = 5.0                 # unverified
OVERRANGE_W = 1e30           # SCPI's infinity (9.9E37) instead of a reading
POWER_FLAG, ENERGY_FLAG = 1, 2     # of the six fields of SYST:SENS:IDN?, the last
WAVELENGTH_STEP_NM = 0.5     # unverified: finest step of the wavelength correction


class MeterError(DeviceFault):
    """An entry of the meter's error queue (SYST:ERR?)."""


class NoSensor(DeviceFault):
    """No power head is connected."""


class OverRange(DeviceFault):
    """The power exceeds the range, or the head's maximum."""


class PM100DPort(Port):
    """The connection of a meter. A USB connection marks the ends of messages itself."""

    reply_timeout_s = 1.0
    cancel = b"\n*CLS\n"
    sync = ((b"*IDN?\n", b"Thorlabs"), (b"SYST:ERR?\n", b"rror"))


class PM100D(ScpiDevice):
    """Power meter with a photodiode head; power in W at the wavelength it is told."""

    Port = PM100DPort
    head_flag, head_word, other_driver = POWER_FLAG, "power", "pm100d_energy"
    Reported = MeterError
    refused_remedy = "Compare the head and the model with the bench file."
    detectors: ClassVar = {
        "power": DetectorSpec(signal="power", unit="W", long_name="Power at the head"),
    }
    actions: ClassVar = {"zero": ActionSpec("start_zero", "zeroing", "zero the power meter in the dark", ZERO_S)}
    panel: ClassVar = [Meter("Power", "power", "W", 0.0, 0.5), Readout("Wavelength", "wavelength", "nm"),
                       Readout("Averages", "averages")]

    wavelength_setting = Device.control("SENS:CORR:WAV?", "SENS:CORR:WAV %.10g",
                                        """Control the wavelength in nm (float), unchecked.""", cast=number)
    shortest_wavelength = Device.measurement("SENS:CORR:WAV? MIN", """The shortest wavelength of the head in nm (float).""",
                                             cast=number)
    longest_wavelength = Device.measurement("SENS:CORR:WAV? MAX", """The longest wavelength of the head in nm (float).""",
                                            cast=number)
    averages = Device.control("SENS:AVER:COUN?", "SENS:AVER:COUN %d", """Control how many samples are averaged (int, 1 to 3000).""",
                              **within((1, 3000), ""), cast=number, get_process=int)
    range_w = Device.control("SENS:POW:RANG?", "SENS:POW:RANG %g", """Control the upper end of the range in W (float).""",
                             **within((0.0, 1000.0), "W"), cast=number)
    auto_range = Device.control("SENS:POW:RANG:AUTO?", "SENS:POW:RANG:AUTO %d", """Control whether the range follows (bool).""",
                                get_process=bool, set_process=int)
    zero_magnitude = Device.measurement("SENS:CORR:COLL:ZERO:MAGN?", """What zeroing found, in the head's unit (float).""",
                                        cast=number)
    sensor = Device.measurement("SYST:SENS:IDN?", """The head's name, serial number, date, type and flags (str).""", cast=str)

    @property
    def wavelength(self) -> float:
        """Control the wavelength in nm for which the power is corrected (float, within the head's range)."""
        return self.wavelength_setting

    @wavelength.setter
    def wavelength(self, wavelength_nm: float) -> None:
        check_limits(self.name, "wavelength", wavelength_nm, self.wavelength_limits, "nm")
        self.wavelength_setting = wavelength_nm
        granted = self.wavelength_setting
        if abs(granted - wavelength_nm) > WAVELENGTH_STEP_NM:
            raise MeterError(self.name, f"it was told {wavelength_nm:g} nm and says {granted:g} nm.", state="readings are wrong",
                             remedy="Check the head.")

    @property
    def wavelength_limits(self) -> tuple[float, float]:
        """The range of the head in nm, asked once."""
        if self._limits is None:
            self._limits = (self.shortest_wavelength, self.longest_wavelength)
        return self._limits

    @property
    def power(self) -> float:
        """The power in W (float); raises OverRange, NoSensor."""
        reading = float(self.values("MEAS:POW?", cast=number)[0])
        if abs(reading) > OVERRANGE_W or reading != reading:
            raise OverRange(self.name, "the power is above its range.", state=f"it reads {reading:g}",
                            remedy="Switch 'auto_range' on, or attenuate the beam.")
        return reading

    def __init__(self, port: Any, *, clock: Any, name: str, averages: int | None = None, settle_s: float = SETTLE_S,
                 **connection: Any):
        self._limits: tuple[float, float] | None = None
        super().__init__(port, clock=clock, name=name, **connection)
        self._averages = averages
        self._reading = math.nan
        check_limits(name, "settle_s", settle_s, (0.0, 600.0), "s")
        self.settle_s = settle_s

    # ------------------------------------------------------------ detector and zeroing
    def configure(self, exposure_s: float = 0.0) -> dict[str, float]:
        """Set averaging and range as the bench file wants; a power meter has no exposure."""
        if self._averages is not None:
            self.averages = self._averages
        if not self.auto_range:
            self.auto_range = True
        return {"settle_s": self.settle_s}

    def expose(self) -> None:
        """Take a reading: a head behind the shutter sees light only now."""
        self._reading = self.power

    exposing = False

    def fetch(self) -> dict[str, float]:
        """Give the reading."""
        return {"power": self._reading}

    def abort(self) -> None:
        """Nothing can be ended early."""

    def cost(self, exposure_s: float = 0.0) -> float:
        """Give the seconds of a reading."""
        return self.settle_s + 0.01 + (self._averages or 1) * SAMPLE_S

    def start_zero(self) -> None:
        """Take the present reading as zero; the head has to be dark. Ask `zeroing` for the end."""
        self.write("SENS:CORR:COLL:ZERO:INIT")

    @property
    def zeroing(self) -> bool:
        """True while it zeroes."""
        return bool(float(self.values("SENS:CORR:COLL:ZERO:STAT?")[0]))

    # ------------------------------------------------------------ what every driver offers
    def identify(self) -> Identity:
        """Ask meter and head; the serial number joins both: a calibration belongs to the pair. Raises WrongDevice, NoSensor."""
        parts = [part.strip() for part in self.ask("*IDN?").split(",")]
        if len(parts) < 4 or "thorlabs" not in parts[0].lower() or not parts[1].startswith("PM"):
            raise WrongDevice(self.name, f"it calls itself {','.join(parts)!r}, which is no Thorlabs power meter.",
                              state="nothing was changed", remedy="Correct the resource in the bench file.")
        head = [part.strip().strip('"') for part in self.sensor.split(",")]
        if head[0].lower() == "no sensor":
            raise NoSensor(self.name, "no power head is connected.", state="it cannot measure", remedy="Plug the head in.")
        if head[-1].isdigit() and int(head[-1]) & (POWER_FLAG | ENERGY_FLAG) and not int(head[-1]) & self.head_flag:
            raise WrongDevice(self.name, f"its head ({head[0]}) measures no {self.head_word}.", state="nothing was changed",
                              remedy=f"Plug another head in, or use the driver {self.other_driver}.")
        serial = f"{parts[2]}+{head[1]}" if len(head) > 1 else parts[2]
        return Identity("Thorlabs", f"{parts[1]} with {head[0]}", serial, parts[3])

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        return {"wavelength_nm": self.wavelength, "averages": self.averages, "auto_range": self.auto_range, "range_w": self.range_w,
                "zero_magnitude": self.zero_magnitude, "sensor": self.sensor}
