"""The simulated VISA library behaves like a VISA library, and has none of the traps of the stock one."""

import gc
import warnings

import pytest
import pyvisa
from pymeasure.adapters import VISAAdapter
from pyvisa.constants import BufferOperation, StatusCode
from pyvisa.errors import VisaIOError

from labctl.core.clock import RealClock, VirtualClock
from sim_instruments.fw102c import EmulatedFW102C
from sim_instruments.nkt import InterbusPort
from sim_instruments.pm100d import EmulatedPM100D
from sim_instruments.serve import TcpServer
from sim_instruments.visa import SimulatedVisa
from sim_instruments.wire import ByteDevice, Unit

WHEEL, METER, LASER, BOX = "ASRL/dev/ttyUSB0::INSTR", "USB0::0x1313::0x8078::P0017991::INSTR", "ASRL/dev/ttyUSB1", "ASRL7::INSTR"


class Box(ByteDevice):
    """A device that says what the test tells it to."""

    def receive(self, data):
        self.send(eval(data.decode(), {"self": self}))  # noqa: S307  the test's own text


@pytest.fixture
def devices(clock):
    return {
        WHEEL: EmulatedFW102C([Unit("wheel", "filter_wheel")], clock=clock),
        METER: EmulatedPM100D([Unit("meter", "pm100d")], clock=clock),
        LASER: InterbusPort([Unit("laser", "superk_laser")], clock=clock),
        BOX: Box(clock=clock, name="box"),
    }


@pytest.fixture
def library(devices, clock):
    return SimulatedVisa(devices, clock)


@pytest.fixture
def connect(library):
    opened = []

    def open_adapter(resource, **options):
        opened.append(VISAAdapter(resource, visa_library=library, **options))
        return opened[-1]

    yield open_adapter
    for adapter in opened:
        adapter.close()


def status_of(action) -> StatusCode:
    with pytest.raises(VisaIOError) as caught:
        action()
    return caught.value.error_code


class TestOpening:
    def test_closing_or_forgetting_one_adapter_leaves_the_others_open(self, connect):
        meter, wheel, laser = connect(METER), connect(WHEEL), VISAAdapter(LASER, visa_library=connect(BOX).manager.visalib)
        wheel.close()
        del laser
        gc.collect()
        meter.write("*OPC?")
        assert meter.read() == "1\n"

    def test_a_missing_resource_is_an_error_at_once(self, connect):
        assert status_of(lambda: connect("ASRL99::INSTR")) == StatusCode.error_resource_not_found

    def test_a_name_that_is_none(self, library):
        assert status_of(lambda: library.open(0, "nonsense")) == StatusCode.error_invalid_resource_name

    def test_an_open_resource_is_busy_until_it_is_closed_under_any_spelling(self, connect):
        first = connect(LASER)
        assert status_of(lambda: connect(LASER + "::INSTR")) == StatusCode.error_resource_busy
        first.close()
        connect(LASER)

    def test_a_resource_served_to_others_is_busy(self, connect):
        clock = RealClock()
        device = EmulatedFW102C([Unit("wheel", "filter_wheel")], clock=clock)
        library = SimulatedVisa({WHEEL: device}, clock)
        with TcpServer(device):
            assert status_of(lambda: VISAAdapter(WHEEL, visa_library=library)) == StatusCode.error_resource_busy
        VISAAdapter(WHEEL, visa_library=library).close()

    def test_two_benches_do_not_meet(self, clock):
        boxes = [Box(clock=clock, name=name) for name in ("one", "two")]
        adapters = [VISAAdapter(BOX, visa_library=SimulatedVisa({BOX: box}, clock)) for box in boxes]
        for adapter, name in zip(adapters, (b"one\n", b"two\n"), strict=True):
            adapter.write_bytes(b"self.name.encode() + b'\\n'")
            assert adapter.read_bytes(4) == name
            adapter.close()

    def test_plain_pyvisa_lists_and_opens(self, library):
        manager = pyvisa.ResourceManager(library)
        assert WHEEL in manager.list_resources()
        with manager.open_resource(WHEEL, read_termination="> ", write_termination="\r") as wheel:
            assert wheel.query("pos?") == "pos?\r1\r"
        assert manager.list_opened_resources() == []

    def test_a_closed_session_says_so(self, library):
        manager = pyvisa.ResourceManager(library)
        wheel = manager.open_resource(WHEEL)
        session = wheel.session
        wheel.close()
        assert status_of(lambda: library.read(session, 1)) == StatusCode.error_invalid_object
        assert status_of(lambda: library.write(session, b"x")) == StatusCode.error_invalid_object


class TestReading:
    def test_an_error_inside_an_emulator_is_not_swallowed(self, connect):
        box = connect(BOX)
        with pytest.raises(AttributeError, match="no_such_thing"):
            box.write_bytes(b"self.no_such_thing")

    def test_silence_times_out_in_virtual_time_only(self, connect, clock):
        box = connect(BOX, timeout=3_600_000)
        assert status_of(lambda: box.read_bytes(1)) == StatusCode.error_timeout
        assert clock.now() == pytest.approx(3600.0)

    def test_zero_time_out_reads_what_is_there(self, connect, clock):
        box = connect(BOX, timeout=0)
        box.write_bytes(b"b'abc'")
        assert box.read_bytes(3) == b"abc"
        assert status_of(lambda: box.read_bytes(1)) == StatusCode.error_timeout
        assert clock.now() == 0.0

    def test_binary_is_safe_by_count(self, connect):
        everything = bytes(range(256)) * 16
        box = connect(BOX)
        box.write_bytes(repr(everything).encode())
        assert box.read_bytes(len(everything)) == everything

    def test_a_serial_read_ends_at_line_feed_only_while_the_attribute_says_so(self, connect):
        box = connect(BOX)
        box.write_bytes(rb"b'one\ntwo'")
        assert box.connection.read_raw() == b"one\n"
        assert box.read_bytes(3) == b"two"
        box.connection.end_input = pyvisa.constants.SerialTermination.none
        box.write_bytes(rb"b'one\ntwo'")
        assert box.read_bytes(7, break_on_termchar=True) == b"one\ntwo"

    def test_a_message_of_a_usb_device_ends_where_it_ends(self, clock):
        box = Box(clock=clock, name="box")
        adapter = VISAAdapter(METER, visa_library=SimulatedVisa({METER: box}, clock))
        adapter.write_bytes(rb"b'#14\n\n\n\n'")
        adapter.write_bytes(b"b'second'")
        assert adapter.connection.read_raw() == b"#14\n\n\n\n"
        assert adapter.connection.read_raw() == b"second"
        adapter.close()

    def test_a_reply_that_comes_later_is_waited_for(self, connect, clock):
        box = connect(BOX, timeout=2000)
        box.write_bytes(b"self.send(b'late', 1.5) or b''")
        assert box.read_bytes(4) == b"late"
        assert clock.now() == pytest.approx(1.5)

    def test_no_warning_is_given_for_reads_of_exact_length(self, connect):
        box = connect(BOX)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            box.write_bytes(b"b'abcd'")
            assert box.read_bytes(2) + box.read_bytes(2) == b"abcd"


class TestBuffers:
    def test_bytes_in_buffer_flush_and_clear(self, connect):
        box = connect(BOX)
        box.write_bytes(b"b'abc'")
        assert box.connection.bytes_in_buffer == 3
        box.flush_read_buffer()
        assert box.connection.bytes_in_buffer == 0
        box.write_bytes(b"b'abc'")
        box.connection.flush(BufferOperation.flush_write_buffer)
        assert box.connection.bytes_in_buffer == 3
        box.connection.clear()
        assert box.connection.bytes_in_buffer == 0

    def test_clear_forgets_half_a_command(self, connect):
        wheel = connect(WHEEL)
        wheel.write_bytes(b"po")
        wheel.connection.clear()
        wheel.write_bytes(b"pos?\r")
        assert wheel.read_bytes(9) == b"pos?\r1\r> "

    def test_state_survives_a_reconnection_and_unread_answers_do_not(self, connect, clock):
        wheel = connect(WHEEL)
        wheel.write_bytes(b"sensors=1\r")
        clock.wait(0.1)
        wheel.close()
        wheel = connect(WHEEL)
        wheel.write_bytes(b"sensors?\r")
        assert wheel.read_bytes(13) == b"sensors?\r1\r> "


class TestUnplugged:
    def test_reads_and_writes_fail_and_it_cannot_be_opened_until_it_is_back(self, connect, devices):
        wheel = connect(WHEEL)
        devices[WHEEL].unplug()
        assert status_of(lambda: wheel.write_bytes(b"pos?\r")) == StatusCode.error_connection_lost
        assert status_of(lambda: wheel.read_bytes(1)) == StatusCode.error_connection_lost
        wheel.close()
        assert status_of(lambda: connect(WHEEL)) == StatusCode.error_resource_not_found
        devices[WHEEL].plug_in()
        connect(WHEEL)

    def test_who_waits_learns_of_it_at_once(self, connect, devices, clock):
        wheel = connect(WHEEL, timeout=60_000)
        clock.call_at(clock.now() + 1.0, devices[WHEEL].unplug)
        assert status_of(lambda: wheel.read_bytes(1)) == StatusCode.error_connection_lost
        assert clock.now() == 1.0

    def test_a_hung_device_takes_everything_and_says_nothing(self, connect, devices):
        devices[WHEEL].hung = True
        wheel = connect(WHEEL)
        wheel.write_bytes(b"pos?\r")
        assert status_of(lambda: wheel.read_bytes(1)) == StatusCode.error_timeout


def test_a_thread_waits_for_the_device_while_another_lets_time_pass():
    clock = VirtualClock()
    box = Box(clock=clock, name="box")
    adapter = VISAAdapter(BOX, visa_library=SimulatedVisa({BOX: box}, clock), timeout=10_000)
    heard = []
    clock.spawn("reader", lambda: heard.append((adapter.read_bytes(2), clock.now())))
    clock.wait(5.0)
    box.send(b"hi")
    clock.wait(1.0)
    adapter.close()
    assert heard == [(b"hi", 5.0)]
