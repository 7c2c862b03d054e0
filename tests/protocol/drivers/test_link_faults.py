"""Every fault of the wire, at every place, against every driver: a value is right, or an error comes; never another's value."""

from __future__ import annotations

import itertools

import pytest

from labctl.core.errors import CommunicationError, Disconnected, InstrumentError, NoReply
from sim_instruments.faults import Fault

QUESTIONS = {
    "laser": ["level", "inlet_temperature", "watchdog_s", "interlock", "picker", "serial_number", "emission"],
    "select": ["centre", "minimum", "maximum", "amplitude", "crystal", "rf_on"],
    "varia": ["upper", "lower", "neutral_density", "centre", "status_bits"],
    "attenuator": ["angle", "velocity", "information", "moving", "position_pulses"],
    "wheel": ["slot", "high_speed", "sensors_always_on", "slots"],
    "shutter": ["enabled", "closed", "mode", "interlock_tripped", "open_ms"],
    "spectrograph": ["centre", "grating", "lines_per_mm", "scan_rate_nm_min"],
    "meter": ["power", "wavelength", "averages", "auto_range", "shortest_wavelength", "sensor"],
    "analyser": ["angle", "homed", "speeds", "moving"],
    "bias": ["level", "output_on", "voltage", "limited"],
    "bias2450": ["level", "output_on", "voltage", "limited"],
    "cryostat": ["temperature", "setpoint", "heater_range", "ramp", "moving"],
    "stage": ["position", "motor_on", "moving"],
}
UNASKED = {"attenuator": b"0PO00001234\r\n", "laser": bytes.fromhex("0D A2 01 08 66 00 00 0E 29 0A".replace(" ", ""))}
REPAIRED = ["drop", "late", "very late", "duplicate", "truncate", "garble", "shorten", "bytewise", "split"]
TAGGED = ["laser", "select", "varia"]           # replies with checksum and address


def fault(kind: str, skip: int, timeout_s: float) -> Fault:
    """Make a fault that strikes the reply after `skip` others."""
    seconds = {"late": 1.05 * timeout_s, "very late": 1.9 * timeout_s, "bytewise": 0.5 * timeout_s, "split": 0.5 * timeout_s}
    return Fault({"very late": "late"}.get(kind, kind), skip=skip, seconds=seconds.get(kind, 0.0))


def answers(driver, names):
    return [(name, getattr(driver, name)) for name in names]


@pytest.mark.parametrize("kind", QUESTIONS)
class TestEveryDriver:
    @pytest.mark.parametrize("what", REPAIRED)
    def test_one_bad_reply_anywhere_changes_no_answer(self, pair, kind, what):
        names = QUESTIONS[kind] + QUESTIONS[kind][::-1]
        if what == "shorten":       # a lost digit shows only where the form of the answer is fixed
            names = [name for name in names if name not in ("open_ms", "sensor")]
        made = pair(kind)
        made.driver.identify()
        right = answers(made.driver, names)
        for skip in range(len(names)):
            made.device.faults = [fault(what, skip, made.driver.port.reply_timeout_s)]
            assert answers(made.driver, names) == right
            made.device.faults = []
            assert answers(made.driver, names) == right

    def test_a_noisy_line(self, pair, kind):
        made = pair(kind)
        made.driver.identify()
        names = QUESTIONS[kind]
        right = dict(answers(made.driver, names))
        made.device.faults = [Fault(what, probability=0.05, times=1e9, seconds=made.driver.port.reply_timeout_s * 1.3)
                              for what in ("drop", "truncate", "garble", "late", "duplicate", "split")]
        wrong = failed = 0
        for name in itertools.islice(itertools.cycle(names), 300):
            try:
                wrong += getattr(made.driver, name) != right[name]
            except CommunicationError:
                failed += 1
        assert wrong == 0
        assert failed < 30
        assert made.driver.port.incidents

    @pytest.mark.parametrize(("what", "error"), [("hang", NoReply), ("disconnect", Disconnected)])
    def test_what_cannot_be_repaired_is_said_in_time(self, pair, kind, what, error):
        made = pair(kind)
        made.driver.identify()
        for name in QUESTIONS[kind]:
            made.device.faults = [Fault(what)]
            if not _asks(made, name):
                continue
            before = made.clock.now()
            with pytest.raises(error):
                getattr(made.driver, name)
            assert made.clock.now() - before < 5.0
            made.device.faults = []
            made.device.plug_in()
            assert getattr(made.driver, name) is not None

    def test_every_level_reports_a_dead_line(self, pair, kind):
        made = pair(kind)
        made.driver.identify()
        made.device.hung = True
        for level in ("park", "make_safe", "shutdown"):
            if kind in ("select", "varia", "meter", "wheel") or (kind, level) in (
                    ("laser", "park"), ("cryostat", "park"), ("cryostat", "make_safe")):
                getattr(made.driver, level)()      # nothing has to be done, so nothing can fail
                continue
            before = made.clock.now()
            with pytest.raises(InstrumentError):
                getattr(made.driver, level)()
            assert made.clock.now() - before < 8.0


def _asks(made, name: str) -> bool:
    """Tell whether reading a property says anything at all (what is asked once and kept does not)."""
    heard: list[bytes] = []
    receive = made.device.receive
    faults, made.device.faults = made.device.faults, []
    made.device.receive = lambda data: (heard.append(data), receive(data))[1]
    getattr(made.driver, name)
    made.device.receive, made.device.faults = receive, faults
    return bool(heard)


@pytest.mark.parametrize(("kind", "what"), [*itertools.product(TAGGED, ["checksum", "address"]), ("attenuator", "address")])
def test_wrong_checksum_and_wrong_address(pair, kind, what):
    made = pair(kind)
    names = QUESTIONS[kind]
    right = answers(made.driver, names)
    for skip in range(len(names)):
        made.device.faults = [Fault(what, skip=skip)]
        assert answers(made.driver, names) == right


@pytest.mark.parametrize("kind", UNASKED)
def test_something_unasked_before_the_reply(pair, kind):
    made = pair(kind)
    names = [name for name in QUESTIONS[kind] if name not in ("angle", "position_pulses")]
    right = answers(made.driver, names)
    for skip in range(len(names)):
        made.device.faults = [Fault("unasked", skip=skip, data=UNASKED[kind])]
        assert answers(made.driver, names) == right


class TestCommandsUnderFaults:
    """A lost acknowledgement never toggles a shutter twice nor leaves a value half set."""

    @pytest.mark.parametrize("skip", range(6))
    @pytest.mark.parametrize("what", ["drop", "late", "truncate", "garble", "duplicate"])
    def test_shutter(self, pair, what, skip):
        made = pair("shutter")
        made.device.faults = [fault(what, skip, made.driver.port.reply_timeout_s)]
        made.driver.open()
        made.clock.wait(0.1)
        assert made.driver.is_open()
        made.device.faults = [fault(what, skip, made.driver.port.reply_timeout_s)]
        made.driver.park()
        assert made.driver.is_closed()

    @pytest.mark.parametrize("skip", range(4))
    @pytest.mark.parametrize("what", ["drop", "late", "truncate", "garble", "checksum"])
    def test_filter(self, pair, what, skip):
        made = pair("select")
        made.driver.start_centre(500.0)
        made.device.faults = [fault(what, skip, made.driver.port.reply_timeout_s)]
        made.driver.start_centre(531.5)
        assert made.driver.centre == 531.5

    @pytest.mark.parametrize("skip", range(5))
    @pytest.mark.parametrize("what", ["drop", "late", "truncate", "garble"])
    @pytest.mark.parametrize(("kind", "start", "read", "value"), [
        ("attenuator", "start_move", "angle", 45.0), ("wheel", "start_move", "slot", 4),
        ("spectrograph", "start_centre", "centre", 600.0)])
    def test_moves_end_where_they_should(self, pair, kind, start, read, value, what, skip):
        made = pair(kind)
        made.driver.identify()
        made.device.faults = [fault(what, skip, made.driver.port.reply_timeout_s)]
        getattr(made.driver, start)(value)
        made.wait()
        assert getattr(made.driver, read) == pytest.approx(value, abs=0.003)

    def test_half_a_command_before_ours_does_no_harm(self, pair):
        for kind, half in {"laser": b"\x0d\x0f\xa2\x05\x37", "attenuator": b"0ma000", "wheel": b"pos", "shutter": b"en",
                           "spectrograph": b"500.0 GO", "meter": b"SENS:COR"}.items():
            made = pair(kind)
            name = QUESTIONS[kind][0]
            right = getattr(made.driver, name)
            made.device.feed(half)
            assert getattr(made.driver, name) == right, kind
            assert getattr(made.driver, name) == right, kind
