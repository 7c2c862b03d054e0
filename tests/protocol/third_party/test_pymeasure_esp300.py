"""pymeasure's ESP300 driver moves our controller, over a pseudo-terminal and through the simulated library.

Its `enable`, `disable` and `shutdown` for all axes are not used: they also ask SCPI questions, which this controller does not know.
"""

import pytest
from pymeasure.adapters import VISAAdapter
from pymeasure.instruments.newport import ESP300

from sim_instruments.esp301 import EmulatedESP301
from sim_instruments.serve import PtyServer
from sim_instruments.visa import SimulatedVisa
from sim_instruments.wire import Unit

# The driver does not know whether the controller speaks SCPI (it does not), and says so each time.
pytestmark = [pytest.mark.filterwarnings("ignore:It is not known whether this device:FutureWarning"),
              pytest.mark.usefixtures("no_modem_lines")]

PORT = "ASRL/dev/ttyUSB7::INSTR"


@pytest.fixture
def device(clock):
    return EmulatedESP301([Unit("sample", "esp301")], clock=clock, seed=5)


@pytest.fixture(params=["pty", "simulated"])
def stage(request, device, clock, serve):
    if request.param == "pty":
        resource, library = f"ASRL{serve(PtyServer(device)).path}::INSTR", "@py"
    else:
        resource, library = PORT, SimulatedVisa({PORT: device}, clock)
    adapter = VISAAdapter(resource, visa_library=library, read_termination="\r\n", write_termination="\r", timeout=5000)
    yield ESP300(adapter)
    adapter.close()


def test_homes_and_moves(stage, device):
    device.stages[0].axes["x"].move(4.0)
    stage.x.enable()
    stage.y.enable()
    assert stage.x.enabled
    stage.x.home()
    stage.x.wait_for_stop(interval=0.01)
    assert stage.x.position == 0.0
    stage.x.position = -2.5
    stage.y.position = 1.0
    stage.x.wait_for_stop(interval=0.01)
    assert (stage.x.position, stage.y.position) == (-2.5, 1.0)
    assert device.stages[0].axes["x"].position == -2.5
    stage.x.define_position(7)
    assert stage.x.position == 7.0
    assert stage.errors == []


def test_limits_units_and_errors(stage):
    stage.x.right_limit = 10
    assert (stage.x.left_limit, stage.x.right_limit, stage.x.units) == (-150.0, 10.0, "millimeter")
    stage.x.position = 5                    # the motor is off
    stage.x.enable()
    stage.x.position = 20                   # beyond the limit
    assert [str(error).split(": ")[1] for error in stage.errors] == ["MOTOR NOT ENABLED", "POSITIVE SOFTWARE LIMIT DETECTED"]
    stage.x.disable()
    assert not stage.x.enabled
