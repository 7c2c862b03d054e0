"""NKT Photonics SuperK EXTREME and FIANIUM supercontinuum lasers (module types 60h and 88h) on the Interbus.

Registers after the vendor's register lists "Module type 60" and "Module type 88".
"""

from __future__ import annotations

from typing import Any, ClassVar

from drivers.device import Device, within
from drivers.interbus import InterbusModule, RegisterRefused
from drivers.nkt_filters import SuperKSelect, SuperKVaria
from labctl.core.errors import InstrumentError, Interlocked
from labctl.core.instrument import ActionSpec, AxisSpec, Identity, Meter, Readout

__all__ = ["SuperKLaser", "SuperKSelect", "SuperKVaria"]

EMISSION_OFF, EMISSION_ON = 0, 3     # register 30h; other values are seen while it switches
STATUS_EMISSION = 1 << 0
STATUS_INTERLOCK_OFF = 1 << 1
SETUPS = {"constant current": 0, "constant power": 1, "external current": 2, "external power": 3, "external feedback": 4}
INTERLOCK_CAUSES = {1: "key switch or front panel", 2: "door", 3: "external module", 4: "application", 5: "internal fault",
                    6: "power failure", 7: "disabled by its source", 255: "circuit failure"}
OFF_LIMIT_S = 5.0            # unverified: a FIANIUM may take seconds to switch off
ON_LIMIT_S = 20.0            # unverified
WATCHDOG_S = 10              # seconds without traffic after which an armed laser cuts its emission


class InterlockOpen(Interlocked):
    """The laser's interlock is open: it will not emit."""


class SuperKLaser(InterbusModule):
    """Supercontinuum laser; `repetition_rate_hz` is the data-sheet rate before the pulse picker, which no register tells."""

    TYPES: ClassVar = {0x60: "SuperK EXTREME", 0x88: "SuperK FIANIUM"}
    axes: ClassVar = {
        "power": AxisSpec("%", (0.0, 100.0), read="level", start="start_level", illuminates=True, tolerance=0.1,
                          long_name="Laser power level"),
    }
    actions: ClassVar = {
        "emission_on": ActionSpec("start_emission", "emission_starting", "switch emission on", ON_LIMIT_S),
        "emission_off": ActionSpec("emission_off", None, "switch emission off", OFF_LIMIT_S),
        "reset_interlock": ActionSpec("reset_interlock", None, "reset the interlock"),
    }
    panel: ClassVar = [Readout("Emission", "emission"), Meter("Level", "level", "%", 0.0, 100.0),
                       Readout("Interlock", "interlock"), Readout("Inlet temperature", "inlet_temperature", "°C")]

    def __init__(self, port: Any, *, clock: Any, name: str, address: int = 15, repetition_rate_hz: float = 78e6, **connection: Any):
        if not repetition_rate_hz > 0:
            raise InstrumentError(name, f"the option repetition_rate_hz is {repetition_rate_hz}; it must be above 0.",
                                  remedy="Correct it in the bench file.")
        self._full_rate_hz = float(repetition_rate_hz)
        super().__init__(port, clock=clock, name=name, address=address, **connection)

    emission_register = Device.control(
        "30 u8", "30 u8 %d", """Control the emission register (int): 0 off, 3 on, other values while it switches.""",
        **within((0, 3), ""), cast=int)
    level = Device.control(
        "37 u16", "37 u16 %d", """Control the power level in percent (float, 0 to 100, steps of 0.1).""",
        **within((0.0, 100.0), "%"), set_process=lambda percent: round(percent * 10), get_process=lambda value: value / 10)
    current_level = Device.control(
        "38 u16", "38 u16 %d", """Control the current level in percent (float, 0 to 100), for the setup "constant current".""",
        **within((0.0, 100.0), "%"), set_process=lambda percent: round(percent * 10), get_process=lambda value: value / 10)
    picker = Device.control(
        "34 u16", "34 u16 %d", """Control the divide ratio of the pulse picker (int).""", **within((1, 65535), ""), cast=int)
    watchdog_s = Device.control(
        "36 u8", "36 u8 %d", """Control the seconds without traffic after which emission is cut (int, 0 to 255; 0 never).""",
        **within((0, 255), "s"), cast=int)
    trigger_delay_ns = Device.control(
        "39 u16", "39 u16 %d", """Control the delay of the NIM trigger in ns (float, 0 to 9.2, steps of about 9 ps).""",
        **within((0.0, 9.2), "ns"), set_process=lambda ns: round(ns / 9.2 * 1023), get_process=lambda step: step * 9.2 / 1023)
    inlet_temperature = Device.measurement("11 i16", """The inlet temperature in °C (float).""",
                                           get_process=lambda value: value / 10)
    interlock_word = Device.measurement(
        "32 u16", """The interlock (int): low byte 0 open, 1 waiting for reset, 2 good; high byte the cause.""", cast=int)

    @property
    def setup(self) -> str:
        """How the output is regulated, by name (register 31h)."""
        number = int(self.values("31 u16")[0])
        return next((name for name, value in SETUPS.items() if value == number), f"unknown setup {number}")

    @property
    def emission(self) -> bool:
        """True unless both the emission register and the status say that no light is emitted."""
        return self.emission_register != EMISSION_OFF or bool(self.status_bits & STATUS_EMISSION)

    @property
    def interlock(self) -> str:
        """The interlock in words: "closed", "waiting for reset", or "open (cause)"."""
        word = self.interlock_word
        state, cause = word & 0xFF, word >> 8
        if state == 2:
            return "closed"
        return "waiting for reset" if state == 1 else f"open ({INTERLOCK_CAUSES.get(cause, f'cause {cause}')})"

    @property
    def interlock_tripped(self) -> bool:
        """True unless the interlock is closed and reset: without it there is no light."""
        return self.interlock != "closed"

    @property
    def repetition_rate_hz(self) -> float:
        """Pulses per second after the pulse picker."""
        return self._full_rate_hz / max(self.picker, 1)

    # ------------------------------------------------------------ commands
    def start_level(self, percent: float) -> None:
        """Set the power level; the laser follows within a reading."""
        self.level = percent

    def start_emission(self) -> None:
        """Switch emission on; raises InterlockOpen if the laser would refuse. Ask `emission_starting` for its end."""
        if self.interlock != "closed":
            raise InterlockOpen(self.name, f"the interlock is {self.interlock}.", state="no emission",
                                remedy="Close the interlock, then reset it ('reset_interlock').")
        self.emission_register = EMISSION_ON

    @property
    def emission_starting(self) -> bool:
        """True while emission is on its way up."""
        return self.emission_register != EMISSION_ON or not self.status_bits & STATUS_EMISSION

    def emission_off(self) -> None:
        """Switch emission off and wait until register and status confirm it; raises InstrumentError if they do not."""
        self.emission_register = EMISSION_OFF
        give_up = self.clock.now() + OFF_LIMIT_S
        while self.emission:
            if self.clock.now() > give_up:
                raise InstrumentError(self.name, f"emission is not confirmed off after {OFF_LIMIT_S:g} s.", state="EMITTING",
                                      remedy="Turn the key switch off.")
            self.clock.wait(0.1)

    def reset_interlock(self) -> None:
        """Reset a closed interlock that waits for it (write 1 to register 32h); raises InterlockOpen if it stays open.

        The register reads back its state, not what was written, so a lost acknowledgement is judged by the state.
        """
        self.port.write(self.address, 0x32, b"\x01", self.name, carried_out=lambda: self.interlock == "closed")
        if self.interlock != "closed":
            raise InterlockOpen(self.name, f"the interlock is {self.interlock} after its reset.", state="no emission",
                                remedy="Look for the open contact.")

    # ------------------------------------------------------------ the traffic watchdog, armed while a run holds the bench
    def arm_watchdog(self) -> None:
        """Let the laser cut its emission when it hears nothing for 10 s."""
        self.watchdog_s = WATCHDOG_S

    def keep_alive(self) -> None:
        """Say something, so that the watchdog does not bite."""
        self.status_bits   # noqa: B018  reading is the point

    def disarm_watchdog(self) -> None:
        """Let the laser stay on without traffic (a warm bench between runs)."""
        self.watchdog_s = 0

    # ------------------------------------------------------------ what every driver offers
    def identify(self) -> Identity:
        """Ask type, serial number and firmware; raises WrongDevice."""
        model = self.model()
        if self._system_type() == 1:
            model = "SuperK FIANIUM"
        return Identity("NKT Photonics", model, self.serial_number, self.firmware)

    def _system_type(self) -> int:
        """Give 0 for EXTREME, 1 for FIANIUM; units too old for the register are EXTREMEs."""
        try:
            return int(self.values("6B u8")[0])
        except RegisterRefused:
            return 0

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        return {"emission": self.emission, "level_percent": self.level, "setup": self.setup, "pulse_picker": self.picker,
                "repetition_rate_hz": self.repetition_rate_hz, "watchdog_s": self.watchdog_s, "interlock": self.interlock,
                "inlet_temperature_c": self.inlet_temperature, "status_bits": self.status_bits}

    def make_safe(self) -> None:
        """Switch emission off, confirmed."""
        self.emission_off()
