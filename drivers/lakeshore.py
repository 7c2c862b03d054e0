"""Lake Shore 336 (TCP port 7777) and 335 (USB serial) temperature controllers: `sample.temperature`.

Commands are not acknowledged; every message therefore ends in `*ESR?`, whose answer says that it arrived and whether it was
understood, and proves by standing last that nothing of the answer before it was lost (336 user's manual, chapter 6; the vendor's
own client does the same). A move is a ramp of the set-point; when the sample has followed is for the bench to judge (settle, soak).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, ClassVar

from pyvisa.constants import Parity

from drivers.device import Device, check_limits, option
from drivers.line import damaged
from drivers.link import Port, Take
from labctl.core.errors import DeviceFault, InstrumentError, WrongDevice
from labctl.core.instrument import AxisSpec, Identity, Meter, Readout

PAUSE_S = 0.05                 # between two messages; unverified
TEMPERATURES = (0.3, 420.0)    # K; sensor and cryostat narrow it in the bench file
RAMPS = (0.1, 100.0)           # K/min
HEATER_RANGES = {"off": 0, "low": 1, "medium": 2, "high": 3}
SENSOR_BITS = {1: "invalid reading", 16: "below the sensor's range", 32: "above the sensor's range", 64: "no signal",
               128: "signal above the input's range"}
HEATER_ERRORS = {1: "open: no load", 2: "short-circuited"}
CLOSED_LOOP = 1
REFUSED = {4: "query error", 8: "device error", 16: "execution error", 32: "command error"}     # bits of the event register
NEAR_K = 0.5                   # a set-point this near to the sensor is where a ramp may start from
SETTLE_S = 300.0               # unverified: 2 to 10 minutes
TOLERANCE_K = 0.1
FIXED_POINT = re.compile(r"[+-]?\d+(\.\d*)?")


class LakeShoreError(DeviceFault):
    """The controller did not understand or did not accept a command (event register)."""


class TemperatureSensorFault(DeviceFault):
    """The sensor's reading is invalid or out of its range."""


class HeaterFault(DeviceFault):
    """The heater is open or short-circuited."""


class NotRegulating(DeviceFault):
    """The heater output is not in closed loop on this sensor."""


class LakeShorePort(Port):
    """The connection of a controller: 57600 7-O-1 on the serial side (parity unverified)."""

    serial: ClassVar[dict[str, Any]] = {"baud_rate": 57600, "data_bits": 7, "parity": Parity.odd}
    reply_timeout_s = 1.0
    cancel = b"\n"
    sync = ((b"*IDN?;*ESR?\n", b"LSCI"), (b"SETP? 1;*ESR?\n", b"+"))

    def __init__(self, resource: Any, **options: Any):
        super().__init__(resource, **options)
        self._free_at = 0.0

    def converse(self, request: bytes, take: Take[Any], *, timeout_s: float | None = None) -> Any:
        """Leave the pause that the controller wants between messages, then ask."""
        with self.held():
            if (left := self._free_at - self.clock.now()) > 0:
                self.clock.wait(left)
            try:
                return super().converse(request, take, timeout_s=timeout_s)
            finally:
                self._free_at = self.clock.now() + PAUSE_S


class LakeShore336(Device):
    """Temperature controller; `output` heats, `sensor` (an input's letter) is read.

    `ramp_k_min` is the rate at which the set-point goes (0: at once), `heater_range` the range that is used when the heater is off.
    """

    Port = LakeShorePort
    model: ClassVar = "MODEL336"
    inputs: ClassVar = "ABCD"
    outputs: ClassVar = 4

    axes: ClassVar = {
        "temperature": AxisSpec("K", TEMPERATURES, read="temperature", tolerance=TOLERANCE_K, long_name="Sensor temperature"),
    }
    panel: ClassVar = [Readout("Temperature", "temperature", "K"), Readout("Set-point", "setpoint", "K"),
                       Meter("Heater", "heater_percent", "%", 0.0, 100.0), Readout("Range", "heater_range")]

    def __init__(self, port: Any, *, clock: Any, name: str, output: int = 1, sensor: str = "A", ramp_k_min: float = 5.0,
                 heater_range: str = "medium", **connection: Any):
        self.output = option(name, "output", output, range(1, 3))
        self.sensor = option(name, "sensor", sensor, list(self.inputs))
        self._range = option(name, "heater_range", heater_range, list(HEATER_RANGES)[1:])
        if ramp_k_min:
            check_limits(name, "ramp_k_min", ramp_k_min, RAMPS, "K/min")
        self.ramp_k_min = ramp_k_min
        super().__init__(port, clock=clock, name=name, **connection)

    # ------------------------------------------------------------ questions and commands
    def ask(self, command: str, query_delay: float | None = None) -> str:
        """Ask a question (or a chain of them, answered with ";" between); raises LakeShoreError."""
        events, answer = self.port.ask(f"{command};*ESR?\n".encode("ascii"), self._take(command.count(";") + 2))
        self._raise_refused(command, events)
        return answer

    def command(self, command: str, carried_out: Callable[[], bool]) -> None:
        """Give a command; if its acknowledgement is lost, `carried_out` looks whether it was obeyed. Raises LakeShoreError."""
        request = f"{command};*ESR?\n".encode("ascii")
        self.port.order(lambda: self._raise_refused(command, self.port.converse(request, self._take(1))[0]), carried_out, command)

    def _take(self, parts: int) -> Callable[[bytes], tuple[int, str]]:
        def take(message: bytes) -> tuple[int, str]:
            units = message.strip().decode("ascii", "replace").split(";")
            if len(units) != parts or not units[-1].isdigit():
                raise damaged(self.name, message)
            return int(units[-1]), ";".join(units[:-1]).strip()

        return take

    def _raise_refused(self, command: str, events: int) -> None:
        reasons = [text for bit, text in REFUSED.items() if events & bit]
        if reasons:
            raise LakeShoreError(self.name, f"it refuses {command!r}: {', '.join(reasons)}.", state="it goes on as before",
                                 remedy="Compare the model and the number of the output with the bench file.")

    def _number(self, command: str) -> float:
        return self.values(command, cast=_number)[0]

    def _put(self, header: str, value: str, read: Callable[[], Any], wanted: Any) -> None:
        """Set something of the output, looking at it if the acknowledgement is lost."""
        self.command(f"{header} {self.output},{value}", lambda: read() == wanted)

    # ------------------------------------------------------------ temperature and heater
    @property
    def temperature(self) -> float:
        """The temperature of the sensor in K; raises TemperatureSensorFault if its reading is worth nothing."""
        kelvin, status = self.values(f"KRDG? {self.sensor};RDGST? {self.sensor}", ";", cast=_number)
        reasons = [text for bit, text in SENSOR_BITS.items() if int(status) & bit]
        if reasons:
            raise TemperatureSensorFault(
                self.name, f"sensor {self.sensor}: {', '.join(reasons)}.", state="heater and set-point are as they were",
                remedy="Check the sensor's cable. A loop without its sensor must not heat: switch the heater off.")
        return kelvin

    @property
    def setpoint(self) -> float:
        """The set-point in K, as far as a ramp has brought it."""
        return self._number(f"SETP? {self.output}")

    @property
    def heater_percent(self) -> float:
        """The power of the heater in percent of its range."""
        return self._number(f"HTR? {self.output}")

    @property
    def heater_range(self) -> str:
        """The range of the heater: "off", "low", "medium" or "high"."""
        return self._range_of(self.output)

    def _range_of(self, output: int) -> str:
        number = int(self._number(f"RANGE? {output}"))
        return next((name for name, value in HEATER_RANGES.items() if value == number), f"range {number}")

    @property
    def ramp(self) -> tuple[bool, float]:
        """Whether the set-point ramps, and its rate in K/min."""
        on, rate = self.values(f"RAMP? {self.output}", cast=_number)
        return bool(on), rate

    # ------------------------------------------------------------ moves
    def start_move(self, kelvin: float) -> None:
        """Start going to a temperature; ask `moving` for the end of the ramp. Raises NotRegulating, HeaterFault.

        The ramp starts where the sensor is: a set-point left over from yesterday would send it the long way round.
        """
        check_limits(self.name, "temperature", kelvin, TEMPERATURES, "K")
        self._check_loop()
        here = self.temperature
        if self.ramp_k_min:
            if self.heater_range == "off" or abs(self.setpoint - here) > NEAR_K:
                self._set_ramp(False)
                self._set_point(here)
            self._set_ramp(True)
        self.command(f"SETP {self.output},{kelvin:.3f}", lambda: False)       # twice the same set-point does no harm
        if self.heater_range == "off":
            self._put("RANGE", str(HEATER_RANGES[self._range]), lambda: self.heater_range, self._range)

    def _check_loop(self) -> None:
        mode, sensor, *_ = self.values(f"OUTMODE? {self.output}", cast=_number)
        if mode != CLOSED_LOOP or sensor != self.inputs.index(self.sensor) + 1:
            raise NotRegulating(
                self.name, f"output {self.output} is not in closed loop on sensor {self.sensor} (OUTMODE {mode:.0f},{sensor:.0f}).",
                state="nothing was changed", remedy="Set the output's mode at the front panel, or correct the bench file.")

    def _set_ramp(self, on: bool) -> None:
        rate = self.ramp_k_min
        self._put("RAMP", f"{int(on)},{rate:.1f}", lambda: self.ramp, (on, round(rate, 1)))

    def _set_point(self, kelvin: float) -> None:
        self._put("SETP", f"{kelvin:.3f}", lambda: abs(self.setpoint - kelvin) < 0.002, True)

    @property
    def moving(self) -> bool:
        """True while the set-point ramps; raises HeaterFault, TemperatureSensorFault."""
        code = int(self._number(f"HTRST? {self.output}"))
        if code:
            raise HeaterFault(self.name, f"heater {self.output} is {HEATER_ERRORS.get(code, f'in error {code}')}.",
                              state="the heater has switched itself off", remedy="Check the heater's cable and resistance.")
        return bool(self._number(f"RAMPST? {self.output}"))

    def stop(self) -> None:
        """Hold the temperature of now."""
        here = self.temperature
        self._set_ramp(False)
        self._set_point(here)

    def eta(self, old: float, new: float) -> float:
        """Give the seconds of a move: the ramp, and the time a cryostat needs to settle."""
        ramp = 60.0 * abs(new - old) / self.ramp_k_min if self.ramp_k_min else 0.0
        return ramp + (SETTLE_S if abs(new - old) > TOLERANCE_K else 1.0)

    # ------------------------------------------------------------ what every driver offers
    def identify(self) -> Identity:
        """Ask who it is; raises WrongDevice."""
        parts = [part.strip() for part in self.ask("*IDN?").split(",")]
        if len(parts) < 4 or parts[0] != "LSCI" or parts[1] != self.model:
            raise WrongDevice(self.name, f"it calls itself {','.join(parts)!r}, which is no Lake Shore {self.model[5:]}.",
                              state="nothing was changed", remedy="Correct the resource or the driver in the bench file.")
        return Identity("Lake Shore", parts[1].removeprefix("MODEL"), parts[2].split("/")[0], parts[3])

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        on, rate = self.ramp
        return {"temperature_k": self.temperature, "setpoint_k": self.setpoint, "ramping": on, "ramp_k_min": rate,
                "heater_range": self.heater_range, "heater_percent": self.heater_percent, "output": self.output,
                "sensor": self.sensor, "pid": self.values(f"PID? {self.output}", cast=_number)}

    def shutdown(self) -> None:
        """Switch every heater off, confirmed; park and safe leave the temperature alone: a warm-up costs an hour, and the spot."""
        self.command(";".join(f"RANGE {output},0" for output in range(1, self.outputs + 1)), lambda: False)
        left = [output for output in range(1, self.outputs + 1) if self._range_of(output) != "off"]
        if left:
            raise InstrumentError(self.name, f"output {left[0]} does not go off.", state="it still heats",
                                  remedy="Press 'All off' at the front panel.")


class LakeShore335(LakeShore336):
    """The smaller controller: two inputs, two outputs."""

    model = "MODEL335"
    inputs = "AB"
    outputs = 2


def _number(text: str) -> float:
    """Read a number in fixed-point notation; raises ValueError."""
    if not FIXED_POINT.fullmatch(text.strip()):
        raise ValueError(text)
    return float(text)
