"""What holds for every test: its own state folder, no display, no sleeping, no luck."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from labctl import api

os.environ["MPLBACKEND"] = "Agg"
os.environ["QT_QPA_PLATFORM"] = "offscreen"

# The same examples every time, and no deadline: a busy machine must not make a test fail.
settings.register_profile("labctl", derandomize=True, deadline=None, database=None)
settings.load_profile("labctl")

PACKAGES = ("labctl.", "drivers.", "procedures.", "sim_instruments.")
REAL_TIME = ("labctl.core.real_clock", "sim_instruments.clock")


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep calibrations, locks, journals and marks of every test to itself."""
    folder = tmp_path / "state"
    monkeypatch.setenv("LABCTL_STATE", str(folder))
    return folder


def refuse_to_sleep(sleep: Callable[[float], None]) -> Callable[[float], None]:
    """Give a `time.sleep` that refuses calls from our packages; the two real clocks are what they should call."""
    def guarded(seconds: float) -> None:
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if caller.startswith(PACKAGES) and caller not in REAL_TIME:
            raise AssertionError(f"{caller} sleeps {seconds} s; all waiting goes through the clock")
        sleep(seconds)

    return guarded


@pytest.fixture(autouse=True)
def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid `time.sleep` to the code under test."""
    monkeypatch.setattr(time, "sleep", refuse_to_sleep(time.sleep))  # noqa: TID251  to forbid it


@pytest.fixture(scope="session")
def session_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder that lives as long as the session; its bench ying2021 is calibrated coarsely, the same in every session."""
    folder = tmp_path_factory.mktemp("session_state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(folder))
        with api.open_bench("ying2021") as bench:
            order = api.Order("power_calibration", tmp_path_factory.mktemp("calibration"), seed=1, figure=False)
            assert api.run("power_calibration", bench, {"wavelengths": 6, "angles": 10}, order=order).status == "done"
    return folder


@pytest.fixture
def labctl_state(monkeypatch: pytest.MonkeyPatch, session_state: Path) -> Iterator[Path]:
    """Point labctl at the session's state folder; what a test calibrates anew there goes with the test.

    Or the next test would measure with another calibration than the one before, and in another order of tests the other way round.
    """
    monkeypatch.setenv("LABCTL_STATE", str(session_state))
    before = set(session_state.glob("calibrations/*/*/*.json"))
    yield session_state
    kinds = {path.parent for path in before}
    for path in set(session_state.glob("calibrations/*/*/*.json")) - before:
        if path.parent in kinds:
            path.unlink()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., dict[str, str]]]:
    """Serve boxes of the bench ying2021 on pseudo-terminals: give drivers and the speed of their clock, get ports by driver."""
    from labctl.api import load_bench_file
    from labctl.bench.emulation import make_devices, serve_pty
    from labctl.core.clock import RealClock

    with ExitStack() as running:
        def start(*drivers: str, speed: float) -> dict[str, str]:
            config, _, _ = load_bench_file("ying2021")
            found = {}
            for name, device in make_devices(config, drivers, RealClock(speed)).items():
                running.enter_context(serve_pty(device, tmp_path / "ports" / name))
                found[name] = str((tmp_path / "ports" / name).resolve())
            return found

        yield start
