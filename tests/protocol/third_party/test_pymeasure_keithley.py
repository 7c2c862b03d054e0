"""pymeasure's source-meter drivers work on our emulators, over TCP through pyvisa-py and through the simulated library."""

import pytest
from pymeasure.adapters import VISAAdapter
from pymeasure.instruments.keithley import Keithley2400, Keithley2450

from sim_instruments.keithley2400 import EmulatedKeithley2400
from sim_instruments.keithley2450 import EmulatedKeithley2450
from sim_instruments.serve import TcpServer
from sim_instruments.visa import SimulatedVisa
from sim_instruments.wire import Unit

GPIB = "GPIB0::24::INSTR"


@pytest.fixture(params=["tcp", "simulated"])
def connect(request, clock, serve):
    adapters = []

    def open_adapter(device):
        if request.param == "tcp":
            resource, library = serve(TcpServer(device)).resource, "@py"
        else:
            resource, library = GPIB, SimulatedVisa({GPIB: device}, clock)
        adapters.append(VISAAdapter(resource, visa_library=library, read_termination="\n", write_termination="\n", timeout=5000))
        return adapters[-1]

    yield open_adapter
    for adapter in adapters:
        adapter.close()


class TestKeithley2400:
    @pytest.fixture
    def device(self, clock):
        return EmulatedKeithley2400([Unit("bias", "keithley2400")], clock=clock, seed=5)

    @pytest.fixture
    def smu(self, connect, device):
        return Keithley2400(connect(device))

    def test_sources_a_voltage_and_reads_what_flows(self, smu, device):
        smu.source_mode = "voltage"
        smu.source_voltage_range = 20
        smu.compliance_current = 0.01
        smu.source_voltage = 5
        smu.source_enabled = True
        assert smu.voltage == pytest.approx(5.0)
        assert smu.current == pytest.approx(5e-4)
        assert smu.measure_all()["resistance"] == pytest.approx(1e4)
        assert smu.source_voltage_range == pytest.approx(21.0)
        smu.ramp_to_voltage(1.0, steps=3, pause=0)
        assert smu.source_voltage == 1.0
        assert device.sample.volts() == pytest.approx(1.0)
        assert smu.check_errors() == []

    def test_is_held_back_by_the_compliance(self, smu):
        smu.compliance_current = 1e-4
        smu.source_voltage = 5
        smu.source_enabled = True
        assert smu.current == pytest.approx(1e-4)
        assert smu.voltage == pytest.approx(1.0)
        assert smu.measure_all()["status"] & 8

    def test_settings_come_back(self, smu):
        for name, value in {
            "current_nplc": 0.1, "source_delay": 0.5, "current_range": 1.05e-3, "auto_zero_enabled": False, "filter_enabled": True,
            "filter_count": 5, "repeat_filter_enabled": False, "source_mode": "current", "output_off_state": "disconnected",
            "auto_output_off_enabled": True, "compliance_voltage": 12, "source_current": 1e-4, "arm_source": "timer",
            "arm_timer": 0.5, "trigger_output_event": "source", "trigger_output_line": 3, "wires": 4, "line_frequency": 60,
            "front_terminals_enabled": False, "resistance_mode_auto_enabled": False, "display_enabled": False,
            "current_range_auto_enabled": True,
        }.items():
            setattr(smu, name, value)
            assert getattr(smu, name) == (pytest.approx(value) if isinstance(value, float) else value), name
        assert smu.check_errors() == []

    def test_fills_its_buffer(self, smu):
        smu.source_voltage = 0.5
        smu.source_enabled = True
        smu.config_buffer(5)
        smu.start_buffer()
        smu.wait_for_buffer(timeout=5, interval=0.01)
        assert smu.mean_voltage == pytest.approx(0.5)
        assert len(smu.buffer_data) == 5 * 5

    def test_shuts_down_to_zero(self, smu, device):
        smu.source_voltage = 1
        smu.source_enabled = True
        smu.shutdown()
        assert smu.source_enabled is False          # a question: the command before has arrived
        assert not device.output_on
        assert device.sample.volts() == pytest.approx(0.0)


class TestKeithley2450:
    @pytest.fixture
    def device(self, clock):
        return EmulatedKeithley2450([Unit("bias", "keithley2450")], clock=clock, seed=5)

    @pytest.fixture
    def smu(self, connect, device):
        return Keithley2450(connect(device))

    def test_sources_a_voltage_and_reads_what_flows(self, smu):
        smu.apply_voltage(voltage_range=20, compliance_current=0.01)
        smu.source_voltage = 5
        smu.enable_source()
        assert smu.source_enabled
        smu.measure_current(nplc=0.1)
        assert smu.current == pytest.approx(5e-4)
        smu.measure_voltage()
        assert smu.voltage == pytest.approx(5.0)
        smu.measure_resistance()
        assert smu.resistance == pytest.approx(1e4)
        assert smu.source_voltage_range == 20.0
        assert smu.check_errors() == []

    def test_is_held_back_by_the_limit(self, smu):
        smu.apply_voltage(compliance_current=1e-4)
        smu.source_voltage = 5
        smu.enable_source()
        assert smu.current == pytest.approx(1e-4)

    def test_settings_come_back(self, smu):
        for name, value in {
            "current_nplc": 0.1, "source_voltage_delay": 0.5, "source_current_delay_auto": False, "wires": 4, "current_range": 1e-3,
            "compliance_voltage": 12.0, "buffer_points": 50, "current_filter_count": 7, "voltage_filter_type": "MOV",
            "voltage_output_off_state": "HIMP", "resistance_range": 2e4,
        }.items():
            setattr(smu, name, value)
            assert getattr(smu, name) == (pytest.approx(value) if isinstance(value, float) else value), name
        smu.use_rear_terminals()
        smu.reset()
        assert smu.check_errors() == []
