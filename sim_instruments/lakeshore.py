"""Emulated Lake Shore 336 and 335 temperature controllers on a helium-flow cryostat (TCP 7777 or USB serial; replies end CR LF)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sim_instruments.clock import Clock, Handle
from sim_instruments.faults import FaultSwitch
from sim_instruments.lakeshore_settings import REMEMBERED, Remembered
from sim_instruments.scpi import ScpiDevice, ScpiError, head_and_argument, header, number
from sim_instruments.twin.more_elements import Cryostat
from sim_instruments.twin.motion import Mover
from sim_instruments.wire import Unit, serial_number

COOLING_K_MIN = 4.0
"""What the helium flow takes away with the heater off: 295 K to 4 K in about 75 minutes (60 to 90 in reality; unverified)."""

HEATING_K_MIN = {1: 2.0, 2: 10.0, 3: 25.0}
RISE_K = {1: 20.0, 2: 80.0, 3: 350.0}
"""Fastest heating, and the rise above the base temperature that full power can hold, by heater range (unverified)."""

NEAR_K, SETTLE_S = 1.0, 180.0
"""The last kelvin to a set point, and the time it takes (2 to 10 minutes to settle in reality; unverified)."""

NOISE_K = 2e-3
"""Noise of a reading (unverified); none when the controller serves its own cryostat."""

OFF, CLOSED_LOOP, ZONE, OPEN_LOOP = 0, 1, 2, 3
INVALID, OVER_UNITS = 1, 128
OPEN_LOAD = 1

DIODE = ((1.4, 4.2, 10.0, 20.0, 28.0, 77.35, 305.0, 475.0),
         (1.69812, 1.62622, 1.42013, 1.21440, 1.10702, 1.02032, 0.50691, 0.09062))
"""Kelvin and volts of a silicon diode (a few points of a standard curve; unverified between them)."""

@dataclass
class Output:
    """One heater output with its control loop."""

    setpoint: Mover
    mode: int = CLOSED_LOOP
    sensor: int = 1
    power_up: int = 0
    range: int = 0
    manual: float = 0.0
    ramping: bool = False
    rate_k_min: float = 0.0


class LakeShore(ScpiDevice):
    """A controller; output 1 heats the cryostat, input A is its sensor, input B (option sensors="AB") sits at the sample.

    The cryostat is found in equilibrium: nothing moves until an output first acts; a heater that goes off lets it cool to its base.
    Fault attributes: `open_sensors` (letters of inputs that read nothing), `heater_open` (the load is gone: no power, HTRST 1);
    `power_cycle()`.
    """

    reply_end = b"\r\n"
    latency_s = 0.01
    model: ClassVar[str]
    inputs: ClassVar[str]
    outputs: ClassVar[int]

    def __init__(self, units: Sequence[Unit], *, twin: Any = None, clock: Clock, seed: int = 0):
        unit = units[0]
        super().__init__(clock=clock, name=unit.role, seed=seed)
        self.cryostat: Cryostat = unit.element or Cryostat(unit.role, clock)
        self.noise_k = NOISE_K if unit.element is not None else 0.0
        self.connected_sensors = str(unit.options.get("sensors", "A"))
        self.serial = f"{self.model}A{serial_number(seed, unit.role, 3)}"
        self._kept: dict[tuple[str, str], str] = {}
        self._settling: Handle | None = None
        start = self.cryostat.sensor_k.position
        self.loops = {number: Output(Mover(clock, start), sensor=number) for number in range(1, self.outputs + 1)}

    def power_up(self) -> None:
        """Wake up: heaters are off unless they are told to come back."""
        self.reset()

    def reset(self) -> None:
        """Take the power-up state: settings are kept, heaters off."""
        self.errors.clear()
        for loop in self.loops.values():
            loop.setpoint.stop()
            loop.range = loop.range if loop.power_up else 0
        self._control()

    def identity(self) -> str:
        """Name maker, model, serial and firmware."""
        return f"LSCI,MODEL{self.model},{self.serial}/#######,2.9"

    # ------------------------------------------------------------------ the loop
    def _control(self) -> None:
        """Send the sensor on its way: as fast as heater or helium can, no faster than the ramp, slowly over the last kelvin."""
        loop, cryostat = self.loops[1], self.cryostat
        here, base = cryostat.sensor_k.position, cryostat.base_k
        target = base
        if loop.range and not self.heater_open:
            ceiling = base + RISE_K[loop.range]
            if loop.mode in (CLOSED_LOOP, ZONE) and loop.sensor == 1 and "A" not in self.open_sensors:
                target = min(max(loop.setpoint.target, base), ceiling)
            elif loop.mode == OPEN_LOOP:
                target = base + RISE_K[loop.range] * loop.manual / 100.0
        distance = target - here
        near = min(NEAR_K, abs(distance) / 2)
        rate = HEATING_K_MIN[loop.range] if distance > 0 and loop.range else COOLING_K_MIN
        seconds = max((abs(distance) - near) / rate * 60.0, loop.setpoint.arrival - self.clock.now() if target != base else 0.0)
        if self._settling is not None:
            self._settling.cancel()
        knee = target - (near if distance > 0 else -near)
        cryostat.sensor_k.move(knee, seconds)
        self._settling = self.after(seconds, lambda: cryostat.sensor_k.move(target, SETTLE_S * near / NEAR_K))

    def _control_if_used(self, loop: Output) -> None:
        # With the heater off a new setting moves nothing: the cryostat stays on its course.
        if loop is self.loops[1] and loop.range:
            self._control()

    open_sensors = FaultSwitch("", lambda device: device._control_if_used(device.loops[1]))
    """The inputs whose sensor is broken; a loop without its sensor does not heat."""

    heater_open = FaultSwitch(False, lambda device: device._control_if_used(device.loops[1]))
    """The heater's load is not connected."""

    def heater_percent(self, output: int) -> float:
        """Give the present heater output in percent of its range: full while heating up, nothing while cooling, else what holds."""
        loop, sensor = self.loops[output], self.cryostat.sensor_k
        if output != 1 or not loop.range or self.heater_open or loop.mode == OFF:
            return 0.0
        if loop.mode == OPEN_LOOP:
            return loop.manual
        if sensor.moving and not loop.setpoint.moving and abs(sensor.target - sensor.position) > NEAR_K:
            return 100.0 if sensor.target > sensor.position else 0.0
        return min(max((sensor.position - self.cryostat.base_k) / RISE_K[loop.range] * 100.0, 0.0), 100.0)

    def _loop(self, argument: str) -> tuple[Output, list[str]]:
        """Split the parameters behind the number of an output."""
        first, *rest = [text.strip() for text in argument.split(",")]
        return self.loops[int(number(first, 1, self.outputs))], rest

    # ------------------------------------------------------------------ inputs
    def _kelvin(self, letter: str) -> float:
        if letter not in self.connected_sensors or letter in self.open_sensors:
            return 0.0
        true = self.cryostat.sensor_k.position if letter == "A" else self.cryostat.sample_k
        if not self.noise_k:
            return true
        return true + float(self.cryostat.noise().normal(0.0, self.noise_k))

    def _each(self, argument: str, show: Callable[[str], str]) -> str:
        """Answer for one input, or for all of them when 0 is asked for."""
        letter = argument.strip().upper() or "A"
        if letter == "0":
            return ",".join(show(each) for each in self.inputs)
        if letter not in self.inputs or len(letter) != 1:
            raise ScpiError(-220, "Parameter error")
        return show(letter)

    @header("KRDG?")
    def _kelvins(self, argument: str) -> str:
        return self._each(argument, lambda letter: f"{self._kelvin(letter):+.3f}")

    @header("CRDG?")
    def _celsius(self, argument: str) -> str:
        return self._each(argument, lambda letter: f"{self._kelvin(letter) - 273.15:+.3f}")

    @header("SRDG?")
    def _volts(self, argument: str) -> str:
        def volts(letter: str) -> str:
            kelvin = self._kelvin(letter)
            return f"{np.interp(kelvin, *DIODE) if kelvin else 0.0:+.5f}"

        return self._each(argument, volts)

    @header("RDGST?")
    def _reading_status(self, argument: str) -> str:
        def bits(letter: str) -> str:
            good = letter in self.connected_sensors and letter not in self.open_sensors
            return "0" if good else str(INVALID | OVER_UNITS)

        return self._each(argument, bits)

    # ------------------------------------------------------------------ outputs
    @header("SETP")
    def _set_point(self, argument: str) -> None:
        loop, values = self._loop(argument)
        wanted = number(values[0] if values else "", 0.0, 1500.0)
        travel = abs(wanted - loop.setpoint.position) / loop.rate_k_min * 60.0 if loop.ramping and loop.rate_k_min > 0 else 0.0
        loop.setpoint.move(wanted, travel)
        self._control_if_used(loop)

    @header("SETP?")
    def _point(self, argument: str) -> str:
        return f"{self._loop(argument)[0].setpoint.position:+.3f}"

    @header("RAMP")
    def _set_ramp(self, argument: str) -> None:
        loop, values = self._loop(argument)
        loop.ramping = bool(int(number(values[0] if values else "", 0, 1)))
        if len(values) > 1:
            loop.rate_k_min = number(values[1], 0.0, 100.0)
        if loop.setpoint.moving:
            left = abs(loop.setpoint.target - loop.setpoint.position)
            loop.setpoint.move(loop.setpoint.target, left / loop.rate_k_min * 60.0 if loop.ramping and loop.rate_k_min else 0.0)
            self._control_if_used(loop)

    @header("RAMP?")
    def _ramp(self, argument: str) -> str:
        loop = self._loop(argument)[0]
        return f"{int(loop.ramping)},{loop.rate_k_min:+.1f}"

    @header("RAMPST?")
    def _ramp_status(self, argument: str) -> str:
        return str(int(self._loop(argument)[0].setpoint.moving))

    @header("RANGE")
    def _set_range(self, argument: str) -> None:
        loop, values = self._loop(argument)
        highest = 3 if loop in (self.loops[1], self.loops.get(2)) else 1
        wanted = int(number(values[0] if values else "", 0, highest))
        if wanted != loop.range:
            loop.range = wanted
            if loop is self.loops[1]:
                self._control()

    @header("RANGE?")
    def _range(self, argument: str) -> str:
        return str(self._loop(argument)[0].range)

    @header("HTR?")
    def _heater(self, argument: str) -> str:
        output = int(number(argument.partition(",")[0] or "1", 1, self.outputs))
        return f"{self.heater_percent(output):+06.1f}"

    @header("HTRST?")
    def _heater_status(self, argument: str) -> str:
        loop = self._loop(argument)[0]
        return str(OPEN_LOAD if self.heater_open and loop is self.loops[1] and loop.range else 0)

    @header("OUTMODE")
    def _set_mode(self, argument: str) -> None:
        loop, values = self._loop(argument)
        limits = (5, len(self.inputs), 1)
        parsed = [int(number(text, 0, high)) for text, high in zip(values, limits, strict=False)]
        loop.mode, loop.sensor, loop.power_up = [*parsed, *(loop.mode, loop.sensor, loop.power_up)[len(parsed):]]
        self._control_if_used(loop)

    @header("OUTMODE?")
    def _mode(self, argument: str) -> str:
        loop = self._loop(argument)[0]
        return f"{loop.mode},{loop.sensor},{loop.power_up}"

    @header("MOUT")
    def _set_manual(self, argument: str) -> None:
        loop, values = self._loop(argument)
        loop.manual = number(values[0] if values else "", 0.0, 100.0)
        self._control_if_used(loop)

    @header("MOUT?")
    def _manual(self, argument: str) -> str:
        return f"{self._loop(argument)[0].manual:+.2f}"

    @header("TUNEST?")
    def _tuning(self, argument: str) -> str:
        return "0,0,0,0"

    @header("TEMP?")
    def _junction(self, argument: str) -> str:
        return "+295.000"

    @header("SYSTem:ERRor[:NEXT]?")
    def _no_such_queue(self, argument: str) -> str:
        raise ScpiError(-113, "Undefined header")      # errors are seen in *ESR? only

    def _unit(self, text: str, path: str) -> tuple[str | None, str]:
        """Carry out one command; the remembered ones need to know which they are."""
        head, argument = head_and_argument(text.lstrip(":"))
        kind = REMEMBERED.get(head.upper().removesuffix("?"))
        if kind is None:
            return super()._unit(text, path)
        try:
            return self._remember(head.upper(), argument, kind), path
        except ScpiError as error:
            self.complain(error)
            return None, path

    def _remember(self, head: str, argument: str, kind: Remembered) -> str | None:
        key, _, rest = argument.partition(",") if kind.keyed else ("", "", argument)
        key = key.strip().upper()
        if kind.keyed and key not in (*self.inputs, *map(str, self.loops)):
            raise ScpiError(-220, "Parameter error")
        name = head.removesuffix("?")
        if head.endswith("?"):
            return self._kept.get((name, key), kind.factory)
        self._kept[name, key] = kind.parse(rest)
        return None


class EmulatedLakeShore336(LakeShore):
    """Four inputs, two heaters and two voltage outputs."""

    model, inputs, outputs = "336", "ABCD", 4


class EmulatedLakeShore335(LakeShore):
    """Two inputs, two heaters."""

    model, inputs, outputs = "335", "AB", 2
