"""pyLabLib's Andor SDK2 camera on the emulated library, through C function pointers."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.clock import RealClock
from sim_instruments.andor import make_lib
from sim_instruments.sdk import Failure
from sim_instruments.twin.twin import PathItem, Twin

SPEED = 50.0


@pytest.fixture
def library():
    return make_lib(speed=SPEED, seed=4)


@pytest.fixture
def camera(library, load_andor, open_client):
    return open_client(load_andor(library))


def test_identity(camera, library):
    info = camera.get_device_info()
    assert info.head_model == "DU920P_BV"
    assert info.serial_number == library.serial
    assert camera.get_detector_size() == (1024, 256)
    assert camera.get_pixel_size() == pytest.approx((26e-6, 26e-6))


def test_capabilities_are_read_as_structure(camera):
    capabilities = camera.get_capabilities()
    assert capabilities["cam_type"] == "AC_CAMERATYPE_NEWTON"
    assert "AC_READMODE_FVB" in capabilities["read_mode"]


def test_cools_down(camera):
    camera.set_temperature(-5)
    assert camera.get_temperature_status() == "not_reached"
    assert 0 < camera.get_temperature() <= 20
    assert camera.get_temperature_range() == (-120, 20)
    camera.set_cooler(False)
    assert camera.get_temperature_status() == "off"


def test_amplifier_modes(camera):
    modes = camera.get_all_amp_modes()
    assert sorted({round(mode.hsspeed_MHz, 6) for mode in modes}) == [0.05, 1.0, 3.0]
    camera.set_amp_mode(hsspeed=2, preamp=1)
    assert camera.get_amp_mode().preamp_gain == 2.0
    camera.set_read_mode("fvb")
    assert camera.get_readout_time() == pytest.approx(256 * 11.2e-6 + 1024 / 0.05e6, rel=1e-3)


def test_snap_in_full_vertical_binning(camera):
    camera.set_exposure(0.1)
    camera.set_read_mode("fvb")
    assert camera.get_cycle_timings().exposure == pytest.approx(0.1)
    frame = camera.snap()
    assert frame.shape == (1, 1024)
    assert frame.dtype == np.uint16
    assert 295 < frame.min() < 1200


def test_image_with_region_and_binning(camera):
    camera.set_exposure(0.01)
    camera.set_read_mode("image")
    camera.set_roi(0, 1024, 100, 140, 2, 4)
    assert camera.snap().shape == (10, 512)


def test_sequence(camera):
    camera.set_exposure(0.02)
    camera.set_read_mode("fvb")
    frames = camera.grab(4)
    assert len(frames) == 4
    assert not np.array_equal(frames[0], frames[1])


def test_single_track(camera):
    camera.set_exposure(0.02)
    camera.setup_single_track_mode(center=127, width=20)
    assert camera.snap().shape == (1, 1024)


def test_sees_the_twin_s_light(load_andor, open_client):
    clock = RealClock(speed=SPEED)
    path = [PathItem(role, kind) for role, kind in (
        ("laser", "supercontinuum"), ("filter", "select"), ("cleanup", "clean_up"), ("shutter", "shutter"), ("sample", "sample"),
        ("spectrograph", "spectrograph"), ("ccd", "camera"))]
    twin = Twin(path, sample="ying2021", clock=clock, ideal=True)
    twin.element("filter").tune(0, centre_nm=500.0, amplitude=1.0)
    camera = open_client(load_andor(make_lib(twin=twin, clock=clock)))
    camera.set_read_mode("fvb")
    camera.set_exposure(0.2)
    dark = camera.snap().astype(int)
    twin.element("shutter").opening.move(1.0)
    lit = camera.snap().astype(int)
    assert (lit - dark)[0, :150].max() > 150
    assert np.abs((lit - dark)[0, 500:]).mean() < 10


def test_errors_arrive_as_the_library_s_codes(camera, library):
    library.failures.append(Failure("SetExposureTime", 20089))
    with pytest.raises(camera.Error, match="20089"):
        camera.set_exposure(0.1)
    camera.set_exposure(0.1)
