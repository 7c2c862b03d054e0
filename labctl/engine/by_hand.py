"""What a person does with an open bench outside of runs: the same moves, the same checks, the same counting of light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labctl.bench.bench import Bench
from labctl.core.errors import Refused
from labctl.core.moving import move_all
from labctl.core.plan import Problem
from labctl.core.steps import Steps, drive
from labctl.engine.control import Control
from labctl.engine.lock import held


def move(bench: Bench, targets: Mapping[str, float], control: Control | None = None) -> dict[str, float]:
    """Set quantities as a run would: in the dark where they light the sample, settled, read back; gives the read-backs.

    Raises Refused with everything that is wrong before anything moves, Aborted when `control` asks for the end.
    """
    unknown = [Problem(name, f"bench {bench.name} has no {name}. It has {', '.join(sorted(bench.axes))}.")
               for name in targets if name not in bench.axes]
    wrong = [problem for name, value in targets.items() if name in bench.axes for problem in bench.axes[name].check(value, targets)]
    if unknown or wrong:
        raise Refused([*unknown, *wrong])
    return _alone(bench, move_all(bench.axes, bench.shutter, targets), control, f"moving {', '.join(targets)}")


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


def _alone(bench: Bench, steps: Steps[Any], control: Control | None, doing: str) -> Any:
    """Do something with the bench held, stopped as soon as somebody asks."""
    control, wake = control or Control(), bench.clock.event()
    control.attach(wake.set)
    with held(bench, doing):
        return drive(bench.clock, steps, control.gate_abort, wake)
