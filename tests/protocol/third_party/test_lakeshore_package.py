"""Lake Shore's own Python package drives our 336, over TCP."""

import pytest
from lakeshore import InstrumentException, Model336

from sim_instruments.lakeshore import EmulatedLakeShore336
from sim_instruments.serve import TcpServer
from sim_instruments.wire import Unit


@pytest.fixture
def device(clock):
    return EmulatedLakeShore336([Unit("cryostat", "lakeshore336")], clock=clock, seed=5)


@pytest.fixture
def controller(device, serve):
    server = serve(TcpServer(device))
    with Model336(ip_address=server.host, tcp_port=server.port) as controller:
        yield controller


def test_identity(controller, device):
    assert (controller.model_number, controller.firmware_version) == ("MODEL336", "2.9")
    assert controller.serial_number == device.serial


def test_readings(controller):
    assert controller.get_kelvin_reading("A") == 295.0
    assert controller.get_all_kelvin_reading() == [295.0, 0.0, 0.0, 0.0]
    assert controller.get_celsius_reading("A") == pytest.approx(21.85)
    assert controller.get_input_reading_status("B").invalid_reading
    assert not controller.get_input_reading_status("A").to_integer()
    assert 0.4 < controller.get_sensor_reading("A") < 0.6


def test_set_point_ramp_and_heater(controller, device):
    controller.set_heater_output_mode(1, controller.HeaterOutputMode.CLOSED_LOOP, controller.InputChannel.CHANNEL_A)
    controller.set_heater_pid(1, 60, 20, 0)
    assert controller.get_heater_pid(1) == {"gain": 60.0, "integral": 20.0, "derivative": 0.0}
    controller.set_setpoint_ramp_parameter(1, True, 60.0)
    controller.set_heater_range(1, controller.HeaterRange.HIGH)
    controller.set_control_setpoint(1, 290.0)
    assert controller.get_setpoint_ramp_status(1)
    assert controller.get_setpoint_ramp_parameter(1) == {"ramp_enable": True, "rate_value": 60.0}
    assert 290.0 < controller.get_control_setpoint(1) <= 295.0
    assert controller.get_heater_range(1) == controller.HeaterRange.HIGH
    assert device.cryostat.sensor_k.target < 295.0
    controller.all_heaters_off()
    assert controller.get_heater_range(1) == controller.HeaterRange.OFF
    assert controller.get_heater_output(1) == 0.0


def test_names_and_errors(controller):
    controller.set_sensor_name("A", "Cold finger")
    assert controller.get_sensor_name("A").strip() == "Cold finger"
    with pytest.raises(InstrumentException, match="Command Error"):
        controller.command("NONSENSE 1")
    with pytest.raises(InstrumentException, match="Execution Error"):
        controller.set_control_setpoint(9, 10.0)
