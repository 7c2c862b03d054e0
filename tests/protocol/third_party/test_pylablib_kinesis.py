"""pyLabLib's Kinesis driver turns our K10CR1, over a pseudo-terminal."""

from pathlib import Path

import pytest
from pylablib.devices import Thorlabs

from sim_instruments.k10cr1 import EmulatedK10CR1
from sim_instruments.serve import PtyServer
from sim_instruments.wire import Unit

pytestmark = pytest.mark.usefixtures("no_modem_lines")

STEP_DEG = 3 / 409600


@pytest.fixture
def device(clock):
    return EmulatedK10CR1([Unit("analyser", "k10cr1")], clock=clock, seed=5)


@pytest.fixture
def motor(device, serve, open_client, tmp_path, monkeypatch):
    # Whatever is not called tty... the driver takes for the serial number of a USB chip.
    monkeypatch.chdir(tmp_path)
    serve(PtyServer(device, link=Path("ttyK10")))
    return open_client(Thorlabs.KinesisMotor, "ttyK10", scale="stage")


def test_recognises_the_mount_and_its_scale(motor, device):
    information = motor.get_device_info()
    assert (information.serial_no, information.model_no, information.nchannels) == (device.serial, "K10CR1", 1)
    assert (motor.get_stage(), motor.get_scale_units()) == ("K10CR1", "deg")


def test_homes_moves_and_agrees_on_the_angle(motor, device):
    device.plate.angle.move(30.0)
    motor.home(timeout=10.0)
    assert motor.is_homed()
    assert device.plate.angle.position == pytest.approx(0.0, abs=STEP_DEG)
    motor.move_to(45.0)
    motor.wait_move(timeout=10.0)
    motor.move_by(-100.0)
    motor.wait_move(timeout=10.0)
    assert motor.get_position() == pytest.approx(-55.0, abs=2 * STEP_DEG)
    assert device.plate.angle.position == pytest.approx(-55.0, abs=2 * STEP_DEG)
    assert motor.check_background_comm(0x0464)[0] >= 1


def test_jogs_and_stops(motor):
    motor.jog("-")
    assert motor.is_moving()
    motor.stop(timeout=10.0)
    assert not motor.is_moving()
    assert motor.check_background_comm(0x0466)[0] == 1


def test_settings_are_kept(motor):
    velocity = motor.setup_velocity(acceleration=10.0, max_velocity=5.0)
    assert (velocity.acceleration, velocity.max_velocity) == (pytest.approx(10.0, rel=1e-3), pytest.approx(5.0, rel=1e-6))
    assert motor.setup_jog(step_size=2.0).step_size == pytest.approx(2.0, abs=STEP_DEG)
    assert motor.setup_homing(velocity=3.0).velocity == pytest.approx(3.0, rel=1e-6)
    assert motor.setup_gen_move(backlash_distance=1.0).backlash_distance == pytest.approx(1.0, abs=STEP_DEG)
    assert motor.get_limit_switch_parameters().sw_kind == "ignore"
    motor.set_position_reference(12.0)
    assert motor.get_position() == pytest.approx(12.0, abs=STEP_DEG)
