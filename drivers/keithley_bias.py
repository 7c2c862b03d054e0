"""A Keithley source-meter as the bias of a sample: `bias.voltage` and `current`.

The sample is a capacitor that may break down. A voltage that has not been reached before since the output went on is reached by a
ramp; inside the window of voltages that were held with a leakage below its limit, a set-point is a single write on a fixed range.
After every write the inrush current is given its time; only then does compliance count as a fault.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from drivers.device import check_limits
from drivers.link import Port
from drivers.scpi import ScpiDevice, holding, number, switch_state
from labctl.core.errors import BadReply, DeviceFault, InstrumentError, WrongDevice
from labctl.core.instrument import AxisSpec, DetectorSpec, Identity, Meter, Readout

VOLTS, AMPERES = (-210.0, 210.0), (1e-9, 1.05)
RAMP_STEP_S = 0.02            # between two writes of a ramp
PARK_RAMP_S = 2.0             # a ramp to zero must not take longer, whatever the rate: park has to end
PARK_STEPS = 20
INRUSH_S = 0.05               # unverified: time for the sample's capacitance to charge at the compliance current
NPLC = (0.01, 10.0)
LINE_HZ = 50.0
READING_OVERHEAD_S = 0.01     # unverified
NOT_A_NUMBER = 9.9e37         # and above: the reading has no value (9.91E+37; unverified)
ZERO_V = 1e-3                 # confirmed as zero


class SourceMeterError(DeviceFault):
    """An entry of the instrument's error queue, or a setting that it did not take."""


class ComplianceReached(DeviceFault):
    """The current stands at its limit: the sample conducts more than it should, and its voltage has sagged."""


class LeakageTooHigh(DeviceFault):
    """The current at rest is above the leakage limit."""


class OutputDropped(DeviceFault):
    """The output went off by itself: an open interlock, or the instrument is too hot."""


@dataclass(frozen=True)
class Measured:
    """A reading: V, A, and whether the current stands at its limit."""

    volts: float
    amperes: float
    limited: bool


class KeithleyPort(Port):
    """The connection of a source-meter."""

    serial: ClassVar[dict[str, Any]] = {"baud_rate": 9600}
    reply_timeout_s = 1.0
    cancel = b"\n"
    sync = ((b"*IDN?\n", b"KEITHLEY"), (b":SYST:ERR?\n", b',"'))


class BiasSource(ScpiDevice):
    """A source-meter that holds a voltage; its options are explained at the model that people name, `Keithley2400`.

    Subclasses give the model and what their command sets call limit and reading.
    """

    Port = KeithleyPort
    Reported = SourceMeterError
    model: ClassVar[str]
    limit_header: ClassVar[str]
    tripped_query: ClassVar[str]
    read_query: ClassVar[str]

    axes: Mapping[str, AxisSpec] = {
        "voltage": AxisSpec("V", VOLTS, read="voltage", tolerance=0.02, long_name="Bias voltage", held=True),
    }
    detectors: Mapping[str, DetectorSpec] = {"current": DetectorSpec(signal="current", unit="A", long_name="Bias current")}
    panel: ClassVar = [Meter("Level", "level", "V", -21.0, 21.0), Readout("Output", "output_on"),
                       Readout("Limited", "limited")]

    def __init__(self, port: Any, *, clock: Any, name: str, compliance_a: float = 1e-3, range_v: float = 20.0,
                 current_range_a: float | None = None, nplc: float = 0.1, ramp_v_s: float = 2.0, leakage_a: float | None = None,
                 inrush_s: float = INRUSH_S, **connection: Any):
        check_limits(name, "compliance_a", compliance_a, AMPERES, "A")
        check_limits(name, "range_v", range_v, (0.02, VOLTS[1]), "V")
        check_limits(name, "nplc", nplc, NPLC, "")
        check_limits(name, "ramp_v_s", ramp_v_s, (1e-3, 1e3), "V/s")
        check_limits(name, "inrush_s", inrush_s, (0.0, 10.0), "s")
        super().__init__(port, clock=clock, name=name, **connection)
        self.compliance_a, self.range_v, self.nplc, self.ramp_v_s, self.inrush_s = compliance_a, range_v, nplc, ramp_v_s, inrush_s
        self.current_range_a = compliance_a if current_range_a is None else current_range_a
        self.leakage_limit_a = compliance_a if leakage_a is None else leakage_a
        self.voltage_limits = (-1.05 * range_v, 1.05 * range_v)
        self.window: tuple[float, float] | None = None      # voltages that have been held without leaking
        self.leakage: float | None = None
        self._target: float | None = None
        self._reads_pairs = False
        self._written_v, self._written_at = 0.0, clock.now()

    # ------------------------------------------------------------ questions
    @property
    def level(self) -> float:
        """The voltage that the source is set to, in V."""
        return float(self.values(":SOUR:VOLT?", cast=number)[0])

    @property
    def output_on(self) -> bool:
        """Whether the output is on."""
        return bool(self.values("OUTP?", cast=switch_state)[0])

    @property
    def limited(self) -> bool:
        """Whether the current stands at its limit now."""
        return bool(self.values(self.tripped_query, cast=switch_state)[0])

    @property
    def voltage(self) -> float:
        """The voltage at the sample in V: measured, or 0 with the output off."""
        return self.measure().volts if self.output_on else 0.0

    @property
    def current(self) -> float:
        """The current through the sample in A: measured, or 0 with the output off."""
        return self.measure().amperes if self.output_on else 0.0

    def measure(self) -> Measured:
        """Take a reading; raises SourceMeterError if the output is off."""
        volts, amperes = self._read_pair()
        if max(abs(volts), abs(amperes)) >= NOT_A_NUMBER:
            raise SourceMeterError(self.name, f"a reading has no value ({volts:g} V, {amperes:g} A).", state="biased as before",
                                   remedy="Fix a larger current range in the bench file.")
        return Measured(volts, amperes, self.limited)

    def _read_pair(self) -> tuple[float, float]:
        if not self._reads_pairs:
            self._configure_readings()
            self._reads_pairs = True
        found = self.values(self.read_query, cast=number)
        if len(found) != 2:
            raise BadReply(self.name, f"a reading has {len(found)} numbers instead of 2.", state="biased as before",
                           remedy="Close other programs that use it; make the bench safe, and start again.")
        return found[0], found[1]

    # ------------------------------------------------------------ moves
    def start_move(self, volts: float) -> None:
        """Start going to a voltage: one write inside the window, a ramp outside it. Ask `moving` for the end."""
        low, high = self.voltage_limits
        check_limits(self.name, "voltage", volts, (max(low, VOLTS[0]), min(high, VOLTS[1])), "V")
        if self.output_on:
            self._written_v = self.level        # whatever was tried before: a ramp begins where the source stands
        else:
            self._arm()
        self._target = volts
        if self._held(volts):
            self._write_level(volts)

    def _arm(self) -> None:
        """Set everything at 0 V, then switch the output on."""
        self.window = self._target = None
        self._configure_source()
        self._write_level(0.0)
        self.put("OUTP", "1", switch_state)

    def _configure_source(self) -> None:
        self.put(":SOUR:FUNC", "VOLT", str)
        self.put(":SOUR:VOLT:RANG", f"{self.range_v:g}", same=holding)
        self._reads_pairs = False
        self.put(self.limit_header, f"{self.compliance_a:.6E}")
        self.put(":SENS:CURR:RANG", f"{self.current_range_a:.6E}", same=holding)
        self.put(":SENS:CURR:NPLC", f"{self.nplc:.6E}")

    def _configure_readings(self) -> None:
        """Let a reading be voltage and current, and nothing else."""
        self.write(":FORM:ELEM VOLT,CURR")

    def _write_level(self, volts: float) -> None:
        self.put(":SOUR:VOLT", f"{volts:.6E}")
        self._written_v, self._written_at = volts, self.clock.now()

    def _held(self, volts: float) -> bool:
        return self.window is not None and self.window[0] <= volts <= self.window[1]

    @property
    def moving(self) -> bool:
        """True while a ramp goes on and the inrush lasts; writes the next step. Raises ComplianceReached, LeakageTooHigh."""
        if self._target is None:
            return False
        waited = round(self.clock.now() - self._written_at, 6)      # the same at any hour
        if self._written_v != self._target:
            if waited >= RAMP_STEP_S:
                self._ramp_on(waited)
            return True
        if waited < self.inrush_s:
            return True
        self._judge_rest()
        return False

    def _ramp_on(self, waited: float) -> None:
        """Write the next step; a ramp that was not watched for a while does not jump to catch up."""
        assert self._target is not None   # noqa: S101  `moving` has looked
        step = self.ramp_v_s * min(waited, 2 * RAMP_STEP_S)
        left = self._target - self._written_v
        self._write_level(self._target if abs(left) <= step else self._written_v + (step if left > 0 else -step))

    def _judge_rest(self) -> None:
        """Measure what flows at rest, and let the window grow to this voltage if that is little enough."""
        target, self._target = self._target, None
        if not self.output_on:
            self.window = None
            raise OutputDropped(self.name, f"its output went off on the way to {target:g} V.", state="0 V, output off",
                                remedy="Close its interlock, or let it cool down; then start again.")
        self._judged(self._written_v)
        low, high = self.window or (0.0, 0.0)
        self.window = (min(low, self._written_v), max(high, self._written_v))

    def _judged(self, target: float) -> Measured:
        """Measure at rest; raises ComplianceReached or LeakageTooHigh."""
        found = self.measure()
        self.leakage = found.amperes
        if found.limited:
            raise ComplianceReached(
                self.name, f"at {target:g} V the current stands at its limit of {self.compliance_a:g} A.",
                state=f"the output is on, {found.volts:.4g} V at the sample", remedy="Ramp down; check the sample for a short.")
        if abs(found.amperes) > self.leakage_limit_a:
            raise LeakageTooHigh(
                self.name, f"at {target:g} V a current of {found.amperes:.3g} A leaks; {self.leakage_limit_a:g} A is the limit.",
                state=f"the output is on, {found.volts:.4g} V at the sample", remedy="Ramp down; the sample may be breaking down.")
        return found

    def stop(self) -> None:
        """End a ramp where it is; the output stays as it is."""
        self._target = None

    def eta(self, old: float, new: float) -> float:
        """Give the seconds of a move."""
        return 0.05 + self.inrush_s + (0.0 if self._held(new) else 1.5 * abs(new - old) / self.ramp_v_s)

    # ------------------------------------------------------------ detector
    def configure(self, exposure_s: float = 0.0) -> dict[str, float]:
        """Nothing: range and integration are fixed when the output goes on."""
        return {}

    def expose(self) -> None:
        """Nothing: a reading is taken by `fetch`."""

    exposing = False

    def fetch(self) -> dict[str, Any]:
        """Take a reading of current and voltage, flagged "compliance" where the current stands at its limit."""
        if not self.output_on:
            return {"current": 0.0, "voltage": 0.0, "flags": ("output_off",)}
        found = self.measure()
        return {"current": found.amperes, "voltage": found.volts, "flags": ("compliance",) if found.limited else ()}

    def abort(self) -> None:
        """Nothing can be ended early."""

    def cost(self, exposure_s: float = 0.0) -> float:
        """Give the seconds of a reading."""
        return READING_OVERHEAD_S + 2 * self.nplc / LINE_HZ

    # ------------------------------------------------------------ what every driver offers
    def identify(self) -> Identity:
        """Ask who it is, and forget old errors; raises WrongDevice."""
        parts = [part.strip() for part in self.ask("*IDN?").split(",")]
        if len(parts) < 4 or "KEITHLEY" not in parts[0].upper() or parts[1].upper().removeprefix("MODEL").strip()[:4] != self.model:
            raise WrongDevice(self.name, f"it calls itself {','.join(parts)!r}, which is no Keithley {self.model}.",
                              state="nothing was changed", remedy="Correct the resource or the driver in the bench file.")
        self.port.post(b"*CLS\n")
        return Identity("Keithley", parts[1].upper().removeprefix("MODEL").strip(), parts[2], parts[3].split("/")[0].strip())

    def settings(self) -> dict[str, Any]:
        """Read what a run file should remember."""
        return {"level_v": self.level, "output_on": self.output_on, "compliance_a": self.compliance_a, "range_v": self.range_v,
                "current_range_a": self.current_range_a, "nplc": self.nplc, "ramp_v_s": self.ramp_v_s,
                "leakage_limit_a": self.leakage_limit_a, "leakage_a": self.leakage, "window_v": list(self.window or ())}

    moved_by_park = ("voltage",)
    remembers = ("window",)

    def park(self) -> None:
        """Ramp to 0 V and switch the output off, confirmed; raises if the output does not say that it is off."""
        self.stop()
        try:
            if self.output_on:
                self._ramp_to_zero(self.level)
        finally:
            self._switch_off()

    def _ramp_to_zero(self, volts: float) -> None:
        """Go down in at most PARK_RAMP_S; a level that is refused must not keep the output from going off."""
        steps = min(PARK_STEPS, max(1, round(abs(volts) / self.ramp_v_s / RAMP_STEP_S)))
        pause = min(PARK_RAMP_S, abs(volts) / self.ramp_v_s) / steps
        for left in range(steps - 1, -1, -1):
            self._write_level(volts * left / steps)
            self.clock.wait(pause)

    def _switch_off(self) -> None:
        self.window = None
        self.put("OUTP", "0", switch_state)
        if self.output_on:
            raise InstrumentError(self.name, "the output does not go off.", state="the sample is biased",
                                  remedy="Switch the source-meter off by hand.")
