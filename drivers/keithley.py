"""Keithley source-meters 2400 (GPIB, RS-232) and 2450 (USB, LAN socket 5025) as the bias of a sample: `bias.voltage`, `current`.

The sample is a capacitor that may break down: a voltage that was not held before is reached by a ramp, any other by a single write
(`drivers.keithley_bias`). While a camera takes a series the bias can also switch by itself (`drivers.keithley_switching`).
(2400 user's manual; 2450 reference manual; the commands are those that pymeasure's drivers send. Its own ramps sleep: not used.)
"""

from __future__ import annotations

from typing import Any, ClassVar

from drivers.device import check_limits
from drivers.keithley_bias import VOLTS, BiasSource
from drivers.keithley_switching import Switching
from drivers.scpi import switch_state
from labctl.core.instrument import AxisSpec, DetectorSpec

HALF_PERIODS_S, HALVES = (0.2, 1e3), (0, 10_000)
SWITCHED = AxisSpec("V", VOLTS, read="switched", start="switch_to", poll="arming", eta="arming_s", long_name="Voltage switched to")
STEPS = DetectorSpec(signal="switched_at", unit="s", dims=("step",), configure="configure_switching", expose="begin_switching",
                     poll="switches", fetch="steps", abort="end_switching", cost="switching_cost", long_name="Time of a step")


class Keithley2400(BiasSource):
    """Source-meter 2400: sources voltage on a fixed range, measures current on a fixed range.

    `compliance_a` limits the current; `range_v` and `current_range_a` fix the ranges (the latter is that of the compliance if not
    given); `nplc` is the integration in periods of the mains, `ramp_v_s` the rate of ramps, `leakage_a` the most that may leak.
    With `halves` (even) it can switch by itself while a camera takes a series: so many steps to `switched` and back,
    `half_period_s` apart, the time of each in the detector `switching`.
    """

    model: ClassVar = "2400"
    limit_header: ClassVar = ":SENS:CURR:PROT"
    tripped_query: ClassVar = ":SENS:CURR:PROT:TRIP?"
    read_query: ClassVar = ":READ?"

    def __init__(self, port: Any, *, clock: Any, name: str, half_period_s: float = 1.0, halves: int = 0, **bias: Any):
        check_limits(name, "half_period_s", half_period_s, HALF_PERIODS_S, "s")
        check_limits(name, "halves", halves, HALVES, "")
        super().__init__(port, clock=clock, name=name, **bias)
        self._back: float | None = None                     # where to after the voltage of `switching` has been held
        self._switching = Switching(self, half_period_s, halves + halves % 2)
        if halves:
            self.axes = {**self.axes, "switched": SWITCHED}
            self.detectors = {**self.detectors, "switching": STEPS}

    def stop(self) -> None:
        """End a ramp where it is; the output stays as it is."""
        super().stop()
        self._back = None

    def park(self) -> None:
        """Switch no more; then as any bias source."""
        self._switching.forget()
        super().park()

    @property
    def switched_limits(self) -> tuple[float, float]:
        """What `switched` may be: as `voltage`."""
        return self.voltage_limits

    @property
    def switched(self) -> float:
        """The voltage that the detector `switching` goes to."""
        return self._switching.volts

    def switch_to(self, volts: float) -> None:
        """Prepare `switching` to a voltage: one not held before is held now, reached by a ramp. Ask `arming` for the end."""
        check_limits(self.name, "switched", volts, self.voltage_limits, "V")
        self._switching.volts = volts
        if not self._held(volts):
            self._back = self.level if self.output_on else 0.0
            self.start_move(volts)

    @property
    def arming(self) -> bool:
        """True on the way to the voltage of `switching` and back. Raises as `moving` does."""
        if self.moving:
            return True
        back, self._back = self._back, None
        if back is not None:
            self.start_move(back)
        return back is not None

    def arming_s(self, old: float, new: float) -> float:
        """Give the seconds of `switch_to`."""
        return 0.05 if self._held(new) else self.eta(0.0, new) + 2 * self.inrush_s

    def step(self, volts: float) -> None:
        """Write a level at once; for `switching`, which has looked whether it was held before."""
        self._write_level(volts)

    def leak(self) -> float:
        """Measure the current at rest in A; raises ComplianceReached or LeakageTooHigh."""
        return self._judged(self._written_v).amperes

    def frame_shape(self) -> tuple[int, ...]:
        """Give how many steps a reading of `switching` has."""
        return (self._switching.halves,)

    def configure_switching(self, exposure_s: float = 0.0) -> dict[str, float]:
        """Nothing: the bench file says how often and how fast."""
        return {"half_period_s": self._switching.half_period_s}

    def begin_switching(self) -> None:
        """Begin to switch; ask `switches` for the end. Raises InstrumentError where that voltage was not held before."""
        self._switching.begin()

    @property
    def switches(self) -> bool:
        """True while it switches; writes the next step when it is due."""
        return self._switching.running

    def steps(self) -> dict[str, Any]:
        """Give when it was switched; see `Switching.found`."""
        return self._switching.found()

    def end_switching(self) -> None:
        """Go back to where it began."""
        self._switching.end()

    def switching_cost(self, exposure_s: float = 0.0) -> float:
        """Give the seconds of all steps."""
        return self._switching.seconds

    lit_s = switching_cost


class Keithley2450(Keithley2400):
    """Source-meter 2450 in its own SCPI command set."""

    model = "2450"
    limit_header = ":SOUR:VOLT:ILIM"
    tripped_query = ":SOUR:VOLT:ILIM:TRIP?"
    read_query = ':READ? "defbuffer1", SOUR, READ'

    def _configure_readings(self) -> None:
        """Measure current, and let a reading hold what the source really gives."""
        self.write(':SENS:FUNC "CURR"')
        self.put(":SOUR:VOLT:READ:BACK", "1", switch_state)
