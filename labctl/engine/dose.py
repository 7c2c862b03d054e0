"""Counting the light: every opening of the pump shutter, whoever asked for it, goes into the dose ledger.

The meter sits on the shutter itself, so that retries, references, an instrument response taken on the sample and live light count
like any exposure. Before light falls, a reserve for the next seconds stands in the ledger; it is raised while the light lasts, and
replaced by what fell when the session ends. A killed process therefore leaves too much in the ledger, never too little.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from labctl.bench.bench import Bench
from labctl.bench.samples import SampleFile
from labctl.core.clock import Handle
from labctl.core.dose import DARK, UNITS, WORDS, Budget, Light, Spot, summary, written
from labctl.core.errors import Aborted, LabctlError
from labctl.core.steps import drive
from labctl.store.ledger import REAL, Ledger, Left, Session

log = logging.getLogger("labctl.engine")

RESERVE_S = 10.0             # of light, written down ahead; a killed process leaves at most this much too much
WATCHDOG_S = 10.0            # after which a laser with a traffic watchdog has cut its emission
MOST_TOLD = 100              # places of one run that its file lists

Stop = Callable[[str], None]


@dataclass
class _Lit:
    """The shutter is open: since when, on which place, at which power."""

    since: float
    spot: Spot
    power_w: float | None


class Meter:
    """Counts what falls on the sample through the pump shutter of one bench; made by `counted`."""

    def __init__(self, bench: Bench, ledger: Ledger, session: Session, spot: Spot, budget: Budget, most_lit_s: float | None,
                 stop: Stop):
        self.bench, self.ledger, self.session, self.budget = bench, ledger, session, budget
        self.most_lit_s, self.stop = most_lit_s, stop
        self._spot = spot
        self._area_cm2 = bench.spot_size()[0]
        self._pulses_per_s = bench.constants().get("repetition_rate_hz", 0.0)
        self._lock = threading.RLock()
        self._used: dict[Spot, Light] = {}
        self._reserved: dict[Spot, Light] = {}
        self._before: dict[Spot, Light] = {}
        self._lit: _Lit | None = None
        self._timer: Handle | None = None
        self._trouble: LabctlError | None = None

    # ---------------------------------------------------------------- what the shutter tells
    def opening(self) -> None:
        """Write the reserve down, before the shutter opens; raises Aborted when a limit is used up, StoreError without a ledger."""
        with self._lock:
            if self._trouble is not None:
                raise self._trouble
            spot, (power, _) = self.spot(), self.bench.power_now()
            if reason := self._over(spot):
                raise Aborted(reason)
            if self._lit is None:
                self._change_place(spot)
                self._lit = _Lit(self.bench.clock.now(), spot, power)
            self._reserve(self._lit)

    def closed(self) -> None:
        """Count what has fallen; light during which the stage was moved counts for both places."""
        with self._lock:
            lit, self._lit = self._lit, None
            if self._timer is not None:
                self._timer.cancel()
            if lit is None:
                return
            fallen = self._light(lit.power_w, self.bench.clock.now() - lit.since)
            for spot in {lit.spot, self.spot()}:
                self._used[spot] = self._used.get(spot, DARK) + fallen
                self._reserved.setdefault(spot, DARK)       # a place without a reserve is written down with the others

    # ---------------------------------------------------------------- what others ask
    def spot(self) -> Spot:
        """Give the place that is under the beam now."""
        x, y = (getattr(self.bench.axes.get(name), "position", None) for name in ("sample.x", "sample.y"))
        return self._spot if x is None or y is None else replace(self._spot, x_mm=round(x, 4), y_mm=round(y, 4))

    def before(self, spot: Spot) -> Light:
        """Give what had fallen on a place before this session."""
        if spot not in self._before:
            self._before[spot] = self.ledger.total(spot, self.session.world, without=self.session.id)
        return self._before[spot]

    def added(self) -> Light:
        """Give what this session has let fall, over all places."""
        with self._lock:
            return sum(self._used.values(), DARK)

    def total(self, spot: Spot) -> Light:
        """Give all light that may have fallen on a place, this session's included."""
        with self._lock:
            return sum((light for place, light in self._used.items() if place.overlaps(spot)), self.before(spot))

    def as_json(self) -> dict[str, Any]:
        """Give what stands in the run file at its beginning: the spot, what had fallen on it, and the budget."""
        spot = self.spot()
        return {"world": self.session.world, "spot": spot.as_json(), "before": self.before(spot).as_json(),
                "budget": self.budget.as_json()}

    def report(self) -> dict[str, Any]:
        """Give what stands in the run file at its end: the most exposed places with their light before, added and after."""
        worst = sorted(self._used, key=lambda spot: self._used[spot].lit_s, reverse=True)[:MOST_TOLD]
        return {
            "added": self.added().as_json(), "places": len(self._used),
            "spots": [{**spot.as_json(), "before": self.before(spot).as_json(), "added": self._used[spot].as_json(),
                       "after": self.total(spot).as_json()} for spot in worst],
        }

    def finish(self) -> None:
        """Replace every reserve by what fell; one that is still lit keeps its reserve."""
        with self._lock:
            for spot in list(self._reserved):
                if self._lit is None or self._lit.spot != spot:
                    self._settle(spot)

    # ---------------------------------------------------------------- reserves
    def _light(self, power_w: float | None, seconds: float) -> Light:
        return Light.of(power_w, seconds, self._pulses_per_s, self._area_cm2)

    def _reserve(self, lit: _Lit) -> None:
        """See to it that the ledger covers the light so far and the next seconds; look again before they are over."""
        so_far = self._used.get(lit.spot, DARK) + self._light(lit.power_w, self.bench.clock.now() - lit.since)
        if not self._reserved.get(lit.spot, DARK).covers(so_far + self._light(lit.power_w, RESERVE_S / 2)):
            reserve = so_far + self._light(lit.power_w, RESERVE_S)
            self.ledger.write(self.session, lit.spot, reserve, still_lit=True)
            self._reserved[lit.spot] = reserve
        self._timer = self.bench.clock.call_at(self.bench.clock.now() + RESERVE_S / 2, self._still_lit)

    def _still_lit(self) -> None:
        """Raise the reserve while the light lasts. Trouble cannot close the shutter from here: it asks for the end of the run."""
        with self._lock:
            if self._lit is None:
                return
            try:
                self._reserve(self._lit)
                reason = self._over(self._lit.spot, self._light(self._lit.power_w, self.bench.clock.now() - self._lit.since))
            except LabctlError as exc:
                log.exception("the dose ledger could not be written")
                self._trouble, reason = exc, str(exc)
            if reason:
                self.stop(reason)

    def _change_place(self, spot: Spot) -> None:
        for earlier in [place for place in self._reserved if place != spot]:
            self._settle(earlier)

    def _settle(self, spot: Spot) -> None:
        self.ledger.write(self.session, spot, self._used.get(spot, DARK), still_lit=False)
        del self._reserved[spot]

    # ---------------------------------------------------------------- limits
    def _over(self, spot: Spot, now_falling: Light = DARK) -> str:
        """Say which limit is used up; empty when none is."""
        lit_s = self.added().lit_s + now_falling.lit_s
        if self.most_lit_s is not None and lit_s >= self.most_lit_s:
            return f"the sample has been lit for {lit_s:.0f} s, the most that this run may take unattended."
        if not self.budget:
            return ""
        total = self.total(spot) + now_falling
        return "; ".join(f"{spot} has had {written(name, getattr(total, name))} of {written(name, getattr(self.budget, name))} "
                         f"{WORDS[name]} allowed" for name in UNITS if _reached(self.budget, total, name))


def _reached(budget: Budget, total: Light, name: str) -> bool:
    """Tell whether a limit leaves nothing more to give; a peak may be reached again, not passed."""
    limit, has = getattr(budget, name), getattr(total, name)
    return limit is not None and (has > limit * (1 + 1e-9) if name == "peak_j_cm2" else has >= limit)


@contextmanager
def counted(bench: Bench, sample: SampleFile, *, doing: str, ledger: Ledger, mount: str = "", world: str = "",
            most_lit_s: float | None = None, stop: Stop = lambda reason: None) -> Iterator[Meter]:
    """Count all light that the pump shutter lets through meanwhile, for the spot that is under the beam.

    `stop` is told, once light has to end in mid-exposure, why. On a simulated bench every opening of the bench is a world of its
    own; `world` continues an earlier one. Live light of a window or a script is counted by entering this around it.
    """
    mount = mount or sample.mount
    world = (world or bench.session) if bench.simulated else REAL
    spot = Spot(sample.name, mount, ledger.number(sample.name, mount), radius_um=bench.spot_size()[1])
    session = Session(uuid.uuid4().hex, bench.name, world, doing)
    meter = Meter(bench, ledger, session, spot, sample.budget, most_lit_s, stop)
    if bench.shutter is None:
        yield meter
        return
    earlier, bench.shutter.watch = bench.shutter.watch, meter
    try:
        yield meter
    finally:
        bench.shutter.watch = earlier
        meter.finish()


def settle_left_overs(bench: Bench, ledger: Ledger) -> list[str]:
    """Judge what killed sessions left on a real bench, before anything moves; gives what was found, in words.

    A shutter that is found closed ended the light within the reserve. One found open let light through since then: all the time, or
    until the laser's traffic watchdog had cut its emission.
    """
    left = ledger.left_open(bench.name) if not bench.simulated else []
    if not left or bench.shutter is None:
        return []
    is_open = not drive(bench.clock, bench.shutter.device.call("is_closed"))
    has_watchdog = any(hasattr(device.driver, "arm_watchdog") for device in bench.devices.values())
    found = []
    for each in left:
        seconds = (datetime.now(UTC) - datetime.fromisoformat(each.written)).total_seconds() if is_open else 0.0
        light = each.light + _longer(each, min(seconds, WATCHDOG_S) if has_watchdog else seconds)
        ledger.settle(each, light)
        how = f"found open: {seconds:.0f} s more are counted" if is_open else "found closed: its reserve is counted"
        found.append(f"{each.spot}: a run was killed while it may have been lit. The shutter was {how}; {summary(light)}.")
    return found


def _longer(left: Left, seconds: float) -> Light:
    """Give the light of so many seconds more, at the highest fluence there was."""
    if seconds <= 0.0 or left.light.lit_s <= 0.0:
        return DARK
    rate = left.light.pulses / left.light.lit_s
    unknown = seconds if left.light.unknown_s else 0.0
    return Light(left.light.peak_j_cm2 * rate * seconds, rate * seconds, seconds, left.light.peak_j_cm2, unknown)
