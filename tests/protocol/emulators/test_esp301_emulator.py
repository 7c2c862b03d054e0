"""The motion controller: its examples, moves that take their time, limits, errors by axis."""

import pytest

from sim_instruments.esp301 import EmulatedESP301
from sim_instruments.twin.more_elements import Stage
from sim_instruments.wire import Unit


@pytest.fixture
def controller(make, ask):
    device = make(EmulatedESP301)
    ask(device, b"1MO\r2MO\r")
    return device


class TestExamples:
    def test_motor_and_homing(self, make, ask):
        device = make(EmulatedESP301)
        device.stages[0].axes["x"].move(3.0)
        assert ask(device, b"1MO\r") == b""
        assert ask(device, b"1MO?\r") == b"1\r\n"
        assert ask(device, b"1OR1\r") == b""
        assert ask(device, b"1MD?\r") == b"0\r\n"
        assert ask(device, b"1MD?\r1TP\r", 2.0)[-9:] == b"0.00000\r\n" or ask(device, b"1TP\r") == b"0.00000\r\n"
        assert ask(device, b"1MD?\r") == b"1\r\n"

    def test_absolute_move(self, controller, ask):
        assert ask(controller, b"1PA-2.5\r", 3.0) == b""
        assert ask(controller, b"1TP\r") == b"-2.50000\r\n"

    def test_unknown_command(self, controller, ask):
        assert ask(controller, b"1ZZ\r") == b""
        assert ask(controller, b"TE?\r") == b"6\r\n"
        assert ask(controller, b"TE?\r") == b"0\r\n"

    def test_several_commands_in_a_line_answer_one_by_one(self, controller, ask):
        assert ask(controller, b"1MO?;2MO?;3MO?;TE?\r") == b"1\r\n1\r\n0\r\n0\r\n"


class TestMotion:
    def test_takes_the_time_of_a_trapezoid(self, controller, ask):
        ask(controller, b"1VA5;1AC20;1PA10\r", 2.2)                  # 10/5 + 5/20 s
        assert ask(controller, b"1MD?\r", 0.02) == b"0\r\n"
        assert ask(controller, b"1MD?\r", 0.05) in (b"0\r\n", b"1\r\n")
        assert ask(controller, b"1MD?;1TP\r") == b"1\r\n10.00000\r\n"

    def test_relative(self, controller, ask):
        ask(controller, b"1PR1.5\r", 2.0)
        ask(controller, b"1PR-0.5\r", 2.0)
        assert ask(controller, b"1TP?\r1PA?\r") == b"1.00000\r\n1.00000\r\n"

    def test_axes_move_at_the_same_time(self, controller, ask):
        ask(controller, b"1PA1;2PA-1\r", 1.0)
        assert ask(controller, b"1TP;2TP\r") == b"1.00000\r\n-1.00000\r\n"

    def test_stop_leaves_it_on_the_way(self, controller, ask):
        ask(controller, b"1PA50\r", 2.0)
        ask(controller, b"1ST\r", 1.0)
        answer = ask(controller, b"1MD?;1TP\r")
        assert answer.startswith(b"1\r\n")
        assert 5.0 < float(answer[3:]) < 20.0

    def test_waiting_for_the_stop_holds_later_commands_back(self, controller, ask):
        assert ask(controller, b"1PA10\r1WS100\r1TP\r", 2.3) == b""
        assert ask(controller, b"", 0.1) == b"10.00000\r\n"

    def test_home_is_where_the_switch_is_whatever_the_counter_says(self, controller, ask):
        ask(controller, b"1PA5\r", 3.0)
        ask(controller, b"1DH100\r")
        assert ask(controller, b"1TP\r") == b"100.00000\r\n"
        ask(controller, b"1OR1\r", 3.0)
        assert ask(controller, b"1TP\r") == b"0.00000\r\n"


class TestErrors:
    @pytest.mark.parametrize(("sent", "code"), [
        (b"PA5", 37), (b"9PA5", 9), (b"1PA", 38), (b"1PAfar", 7), (b"3PA5", 313), (b"1SR10;1PA11", 106), (b"2SL-1;2PA-5", 207),
        (b"1VA1000", 110), (b"1VA-1", 101), (b"!", 6), (b"1OR1;1PA3", 130),
    ])
    def test_codes(self, controller, ask, sent, code):
        controller.axes[1].mover.move(20.0)
        ask(controller, sent + b"\r")
        assert ask(controller, b"TE?\r") == b"%d\r\n" % code
        assert ask(controller, b"TE?\r") == b"0\r\n"

    def test_with_time_and_text(self, controller, ask):
        ask(controller, b"3PA5\r")
        code, _, text = ask(controller, b"TB?\r").decode().strip().split(", ")
        assert (code, text) == ("313", "AXIS-3 MOTOR NOT ENABLED")

    def test_an_end_switch_stops_it_and_switches_the_motor_off(self, controller, ask):
        ask(controller, b"1SR400;1PA300\r", 60.0)
        assert ask(controller, b"1MO?;1TP;TE?\r") == b"0\r\n150.00000\r\n104\r\n"

    def test_a_stalled_motor_has_a_following_error(self, controller, ask):
        controller.axes[1].stalled = True
        ask(controller, b"1PA5\r", 3.0)
        assert ask(controller, b"1MD?;1MO?;1TP;TE?\r") == b"1\r\n0\r\n0.00000\r\n103\r\n"

    def test_emergency_stop_and_power_cycle(self, controller, ask):
        ask(controller, b"1PA50\r", 2.0)
        controller.press_emergency_stop()
        assert ask(controller, b"1MO?;TE?\r") == b"0\r\n4\r\n"
        controller.power_cycle()
        assert ask(controller, b"1TP\r") == b"0.00000\r\n"
        assert controller.stages[0].axes["x"].position > 5.0


def test_several_roles_share_a_controller(clock, ask):
    sample, delay = Stage("sample", clock, axes=("x", "y")), Stage("delay", clock, axes=("delay",))
    units = [Unit("sample", "esp301", {"axis": 1}, sample), Unit("delay", "esp301", {"axis": 3}, delay)]
    controller = EmulatedESP301(units, clock=clock)
    ask(controller, b"2MO;3MO;2PA1;3PA2\r", 2.0)
    assert (sample.axes["y"].position, delay.axes["delay"].position) == (1.0, 2.0)
