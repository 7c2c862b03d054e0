"""Keep: a frame of live light becomes a run, with its dark frames, the state of every instrument, and a note."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from labctl.bench.bench import Bench
from labctl.core import registry
from labctl.core.errors import LabctlError, Refused
from labctl.core.plan import Estimate, Point, Problem, Reading
from labctl.core.reduction import Reduction
from labctl.core.steps import drive
from labctl.engine import describing
from labctl.engine.live import Live
from labctl.engine.planning import Plan
from labctl.engine.runner import Order, Outcome
from labctl.store import names, recover
from labctl.store.journal import Journal
from labctl.store.run import load

PROCEDURE = "snapshot"
DOSE = ("world", "spot", "before", "budget")


def keep(bench: Bench, live: Live, index: int, order: Order) -> Outcome:
    """Write a frame of the ring down as a run; reads every instrument's settings, and lets no light fall.

    The file says that it is a frame of live light, and when it was kept. Raises Refused when the frame is no longer in the ring,
    and StoreError when it cannot be written.
    """
    frame = live.frame(index)
    if frame is None:
        raise Refused([Problem("keep", f"frame {index} is no longer there: the last {len(live.frames)} can be kept.")])
    darks = live.dark_of(frame)
    exposure = frame.point.exposure_s
    procedure = registry.find("procedure", PROCEDURE)(exposure=exposure, frames=1, dark_frames=max(len(darks), 1))
    where = Point({**live.left.standing, **frame.point.set}, frame.point.read, light=frame.point.light, exposure_s=exposure)
    readings = [*(replace(dark, index=place) for place, dark in enumerate(darks)), replace(frame, index=len(darks), point=where)]
    points = tuple(reading.point for reading in readings)
    told = live.header
    sample, user = str(told.get("sample", "")), order.user or str(told.get("user", ""))
    fields = {"sample": sample, "procedure": PROCEDURE, "bench": bench.name, "user": user, "start": bench.clock.utc()}
    place = names.reserve(order.root, bench.config.data.file, fields)
    run_id = uuid.uuid4().hex
    header = describing.header(
        procedure, bench, Plan(points, Estimate(0.0, 0.0, 0, len(points)), ()), name=PROCEDURE, run_id=run_id, number=place.number,
        seed=int(told.get("seed", 0)), sample=sample, user=user, note=order.note,
        dose={name: value for name, value in told.get("dose", {}).items() if name in DOSE})
    journal = Journal.create(place.journal, header, home=place.home)
    try:
        _write(journal, bench, told, readings, index)
    finally:
        journal.close()
    return _close(place, procedure, run_id, order, readings)


def _write(journal: Journal, bench: Bench, told: Mapping[str, Any], readings: Sequence[Reading], index: int) -> None:
    """Write points, the state of the instruments now, and the end."""
    instruments = drive(bench.clock, bench.snapshot())
    journal.describe({"channels": told.get("channels", {}), "default_signal": told.get("default_signal", ""),
                      "instruments_start": instruments, "plots": told.get("plots", [])})
    for reading in readings:
        journal.point(reading.index, point=reading.point.as_json(), started_s=float(reading.values.get("elapsed_s", 0.0)),
                      arrays=reading.arrays, values=reading.values, flags=reading.flags, checkpoint=None)
    journal.event("info", 0.0, f"frame {index} of live light, kept; its times count from the start of the live light")
    lit = {"added": {"lit_s": float(readings[-1].values.get("lit_s", 0.0))}}
    journal.end("done", end={
        "problems": [], "seconds": 0.0, "end_utc": bench.clock.utc().isoformat(), "instruments_end": instruments,
        "dose": {"spots": [], "places": 0, "frame": lit}, "truth": bench.truth()})


def _close(place: names.Place, procedure: Any, run_id: str, order: Order, readings: Sequence[Reading]) -> Outcome:
    """Reduce and render; a frame that cannot be reduced is kept all the same."""
    reduction, problems = Reduction(), []
    spectra = all(array.ndim == 1 for array in readings[-1].arrays.values())
    with load(place.journal) as measured:
        try:
            reduction = procedure.reduce(measured) if spectra else reduction       # an image is looked at, not analysed
            problems += reduction.problems
        except LabctlError as exc:
            problems.append(Problem("analysis", f"no result: {exc}", "warning"))
    path, moved = recover.render_somewhere(place.journal, place.run, results=reduction.results, curves=reduction.curves)
    if place.home is not None:
        place.home.unlink(missing_ok=True)
    place.journal.unlink(missing_ok=True)
    return Outcome("done", path, run_id, len(readings), order.seed or 0, dict(reduction.results), (*problems, *moved),
                   reduction=reduction)
