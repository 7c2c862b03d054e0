"""NKT Photonics tunable filters on the Interbus: SuperK SELECT (acousto-optic, with an RF driver) and SuperK VARIA (two edges).

Registers after the vendor's register lists "Module type 66", "67" and "68". Wavelengths are on the devices' scale, taken as in air.
"""

from __future__ import annotations

from typing import Any, ClassVar

from drivers.device import Device, check_limits, option, within
from drivers.interbus import InterbusModule
from labctl.core.errors import DeviceFault, InstrumentError
from labctl.core.instrument import AxisSpec, Identity, Readout

# ------------------------------------------------------------------ SELECT
RF_DRIVER_ADDRESS = 6        # unverified: the RF driver's factory address; the bench file can name another
SELECT_TYPE = 0x67
RF_TIMEOUT = 1 << 13
CRYSTAL_UNKNOWN = 1 << 14
SETTLE_S = 0.02              # unverified: a few acoustic transit times and the driver's own work


class RadioFrequencyFault(DeviceFault):
    """The RF driver reports a timeout of its synthesiser or does not know its crystal."""


class SuperKSelect(InterbusModule):
    """One line of a SuperK SELECT, tuned by its RF driver (type 66h).

    `channel` (0 to 7) is the line used, the other seven are switched off; `amplitude` its RF amplitude in percent;
    `select_address` names the SELECT itself (type 67h) if its own settings should be recorded.
    """

    TYPES: ClassVar = {0x66: "SuperK SELECT RF driver"}
    axes: ClassVar = {
        "centre": AxisSpec("nm", read="centre", start="start_centre", illuminates=True, tolerance=0.002,
                           long_name="Centre of the filter (air)"),
    }
    panel: ClassVar = [Readout("Centre", "centre", "nm"), Readout("Amplitude", "amplitude", "%"), Readout("RF", "rf_on")]

    def __init__(self, port: Any, *, clock: Any, name: str, address: int = RF_DRIVER_ADDRESS, channel: int = 0,
                 amplitude: float = 100.0, select_address: int | None = None, **connection: Any):
        super().__init__(port, clock=clock, name=name, address=address, **connection)
        self.channel = option(name, "channel", channel, range(8))
        check_limits(name, "amplitude", amplitude, (0.0, 100.0), "%")
        self._amplitude = float(amplitude)
        self._select = None if select_address is None else InterbusModule(self.port, address=select_address, clock=clock, name=name)
        self._prepared = False
        self.centre_limits: tuple[float, float] | None = None

    rf_on = Device.control("30 u8", "30 u8 %d", """Control whether the RF is on (bool).""", cast=int, get_process=bool,
                           set_process=int)
    crystal_temperature = Device.measurement("38 i16", """The crystal's temperature in °C (float).""",
                                             get_process=lambda value: value / 10)
    crystal = Device.measurement("75 u8", """The crystal in use (int).""", cast=int)
    minimum = Device.measurement("34 u32", """The shortest wavelength of the crystal in nm (float).""",
                                 get_process=lambda picometres: picometres / 1000)
    maximum = Device.measurement("35 u32", """The longest wavelength of the crystal in nm (float).""",
                                 get_process=lambda picometres: picometres / 1000)

    @property
    def limits(self) -> tuple[float, float]:
        """The range of the crystal in nm, asked once."""
        if self.centre_limits is None:
            self.centre_limits = (self.minimum, self.maximum)
        return self.centre_limits

    @property
    def centre(self) -> float:
        """The wavelength of the channel in nm."""
        return self.values(f"{0x90 + self.channel:X} u32")[0] / 1000.0

    @property
    def amplitude(self) -> float:
        """The RF amplitude of the channel in percent."""
        return self.values(f"{0xB0 + self.channel:X} u16")[0] / 10.0

    def start_centre(self, wavelength_nm: float) -> None:
        """Tune the line; the crystal follows within milliseconds. Raises LimitError, RadioFrequencyFault."""
        check_limits(self.name, "centre", wavelength_nm, self.limits, "nm")
        self._prepare()
        self.write(f"{0x90 + self.channel:X} u32 {round(wavelength_nm * 1000)}")
        self._check_status()

    def _prepare(self) -> None:
        """Only this channel, at its amplitude, RF on: set once, and again when it has forgotten it (a power failure)."""
        own = int(self.values(f"{0xB0 + self.channel:X} u16")[0]) if self._prepared else None
        if own == round(self._amplitude * 10) and self.rf_on:
            return
        for channel in range(8):
            amplitude = round(self._amplitude * 10) if channel == self.channel else 0
            if int(self.values(f"{0xB0 + channel:X} u16")[0]) != amplitude:
                self.write(f"{0xB0 + channel:X} u16 {amplitude}")
        if not self.rf_on:
            self.rf_on = True
        self._prepared = True

    def _check_status(self) -> None:
        bits = self.status_bits
        if bits & (RF_TIMEOUT | CRYSTAL_UNKNOWN):
            what = "its synthesiser does not answer" if bits & RF_TIMEOUT else "it does not know its crystal"
            raise RadioFrequencyFault(self.name, f"the RF driver reports that {what}.", state="the line may stand anywhere",
                                      remedy="Check the cable between RF driver and SELECT; switch the RF driver off and on.")

    def eta(self, old: float, new: float) -> float:
        """Give the seconds of a move."""
        return SETTLE_S

    def identify(self) -> Identity:
        """Ask type, serial number and firmware, and learn the crystal's range; raises WrongDevice."""
        model = self.model()
        if self._select is not None and self._select.module_type != SELECT_TYPE:
            raise InstrumentError(self.name, f"the module at address {self._select.address} is no SELECT.",
                                  remedy="Correct the option select_address in the bench file.")
        self.centre_limits = (self.minimum, self.maximum)
        return Identity("NKT Photonics", model, self.serial_number, self.firmware)

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        found = {"centre_nm": self.centre, "channel": self.channel, "amplitude_percent": self.amplitude, "rf_on": self.rf_on,
                 "range_nm": list(self.limits), "crystal": self.crystal, "crystal_temperature_c": self.crystal_temperature}
        if self._select is not None:
            found |= {"select_serial": self._select.serial_number, "select_status_bits": self._select.status_bits}
        return found


# ------------------------------------------------------------------ VARIA
VARIA_RANGE_NM = (400.0, 840.0)      # unverified
BAND_RANGE_NM = (10.0, 100.0)        # unverified
EDGE_START_S, EDGE_S_PER_NM = 0.05, 0.013    # measured by others: 0.05 s, and about 77 nm/s
VARIA_MOVING = 1 << 12 | 1 << 13 | 1 << 14   # neutral density, upper edge, lower edge
VARIA_FAULT = 1 << 15
STEP_NM = 0.1


class VariaFault(DeviceFault):
    """The VARIA sets its error bit; `error_code` of the module tells which."""


def _nanometres(register: str, text: str) -> Any:
    return Device.control(f"{register} u16", f"{register} u16 %d", text, **within(VARIA_RANGE_NM, "nm"),
                          set_process=lambda nm: round(nm * 10), get_process=lambda value: value / 10)


class SuperKVaria(InterbusModule):
    """Two sliding edge filters. The edges are written in the order that keeps the upper above the lower one at every moment.

    `bandwidth_nm` is the width of the band when `centre` is moved; without it the present width is kept.
    """

    TYPES: ClassVar = {0x68: "SuperK VARIA"}
    axes: ClassVar = {
        "centre": AxisSpec("nm", (405.0, 835.0), read="centre", start="start_centre", eta="edge_eta", illuminates=True,
                           tolerance=STEP_NM, long_name="Centre of the band (air)"),
        "bandwidth": AxisSpec("nm", BAND_RANGE_NM, read="bandwidth", start="start_bandwidth", eta="edge_eta", illuminates=True,
                              tolerance=STEP_NM, long_name="Width of the band"),
        "lower": AxisSpec("nm", VARIA_RANGE_NM, read="lower", start="start_lower", eta="edge_eta", illuminates=True,
                          tolerance=STEP_NM / 2, long_name="Short-wavelength edge (air)"),
        "upper": AxisSpec("nm", VARIA_RANGE_NM, read="upper", start="start_upper", eta="edge_eta", illuminates=True,
                          tolerance=STEP_NM / 2, long_name="Long-wavelength edge (air)"),
    }
    panel: ClassVar = [Readout("Lower edge", "lower", "nm"), Readout("Upper edge", "upper", "nm"),
                       Readout("Transmission", "neutral_density", "%")]

    def __init__(self, port: Any, *, clock: Any, name: str, address: int = 16, bandwidth_nm: float | None = None,
                 **connection: Any):
        if bandwidth_nm is not None:
            check_limits(name, "bandwidth_nm", bandwidth_nm, BAND_RANGE_NM, "nm")
        self._width_nm = bandwidth_nm
        super().__init__(port, clock=clock, name=name, address=option(name, "address", address, range(16, 26)), **connection)

    upper = _nanometres("33", """The upper (long-wavelength) edge in nm (float, steps of 0.1); set it by `start_upper`.""")
    lower = _nanometres("34", """The lower (short-wavelength) edge in nm (float, steps of 0.1); set it by `start_lower`.""")
    neutral_density = Device.control(
        "32 u16", "32 u16 %d", """Control the neutral-density filter in percent (float, 0 to 100; 100 is full transmission).""",
        **within((0.0, 100.0), "%"), set_process=lambda percent: round(percent * 10), get_process=lambda value: value / 10)
    monitor = Device.measurement("13 u16", """The optional power monitor in percent (float).""",
                                 get_process=lambda value: value / 10)

    @property
    def centre(self) -> float:
        """The middle of the band in nm."""
        return (self.upper + self.lower) / 2

    @property
    def bandwidth(self) -> float:
        """The distance of the edges in nm."""
        return self.upper - self.lower

    @property
    def moving(self) -> bool:
        """True while a filter moves; raises VariaFault."""
        bits = self.status_bits
        if bits & VARIA_FAULT:
            raise VariaFault(self.name, f"it reports error {self.error_code}.", state="the edges may stand anywhere",
                             remedy="Switch it off and on; if it stays so, ask the vendor with this number.")
        return bool(bits & VARIA_MOVING)

    def start_centre(self, wavelength_nm: float) -> None:
        """Move the band, keeping its width or giving it the one of the bench file."""
        self._start_band(wavelength_nm, self.bandwidth if self._width_nm is None else self._width_nm)

    def start_bandwidth(self, width_nm: float) -> None:
        """Open or close the band around its centre; later moves of the centre keep this width."""
        self._start_band(self.centre, width_nm)
        self._width_nm = width_nm

    def _start_band(self, centre_nm: float, width_nm: float) -> None:
        """Round the lower edge and the width to the device's steps, so that the width does not wander from move to move."""
        width = round(width_nm, 1)
        lower = round(centre_nm - width / 2, 1)
        self.start_edges(lower, round(lower + width, 1))

    def start_lower(self, wavelength_nm: float) -> None:
        """Move the lower edge."""
        self.start_edges(wavelength_nm, self.upper)

    def start_upper(self, wavelength_nm: float) -> None:
        """Move the upper edge."""
        self.start_edges(self.lower, wavelength_nm)

    def start_edges(self, lower_nm: float, upper_nm: float) -> None:
        """Start both edges; raises LimitError before anything is sent.

        Upwards the upper edge is written first, downwards the lower one: an inverted band would pass light where none is meant.
        """
        check_limits(self.name, "lower edge", lower_nm, VARIA_RANGE_NM, "nm")
        check_limits(self.name, "upper edge", upper_nm, VARIA_RANGE_NM, "nm")
        check_limits(self.name, "bandwidth", round(upper_nm - lower_nm, 6), BAND_RANGE_NM, "nm")
        upwards = lower_nm + upper_nm > self.lower + self.upper
        if upwards:
            self.upper = upper_nm
        self.lower = lower_nm
        if not upwards:
            self.upper = upper_nm

    def edge_eta(self, old: float, new: float) -> float:
        """Give the seconds that the edges take over this distance."""
        return EDGE_START_S + EDGE_S_PER_NM * abs(new - old)

    def identify(self) -> Identity:
        """Ask type, serial number and firmware; raises WrongDevice."""
        return Identity("NKT Photonics", self.model(), self.serial_number, self.firmware)

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        return {"lower_nm": self.lower, "upper_nm": self.upper, "neutral_density_percent": self.neutral_density,
                "status_bits": self.status_bits}
