"""Moving several axes together: in dependency order, in parallel within an order, and never with the sample lit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from labctl.core.instrument import Axis, Shutter
from labctl.core.steps import Steps, side_by_side

Mover = Callable[[Axis, float, Mapping[str, float]], Steps[dict[str, float]]]


def stages(axes: Mapping[str, Axis], names: Mapping[str, float]) -> list[list[str]]:
    """Order axes so that each comes after those it names in `after`; axes of one stage move in parallel."""
    if len(names) == 1:
        return [list(names)]
    left = list(names)
    ordered: list[list[str]] = []
    while left:
        stage = [name for name in left if not any(other in left for other in axes[name].after)]
        if not stage:
            raise ValueError(f"the axes {', '.join(left)} wait for each other")
        ordered.append(stage)
        left = [name for name in left if name not in stage]
    return ordered


def plain_move(axis: Axis, value: float, at: Mapping[str, float]) -> Steps[dict[str, float]]:
    """Move without any retry."""
    return axis.move(value, at)


def move_all(axes: Mapping[str, Axis], shutter: Shutter | None, targets: Mapping[str, float],
             mover: Mover = plain_move) -> Steps[dict[str, float]]:
    """Move everything in `targets`; gives the read-backs and whatever was measured on the way.

    When any axis stands upstream of the sample, the shutter is closed and confirmed first. It is not opened here.
    """
    if shutter is not None and any(axes[name].illuminates for name in targets):
        yield from shutter.close()
    measured: dict[str, float] = {}
    for stage in stages(axes, targets):
        results = yield from side_by_side({name: mover(axes[name], targets[name], targets) for name in stage})
        for result in results.values():
            measured.update(result)
    return measured
