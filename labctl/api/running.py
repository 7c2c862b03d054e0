"""Running procedures on benches: one run, a rehearsal, going on with what was cut off, calibrations that are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from labctl.api.opening import AnnounceText, MakeOperator, load_bench_file, open_bench, open_config
from labctl.bench import config as bench_config
from labctl.bench import opening
from labctl.bench.bench import Bench
from labctl.core import registry
from labctl.core.clock import RealClock, VirtualClock
from labctl.core.errors import LabctlError, Refused
from labctl.core.plan import Problem
from labctl.core.procedure import Procedure
from labctl.engine import preparing, rehearsal, runner
from labctl.engine.arrangement import Arrangement
from labctl.engine.control import Control
from labctl.engine.events import Listeners
from labctl.engine.planning import lacking, make_plan
from labctl.engine.rerun import load
from labctl.engine.runner import Order, Outcome
from labctl.store import recover
from labctl.store.find import find_run
from labctl.store.header import JOURNAL_SUFFIX


def make_procedure(name: str, values: Mapping[str, Any], config: bench_config.BenchConfig | None = None) -> Procedure:
    """Make a procedure by its registered name; raises Refused with every wrong parameter.

    With the configuration of a bench, what `values` leaves open takes the bench's own default, `[procedures.NAME]` of its file.
    """
    own = config.procedures.get(name, {}) if config is not None else {}
    return registry.find("procedure", name)(**{**own, **values})


def run(procedure: Procedure | str, bench: Bench, values: Mapping[str, Any] | None = None, *, order: Order | None = None,
        listeners: Listeners | None = None, control: Control | None = None, auto_calibrate: bool = True,
        announce: AnnounceText = lambda text: None) -> Outcome:
    """Run a procedure (an instance, or its name with values) on an open bench.

    A simulated bench that lacks a calibration measures it first, announced, as a run of its own on a bench of its own; a real bench
    refuses. Raises Refused before anything moves.
    """
    name = procedure if isinstance(procedure, str) else _name_of(procedure)
    made = make_procedure(procedure, values or {}, bench.config) if isinstance(procedure, str) else procedure
    order = (order or Order(name, Path(bench.config.data.root))).with_seed()
    if order.rehearsal and order.root.name != rehearsal.FOLDER:
        order = replace(order, root=order.root / rehearsal.FOLDER)
    _recover(order.root, announce)
    plan = make_plan(made, bench, order.root, order.arrangement, order.seed or 0)
    if plan.needs and bench.simulated and auto_calibrate:
        stopped = _calibrate(plan.needs, bench, order, listeners, control, announce)
        if stopped is not None:
            return stopped
        plan = make_plan(made, bench, order.root, order.arrangement, order.seed or 0)
    return runner.run(made, bench, order, listeners=listeners, control=control, plan=plan)


def rehearse(procedure: Procedure | str, bench: str, values: Mapping[str, Any] | None = None, *, order: Order | None = None,
             listeners: Listeners | None = None, control: Control | None = None,
             announce: AnnounceText = lambda text: None) -> Outcome:
    """Run a procedure on the twin of a bench, real or simulated, in virtual time; the outcome's `forecast` says what to expect.

    Nothing real is opened. The file is marked as a rehearsal; the next run of the same plan is held against it.
    """
    config, text, _ = load_bench_file(bench)
    name = procedure if isinstance(procedure, str) else _name_of(procedure)
    order = replace(order or Order(name, Path(config.data.root)), rehearsal=True)
    with open_config(config, text, rehearsal=True, sample=order.sample, announce=announce) as opened:
        return run(procedure, opened, values, order=order, listeners=listeners, control=control, announce=announce)


def _recover(root: Path, announce: AnnounceText) -> None:
    """Give runs that were killed their file, before the next one begins."""
    for told in recover.recover(root) if root.is_dir() else ():
        if told.run is not None:
            announce(f"recovered {told.run}: {told.text}")


def resume(run: str | Path, bench: Bench | None = None, *, root: Path | None = None, speed: float | None = None,
           operator: MakeOperator | None = None, listeners: Listeners | None = None, control: Control | None = None,
           figure: bool = True, most_lit_s: float | None = None) -> Outcome:
    """Go on with a run that was aborted, failed or interrupted, at its first missing point.

    `run` is a journal, the run file beside it, a run number or a run-id prefix in `root`. The bench is opened by the name that
    stands in the journal unless one is given. Raises Refused when the run has nothing left to do, or its plan is not today's.
    """
    journal = _journal_of(run, root or Path("labctl_data"))
    with load(journal) as found:
        header, status = found.header, found.status
    if status == "done":
        raise Refused([Problem("run", f"{journal.name} is complete; there is nothing to resume.")])
    rehearsed = bool(header["bench"].get("rehearsal"))
    values = {name: declared["value"] for name, declared in header["parameters"].items()}
    procedure = make_procedure(header["procedure"], values)
    if bench is not None:
        return runner.resume(procedure, bench, journal, listeners=listeners, control=control, figure=figure, most_lit_s=most_lit_s)
    name = str(header["bench"]["name"]).removesuffix(preparing.REHEARSED)
    with open_bench(name, speed=speed, rehearsal=rehearsed, operator=operator) as opened:
        return runner.resume(procedure, opened, journal, listeners=listeners, control=control, figure=figure, most_lit_s=most_lit_s)


def _journal_of(run: str | Path, root: Path) -> Path:
    """Find the journal of a run; Refused says that a complete run has none."""
    path = find_run(str(run), root)
    journal = path.with_suffix(JOURNAL_SUFFIX)
    if not journal.is_file():
        text = f"{path} has no journal beside it, so there is nothing to resume: a complete run keeps none."
        raise Refused([Problem("run", text)])
    return journal


def _name_of(procedure: Procedure) -> str:
    """Find the registered name of a procedure; an unregistered one goes by its class name."""
    module, cls = type(procedure).__module__, type(procedure).__qualname__
    for name, point in registry.points("procedure").items():
        if point.value == f"{module}:{cls}":
            return name
    return cls.lower()


def calibrate(bench: Bench, order: Order, *, kinds: Sequence[str] | None = None, listeners: Listeners | None = None,
              control: Control | None = None, announce: AnnounceText = lambda text: None) -> Outcome | None:
    """Take the calibrations that a simulated bench lacks, as runs of their own; gives the outcome when one did not succeed.

    `kinds` names those that a plan needs; default: those of the bench's own quantities.
    """
    kinds = lacking(bench) if kinds is None else kinds
    return _calibrate(kinds, bench, order, listeners, control, announce) if kinds and bench.simulated else None


def _calibrate(kinds: Sequence[str], bench: Bench, order: Order, listeners: Listeners | None, control: Control | None,
               announce: AnnounceText) -> Outcome | None:
    """Take the missing calibrations on a fresh copy of a simulated bench; gives the outcome when one did not succeed.

    The seed is the bench's own, not the run's: the same bench always gets the same calibration, so that a run depends on its own
    seed alone.
    """
    config = bench.config
    for kind in kinds:
        announce(f"{config.name} has no valid {kind}; it is measured first, as a run of its own.")
        same_time = bench.clock if not bench.clock.virtual else None
        clock: Any = VirtualClock() if same_time is None else RealClock(getattr(same_time, "speed", 1.0))
        fresh, _ = opening.open_bench(config, bench.text, clock)
        with fresh:
            seed = config.twin.seed if config.twin else 0
            alone = replace(order, name=kind, seed=seed, note=f"for {order.name or bench.name}", arrangement=Arrangement())
            made = make_procedure(kind, {}, config)      # which may itself need a calibration
            outcome = run(made, fresh, order=alone, listeners=listeners, control=control, announce=announce)
        if outcome.status != "done" or not outcome.results:
            return outcome
        announce(f"{kind}: {outcome.run}")
    wanted = opening.load_calibrations(bench)
    reasons = {kind: wanted[kind] for kind in kinds if kind in wanted}
    if reasons:
        raise LabctlError(f"The calibration just taken is not valid: {reasons}")
    return None
