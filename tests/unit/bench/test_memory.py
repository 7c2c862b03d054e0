"""What labctl remembers of a simulated bench goes with the twin's history."""

from __future__ import annotations

from types import SimpleNamespace

from labctl.bench import memory


class Source:
    """A driver whose next move depends on where it has been."""

    remembers = ("window", "name")

    def __init__(self, window=None):
        self.window, self.name = window, "source"


def bench(window=None, looked_at=None):
    devices = {"bias": SimpleNamespace(driver=Source(window)), "laser": SimpleNamespace(driver=object())}
    return devices, {"spectrum": SimpleNamespace(remembers=("looked_at",), looked_at=looked_at), "power": object()}


def test_it_is_put_back():
    checkpoint = memory.kept(*bench((-2.0, 3.0), (557.0, None)), b"history")
    devices, detectors = bench()
    assert memory.put_back(devices, detectors, checkpoint) == b"history"
    assert devices["bias"].driver.window == (-2.0, 3.0)
    assert detectors["spectrum"].looked_at == (557.0, None)


def test_what_was_unknown_is_unknown_again():
    devices, detectors = bench((-2.0, 3.0), (557.0, 1.0))
    memory.put_back(devices, detectors, memory.kept(*bench(), b""))
    assert devices["bias"].driver.window is None
    assert detectors["spectrum"].looked_at is None


def test_a_checkpoint_of_an_earlier_version_is_history_alone():
    devices, detectors = bench((-2.0, 3.0))
    assert memory.put_back(devices, detectors, b'{"version": 2}') == b'{"version": 2}'
    assert devices["bias"].driver.window == (-2.0, 3.0)
