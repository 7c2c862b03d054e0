"""The emulated PHLib: return codes, timing, rates, overflow, and histograms of the right shape."""

import ctypes

import numpy as np
import pytest

from sim_instruments.picoharp import make_lib, make_sdk
from sim_instruments.sdk import Failure
from sim_instruments.twin.more_elements import TcspcPort, thinned
from sim_instruments.wire import Unit


@pytest.fixture
def port(clock):
    return TcspcPort("tcspc", clock)


@pytest.fixture
def closed(port, clock):
    return make_sdk([Unit("tcspc", "picoharp", {}, port)], clock=clock, seed=3)


@pytest.fixture
def library(closed, clock):
    assert closed.PH_OpenDevice(0, ctypes.create_string_buffer(8)) == 0
    assert closed.PH_Initialize(0, 0) == 0
    assert closed.PH_Calibrate(0) == 0
    clock.wait(0.2)
    return closed


def integer(function, *arguments) -> int:
    value = ctypes.c_int(-999)
    assert function(*arguments, ctypes.byref(value)) == 0
    return value.value


def histogram(library) -> np.ndarray:
    counts = (ctypes.c_uint32 * 65536)()
    assert library.PH_GetHistogram(0, counts, 0) == 0
    return np.array(counts)


def measure(library, clock, milliseconds: int) -> np.ndarray:
    library.PH_ClearHistMem(0, 0)
    assert library.PH_StartMeas(0, milliseconds) == 0
    clock.wait(milliseconds / 1e3 + 0.01)
    assert integer(library.PH_CTCStatus, 0) == 1
    assert library.PH_StopMeas(0) == 0
    return histogram(library)


class TestCodes:
    def test_examples(self, closed, clock):
        assert closed.PH_OpenDevice(1, ctypes.create_string_buffer(8)) == -1
        assert closed.PH_OpenDevice(9, ctypes.create_string_buffer(8)) == -17
        assert closed.PH_Calibrate(0) == -10
        serial = ctypes.create_string_buffer(8)
        assert closed.PH_OpenDevice(0, serial) == 0
        assert serial.value.decode() == closed.serial
        assert closed.PH_Calibrate(0) == -22
        assert closed.PH_Initialize(0, 7) == -18
        assert closed.PH_Initialize(0, 0) == 0

    @pytest.mark.parametrize(("name", "arguments"), [
        ("SetBinning", (8,)), ("SetSyncDiv", (3,)), ("SetInputCFD", (0, 900, 10)), ("SetInputCFD", (0, 100, 21)),
        ("SetOffset", (-1,)), ("SetSyncOffset", (100_000,)), ("StartMeas", (0,)), ("StartMeas", (360_000_001,)),
        ("SetStopOverflow", (1, 65536)),
        ("ClearHistMem", (4,)), ("SetMultistopEnable", (2,)), ("SetMarkerHoldoffTime", (210_481,)),
    ])
    def test_out_of_range(self, library, name, arguments):
        assert getattr(library, f"PH_{name}")(0, *arguments) == -17

    @pytest.mark.parametrize(("name", "arguments"), [
        ("SetBinning", (7,)), ("SetSyncDiv", (8,)), ("SetInputCFD", (1, 800, 20)), ("SetOffset", (1_000_000_000,)),
        ("SetSyncOffset", (-99_999,)), ("SetStopOverflow", (0, 1)), ("SetMarkerEnable", (1, 0, 0, 1)), ("EnableRouting", (0,))])
    def test_ends_of_the_ranges(self, library, name, arguments):
        assert getattr(library, f"PH_{name}")(0, *arguments) == 0

    def test_options_that_are_not_fitted(self, library):
        assert library.PH_EnableRouting(0, 1) == -18
        assert library.PH_Initialize(0, 3) == -18
        assert library.PH_ReadFiFo(0, (ctypes.c_uint32 * 4)(), 4, ctypes.byref(ctypes.c_int())) == -18

    def test_texts(self, library):
        text = ctypes.create_string_buffer(40)
        assert library.PH_GetLibraryVersion(text) == 0
        assert text.value == b"3.0"
        assert library.PH_GetErrorString(text, -17) == 0
        assert text.value == b"invalid argument"
        model, part, version = (ctypes.create_string_buffer(16) for _ in range(3))
        assert library.PH_GetHardwareInfo(0, model, part, version) == 0
        assert model.value == b"PicoHarp 300"

    def test_resolutions(self, library):
        resolution, steps = ctypes.c_double(), ctypes.c_int()
        assert library.PH_GetBaseResolution(0, ctypes.byref(resolution), ctypes.byref(steps)) == 0
        assert (resolution.value, steps.value) == (4.0, 8)
        library.PH_SetBinning(0, 3)
        library.PH_GetResolution(0, ctypes.byref(resolution))
        assert resolution.value == 32.0

    def test_result_types_can_be_assigned(self, closed):
        closed.PH_OpenDevice.argtypes = [ctypes.c_int, ctypes.POINTER(ctypes.c_char)]
        closed.PH_OpenDevice.restype = ctypes.c_int
        assert closed.PH_OpenDevice(1, ctypes.create_string_buffer(8)) == -1


class TestMeasuring:
    def test_a_measurement_takes_its_time(self, library, clock):
        assert library.PH_StartMeas(0, 300) == 0
        clock.wait(0.29)
        assert integer(library.PH_CTCStatus, 0) == 0
        assert library.PH_StartMeas(0, 300) == -16
        assert library.PH_SetBinning(0, 1) == -16
        clock.wait(0.02)
        assert integer(library.PH_CTCStatus, 0) == 1
        elapsed = ctypes.c_double()
        library.PH_GetElapsedMeasTime(0, ctypes.byref(elapsed))
        assert elapsed.value == pytest.approx(300.0)

    def test_rates_need_a_gate(self, library, clock, port):
        assert integer(library.PH_GetCountRate, 0, 0) == 5_000_000
        assert integer(library.PH_GetCountRate, 0, 1) == pytest.approx(50_000, rel=0.1)
        library.PH_SetSyncDiv(0, 2)
        assert integer(library.PH_GetCountRate, 0, 0) == 0
        clock.wait(0.11)
        assert integer(library.PH_GetCountRate, 0, 0) == 5_000_000      # the divider is accounted for

    def test_warnings(self, library, clock, port):
        assert integer(library.PH_GetWarnings, 0) == 0
        port.count_rate_hz = 300e3
        assert integer(library.PH_GetWarnings, 0) == 0x100
        library.PH_SetOffset(0, 1000)
        port.count_rate_hz = 0.0
        assert integer(library.PH_GetWarnings, 0) == 0x10 | 0x800
        port.sync_rate_hz = 78e6
        assert integer(library.PH_GetWarnings, 0) & 0x4
        port.sync_rate_hz = 0.0
        assert integer(library.PH_GetWarnings, 0) & 0x1
        text = ctypes.create_string_buffer(16384)
        assert library.PH_GetWarningsText(0, text, 0x11) == 0
        assert text.value.count(b"\n") == 1

    def test_the_histogram_is_the_decay(self, library, clock, port):
        port.lifetime_ps, port.arrival_ps = 5000.0, 20e3
        library.PH_SetBinning(0, 3)
        counts = measure(library, clock, 10_000)
        assert counts.sum() == pytest.approx(500_000, rel=0.01)
        times = np.arange(65536) * 32.0
        tail = (times > 21e3) & (times < 60e3)
        lifetime = np.average(times[tail] - 21e3, weights=counts[tail])
        # mean of a truncated exponential: τ - w·exp(-w/τ)/(1 - exp(-w/τ))
        assert lifetime == pytest.approx(5000.0 - 39e3 * np.exp(-39 / 5) / (1 - np.exp(-39 / 5)), rel=0.02)
        assert counts[times < 19e3].sum() < 0.02 * counts.sum()

    def test_a_divided_sync_shows_several_periods(self, library, clock, port):
        port.sync_rate_hz, port.lifetime_ps = 78e6, 300.0
        library.PH_SetSyncDiv(0, 8)
        counts = measure(library, clock, 10_000).astype(float)
        bins = round(8 * 1e12 / 78e6 / 4.0)
        assert counts[bins + 1:].sum() == 0
        first, *_, last = np.array_split(counts[:bins], 8)
        assert first.sum() == pytest.approx(float(last.sum()), rel=0.05)

    def test_offset_and_sync_offset_move_the_window(self, library, clock, port):
        port.arrival_ps, port.lifetime_ps = 20e3, 100.0
        library.PH_SetOffset(0, 15_000)
        library.PH_SetSyncOffset(0, 2000)
        counts = measure(library, clock, 3000)
        assert np.argmax(counts) * 4.0 == pytest.approx(3000.0, abs=200.0)

    def test_a_full_bin_stops_it(self, library, clock, port):
        library.PH_SetStopOverflow(0, 1, 100)
        counts = measure(library, clock, 60_000)
        assert counts.max() == 100
        assert integer(library.PH_GetFlags, 0) == 0x40
        elapsed = ctypes.c_double()
        library.PH_GetElapsedMeasTime(0, ctypes.byref(elapsed))
        assert counts.sum() == pytest.approx(50_000 * elapsed.value / 1e3, rel=0.05)

    def test_without_the_stop_a_full_bin_stays_full(self, library, clock, port):
        library.PH_SetStopOverflow(0, 0, 1)
        library.PH_SetBinning(0, 7)
        port.count_rate_hz = 200e3
        counts = measure(library, clock, 10_000)
        assert counts.max() == 65535
        assert integer(library.PH_GetFlags, 0) == 0x40

    def test_only_the_first_photon_of_a_start_counts_without_multistop(self, library, clock, port):
        port.count_rate_hz, port.lifetime_ps = 5e6, 20e3          # one photon per sync on average
        library.PH_SetMultistopEnable(0, 0)
        library.PH_SetBinning(0, 3)
        library.PH_SetStopOverflow(0, 0, 1)
        assert measure(library, clock, 100).sum() == pytest.approx(5e6 * 0.1 * (1 - np.exp(-1)), rel=0.01)

    def test_photons_behind_others_are_lost(self, library, clock, port):
        port.count_rate_hz = 2e6
        assert measure(library, clock, 1000).sum() < 0.9 * 2e6

    def test_counts_add_up_until_they_are_cleared(self, library, clock):
        once = float(measure(library, clock, 500).sum())
        library.PH_StartMeas(0, 500)
        clock.wait(1.0)
        assert histogram(library).sum() == pytest.approx(2 * once, rel=0.05)


def test_the_first_photon_hides_the_others_as_coates_says():
    mean = np.array([100.0, 50.0, 50.0])
    assert thinned(mean, 1000.0, None) == pytest.approx(mean * np.exp([0.0, -0.1, -0.15]))
    assert thinned(mean, 1000.0, 1) == pytest.approx(mean * np.exp([0.0, -0.1, -0.05]))


class TestFaults:
    def test_device_missing_held_or_unplugged(self, closed):
        serial = ctypes.create_string_buffer(8)
        closed.missing = True
        assert closed.PH_OpenDevice(0, serial) == -1
        closed.missing, closed.held = False, True
        assert closed.PH_OpenDevice(0, serial) == -11
        closed.held = False
        assert closed.PH_OpenDevice(0, serial) == 0
        closed.unplugged = True
        assert closed.PH_Initialize(0, 0) == -32

    def test_planned_failures_and_the_system_error_flag(self, library):
        library.failures.append(Failure("PH_StartMeas", -65, times=1))
        assert library.PH_StartMeas(0, 100) == -65
        assert library.PH_StartMeas(0, 100) == 0
        library.system_error = True
        assert integer(library.PH_GetFlags, 0) == 0x100


    def test_a_power_cycle_loses_the_counts_and_the_hold_on_the_device(self, library, clock):
        library.PH_SetBinning(0, 3)
        assert measure(library, clock, 500).sum() > 0
        library.PH_StartMeas(0, 1000)
        library.power_cycle()
        assert library.PH_CTCStatus(0, ctypes.byref(ctypes.c_int())) == -32
        assert library.PH_CloseDevice(0) == 0
        assert library.PH_OpenDevice(0, ctypes.create_string_buffer(8)) == 0
        assert library.PH_StartMeas(0, 100) == -22
        assert library.PH_Initialize(0, 0) == 0
        assert histogram(library).sum() == 0
        value = ctypes.c_double()
        library.PH_GetResolution(0, ctypes.byref(value))
        assert value.value == 4.0

    def test_an_input_that_counts_nothing(self, library, clock):
        library.detector_dead = True
        assert measure(library, clock, 500).sum() == 0
        assert integer(library.PH_GetCountRate, 0, 1) == 0
        assert integer(library.PH_GetWarnings, 0) & 0x10
        library.detector_dead, library.sync_lost = False, True
        assert measure(library, clock, 500).sum() == 0
        assert integer(library.PH_GetCountRate, 0, 0) == 0
        assert integer(library.PH_GetWarnings, 0) & 0x01
        library.sync_lost = False
        assert measure(library, clock, 500).sum() > 0


def test_a_library_stands_alone():
    library = make_lib(seed=2, speed=50.0)
    assert library.PH_OpenDevice(0, ctypes.create_string_buffer(8)) == 0
