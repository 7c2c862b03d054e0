"""pymeasure's Thorlabs power-meter driver works on our emulator, over TCP through pyvisa-py and through the simulated library."""

import pytest
from pymeasure.adapters import VISAAdapter
from pymeasure.instruments.thorlabs import ThorlabsPM100USB

from sim_instruments.pm100d import EmulatedPM100D
from sim_instruments.serve import TcpServer
from sim_instruments.twin.elements import PowerHead
from sim_instruments.visa import SimulatedVisa
from sim_instruments.wire import Unit

# The driver does not know yet whether the meter speaks SCPI, and says so each time.
pytestmark = pytest.mark.filterwarnings("ignore:It is not known whether this device:FutureWarning")

USB = "USB0::0x1313::0x8078::P0017991::INSTR"


@pytest.fixture
def device(clock):
    head = PowerHead("meter", clock)
    head.measure = lambda wavelength_nm, averages: 1e-6 * wavelength_nm
    return EmulatedPM100D([Unit("meter", "pm100d", {}, head)], clock=clock, seed=5)


@pytest.fixture(params=["tcp", "simulated"])
def adapter(request, device, clock, serve):
    if request.param == "tcp":
        resource, library = serve(TcpServer(device)).resource, "@py"
    else:
        resource, library = USB, SimulatedVisa({USB: device}, clock)
    adapter = VISAAdapter(resource, visa_library=library, read_termination="\n", write_termination="\n", timeout=5000)
    yield adapter
    adapter.close()


def test_measures_at_the_wavelength_it_sets(adapter):
    meter = ThorlabsPM100USB(adapter)
    assert (meter.wavelength_min, meter.wavelength_max) == (400.0, 1100.0)
    meter.wavelength = 515
    assert meter.wavelength == 515.0
    assert meter.power == pytest.approx(515e-6, rel=1e-4)
    meter.wavelength = 1500                     # its validator truncates
    assert meter.wavelength == 1100.0
    assert meter.check_errors() == []


def test_understands_the_sensor(adapter):
    meter = ThorlabsPM100USB(adapter)
    assert meter.sensor_name == "S130C"
    assert (meter.is_power_sensor, meter.is_energy_sensor, meter.wavelength_settable) == (True, False, True)
    with pytest.raises(AttributeError, match="not an energy sensor"):
        _ = meter.energy


def test_finds_no_sensor(adapter, device):
    device.sensor_missing = True
    with pytest.raises(OSError, match="No sensor"):
        ThorlabsPM100USB(adapter)
