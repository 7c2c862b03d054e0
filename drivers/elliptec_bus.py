"""The Elliptec bus: up to 16 Thorlabs Elliptec units on one serial line (ASCII protocol, 9600 8N1), and what they can report.

Command: address digit, two lower-case letters, upper-case hex of fixed length, no end mark. Reply: address, two upper-case letters,
data, CR LF. Units speak unasked when a move ends or a button is pressed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from drivers.line import damaged
from drivers.link import Port
from labctl.core.errors import BadReply, Busy, DeviceFault


class CommandTimeout(DeviceFault):
    """Status 1: the unit received a command that never ended."""


class MechanicalTimeout(DeviceFault):
    """Status 2: the stage did not get where it should in time."""


class CommandNotSupported(DeviceFault):
    """Status 3: the unit does not know the command."""


class OutOfRange(DeviceFault):
    """Status 4 or 0Ch: the value or position is out of range."""


class Isolated(DeviceFault):
    """Status 5 or 6: the unit has been isolated from the bus."""


class Initialising(Busy):
    """Status 7: the unit is starting up."""


class ThermalFault(DeviceFault):
    """Status 8: too hot."""


class Moving(Busy):
    """Status 9: the unit is carrying out a move."""


class SensorFault(DeviceFault):
    """Status 0Ah: the position sensor fails."""


class MotorFault(DeviceFault):
    """Status 0Bh: the motor fails."""


class OverCurrent(DeviceFault):
    """Status 0Dh: the motor draws too much current."""


OK = 0x00
MISHEARD = (0x01, 0x03)
FAULTS: dict[int, tuple[type[DeviceFault], str, str]] = {
    0x01: (CommandTimeout, "a command reached it incomplete", "Send it again; check the cable."),
    0x02: (MechanicalTimeout, "the stage did not arrive in time", "Look whether something blocks it, then home it."),
    0x03: (CommandNotSupported, "it does not know the command", "Compare model and driver."),
    0x04: (OutOfRange, "the value is out of range", "Choose a smaller angle."),
    0x05: (Isolated, "it is isolated from the bus", "Wait for the end of its isolation, or switch it off and on."),
    0x06: (Isolated, "it has just left its isolation", "Send the command again."),
    0x07: (Initialising, "it is starting up", "Wait a moment."),
    0x08: (ThermalFault, "it is too hot", "Let it cool down and move it less often."),
    0x09: (Moving, "it is moving", "Wait for the end of the move."),
    0x0A: (SensorFault, "its position sensor fails", "Home it; if that does not help, replace it."),
    0x0B: (MotorFault, "its motor fails", "Search the resonance again ('us'); if that does not help, replace it."),
    0x0C: (OutOfRange, "the position is out of range", "Home it."),
    0x0D: (OverCurrent, "its motor draws too much current", "Look whether something blocks it."),
}


def unit_fault(name: str, code: int) -> DeviceFault:
    """Make the exception for a status code."""
    kind, what, remedy = FAULTS.get(code, (DeviceFault, f"it reports status {code:02X}h", "See the protocol manual."))
    return kind(name, f"{what} (status {code:02X}h).", state="the position is not certain", remedy=remedy)


class Misheard(BadReply):
    """A question was answered by status 1 or 3: what came before it on the line was incomplete, or the question is not known."""

    def __init__(self, name: str, code: int):
        self.code = code
        super().__init__(name, f"it did not understand the question (status {code:02X}h).", state="unchanged",
                         remedy="It is asked again.")


class ElliptecPort(Port):
    """The bus that up to 16 units share."""

    serial: ClassVar[dict[str, Any]] = {"baud_rate": 9600}

    def __init__(self, resource: Any, **options: Any):
        super().__init__(resource, **options)
        self.quiet_until: dict[str, float] = {}     # by address: no move before this time

    def is_expected(self, message: bytes) -> bool:
        """Ends of moves (PO, GS) and buttons (BO, BS) are told unasked."""
        return message[1:3] in (b"PO", b"GS", b"BO", b"BS")

    def party(self, request: bytes) -> bytes:
        """Units are told apart by the first character."""
        return request[:1]

    def sync_questions(self, party: bytes) -> tuple[tuple[bytes, bytes], ...]:
        """Ask the unit for its description, or for its velocity."""
        return (party + b"in", party + b"IN"), (party + b"gv", party + b"GV")

    def ask_unit(self, address: str, letters: str, data: str, reply: str, length: int, who: str) -> str:
        """Ask one unit; gives the `length` characters after the reply's letters. Raises the unit's fault if it reports one."""
        try:
            return self.ask(f"{address}{letters}{data}".encode("ascii"), self._take(address, reply, length, who))
        except Misheard as exc:
            raise unit_fault(who, exc.code) from None

    def set_unit(self, address: str, letters: str, data: str, carried_out: Callable[[], bool], who: str) -> None:
        """Give a command that is acknowledged by GS00."""
        request = f"{address}{letters}{data}".encode("ascii")
        self.order(lambda: self.converse(request, self._take(address, "GS", 2, who)), carried_out, repr(request))

    @staticmethod
    def _take(address: str, reply: str, length: int, who: str) -> Callable[[bytes], str | None]:
        head, status = f"{address}{reply}".encode("ascii"), f"{address}GS".encode("ascii")

        def take(message: bytes) -> str | None:
            body = message.strip(b"\r\n\0 ")
            if body.startswith(status):
                code = hex_number(body[3:], 2, who, message)
                if code in MISHEARD and reply != "GS":
                    raise Misheard(who, code)
                if code != OK and reply != "gs":
                    raise unit_fault(who, code)
                return None if reply not in ("GS", "gs") else f"{code:02X}"
            if not body.startswith(head):
                return None
            if len(body) != len(head) + length or not body.isascii():
                raise damaged(who, message)
            return body[len(head):].decode("ascii")

        return take


def hex_number(digits: bytes, length: int, who: str, message: bytes) -> int:
    """Read hex digits; raises BadReply."""
    try:
        if len(digits) != length:
            raise ValueError
        return int(digits, 16)
    except ValueError:
        raise damaged(who, message) from None
