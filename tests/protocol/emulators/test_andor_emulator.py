"""The emulated Andor library, called as C: codes, order of calls, timing, frames, faults."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from sim_instruments.andor import Capabilities, make_sdk
from sim_instruments.sdk import Failure
from sim_instruments.twin.twin import PathItem, Twin
from sim_instruments.wire import Unit

SUCCESS, NO_NEW_DATA, ACQUIRING, IDLE, NOT_INITIALIZED, NOT_SUPPORTED = 20002, 20024, 20072, 20073, 20075, 20991
P1, P2, P4, P6 = 20066, 20067, 20069, 20077
SHIFT_S = 256 * 11.2e-6
FVB_READOUT_S = SHIFT_S + 1024 / 3e6


class TestSession:
    def test_any_call_before_initialize_is_refused(self, library, calling):
        client = calling(library)
        assert client.ints("GetStatus")[0] == NOT_INITIALIZED
        assert client.ints("GetDetector", count=2)[0] == NOT_INITIALIZED
        assert client("WaitForAcquisition") == NOT_INITIALIZED
        assert client.ints("GetAvailableCameras") == (SUCCESS, 1)

    def test_shut_down_closes(self, sdk):
        assert sdk("ShutDown") == SUCCESS
        assert sdk("StartAcquisition") == NOT_INITIALIZED

    def test_identity(self, sdk):
        assert sdk.text("GetHeadModel") == (SUCCESS, "DU920P_BV")
        assert sdk.ints("GetDetector", count=2) == (SUCCESS, 1024, 256)
        assert sdk.floats("GetPixelSize", count=2) == (SUCCESS, 26.0, 26.0)
        assert sdk.ints("GetCameraHandle", 1)[0] == P1

    def test_serial_number_belongs_to_the_bench_seed(self, clock, calling):
        numbers = []
        for seed in (1, 1, 2):
            client = calling(make_sdk([Unit("ccd", "andor")], clock=clock, seed=seed))
            client("Initialize", b"")
            numbers.append(client.ints("GetCameraSerialNumber")[1])
        assert numbers[0] == numbers[1] != numbers[2]

    def test_capabilities(self, sdk):
        structure = Capabilities(size=ctypes.sizeof(Capabilities))
        assert sdk("GetCapabilities", ctypes.byref(structure)) == SUCCESS
        assert structure.camera_type == 8
        assert structure.read_modes & 8
        assert sdk("GetCapabilities", ctypes.byref(Capabilities(size=4))) == P1

    def test_pointers_take_the_declarations_a_binding_makes(self, library):
        library.GetStatus.argtypes = [ctypes.POINTER(ctypes.c_int32)]
        library.GetStatus.restype = ctypes.c_uint
        library.GetStatus.errcheck = lambda code, function, arguments: (code, function.__name__)
        assert library.GetStatus(ctypes.byref(ctypes.c_int32())) == (NOT_INITIALIZED, "GetStatus")

    @pytest.mark.parametrize(("name", "arguments"), [
        ("SetTriggerInvert", (1,)), ("SetFrameTransferMode", (1,)), ("OutAuxPort", (1, 1)), ("SetExternalTriggerTermination", (1,)),
    ])
    def test_what_this_camera_cannot_do(self, sdk, name, arguments):
        assert sdk(name, *arguments) == NOT_SUPPORTED


class TestCooling:
    def test_state_is_the_return_code(self, sdk, clock):
        assert sdk.ints("GetTemperature")[0] == 20034          # off
        sdk("SetTemperature", -60)
        sdk("CoolerON")
        clock.wait(280.0)
        assert sdk.ints("GetTemperature") == (20037, -17)      # not reached
        clock.wait(318.0)
        assert sdk.ints("GetTemperature")[0] == 20035          # not stabilised
        clock.wait(40.0)
        assert sdk.ints("GetTemperature") == (20036, -60)      # stabilised
        assert sdk.floats("GetTemperatureF") == (20036, -60.0)
        sdk("CoolerOFF")
        clock.wait(1000.0)
        assert sdk.ints("GetTemperature") == (20034, 20)

    def test_range(self, sdk):
        assert sdk.ints("GetTemperatureRange", count=2) == (SUCCESS, -120, 20)
        assert sdk("SetTemperature", -121) == P1

    def test_a_bench_is_found_cold_and_stable(self, clock, calling):
        client = calling(make_sdk([Unit("ccd", "andor")], clock=clock, seed=1))
        client("Initialize", b"")
        client("SetTemperature", -60)
        client("CoolerON")
        assert client.ints("IsCoolerOn") == (SUCCESS, 1)
        assert client.ints("GetTemperature") == (20036, -60)

    def test_fault_not_cooled(self, sdk, library, clock):
        library.not_cooled = True
        sdk("SetTemperature", -60)
        sdk("CoolerON")
        clock.wait(3600.0)
        assert sdk.ints("GetTemperature") == (20037, 20)
        library.not_cooled = False
        clock.wait(3600.0)
        assert sdk.ints("GetTemperature") == (20036, -60)


class TestSettings:
    @pytest.mark.parametrize(("name", "arguments", "code"), [
        ("SetReadMode", (7,), P1), ("SetReadMode", (-1,), P1), ("SetAcquisitionMode", (0,), P1),
        ("SetAcquisitionMode", (4,), NOT_SUPPORTED), ("SetHSSpeed", (0, 3), P2), ("SetVSSpeed", (3,), P1),
        ("SetPreAmpGain", (3,), P1), ("SetTriggerMode", (3,), P1),
        ("SetExposureTime", (-1.0,), P1), ("SetNumberAccumulations", (0,), P1), ("SetImage", (1, 1, 1, 1024, 1, 257), P6),
        ("SetImage", (1, 1, 10, 5, 1, 256), P4), ("SetImage", (3, 1, 1, 1024, 1, 256), P4), ("SetSingleTrack", (1, 20), P2),
        ("SetShutter", (0, 3, 0, 0), P2), ("SetFanMode", (3,), P1)])
    def test_wrong_values_name_their_parameter(self, sdk, name, arguments, code):
        assert sdk(name, *arguments) == code

    def test_tables(self, sdk):
        assert [sdk.floats("GetHSSpeed", 0, 0, index)[1] for index in range(3)] == pytest.approx([3.0, 1.0, 0.05])
        assert [sdk.floats("GetVSSpeed", index)[1] for index in range(3)] == pytest.approx([11.2, 16.0, 32.0])
        assert [sdk.floats("GetPreAmpGain", index)[1] for index in range(3)] == [1.0, 2.0, 4.0]
        assert sdk.floats("GetHSSpeed", 0, 0, 3)[0] == 20068
        assert sdk.ints("IsPreAmpGainAvailable", 0, 0, 2, 2) == (SUCCESS, 1)

    def test_times_are_rounded_up(self, sdk):
        sdk("SetExposureTime", 0.123454)
        code, exposure, accumulate, kinetic = sdk.floats("GetAcquisitionTimings", count=3)
        assert code == SUCCESS
        assert exposure == pytest.approx(0.12346, abs=1e-8)
        assert accumulate == kinetic == pytest.approx(exposure + FVB_READOUT_S, abs=1e-5)

    def test_a_representable_time_stays(self, sdk):
        assert sdk.floats("GetAcquisitionTimings", count=3)[1] == pytest.approx(0.1, abs=1e-8)

    @pytest.mark.parametrize(("setup", "seconds"), [
        ([("SetReadMode", 0)], FVB_READOUT_S), ([("SetReadMode", 0), ("SetHSSpeed", 0, 2)], SHIFT_S + 1024 / 0.05e6),
        ([("SetReadMode", 4), ("SetImage", 1, 1, 1, 1024, 1, 256)], SHIFT_S + 256 * 1024 / 3e6)])
    def test_readout_time(self, sdk, setup, seconds):
        for name, *arguments in setup:
            assert sdk(name, *arguments) == SUCCESS
        assert sdk.floats("GetReadOutTime")[1] == pytest.approx(seconds, rel=1e-4)

    def test_multi_track_reports_where_it_starts(self, sdk):
        assert sdk.ints("SetMultiTrack", 4, 10, 0, count=2) == (SUCCESS, 28, 54)
        assert sdk.ints("SetMultiTrack", 300, 1, 0, count=2)[0] == P1


class TestAcquisition:
    def test_runs_its_time(self, sdk, clock):
        assert sdk("StartAcquisition") == SUCCESS
        assert sdk.status == ACQUIRING
        assert sdk("StartAcquisition") == ACQUIRING
        assert sdk("WaitForAcquisition") == SUCCESS
        assert clock.now() == pytest.approx(0.1 + FVB_READOUT_S, abs=1e-6)
        assert sdk.status == IDLE

    def test_data(self, sdk):
        sdk("StartAcquisition")
        assert sdk.data(1024)[0] == ACQUIRING
        sdk("WaitForAcquisition")
        code, counts = sdk.data(1024)
        assert code == SUCCESS
        assert 280 < np.median(counts) < 1500
        assert sdk.data(1000)[0] == P2

    def test_settings_are_locked_meanwhile(self, sdk):
        sdk("StartAcquisition")
        for name, *arguments in [("SetExposureTime", 1.0), ("SetReadMode", 4), ("SetTemperature", -10), ("CoolerON",)]:
            assert sdk(name, *arguments) == ACQUIRING
        assert sdk.ints("GetTemperature")[0] == 20034

    def test_no_data_before_the_first(self, sdk):
        assert sdk.data(1024)[0] == NO_NEW_DATA
        assert sdk("WaitForAcquisition") == NO_NEW_DATA

    def test_abort(self, sdk, clock):
        assert sdk("AbortAcquisition") == IDLE
        sdk("StartAcquisition")
        clock.wait(0.05)
        assert sdk("AbortAcquisition") == SUCCESS
        clock.wait(1.0)
        assert sdk.status == IDLE
        assert sdk.data(1024)[0] == NO_NEW_DATA

    def test_wait_gives_up(self, sdk, clock):
        sdk("SetExposureTime", 10.0)
        sdk("StartAcquisition")
        assert sdk("WaitForAcquisitionTimeOut", 500) == NO_NEW_DATA
        assert clock.now() == pytest.approx(0.5)

    def test_wait_is_cancelled(self, sdk, clock):
        sdk("SetExposureTime", 10.0)
        sdk("StartAcquisition")
        clock.call_at(1.0, lambda: sdk("CancelWait"))
        assert sdk("WaitForAcquisition") == NO_NEW_DATA
        assert clock.now() == pytest.approx(1.0)

    def test_kinetic_series(self, sdk, clock):
        sdk("SetAcquisitionMode", 3)
        sdk("SetNumberKinetics", 3)
        sdk("SetKineticCycleTime", 0.5)
        sdk("StartAcquisition")
        for number in range(3):
            assert sdk("WaitForAcquisition") == SUCCESS
            assert clock.now() == pytest.approx(number * 0.5 + 0.1 + FVB_READOUT_S, abs=1e-4)
        assert sdk("WaitForAcquisition") == NO_NEW_DATA
        assert sdk.ints("GetTotalNumberImagesAcquired") == (SUCCESS, 3)
        code, series = sdk.data(3 * 1024, "GetAcquiredData")
        assert code == SUCCESS
        assert sdk.images(2, 2, 1024)[0] == SUCCESS
        assert np.array_equal(sdk.images(2, 2, 1024)[1], series[1024:2048])
        assert sdk.images(2, 4, 3 * 1024)[0] == P2
        assert sdk.images(1, 2, 1024)[0] == P4

    def test_new_frames_are_counted_until_fetched(self, sdk):
        sdk("SetAcquisitionMode", 3)
        sdk("SetNumberKinetics", 2)
        sdk("StartAcquisition")
        assert sdk.ints("GetNumberNewImages", count=2)[0] == NO_NEW_DATA
        sdk("WaitForAcquisition")
        sdk("WaitForAcquisition")
        assert sdk.ints("GetNumberNewImages", count=2) == (SUCCESS, 1, 2)
        sdk.images(1, 2, 2048)
        assert sdk.ints("GetNumberNewImages", count=2)[0] == NO_NEW_DATA

    def test_accumulation_sums_before_it_reports(self, sdk, clock):
        sdk("SetAcquisitionMode", 2)
        sdk("SetNumberAccumulations", 4)
        sdk("StartAcquisition")
        clock.wait(0.25)
        assert sdk.ints("GetAcquisitionProgress", count=2) == (SUCCESS, 2, 0)
        assert sdk("WaitForAcquisition") == SUCCESS
        assert clock.now() == pytest.approx(4 * 0.1 + 4 * FVB_READOUT_S, abs=1e-4)
        assert np.median(sdk.data(1024)[1]) > 4 * 290

    def test_runs_till_aborted(self, sdk, clock):
        sdk("SetAcquisitionMode", 5)
        sdk("StartAcquisition")
        clock.wait(10.0)
        assert sdk.ints("GetTotalNumberImagesAcquired")[1] == int(10.0 / (0.1 + FVB_READOUT_S))
        assert sdk("AbortAcquisition") == SUCCESS

    def test_ring_drops_the_oldest(self, sdk, clock):
        sdk("SetReadMode", 4)
        sdk("SetAcquisitionMode", 5)
        size = sdk.ints("GetSizeOfCircularBuffer")[1]
        sdk("SetExposureTime", 0.001)
        sdk("StartAcquisition")
        clock.wait(0.1 * (size + 5))
        first, last = sdk.ints("GetNumberNewImages", count=2)[1:]
        assert last - first + 1 == size
        assert sdk.images(1, 1, 1024 * 256)[0] == P1

    @pytest.mark.parametrize(("setup", "pixels"), [
        ([("SetReadMode", 3), ("SetSingleTrack", 128, 20)], 1024),
        ([("SetReadMode", 4), ("SetImage", 2, 4, 101, 300, 9, 248)], 100 * 60)])
    def test_other_areas(self, sdk, setup, pixels):
        for name, *arguments in setup:
            assert sdk(name, *arguments) == SUCCESS
        sdk("StartAcquisition")
        sdk("WaitForAcquisition")
        assert sdk.data(pixels)[0] == SUCCESS

    def test_tracks(self, sdk):
        sdk("SetReadMode", 1)
        sdk.ints("SetMultiTrack", 5, 20, 0, count=2)
        sdk("StartAcquisition")
        sdk("WaitForAcquisition")
        assert sdk.data(5 * 1024)[0] == SUCCESS
        areas = (ctypes.c_int32 * 4)(10, 19, 100, 119)
        sdk("SetReadMode", 2)
        assert sdk("SetRandomTracks", 2, areas) == SUCCESS
        sdk("StartAcquisition")
        sdk("WaitForAcquisition")
        assert sdk.data(2 * 1024)[0] == SUCCESS
        assert sdk("SetRandomTracks", 2, (ctypes.c_int32 * 4)(10, 19, 15, 119)) == P2


class TestTriggers:
    def test_software(self, sdk, clock):
        sdk("SetTriggerMode", 10)
        sdk("StartAcquisition")
        clock.wait(5.0)
        assert sdk.status == ACQUIRING
        assert sdk("SendSoftwareTrigger") == SUCCESS
        assert sdk("WaitForAcquisition") == SUCCESS
        assert clock.now() == pytest.approx(5.1 + FVB_READOUT_S, abs=1e-6)

    def test_external_start_releases_the_whole_series(self, sdk, library, clock):
        sdk("SetTriggerMode", 6)
        sdk("SetAcquisitionMode", 3)
        sdk("SetNumberKinetics", 2)
        sdk("StartAcquisition")
        clock.wait(1.0)
        assert library.fire_trigger()
        assert [sdk("WaitForAcquisition") for _ in range(3)] == [SUCCESS, SUCCESS, NO_NEW_DATA]

    def test_external_wants_a_pulse_per_exposure(self, sdk, library, clock):
        sdk("SetTriggerMode", 1)
        sdk("SetAcquisitionMode", 3)
        sdk("SetNumberKinetics", 2)
        sdk("StartAcquisition")
        assert library.fire_trigger()
        assert sdk("WaitForAcquisition") == SUCCESS
        clock.wait(1.0)
        assert sdk.ints("GetTotalNumberImagesAcquired")[1] == 1
        assert library.fire_trigger()
        assert sdk("WaitForAcquisition") == SUCCESS


class TestFaults:
    def test_error_on_the_kth_call(self, sdk, library):
        library.failures.append(Failure("StartAcquisition", 20089, skip=1))
        assert sdk("StartAcquisition") == SUCCESS
        sdk("WaitForAcquisition")
        assert sdk("StartAcquisition") == 20089
        assert sdk.status == IDLE
        assert sdk("StartAcquisition") == SUCCESS

    def test_a_call_that_never_returns(self, sdk, library, clock):
        library.hang.add("StartAcquisition")
        returned = []
        clock.spawn("caller", lambda: returned.append(sdk("StartAcquisition")))
        clock.wait(1e6)
        assert not returned
        assert sdk.status == IDLE

    def test_a_mistake_inside_becomes_an_error_code(self, sdk, library, caplog):
        library.camera.element.open_gate = None
        assert sdk("StartAcquisition") == 20049
        assert "StartAcquisition failed" in caplog.text


class TestLight:
    @pytest.fixture
    def lit(self, clock, calling):
        """A camera behind an open shutter and a grating, and the shutter."""
        path = [PathItem(role, kind) for role, kind in (
            ("laser", "supercontinuum"), ("filter", "select"), ("shutter", "shutter"), ("sample", "sample"),
            ("spectrograph", "spectrograph"), ("ccd", "camera"))]
        twin = Twin(path, sample="ying2021", clock=clock, ideal=True)
        twin.element("filter").tune(0, centre_nm=500.0, amplitude=0.1)
        twin.element("shutter").opening.move(1.0)
        client = calling(make_sdk([Unit("ccd", "andor", {}, twin.element("ccd"))], twin=twin, clock=clock))
        client("Initialize", b"")
        client("SetExposureTime", 0.1)
        return client

    def line(self, client):
        client("StartAcquisition")
        client("WaitForAcquisition")
        return float(client.data(1024)[1][40:90].astype(float).sum() - 50 * 300)

    def test_gain_and_exposure(self, lit):
        once = self.line(lit)
        lit("SetPreAmpGain", 1)
        assert self.line(lit) == pytest.approx(2 * once, rel=0.03)
        lit("SetExposureTime", 0.2)
        assert self.line(lit) == pytest.approx(4 * once, rel=0.03)

    def test_an_aborted_exposure_leaves_nothing_behind(self, lit, clock):
        once = self.line(lit)
        lit("StartAcquisition")
        clock.wait(0.05)
        lit("AbortAcquisition")
        assert self.line(lit) == pytest.approx(once, rel=0.03)

    def test_internal_shutter_keeps_the_chip_dark(self, clock, lit, calling):
        element = lit.library.camera.element
        client = calling(make_sdk([Unit("ccd", "andor", {"shutter": "internal"}, element)], clock=clock))
        client("Initialize", b"")
        client("SetExposureTime", 0.1)
        client("SetShutter", 1, 2, 0, 0)
        dark = self.line(client)
        client("SetShutter", 1, 1, 0, 0)
        assert self.line(client) > 20 * abs(dark)
