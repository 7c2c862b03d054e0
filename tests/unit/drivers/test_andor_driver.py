"""Andor SDK2: the order of calls, codes as exceptions by name, granted times, and what turns counts into electrons."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
import pytest

from drivers._sdk import atmcd, binding
from drivers._sdk.atmcd import AndorAcquiring, AndorError, AndorParameter, Library
from drivers.andor import AndorCCD
from labctl.core.errors import Disconnected, InstrumentError, LimitError

VALUES: dict[str, tuple[Any, ...]] = {
    "GetAvailableCameras": (1,), "GetCameraHandle": (100,), "GetDetector": (1024, 256), "GetTemperatureRange": (-120, 20),
    "GetFastestRecommendedVSSpeed": (0, 11.2), "GetVSSpeed": (11.2,), "GetHSSpeed": (3.0,), "GetPreAmpGain": (1.0,),
    "GetTemperature": (-60,), "GetStatus": (atmcd.IDLE,), "GetAcquisitionTimings": (0.1, 0.11, 0.12),
    "GetHeadModel": (b"DU920P_BV",), "GetCameraSerialNumber": (12345,), "GetNumberADChannels": (1,), "GetNumberAmp": (1,),
    "GetNumberHSSpeeds": (1,), "GetNumberVSSpeeds": (1,), "GetNumberPreAmpGains": (1,), "IsPreAmpGainAvailable": (1,),
    "GetBitDepth": (16,), "GetSizeOfCircularBuffer": (1000,), "GetShutterMinTimes": (27, 27), "SetMultiTrack": (28, 54),
    "GetAcquisitionProgress": (2, 5), "GetKeepCleanTime": (0.004,),
}


class Vendor:
    """A library of plain functions: writes VALUES into the outputs, returns `codes` (20002 by default), remembers the calls."""

    def __init__(self):
        self.values, self.codes, self.calls = dict(VALUES), {}, []
        self.codes["GetTemperature"] = atmcd.TEMPERATURE_STABILISED
        self.values["capabilities"] = (0, 0)               # a library that does not say
        self.tracks: list[int] = []
        self.frame = np.arange(1024, dtype=np.uint16)

    def __getattr__(self, name: str) -> Any:
        if name not in atmcd.SIGNATURES or name in self.codes.get("missing", ()):
            raise AttributeError(name)

        def function(*arguments: Any) -> int:
            kinds = atmcd.SIGNATURES[name].split()
            assert len(arguments) == len(kinds)
            given = [a.value for a, kind in zip(arguments, kinds, strict=True) if "*" not in kind and kind not in "wbp"]
            self.calls.append((name, *given))
            self.write(name, arguments, kinds)
            return self.codes.get(name, atmcd.SUCCESS)

        return function

    def write(self, name: str, arguments: tuple[Any, ...], kinds: list[str]) -> None:
        outputs = [(a, kind) for a, kind in zip(arguments, kinds, strict=True) if "*" in kind]
        for (argument, kind), value in zip(outputs, self.values.get(name, ()), strict=True):
            (argument if kind == "s*" else argument._obj).value = value
        if name == "GetCapabilities":
            arguments[0]._obj.read_modes, arguments[0]._obj.trigger_modes = self.values["capabilities"]
        if name == "SetRandomTracks":
            self.tracks = ctypes.cast(arguments[1], ctypes.POINTER(ctypes.c_int32))[:2 * arguments[0].value]
        if name == "GetAcquiredData":
            assert arguments[1].value == self.frame.size
            wide = self.frame.astype(np.int32)
            ctypes.memmove(arguments[0], wide.ctypes.data, wide.nbytes)
        if name == "GetAcquiredData16":
            assert arguments[1].value == self.frame.size
            ctypes.memmove(arguments[0], self.frame.ctypes.data, self.frame.nbytes)

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture
def vendor():
    return Vendor()


@pytest.fixture
def ccd(vendor, clock):
    return AndorCCD(vendor, clock=clock, name="ccd")


def test_the_order_of_calls_on_opening(ccd, vendor):
    names = vendor.names()
    order = ["GetAvailableCameras", "SetCurrentCamera", "Initialize", "GetDetector", "SetADChannel", "SetOutputAmplifier",
             "SetHSSpeed", "SetVSSpeed", "SetPreAmpGain", "SetReadMode", "SetAcquisitionMode", "SetTriggerMode", "SetShutter"]
    assert [name for name in names if name in order] == order
    assert ("SetCoolerMode", 1) in vendor.calls
    assert "CoolerON" not in names                    # opening a bench cools nothing


def test_longs_are_32_bit():
    assert ctypes.sizeof(binding.TYPES["i"]) == ctypes.sizeof(binding.TYPES["u"]) == ctypes.sizeof(binding.TYPES["f"]) == 4


class TestExposing:
    def test_the_granted_times_are_asked_after_all_settings(self, ccd, vendor):
        vendor.calls.clear()
        granted = ccd.configure(0.1)
        assert vendor.names() == ["SetExposureTime", "SetShutter", "GetAcquisitionTimings"]
        assert granted["exposure_s"] == pytest.approx(0.1)
        assert granted["effective_exposure_s"] == pytest.approx(0.1 + 256 * 11.2e-6)
        assert (granted["gain_e_per_count"], granted["read_noise_e"], granted["saturation_counts"]) == (10.0, 22.0, 65535.0)

    def test_a_shutter_of_its_own_gates_the_readout(self, vendor, clock):
        ccd = AndorCCD(vendor, clock=clock, name="ccd", shutter="internal", opening_ms=27, closing_ms=27)
        granted = ccd.configure(0.1)
        assert granted["effective_exposure_s"] == granted["exposure_s"]
        assert vendor.calls[-3] == ("SetShutter", 1, 0, 27, 27)

    def test_a_reading(self, ccd, vendor):
        ccd.configure(0.1)
        ccd.expose()
        vendor.values["GetStatus"] = (atmcd.ACQUIRING,)
        assert ccd.exposing
        vendor.values["GetStatus"] = (atmcd.IDLE,)
        assert not ccd.exposing
        reading = ccd.fetch()
        assert reading["counts"].dtype == np.uint32
        assert reading["counts"].tolist() == list(range(1024))
        assert reading["flags"] == ()

    def test_saturation_is_flagged(self, ccd, vendor):
        ccd.configure(0.1)
        vendor.frame[7] = 65535
        assert ccd.fetch()["flags"] == ("saturated",)

    @pytest.mark.parametrize("exposure", [0.0, 36000.0, -1.0, float("nan")])
    def test_impossible_exposures(self, ccd, vendor, exposure):
        vendor.calls.clear()
        with pytest.raises(LimitError):
            ccd.configure(exposure)
        assert vendor.calls == []

    def test_an_abort_when_idle_is_no_error(self, ccd, vendor):
        vendor.codes["AbortAcquisition"] = atmcd.IDLE
        ccd.park()
        assert vendor.calls[-1] == ("SetShutter", 1, 2, 0, 0)


class TestReadModes:
    def test_single_track(self, vendor, clock):
        AndorCCD(vendor, clock=clock, name="ccd", read_mode="single_track", track=(128, 20))
        assert ("SetReadMode", 3) in vendor.calls
        assert ("SetSingleTrack", 128, 20) in vendor.calls

    @pytest.mark.parametrize("track", [(1, 20), (256, 20), (128, 0), (128, 300)])
    def test_a_track_that_does_not_fit(self, vendor, clock, track):
        with pytest.raises(InstrumentError, match="does not fit"):
            AndorCCD(vendor, clock=clock, name="ccd", read_mode="single_track", track=track)

    def test_image(self, vendor, clock):
        ccd = AndorCCD(vendor, clock=clock, name="ccd", read_mode="image")
        assert ("SetImage", 1, 1, 1, 1024, 1, 256) in vendor.calls
        vendor.frame = np.arange(256 * 1024, dtype=np.uint16)
        assert ccd.fetch()["counts"].shape == ccd.frame_shape() == (256, 1024)
        assert list(ccd.detectors) == ["image"]
        assert ccd.configure(0.1)["saturation_counts"] == pytest.approx(30300.0)

    def test_several_tracks_where_the_library_puts_them(self, vendor, clock):
        ccd = AndorCCD(vendor, clock=clock, name="ccd", read_mode="multi_track", tracks=[4, 10])
        assert ("SetMultiTrack", 4, 10, 0) in vendor.calls
        assert ccd.area.rows == ((28, 37), (92, 101), (156, 165), (220, 229))
        assert ccd.frame_shape() == (4, 1024)
        assert ccd.detectors["spectrum"].dims == ("track", "pixel")
        assert ccd.coordinates()["track"].values.tolist() == [32.5, 96.5, 160.5, 224.5]
        assert ccd.configure(0.1)["effective_exposure_s"] == pytest.approx(0.1 + 10 * 11.2e-6)

    def test_tracks_at_will(self, vendor, clock):
        ccd = AndorCCD(vendor, clock=clock, name="ccd", read_mode="random_track", tracks=[[10, 19], [100, 119]])
        assert ("SetRandomTracks", 2) in vendor.calls
        assert vendor.tracks == [10, 19, 100, 119]
        assert ccd.frame_shape() == (2, 1024)

    def test_a_part_of_an_image_binned(self, vendor, clock):
        ccd = AndorCCD(vendor, clock=clock, name="ccd", read_mode="image", region=[101, 300, 9, 248], binning=[2, 4])
        assert ("SetImage", 2, 4, 101, 300, 9, 248) in vendor.calls
        assert ccd.frame_shape() == (60, 100)
        assert ccd.columns_read == (101, 300, 2)
        assert ccd.configure(0.1)["saturation_counts"] == 65535.0     # pixels are summed: the converter ends first

    @pytest.mark.parametrize("options", [
        {"read_mode": "multi_track", "tracks": [300, 1]}, {"read_mode": "multi_track"},
        {"read_mode": "multi_track", "tracks": [4, 70]},
        {"read_mode": "random_track", "tracks": [[10, 19], [15, 20]]}, {"read_mode": "random_track", "tracks": [[19, 10]]},
        {"read_mode": "random_track", "tracks": [3]}, {"read_mode": "random_track"},
        {"read_mode": "image", "region": [1, 1025, 1, 256]}, {"read_mode": "image", "region": [1, 1024, 1, 255], "binning": [1, 4]},
        {"read_mode": "image", "binning": [0, 1]}])
    def test_areas_that_do_not_fit_are_refused_before_anything_is_set(self, vendor, clock, options):
        with pytest.raises(InstrumentError, match="does not fit on 1024 columns and 256 rows"):
            AndorCCD(vendor, clock=clock, name="ccd", **options)
        assert not {"SetReadMode", "SetImage", "SetMultiTrack", "SetRandomTracks"} & set(vendor.names())

    def test_a_camera_says_what_it_cannot_do(self, vendor, clock):
        vendor.values["capabilities"] = (1 | 8, 1)
        with pytest.raises(InstrumentError, match="no single_track"):
            AndorCCD(vendor, clock=clock, name="ccd", read_mode="single_track")
        with pytest.raises(InstrumentError, match="no external_start"):
            AndorCCD(vendor, clock=clock, name="ccd", trigger="external_start")

    @pytest.mark.parametrize("options", [{"read_mode": "sideways"}, {"shutter": "red"}, {"index": 1}])
    def test_bad_options(self, vendor, clock, options):
        with pytest.raises(InstrumentError):
            AndorCCD(vendor, clock=clock, name="ccd", **options)

    def test_amplifier_figures_outside_the_data_sheet_have_to_be_given(self, vendor, clock):
        vendor.values["GetPreAmpGain"] = (9.0,)
        with pytest.raises(AndorParameter, match="table"):
            AndorCCD(vendor, clock=clock, name="ccd").configure(0.1)
        own = AndorCCD(vendor, clock=clock, name="ccd", gain_e_per_count=1.1, read_noise_e=3.0)
        assert own.configure(0.1)["gain_e_per_count"] == 1.1


class TestSeries:
    def test_a_kinetic_series(self, vendor, clock):
        ccd = AndorCCD(vendor, clock=clock, name="ccd", frames=3, cycle_s=0.5, accumulations=2)
        calls = [call for call in vendor.calls if call[0] in (
            "SetAcquisitionMode", "SetNumberAccumulations", "SetNumberKinetics", "SetKineticCycleTime")]
        assert calls == [("SetAcquisitionMode", 3), ("SetNumberAccumulations", 2), ("SetNumberKinetics", 3),
                         ("SetKineticCycleTime", 0.5)]
        granted = ccd.configure(0.1)
        assert granted["cycle_s"] == pytest.approx(0.12)
        assert ccd.coordinates()["frame"].values == pytest.approx([0.0, 0.12, 0.24])
        vendor.frame = np.arange(3 * 1024, dtype=np.uint16)
        assert ccd.fetch()["counts"].shape == ccd.frame_shape() == (3, 1024)
        assert ccd.detectors["spectrum"].dims == ("frame", "pixel")
        assert ccd.cost(0.1) == pytest.approx(3 * 0.5)
        assert ccd.progress == "5 of 3, 2 of 2 exposures"

    def test_a_series_that_does_not_fit_into_memory(self, vendor, clock):
        with pytest.raises(InstrumentError, match="series of 1001 frames does not fit into the library's memory of 1000"):
            AndorCCD(vendor, clock=clock, name="ccd", frames=1001)

    def test_the_software_trigger_follows_the_start(self, vendor, clock):
        ccd = AndorCCD(vendor, clock=clock, name="ccd", trigger="software")
        assert ("SetTriggerMode", 10) in vendor.calls
        ccd.expose()
        assert vendor.names()[-2:] == ["StartAcquisition", "SendSoftwareTrigger"]
        with pytest.raises(InstrumentError, match="single frames"):
            AndorCCD(vendor, clock=clock, name="ccd", trigger="software", frames=2)

    def test_light_that_the_trigger_switches_is_there_only_during_the_exposure(self, vendor, clock):
        granted = AndorCCD(vendor, clock=clock, name="ccd", trigger="external", light_gated=True).configure(0.1)
        assert granted["effective_exposure_s"] == granted["exposure_s"]
        assert ("SetShutter", 1, 1, 0, 0) in vendor.calls

    def test_an_image_read_in_the_light_is_marked(self, vendor, clock):
        ccd = AndorCCD(vendor, clock=clock, name="ccd", read_mode="image")
        vendor.frame = np.zeros(256 * 1024, dtype=np.uint16)
        ccd.configure(0.1)
        assert ccd.fetch()["flags"] == ("smeared",)
        vendor.values["GetAcquisitionTimings"] = (30.0, 30.1, 30.1)
        ccd.configure(30.0)
        assert ccd.fetch()["flags"] == ()

    def test_behind_its_own_shutter_the_exposure_ends_before_the_read_out(self, vendor, clock):
        ccd = AndorCCD(vendor, clock=clock, name="ccd", shutter="internal", opening_ms=30, closing_ms=40)
        spec = ccd.detectors["spectrum"]
        assert (spec.poll, spec.reading, spec.blanked) == ("gathering", "exposing", True)
        vendor.values["GetAcquisitionTimings"] = (0.1, 0.25, 0.25)
        ccd.configure(0.1)
        ccd.expose()
        vendor.values["GetStatus"] = (20072,)
        clock.wait(0.1 + 0.030 + 0.020 + 0.0039)      # the camera may begin 20 ms late
        assert ccd.gathering
        clock.wait(0.0002)
        assert (ccd.gathering, ccd.exposing) == (False, True)

    def test_a_camera_that_is_triggered_or_open_is_waited_for_to_the_end(self, vendor, clock):
        for options in ({"trigger": "external", "shutter": "internal", "opening_ms": 30, "closing_ms": 40}, {}):
            spec = AndorCCD(vendor, clock=clock, name="ccd", **options).detectors["spectrum"]
            assert (spec.poll, spec.reading) == ("exposing", "")

    def test_a_shutter_has_its_times(self, vendor, clock):
        AndorCCD(vendor, clock=clock, name="ccd", shutter="external", opening_ms=30, closing_ms=40)
        assert ("SetShutter", 1, 2, 40, 30) in vendor.calls
        with pytest.raises(LimitError, match="opening_ms 10 ms is outside 27 to 10000"):
            AndorCCD(vendor, clock=clock, name="ccd", shutter="internal", opening_ms=10, closing_ms=30)


class TestAmplifier:
    def test_an_index_that_there_is_not_is_refused_with_the_table(self, vendor, clock):
        with pytest.raises(AndorParameter, match=r"hs_speed is 3; the camera has 0: 3 MHz"):
            AndorCCD(vendor, clock=clock, name="ccd", hs_speed=3)

    def test_a_gain_that_does_not_go_with_the_speed(self, vendor, clock):
        vendor.values["IsPreAmpGainAvailable"] = (0,)
        with pytest.raises(AndorParameter, match="gain 1 does not go with 3 MHz"):
            AndorCCD(vendor, clock=clock, name="ccd")

    def test_the_tables_can_be_asked_for(self, ccd):
        assert ccd.tables() == {"hs_speeds_mhz": [3.0], "vs_speeds_us": [pytest.approx(11.2)], "preamp_gains": [1.0]}

    def test_the_fan(self, vendor, clock):
        AndorCCD(vendor, clock=clock, name="ccd", fan="low")
        assert ("SetFanMode", 1) in vendor.calls


class TestTemperature:
    def test_cooling_begins_when_the_camera_is_to_measure(self, ccd, vendor):
        vendor.codes["GetTemperature"], vendor.values["GetTemperature"] = atmcd.TEMPERATURE_NOT_REACHED, (-17,)
        assert ccd.not_ready() == "the chip is at -17 °C, -60 °C are wanted (not reached)"
        assert ("SetTemperature", -60) in vendor.calls
        vendor.codes["GetTemperature"] = atmcd.TEMPERATURE_STABILISED
        assert ccd.not_ready() == ""
        assert vendor.names().count("CoolerON") == 1

    def test_out_of_the_cameras_range(self, ccd, vendor):
        with pytest.raises(LimitError, match="-130"):
            ccd.cool(-130.0)
        assert "SetTemperature" not in vendor.names()

    def test_shutdown_warms_up_before_the_library_is_closed(self, ccd, vendor, clock):
        clock.call_at(100.0, lambda: vendor.values.update(GetTemperature=(-19,)))
        ccd.shutdown()
        assert clock.now() >= 100.0
        assert vendor.names()[-1] == "ShutDown"

    def test_shutdown_of_a_chip_that_stays_cold(self, ccd, vendor):
        with pytest.raises(InstrumentError, match="still at -60"):
            ccd.shutdown()
        assert "ShutDown" not in vendor.names()

    def test_parking_leaves_the_cooling_alone(self, ccd, vendor):
        ccd.park()
        ccd.make_safe()
        assert "CoolerOFF" not in vendor.names()


class TestCodes:
    @pytest.mark.parametrize(("code", "kind"), [(code, kind) for code, (_, kind) in atmcd.ERRORS.items()])
    def test_every_code_is_an_exception_with_its_name(self, ccd, vendor, code, kind):
        vendor.codes["StartAcquisition"] = code
        with pytest.raises(kind, match=atmcd.ERRORS[code][0]) as caught:
            ccd.expose()
        assert (caught.value.code, caught.value.code_name) == (code, atmcd.ERRORS[code][0])

    def test_a_code_nobody_knows(self, ccd, vendor):
        vendor.codes["StartAcquisition"] = 29999
        with pytest.raises(AndorError, match="29999"):
            ccd.expose()

    def test_settings_during_an_exposure(self, ccd, vendor):
        vendor.codes["SetExposureTime"] = 20072
        with pytest.raises(AndorAcquiring):
            ccd.configure(0.1)

    def test_a_temperature_that_cannot_be_read(self, ccd, vendor):
        vendor.codes["GetTemperature"] = 20075
        with pytest.raises(AndorError, match="NOT_INITIALIZED"):
            ccd.temperature_c   # noqa: B018

    def test_a_function_the_library_lacks_is_not_supported(self, vendor, clock):
        vendor.codes["missing"] = ("SetCoolerMode",)
        AndorCCD(vendor, clock=clock, name="ccd")
        vendor.codes["missing"] = ("GetCameraSerialNumber",)
        with pytest.raises(AndorError, match="NOT_SUPPORTED"):
            Library(vendor, "ccd").call("GetCameraSerialNumber")

    def test_without_the_vendors_library(self, monkeypatch):
        def absent(name: str) -> None:
            raise OSError(f"{name}: cannot open shared object file")

        monkeypatch.setattr(atmcd.ctypes, "WinDLL" if sys.platform == "win32" else "CDLL", absent, raising=False)
        with pytest.raises(Disconnected, match="Install the Andor SDK2"):
            AndorCCD.load_library()


def test_identity_and_settings(ccd):
    assert str(ccd.identify()) == "Andor DU920P_BV, serial 12345"
    assert ccd.settings()["temperature_state"] == "stabilised"
    assert ccd.cost(1.0) == pytest.approx(1.0 + 256 * 11.2e-6 + 1024 / 3e6)
