"""Set, measure, break, reopen, in any order, for what has no wire: the two C libraries and the person at the bench.

As for the wires: the truth or a typed error, never a hang. What a reading says is compared with the light that was there.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from drivers.andor import AndorCCD
from drivers.manual import ManualElement
from drivers.picoharp import PicoHarp300
from labctl.core.clock import VirtualClock
from labctl.core.errors import InstrumentError
from sim_instruments.andor import make_sdk as make_andor
from sim_instruments.manual import ManualBox
from sim_instruments.picoharp import make_sdk as make_picoharp
from sim_instruments.sdk import Failure
from sim_instruments.twin.elements import Camera, CcdReadout, PulsedLaser
from sim_instruments.twin.more_elements import TcspcPort
from sim_instruments.wire import Unit

EXPOSURES_S = (0.01, 0.2, 1.5)
LONGEST_CALL_S = 12.0


class SteadyGate:
    """An exposure to light that never changes."""

    def __init__(self, began: float):
        self.began = began


def steady_camera(clock: VirtualClock) -> Camera:
    """A chip that collects 10 000 electrons a second in every column, without noise; the shift adds its part."""
    camera = Camera("ccd", clock)
    camera.temperature_c.move(-60.0)
    camera.open_gate = lambda: SteadyGate(clock.now())

    def read_out(gate: Any, readout: CcdReadout) -> np.ndarray:
        seconds = clock.now() - gate.began + readout.shift_s
        return np.full((1, camera.columns), round(300.0 + 1e4 * seconds / readout.gain_e_per_count))

    camera.read_out = read_out
    return camera


class SdkMachine(RuleBasedStateMachine):
    """What both libraries share: planned error codes, a cable, a power switch."""

    library: Any
    functions: tuple[str, ...]
    codes: tuple[int, ...]

    @initialize()
    def plug_in(self) -> None:
        self.clock = VirtualClock()
        self.library = self.make()
        self.driver: Any = None
        self.reopen()
        assert self.driver is not None
        self.identity = self.driver.identify()

    def make(self) -> Any:
        raise NotImplementedError

    def open(self) -> Any:
        raise NotImplementedError

    def judge(self, reading: dict[str, Any], granted: dict[str, float]) -> None:
        raise NotImplementedError

    @rule()
    def reopen(self) -> None:
        if self.driver is not None and hasattr(self.driver, "close"):
            self.driver.close()
        self.driver = None
        try:
            self.driver = self.open()
        except InstrumentError:
            return

    @precondition(lambda self: self.driver is not None)
    @rule(exposure_s=st.sampled_from(EXPOSURES_S), aborted=st.booleans())
    def measure(self, exposure_s: float, aborted: bool) -> None:
        before = self.clock.now()
        try:
            granted = self.driver.configure(exposure_s)
            self.driver.expose()
            if aborted:
                self.clock.wait(exposure_s / 3)
                self.driver.abort()
                assert not self.driver.exposing
                return
            while self.driver.exposing:
                assert self.clock.now() - before < exposure_s + LONGEST_CALL_S, "an exposure that never ends and never fails"
                self.clock.wait(0.01)
            reading = self.driver.fetch()
        except InstrumentError:
            return
        self.judge(reading, granted)

    @precondition(lambda self: self.driver is not None)
    @rule()
    def who(self) -> None:
        try:
            assert self.driver.identify() == self.identity
            self.driver.settings()
        except InstrumentError:
            return

    @rule(data=st.data(), skip=st.integers(0, 3))
    def fail(self, data: Any, skip: int) -> None:
        name, code = data.draw(st.sampled_from(self.functions)), data.draw(st.sampled_from(self.codes))
        self.library.failures.append(Failure(name, code, skip=skip))

    @rule(unplugged=st.booleans())
    def cable(self, unplugged: bool) -> None:
        self.library.unplugged = unplugged

    @rule()
    def power_cycle(self) -> None:
        self.library.power_cycle()

    @rule(seconds=st.floats(0.0, 3.0))
    def wait(self, seconds: float) -> None:
        self.clock.wait(seconds)

    def teardown(self) -> None:
        """Without faults, everything works again, and the truth is told."""
        if not hasattr(self, "identity"):
            return
        self.library.failures.clear()
        self.library.unplugged = False
        self.reopen()
        assert self.driver is not None
        assert self.driver.identify() == self.identity
        granted = self.driver.configure(0.2)
        self.driver.expose()
        self.clock.wait(1.0)
        assert not self.driver.exposing
        self.judge(self.driver.fetch(), granted)


class CameraMachine(SdkMachine):
    functions = ("SetExposureTime", "SetShutter", "GetAcquisitionTimings", "StartAcquisition", "GetStatus", "GetAcquiredData16",
                 "AbortAcquisition", "Initialize", "SetReadMode", "SetPreAmpGain", "GetCapabilities", "*")
    codes = (20013, 20018, 20024, 20049, 20066, 20072, 20089, 20992, 12345)

    def make(self) -> Any:
        return make_andor([Unit("ccd", "andor", {}, steady_camera(self.clock))], clock=self.clock)

    def open(self) -> AndorCCD:
        return AndorCCD(self.library, clock=self.clock, name="ccd", preamp=2)

    def judge(self, reading: dict[str, Any], granted: dict[str, float]) -> None:
        electrons = (reading["counts"].astype(float) - 300.0) * granted["gain_e_per_count"]
        assert electrons / granted["effective_exposure_s"] == pytest.approx(1e4, abs=granted["gain_e_per_count"] / 0.01)


class CounterMachine(SdkMachine):
    functions = ("PH_ClearHistMem", "PH_StartMeas", "PH_CTCStatus", "PH_StopMeas", "PH_GetHistogram", "PH_GetFlags",
                 "PH_SetBinning", "PH_Initialize", "PH_OpenDevice", "PH_GetCountRate", "*")
    codes = (-1, -2, -10, -11, -16, -17, -22, -32, -64, -99)
    rate_hz = 1e5

    def make(self) -> Any:
        port = TcspcPort("tcspc", self.clock)
        port.rates = lambda: (1e6, self.rate_hz)

        def histogram(setting: Any, start: float, stop: float) -> np.ndarray:
            return np.full(setting.bins, self.rate_hz * (stop - start) / setting.bins)

        port.histogram = histogram
        return make_picoharp([Unit("tcspc", "picoharp", {}, port)], clock=self.clock)

    def open(self) -> PicoHarp300:
        return PicoHarp300(self.library, clock=self.clock, name="tcspc", sync_divider=1)

    def judge(self, reading: dict[str, Any], granted: dict[str, float]) -> None:
        expected = self.rate_hz * granted["exposure_s"]
        assert abs(float(reading["histogram"].sum()) - expected) < 6.0 * math.sqrt(expected)
        assert reading["counting_time"] == pytest.approx(granted["exposure_s"])

    @precondition(lambda self: self.driver is not None)
    @rule()
    def sync(self) -> None:
        """A lost sync shows in the reading, never as photons that were not counted."""
        self.library.sync_lost = True
        try:
            self.driver.configure(0.2)
            self.driver.expose()
            self.clock.wait(1.0)
            reading = self.driver.fetch()
        except InstrumentError:
            return
        else:
            assert reading["histogram"].sum() == 0
            assert reading["sync_rate"] == 0.0
            assert "no_sync" in reading["flags"]
        finally:
            self.library.sync_lost = False


class PersonMachine(RuleBasedStateMachine):
    """A laser that only a person can tune: what was confirmed is what it is, and nothing else is believed."""

    @initialize()
    def arrive(self) -> None:
        self.clock = VirtualClock()
        self.laser = PulsedLaser("opa", self.clock, wavelength_nm=800.0, pulse_energy_j=1e-6)
        self.box = ManualBox([Unit("opa", "manual", {}, self.laser)], clock=self.clock)
        self.driver = ManualElement(self.box, clock=self.clock, name="opa", label="OPA",
                                    axes={"wavelength": {"unit": "nm", "limits": [480, 2600]}})

    @rule(wavelength_nm=st.sampled_from((500.0, 800.0, 1500.0, 3000.0)), patience_s=st.floats(0.0, 5.0))
    def tune(self, wavelength_nm: float, patience_s: float) -> None:
        try:
            self.driver.start_wavelength(wavelength_nm)
            give_up = self.clock.now() + patience_s
            while self.driver.moving and self.clock.now() < give_up:
                self.clock.wait(0.25)
            self.driver.stop()
        except InstrumentError:
            return

    @rule(refuses=st.booleans(), away=st.booleans())
    def mood(self, refuses: bool, away: bool) -> None:
        self.box.refuses, self.box.away = refuses, away

    @rule(seconds=st.floats(0.0, 5.0))
    def wait(self, seconds: float) -> None:
        self.clock.wait(seconds)

    @rule()
    def read(self) -> None:
        said = self.driver.read_wavelength()
        assert math.isnan(said) or said == self.laser.wavelength_nm
        assert self.driver.emission_state == "UNKNOWN"

    def teardown(self) -> None:
        if hasattr(self, "driver"):
            self.read()


MACHINES = {"camera": CameraMachine, "counter": CounterMachine, "person": PersonMachine}


@pytest.mark.parametrize("name", MACHINES)
def test_the_truth_or_a_typed_error(explore, name):
    explore(MACHINES[name], 10)


@pytest.mark.soak
@pytest.mark.parametrize("name", MACHINES)
def test_the_truth_or_a_typed_error_for_long(explore, name):
    explore(MACHINES[name], 500)
