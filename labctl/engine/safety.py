"""Park and safe: every action in the bench file's order, each in its own try and with its own deadline."""

from __future__ import annotations

from labctl.core.clock import Clock
from labctl.core.instrument import SafeAction
from labctl.core.plan import Problem
from labctl.core.steps import drive


def carry_out(clock: Clock, actions: list[SafeAction]) -> list[Problem]:
    """Carry out the actions in order; gives one problem for each that failed.

    An action on a dead lane fails at once; one that hangs is given up at its deadline and the rest still run.
    """
    problems = []
    for action in actions:
        try:
            drive(clock, action.run())
        except Exception as exc:     # the others must still be carried out, whatever this one raised
            problems.append(Problem(
                action.instrument, f"{action.level} failed: {exc} Look at the {action.instrument} before going on."))
    return problems
