"""In virtual time a run is the same every time, whatever the system's scheduler does with its threads."""

from __future__ import annotations

import random
import threading
from types import SimpleNamespace

import pytest

from labctl import api
from labctl.bench.devices import Device
from labctl.core import virtual_clock as clocks
from labctl.engine import runner
from labctl.store.journal import Journal


class StartedLate:
    """Threads that start in an order drawn from a seed, when the clock first needs one: a system that does as it likes."""

    def __init__(self, seed: int):
        self._draw = random.Random(seed)  # noqa: S311
        self._waiting: list[threading.Thread] = []
        self.order: list[str] = []

    def thread(self, **options):
        made = threading.Thread(**options)
        return SimpleNamespace(start=lambda: self._waiting.append(made))

    def start_all(self):
        self._draw.shuffle(self._waiting)
        while self._waiting:
            thread = self._waiting.pop()
            self.order.append(thread.name)
            thread.start()


@pytest.fixture
def traced(tmp_path, two_points, monkeypatch, session_state):
    """Run two points with threads started by a seed; gives every device call with its time, every point, the order of starts."""
    def go(seed):
        late, calls, points = StartedLate(seed), [], []
        evaluate, record, sleep = Device._evaluate, Journal.point, clocks.VirtualClock._hand_over

        def called(device, method, args, kwargs):
            calls.append((device.clock.now(), device.role, str(method) if isinstance(method, str) else "", args))
            return evaluate(device, method, args, kwargs)

        def recorded(journal, index, **what):
            points.append((index, what["started_s"], what["values"], {k: v.tobytes() for k, v in what["arrays"].items()}))
            record(journal, index, **what)

        def slept(clock, runner):
            late.start_all()
            sleep(clock, runner)

        with monkeypatch.context() as patch:
            patch.setenv("LABCTL_STATE", str(session_state))
            if seed:
                patch.setattr(clocks, "threading", SimpleNamespace(**{**vars(threading), "Thread": late.thread}))
                patch.setattr(clocks.VirtualClock, "_hand_over", slept)
            patch.setattr(Device, "_evaluate", called)
            patch.setattr(Journal, "point", recorded)
            with api.open_bench("ying2021") as bench:
                outcome = runner.run(two_points(), bench, runner.Order("two_points", tmp_path / str(seed), seed=3, figure=False))
        assert outcome.status == "done"
        return calls, points, late.order
    return go


def test_the_same_twice_and_with_threads_started_in_any_order(traced):
    calls, points, _ = traced(0)
    assert len(points) == 2
    orders = set()
    for seed in (0, 1, 2, 3):
        again, same, order = traced(seed)
        assert again == calls
        assert same == points
        orders.add(tuple(order))
    assert len(orders) > 2, "the threads were not shuffled"
