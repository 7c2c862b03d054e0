"""Opening benches by name or path, on the clock that suits them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from labctl.api.bench import Bench
from labctl.bench import config as bench_config
from labctl.bench import opening
from labctl.bench.lookup import find_bench
from labctl.bench.samples import on_the_twin
from labctl.core.clock import Clock, RealClock, VirtualClock
from labctl.core.errors import ConfigError, Refused
from labctl.core.operator import Operator
from labctl.core.pacing import PacedClock
from labctl.core.plan import Problem
from labctl.engine import by_hand, preparing

AnnounceText = Callable[[str], None]
MakeOperator = Callable[[Clock], Operator]


def load_bench_file(name_or_path: str) -> tuple[bench_config.BenchConfig, str, Path]:
    """Find and check a bench file; gives configuration, text and path. Raises Refused with every problem."""
    path = find_bench(name_or_path)
    try:
        config, text = bench_config.load(path)
    except ConfigError as exc:
        raise Refused([Problem("bench", line) for line in str(exc).splitlines()]) from None
    return config, text, path


def open_bench(name_or_path: str, *, speed: float | None = None, rehearsal: bool = False,
               operator: MakeOperator | None = None, watched: bool = False) -> Bench:
    """Open a bench by name or path.

    A simulated bench runs in virtual time, or with `speed` on the real clock that many times faster; a real bench always runs on
    the real clock. With `rehearsal` the twin of a real bench file is opened instead, and nothing real is touched. A simulated
    bench that is `watched` runs on a clock in which other threads, those of a window, may raise flags; `speed` is then the most.
    Use it in a `with` block: what was used by hand is parked when it is left.
    """
    config, text, _ = load_bench_file(name_or_path)
    return open_config(config, text, speed=speed, rehearsal=rehearsal, operator=operator, watched=watched)


def open_config(config: bench_config.BenchConfig, text: str, *, speed: float | None = None, rehearsal: bool = False,
                sample: str = "", operator: MakeOperator | None = None, announce: AnnounceText = lambda text: None,
                watched: bool = False, start: datetime | None = None) -> Bench:
    """Open a bench from a checked configuration; `operator` makes the one who answers for what only a person can set.

    A rehearsal puts `sample` on the twin if it knows it, and tells `announce` which it is. Virtual time begins at `start` or now.
    """
    if rehearsal:
        if config.twin is None:
            raise Refused([Problem("bench", f"{config.name} has no [twin] section, so it cannot be rehearsed.")])
        config, chosen = on_the_twin(config, sample)
        announce(f"rehearsal on the twin, nothing real is opened. Sample: {chosen}")
    if rehearsal and not config.simulated:      # the emulators have serial numbers of their own
        boxes = {role: each.model_copy(update={"serial": None}) for role, each in config.instruments.items()}
        config = config.model_copy(update={"backend": "simulated", "name": f"{config.name}{bench_config.REHEARSED}",
                                           "instruments": boxes})
    if not config.simulated and speed is not None:
        raise Refused([Problem("speed", f"{config.name} is a real bench; it always runs on the real clock.")])
    clock = _clock(config.simulated, speed, watched, start)
    try:
        opened, _ = opening.open_bench(config, text, clock, operator=operator(clock) if operator is not None else None, make=Bench)
    except ConfigError as exc:
        raise Refused([Problem("bench", line) for line in str(exc).splitlines()]) from None
    bench = cast(Bench, opened)
    bench.at_close(preparing.by_hand(bench))
    bench.at_close(by_hand.left_parked(bench))
    return bench


def _clock(simulated: bool, speed: float | None, watched: bool, start: datetime | None) -> Any:
    """Choose the clock on which a bench runs."""
    if simulated and watched:
        return PacedClock(speed or float("inf"))
    return VirtualClock(start) if simulated and speed is None else RealClock(speed or 1.0)
