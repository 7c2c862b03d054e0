"""What happens between a checked plan and the first line of the journal: the bench is taken, and light begins to be counted."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

from labctl.bench.bench import Bench
from labctl.bench.samples import UNKNOWN, SampleFile, held, plain_name, read_sample
from labctl.core.dose import Spot
from labctl.core.errors import InstrumentError, Refused
from labctl.core.plan import Problem
from labctl.core.steps import drive
from labctl.engine import lock
from labctl.engine.dose import Meter, Stop, counted, settle_left_overs
from labctl.store.ledger import Ledger, Session, open_ledger

log = logging.getLogger("labctl.engine")

STAGES = ("sample.x", "sample.y")


def sample_name(bench: Bench, sample: str) -> str:
    """Give the name or path by which a run's sample is known: what was ordered, else what the bench file tells."""
    return sample or held(bench.config)


def unnamed(bench: Bench, sample: str) -> list[Problem]:
    """Warn of a run on a real bench whose sample nobody named."""
    if sample_name(bench, sample) != UNKNOWN:
        return []
    return [Problem("sample", f"no sample was named: the run is filed as {UNKNOWN!r}, its light counts for that name, and no "
                              "budget holds it. Name it with --sample.", "warning")]


def sample_file(bench: Bench, sample: str) -> tuple[SampleFile, list[Problem]]:
    """Read the file of a run's sample; gives one without limits and the problems when it cannot be read."""
    wanted = sample_name(bench, sample)
    try:
        return read_sample(wanted), []
    except Refused as exc:
        return SampleFile(plain_name(wanted)), list(exc.problems)


@contextmanager
def taken(bench: Bench, sample: SampleFile, *, doing: str, mount: str = "", world: str = "", most_lit_s: float | None = None,
          stop: Stop, rehearsal: bool = False) -> Iterator[tuple[Meter, list[Problem]]]:
    """Have a bench to oneself and count its light; gives the meter, and what is to be known about earlier light.

    Raises Refused, before anything is sent or written, when somebody else has the bench. A rehearsal is not written to the ledger.
    """
    with ExitStack() as stack:
        stack.enter_context(lock.held(bench, doing))
        ledger = stack.enter_context(_rehearsed_ledger(bench, sample, mount) if rehearsal else open_ledger())
        found = [Problem("dose", text, "warning") for text in settle_left_overs(bench, ledger)]
        found += _find_stage(bench)
        yield stack.enter_context(counted(bench, sample, doing=doing, ledger=ledger, mount=mount, world=world,
                                          most_lit_s=most_lit_s, stop=stop)), found


def _rehearsed_ledger(bench: Bench, sample: SampleFile, mount: str) -> Ledger:
    """Make a ledger that is forgotten; of a real bench it begins with what the spot has had, so that budgets are rehearsed too."""
    made = Ledger(None)
    if bench.rehearsal and not any(name in bench.axes for name in STAGES):
        with open_ledger() as real:
            spot = Spot(sample.name, mount or sample.mount, real.number(sample.name, mount or sample.mount))
            made.write(Session("before", bench.name, bench.session, "before"), replace(spot, number=1), real.total(spot),
                       still_lit=False)
    return made


def _find_stage(bench: Bench) -> list[Problem]:
    """Ask the stage where it stands, once, so that the light goes to the right spot."""
    for name in STAGES:
        axis: Any = bench.axes.get(name)
        if axis is not None and axis.position is None:
            try:
                drive(bench.clock, axis.read())
            except InstrumentError as exc:
                text = f"the stage does not say where it stands ({exc}); the light counts for the whole sample."
                return [Problem("dose", text, "warning")]
    return []


@contextmanager
def by_hand(bench: Bench) -> Iterator[None]:
    """Count the light that anybody lets through an open bench outside of runs, from its first opening of the shutter on."""
    if bench.shutter is None:
        yield
        return
    watch = _ByHand(bench)
    for text in watch.left_overs():
        log.warning("%s", text)
    bench.shutter.watch = watch
    try:
        yield
    finally:
        bench.shutter.watch = None
        watch.finish()


class _ByHand:
    """A meter that is made when it is first needed: most sessions open the shutter only in runs."""

    def __init__(self, bench: Bench):
        self.bench = bench
        self._stack = ExitStack()
        self._meter: Meter | None = None

    def left_overs(self) -> list[str]:
        """Judge what killed sessions left, while the shutter still stands as they left it."""
        if self.bench.simulated:
            return []
        with open_ledger() as ledger:
            return settle_left_overs(self.bench, ledger)

    def opening(self) -> None:
        """Begin to count, then as the meter."""
        if self._meter is None:
            sample, _ = sample_file(self.bench, "")
            ledger = self._stack.enter_context(open_ledger())
            assert self.bench.shutter is not None   # noqa: S101  it is what calls
            watch = self.bench.shutter.watch
            self._meter = self._stack.enter_context(counted(self.bench, sample, doing="by hand", ledger=ledger))
            self.bench.shutter.watch = watch
        self._meter.opening()

    def closed(self) -> None:
        """As the meter."""
        if self._meter is not None:
            self._meter.closed()

    def finish(self) -> None:
        """Bring it to its end."""
        self._stack.close()
