"""A VISA library whose devices are emulators: the place where a simulated bench is injected below the drivers.

`pymeasure.adapters.VISAAdapter(resource, visa_library=SimulatedVisa(devices, clock))` and any plain PyVISA program work with it.
Session bookkeeping and attributes come from pyvisa-sim; what differs from its stock library (0.7):

* devices are objects, not YAML dialogues, and may speak unasked;
* every bench has a library of its own: closing or forgetting one adapter closes nothing else;
* opening a missing resource, or one that is open already, fails at once with the right VISA error;
* an error inside an emulator is raised as it is, not swallowed when it happens to be an AttributeError;
* reads take whole chunks and wait on the devices' clock: nothing polls, and a time-out in virtual time costs no time;
* `flush`, `clear` and `bytes_in_buffer` exist.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, NoReturn

from pyvisa import constants, rname
from pyvisa.attributes import AttributesByID
from pyvisa.constants import ResourceAttribute, SerialTermination, StatusCode
from pyvisa.errors import VisaIOError
from pyvisa.util import LibraryPath
from pyvisa_sim.highlevel import SimVisaLibrary
from pyvisa_sim.sessions.session import MessageBasedSession

from sim_instruments.clock import Clock
from sim_instruments.wire import ByteDevice

_library_numbers = itertools.count(1)
DISCARDING = int(constants.BufferOperation.discard_read_buffer | constants.BufferOperation.discard_receive_buffer
                 | constants.BufferOperation.discard_read_buffer_no_io | constants.BufferOperation.discard_receive_buffer2)


def _canonical(resource: str) -> str:
    """Give the one spelling of a resource name ("asrl/dev/ttyUSB0" and "ASRL/dev/ttyUSB0::INSTR" are the same port)."""
    try:
        return str(rname.parse_resource_name(resource))
    except rname.InvalidResourceName:
        raise VisaIOError(StatusCode.error_invalid_resource_name) from None


class WireSession(MessageBasedSession):
    """One open resource: VISA's rules for when a read ends, on top of a byte device."""

    device: ByteDevice  # type: ignore[assignment]

    def __init__(self, manager: int, resource: str, device: ByteDevice, clock: Clock):
        parsed = rname.parse_resource_name(resource)
        self.session_type = (parsed.interface_type_const, parsed.resource_class)
        super().__init__(manager, resource, parsed)  # type: ignore[arg-type]
        self.device, self._clock = device, clock
        self._serial = parsed.interface_type_const == constants.InterfaceType.asrl
        # Raw sockets and serial lines carry a stream; every other kind of resource marks where a message ends.
        self._to_end = not self._serial and parsed.resource_class != "SOCKET"

    def get_attribute(self, attribute: ResourceAttribute) -> tuple[Any, StatusCode]:
        """Get an attribute; the number of waiting bytes is asked of the device."""
        if attribute == ResourceAttribute.asrl_avalaible_number and self._serial:
            return self.device.pending, StatusCode.success
        return super().get_attribute(attribute)

    def read(self, count: int) -> tuple[bytes, StatusCode]:
        """Read until the end condition that the attributes ask for, `count` bytes, or the time-out."""
        until, device = self._termination(), self.device
        milliseconds = self._value(ResourceAttribute.timeout_value)
        forever = milliseconds == constants.VI_TMO_INFINITE
        deadline = self._clock.now() + milliseconds / 1000
        received = b""
        while True:
            if device.unplugged:
                raise VisaIOError(StatusCode.error_connection_lost)
            chunk, ended = device.read(count - len(received), until=until, to_end=self._to_end)
            received += chunk
            if ended:
                found = bool(until) and received.endswith(until)
                return received, StatusCode.success_termination_character_read if found else StatusCode.success
            if len(received) >= count:
                return received, StatusCode.success_max_count_read
            if not device.output.wait(None if forever else deadline - self._clock.now()):
                raise VisaIOError(StatusCode.error_timeout)

    def write(self, data: bytes) -> tuple[int, StatusCode]:
        """Hand bytes to the device."""
        if self.device.unplugged:
            raise VisaIOError(StatusCode.error_connection_lost)
        self.device.feed(bytes(data))
        return len(data), StatusCode.success

    def discard(self) -> None:
        """Throw away what has arrived and was not read."""
        if self.device.pending:
            self.device.read(self.device.pending)

    def _termination(self) -> bytes:
        """Give the byte that ends a read now (VPP-4.3 rules 6.1.1 to 6.1.7), or nothing."""
        enabled = self._value(ResourceAttribute.termchar_enabled)
        if self._serial and not enabled:
            enabled = self._value(ResourceAttribute.asrl_end_in) == SerialTermination.termination_char
        return bytes([self._value(ResourceAttribute.termchar)]) if enabled else b""

    def _value(self, attribute: ResourceAttribute) -> Any:
        return self.attrs[attribute] if attribute in self.attrs else AttributesByID[attribute].default


class SimulatedVisa(SimVisaLibrary):
    """The VISA library of one simulated bench: `devices` by resource name, waiting on `clock`.

    Keep a reference to it as long as the bench lives: PyVISA itself remembers libraries only weakly.
    """

    devices: dict[str, ByteDevice]  # type: ignore[assignment]
    sessions: dict[int, Any]  # type: ignore[assignment]

    def __new__(cls, devices: Mapping[str, ByteDevice], clock: Clock) -> SimulatedVisa:
        """Make a library that PyVISA cannot confuse with another: it keeps one object per library path."""
        return super().__new__(cls, LibraryPath(f"simulated bench {next(_library_numbers)}", "simulated"))  # type: ignore[return-value]

    def __init__(self, devices: Mapping[str, ByteDevice], clock: Clock):
        self.devices = {_canonical(name): device for name, device in devices.items()}
        self.clock = clock

    def _init(self) -> None:
        self.sessions = {}
        self._handles = itertools.count(1)

    def _register(self, obj: Any) -> Any:
        handle = next(self._handles)
        self.sessions[handle] = obj
        return handle

    def _session(self, handle: Any) -> WireSession:
        session = self.sessions.get(handle)
        if not isinstance(session, WireSession):
            self._fail(None, StatusCode.error_invalid_object)
        return session

    def _fail(self, handle: Any, status: StatusCode) -> NoReturn:
        self.handle_return_value(handle, status)
        raise AssertionError(f"{status} is no error")

    def open(self, session: Any, resource_name: str, access_mode: Any = None, open_timeout: Any = 0) -> tuple[Any, StatusCode]:
        """Open a resource; raises VisaIOError if it does not exist, is unplugged, or is open already (here or served)."""
        name = _canonical(resource_name)
        device = self.devices.get(name)
        if device is None or device.unplugged:
            self._fail(session, StatusCode.error_resource_not_found)
        if not device.claim(f"{self.library_path}, {name}"):
            self._fail(session, StatusCode.error_resource_busy)
        device.connected()
        handle = self._register(WireSession(session, name, device, self.clock))
        return handle, self.handle_return_value(handle, StatusCode.success)

    def close(self, session: Any) -> StatusCode:
        """Close one session, and nothing else."""
        closed = self.sessions.pop(session, None)
        if closed is None:
            self._fail(None, StatusCode.error_invalid_object)
        if isinstance(closed, WireSession):
            closed.device.disconnected()
            closed.device.release()
        return self.handle_return_value(None, StatusCode.success)

    def list_resources(self, session: Any, query: str = "?*::INSTR") -> tuple[str, ...]:
        """Name every device of this bench."""
        return rname.filter(self.devices, query)

    def read(self, session: Any, count: int) -> tuple[bytes, StatusCode]:
        """Read from a session."""
        data, status = self._session(session).read(count)
        return data, self.handle_return_value(session, status)

    def write(self, session: Any, data: bytes) -> tuple[int, StatusCode]:
        """Write to a session."""
        count, status = self._session(session).write(data)
        return count, self.handle_return_value(session, status)

    def flush(self, session: Any, mask: constants.BufferOperation) -> StatusCode:
        """Discard unread input if the mask asks for it; output is never held back."""
        if int(mask) & DISCARDING:
            self._session(session).discard()
        return self.handle_return_value(session, StatusCode.success)

    def clear(self, session: Any) -> StatusCode:
        """Clear the device's interface: unread answers and half-sent commands are forgotten."""
        self._session(session).device.connected()
        return self.handle_return_value(session, StatusCode.success)
