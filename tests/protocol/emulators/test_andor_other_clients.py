"""What other programs ask of the emulated Andor library: loose types, newest and oldest frame, settings our driver leaves alone."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

SUCCESS, NO_NEW_DATA, ACQUIRING, IDLE, NOT_INITIALIZED, NOT_SUPPORTED = 20002, 20024, 20072, 20073, 20075, 20991
P1, P2, P4, P6 = 20066, 20067, 20069, 20077


class TestOtherClients:
    """What programs use that were written for the real library."""

    @pytest.mark.parametrize("kind", [ctypes.c_int, ctypes.c_uint, ctypes.c_long, ctypes.c_int32])
    def test_any_pointer_and_any_number_will_do_where_nothing_is_declared(self, library, sdk, kind):
        value = kind()
        assert library.GetStatus(ctypes.byref(value)) == SUCCESS
        assert value.value == IDLE
        assert library.SetReadMode(kind(4)) == SUCCESS
        assert library.SetExposureTime(ctypes.c_double(0.25)) == SUCCESS
        assert sdk.floats("GetAcquisitionTimings", count=3)[1] == pytest.approx(0.25)

    def test_newest_and_oldest_frame(self, sdk, clock):
        sdk("SetAcquisitionMode", 3)
        sdk("SetNumberKinetics", 3)
        assert sdk.data(1024, "GetMostRecentImage")[0] == NO_NEW_DATA
        sdk("StartAcquisition")
        clock.wait(1.0)
        series = [sdk.images(number, number, 1024)[1] for number in (1, 2, 3)]
        assert np.array_equal(sdk.data(1024, "GetMostRecentImage16")[1], series[2])
        assert sdk.data(1024, "GetOldestImage16")[0] == NO_NEW_DATA       # all have been fetched
        sdk("StartAcquisition")
        clock.wait(1.0)
        first = sdk.data(1024, "GetOldestImage")
        assert first[0] == SUCCESS
        assert np.array_equal(first[1], sdk.images(1, 1, 1024)[1])
        assert sdk.data(10, "GetOldestImage16")[0] == P2

    @pytest.mark.parametrize(("name", "arguments", "code"), [
        ("SetFilterMode", (2,), SUCCESS), ("SetFilterMode", (3,), P1), ("SetBaselineClamp", (1,), SUCCESS),
        ("SetImageFlip", (0, 0), SUCCESS), ("SetImageFlip", (1, 0), NOT_SUPPORTED), ("SetImageRotate", (1,), NOT_SUPPORTED),
        ("SetVSAmplitude", (5,), P1), ("IsTriggerModeAvailable", (6,), SUCCESS), ("IsTriggerModeAvailable", (9,), 20095),
        ("SetTriggerMode", (9,), 20095), ("SetTriggerMode", (12,), 20095)])
    def test_switches(self, sdk, name, arguments, code):
        assert sdk(name, *arguments) == code

    def test_what_is_asked_for_seldom(self, sdk):
        assert sdk.ints("GetFilterMode") == (SUCCESS, 0)
        assert sdk.ints("GetBaselineClamp") == (SUCCESS, 1)
        assert sdk.ints("GetImageFlip", count=2) == (SUCCESS, 0, 0)
        assert sdk.floats("GetMinimumExposure") == (SUCCESS, pytest.approx(1e-5))
        assert sdk.floats("GetMaximumExposure")[0] == SUCCESS
        assert sdk.ints("GetMaximumBinning", 4, 1) == (SUCCESS, 256)
        assert sdk.ints("GetMaximumBinning", 5, 1)[0] == P1
        assert sdk.ints("GetNumberVSAmplitudes") == (SUCCESS, 5)
        assert sdk.text("GetVSAmplitudeString", 0) == (SUCCESS, "Normal")
        assert sdk.ints("GetHardwareVersion", count=6)[0] == sdk.ints("GetSoftwareVersion", count=6)[0] == SUCCESS
