"""QMI's PicoHarp driver measures with our library."""

import ctypes

import numpy as np
import pytest
from qmi.core.context import QMI_Context
from qmi.core.exceptions import QMI_InstrumentException
from qmi.instruments.picoquant import PicoQuant_PicoHarp300

from sim_instruments.picoharp import make_lib


@pytest.fixture
def library(clock):
    return make_lib(clock=clock, seed=5)


@pytest.fixture
def harp(library, monkeypatch):
    # The driver asks the loader for the vendor's file; everything behind that is its own code.
    monkeypatch.setattr(ctypes.cdll, "LoadLibrary", lambda name: {"libph300.so": library}[name])
    context = QMI_Context("labctl-tests")
    context.start()
    harp = PicoQuant_PicoHarp300(context, "harp", library.serial)
    harp.open()
    harp.initialize("HIST")
    yield harp
    harp.close()
    context.stop()


def test_identity(harp, library):
    assert harp.get_serial_number() == library.serial
    assert harp.get_hardware_info()[0] == "PicoHarp 300"
    assert harp.get_base_resolution() == (4.0, 8)
    assert harp.get_error_string(-17) == "invalid argument"


def test_measures_a_histogram(harp, clock):
    harp.calibrate()
    harp.set_input_cfd(1, 100, 10)
    harp.set_binning(3)
    harp.set_stop_overflow(True, 65535)
    clock.wait(0.2)
    assert harp.get_count_rate(0) == 5_000_000
    assert harp.get_count_rate(1) == pytest.approx(50_000, rel=0.1)
    harp.start_measurement(1000)
    deadline = clock.now() + 50.0
    while harp.get_measurement_active() and clock.now() < deadline:
        clock.wait(0.1)
    harp.stop_measurement()
    counts = np.array(harp.get_histogram(0))
    assert int(counts.sum()) == pytest.approx(50_000, rel=0.05)
    assert np.argmax(counts) * 32.0 == pytest.approx(10e3, abs=500.0)
    assert harp.get_flags() == []
    assert harp.get_warnings() == []


def test_refusals_arrive_as_exceptions(harp):
    with pytest.raises(QMI_InstrumentException, match="-17"):
        harp.set_binning(8)
