"""A box that says what a test tells it to, behind the simulated VISA library and on a virtual clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from labctl.core.clock import VirtualClock
from sim_instruments.visa import SimulatedVisa
from sim_instruments.wire import ByteDevice

RESOURCE = "ASRL/dev/ttyTEST::INSTR"


class Scripted(ByteDevice):
    """Answers exact requests from a table; `plan` goes before it, an entry per request: None for silence, bytes, timed chunks."""

    def __init__(self, clock: VirtualClock, answers: Mapping[bytes, Any]):
        super().__init__(clock=clock, name="scripted")
        self.answers = dict(answers)
        self.plan: deque[Any] = deque()
        self.said: list[bytes] = []

    def receive(self, data: bytes) -> None:
        self.said.append(data)
        answer = self.plan.popleft() if self.plan else self.answers.get(data)
        answer = answer(data) if callable(answer) else answer
        chunks = [(0.0, answer)] if isinstance(answer, bytes) else answer or []
        for seconds, chunk in chunks:
            self.send(chunk, seconds)


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def script(clock: VirtualClock) -> Callable[[Mapping[bytes, Any]], tuple[Scripted, SimulatedVisa]]:
    """Make a scripted box and the library in which it stands as RESOURCE."""
    def make(answers: Mapping[bytes, Any]) -> tuple[Scripted, SimulatedVisa]:
        box = Scripted(clock, answers)
        return box, SimulatedVisa({RESOURCE: box}, clock)

    return make


@pytest.fixture
def talk(clock: VirtualClock, script: Any) -> Callable[..., tuple[Any, Scripted]]:
    """Make a driver in front of a scripted box: `driver, box = talk(SC10, {b"ens?\\r": b"ens?\\r0\\r> "})`."""
    def make(driver: Any, answers: Mapping[bytes, Any], **options: Any) -> tuple[Any, Scripted]:
        box, library = script(answers)
        made = driver(RESOURCE, clock=clock, name="it", visa_library=library, **options)
        made.library = library       # PyVISA itself remembers libraries only weakly
        return made, box

    return make
