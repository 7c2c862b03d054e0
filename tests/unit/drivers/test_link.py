"""A port stays in step: whatever goes wrong, an answer is never taken for that to another question, and errors are typed."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import ClassVar

import pytest
from pyvisa.errors import VisaIOError

from drivers import link
from drivers.link import Port
from labctl.core.clock import RealClock
from labctl.core.errors import (
    BadReply,
    Busy,
    CommunicationError,
    DeviceFault,
    Disconnected,
    InstrumentError,
    NoReply,
    ResourceBusy,
)
from sim_instruments.faults import Fault
from sim_instruments.visa import SimulatedVisa

RESOURCE = "ASRL/dev/ttyTEST::INSTR"


class LinePort(Port):
    cancel = b"\n"
    sync: ClassVar = ((b"who?\n", b"box"), (b"how?\n", b"fine"))


ANSWERS = {b"a?\n": b"1\n", b"b?\n": b"2\n", b"\nwho?\n": b"box\n", b"\nhow?\n": b"fine\n", b"set 5\n": b"ok\n", b"set?\n": b"5\n"}


def number(message: bytes) -> int:
    text = message.strip()
    if not text.isdigit():
        raise BadReply("box", f"{message!r} is no number.")
    return int(text)


def ok(message: bytes) -> bool:
    if message.strip() != b"ok":
        raise BadReply("box", f"{message!r} is not ok.")
    return True


@pytest.fixture
def line(clock, script):
    box, library = script(ANSWERS)
    port = LinePort(RESOURCE, clock=clock, visa_library=library)
    port.library = library
    return port, box


def test_a_question_gets_its_answer(line):
    port, box = line
    assert port.ask(b"a?\n", number) == 1
    assert box.said == [b"a?\n"]
    assert port.incidents == []


class TestQuestionsAreRepeated:
    """Questions change nothing, so a lost answer costs a repetition and an incident, no error."""

    @pytest.mark.parametrize("fault", ["drop", "truncate", "garble"])
    def test_after_one_bad_answer(self, line, fault):
        port, box = line
        box.faults.append(Fault(fault))
        assert port.ask(b"a?\n", number) == 1
        assert box.said == [b"a?\n", b"\nwho?\n", b"a?\n"]
        assert "b'a?\\n' asked again" in str(port.incidents[0])

    def test_three_times_and_no_more(self, line):
        port, box = line
        box.plan.extend([None, b"box\n", None, b"box\n", None])
        with pytest.raises(NoReply, match="no answer"):
            port.ask(b"a?\n", number)
        assert box.said.count(b"a?\n") == 3

    def test_a_dead_box_is_reported_within_the_deadline_of_a_call(self, line, clock):
        port, box = line
        box.hung = True
        with pytest.raises(NoReply, match="answers nothing any more"):
            port.ask(b"a?\n", number)
        assert clock.now() < 3.0

    def test_a_busy_box_is_asked_until_it_has_time(self, line, clock):
        port, box = line

        def patient(message: bytes) -> int:
            if message == b"busy\n":
                raise Busy("box", "it is busy.")
            return number(message)

        box.plan.extend([b"busy\n"] * 4)
        assert port.ask(b"a?\n", patient) == 1
        box.answers[b"a?\n"] = b"busy\n"
        with pytest.raises(Busy):
            port.ask(b"a?\n", patient)
        assert clock.now() == pytest.approx(link.BUSY_LIMIT_S, abs=0.2)

    def test_a_fault_the_box_reports_is_not_repeated(self, line):
        port, box = line

        def refuse(message: bytes) -> int:
            raise DeviceFault("box", "no.")

        with pytest.raises(DeviceFault):
            port.ask(b"a?\n", refuse)
        assert box.said == [b"a?\n"]


class TestNeverTheAnswerToAnotherQuestion:
    @pytest.mark.parametrize("late_s", [0.61, 0.7, 1.0])
    def test_an_answer_that_comes_too_late_is_thrown_away(self, line, late_s):
        port, box = line
        box.plan.append([(late_s, b"1\n")])
        with pytest.raises(NoReply):
            port.converse(b"a?\n", number)
        assert port.ask(b"b?\n", number) == 2
        assert port.ask(b"a?\n", number) == 1

    def test_nor_after_the_retries_were_used_up(self, line):
        port, box = line
        box.plan.extend([None, b"box\n", None, b"box\n", [(0.7, b"1\n")]])
        with pytest.raises(NoReply):
            port.ask(b"a?\n", number)
        assert port.ask(b"b?\n", number) == 2

    def test_a_late_answer_to_the_question_that_brings_into_step_is_not_mistaken_for_the_next(self, line):
        port, box = line
        box.plan.extend([None, [(0.65, b"box\n")]])
        assert port.ask(b"b?\n", number) == 2
        assert port.ask(b"a?\n", number) == 1

    def test_after_a_failed_identity_question_another_one_brings_into_step(self, line):
        port, box = line
        box.answers[b"who?\n"] = [(0.7, b"box\n")]
        with pytest.raises(NoReply):
            port.converse(b"who?\n", bytes.decode)
        assert port.ask(b"b?\n", number) == 2
        assert box.said[1] == b"\nhow?\n"

    def test_duplicates_and_what_was_said_before_are_thrown_away(self, line):
        port, box = line
        box.faults.append(Fault("duplicate"))
        assert port.ask(b"a?\n", number) == 1
        box.send(b"hello\n7\n")
        assert port.ask(b"b?\n", number) == 2

    def test_messages_for_nobody_are_skipped_and_noted(self, line):
        port, box = line
        box.plan.append(b"chatter\n2\n")
        assert port.ask(b"b?\n", lambda m: None if m == b"chatter\n" else number(m)) == 2
        assert "skipped b'chatter\\n'" in port.incidents[0].text

    def test_a_box_that_chatters_for_ever_does_not_hold_the_link_for_ever(self, line, clock):
        port, box = line

        def chatter() -> None:
            box.send(b"x\n")
            clock.call_at(clock.now() + 0.01, chatter)

        chatter()
        with pytest.raises(CommunicationError):
            port.ask(b"a?\n", lambda message: None)
        assert clock.now() < 5.0
        with pytest.raises(NoReply, match="does not fall silent"):
            port.drain()


class TestCommands:
    """What changes something is repeated only if the box was asked and has not done it."""

    def order(self, port: Port) -> None:
        port.order(lambda: port.converse(b"set 5\n", ok), lambda: port.ask(b"set?\n", number) == 5, "set 5")

    def test_acknowledged(self, line):
        port, box = line
        self.order(port)
        assert box.said == [b"set 5\n"]

    def test_acknowledgement_lost_but_carried_out(self, line):
        port, box = line
        box.plan.append(None)
        self.order(port)
        assert box.said == [b"set 5\n", b"\nwho?\n", b"set?\n"]

    def test_not_carried_out_then_given_again(self, line):
        port, box = line
        box.plan.extend([None, b"box\n", b"4\n"])
        self.order(port)
        assert box.said == [b"set 5\n", b"\nwho?\n", b"set?\n", b"set 5\n"]
        assert "given again" in port.incidents[-1].text

    def test_refused_is_not_repeated(self, line):
        port, box = line

        def refuse(message: bytes) -> bool:
            raise DeviceFault("box", "no.")

        with pytest.raises(DeviceFault):
            port.order(lambda: port.converse(b"set 5\n", refuse), lambda: True, "set 5")
        assert box.said == [b"set 5\n"]


class TestErrands:
    """A command that is answered at its end holds the port for no longer than a look."""

    def test_looked_after_until_the_answer(self, line, clock):
        port, box = line
        box.plan.append([(0.5, b"o"), (0.5, b"k\n")])
        port.start_errand(b"go\n", ok, 5.0)
        assert not port.errand_done()
        clock.wait(0.7)
        assert not port.errand_done()
        clock.wait(0.5)
        assert port.errand_done()
        assert port.errand_done()
        assert clock.now() < 1.3

    def test_nothing_else_is_said_meanwhile(self, line, clock):
        port, box = line
        box.plan.append([(30.0, b"ok\n")])
        port.start_errand(b"go\n", ok, 60.0)
        with pytest.raises(Busy, match="still carrying out"):
            port.ask(b"a?\n", number)
        assert box.said == [b"go\n"]

    def test_given_up_after_its_time(self, line, clock):
        port, box = line
        box.plan.append(None)
        port.start_errand(b"go\n", ok, 2.0)
        clock.wait(2.0)
        assert port.errand_done()
        assert "no answer when its time was up" in port.incidents[0].text
        assert port.ask(b"b?\n", number) == 2

    def test_a_refusal_at_the_end_is_raised(self, line, clock):
        port, box = line

        def refuse(message: bytes) -> bool:
            raise DeviceFault("box", "stuck.")

        box.plan.append(b"no\n")
        port.start_errand(b"go\n", refuse, 2.0)
        with pytest.raises(DeviceFault, match="stuck"):
            port.errand_done()
        assert port.errand_done()


class TestTheConnection:
    def test_unplugged_before_and_during_a_question(self, line):
        port, box = line
        box.faults.append(Fault("disconnect"))
        with pytest.raises(Disconnected, match="Check cable"):
            port.ask(b"a?\n", number)
        with pytest.raises(Disconnected):
            port.ask(b"a?\n", number)
        box.plug_in()
        assert port.ask(b"b?\n", number) == 2

    def test_a_missing_resource(self, clock):
        with pytest.raises(Disconnected, match="cannot be opened"):
            LinePort("ASRL/dev/ttyNONE::INSTR", clock=clock, visa_library=SimulatedVisa({}, clock))

    def test_a_resource_somebody_else_has(self, line, clock):
        port, _ = line
        with pytest.raises(ResourceBusy):
            LinePort(RESOURCE, clock=clock, visa_library=port.library)

    def test_a_name_that_is_no_resource(self, clock):
        with pytest.raises(Disconnected):
            LinePort("nonsense", clock=clock, visa_library=SimulatedVisa({}, clock))

    def test_closed_twice(self, line):
        port, _ = line
        port.close()
        port.close()
        with pytest.raises(Disconnected):
            port.ask(b"a?\n", number)

    @pytest.mark.parametrize("fault", ["drop", "hang", "disconnect", "garble", "truncate"])
    def test_no_error_of_the_transport_leaves(self, line, fault):
        port, box = line
        box.faults.append(Fault(fault, times=99))
        with pytest.raises(InstrumentError) as caught:
            port.ask(b"a?\n", number)
        assert not isinstance(caught.value, VisaIOError | UnicodeDecodeError | ValueError)

    def test_the_wire_log(self, line, caplog):
        port, _ = line
        with caplog.at_level(logging.DEBUG, logger="labctl.wire"):
            port.ask(b"a?\n", number)
        assert [record.getMessage() for record in caplog.records if record.name == "labctl.wire"] == [
            f"{RESOURCE} > b'a?\\n'", f"{RESOURCE} < b'1\\n'"]


class TestTwoThreads:
    def test_on_virtual_time_one_conversation_at_a_time(self, line, clock):
        port, box = line
        box.answers |= {b"a?\n": [(0.02, b"1\n")], b"b?\n": [(0.03, b"2\n")]}
        wrong, done = [], []

        def asker(question: bytes, answer: int) -> None:
            wrong.extend(1 for _ in range(50) if port.ask(question, number) != answer)
            done.append(question)

        clock.spawn("one", lambda: asker(b"a?\n", 1))
        clock.spawn("two", lambda: asker(b"b?\n", 2))
        clock.wait(20.0)
        assert sorted(done) == [b"a?\n", b"b?\n"]
        assert wrong == []

    def test_on_the_real_clock(self, script):
        clock = RealClock(speed=50)
        box, _ = script(ANSWERS)
        box.clock, box.output = clock, clock.event()
        library = SimulatedVisa({RESOURCE: box}, clock)
        port = LinePort(RESOURCE, clock=clock, visa_library=library)
        wrong: list[int] = []

        def asker(question: bytes, answer: int) -> None:
            wrong.extend(1 for _ in range(150) if port.ask(question, number) != answer)

        threads = [threading.Thread(target=asker, args=pair) for pair in ((b"a?\n", 1), (b"b?\n", 2))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not any(thread.is_alive() for thread in threads)
        assert wrong == []

    def test_a_port_that_hangs_is_reported_to_who_waits_for_it(self, line, clock):
        port, _ = line
        holding = threading.Event()
        leave = threading.Event()

        def hold() -> None:
            with port.lock:
                holding.set()
                leave.wait(20)

        thread = threading.Thread(target=hold)
        thread.start()
        holding.wait(20)
        with pytest.raises(CommunicationError, match="another conversation"):
            port.ask(b"a?\n", number)
        leave.set()
        thread.join(20)
        assert clock.now() >= link.LOCK_WAIT_S


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX only")
def test_a_serial_adapter_pulled_out_is_a_typed_error():
    """Its first word is termios' own exception, which is no OSError."""
    controller, terminal = os.openpty()
    path = os.ttyname(terminal)
    port = LinePort(f"ASRL{path}::INSTR", clock=RealClock(), name="box", visa_library="@py")
    os.close(terminal)
    os.close(controller)
    with pytest.raises(Disconnected, match="the connection is gone"):
        port.ask(b"a?\n", number)
    port.close()
