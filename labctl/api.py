"""What scripts, notebooks, the command line and the GUI use: open a bench, run a procedure, load a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from labctl.bench import config as bench_config
from labctl.bench import opening
from labctl.bench.bench import Bench
from labctl.bench.lookup import find_bench
from labctl.bench.samples import on_the_twin
from labctl.core import registry
from labctl.core.clock import Clock, RealClock, VirtualClock
from labctl.core.errors import ConfigError, LabctlError, Refused, StoreError
from labctl.core.operator import Operator
from labctl.core.pacing import PacedClock
from labctl.core.plan import Problem
from labctl.core.procedure import Procedure
from labctl.engine import keeping, preparing, rehearsal, runner
from labctl.engine import live as live_light
from labctl.engine.arrangement import Arrangement
from labctl.engine.by_hand import act, light, move
from labctl.engine.control import Control
from labctl.engine.engine import RunEnd
from labctl.engine.events import Listeners
from labctl.engine.live import Live, Wish
from labctl.engine.planning import lacking, make_plan
from labctl.engine.queue import Ended, Terms, Worker
from labctl.engine.rerun import Run, load
from labctl.engine.runner import Order, Outcome
from labctl.store import recover
from labctl.store.find import find_run
from labctl.store.header import JOURNAL_SUFFIX
from labctl.store.waiting import Item, Waiting

__all__ = [
    "Arrangement", "Bench", "Ended", "Item", "Live", "Order", "Outcome", "Run", "Terms", "Waiting", "Wish", "act", "alignment",
    "calibrate", "enqueue", "keep_frame", "light", "load", "load_bench_file", "look", "make_procedure", "move", "open_bench",
    "rehearse", "resume", "run", "run_queue",
]

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
    """
    config, text, _ = load_bench_file(name_or_path)
    return open_config(config, text, speed=speed, rehearsal=rehearsal, operator=operator, watched=watched)


def open_config(config: bench_config.BenchConfig, text: str, *, speed: float | None = None, rehearsal: bool = False,
                sample: str = "", operator: MakeOperator | None = None, announce: AnnounceText = lambda text: None,
                watched: bool = False) -> Bench:
    """Open a bench from a checked configuration; `operator` makes the one who answers for what only a person can set.

    A rehearsal puts `sample` on the twin if it knows it, and tells `announce` which it is.
    """
    if rehearsal:
        if config.twin is None:
            raise Refused([Problem("bench", f"{config.name} has no [twin] section, so it cannot be rehearsed.")])
        config, chosen = on_the_twin(config, sample)
        announce(f"rehearsal on the twin, nothing real is opened. Sample: {chosen}")
    if rehearsal and not config.simulated:
        config = config.model_copy(update={"backend": "simulated", "name": f"{config.name}{preparing.REHEARSED}"})
    if not config.simulated and speed is not None:
        raise Refused([Problem("speed", f"{config.name} is a real bench; it always runs on the real clock.")])
    clock = _clock(config.simulated, speed, watched)
    try:
        bench, _ = opening.open_bench(config, text, clock, operator=operator(clock) if operator is not None else None)
    except ConfigError as exc:
        raise Refused([Problem("bench", line) for line in str(exc).splitlines()]) from None
    bench.at_close(preparing.by_hand(bench))
    return bench


def _clock(simulated: bool, speed: float | None, watched: bool) -> Any:
    """Choose the clock on which a bench runs."""
    if simulated and watched:
        return PacedClock(speed or float("inf"))
    return VirtualClock() if simulated and speed is None else RealClock(speed or 1.0)


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


def enqueue(procedure: str, bench: str, settings: Mapping[str, str], options: Mapping[str, Any] | None = None, *,
            opened: Bench | None = None) -> Item:
    """Put a run at the end of the queue, after looking for everything that can be known to be wrong with it.

    `options` are those of `labctl.store.waiting.Item`. The plan is made on the `opened` bench if there is one; else on the bench
    itself if it is simulated, else on its twin; where that lacks a calibration, or there is none, nobody knows yet how long the run
    takes.
    """
    config, text, path = load_bench_file(bench)
    made = make_procedure(procedure, settings, config)
    options = {**(options or {})}
    if options.get("seed") is None:
        options["seed"] = runner.draw_seed()
    order = _order(procedure, options, config)
    options["out"] = str(order.root.resolve())          # the queue may be run from another folder
    seconds = lit_s = None
    if opened is not None or config.twin is not None:
        with nullcontext(opened) if opened else open_config(config, text, rehearsal=not config.simulated) as opened:
            _, problems = preparing.sample_file(opened, order.sample)
            plan = make_plan(made, opened, order.root, order.arrangement, options["seed"])
        missing = {"calibration"} if plan.needs else set()
        if wrong := [*problems, *(problem for problem in plan.errors if problem.field not in missing)]:
            raise Refused(wrong)
        if not plan.needs:
            seconds, lit_s = plan.estimate.seconds, plan.estimate.lit_seconds
    where = bench if path.is_absolute() and path.stem == bench else str(path.resolve())
    with Waiting() as waiting:
        return waiting.add(where, procedure, settings, options, seconds=seconds, lit_s=lit_s)


def look(bench: Bench, live: Live, order: Order, *, listeners: Listeners | None = None, control: Control | None = None) -> RunEnd:
    """Look at live light until `live.stop()`; nothing is saved, all light counts. Raises Refused before anything moves."""
    return live_light.run(bench, live, order, listeners=listeners, control=control)


def keep_frame(bench: Bench, live: Live, index: int, order: Order) -> Outcome:
    """Make a run of a frame of live light that is still in its ring; no light falls. Call it in the bench's thread."""
    return keeping.keep(bench, live, index, order)


def alignment(bench: Bench, sample: str = "", at: Mapping[str, float] | None = None) -> Wish:
    """Give the wish for aligning: the pump at the alignment limit of the sample's file, else at the least there is.

    `at` may name the pump's wavelength. Raises Refused when the pump cannot be held there.
    """
    found, problems = preparing.sample_file(bench, sample)
    if problems:
        raise Refused(problems)
    return live_light.alignment(bench, found, at)


def run_queue(terms: Terms | None = None, *, listeners: Listeners | None = None, control: Control | None = None,
              speed: float | None = None, operator: MakeOperator | None = None, opened: Bench | None = None,
              announce: AnnounceText = lambda text: None) -> Ended:
    """Run what waits in the queue, in order, under these terms; gives why it ended. Raises Refused when somebody else does.

    An `opened` bench takes the runs that name it, and stays open.
    """
    with Waiting() as waiting:
        hands = _Hands(speed, operator, announce, opened)
        return Worker(waiting, hands, terms, listeners=listeners, control=control, say=announce).run()


@dataclass(frozen=True)
class _Hands:
    """Opens benches and runs items for the queue."""

    speed: float | None
    operator: MakeOperator | None
    announce: AnnounceText
    opened: Bench | None = None

    def open(self, bench: str) -> AbstractContextManager[Bench]:
        """Open a bench; `speed` is for simulated ones. The one that is open stays so."""
        config, text, _ = load_bench_file(bench)
        if self.opened is not None and self.opened.text == text:
            return nullcontext(self.opened)
        return open_config(config, text, speed=self.speed if config.simulated else None, operator=self.operator)

    def run(self, item: Item, bench: Bench, *, most_lit_s: float | None, listeners: Listeners, control: Control) -> Outcome:
        """Go on with the run of an item where there is one to go on with, else begin it."""
        order = replace(_order(item.procedure, item.options, bench.config), most_lit_s=most_lit_s)
        if item.run_id:
            try:
                return resume(item.run_id, bench, root=order.root, listeners=listeners, control=control, most_lit_s=most_lit_s)
            except (Refused, StoreError) as exc:
                self.announce(f"item {item.id} begins anew: {exc}")
        made = make_procedure(item.procedure, item.settings, bench.config)
        return run(made, bench, order=order, listeners=listeners, control=control, announce=self.announce)


def _order(procedure: str, options: Mapping[str, Any], config: bench_config.BenchConfig) -> Order:
    """Make the order of a queued run."""
    arrangement = Arrangement(options.get("order") or "planned", options.get("reference_every", 0), options.get("dark_every", 0))
    words = {name: options.get(name, "") for name in ("sample", "mount", "note")}
    root = Path(options.get("out") or config.data.root)
    return Order(procedure, root, seed=options.get("seed"), arrangement=arrangement, **words)


def _name_of(procedure: Procedure) -> str:
    """Find the registered name of a procedure; an unregistered one goes by its class name."""
    module, cls = type(procedure).__module__, type(procedure).__qualname__
    for name, point in registry.points("procedure").items():
        if point.value == f"{module}:{cls}":
            return name
    return cls.lower()


def calibrate(bench: Bench, order: Order, *, listeners: Listeners | None = None, control: Control | None = None,
              announce: AnnounceText = lambda text: None) -> Outcome | None:
    """Take the calibrations that a simulated bench lacks, as runs of their own; gives the outcome when one did not succeed."""
    kinds = lacking(bench)
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
