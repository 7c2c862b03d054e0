"""pyLabLib's serial drivers work on our emulators, over a pseudo-terminal."""

import pytest
from pylablib.devices import NKT, Thorlabs

from sim_instruments.elliptec import ElliptecPort
from sim_instruments.faults import Fault
from sim_instruments.fw102c import EmulatedFW102C
from sim_instruments.nkt import InterbusPort
from sim_instruments.nkt_filters import RfDriver, Varia
from sim_instruments.nkt_laser import SuperKLaser
from sim_instruments.serve import PtyServer
from sim_instruments.wire import Unit

pytestmark = pytest.mark.usefixtures("no_modem_lines")


class TestInterbus:
    @pytest.fixture
    def bus(self, clock):
        units = [Unit("laser", "superk_laser"), Unit("filter", "superk_select", {"address": 6}), Unit("varia", "superk_varia")]
        bus = InterbusPort(units, clock=clock, seed=5)
        bus.module(SuperKLaser).wide_picker = True        # pyLabLib insists on two bytes
        return bus

    @pytest.fixture
    def system(self, bus, serve, open_client):
        port = serve(PtyServer(bus)).path
        return open_client(NKT.InterbusSystem, port, modules=[1, 6, 15, 16, 17])

    def test_finds_the_modules_by_type(self, system):
        assert {address: module.dtype for address, module in system.m.items()} == {1: 0x61, 6: 0x66, 15: 0x60, 16: 0x68, 17: 0x67}

    def test_reads_every_register_it_knows(self, system, bus):
        registers = system.get_all_module_registers()
        assert registers[15]["temperature_inlet"] == pytest.approx(24.5)
        assert registers[15]["serial"] == bus.module(SuperKLaser).serial.decode()
        assert registers[15]["interlock"] == 2
        assert registers[6]["min_wavelength"] == pytest.approx(430e-9)

    def test_sets_what_the_light_sees(self, system, bus):
        system.m[15].set_register("power", 50.0)
        system.m[6].set_register("wavelength0", 530e-9)
        system.m[6].set_register("amplitude0", 50.0)
        assert bus.module(SuperKLaser).source.level == 0.5
        line = bus.module(RfDriver).element.lines[0]
        assert (line.centre_nm, line.amplitude) == (pytest.approx(530.0, abs=1e-3), 0.5)

    def test_a_wrong_checksum_is_noticed(self, system, bus):
        bus.faults.append(Fault("checksum"))
        with pytest.raises(NKT.interbus.InterbusError, match="CRC"):
            system.m[15].get_register("emission")

    def test_escaped_values_survive(self, system, bus):
        for tenths in (0x150A, 0x155E, 0x150D):
            assert system.ib_set_reg(16, 0x33, tenths, "u16") == tenths
            assert bus.module(Varia).upper_edge == tenths


class TestElliptec:
    @pytest.fixture
    def bus(self, clock):
        units = [Unit("attenuator", "elliptec", {"address": "0"}), Unit("analyser", "elliptec", {"address": "2", "model": "ELL18"})]
        return ElliptecPort(units, clock=clock, seed=5)

    @pytest.fixture
    def motor(self, bus, serve, open_client):
        return open_client(Thorlabs.ElliptecMotor, serve(PtyServer(bus)).path, addrs=[0, 2])

    def test_agrees_on_identity_scale_and_position(self, motor, bus):
        assert motor.get_connected_addrs() == [0, 2]
        information = motor.get_device_info(addr=2)
        assert (information.model_no, information.travel, information.pulse) == (18, 360, 262144)
        pulse = 360 / 143360
        for angle in (45.0, -30.0, 22.5):
            assert motor.move_to(angle, addr=0)
            assert bus.unit("0").plate.angle.position == pytest.approx(angle, abs=pulse)
            assert motor.get_position(addr=0) == pytest.approx(angle, abs=pulse)
        assert motor.move_by(-90.0, addr=2)
        assert bus.unit("2").plate.angle.position == pytest.approx(-90.0, abs=0.002)
        assert motor.home(addr=0)
        assert motor.get_position(addr=0) == 0.0

    def test_settings_and_faults(self, motor, bus):
        assert motor.set_velocity(50, addr=0) == 50
        assert motor.get_motor_info(addr=0).loop
        assert motor.search_frequency(addr=0)
        bus.unit("0").jammed = True
        assert not motor.move_to(10.0, addr=0)
        assert motor.get_status(addr=0) == "mech_timeout"
        with pytest.raises(Thorlabs.ThorlabsError, match="value_out_of_range"):
            motor.move_to(4000.0, addr=0)


class TestFilterWheel:
    @pytest.fixture
    def device(self, clock):
        return EmulatedFW102C([Unit("wheel", "filter_wheel")], clock=clock)

    @pytest.fixture
    def wheel(self, device, serve, open_client):
        return open_client(Thorlabs.FW, serve(PtyServer(device)).path)

    def test_turns_and_agrees_on_the_position(self, wheel, device):
        assert wheel.get_pcount() == 6
        for slot in (3, 6, 1):
            assert wheel.set_position(slot) == slot
            assert device.wheel.slot.position == slot

    def test_a_wheel_of_twelve(self, clock, serve, open_client):
        device = EmulatedFW102C([Unit("wheel", "filter_wheel", {"model": "FW212C"})], clock=clock)
        wheel = open_client(Thorlabs.FW, serve(PtyServer(device)).path)
        assert wheel.get_pcount() == 12
        assert wheel.set_position(11) == 11

    def test_switches(self, wheel):
        assert wheel.set_speed_mode("low") == "low"
        assert wheel.set_sensor_mode("on") == "on"
        assert wheel.set_trigger_mode("out") == "out"
