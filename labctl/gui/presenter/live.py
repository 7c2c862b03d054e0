"""Live light from the window: start, stop, change, keep a frame, compare with an earlier run. Nothing here waits for the bench."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from qtpy import QtCore

from labctl import api
from labctl.analysis.read_off import brightest
from labctl.core.dose import written
from labctl.core.errors import LabctlError, Refused
from labctl.core.plan import Reading
from labctl.core.plots import from_json
from labctl.core.quantities import quantity_unit, to_float
from labctl.engine.events import Event, Listeners, LogLine, PointDone, Prepared
from labctl.engine.live import EXPOSURES_S, FLOOR_PERCENT, KEEPABLE, check, detectors, pump
from labctl.gui.model.intake import Intake
from labctl.gui.model.measured import LiveRun, abscissa, channel_name
from labctl.gui.model.session import Session
from labctl.gui.model.worker import JobEnded

LIVE, ALIGN, KEEP = "live", "align", "keep"        # the jobs, by what they are called in the header
TRACE_S = 60.0              # of brightness that is remembered, on this computer's clock
CLEAR = 8.0                 # read noises from which brightness is not chance
MOST_NEW = 60               # frames between two looks of the window; of more the newest are shown


@dataclass(frozen=True)
class Brightness:
    """The brightest pixel above the floor of a frame: when (this computer's clock), counts, counts per second."""

    at: float
    counts: float
    per_s: float
    share: float                # of full well; NaN where nobody knows it
    clear: bool = True          # it stands out of the read noise


@dataclass(frozen=True)
class Reference:
    """The newest spectrum of an earlier run."""

    place: np.ndarray
    counts: np.ndarray
    name: str


def brightness(reading: Reading) -> Brightness | None:
    """Read off how bright a frame is; None for one without an array."""
    array = next((array for array in reading.arrays.values() if array.size), None)
    if array is None:
        return None
    highest, floor = brightest(array), float(np.percentile(array, FLOOR_PERCENT))
    exposure, limit = reading.values.get("exposure_s", reading.point.exposure_s), reading.values.get("saturation_counts", np.nan)
    noise = reading.values.get("read_noise_e", 0.0) / reading.values.get("gain_e_per_count", 1.0)
    return Brightness(time.monotonic(), highest - floor, (highest - floor) / exposure if exposure else np.nan, highest / limit,
                      highest - floor > CLEAR * noise)


class LivePresenter(QtCore.QObject):
    """Runs live light on the session's bench."""

    began = QtCore.Signal(object)           # the declarations to draw
    shown = QtCore.Signal(object)           # Measured: the ring of frames
    changed = QtCore.Signal()
    referred = QtCore.Signal(object)        # Reference, or None
    kept = QtCore.Signal(object)            # path of the run that a frame has become

    def __init__(self, session: Session):
        super().__init__()
        self.session = session
        self.live: api.Live | None = None
        self.measured: LiveRun | None = None
        self.trace: deque[Brightness] = deque()
        self.hold: Brightness | None = None
        self.wish = api.Wish()
        self.pump: dict[str, float] = {}        # set-points that somebody has chosen, else those the bench proposes
        self._news: Intake[Event | Path] = Intake(MOST_NEW)
        self._wanted: deque[tuple[int, str]] = deque()
        self._then: Any = None
        session.frames.connect(self.tick)
        session.job_ended.connect(self._ended)

    # ---------------------------------------------------------------- what a person wants
    @property
    def running(self) -> bool:
        """Whether live light is on."""
        return self.session.doing in (LIVE, ALIGN)

    @property
    def aligning(self) -> bool:
        """Whether it is that for aligning."""
        return self.session.doing == ALIGN

    def toggle(self) -> None:
        """Start, or stop."""
        if self.running:
            self.stop()
        else:
            self.start()

    def start(self, *, align: bool = False) -> bool:
        """Begin to look; False, with the reason in the log, when that cannot be."""
        bench = self.session.bench
        if bench is None or self.session.busy:
            self.session.say("live light needs an idle bench: " + (self.session.doing or "it is not open"), "warning")
            return False
        try:
            self.pump = {**pump(bench), **self.pump}
            wish = api.alignment(bench, self.session.sample, self.pump) if align else replace(
                self.wish, read=detectors(bench), set=self.pump, darks=True, armed_s=None)
            if wrong := [problem for problem in check(bench, wish) if problem.level == "error"]:
                raise Refused(wrong)
        except LabctlError as exc:
            self.session.say(f"{ALIGN if align else LIVE}: {exc}", "error")
            return False
        name = ALIGN if align else LIVE
        self.wish, self.live = wish, api.Live(wish, name, self._serve)
        self.trace.clear()
        self.hold = None
        live, order = self.live, self._order("")
        listeners = Listeners(self._news.put)
        self.session.do(name, lambda bench, control: api.look(bench, live, order, listeners=listeners, control=control))
        self.session.say(f"{name}: nothing is saved, all light counts")
        self.changed.emit()
        return True

    def stop(self) -> None:
        """End after the frame under way; the bench is parked."""
        if self.live is not None:
            self.live.stop()

    def yield_to(self, then: Any) -> None:
        """Make room for a run: stop, and call `then` when the bench is free."""
        if self.running:
            self._then = then
            self.stop()

    def change(self, **what: Any) -> bool:
        """Change exposure, light or auto exposure; False, with the reason in the log, when the bench cannot do it."""
        wish, bench = replace(self.wish, **what), self.session.bench
        if bench is not None and self.running and (wrong := [p for p in check(bench, wish) if p.level == "error"]):
            self.session.say(f"live: {wrong[0]}", "warning")
            return False
        self.wish = wish
        if self.live is not None:
            self.live.want(wish)
        self.changed.emit()
        return True

    def set_pump(self, name: str, text: str) -> bool:
        """Set wavelength or power of the pump from what was typed, any unit; False, with the reason in the log, if it cannot be."""
        if self.aligning:
            self.session.say("the pump stays at the alignment limit while aligning", "warning")
            return False
        try:
            value = to_float(text.replace(",", "."), quantity_unit(name))
        except ValueError as exc:
            self.session.say(f"{name}: {exc}", "warning")
            return False
        wanted = {**self.pump, name: value}
        if not self.change(set=wanted):
            return False
        self.pump = wanted
        return True

    def step_exposure(self, by: int) -> None:
        """Take the next longer (+1) or shorter (-1) exposure of the series 1, 2, 5."""
        place = int(np.argmin([abs(np.log(each / self.exposure_s)) for each in EXPOSURES_S])) + by
        self.change(exposure_s=EXPOSURES_S[min(max(place, 0), len(EXPOSURES_S) - 1)])

    def take_dark(self) -> None:
        """Take the dark frames of this exposure anew."""
        if self.live is not None:
            self.live.take_dark()

    def keep(self, row: int | None, note: str = "") -> None:
        """Make a run of a row of the ring, the newest if None."""
        live, measured = self.live, self.measured
        if live is None or measured is None or not len(measured):
            self.session.say("there is no live frame to keep", "warning")
            return
        index = measured.number(len(measured) - 1 if row is None else row)
        if self.running:
            self._wanted.append((index, note))
            return
        order = self._order(note)
        self.session.do(KEEP, lambda bench, control: self._kept(api.keep_frame(bench, live, index, order)))

    def refer_to(self, path: Path | None) -> None:
        """Show the newest spectrum of an earlier run behind the live one; None takes it away."""
        if path is None:
            self.referred.emit(None)
            return
        try:
            with api.load(path) as run:
                found, counts = abscissa(run, channel_name(run.header)), run.counts()
                if found is None or not len(counts) or counts.ndim != 2:
                    raise LabctlError("it holds no spectra")
                self.referred.emit(Reference(found[2], counts[-1].astype(float), f"run {run.header.get('run_number', '')}"))
        except (LabctlError, OSError, KeyError) as exc:
            self.session.say(f"{path.name} cannot serve as reference: {exc}", "warning")

    # ---------------------------------------------------------------- in the bench's thread
    def _serve(self, live: api.Live) -> None:
        """Keep, between two frames, what somebody wants kept; trouble with it does not end the light."""
        while self._wanted:
            index, note = self._wanted.popleft()
            bench = self.session.bench
            if bench is None:
                return
            try:
                self._kept(api.keep_frame(bench, live, index, self._order(note)))
            except (LabctlError, OSError) as exc:
                self._news.put(LogLine(0.0, "error", f"frame {index} was not kept: {exc}"))

    def _kept(self, outcome: api.Outcome) -> None:
        for problem in outcome.problems:
            self._news.put(LogLine(0.0, problem.level, f"kept frame: {problem}"))
        if outcome.run is not None:
            self._news.put(outcome.run)

    def _order(self, note: str) -> api.Order:
        return api.Order(LIVE, self.session.root, sample=self.session.sample, note=note or self.session.note)

    # ---------------------------------------------------------------- 30 times a second
    def tick(self) -> None:
        """Take in the frames that have come."""
        news = self._news.drain()
        for thing in news:
            self._take(thing)
        if news:
            self.changed.emit()

    def _take(self, thing: Event | Path) -> None:
        if isinstance(thing, Prepared):
            self.measured = LiveRun(thing.header, most_rows=KEEPABLE)
            self.began.emit(tuple(from_json(told) for told in thing.header.get("plots", ())))
            self.shown.emit(self.measured)
        elif isinstance(thing, PointDone) and self.measured is not None:
            self.measured.add(thing.reading)
            self._remember(thing.reading)
        elif isinstance(thing, LogLine):
            self.session.say(thing.text, thing.level)
        elif isinstance(thing, Path):
            self.session.say(f"kept: {thing}")
            self.kept.emit(thing)

    def _remember(self, reading: Reading) -> None:
        found = brightness(reading) if reading.point.kind == "scan" else None
        if found is None:
            return
        self.trace.append(found)
        while self.trace and found.at - self.trace[0].at > TRACE_S:
            self.trace.popleft()
        if found.clear and (self.hold is None or found.per_s > self.hold.per_s):
            self.hold = found

    def _ended(self, ended: JobEnded) -> None:
        if ended.name not in (LIVE, ALIGN):
            return
        for problem in getattr(ended.value, "problems", ()):
            self.session.say(str(problem), problem.level)
        self.session.say(f"{ended.name} has ended; the last {len(self.measured) if self.measured else 0} frames can still be kept")
        then, self._then = self._then, None
        self.changed.emit()
        if then is not None:
            then()

    # ---------------------------------------------------------------- what the view shows
    @property
    def exposure_s(self) -> float:
        """The exposure of the next frame."""
        return self.live.exposure_s if self.live is not None and self.running else self.wish.exposure_s

    @property
    def words(self) -> str:
        """Say in one line what goes on."""
        measured = self.measured
        if not self.running:
            return f"off · {len(measured)} frames can be kept" if measured is not None and len(measured) else "off"
        frames = measured.changes if measured is not None else 0
        parts = [f"{self.session.doing} · not saved", f"frame {frames}", f"{self.exposure_s:g} s"]
        lit = measured.column("lit_s") if measured is not None else None
        if lit is not None and len(lit):
            parts.append(f"lit {written('lit_s', float(lit[-1]))} each")
        left = self.live.left_s if self.live is not None else None
        if left is not None:
            parts.append(f"armed {int(left) // 60}:{int(left) % 60:02d}")
        return " · ".join(parts)
