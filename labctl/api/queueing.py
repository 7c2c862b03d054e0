"""The queue for those who know bench files and procedures: putting runs into it, and running what waits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from labctl.api.opening import AnnounceText, MakeOperator, load_bench_file, open_config
from labctl.api.running import make_procedure, resume, run
from labctl.bench import config as bench_config
from labctl.bench.bench import Bench
from labctl.core.errors import Refused, StoreError
from labctl.engine import preparing, rehearsal, runner
from labctl.engine.arrangement import Arrangement
from labctl.engine.control import Control
from labctl.engine.dangers import DANGERS, dangers
from labctl.engine.events import Listeners
from labctl.engine.planning import make_plan
from labctl.engine.queue import Allow, Ended, Terms, Worker, everything
from labctl.engine.runner import Order, Outcome
from labctl.store.waiting import Item, Waiting


def enqueue(procedure: str, bench: str, settings: Mapping[str, str], options: Mapping[str, Any] | None = None, *,
            opened: Bench | None = None) -> Item:
    """Put a run at the end of the queue, after looking for everything that can be known to be wrong with it.

    `options` are those of `labctl.store.waiting.Item`. The plan is made on the `opened` bench if there is one; else on the bench
    itself if it is simulated, else on its twin; where that lacks a calibration, or there is none, nobody knows yet how long the run
    takes, and what in it is dangerous: that is kept among the options, for whoever starts the queue.
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
            options[DANGERS] = list(dangers(plan.bounds, opened))
    where = bench if path.is_absolute() and path.stem == bench else str(path.resolve())
    with Waiting() as waiting:
        return waiting.add(where, procedure, settings, options, seconds=seconds, lit_s=lit_s)


def run_queue(terms: Terms | None = None, *, listeners: Listeners | None = None, control: Control | None = None,
              speed: float | None = None, operator: MakeOperator | None = None, opened: Bench | None = None,
              announce: AnnounceText = lambda text: None, allow: Allow = everything) -> Ended:
    """Run what waits in the queue, in order, under these terms; gives why it ended. Raises Refused when somebody else does.

    An `opened` bench takes the runs that name it, and stays open. The queue ends before an item that `allow` does not let pass.
    """
    with Waiting() as waiting:
        hands = Hands(speed, operator, announce, opened)
        return Worker(waiting, hands, terms, listeners=listeners, control=control, say=announce, allow=allow).run()


class Hands:
    """Opens benches and runs items for the queue; with `rehearse` their twins, and every run is a rehearsal."""

    def __init__(self, speed: float | None = None, operator: MakeOperator | None = None, announce: AnnounceText = lambda text: None,
                 opened: Bench | None = None, start: datetime | None = None, *, rehearse: bool = False):
        self.speed, self.operator, self.announce, self.opened = speed, operator, announce, opened
        self.rehearse = rehearse
        self._reached = start       # in virtual time, which must not begin anew with every opening

    @contextmanager
    def open(self, bench: str) -> Iterator[Bench]:
        """Open a bench; `speed` is for simulated ones. The one that is open stays so."""
        config, text, _ = load_bench_file(bench)
        if self.opened is not None and self.opened.text == text:
            yield self.opened
            return
        with open_config(config, text, speed=self.speed if config.simulated else None, rehearsal=self.rehearse,
                         operator=self.operator, start=self._reached) as opened:
            try:
                yield opened
            finally:
                self._reached = opened.clock.utc() if opened.clock.virtual else None

    def run(self, item: Item, bench: Bench, *, most_lit_s: float | None, listeners: Listeners, control: Control) -> Outcome:
        """Go on with the run of an item where there is one to go on with, else begin it."""
        order = replace(_order(item.procedure, item.options, bench.config), most_lit_s=most_lit_s, rehearsal=self.rehearse)
        if self.rehearse:
            order = replace(order, root=order.root / rehearsal.FOLDER)
        if item.run_id:
            try:
                return resume(item.run_id, bench, root=order.root, listeners=listeners, control=control, figure=order.figure,
                              most_lit_s=most_lit_s)
            except (Refused, StoreError) as exc:
                self.announce(f"item {item.id} begins anew: {exc}")
        made = make_procedure(item.procedure, item.settings, bench.config)
        return run(made, bench, order=order, listeners=listeners, control=control, announce=self.announce)


def _order(procedure: str, options: Mapping[str, Any], config: bench_config.BenchConfig) -> Order:
    """Make the order of a queued run."""
    arrangement = Arrangement(options.get("order") or "planned", options.get("reference_every", 0), options.get("dark_every", 0))
    words = {name: options.get(name, "") for name in ("sample", "mount", "note")}
    root = Path(options.get("out") or config.data.root)
    return Order(procedure, root, seed=options.get("seed"), arrangement=arrangement, figure=options.get("figure", True), **words)
