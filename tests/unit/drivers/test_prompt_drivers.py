"""SC10 and FW102C: echo and prompt, the toggle that must not be sent blindly, and moves answered at their end."""

from __future__ import annotations

import pytest

from drivers.fw102c import FW102C
from drivers.prompt import CommandRefused
from drivers.sc10 import SC10, InterlockTripped
from labctl.core.errors import BadReply, Busy, InstrumentError, LimitError, NoReply, WrongDevice


class Shutter:
    """What an SC10 answers: `ens` toggles, the blade follows at once."""

    def __init__(self):
        self.enabled, self.mode, self.interlock, self.toggles = False, 1, 0, 0

    def __bool__(self):
        return True

    def popleft(self):
        return self.answer

    def answer(self, data: bytes) -> bytes:
        return b"".join(self.one(line) for line in data.decode().split("\r")[:-1])

    def one(self, line: str) -> bytes:
        word, _, value = line.partition("=")
        if line == "ens":
            self.enabled, self.toggles = not self.enabled, self.toggles + 1
        if word == "mode" and value:
            if value not in "12345":
                return f"{line}\rCMD_ARG_INVALID\r> ".encode()
            self.mode = int(value)
        answers = {"ens?": int(self.enabled), "closed?": int(not self.enabled), "mode?": self.mode, "interlock?": self.interlock,
                   "id?": "THORLABS SC10 VERSION 1.07", "open?": 250, "shut?": 250, "rep?": 1, "trig?": 0}
        if line in answers:
            return f"{line}\r{answers[line]}\r> ".encode()
        if line in ("", "ens") or value:
            return f"{line}\r> ".encode()
        return f"{line}\rCMD_NOT_DEFINED\r> ".encode()


@pytest.fixture
def shutter(talk):
    driver, box = talk(SC10, {})
    box.plan = Shutter()
    return driver, box.plan, box


class TestSC10:
    def test_bytes(self, talk):
        driver, box = talk(SC10, {b"ens?\r": b"ens?\r0\r> ", b"closed?\r": b"closed?\r0\r> ", b"open=250\r": b"open=250\r> ",
                                  b"ens\r": b"ens\r> "})
        assert driver.enabled is False
        assert driver.closed is False
        driver.open_ms = 250
        assert box.said == [b"ens?\r", b"closed?\r", b"open=250\r"]

    def test_opens_and_closes_once_however_often_it_is_told(self, shutter):
        driver, model, _ = shutter
        driver.open()
        driver.open()
        assert (driver.is_open(), driver.is_closed(), model.toggles) == (True, False, 1)
        driver.close()
        driver.close()
        assert (driver.is_open(), driver.is_closed(), model.toggles) == (False, True, 2)

    def test_a_lost_prompt_after_the_toggle_does_not_toggle_again(self, shutter):
        driver, model, _ = shutter
        said, calm = [], model.one

        def lossy(line: str) -> bytes:
            answer = calm(line)
            said.append(line)
            return b"" if line == "ens" and said.count("ens") == 1 else answer

        model.one = lossy
        driver.open()
        assert model.toggles == 1
        assert driver.is_open()
        assert "not acknowledged" in " ".join(map(str, driver.port.incidents))

    def test_a_lost_toggle_is_repeated(self, shutter):
        driver, model, _ = shutter
        calm, lost = model.one, []

        def lossy(line: str) -> bytes:
            if line == "ens" and not lost:
                lost.append(line)
                return b""
            return calm(line)

        model.one = lossy
        driver.open()
        assert model.enabled

    def test_other_modes_are_left_first(self, shutter):
        driver, model, _ = shutter
        driver.mode = "repeat"
        assert model.mode == 4
        driver.open()
        assert driver.mode == "manual"

    def test_the_interlock(self, shutter):
        driver, model, _ = shutter
        model.interlock = 1
        with pytest.raises(InterlockTripped):
            driver.open()
        assert model.toggles == 0

    @pytest.mark.parametrize("level", ["park", "make_safe", "shutdown"])
    def test_every_level_ends_closed_and_confirmed(self, shutter, level):
        driver, model, _ = shutter
        driver.open()
        getattr(driver, level)()
        assert not model.enabled

    def test_a_blade_that_does_not_close_is_an_error(self, shutter, clock):
        driver, model, _ = shutter
        driver.open()
        model.one, calm = (lambda line: b"closed?\r0\r> " if line == "closed?" else calm(line)), model.one
        with pytest.raises(InstrumentError, match="Block the beam by hand"):
            driver.park()
        assert clock.now() < 2.0

    def test_refusals(self, shutter):
        driver, _, _ = shutter
        with pytest.raises(CommandRefused, match="CMD_ARG_INVALID"):
            driver.write("mode=9")
        with pytest.raises(CommandRefused, match="CMD_NOT_DEFINED"):
            driver.ask("foo")

    @pytest.mark.parametrize(("quantity", "value"), [("mode_number", 6), ("open_ms", 0), ("repeats", 100), ("external_trigger", 2)])
    def test_limits(self, shutter, quantity, value):
        driver, _, box = shutter
        with pytest.raises(LimitError):
            setattr(driver, quantity, value)
        assert box.said == []

    def test_an_unknown_mode(self, shutter):
        driver, _, _ = shutter
        with pytest.raises(InstrumentError, match="'manual'"):
            driver.mode = "disco"

    def test_identity_and_settings(self, shutter):
        driver, _, _ = shutter
        assert str(driver.identify()) == "Thorlabs SC10, firmware 1.07"
        assert driver.settings()["mode"] == "manual"

    def test_another_device(self, talk):
        driver, _ = talk(SC10, {b"id?\r": b"id?\rTHORLABS FW102C\r> "})
        with pytest.raises(WrongDevice):
            driver.identify()

    def test_the_echo_of_another_question_is_skipped(self, shutter):
        driver, model, _ = shutter
        calm, first = model.one, []

        def confused(line: str) -> bytes:
            extra = b"" if first else b"closed?\r0\r> "
            first.append(line)
            return extra + calm(line)

        model.one = confused
        assert driver.mode_number == 1
        assert driver.closed

    @pytest.mark.parametrize("reply", [b"closed?\r\xb1\r> ", b"closed?\r\r> ", b"clo", b"closed?\r1\r", b"closed?\rmaybe\r> "])
    def test_damaged_replies_are_asked_again(self, shutter, reply):
        driver, model, _ = shutter
        calm, first = model.one, []

        def damaged(line: str) -> bytes:
            first.append(line)
            return reply if len(first) == 1 else calm(line)

        model.one = damaged
        assert driver.closed is True


@pytest.fixture
def wheel(talk):
    answers = {b"pos?\r": b"pos?\r1\r> ", b"pcount?\r": b"pcount?\r6\r> ",
               b"*idn?\r": b"*idn?\rTHORLABS FW102C/FW212C VERSION 1.07\r> ",
               b"pos=3\r": [(0.0, b"pos=3\r"), (0.8, b"> ")], b"speed?\r": b"speed?\r1\r> ", b"sensors?\r": b"sensors?\r0\r> ",
               b"trig?\r": b"trig?\r0\r> ", b"speed=0\r": b"speed=0\r> ", b"\r*idn?\r": b"\r> *idn?\rTHORLABS FW102C\r> "}
    return talk(FW102C, answers)


class TestFilterWheel:
    def test_a_move_ends_with_the_prompt(self, wheel, clock):
        driver, box = wheel
        driver.start_move(3)
        assert box.said[-1] == b"pos=3\r"
        assert driver.moving
        clock.wait(0.7)
        assert driver.moving
        clock.wait(0.2)
        assert not driver.moving
        assert driver.slot == 1               # the table's answer, in step

    def test_no_question_during_a_move(self, wheel):
        driver, box = wheel
        box.answers[b"pos=3\r"] = [(0.0, b"pos=3\r"), (20.0, b"> ")]
        driver.start_move(3)
        with pytest.raises(Busy):
            driver.slot   # noqa: B018

    def test_a_move_that_never_ends_is_given_up(self, wheel, clock):
        driver, box = wheel
        box.answers[b"pos=3\r"] = b"pos=3\r"
        driver.start_move(3)
        clock.wait(30.0)
        assert not driver.moving
        assert "no answer when its time was up" in str(driver.port.incidents[0])
        assert driver.slot == 1

    def test_a_move_that_is_refused(self, wheel):
        driver, box = wheel
        box.answers[b"pos=3\r"] = b"pos=3\rCMD_ARG_INVALID\r> "
        driver.start_move(3)
        with pytest.raises(CommandRefused):
            driver.moving   # noqa: B018

    @pytest.mark.parametrize("slot", [0, 7, 2.5, float("nan")])
    def test_limits(self, wheel, slot):
        driver, box = wheel
        with pytest.raises(LimitError):
            driver.start_move(slot)
        assert box.said == [b"pcount?\r"]
        assert driver.slot_limits == (1, 6)

    def test_the_shorter_way_round(self, wheel):
        driver, _ = wheel
        assert driver.slots == 6
        assert driver.eta(1, 6) == driver.eta(1, 2) < driver.eta(1, 4)

    def test_identity_and_settings(self, wheel):
        driver, _ = wheel
        assert driver.identify().model == "FW102C"
        assert driver.settings() == {"slot": 1, "slots": 6, "high_speed": True, "sensors_always_on": False, "trigger_output": False}
        driver.high_speed = False
        driver.park()

    def test_an_impossible_number_of_slots(self, wheel):
        driver, box = wheel
        box.answers[b"pcount?\r"] = b"pcount?\r7\r> "
        with pytest.raises(BadReply, match="7 slots"):
            driver.start_move(2)

    def test_silence(self, talk):
        driver, _ = talk(FW102C, {})
        with pytest.raises(NoReply):
            driver.identify()
