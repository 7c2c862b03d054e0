"""Set, get, break, reconnect, in any order: every driver tells the truth or raises a typed error, and never hangs.

The model of a quantity is an interval: after a write that was not acknowledged, or a move that was cut short, the device may stand
where it was, where it was sent, or in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from drivers.elliptec import ELL14
from drivers.esp301 import ESP301
from drivers.fw102c import FW102C
from drivers.k10cr1 import K10CR1
from drivers.keithley import Keithley2400, Keithley2450
from drivers.lakeshore import LakeShore336
from drivers.nkt import SuperKLaser, SuperKSelect, SuperKVaria
from drivers.pm100d import PM100D
from drivers.sc10 import SC10
from drivers.spectrapro import SpectraPro
from labctl.core.clock import VirtualClock
from labctl.core.errors import InstrumentError
from labctl.core.registry import find
from sim_instruments.faults import Fault
from sim_instruments.visa import SimulatedVisa
from sim_instruments.wire import Unit

LONGEST_CALL_S = 12.0         # no single call may take longer, whatever happens on the wire
FAULTS = ["drop", "late", "duplicate", "truncate", "garble", "split", "bytewise", "hang", "disconnect"]


def open_shutter(driver: Any, value: float) -> None:
    (driver.open if value else driver.close)()


@dataclass(frozen=True)
class Case:
    """What is set and read, how, and between which values."""

    driver: Any
    entry: str
    put: str | Callable[[Any, float], None]
    get: str
    values: tuple[float, ...]
    tolerance: float
    options: tuple[tuple[str, Any], ...] = ()
    resource: str = "ASRL/dev/ttyUSB0::INSTR"

    def write(self, driver: Any, value: float) -> None:
        if callable(self.put):
            self.put(driver, value)
        elif self.put.startswith("start"):
            getattr(driver, self.put)(value)
        else:
            setattr(driver, self.put, value)


CASES = {
    "laser": Case(SuperKLaser, "superk_laser", "start_level", "level", (0.0, 33.3, 50.0), 0.051, (("address", 15),)),
    "select": Case(SuperKSelect, "superk_select", "start_centre", "centre", (501.0, 530.0, 589.9), 0.001, (("address", 6),)),
    "varia": Case(SuperKVaria, "superk_varia", "start_centre", "centre", (450.0, 525.3, 600.0), 0.06, (("address", 16),)),
    "attenuator": Case(ELL14, "elliptec", "start_move", "angle", (0.0, 45.0, 300.0), 0.01, (("home_first", False),)),
    "wheel": Case(FW102C, "filter_wheel", "start_move", "slot", (1.0, 3.0, 6.0), 0.0),
    "shutter": Case(SC10, "sc10", open_shutter, "enabled", (0.0, 1.0), 0.0),
    "spectrograph": Case(SpectraPro, "spectrapro", "start_centre", "centre", (0.0, 500.0, 700.25), 0.001),
    "meter": Case(PM100D, "pm100d", "wavelength", "wavelength", (515.0, 532.5, 800.0), 0.0, (), "USB0::1::2::3::INSTR"),
    "analyser": Case(K10CR1, "k10cr1", "start_move", "angle", (0.0, 12.0, 30.0), 1e-4, (("home_first", False),)),
    "bias": Case(Keithley2400, "keithley2400", "start_move", "level", (0.0, 0.5, 1.0), 1e-4, (), "GPIB0::24::INSTR"),
    "bias2450": Case(Keithley2450, "keithley2450", "start_move", "level", (0.0, 0.5, 1.0), 1e-4, (), "GPIB0::18::INSTR"),
    "cryostat": Case(LakeShore336, "lakeshore336", "start_move", "setpoint", (290.0, 295.0, 300.0), 2e-3, (("ramp_k_min", 0.0),)),
    "stage": Case(ESP301, "esp301", "start_move", "position", (0.0, 2.5, 5.0), 1e-4),
}


class Machine(RuleBasedStateMachine):
    """One driver, one emulator, and what may be true."""

    case: Case

    @initialize()
    def plug_in(self) -> None:
        case = self.case
        self.clock = VirtualClock()
        options = dict(case.options)
        self.device = find("emulator", case.entry)([Unit("it", case.entry, options)], twin=None, clock=self.clock, seed=3)
        self.library = SimulatedVisa({case.resource: self.device}, self.clock)
        self.driver: Any = None
        self.open()
        self.identity = self.driver.identify()
        here = float(getattr(self.driver, case.get))
        self.low = self.high = here

    def open(self) -> None:
        case = self.case
        self.driver = case.driver(case.resource, clock=self.clock, name="it", visa_library=self.library, **dict(case.options))
        self.driver.identify()

    def timed(self, call: Callable[[], Any]) -> Any:
        before = self.clock.now()
        try:
            return call()
        finally:
            assert self.clock.now() - before < LONGEST_CALL_S

    @precondition(lambda self: self.driver is not None)
    @rule(data=st.data())
    def set(self, data: Any) -> None:
        value = data.draw(st.sampled_from(self.case.values))
        self.low, self.high = min(self.low, value), max(self.high, value)
        try:
            self.timed(lambda: self.case.write(self.driver, value))
            give_up = self.clock.now() + 200.0
            while self.timed(lambda: self.driver.moving):
                assert self.clock.now() < give_up, "a move that never ends and never fails"
                self.clock.wait(0.05)
            found = float(self.timed(lambda: getattr(self.driver, self.case.get)))
        except InstrumentError:
            return
        self.check(found)
        if abs(found - value) <= self.case.tolerance:
            self.low = self.high = value      # else a move was lost: the read-back says so, and that is for the engine to judge

    @precondition(lambda self: self.driver is not None)
    @rule()
    def get(self) -> None:
        try:
            found = float(self.timed(lambda: getattr(self.driver, self.case.get)))
        except InstrumentError:
            return
        self.check(found)

    @precondition(lambda self: self.driver is not None)
    @rule()
    def who(self) -> None:
        """Another question: an answer that went to the wrong one would show."""
        try:
            assert self.driver.identify() == self.identity
        except InstrumentError:
            return

    def check(self, found: float) -> None:
        assert self.low - self.case.tolerance <= found <= self.high + self.case.tolerance

    @rule(kind=st.sampled_from(FAULTS), skip=st.integers(0, 3), seconds=st.floats(0.0, 2.5))
    def inject(self, kind: str, skip: int, seconds: float) -> None:
        self.device.faults.append(Fault(kind, skip=skip, seconds=seconds))

    @rule(seconds=st.floats(0.0, 3.0))
    def wait(self, seconds: float) -> None:
        self.clock.wait(seconds)

    @rule()
    def reconnect(self) -> None:
        if self.driver is not None:
            self.driver.port.close()
        self.device.plug_in()
        self.driver = None
        try:
            self.timed_open()
        except InstrumentError:
            self.driver = None

    def timed_open(self) -> None:
        before = self.clock.now()
        try:
            self.open()
        except InstrumentError:
            if self.driver is not None:
                self.driver.port.close()
            raise
        finally:
            assert self.clock.now() - before < 5 * LONGEST_CALL_S      # several questions

    def teardown(self) -> None:
        """Without faults, everything works again, and the truth is told."""
        if not hasattr(self, "device"):
            return
        self.device.faults.clear()
        if self.driver is not None:
            self.driver.port.close()
        self.device.plug_in()
        self.clock.wait(60.0)
        self.open()
        self.check(float(getattr(self.driver, self.case.get)))
        self.driver.port.close()


@pytest.fixture(params=CASES)
def machine(request: pytest.FixtureRequest) -> type[Machine]:
    return type(f"Machine_{request.param}", (Machine,), {"case": CASES[request.param]})


def test_the_truth_or_a_typed_error(explore, machine):
    explore(machine, 10)


@pytest.mark.soak
def test_the_truth_or_a_typed_error_for_long(explore, machine):
    explore(machine, 300)
