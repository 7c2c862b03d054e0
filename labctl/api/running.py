"""Running procedures on benches: one run, a rehearsal, going on with what was cut off, calibrations that are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labctl.api.opening import AnnounceText, MakeOperator, load_bench_file, open_bench, open_config
from labctl.api.progress import looked_after
from labctl.bench import config as bench_config
from labctl.bench import opening
from labctl.bench.bench import Bench
from labctl.core import registry
from labctl.core.clock import RealClock, VirtualClock
from labctl.core.errors import LabctlError, Refused
from labctl.core.plan import Problem
from labctl.engine import rehearsal, runner
from labctl.engine.arrangement import Arrangement
from labctl.engine.control import Control
from labctl.engine.events import Listeners
from labctl.engine.planning import lacking, make_plan
from labctl.engine.rerun import load
from labctl.engine.runner import Order, Outcome
from labctl.store import recover
from labctl.store.find import find_run
from labctl.store.header import JOURNAL_SUFFIX

if TYPE_CHECKING:
    from labctl.core.procedure import Procedure


def make_procedure(name: str, values: Mapping[str, Any], config: bench_config.BenchConfig | None = None) -> Procedure:
    """Make a procedure by its registered name; raises Refused with every wrong parameter.

    With the configuration of a bench, what `values` leaves open takes the bench's own default, `[procedures.NAME]` of its file.
    """
    own = config.procedures.get(name, {}) if config is not None else {}
    return registry.find("procedure", name)(**{**own, **values})


def run(procedure: Procedure | type[Procedure] | str, bench: Bench, values: Mapping[str, Any] | None = None, *,
        order: Order | None = None, listeners: Listeners | None = None, control: Control | None = None, auto_calibrate: bool = True,
        announce: AnnounceText | None = None, seed: int | None = None, sample: str = "", note: str = "",
        out: str | Path | None = None, figure: bool = True, **parameters: Any) -> Outcome:
    """Run a procedure on an open bench: an instance, or a class or registered name with its parameters.

    `labctl.run("ple", bench, stop=532)`; a parameter that is named like an argument here goes into `values`. `seed`, `sample`,
    `note`, `out` (the data root) and `figure` stand for an `order`. A simulated bench that lacks a calibration measures it first,
    announced, as a run of its own on a bench of its own; a real bench refuses. Without `listeners` and `control` a progress bar is
    shown; without `control` Ctrl-C ends the run parked and then raises KeyboardInterrupt. Raises Refused before anything moves;
    whatever happens afterwards is in the outcome.
    """
    name, made = _made(procedure, {**(values or {}), **parameters}, bench.config)
    if order is None:
        order = Order(name, Path(out or bench.config.data.root), seed=seed, sample=sample, note=note, figure=figure)
    order = order.with_seed()
    if order.rehearsal and order.root.name != rehearsal.FOLDER:
        order = replace(order, root=order.root / rehearsal.FOLDER)
    with looked_after(listeners, control) as care:
        return care.over(_run(made, bench, order, care.listeners, care.control, announce or care.bar.print, auto_calibrate))


def _made(procedure: Procedure | type[Procedure] | str, values: Mapping[str, Any],
          config: bench_config.BenchConfig) -> tuple[str, Procedure]:
    """Give name and instance of what a person calls a procedure; raises Refused with every wrong parameter."""
    from labctl.core.procedure import Procedure  # brings a tenth of what it takes to start a window

    if isinstance(procedure, Procedure):
        if values:
            raise Refused([Problem(name, "the procedure is made already: give it its parameters, or give its class.")
                           for name in values])
        return _name_of(type(procedure)), procedure
    if isinstance(procedure, str):
        return procedure, make_procedure(procedure, values, config)
    name = _name_of(procedure)
    return name, procedure(**{**config.procedures.get(name, {}), **values})


def _run(made: Procedure, bench: Bench, order: Order, listeners: Listeners | None, control: Control | None,
         announce: AnnounceText, auto_calibrate: bool) -> Outcome:
    """Plan, calibrate what is missing and may be, and run."""
    _recover(order.root, announce)
    plan = make_plan(made, bench, order.root, order.arrangement, order.seed or 0)
    if plan.needs and bench.simulated and auto_calibrate:
        stopped = _calibrate(plan.needs, bench, order, listeners, control, announce)
        if stopped is not None:
            return stopped
        plan = make_plan(made, bench, order.root, order.arrangement, order.seed or 0)
    return runner.run(made, bench, order, listeners=listeners, control=control, plan=plan)


def rehearse(procedure: Procedure | type[Procedure] | str, bench: str, values: Mapping[str, Any] | None = None, *,
             order: Order | None = None, listeners: Listeners | None = None, control: Control | None = None,
             announce: AnnounceText | None = None, **parameters: Any) -> Outcome:
    """Run a procedure on the twin of a bench, real or simulated, in virtual time; the outcome's `forecast` says what to expect.

    Nothing real is opened. The file is marked as a rehearsal; the next run of the same plan is held against it.
    """
    config, text, _ = load_bench_file(bench)
    name, made = _made(procedure, {**(values or {}), **parameters}, config)
    order = replace(order or Order(name, Path(config.data.root)), rehearsal=True)
    with open_config(config, text, rehearsal=True, sample=order.sample,
                     announce=announce or (lambda text: None)) as opened:
        return run(made, opened, order=order, listeners=listeners, control=control, announce=announce)


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
    name = str(header["bench"]["name"]).removesuffix(bench_config.REHEARSED)
    opening_it = nullcontext(bench) if bench is not None else open_bench(name, speed=speed, rehearsal=rehearsed, operator=operator)
    with looked_after(listeners, control) as care, opening_it as opened:
        return care.over(runner.resume(procedure, opened, journal, listeners=care.listeners, control=care.control, figure=figure,
                                       most_lit_s=most_lit_s))


def _journal_of(run: str | Path, root: Path) -> Path:
    """Find the journal of a run; Refused says that a complete run has none."""
    path = find_run(str(run), root)
    journal = path.with_suffix(JOURNAL_SUFFIX)
    if not journal.is_file():
        text = f"{path} has no journal beside it, so there is nothing to resume: a complete run keeps none."
        raise Refused([Problem("run", text)])
    return journal


def _name_of(procedure: type[Procedure]) -> str:
    """Find the registered name of a procedure; an unregistered one goes by its class name."""
    module, cls = procedure.__module__, procedure.__qualname__
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


def calibrate_for(bench: Bench, kind: str, root: Path) -> None:
    """Take a calibration that a simulated bench lacks for what somebody wants to set by hand; LabctlError when it fails."""
    with looked_after(None, None) as care:
        stopped = _calibrate((kind,), bench, Order("", root), care.listeners, care.control, care.bar.print)
    if stopped is not None:
        care.over(stopped)
        raise LabctlError(f"The {kind} that is needed first ended {stopped.status}: {'; '.join(map(str, stopped.problems))}")


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
