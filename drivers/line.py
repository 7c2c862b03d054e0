"""One connection as a stream of messages: bytes out, messages in, every failure of the transport a typed error, all logged."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pymeasure.adapters import Adapter, VISAAdapter
from pyvisa.constants import StatusCode
from pyvisa.errors import Error as VisaError
from pyvisa.errors import VisaIOError

from labctl.core.errors import BadReply, CommunicationError, Disconnected, NoReply, ResourceBusy

try:
    from termios import error as TerminalError  # what a serial adapter that was pulled out says first; it is no OSError
except ImportError:                                 # Windows
    TerminalError = OSError

wire = logging.getLogger("labctl.wire")

REMEDY = "Check cable, power and the resource in the bench file."
FAILURES = (VisaError, OSError, TerminalError)
LOOK_S = 0.001          # how long a look for bytes that may have come takes


def damaged(name: str, message: bytes) -> BadReply:
    """Make the exception for a reply that lost something on its way."""
    return BadReply(name, f"a damaged reply came back: {message!r}.", state="unknown", remedy="It is asked again.")


class Line:
    """A VISA connection whose messages end in the byte `end`.

    `serial` are settings that apply to serial lines only. `resource` may be a ready pymeasure adapter.
    """

    def __init__(self, resource: str | Adapter, *, name: str, end: bytes, serial: Mapping[str, Any], timeout_s: float,
                 visa_library: Any = None):
        self.name, self.end = name, end
        self._timeout_ms = int(timeout_s * 1000)
        self._partial = b""
        self.adapter = resource if isinstance(resource, Adapter) else self._open(resource, visa_library, serial)

    def _open(self, resource: str, visa_library: Any, serial: Mapping[str, Any]) -> Adapter:
        try:
            return VISAAdapter(resource, visa_library=visa_library or "", asrl=dict(serial),
                               read_termination=self.end.decode("ascii"), timeout=self._timeout_ms)
        except VisaIOError as exc:
            if exc.error_code in (StatusCode.error_resource_busy, StatusCode.error_resource_locked):
                raise ResourceBusy(self.name, "another program has this port open.", state="nothing was sent",
                                   remedy="Close the other program.") from exc
            raise Disconnected(self.name, f"the port cannot be opened ({exc.abbreviation}).", state="nothing was sent",
                               remedy=REMEDY) from exc
        except (*FAILURES, ValueError) as exc:
            raise Disconnected(self.name, f"the port cannot be opened ({exc}).", state="nothing was sent", remedy=REMEDY) from exc

    def close(self) -> None:
        """Close the connection; harmless when it is closed or gone."""
        try:
            self.adapter.close()
        except FAILURES as exc:
            wire.debug("%s ! closing failed: %s", self.name, exc)

    def send(self, data: bytes) -> None:
        """Send bytes; raises Disconnected."""
        wire.debug("%s > %r", self.name, data)
        try:
            self.adapter.write_bytes(data)
        except FAILURES as exc:
            raise self._typed(exc) from exc

    def message(self, timeout_s: float) -> bytes:
        """Wait for a message; raises NoReply when the time is up, BadReply for one that was cut off."""
        message = self._read(timeout_s)
        wire.debug("%s < %r", self.name, message)
        if not message.endswith(self.end):
            raise BadReply(self.name, f"a message was cut off: {message!r}.", state="unknown", remedy="Ask again.")
        return message

    def look(self) -> bytes | None:
        """Give a message if it has come, byte by byte, keeping its beginning for the next look: a time-out would lose it."""
        try:
            while not self._partial.endswith(self.end):
                self._partial += self._read(LOOK_S, count=1)
        except NoReply:
            return None
        message, self._partial = self._partial, b""
        wire.debug("%s < %r", self.name, message)
        return message

    def throw_away(self, timeout_s: float) -> bool:
        """Wait for anything, and throw it away; False if nothing came."""
        try:
            wire.debug("%s < %r (thrown away)", self.name, self._read(timeout_s))
        except NoReply:
            return False
        return True

    def discard(self) -> None:
        """Discard what has already come: duplicates, and what was said unasked."""
        self._partial = b""
        try:
            self.adapter.flush_read_buffer()
        except FAILURES as exc:
            raise self._typed(exc) from exc

    def _read(self, timeout_s: float, count: int = -1) -> bytes:
        """Read up to the end mark, or `count` bytes."""
        milliseconds = max(1, round(timeout_s * 1000))
        try:
            if milliseconds != self._timeout_ms:
                self._timeout_ms = milliseconds
                self.adapter.connection.timeout = milliseconds      # type: ignore[attr-defined]
            return self.adapter.read_bytes(count, break_on_termchar=count < 0)
        except FAILURES as exc:
            raise self._typed(exc) from exc

    def _typed(self, failure: Exception) -> CommunicationError:
        """Turn what the transport raised into an error a person can act on."""
        if isinstance(failure, VisaIOError) and failure.error_code == StatusCode.error_timeout:
            return NoReply(self.name, "no answer in time.", state="unknown", remedy="Check power and cable.")
        reason = failure.abbreviation if isinstance(failure, VisaIOError) else str(failure)
        return Disconnected(self.name, f"the connection is gone ({reason}).", state="unknown; it may go on with what it was doing",
                            remedy="Check cable and power, then reopen the bench.")
