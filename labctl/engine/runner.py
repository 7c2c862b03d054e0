"""A whole run: plan, journal, engine, reduction, run file, figure. What GUI, CLI and scripts all call."""

from __future__ import annotations

import logging
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labctl.bench.bench import Bench
from labctl.bench.samples import SampleFile
from labctl.core.calibration import Calibration
from labctl.core.dose import DARK, Budget, Light
from labctl.core.errors import AnalysisError, LabctlError, Refused, StoreError
from labctl.core.plan import Problem, Result, plan_hash
from labctl.core.quality import policies
from labctl.core.reduction import Reduction
from labctl.core.steps import drive
from labctl.engine import describing
from labctl.engine.arrangement import Arrangement
from labctl.engine.asking import ask_beforehand
from labctl.engine.control import Control
from labctl.engine.course import Course
from labctl.engine.dose import Meter
from labctl.engine.dose_plan import check_budget, check_fresh
from labctl.engine.engine import Earlier, Engine, RunEnd
from labctl.engine.events import Listeners, RunClosed
from labctl.engine.planning import Plan, make_plan
from labctl.engine.preparing import sample_file, taken, unnamed
from labctl.engine.rehearsal import Forecast, compare, forecast, plan_key, recall, remember
from labctl.store import names, recover, state, unsafe
from labctl.store.journal import Journal
from labctl.store.reader import JournalReader
from labctl.store.run import Run
from labctl.store.run import load as load_run

if TYPE_CHECKING:
    from labctl.core.procedure import Procedure

log = logging.getLogger("labctl.engine")


@dataclass(frozen=True)
class Order:
    """What somebody wants to be run, apart from procedure and bench."""

    name: str
    root: Path
    seed: int | None = None
    sample: str = ""
    note: str = ""
    user: str = ""
    rehearsal: bool = False
    figure: bool = True
    arrangement: Arrangement = field(default_factory=Arrangement)
    mount: str = ""                     # of the sample; default: what its file says
    most_lit_s: float | None = None     # the run is aborted when the sample has been lit for so long
    first_number: int = 1               # least run number: members of an ensemble are numbered by whoever hands them out

    def with_seed(self) -> Order:
        """Give the order with a seed, drawn if there is none."""
        return self if self.seed is not None else replace(self, seed=draw_seed())


@dataclass(frozen=True)
class Outcome:
    """What came of it. `run` is the run file, None when nothing was measured."""

    status: str
    run: Path | None
    run_id: str
    points: int
    seed: int
    results: Mapping[str, Result] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    figure: Path | None = None
    seconds: float = 0.0
    reduction: Reduction = field(default_factory=Reduction)
    forecast: Forecast | None = None        # of a rehearsal
    light: Light = DARK                     # what fell on the sample

    def load(self) -> Run:
        """Open the run that came of it; StoreError when nothing was measured."""
        from labctl.engine.rerun import load  # which runs runs

        if self.run is None:
            raise StoreError(f"Nothing was measured ({self.status}), so there is no run to load. "
                             f"{'; '.join(map(str, self.problems))}")
        return load(self.run)

    def _repr_html_(self) -> str:
        from labctl.store.markup import outcome_as_html

        return outcome_as_html(self.status, self.problems, None if self.run is None else self.load)

    def as_json(self) -> dict[str, Any]:
        """Give the object of the command contract."""
        told = {
            "run": str(self.run.resolve()) if self.run else None, "run_id": self.run_id, "status": self.status,
            "points": self.points, "seed": self.seed, "results": {name: result.as_json() for name, result in self.results.items()},
            "problems": [problem.as_json() for problem in self.problems],
        }
        return told if self.forecast is None else {**told, "forecast": self.forecast.as_json()}


def draw_seed() -> int:
    """Draw a seed for a run that was given none; it is printed and stored."""
    return secrets.randbelow(2**31)


def run(procedure: Procedure, bench: Bench, order: Order, *, listeners: Listeners | None = None, control: Control | None = None,
        plan: Plan | None = None) -> Outcome:
    """Run a procedure on an open bench.

    Raises Refused, with every problem, before anything is written or moved; whatever happens afterwards is in the outcome.
    """
    order = order.with_seed()
    seed = order.seed or 0
    plan = plan or make_plan(procedure, bench, order.root, order.arrangement, seed)
    sample, problems = sample_file(bench, order.sample)
    fields = {"sample": sample.name, "procedure": order.name, "bench": bench.name, "user": order.user, "start": bench.clock.utc()}
    plan = plan.with_problems([*problems, *unnamed(bench, order.sample), *names.check(order.root, bench.config.data.file, fields)])
    control = control or Control()
    with taken(bench, sample, doing=order.name, mount=order.mount, most_lit_s=order.most_lit_s, stop=control.request,
               rehearsal=order.rehearsal) as (meter, earlier_light):
        plan = plan.with_problems([*earlier_light, *check_budget(plan.light, meter)])
        plan = plan.with_problems(check_fresh(plan.light, meter) if getattr(procedure, "fresh", False) else [])
        plan.refuse_if_wrong()
        unsafe.refuse_if_marked(bench.name, simulated=bench.simulated)
        plan = plan.with_problems(ask_beforehand(bench, plan, control))
        plan.refuse_if_wrong()
        key = plan_key(order.name, procedure, order.arrangement, bench.name, sample.name)
        work = _Work(procedure, bench, order, plan, seed, uuid.uuid4().hex, listeners, control, meter,
                     rehearsed=None if order.rehearsal else recall(key))
        place = names.reserve(order.root, bench.config.data.file, fields, first=order.first_number)
        journal = Journal.create(place.journal, _header(work, sample.name, place.number), home=place.home)
        end = _measure(work, journal, plan.course(bench), Earlier())
    outcome = _closed(work, replace(place, journal=journal.path), end)
    if not order.rehearsal or outcome.run is None:
        return outcome
    if outcome.status == "done":
        remember(key, outcome.run, outcome.run_id)
    return replace(outcome, forecast=forecast(outcome.run))


def resume(procedure: Procedure, bench: Bench, path: Path, *, listeners: Listeners | None = None, control: Control | None = None,
           figure: bool = True, most_lit_s: float | None = None) -> Outcome:
    """Go on with an aborted, failed or interrupted run at its first missing point; `path` is its journal.

    The procedure has to be the journal's (`labctl.api.resume` makes it). Raises Refused when today's plan is not the one that was
    begun; the finished run becomes a new file beside the old one.
    """
    with JournalReader(path) as reader:
        header, numbers = reader.header, [record.number for record in reader.records()]
        had = header.get("dose", {})
        earlier = Earlier(len(numbers), reader.checkpoint(numbers[-1]), header["channels"]) if numbers else Earlier()
    order = Order(header["procedure"], path.parent, seed=header["seed"], sample=header["sample"], note=header["note"],
                  user=header["user"], figure=figure, arrangement=Arrangement(**header.get("arrangement", {})),
                  rehearsal=header["bench"].get("rehearsal", False), mount=had.get("spot", {}).get("mount", ""))
    plan = make_plan(procedure, bench, order.root, order.arrangement, header["seed"])
    plan.refuse_if_wrong()
    unsafe.refuse_if_marked(bench.name, simulated=bench.simulated)
    if plan_hash(plan.points) != header["plan_hash"] or plan.bounds_as_json() != header.get("bounds"):
        raise Refused([Problem("plan", f"the plan that {path.name} began is not today's: procedure, parameters, bench file or "
                                       "calibration have changed. Start a new run; the old one stays readable.")])
    with JournalReader(path) as reader:
        course = plan.course(bench, reader.readings())
    target, older = recover.free_name(path)
    control = control or Control()
    sample = SampleFile(order.sample, order.mount, Budget(**had.get("budget", {})))
    with taken(bench, sample, doing=f"{order.name}, resumed", world=had.get("world", ""), most_lit_s=most_lit_s,
               stop=control.request, rehearsal=order.rehearsal) as (meter, _):
        plan = plan.with_problems(ask_beforehand(bench, plan, control))
        plan.refuse_if_wrong()
        work = _Work(procedure, bench, order, plan, int(header["seed"]), header["run_id"], listeners, control, meter, older,
                     header.get("rehearsal"))
        journal = Journal.open(path)
        end = _measure(work, journal, course, earlier)
    return _closed(work, names.Place(journal.path, target, int(header["run_number"])), end)


@dataclass(frozen=True)
class _Work:
    """One run in the making: what is run where, for whom, and who listens."""

    procedure: Procedure
    bench: Bench
    order: Order
    plan: Plan
    seed: int
    run_id: str
    listeners: Listeners | None
    control: Control
    meter: Meter
    supersedes: str = ""         # the earlier file of the same run
    rehearsed: Mapping[str, str] | None = None      # the last rehearsal of this plan


def _measure(work: _Work, journal: Journal, course: Course, earlier: Earlier) -> RunEnd:
    """Let the engine work, and close the journal whatever comes."""
    bench, plan = work.bench, work.plan
    engine = Engine(bench, work.listeners, work.control)
    end = RunEnd("failed", 0, (), 0.0)
    try:
        end = engine.run(course, journal, seed=work.seed, run_id=work.run_id, procedure=work.order.name,
                         estimate=plan.estimate, earlier=earlier,
                         before_first=lambda: journal.describe(describing.described(bench, plan.detectors, earlier.channels)),
                         quality=policies(bench.config.policies, work.procedure.quality))
        if work.rehearsed is not None and end.points:
            end = replace(end, problems=(*end.problems, *compare(journal, work.rehearsed)))
    finally:
        trouble = _end_journal(journal, work, end)
    if trouble is not None:
        status = "failed" if end.status == "done" else end.status
        end = replace(end, status=status, problems=(*end.problems, trouble))
    if end.status == "unsafe" and not bench.simulated:
        unsafe.mark(bench.name, end.problems)
    return end


def _end_journal(journal: Journal, work: _Work, end: RunEnd) -> Problem | None:
    """Write the end of the run and close the journal; gives what kept it from doing so. The points are in it either way."""
    trouble, bench = None, work.bench
    for step in (lambda: journal.end(end.status, end={
            "problems": [problem.as_json() for problem in end.problems], "seconds": end.seconds,
            "end_utc": bench.clock.utc().isoformat(), "instruments_end": _last_words(bench),
            "dose": work.meter.report(), "truth": bench.truth()}), journal.close):
        try:
            step()
        except (LabctlError, OSError) as exc:
            log.exception("the end of the run could not be written")
            trouble = Problem("file", f"the end of the run could not be written: {exc}")
    return trouble


def _last_words(bench: Bench) -> dict[str, Any]:
    """Ask every instrument how it stands; a defect of a driver must not keep the end of the run from being written."""
    try:
        return drive(bench.clock, bench.snapshot())
    except Exception:
        log.exception("the instruments could not be asked how they stand at the end")
        return {}


def _closed(work: _Work, place: names.Place, end: RunEnd) -> Outcome:
    """Close a run and tell everybody."""
    outcome = _close(work, place, end)
    if work.listeners is not None:
        work.listeners.tell(RunClosed(end.seconds, outcome.status, outcome.run_id, outcome.run, outcome.reduction,
                                      outcome.problems))
    return outcome


def _close(work: _Work, place: names.Place, end: RunEnd) -> Outcome:
    """Reduce, render the run file, draw the figure; none of these can lose the journal."""
    procedure, bench, seed, run_id = work.procedure, work.bench, work.seed, work.run_id
    problems = [*work.plan.problems, *end.problems]
    reduction = Reduction()
    run_path: Path | None = None
    try:
        with load_run(place.journal) as measured:
            reduction, refused = _reduce(procedure, measured, end)
        problems += [*reduction.problems, *refused]
        run_path, moved = recover.render_somewhere(place.journal, place.run, results=reduction.results, curves=reduction.curves,
                                                    supersedes=work.supersedes)
        problems += moved
    except (LabctlError, OSError, ValueError, KeyError) as exc:
        log.exception("the run file could not be written")
        problems.append(Problem("file", f"the run file could not be written: {exc} Every point is safe in {place.journal}."))
        return Outcome("failed" if end.status == "done" else end.status, None, run_id, end.points, seed, {}, tuple(problems),
                       light=work.meter.added())
    if place.home is not None:
        place.home.unlink(missing_ok=True)
    if end.status == "done":
        place.journal.unlink(missing_ok=True)
        if reduction.calibration is not None:
            _keep(reduction.calibration, bench, run_id)
    figure, trouble = _figure(procedure, work.order, run_path, reduction)
    return Outcome(end.status, run_path, run_id, end.points, seed, dict(reduction.results), (*problems, *trouble), figure,
                   end.seconds, reduction, light=work.meter.added())


def _keep(calibration: Calibration, bench: Bench, run_id: str) -> None:
    """Store a calibration with what only the runner knows: where, when and in which run it was taken."""
    state.save_calibration(state.folder(), bench.name, replace(
        calibration, simulated=bench.simulated, run_id=run_id, date=bench.clock.utc().isoformat()))


def _reduce(procedure: Procedure, measured: Run, end: RunEnd) -> tuple[Reduction, list[Problem]]:
    """Reduce a complete run; a refusal becomes a problem that says why, the data stay."""
    if end.status != "done":
        return Reduction(), []
    try:
        return procedure.reduce(measured), []
    except AnalysisError as exc:
        return Reduction(), [Problem("analysis", f"no result: {exc}")]


def _figure(procedure: Procedure, order: Order, path: Path, reduction: Reduction) -> tuple[Path | None, list[Problem]]:
    """Draw the procedure's plots beside the run file."""
    if not order.figure or not procedure.plots:
        return None, []
    from labctl.analysis import figure as figures  # matplotlib: half a second, only when a figure is wanted

    target = path.with_suffix(".png")
    try:
        with load_run(path) as measured:
            if not len(measured):
                return None, []
            figures.figure(measured, procedure.plots, reduction, title=procedure.title, subtitle=measured.headline).savefig(target)
    except (LabctlError, ValueError, KeyError, OSError) as exc:
        log.debug("figure failed", exc_info=True)
        return None, [Problem("figure", f"the figure could not be drawn: {exc} The data are complete.", "warning")]
    return target, []


def _header(work: _Work, sample: str, number: int) -> dict[str, Any]:
    """Write down everything that is known before the first move."""
    order = work.order
    return describing.header(
        work.procedure, work.bench, work.plan, name=order.name, run_id=work.run_id, number=number, seed=work.seed, sample=sample,
        user=order.user, note=order.note, arrangement=order.arrangement, rehearsal=order.rehearsal, rehearsed=work.rehearsed,
        dose=work.meter.as_json())
