"""Slit, mirrors and turret of a spectrograph, where they have motors and where they have none."""

from __future__ import annotations

import pytest

from drivers.spectrapro import CommandUnknown, SpectraPro, SpectraProPort
from labctl.core.errors import InstrumentError, LimitError
from sim_instruments.spectrapro import EmulatedSpectraPro
from sim_instruments.visa import SimulatedVisa
from sim_instruments.wire import Unit

RESOURCE = "ASRL/dev/ttyUSB4::INSTR"


@pytest.fixture
def device(clock):
    options = {"slit": "SIDE-ENT-SLIT", "mirrors": ["EXIT-MIRROR"]}
    return EmulatedSpectraPro([Unit("spectrograph", "spectrapro", options)], clock=clock, seed=5)


@pytest.fixture
def connect(clock, device):
    port = SpectraProPort(RESOURCE, clock=clock, name="spectrograph", visa_library=SimulatedVisa({RESOURCE: device}, clock))
    return lambda **options: SpectraPro(port, clock=clock, name="spectrograph", **options)


@pytest.fixture
def finish(clock):
    def wait(driver):
        begun = clock.now()
        while driver.moving:
            assert clock.now() < begun + 60.0
            clock.wait(0.02)
        return clock.now() - begun

    return wait


def test_the_slit_is_an_axis_in_steps_of_five(connect, device, finish):
    driver = connect(slit="SIDE-ENT-SLIT")
    assert driver.axes["slit"].unit == "um"
    driver.start_slit(152.0)
    assert finish(driver) == pytest.approx(0.1, abs=0.05)
    assert driver.slit_um == device.monochromator.slit_um.position == 150.0
    assert driver.settings()["slit_um"] == 150.0
    with pytest.raises(LimitError, match="nothing was sent"):
        driver.start_slit(5.0)


def test_without_a_motor_there_is_no_axis(connect):
    driver = connect()
    assert "slit" not in driver.axes
    with pytest.raises(LimitError, match="FRONT-ENT-SLIT"):
        driver.start_slit(50.0)
    with pytest.raises(CommandUnknown, match="no motor"):
        connect(slit="FRONT-ENT-SLIT").slit_um     # noqa: B018  the question is refused
    with pytest.raises(InstrumentError, match="slit"):
        connect(slit="BACK-SLIT")


def test_a_mirror_turns_and_says_where_it_points(connect, finish):
    driver = connect()
    assert driver.mirror("EXIT-MIRROR") == "front"
    driver.start_mirror("EXIT-MIRROR", "side")
    assert finish(driver) == pytest.approx(1.0, abs=0.1)
    assert driver.mirror("EXIT-MIRROR") == "side"
    with pytest.raises(CommandUnknown, match="no motor"):
        driver.mirror("ENT-MIRROR")


def test_another_turret_has_other_gratings(connect, device):
    driver = connect()
    assert driver.gratings
    driver.turret = 2
    assert driver.turret == device.turret == 2
    with pytest.raises(LimitError, match="turret 4"):
        driver.turret = 4
