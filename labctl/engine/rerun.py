"""Measure a run once more: the same plan on today's bench, with everything that is no longer as it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labctl.bench.bench import Bench
from labctl.core import registry
from labctl.core.errors import Refused
from labctl.core.plan import Problem, plan_hash
from labctl.core.secrets import without_secrets
from labctl.engine import preflight, runner
from labctl.engine.control import Control
from labctl.engine.dose_plan import planned, with_light
from labctl.engine.events import Listeners
from labctl.engine.planning import Plan, make_plan
from labctl.engine.runner import Order, Outcome
from labctl.store import run as store
from labctl.store.environment import environment

if TYPE_CHECKING:
    from labctl.core.procedure import Procedure

SAME_CONSTANT = 1e-9


class Run(store.Run):
    """A run that has been measured, and can be measured again."""

    def differences(self, bench: Bench) -> list[Problem]:
        """List what is no longer as it was: instruments, calibrations, constants, bench file, software, plan. Warnings, all."""
        return [Problem(field, text, "warning") for field, text in _differences(self, bench)]

    def rerun(self, bench: Bench, *, order: Order | None = None, listeners: Listeners | None = None,
              control: Control | None = None) -> Outcome:
        """Visit the same points again, in the same order, on an open bench; the differences are among the outcome's problems.

        By default the same sample and seed, below the bench's data root. Raises Refused, with every problem, when today's bench
        cannot visit the points.
        """
        name = str(self.header["procedure"])
        if not self.plan:
            raise Refused([Problem("plan", f"{self.path} holds no plan, so it cannot be measured again.")])
        procedure = registry.find("procedure", name)(**self.parameters)
        order = order or Order(name, Path(bench.config.data.root), seed=self.seed, sample=str(self.header.get("sample", "")),
                               note=f"again: run {self.run_id}", user=str(self.header.get("user", "")))
        plan = self._plan_on(bench, procedure, order.root)
        return runner.run(procedure, bench, order, listeners=listeners, control=control, plan=plan)

    def _plan_on(self, bench: Bench, procedure: Procedure, root: Path) -> Plan:
        """Check the old points against today's limits; what today's plan would be counts only for what is missing."""
        today = make_plan(procedure, bench, root)       # also tells the procedure its shape
        if today.needs:
            return today
        if today.adaptive is not None:                  # it goes where today's readings lead
            return today.with_problems(self.differences(bench))
        found = self.differences(bench)
        if plan_hash(today.points) == self.header["plan_hash"]:
            return today.with_problems(found)
        found.append(Problem("plan", f"today's plan would have {len(today.points)} points, not the {len(self.plan)} of run "
                                     f"{self.run_id[:8]}; those are visited.", "warning"))
        found += preflight.check_points(self.plan, bench.axes, bench.detectors, bench.actions)
        found += preflight.condensed(bench.check_light(self.plan))
        area = bench.beam.spot_area_cm2 if bench.beam is not None else None
        wrong = any(problem.level == "error" for problem in found)
        estimate = today.estimate if wrong else preflight.estimate(self.plan, bench.axes, bench.detectors, area)
        light = {} if wrong else planned(self.plan, bench)
        return Plan(self.plan, with_light(estimate, light), (*found, *preflight.check_disk(root, estimate.bytes)), light=light)


def load(path: str | Path) -> Run:
    """Open a run file (.nxs), a journal (.journal, also while it is written), or a file of another program.

    Those are .sif, .spe, .phu, .ptu, HDF5, and text of two or more columns. Raises StoreError when there is no such run or it
    cannot be read. Close the run, or use it in a `with` block.
    """
    return Run(store.source_of(Path(path)))


def _differences(run: Run, bench: Bench) -> Iterator[tuple[str, str]]:
    """Give (field, text) of whatever has changed."""
    header = run.header
    yield from _changed("instruments", "serial number of", run.serials, bench.serials)
    yield from _changed("constants", "", _numbers(run.constants), _numbers(bench.constants()))
    then = {told["kind"]: told["date"] for told in header.get("calibrations") or ()}
    yield from _changed("calibrations", "date of", then, {kind: c.date for kind, c in bench.calibrations.items() if c is not None})
    if header.get("bench", {}).get("text") != without_secrets(bench.text):
        yield "bench", f"the bench file is not the same text as that of bench {header.get('bench', {}).get('name', '')}."
    was, now = header.get("environment", {}), environment()
    yield from _changed("software", "version of", was.get("packages", {}), now["packages"])
    if was.get("git_commit") != now["git_commit"]:
        yield "software", f"labctl was at commit {was.get('git_commit')}, it is at {now['git_commit']}."


def _changed(field: str, what: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name in dict.fromkeys((*then, *now)):
        before, after = then.get(name), now.get(name)
        both = isinstance(before, float) and isinstance(after, float)
        if before != after and not (both and abs(before - after) <= SAME_CONSTANT * abs(before)):     # type: ignore[operator]
            subject = f"{what} {name}".strip()
            was, is_ = ("none" if value is None else value for value in (before, after))
            yield field, f"{subject} was {was}, it is {is_}."


def _numbers(constants: Mapping[str, Any]) -> dict[str, Any]:
    return {name: float(value) if isinstance(value, int | float) else str(value) for name, value in constants.items()}
