"""What only a person can set is asked before the first move, not in the middle of the night."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labctl.bench.bench import Bench
from labctl.core.errors import Aborted, InstrumentError
from labctl.core.operator import Assent
from labctl.core.plan import Problem
from labctl.core.steps import drive
from labctl.engine.control import Control
from labctl.engine.planning import Plan

MOST_NAMED = 8           # values of a plan that a question names
ANSWER_S = 3600.0        # how long a person may think about being there
LOOK_S = 0.5


def wanted(plan: Plan, names: Mapping[str, Any]) -> dict[str, list[float]]:
    """Give the values that a plan sets of these quantities, in the order of the plan; of an adaptive one its extremes."""
    if plan.adaptive is not None:
        return {name: sorted(set(plan.adaptive.bounds.set[name])) for name in names if name in plan.adaptive.bounds.set}
    found: dict[str, dict[float, None]] = {}
    for point in plan.points:
        for name in names:
            if name in point.set:
                found.setdefault(name, {})[point.set[name]] = None
    return {name: list(values) for name, values in found.items()}


def ask_beforehand(bench: Bench, plan: Plan, control: Control) -> list[Problem]:
    """Let a person set what the plan wants set by hand, before anything moves; gives what was not done.

    A quantity with one value is set now. One with several has to be set in the run: whether somebody will be there is asked now,
    and `--yes`, which stands for what was set beforehand, is no answer to that.
    """
    by_hand = bench.set_by_hand()
    problems = []
    for name, values in wanted(plan, by_hand).items():
        try:
            if len(values) > 1:
                problems += _ask_to_stay(bench, name, values, by_hand[name], control)
            else:
                wake = bench.clock.event()
                control.attach(wake.set)
                drive(bench.clock, bench.axes[name].move(values[0], {}), control.gate_abort, wake)
        except Aborted as exc:
            return [*problems, Problem(name, f"{exc} while this was asked. Nothing was moved.")]
        except InstrumentError as exc:
            problems.append(Problem(name, str(exc)))
    return problems


def _ask_to_stay(bench: Bench, name: str, values: list[float], device: Any, control: Control) -> list[Problem]:
    """Ask whether somebody will be there to set a quantity again and again."""
    unit = bench.axes[name].unit
    listed = ", ".join(f"{value:g}" for value in values[:MOST_NAMED]) + (" ..." if len(values) > MOST_NAMED else "")
    what = f"{name} is set by hand, {len(values)} times in this run: {listed} {unit}"
    operator = device.driver.operator
    if operator is None or isinstance(operator, Assent):
        return [Problem(name, f"{what}. That cannot be done beforehand: somebody has to be there and to be asked, without --yes.")]
    request = operator.request(device.role, f"{what}. Will somebody be there to do it?", {})
    give_up = bench.clock.now() + ANSWER_S
    while not request.done:
        control.gate_abort()
        if request.refused or bench.clock.now() > give_up:
            nobody = f"nobody will be there ({request.refused or 'no answer'})"
            return [Problem(name, f"{what}, and {nobody}. Plan a run for each value.")]
        bench.clock.wait(LOOK_S)
    return []
