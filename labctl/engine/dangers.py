"""What in a plan wants a second thought of whoever starts it: high voltage, a sample that is warmed, a light source switched on."""

from __future__ import annotations

from labctl.bench.bench import Bench
from labctl.bench.panel import dangerous, is_source, position, switches_on
from labctl.core.plan import Bounds
from labctl.core.quantities import shown

DANGERS = "dangers"          # among the options of a queued item; missing where nobody could make a plan of it
WARMER_K = 1.0               # a rise below this is regulation


def dangers(bounds: Bounds, bench: Bench) -> tuple[str, ...]:
    """Give in words, with numbers, what is dangerous in a plan that stays within these bounds; empty where nothing is."""
    return (*_levels(bounds, bench), *_warming(bounds, bench), *_actions(bounds, bench))


def _levels(bounds: Bounds, bench: Bench) -> list[str]:
    """Give the highest magnitude of every axis that its driver or the bench calls dangerous, zero left out."""
    highest = {name: max(span, key=abs) for name, span in bounds.set.items() if name in bench.axes and dangerous(bench.axes[name])}
    return [f"{name} up to {shown(value, name)}" for name, value in highest.items() if value]


def _warming(bounds: Bounds, bench: Bench) -> list[str]:
    """Say which temperatures rise: above where they stand, or where nobody knows that, above the lowest of the plan."""
    found = []
    for name, (low, high) in bounds.set.items():
        stands = position(bench, name) if name in bench.axes and bench.axes[name].unit == "K" else high
        begins = low if stands is None else stands
        if high > begins + WARMER_K:
            found.append(f"{name} from {shown(begins, name)} up to {shown(high, name)}")
    return found


def _actions(bounds: Bounds, bench: Bench) -> list[str]:
    return [name for name in bounds.do if name in bench.actions and is_source(bench.actions[name][0]) and switches_on(name)]
