"""Every driver in front of its emulator: through the simulated VISA library or the C ABI, on a virtual clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from drivers.andor import AndorCCD
from drivers.elliptec import ELL14
from drivers.esp301 import ESP301
from drivers.fw102c import FW102C
from drivers.k10cr1 import K10CR1
from drivers.keithley import Keithley2400, Keithley2450
from drivers.lakeshore import LakeShore335, LakeShore336
from drivers.nkt import SuperKLaser, SuperKSelect, SuperKVaria
from drivers.pm100d import PM100D
from drivers.sc10 import SC10
from drivers.spectrapro import SpectraPro
from labctl.core.clock import VirtualClock
from labctl.core.registry import find
from sim_instruments.visa import SimulatedVisa
from sim_instruments.wire import ByteDevice, Unit


@dataclass(frozen=True)
class Kind:
    """A driver, the entry-point name of its emulator, its options and a resource name of the right sort."""

    driver: Any
    entry: str
    options: Mapping[str, Any]
    resource: str = "ASRL/dev/ttyUSB0::INSTR"


KINDS = {
    "laser": Kind(SuperKLaser, "superk_laser", {"address": 15}),
    "select": Kind(SuperKSelect, "superk_select", {"address": 6}),
    "varia": Kind(SuperKVaria, "superk_varia", {"address": 16}),
    "attenuator": Kind(ELL14, "elliptec", {"address": "0"}),
    "wheel": Kind(FW102C, "filter_wheel", {}),
    "shutter": Kind(SC10, "sc10", {}),
    "spectrograph": Kind(SpectraPro, "spectrapro", {}),
    "meter": Kind(PM100D, "pm100d", {}, "USB0::0x1313::0x8078::P0012345::INSTR"),
    "analyser": Kind(K10CR1, "k10cr1", {}),
    "bias": Kind(Keithley2400, "keithley2400", {"compliance_a": 1e-2}, "GPIB0::24::INSTR"),
    "bias2450": Kind(Keithley2450, "keithley2450", {"compliance_a": 1e-2}, "TCPIP::127.0.0.1::5025::SOCKET"),
    "cryostat": Kind(LakeShore336, "lakeshore336", {"ramp_k_min": 20.0, "heater_range": "high"}, "TCPIP::127.0.0.1::7777::SOCKET"),
    "cryostat335": Kind(LakeShore335, "lakeshore335", {}),
    "stage": Kind(ESP301, "esp301", {"axis": 1}),
    "delay": Kind(ESP301, "esp301", {"axis": 2, "kind": "delay", "zero_mm": 10.0}),
}


@dataclass
class Pair:
    """A driver and what stands at the other end of its wire."""

    driver: Any
    device: ByteDevice
    library: SimulatedVisa
    clock: VirtualClock

    def wait(self, condition: str = "moving", limit_s: float = 60.0) -> None:
        """Poll a property of the driver until it is false."""
        give_up = self.clock.now() + limit_s
        while getattr(self.driver, condition):
            assert self.clock.now() < give_up, f"{condition} did not end in {limit_s} s"
            self.clock.wait(0.02)


@pytest.fixture
def pair(clock: VirtualClock) -> Callable[[str], Pair]:
    """Make the pair of a kind of instrument."""
    def make(kind: str) -> Pair:
        chosen = KINDS[kind]
        device = find("emulator", chosen.entry)([Unit(kind, chosen.entry, chosen.options)], twin=None, clock=clock, seed=11)
        library = SimulatedVisa({chosen.resource: device}, clock)
        port = chosen.driver.Port(chosen.resource, clock=clock, name=kind, visa_library=library)
        return Pair(chosen.driver(port, clock=clock, name=kind, **chosen.options), device, library, clock)

    return make


@pytest.fixture
def camera(clock: VirtualClock) -> tuple[AndorCCD, Any]:
    """Make an Andor driver and its emulated library."""
    library = find("emulator", "andor")([Unit("ccd", "andor", {})], twin=None, clock=clock, seed=11)
    return AndorCCD(library, clock=clock, name="ccd"), library


@pytest.fixture
def explore() -> Callable[[type[RuleBasedStateMachine], int], None]:
    """Let a machine take so many courses of 15 steps, the same ones every time."""
    return lambda machine, examples: run_state_machine_as_test(machine, settings=settings(
        max_examples=examples, stateful_step_count=15, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck)))
