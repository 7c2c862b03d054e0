"""What a person does with an open bench outside of runs: the same moves, the same checks, the same counting of light."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from labctl.bench.bench import Bench
from labctl.core.errors import Refused, UnsafeState
from labctl.core.moving import move_all
from labctl.core.plan import Problem
from labctl.core.pump_units import LEVELS
from labctl.core.steps import Steps, drive
from labctl.core.suggest import suggestion
from labctl.engine.control import Control
from labctl.engine.lock import held
from labctl.store import unsafe


def move(bench: Bench, targets: Mapping[str, float], control: Control | None = None) -> dict[str, float]:
    """Set quantities as a run would: in the dark where they light the sample, settled, read back; gives the read-backs.

    The bench remembers them as what was chosen by hand. Raises Refused with everything that is wrong before anything moves, Aborted
    when `control` asks for the end.
    """
    unknown = [Problem(name, f"bench {bench.name} has no {name}. {suggestion(name, bench.axes)}")
               for name in targets if name not in bench.axes]
    wrong = [problem for name, value in targets.items() if name in bench.axes for problem in bench.axes[name].check(value, targets)]
    if unknown or any(problem.level == "error" for problem in wrong):
        raise Refused([*unknown, *wrong])
    found = _alone(bench, move_all(bench.axes, bench.shutter, targets), control, f"moving {', '.join(targets)}")
    if not set(LEVELS).isdisjoint(targets):        # one level of the pump replaces another
        for name in LEVELS:
            bench.by_hand.pop(name, None)
    bench.by_hand.update(targets)
    return found


def act(bench: Bench, name: str, control: Control | None = None) -> None:
    """Carry out a named action of the bench ("power_meter.zero")."""
    if name not in bench.actions:
        raise Refused([Problem("do", f"bench {bench.name} has no {name}. It has {', '.join(sorted(bench.actions))}.")])
    _alone(bench, bench.action(name), control, name)


def light(bench: Bench, on: bool, control: Control | None = None) -> None:
    """Open or close the pump shutter; the light is counted like that of a run."""
    if bench.shutter is None:
        raise Refused([Problem("shutter", f"bench {bench.name} has no pump shutter.")])
    steps = bench.shutter.open() if on else bench.shutter.close()
    _alone(bench, steps, control, "light by hand" if on else "closing the shutter")


def park(bench: Bench) -> None:
    """Park now: pump shutter closed and confirmed, attenuator at its least, bias off.

    Raises UnsafeState when that fails; a real bench is then marked, and refuses runs until somebody has looked.
    """
    if failed := bench.run_level("park"):
        if not bench.simulated:
            unsafe.mark(bench.name, failed)
        raise UnsafeState(f"{bench.name} could not be parked: {'; '.join(map(str, failed))} The bench may be lit, biased or "
                          "unblocked: look at it before going on.")


@contextmanager
def left_parked(bench: Bench) -> Iterator[None]:
    """Park at the end what was used by hand: a run parks by itself."""
    try:
        yield
    finally:
        if bench.used_by_hand:
            park(bench)


def _alone(bench: Bench, steps: Steps[Any], control: Control | None, doing: str) -> Any:
    """Do something with the bench held, stopped as soon as somebody asks."""
    control, wake = control or Control(), bench.clock.event()
    control.attach(wake.set)
    with held(bench, doing):
        bench.used_by_hand = True
        return drive(bench.clock, steps, control.gate_abort, wake)
