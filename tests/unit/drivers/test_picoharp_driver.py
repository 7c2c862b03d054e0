"""PicoHarp 300: the manual's order of calls, codes as exceptions, flags and warnings by name."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from drivers._sdk import phlib
from drivers._sdk.phlib import (
    PicoHarpCommunication,
    PicoHarpHardware,
    PicoHarpMissing,
    PicoHarpNotReady,
    PicoHarpParameter,
    PicoHarpRunning,
)
from drivers.picoharp import PicoHarp300
from labctl.core.errors import Busy, Disconnected, InstrumentError, LimitError, ResourceBusy


class Vendor:
    """A library that notes its calls, returns `codes` by name and writes `written` into the pointers, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.codes: dict[str, int] = {}
        self.written: dict[str, list[object]] = {
            "PH_GetResolution": [4.0], "PH_GetHardwareInfo": [b"PicoHarp 300", b"930004", b"2.0"],
            "PH_GetSerialNumber": [b"1000123"], "PH_GetElapsedMeasTime": [250.0],
            "PH_GetWarnings": [0x101], "PH_GetFlags": [0x40], "PH_CTCStatus": [1]}
        self.rates = {0: 78_000_000, 1: 39_000}

    def __getattr__(self, name: str):
        if not name.startswith("PH_"):
            raise AttributeError(name)

        def called(*arguments):
            values = list(self.written.get(name, []))
            if name == "PH_GetCountRate":
                values = [self.rates[arguments[1].value]]
            self.calls.append((name, *(a.value for a in arguments if hasattr(a, "value") and not hasattr(a, "raw"))))
            for argument in arguments:
                if hasattr(argument, "raw"):
                    argument.value = values.pop(0) if values else b""
                elif hasattr(argument, "_obj"):
                    argument._obj.value = values.pop(0) if values else 0
                elif isinstance(argument, ctypes.POINTER(ctypes.c_uint32)):
                    argument[3] = 42
            return self.codes.get(name, 0)

        return called

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture
def vendor() -> Vendor:
    return Vendor()


@pytest.fixture
def counter(vendor, clock):
    return PicoHarp300(vendor, clock=clock, name="tcspc", resolution_ps=32.0, sync_cfd=(120, 8), bins=1024)


class TestOpening:
    def test_in_the_order_of_the_manual(self, counter, vendor):
        assert vendor.names() == [
            "PH_OpenDevice", "PH_Initialize", "PH_Calibrate", "PH_SetSyncDiv", "PH_SetInputCFD", "PH_SetInputCFD",
            "PH_SetSyncOffset", "PH_SetBinning", "PH_SetOffset", "PH_SetStopOverflow", "PH_GetResolution"]
        assert ("PH_SetInputCFD", 0, 0, 120, 8) in vendor.calls
        assert ("PH_SetBinning", 0, 3) in vendor.calls                  # 32 ps
        assert ("PH_SetStopOverflow", 0, 1, 65535) in vendor.calls
        assert str(counter.identify()) == "PicoQuant PicoHarp 300, serial 1000123, firmware 2.0"

    @pytest.mark.parametrize("options", [
        {"resolution_ps": 5.0}, {"resolution_ps": 1024.0}, {"sync_divider": 3}, {"sync_cfd": (900, 10)},
        {"detector_cfd": (100, 21)}, {"offset_ps": -1}, {"sync_offset_ps": 100_000}, {"bins": 70_000}])
    def test_options_are_refused_before_a_call(self, vendor, clock, options):
        with pytest.raises(InstrumentError):
            PicoHarp300(vendor, clock=clock, name="tcspc", **options)
        assert vendor.calls == []

    def test_a_device_in_use(self, vendor, clock):
        vendor.codes["PH_OpenDevice"] = -11
        with pytest.raises(ResourceBusy, match="another program"):
            PicoHarp300(vendor, clock=clock, name="tcspc")

    def test_without_the_vendors_library(self, monkeypatch):
        def absent(name: str) -> None:
            raise OSError(f"{name}: cannot open shared object file")

        monkeypatch.setattr(ctypes, "CDLL", absent)
        monkeypatch.setattr(ctypes, "WinDLL", absent, raising=False)
        with pytest.raises(Disconnected, match="Install the PicoQuant PHLib"):
            PicoHarp300.load_library()


class TestRates:
    def test_the_first_gate_is_waited_for(self, counter, clock):
        before = clock.now()
        assert counter.sync_rate == counter.repetition_rate_hz == 78e6
        assert clock.now() - before == pytest.approx(0.1)
        assert counter.count_rate == 39e3
        assert clock.now() - before == pytest.approx(0.1)

    def test_warnings_come_after_the_rates(self, counter, vendor):
        vendor.calls.clear()
        assert counter.warnings == ("no_sync", "pile_up")
        assert vendor.names() == ["PH_GetCountRate", "PH_GetCountRate", "PH_GetWarnings"]


class TestExposing:
    def test_a_reading(self, counter, vendor):
        assert counter.configure(0.25)["exposure_s"] == 0.25
        vendor.calls.clear()
        counter.expose()
        assert vendor.calls == [("PH_ClearHistMem", 0, 0), ("PH_StartMeas", 0, 250)]
        assert not counter.exposing
        reading = counter.fetch()
        assert reading["histogram"].shape == counter.frame_shape() == (1024,)
        assert reading["histogram"][3] == 42
        assert reading["histogram"].dtype == np.uint32
        assert (reading["sync_rate"], reading["count_rate"], reading["counting_time"]) == (78e6, 39e3, 0.25)
        assert reading["flags"] == ("overflow", "no_sync", "pile_up")

    def test_it_counts_until_the_library_says_otherwise(self, counter, vendor):
        vendor.written["PH_CTCStatus"] = [0]
        assert counter.exposing

    def test_delays(self, vendor, clock):
        vendor.written["PH_GetResolution"] = [8.0]
        counter = PicoHarp300(vendor, clock=clock, name="tcspc", resolution_ps=8.0, offset_ps=1000, bins=16)
        axis = counter.coordinates()["time_delay"]
        assert (axis.unit, axis.values[0], axis.values[1]) == ("ns", 1.0, pytest.approx(1.008))
        assert len(axis.values) == 16

    @pytest.mark.parametrize("exposure", [0.0, 0.0009, 4e5, float("nan")])
    def test_exposures(self, counter, vendor, exposure):
        vendor.calls.clear()
        with pytest.raises(LimitError, match="nothing was sent"):
            counter.configure(exposure)
        assert vendor.calls == []

    def test_levels(self, counter, vendor):
        vendor.calls.clear()
        counter.park()
        counter.make_safe()
        counter.shutdown()
        assert vendor.names() == ["PH_StopMeas"] * 3 + ["PH_CloseDevice"]


class TestCodes:
    @pytest.mark.parametrize(("code", "error"), [
        (-1, PicoHarpMissing), (-2, PicoHarpRunning), (-10, PicoHarpMissing), (-16, PicoHarpRunning), (-17, PicoHarpParameter),
        (-18, PicoHarpParameter), (-22, PicoHarpNotReady), (-23, PicoHarpNotReady), (-32, PicoHarpCommunication),
        (-37, PicoHarpCommunication), (-64, PicoHarpHardware), (-78, PicoHarpHardware), (-99, phlib.PicoHarpError)])
    def test_each_code_is_an_exception(self, counter, vendor, code, error):
        vendor.codes["PH_StartMeas"] = code
        with pytest.raises(error, match=f"PH_StartMeas.*{code}") as raised:
            counter.expose()
        assert type(raised.value) is error
        assert raised.value.code == code
        assert isinstance(raised.value, Busy) == (error is PicoHarpRunning)

    def test_names_of_bits(self):
        assert phlib.names(0x141, phlib.WARNINGS) == ("no_sync", "count_rate_high", "pile_up")
        assert phlib.names(0x142, phlib.FLAGS) == ("overflow", "fifo_full", "system_error")
